//! `/auth/kakao/callback`: what is believed of it, and that one code is exchanged once.

use futures_util::future::join_all;
use kakao_gate::emulator::{Consent, Endpoint, Fault, Times};
use reqwest::Method;

use crate::stage::{Stage, TestApp, Visitor, eventually, everywhere};

const LIVE: &str = "sessions WHERE ended_at IS NULL";

/// `state` and `code` of a callback.
fn parts(callback: &str) -> (String, String) {
    let (_, query) = callback.split_once('?').unwrap();
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let value = |name: &str| pairs.iter().find(|(n, _)| n == name).unwrap().1.clone();
    (value("state"), value("code"))
}

// CB-1, CB-8, IN-3
#[test]
fn a_malformed_callback_is_refused_without_asking_kakao_and_spoils_nothing() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
        let (s, c) = parts(&callback);
        let (long, huge) = ("a".repeat(1_000), "a".repeat(10_000));
        for query in [
            String::new(),
            "?".to_owned(),
            format!("?code={c}"),
            format!("?state={s}"),
            format!("?code=&state={s}"),
            format!("?code={c}&state="),
            format!("?code&state={s}"),
            format!("?code={c}&state"),
            format!("?code={c}&code={c}&state={s}"),
            format!("?code={c}&state={s}&state={s}"),
            format!("?code={c}&state=x&state={s}"),
            format!("?code[]={c}&state={s}"),
            format!("?code={c}&error=access_denied&state={s}"),
            format!("?error=&code={c}&state={s}"),
            format!("?code=%00&state={s}"),
            format!("?code={c}%00&state={s}"),
            format!("?code=%ff%fe&state={s}"),
            format!("?code=a%20b&state={s}"),
            format!("?code=a%0d%0ab&state={s}"),
            format!("?code=%ED%95%9C&state={s}"),
            format!("?code={c}&state={s}%00"),
            format!("?code={c}&state=%ff"),
            format!("?code={c}&state={s}x"),
            format!("?code={c}&state={huge}"),
            format!("?code={huge}&state={s}"),
            format!("?code={c}&state={s}&x={huge}"),
            format!("?code={long}%&state={long}%"),
        ] {
            let refused = visitor.get(&format!("/auth/kakao/callback{query}")).await;
            assert_eq!(refused.status, 303, "{query}");
            let id = refused.leads_to_error();
            assert!(["bad_request", "state_bad"].contains(&id), "{query}: {id}");
            assert_eq!(refused.header("cache-control"), "no-store");
            let page = visitor.follow(&refused).await;
            assert_eq!(page.status, 400, "{query}");
            assert!(!page.texts("main a").is_empty(), "{query}: no way forward");
            assert!(!page.body.contains(&c), "{query}");
        }
        assert_eq!(app.emulator.count(Endpoint::Token), 0);
        assert_eq!(app.emulator.count(Endpoint::Me), 0);
        assert_eq!(
            app.count("attempts").await,
            0,
            "nothing is written for noise"
        );
        assert_eq!(visitor.get(&callback).await.location(), "/me");
    });
}

// CB-2
#[test]
fn cancelling_at_kakao_ends_on_a_calm_page_with_ways_on() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        let begun = visitor.get("/auth/kakao?next=/me/sessions").await;
        let back = app
            .emulator
            .authorize(begun.location(), "ordinary", Consent::Cancel);
        let cancelled = visitor.get(&back).await;
        assert_eq!(
            (cancelled.status, cancelled.location()),
            (303, "/auth/kakao/cancelled")
        );
        let page = visitor.follow(&cancelled).await;
        assert_eq!(
            (page.status, page.h1().as_str()),
            (200, "카카오 로그인을 취소했습니다")
        );
        let again = page.attributes("a.kakao", "href");
        assert_eq!(again, ["/auth/kakao?next=%2Fme%2Fsessions"]);
        assert!(
            page.attributes("main a", "href")
                .contains(&"/login".to_owned())
        );
        assert_eq!(app.emulator.count(Endpoint::Token), 0);
        // A state that came back is spent, even without a code.
        let (_, query) = back.split_once('?').unwrap();
        let state = query
            .split('&')
            .find(|pair| pair.starts_with("state="))
            .unwrap();
        let replay = visitor
            .get(&format!("/auth/kakao/callback?code=abc&{state}"))
            .await;
        assert_eq!(replay.leads_to_error(), "state_bad");
        assert_eq!(app.emulator.count(Endpoint::Token), 0);
    });
}

// CB-2, WB-3
#[test]
fn an_error_from_kakao_is_told_in_our_words_and_never_echoed() {
    Stage::default().once(async |app| {
        for (error, description, id, status) in [
            ("access_denied", "User denied access", "cancelled", 200),
            ("access_denied", "Not allowed under age 14", "under14", 403),
            ("server_error", "KOE9998", "kakao_down", 503),
            ("misconfigured", "KOE9998", "bad_client", 502),
            (
                "%3Cscript%3Ealert(1)%3C/script%3E",
                "KOE9998%22onload=",
                "kakao_bad_reply",
                502,
            ),
        ] {
            let visitor = app.visitor();
            let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
            let (state, _) = parts(&callback);
            let query = format!("error={error}&error_description={description}&state={state}");
            let refused = visitor.get(&format!("/auth/kakao/callback?{query}")).await;
            assert_eq!(refused.leads_to_error(), id, "{error}");
            assert!(
                !refused.location().contains("KOE"),
                "{}",
                refused.location()
            );
            let page = visitor.follow(&refused).await;
            assert_eq!(page.status, status, "{error}");
            for echo in ["KOE9998", "alert(1)", "denied access", "under age"] {
                assert!(!page.body.contains(echo), "{error} {echo}");
            }
            assert!(!page.texts("main a").is_empty());
        }
        assert_eq!(app.emulator.count(Endpoint::Token), 0);
        // From nobody's login an error is worth nothing.
        let forged = app
            .visitor()
            .get("/auth/kakao/callback?error=server_error&state=x")
            .await;
        assert_eq!(forged.leads_to_error(), "state_bad");
    });
}

// CB-2, CB-3, CB-5, LG-5
#[test]
fn what_kakao_says_to_the_exchange_becomes_a_page_and_the_code_is_sent_once() {
    Stage::default().once(async |app| {
        for (code, id, status) in [
            ("KOE320", "code_used", 400),
            ("KOE303", "redirect_mismatch", 502),
            ("KOE101", "bad_client", 502),
            ("KOE010", "bad_client", 502),
            ("KOE009", "bad_client", 502),
            ("KOE237", "kakao_limit", 503),
            ("KOE003", "kakao_down", 503),
        ] {
            let visitor = app.visitor();
            let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
            let before = app.emulator.count(Endpoint::Token);
            app.emulator
                .fail(Endpoint::Token, Fault::refuse(code), Times::Once);
            let refused = visitor.get(&callback).await;
            assert_eq!(refused.leads_to_error(), id, "{code}");
            let page = visitor.follow(&refused).await;
            assert_eq!(page.status, status, "{code}");
            assert!(!page.body.contains("KOE"), "{code}");
            assert_eq!(
                page.header("retry-after").is_empty(),
                status != 503,
                "{code}"
            );
            let replay = visitor.get(&callback).await;
            assert_eq!(replay.leads_to_error(), "code_used", "{code}");
            assert_eq!(app.emulator.count(Endpoint::Token), before + 1, "{code}");
        }
        assert_eq!(app.count("members").await, 0);
        assert_eq!(app.count("sessions").await, 0);
    });
}

// CB-3
#[test]
fn a_callback_replayed_after_success_leads_on_without_a_second_exchange() {
    everywhere(async |app| {
        let visitor = app.visitor();
        let callback = visitor
            .to_callback(&app.emulator, "ordinary", "/me/sessions")
            .await;
        for _ in 0..3 {
            let done = visitor.get(&callback).await;
            assert_eq!((done.status, done.location()), (303, "/me/sessions"));
            assert_eq!(visitor.follow(&done).await.status, 200);
        }
        assert_eq!(app.emulator.count(Endpoint::Token), 1);
        assert_eq!(app.emulator.count(Endpoint::Me), 1);
        assert_eq!(app.count("sessions").await, 1);
    });
}

// CB-3, SE-4
#[test]
fn a_callback_replayed_after_logout_signs_nobody_in() {
    everywhere(async |app| {
        let visitor = app.visitor();
        let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
        let before = visitor.copy();
        assert_eq!(visitor.get(&callback).await.location(), "/me");
        let out = visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        assert_eq!(out.location(), "/logged-out");
        for browser in [&visitor, &before] {
            let replay = browser.get(&callback).await;
            assert_eq!(replay.leads_to_error(), "code_used");
            assert_eq!(browser.get("/me").await.status, 303);
        }
        assert_eq!(app.emulator.count(Endpoint::Token), 1);
    });
}

// CB-3
#[test]
fn twenty_identical_callbacks_at_once_make_one_exchange_and_one_session() {
    everywhere(async |app| {
        let visitor = app.visitor();
        let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
        let copies: Vec<Visitor> = (0..20).map(|_| visitor.copy()).collect();
        let pages = join_all(copies.iter().map(|copy| copy.get(&callback))).await;
        for (copy, page) in copies.iter().zip(&pages) {
            assert_eq!(
                (page.status, page.location()),
                (303, "/me"),
                "{}",
                page.body
            );
            assert_eq!(copy.get("/me").await.status, 200, "every answer works");
        }
        assert_eq!(app.emulator.count(Endpoint::Token), 1);
        assert_eq!(app.emulator.count(Endpoint::Me), 1);
        assert_eq!(app.count("sessions").await, 1);
        assert_eq!(app.count("members").await, 1);
    });
}

// CB-3, RL-5
#[test]
fn a_browser_that_gives_up_in_the_middle_finds_itself_signed_in_when_it_asks_again() {
    everywhere(async |app| {
        let visitor = app.visitor();
        let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
        let delay = Fault::Delay(std::time::Duration::from_millis(600));
        app.emulator.fail(Endpoint::Token, delay, Times::Once);
        let impatient = visitor.copy();
        let gone = impatient.get(&callback);
        let gone = tokio::time::timeout(std::time::Duration::from_millis(200), gone).await;
        assert!(gone.is_err(), "the answer came too early for this story");
        let again = visitor.get(&callback).await;
        assert_eq!((again.status, again.location()), (303, "/me"));
        assert_eq!(visitor.get("/me").await.status, 200);
        assert_eq!(app.emulator.count(Endpoint::Token), 1);
        assert_eq!(app.count("sessions").await, 1);
    });
}

// CB-3
#[test]
fn scanners_and_prefetching_browsers_do_not_spend_the_code() {
    everywhere(async |app| {
        let visitor = app.visitor();
        let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
        let head = visitor.send(Method::HEAD, &callback, &[], None).await;
        assert_eq!((head.status, head.header("allow")), (405, "GET"));
        for (name, value) in [
            ("sec-purpose", "prefetch"),
            ("sec-purpose", "prefetch;prerender"),
            ("purpose", "prefetch"),
            ("x-moz", "prefetch"),
        ] {
            let early = visitor.get_with(&callback, &[(name, value)]).await;
            assert!(early.status >= 400, "{name}: {}", early.status);
            assert!(early.headers.get("set-cookie").is_none(), "{name}");
        }
        assert_eq!(app.emulator.count(Endpoint::Token), 0);
        assert_eq!(visitor.get(&callback).await.location(), "/me");
        assert_eq!(visitor.get("/me").await.status, 200);
    });
}

async fn sessions_of(app: &TestApp) -> Vec<String> {
    app.values("SELECT id AS value FROM sessions WHERE ended_at IS NULL")
        .await
}

// CB-4, CB-6, SE-7
#[test]
fn a_login_as_somebody_else_replaces_the_session_and_merges_nobody() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let before = visitor.copy();
        let first = sessions_of(app).await;
        visitor.log_in_as(app, "linked").await;
        assert_ne!(before.cookie("kg-session"), visitor.cookie("kg-session"));
        assert!(visitor.get("/me").await.body.contains("윤가람"));
        assert_eq!(
            before.get("/me").await.status,
            303,
            "the earlier session is dead"
        );
        let second = sessions_of(app).await;
        assert_eq!(second.len(), 1);
        assert_ne!(first, second);
        assert_eq!(app.count("members").await, 2);
        assert_eq!(app.count("kakao_accounts").await, 2);
        eventually("the first person's Kakao token is revoked", async || {
            app.live_kakao_tokens("ordinary") == 0
        })
        .await;
        assert_eq!(app.live_kakao_tokens("linked"), 1);
    });
}

// CB-4
#[test]
fn a_login_as_the_same_person_changes_the_session_and_kills_the_earlier_one() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let before = visitor.copy();
        visitor.log_in_as(app, "ordinary").await;
        assert_ne!(before.cookie("kg-session"), visitor.cookie("kg-session"));
        assert_eq!(before.get("/me").await.status, 303);
        assert_eq!(visitor.get("/me").await.status, 200);
        assert_eq!(app.count(LIVE).await, 1);
        assert_eq!(app.count("members").await, 1);
    });
}

// CB-7
#[test]
fn an_answer_of_another_issuer_is_refused_and_one_of_kakao_accepted() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
        for iss in [
            "https://evil.example",
            "",
            "https://kauth.kakao.com.evil.example",
        ] {
            let refused = visitor.get(&format!("{callback}&iss={iss}")).await;
            assert_eq!(refused.leads_to_error(), "kakao_bad_reply", "{iss}");
        }
        assert_eq!(app.emulator.count(Endpoint::Token), 0);
        let done = visitor
            .get(&format!("{callback}&iss={}", app.emulator.url()))
            .await;
        assert_eq!(done.location(), "/me");
    });
}

// CB-8, SE-10
#[test]
fn no_code_or_state_stays_behind_whatever_the_callback_came_to() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
        let (state, code) = parts(&callback);
        let stranger = app.visitor().get(&callback).await;
        let done = visitor.get(&callback).await;
        for answer in [stranger, done] {
            assert_eq!(answer.status, 303);
            assert_eq!(answer.header("cache-control"), "no-store");
            assert_eq!(answer.header("referrer-policy"), "same-origin");
            let told = format!("{:?} {}", answer.headers, answer.body);
            assert!(!told.contains(&state) && !told.contains(&code), "{told}");
        }
        let me = visitor.get("/me").await;
        assert!(!me.body.contains(&state) && !me.body.contains(&code));
    });
}

// ID-1, CB-3
#[test]
fn first_logins_of_one_person_racing_from_ten_browsers_make_one_member() {
    everywhere(async |app| {
        let visitors: Vec<Visitor> = (0..10).map(|_| app.visitor()).collect();
        let mut callbacks = Vec::new();
        for visitor in &visitors {
            callbacks.push(visitor.to_callback(&app.emulator, "ordinary", "/me").await);
        }
        let races = visitors
            .iter()
            .zip(&callbacks)
            .map(|(visitor, callback)| visitor.get(callback));
        for page in join_all(races).await {
            assert_eq!(
                (page.status, page.location()),
                (303, "/me"),
                "{}",
                page.body
            );
        }
        for visitor in &visitors {
            assert_eq!(visitor.get("/me").await.status, 200);
        }
        assert_eq!(app.count("members").await, 1);
        assert_eq!(app.count("kakao_accounts").await, 1);
        assert_eq!(app.count(LIVE).await, 10);
    });
}
