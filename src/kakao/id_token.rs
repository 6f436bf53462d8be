//! The ID token of a login (OpenID Connect Core section 2): what it must look like and say.
//! [`Kakao::verify_id_token`](super::Kakao::verify_id_token) puts this and its signature together.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;
use subtle::ConstantTimeEq as _;
use time::{Duration, OffsetDateTime};

use super::error::Error;
use super::jws::{self, Malformed, present};
use crate::member::KakaoId;

/// How far Kakao's clock and ours may differ.
const TOLERANCE: Duration = Duration::seconds(60);
/// Longest ID token accepted, in bytes; real ones are under 1,500.
const LONGEST: usize = 8_192;

/// An ID token in its compact form, well-formed but not checked.
#[derive(Clone)]
pub struct IdToken {
    compact: String,
    kid: String,
    claims: Claims,
}

/// Whom a verified ID token names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// `sub`.
    pub id: KakaoId,
    /// `auth_time`: when they last gave Kakao their credentials, by Kakao's clock.
    pub authenticated_at: Option<OffsetDateTime>,
    /// `iat`: when the token was made, by Kakao's clock.
    pub issued_at: OffsetDateTime,
}

/// Why an ID token was not verified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unverified {
    /// It does not belong to this login.
    #[error(transparent)]
    Refused(#[from] IdTokenError),
    /// Kakao's keys could not be fetched, so nobody knows.
    #[error(transparent)]
    NoKeys(#[from] Error),
}

/// What an ID token must say to belong to this login.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expectation<'a> {
    /// Kakao's issuer identifier, compared as a whole string.
    pub(super) issuer: &'a str,
    /// The keys of our app that it may be for.
    pub(super) audiences: &'a [&'a str],
    /// The nonce sent with this login.
    pub(super) nonce: &'a str,
    /// The present moment.
    pub(super) now: OffsetDateTime,
}

/// Why an ID token does not belong to this login. Holds no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdTokenError {
    /// Not a JWT signed with RS256, or with a claim missing or of the wrong type.
    #[error("ID token is malformed")]
    Malformed,
    /// Kakao has no key of the name it gives (`kid`), or had none a moment ago.
    #[error("ID token names a key that Kakao does not have")]
    UnknownKey,
    /// Not signed by the key it names, or changed afterwards.
    #[error("ID token has a signature of somebody else")]
    Signature,
    /// Made by somebody else (`iss`).
    #[error("ID token has another issuer")]
    Issuer,
    /// Made for somebody else (`aud`, `azp`).
    #[error("ID token has another audience")]
    Audience,
    /// Outside its time (`exp`, `iat`, `nbf`).
    #[error("ID token is outside its time")]
    Time,
    /// Made for another login (`nonce`).
    #[error("ID token has another nonce")]
    Nonce,
    /// The subject is no Kakao member number (`sub`).
    #[error("ID token has no usable subject")]
    Subject,
}

/// The claims compared. A claim that is there with the wrong type refuses the whole token
/// instead of counting as absent.
#[derive(Clone, Deserialize)]
struct Claims {
    iss: String,
    aud: Value,
    #[serde(default, deserialize_with = "present")]
    azp: Option<String>,
    sub: String,
    exp: i64,
    iat: i64,
    #[serde(default, deserialize_with = "present")]
    nbf: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    auth_time: Option<i64>,
    nonce: Option<String>,
    #[serde(default, deserialize_with = "present")]
    nickname: Option<String>,
}

impl From<Malformed> for IdTokenError {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl IdToken {
    /// Compares the claims with what this login expects, and tells whom they name. Says nothing
    /// of who made them.
    pub(super) fn check(&self, expected: &Expectation<'_>) -> Result<Named, IdTokenError> {
        let claims = &self.claims;
        if claims.iss != expected.issuer {
            return Err(IdTokenError::Issuer);
        }
        if !claims.is_for(expected.audiences) {
            return Err(IdTokenError::Audience);
        }
        if !claims.is_current(expected.now) {
            return Err(IdTokenError::Time);
        }
        let nonce = claims.nonce.as_deref().unwrap_or_default();
        let ours = bool::from(nonce.as_bytes().ct_eq(expected.nonce.as_bytes()));
        if !ours || nonce.is_empty() {
            return Err(IdTokenError::Nonce);
        }
        let issued_at = OffsetDateTime::from_unix_timestamp(claims.iat);
        let authenticated_at = claims.auth_time.map(OffsetDateTime::from_unix_timestamp);
        Ok(Named {
            id: claims.sub.parse().map_err(|_| IdTokenError::Subject)?,
            authenticated_at: authenticated_at
                .transpose()
                .map_err(|_| IdTokenError::Malformed)?,
            issued_at: issued_at.map_err(|_| IdTokenError::Malformed)?,
        })
    }

    /// The nickname, by its own account.
    #[must_use]
    pub fn nickname(&self) -> Option<&str> {
        self.claims.nickname.as_deref()
    }

    /// The compact serialisation, which is what was signed.
    pub fn compact(&self) -> &str {
        &self.compact
    }

    /// The name of the key that signed, by its own account.
    pub(super) fn kid(&self) -> &str {
        &self.kid
    }
}

impl FromStr for IdToken {
    type Err = IdTokenError;

    fn from_str(text: &str) -> Result<Self, IdTokenError> {
        // A security event token has a type of its own (RFC 8417 section 2.3).
        let is_jwt = |typ: Option<&str>| typ.is_none_or(|typ| typ.eq_ignore_ascii_case("JWT"));
        let (kid, claims) = jws::open(text, LONGEST, is_jwt)?;
        Ok(Self {
            compact: text.to_owned(),
            kid,
            claims,
        })
    }
}

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdToken(hidden)")
    }
}

impl Claims {
    fn is_for(&self, audiences: &[&str]) -> bool {
        let sole = match &self.aud {
            Value::String(one) => one,
            Value::Array(all) => match all.as_slice() {
                [Value::String(one)] => one,
                _ => return false,
            },
            _ => return false,
        };
        let ours = |key: &str| audiences.contains(&key);
        ours(sole) && self.azp.as_deref().is_none_or(ours)
    }

    fn is_current(&self, now: OffsetDateTime) -> bool {
        let early = (now - TOLERANCE).unix_timestamp();
        let late = (now + TOLERANCE).unix_timestamp();
        self.exp > early && self.iat <= late && self.nbf.is_none_or(|nbf| nbf <= late)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_790_000_000;
    const NONCE: &str = "a-nonce-of-this-login";

    fn claims() -> Value {
        json!({
            "iss": "https://kauth.kakao.com", "aud": "rest-key", "sub": "1376016924426814086",
            "iat": NOW - 1, "exp": NOW + 21_598, "auth_time": NOW - 1, "nonce": NONCE,
            "nickname": "라이언",
        })
    }

    fn token(header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2lnbmF0dXJl", encode(header), encode(claims))
    }

    fn check(claims: &Value) -> Result<Named, IdTokenError> {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": "9f252dadd5f233f93d2fa528d12fea"});
        token(&header, claims)
            .parse::<IdToken>()?
            .check(&Expectation {
                issuer: "https://kauth.kakao.com",
                audiences: &["rest-key"],
                nonce: NONCE,
                now: OffsetDateTime::from_unix_timestamp(NOW).unwrap(),
            })
    }

    fn with(claim: &str, value: Option<Value>) -> Result<Named, IdTokenError> {
        let mut claims = claims();
        match value {
            Some(value) => claims.as_object_mut().unwrap().insert(claim.into(), value),
            None => claims.as_object_mut().unwrap().remove(claim),
        };
        check(&claims)
    }

    // OT-2, ID-6
    #[test]
    fn a_token_of_this_login_tells_whose_it_is() {
        assert_eq!(
            check(&claims()).map(|named| named.id.get()),
            Ok(1_376_016_924_426_814_086)
        );
        assert!(with("aud", Some(json!(["rest-key"]))).is_ok());
        assert!(with("azp", Some(json!("rest-key"))).is_ok());
    }

    // OT-2
    #[test]
    fn another_issuer_or_audience_is_refused() {
        for iss in [
            "https://kauth.kakao.com/",
            "http://kauth.kakao.com",
            "",
            "https://evil",
        ] {
            assert_eq!(
                with("iss", Some(json!(iss))),
                Err(IdTokenError::Issuer),
                "{iss}"
            );
        }
        for aud in [
            json!("other"),
            json!(["rest-key", "other"]),
            json!([]),
            json!(7),
            json!({}),
        ] {
            assert_eq!(
                with("aud", Some(aud.clone())),
                Err(IdTokenError::Audience),
                "{aud}"
            );
        }
        assert_eq!(
            with("azp", Some(json!("other"))),
            Err(IdTokenError::Audience)
        );
    }

    // OT-3
    #[test]
    fn time_has_a_tolerance_of_60_seconds_and_wrong_types_are_not_skipped() {
        for (claim, good, bad) in [
            ("exp", NOW - 59, NOW - 60),
            ("iat", NOW + 60, NOW + 61),
            ("nbf", NOW + 60, NOW + 61),
        ] {
            assert!(with(claim, Some(json!(good))).is_ok(), "{claim}");
            assert_eq!(
                with(claim, Some(json!(bad))),
                Err(IdTokenError::Time),
                "{claim}"
            );
            for odd in [json!(NOW.to_string()), json!(null), json!(1.5e9)] {
                let refused = with(claim, Some(odd.clone()));
                assert_eq!(refused, Err(IdTokenError::Malformed), "{claim} = {odd}");
            }
        }
    }

    // OT-4
    #[test]
    fn another_nonce_or_none_is_refused() {
        for nonce in [
            None,
            Some(json!("other")),
            Some(json!("")),
            Some(json!(null)),
        ] {
            assert_eq!(
                with("nonce", nonce.clone()),
                Err(IdTokenError::Nonce),
                "{nonce:?}"
            );
        }
        let unasked = Expectation {
            issuer: "https://kauth.kakao.com",
            audiences: &["rest-key"],
            nonce: "",
            now: OffsetDateTime::from_unix_timestamp(NOW).unwrap(),
        };
        let mut claims = claims();
        claims["nonce"] = json!("");
        let token: IdToken = token(&json!({"alg": "RS256", "kid": "a"}), &claims)
            .parse()
            .unwrap();
        assert_eq!(token.check(&unasked), Err(IdTokenError::Nonce));
    }

    #[test]
    fn what_is_no_signed_jwt_with_all_claims_is_malformed() {
        for claim in ["iss", "aud", "sub", "exp", "iat"] {
            assert_eq!(with(claim, None), Err(IdTokenError::Malformed), "{claim}");
        }
        assert_eq!(with("sub", Some(json!("abc"))), Err(IdTokenError::Subject));
        let good = json!({"alg": "RS256", "kid": "a"});
        let unsigned = token(&good, &claims())
            .rsplit_once('.')
            .unwrap()
            .0
            .to_owned();
        for bad in [
            token(&json!({"alg": "RS256"}), &claims()),
            token(&json!({"alg": "RS256", "kid": 7}), &claims()),
            token(&json!({"alg": "none", "kid": "a"}), &claims()),
            token(&json!({"alg": "HS256", "kid": "a"}), &claims()),
            token(
                &json!({"alg": "RS256", "kid": "a", "typ": "secevent+jwt"}),
                &claims(),
            ),
            token(
                &json!({"alg": "RS256", "kid": "a", "crit": ["b64"]}),
                &claims(),
            ),
            format!("{unsigned}."),
            format!("{unsigned}.a.b"),
            unsigned,
            "a.b.c".into(),
            String::new(),
            "x".repeat(10_000),
        ] {
            assert_eq!(
                bad.parse::<IdToken>().unwrap_err(),
                IdTokenError::Malformed,
                "{bad}"
            );
        }
    }

    // LG-2
    #[test]
    fn a_token_does_not_print_itself() {
        let header = json!({"alg": "RS256", "kid": "a"});
        let token: IdToken = token(&header, &claims()).parse().unwrap();
        assert_eq!(format!("{token:?}"), "IdToken(hidden)");
    }
}
