//! `/logout` and where it leads: out at once, whatever Kakao does.

use std::time::Duration;

use futures_util::future::join_all;
use kakao_gate::emulator::{Endpoint, Fault, Times};
use url::Url;

use crate::stage::{Stage, TestApp, Visitor, eventually, everywhere};

async fn log_out(visitor: &Visitor, reach: &str) -> crate::stage::page::Page {
    visitor
        .press("/logout", "/logout", &[("reach", reach)])
        .await
}

// SE-4, SE-5, WB-4
#[test]
fn a_copy_of_the_cookie_is_dead_after_logout_and_nothing_in_flight_revives_it() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let copies: Vec<Visitor> = (0..12).map(|_| visitor.copy()).collect();
        let csrf = visitor.get("/logout").await.csrf();
        let fields = [("csrf", csrf.as_str()), ("reach", "here")];
        let flying = join_all(copies.iter().map(|copy| copy.get("/me")));
        let (out, _) = futures_util::future::join(visitor.post("/logout", &fields), flying).await;
        assert_eq!((out.status, out.location()), (303, "/logged-out"));
        assert_eq!(out.header("clear-site-data"), "\"cache\"");
        assert!(
            out.set_cookie("kg-session").contains("Max-Age=0"),
            "the cookie is taken away"
        );
        for browser in copies.iter().chain([&visitor]) {
            for path in ["/me", "/me/sessions", "/logout"] {
                let page = browser.get(path).await;
                assert_eq!(page.status, 303, "{path}");
                assert!(
                    page.location().starts_with("/login?"),
                    "{}",
                    page.location()
                );
            }
        }
        assert_eq!(app.count("sessions WHERE ended_at IS NULL").await, 0);
    });
}

// SE-6
#[test]
fn only_the_form_logs_out() {
    everywhere(async |app| {
        let (visitor, other) = (app.visitor(), app.visitor());
        visitor.log_in_as(app, "ordinary").await;
        other.log_in_as(app, "linked").await;
        let page = visitor.get("/logout").await;
        assert_eq!((page.status, page.h1().as_str()), (200, "로그아웃"));
        let reaches = page.attributes("button[name=reach]", "value");
        assert_eq!(reaches, ["here", "kakao", "everywhere"]);
        visitor.head("/logout").await;
        let theirs = other.get("/logout").await.csrf();
        let here = ("reach", "here");
        for fields in [
            vec![here],
            vec![here, ("csrf", "")],
            vec![here, ("csrf", "x")],
            vec![here, ("csrf", theirs.as_str())],
        ] {
            assert_eq!(
                visitor.post("/logout", &fields).await.status,
                403,
                "{fields:?}"
            );
        }
        let csrf = page.csrf();
        for fields in [
            vec![("csrf", csrf.as_str())],
            vec![("csrf", csrf.as_str()), ("reach", "elsewhere")],
            vec![("csrf", csrf.as_str()), here, here],
        ] {
            assert_eq!(
                visitor.post("/logout", &fields).await.status,
                400,
                "{fields:?}"
            );
        }
        assert_eq!(visitor.get("/me").await.status, 200);
        let out = visitor
            .post("/logout", &[here, ("csrf", csrf.as_str())])
            .await;
        assert_eq!(out.location(), "/logged-out");
        let done = visitor.follow(&out).await;
        assert_eq!((done.status, done.h1().as_str()), (200, "로그아웃했습니다"));
        assert!(
            done.attributes("main a", "href")
                .contains(&"/login".to_owned())
        );
        // Pressing twice, or in a tab left open, is no error.
        let again = visitor
            .post("/logout", &[here, ("csrf", csrf.as_str())])
            .await;
        assert!([303, 403].contains(&again.status), "{}", again.status);
        assert_eq!(other.get("/me").await.status, 200);
    });
}

/// How often Kakao was asked to revoke a token, and said yes.
fn revocations(app: &TestApp) -> usize {
    let requests = app.emulator.requests();
    let logouts = requests
        .iter()
        .filter(|r| r.endpoint == Some(Endpoint::Logout));
    logouts.filter(|r| r.status == Some(200)).count()
}

// SE-7
#[test]
fn kakaos_token_is_revoked_once_after_logout() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        assert_eq!(app.live_kakao_tokens("ordinary"), 1);
        log_out(&visitor, "here").await;
        eventually("revoked", async || app.live_kakao_tokens("ordinary") == 0).await;
        eventually("written down", async || {
            app.count("outbox WHERE finished_at IS NULL").await == 0
        })
        .await;
        for _ in 0..3 {
            app.clock.advance(time::Duration::hours(1));
            app.gate().pay_debts().await.unwrap();
        }
        assert_eq!(app.emulator.count(Endpoint::Logout), 1);
        let sealed = app.values("SELECT sealed_token AS value FROM outbox").await;
        assert_eq!(sealed, [""], "what is paid is forgotten");
        assert_eq!(
            app.count("sessions WHERE kakao_access IS NOT NULL").await,
            0
        );
    });
}

// SE-7, RL-2
#[test]
fn a_silent_kakao_holds_nobody_in_and_gets_its_call_when_it_is_back() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        app.emulator
            .fail(Endpoint::Logout, Fault::Status(503), Times::Always);
        let began = std::time::Instant::now();
        let out = log_out(&visitor, "here").await;
        assert_eq!(out.location(), "/logged-out");
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "nobody waits for Kakao"
        );
        assert_eq!(visitor.get("/me").await.status, 303);
        eventually("a try", async || app.emulator.count(Endpoint::Logout) > 0).await;
        assert_eq!(app.live_kakao_tokens("ordinary"), 1);
        app.emulator.heal();
        eventually("revoked after the outage", async || {
            // Each failure is followed by a longer wait, which the moved clock cuts short.
            app.clock.advance(time::Duration::minutes(2));
            app.gate().owed.notify_one();
            app.live_kakao_tokens("ordinary") == 0
        })
        .await;
        assert_eq!(revocations(app), 1);
    });
}

// SE-7, RL-5
#[test]
fn a_debt_to_kakao_outlives_a_restart() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        app.emulator
            .fail(Endpoint::Logout, Fault::Status(503), Times::Always);
        log_out(&visitor, "here").await;
        eventually("a try", async || app.emulator.count(Endpoint::Logout) > 0).await;
        app.restart(&[]).await;
        app.emulator.heal();
        eventually("revoked after the restart", async || {
            app.clock.advance(time::Duration::minutes(2));
            app.gate().owed.notify_one();
            app.live_kakao_tokens("ordinary") == 0
        })
        .await;
        assert_eq!(visitor.get("/me").await.status, 303);
    });
}

// SE-4, SE-7, SE-8
#[test]
fn logging_out_everywhere_ends_every_device_of_this_member_alone() {
    everywhere(async |app| {
        let devices = [app.visitor(), app.visitor(), app.visitor()];
        for device in &devices {
            device.log_in_as(app, "ordinary").await;
        }
        let stranger = app.visitor();
        stranger.log_in_as(app, "linked").await;
        let out = log_out(&devices[0], "everywhere").await;
        assert_eq!(out.location(), "/logged-out?done=all");
        assert_eq!(devices[0].follow(&out).await.status, 200);
        for device in &devices {
            assert_eq!(device.get("/me").await.status, 303);
        }
        assert_eq!(stranger.get("/me").await.status, 200);
        eventually("revoked", async || app.live_kakao_tokens("ordinary") == 0).await;
        assert_eq!(app.live_kakao_tokens("linked"), 1);
    });
}

// SE-7, RL-2
#[test]
fn logging_out_everywhere_reaches_by_admin_key_what_no_session_of_ours_holds() {
    everywhere(async |app| {
        let gone = app.visitor();
        gone.log_in_as(app, "ordinary").await;
        // A session that ended by itself has lost its tokens, which live on at Kakao.
        let forgotten = "UPDATE sessions SET kakao_access = NULL, kakao_refresh = NULL";
        app.backends().database.execute(forgotten);
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        app.visitor().log_in_as(app, "linked").await;
        app.emulator
            .fail(Endpoint::Logout, Fault::Silence, Times::Once);
        let began = std::time::Instant::now();
        let out = log_out(&visitor, "everywhere").await;
        assert_eq!(out.location(), "/logged-out?done=all");
        assert!(began.elapsed() < Duration::from_secs(3));
        assert_eq!(app.live_kakao_tokens("ordinary"), 2);
        eventually("the one call that reaches all", async || {
            app.clock.advance(time::Duration::minutes(2));
            app.gate().owed.notify_one();
            app.live_kakao_tokens("ordinary") == 0
        })
        .await;
        assert_eq!(app.live_kakao_tokens("linked"), 1);
        assert_eq!(revocations(app), 1);
        let id = app.emulator.world().user_id("ordinary").unwrap();
        let refresh = app.emulator.world().live_refresh_tokens(id);
        assert!(refresh.is_empty(), "nor can anybody get another one");
    });
}

// SE-7
#[test]
fn without_an_admin_key_logging_out_everywhere_revokes_the_tokens_we_have() {
    let stage = Stage::default().set("KAKAO_ADMIN_KEY", "");
    stage.everywhere(async |app| {
        let devices = [app.visitor(), app.visitor()];
        for device in &devices {
            device.log_in_as(app, "ordinary").await;
        }
        log_out(&devices[0], "everywhere").await;
        eventually("revoked", async || app.live_kakao_tokens("ordinary") == 0).await;
        assert_eq!(revocations(app), 2);
    });
}

/// Where the page between us and Kakao leads.
fn kakao_logout(page: &crate::stage::page::Page) -> Url {
    let links = page.attributes("main a", "href");
    let link = links.iter().find(|href| href.contains("/oauth/logout"));
    Url::parse(link.expect("a way to Kakao")).unwrap()
}

// SE-4, SE-7, KL-1
#[test]
fn logging_out_of_kakao_too_ends_our_session_first_and_comes_back() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let out = log_out(&visitor, "kakao").await;
        assert_eq!(out.location(), "/logged-out/kakao");
        assert_eq!(
            visitor.get("/me").await.status,
            303,
            "ours is over before Kakao is asked"
        );
        let between = visitor.follow(&out).await;
        assert_eq!(between.status, 200);
        let address = kakao_logout(&between);
        assert!(address.as_str().starts_with(app.emulator.url()));
        let refresh = &between.attributes("meta[http-equiv=refresh]", "content")[0];
        assert!(
            refresh.ends_with(address.as_str()),
            "works without a press: {refresh}"
        );
        let value = |name: &str| {
            let mut found = address.query_pairs().filter(|(n, _)| n == name);
            let value = found.next().unwrap().1.into_owned();
            assert!(found.next().is_none(), "{name} twice");
            value
        };
        let done = format!("{}/logged-out/kakao/done", app.url);
        assert_eq!(value("logout_redirect_uri"), done);
        let state = value("state");
        assert!(state.len() >= 22);

        let forged = visitor
            .copy()
            .get("/logged-out/kakao/done?state=forged")
            .await;
        assert_eq!(forged.location(), "/logged-out?done=partial");
        let elsewhere = app
            .visitor()
            .get(&format!("/logged-out/kakao/done?state={state}"))
            .await;
        assert_eq!(elsewhere.location(), "/logged-out?done=partial");
        let back = visitor
            .get(&format!("/logged-out/kakao/done?state={state}"))
            .await;
        assert_eq!(back.location(), "/logged-out?done=kakao");
        let page = visitor.follow(&back).await;
        assert!(
            page.body.contains("카카오계정에서 로그아웃했습니다."),
            "{}",
            page.body
        );
        let again = visitor
            .get(&format!("/logged-out/kakao/done?state={state}"))
            .await;
        assert_eq!(again.location(), "/logged-out?done=partial", "once");
        eventually("revoked", async || app.live_kakao_tokens("ordinary") == 0).await;
    });
}

// SE-4
#[test]
fn the_way_to_kakaos_logout_opens_only_after_our_own() {
    Stage::default().once(async |app| {
        let stranger = app.visitor();
        let page = stranger.get("/logged-out/kakao").await;
        assert_eq!((page.status, page.location()), (303, "/logged-out"));
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        assert_eq!(
            visitor.get("/logged-out/kakao").await.location(),
            "/logged-out"
        );
        assert_eq!(
            visitor.get("/logged-out").await.location(),
            "/me",
            "not out at all"
        );
    });
}
