//! Acts on one member: suspend, restore, log out everywhere, change the role.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::permission::{leaves_no_owner, overreach, untimely};
use super::{Actor, Reason, Refusal};
use crate::flow::letters::Letter;
use crate::flow::{Audited, Gate, Origin};
use crate::i18n::Lang;
use crate::member::{EndedBy, MemberId, Role, Standing};
use crate::store::audit::Outcome;
use crate::store::members::acts::{self, Held};
use crate::store::{self, AnyConnection, api_keys, passwords, sessions};

/// How long it is worth telling somebody that they were suspended.
const NEWS: Duration = Duration::days(3);

/// What is done to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Bars them, ends every session of theirs at once, and Kakao's tokens with them.
    Suspend {
        /// When it ends by itself; `None`: when somebody lifts it.
        until: Option<OffsetDateTime>,
        /// Whether they are written to about it, with the reason, where they can be.
        tell: bool,
    },
    /// Lifts the bar.
    Restore,
    /// Ends every session of theirs at once, and Kakao's tokens with them.
    Kick,
    /// Gives them this role from the next request on.
    Role(Role),
}

/// Whom it is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// The member.
    pub id: MemberId,
    /// The version that the page showed; `None` for the command line, which acts on what is.
    pub version: Option<i64>,
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The member's number.
    pub number: i64,
    /// How many sessions ended.
    pub sessions: u64,
}

impl Act {
    /// As it stands in the audit log.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Suspend { .. } => "member.suspend",
            Self::Restore => "member.restore",
            Self::Kick => "member.kick",
            Self::Role(_) => "member.role",
        }
    }
}

impl Gate {
    /// Does it, all in one transaction: who acts is read again there, so that an admin demoted
    /// with the page open is refused; the audit entry is written last, so that nothing is done
    /// that it does not tell.
    ///
    /// # Errors
    /// The store's; nothing was done then, unless the answer to the commit was lost.
    pub async fn act(
        &self,
        actor: &Actor,
        target: Target,
        act: Act,
        reason: &Reason,
        origin: &Origin,
    ) -> Result<Result<Done, Refusal>, store::Error> {
        let now = self.clock.now();
        let (gate, actor, reason, from) =
            (self.clone(), actor.clone(), reason.clone(), origin.clone());
        let log = (actor.clone(), from.clone());
        let outcome = self
            .store
            .write(move |connection| {
                let work = Work {
                    gate: &gate,
                    actor: &actor,
                    target,
                    act,
                    reason: &reason,
                    origin: &from,
                    now,
                };
                work.run(connection)
            })
            .await?;
        if matches!(outcome, Ok(ref done) if done.sessions > 0) || matches!(act, Act::Kick) {
            self.owed.notify_one();
        }
        self.letters.notify_one();
        log_act(&log.0, target.id, act, outcome.as_ref().err(), &log.1);
        Ok(outcome)
    }
}

struct Work<'a> {
    gate: &'a Gate,
    actor: &'a Actor,
    target: Target,
    act: Act,
    reason: &'a Reason,
    origin: &'a Origin,
    now: OffsetDateTime,
}

impl Work<'_> {
    fn run(&self, connection: &mut AnyConnection) -> Result<Result<Done, Refusal>, store::Error> {
        let involved: Vec<MemberId> = self
            .actor
            .id()
            .into_iter()
            .chain([self.target.id])
            .collect();
        let held = acts::hold(connection, &involved)?;
        let Some(target) = held.iter().find(|one| one.id == self.target.id) else {
            return Ok(Err(Refusal::Gone));
        };
        let now = self.now;
        let role = match self.actor {
            Actor::Key { id, .. } if !self.counts(connection, *id)? => None,
            actor => actor.role_in(&held, now),
        };
        let refusal = overreach(self.actor, role, self.act.least_role(), target)
            .or_else(|| untimely(&self.act, target, self.target.version, now))
            .or_else(|| {
                let last = leaves_no_owner(&self.act, target, &held, now);
                last.then_some(Refusal::LastOwner)
            });
        if let Some(refusal) = refusal {
            if refusal.is_overreach() {
                self.audit(connection, Some(refusal), String::new())?;
            }
            return Ok(Err(refusal));
        }
        let (sessions, detail) = self.change(connection, target)?;
        self.audit(connection, None, detail)?;
        Ok(Ok(Done {
            number: target.number,
            sessions,
        }))
    }

    /// Whether a key still does: read again for the reason for which roles are.
    fn counts(&self, connection: &mut AnyConnection, key: Uuid) -> Result<bool, store::Error> {
        let key = api_keys::by_id(connection, key)?;
        Ok(key.is_some_and(|key| key.is_live(self.now)))
    }

    /// How many sessions ended, and what exactly was done.
    fn change(
        &self,
        connection: &mut AnyConnection,
        target: &Held,
    ) -> Result<(u64, String), store::Error> {
        let before = target.standing.kind().code();
        Ok(match self.act {
            Act::Suspend { until, tell } => {
                let standing = Standing::Suspended { until };
                let reason = Some(self.reason.as_str());
                acts::set_standing(connection, target.id, &standing, reason)?;
                let ended = self.end_sessions(connection, EndedBy::Suspension)?;
                let end = until;
                let until = end.map(|end| format!(" until {}", crate::i18n::machine_time(end)));
                let until = until.unwrap_or_default();
                let told = if tell && self.tell_of_suspension(connection, end)? {
                    ", told by mail"
                } else {
                    ""
                };
                let ended_devices = devices(ended);
                let detail = format!("{before} → suspended{until}, {ended_devices}{told}");
                (ended, detail)
            }
            Act::Restore => {
                let standing = target.unsuspended();
                acts::set_standing(connection, target.id, &standing, None)?;
                (0, format!("{before} → {}", standing.kind().code()))
            }
            Act::Kick => {
                acts::touch(connection, target.id)?;
                let ended = self.end_sessions(connection, EndedBy::Admin)?;
                (ended, devices(ended))
            }
            Act::Role(role) => {
                acts::set_role(connection, target.id, role)?;
                if role.is_staff() {
                    let idle = self.gate.rules.idle_of(role);
                    sessions::shorten(connection, target.id, idle, self.now)?;
                }
                (0, format!("{} → {}", target.role.code(), role.code()))
            }
        })
    }

    /// Owes them a letter with the reason, in their language; whether there is an address to send
    /// it to, and somebody to carry it.
    fn tell_of_suspension(
        &self,
        connection: &mut AnyConnection,
        until: Option<OffsetDateTime>,
    ) -> Result<bool, store::Error> {
        let holder = passwords::holder_by_id(connection, self.target.id)?;
        let Some(holder) = holder.filter(|_| self.gate.takes_email()) else {
            return Ok(false);
        };
        let Some(email) = &holder.email else {
            return Ok(false);
        };
        let lang = holder.locale.as_deref().and_then(Lang::parse);
        let letter = Letter::Suspended {
            reason: self.reason.as_str(),
            until,
        };
        let letter = letter.to(email, lang.unwrap_or_default().texts(), &self.gate.rules);
        let member = Some(self.target.id);
        self.gate
            .owe_letter(connection, member, &letter, NEWS, self.now)?;
        Ok(true)
    }

    fn end_sessions(
        &self,
        connection: &mut AnyConnection,
        by: EndedBy,
    ) -> Result<u64, store::Error> {
        let (id, now) = (self.target.id, self.now);
        let ended = sessions::end_all(connection, id, None, by, now)?;
        self.gate.owe_everything(connection, id, &ended, now)?;
        Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
    }

    fn audit(
        &self,
        connection: &mut AnyConnection,
        refusal: Option<Refusal>,
        detail: String,
    ) -> Result<(), store::Error> {
        let detail = self.actor.signed(detail);
        let audited = Audited {
            actor: self.actor.id(),
            subject: Some(self.target.id),
            action: self.act.code(),
            result: Outcome::Success,
            reason: Some(self.reason.as_str().to_owned()),
            detail: (!detail.is_empty()).then_some(detail),
            origin: self.origin,
        };
        let audited = match refusal {
            Some(refusal) => audited.refused(refusal.code()),
            None => audited,
        };
        self.gate.audit(connection, &[audited], self.now)
    }
}

fn devices(count: u64) -> String {
    format!("sessions ended: {count}")
}

/// One structured line an act. The reason stays in the audit log: it may name people.
fn log_act(actor: &Actor, member: MemberId, act: Act, refusal: Option<&Refusal>, origin: &Origin) {
    let who = match actor {
        Actor::Staff(id) => id.to_string(),
        Actor::CommandLine(_) => "cli".to_owned(),
        Actor::Key { id, .. } => format!("key {id}"),
    };
    tracing::info!(
        action = act.code(),
        result = refusal.map_or("success", |refusal| refusal.code()),
        actor = who,
        member.id = %member,
        client.address = %origin.ip,
        request.id = %origin.request_id,
        "admin act"
    );
}
