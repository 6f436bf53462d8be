//! The emulator's answers beside the fixtures: the same fields, of the same kinds.

use kakao_gate::emulator::{ADMIN_KEY, Consent, Endpoint, Fault, ItemLevel, Person, Times, World};
use reqwest::RequestBuilder;
use serde_json::Value;

use super::foreign::Foreign;
use super::{fixture, fixtures, json, shape};

fn same(name: &str, answer: &Value) {
    assert_eq!(
        shape(answer),
        shape(&json(&fixture(name))),
        "{name}: {answer}"
    );
}

/// A console that offers these consent items and knows nothing of older apps.
fn offer(world: &World, scopes: &[&str]) {
    world.edit_app(|app| {
        app.items
            .retain(|item| scopes.contains(&item.scope.as_str()));
        app.legacy_properties = false;
    });
}

#[actix_web::test]
async fn a_token_answer_has_the_fields_of_the_observed_one() {
    let foreign = Foreign::start();
    same("token", &foreign.tokens("ordinary", Consent::All).await);
    same(
        "token_no_scope",
        &foreign.tokens("minimal", Consent::All).await,
    );
}

#[actix_web::test]
async fn token_info_logout_and_unlink_have_the_fields_of_the_observed_ones() {
    let foreign = Foreign::start();
    for (fixture, method, path) in [
        ("access_token_info", "GET", "/v1/user/access_token_info"),
        ("logout", "POST", "/v1/user/logout"),
        ("unlink", "POST", "/v1/user/unlink"),
    ] {
        let tokens = foreign.tokens("ordinary", Consent::All).await;
        let token = tokens["access_token"].as_str().unwrap();
        let method = method.parse().unwrap();
        let request = foreign
            .http
            .request(method, foreign.url(path))
            .bearer_auth(token);
        let (status, answer) = foreign.answer(request).await;
        assert_eq!(status, 200, "{path}: {answer}");
        same(fixture, &answer);
        assert_eq!(answer["id"], 2_900_000_001_i64, "{path}");
    }
}

#[actix_web::test]
async fn logout_and_unlink_by_admin_key_answer_like_those_by_token() {
    let foreign = Foreign::start();
    for (fixture, path) in [("logout", "/v1/user/logout"), ("unlink", "/v1/user/unlink")] {
        foreign.tokens("ordinary", Consent::All).await;
        let request = foreign.http.post(foreign.url(path));
        let request = request
            .header("authorization", format!("KakaoAK {ADMIN_KEY}"))
            .form(&[("target_id_type", "user_id"), ("target_id", "2900000001")]);
        let (status, answer) = foreign.answer(request).await;
        assert_eq!(status, 200, "{path}: {answer}");
        same(fixture, &answer);
    }
}

#[actix_web::test]
async fn each_seeded_person_is_shown_as_kakao_shows_such_a_person() {
    const NICKNAME: &str = "profile_nickname";
    const IMAGE: &str = "profile_image";
    const EMAIL: &str = "account_email";
    for (fixture, person, scopes, consent) in [
        (
            "me_no_email",
            "ordinary",
            &[NICKNAME, IMAGE, EMAIL][..],
            Consent::RequiredOnly,
        ),
        (
            "me_unverified_email",
            "unverified-email",
            &[NICKNAME, EMAIL],
            Consent::All,
        ),
        (
            "me_invalid_email",
            "stale-email",
            &[NICKNAME, EMAIL],
            Consent::All,
        ),
        (
            "me_default_nickname",
            "default-nickname",
            &[NICKNAME, IMAGE],
            Consent::All,
        ),
        ("me_19_digit_id", "long-id", &[NICKNAME], Consent::All),
    ] {
        let foreign = Foreign::start();
        offer(&foreign.emulator.world(), scopes);
        let tokens = foreign.tokens(person, consent).await;
        let (status, me) = foreign.me(tokens["access_token"].as_str().unwrap()).await;
        assert_eq!(status, 200, "{fixture}");
        same(fixture, &me);
    }
}

#[actix_web::test]
async fn a_person_who_shares_everything_is_shown_as_older_apps_see_one() {
    let foreign = Foreign::start();
    let world = foreign.emulator.world();
    offer(
        &world,
        &["profile_nickname", "profile_image", "account_email"],
    );
    world.edit_app(|app| app.legacy_properties = true);
    let tokens = foreign.tokens("linked", Consent::All).await;
    let (_, me) = foreign.me(tokens["access_token"].as_str().unwrap()).await;
    same("me_full", &me);
}

#[actix_web::test]
async fn a_19_digit_number_has_all_its_digits() {
    let foreign = Foreign::start();
    let largest = Person {
        user_id: Some(i64::MAX),
        ..Person::named("largest", "큰수")
    };
    foreign.emulator.world().add_person(largest);
    for (person, id) in [
        ("long-id", 1_376_016_924_426_814_086),
        ("largest", i64::MAX),
    ] {
        let tokens = foreign.tokens(person, Consent::All).await;
        let (_, me) = foreign.me(tokens["access_token"].as_str().unwrap()).await;
        assert_eq!(me["id"].as_i64(), Some(id));
    }
}

#[actix_web::test]
async fn a_required_item_is_asked_and_an_unoffered_one_is_not() {
    let foreign = Foreign::start();
    let world = foreign.emulator.world();
    assert_eq!(
        world.app().level("profile_nickname"),
        Some(ItemLevel::Required)
    );
    foreign.tokens("no-email", Consent::RequiredOnly).await;
    assert_eq!(world.agreed_scopes("no-email"), ["profile_nickname"]);
}

/// The address that gives errors of this fixture, and how it is asked.
fn request(foreign: &Foreign, name: &str) -> (Endpoint, RequestBuilder) {
    if name.starts_with("token_error") {
        return (Endpoint::Token, foreign.exchange("no-code"));
    }
    let request = foreign.http.get(foreign.url("/v2/user/me"));
    (Endpoint::Me, request.bearer_auth("no-token"))
}

/// The code as [`Fault::refuse`] names it.
fn code(body: &Value) -> String {
    let koe = body["error_code"].as_str().map(str::to_owned);
    koe.unwrap_or_else(|| body["code"].to_string())
}

#[actix_web::test]
async fn every_error_on_demand_has_the_fields_of_the_observed_one() {
    let foreign = Foreign::start();
    for name in fixtures("token_error")
        .into_iter()
        .chain(fixtures("api_error"))
    {
        let observed = json(&fixture(&name));
        let (endpoint, request) = request(&foreign, &name);
        foreign
            .emulator
            .fail(endpoint, Fault::refuse(&code(&observed)), Times::Once);
        let (status, answer) = foreign.answer(request).await;
        assert!(status >= 400, "{name}: {status}");
        assert_eq!(code(&answer), code(&observed), "{name}");
        assert_eq!(answer.get("error"), observed.get("error"), "{name}");
        let (given, expected) = (shape(&answer), shape(&observed));
        for (path, kind) in &expected {
            assert_eq!(given.get(path), Some(kind), "{name}{path}: {answer}");
        }
        // Kakao says more about some errors than about others, in one more field.
        let more = given.keys().filter(|path| !expected.contains_key(*path));
        assert!(
            more.clone().all(|path| path == ".error_description"),
            "{name}: {answer}"
        );
    }
}

#[actix_web::test]
async fn errors_have_the_statuses_kakao_documents() {
    let foreign = Foreign::start();
    for (code, status) in [
        ("-1", 400),
        ("-2", 400),
        ("-3", 403),
        ("-4", 403),
        ("-7", 400),
        ("-10", 400),
        ("-101", 400),
        ("-103", 400),
        ("-401", 401),
        ("-402", 403),
        ("-406", 401),
        ("-603", 400),
        ("-9798", 503),
    ] {
        foreign
            .emulator
            .fail(Endpoint::Me, Fault::refuse(code), Times::Once);
        assert_eq!(foreign.me("no-token").await.0, status, "{code}");
    }
}

/// An error that was earned, word for word as it was observed.
fn earned(name: &str, (status, answer): (u16, Value), expected: u16) {
    assert_eq!(status, expected, "{name}: {answer}");
    assert_eq!(answer, json(&fixture(name)), "{name}");
}

#[actix_web::test]
async fn errors_that_a_client_earns_are_told_in_kakaos_words() {
    let foreign = Foreign::start();
    let world = foreign.emulator.world();
    earned("api_error_401", foreign.me("no-such-token").await, 401);

    let tokens = foreign.tokens("ordinary", Consent::All).await;
    let token = tokens["access_token"].as_str().unwrap();
    world.expire_access_tokens(2_900_000_001);
    earned("api_error_401_expired", foreign.me(token).await, 401);

    let by_admin = |key: &str, id: &str| {
        let request = foreign.http.post(foreign.url("/v1/user/unlink"));
        let form = [("target_id_type", "user_id"), ("target_id", id)];
        request
            .header("authorization", format!("KakaoAK {key}"))
            .form(&form)
    };
    let wrong_key = foreign.answer(by_admin("wrong", "2900000001")).await;
    earned("api_error_401_admin_key", wrong_key, 401);
    world.unlink_from_kakao("ordinary");
    let gone = foreign.answer(by_admin(ADMIN_KEY, "2900000001")).await;
    earned("api_error_101", gone, 400);

    let koe = |(status, answer): (u16, Value)| (status, code(&answer));
    let code = foreign.code("ordinary", Consent::All, "");
    assert_eq!(foreign.answer(foreign.exchange(&code)).await.0, 200);
    let again = foreign.answer(foreign.exchange(&code)).await;
    assert_eq!(koe(again), (400, "KOE320".to_owned()), "a code works once");
    let code = foreign.code("ordinary", Consent::All, "");
    let elsewhere = foreign.http.post(foreign.url("/oauth/token")).form(&[
        ("grant_type", "authorization_code"),
        ("client_id", kakao_gate::emulator::REST_API_KEY),
        ("client_secret", kakao_gate::emulator::CLIENT_SECRET),
        ("redirect_uri", "http://127.0.0.1:8080/elsewhere"),
        ("code", &code),
    ]);
    earned("token_error_koe303", foreign.answer(elsewhere).await, 400);
    let refresh = foreign.http.post(foreign.url("/oauth/token")).form(&[
        ("grant_type", "refresh_token"),
        ("client_id", kakao_gate::emulator::REST_API_KEY),
        ("client_secret", kakao_gate::emulator::CLIENT_SECRET),
        ("refresh_token", "no-such-token"),
    ]);
    earned("token_error_koe322", foreign.answer(refresh).await, 400);
}
