//! One act on several members.

use super::{Act, Actor, Reason, Refusal, Target};
use crate::flow::{Audited, Gate, Origin};
use crate::member::MemberId;
use crate::store;
use crate::store::audit::Outcome;
use crate::store::directory::{self, Card};

/// What became of one of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was done.
    Done,
    /// It was not.
    Refused(Refusal),
    /// The database gave up before it came to this one; nothing was done to it, as far as is
    /// known.
    NotReached,
}

impl Gate {
    /// The members of a selection, with a note in the audit log that they were looked at.
    ///
    /// # Errors
    /// The store's, of the note too: what is not noted is not shown.
    pub async fn selection(
        &self,
        actor: &Actor,
        ids: Vec<MemberId>,
        what: &str,
        origin: &Origin,
    ) -> Result<Vec<Card>, store::Error> {
        let now = self.clock.now();
        let cards = self
            .store
            .read(move |connection| directory::find_all(connection, &ids))
            .await?;
        let (gate, actor, from) = (self.clone(), actor.clone(), origin.clone());
        let detail = format!("{what}, selected: {}", cards.len());
        self.store
            .write(move |connection| {
                let audited = Audited {
                    actor: actor.id(),
                    subject: None,
                    action: "member.list",
                    result: Outcome::Success,
                    reason: None,
                    detail: Some(actor.signed(detail)),
                    origin: &from,
                };
                gate.audit(connection, &[audited], now)
            })
            .await?;
        Ok(cards)
    }

    /// Does it to each, in a transaction of its own, so that one that is refused stops nobody
    /// else. Ends at the first failure of the store: the others would only wait for the same.
    pub async fn act_on_each(
        &self,
        actor: &Actor,
        targets: &[Target],
        act: Act,
        reason: &Reason,
        origin: &Origin,
    ) -> Vec<(MemberId, Fate)> {
        let mut fates = Vec::with_capacity(targets.len());
        let mut broken = false;
        for target in targets {
            if broken {
                fates.push((target.id, Fate::NotReached));
                continue;
            }
            let fate = match self.act(actor, *target, act, reason, origin).await {
                Ok(Ok(_)) => Fate::Done,
                Ok(Err(refusal)) => Fate::Refused(refusal),
                Err(error) => {
                    tracing::warn!(%error, "an act on several members ended early");
                    broken = true;
                    Fate::NotReached
                }
            };
            fates.push((target.id, fate));
        }
        fates
    }
}
