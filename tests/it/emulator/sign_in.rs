//! Who is at the browser, and what `prompt` and the response scenarios make of it.

use kakao_gate::emulator::{Endpoint, Fault, Times};
use reqwest::Method;
use serde_json::Value;
use time::Duration;

use super::browser::{Browser, heading, values};
use super::{Kakao, authorize_path, parameter};

#[actix_web::test]
async fn prompt_login_and_select_account_show_the_chooser_once() {
    let kakao = Kakao::start();
    let mut browser = Browser::new(&kakao);
    let chooser = browser.open(&authorize_path(&[])).await;
    browser.choose(&chooser, "linked").await.location();
    for prompt in [
        "login",
        "select_account",
        "login,select_account",
        "login select_account",
    ] {
        let chooser = browser.open(&authorize_path(&[("prompt", prompt)])).await;
        assert_eq!(chooser.status, 200, "{prompt}");
        assert!(chooser.body.contains("로그인됨"), "{prompt}");
        let back = browser.choose(&chooser, "linked").await.location();
        assert!(parameter(&back, "code").is_some());
    }
}

#[actix_web::test]
async fn prompt_none_never_shows_a_page() {
    let kakao = Kakao::start();
    let mut browser = Browser::new(&kakao);
    let silent = authorize_path(&[("prompt", "none")]);
    let back = browser.open(&silent).await;
    assert!(back.header("location").contains(
        "?error=login_required&error_description=user%20authentication%20required.&state="
    ));
    let chooser = browser.open(&authorize_path(&[])).await;
    browser.choose(&chooser, "ordinary").await;
    let back = browser.open(&silent).await;
    assert!(
        back.header("location").contains(
            "?error=consent_required&error_description=user%20consent%20required.&state="
        )
    );
    let chooser = browser.open(&authorize_path(&[("prompt", "login")])).await;
    browser.choose(&chooser, "linked").await.location();
    let back = browser.open(&silent).await.location();
    assert!(parameter(&back, "code").is_some());
}

#[actix_web::test]
async fn prompt_create_makes_a_new_account() {
    let kakao = Kakao::start();
    let mut browser = Browser::new(&kakao);
    let form = browser.open(&authorize_path(&[("prompt", "create")])).await;
    assert_eq!(heading(&form), "새 테스트 계정 만들기");
    let empty = [("nickname", " "), ("email", "x@example.test")];
    let stayed = browser.submit(&form, "/emulator/account", &empty).await;
    assert_eq!(stayed.status, 422);
    assert!(stayed.body.contains("x@example.test"));
    let filled = [("nickname", "<b>새사람"), ("email", "")];
    let consent = browser.submit(&stayed, "/emulator/account", &filled).await;
    assert!(
        consent.body.contains("&#60;b&#62;새사람"),
        "escaped: {}",
        consent.body
    );
    let back = browser.reply(&consent, &[("all", "on")]).await.location();
    let code = parameter(&back, "code").unwrap();
    let tokens = kakao.exchange(&code, &[]).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    let me = kakao
        .with_token(Method::GET, "/v2/user/me", access)
        .await
        .json();
    assert_eq!(me["kakao_account"]["profile"]["nickname"], "<b>새사람");
    assert_eq!(me["kakao_account"]["has_email"], false);
}

#[actix_web::test]
async fn login_hint_brings_its_person_to_the_front() {
    let kakao = Kakao::start();
    let mut browser = Browser::new(&kakao);
    let hinted = browser
        .open(&authorize_path(&[("login_hint", "LINKED@example.com")]))
        .await;
    assert_eq!(values(&hinted, "button[name=person]")[0], "linked");
    let plain = browser.open(&authorize_path(&[])).await;
    assert_eq!(values(&plain, "button[name=person]")[0], "ordinary");
    assert!(hinted.body.contains("요청한 계정") && !plain.body.contains("요청한 계정"));
}

#[actix_web::test]
async fn the_kakao_session_lasts_a_day_or_a_month_and_is_not_extended() {
    let kakao = Kakao::start();
    for (keep, hours, max_age) in [(false, 24, "Max-Age=86400"), (true, 720, "Max-Age=2592000")] {
        let mut browser = Browser::new(&kakao);
        let chooser = browser.open(&authorize_path(&[])).await;
        let mut fields = vec![("person", "linked")];
        if keep {
            fields.push(("keep", "on"));
        }
        let answer = browser.submit(&chooser, "/emulator/account", &fields).await;
        assert!(answer.header("set-cookie").contains(max_age));
        assert!(answer.header("set-cookie").contains("HttpOnly"));
        kakao.emulator.clock().advance(Duration::hours(hours - 1));
        assert_eq!(browser.open(&authorize_path(&[])).await.status, 302);
        kakao.emulator.clock().advance(Duration::hours(1));
        assert_eq!(browser.open(&authorize_path(&[])).await.status, 200);
    }
}

#[actix_web::test]
async fn prompt_none_asks_for_interaction_instead_of_showing_a_page() {
    let kakao = Kakao::start();
    let mut browser = Browser::new(&kakao);
    let chooser = browser.open(&authorize_path(&[])).await;
    let back = browser.choose(&chooser, "needs-action").await.location();
    assert!(parameter(&back, "code").is_some(), "done on the way");
    let silent = authorize_path(&[("prompt", "none")]);
    let back = browser.open(&silent).await.location();
    assert_eq!(
        parameter(&back, "error").as_deref(),
        Some("interaction_required")
    );
    assert_eq!(
        parameter(&back, "error_description").as_deref(),
        Some("need to collect additional personal information.")
    );
}

#[actix_web::test]
async fn prompt_none_needs_consent_before_anything_turns_the_person_away() {
    let kakao = Kakao::start();
    let silent = authorize_path(&[("prompt", "none")]);
    for person in ["under-14", "ordinary"] {
        let mut browser = Browser::new(&kakao);
        let chooser = browser.open(&authorize_path(&[])).await;
        browser.choose(&chooser, person).await;
        kakao.emulator.world().edit_app(|app| app.test_app = true);
        let back = browser.open(&silent).await.location();
        let error = parameter(&back, "error");
        assert_eq!(error.as_deref(), Some("consent_required"), "{person}");
        kakao.emulator.world().edit_app(|app| app.test_app = false);
    }
}

#[actix_web::test]
async fn the_old_auth_type_asks_for_a_sign_in_as_prompt_login_does() {
    let kakao = Kakao::start();
    let mut browser = Browser::new(&kakao);
    let chooser = browser.open(&authorize_path(&[])).await;
    browser.choose(&chooser, "linked").await.location();
    let path = authorize_path(&[("auth_type", "reauthenticate")]);
    let chooser = browser.open(&path).await;
    assert_eq!(chooser.status, 200);
    let back = browser.choose(&chooser, "linked").await.location();
    assert!(parameter(&back, "code").is_some());
}

#[actix_web::test]
async fn choosing_ones_own_account_again_does_not_lengthen_the_session() {
    let kakao = Kakao::start();
    let mut browser = Browser::new(&kakao);
    let chooser = browser.open(&authorize_path(&[])).await;
    browser.choose(&chooser, "linked").await.location();
    kakao.emulator.clock().advance(Duration::hours(23));
    let select = authorize_path(&[("prompt", "select_account")]);
    let chooser = browser.open(&select).await;
    let again = browser.choose(&chooser, "linked").await;
    assert_eq!((again.status, again.header("set-cookie")), (302, ""));
    kakao.emulator.clock().advance(Duration::hours(1));
    let chooser = browser.open(&authorize_path(&[])).await;
    assert_eq!(chooser.status, 200, "24 hours after the first sign-in");
    browser.choose(&chooser, "linked").await.location();
    let login = authorize_path(&[("prompt", "login")]);
    let chooser = browser.open(&login).await;
    let anew = browser.choose(&chooser, "linked").await;
    assert!(anew.header("set-cookie").contains("Max-Age=86400"));
    let chooser = browser.open(&select).await;
    let other = browser.choose(&chooser, "minimal").await;
    assert!(other.header("set-cookie").contains("Max-Age=86400"));
}

#[actix_web::test]
async fn empty_optional_parameters_are_none() {
    let kakao = Kakao::start();
    let empty = "&channel_public_id=&code_challenge=&code_challenge_method=&scope=&prompt=&nonce=";
    let path = format!("{}{empty}", authorize_path(&[]));
    let mut browser = Browser::new(&kakao);
    let chooser = browser.open(&path).await;
    assert_eq!(chooser.status, 200);
    let back = browser.choose(&chooser, "linked").await.location();
    let code = parameter(&back, "code").unwrap();
    let tokens = kakao.exchange(&code, &[]).await;
    assert_eq!(tokens.status, 200, "no verifier is due: {}", tokens.body);
}

#[actix_web::test]
async fn the_consent_page_names_the_accounts_email() {
    let kakao = Kakao::start();
    let mut browser = Browser::new(&kakao);
    let chooser = browser.open(&authorize_path(&[])).await;
    let consent = browser.choose(&chooser, "ordinary").await;
    assert!(
        consent
            .body
            .contains(r#"<span class="mail">ordinary@example.com</span>"#)
    );
    let consent = browser.choose(&chooser, "no-email").await;
    assert_eq!(consent.status, 200);
    assert!(!consent.body.contains(r#"class="mail""#));
}

#[actix_web::test]
async fn the_head_of_the_authorize_page_issues_no_code_and_links_nobody() {
    let kakao = Kakao::start();
    let mut browser = Browser::new(&kakao);
    let chooser = browser.open(&authorize_path(&[])).await;
    browser.choose(&chooser, "linked").await.location();
    let path = authorize_path(&[]);
    let head = browser.send(kakao.request(Method::HEAD, &path)).await;
    assert_eq!(head.status, 302);
    let back = url::Url::parse(head.header("location")).unwrap();
    let code = parameter(&back, "code").unwrap();
    assert_eq!(code.len(), 86);
    let (_, _, koe, _) = kakao.exchange(&code, &[]).await.refusal();
    assert_eq!(koe, "KOE320");
}

/// Tokens and `user/me` of a sign-in by `person` with this response scenario.
async fn told(kakao: &Kakao, person: &str, scenario: &str) -> (Value, Value) {
    let mut browser = Browser::new(kakao);
    let chooser = browser.open(&authorize_path(&[])).await;
    assert!(values(&chooser, "option").contains(&scenario.to_owned()));
    let fields = [("person", person), ("scenario", scenario)];
    let mut answer = browser.submit(&chooser, "/emulator/account", &fields).await;
    if answer.status == 200 {
        answer = browser.reply(&answer, &[("all", "on")]).await;
    }
    let code = parameter(&answer.location(), "code").unwrap();
    let tokens = kakao.exchange(&code, &[]).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    let me = kakao.with_token(Method::GET, "/v2/user/me", access).await;
    (tokens, me.json())
}

#[actix_web::test]
async fn an_email_scenario_holds_for_that_sign_in_and_its_refreshes_only() {
    let kakao = Kakao::start();
    for person in ["ordinary", "linked"] {
        let (tokens, me) = told(&kakao, person, "email-declined").await;
        assert_eq!(tokens["scope"], "profile_image profile_nickname");
        let account = &me["kakao_account"];
        assert_eq!(account.get("email"), None);
        assert_eq!(account["email_needs_agreement"], true);
        let refresh = tokens["refresh_token"].as_str().unwrap();
        let renewed = kakao.refresh(refresh, &[]).await.json();
        let access = renewed["access_token"].as_str().unwrap();
        let me = kakao.with_token(Method::GET, "/v2/user/me", access).await;
        assert_eq!(me.json()["kakao_account"].get("email"), None);

        let (tokens, me) = told(&kakao, person, "email-unverified").await;
        assert!(tokens["scope"].as_str().unwrap().contains("account_email"));
        assert_eq!(me["kakao_account"]["is_email_verified"], false);
        let (_, me) = told(&kakao, person, "").await;
        assert_eq!(me["kakao_account"]["is_email_verified"], true);
    }
}

#[actix_web::test]
async fn a_refusal_scenario_fails_the_next_such_request() {
    let kakao = Kakao::start();
    let (_, me) = told(&kakao, "linked", "me:-406").await;
    assert_eq!(me["code"], -406);
    let (_, me) = told(&kakao, "linked", "").await;
    assert_eq!(me["id"], 2_900_000_007_i64);
}

#[actix_web::test]
async fn a_page_that_stops_shows_what_was_received_and_what_is_wrong_with_it() {
    let kakao = Kakao::start();
    let english = |path: &str| {
        let request = kakao.request(Method::GET, path);
        kakao.send(request.header("accept-language", "en"))
    };
    let path = authorize_path(&[
        ("redirect_uri", "http://127.0.0.1:8080/<other>"),
        ("scope", "friends"),
        ("through_account", "true"),
    ]);
    let page = english(&path).await;
    assert!(heading(&page).ends_with("(KOE006)"));
    for text in [
        "Request received",
        "http://127.0.0.1:8080/&#60;other&#62;",
        "Known REST API key.",
        "Not registered under this key.",
        "Names consent items that are not configured.",
        "Added by Kakao itself.",
        "PKCE is not used.",
    ] {
        assert!(page.body.contains(text), "{text} in {}", page.body);
    }
    assert_eq!(page.body.matches("<b>Refused</b>").count(), 2);
    let logout = english("/oauth/logout?client_id=x").await;
    assert!(logout.body.contains("A required parameter is missing."));
    assert!(logout.body.contains("Not a known REST API key."));
    let fault = Fault::refuse("KOE003");
    kakao.emulator.fail(Endpoint::Authorize, fault, Times::Once);
    let injected = english(&authorize_path(&[])).await;
    assert!(injected.body.contains("Registered redirect URI."));
    assert!(!injected.body.contains("<b>Refused</b>"));
    let nothing = english("/nothing").await;
    assert!(!nothing.body.contains("Request received"));
}
