//! `GET /oauth/authorize` as a browser without script goes through it.

use kakao_gate::emulator::{Consent, Endpoint, JAVASCRIPT_KEY};
use reqwest::Method;
use scraper::{Html, Selector};
use time::Duration;
use url::Url;

use super::{Answer, Kakao, authorize_path, authorize_query, parameter};

/// A browser: it keeps the one cookie and fills in forms.
struct Browser<'a> {
    kakao: &'a Kakao,
    cookie: String,
}

impl<'a> Browser<'a> {
    fn new(kakao: &'a Kakao) -> Self {
        Self {
            kakao,
            cookie: String::new(),
        }
    }

    async fn open(&mut self, path: &str) -> Answer {
        let request = self.kakao.request(Method::GET, path);
        self.send(request).await
    }

    /// Sends the form of `page` that posts to `action`, with its hidden fields and these.
    async fn submit(&mut self, page: &Answer, action: &str, fields: &[(&str, &str)]) -> Answer {
        let html = Html::parse_document(&page.body);
        let hidden = format!("form[action='{action}'] input[type=hidden]");
        let hidden = Selector::parse(&hidden).unwrap();
        let hidden = html.select(&hidden).map(|input| {
            let attribute = |name| input.attr(name).unwrap().to_owned();
            (attribute("name"), attribute("value"))
        });
        let mut form: Vec<_> = hidden.collect();
        assert!(!form.is_empty(), "no form to {action} in {}", page.body);
        form.extend(fields.iter().map(|&(n, v)| (n.to_owned(), v.to_owned())));
        let request = self.kakao.request(Method::POST, action).form(&form);
        self.send(request).await
    }

    async fn send(&mut self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.header("cookie", &self.cookie);
        let answer = self.kakao.send(request).await;
        if let Some((cookie, _)) = answer.header("set-cookie").split_once(';') {
            cookie.clone_into(&mut self.cookie);
        }
        answer
    }

    async fn choose(&mut self, page: &Answer, person: &str) -> Answer {
        self.submit(page, "/emulator/account", &[("person", person)])
            .await
    }

    async fn reply(&mut self, page: &Answer, fields: &[(&str, &str)]) -> Answer {
        self.submit(page, "/emulator/consent", fields).await
    }
}

fn heading(page: &Answer) -> String {
    let html = Html::parse_document(&page.body);
    let headings = Selector::parse("h1").unwrap();
    let mut headings = html.select(&headings);
    let text = headings.next().expect("a heading").text().collect();
    assert!(headings.next().is_none(), "one heading only");
    text
}

fn values(page: &Answer, selector: &str) -> Vec<String> {
    let html = Html::parse_document(&page.body);
    let selector = Selector::parse(selector).unwrap();
    let value = |input: scraper::ElementRef<'_>| input.attr("value").unwrap().to_owned();
    html.select(&selector).map(value).collect()
}

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
