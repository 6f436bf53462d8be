//! `/mail`: for people, and for tests in other languages.

use lettre::AsyncTransport as _;
use reqwest::Method;
use scraper::{Html, Selector};

use super::super::browser::heading;
use super::super::{Answer, Kakao};
use super::{Smtp, invitation, mailer};

fn texts(page: &Answer, selector: &str) -> Vec<String> {
    let html = Html::parse_document(&page.body);
    let selector = Selector::parse(selector).unwrap();
    let elements = html.select(&selector);
    elements.map(|element| element.text().collect()).collect()
}

fn links(page: &Answer, selector: &str) -> Vec<String> {
    let html = Html::parse_document(&page.body);
    let selector = Selector::parse(selector).unwrap();
    let elements = html.select(&selector);
    elements
        .map(|element| element.attr("href").unwrap().to_owned())
        .collect()
}

/// Hands a message over as it is.
async fn hand_over(kakao: &Kakao, message: &str) {
    let mut smtp = Smtp::at_data(&kakao.emulator).await;
    assert_eq!(smtp.say(&format!("{message}\r\n.")).await, 250);
}

#[actix_web::test]
async fn an_empty_mailbox_says_where_mail_goes() {
    let kakao = Kakao::start();
    let index = kakao.get("/").await;
    assert_eq!(links(&index, "main a[href='/mail']"), ["/mail"]);
    assert!(index.body.contains("메일 (0통)"));
    let page = kakao.get("/mail").await;
    assert_eq!((page.status, heading(&page).as_str()), (200, "메일"));
    assert!(page.body.contains("아직 받은 메일이 없습니다."));
    assert!(page.body.contains(kakao.emulator.smtp_url()));
    assert!(texts(&page, "table").is_empty());
}

#[actix_web::test]
async fn a_person_finds_the_newest_mail_first_and_follows_its_link() {
    let kakao = Kakao::start();
    mailer(&kakao.emulator).send(invitation()).await.unwrap();
    hand_over(&kakao, "From: x\r\n\r\nno subject").await;
    let list = kakao.get("/mail").await;
    assert_eq!(links(&list, "tbody a"), ["/mail/2", "/mail/1"]);
    assert_eq!(
        texts(&list, "tbody a"),
        ["(제목 없음)", "이메일 주소를 확인해 주세요 ✉"]
    );
    assert!(texts(&list, "tbody")[0].contains("sky@member.example"));
    assert!(list.body.contains("메일 2통, 발송 시도 2번"));
    let mail = kakao.get("/mail/1").await;
    assert_eq!(heading(&mail), "이메일 주소를 확인해 주세요 ✉");
    assert_eq!(
        links(&mail, "section a"),
        ["http://127.0.0.1:8080/mail/confirm#t=abc-_1"]
    );
    let letters = texts(&mail, ".letter");
    assert!(letters[0].starts_with("김하늘님, 안녕하세요.\n"));
    assert!(
        letters[1].contains("<b>안녕하세요</b>"),
        "shown, not rendered"
    );
    assert!(
        mail.body
            .contains("카카오 게이트 &#60;gate@service.example&#62;")
    );
    assert!(texts(&mail, "dt code").contains(&"MIME-Version".to_owned()));
    assert_eq!(heading(&kakao.get("/mail/2").await), "(제목 없음)");
}

#[actix_web::test]
async fn a_mail_cannot_bring_markup_or_script_into_the_page() {
    let kakao = Kakao::start();
    let evil = "<img src=x onerror=alert(1)>\"'";
    hand_over(
        &kakao,
        &format!(
            "Subject: {evil}\r\nFrom: {evil}\r\nX-{evil}: {evil}\r\n\
             Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\n\
             {evil} javascript:alert(1) http://a.example/\"onclick=alert(1)\r\n\
             --x\r\nContent-Type: text/html\r\n\r\n</code>{evil}\r\n--x--"
        ),
    )
    .await;
    for path in ["/mail", "/mail/1"] {
        let page = kakao.get(path).await;
        assert!(page.body.contains("&#60;img src=x"), "{path}");
        assert!(
            texts(&page, "img, script, [onclick], [onerror]").is_empty(),
            "{path}"
        );
        let policy = page.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"));
    }
    let mail = kakao.get("/mail/1").await;
    assert_eq!(links(&mail, ".letter a"), ["http://a.example/"]);
}

#[actix_web::test]
async fn a_mail_that_is_not_there_is_not_found() {
    let kakao = Kakao::start();
    for path in [
        "/mail/1",
        "/mail/0",
        "/mail/x",
        "/mail/-1",
        "/mail/99999999999999999999",
    ] {
        let page = kakao.get(path).await;
        assert_eq!(
            (page.status, heading(&page).as_str()),
            (404, "없는 주소입니다"),
            "{path}"
        );
    }
}

#[actix_web::test]
async fn programs_read_mail_as_json() {
    let kakao = Kakao::start();
    assert_eq!(
        kakao.get("/mail?format=json").await.json(),
        serde_json::json!([])
    );
    mailer(&kakao.emulator).send(invitation()).await.unwrap();
    hand_over(&kakao, "Subject: second\r\n\r\nx").await;
    let mails = kakao.get("/mail?format=json").await;
    assert_eq!(mails.header("content-type"), "application/json");
    assert_eq!(
        mails.header("access-control-allow-origin"),
        "",
        "of no other origin"
    );
    let mails = mails.json();
    assert_eq!(
        (mails[0]["number"].as_u64(), mails[1]["number"].as_u64()),
        (Some(2), Some(1))
    );
    let accepting = kakao
        .request(Method::GET, "/mail/1")
        .header("accept", "application/json");
    let mail = kakao.send(accepting).await.json();
    assert_eq!(mail, mails[1]);
    assert_eq!(mail["subject"], "이메일 주소를 확인해 주세요 ✉");
    assert_eq!(mail["to"], serde_json::json!(["sky@member.example"]));
    assert_eq!(
        mail["links"][0],
        "http://127.0.0.1:8080/mail/confirm#t=abc-_1"
    );
    assert!(mail["at"].as_str().unwrap().ends_with('Z'));
    let browser = kakao.request(Method::GET, "/mail");
    let browser = browser.header("accept", "text/html,application/json;q=0.9");
    assert!(
        kakao
            .send(browser)
            .await
            .body
            .starts_with("<!DOCTYPE html>")
    );
}

#[actix_web::test]
async fn the_pages_stand_in_the_emulators_frame_in_both_languages() {
    let kakao = Kakao::start();
    hand_over(&kakao, "\r\nx").await;
    for path in ["/mail", "/mail/1"] {
        let korean = kakao.get(path).await;
        assert!(
            korean
                .body
                .contains("개발용 에뮬레이터입니다. 실제 카카오가 아닙니다.")
        );
        let english = kakao
            .request(Method::GET, path)
            .header("accept-language", "en");
        let english = kakao.send(english).await;
        assert!(
            english
                .body
                .contains("Development emulator. This is not Kakao.")
        );
        let words = html_without_letters(&english);
        assert!(words.is_ascii(), "{words}");
        let head = kakao.send(kakao.request(Method::HEAD, path)).await;
        assert_eq!((head.status, head.body.as_str()), (200, ""));
    }
}

/// What the page itself says, without the signs that every language shares.
fn html_without_letters(page: &Answer) -> String {
    page.body.replace(['·', '–'], "")
}
