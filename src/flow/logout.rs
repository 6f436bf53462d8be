//! Signing out: here, everywhere, or with the Kakao account.

use super::{Audited, Gate, Origin, log_event};
use crate::member::{EndedBy, SignedIn};
use crate::store::{self, sessions};

/// How far a sign-out reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This browser.
    Here,
    /// Every browser of the member.
    Everywhere,
    /// This browser, and then the Kakao account in it.
    WithKakao,
}

impl Gate {
    /// Ends the session on our side, at once and whatever Kakao does; its Kakao token is owed a
    /// revocation, which the outbox pays now or as soon as Kakao answers. Everywhere reaches, by
    /// admin key, every token of the person, also those that no session of ours holds.
    ///
    /// # Errors
    /// The store's. Whether anybody was signed out is then unknown, as after any lost commit.
    pub async fn sign_out(
        &self,
        signed_in: &SignedIn,
        reach: Reach,
        origin: &Origin,
    ) -> Result<(), store::Error> {
        let now = self.clock.now();
        let (member, session) = (signed_in.member.id, signed_in.session.id);
        let action = match reach {
            Reach::Here => "logout",
            Reach::Everywhere => "logout.everywhere",
            Reach::WithKakao => "logout.with_kakao",
        };
        let (gate, from) = (self.clone(), origin.clone());
        self.store
            .write(move |connection| {
                let ended = match reach {
                    Reach::Everywhere => {
                        sessions::end_all(connection, member, None, EndedBy::Logout, now)?
                    }
                    Reach::Here | Reach::WithKakao => {
                        sessions::end(connection, member, session, EndedBy::Logout, now)?
                            .into_iter()
                            .collect()
                    }
                };
                if reach == Reach::Everywhere {
                    gate.owe_everything(connection, member, &ended, now)?;
                } else {
                    for session in &ended {
                        gate.owe_for(connection, member, session, now)?;
                    }
                }
                let audited = Audited::own(member, action, &from);
                gate.audit(connection, &[audited], now)
            })
            .await?;
        self.owed.notify_one();
        log_event(action, member, session, origin);
        Ok(())
    }

    /// Kakao's address for ending the Kakao account session of this browser, which comes back
    /// to us with `state`.
    #[must_use]
    pub fn kakao_logout_address(&self, state: &str) -> String {
        self.kakao.account_logout_url(state).into()
    }
}
