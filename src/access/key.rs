//! Keys for ES256 (RFC 7518 section 3.4), and the set of them that is published.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use jsonwebtoken::jwk::{Jwk, PublicKeyUse, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// A key could not be made, read or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing key cannot be used")]
pub struct BadKey;

/// A key as it is kept: the private half is to be sealed.
#[derive(Clone)]
pub struct StoredKey {
    /// Its name: the thumbprint of the public half (RFC 7638).
    pub kid: String,
    /// The private half, PKCS #8.
    pub private: Vec<u8>,
    /// The public half, a JWK.
    pub public: Value,
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoredKey").field(&self.kid).finish()
    }
}

impl StoredKey {
    /// A new key.
    ///
    /// # Errors
    /// [`BadKey`] when there is no randomness.
    pub fn generate() -> Result<Self, BadKey> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| BadKey)?;
        let private = pair.to_pkcs8v1().map_err(|_| BadKey)?.as_ref().to_vec();
        let key = EncodingKey::from_ec_der(&private);
        let mut jwk = Jwk::from_encoding_key(&key, Algorithm::ES256).map_err(|_| BadKey)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| BadKey)?;
        jwk.common.key_id = Some(kid.clone());
        jwk.common.public_key_use = Some(PublicKeyUse::Signature);
        let public = serde_json::to_value(&jwk).map_err(|_| BadKey)?;
        Ok(Self {
            kid,
            private,
            public,
        })
    }
}

/// The key that signs.
#[derive(Clone)]
pub struct SigningKey {
    kid: String,
    private: EncodingKey,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SigningKey").field(&self.kid).finish()
    }
}

impl SigningKey {
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }

    pub(super) fn private(&self) -> &EncodingKey {
        &self.private
    }
}

/// The keys that are published, each from when it is known on, and those of them that can sign.
#[derive(Clone, Default)]
pub struct KeySet {
    public: BTreeMap<String, (DecodingKey, Value)>,
    /// From when each signs, the latest last.
    signing: Vec<(OffsetDateTime, SigningKey)>,
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.public.keys()).finish()
    }
}

impl KeySet {
    /// Adds a key that signs from `signs_from` on, until one that begins later does.
    ///
    /// # Errors
    /// [`BadKey`] when the public half cannot be read.
    pub fn add(&mut self, key: &StoredKey, signs_from: OffsetDateTime) -> Result<(), BadKey> {
        let jwk: Jwk = serde_json::from_value(key.public.clone()).map_err(|_| BadKey)?;
        let public = DecodingKey::from_jwk(&jwk).map_err(|_| BadKey)?;
        self.public
            .insert(key.kid.clone(), (public, key.public.clone()));
        let signing = SigningKey {
            kid: key.kid.clone(),
            private: EncodingKey::from_ec_der(&key.private),
        };
        self.signing.push((signs_from, signing));
        self.signing
            .sort_by(|(at, one), (other, two)| (at, &one.kid).cmp(&(other, &two.kid)));
        Ok(())
    }

    /// The key that signs now; `None` when there is none yet.
    #[must_use]
    pub fn signing(&self, now: OffsetDateTime) -> Option<&SigningKey> {
        let begun = self.signing.iter().rev().find(|(from, _)| *from <= now);
        begun.map(|(_, key)| key)
    }

    pub(super) fn public(&self, kid: &str) -> Option<&DecodingKey> {
        self.public.get(kid).map(|(key, _)| key)
    }

    /// The set as it is published (RFC 7517 section 5).
    #[must_use]
    pub fn published(&self) -> Value {
        let keys: Vec<&Value> = self.public.values().map(|(_, jwk)| jwk).collect();
        json!({ "keys": keys })
    }
}
