//! Applying what Kakao told us.
//!
//! Before anything is taken apart for an unlink, Kakao is asked whether the person is connected
//! now: a webhook may come late, twice, or after they connected again. And as a login that was
//! under way when the connection ended may be completed after the event was applied, an event is
//! looked at once more when any such login is over.

use futures_util::future::join_all;
use time::{Duration, OffsetDateTime};

use super::effect::{self, Effect};
use crate::flow::{Audited, DECISION_LIFE, Gate, Origin};
use crate::member::{KakaoId, MemberId};
use crate::store::audit::Outcome;
use crate::store::members::acts;
use crate::store::members::unlinked::{self, Owner};
use crate::store::sessions::made_by_kakao;
use crate::store::webhooks::{self, DueEvent};
use crate::store::{self, AnyConnection};

/// How many events are applied at once.
const BATCH: i64 = 8;

/// How long an event is ours once we took it up; longer than asking Kakao takes.
const LEASE: Duration = Duration::seconds(60);

/// After this long no login can be completed any more that began before the event came: a
/// callback takes ten seconds at most.
const SETTLED: Duration = Duration::seconds(15);

/// The same for somebody new, whom Kakao may have vouched for before the event and who takes their
/// time to decide whether to join.
const DECIDED: Duration = DECISION_LIFE.saturating_add(SETTLED);

/// How long Kakao is asked about an unlink before time alone decides.
const ASKED_FOR: Duration = Duration::DAY;

/// Kakao tells when in whole seconds; what happened in the same second happened before.
const SECOND: Duration = Duration::SECOND;

/// The effect of an unlink that took the connection apart.
const UNLINKED: &str = "unlinked";

/// The effect of one that came too late: the person is connected.
const LINKED: &str = "linked";

/// What Kakao says of somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// Connected.
    Linked,
    /// Not connected, at this moment.
    NotLinked(OffsetDateTime),
    /// Nothing, for now.
    None,
    /// Nothing, and it will not be waited for.
    Never,
}

/// What a look at an event came to.
struct Look {
    /// What has been done for it, by its code.
    effect: &'static str,
    /// When it is looked at again; `None` when it is done with.
    again_at: Option<OffsetDateTime>,
    /// What the audit log is told, of whom.
    told: Option<(MemberId, String)>,
    /// Whether Kakao is owed something by it.
    owes: bool,
}

impl Look {
    fn done(effect: &'static str) -> Self {
        Self {
            effect,
            again_at: None,
            told: None,
            owes: false,
        }
    }

    fn again(self, at: OffsetDateTime) -> Self {
        Self {
            again_at: Some(at),
            ..self
        }
    }

    fn told(self, member: MemberId, detail: impl Into<String>) -> Self {
        Self {
            told: Some((member, detail.into())),
            ..self
        }
    }
}

impl Gate {
    /// Applies what Kakao told us, a batch of it; says whether there may be more.
    ///
    /// # Errors
    /// The store's.
    pub async fn heed_webhooks(&self) -> Result<bool, store::Error> {
        let now = self.clock.now();
        // Looking costs a read; only an event that is due costs the writer's time.
        let some = self
            .store
            .read(move |connection| webhooks::is_any_due(connection, now))
            .await?;
        if !some {
            return Ok(false);
        }
        let due = self
            .store
            .write(move |connection| webhooks::lease(connection, now, now + LEASE, BATCH))
            .await?;
        let full = i64::try_from(due.len()).unwrap_or(BATCH) >= BATCH;
        let heeded = join_all(due.into_iter().map(|due| self.heed(due))).await;
        heeded.into_iter().collect::<Result<Vec<()>, _>>()?;
        Ok(full)
    }

    async fn heed(&self, due: DueEvent) -> Result<(), store::Error> {
        let word = self.ask_about(&due).await?;
        let (gate, event) = (self.clone(), due.clone());
        let looked = self
            .store
            .write(move |connection| gate.look(connection, &event, word))
            .await?;
        // Whoever took it over meanwhile applies it.
        let Some(look) = looked else { return Ok(()) };
        if look.owes {
            self.owed.notify_one();
        }
        let event = effect::label(&due.event);
        let (id, effect, source) = (due.id, look.effect, due.source.code());
        if look.again_at.is_some() {
            tracing::info!(webhook.id = %id, source, event, effect, "a webhook is looked at again later");
            return Ok(());
        }
        self.metrics.webhook_event(event, effect);
        tracing::info!(webhook.id = %id, source, event, effect, "a webhook was applied");
        Ok(())
    }

    /// What Kakao says now, where that matters.
    async fn ask_about(&self, due: &DueEvent) -> Result<Word, store::Error> {
        let (Effect::Unlink, Some(id)) = (effect::of(&due.event), due.kakao_id) else {
            return Ok(Word::Never);
        };
        let app_id = self.rules.app_id;
        let owner = self
            .store
            .read(move |connection| unlinked::owner(connection, app_id, id))
            .await?;
        if owner.is_none() || !self.kakao.has_admin_key() {
            return Ok(Word::Never);
        }
        let asked_at = self.clock.now();
        Ok(match self.kakao.is_linked(id).await {
            Ok(true) => Word::Linked,
            Ok(false) => Word::NotLinked(asked_at),
            Err(error) => {
                tracing::warn!(webhook.id = %due.id, tries = due.tries, cause = %error, "Kakao does not say whether somebody is connected");
                if asked_at - due.received_at >= ASKED_FOR {
                    Word::Never
                } else {
                    Word::None
                }
            }
        })
    }

    /// All that one look at an event does; `None` when it is not ours any more.
    fn look(
        &self,
        connection: &mut AnyConnection,
        due: &DueEvent,
        word: Word,
    ) -> Result<Option<Look>, store::Error> {
        let now = self.clock.now();
        // First, so that nothing is done for an event that somebody else has taken over.
        if !webhooks::look_again_at(connection, due, due.effect.as_deref(), now + LEASE)? {
            return Ok(None);
        }
        let look = self.consider(connection, due, word, now)?;
        match look.again_at {
            Some(at) => webhooks::look_again_at(connection, due, Some(look.effect), at)?,
            None => webhooks::close(connection, due, look.effect, now)?,
        };
        if let Some((member, detail)) = &look.told {
            let system = Origin::system();
            let entry = Audited {
                actor: None,
                subject: Some(*member),
                action: "kakao.webhook",
                result: Outcome::Success,
                reason: due.reason.clone(),
                detail: Some(format!("{}: {detail}", effect::label(&due.event))),
                origin: &system,
            };
            self.audit(connection, &[entry], now)?;
        }
        Ok(Some(look))
    }

    fn consider(
        &self,
        connection: &mut AnyConnection,
        due: &DueEvent,
        word: Word,
        now: OffsetDateTime,
    ) -> Result<Look, store::Error> {
        let effect = effect::of(&due.event);
        let (Some(id), true) = (due.kakao_id, effect != Effect::Pass) else {
            return Ok(Look::done("noted"));
        };
        let app_id = self.rules.app_id;
        let settled_at = due.received_at + SETTLED;
        let owner = match unlinked::owner(connection, app_id, id)? {
            Some(owner) => {
                if self.rules.withdraw_unlinked && effect == Effect::Unlink {
                    acts::hold(connection, &[owner.member])?;
                } else {
                    acts::hold_self(connection, owner.member)?;
                }
                // As it is now that nobody else changes it.
                unlinked::owner(connection, app_id, id)?
            }
            None => None,
        };
        let Some(owner) = owner else {
            let nobody = Look::done("nobody");
            // Somebody who is just joining is not there yet.
            let decided_at = due.received_at + DECIDED;
            let looks = match effect {
                Effect::Unlink => [settled_at, decided_at],
                _ => [settled_at; 2],
            };
            let later = looks.into_iter().find(|at| now < *at);
            return Ok(match later {
                Some(at) => nobody.again(at),
                None => nobody,
            });
        };
        match effect {
            Effect::Pass | Effect::Note => Ok(Look::done("noted").told(owner.member, "noted")),
            Effect::End { revoke } => self.end_made_by_kakao(connection, due, &owner, revoke, now),
            Effect::Unlink => {
                let look = self.unlink_by_word(connection, due, (id, &owner), word, now)?;
                if look.again_at.is_some() {
                    return Ok(look);
                }
                if now >= settled_at {
                    return self.part_if_wanted(connection, look, owner.member, word, now);
                }
                // That nothing was done is told when nothing more can come.
                let told = look.told.clone().filter(|_| look.effect != LINKED);
                Ok(Look { told, ..look }.again(settled_at))
            }
        }
    }

    /// Erases who has no other way in, where the settings want that; only on Kakao's own word, and
    /// when no login can change it any more.
    fn part_if_wanted(
        &self,
        connection: &mut AnyConnection,
        look: Look,
        member: MemberId,
        word: Word,
        now: OffsetDateTime,
    ) -> Result<Look, store::Error> {
        let gone = look.effect == UNLINKED && matches!(word, Word::NotLinked(_));
        if !self.rules.withdraw_unlinked || !gone || self.has_other_way(connection, member)? {
            return Ok(look);
        }
        if !self.part_with(connection, member, now)? {
            return Ok(look);
        }
        Ok(Look::done("withdrawn").told(member, "no other way in, withdrawn"))
    }

    /// Ends what rests on Kakao's word from before the event.
    fn end_made_by_kakao(
        &self,
        connection: &mut AnyConnection,
        due: &DueEvent,
        owner: &Owner,
        revoke: bool,
        now: OffsetDateTime,
    ) -> Result<Look, store::Error> {
        let before = due.happened_at + SECOND;
        let ended = made_by_kakao::end(connection, owner.member, before, now)?;
        if revoke {
            for session in &ended {
                self.owe_for(connection, owner.member, session, now)?;
            }
        }
        made_by_kakao::erase_tokens(connection, owner.member, before)?;
        let detail = format!("sessions ended: {}", ended.len());
        Ok(Look {
            owes: revoke && !ended.is_empty(),
            ..Look::done("ended").told(owner.member, detail)
        })
    }

    fn unlink_by_word(
        &self,
        connection: &mut AnyConnection,
        due: &DueEvent,
        (id, owner): (KakaoId, &Owner),
        word: Word,
        now: OffsetDateTime,
    ) -> Result<Look, store::Error> {
        let soon = now + SETTLED;
        match word {
            // Connected again after an earlier look has taken it apart.
            Word::Linked if due.effect.as_deref() == Some(UNLINKED) => Ok(Look::done(UNLINKED)),
            Word::Linked => {
                Ok(Look::done(LINKED).told(owner.member, "connected again, nothing done"))
            }
            // They have signed in with Kakao since it was asked: so it has to be asked again.
            Word::NotLinked(asked_at) if owner.was_linked_after(asked_at) => {
                Ok(Look::done("asked").again(soon))
            }
            Word::NotLinked(asked_at) => {
                self.take_apart(connection, due, (id, owner), asked_at, now)
            }
            Word::Never if owner.came_back_after(due.happened_at, SETTLED) => {
                Ok(Look::done(LINKED)
                    .told(owner.member, "signed in with Kakao since, nothing done"))
            }
            // Whatever Kakao vouched for since, it did for the connection that is gone.
            Word::Never => self.take_apart(connection, due, (id, owner), now, now),
            Word::None => {
                let before = due.happened_at + SECOND;
                let ended = made_by_kakao::end(connection, owner.member, before, now)?;
                let look = Look::done("ended").again(now + self.wait_after(due.tries));
                Ok(if ended.is_empty() {
                    look
                } else {
                    let detail =
                        format!("sessions ended: {}, Kakao does not answer yet", ended.len());
                    look.told(owner.member, detail)
                })
            }
        }
    }

    /// The connection is gone. What Kakao had to do for it is done, so nothing is owed.
    fn take_apart(
        &self,
        connection: &mut AnyConnection,
        due: &DueEvent,
        (id, owner): (KakaoId, &Owner),
        before: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<Look, store::Error> {
        let member = owner.member;
        let ended = made_by_kakao::end(connection, member, before, now)?;
        let erased = made_by_kakao::erase_tokens(connection, member, before)?;
        let marked = owner.unlinked_at.is_none();
        if marked {
            unlinked::mark(connection, self.rules.app_id, id, member, now)?;
        }
        let look = Look::done(UNLINKED);
        // A repeat, or the second look.
        if !marked && ended.is_empty() && erased == 0 && due.effect.is_some() {
            return Ok(look);
        }
        let what = if marked {
            "unlinked"
        } else {
            "was unlinked before"
        };
        Ok(look.told(member, format!("{what}, sessions ended: {}", ended.len())))
    }
}
