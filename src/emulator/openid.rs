//! OpenID Connect: the provider's description, its keys, what an ID token says, and the two
//! addresses that tell it again.

use actix_web::HttpResponse;
use actix_web::web::{self, Data, ReqData};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use super::Shared;
use super::journal::Endpoint;
use super::people::Person;
use super::profile::{PictureHosts, Pictures};
use super::received::Received;
use super::refusal::{KAUTH_JSON, KauthError};
use super::settings::AppSettings;
use super::signing::{Alteration, NoKey, Ring};
use super::state::{ACCESS_LIFE, Link};

/// The scope that asks for an ID token.
pub(super) const OPENID: &str = "openid";

/// What an ID token says of a sign-in.
pub(super) struct SignIn<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: Option<&'a str>,
    pub(super) authenticated_at: OffsetDateTime,
}

/// `GET /.well-known/openid-configuration`
pub(super) async fn configuration(shared: Data<Shared>) -> HttpResponse {
    let at = |endpoint: Endpoint| format!("{}{}", shared.url, endpoint.path());
    HttpResponse::Ok().content_type(KAUTH_JSON).json(json!({
        "issuer": shared.url,
        "authorization_endpoint": at(Endpoint::Authorize),
        "token_endpoint": at(Endpoint::Token),
        "userinfo_endpoint": at(Endpoint::UserInfo),
        "jwks_uri": at(Endpoint::Jwks),
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "request_uri_parameter_supported": false,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "code_challenge_methods_supported": ["S256"],
        "claims_supported": [
            "iss", "aud", "sub", "auth_time", "exp", "iat", "nonce", "nickname", "picture", "email",
        ],
    }))
}

/// `GET /.well-known/jwks.json`
pub(super) async fn jwks(shared: Data<Shared>) -> HttpResponse {
    let ring = shared.state().ring;
    match web::block(move || ring.jwks()).await {
        Ok(Ok(keys)) => HttpResponse::Ok().content_type(KAUTH_JSON).json(keys),
        Ok(Err(NoKey)) | Err(_) => KauthError::documented("KOE003").response(),
    }
}

/// `POST /oauth/tokeninfo`
pub(super) async fn tokeninfo(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let token = received.value("id_token").unwrap_or_default().to_owned();
    let (ring, now) = (shared.state().ring, shared.clock.now());
    let issuer = shared.url.clone();
    let told = web::block(move || payload(ring, &token, &issuer, now)).await;
    match told {
        Ok(Ok(claims)) => HttpResponse::Ok().content_type(KAUTH_JSON).json(claims),
        Ok(Err(refused)) => refused.response(),
        Err(_) => KauthError::documented("KOE003").response(),
    }
}

/// The claims of an ID token that Kakao has made and that is not over.
fn payload(
    ring: Ring,
    token: &str,
    issuer: &str,
    now: OffsetDateTime,
) -> Result<Value, KauthError> {
    let malformed = || KauthError::documented("KOE400");
    let (message, signature) = token.rsplit_once('.').ok_or_else(malformed)?;
    let (header, claims) = message.split_once('.').ok_or_else(malformed)?;
    let part = |text: &str| -> Option<Value> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        serde_json::from_slice(&bytes).ok()
    };
    let (header, claims) = part(header).zip(part(claims)).ok_or_else(malformed)?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| malformed())?;
    let text = |value: &Value, name: &str| {
        let text = value.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    if text(&claims, "iss") != issuer {
        return Err(KauthError::documented("KOE401"));
    }
    let kid = text(&header, "kid");
    let is_signed = text(&header, "alg") == "RS256"
        && ring
            .has_signed(&kid, message, &signature)
            .map_err(|_| KauthError::documented("KOE003"))?;
    if !is_signed {
        return Err(KauthError::documented("KOE402"));
    }
    let expires_at = claims.get("exp").and_then(Value::as_i64);
    if expires_at.unwrap_or(0) <= now.unix_timestamp() {
        return Err(KauthError::documented("KOE403"));
    }
    Ok(claims)
}

/// The claims of an ID token made now. It lives as long as an access token.
pub(super) fn id_token_claims(
    app: &AppSettings,
    person: &Person,
    link: &Link,
    hosts: PictureHosts<'_>,
    sign_in: &SignIn<'_>,
    now: OffsetDateTime,
) -> Value {
    let mut claims = Map::new();
    let mut say = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    say("iss", json!(sign_in.issuer));
    say("aud", json!(sign_in.client_id));
    say("sub", json!(subject(person)));
    say("iat", json!(now.unix_timestamp()));
    say("exp", json!((now + ACCESS_LIFE).unix_timestamp()));
    let authenticated_at = sign_in.authenticated_at.unix_timestamp();
    say("auth_time", json!(authenticated_at));
    if let Some(nonce) = sign_in.nonce {
        say("nonce", json!(nonce));
    }
    if link.allows(app, "profile_nickname") {
        say("nickname", json!(person.shown_nickname()));
    }
    if link.allows(app, "profile_image") {
        say("picture", json!(picture(person, hosts)));
    }
    if let Some(email) = &person.email
        && link.allows(app, "account_email")
        && email.valid
        && email.verified
    {
        say("email", json!(email.address));
    }
    Value::Object(claims)
}

/// The signed ID token with these claims, or what was asked for in its place.
pub(super) fn id_token(
    ring: Ring,
    claims: Value,
    alteration: Option<&Alteration>,
) -> Result<String, NoKey> {
    let mut jwt = ring.jwt("JWT", claims)?;
    if let Some(Alteration(alter)) = alteration {
        alter(&mut jwt);
    }
    ring.sign(&jwt)
}

/// The body of `GET /v1/oidc/userinfo`.
pub(super) fn userinfo(
    app: &AppSettings,
    person: &Person,
    link: &Link,
    hosts: PictureHosts<'_>,
) -> Value {
    let mut claims = Map::new();
    let mut say = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    let detail = |scope: &str| {
        let value = person.details.get(scope);
        value.filter(|_| link.allows(app, scope))
    };
    say("sub", json!(subject(person)));
    if let Some(name) = detail("name") {
        say("name", json!(name));
    }
    if link.allows(app, "profile_nickname") {
        say("nickname", json!(person.shown_nickname()));
    }
    if link.allows(app, "profile_image") {
        say("picture", json!(picture(person, hosts)));
    }
    if let Some(email) = &person.email
        && link.allows(app, "account_email")
    {
        say("email", json!(email.address));
        say("email_verified", json!(email.valid && email.verified));
    }
    if let Some(gender) = detail("gender") {
        // As in Kakao's sample; its table has lower case.
        say("gender", json!(gender.to_uppercase()));
    }
    if let Some(date) = birthdate(detail("birthyear"), detail("birthday")) {
        say("birthdate", json!(date));
    }
    if let Some(number) = detail("phone_number") {
        say("phone_number", json!(number));
        say("phone_number_verified", json!(true));
    }
    Value::Object(claims)
}

/// `YYYY`, `0000-MM-DD` or both (OpenID Connect Core section 5.1).
fn birthdate(year: Option<&String>, day: Option<&String>) -> Option<String> {
    let day = day.and_then(|day| day.split_at_checked(2));
    match (year, day) {
        (None, None) => None,
        (Some(year), None) => Some(year.clone()),
        (year, Some((month, day))) => {
            let year = year.map_or("0000", String::as_str);
            Some(format!("{year}-{month}-{day}"))
        }
    }
}

fn subject(person: &Person) -> String {
    person.user_id.unwrap_or_default().to_string()
}

fn picture(person: &Person, hosts: PictureHosts<'_>) -> String {
    Pictures::of(person, hosts, true).thumbnail
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_birthdate_has_whatever_was_agreed_to() {
        let (year, day) = ("1993".to_owned(), "0412".to_owned());
        let told = |year, day| birthdate(year, day).unwrap_or_default();
        assert_eq!(told(Some(&year), Some(&day)), "1993-04-12");
        assert_eq!(told(None, Some(&day)), "0000-04-12");
        assert_eq!(told(Some(&year), None), "1993");
        assert_eq!(told(None, None), "");
    }
}
