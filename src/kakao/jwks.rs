//! A set of Kakao's public keys (RFC 7517 section 5), and what one of them has signed.

use std::collections::HashMap;
use std::fmt;

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;
use serde_json::Value;

/// The most keys of a set that are looked at; Kakao publishes two.
const MOST: usize = 16;

/// Keys by their `kid`.
#[derive(Default)]
pub(super) struct Jwks(HashMap<String, DecodingKey>);

#[derive(Deserialize)]
struct Body {
    keys: Vec<Value>,
}

impl Jwks {
    /// Reads a set and leaves out what cannot have signed anything for us: other kinds of keys,
    /// other uses and algorithms, keys without a name, and what is no key (RFC 7517 section 5).
    pub(super) fn parse(body: &[u8]) -> Result<Self, &'static str> {
        let body: Body = serde_json::from_slice(body).map_err(|_| "no set of keys")?;
        let keys: HashMap<_, _> = body
            .keys
            .into_iter()
            .take(MOST)
            .filter_map(|key| serde_json::from_value(key).ok())
            .filter_map(|key: Jwk| usable(&key))
            .collect();
        if keys.is_empty() {
            return Err("no usable key");
        }
        Ok(Self(keys))
    }

    /// The key with this name.
    pub(super) fn get(&self, kid: &str) -> Option<&DecodingKey> {
        self.0.get(kid)
    }
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Whether the holder of the key has signed this compact serialisation with RS256, whatever its
/// header says (RFC 7515 section 5.2, RFC 8725 section 3.1). A key of less than 2,048 bits never
/// has.
pub(super) fn has_signed(key: &DecodingKey, compact: &str) -> bool {
    compact
        .rsplit_once('.')
        .is_some_and(|(message, signature)| {
            crypto::verify(signature, message.as_bytes(), key, Algorithm::RS256).unwrap_or(false)
        })
}

fn usable(key: &Jwk) -> Option<(String, DecodingKey)> {
    let AlgorithmParameters::RSA(_) = key.algorithm else {
        return None;
    };
    let common = &key.common;
    let signs = common
        .public_key_use
        .as_ref()
        .is_none_or(|use_| *use_ == PublicKeyUse::Signature);
    let fits = common
        .key_algorithm
        .is_none_or(|algorithm| algorithm == KeyAlgorithm::RS256);
    let name = common.key_id.clone().filter(|name| !name.is_empty())?;
    let key = DecodingKey::from_jwk(key).ok()?;
    (signs && fits).then_some((name, key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::signing::SigningKey;
    use super::*;

    fn parsed(keys: &Value) -> Result<Jwks, &'static str> {
        Jwks::parse(json!({ "keys": keys }).to_string().as_bytes())
    }

    // OT-1
    #[test]
    fn only_rsa_keys_for_signatures_are_taken_out_of_what_else_there_is() {
        let key = SigningKey::new("good");
        let with = |member: &str, value: Value| {
            let mut key = key.public();
            key["kid"] = json!(format!("{member} {value}"));
            key[member] = value;
            key
        };
        let mut nameless = key.public();
        nameless.as_object_mut().unwrap().remove("kid");
        let keys = parsed(&json!([
            null,
            7,
            "key",
            {},
            {"kty": "oct", "k": "c2VjcmV0", "kid": "oct"},
            {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "ec"},
            with("use", json!("enc")),
            with("alg", json!("RS512")),
            with("alg", json!("HS256")),
            with("n", json!("!")),
            nameless,
            key.public(),
        ]))
        .unwrap();
        assert_eq!(format!("{keys:?}"), r#"{"good"}"#);
        for none in [json!([]), json!({}), json!([{}]), json!(null)] {
            parsed(&none).unwrap_err();
        }
        for none in ["", "[]", "{}", "<html>", "{\"keys\":"] {
            Jwks::parse(none.as_bytes()).unwrap_err();
        }
    }

    // OT-1
    #[test]
    fn a_signature_is_of_one_key_over_these_very_bytes() {
        let (key, other) = (SigningKey::new("a"), SigningKey::foreign("b"));
        let signed = key.sign(&json!({"alg": "RS256", "kid": "a"}), &json!({"sub": "1"}));
        let keys = parsed(&json!([key.public(), other.public()])).unwrap();
        assert!(has_signed(keys.get("a").unwrap(), &signed));
        assert!(!has_signed(keys.get("b").unwrap(), &signed));
        let (message, signature) = signed.rsplit_once('.').unwrap();
        for altered in [
            format!("{message}A.{signature}"),
            format!("{message}.{signature}AAAA"),
            format!("{message}."),
            format!("{message}.!"),
            message.to_owned(),
            String::new(),
        ] {
            assert!(!has_signed(keys.get("a").unwrap(), &altered), "{altered}");
        }
    }
}
