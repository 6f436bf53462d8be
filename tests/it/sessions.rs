//! Browser sessions: how long they live, what survives, and what ends them.

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::{App, HttpResponse, web};
use futures_util::future::join_all;
use kakao_gate::config::Environment;
use kakao_gate::member::{MemberId, Standing};
use kakao_gate::session::{Backend, BrowserSession, SessionCookie, Token};
use kakao_gate::store::members;
use uuid::Uuid;

use crate::stage::{Stage, TestApp, eventually, everywhere, secret_key};

// SE-1, SE-2, SE-9, SE-10, TK-6
#[test]
fn the_session_cookie_is_closed_to_scripts_and_sites_and_says_nothing() {
    everywhere(async |app| {
        let visitor = app.visitor();
        let done = visitor.log_in(app, "ordinary").await;
        assert_eq!(done.header("cache-control"), "no-store");
        let cookie = done.set_cookie("kg-session");
        for attribute in ["; HttpOnly", "; SameSite=Lax", "; Path=/", "; Max-Age="] {
            assert!(cookie.contains(attribute), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
        assert!(cookie.len() < 4_096, "{} bytes", cookie.len());
        let ids = app.values("SELECT id AS value FROM sessions").await;
        let hashes = app
            .values("SELECT secret_hash AS value FROM sessions")
            .await;
        let world = app.emulator.world();
        let tokens = world.live_access_tokens(world.user_id("ordinary").unwrap());
        for secret in ids.iter().chain(&hashes).chain(&tokens) {
            assert!(!cookie.contains(secret.as_str()), "{cookie}");
        }
        // Looking at a page afterwards does not shrink its life or make it public.
        assert!(
            !visitor
                .get("/me")
                .await
                .header("cache-control")
                .contains("public")
        );
    });
}

// SE-1
#[test]
fn on_https_the_session_cookie_has_the_host_prefix() {
    actix_web::rt::System::new().block_on(async {
        let settings = [
            ("PUBLIC_URL", "https://members.example".to_owned()),
            ("SECRET_KEY", secret_key()),
            ("KAKAO_REST_API_KEY", "key".to_owned()),
            ("KAKAO_APP_ID", "1".to_owned()),
        ];
        let (config, _) = Environment::from_iter(settings).read().unwrap();
        let cookie = SessionCookie::new(&config);
        let app = App::new().wrap(cookie.middleware(Backend::Cookie)).route(
            "/",
            web::get().to(async |session: BrowserSession| {
                let token = Token::of_attempt(Uuid::from_u128(1), &[7; 32]);
                session.sign_in(&token).unwrap();
                HttpResponse::Ok().finish()
            }),
        );
        let app = actix_web::test::init_service(app).await;
        let answer =
            actix_web::test::call_service(&app, actix_web::test::TestRequest::get().to_request())
                .await;
        assert_eq!(answer.status(), StatusCode::OK);
        let set: Vec<Cookie<'_>> = answer.response().cookies().collect();
        let [set] = set.as_slice() else {
            panic!("one cookie, not {set:?}");
        };
        assert_eq!(set.name(), "__Host-kg-session");
        assert_eq!((set.secure(), set.http_only()), (Some(true), Some(true)));
        assert_eq!((set.path(), set.domain()), (Some("/"), None));
    });
}

// SE-2
#[test]
fn a_session_that_a_client_made_up_counts_for_nothing_and_is_not_kept() {
    everywhere(async |app| {
        let made_up = "A".repeat(64);
        for value in ["x", "", "%00", "한글", &made_up, &"z".repeat(3_500)] {
            let visitor = app.visitor();
            visitor.set_cookie("kg-session", value);
            assert_eq!(visitor.get("/").await.status, 200, "{value:.20}");
            let me = visitor.get("/me").await;
            assert_eq!(
                (me.status, me.location()),
                (303, "/login?next=%2Fme"),
                "{value:.20}"
            );
            visitor.log_in_as(app, "ordinary").await;
            assert_ne!(visitor.cookie("kg-session").as_deref(), Some(value));
            assert_eq!(visitor.get("/me").await.status, 200);
        }
    });
}

async fn last_seen(app: &TestApp) -> String {
    app.values("SELECT CAST(last_seen_at AS TEXT) AS value FROM sessions")
        .await
        .remove(0)
}

// SE-3
#[test]
fn a_session_ends_when_unused_and_in_any_case_when_old() {
    let stage = Stage::default()
        .set("SESSION_IDLE_HOURS", "1")
        .set("SESSION_MAX_HOURS", "3");
    stage.everywhere(async |app| {
        let (busy, idle) = (app.visitor(), app.visitor());
        busy.log_in_as(app, "ordinary").await;
        for _ in 0..3 {
            app.clock.advance(time::Duration::minutes(50));
            let before = last_seen(app).await;
            // A use is not noted while the writer is busy; the next one is.
            let used = async || {
                assert_eq!(busy.get("/me").await.status, 200, "used within the hour");
                last_seen(app).await != before
            };
            eventually("the use is noted", used).await;
        }
        idle.log_in_as(app, "linked").await;
        app.clock.advance(time::Duration::minutes(29));
        assert_eq!(busy.get("/me").await.status, 200, "2 h 59 min");
        app.clock.advance(time::Duration::minutes(2));
        let ended = busy.get("/me/sessions").await;
        let login = "/login?next=%2Fme%2Fsessions&reason=expired";
        assert_eq!((ended.status, ended.location()), (303, login));
        assert_eq!(idle.get("/me").await.status, 200, "31 minutes unused");
        let idle = idle.copy();
        app.clock.advance(time::Duration::minutes(61));
        let ended = idle.get("/me").await;
        assert_eq!(ended.location(), "/login?next=%2Fme&reason=expired");
        let page = idle.follow(&ended).await;
        assert!(page.body.contains("오래 사용하지 않아 로그아웃했습니다."));
        // A form sent too late is not kept; the person returns to the page that had it.
        let lost = idle.post("/me/sessions/end-others", &[("csrf", "x")]).await;
        assert_eq!(lost.status, 303);
        assert!(
            lost.location()
                .starts_with("/login?next=%2Fme%2Fsessions&reason=expired")
        );
        // Signing in again is all it takes.
        idle.log_in_as(app, "linked").await;
        assert_eq!(idle.get("/me").await.status, 200);
    });
}

// SE-11
#[test]
fn sessions_and_pending_logins_survive_a_restart_and_a_key_change() {
    everywhere(async |app| {
        let (stays, sleeps, pending) = (app.visitor(), app.visitor(), app.visitor());
        stays.log_in_as(app, "ordinary").await;
        sleeps.log_in_as(app, "linked").await;
        let callback = pending.to_callback(&app.emulator, "no-email", "/me").await;
        app.restart(&[]).await;
        assert_eq!(stays.get("/me").await.status, 200);

        let csrf = stays.get("/logout").await.csrf();
        let (old, new) = (app.setting("SECRET_KEY").to_owned(), secret_key());
        app.restart(&[("SECRET_KEY", &new), ("SECRET_KEY_OLD", &old)])
            .await;
        let me = stays.get("/me").await;
        assert_eq!(me.status, 200);
        assert!(!me.set_cookie("kg-session").is_empty(), "sealed anew");
        assert_eq!(pending.get(&callback).await.location(), "/me");
        // A form given out before the change still counts after it.
        let fields = [("csrf", csrf.as_str()), ("lang", "en"), ("back", "/me")];
        assert_eq!(stays.post("/language", &fields).await.status, 303);

        let late = app.visitor();
        let stale = late.to_callback(&app.emulator, "minimal", "/me").await;
        app.restart(&[("SECRET_KEY", &secret_key()), ("SECRET_KEY_OLD", &new)])
            .await;
        assert_eq!(
            stays.get("/me").await.status,
            200,
            "came by between the two changes"
        );
        let gone = sleeps.get("/me").await;
        assert_eq!((gone.status, gone.location()), (303, "/login?next=%2Fme"));
        assert_eq!(sleeps.follow(&gone).await.status, 200);
        assert_eq!(late.get(&stale).await.location(), "/me");
        // Kakao's tokens were sealed with the first key, which is gone: logging out works.
        let out = stays
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        assert_eq!(out.location(), "/logged-out");
        sleeps.log_in_as(app, "linked").await;
    });
}

// SE-7, SE-11, TK-2
#[test]
fn a_kakao_token_sealed_before_a_key_change_is_revoked_after_it() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let old = app.setting("SECRET_KEY").to_owned();
        app.restart(&[("SECRET_KEY", &secret_key()), ("SECRET_KEY_OLD", &old)])
            .await;
        visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        eventually("revoked", async || app.live_kakao_tokens("ordinary") == 0).await;
    });
}

// SE-9
#[test]
fn junk_planted_before_the_real_cookie_does_not_sign_anybody_out() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let real = visitor.cookie("kg-session").unwrap();
        let other = app.visitor();
        for junk in [
            format!("kg-session=junk; kg-session={real}"),
            format!("kg-session=; kg-session={real}; kg-session=junk"),
            format!("a=b; kg-session=%ff; c; kg-session={real}; =d"),
            format!("kg-session=%ff; name=한글; kg-session={real}"),
            format!("%6Bg-session=junk; kg-session={real}"),
            format!("kg-lang=xx; kg-theme=\"; kg-notice=zz; kg-session={real}"),
        ] {
            let me = other.get_with("/me", &[("cookie", &junk)]).await;
            assert_eq!(me.status, 200, "{junk:.30}");
        }
        // Nor do cookies in encodings of another age, which never were text.
        let mut latin = b"name=\xb1\xe8\xc7\xcf\xb4\xc3; kg-session=".to_vec();
        latin.extend(real.as_bytes());
        let request = other.client.get(format!("{}/me", app.url));
        let answer = request.header("cookie", latin).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        // A name that only reads like ours after unescaping is not ours.
        let escaped = format!("%6Bg-session={real}");
        let me = other.get_with("/me", &[("cookie", &escaped)]).await;
        assert_eq!(me.status, 303);
    });
}

// SE-11
#[test]
fn requests_of_one_session_at_once_lose_nothing() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let paths = [
            "/me",
            "/me/sessions",
            "/",
            "/logout",
            "/auth/kakao?next=/me",
        ];
        let many = (0..30).map(|n| visitor.get(paths[n % paths.len()]));
        for page in join_all(many).await {
            assert!([200, 303].contains(&page.status), "{}", page.status);
            assert!(!page.location().starts_with("/login"));
        }
        assert_eq!(visitor.get("/me").await.status, 200);
        assert_eq!(app.count("sessions WHERE ended_at IS NULL").await, 1);
    });
}

async fn stand(app: &TestApp, standing: Standing) {
    let ids = app.values("SELECT id AS value FROM members").await;
    let member = MemberId(Uuid::parse_str(&ids[0]).unwrap());
    let store = app.gate().store;
    let change = move |connection: &mut _| members::set_standing(connection, member, &standing);
    store.write(change).await.unwrap();
}

// AD-5, ID-1
#[test]
fn a_suspended_member_is_out_on_the_next_request_and_told_until_when_at_the_next_login() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let until = app.clock.now() + time::Duration::days(2);
        stand(app, Standing::Suspended { until: Some(until) }).await;
        let out = visitor.get("/me").await;
        assert_eq!(out.status, 303);
        assert!(out.location().starts_with("/login"), "{}", out.location());
        let refused = visitor.log_in(app, "ordinary").await;
        assert_eq!(refused.leads_to_error(), "suspended");
        let page = visitor.follow(&refused).await;
        assert_eq!(
            (page.status, page.h1().as_str()),
            (403, "이용이 정지된 계정입니다")
        );
        let seoul = until.to_offset(time::macros::offset!(+9));
        let day = format!(
            "{}년 {}월 {}일",
            seoul.year(),
            u8::from(seoul.month()),
            seoul.day()
        );
        assert!(page.body.contains(&day), "{day} in {}", page.text("main p"));
        assert!(
            page.attributes("main a", "href")
                .contains(&"/help".to_owned())
        );
        assert_eq!(visitor.get("/me").await.status, 303);
        eventually("the token of the refused login is given back", async || {
            app.live_kakao_tokens("ordinary") <= 1
        })
        .await;
        // Without an end, the page says so.
        stand(app, Standing::Suspended { until: None }).await;
        let refused = visitor.log_in(app, "ordinary").await;
        let page = visitor.follow(&refused).await;
        assert!(
            page.text("main p").contains("정지가 풀릴 때까지"),
            "{}",
            page.body
        );
        // When it is over, signing in works again, as the same member.
        stand(app, Standing::Suspended { until: Some(until) }).await;
        app.clock.advance(time::Duration::days(3));
        visitor.log_in_as(app, "ordinary").await;
        assert_eq!(app.count("members").await, 1);
    });
}
