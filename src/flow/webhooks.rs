//! What Kakao tells us of its own accord. Hearing is writing down, which is all that an answer
//! waits for; [`heed`] applies it afterwards, once, whatever comes in between.

mod effect;
mod heed;

use time::OffsetDateTime;
use tokio::time::Instant;

use super::Gate;
use crate::kakao::{self, Event, EventError, EventRefused};
use crate::member::KakaoId;
use crate::store;
use crate::store::webhooks::{self, NewEvent, Source};
use crate::vault::fingerprint;

/// An unlink webhook has no id. What it says is taken for the same event when it is said again
/// within this long; an event is looked at once more after that, see [`heed`], so that nothing
/// which happens meanwhile is lost.
const SAME: i64 = 10;

/// The longest reason kept, in bytes.
const LONGEST_REASON: usize = 64;

/// Somebody has dissolved their connection to our app, by Kakao's account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unlink {
    kakao_id: KakaoId,
    referrer: Option<String>,
}

/// What became of a webhook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It is written down.
    Kept,
    /// It was before.
    Again,
}

/// Why an event was not heard.
#[derive(Debug)]
pub enum Unheard {
    /// It is not one of Kakao's for us.
    Refused(EventRefused),
    /// Nobody knows whether it is, for now: Kakao's keys, or our database, did not come in time.
    NotNow(String),
    /// It could not be written down.
    Store(store::Error),
}

impl From<store::Error> for Unheard {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl Gate {
    /// Whether a header `Authorization` is one that only Kakao and we can write.
    #[must_use]
    pub fn is_kakao(&self, authorization: &[u8]) -> bool {
        self.kakao.knows_admin_key(authorization)
    }

    /// What an unlink webhook says; `None` when it is of another app, or says nothing usable.
    /// Referrers that Kakao did not have when this was written are as good as any.
    #[must_use]
    pub fn read_unlink(&self, app_id: &str, user_id: &str, referrer: &str) -> Option<Unlink> {
        if app_id != self.rules.app_id.to_string() {
            return None;
        }
        Some(Unlink {
            kakao_id: user_id.parse().ok()?,
            referrer: is_code(referrer).then(|| referrer.to_owned()),
        })
    }

    /// Writes an unlink down, by the time given.
    ///
    /// # Errors
    /// [`Unheard`]: it is not written down then, as far as we know.
    pub async fn hear_unlink(&self, unlink: Unlink, by: Instant) -> Result<Heard, Unheard> {
        in_time(by, self.hear_unlink_at_leisure(unlink)).await
    }

    async fn hear_unlink_at_leisure(&self, unlink: Unlink) -> Result<Heard, Unheard> {
        let now = self.clock.now();
        let about = format!(
            "unlink/{}/{}/{}/{}",
            self.rules.app_id,
            unlink.kakao_id,
            unlink.referrer.as_deref().unwrap_or_default(),
            now.unix_timestamp().div_euclid(SAME)
        );
        let new = NewEvent {
            id: self.random.id(now).map_err(store::Error::from)?,
            digest: fingerprint(about.as_bytes()),
            source: Source::Unlink,
            event: effect::UNLINKED,
            kakao_id: Some(unlink.kakao_id),
            reason: unlink.referrer,
            happened_at: now,
            received_at: now,
        };
        Ok(self.write_down(new).await?)
    }

    /// Verifies a Security Event Token and writes its event down, by the time given.
    ///
    /// # Errors
    /// [`Unheard`].
    pub async fn hear_event(&self, compact: &str, by: Instant) -> Result<Heard, Unheard> {
        in_time(by, self.hear_event_at_leisure(compact)).await
    }

    async fn hear_event_at_leisure(&self, compact: &str) -> Result<Heard, Unheard> {
        let now = self.clock.now();
        let event = match self.kakao.verify_event(compact, now).await {
            Ok(event) => event,
            Err(EventError::Refused(refused)) => return Err(Unheard::Refused(refused)),
            Err(not_now @ (EventError::NoKeys(_) | EventError::TooSoon)) => {
                return Err(Unheard::NotNow(not_now.to_string()));
            }
        };
        let new = self.of_account(event, now)?;
        Ok(self.write_down(new).await?)
    }

    fn of_account(&self, event: Event, now: OffsetDateTime) -> Result<NewEvent, store::Error> {
        Ok(NewEvent {
            id: self.random.id(now)?,
            digest: fingerprint(format!("set/{}", event.jti).as_bytes()),
            source: Source::Account,
            event: event.name,
            kakao_id: event.subject,
            reason: event.reason.filter(|text| is_code(text)),
            happened_at: event.happened_at,
            received_at: now,
        })
    }

    /// Writes an unlink down that no webhook has told: Kakao's list of members, read since `seen_at`,
    /// lacks the person.
    pub(super) async fn hear_missed_unlink(
        &self,
        kakao_id: KakaoId,
        seen_at: OffsetDateTime,
    ) -> Result<Heard, store::Error> {
        let at = seen_at.unix_timestamp();
        let about = format!("reconcile/{}/{kakao_id}/{at}", self.rules.app_id);
        let new = NewEvent {
            id: self.random.id(seen_at)?,
            digest: fingerprint(about.as_bytes()),
            source: Source::Reconciled,
            event: effect::UNLINKED,
            kakao_id: Some(kakao_id),
            reason: None,
            happened_at: seen_at,
            received_at: seen_at,
        };
        self.write_down(new).await
    }

    async fn write_down(&self, new: NewEvent) -> Result<Heard, store::Error> {
        let source = new.source.code();
        let kept = self
            .store
            .write(move |connection| webhooks::keep(connection, &new))
            .await;
        let (outcome, heard) = match &kept {
            Ok(true) => ("kept", Heard::Kept),
            Ok(false) => ("repeated", Heard::Again),
            Err(_) => ("unavailable", Heard::Again),
        };
        self.metrics.webhook_call(source, outcome);
        kept?;
        if heard == Heard::Kept {
            self.webhooks.notify_one();
        }
        Ok(heard)
    }
}

/// Kakao does not wait for longer. Should it be written down all the same, it is a repeat when it
/// is sent again.
async fn in_time(
    by: Instant,
    hearing: impl Future<Output = Result<Heard, Unheard>>,
) -> Result<Heard, Unheard> {
    let heard = tokio::time::timeout_at(by, hearing).await;
    heard.unwrap_or_else(|_| Err(Unheard::NotNow("it took too long".to_owned())))
}

/// Whether a word of Kakao's may be kept and shown: a code, and nothing else.
fn is_code(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    !text.is_empty() && text.len() <= LONGEST_REASON && text.bytes().all(plain)
}

/// The size past which nothing is an event.
pub const LONGEST_EVENT: usize = kakao::LONGEST_EVENT;

#[cfg(test)]
mod tests {
    use super::*;

    // LG-2
    #[test]
    fn only_codes_are_taken_for_reasons() {
        for code in ["UNLINK_FROM_APPS", "ACCOUNT_DELETE", "SOMETHING_NEW-2"] {
            assert!(is_code(code), "{code}");
        }
        for other in ["", "a b", "<script>", "탈퇴", "a\n", &"A".repeat(65)] {
            assert!(!is_code(other), "{other}");
        }
    }
}
