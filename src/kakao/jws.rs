//! Reading what Kakao signs (RFC 7515): ID tokens and Security Event Tokens in their compact
//! serialisation. Says nothing of who made them; [`jwks`](super::jwks) does.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Not a JWT signed with RS256 of the type wanted, or with a part missing or of a wrong type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
    #[serde(default, deserialize_with = "present")]
    typ: Option<String>,
    /// Extensions that must be understood (RFC 7515 section 4.1.11); none is.
    crit: Option<Value>,
}

/// The name of the key that signed, by its own account, and the claims.
pub(super) fn open<T: DeserializeOwned>(
    compact: &str,
    longest: usize,
    is_type: impl FnOnce(Option<&str>) -> bool,
) -> Result<(String, T), Malformed> {
    if compact.len() > longest {
        return Err(Malformed);
    }
    let parts: Vec<&str> = compact.splitn(4, '.').collect();
    let [header, claims, signature] = parts.as_slice() else {
        return Err(Malformed);
    };
    let header: Header = segment(header)?;
    let is_signed = !signature.is_empty() && header.alg == "RS256" && header.crit.is_none();
    if !is_signed || !is_type(header.typ.as_deref()) {
        return Err(Malformed);
    }
    Ok((header.kid, segment(claims)?))
}

fn segment<T: DeserializeOwned>(text: &str) -> Result<T, Malformed> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Malformed)
}

/// A claim that may be missing but, if there, must have its type; null is not its type.
pub(super) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}
