//! `/reauth`: proving that it is still you, at Kakao.

use kakao_gate::emulator::{Consent, Endpoint, Fault, Times};
use time::Duration;

use crate::stage::{Stage, TestApp, Visitor, eventually, everywhere};

/// Proves to be `person` on the way to the devices page; the answer to the callback.
async fn prove(app: &TestApp, visitor: &Visitor, person: &str) -> String {
    let begun = visitor.get("/reauth/kakao?next=/me/sessions").await;
    assert_eq!(begun.status, 303, "{}", begun.body);
    assert!(
        begun.location().contains("prompt=login"),
        "{}",
        begun.location()
    );
    let back = app
        .emulator
        .authorize(begun.location(), person, Consent::All);
    let path = back.strip_prefix(&app.url).unwrap().to_owned();
    visitor.get(&path).await.location().to_owned()
}

async fn session(app: &TestApp) -> String {
    app.values("SELECT id AS value FROM sessions WHERE ended_at IS NULL")
        .await
        .pop()
        .unwrap()
}

// SE-5, AD-8
#[test]
fn a_proof_is_a_new_session_of_the_same_person_and_leads_back() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let (before, cookie) = (session(app).await, visitor.copy());
        let page = visitor.get("/reauth?next=/me/sessions").await;
        assert_eq!(page.h1(), "본인 확인");
        assert_eq!(
            page.attributes("a.kakao", "href"),
            ["/reauth/kakao?next=%2Fme%2Fsessions"]
        );
        app.clock.advance(Duration::hours(1));
        let next = prove(app, &visitor, "ordinary").await;
        assert_eq!(next, "/me/sessions");
        assert_ne!(session(app).await, before);
        assert_eq!(visitor.get("/me").await.status, 200);
        assert_eq!(cookie.get("/me").await.status, 303, "the old one is dead");
        assert_eq!(app.count("members").await, 1);
        let entries = "audit_events WHERE action = 'reauth.kakao' AND result = 'success'";
        assert_eq!(app.count(entries).await, 1);
    });
}

// SE-5, CB-6, ID-1
#[test]
fn somebody_elses_kakao_account_proves_nothing_and_becomes_nobody() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        app.visitor().log_in_as(app, "linked").await;
        let before = session(app).await;
        for other in ["linked", "no-email"] {
            let next = prove(app, &visitor, other).await;
            assert_eq!(next, "/auth/error?e=other_person", "{other}");
            let page = visitor.get(&next).await;
            assert_eq!(page.status, 403);
            let ways = page.attributes("main a", "href");
            assert!(
                ways.contains(&"/reauth?next=%2Fme%2Fsessions".to_owned()),
                "{ways:?}"
            );
            let me = visitor.get("/me").await;
            assert!(me.body.contains("김하늘"), "still who it was");
        }
        assert_eq!(app.count("members").await, 2, "nobody joined");
        assert_eq!(session(app).await, before);
        eventually("the strangers' tokens are given back", async || {
            app.live_kakao_tokens("no-email") == 0
        })
        .await;
        let refused = "audit_events WHERE action = 'reauth.kakao' AND result = 'refused' \
                       AND reason = 'other_person'";
        assert_eq!(app.count(refused).await, 2);
    });
}

// KL-3, SE-5
#[test]
fn who_cancels_is_back_where_the_proof_was_asked_and_who_fails_is_told() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let begun = visitor.get("/reauth/kakao?next=/me/sessions").await;
        let state = begun.location().split("state=").nth(1).unwrap();
        let state = state.split('&').next().unwrap();
        let cancel = format!("/auth/kakao/callback?error=access_denied&state={state}");
        let cancelled = visitor.get(&cancel).await;
        assert_eq!(cancelled.location(), "/reauth?next=%2Fme%2Fsessions");
        app.emulator
            .fail(Endpoint::Token, Fault::Cut, Times::Always);
        let next = prove(app, &visitor, "ordinary").await;
        assert_eq!(next, "/auth/error?e=kakao_down");
        assert_eq!(visitor.get("/me").await.status, 200, "still signed in");
    });
}

// AP-10, KL-7
#[test]
fn only_somebody_signed_in_is_asked_and_only_a_path_of_ours_is_led_to() {
    Stage::default().once(async |app| {
        let stranger = app.visitor();
        for path in ["/reauth?next=/me", "/reauth/kakao?next=/me"] {
            let page = stranger.get(path).await;
            assert!(page.location().starts_with("/login?next="), "{path}");
        }
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let page = visitor.get("/reauth?next=https://evil.example").await;
        for address in page.attributes("main a", "href") {
            assert!(!address.contains("evil.example"), "{address}");
        }
    });
}
