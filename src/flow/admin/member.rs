//! Looking at one member. Every look is an entry in the audit log, written before anything is
//! shown.

use std::collections::BTreeSet;

use super::Actor;
use super::permission::{REVEALS, overreach};
use super::{Reason, Refusal};
use crate::flow::{Audited, Gate, Origin};
use crate::member::{KakaoAccount, MemberId, Session, StandingKind};
use crate::store::audit::{self, Outcome, Told};
use crate::store::directory::{self, Card};
use crate::store::members::acts;
use crate::store::{self, AnyConnection, sessions};

/// The most sessions shown.
const MOST_SESSIONS: i64 = 50;

/// How much of a history is shown at once.
const HISTORY_PAGE: i64 = 20;

/// What is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Who it is.
    Details,
    /// The live sessions.
    Sessions,
    /// What happened, before this place in the audit log.
    History(Option<i64>),
    /// The page before this act, by its code.
    Before(&'static str),
}

/// A member as somebody of the administration finds them: unmasked, and to be masked before it is
/// shown.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Who it is.
    pub card: Card,
    /// The Kakao account.
    pub kakao: Option<KakaoAccount>,
    /// Why they are suspended, in the words of whoever did it.
    pub suspended_because: Option<String>,
    /// What else was looked at.
    pub part: Part,
}

/// What was looked at beside the details.
#[derive(Clone, Debug)]
pub enum Part {
    /// Nothing.
    Details,
    /// The live sessions, the most recently used first.
    Sessions(Vec<Session>),
    /// What happened, the newest first, and whether there is more before it.
    History(Vec<HistoryLine>, bool),
}

/// An entry of the history, and who did it, if it was a member.
#[derive(Clone, Debug)]
pub struct HistoryLine {
    /// The entry.
    pub told: Told,
    /// Who did it.
    pub actor: Option<Card>,
}

impl Look {
    fn code(self) -> &'static str {
        match self {
            Self::Details => "details",
            Self::Sessions => "sessions",
            Self::History(_) => "history",
            Self::Before(act) => act,
        }
    }
}

impl Gate {
    /// A member, with a note in the audit log that they were looked at; `None` when there is no
    /// such member.
    ///
    /// # Errors
    /// The store's, of the note too: what is not noted is not shown.
    pub async fn look_at(
        &self,
        actor: &Actor,
        id: MemberId,
        look: Look,
        origin: &Origin,
    ) -> Result<Option<Seen>, store::Error> {
        let gate = self.clone();
        let seen = self
            .store
            .read(move |connection| gate.seen(connection, id, look))
            .await?;
        let Some(seen) = seen else { return Ok(None) };
        let (gate, actor, from) = (self.clone(), actor.clone(), origin.clone());
        let now = self.clock.now();
        self.store
            .write(move |connection| {
                let audited = Audited {
                    actor: actor.id(),
                    subject: Some(id),
                    action: "member.view",
                    result: Outcome::Success,
                    reason: None,
                    detail: Some(actor.signed(look.code().to_owned())),
                    origin: &from,
                };
                gate.audit(connection, &[audited], now)
            })
            .await?;
        Ok(Some(seen))
    }

    /// A member's personal data, to be shown in full this once. The entry in the audit log is in
    /// the same transaction, and whoever asks is read again there.
    ///
    /// # Errors
    /// The store's; nothing is to be shown then.
    pub async fn reveal(
        &self,
        actor: &Actor,
        id: MemberId,
        reason: &Reason,
        origin: &Origin,
    ) -> Result<Result<Seen, Refusal>, store::Error> {
        let now = self.clock.now();
        let (gate, actor, reason, from) =
            (self.clone(), actor.clone(), reason.clone(), origin.clone());
        self.store
            .write(move |connection| {
                let involved: Vec<MemberId> = actor.id().into_iter().chain([id]).collect();
                let held = acts::hold(connection, &involved)?;
                let Some(target) = held.iter().find(|one| one.id == id) else {
                    return Ok(Err(Refusal::Gone));
                };
                if target.standing.kind() == StandingKind::Withdrawn {
                    return Ok(Err(Refusal::Gone));
                }
                let refusal = overreach(&actor, actor.role_in(&held, now), REVEALS, target);
                let detail = Some(actor.signed(String::new())).filter(|text| !text.is_empty());
                let audited = Audited {
                    actor: actor.id(),
                    subject: Some(id),
                    action: "member.reveal",
                    result: Outcome::Success,
                    reason: Some(reason.as_str().to_owned()),
                    detail,
                    origin: &from,
                };
                if let Some(refusal) = refusal {
                    let audited = audited.refused(refusal.code());
                    gate.audit(connection, &[audited], now)?;
                    return Ok(Err(refusal));
                }
                let Some(seen) = gate.seen(connection, id, Look::Details)? else {
                    return Ok(Err(Refusal::Gone));
                };
                gate.audit(connection, &[audited], now)?;
                Ok(Ok(seen))
            })
            .await
    }

    fn seen(
        &self,
        connection: &mut AnyConnection,
        id: MemberId,
        look: Look,
    ) -> Result<Option<Seen>, store::Error> {
        let Some(card) = directory::find(connection, id)? else {
            return Ok(None);
        };
        let suspended = card.standing.kind() == StandingKind::Suspended;
        let suspended_because = match suspended {
            true => acts::standing_reason(connection, id)?,
            false => None,
        };
        let part = match look {
            Look::Details | Look::Before(_) => Part::Details,
            Look::Sessions => {
                let now = self.clock.now();
                Part::Sessions(sessions::list(connection, id, now, MOST_SESSIONS)?)
            }
            Look::History(before) => history(connection, id, before)?,
        };
        Ok(Some(Seen {
            card,
            kakao: acts::kakao_account(connection, self.rules.app_id, id)?,
            suspended_because,
            part,
        }))
    }
}

fn history(
    connection: &mut AnyConnection,
    id: MemberId,
    before: Option<i64>,
) -> Result<Part, store::Error> {
    // One more than is shown says whether there is more.
    let mut entries = audit::about(connection, id, before, HISTORY_PAGE + 1)?;
    let page = usize::try_from(HISTORY_PAGE).unwrap_or(usize::MAX);
    let more = entries.len() > page;
    entries.truncate(page);
    let actors: BTreeSet<_> = entries.iter().filter_map(|told| told.actor).collect();
    let actors: Vec<MemberId> = actors.into_iter().collect();
    let actors = directory::find_all(connection, &actors)?;
    let line = |told: Told| HistoryLine {
        actor: actors
            .iter()
            .find(|card| Some(card.id) == told.actor)
            .cloned(),
        told,
    };
    Ok(Part::History(entries.into_iter().map(line).collect(), more))
}
