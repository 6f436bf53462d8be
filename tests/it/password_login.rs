//! `/login` with an address and a password.

use argon2::password_hash::PasswordHasher as _;
use argon2::{Algorithm, Argon2, Params, Version};
use futures_util::future::join_all;
use time::Duration;

use crate::stage::email::{ANOTHER, PASSWORD, stage};
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, Visitor, eventually};

const EMAIL: &str = "hong@example.com";

/// What a visitor can tell one refusal from another by.
fn told(page: &Page, email: &str) -> (u16, String) {
    let csrf = page.csrf();
    let body = page.body.replace(&csrf, "").replace(email, "");
    (page.status, body)
}

// PW-5, ID-4, PW-9
#[test]
fn everybody_who_may_not_come_in_hears_the_same_and_costs_the_same() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let id = app.member("barred@example.com").await;
        app.backends().database.execute(&format!(
            "UPDATE members SET standing = 'suspended' WHERE id = '{id}'"
        ));
        app.visitor().log_in_as(app, "ordinary").await;
        let id = app
            .member_without_password("waiting@example.com", "unverified")
            .await;
        app.give_password(&id, PASSWORD).await;
        let mut answers = Vec::new();
        for (who, email, password) in [
            ("unknown", "nobody@example.com", PASSWORD),
            ("wrong", EMAIL, ANOTHER),
            ("only Kakao", "ordinary@example.com", PASSWORD),
            ("not confirmed", "waiting@example.com", PASSWORD),
            ("suspended", "barred@example.com", ANOTHER),
        ] {
            let before = app.hashes();
            let page = app.visitor().knock(email, password).await;
            assert_eq!(app.hashes() - before, 1, "{who}");
            assert_eq!(page.status, 422, "{who}");
            assert_eq!(
                page.text("#errsum a"),
                "이메일 또는 비밀번호가 일치하지 않습니다."
            );
            assert_eq!(page.attributes("#email", "value"), [email], "{who}");
            assert!(page.attributes("#password", "value").is_empty(), "{who}");
            answers.push((who, told(&page, email)));
        }
        let (_, first) = &answers[0];
        for (who, answer) in &answers {
            assert_eq!(answer, first, "{who}");
        }
        assert_eq!(app.count("sessions WHERE method = 'password'").await, 0);
        let refused = "audit_events WHERE action = 'login.password' AND result = 'refused' \
                       AND reason = 'wrong_password'";
        assert_eq!(app.count(refused).await, 5);
        let named = format!("{refused} AND subject IS NOT NULL");
        assert_eq!(
            app.count(&named).await,
            3,
            "who was meant, where anybody was"
        );
    });
}

// ID-4
#[test]
fn a_member_without_a_password_is_not_entered_with_one() {
    stage().everywhere(async |app| {
        app.visitor().log_in_as(app, "ordinary").await;
        for typed in [
            "null",
            "NULL",
            "\0",
            "\0\0\0\0\0\0\0\0\0\0",
            " ",
            "undefined",
        ] {
            let page = app.visitor().knock("ordinary@example.com", typed).await;
            assert!([422, 429].contains(&page.status), "{typed:?}");
            app.backends().database.execute("DELETE FROM throttles");
        }
        let page = app.visitor().knock("ordinary@example.com", "").await;
        assert_eq!(page.status, 422);
        assert_eq!(app.count("sessions WHERE method = 'password'").await, 0);
    });
}

// PW-5
#[test]
fn that_a_member_is_suspended_hears_only_who_knows_the_password() {
    stage().everywhere(async |app| {
        let id = app.member(EMAIL).await;
        let suspend = |until: &str| {
            format!(
                "UPDATE members SET standing = 'suspended', standing_until = {until} \
                 WHERE id = '{id}'"
            )
        };
        app.backends().database.execute(&suspend("NULL"));
        let visitor = app.visitor();
        let page = visitor.knock(EMAIL, PASSWORD).await;
        assert_eq!((page.status, page.leads_to_error()), (303, "suspended"));
        let page = visitor.follow(&page).await;
        assert_eq!(
            (page.status, page.h1()),
            (403, "이용이 정지된 계정입니다".to_owned())
        );
        assert!(!visitor.is_in().await);
        assert_eq!(app.count("sessions").await, 0);
        let refused = "audit_events WHERE action = 'login.password' AND reason = 'suspended'";
        assert_eq!(app.count(refused).await, 1);
        app.backends()
            .database
            .execute(&suspend("'2026-01-03 00:00:00'"));
        visitor.enter(EMAIL, PASSWORD).await;
    });
}

// PW-5, WB-3
#[test]
fn a_form_that_cannot_be_is_shown_once_more_with_what_to_change() {
    stage().once(async |app| {
        app.member(EMAIL).await;
        let before = app.hashes();
        let visitor = app.visitor();
        for (email, password, wrong) in [
            (
                "",
                "",
                vec!["이메일을 입력해 주세요.", "비밀번호를 입력해 주세요."],
            ),
            (" ", PASSWORD, vec!["이메일을 입력해 주세요."]),
            (EMAIL, "", vec!["비밀번호를 입력해 주세요."]),
            (
                "a@b@c.co",
                PASSWORD,
                vec!["이메일 형식을 확인해 주세요. 예: name@example.com"],
            ),
            (
                "hong@example.com\nBcc: x@example.com",
                PASSWORD,
                vec!["이메일 형식을 확인해 주세요. 예: name@example.com"],
            ),
        ] {
            let page = visitor.knock(email, password).await;
            assert_eq!(page.status, 422, "{email:?}");
            assert_eq!(page.texts("#errsum li"), wrong, "{email:?}");
            assert_eq!(page.texts(".err"), wrong, "{email:?}");
            assert!(page.text("title").starts_with("오류: "), "{email:?}");
            assert_eq!(page.attributes("#errsum", "tabindex"), ["-1"]);
            assert_eq!(page.attributes("input[name=remember]", "checked").len(), 1);
        }
        let page = visitor.knock(&"a".repeat(5_000), "<b>").await;
        assert_eq!(page.status, 422);
        assert!(page.attributes("#email", "value")[0].len() <= 320);
        assert_eq!(app.hashes(), before, "nothing was checked");
        assert_eq!(app.count("throttles").await, 0, "nor counted");
    });
}

// PW-2
#[test]
fn a_password_is_checked_as_it_was_typed() {
    stage().everywhere(async |app| {
        let start = "a".repeat(72);
        for (at, (kept, right, wrong)) in [
            (
                "각난닫랄맘밥삿앙잦찿".to_owned(),
                "각난닫랄맘밥삿앙잦찿".to_owned(),
                "각난닫랄맘밥삿앙잦".to_owned(),
            ),
            (
                "with\0nul".to_owned(),
                "with\0nul".to_owned(),
                "with".to_owned(),
            ),
            (
                format!("{start}1"),
                format!("{start}1"),
                format!("{start}2"),
            ),
            (
                " blanks ".to_owned(),
                " blanks ".to_owned(),
                "blanks".to_owned(),
            ),
            ("Case".to_owned(), "Case".to_owned(), "case".to_owned()),
        ]
        .into_iter()
        .enumerate()
        {
            let email = format!("hong{at}@example.com");
            let id = app.member_without_password(&email, "active").await;
            app.give_password(&id, &kept).await;
            let page = app.visitor().knock(&email, &wrong).await;
            assert_eq!(page.status, 422, "{wrong:?}");
            app.visitor().enter(&email, &right).await;
        }
        let page = app
            .visitor()
            .knock(" HONG0@Example.COM ", "각난닫랄맘밥삿앙잦찿")
            .await;
        assert_eq!(page.status, 303, "one address however it is spelled");
    });
}

// IN-1
#[test]
fn a_password_of_a_megabyte_is_not_even_read() {
    stage().once(async |app| {
        app.member(EMAIL).await;
        let page = app.visitor().knock(EMAIL, &"a".repeat(1 << 20)).await;
        assert_eq!(page.status, 400);
        assert_eq!(app.count("throttles").await, 0);
    });
}

// PW-7
#[test]
fn a_crowd_at_the_door_does_not_keep_others_from_their_pages() {
    stage().set("PASSWORD_SLOTS", "1").everywhere(async |app| {
        app.member(EMAIL).await;
        let member = app.visitor();
        member.enter(EMAIL, PASSWORD).await;
        let crowd: Vec<Visitor> = (0..60).map(|_| app.visitor()).collect();
        let csrf = crowd[0].get("/login").await.csrf();
        let knocks = crowd.iter().enumerate().map(|(at, visitor)| {
            let (email, csrf) = (format!("nobody{at}@example.com"), &csrf);
            async move {
                let fields = [("email", email.as_str()), ("password", "x"), ("csrf", csrf)];
                visitor.post("/login", &fields).await
            }
        });
        let others = async {
            for _ in 0..20 {
                for path in ["/login", "/health/ready"] {
                    assert_eq!(app.visitor().get(path).await.status, 200, "{path}");
                }
                assert_eq!(member.get("/me").await.status, 200);
            }
        };
        let (answers, ()) = tokio::join!(join_all(knocks), others);
        for page in answers {
            match page.status {
                422 | 429 => {}
                503 => assert!(!page.header("retry-after").is_empty()),
                other => panic!("{other}: {}", page.body),
            }
        }
        app.backends().database.execute("DELETE FROM throttles");
        app.visitor().enter(EMAIL, PASSWORD).await;
    });
}

// SE-2, LG-1, KL-7
#[test]
fn the_right_password_leads_where_somebody_wanted_to_go() {
    stage().everywhere(async |app| {
        let id = app.member(EMAIL).await;
        let visitor = app.visitor();
        let page = visitor.get("/me/sessions").await;
        let login = visitor.follow(&page).await;
        let action = login.attributes("main form", "action");
        assert_eq!(action, ["/login?next=%2Fme%2Fsessions"]);
        let fields = [("email", EMAIL), ("password", PASSWORD)];
        let wrong = [("email", EMAIL), ("password", ANOTHER)];
        let page = visitor.press(&action[0], &action[0], &wrong).await;
        assert_eq!(
            page.attributes("main form", "action"),
            action,
            "a mistake does not forget it"
        );
        let page = visitor.press(&action[0], &action[0], &fields).await;
        assert_eq!((page.status, page.location()), (303, "/me/sessions"));
        let devices = visitor.follow(&page).await;
        assert!(
            devices.text("main").contains("이메일"),
            "{}",
            devices.text("main")
        );
        let entry = format!(
            "audit_events WHERE action = 'login.password' AND result = 'success' \
             AND actor = '{id}' AND subject = '{id}'"
        );
        assert_eq!(app.count(&entry).await, 1);
        let out = app.visitor();
        let far = "/login?next=https://evil.example/";
        let page = out.press(far, far, &fields).await;
        assert_eq!((page.status, page.location()), (303, "/me"));
        assert_eq!(
            out.get("/login?next=/me/sessions").await.location(),
            "/me/sessions"
        );
    });
}

// SE-3, SE-4
#[test]
fn another_login_in_the_same_browser_ends_the_session_before_it() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let before = visitor.copy();
        let csrf = visitor.get("/me").await.csrf();
        let fields = [("email", EMAIL), ("password", PASSWORD), ("csrf", &csrf)];
        let page = visitor.post("/login", &fields).await;
        assert_eq!(page.location(), "/me");
        assert!(visitor.get("/me").await.body.contains("홍길동"));
        assert!(!before.is_in().await);
        eventually("the other person's token is revoked", async || {
            app.live_kakao_tokens("ordinary") == 0
        })
        .await;
    });
}

// SE-1, SE-3
#[test]
fn who_does_not_want_to_be_kept_is_forgotten_by_the_browser_and_sooner_by_us() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let (kept, brief) = (app.visitor(), app.visitor());
        let page = kept.knock(EMAIL, PASSWORD).await;
        assert!(page.set_cookie("kg-session").contains("Max-Age="));
        let fields = [("email", EMAIL), ("password", PASSWORD)];
        let page = brief.press("/login", "/login", &fields).await;
        let cookie = page.set_cookie("kg-session");
        assert!(
            !cookie.is_empty() && !cookie.contains("Max-Age"),
            "{cookie}"
        );
        assert!(!cookie.contains("Expires"), "{cookie}");
        assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"));
        let seen = async || {
            let seen = "SELECT CAST(last_seen_at AS TEXT) AS value FROM sessions WHERE brief";
            app.values(seen).await
        };
        for _ in 0..7 {
            let before = seen().await;
            app.clock.advance(Duration::minutes(100));
            // A use is not noted while the writer is busy; the next one is.
            let used = async || brief.is_in().await && seen().await != before;
            eventually("the use is noted", used).await;
        }
        app.clock.advance(Duration::minutes(30));
        assert!(!brief.is_in().await, "twelve hours at most");
        assert!(kept.is_in().await);
        let page = brief.get("/me").await;
        assert!(
            page.location().contains("reason=expired"),
            "{}",
            page.location()
        );
        let idle = app.visitor();
        idle.press("/login", "/login", &fields).await;
        app.clock.advance(Duration::minutes(121));
        assert!(!idle.is_in().await, "two hours unused");
        assert!(kept.is_in().await);
    });
}

// SE-11
#[test]
fn a_change_of_key_does_not_keep_a_session_longer_than_was_wished() {
    stage().once(async |app| {
        app.member(EMAIL).await;
        let visitor = app.visitor();
        let fields = [("email", EMAIL), ("password", PASSWORD)];
        visitor.press("/login", "/login", &fields).await;
        let old = app.setting("SECRET_KEY").to_owned();
        let new = crate::stage::secret_key();
        app.restart(&[("SECRET_KEY", &new), ("SECRET_KEY_OLD", &old)])
            .await;
        let page = visitor.get("/me").await;
        assert_eq!(page.status, 200);
        let cookie = page.set_cookie("kg-session");
        assert!(
            !cookie.is_empty() && !cookie.contains("Max-Age"),
            "{cookie}"
        );
    });
}

// PW-6
#[test]
fn a_browser_not_seen_before_is_told_of_by_mail_once() {
    stage().everywhere(async |app| {
        let id = app.member(EMAIL).await;
        let (home, cafe) = (app.visitor(), app.visitor());
        home.enter(EMAIL, PASSWORD).await;
        let letter = app.letter_to(EMAIL, 1).await;
        assert!(letter.subject.contains("새 기기에서 로그인했습니다"));
        assert!(
            letter.paragraphs[0].contains("Chrome, Linux"),
            "{:?}",
            letter.paragraphs
        );
        home.press("/logout", "/logout", &[("reach", "here")]).await;
        home.enter(EMAIL, PASSWORD).await;
        assert_eq!(app.letters_to(EMAIL).await.len(), 1, "known by now");
        app.backends().database.execute(&format!(
            "UPDATE members SET locale = 'en' WHERE id = '{id}'"
        ));
        cafe.enter(EMAIL, PASSWORD).await;
        let letter = app.letter_to(EMAIL, 2).await;
        assert!(
            letter.subject.contains("New device login"),
            "in the member's language"
        );
        let wrong = app.visitor();
        wrong.knock(EMAIL, ANOTHER).await;
        assert_eq!(app.letters_to(EMAIL).await.len(), 2, "a failure is none");
        // Somebody else's browser, though it knows a member, does not know this one.
        app.member("kim@example.com").await;
        home.press("/logout", "/logout", &[("reach", "here")]).await;
        home.enter("kim@example.com", PASSWORD).await;
        assert_eq!(app.letters_to("kim@example.com").await.len(), 1);
    });
}

// PW-4
#[test]
fn what_is_kept_of_a_password_grows_stronger_when_it_comes_by() {
    stage().everywhere(async |app| {
        let params = Params::new(8 * 1024, 1, 1, None).unwrap();
        let weak = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let hash: argon2::password_hash::phc::PasswordHash = weak
            .hash_password_with_salt(b"an old password", &[7; 16])
            .unwrap();
        let id = app.member_without_password(EMAIL, "active").await;
        app.give_kept(&id, &hash.to_string());
        app.visitor().knock(EMAIL, "a wrong password").await;
        let kept = async || app.values("SELECT kept AS value FROM passwords").await;
        assert!(kept().await[0].contains("m=8192"));
        app.visitor().enter(EMAIL, "an old password").await;
        assert!(kept().await[0].contains("m=19456,t=2,p=1"));
        app.visitor().enter(EMAIL, "an old password").await;
    });
}

// UX: P2
#[test]
fn the_page_remembers_the_way_somebody_came_last() {
    stage().once(async |app| {
        app.member(EMAIL).await;
        let visitor = app.visitor();
        let last = async |visitor: &Visitor| visitor.get("/login").await.texts(".last");
        assert!(last(&visitor).await.is_empty());
        visitor.enter(EMAIL, PASSWORD).await;
        assert_eq!(visitor.cookie("kg-last").as_deref(), Some("email"));
        visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        let page = visitor.get("/login").await;
        assert_eq!(page.texts("form .last"), ["최근에 사용한 방법"]);
        visitor.log_in_as(app, "ordinary").await;
        visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        let page = visitor.get("/login").await;
        assert_eq!(page.texts(".last"), ["최근에 사용한 방법"]);
        assert!(page.texts("form .last").is_empty());
        visitor.set_cookie("kg-last", "<b>");
        assert!(last(&visitor).await.is_empty());
    });
}

// UX: P2
#[test]
fn without_mail_there_is_no_way_in_by_email() {
    Stage::default().once(async |app: &mut TestApp| {
        let visitor = app.visitor();
        let page = visitor.get("/login").await;
        assert!(page.texts("main form").is_empty());
        assert!(!page.body.contains("/password/forgot") && !page.body.contains("/join"));
        visitor.log_in_as(app, "ordinary").await;
        assert!(visitor.get("/reauth").await.texts("main form").is_empty());
        let csrf = visitor.get("/me").await.csrf();
        let fields = [
            ("csrf", csrf.as_str()),
            ("email", EMAIL),
            ("password", PASSWORD),
        ];
        for path in [
            "/password/forgot",
            "/password/reset?token=x",
            "/me/password",
        ] {
            assert_eq!(visitor.get(path).await.status, 404, "{path}");
        }
        for path in [
            "/login",
            "/reauth",
            "/password/forgot",
            "/password/reset",
            "/me/password",
        ] {
            assert_eq!(visitor.post(path, &fields).await.status, 404, "{path}");
        }
    });
}
