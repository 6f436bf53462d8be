//! Passwords: signing in with one, proving by one who one is, and getting or changing one.

mod change;
mod forgotten;
mod guess;
mod known;
mod login;
mod reset;

use std::time::Duration;

use time::OffsetDateTime;

pub use change::{Change, Refusal as ChangeRefusal, Standing as PasswordStanding};
pub(super) use forgotten::Forgotten;
pub use known::Known;
pub use login::{Entered, Knock};
pub use reset::Refusal as ResetRefusal;

use super::{Gate, Rules};
use crate::member::MemberId;
use crate::password::{self, Kept, Password, Verdict, Weak};
use crate::store::mail_links::{self, Purpose};
use crate::store::passwords::{self, Holder};
use crate::store::{self, AnyConnection};

/// Why a password was not taken for the right one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Address and password do not belong together, for whatever reason: that there is no such
    /// member, that it is another password or none, that the address was never proved.
    Pair,
    /// Too many were wrong.
    Locked {
        /// How long to wait.
        wait: Duration,
    },
    /// It is the right one; the member is suspended.
    Suspended {
        /// Until when; `None`: until lifted.
        until: Option<OffsetDateTime>,
    },
    /// The session that was to be renewed has ended meanwhile.
    Gone,
}

/// What kept a story about a password from its end.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// No slot for hashing, or no memory.
    #[error(transparent)]
    Hash(#[from] password::Error),
}

impl Gate {
    /// Whether there is a way in by email at all: without mail nobody could get a password back.
    #[must_use]
    pub fn takes_email(&self) -> bool {
        self.postman.is_some()
    }

    /// Checks a password on one of the slots, against nobody's where there is none.
    pub(super) async fn check_password(
        &self,
        typed: Password,
        kept: Option<Kept>,
    ) -> Result<Verdict, password::Error> {
        let checked = self.hasher.check(typed, kept).await;
        self.metrics.password_hash(outcome_of(&checked));
        checked
    }

    /// Hashes a password that is to be kept, on one of the slots.
    pub(super) async fn keep_password(&self, new: Password) -> Result<Kept, password::Error> {
        let kept = self.hasher.keep(new).await;
        self.metrics.password_hash(outcome_of(&kept));
        kept
    }

    /// Sets a password that was hashed, and makes every link that would set another one worthless.
    fn set_password(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        kept: &Kept,
        now: OffsetDateTime,
    ) -> Result<(), store::Error> {
        passwords::set(connection, member, kept, now)?;
        mail_links::forget(connection, member, Purpose::Reset)
    }
}

fn outcome_of<T>(hashed: &Result<T, password::Error>) -> &'static str {
    match hashed {
        Ok(_) => "done",
        Err(password::Error::Busy) => "busy",
        Err(password::Error::Failed) => "failed",
    }
}

impl Rules {
    /// Whether `new` may become the password of `holder`.
    ///
    /// # Errors
    /// Why not.
    fn accept_password(&self, new: &Password, holder: &Holder) -> Result<(), Weak> {
        let context = [
            holder.email.as_deref(),
            holder.name.as_deref(),
            self.service_name.as_deref(),
        ];
        let context: Vec<&str> = context.into_iter().flatten().collect();
        new.accept(self.password_lengths, &context)
    }
}
