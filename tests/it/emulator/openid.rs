//! OpenID Connect: what is published, what is signed, and how it can be wrong.

use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::RSA_PKCS1_2048_8192_SHA256;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kakao_gate::emulator::{Endpoint, Fault, REST_API_KEY, Settings, Signer, Times};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::browser::Browser;
use super::{Kakao, SERVICE, authorize_path, parameter};

const JWKS: &str = "/.well-known/jwks.json";
const USER_INFO: &str = "/v1/oidc/userinfo";

fn openid() -> Kakao {
    let mut settings = Settings::seeded(SERVICE);
    settings.app.openid = true;
    Kakao::with(settings)
}

/// A part of a JWT: header 0, claims 1.
fn part(token: &str, which: usize) -> Value {
    let part = token.split('.').nth(which).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Whether one of the keys published now has signed the token.
async fn is_kakaos(kakao: &Kakao, token: &str) -> bool {
    let jwks = kakao.get(JWKS).await.json();
    let kid = &part(token, 0)["kid"];
    let keys = jwks["keys"].as_array().unwrap();
    let Some(key) = keys.iter().find(|key| key["kid"] == *kid) else {
        return false;
    };
    let number = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let (message, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let (n, e) = (number("n"), number("e"));
    PublicKeyComponents { n: &n, e: &e }
        .verify(&RSA_PKCS1_2048_8192_SHA256, message.as_bytes(), &signature)
        .is_ok()
}

async fn tokens(kakao: &Kakao, person: &str, more: &[(&str, &str)]) -> Value {
    let code = kakao.code(person, more);
    kakao.exchange(&code, &[]).await.json()
}

async fn id_token(kakao: &Kakao, person: &str) -> String {
    let tokens = tokens(kakao, person, &[]).await;
    tokens["id_token"].as_str().unwrap().to_owned()
}

async fn told(kakao: &Kakao, token: &str) -> (u16, String, String) {
    let answer = kakao.post("/oauth/tokeninfo", &[("id_token", token)]).await;
    let (status, error, code, _) = answer.refusal();
    (status, error, code)
}

#[actix_web::test]
async fn without_openid_connect_there_is_no_id_token_and_the_scope_is_strange() {
    let kakao = Kakao::start();
    let none = tokens(&kakao, "ordinary", &[("nonce", "n")]).await;
    assert_eq!(none.get("id_token"), None);
    let refused = kakao.get(&authorize_path(&[("scope", "openid")])).await;
    assert!(refused.body.contains("(KOE205)</h1>"));
    let (access, _) = kakao.sign_in("ordinary").await;
    let info = kakao.with_token(Method::GET, USER_INFO, &access).await;
    assert_eq!((info.status, info.json()["code"].as_i64()), (403, Some(-3)));
}

#[actix_web::test]
async fn the_description_leads_to_every_address() {
    let kakao = openid();
    let answer = kakao.get("/.well-known/openid-configuration").await;
    let description = answer.json();
    let url = kakao.emulator.url();
    assert_eq!(description["issuer"], url);
    for name in ["token_endpoint", "userinfo_endpoint", "jwks_uri"] {
        let address = description[name].as_str().unwrap();
        let path = address.strip_prefix(url).unwrap();
        assert_ne!(kakao.get(path).await.status, 404, "{name}");
    }
    assert_eq!(
        description["id_token_signing_alg_values_supported"],
        json!(["RS256"])
    );
    for absent in ["scopes_supported", "end_session_endpoint"] {
        assert_eq!(description.get(absent), None);
    }
}

#[actix_web::test]
async fn an_id_token_says_what_was_agreed_to_and_is_signed_by_a_published_key() {
    let kakao = openid();
    let tokens = tokens(&kakao, "ordinary", &[("nonce", "once")]).await;
    assert_eq!(
        tokens["scope"],
        "account_email openid profile_image profile_nickname"
    );
    let token = tokens["id_token"].as_str().unwrap();
    let (header, claims) = (part(token, 0), part(token, 1));
    assert_eq!(
        (&header["alg"], &header["typ"]),
        (&json!("RS256"), &json!("JWT"))
    );
    assert_eq!(header["kid"].as_str().unwrap().len(), 30);
    assert!(is_kakaos(&kakao, token).await);
    assert_eq!(claims["iss"], kakao.emulator.url());
    assert_eq!(claims["aud"], REST_API_KEY);
    assert_eq!(claims["sub"], "2900000001");
    assert_eq!(claims["nonce"], "once");
    assert_eq!(claims["nickname"], "김하늘");
    assert_eq!(claims["email"], "ordinary@example.com");
    let picture = claims["picture"].as_str().unwrap();
    assert!(picture.ends_with("/pictures/ordinary-110.png"));
    let number = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(number("exp") - number("iat"), 21_599);
    assert!(number("auth_time") <= number("iat"));
    let minimal = part(&id_token(&kakao, "minimal").await, 1);
    for absent in ["nonce", "nickname", "picture", "email"] {
        assert_eq!(minimal.get(absent), None, "{absent}");
    }
    let unverified = part(&id_token(&kakao, "unverified-email").await, 1);
    assert_eq!(unverified.get("email"), None);
}

#[actix_web::test]
async fn a_list_of_scopes_has_to_name_openid() {
    let kakao = openid();
    let without = tokens(&kakao, "linked", &[("scope", "gender")]).await;
    assert_eq!(without.get("id_token"), None);
    assert!(!without["scope"].as_str().unwrap().contains("openid"));
    let with = tokens(&kakao, "linked", &[("scope", "openid,birthday")]).await;
    assert!(with["id_token"].is_string());
    let code = kakao.code("linked", &[]);
    kakao.emulator.set_oidc(false);
    let off = kakao.exchange(&code, &[]).await.json();
    assert_eq!(off.get("id_token"), None, "off works at once");
}

#[actix_web::test]
async fn a_refresh_brings_an_id_token_when_the_first_exchange_did() {
    let kakao = openid();
    let first = tokens(&kakao, "ordinary", &[("nonce", "once")]).await;
    kakao.emulator.clock().advance(Duration::hours(1));
    let refresh = first["refresh_token"].as_str().unwrap();
    let second = kakao.refresh(refresh, &[]).await.json();
    let claims = |tokens: &Value| part(tokens["id_token"].as_str().unwrap(), 1);
    let (before, after) = (claims(&first), claims(&second));
    assert_eq!(before["auth_time"], after["auth_time"]);
    assert!(after["iat"].as_i64() > before["iat"].as_i64());
    assert_eq!(after.get("nonce"), None);
    assert_eq!(second.get("scope"), None, "as documented");
    let without = tokens(&kakao, "linked", &[("scope", "gender")]).await;
    let refresh = without["refresh_token"].as_str().unwrap();
    kakao
        .emulator
        .world()
        .edit_app(|app| app.scope_of_refresh = true);
    let refreshed = kakao.refresh(refresh, &[]).await.json();
    assert_eq!(refreshed.get("id_token"), None);
    assert_eq!(
        refreshed["scope"],
        "account_email gender profile_image profile_nickname"
    );
    assert_eq!(kakao.emulator.refreshes(), 2);
    assert_eq!(kakao.emulator.count(Endpoint::Token), 4);
}

#[actix_web::test]
async fn auth_time_is_when_the_browser_signed_in_at_kakao() {
    let kakao = openid();
    let mut browser = Browser::new(&kakao);
    let chooser = browser.open(&authorize_path(&[])).await;
    let began = kakao.emulator.clock().now().unix_timestamp();
    let mut back = browser.choose(&chooser, "linked").await.location();
    for prompt in ["", "login"] {
        kakao.emulator.clock().advance(Duration::hours(2));
        let again = browser.open(&authorize_path(&[("prompt", prompt)])).await;
        back = if prompt.is_empty() {
            again.location()
        } else {
            browser.choose(&again, "linked").await.location()
        };
        let code = parameter(&back, "code").unwrap();
        let tokens = kakao.exchange(&code, &[]).await.json();
        let claims = part(tokens["id_token"].as_str().unwrap(), 1);
        let age = claims["auth_time"].as_i64().unwrap() - began;
        let expected = if prompt.is_empty() { 0 } else { 4 * 3_600 };
        assert!((expected..expected + 600).contains(&age), "{prompt}: {age}");
    }
    assert!(back.as_str().starts_with(SERVICE));
}

#[actix_web::test]
async fn a_rotation_brings_a_new_key_and_keeps_the_one_before() {
    let kakao = openid();
    let old = id_token(&kakao, "linked").await;
    kakao.emulator.rotate_keys();
    let new = id_token(&kakao, "linked").await;
    assert_ne!(part(&old, 0)["kid"], part(&new, 0)["kid"]);
    assert!(is_kakaos(&kakao, &old).await && is_kakaos(&kakao, &new).await);
    kakao.post("/emulator/openid", &[("turn", "keys")]).await;
    assert!(!is_kakaos(&kakao, &old).await && is_kakaos(&kakao, &new).await);
    assert_eq!(kakao.emulator.count(Endpoint::Jwks), 4);
    let jwks = kakao.get(JWKS).await;
    assert_eq!(jwks.json(), kakao.emulator.jwks().unwrap());
}

#[actix_web::test]
async fn the_keys_can_fail_as_every_address_can() {
    let kakao = openid();
    let fail = |fault| kakao.emulator.fail(Endpoint::Jwks, fault, Times::Once);
    let mut keys = kakao.emulator.jwks().unwrap();
    let junk = json!({"kty": "oct", "kid": "junk"});
    keys["keys"].as_array_mut().unwrap().insert(0, junk);
    fail(Fault::Status(500));
    fail(Fault::Large(10_000_000));
    fail(Fault::Answer {
        status: 200,
        content_type: "application/json".to_owned(),
        body: keys.to_string(),
    });
    assert_eq!(kakao.get(JWKS).await.status, 500);
    assert!(kakao.get(JWKS).await.body.len() > 9_000_000);
    let token = id_token(&kakao, "linked").await;
    assert!(is_kakaos(&kakao, &token).await, "found among junk");
}

#[actix_web::test]
async fn an_id_token_can_be_made_wrong_in_every_way() {
    let kakao = openid();
    kakao.emulator.alter_id_tokens(|jwt| {
        jwt.claims["iss"] = json!("https://elsewhere.example");
        jwt.header["alg"] = json!("none");
        jwt.signer = Signer::Nobody;
    });
    let token = id_token(&kakao, "linked").await;
    assert!(token.ends_with('.'));
    assert_eq!(part(&token, 0)["alg"], "none");
    let (status, error, code) = told(&kakao, &token).await;
    assert_eq!(
        (status, error.as_str(), code.as_str()),
        (400, "invalid_token", "KOE401")
    );
    for signer in [Signer::Stranger, Signer::PublicKeyAsSecret] {
        kakao
            .emulator
            .alter_id_tokens(move |jwt| jwt.signer = signer);
        let token = id_token(&kakao, "linked").await;
        assert!(!is_kakaos(&kakao, &token).await);
        assert_eq!(told(&kakao, &token).await.2, "KOE402");
    }
    kakao.emulator.heal();
    assert!(is_kakaos(&kakao, &id_token(&kakao, "linked").await).await);
}

#[actix_web::test]
async fn token_info_repeats_the_claims_of_a_good_token() {
    let kakao = openid();
    let token = id_token(&kakao, "linked").await;
    let answer = kakao
        .post("/oauth/tokeninfo", &[("id_token", &token)])
        .await;
    assert_eq!((answer.status, answer.json()), (200, part(&token, 1)));
    for malformed in ["", "a.b", "a.b.c", &token[..token.len() - 1], "e30.e30"] {
        assert_eq!(told(&kakao, malformed).await.2, "KOE400", "{malformed}");
    }
    kakao.emulator.clock().advance(Duration::hours(6));
    assert_eq!(told(&kakao, &token).await.2, "KOE403");
    let claims = json!({"iss": kakao.emulator.url(), "exp": 9_999_999_999_i64});
    let made = kakao.emulator.jwt("JWT", claims.clone()).unwrap();
    let made = kakao.emulator.sign_jwt(&made).unwrap();
    let answer = kakao.post("/oauth/tokeninfo", &[("id_token", &made)]).await;
    assert_eq!(answer.json(), claims);
}

#[actix_web::test]
async fn user_info_tells_what_was_agreed_to() {
    let kakao = openid();
    let more = [("scope", "openid,gender,birthday")];
    tokens(&kakao, "ordinary", &[]).await;
    let tokens = tokens(&kakao, "ordinary", &more).await;
    let access = tokens["access_token"].as_str().unwrap();
    let info = kakao.with_token(Method::GET, USER_INFO, access).await;
    let picture = format!("{}/pictures/ordinary-110.png", kakao.emulator.url());
    assert_eq!(
        info.json(),
        json!({
            "sub": "2900000001", "nickname": "김하늘", "picture": picture,
            "email": "ordinary@example.com", "email_verified": true,
            "gender": "FEMALE", "birthdate": "0000-04-12",
        })
    );
    let admin = kakao.request(Method::GET, USER_INFO);
    let admin = admin.header("authorization", "KakaoAK x");
    assert_eq!(kakao.send(admin).await.status, 401);
}
