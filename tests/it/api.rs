//! `/api/v1/…`: what a program hands over, is given, and may do with it.

mod faults;
mod forgeries;
mod introspection;
mod leaving;
mod members;
mod shapes;

pub use forgeries::{our_key, part};
use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use kakao_gate::emulator::{
    CLIENT_SECRET, Consent, Endpoint, Fault, OTHER_CLIENT_SECRET, OTHER_REST_API_KEY, REST_API_KEY,
    Times,
};
use serde_json::{Value, json};
use time::Duration;

use crate::my_account::give_password;
use crate::stage::contract;
use crate::stage::email::{self, ANOTHER, PASSWORD};
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, eventually, everywhere};

const HAND_OFF: &str = "/api/v1/auth/kakao";
const REFRESH: &str = "/api/v1/auth/refresh";
const LOGOUT: &str = "/api/v1/auth/logout";
const ME: &str = "/api/v1/me";

fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// What Kakao gives an app of `person`'s by this key.
pub async fn kakao_gives(app: &TestApp, person: &str, (key, secret): (&str, &str)) -> Value {
    let redirect = format!("{}/auth/kakao/callback", app.url);
    let address = url::Url::parse_with_params(
        &format!("{}/oauth/authorize", app.emulator.url()),
        [
            ("client_id", key),
            ("redirect_uri", &redirect),
            ("response_type", "code"),
            ("nonce", "nonce-of-the-app"),
        ],
    );
    let back = app
        .emulator
        .authorize(address.unwrap().as_str(), person, Consent::All);
    let back = url::Url::parse(&back).unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "code");
    let answer = http()
        .post(format!("{}/oauth/token", app.emulator.url()))
        .form(&[
            ("grant_type", "authorization_code"),
            ("client_id", key),
            ("client_secret", secret),
            ("redirect_uri", &redirect),
            ("code", &code.expect("a code").1),
        ])
        .send()
        .await
        .unwrap();
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

async fn access_of(app: &TestApp, person: &str) -> String {
    let given = kakao_gives(app, person, (REST_API_KEY, CLIENT_SECRET)).await;
    given["access_token"].as_str().unwrap().to_owned()
}

async fn post(app: &TestApp, path: &str, bearer: Option<&str>, body: Option<Value>) -> Page {
    let mut request = http().post(format!("{}{path}", app.url));
    if let Some(bearer) = bearer {
        request = request.header("authorization", format!("Bearer {bearer}"));
    }
    if let Some(body) = body {
        request = request
            .header("content-type", "application/json")
            .body(body.to_string());
    }
    let page = Page::read(request.send().await.unwrap()).await;
    contract::hold(&reqwest::Method::POST, path, &page);
    page
}

async fn me(app: &TestApp, bearer: &str) -> Page {
    let header = format!("Bearer {bearer}");
    let headers = [("authorization", header.as_str())];
    app.visitor().get_with(ME, &headers).await
}

pub fn json_of(page: &Page) -> Value {
    serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("{}", page.body))
}

/// The code of a refusal, which is shaped as RFC 9457 has it.
pub fn refused(page: &Page, status: u16) -> String {
    assert_eq!(page.status, status, "{}", page.body);
    assert_eq!(page.header("content-type"), "application/problem+json");
    assert_eq!(page.header("cache-control"), "no-store");
    let body = json_of(page);
    assert_eq!(body["status"], status);
    for name in ["type", "title", "code", "ref"] {
        assert!(body[name].is_string(), "{name}: {body}");
    }
    assert_eq!(
        page.header("www-authenticate").starts_with("Bearer"),
        status == 401 || body["code"] == "insufficient_scope",
        "{body}"
    );
    body["code"].as_str().unwrap().to_owned()
}

/// Ours, for what Kakao gave: the access and the refresh token.
pub async fn taken(app: &TestApp, person: &str) -> (String, String) {
    let page = post(app, HAND_OFF, Some(&access_of(app, person).await), None).await;
    pair(&page)
}

fn pair(page: &Page) -> (String, String) {
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(page.header("cache-control"), "no-store");
    let body = json_of(page);
    assert_eq!(body["token_type"], "Bearer");
    let token = |name: &str| body[name].as_str().expect(name).to_owned();
    (token("access_token"), token("refresh_token"))
}

async fn refresh(app: &TestApp, token: &str) -> Page {
    post(app, REFRESH, None, Some(json!({ "refresh_token": token }))).await
}

/// Kakao tells that `person` has disconnected.
async fn told_of_unlink(app: &TestApp, person: &str) {
    let id = app.emulator.world().user_id(person).unwrap().to_string();
    let told = http()
        .post(format!("{}/webhooks/kakao/unlink", app.url))
        .header(
            "authorization",
            format!("KakaoAK {}", kakao_gate::emulator::ADMIN_KEY),
        )
        .form(&[("app_id", "900001"), ("user_id", &id)])
        .send();
    assert_eq!(told.await.unwrap().status(), 200);
}

// AP-1, AP-4, ID-1
#[test]
fn a_program_hands_over_what_kakao_gave_it_and_is_the_same_member_as_in_a_browser() {
    everywhere(async |app| {
        let (access, _) = taken(app, "ordinary").await;
        let shown = me(app, &access).await;
        assert_eq!(shown.status, 200, "{}", shown.body);
        assert_eq!(shown.header("cache-control"), "no-store");
        let member = json_of(&shown)["id"].as_str().unwrap().to_owned();
        assert_eq!(app.member_of("ordinary").await.to_string(), member);
        let (_, in_browser) = app.signed_in("ordinary").await;
        assert_eq!(in_browser.to_string(), member);
        assert_eq!(app.count("members").await, 1);
        assert_eq!(
            app.count("sessions WHERE kakao_access IS NOT NULL").await,
            1
        );

        // Anybody verifies it with an ordinary library, and learns nothing about the person.
        let keys = app.visitor().get("/.well-known/jwks.json").await;
        assert!(keys.header("cache-control").starts_with("public"));
        assert!(!keys.body.contains("\"d\""), "{}", keys.body);
        let keys: JwkSet = serde_json::from_str(&keys.body).unwrap();
        let header = jsonwebtoken::decode_header(&access).unwrap();
        assert_eq!(header.typ.as_deref(), Some("at+jwt"));
        let key = keys.find(header.kid.as_deref().unwrap()).unwrap();
        let mut rules = Validation::new(Algorithm::ES256);
        rules.set_audience(&[&app.url]);
        rules.set_issuer(&[&app.url]);
        rules.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        rules.validate_exp = false;
        let claims =
            jsonwebtoken::decode::<Value>(&access, &DecodingKey::from_jwk(key).unwrap(), &rules)
                .unwrap()
                .claims;
        let names: Vec<&str> = claims
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        assert_eq!(
            names,
            ["aud", "client_id", "exp", "iat", "iss", "jti", "sid", "sub"]
        );
        assert_eq!(claims["sub"], member);
        let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
        assert!((60..=900).contains(&life), "{life}");
        let metadata = app
            .visitor()
            .get("/.well-known/oauth-authorization-server")
            .await;
        assert_eq!(json_of(&metadata)["issuer"], app.url);
        assert_eq!(
            json_of(&metadata)["jwks_uri"],
            format!("{}/.well-known/jwks.json", app.url)
        );
    });
}

// AP-1, AP-2, AP-3
#[test]
fn what_is_no_token_of_this_app_is_refused_by_name() {
    everywhere(async |app| {
        let answer = post(app, HAND_OFF, Some("nobodys-token"), None).await;
        assert_eq!(refused(&answer, 401), "invalid_token");
        // A code where a token belongs.
        let redirect = format!("{}/auth/kakao/callback", app.url);
        let address = format!(
            "{}/oauth/authorize?client_id={REST_API_KEY}&redirect_uri={redirect}&response_type=code",
            app.emulator.url()
        );
        let back = app.emulator.authorize(&address, "ordinary", Consent::All);
        let code = back
            .split("code=")
            .nth(1)
            .unwrap()
            .split('&')
            .next()
            .unwrap();
        let answer = post(app, HAND_OFF, Some(code), None).await;
        assert_eq!(refused(&answer, 400), "authorization_code");
        // Another app's.
        let fault = Fault::Answer {
            status: 200,
            content_type: "application/json".to_owned(),
            body: json!({ "id": 1, "expires_in": 100, "app_id": 900_002 }).to_string(),
        };
        app.emulator
            .fail(Endpoint::AccessTokenInfo, fault, Times::Once);
        let token = access_of(app, "ordinary").await;
        let answer = post(app, HAND_OFF, Some(&token), None).await;
        assert_eq!(refused(&answer, 401), "wrong_app");
        assert_eq!(
            app.emulator.count(Endpoint::Me),
            0,
            "nobody is asked who it is"
        );
        // The two calls name different people.
        let fault = Fault::Answer {
            status: 200,
            content_type: "application/json".to_owned(),
            body: json!({ "id": 1, "expires_in": 100, "app_id": 900_001 }).to_string(),
        };
        app.emulator
            .fail(Endpoint::AccessTokenInfo, fault, Times::Once);
        let answer = post(app, HAND_OFF, Some(&token), None).await;
        assert_eq!(refused(&answer, 503), "kakao_unavailable");
        // Shapes.
        for (headers, code) in [
            (vec!["Bearer a", "Bearer b"], "invalid_request"),
            (vec!["Basic YTpi"], "invalid_request"),
            (vec!["Bearer "], "invalid_request"),
            (vec!["Bearer a b"], "invalid_request"),
        ] {
            let mut request = http().post(format!("{}{HAND_OFF}", app.url));
            for header in &headers {
                request = request.header("authorization", *header);
            }
            let answer = Page::read(request.send().await.unwrap()).await;
            contract::hold(&reqwest::Method::POST, HAND_OFF, &answer);
            assert_eq!(refused(&answer, 400), code, "{headers:?}");
        }
        let long = "x".repeat(9 * 1024);
        let answer = post(app, HAND_OFF, Some(&long), None).await;
        assert_eq!(refused(&answer, 400), "invalid_request");
        // A token in the address, or in a form, is none.
        let visitor = app.visitor();
        let path = format!("{HAND_OFF}?access_token={token}");
        let answer = visitor.post(&path, &[("access_token", &token)]).await;
        assert_eq!(refused(&answer, 415), "unsupported_media_type");
        assert_eq!(
            refused(&visitor.get(HAND_OFF).await, 405),
            "method_not_allowed"
        );
        assert_eq!(visitor.get(HAND_OFF).await.header("allow"), "POST");
        assert_eq!(
            refused(&visitor.get("/api/v1/nothing").await, 404),
            "not_found"
        );
        assert_eq!(refused(&visitor.get(ME).await, 401), "unauthorized");
        assert_eq!(app.count("members").await, 0);
        assert_eq!(app.count("sessions").await, 0);
    });
}

// RL-2, CB-5, AP-8
#[test]
fn kakao_in_trouble_and_members_who_may_not_come_in_are_told_apart() {
    everywhere(async |app| {
        let token = access_of(app, "ordinary").await;
        for (endpoint, fault, status, code) in [
            (
                Endpoint::AccessTokenInfo,
                Fault::Status(503),
                503,
                "kakao_unavailable",
            ),
            (
                Endpoint::Me,
                Fault::refuse("-402:gender"),
                403,
                "consent_missing",
            ),
            (
                Endpoint::Me,
                Fault::refuse("-101"),
                401,
                "not_found_in_kakao",
            ),
        ] {
            app.emulator.fail(endpoint, fault, Times::Always);
            let answer = post(app, HAND_OFF, Some(&token), None).await;
            assert_eq!(refused(&answer, status), code);
            if status == 503 {
                assert!(!answer.header("retry-after").is_empty());
            }
            if code == "consent_missing" {
                assert_eq!(json_of(&answer)["scopes"], json!(["gender"]));
            }
            app.emulator.heal();
        }
        assert_eq!(app.count("members").await, 0, "nothing half made");
        let (access, refresh_token) = pair(&post(app, HAND_OFF, Some(&token), None).await);
        app.backends()
            .database
            .execute("UPDATE members SET standing = 'suspended'");
        assert_eq!(refused(&me(app, &access).await, 401), "invalid_token");
        assert_eq!(
            refused(&refresh(app, &refresh_token).await, 401),
            "invalid_token"
        );
        let answer = post(app, HAND_OFF, Some(&token), None).await;
        assert_eq!(refused(&answer, 403), "suspended");
    });
}

// AP-1, OT-2, OT-4
#[test]
fn an_id_token_is_taken_once_for_its_nonce_and_our_keys_only() {
    let stage = Stage::default().set("KAKAO_OIDC", "on");
    stage.everywhere(async |app| {
        app.emulator.set_oidc(true);
        let ours = (REST_API_KEY, CLIENT_SECRET);
        let given = kakao_gives(app, "ordinary", ours).await;
        let id_token = given["id_token"].as_str().unwrap();
        let hand = async |token: &str, nonce: &str| {
            let body = json!({ "id_token": token, "nonce": nonce });
            post(app, HAND_OFF, None, Some(body)).await
        };
        assert_eq!(
            refused(&hand(id_token, "another").await, 401),
            "invalid_token"
        );
        assert_eq!(refused(&hand(id_token, "").await, 400), "invalid_request");
        let answer = hand(id_token, "nonce-of-the-app").await;
        let (access, _) = pair(&answer);
        assert_eq!(json_of(&me(app, &access).await)["name"], "김하늘");
        let again = hand(id_token, "nonce-of-the-app").await;
        assert_eq!(refused(&again, 401), "invalid_token");
        // What is known of somebody stays, although an ID token tells less.
        app.signed_in("linked").await;
        let before = app
            .values("SELECT COALESCE(email, '-') AS value FROM kakao_accounts")
            .await;
        let given = kakao_gives(app, "linked", ours).await;
        pair(&hand(given["id_token"].as_str().unwrap(), "nonce-of-the-app").await);
        let after = app
            .values("SELECT COALESCE(email, '-') AS value FROM kakao_accounts")
            .await;
        assert_eq!(before, after);
        // Whoever has disconnected since is not connected again by what is older.
        let given = kakao_gives(app, "linked", ours).await;
        app.clock.advance(Duration::seconds(2));
        app.emulator.world().unlink_from_kakao("linked");
        told_of_unlink(app, "linked").await;
        eventually("it is applied", async || {
            app.count("kakao_accounts WHERE unlinked_at IS NOT NULL")
                .await
                == 1
        })
        .await;
        let answer = hand(given["id_token"].as_str().unwrap(), "nonce-of-the-app").await;
        assert_eq!(refused(&answer, 401), "invalid_token");
        // Nor does one count that was kept for long.
        let given = kakao_gives(app, "ordinary", ours).await;
        app.clock.advance(Duration::minutes(11));
        let answer = hand(given["id_token"].as_str().unwrap(), "nonce-of-the-app").await;
        assert_eq!(refused(&answer, 401), "invalid_token");
        app.clock.advance(-Duration::minutes(11));
        // Another key is not ours, unless the settings say so.
        let other = (OTHER_REST_API_KEY, OTHER_CLIENT_SECRET);
        let given = kakao_gives(app, "ordinary", other).await;
        let answer = hand(given["id_token"].as_str().unwrap(), "nonce-of-the-app").await;
        assert_eq!(refused(&answer, 401), "wrong_app");
        app.restart(&[("KAKAO_NATIVE_APP_KEYS", OTHER_REST_API_KEY)])
            .await;
        let answer = post(
            app,
            HAND_OFF,
            None,
            Some(json!({ "id_token": given["id_token"], "nonce": "nonce-of-the-app" })),
        );
        pair(&answer.await);
        let junk = json!({ "id_token": "a.b.c", "nonce": "n", "role": "owner" });
        assert_eq!(
            refused(&post(app, HAND_OFF, None, Some(junk)).await, 400),
            "invalid_request"
        );
    });
}

// AP-6, AP-7
#[test]
fn refresh_tokens_rotate_and_one_that_was_copied_ends_the_session() {
    everywhere(async |app| {
        let (_, first) = taken(app, "ordinary").await;
        assert_eq!(
            app.values("SELECT digest AS value FROM api_tokens").await[0].len(),
            64
        );
        let (access, second) = pair(&refresh(app, &first).await);
        assert_ne!(first, second);
        // The answer got lost: the same again, and no second chain.
        let (_, again) = pair(&refresh(app, &first).await);
        assert_eq!(again, second);
        // Twenty at once get one successor.
        let at_once = join_all((0..20).map(|_| refresh(app, &second))).await;
        let mut successors: Vec<String> = at_once.iter().map(|page| pair(page).1).collect();
        successors.dedup();
        assert_eq!(successors.len(), 1, "{successors:?}");
        // A made-up one touches nobody, an old one is a copy.
        let made_up = format!("{}x", &second[..second.len() - 1]);
        assert_eq!(refused(&refresh(app, &made_up).await, 401), "invalid_token");
        assert_eq!(me(app, &access).await.status, 200);
        app.clock.advance(Duration::seconds(31));
        assert_eq!(refused(&refresh(app, &second).await, 401), "invalid_token");
        assert_eq!(refused(&me(app, &access).await, 401), "invalid_token");
        assert_eq!(
            refused(&refresh(app, &successors[0]).await, 401),
            "invalid_token"
        );
        let told = "audit_events WHERE action = 'api.refresh' AND reason = 'reused'";
        assert_eq!(app.count(told).await, 1);
        assert_eq!(
            app.values("SELECT ended_by AS value FROM sessions").await,
            ["reuse"]
        );
    });
}

// AP-8
#[test]
fn whatever_ends_sessions_ends_tokens_at_once() {
    everywhere(async |app| {
        let (access, token) = taken(app, "ordinary").await;
        let body = json!({ "refresh_token": token });
        let out = post(app, LOGOUT, None, Some(body.clone())).await;
        assert_eq!((out.status, out.body.as_str()), (204, ""));
        assert_eq!(refused(&me(app, &access).await, 401), "invalid_token");
        assert_eq!(
            post(app, LOGOUT, None, Some(body)).await.status,
            204,
            "twice is once"
        );
        let (browser, _) = app.signed_in("ordinary").await;
        let (access, token) = taken(app, "ordinary").await;
        // It is one of the devices.
        assert_eq!(
            browser
                .get("/me/sessions")
                .await
                .texts("main li.card")
                .len(),
            2
        );
        browser
            .press("/me/sessions", "/me/sessions/end-others", &[])
            .await;
        assert_eq!(refused(&me(app, &access).await, 401), "invalid_token");
        assert_eq!(refused(&refresh(app, &token).await, 401), "invalid_token");
        let (access, _) = taken(app, "ordinary").await;
        app.emulator.world().unlink_from_kakao("ordinary");
        told_of_unlink(app, "ordinary").await;
        eventually("its session has ended", async || {
            me(app, &access).await.status == 401
        })
        .await;
        // Time alone.
        let (access, token) = taken(app, "linked").await;
        app.clock.advance(Duration::minutes(11));
        assert_eq!(refused(&me(app, &access).await, 401), "invalid_token");
        let (access, _) = pair(&refresh(app, &token).await);
        assert_eq!(me(app, &access).await.status, 200);
    });
}

// AP-8
#[test]
fn another_password_ends_what_programs_hold_also_where_other_browsers_stay() {
    email::stage().everywhere(async |app| {
        let (access, token) = taken(app, "ordinary").await;
        give_password(app, app.member_of("ordinary").await).await;
        let (browser, _) = app.signed_in("ordinary").await;
        let (other, _) = app.signed_in("ordinary").await;
        let fields = [("current", PASSWORD), ("password", ANOTHER)];
        let changed = browser.press("/me/password", "/me/password", &fields);
        assert_eq!(changed.await.status, 303);
        assert_eq!(refused(&me(app, &access).await, 401), "invalid_token");
        assert_eq!(refused(&refresh(app, &token).await, 401), "invalid_token");
        assert_eq!(other.get("/me").await.status, 200);
    });
}

// AP-9, SE-6, OT-7
#[test]
fn a_browser_gets_a_token_for_its_own_pages_and_for_nobody_elses() {
    everywhere(async |app| {
        let (visitor, member) = app.signed_in("ordinary").await;
        let path = "/api/v1/auth/session";
        assert_eq!(
            refused(&app.visitor().post(path, &[]).await, 401),
            "unauthorized"
        );
        assert_eq!(refused(&visitor.post(path, &[]).await, 403), "forbidden");
        let csrf = visitor.get("/me").await.csrf();
        let foreign = [
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
        ];
        let answer = visitor.post_with(path, &foreign, &[("csrf", &csrf)]).await;
        assert_eq!(refused(&answer, 403), "forbidden");
        assert_eq!(answer.header("access-control-allow-origin"), "");
        let given = visitor.press("/me", path, &[]).await;
        assert_eq!(given.status, 200, "{}", given.body);
        let body = json_of(&given);
        assert!(
            body["refresh_token"].is_null(),
            "the browser's own session is behind it"
        );
        let access = body["access_token"].as_str().unwrap();
        assert_eq!(json_of(&me(app, access).await)["id"], member.to_string());
        // A cookie shows nobody to the API, and a token nobody to the pages.
        assert_eq!(refused(&visitor.get(ME).await, 401), "unauthorized");
        let header = format!("Bearer {access}");
        let page = app
            .visitor()
            .get_with("/me", &[("authorization", &header)])
            .await;
        assert_eq!(page.status, 303);
        visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        assert_eq!(refused(&me(app, access).await, 401), "invalid_token");
        // Neither a token of Kakao's nor a refresh token is an access token.
        let (_, token) = taken(app, "linked").await;
        let kakaos = access_of(app, "linked").await;
        for other in [token, kakaos] {
            assert_eq!(refused(&me(app, &other).await, 401), "invalid_token");
        }
    });
}

// AP-4, OT-6
#[test]
fn a_new_key_is_published_before_it_signs_and_the_old_one_until_its_tokens_have_ended() {
    everywhere(async |app| {
        let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
        let published = async |app: &TestApp| {
            let page = app.visitor().get("/.well-known/jwks.json").await;
            json_of(&page)["keys"].as_array().unwrap().len()
        };
        let (before, token) = taken(app, "ordinary").await;
        let new = app.gate().rotate_keys().await.unwrap();
        let other = app.another().await;
        app.clock.advance(Duration::minutes(2));
        assert_eq!(published(app).await, 2);
        assert_eq!(me(app, &before).await.status, 200);
        let (still, token) = pair(&refresh(app, &token).await);
        assert_eq!(kid(&still), kid(&before));
        app.clock.advance(Duration::minutes(14));
        let (after, _) = pair(&refresh(app, &token).await);
        assert_eq!(kid(&after), new);
        let header = format!("Bearer {after}");
        let there = app.visitor().at(&format!("http://{}", other.address()));
        let elsewhere = there.get_with(ME, &[("authorization", &header)]).await;
        assert_eq!(elsewhere.status, 200, "{}", elsewhere.body);
        app.clock.advance(Duration::minutes(40));
        assert_eq!(published(app).await, 1);
    });
}

// OT-6
#[test]
fn a_key_that_was_made_for_later_is_not_retired_by_the_first_that_signs() {
    everywhere(async |app| {
        let later = app.gate().rotate_keys().await.unwrap();
        let (first, token) = taken(app, "ordinary").await;
        let kid = |token: &str| jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
        assert_ne!(kid(&first), later);
        app.clock.advance(Duration::minutes(26));
        let (second, _) = pair(&refresh(app, &token).await);
        assert_eq!(kid(&second), later);
        assert_eq!(me(app, &second).await.status, 200);
    });
}

// IN-2
#[test]
fn a_body_that_never_ends_is_not_waited_for() {
    Stage::default().once(async |app| {
        let head = format!(
            "POST {REFRESH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: 5000\r\n\r\n"
        );
        let pause = std::time::Duration::from_millis(200);
        let answer = crate::stage::raw::dripping(app.address(), head, pause).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains("invalid_request"), "{answer}");
    });
}

// AP-10, AD-4
#[test]
fn a_member_changes_their_name_and_nothing_else() {
    everywhere(async |app| {
        let (access, _) = taken(app, "ordinary").await;
        let patch = async |body: Value| {
            let request = http()
                .patch(format!("{}{ME}", app.url))
                .header("authorization", format!("Bearer {access}"))
                .header("content-type", "application/merge-patch+json")
                .body(body.to_string());
            let page = Page::read(request.send().await.unwrap()).await;
            contract::hold(&reqwest::Method::PATCH, ME, &page);
            page
        };
        let changed = patch(json!({ "name": " 새 이름\u{202e}\r\n " })).await;
        assert_eq!(changed.status, 200, "{}", changed.body);
        assert_eq!(json_of(&changed)["name"], "새 이름");
        assert_eq!(json_of(&me(app, &access).await)["name"], "새 이름");
        for refused_body in [
            json!({ "name": "다른 이름", "role": "owner" }),
            json!({ "role": "owner" }),
            json!({ "name": "  \u{200b} " }),
            json!({ "name": 7 }),
            json!({ "name": null }),
            json!([]),
        ] {
            let answer = patch(refused_body.clone()).await;
            assert_eq!(refused(&answer, 400), "invalid_request", "{refused_body}");
        }
        let after = json_of(&me(app, &access).await);
        assert_eq!(
            (&after["name"], &after["role"]),
            (&json!("새 이름"), &json!("member"))
        );
        let log = "audit_events WHERE action = 'profile.edit'";
        assert_eq!(app.count(log).await, 1);
        let without = http().patch(format!("{}{ME}", app.url)).body("{}");
        let answer = Page::read(without.send().await.unwrap()).await;
        assert_eq!(refused(&answer, 401), "unauthorized");
    });
}
