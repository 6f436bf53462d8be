//! Leaving by a program. A browser proves itself by a new session; a program shows the proof in the
//! very request, because whoever has its access token may have found it.

use std::time::Duration;

use time::OffsetDateTime;

use super::withdraw::{LeaveReason, Parting};
use crate::flow::{Audited, Gate, NotTaken, Origin, Refused, Trouble};
use crate::i18n::Texts;
use crate::kakao::AccessToken;
use crate::member::{KakaoId, SignedIn};
use crate::password::Password;
use crate::store;
use crate::store::passwords::Holder;

/// What a program shows.
pub enum Proof {
    /// An access token that Kakao gave it for the member's account.
    Kakao(AccessToken),
    /// The member's password.
    Password(Password),
}

/// Why nobody has left.
#[derive(Debug)]
pub enum NotProved {
    /// The token is another Kakao account's.
    SomebodyElse,
    /// It is not the member's password, or there is none.
    WrongPassword,
    /// Too many passwords were wrong; so long to wait.
    Locked(Duration),
    /// Kakao did not vouch for the token.
    NotTaken(NotTaken),
    /// Our own trouble.
    Trouble(Trouble),
}

impl From<NotTaken> for NotProved {
    fn from(error: NotTaken) -> Self {
        Self::NotTaken(error)
    }
}

impl From<Trouble> for NotProved {
    fn from(error: Trouble) -> Self {
        Self::Trouble(error)
    }
}

impl From<store::Error> for NotProved {
    fn from(error: store::Error) -> Self {
        Self::Trouble(error.into())
    }
}

/// What was shown, to be compared once more where it counts.
pub(super) enum Shown {
    /// A session that is fresh enough.
    Session,
    /// A token of this account, which can end the connection too.
    Kakao {
        id: KakaoId,
        token: AccessToken,
        expires_at: OffsetDateTime,
    },
    /// The password of whoever this was.
    Password(Holder),
}

impl Gate {
    /// Erases the member, as [`Gate::withdraw`] does, after a proof that it is still them.
    ///
    /// # Errors
    /// [`NotProved`]; nothing was done then, unless the answer to the commit was lost.
    pub async fn withdraw_by_proof(
        &self,
        signed_in: &SignedIn,
        proof: Proof,
        reason: Option<LeaveReason>,
        t: Texts,
        origin: &Origin,
    ) -> Result<Parting, NotProved> {
        let shown = match proof {
            Proof::Kakao(token) => self.shown_by_kakao(signed_in, token, origin).await?,
            Proof::Password(typed) => self.shown_by_password(signed_in, typed, origin).await?,
        };
        Ok(self.part(signed_in, shown, reason, t, origin).await?)
    }

    async fn shown_by_kakao(
        &self,
        signed_in: &SignedIn,
        token: AccessToken,
        origin: &Origin,
    ) -> Result<Shown, NotProved> {
        let now = self.clock.now();
        let vouched = self.vouched_for(&token).await;
        if vouched.is_err() {
            log_unproved(signed_in, "not_vouched_for", origin);
        }
        let (user, left) = vouched?;
        let own = signed_in.kakao.as_ref().map(|kakao| kakao.id);
        if own != Some(user.id) {
            let (gate, from, member) = (self.clone(), origin.clone(), signed_in.member.id);
            self.store
                .write(move |connection| {
                    let audited = Audited::own(member, "withdraw", &from);
                    gate.audit(connection, &[audited.refused("wrong_person")], now)
                })
                .await?;
            log_unproved(signed_in, "wrong_person", origin);
            return Err(NotProved::SomebodyElse);
        }
        Ok(Shown::Kakao {
            id: user.id,
            token,
            expires_at: now + left,
        })
    }

    async fn shown_by_password(
        &self,
        signed_in: &SignedIn,
        typed: Password,
        origin: &Origin,
    ) -> Result<Shown, NotProved> {
        // Where there is no way in by password, one proves nothing.
        if !self.takes_email() {
            return Err(NotProved::WrongPassword);
        }
        let checked = self.check_again(signed_in, typed, "withdraw", origin);
        match checked.await? {
            Ok(holder) => Ok(Shown::Password(holder)),
            Err(Refused::Locked { wait }) => Err(NotProved::Locked(wait)),
            Err(Refused::Pair | Refused::Suspended { .. } | Refused::Gone) => {
                Err(NotProved::WrongPassword)
            }
        }
    }
}

/// A password that is wrong says so itself.
fn log_unproved(signed_in: &SignedIn, reason: &'static str, origin: &Origin) {
    tracing::info!(
        action = "withdraw",
        result = "refused",
        reason,
        member.id = %signed_in.member.id,
        client.address = %origin.ip,
        request.id = %origin.request_id,
        "account event"
    );
}
