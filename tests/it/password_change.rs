//! `/me/password`, and `/reauth` by password.

use futures_util::future::join_all;
use kakao_gate::emulator::Consent;
use time::Duration;

use crate::stage::email::{ANOTHER, PASSWORD, stage};
use crate::stage::page::Page;
use crate::stage::{TestApp, Visitor, eventually};

const EMAIL: &str = "hong@example.com";

const HERE: &str = "/me/password";

async fn change(visitor: &Visitor, current: &str, new: &str, others: bool) -> Page {
    let mut fields = vec![("current", current), ("password", new)];
    if others {
        fields.push(("others", "1"));
    }
    visitor.press(HERE, HERE, &fields).await
}

async fn prove(visitor: &Visitor, password: &str) -> Page {
    let path = "/reauth?next=/me/sessions";
    visitor.press(path, path, &[("password", password)]).await
}

async fn session_of(app: &TestApp) -> String {
    app.values("SELECT id AS value FROM sessions WHERE ended_at IS NULL")
        .await
        .pop()
        .unwrap()
}

// PW-1, PW-3, PW-8
#[test]
fn a_password_is_changed_with_the_present_one_and_for_something_better_only() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let visitor = app.visitor();
        visitor.enter(EMAIL, PASSWORD).await;
        let before = session_of(app).await;
        for (current, new, field, reason) in [
            ("", ANOTHER, "current", "비밀번호를 입력해 주세요."),
            (ANOTHER, ANOTHER, "current", "일치하지 않습니다"),
            ("\0", ANOTHER, "current", "일치하지 않습니다"),
            (PASSWORD, "", "password", "10자 이상"),
            (PASSWORD, "짧은비밀번호", "password", "10자 이상"),
            (PASSWORD, &"가".repeat(129), "password", "128자 이하"),
            (PASSWORD, "qwerty123456", "password", "많이 쓰이는"),
            (
                PASSWORD,
                "홍길동 hong 홍길동 hong",
                "password",
                "많이 쓰이는",
            ),
            (PASSWORD, PASSWORD, "password", "지금과 다른"),
        ] {
            let page = change(&visitor, current, new, true).await;
            assert_eq!(page.status, 422, "{current:?} {new:?}");
            assert!(
                page.text("#errsum a").contains(reason),
                "{}",
                page.text("#errsum")
            );
            assert_eq!(page.attributes("#errsum a", "href"), [format!("#{field}")]);
            assert_eq!(page.texts(&format!("#{field}-err")).len(), 1, "{new:?}");
            for id in ["current", "password"] {
                assert!(page.attributes(&format!("#{id}"), "value").is_empty());
            }
            assert_eq!(page.attributes("input[name=others]", "checked").len(), 1);
        }
        let decomposed = "한글 비밀번호 열두 글자";
        let decomposed: String =
            unicode_normalization::UnicodeNormalization::nfd(decomposed).collect();
        assert_eq!(
            change(&visitor, PASSWORD, &decomposed, true).await.status,
            303
        );
        let page = change(&visitor, "한글 비밀번호 열두 글자", &decomposed, true).await;
        assert_eq!(page.status, 422, "the same, however it is typed");
        assert_ne!(session_of(app).await, before);
        app.visitor().enter(EMAIL, "한글 비밀번호 열두 글자").await;
    });
}

// SE-5, SE-8
#[test]
fn a_change_ends_the_other_sessions_and_every_copy_of_this_one() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let (here, there) = (app.visitor(), app.visitor());
        here.enter(EMAIL, PASSWORD).await;
        there.enter(EMAIL, PASSWORD).await;
        let copy = here.copy();
        let page = here.get(HERE).await;
        assert_eq!(page.h1(), "비밀번호 바꾸기");
        assert_eq!(page.attributes("input[name=others]", "checked").len(), 1);
        let page = change(&here, PASSWORD, ANOTHER, true).await;
        assert_eq!((page.status, page.location()), (303, "/me"));
        let me = here.follow(&page).await;
        assert!(me.text("[role=status]").contains("비밀번호를 바꿨습니다."));
        assert!(!copy.is_in().await);
        let page = there.get("/me").await;
        assert!(
            page.location().contains("reason=reset"),
            "{}",
            page.location()
        );
        let letter = app.letter_to(EMAIL, 3).await;
        assert!(
            letter.subject.contains("비밀번호를 바꿨습니다"),
            "{}",
            letter.subject
        );
        assert_eq!(app.visitor().knock(EMAIL, PASSWORD).await.status, 422);
        let entries = "audit_events WHERE action = 'password.change' AND result = 'success' \
                       AND detail = 'sessions ended: 1'";
        assert_eq!(app.count(entries).await, 1);
        // The browser it was changed in stays known, the other is a stranger.
        here.press("/logout", "/logout", &[("reach", "here")]).await;
        here.enter(EMAIL, ANOTHER).await;
        assert_eq!(app.letters_to(EMAIL).await.len(), 3);
        app.clock.advance(Duration::SECOND);
    });
}

// SE-8
#[test]
fn the_other_sessions_stay_where_that_is_wished() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let (here, there) = (app.visitor(), app.visitor());
        here.enter(EMAIL, PASSWORD).await;
        there.enter(EMAIL, PASSWORD).await;
        let copy = here.copy();
        assert_eq!(change(&here, PASSWORD, ANOTHER, false).await.status, 303);
        assert!(here.is_in().await && there.is_in().await);
        assert!(!copy.is_in().await);
    });
}

// PW-6, PW-8
#[test]
fn who_finds_a_browser_open_cannot_guess_on_and_strangers_cannot_stop_the_member() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let visitor = app.visitor();
        visitor.enter(EMAIL, PASSWORD).await;
        for _ in 0..5 {
            app.visitor().knock(EMAIL, ANOTHER).await;
        }
        assert_eq!(app.visitor().knock(EMAIL, PASSWORD).await.status, 429);
        for _ in 0..3 {
            assert_eq!(change(&visitor, "wrong", ANOTHER, true).await.status, 422);
        }
        for _ in 0..2 {
            assert_eq!(prove(&visitor, "wrong").await.status, 422);
        }
        let before = app.hashes();
        for page in [
            change(&visitor, PASSWORD, ANOTHER, true).await,
            prove(&visitor, PASSWORD).await,
        ] {
            assert_eq!(page.status, 429);
            assert!(
                page.text("#errsum a").contains("15분 뒤에"),
                "{}",
                page.text("#errsum")
            );
            assert!(!page.header("retry-after").is_empty());
        }
        assert_eq!(app.hashes(), before);
        assert!(visitor.is_in().await);
        app.clock.advance(Duration::minutes(15));
        assert_eq!(prove(&visitor, PASSWORD).await.status, 303);
        let refused = "audit_events WHERE result = 'refused' AND reason = 'wrong_password' AND \
                       action IN ('password.change', 'reauth.password')";
        assert_eq!(app.count(refused).await, 5);
    });
}

// SE-5
#[test]
fn a_proof_by_password_is_a_new_session_and_leads_back() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let visitor = app.visitor();
        let fields = [("email", EMAIL), ("password", PASSWORD)];
        visitor.press("/login", "/login", &fields).await;
        let (before, copy) = (session_of(app).await, visitor.copy());
        let page = visitor.get("/reauth?next=/me/sessions").await;
        assert!(
            page.texts("a.kakao").is_empty(),
            "no Kakao to prove it with"
        );
        let action = page.attributes("main form", "action");
        assert_eq!(action, ["/reauth?next=%2Fme%2Fsessions"]);
        let page = prove(&visitor, ANOTHER).await;
        assert_eq!(page.status, 422);
        assert_eq!(page.attributes("main form", "action"), action);
        assert_eq!(prove(&visitor, "").await.status, 422);
        let page = prove(&visitor, PASSWORD).await;
        assert_eq!((page.status, page.location()), (303, "/me/sessions"));
        assert!(
            !page.set_cookie("kg-session").contains("Max-Age"),
            "as brief as it was"
        );
        assert_ne!(session_of(app).await, before);
        assert!(visitor.is_in().await && !copy.is_in().await);
        assert_eq!(
            app.count("sessions WHERE ended_at IS NULL AND brief").await,
            1
        );
        let page = app.visitor().get("/reauth?next=/me").await;
        assert!(page.location().starts_with("/login?next="));
    });
}

// SE-1, SE-5
#[test]
fn a_proof_at_kakao_keeps_a_session_no_longer_than_was_wished() {
    stage().everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let page = visitor.press(HERE, HERE, &[("password", PASSWORD)]).await;
        assert!(page.set_cookie("kg-session").contains("Max-Age"));
        visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        let fields = [("email", "ordinary@example.com"), ("password", PASSWORD)];
        visitor.press("/login", "/login", &fields).await;
        for path in ["/reauth/kakao?next=/me", "/auth/kakao?next=/me"] {
            let begun = visitor.get(path).await;
            let back = app
                .emulator
                .authorize(begun.location(), "ordinary", Consent::All);
            let page = visitor.get(back.strip_prefix(&app.url).unwrap()).await;
            assert_eq!(page.location(), "/me", "{path}");
            let proof = path.starts_with("/reauth");
            let kept = page.set_cookie("kg-session").contains("Max-Age");
            assert_eq!(kept, !proof, "{path}");
            let brief = app.count("sessions WHERE ended_at IS NULL AND brief").await;
            assert_eq!(brief == 1, proof, "{path}");
        }
    });
}

// SE-5, SE-7
#[test]
fn kakaos_tokens_move_to_the_session_that_a_password_proved() {
    stage().everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        assert_eq!(change(&visitor, "", PASSWORD, true).await.status, 303);
        let page = visitor.get("/reauth?next=/me").await;
        assert_eq!(page.texts("a.kakao").len(), 1, "either way");
        assert_eq!(prove(&visitor, PASSWORD).await.status, 303);
        assert_eq!(app.live_kakao_tokens("ordinary"), 1);
        visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        eventually("the token is revoked", async || {
            app.live_kakao_tokens("ordinary") == 0
        })
        .await;
    });
}

// PW-8, ID-4
#[test]
fn who_came_with_kakao_sets_a_first_password_with_a_fresh_proof_only() {
    stage().everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let page = visitor.get(HERE).await;
        assert_eq!((page.status, page.h1().as_str()), (200, "비밀번호 설정"));
        assert!(page.texts("#current").is_empty());
        let csrf = page.csrf();
        app.clock.advance(Duration::minutes(10));
        let page = visitor.get(HERE).await;
        assert_eq!(
            (page.status, page.location()),
            (303, "/reauth?next=%2Fme%2Fpassword")
        );
        let fields = [("password", PASSWORD), ("others", "1"), ("csrf", &csrf)];
        let page = visitor.post(HERE, &fields).await;
        assert_eq!(page.location(), "/reauth?next=%2Fme%2Fpassword");
        assert_eq!(app.count("passwords").await, 0);
        visitor.log_in_as(app, "ordinary").await;
        let page = visitor.press(HERE, HERE, &[("password", "짧은")]).await;
        assert_eq!((page.status, page.h1().as_str()), (422, "비밀번호 설정"));
        let page = visitor.press(HERE, HERE, &[("password", PASSWORD)]).await;
        assert_eq!(page.location(), "/me");
        assert_eq!(
            app.count("audit_events WHERE action = 'password.set'")
                .await,
            1
        );
        app.visitor().enter("ordinary@example.com", PASSWORD).await;
        assert_eq!(visitor.get(HERE).await.h1(), "비밀번호 바꾸기");
        let fields = [("password", ANOTHER)];
        let page = visitor.press(HERE, HERE, &fields).await;
        assert_eq!(page.status, 422, "from now on the present one is asked for");
    });
}

// PW-9
#[test]
fn without_a_proved_address_there_is_nothing_to_set_a_password_for() {
    stage().everywhere(async |app| {
        for person in ["no-email", "unverified-email"] {
            let visitor = app.visitor();
            visitor.log_in_as(app, person).await;
            let page = visitor.get(HERE).await;
            assert_eq!(page.status, 200);
            assert!(
                page.text("main")
                    .contains("확인을 마친 이메일이 필요합니다")
            );
            assert!(page.texts("main form").is_empty());
            let csrf = visitor.get("/me").await.csrf();
            let fields = [("password", PASSWORD), ("csrf", csrf.as_str())];
            assert_eq!(visitor.post(HERE, &fields).await.status, 409);
        }
        assert_eq!(app.count("passwords").await, 0);
    });
}

// PW-8
#[test]
fn a_change_makes_the_mailed_link_worthless() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let path = "/password/forgot";
        app.visitor().press(path, path, &[("email", EMAIL)]).await;
        let link = crate::stage::email::link_in(&app.letter_to(EMAIL, 1).await);
        let visitor = app.visitor();
        visitor.enter(EMAIL, PASSWORD).await;
        assert_eq!(change(&visitor, PASSWORD, ANOTHER, true).await.status, 303);
        let page = app.visitor().get(&link).await;
        assert_eq!(
            (page.status, page.h1().as_str()),
            (410, "사용할 수 없는 링크입니다")
        );
    });
}

// PW-8, SE-8
#[test]
fn a_login_with_the_old_password_does_not_outlive_a_change() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let here = app.visitor();
        here.enter(EMAIL, PASSWORD).await;
        let (mut old, mut new) = (PASSWORD.to_owned(), format!("{ANOTHER} 0"));
        for round in 1..=4 {
            let there = app.visitor();
            let (page, knocked) =
                tokio::join!(change(&here, &old, &new, true), there.knock(EMAIL, &old));
            assert_eq!(page.status, 303, "{}", page.text("main"));
            assert!([303, 422].contains(&knocked.status), "{}", knocked.status);
            assert!(!there.is_in().await, "whoever was quicker");
            assert!(here.is_in().await);
            app.backends().database.execute("DELETE FROM throttles");
            (old, new) = (new, format!("{ANOTHER} {round}"));
        }
    });
}

// PW-8
#[test]
fn of_two_changes_at_once_one_is_made() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let visitors: Vec<Visitor> = (0..3).map(|_| app.visitor()).collect();
        for visitor in &visitors {
            visitor.enter(EMAIL, PASSWORD).await;
        }
        let passwords: Vec<String> = (0..3).map(|at| format!("{ANOTHER} {at}")).collect();
        let pairs = visitors.iter().zip(&passwords);
        let changes = pairs.map(|(one, new)| change(one, PASSWORD, new, false));
        let pages = join_all(changes).await;
        let won: Vec<usize> = (0..3).filter(|at| pages[*at].status == 303).collect();
        assert_eq!(won.len(), 1, "{:?}", pages.iter().map(|page| page.status));
        app.visitor().enter(EMAIL, &passwords[won[0]]).await;
    });
}

// SE-4, SE-5
#[test]
fn a_proof_does_not_bring_back_a_session_that_ends_meanwhile() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        for _ in 0..4 {
            let visitor = app.visitor();
            visitor.enter(EMAIL, PASSWORD).await;
            let csrf = visitor.get("/me").await.csrf();
            let (one, two) = (visitor.copy(), visitor.copy());
            let proof = [("password", PASSWORD), ("csrf", csrf.as_str())];
            let out = [("reach", "everywhere"), ("csrf", csrf.as_str())];
            let (_, out) = tokio::join!(
                one.post("/reauth?next=/me", &proof),
                two.post("/logout", &out)
            );
            if out.location() == "/logged-out" {
                assert!(!one.is_in().await && !visitor.is_in().await);
            } else {
                assert!(!visitor.is_in().await, "the old one is dead either way");
            }
        }
    });
}
