//! KakaoTalk's in-app browser: signed in without a click where Kakao knows the person, once, and
//! never against anybody's will.

use kakao_gate::emulator::{Consent, Endpoint, Fault, Times};

use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, Visitor, eventually, everywhere};

const IN_APP: &str = "Mozilla/5.0 (Linux; Android 16; SM-S931N) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/142.0 Mobile Safari/537.36;KAKAOTALK 2610240";

fn in_app(app: &TestApp) -> Visitor {
    let visitor = app.visitor();
    visitor.always("user-agent", IN_APP);
    visitor
}

fn parameter(address: &str, name: &str) -> Option<String> {
    let address = url::Url::parse(address).unwrap();
    let found = address.query_pairs().find(|(found, _)| found == name);
    found.map(|(_, value)| value.into_owned())
}

/// Whether the answer leads to Kakao, which is to ask nobody anything.
fn is_tried(page: &Page) -> bool {
    page.status == 303
        && page.location().contains("/oauth/authorize?")
        && parameter(page.location(), "prompt").as_deref() == Some("none")
}

/// The login page with its button.
fn has_the_button(page: &Page) -> bool {
    page.status == 200 && page.body.contains("href=\"/auth/kakao?next=")
}

async fn tried(visitor: &Visitor) -> String {
    let page = visitor.get("/login?next=%2Fme%2Fsessions").await;
    assert!(is_tried(&page), "{} {}", page.status, page.location());
    page.location().to_owned()
}

/// Where Kakao sends a browser back to that nobody is signed in with there.
async fn answer_of_kakao(app: &TestApp, visitor: &Visitor, address: &str) -> String {
    let answer = visitor.client.get(address).send().await.unwrap();
    let back = answer.headers()["location"].to_str().unwrap().to_owned();
    back.strip_prefix(&app.url).unwrap().to_owned()
}

// RL-2, CB-2
#[test]
fn whoever_kakao_does_not_know_finds_the_button_and_is_not_sent_round_in_circles() {
    everywhere(async |app| {
        let visitor = in_app(app);
        let address = tried(&visitor).await;
        let back = answer_of_kakao(app, &visitor, &address).await;
        assert!(back.contains("error=login_required"), "{back}");
        let answer = visitor.get(&back).await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.location(), "/login?next=%2Fme%2Fsessions");
        for _ in 0..3 {
            assert!(has_the_button(&visitor.get(answer.location()).await));
        }
        assert!(has_the_button(&visitor.get("/login").await));
        // Nobody tried to sign in, so nobody failed to.
        let entries = "audit_events WHERE action = 'login.kakao'";
        assert_eq!(app.count(entries).await, 0);
        // The same answer once more belongs to no login.
        let again = visitor.get(&back).await;
        assert_eq!(again.leads_to_error(), "state_bad");
        assert_eq!(app.emulator.count(Endpoint::Token), 0);
    });
}

// CB-2
#[test]
fn no_error_of_kakao_is_shown_to_somebody_who_asked_for_nothing() {
    Stage::default().once(async |app| {
        for error in [
            "login_required",
            "consent_required",
            "interaction_required",
            "access_denied",
            "server_error",
            "misconfigured",
            "auto_login",
            "KOE006",
            "new_error",
        ] {
            let visitor = in_app(app);
            let address = tried(&visitor).await;
            let state = parameter(&address, "state").unwrap();
            let back = format!("/auth/kakao/callback?error={error}&state={state}");
            let answer = visitor.get(&back).await;
            assert_eq!(answer.location(), "/login?next=%2Fme%2Fsessions", "{error}");
            assert!(has_the_button(&visitor.follow(&answer).await), "{error}");
        }
        for fault in [Fault::Cut, Fault::refuse("KOE320"), Fault::refuse("KOE010")] {
            let visitor = in_app(app);
            app.emulator.fail(Endpoint::Token, fault, Times::Once);
            let address = tried(&visitor).await;
            let back = app.emulator.authorize(&address, "linked", Consent::All);
            let answer = visitor.get(&back).await;
            assert_eq!(answer.location(), "/login?next=%2Fme%2Fsessions");
        }
    });
}

// ID-1
#[test]
fn somebody_who_is_no_member_does_not_become_one_without_a_click() {
    everywhere(async |app| {
        let visitor = in_app(app);
        let address = tried(&visitor).await;
        let back = app.emulator.authorize(&address, "linked", Consent::All);
        let answer = visitor.get(&back).await;
        assert_eq!(answer.location(), "/login?next=%2Fme%2Fsessions");
        assert_eq!(app.count("members").await, 0);
        assert_eq!(visitor.get("/me").await.status, 303);
        let entries = "audit_events WHERE action = 'login.kakao'";
        assert_eq!(app.count(entries).await, 0, "nobody tried to");
        eventually("the token is given back", async || {
            app.live_kakao_tokens("linked") == 0
        })
        .await;
    });
}

// SE-2
#[test]
fn a_member_whom_kakao_knows_is_signed_in_and_lands_where_they_wanted() {
    everywhere(async |app| {
        app.signed_in("linked").await;
        let visitor = in_app(app);
        let address = tried(&visitor).await;
        let back = app.emulator.authorize(&address, "linked", Consent::All);
        let answer = visitor.get(&back).await;
        assert_eq!((answer.status, answer.location()), (303, "/me/sessions"));
        assert_eq!(visitor.get("/me/sessions").await.status, 200);
        assert_eq!(app.count("members").await, 1);
    });
}

// SE-7
#[test]
fn whoever_logged_out_or_was_logged_out_is_not_signed_in_again_without_a_click() {
    everywhere(async |app| {
        let visitor = in_app(app);
        visitor.log_in_as(app, "ordinary").await;
        let out = visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        assert_eq!(out.location(), "/logged-out");
        assert_eq!(visitor.get("/logged-out").await.status, 200);
        assert!(has_the_button(&visitor.get("/login?next=%2Fme").await));
        app.clock.advance(time::Duration::hours(1));
        assert!(has_the_button(&visitor.get("/login?next=%2Fme").await));
        // With a click again, and then without one where the browser has forgotten us.
        visitor.log_in_as(app, "ordinary").await;
        assert_eq!(visitor.cookie("kg-silent"), None);

        // Ended from another device.
        let other = app.visitor();
        other.log_in_as(app, "ordinary").await;
        let ended = other
            .press("/me/sessions", "/me/sessions/end-others", &[])
            .await;
        assert_eq!(ended.status, 303);
        let asked = visitor.get("/me").await;
        assert!(asked.location().contains("reason=revoked"));
        assert!(has_the_button(&visitor.follow(&asked).await));
        assert!(has_the_button(&visitor.get("/login").await));
        // That outlives what is kept of the session.
        app.backends()
            .database
            .execute("DELETE FROM sessions WHERE ended_at IS NOT NULL");
        app.clock.advance(time::Duration::days(8));
        assert!(has_the_button(&visitor.get("/login").await));
        visitor.log_in_as(app, "ordinary").await;
        assert_eq!(visitor.cookie("kg-silent"), None);
    });
}

// SE-2
#[test]
fn whose_session_has_only_expired_is_signed_in_again_but_nobody_of_the_administration() {
    everywhere(async |app| {
        let visitor = in_app(app);
        visitor.log_in_as(app, "ordinary").await;
        let admin = in_app(app);
        admin.log_in_as(app, "linked").await;
        let id = app.emulator.world().user_id("linked").unwrap();
        app.backends().database.execute(&format!(
            "UPDATE members SET role = 'admin' WHERE id = \
             (SELECT member_id FROM kakao_accounts WHERE kakao_id = {id})"
        ));
        assert_eq!(admin.get("/admin").await.status, 200);
        app.clock.advance(time::Duration::days(15));
        let asked = visitor.get("/me").await;
        assert!(asked.location().contains("reason=expired"));
        let lost = format!("{}&lost=1", asked.location());
        assert!(has_the_button(&visitor.get(&lost).await));
        let page = visitor.follow(&asked).await;
        assert!(is_tried(&page));
        let back = app
            .emulator
            .authorize(page.location(), "ordinary", Consent::All);
        assert_eq!(visitor.get(&back).await.location(), "/me");
        assert_eq!(visitor.get("/me").await.status, 200);

        let asked = admin.get("/admin").await;
        assert!(asked.location().contains("reason=expired"));
        assert!(has_the_button(&admin.follow(&asked).await));
        assert!(has_the_button(&admin.get("/login").await));
    });
}

// SE-2
#[test]
fn a_session_that_nobody_was_asked_for_proves_nothing() {
    everywhere(async |app| {
        app.signed_in("ordinary").await;
        let visitor = in_app(app);
        let address = tried(&visitor).await;
        let back = app.emulator.authorize(&address, "ordinary", Consent::All);
        assert_eq!(visitor.get(&back).await.location(), "/me/sessions");
        let asked = visitor.get("/me/withdraw").await;
        assert_eq!(asked.status, 303, "{}", asked.body);
        assert!(
            asked.location().starts_with("/reauth"),
            "{}",
            asked.location()
        );
        // Agreeing to something at Kakao goes on as it was, and proves nothing either.
        let page = visitor.get("/me/kakao/consents").await;
        let ways = page.attributes("a[href^='/me/kakao/consents/ask']", "href");
        let asked = visitor.get(&ways[0]).await;
        let back = app
            .emulator
            .authorize(asked.location(), "ordinary", Consent::All);
        let page = visitor.get(&back).await;
        assert_eq!(page.location(), "/me/kakao/consents");
        let asked = visitor.get("/me/withdraw").await;
        assert!(asked.location().starts_with("/reauth"), "still not");
        // Who signs in on purpose has proved it.
        let asked = visitor.get("/reauth/kakao?next=%2Fme%2Fwithdraw").await;
        let back = app
            .emulator
            .authorize(asked.location(), "ordinary", Consent::All);
        assert_eq!(visitor.get(&back).await.location(), "/me/withdraw");
        assert_eq!(visitor.get("/me/withdraw").await.status, 200);
    });
}

// RL-2
#[test]
fn it_is_tried_in_that_browser_only_and_when_somebody_really_opens_the_page() {
    Stage::default().once(async |app| {
        assert!(has_the_button(&app.visitor().get("/login").await));
        let visitor = in_app(app);
        let head = visitor.head("/login").await;
        assert_eq!(
            (head.status, head.set_cookie("kg-silent")),
            (200, String::new())
        );
        let prefetch = [("sec-purpose", "prefetch")];
        assert!(has_the_button(&visitor.get_with("/login", &prefetch).await));
        for reason in ["out", "revoked", "kicked", "reset", "kakao"] {
            let page = visitor.get(&format!("/login?reason={reason}")).await;
            assert!(has_the_button(&page), "{reason}");
        }
        assert_eq!(visitor.get("/logged-out").await.status, 200);
        let asked = visitor.get("/auth/kakao?next=%2Fme").await;
        assert_eq!(parameter(asked.location(), "prompt"), None);
        assert!(is_tried(&visitor.get("/login").await));
    });
}
