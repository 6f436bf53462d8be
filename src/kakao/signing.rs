//! Keys to sign with, for the tests of what checks signatures. Made at run time: no key is kept
//! anywhere.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use serde_json::{Value, json};

/// One of Kakao's keys.
pub(super) struct SigningKey {
    kid: String,
    key: &'static EncodingKey,
}

impl SigningKey {
    /// The key that all tests share, since making one takes a while, under this name.
    pub(super) fn new(kid: &str) -> Self {
        static SHARED: OnceLock<EncodingKey> = OnceLock::new();
        Self {
            kid: kid.to_owned(),
            key: SHARED.get_or_init(generate),
        }
    }

    /// A key of somebody else, under this name.
    pub(super) fn foreign(kid: &str) -> Self {
        static FOREIGN: OnceLock<EncodingKey> = OnceLock::new();
        Self {
            kid: kid.to_owned(),
            key: FOREIGN.get_or_init(generate),
        }
    }

    /// The public half, as Kakao publishes it.
    pub(super) fn public(&self) -> Value {
        let jwk = Jwk::from_encoding_key(self.key, Algorithm::RS256).unwrap();
        let mut jwk = serde_json::to_value(jwk).unwrap();
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk
    }

    /// A compact serialisation of exactly this header and these claims.
    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(header), part(claims));
        let signature = crypto::sign(message.as_bytes(), self.key, Algorithm::RS256).unwrap();
        format!("{message}.{signature}")
    }
}

fn generate() -> EncodingKey {
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let lines = STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n");
    EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap()
}
