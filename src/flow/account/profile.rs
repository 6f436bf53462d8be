//! What a member sees of their account, and changing the name.

use time::OffsetDateTime;

use super::Agreed;
use crate::flow::{Audited, Gate, Origin};
use crate::member::{MemberId, SignedIn};
use crate::store::members::account::{self, StoredKakao};
use crate::store::members::acts;
use crate::store::{self, AnyConnection, consents, passwords};

/// What the member's own pages show, beside what is known of whoever is signed in.
#[derive(Clone, Debug)]
pub struct Overview {
    /// The address they are written to.
    pub email: Option<String>,
    /// Whether it is known to be theirs.
    pub email_proved: bool,
    /// The Kakao account, when one is connected, or was until Kakao told that it is not.
    pub kakao: Option<StoredKakao>,
    /// Since when they have this password; `None` without one.
    pub password_since: Option<OffsetDateTime>,
    /// What they agreed to, the newest of each item.
    pub consents: Vec<Agreed>,
    /// Whether they could still sign in without Kakao.
    pub other_way: bool,
}

impl Overview {
    /// Whether a Kakao account is connected, as far as Kakao has told.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        let kakao = self.kakao.as_ref();
        kakao.is_some_and(|kakao| kakao.unlinked_at.is_none())
    }
}

impl Gate {
    /// What a member sees of their account.
    ///
    /// # Errors
    /// The store's.
    pub async fn overview(&self, signed_in: &SignedIn) -> Result<Overview, store::Error> {
        let (member, gate) = (signed_in.member.id, self.clone());
        self.store
            .read(move |connection| {
                let own = account::of(connection, member)?
                    .ok_or(store::Error::Unexpected("members.id"))?;
                let password = passwords::of(connection, member)?;
                Ok(Overview {
                    email: own.email,
                    email_proved: own.email_verified_at.is_some(),
                    kakao: account::kakao(connection, gate.rules.app_id, member)?,
                    password_since: password.map(|(_, since)| since),
                    consents: Agreed::newest(consents::of(connection, member)?),
                    other_way: gate.has_other_way(connection, member)?,
                })
            })
            .await
    }

    /// Whether a member could sign in without Kakao: with a password, an address of theirs to
    /// type beside it, and a form to type it into.
    pub(in crate::flow) fn has_other_way(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
    ) -> Result<bool, store::Error> {
        let own = account::of(connection, member)?;
        let proved = own.is_some_and(|own| own.email_verified_at.is_some());
        Ok(self.takes_email() && proved && passwords::of(connection, member)?.is_some())
    }

    /// Gives the member another name, which was cleaned.
    ///
    /// # Errors
    /// The store's.
    pub async fn rename(
        &self,
        signed_in: &SignedIn,
        name: &str,
        origin: &Origin,
    ) -> Result<(), store::Error> {
        let (member, now) = (signed_in.member.id, self.clock.now());
        if signed_in.member.display_name.as_deref() == Some(name) {
            return Ok(());
        }
        let (gate, name, from) = (self.clone(), name.to_owned(), origin.clone());
        self.store
            .write(move |connection| {
                acts::hold_self(connection, member)?;
                account::rename(connection, member, &name)?;
                let audited = Audited {
                    detail: Some("name".to_owned()),
                    ..Audited::own(member, "profile.edit", &from)
                };
                gate.audit(connection, &[audited], now)
            })
            .await
    }
}
