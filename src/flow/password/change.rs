//! Changing a password with the present one, and setting a first one.

use time::OffsetDateTime;

use super::guess::Guesser;
use super::{Known, Refused, Trouble};
use crate::flow::{Audited, Gate, Origin, log_event};
use crate::i18n::Lang;
use crate::member::SignedIn;
use crate::password::{Kept, Password, Weak};
use crate::session::Token;
use crate::store::passwords::{self, Holder};
use crate::store::{self, AnyConnection};

/// What a member can do about their password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Change it.
    Set,
    /// Set a first one.
    Unset,
    /// Nothing yet: without an address they have proved they could not sign in with one.
    NoAddress,
}

/// What a member wants.
pub struct Change {
    /// The present password, as typed; not asked of who has none.
    pub current: Option<Password>,
    /// The new one.
    pub new: Password,
    /// Whether the other sessions are to end.
    pub others: bool,
    /// Who has signed in in this browser.
    pub known: Known,
    /// The language of the page.
    pub lang: Lang,
}

/// Why it was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The present password was not taken for the right one.
    Current(Refused),
    /// The new one is not accepted.
    Weak(Weak),
    /// The new one is the present one.
    Same,
    /// Who has no password has to prove first who they are.
    Unproved,
    /// Who has no proved address cannot use a password.
    NoAddress,
}

/// The new session, and the browser's memory with this member in it.
type Renewed = (Token, Known);

/// A new password that was hashed.
struct Work<'a> {
    gate: &'a Gate,
    signed_in: &'a SignedIn,
    seen: &'a Holder,
    kept: &'a Kept,
    others: bool,
    known: Known,
    lang: Lang,
    origin: &'a Origin,
    now: OffsetDateTime,
}

impl Gate {
    /// What a member can do about their password.
    ///
    /// # Errors
    /// The store's.
    pub async fn password_standing(&self, signed_in: &SignedIn) -> Result<Standing, store::Error> {
        Ok(match self.holder_of(signed_in).await? {
            Some(holder) => standing_of(&holder),
            None => Standing::NoAddress,
        })
    }

    /// Changes the password of somebody signed in, or sets a first one. A new session takes the
    /// place of theirs; the others end where that was asked for.
    ///
    /// # Errors
    /// [`Trouble`]; nothing was changed then, unless the answer to the commit was lost.
    pub async fn change_password(
        &self,
        signed_in: &SignedIn,
        change: Change,
        origin: &Origin,
    ) -> Result<Result<Renewed, Refusal>, Trouble> {
        let holder = self.holder_of(signed_in).await?;
        let Some(holder) = holder.filter(|holder| standing_of(holder) != Standing::NoAddress)
        else {
            return Ok(Err(Refusal::NoAddress));
        };
        if holder.kept.is_none() && !self.is_proved(signed_in) {
            return Ok(Err(Refusal::Unproved));
        }
        // The cheap questions first: a new password that cannot be is no reason to count a try.
        if let Err(weak) = self.rules.accept_password(&change.new, &holder) {
            return Ok(Err(Refusal::Weak(weak)));
        }
        let seen = match (&holder.kept, change.current) {
            (None, _) => holder,
            (Some(_), None) => return Ok(Err(Refusal::Current(Refused::Pair))),
            (Some(_), Some(current)) => {
                let same = current == change.new;
                let checked = self.check_again(signed_in, current, "password.change", origin);
                match checked.await? {
                    Ok(_) if same => return Ok(Err(Refusal::Same)),
                    Ok(seen) => seen,
                    Err(refused) => return Ok(Err(Refusal::Current(refused))),
                }
            }
        };
        let kept = self.keep_password(change.new).await?;
        let (gate, who, from, now) = (
            self.clone(),
            signed_in.clone(),
            origin.clone(),
            self.clock.now(),
        );
        let action = action_of(&seen);
        let outcome = self
            .store
            .write(move |connection| {
                let work = Work {
                    gate: &gate,
                    signed_in: &who,
                    seen: &seen,
                    kept: &kept,
                    others: change.others,
                    known: change.known,
                    lang: change.lang,
                    origin: &from,
                    now,
                };
                work.run(connection)
            })
            .await?;
        self.owed.notify_one();
        self.letters.notify_one();
        if let Ok((token, _)) = &outcome {
            log_event(action, signed_in.member.id, token.id(), origin);
        }
        Ok(outcome)
    }

    async fn holder_of(&self, signed_in: &SignedIn) -> Result<Option<Holder>, store::Error> {
        let member = signed_in.member.id;
        self.store
            .read(move |connection| passwords::holder_by_id(connection, member))
            .await
    }
}

impl Work<'_> {
    fn run(self, connection: &mut AnyConnection) -> Result<Result<Renewed, Refusal>, store::Error> {
        let (gate, now, id) = (self.gate, self.now, self.seen.member);
        if !gate.is_unchanged(connection, self.seen)? {
            return Ok(Err(Refusal::Current(Refused::Pair)));
        }
        let Some(token) = gate.renew(connection, self.signed_in, self.origin, now)? else {
            return Ok(Err(Refusal::Current(Refused::Gone)));
        };
        gate.set_password(connection, id, self.kept, now)?;
        gate.forgive_guess(connection, &Guesser::Member(id))?;
        let ended = if self.others {
            gate.end_for_new_password(connection, id, Some(&token), now)?
        } else {
            gate.end_programs_for_new_password(connection, id, now)?
        };
        gate.tell_of_new_password(connection, self.seen, self.lang, now)?;
        let audited = Audited {
            detail: Some(format!("sessions ended: {ended}")),
            ..Audited::own(id, action_of(self.seen), self.origin)
        };
        gate.audit(connection, &[audited], now)?;
        Ok(Ok((token, self.known.with(id, &gate.random, now)?)))
    }
}

fn standing_of(holder: &Holder) -> Standing {
    match (&holder.kept, &holder.email) {
        (Some(_), _) => Standing::Set,
        (None, Some(_)) => Standing::Unset,
        (None, None) => Standing::NoAddress,
    }
}

fn action_of(seen: &Holder) -> &'static str {
    if seen.kept.is_some() {
        "password.change"
    } else {
        "password.set"
    }
}
