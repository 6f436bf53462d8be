//! What a person shares with us at Kakao: seeing the consent items, and withdrawing one.

use std::time::Duration;

use super::kakao_tokens::{Holder, NoAccess};
use super::{Audited, Gate, LoginFailure, Origin, Why};
use crate::kakao::{self, Code, is_scope_id};
use crate::member::{KakaoId, MemberId, SignedIn};
use crate::store;
use crate::store::members::{acts, agreed};

pub use crate::kakao::ConsentItem;

/// The longest that a page waits for Kakao.
const PATIENCE: Duration = Duration::from_secs(3);

/// How often it is tried to erase what a withdrawn consent gave us.
const WRITES: u32 = 3;

/// What became of a wish to withdraw a consent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Withdrawn {
    /// It is withdrawn, and what we had because of it is erased.
    Yes,
    /// Kakao lets nobody withdraw it: the app needs it, or it was not agreed to.
    NotRevocable,
}

impl Gate {
    /// The consent items of somebody signed in, as Kakao has them at this moment. What came with
    /// items that are withdrawn there by now is erased here.
    ///
    /// # Errors
    /// [`NoAccess`]; a Kakao that does not answer within three seconds is one for now.
    pub async fn kakao_consents(
        &self,
        signed_in: &SignedIn,
        origin: &Origin,
    ) -> Result<Vec<ConsentItem>, NoAccess> {
        let (holder, id) = holder(signed_in)?;
        let asking = self.at_kakao(holder, async |token| {
            self.kakao.consent_items(token, id).await
        });
        let items = match tokio::time::timeout(PATIENCE, asking).await {
            Ok(items) => items?,
            Err(_) => {
                return Err(NoAccess::NotNow(LoginFailure {
                    why: Why::KakaoDown,
                    cause: Some("Kakao took longer than a page may".to_owned()),
                }));
            }
        };
        let app_id = self.rules.app_id;
        let known = self
            .store
            .read(move |connection| agreed::items(connection, app_id, id))
            .await?;
        let is_gone = |known: &String| items.iter().any(|one| one.id == *known && !one.agreed);
        let gone: Vec<String> = known.into_iter().filter(is_gone).collect();
        if !gone.is_empty() {
            self.erase_withdrawn(signed_in.member.id, id, &gone, origin)
                .await?;
        }
        Ok(items)
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
        if !asked.await? {
            let (gate, from, now) = (self.clone(), origin.clone(), self.clock.now());
            let (item, member) = (item.to_owned(), signed_in.member.id);
            self.store
                .write(move |connection| {
                    let audited = Audited {
                        detail: Some(item),
                        ..Audited::own(member, "kakao.consent.revoke", &from)
                    };
                    gate.audit(connection, &[audited.refused("not_revocable")], now)
                })
                .await?;
            return Ok(Withdrawn::NotRevocable);
        }
        let items = [item.to_owned()];
        self.erase_withdrawn(signed_in.member.id, id, &items, origin)
            .await?;
        Ok(Withdrawn::Yes)
    }

    /// Erases what came with items that the person has withdrawn. Kakao has done its part and will
    /// not be asked again, so a database that is busy for a moment is tried more than once; what is
    /// missed all the same is made up for when the items are next looked at.
    async fn erase_withdrawn(
        &self,
        member: MemberId,
        id: KakaoId,
        items: &[String],
        origin: &Origin,
    ) -> Result<(), store::Error> {
        let now = self.clock.now();
        for write in 1.. {
            let (gate, from) = (self.clone(), origin.clone());
            let (items, app_id) = (items.to_vec(), self.rules.app_id);
            let erased = self.store.write(move |connection| {
                acts::hold_self(connection, member)?;
                // Taken away while Kakao was asked: then there is nothing left to erase.
                if acts::kakao_id(connection, app_id, member)? != Some(id) {
                    return Ok(());
                }
                for item in &items {
                    agreed::withdraw(connection, (app_id, id), item, now)?;
                }
                let audited = Audited {
                    detail: Some(items.join(" ")),
                    ..Audited::own(member, "kakao.consent.revoke", &from)
                };
                gate.audit(connection, &[audited], now)
            });
            match erased.await {
                Err(error) if write < WRITES && error.is_unavailable() => {
                    tracing::warn!(%error, "what came with a consent is not erased yet, trying again");
                }
                other => return other,
            }
        }
        Ok(())
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
