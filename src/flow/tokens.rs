//! What programs hold for a member: a short access token that says who it is, and a refresh token
//! that brings the next one. Both rest on a session like a browser's: whatever ends the session ends
//! them.

mod hand_off;
mod introspect;
mod keys;

use std::time::Duration as StdDuration;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Audited, Gate, Origin, log_event};
use crate::access::{self, Claims, Parties, Refused};
use crate::member::{EndedBy, Member, Method, SignedIn};
use crate::session::Token;
use crate::store::api_tokens;
use crate::store::sessions::{self, Found, NewSession};
use crate::store::{self, AnyConnection};
use crate::vault::{Vault, fingerprint};

pub use hand_off::{HandedOver, NotTaken};
pub use keys::AccessKeys;

/// What a refresh token begins with, so that one which leaked is recognised.
const PREFIX: &str = "kgr_";

/// The longest refresh token looked at, in bytes.
const LONGEST: usize = 512;

/// What the vault binds a refresh token to, and its copy in the database.
const REFRESH: &str = "api refresh token";
const KEPT: &str = "api refresh token kept";

/// How long the token before the current one brings the current one: for whoever did not get the
/// answer, or asked twice at once.
const GRACE: Duration = Duration::seconds(30);

/// Tokens as a program is given them.
#[derive(Clone)]
pub struct Issued {
    /// A JWT.
    pub access: String,
    /// How long it lives.
    pub access_life: StdDuration,
    /// The refresh token; none where a browser's own session is behind it.
    pub refresh: Option<String>,
    /// Whose they are.
    pub member: Member,
}

/// Why there are no tokens.
#[derive(Debug)]
pub enum NotIssued {
    /// The refresh token is not one, or its session has ended.
    Invalid,
    /// It was used before, by somebody: the session has ended with it.
    Reused,
    /// The store's.
    Store(store::Error),
}

impl From<store::Error> for NotIssued {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

/// Why an access token shows nobody.
#[derive(Debug)]
pub enum NotShown {
    /// It is not one of ours, or its time is over.
    Refused(Refused),
    /// Its session has ended.
    Ended,
    /// Nobody knows: the database did not answer.
    Store(store::Error),
}

impl From<store::Error> for NotShown {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

/// What a refresh token holds. It opens only with our key, so that a made-up one touches no session.
#[derive(Serialize, Deserialize)]
struct Refresh {
    s: Uuid,
    r: [u8; 16],
}

/// What became of a refresh token within the transaction.
enum Turn {
    Invalid,
    Reused,
    Next(Box<SignedIn>, String),
}

impl Gate {
    /// Who signs, and for whom.
    #[must_use]
    pub fn parties(&self) -> Parties {
        Parties {
            issuer: self.rules.public_url.origin().to_owned(),
            audience: self.rules.api_audience.clone(),
        }
    }

    /// An access token for a browser that is signed in, for pages of the same site that are programs
    /// themselves. It ends with the browser's session.
    ///
    /// # Errors
    /// The store's.
    pub async fn issue_for_session(&self, signed_in: &SignedIn) -> Result<Issued, store::Error> {
        self.issue(signed_in.member.clone(), signed_in.session.id, None)
            .await
    }

    async fn issue(
        &self,
        member: Member,
        session: Uuid,
        refresh: Option<String>,
    ) -> Result<Issued, store::Error> {
        let now = self.clock.now();
        let key = self.signing_key().await?;
        let claims = Claims::new(
            &self.parties(),
            (member.id, session),
            self.random.id(now)?,
            now,
        );
        let access = claims.sign(&key);
        Ok(Issued {
            access: access.map_err(|_| store::Error::Work("an access token was not signed"))?,
            access_life: access::LIFE.unsigned_abs(),
            refresh,
            member,
        })
    }

    /// A session of a program, with the first of its refresh tokens.
    fn begin_chain(
        &self,
        connection: &mut AnyConnection,
        member: &Member,
        method: Method,
        origin: &Origin,
        now: OffsetDateTime,
    ) -> Result<(Uuid, String), store::Error> {
        // No cookie can be of this session: nobody is ever told what its secret is.
        let token = Token::of_attempt(self.random.id(now)?, &self.random.bytes()?);
        let session = NewSession {
            // A token of Kakao's may be hours old: nobody was asked who they are.
            unasked: true,
            ..self.new_session(&token, member, method, origin, now)
        };
        let refresh = self.new_refresh(session.id)?;
        sessions::insert(connection, &session)?;
        let kept = (fingerprint(refresh.as_bytes()), self.sealed_copy(&refresh)?);
        api_tokens::begin(connection, session.id, (&kept.0, &kept.1), now)?;
        Ok((session.id, refresh))
    }

    fn new_refresh(&self, session: Uuid) -> Result<String, store::Error> {
        let refresh = Refresh {
            s: session,
            r: self.random.bytes()?,
        };
        let plain = serde_json::to_vec(&refresh)
            .map_err(|_| store::Error::Work("a refresh token was not written"))?;
        Ok(format!("{PREFIX}{}", self.vault.seal(REFRESH, &plain)?))
    }

    fn sealed_copy(&self, refresh: &str) -> Result<String, store::Error> {
        Ok(self.vault.seal(KEPT, refresh.as_bytes())?)
    }

    /// The next tokens. The refresh token is replaced; the one before brings the same for half a
    /// minute, for a program that did not get the answer. An older one has been copied by somebody,
    /// so the session ends (RFC 9700 section 4.14.2).
    ///
    /// # Errors
    /// [`NotIssued`].
    pub async fn go_on(&self, refresh: &str, origin: &Origin) -> Result<Issued, NotIssued> {
        let now = self.clock.now();
        let session = opened(&self.vault, refresh).ok_or(NotIssued::Invalid)?;
        let (gate, from, shown) = (self.clone(), origin.clone(), refresh.to_owned());
        let turn = self
            .store
            .write_promptly(move |connection| gate.turn(connection, session, &shown, &from, now))
            .await?;
        match turn {
            Turn::Invalid => Err(NotIssued::Invalid),
            Turn::Reused => {
                self.owed.notify_one();
                Err(NotIssued::Reused)
            }
            Turn::Next(signed_in, next) => {
                let member = signed_in.member.clone();
                Ok(self.issue(member, session, Some(next)).await?)
            }
        }
    }

    fn turn(
        &self,
        connection: &mut AnyConnection,
        session: Uuid,
        shown: &str,
        origin: &Origin,
        now: OffsetDateTime,
    ) -> Result<Turn, store::Error> {
        let found = sessions::find_signed(connection, session, self.rules.app_id, now)?;
        let Found::Live(signed_in) = found else {
            return Ok(Turn::Invalid);
        };
        let shown_digest = fingerprint(shown.as_bytes());
        // The session's row first, in the order of whatever ends it.
        let idle = self.rules.idle_of(signed_in.member.role);
        let idle_ends_at = (now + idle).min(signed_in.session.ends_at);
        sessions::touch(connection, session, now, idle_ends_at)?;
        let next = self.new_refresh(session)?;
        let new = (fingerprint(next.as_bytes()), self.sealed_copy(&next)?);
        if api_tokens::replace(connection, session, &shown_digest, (&new.0, &new.1), now)? {
            return Ok(Turn::Next(signed_in, next));
        }
        let Some(current) = api_tokens::current(connection, session)? else {
            return Ok(Turn::Invalid);
        };
        let is_previous = current.previous.as_deref() == Some(shown_digest.as_str());
        if is_previous && now - current.replaced_at <= GRACE {
            let kept = self.vault.open(KEPT, &current.sealed);
            let kept = kept.and_then(|kept| String::from_utf8(kept).ok());
            return Ok(match kept {
                Some(kept) => Turn::Next(signed_in, kept),
                None => Turn::Invalid,
            });
        }
        let member = signed_in.member.id;
        if let Some(ended) = sessions::end(connection, member, session, EndedBy::Reuse, now)? {
            self.owe_for(connection, member, &ended, now)?;
        }
        let audited = Audited::own(member, "api.refresh", origin).refused("reused");
        self.audit(connection, &[audited], now)?;
        Ok(Turn::Reused)
    }

    /// Who an access token shows: it is ours, and its session lives now.
    ///
    /// # Errors
    /// [`NotShown`].
    pub async fn whose(&self, access: &str) -> Result<SignedIn, NotShown> {
        Ok(self.shown(access).await?.1)
    }

    async fn shown(&self, access: &str) -> Result<(Claims, SignedIn), NotShown> {
        let now = self.clock.now();
        let parties = self.parties();
        let keys = self.access_keys().await?;
        let claims = match Claims::verify(access, &keys, &parties, now) {
            // Another instance may have made the first key a moment ago.
            Err(Refused::UnknownKey) => {
                let keys = self.access_keys_anew().await?;
                Claims::verify(access, &keys, &parties, now)
            }
            claims => claims,
        };
        let claims = claims.map_err(NotShown::Refused)?;
        let (app_id, session) = (self.rules.app_id, claims.sid);
        let found = self
            .store
            .read_promptly(move |connection| {
                sessions::find_signed(connection, session, app_id, now)
            })
            .await?;
        match found {
            Found::Live(signed_in) if signed_in.member.id == claims.sub => Ok((claims, *signed_in)),
            _ => Err(NotShown::Ended),
        }
    }

    /// Ends the session behind a refresh token; one that is none, or whose session has ended, leaves
    /// nothing to be done (RFC 7009 section 2.2).
    ///
    /// # Errors
    /// The store's.
    pub async fn revoke(&self, refresh: &str, origin: &Origin) -> Result<(), store::Error> {
        let Some(session) = opened(&self.vault, refresh) else {
            return Ok(());
        };
        let now = self.clock.now();
        let (gate, from) = (self.clone(), origin.clone());
        let ended = self
            .store
            .write(move |connection| {
                let app_id = gate.rules.app_id;
                let found = sessions::find_signed(connection, session, app_id, now)?;
                let Found::Live(signed_in) = found else {
                    return Ok(None);
                };
                let member = signed_in.member.id;
                if let Some(ended) =
                    sessions::end(connection, member, session, EndedBy::Logout, now)?
                {
                    gate.owe_for(connection, member, &ended, now)?;
                }
                gate.audit(connection, &[Audited::own(member, "logout", &from)], now)?;
                Ok(Some(member))
            })
            .await?;
        if let Some(member) = ended {
            self.owed.notify_one();
            log_event("logout", member, session, origin);
        }
        Ok(())
    }
}

/// The session that a refresh token is of; `None` for what we did not make.
fn opened(vault: &Vault, refresh: &str) -> Option<Uuid> {
    let sealed = refresh.strip_prefix(PREFIX)?;
    if refresh.len() > LONGEST {
        return None;
    }
    let refresh: Refresh = serde_json::from_slice(&vault.open(REFRESH, sealed)?).ok()?;
    Some(refresh.s)
}
