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

/// Why a key was not ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRevoked {
    /// Whoever asks is no admin any more.
    Rank,
    /// It counts no more already, or never was.
    Gone,
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
        let id = self.random.id(now)?;
        let key = ApiKey {
            id,
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
        if made.is_ok() {
            log_key("api_key.create", id, owner, origin);
        }
        Ok(made.map(|()| secret))
    }

    /// Ends a key at once and says what it was called.
    ///
    /// # Errors
    /// The store's.
    pub async fn revoke_api_key(
        &self,
        admin: &SignedIn,
        id: Uuid,
        origin: &Origin,
    ) -> Result<Result<String, NotRevoked>, store::Error> {
        let (now, admin) = (self.clock.now(), admin.member.id);
        let (gate, from) = (self.clone(), origin.clone());
        let revoked = self
            .store
            .write(move |connection| {
                if !is_now(connection, admin, Role::Admin, now)? {
                    return Ok(Err(NotRevoked::Rank));
                }
                let key = api_keys::by_id(connection, id)?;
                let Some(key) = key.filter(|key| key.is_live(now)) else {
                    return Ok(Err(NotRevoked::Gone));
                };
                if !api_keys::revoke(connection, id, now)? {
                    return Ok(Err(NotRevoked::Gone));
                }
                gate.audit_key(connection, "api_key.revoke", admin, &key, &from, now)?;
                Ok(Ok(key.name))
            })
            .await?;
        if revoked.is_ok() {
            log_key("api_key.revoke", id, admin, origin);
        }
        Ok(revoked)
    }

    /// The key that a secret is of, if it counts now; that it was used is noted.
    ///
    /// # Errors
    /// The store's.
    pub async fn api_key(&self, secret: &Secret) -> Result<Option<ApiKey>, store::Error> {
        let (now, digest) = (self.clock.now(), secret.digest());
        let found = self
            .store
            .read_promptly(move |connection| api_keys::find(connection, &digest))
            .await?;
        let Some(key) = found.filter(|key| key.is_live(now)) else {
            return Ok(None);
        };
        if key.last_used_at.is_none_or(|at| now - at >= USED) {
            self.note_use_later(key.id, now);
        }
        Ok(Some(key))
    }

    /// Notes the use of a key beside the request, as that of a session is.
    fn note_use_later(&self, key: Uuid, now: OffsetDateTime) {
        let store = self.store.clone();
        tokio::spawn(async move {
            let noted = store.write_if_idle(move |c| api_keys::touch(c, key, now - USED, now));
            if let Err(error) = noted.await {
                tracing::debug!(%error, key.id = %key, "last use of an API key not noted");
            }
        });
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
            detail: Some(format!("{} ({}): {}", key.name, key.id, scopes.join(" "))),
            ..Audited::own(actor, action, origin)
        };
        self.audit(connection, &[entry], now)
    }
}

/// One structured line a key that is made or ended.
fn log_key(action: &str, key: Uuid, actor: MemberId, origin: &Origin) {
    tracing::info!(
        action,
        key.id = %key,
        %actor,
        client.address = %origin.ip,
        request.id = %origin.request_id,
        "API key"
    );
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
