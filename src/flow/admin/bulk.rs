//! One act on several members.

use std::collections::BTreeMap;

use super::{Act, Actor, Reason, Refusal, Target};
use crate::flow::{Gate, Origin};
use crate::member::MemberId;
use crate::store;
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
        let cards = self
            .store
            .read(move |connection| directory::find_all(connection, &ids))
            .await?;
        let detail = actor.signed(format!("{what}, selected: {}", cards.len()));
        self.audit_look(actor.id(), "member.list", detail, origin)
            .await?;
        Ok(cards)
    }

    /// The numbers of members, to name them by; nobody's when the database does not answer, since
    /// what was done is done.
    pub async fn numbers_of(&self, ids: Vec<MemberId>) -> BTreeMap<MemberId, i64> {
        let found = self
            .store
            .read(move |connection| directory::find_all(connection, &ids))
            .await;
        let cards = found.unwrap_or_default();
        cards
            .into_iter()
            .map(|card| (card.id, card.number))
            .collect()
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
