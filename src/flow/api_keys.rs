//! Keys of servers: made and ended by the administration, shown by the servers.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::{Audited, Gate, Origin};
use crate::api_key::{ApiKey, Scope, Secret};
use crate::member::{MemberId, Role, SignedIn};
use crate::store::members::acts;
use crate::store::{self, AnyConnection, api_keys};

/// How exactly it is known when a key was last used. A key may be shown many times a second.
const USED: Duration = Duration::minutes(1);

/// The most keys there may be at once.
const MOST: usize = 100;

/// A key that somebody wants.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What it is to be called.
    pub name: String,
    /// What it is to be used for.
    pub scopes: Vec<Scope>,
    /// How long it is to count; `None` for ever.
    pub life: Option<Duration>,
}

/// Why a key was not made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotMade {
    /// Whoever asks is no owner any more.
    Rank,
    /// Another key that counts is called that.
    NameTaken,
    /// There are too many.
    TooMany,
}

impl Gate {
    /// Every key, the newest first, each with the number of the member who made it.
    ///
    /// # Errors
    /// The store's.
    pub async fn api_keys(&self) -> Result<Vec<(ApiKey, Option<i64>)>, store::Error> {
        self.store.read(api_keys::list).await
    }

    /// Makes a key. Its secret is told here and never again.
    ///
    /// # Errors
    /// The store's.
    pub async fn make_api_key(
        &self,
        owner: &SignedIn,
        wish: NewKey,
        origin: &Origin,
    ) -> Result<Result<Secret, NotMade>, store::Error> {
        let now = self.clock.now();
        let secret = Secret::new(&self.random.bytes()?);
        let owner = owner.member.id;
        let key = ApiKey {
            id: self.random.id(now)?,
            name: wish.name,
            scopes: wish.scopes,
            made_by: Some(owner),
            created_at: now,
            last_used_at: None,
            ends_at: wish.life.map(|life| now + life),
            revoked_at: None,
        };
        let (gate, from, digest) = (self.clone(), origin.clone(), secret.digest());
        let made = self
            .store
            .write(move |connection| {
                if !is_now(connection, owner, Role::Owner, now)? {
                    return Ok(Err(NotMade::Rank));
                }
                let live = api_keys::list(connection)?;
                let live: Vec<&ApiKey> = live.iter().map(|(key, _)| key).collect();
                let live = || live.iter().filter(|other| other.is_live(now));
                if live().any(|other| other.name == key.name) {
                    return Ok(Err(NotMade::NameTaken));
                }
                if live().count() >= MOST {
                    return Ok(Err(NotMade::TooMany));
                }
                api_keys::insert(connection, &key, &digest)?;
                gate.audit_key(connection, "api_key.create", owner, &key, &from, now)?;
                Ok(Ok(()))
            })
            .await?;
        Ok(made.map(|()| secret))
    }

    /// Ends a key at once and says what it was called; `None` when there is none that counts, or
    /// whoever asks is no admin any more.
    ///
    /// # Errors
    /// The store's.
    pub async fn revoke_api_key(
        &self,
        admin: &SignedIn,
        id: Uuid,
        origin: &Origin,
    ) -> Result<Option<String>, store::Error> {
        let (now, admin) = (self.clock.now(), admin.member.id);
        let (gate, from) = (self.clone(), origin.clone());
        self.store
            .write(move |connection| {
                if !is_now(connection, admin, Role::Admin, now)? {
                    return Ok(None);
                }
                let Some(key) = api_keys::by_id(connection, id)? else {
                    return Ok(None);
                };
                if !api_keys::revoke(connection, id, now)? {
                    return Ok(None);
                }
                gate.audit_key(connection, "api_key.revoke", admin, &key, &from, now)?;
                Ok(Some(key.name))
            })
            .await
    }

    /// The key that a secret is of, if it counts now; that it was used is noted.
    ///
    /// # Errors
    /// The store's.
    pub async fn api_key(&self, secret: &Secret) -> Result<Option<ApiKey>, store::Error> {
        let (now, digest) = (self.clock.now(), secret.digest());
        let found = self
            .store
            .read(move |connection| api_keys::find(connection, &digest))
            .await?;
        let Some(key) = found.filter(|key| key.is_live(now)) else {
            return Ok(None);
        };
        if key.last_used_at.is_none_or(|at| now - at >= USED) {
            let id = key.id;
            let noted = self.store.write(move |c| api_keys::touch(c, id, now)).await;
            // Whoever may ask is not kept waiting for the note.
            if let Err(error) = noted {
                tracing::warn!(key = %id, %error, "the use of an API key was not noted");
            }
        }
        Ok(Some(key))
    }

    fn audit_key(
        &self,
        connection: &mut AnyConnection,
        action: &'static str,
        actor: MemberId,
        key: &ApiKey,
        origin: &Origin,
        now: OffsetDateTime,
    ) -> Result<(), store::Error> {
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.code()).collect();
        let entry = Audited {
            subject: None,
            detail: Some(format!("{}: {}", key.name, scopes.join(" "))),
            ..Audited::own(actor, action, origin)
        };
        self.audit(connection, &[entry], now)
    }
}

/// Whether a member has at least this role as their row says now.
fn is_now(
    connection: &mut AnyConnection,
    member: MemberId,
    role: Role,
    now: OffsetDateTime,
) -> Result<bool, store::Error> {
    let held = acts::hold(connection, &[member])?;
    let mut own = held.iter().filter(|one| one.id == member);
    Ok(own.any(|one| one.standing.admits(now) && one.role >= role))
}
