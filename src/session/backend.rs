//! Where session state is kept: in the cookie, or in Redis.
//!
//! Our own store for Redis, because actix-session's was measured to bring ended sessions back
//! under a new key, to keep raw session keys, and to hang with a Redis that hangs.

use std::collections::HashMap;
use std::time::Duration;

use actix_session::storage::{
    CookieSessionStore, LoadError, SaveError, SessionKey, SessionStore, UpdateError,
};
use actix_web::cookie::time::Duration as Ttl;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};

use super::{TOKEN, Token};
use crate::config::SessionBackend;
use crate::vault::fingerprint;

type State = HashMap<String, String>;

/// The longest one command to Redis may take.
const PATIENCE: Duration = Duration::from_secs(1);

/// `REDIS_URL` cannot be taken apart.
#[derive(Debug, thiserror::Error)]
#[error("REDIS_URL is not an address of a Redis server")]
pub struct InvalidRedisUrl;

/// Redis did not do what was asked, in time or at all. Nobody is logged out by it: the request
/// is answered 503.
#[derive(Debug, thiserror::Error)]
#[error("the session store is not available: {0}")]
pub struct BackendDown(String);

/// The configured place for session state.
#[derive(Clone)]
pub enum Backend {
    /// In the cookie itself.
    Cookie,
    /// In Redis.
    Redis(RedisSessions),
}

/// Session state in Redis, under a digest of the session key: who reads Redis cannot make a
/// cookie from it.
#[derive(Clone)]
pub struct RedisSessions {
    connection: ConnectionManager,
    prefix: String,
}

impl Backend {
    /// Makes the backend that the settings name. Redis is connected to when it is first needed,
    /// so that we start without it. Must be called inside a Tokio runtime.
    ///
    /// # Errors
    /// [`InvalidRedisUrl`].
    pub fn open(settings: &SessionBackend) -> Result<Self, InvalidRedisUrl> {
        match settings {
            SessionBackend::Cookie => Ok(Self::Cookie),
            SessionBackend::Redis { url, prefix } => {
                let client = redis::Client::open(url.expose()).map_err(|_| InvalidRedisUrl)?;
                let config = ConnectionManagerConfig::new()
                    .set_connection_timeout(Some(PATIENCE))
                    .set_response_timeout(Some(PATIENCE))
                    .set_number_of_retries(2)
                    .set_min_delay(Duration::from_millis(50))
                    .set_max_delay(Duration::from_millis(500));
                let connection = ConnectionManager::new_lazy_with_config(client, config)
                    .map_err(|_| InvalidRedisUrl)?;
                Ok(Self::Redis(RedisSessions {
                    connection,
                    prefix: format!("{prefix}session:"),
                }))
            }
        }
    }

    /// Whether the place where state is kept can be written to.
    ///
    /// # Errors
    /// [`BackendDown`].
    pub async fn ping(&self) -> Result<(), BackendDown> {
        match self {
            Self::Cookie => Ok(()),
            Self::Redis(redis) => {
                // A write, because a full or read-only Redis answers PING as if all were well.
                let mut command = redis::cmd("SET");
                command
                    .arg(format!("{}ready", redis.prefix))
                    .arg("1")
                    .arg("PX")
                    .arg(60_000);
                redis.run::<()>(command).await
            }
        }
    }
}

impl RedisSessions {
    fn key(&self, session_key: &SessionKey) -> String {
        format!(
            "{}{}",
            self.prefix,
            fingerprint(session_key.as_ref().as_bytes())
        )
    }

    /// Sends one command, and once more when the connection turns out to have been closed while
    /// nobody used it. Every command here comes to the same when it is done twice.
    async fn run<T: redis::FromRedisValue>(&self, command: redis::Cmd) -> Result<T, BackendDown> {
        let answer = async {
            let mut connection = self.connection.clone();
            match command.query_async(&mut connection).await {
                Err(error) if is_closed(&error) => command.query_async(&mut connection).await,
                answer => answer,
            }
        };
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(value)) => Ok(value),
            // The kind and code only: the message of a failed login to Redis may quote the URL.
            Ok(Err(error)) => {
                let code = error.code().unwrap_or_default().to_owned();
                Err(BackendDown(format!("{:?} {code}", error.kind())))
            }
            Err(_) => Err(BackendDown("no answer in time".to_owned())),
        }
    }

    async fn load(&self, session_key: &SessionKey) -> Result<Option<State>, LoadError> {
        let mut command = redis::cmd("GET");
        command.arg(self.key(session_key));
        let value: Option<String> = self.run(command).await.map_err(other(LoadError::Other))?;
        match value {
            Some(json) => serde_json::from_str(&json)
                .map(Some)
                .map_err(|error| LoadError::Deserialization(error.into())),
            // Redis was emptied, or dropped the key for want of memory. The session key is the
            // token, so nothing is lost; whether the session still lives, its row decides.
            None => Ok(Token::decode(session_key.as_ref()).map(|token| state_of(&token))),
        }
    }

    async fn save(&self, state: &State, ttl: &Ttl) -> Result<SessionKey, SaveError> {
        let token = state
            .get(TOKEN)
            .and_then(|json| serde_json::from_str::<String>(json).ok());
        let token = token.and_then(|text| Token::decode(&text));
        let token = token.ok_or_else(|| SaveError::Other(anyhow::anyhow!("no token to save")))?;
        let key =
            SessionKey::try_from(token.encode()).map_err(|error| SaveError::Other(error.into()))?;
        let json =
            serde_json::to_string(state).map_err(|error| SaveError::Serialization(error.into()))?;
        let mut command = redis::cmd("SET");
        command
            .arg(self.key(&key))
            .arg(json)
            .arg("PX")
            .arg(millis(ttl));
        self.run::<()>(command)
            .await
            .map_err(other(SaveError::Other))?;
        Ok(key)
    }

    /// Changes a state that is still there. One that is not stays gone: writing it anew is how
    /// a request in flight brings a logged-out session back.
    async fn update(&self, key: &SessionKey, state: &State, ttl: &Ttl) -> Result<(), UpdateError> {
        let json = serde_json::to_string(state)
            .map_err(|error| UpdateError::Serialization(error.into()))?;
        let mut command = redis::cmd("SET");
        command
            .arg(self.key(key))
            .arg(json)
            .arg("XX")
            .arg("PX")
            .arg(millis(ttl));
        self.run::<Option<String>>(command)
            .await
            .map_err(other(UpdateError::Other))?;
        Ok(())
    }

    async fn update_ttl(&self, key: &SessionKey, ttl: &Ttl) -> Result<(), BackendDown> {
        let mut command = redis::cmd("PEXPIRE");
        command.arg(self.key(key)).arg(millis(ttl));
        self.run::<i64>(command).await.map(|_| ())
    }

    /// Forgets a state, if Redis lets us. What is left behind names a session that its row says
    /// has ended, and goes away by itself: no reason to tell a person who has just signed out
    /// that it did not work.
    async fn delete(&self, key: &SessionKey) {
        let mut command = redis::cmd("DEL");
        command.arg(self.key(key));
        if let Err(error) = self.run::<i64>(command).await {
            tracing::warn!(%error, "state of an ended session left in Redis until it expires");
        }
    }
}

/// Whether the connection was gone before the command could be answered.
fn is_closed(error: &redis::RedisError) -> bool {
    error.is_connection_dropped() || (error.is_io_error() && !error.is_timeout())
}

fn state_of(token: &Token) -> State {
    let json = serde_json::Value::String(token.encode()).to_string();
    HashMap::from([(TOKEN.to_owned(), json)])
}

fn millis(ttl: &Ttl) -> i64 {
    i64::try_from(ttl.whole_milliseconds())
        .unwrap_or(i64::MAX)
        .max(1)
}

fn other<E>(wrap: impl Fn(anyhow::Error) -> E) -> impl Fn(BackendDown) -> E {
    move |down| wrap(down.into())
}

impl SessionStore for Backend {
    async fn load(&self, key: &SessionKey) -> Result<Option<State>, LoadError> {
        match self {
            Self::Cookie => CookieSessionStore::default().load(key).await,
            Self::Redis(redis) => redis.load(key).await,
        }
    }

    async fn save(&self, state: State, ttl: &Ttl) -> Result<SessionKey, SaveError> {
        match self {
            Self::Cookie => CookieSessionStore::default().save(state, ttl).await,
            Self::Redis(redis) => redis.save(&state, ttl).await,
        }
    }

    async fn update(
        &self,
        key: SessionKey,
        state: State,
        ttl: &Ttl,
    ) -> Result<SessionKey, UpdateError> {
        match self {
            Self::Cookie => CookieSessionStore::default().update(key, state, ttl).await,
            Self::Redis(redis) => redis.update(&key, &state, ttl).await.map(|()| key),
        }
    }

    async fn update_ttl(&self, key: &SessionKey, ttl: &Ttl) -> Result<(), anyhow::Error> {
        match self {
            Self::Cookie => CookieSessionStore::default().update_ttl(key, ttl).await,
            Self::Redis(redis) => Ok(redis.update_ttl(key, ttl).await?),
        }
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        match self {
            Self::Cookie => CookieSessionStore::default().delete(key).await,
            Self::Redis(redis) => {
                redis.delete(key).await;
                Ok(())
            }
        }
    }
}
