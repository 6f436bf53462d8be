//! The keys that sign access tokens, shared by all instances through the database.

use std::sync::{Arc, Mutex, PoisonError};

use time::{Duration, OffsetDateTime};

use crate::access::{self, KeySet, SigningKey, StoredKey};
use crate::flow::Gate;
use crate::store::signing_keys::{self, KeptKey};
use crate::store::{self, AnyConnection};

/// How long a new key is published before it signs: longer than anybody keeps the set that was
/// published before, and than any instance goes without reading it anew.
const AHEAD: Duration = Duration::minutes(15);

/// How long what was read is used before it is read again.
const FRESH: Duration = Duration::minutes(1);

/// How soon it is read again for a key that is not among them, whoever names it.
const SOON: Duration = Duration::seconds(5);

/// What the vault binds the private half to.
fn context(kid: &str) -> String {
    format!("signing_keys.sealed/{kid}")
}

/// The set that this process has read last.
#[derive(Debug, Default)]
pub struct AccessKeys(Mutex<Option<(OffsetDateTime, Arc<KeySet>)>>);

impl AccessKeys {
    fn read(&self, now: OffsetDateTime, fresh: Duration) -> Option<Arc<KeySet>> {
        let held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, keys) = held.as_ref()?;
        (now - *at < fresh).then(|| keys.clone())
    }

    fn hold(&self, now: OffsetDateTime, keys: Arc<KeySet>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, keys));
    }
}

impl Gate {
    /// The keys that are published.
    ///
    /// # Errors
    /// The store's.
    pub async fn access_keys(&self) -> Result<Arc<KeySet>, store::Error> {
        self.access_keys_within(FRESH).await
    }

    /// The same, read again unless that was a moment ago.
    pub(super) async fn access_keys_anew(&self) -> Result<Arc<KeySet>, store::Error> {
        self.access_keys_within(SOON).await
    }

    async fn access_keys_within(&self, fresh: Duration) -> Result<Arc<KeySet>, store::Error> {
        let now = self.clock.now();
        if let Some(keys) = self.access.read(now, fresh) {
            return Ok(keys);
        }
        let gate = self.clone();
        let keys = self
            .store
            .read_promptly(move |connection| gate.read_keys(connection, now))
            .await?;
        // The first of all is made by whoever needs it first.
        let keys = if keys.signing(now).is_some() {
            keys
        } else {
            self.first_key(now).await?
        };
        let keys = Arc::new(keys);
        self.access.hold(now, keys.clone());
        Ok(keys)
    }

    /// The key that signs now.
    pub(super) async fn signing_key(&self) -> Result<SigningKey, store::Error> {
        let keys = self.access_keys().await?;
        let key = keys.signing(self.clock.now()).cloned();
        key.ok_or(store::Error::Work("there is no key to sign with"))
    }

    /// A new key, which is published at once and signs in a quarter of an hour; those before are
    /// published until the last token that they signed has ended. Says its name.
    ///
    /// # Errors
    /// The store's.
    pub async fn rotate_keys(&self) -> Result<String, store::Error> {
        let now = self.clock.now();
        let gate = self.clone();
        self.store
            .write(move |connection| gate.add_key(connection, now + AHEAD, now))
            .await
    }

    async fn first_key(&self, now: OffsetDateTime) -> Result<KeySet, store::Error> {
        let gate = self.clone();
        self.store
            .write(move |connection| {
                let keys = gate.read_keys(connection, now)?;
                if keys.signing(now).is_some() {
                    return Ok(keys);
                }
                gate.add_key(connection, now, now)?;
                gate.read_keys(connection, now)
            })
            .await
    }

    fn add_key(
        &self,
        connection: &mut AnyConnection,
        signs_from: OffsetDateTime,
        now: OffsetDateTime,
    ) -> Result<String, store::Error> {
        let unusable = |_| store::Error::Work("a signing key was not made");
        let key = StoredKey::generate().map_err(unusable)?;
        let kept = KeptKey {
            sealed: self.vault.seal(&context(&key.kid), &key.private)?,
            public: key.public.to_string(),
            kid: key.kid,
            signs_from,
        };
        let gone_at = signs_from + access::LIFE + AHEAD;
        signing_keys::add(connection, &kept, gone_at, now)?;
        Ok(kept.kid)
    }

    fn read_keys(
        &self,
        connection: &mut AnyConnection,
        now: OffsetDateTime,
    ) -> Result<KeySet, store::Error> {
        let mut keys = KeySet::default();
        for kept in signing_keys::published(connection, now)? {
            let private = self.vault.open(&context(&kept.kid), &kept.sealed);
            let public = serde_json::from_str(&kept.public).ok();
            // One that was sealed with a `SECRET_KEY` that is gone signs nothing any more.
            let Some((private, public)) = private.zip(public) else {
                tracing::error!(kid = kept.kid, "a signing key cannot be opened");
                continue;
            };
            let key = StoredKey {
                kid: kept.kid,
                private,
                public,
            };
            keys.add(&key, kept.signs_from)
                .map_err(|_| store::Error::Unexpected("signing_keys.public"))?;
        }
        Ok(keys)
    }
}
