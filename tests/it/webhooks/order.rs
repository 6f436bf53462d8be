//! Events that come late, early, or while the same person signs in.

use std::time::Duration;

use kakao_gate::emulator::{Endpoint, Fault, Times};

use super::{Unlink, Way, claims, effects, looked_at, settled, told};
use crate::kakao_join;
use crate::stage::{Stage, TestApp, everywhere};

async fn unlinked_members(app: &TestApp) -> usize {
    app.count("kakao_accounts WHERE unlinked_at IS NOT NULL")
        .await
}

// WH-4, WH-8
#[test]
fn an_unlink_that_comes_after_they_connected_again_does_nothing() {
    everywhere(async |app| {
        let (first, id) = app.signed_in("ordinary").await;
        let late = claims(app, "ordinary", "user-unlinked");
        app.emulator.world().unlink_from_kakao("ordinary");
        app.clock.advance(time::Duration::MINUTE);
        let (again, _) = app.signed_in("ordinary").await;
        told(app, late).await;
        Unlink::of(app, "ordinary").send(&app.url, Way::Form).await;
        settled(app).await;
        assert_eq!(effects(app).await, ["linked", "linked"]);
        assert!(again.is_in().await && first.is_in().await);
        assert_eq!(unlinked_members(app).await, 0);
        let told = app.told_of(id, "kakao.webhook").await;
        assert!(
            told[0].ends_with("user-unlinked: connected again, nothing done"),
            "{told:?}"
        );
    });
}

// WH-4
#[test]
fn an_unlink_during_a_login_is_applied_to_that_login_too() {
    everywhere(async |app| {
        for known in [false, true] {
            if known {
                let visitor = app.visitor();
                visitor.log_in_as(app, "ordinary").await;
            }
            // Kakao has told who it is, and the connection ends before that is here.
            app.emulator.fail(
                Endpoint::Me,
                Fault::Delay(Duration::from_millis(1_500)),
                Times::Once,
            );
            let visitor = app.visitor();
            let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
            let asked = app.emulator.count(Endpoint::Me);
            let browser = visitor.copy();
            let login = actix_web::rt::spawn(async move { browser.get(&callback).await });
            crate::stage::eventually("Kakao is asked", async || {
                app.emulator.count(Endpoint::Me) > asked
            })
            .await;
            let unlink = Unlink::of(app, "ordinary").send(&app.url, Way::Form).await;
            assert_eq!(unlink.status, 200);
            looked_at(app).await;
            let login = login.await.unwrap();
            app.emulator.world().unlink_from_kakao("ordinary");
            assert_eq!(login.location(), "/me", "known: {known}");
            settled(app).await;
            assert_eq!(super::live_sessions(app).await, 0, "known: {known}");
            assert_eq!(unlinked_members(app).await, 1, "known: {known}");
        }
    });
}

// WH-4
#[test]
fn an_unlink_before_a_login_leaves_the_login_alone() {
    everywhere(async |app| {
        let (first, id) = app.signed_in("ordinary").await;
        app.emulator.world().unlink_from_kakao("ordinary");
        Unlink::of(app, "ordinary").send(&app.url, Way::Form).await;
        looked_at(app).await;
        assert!(!first.is_in().await, "at once");
        // Before the second look.
        let (again, same) = app.signed_in("ordinary").await;
        assert_eq!(same, id);
        settled(app).await;
        assert!(again.is_in().await);
        assert_eq!(unlinked_members(app).await, 0);
        assert_eq!(effects(app).await, ["unlinked"]);
    });
}

// WH-4, WH-8
#[test]
fn events_that_end_sessions_leave_later_ones_alone() {
    everywhere(async |app| {
        let (first, _) = app.signed_in("ordinary").await;
        let event = claims(app, "ordinary", "tokens-revoked");
        app.clock.advance(time::Duration::MINUTE);
        let (second, _) = app.signed_in("ordinary").await;
        told(app, event).await;
        settled(app).await;
        assert!(!first.is_in().await);
        assert!(second.is_in().await);
        assert_eq!(
            app.count("sessions WHERE kakao_refresh IS NOT NULL").await,
            1
        );
    });
}

// WH-3
#[test]
fn while_kakao_does_not_say_sessions_from_before_end_and_the_rest_waits() {
    let stage = Stage::default().set("KAKAO_TIMEOUT_MS", "2000");
    stage.everywhere(async |app| {
        for fault in [
            Fault::Silence,
            Fault::Status(503),
            Fault::refuse("-1"),
            Fault::refuse("-10"),
            Fault::Malformed,
        ] {
            let said = fault.to_string();
            let (member, id) = app.signed_in("ordinary").await;
            app.emulator.world().unlink_from_kakao("ordinary");
            app.emulator.fail(Endpoint::Me, fault, Times::Always);
            app.clock.advance(time::Duration::seconds(20));
            told(app, claims(app, "ordinary", "user-unlinked")).await;
            looked_at(app).await;
            assert!(!member.is_in().await, "{said}");
            assert_eq!(unlinked_members(app).await, 0, "{said}");
            assert!(app.told_of(id, "kakao.webhook").await[0].contains("does not answer"));
            app.emulator.heal();
            settled(app).await;
            assert_eq!(unlinked_members(app).await, 1, "{said}");
        }
    });
}

// WH-3, WH-8
#[test]
fn when_kakao_never_says_time_decides() {
    let stage = Stage::default().set("KAKAO_TIMEOUT_MS", "2000");
    stage.everywhere(async |app| {
        let (_, gone) = app.signed_in("ordinary").await;
        let (_, stays) = app.signed_in("linked").await;
        app.clock.advance(time::Duration::seconds(20));
        let events = ["ordinary", "linked"].map(|person| claims(app, person, "user-unlinked"));
        app.clock.advance(time::Duration::MINUTE);
        // Connects again and signs in, after what is told of.
        app.emulator.world().unlink_from_kakao("linked");
        app.emulator.clock().advance(time::Duration::seconds(80));
        let (again, _) = app.signed_in("linked").await;
        let fault = Fault::Status(503);
        app.emulator.fail(Endpoint::Me, fault, Times::Always);
        for event in events {
            told(app, event).await;
        }
        looked_at(app).await;
        assert_eq!(unlinked_members(app).await, 0);
        app.clock.advance(time::Duration::hours(25));
        app.gate().webhooks.notify_one();
        settled(app).await;
        assert_eq!(effects(app).await, ["unlinked", "linked"]);
        assert_eq!(unlinked_members(app).await, 1);
        assert!(again.is_in().await);
        let why = |member| app.told_of(member, "kakao.webhook");
        assert!(why(gone).await[0].contains("unlinked, sessions ended"));
        assert!(why(stays).await[0].contains("signed in with Kakao since"));
    });
}

// WH-4
#[test]
fn an_unlink_while_somebody_decides_whether_to_join_is_applied_when_they_do() {
    let folder = crate::terms::published();
    for admin_key in [true, false] {
        let mut stage = kakao_join::with(&folder);
        if !admin_key {
            stage = stage.set("KAKAO_ADMIN_KEY", "");
        }
        stage.everywhere(async |app| {
            let visitor = kakao_join::arrived(app, "ordinary").await;
            app.clock.advance(time::Duration::seconds(5));
            let unlinked = claims(app, "ordinary", "user-unlinked");
            app.emulator.world().unlink_from_kakao("ordinary");
            told(app, unlinked).await;
            looked_at(app).await;
            app.clock.advance(time::Duration::minutes(5));
            let joined = kakao_join::press(&visitor, kakao_join::AGREED).await;
            assert_eq!(joined.location(), "/me/sessions");
            app.clock.advance(time::Duration::minutes(5));
            settled(app).await;
            assert_eq!(unlinked_members(app).await, 1, "admin key: {admin_key}");
            assert_eq!(super::live_sessions(app).await, 0, "admin key: {admin_key}");
        });
    }
}

// WH-3
#[test]
fn without_an_admin_key_an_unlink_during_a_login_is_applied_all_the_same() {
    let stage = Stage::default().set("KAKAO_ADMIN_KEY", "");
    stage.everywhere(async |app| {
        let before = app.signed_in("ordinary").await;
        app.clock.advance(time::Duration::seconds(5));
        let slow = Fault::Delay(Duration::from_millis(1_500));
        app.emulator.fail(Endpoint::Me, slow, Times::Once);
        let visitor = app.visitor();
        let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
        let asked = app.emulator.count(Endpoint::Me);
        let browser = visitor.copy();
        let login = actix_web::rt::spawn(async move { browser.get(&callback).await });
        crate::stage::eventually("Kakao is asked", async || {
            app.emulator.count(Endpoint::Me) > asked
        })
        .await;
        told(app, claims(app, "ordinary", "user-unlinked")).await;
        looked_at(app).await;
        // The callback is later than the event, and what it knows is older.
        app.clock.advance(time::Duration::seconds(2));
        assert_eq!(login.await.unwrap().location(), "/me");
        settled(app).await;
        assert_eq!(unlinked_members(app).await, 1);
        assert!(!before.0.is_in().await);
    });
}

// WH-8
#[test]
fn without_an_admin_key_time_decides_at_once() {
    let stage = Stage::default().set("KAKAO_ADMIN_KEY", "");
    stage.once(async |app| {
        let (member, _) = app.signed_in("ordinary").await;
        app.clock.advance(time::Duration::MINUTE);
        told(app, claims(app, "ordinary", "user-unlinked")).await;
        settled(app).await;
        assert!(!member.is_in().await);
        assert_eq!(effects(app).await, ["unlinked"]);
        let unlink = Unlink::of(app, "ordinary").send(&app.url, Way::Form).await;
        assert_eq!(unlink.status, 401, "nobody can prove to be Kakao");
    });
}
