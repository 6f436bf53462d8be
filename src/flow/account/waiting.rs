//! What Kakao told of somebody whose address belongs to a member already. Nobody was let in and
//! nothing was joined (ID-2); it waits in the browser for that member to sign in another way and
//! say that the two belong together.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::Connected;
use crate::flow::{Audited, Gate, Origin};
use crate::member::{KakaoId, MemberId, SignedIn};
use crate::store::members::{self, KakaoProfile, account, acts};
use crate::store::{self, AnyConnection, passwords};
use crate::vault::{SealError, Vault};

/// How long it waits.
const LIFE: Duration = Duration::minutes(10);

/// What the vault binds it to.
const CONTEXT: &str = "waiting kakao account cookie";

/// The longest address of a picture that finds room in a cookie, in bytes.
const LONGEST_PICTURE: usize = 1_000;

/// A Kakao account that waits to be connected. No token of Kakao's is in it: they were given back.
#[derive(Clone, Debug)]
pub struct Waiting {
    profile: KakaoProfile,
    until: OffsetDateTime,
}

/// What decides how the member whom the address belongs to can sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Who it is.
    pub member: MemberId,
    /// Whether they have a password.
    pub has_password: bool,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    a: i64,
    k: KakaoId,
    c: Option<i64>,
    n: Option<String>,
    p: Option<String>,
    e: String,
    s: String,
    u: i64,
}

impl Waiting {
    /// Begins to wait.
    pub(in crate::flow) fn begin(profile: KakaoProfile, now: OffsetDateTime) -> Self {
        Self {
            profile,
            until: now + LIFE,
        }
    }

    /// The cookie's content.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn seal(&self, vault: &Vault) -> Result<String, SealError> {
        let profile = &self.profile;
        let picture = profile.picture.clone();
        let stored = Stored {
            a: profile.app_id,
            k: profile.kakao_id,
            c: profile.connected_at.map(OffsetDateTime::unix_timestamp),
            n: profile.nickname.clone(),
            p: picture.filter(|address| address.len() <= LONGEST_PICTURE),
            e: profile.email.clone().unwrap_or_default(),
            s: profile.scopes.clone(),
            u: self.until.unix_timestamp(),
        };
        let plain = serde_json::to_vec(&stored).map_err(|_| SealError)?;
        vault.seal(CONTEXT, &plain)
    }

    fn open(vault: &Vault, sealed: &str) -> Option<Self> {
        let plain = vault.open(CONTEXT, sealed)?;
        let stored: Stored = serde_json::from_slice(&plain).ok()?;
        let connected_at = stored.c.map(OffsetDateTime::from_unix_timestamp);
        Some(Self {
            profile: KakaoProfile {
                app_id: stored.a,
                kakao_id: stored.k,
                connected_at: connected_at.transpose().ok()?,
                nickname: stored.n,
                picture: stored.p,
                // Only an address that Kakao vouches for makes anybody wait.
                email: Some(stored.e),
                email_valid: true,
                email_verified: true,
                scopes: stored.s,
            },
            until: OffsetDateTime::from_unix_timestamp(stored.u).ok()?,
        })
    }

    /// The address.
    #[must_use]
    pub fn email(&self) -> &str {
        self.profile.email.as_deref().unwrap_or_default()
    }

    /// The name at Kakao.
    #[must_use]
    pub fn nickname(&self) -> Option<&str> {
        self.profile.nickname.as_deref()
    }

    fn key(&self) -> Option<String> {
        Some(self.profile.address()?.key())
    }
}

impl Gate {
    /// The member whose address this is, where somebody unknown comes with it from Kakao. Where
    /// members cannot sign in by email, nobody could ever prove to be that one: the newcomer is
    /// let in, without the address.
    pub(in crate::flow) fn conflict(
        &self,
        connection: &mut AnyConnection,
        profile: &KakaoProfile,
    ) -> Result<Option<MemberId>, store::Error> {
        let Some(address) = profile.address().filter(|_| self.takes_email()) else {
            return Ok(None);
        };
        if members::of_kakao(connection, profile)?.is_some() {
            return Ok(None);
        }
        let holder = passwords::holder(connection, &address.key())?;
        Ok(holder.map(|holder| holder.member))
    }

    /// What waits in this browser, while it does.
    #[must_use]
    pub fn waiting(&self, sealed: Option<&str>) -> Option<Waiting> {
        let waiting = Waiting::open(&self.vault, sealed?)?;
        let ours = waiting.profile.app_id == self.rules.app_id;
        (ours && self.clock.now() < waiting.until).then_some(waiting)
    }

    /// Whose address it is that waits; `None` when it is nobody's any more.
    ///
    /// # Errors
    /// The store's.
    pub async fn owner_of(&self, waiting: &Waiting) -> Result<Option<Owner>, store::Error> {
        let Some(key) = waiting.key() else {
            return Ok(None);
        };
        let holder = self
            .store
            .read(move |connection| passwords::holder(connection, &key))
            .await?;
        Ok(holder.map(|holder| Owner {
            member: holder.member,
            has_password: holder.kept.is_some(),
        }))
    }

    /// Connects what waits to the member who is signed in and says so, if the address is theirs.
    ///
    /// # Errors
    /// The store's.
    pub async fn connect_waiting(
        &self,
        signed_in: &SignedIn,
        waiting: Waiting,
        origin: &Origin,
    ) -> Result<Connected, store::Error> {
        let (member, now) = (signed_in.member.clone(), self.clock.now());
        let (gate, from) = (self.clone(), origin.clone());
        self.store
            .write(move |connection| {
                acts::hold_self(connection, member.id)?;
                let own = account::of(connection, member.id)?;
                let key = own.filter(|own| own.email_verified_at.is_some());
                let key = key.and_then(|own| own.email_key);
                let audited = Audited::own(member.id, "kakao.link", &from);
                if key.is_none() || key != waiting.key() {
                    gate.audit(connection, &[audited.refused("other_address")], now)?;
                    return Ok(Connected::OtherAddress);
                }
                let profile = &waiting.profile;
                let connected = gate.connect(connection, &member, profile, now)?;
                let audited = match connected.refusal() {
                    None => audited,
                    Some(refusal) => audited.refused(refusal),
                };
                gate.audit(connection, &[audited], now)?;
                Ok(connected)
            })
            .await
    }
}
