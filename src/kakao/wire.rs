//! The answers of the token endpoint, of token info and of the calls that only acknowledge.
//!
//! Unknown fields are ignored, Kakao adds some now and then. What a login rests on is checked
//! before anybody sees it; the text of a refusal names the field and never holds its value.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::classify::is_scope_id;
use super::credential::{AccessToken, RefreshToken};
use super::id_token::IdToken;
use crate::member::KakaoId;

/// What a code was exchanged for (RFC 6749 section 5.1). Life times count from the answer.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// Acts for the person at the resource server.
    pub access: AccessToken,
    /// How long the access token lives.
    pub access_expires_in: Duration,
    /// Obtains further access tokens.
    pub refresh: RefreshToken,
    /// How long the refresh token lives.
    pub refresh_expires_in: Duration,
    /// Scope ids the person has granted, in no order; empty when Kakao named none.
    pub scopes: Vec<String>,
    /// Who signed in, when the app has OpenID Connect on. Not yet checked, see
    /// [`Kakao::check_id_token`](super::Kakao::check_id_token).
    pub id_token: Option<IdToken>,
}

/// What a refresh token was good for (RFC 6749 section 6). Life times count from the answer.
#[derive(Clone, Debug)]
pub struct Refreshed {
    /// Acts for the person at the resource server.
    pub access: AccessToken,
    /// How long it lives.
    pub access_expires_in: Duration,
    /// The refresh token that takes the place of the one presented; `None`: that one stays.
    pub refresh: Option<RefreshToken>,
    /// How long the new refresh token lives, if Kakao says so.
    pub refresh_expires_in: Option<Duration>,
}

/// What Kakao knows about an access token of our app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Whose token it is.
    pub id: KakaoId,
    /// The app it was issued to.
    pub app_id: i64,
    /// How long it still lives.
    pub expires_in: Duration,
}

/// What is wrong with an answer.
pub(super) type Defect = &'static str;

pub(super) const NOT_JSON: Defect = "not the expected JSON";

#[derive(Deserialize)]
struct TokensBody {
    token_type: String,
    access_token: String,
    expires_in: u32,
    refresh_token: String,
    refresh_token_expires_in: u32,
    #[serde(default)]
    scope: Value,
    id_token: Option<String>,
}

/// Decodes a token answer. RFC 6749 section 5.1 makes the type and the life time part of what
/// has to be understood before the token may be used.
pub(super) fn tokens(body: &[u8]) -> Result<Tokens, Defect> {
    let body: TokensBody = serde_json::from_slice(body).map_err(|_| NOT_JSON)?;
    if !body.token_type.eq_ignore_ascii_case("bearer") {
        return Err("a token_type other than bearer");
    }
    if body.expires_in == 0 || body.refresh_token_expires_in == 0 {
        return Err("a token that has already expired");
    }
    let granted = body
        .scope
        .as_str()
        .unwrap_or_default()
        .split_ascii_whitespace();
    Ok(Tokens {
        access: body
            .access_token
            .parse()
            .map_err(|_| "a malformed access_token")?,
        access_expires_in: seconds(body.expires_in),
        refresh: body
            .refresh_token
            .parse()
            .map_err(|_| "a malformed refresh_token")?,
        refresh_expires_in: seconds(body.refresh_token_expires_in),
        scopes: granted
            .filter(|scope| is_scope_id(scope))
            .map(str::to_owned)
            .collect(),
        id_token: body
            .id_token
            .map(|text| text.parse().map_err(|_| "a malformed id_token"))
            .transpose()?,
    })
}

#[derive(Deserialize)]
struct RefreshedBody {
    token_type: String,
    access_token: String,
    expires_in: u32,
    refresh_token: Option<String>,
    refresh_token_expires_in: Option<u32>,
}

/// Decodes the answer to a refresh. Kakao sends a new refresh token only when the old one has
/// less than a month left; an empty one would be no token to keep.
pub(super) fn refreshed(body: &[u8]) -> Result<Refreshed, Defect> {
    let body: RefreshedBody = serde_json::from_slice(body).map_err(|_| NOT_JSON)?;
    if !body.token_type.eq_ignore_ascii_case("bearer") {
        return Err("a token_type other than bearer");
    }
    if body.expires_in == 0 || body.refresh_token_expires_in == Some(0) {
        return Err("a token that has already expired");
    }
    let refresh = body.refresh_token.map(|text| text.parse());
    let refresh = refresh.transpose();
    Ok(Refreshed {
        access: body
            .access_token
            .parse()
            .map_err(|_| "a malformed access_token")?,
        access_expires_in: seconds(body.expires_in),
        refresh: refresh.map_err(|_| "a malformed refresh_token")?,
        refresh_expires_in: body.refresh_token_expires_in.map(seconds),
    })
}

#[derive(Deserialize)]
struct TokenInfoBody {
    id: Value,
    app_id: i64,
    expires_in: u32,
}

/// Decodes the answer of `/v1/user/access_token_info`.
pub(super) fn token_info(body: &[u8]) -> Result<TokenInfo, Defect> {
    let body: TokenInfoBody = serde_json::from_slice(body).map_err(|_| NOT_JSON)?;
    Ok(TokenInfo {
        id: kakao_id(&body.id)?,
        app_id: body.app_id,
        expires_in: seconds(body.expires_in),
    })
}

#[derive(Deserialize)]
struct AcknowledgementBody {
    id: Value,
}

/// Decodes the answer of logout and unlink: whose it was. A page of HTML with status 200 is no
/// logout.
pub(super) fn acknowledgement(body: &[u8]) -> Result<KakaoId, Defect> {
    let body: AcknowledgementBody = serde_json::from_slice(body).map_err(|_| NOT_JSON)?;
    kakao_id(&body.id)
}

/// A Kakao id is a JSON integer. A string, a fraction or an exponent is refused and not
/// converted: a rounded id is somebody else's.
pub(super) fn kakao_id(value: &Value) -> Result<KakaoId, Defect> {
    let number = value.as_i64().ok_or("an id that is no 64-bit integer")?;
    KakaoId::try_from(number).map_err(|_| "an id that is not positive")
}

fn seconds(number: u32) -> Duration {
    Duration::from_secs(number.into())
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use super::*;

    /// An answer of Kakao as recorded under `tests/fixtures/kakao`.
    pub(in crate::kakao) fn fixture(name: &str) -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/kakao");
        std::fs::read_to_string(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}"))
    }

    /// The fixture with one field set, or removed when `value` is `None`.
    pub(in crate::kakao) fn altered(name: &str, field: &str, value: Option<Value>) -> Vec<u8> {
        let mut body: Value = serde_json::from_str(&fixture(name)).unwrap();
        let fields = body.as_object_mut().unwrap();
        match value {
            Some(value) => fields.insert(field.to_owned(), value),
            None => fields.remove(field),
        };
        serde_json::to_vec(&body).unwrap()
    }

    #[test]
    fn a_token_answer_is_read_whole() {
        let tokens = tokens(fixture("token.json").as_bytes()).unwrap();
        assert_eq!(tokens.access.expose().len(), 64);
        assert_eq!(tokens.refresh.expose().len(), 64);
        assert_ne!(tokens.access.expose(), tokens.refresh.expose());
        assert_eq!(tokens.access_expires_in, Duration::from_secs(21_599));
        assert_eq!(tokens.refresh_expires_in, Duration::from_secs(5_183_999));
        assert_eq!(
            tokens.scopes,
            ["account_email", "profile_image", "profile_nickname"]
        );
        assert!(tokens.id_token.is_none());
    }

    #[test]
    fn an_id_token_is_kept_and_an_absent_scope_is_no_scope() {
        let with = tokens(fixture("token_oidc.json").as_bytes()).unwrap();
        assert!(with.id_token.is_some() && with.scopes.iter().any(|scope| scope == "openid"));
        let without = tokens(fixture("token_no_scope.json").as_bytes()).unwrap();
        assert!(without.scopes.is_empty());
    }

    // CB-5
    #[test]
    fn a_token_answer_without_what_a_login_needs_is_refused() {
        use serde_json::json;
        let long = "t".repeat(2_049);
        let faults = [
            (
                "token_type",
                vec![None, Some(json!("mac")), Some(json!(""))],
            ),
            (
                "access_token",
                vec![
                    None,
                    Some(json!("")),
                    Some(json!(null)),
                    Some(json!(7)),
                    Some(json!("a b")),
                    Some(json!(long)),
                ],
            ),
            (
                "refresh_token",
                vec![None, Some(json!("")), Some(json!("a\n")), Some(json!(long))],
            ),
            (
                "expires_in",
                vec![
                    None,
                    Some(json!(0)),
                    Some(json!(-1)),
                    Some(json!("21599")),
                    Some(json!(1.5)),
                    Some(json!(4_294_967_296_u64)),
                ],
            ),
            (
                "refresh_token_expires_in",
                vec![None, Some(json!(0)), Some(json!("5183999"))],
            ),
            (
                "id_token",
                vec![Some(json!("")), Some(json!("a.b")), Some(json!(7))],
            ),
        ];
        for (field, values) in faults {
            for value in values {
                let body = altered("token.json", field, value.clone());
                assert!(tokens(&body).is_err(), "{field} = {value:?}");
            }
        }
        for body in ["", "<html></html>", "[]", "{\"access_token\":", "{}"] {
            assert!(tokens(body.as_bytes()).is_err(), "{body}");
        }
    }

    #[test]
    fn case_of_the_token_type_and_unknown_fields_do_not_matter() {
        for (field, value) in [
            ("token_type", "Bearer"),
            ("token_type", "BEARER"),
            ("new_field", "x"),
        ] {
            let body = altered("token.json", field, Some(Value::from(value)));
            assert!(tokens(&body).is_ok(), "{field} = {value}");
        }
    }

    #[test]
    fn token_info_tells_whose_token_it_is_and_of_which_app() {
        let info = token_info(fixture("access_token_info.json").as_bytes()).unwrap();
        assert_eq!(info.id.get(), 2_900_000_001);
        assert_eq!(info.app_id, 1_234_567);
        assert_eq!(info.expires_in, Duration::from_secs(21_550));
    }

    // AP-1, ID-6
    #[test]
    fn token_info_without_a_sound_id_app_or_life_time_is_refused() {
        for field in ["id", "app_id", "expires_in"] {
            for value in [
                None,
                Some(Value::from("1")),
                Some(Value::from(1.5)),
                Some(Value::Null),
            ] {
                let body = altered("access_token_info.json", field, value.clone());
                assert!(token_info(&body).is_err(), "{field} = {value:?}");
            }
        }
    }

    #[test]
    fn logout_and_unlink_acknowledge_with_the_id() {
        for file in ["logout.json", "unlink.json"] {
            assert_eq!(
                acknowledgement(fixture(file).as_bytes()).unwrap().get(),
                2_900_000_001
            );
        }
        assert!(acknowledgement(b"<html>200 OK</html>").is_err());
        assert!(acknowledgement(b"{}").is_err());
    }

    // ID-6
    #[test]
    fn an_id_is_a_positive_64_bit_json_integer_and_nothing_is_rounded() {
        let id = |text: &str| acknowledgement(format!(r#"{{"id":{text}}}"#).as_bytes());
        assert_eq!(
            id("1376016924426814086").unwrap().get(),
            1_376_016_924_426_814_086
        );
        assert_eq!(id("9223372036854775807").unwrap().get(), i64::MAX);
        for wrong in [
            "0",
            "-1",
            "1.0",
            "1e3",
            "\"1\"",
            "null",
            "true",
            "[1]",
            "9223372036854775808",
            "1376016924426814086.0",
            "99999999999999999999",
        ] {
            assert!(id(wrong).is_err(), "{wrong}");
        }
    }
}
