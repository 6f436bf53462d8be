//! What a person shares with us at Kakao: seeing the consent items, and withdrawing one.

use std::time::Duration;

use super::kakao_tokens::{Holder, NoAccess};
use super::{Audited, Gate, LoginFailure, Origin, Why};
use crate::kakao::{self, Code, is_scope_id};
use crate::member::{KakaoId, SignedIn};
use crate::store::members::agreed;

pub use crate::kakao::ConsentItem;

/// The longest that a page waits for Kakao.
const PATIENCE: Duration = Duration::from_secs(3);

/// What became of a wish to withdraw a consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// It is withdrawn, and what we had because of it is erased.
    Yes,
    /// Kakao lets nobody withdraw it: the app needs it, or it was not agreed to.
    NotRevocable,
}

impl Gate {
    /// The consent items of somebody signed in, as Kakao has them at this moment.
    ///
    /// # Errors
    /// [`NoAccess`]; a Kakao that does not answer within three seconds is one for now.
    pub async fn kakao_consents(&self, signed_in: &SignedIn) -> Result<Vec<ConsentItem>, NoAccess> {
        let (holder, id) = holder(signed_in)?;
        let asking = self.at_kakao(holder, async |token| {
            self.kakao.consent_items(token, id).await
        });
        match tokio::time::timeout(PATIENCE, asking).await {
            Ok(items) => items,
            Err(_) => Err(NoAccess::NotNow(LoginFailure {
                why: Why::KakaoDown,
                cause: Some("Kakao took longer than a page may".to_owned()),
            })),
        }
    }

    /// Withdraws somebody's consent to an item, and erases what it gave us.
    ///
    /// # Errors
    /// [`NoAccess`]. After [`NoAccess::NotNow`] the consent may be withdrawn all the same: what
    /// Kakao shows next is true, and the next sign-in takes it over.
    pub async fn withdraw_kakao_consent(
        &self,
        signed_in: &SignedIn,
        item: &str,
        origin: &Origin,
    ) -> Result<Withdrawn, NoAccess> {
        let (holder, id) = holder(signed_in)?;
        if !is_scope_id(item) {
            return Ok(Withdrawn::NotRevocable);
        }
        let asked = self.at_kakao(holder, async |token| {
            match self.kakao.revoke_consent(token, id, item).await {
                Ok(items) => Ok(items.iter().all(|one| one.id != item || !one.agreed)),
                Err(error) if is_not_revocable(&error) => Ok(false),
                Err(error) => Err(error),
            }
        });
        let is_withdrawn = asked.await?;
        let member = signed_in.member.id;
        let (gate, from, now) = (self.clone(), origin.clone(), self.clock.now());
        let (item, app_id) = (item.to_owned(), self.rules.app_id);
        self.store
            .write(move |connection| {
                let audited = Audited {
                    detail: Some(item.clone()),
                    ..Audited::own(member, "kakao.consent.revoke", &from)
                };
                if !is_withdrawn {
                    return gate.audit(connection, &[audited.refused("not_revocable")], now);
                }
                agreed::withdraw(connection, (app_id, id), &item, now)?;
                gate.audit(connection, &[audited], now)
            })
            .await?;
        Ok(if is_withdrawn {
            Withdrawn::Yes
        } else {
            Withdrawn::NotRevocable
        })
    }
}

fn holder(signed_in: &SignedIn) -> Result<(Holder, KakaoId), NoAccess> {
    let kakao = signed_in.kakao.as_ref().ok_or(NoAccess::SignInAgain)?;
    let holder = Holder {
        member: signed_in.member.id,
        session: signed_in.session.id,
    };
    Ok((holder, kakao.id))
}

/// -3: not one that may be withdrawn; -2: not one that there is.
fn is_not_revocable(error: &kakao::Error) -> bool {
    matches!(error.code, Some(Code::Api(-3 | -2)))
}
