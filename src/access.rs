//! Access tokens of our own (JWT profile of RFC 9068) and the keys that sign them: what a program
//! shows for a member who is signed in. A token lives for minutes, names a member and a session, and
//! tells nothing else about anybody.

mod key;

use jsonwebtoken::{Algorithm, Header, crypto};
use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

pub use key::{BadKey, KeySet, SigningKey, StoredKey};

use crate::member::MemberId;

/// How long an access token lives. Whoever verifies it alone, without asking us, learns of a
/// logout when it ends.
pub const LIFE: Duration = Duration::minutes(10);

/// How far the clock of another instance may be off.
const TOLERANCE: Duration = Duration::seconds(60);

/// The longest token looked at, in bytes.
pub const LONGEST: usize = 4_096;

/// `typ` of RFC 9068 section 2.1: no other JWT of anybody's is one.
const TYPE: &str = "at+jwt";

/// Algorithm of all of them: what a header says is never followed (RFC 8725 section 3.1).
const ALGORITHM: Algorithm = Algorithm::ES256;

/// The `client_id` of all programs: they are not told apart.
pub const CLIENT: &str = "kakao-gate";

/// What a token says (RFC 9068 section 2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who made it: `PUBLIC_URL`.
    pub iss: String,
    /// Whom it is for.
    pub aud: String,
    /// Whose it is.
    pub sub: MemberId,
    /// The session that it rests on.
    pub sid: Uuid,
    /// Which program it was given to; ours has one.
    pub client_id: String,
    /// When it was made, in seconds since 1970.
    pub iat: i64,
    /// When it ends.
    pub exp: i64,
    /// Its own name.
    pub jti: Uuid,
}

/// Why a text is no access token of ours. Holds no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Not a JWT, or a claim is missing, double or of a wrong type.
    #[error("not an access token")]
    Malformed,
    /// Another `typ` or `alg`, or a header that wants something we do not do.
    #[error("another kind of token")]
    Kind,
    /// Signed with a key that is not ours, or not any more.
    #[error("signed with an unknown key")]
    UnknownKey,
    /// Its signature is not that of its key.
    #[error("a wrong signature")]
    Signature,
    /// Made by or for somebody else.
    #[error("another issuer or audience")]
    Parties,
    /// Its time is over, or has not come.
    #[error("expired")]
    Expired,
}

/// Who makes tokens and for whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parties {
    /// `iss`.
    pub issuer: String,
    /// `aud`.
    pub audience: String,
}

#[derive(Deserialize)]
struct ReceivedHeader {
    alg: String,
    typ: String,
    kid: String,
    crit: Option<serde_json::Value>,
}

impl Claims {
    /// What a token says that is made now.
    #[must_use]
    pub fn new(
        parties: &Parties,
        (member, session): (MemberId, Uuid),
        jti: Uuid,
        now: OffsetDateTime,
    ) -> Self {
        Self {
            iss: parties.issuer.clone(),
            aud: parties.audience.clone(),
            sub: member,
            sid: session,
            client_id: CLIENT.to_owned(),
            iat: now.unix_timestamp(),
            exp: (now + LIFE).unix_timestamp(),
            jti,
        }
    }

    /// The token.
    ///
    /// # Errors
    /// [`BadKey`] when the key cannot sign.
    pub fn sign(&self, key: &SigningKey) -> Result<String, BadKey> {
        let header = Header {
            typ: Some(TYPE.to_owned()),
            kid: Some(key.kid().to_owned()),
            ..Header::new(ALGORITHM)
        };
        jsonwebtoken::encode(&header, self, key.private()).map_err(|_| BadKey)
    }

    /// Reads a token of ours. Everything that its header says is compared and nothing followed.
    ///
    /// # Errors
    /// [`Refused`], with the first thing that does not fit.
    pub fn verify(
        compact: &str,
        keys: &KeySet,
        parties: &Parties,
        now: OffsetDateTime,
    ) -> Result<Self, Refused> {
        if compact.len() > LONGEST {
            return Err(Refused::Malformed);
        }
        let mut parts = compact.split('.');
        let (Some(header), Some(claims), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refused::Malformed);
        };
        let header: ReceivedHeader = decoded(header)?;
        let is_kind = header.alg == "ES256" && header.typ == TYPE && header.crit.is_none();
        if !is_kind {
            return Err(Refused::Kind);
        }
        let key = keys.public(&header.kid).ok_or(Refused::UnknownKey)?;
        let (message, signature) = compact.rsplit_once('.').ok_or(Refused::Malformed)?;
        if !crypto::verify(signature, message.as_bytes(), key, ALGORITHM).unwrap_or(false) {
            return Err(Refused::Signature);
        }
        // Only now: what is not signed by us is not worth more work.
        let claims: Self = decoded(claims)?;
        if claims.iss != parties.issuer || claims.aud != parties.audience {
            return Err(Refused::Parties);
        }
        let seconds = now.unix_timestamp();
        let tolerance = TOLERANCE.whole_seconds();
        let is_young = claims.iat <= seconds + tolerance && claims.exp <= claims.iat + 900;
        if !is_young || claims.exp <= seconds {
            return Err(Refused::Expired);
        }
        Ok(claims)
    }
}

/// A part of a JWT. The decoder of structures refuses what is there twice.
fn decoded<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, Refused> {
    use base64::Engine as _;
    let json = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Refused::Malformed)?;
    serde_json::from_slice(&json).map_err(|_| Refused::Malformed)
}
