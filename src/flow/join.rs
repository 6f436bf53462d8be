//! Joining by email: what was typed waits, sealed, with the link that is mailed; opening the link
//! and pressing its button makes the member.
//!
//! Nothing is told about an address: whoever has an account there is written to, and whoever asks
//! sees the same page. An address planted by somebody else is worth nothing to them: what they
//! typed counts only in their browser or with their password, and the link is in another's mailbox.

mod application;
mod finish;
mod start;
mod wish;

pub(super) use application::Agreed;
pub use application::{Application, Flaw, Typed};
pub use finish::{DeadLink, Joined, Opened, Refusal as JoinRefusal};
pub use start::{Asked, TooMany};
pub(super) use wish::Wish;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::{Gate, Rules};
use crate::email::EmailAddress;
use crate::i18n::Lang;
use crate::member::{MemberId, Role};
use crate::store::consents::{self, Consent};
use crate::store::mail_links::Link;
use crate::store::throttles::Allowance;
use crate::store::{self, AnyConnection};

/// How long the mailed link works.
const LINK_LIFE: Duration = Duration::minutes(30);

/// How long somebody who never opened it is waited for.
const AWAITED: Duration = Duration::days(1);

/// Mails to one address, whoever asks for them.
const TO_ADDRESS: Allowance = Allowance {
    failures: 5,
    within: Duration::hours(1),
};

/// Mails to one address that are asked for again.
const AGAIN: Allowance = Allowance {
    failures: 1,
    within: Duration::minutes(1),
};

/// Passwords tried with one link.
const GUESSES: Allowance = Allowance {
    failures: 10,
    within: Duration::hours(1),
};

/// Sign-ups from one network; `None`: as many as it likes.
fn of_network(rules: &Rules) -> Option<Allowance> {
    (rules.joins_per_hour > 0).then(|| Allowance {
        failures: i32::try_from(rules.joins_per_hour).unwrap_or(i32::MAX),
        within: Duration::hours(1),
    })
}

/// What waits with a link.
#[derive(Serialize, Deserialize)]
struct Waiting {
    name: String,
    email: String,
    /// What is to be kept of the password.
    kept: String,
    agreed: Vec<Agreed>,
    /// When, in Unix seconds.
    at: i64,
    lang: String,
}

impl Waiting {
    fn lang(&self) -> Lang {
        Lang::parse(&self.lang).unwrap_or_default()
    }

    /// When the boxes were ticked, which is what counts as consent.
    fn agreed_at(&self, now: OffsetDateTime) -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(self.at).unwrap_or(now)
    }

    fn seal(&self, gate: &Gate, digest: &str) -> Result<String, store::Error> {
        let plain = serde_json::to_vec(self)
            .map_err(|_| store::Error::Work("a sign-up could not be written down"))?;
        Ok(gate.vault.seal(&context(digest), &plain)?)
    }

    fn open(gate: &Gate, link: &Link) -> Option<Self> {
        let sealed = link.sealed.as_deref()?;
        let plain = gate.vault.open(&context(&link.digest), sealed)?;
        serde_json::from_slice(&plain).ok()
    }
}

/// What a link's details are sealed for.
fn context(digest: &str) -> String {
    format!("mail_links.sealed/{digest}")
}

impl Rules {
    /// What somebody who has proved this address may do when they come for the first time.
    fn first_role_of(&self, address: &EmailAddress) -> Role {
        let key = address.key();
        let is = |owner: &String| EmailAddress::parse(owner).is_ok_and(|owner| owner.key() == key);
        if self.owner_emails.iter().any(is) {
            Role::Owner
        } else {
            Role::Member
        }
    }
}

impl Gate {
    /// Writes down what somebody agreed to.
    pub(super) fn keep_agreed(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        agreed: &[Agreed],
        now: OffsetDateTime,
    ) -> Result<(), store::Error> {
        for agreed in agreed {
            let consent = Consent {
                item: agreed.item.clone(),
                version: agreed.version.clone(),
                agreed: true,
                at: now,
            };
            consents::add(connection, self.random.id(now)?, member, &consent)?;
        }
        Ok(())
    }

    /// Forgets those who wanted to join and never opened a link, at most `limit`; says how many.
    ///
    /// # Errors
    /// The database's.
    pub async fn forget_awaited(&self, limit: i64) -> Result<usize, store::Error> {
        let before = self.clock.now() - AWAITED;
        self.store
            .write(move |connection| store::members::awaited::purge(connection, before, limit))
            .await
    }
}
