//! Kakao's keys, and what is signed with them (RFC 7515, RFC 7517, RFC 7518 section 3.3). Making
//! and using them takes the time of a processor: nothing here belongs on a thread that serves.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize, PublicKey};
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

/// After so many rotations the first key comes again: making one takes a while.
const KEYS: usize = 8;
/// The place of the key that is never published.
const STRANGER: usize = KEYS;

/// A token of three parts, before it is signed. What is in it is signed as it is, right or wrong.
#[derive(Clone, Debug, PartialEq)]
pub struct Jwt {
    /// The JOSE header: `alg`, `typ`, `kid`.
    pub header: Value,
    /// The claims.
    pub claims: Value,
    /// Who signs, whatever the header says.
    pub signer: Signer,
}

/// Who signs a [`Jwt`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signer {
    /// The newer of the two published keys, with RS256.
    #[default]
    Kakao,
    /// A key that was never published, with RS256.
    Stranger,
    /// HS256 with the PEM text of the newer public key as the secret.
    PublicKeyAsSecret,
    /// Nobody: the third part is empty.
    Nobody,
}

/// A key could not be made or used.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no key to sign with")]
pub(super) struct NoKey;

/// Which keys are Kakao's at present: two published, of which the newer signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Ring {
    rotations: usize,
}

/// A change to every ID token before it is signed.
#[derive(Clone)]
pub(super) struct Alteration(pub(super) Arc<dyn Fn(&mut Jwt) + Send + Sync>);

impl fmt::Debug for Alteration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Alteration")
    }
}

/// A key pair and its name.
#[derive(Debug)]
struct Key {
    kid: String,
    pair: KeyPair,
}

impl Ring {
    /// Publishes a new key, which signs from now on, and withdraws the older of the two.
    pub(super) fn rotate(&mut self) {
        self.rotations += 1;
    }

    /// The body of `/.well-known/jwks.json`.
    pub(super) fn jwks(self) -> Result<Value, NoKey> {
        Ok(json!({"keys": [self.older()?.public(), self.newer()?.public()]}))
    }

    /// The name of the key that signs.
    pub(super) fn kid(self) -> Result<String, NoKey> {
        Ok(self.newer()?.kid.clone())
    }

    /// A token of this type as Kakao would sign it.
    pub(super) fn jwt(self, typ: &str, claims: Value) -> Result<Jwt, NoKey> {
        Ok(Jwt {
            header: json!({"alg": "RS256", "typ": typ, "kid": self.kid()?}),
            claims,
            signer: Signer::Kakao,
        })
    }

    /// The compact serialisation (RFC 7515 section 7.1).
    pub(super) fn sign(self, jwt: &Jwt) -> Result<String, NoKey> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&jwt.header), part(&jwt.claims));
        let signature = match jwt.signer {
            Signer::Kakao => self.newer()?.sign(message.as_bytes())?,
            Signer::Stranger => key(STRANGER)?.sign(message.as_bytes())?,
            Signer::PublicKeyAsSecret => {
                let secret = self.newer()?.pem()?;
                let secret = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
                hmac::sign(&secret, message.as_bytes()).as_ref().to_vec()
            }
            Signer::Nobody => Vec::new(),
        };
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// Whether the published key `kid` has signed `message`.
    pub(super) fn has_signed(
        self,
        kid: &str,
        message: &str,
        signature: &[u8],
    ) -> Result<bool, NoKey> {
        for key in [self.newer()?, self.older()?] {
            if key.kid == kid {
                return Ok(key.has_signed(message.as_bytes(), signature));
            }
        }
        Ok(false)
    }

    fn older(self) -> Result<Arc<Key>, NoKey> {
        key(self.rotations % KEYS)
    }

    fn newer(self) -> Result<Arc<Key>, NoKey> {
        key((self.rotations + 1) % KEYS)
    }
}

impl Key {
    fn generate() -> Result<Self, NoKey> {
        let pair = KeyPair::generate(KeySize::Rsa2048).map_err(|_| NoKey)?;
        let name = digest(&SHA256, pair.public_key().as_ref());
        let kid = name.as_ref().iter().take(15);
        Ok(Self {
            kid: kid.map(|byte| format!("{byte:02x}")).collect(),
            pair,
        })
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, NoKey> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message,
                &mut signature,
            )
            .map_err(|_| NoKey)?;
        Ok(signature)
    }

    fn has_signed(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.pair.public_key())
            .verify(message, signature)
            .is_ok()
    }

    /// The public half (RFC 7517 section 4, RFC 7518 section 6.3.1).
    fn public(&self) -> Value {
        json!({
            "kid": self.kid,
            "kty": "RSA",
            "alg": "RS256",
            "use": "sig",
            "n": URL_SAFE_NO_PAD.encode(modulus(self.pair.public_key())),
            "e": "AQAB",
        })
    }

    /// The public half as libraries read it from a file.
    fn pem(&self) -> Result<String, NoKey> {
        let der: PublicKeyX509Der<'_> = self.pair.public_key().as_der().map_err(|_| NoKey)?;
        let text = STANDARD.encode(der.as_ref());
        let lines: Vec<_> = text
            .as_bytes()
            .chunks(64)
            .map(String::from_utf8_lossy)
            .collect();
        let lines = lines.join("\n");
        Ok(format!(
            "-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n"
        ))
    }
}

/// The modulus out of the DER form (RFC 8017 appendix A.1.1), which looks alike for all keys of
/// 2,048 bits: a sequence of this number, after nine bytes, and the exponent 65537.
fn modulus(key: &PublicKey) -> &[u8] {
    key.as_ref().get(9..265).unwrap_or_default()
}

/// The key at this place, the same for every emulator of the process: test suites start hundreds.
fn key(place: usize) -> Result<Arc<Key>, NoKey> {
    static MADE: Mutex<BTreeMap<usize, Arc<Key>>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(key) = made.get(&place) {
        return Ok(Arc::clone(key));
    }
    let key = Arc::new(Key::generate()?);
    made.insert(place, Arc::clone(&key));
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signature(compact: &str) -> (&str, Vec<u8>) {
        let (message, signature) = compact.rsplit_once('.').unwrap();
        (message, URL_SAFE_NO_PAD.decode(signature).unwrap())
    }

    #[test]
    fn a_token_is_of_the_newer_key_and_outlives_one_rotation() {
        let mut ring = Ring::default();
        let jwt = ring.jwt("JWT", json!({"sub": "1"})).unwrap();
        let kid = ring.kid().unwrap();
        assert_eq!(jwt.header["kid"], kid.as_str());
        assert_eq!(kid.len(), 30);
        let signed = ring.sign(&jwt).unwrap();
        let (message, bytes) = signature(&signed);
        for expected in [true, true, false] {
            assert_eq!(ring.has_signed(&kid, message, &bytes).unwrap(), expected);
            assert!(!ring.has_signed(&kid, "else", &bytes).unwrap());
            ring.rotate();
        }
    }

    #[test]
    fn only_kakaos_own_signature_is_one() {
        let ring = Ring::default();
        let mut jwt = ring.jwt("JWT", json!({})).unwrap();
        for signer in [Signer::Stranger, Signer::PublicKeyAsSecret, Signer::Nobody] {
            jwt.signer = signer;
            let signed = ring.sign(&jwt).unwrap();
            let (message, bytes) = signature(&signed);
            let kid = ring.kid().unwrap();
            assert!(!ring.has_signed(&kid, message, &bytes).unwrap());
            assert_eq!(bytes.is_empty(), signer == Signer::Nobody);
        }
    }

    #[test]
    fn two_keys_of_2048_bits_are_published() {
        let jwks = Ring::default().jwks().unwrap();
        let keys = jwks["keys"].as_array().unwrap();
        assert_eq!(keys.len(), 2);
        assert_ne!(keys[0]["kid"], keys[1]["kid"]);
        for key in keys {
            let n = URL_SAFE_NO_PAD.decode(key["n"].as_str().unwrap()).unwrap();
            assert_eq!((n.len(), n[0] >= 0x80), (256, true));
            assert_eq!(key["e"], "AQAB");
        }
    }
}
