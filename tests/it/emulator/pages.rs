//! `GET /oauth/authorize` as a browser without script goes through it.

use kakao_gate::emulator::{Consent, Endpoint, JAVASCRIPT_KEY};
use reqwest::Method;
use url::Url;

use super::browser::{Browser, heading, values};
use super::{Kakao, authorize_path, authorize_query, parameter};

#[actix_web::test]
async fn a_person_signs_in_through_the_pages_and_is_known_the_next_time() {
    let kakao = Kakao::start();
    let mut browser = Browser::new(&kakao);
    let chooser = browser.open(&authorize_path(&[])).await;
    assert_eq!(
        (chooser.status, heading(&chooser).as_str()),
        (200, "테스트 계정 선택")
    );
    let consent = browser.choose(&chooser, "ordinary").await;
    assert_eq!(heading(&consent), "Kakao Gate 동의 화면 (테스트)");
    assert_eq!(
        values(&consent, "input[name=item]"),
        ["profile_nickname", "profile_image", "account_email"]
    );
    let fields = [
        ("item", "profile_nickname"),
        ("item", "account_email"),
        ("answer", "agree"),
    ];
    let back = browser.reply(&consent, &fields).await.location();
    assert!(
        back.as_str()
            .starts_with("http://127.0.0.1:8080/auth/kakao/callback?code=")
    );
    assert!(back.as_str().ends_with("&state=a%20b%2Bc"), "{back}");
    let code = parameter(&back, "code").unwrap();
    let tokens = kakao.exchange(&code, &[]).await.json();
    assert_eq!(tokens["scope"], "account_email profile_nickname");
    let again = browser.open(&authorize_path(&[])).await.location();
    assert!(
        parameter(&again, "code").is_some(),
        "no page the second time"
    );
    assert_eq!(kakao.emulator.count(Endpoint::Authorize), 2);
}

#[actix_web::test]
async fn cancelling_tells_the_service_and_links_nobody() {
    let kakao = Kakao::start();
    let mut browser = Browser::new(&kakao);
    let chooser = browser.open(&authorize_path(&[])).await;
    let consent = browser.choose(&chooser, "ordinary").await;
    let back = browser.reply(&consent, &[("answer", "cancel")]).await;
    assert_eq!(
        back.header("location"),
        "http://127.0.0.1:8080/auth/kakao/callback?error=access_denied&error_description=User%20denied%20access&state=a%20b%2Bc"
    );
    assert!(!kakao.emulator.world().is_linked("ordinary"));
}

#[actix_web::test]
async fn a_required_item_left_out_keeps_the_page_and_what_was_ticked() {
    let kakao = Kakao::start();
    let mut browser = Browser::new(&kakao);
    let chooser = browser.open(&authorize_path(&[])).await;
    let consent = browser.choose(&chooser, "ordinary").await;
    let stayed = browser.reply(&consent, &[("item", "account_email")]).await;
    assert_eq!(stayed.status, 200);
    assert!(stayed.body.contains("필수 항목에 동의해 주세요."));
    assert_eq!(
        values(&stayed, "input[name=item][checked]"),
        ["account_email"]
    );
    let back = browser.reply(&stayed, &[("all", "on")]).await.location();
    assert!(parameter(&back, "code").is_some());
    assert_eq!(kakao.emulator.world().agreed_scopes("ordinary").len(), 3);
}

#[actix_web::test]
async fn scope_asks_only_for_what_is_not_agreed_to_yet() {
    let kakao = Kakao::start();
    let mut browser = Browser::new(&kakao);
    let path = authorize_path(&[("scope", "account_email,gender")]);
    let chooser = browser.open(&path).await;
    let consent = browser.choose(&chooser, "linked").await;
    assert_eq!(values(&consent, "input[name=item]"), ["gender"]);
    let back = browser
        .reply(&consent, &[("item", "gender")])
        .await
        .location();
    assert!(parameter(&back, "code").is_some());
    let again = browser.open(&path).await.location();
    assert!(parameter(&again, "code").is_some());
}

#[actix_web::test]
async fn under_14_and_test_app_turn_people_away_after_the_chooser() {
    let kakao = Kakao::start();
    let mut browser = Browser::new(&kakao);
    let chooser = browser.open(&authorize_path(&[])).await;
    let back = browser.choose(&chooser, "under-14").await.location();
    assert_eq!(parameter(&back, "error").as_deref(), Some("access_denied"));
    let words = parameter(&back, "error_description");
    assert_eq!(words.as_deref(), Some("Not allowed under age 14"));
    kakao.emulator.world().edit_app(|app| {
        app.test_app = true;
        app.members = vec!["linked".to_owned()];
    });
    let page = browser.choose(&chooser, "ordinary").await;
    assert_eq!(
        (page.status, heading(&page).as_str()),
        (400, "앱 관리자 설정 오류 (KOE005)")
    );
    assert_eq!(browser.choose(&chooser, "linked").await.status, 302);
}

#[actix_web::test]
async fn every_koe_page_stays_at_kakao() {
    let kakao = Kakao::start();
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("KOE207", &[("client_id", "")]),
        ("KOE207", &[("redirect_uri", "")]),
        ("KOE207", &[("response_type", "")]),
        ("KOE101", &[("client_id", "unknown")]),
        ("KOE008", &[("client_id", JAVASCRIPT_KEY)]),
        (
            "KOE006",
            &[("redirect_uri", "http://127.0.0.1:8080/auth/kakao/callback/")],
        ),
        (
            "KOE006",
            &[("redirect_uri", "https://127.0.0.1:8080/auth/kakao/callback")],
        ),
        ("KOE201", &[("response_type", "id")]),
        ("KOE202", &[("response_type", "token")]),
        ("KOE033", &[("response_type", "id_token")]),
        ("KOE204", &[("prompt", "maybe")]),
        (
            "KOE204",
            &[("code_challenge", "x"), ("code_challenge_method", "plain")],
        ),
        ("KOE205", &[("scope", "account_email talk_message friends")]),
        ("KOE102", &[("channel_public_id", "_x")]),
    ];
    for (code, changes) in cases {
        let page = kakao.get(&authorize_path(changes)).await;
        assert_eq!(page.status, 400, "{code}");
        assert_eq!(page.header("location"), "");
        assert!(
            heading(&page).ends_with(&format!("({code})")),
            "{}",
            heading(&page)
        );
        let address = format!("{}{}", kakao.emulator.url(), authorize_path(changes));
        let shortcut = kakao.emulator.authorize(&address, "ordinary", Consent::All);
        assert_eq!(shortcut, *code);
    }
    let scopes = kakao
        .get(&authorize_path(&[("scope", "talk_message,friends")]))
        .await;
    assert!(scopes.body.contains("talk_message, friends"));
    kakao.emulator.world().edit_app(|app| app.login_on = false);
    assert!(heading(&kakao.get(&authorize_path(&[])).await).ends_with("(KOE004)"));
    let empty = kakao.get("/oauth/authorize?client_id=").await;
    assert!(heading(&empty).ends_with("(KOE101)"));
}

#[actix_web::test]
async fn every_page_says_that_it_is_not_kakao_and_has_a_strict_policy() {
    let kakao = Kakao::start();
    let port = kakao.emulator.address().port().to_string();
    let chooser = kakao.get(&authorize_path(&[])).await;
    let mut browser = Browser::new(&kakao);
    let consent = browser.choose(&chooser, "ordinary").await;
    let pages = [
        kakao.get("/").await,
        kakao.get("/nothing").await,
        kakao.get("/oauth/authorize").await,
        kakao.get(&authorize_path(&[("prompt", "create")])).await,
        chooser,
        consent,
    ];
    for page in pages {
        assert!(
            page.body
                .contains("개발용 에뮬레이터입니다. 실제 카카오가 아닙니다.")
        );
        assert!(page.body.contains(&format!(":{port}</title>")));
        assert!(!page.body.to_ascii_lowercase().contains("fee500"));
        assert!(!page.body.contains("style="));
        assert!(!page.body.contains("src=\"http"), "opened as localhost too");
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
        assert!(
            !policy.contains("form-action"),
            "it would stop the way back"
        );
    }
    let style = kakao.get("/emulator/style.css").await;
    assert!(!style.body.to_ascii_lowercase().contains("fee500"));
    let english = kakao
        .request(Method::GET, "/")
        .header("accept-language", "en");
    let english = kakao.send(english).await;
    assert!(
        english
            .body
            .contains("Development emulator. This is not Kakao.")
    );
}

#[actix_web::test]
async fn the_shortcut_decides_as_the_pages_do() {
    let kakao = Kakao::start();
    let address =
        |changes: &[(&str, &str)]| format!("{}{}", kakao.emulator.url(), authorize_path(changes));
    let emulator = &kakao.emulator;
    let denied = emulator.authorize(&address(&[]), "ordinary", Consent::Cancel);
    assert!(denied.contains("error=access_denied&error_description=User%20denied%20access"));
    let silent = emulator.authorize(&address(&[("prompt", "none")]), "ordinary", Consent::All);
    assert!(silent.contains("error=consent_required"));
    let back = emulator.authorize(&address(&[]), "ordinary", Consent::RequiredOnly);
    assert!(parameter(&Url::parse(&back).unwrap(), "code").is_some());
    assert_eq!(
        emulator.world().agreed_scopes("ordinary"),
        ["profile_nickname"]
    );
    assert_eq!(emulator.count(Endpoint::Authorize), 3);
    assert_eq!(
        emulator.authorize(&address(&[]), "nobody", Consent::All),
        "no such person: nobody"
    );
}

#[actix_web::test]
async fn a_form_that_another_site_sends_is_refused() {
    let kakao = Kakao::start();
    let form = [
        ("request", authorize_query(&[])),
        ("person", "linked".to_owned()),
    ];
    let request = kakao.request(Method::POST, "/emulator/account").form(&form);
    let foreign = kakao
        .send(request.header("origin", "http://127.0.0.1:8080"))
        .await;
    assert_eq!(foreign.status, 403);
    let request = kakao.request(Method::POST, "/emulator/account").form(&form);
    let own = request.header("origin", kakao.emulator.url());
    assert_eq!(kakao.send(own).await.status, 302);
}
