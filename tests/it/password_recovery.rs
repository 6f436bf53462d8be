//! `/password/forgot` and `/password/reset`: a lost password.

use futures_util::future::join_all;
use kakao_gate::mail::Message;
use time::Duration;

use crate::stage::email::{ANOTHER, PASSWORD, link_in, stage};
use crate::stage::page::Page;
use crate::stage::{TestApp, Visitor, eventually};

const EMAIL: &str = "hong@example.com";

async fn forget(visitor: &Visitor, email: &str) -> Page {
    let page = visitor
        .press("/password/forgot", "/password/forgot", &[("email", email)])
        .await;
    let outcome = (page.status, page.location());
    assert_eq!(outcome, (303, "/password/forgot?sent=1"), "{}", page.body);
    visitor.follow(&page).await
}

/// The `count`th link that is mailed to an address.
async fn link(app: &TestApp, email: &str, count: usize) -> String {
    app.clock.advance(Duration::seconds(61));
    forget(&app.visitor(), email).await;
    let found = |letters: Vec<Message>| {
        let mut links: Vec<String> = letters
            .iter()
            .map(link_in)
            .filter(|link| link.starts_with("/password/reset?token="))
            .collect();
        (links.len() == count).then(|| links.pop().unwrap())
    };
    let mut newest = None;
    eventually("a link", async || {
        newest = found(app.letters_to(email).await);
        newest.is_some()
    })
    .await;
    newest.unwrap()
}

async fn reset(visitor: &Visitor, link: &str, password: &str) -> Page {
    let (_, token) = link.split_once("token=").unwrap();
    let csrf = visitor.get("/password/forgot").await.csrf();
    let fields = [("token", token), ("password", password), ("csrf", &csrf)];
    visitor.post("/password/reset", &fields).await
}

fn is_dead(page: &Page, title: &str) {
    assert_eq!((page.status, page.h1().as_str()), (410, title));
    let ways = page.attributes("main a", "href");
    assert_eq!(ways, ["/password/forgot", "/login"]);
}

// PW-5, PW-8
#[test]
fn whoever_forgot_reads_the_same_page_and_only_members_get_mail() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        app.visitor().log_in_as(app, "ordinary").await;
        app.visitor().log_in_as(app, "unverified-email").await;
        app.member_without_password("waiting@example.com", "unverified")
            .await;
        let before = app.hashes();
        let mut pages = Vec::new();
        for email in [
            EMAIL,
            "ordinary@example.com",
            "nobody@example.com",
            "waiting@example.com",
            "unverified-email@example.com",
        ] {
            let visitor = app.visitor();
            let rows = app.count("outbox WHERE kind = 'forgotten'").await;
            let page = forget(&visitor, email).await;
            assert_eq!(page.h1(), "메일을 확인해 주세요");
            let now = app.count("outbox WHERE kind = 'forgotten'").await;
            assert_eq!(now - rows, 1, "the same is done: {email}");
            pages.push(page.body.replace(&page.csrf(), ""));
        }
        assert!(pages.iter().all(|page| *page == pages[0]));
        app.all_wishes_are_met().await;
        assert_eq!(app.hashes(), before);
        let letter = app.letter_to(EMAIL, 1).await;
        assert!(
            letter.subject.contains("비밀번호 재설정"),
            "{}",
            letter.subject
        );
        assert!(letter.paragraphs[0].contains("30분"));
        let letter = app.letter_to("ordinary@example.com", 1).await;
        assert!(letter.subject.contains("비밀번호 설정"));
        assert!(letter.paragraphs[0].contains("카카오로 가입한"));
        for email in [
            "nobody@example.com",
            "waiting@example.com",
            "unverified-email@example.com",
        ] {
            assert!(app.letters_to(email).await.is_empty(), "{email}");
        }
        assert_eq!(app.count("mail_links").await, 2);
        let left = "outbox WHERE kind = 'forgotten' AND sealed_token <> ''";
        assert_eq!(app.count(left).await, 0, "addresses are not kept");
    });
}

// PW-8, KL-8
#[test]
fn a_link_leads_to_our_own_host_whatever_a_request_says() {
    stage().once(async |app| {
        app.member(EMAIL).await;
        let visitor = app.visitor();
        visitor.always("x-forwarded-host", "evil.example");
        visitor.always("forwarded", "host=evil.example");
        visitor.always("host", "evil.example");
        visitor.always("origin", &app.url);
        let csrf = visitor.get("/password/forgot").await.csrf();
        let fields = [("email", EMAIL), ("csrf", csrf.as_str())];
        visitor.post_with("/password/forgot", &[], &fields).await;
        let letter = app.letter_to(EMAIL, 1).await;
        let link = letter.paragraphs.last().unwrap();
        assert!(
            link.starts_with(&format!("{}/password/reset?token=", app.url)),
            "{link}"
        );
    });
}

// PW-8
#[test]
fn a_link_sets_a_password_once_however_often_it_was_looked_at() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let link = link(app, EMAIL, 1).await;
        let scanner = app.visitor();
        for _ in 0..3 {
            assert_eq!(scanner.get(&link).await.status, 200);
            assert_eq!(scanner.head(&link).await.status, 200);
        }
        let visitor = app.visitor();
        let page = visitor.get(&link).await;
        assert_eq!(page.h1(), "새 비밀번호");
        let page = reset(&visitor, &link, ANOTHER).await;
        assert_eq!((page.status, page.location()), (303, "/me"));
        let me = visitor.follow(&page).await;
        assert!(me.text("[role=status]").contains("비밀번호를 바꿨습니다."));
        assert!(page.set_cookie("kg-session").contains("HttpOnly"));
        assert!(!page.set_cookie("kg-session").contains("Max-Age"));
        is_dead(&app.visitor().get(&link).await, "이미 사용한 링크입니다");
        is_dead(
            &reset(&app.visitor(), &link, PASSWORD).await,
            "이미 사용한 링크입니다",
        );
        assert_eq!(app.visitor().knock(EMAIL, PASSWORD).await.status, 422);
        app.visitor().enter(EMAIL, ANOTHER).await;
        let told = app.letters_to(EMAIL).await;
        let told = told.iter().filter(|one| one.subject.contains("바꿨습니다"));
        assert_eq!(told.count(), 1);
        for action in ["password.forgot", "password.reset"] {
            let entries = format!("audit_events WHERE action = '{action}'");
            assert_eq!(app.count(&entries).await, 1, "{action}");
        }
    });
}

// PW-8
#[test]
fn a_link_that_is_late_altered_or_replaced_sets_nothing() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let first = link(app, EMAIL, 1).await;
        let (start, token) = first.split_once("token=").unwrap();
        let mut altered: Vec<char> = token.chars().collect();
        altered[7] = if altered[7] == 'A' { 'B' } else { 'A' };
        let altered: String = altered.into_iter().collect();
        for token in [
            altered.as_str(),
            &token[1..],
            &token.to_uppercase(),
            "",
            "%00",
            "' OR '1'='1",
            &"a".repeat(6_000),
        ] {
            let path: String = url::form_urlencoded::byte_serialize(token.as_bytes()).collect();
            let path = format!("{start}token={path}");
            is_dead(&app.visitor().get(&path).await, "사용할 수 없는 링크입니다");
            let page = reset(&app.visitor(), &format!("token={token}"), ANOTHER).await;
            is_dead(&page, "사용할 수 없는 링크입니다");
        }
        let second = link(app, EMAIL, 2).await;
        is_dead(
            &app.visitor().get(&first).await,
            "사용할 수 없는 링크입니다",
        );
        let page = reset(&app.visitor(), &first, ANOTHER).await;
        is_dead(&page, "사용할 수 없는 링크입니다");
        app.clock.advance(Duration::minutes(30));
        is_dead(
            &app.visitor().get(&second).await,
            "링크의 유효 시간이 지났습니다",
        );
        let page = reset(&app.visitor(), &second, ANOTHER).await;
        is_dead(&page, "링크의 유효 시간이 지났습니다");
        app.visitor().enter(EMAIL, PASSWORD).await;
    });
}

// PW-8
#[test]
fn of_two_who_come_with_one_link_one_sets_the_password() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let link = link(app, EMAIL, 1).await;
        let visitors: Vec<Visitor> = (0..4).map(|_| app.visitor()).collect();
        let passwords: Vec<String> = (0..4).map(|at| format!("{ANOTHER} {at}")).collect();
        let pairs = visitors.iter().zip(&passwords);
        let pages = join_all(pairs.map(|(one, password)| reset(one, &link, password))).await;
        let won: Vec<usize> = (0..4).filter(|at| pages[*at].status == 303).collect();
        assert_eq!(won.len(), 1);
        for page in pages.iter().filter(|page| page.status != 303) {
            is_dead(page, "이미 사용한 링크입니다");
        }
        assert_eq!(app.count("sessions WHERE ended_at IS NULL").await, 1);
        app.visitor().enter(EMAIL, &passwords[won[0]]).await;
    });
}

// SE-8, PW-8
#[test]
fn a_new_password_ends_every_session_and_kakaos_tokens_with_them() {
    stage().everywhere(async |app| {
        let (phone, thief) = (app.visitor(), app.visitor());
        phone.log_in_as(app, "ordinary").await;
        let link = link(app, "ordinary@example.com", 1).await;
        let here = app.visitor();
        assert_eq!(reset(&here, &link, PASSWORD).await.status, 303);
        let page = phone.get("/me").await;
        assert!(
            page.location().contains("reason=reset"),
            "{}",
            page.location()
        );
        let page = phone.follow(&page).await;
        assert!(
            page.text("[role=status]")
                .contains("새 비밀번호로 로그인해 주세요.")
        );
        assert!(here.is_in().await);
        eventually("Kakao's token is revoked", async || {
            app.live_kakao_tokens("ordinary") == 0
        })
        .await;
        thief.enter("ordinary@example.com", PASSWORD).await;
        phone.log_in_as(app, "ordinary").await;
        let again = self::link(app, "ordinary@example.com", 2).await;
        // The browser's own session is one of them, and is replaced.
        assert_eq!(reset(&here, &again, ANOTHER).await.status, 303);
        assert!(here.is_in().await);
        assert!(!thief.is_in().await && !phone.is_in().await);
        assert_eq!(app.count("sessions WHERE ended_at IS NULL").await, 1);
    });
}

// PW-1, PW-3
#[test]
fn a_password_that_is_not_accepted_is_refused_with_a_reason_and_the_link_works_on() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let link = link(app, EMAIL, 1).await;
        let visitor = app.visitor();
        for (password, reason) in [
            ("", "10자 이상"),
            ("짧은비밀번호", "10자 이상"),
            (&"가".repeat(129), "128자 이하"),
            ("password123", "많이 쓰이는"),
            ("hong@example.com1", "많이 쓰이는"),
            (PASSWORD, "지금과 다른"),
        ] {
            let page = reset(&visitor, &link, password).await;
            assert_eq!(page.status, 422, "{password}");
            assert!(page.text("#errsum a").contains(reason), "{password}");
            assert_eq!(page.text("#errsum a"), page.text(".err"));
            assert!(page.attributes("#password", "value").is_empty());
            let (_, token) = link.split_once("token=").unwrap();
            assert_eq!(page.attributes("input[name=token]", "value"), [token]);
        }
        assert_eq!(reset(&visitor, &link, ANOTHER).await.status, 303);
    });
}

// PW-5, RL-6
#[test]
fn nobody_is_flooded_with_mail() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        for _ in 0..3 {
            forget(&app.visitor(), EMAIL).await;
        }
        app.all_wishes_are_met().await;
        assert_eq!(
            app.letters_to(EMAIL).await.len(),
            1,
            "one a minute, and nobody is told"
        );
        for at in 3..10 {
            forget(&app.visitor(), &format!("nobody{at}@example.com")).await;
        }
        let fields = [("email", "nobody@example.com")];
        let visitor = app.visitor();
        let path = "/password/forgot";
        let page = visitor.press(path, path, &fields).await;
        assert_eq!(page.status, 429, "ten from one network");
        assert!(!page.header("retry-after").is_empty());
        app.clock.advance(Duration::minutes(15));
        assert_eq!(visitor.press(path, path, &fields).await.status, 303);
    });
}

// PW-5
#[test]
fn a_form_without_an_address_is_shown_once_more() {
    stage().once(async |app| {
        let visitor = app.visitor();
        let path = "/password/forgot";
        for (email, wrong) in [
            ("", "이메일을 입력해 주세요."),
            ("a@b@c", "이메일 형식을 확인해 주세요. 예: name@example.com"),
            (
                "a@b.co\nBcc: c@d.co",
                "이메일 형식을 확인해 주세요. 예: name@example.com",
            ),
        ] {
            let page = visitor.press(path, path, &[("email", email)]).await;
            assert_eq!(page.status, 422);
            assert_eq!(
                (page.text("#errsum a"), page.text(".err")),
                (wrong.into(), wrong.into())
            );
        }
        assert_eq!(app.count("outbox").await, 0);
    });
}

// PW-6, PW-8
#[test]
fn who_is_locked_out_gets_in_by_mail() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        for _ in 0..5 {
            app.visitor().knock(EMAIL, ANOTHER).await;
        }
        let link = link(app, EMAIL, 1).await;
        assert_eq!(app.visitor().knock(EMAIL, PASSWORD).await.status, 429);
        assert_eq!(reset(&app.visitor(), &link, ANOTHER).await.status, 303);
        app.visitor().enter(EMAIL, ANOTHER).await;
    });
}

// PW-8
#[test]
fn somebody_suspended_may_have_a_new_password_and_is_not_let_in_by_it() {
    stage().everywhere(async |app| {
        let id = app.member(EMAIL).await;
        let link = link(app, EMAIL, 1).await;
        app.backends().database.execute(&format!(
            "UPDATE members SET standing = 'suspended' WHERE id = '{id}'"
        ));
        let visitor = app.visitor();
        let page = reset(&visitor, &link, ANOTHER).await;
        assert_eq!((page.status, page.leads_to_error()), (303, "suspended"));
        assert!(!visitor.is_in().await);
        assert_eq!(app.count("sessions").await, 0);
        let page = app.visitor().knock(EMAIL, ANOTHER).await;
        assert_eq!(page.leads_to_error(), "suspended", "it is set");
    });
}

// PW-8, SE-8
#[test]
fn a_login_with_the_old_password_does_not_outlive_the_new_one() {
    stage().everywhere(async |app| {
        for round in 0..4 {
            let email = format!("hong{round}@example.com");
            app.member(&email).await;
            let link = link(app, &email, 1).await;
            let (here, there) = (app.visitor(), app.visitor());
            let resetting = reset(&here, &link, ANOTHER);
            let knocking = there.knock(&email, PASSWORD);
            let (page, knocked) = tokio::join!(resetting, knocking);
            assert_eq!(page.status, 303);
            assert!([303, 422].contains(&knocked.status), "{}", knocked.status);
            assert!(!there.is_in().await, "whoever was quicker");
            assert!(here.is_in().await);
        }
    });
}

// PW-8
#[test]
fn a_link_survives_a_restart_and_a_clock_set_back_and_still_works_once() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let link = link(app, EMAIL, 1).await;
        app.restart(&[]).await;
        app.clock.advance(-Duration::hours(1));
        assert_eq!(app.visitor().get(&link).await.status, 200);
        assert_eq!(reset(&app.visitor(), &link, ANOTHER).await.status, 303);
        is_dead(
            &reset(&app.visitor(), &link, PASSWORD).await,
            "이미 사용한 링크입니다",
        );
        app.visitor().enter(EMAIL, ANOTHER).await;
    });
}

// PW-8, PW-9
#[test]
fn a_link_is_worthless_once_its_address_belongs_to_somebody_else() {
    stage().everywhere(async |app| {
        let id = app.member(EMAIL).await;
        let link = link(app, EMAIL, 1).await;
        app.backends().database.execute(&format!(
            "UPDATE members SET email = 'new@example.com', email_key = 'new@example.com' \
             WHERE id = '{id}'"
        ));
        let page = reset(&app.visitor(), &link, ANOTHER).await;
        is_dead(&page, "사용할 수 없는 링크입니다");
        app.member(EMAIL).await;
        let page = reset(&app.visitor(), &link, ANOTHER).await;
        is_dead(&page, "사용할 수 없는 링크입니다");
        app.visitor().enter(EMAIL, PASSWORD).await;
    });
}
