//! Which members have signed in with a password in this browser: a short list in a sealed cookie.
//!
//! It lets nobody in. Whoever holds it is not counted among strangers when they mistype, and is not
//! a new device.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::member::MemberId;
use crate::random::{NoRandomness, Random};
use crate::vault::{SealError, Vault};

/// How long a browser is remembered.
const MEMORY: Duration = Duration::days(400);

/// The most members remembered; the oldest makes room.
const MOST: usize = 5;

/// What the vault binds the cookie's content to.
const CONTEXT: &str = "known browser cookie";

/// The members who have signed in in one browser.
#[derive(Clone, Debug, Default)]
pub struct Known(Vec<Entry>);

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Entry {
    /// Who.
    #[serde(rename = "m")]
    member: MemberId,
    /// Which browser of theirs this is.
    #[serde(rename = "b")]
    browser: String,
    /// When they signed in last, in Unix seconds.
    #[serde(rename = "t")]
    at: i64,
}

impl Known {
    /// Reads the cookie's content. Whatever does not open is as if it had never been.
    #[must_use]
    pub fn open(vault: &Vault, sealed: Option<&str>, now: OffsetDateTime) -> Self {
        let plain = sealed.and_then(|sealed| vault.open(CONTEXT, sealed));
        let mut entries: Vec<Entry> = plain
            .and_then(|plain| serde_json::from_slice(&plain).ok())
            .unwrap_or_default();
        let oldest = (now - MEMORY).unix_timestamp();
        entries.retain(|entry| entry.at > oldest);
        Self(entries)
    }

    /// The cookie's content.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, vault: &Vault) -> Result<String, SealError> {
        let plain = serde_json::to_vec(&self.0).map_err(|_| SealError)?;
        vault.seal(CONTEXT, &plain)
    }

    /// Which of the member's browsers this is, if they have signed in here since their password
    /// was last changed: a change makes strangers of all browsers but the one it is made in.
    pub(super) fn browser_of(
        &self,
        member: MemberId,
        changed_at: Option<OffsetDateTime>,
    ) -> Option<&str> {
        let changed_at = changed_at?.unix_timestamp();
        let mut entries = self.0.iter();
        let entry = entries.find(|entry| entry.member == member && entry.at >= changed_at)?;
        Some(&entry.browser)
    }

    /// With a member who has just signed in.
    pub(in crate::flow) fn with(
        mut self,
        member: MemberId,
        random: &Random,
        now: OffsetDateTime,
    ) -> Result<Self, NoRandomness> {
        let before = self.0.iter().position(|entry| entry.member == member);
        let browser = match before.map(|at| self.0.remove(at)) {
            Some(entry) => entry.browser,
            None => random.id(now)?.simple().to_string(),
        };
        self.0.push(Entry {
            member,
            browser,
            at: now.unix_timestamp(),
        });
        let surplus = self.0.len().saturating_sub(MOST);
        self.0.drain(..surplus);
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::MasterKey;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use uuid::Uuid;

    fn vault() -> Vault {
        let bytes = Random::system().bytes::<64>().unwrap();
        Vault::new(&[MasterKey::from_base64(&STANDARD.encode(bytes)).unwrap()]).unwrap()
    }

    const NOON: OffsetDateTime = time::macros::datetime!(2026-03-02 12:00 UTC);

    fn member(number: u128) -> MemberId {
        MemberId(Uuid::from_u128(number))
    }

    // PW-6
    #[test]
    fn a_browser_stays_itself_until_the_password_is_changed_elsewhere_or_a_year_has_passed() {
        let (vault, random) = (vault(), Random::system());
        let known = Known::default().with(member(1), &random, NOON).unwrap();
        let sealed = known.seal(&vault).unwrap();
        let open = |days| Known::open(&vault, Some(&sealed), NOON + Duration::days(days));
        let browser = open(0)
            .browser_of(member(1), Some(NOON))
            .unwrap()
            .to_owned();
        let again = open(1).with(member(1), &random, NOON + Duration::DAY);
        assert_eq!(
            again.unwrap().browser_of(member(1), Some(NOON)),
            Some(browser.as_str())
        );
        let later = NOON + Duration::SECOND;
        assert_eq!(open(0).browser_of(member(1), Some(later)), None);
        assert_eq!(open(0).browser_of(member(1), None), None, "no password");
        assert_eq!(open(0).browser_of(member(2), Some(NOON)), None);
        assert_eq!(open(401).browser_of(member(1), Some(NOON)), None);
        for junk in [None, Some(""), Some("junk"), sealed.get(1..)] {
            let known = Known::open(&vault, junk, NOON);
            assert_eq!(known.browser_of(member(1), Some(NOON)), None, "{junk:?}");
        }
    }

    // SE-9
    #[test]
    fn five_members_fit_one_storable_cookie_and_the_sixth_takes_the_oldest_ones_place() {
        let (vault, random) = (vault(), Random::system());
        let mut known = Known::default();
        for number in 1..=6 {
            known = known.with(member(number), &random, NOON).unwrap();
        }
        assert_eq!(known.browser_of(member(1), Some(NOON)), None);
        assert!(known.browser_of(member(2), Some(NOON)).is_some());
        assert!(known.browser_of(member(6), Some(NOON)).is_some());
        assert!(known.seal(&vault).unwrap().len() < 1_500);
    }
}
