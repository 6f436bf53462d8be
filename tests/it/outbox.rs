//! What is owed to Kakao after a sign-out: paid once, whatever happens in between.

use std::time::Duration;

use futures_util::future::join_all;
use kakao_gate::emulator::{Endpoint, Fault, Times};

use crate::stage::outage::in_time;
use crate::stage::program::free_address;
use crate::stage::{Stage, TestApp, Visitor, eventually, everywhere};

const UNPAID: &str = "outbox WHERE finished_at IS NULL";
const LOGOUT: &str = "kind = 'logout'";

/// Signs `person` in and out again, while Kakao's logout fails with `fault`.
async fn signed_out_while(app: &TestApp, person: &str, fault: Fault) -> Visitor {
    let visitor = app.visitor();
    visitor.log_in_as(app, person).await;
    app.emulator.fail(Endpoint::Logout, fault, Times::Always);
    let press = visitor.press("/logout", "/logout", &[("reach", "here")]);
    let out = in_time(press).await;
    assert_eq!((out.status, out.location()), (303, "/logged-out"));
    assert_eq!(visitor.get("/me").await.status, 303, "out at once");
    visitor
}

async fn all_is_paid(app: &TestApp) {
    eventually("paid", async || app.count(UNPAID).await == 0).await;
}

// SE-7
#[test]
fn a_sign_out_revokes_the_token_at_kakao_once_and_forgets_it() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        assert_eq!(app.live_kakao_tokens("ordinary"), 1);
        visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        all_is_paid(app).await;
        assert_eq!(app.live_kakao_tokens("ordinary"), 0);
        assert_eq!(app.emulator.count(Endpoint::Logout), 1);
        assert_eq!(app.count("outbox WHERE sealed_token <> ''").await, 0);
        // Nothing is left to be paid, by anybody, ever.
        app.clock.advance(time::Duration::hours(2));
        app.gate().pay_debts().await.unwrap();
        assert_eq!(app.emulator.count(Endpoint::Logout), 1);
    });
}

// SE-7, RL-2
#[test]
fn a_debt_survives_an_outage_of_kakao_and_is_paid_when_it_is_over() {
    let stage = Stage::default().set("KAKAO_TIMEOUT_MS", "2000");
    stage.everywhere(async |app| {
        for fault in [
            Fault::Silence,
            Fault::Cut,
            Fault::Status(503),
            Fault::refuse("-1"),
            Fault::refuse("-7"),
            Fault::refuse("-10"),
            Fault::Html(200),
            Fault::Malformed,
            Fault::Status(401),
        ] {
            app.emulator.world().reset();
            let said = fault.to_string();
            signed_out_while(app, "ordinary", fault).await;
            app.put_off(LOGOUT, 1).await;
            let tries = app.emulator.count(Endpoint::Logout);
            app.gate().pay_debts().await.unwrap();
            assert_eq!(
                app.emulator.count(Endpoint::Logout),
                tries,
                "{said}: not yet"
            );
            app.emulator.heal();
            app.clock.advance(time::Duration::minutes(2));
            app.gate().pay_debts().await.unwrap();
            all_is_paid(app).await;
            assert_eq!(app.live_kakao_tokens("ordinary"), 0, "{said}");
            assert_eq!(app.emulator.count(Endpoint::Logout), tries + 1, "{said}");
        }
    });
}

// SE-7, RL-5
#[test]
fn a_debt_survives_a_restart() {
    let stage = Stage::default().set("KAKAO_TIMEOUT_MS", "2000");
    stage.everywhere(async |app| {
        signed_out_while(app, "ordinary", Fault::Cut).await;
        app.put_off(LOGOUT, 1).await;
        app.restart(&[]).await;
        app.emulator.heal();
        let tries = app.emulator.count(Endpoint::Logout);
        app.clock.advance(time::Duration::minutes(2));
        app.restart(&[]).await;
        all_is_paid(app).await;
        assert_eq!(app.live_kakao_tokens("ordinary"), 0);
        assert_eq!(app.emulator.count(Endpoint::Logout), tries + 1);
    });
}

// SE-7, RL-5
#[test]
fn a_payer_that_dies_in_the_middle_is_followed_by_another() {
    everywhere(async |app| {
        signed_out_while(app, "ordinary", Fault::Cut).await;
        app.put_off(LOGOUT, 1).await;
        let gate = app.gate();
        // So that nobody but the one who is to die takes the debt up.
        app.go_down().await;
        app.emulator.heal();
        let silence = Fault::Silence;
        app.emulator.fail(Endpoint::Logout, silence, Times::Once);
        let tries = app.emulator.count(Endpoint::Logout);
        app.clock.advance(time::Duration::minutes(2));
        let payer = tokio::spawn(async move { gate.pay_debts().await });
        eventually("the call is under way", async || {
            app.emulator.count(Endpoint::Logout) > tries
        })
        .await;
        payer.abort();
        assert!(payer.await.unwrap_err().is_cancelled());

        app.come_up().await;
        app.gate().pay_debts().await.unwrap();
        let early = app.emulator.count(Endpoint::Logout);
        assert_eq!(early, tries + 1, "the lease of the dead is respected");
        app.clock.advance(time::Duration::minutes(2));
        app.gate().pay_debts().await.unwrap();
        all_is_paid(app).await;
        assert_eq!(app.emulator.count(Endpoint::Logout), tries + 2);
        assert_eq!(app.live_kakao_tokens("ordinary"), 0);
    });
}

// SE-7
#[test]
fn two_instances_on_one_database_never_both_pay() {
    everywhere(async |app| {
        let other = app.another().await;
        let slow = Fault::Delay(Duration::from_millis(300));
        for round in 1..=3 {
            signed_out_while(app, "ordinary", slow.clone()).await;
            let gates = (0..8).map(|turn| {
                if turn % 2 == 0 {
                    app.gate()
                } else {
                    other.gate.clone()
                }
            });
            let paid = join_all(gates.map(async |gate| gate.pay_debts().await)).await;
            for outcome in paid {
                outcome.unwrap();
            }
            all_is_paid(app).await;
            assert_eq!(app.emulator.count(Endpoint::Logout), round);
        }
        other.stop().await;
    });
}

// SE-7
#[test]
fn a_token_that_kakao_no_longer_knows_counts_as_revoked() {
    everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let world = app.emulator.world();
        world.revoke_tokens(world.user_id("ordinary").unwrap());
        visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        all_is_paid(app).await;
        assert_eq!(app.emulator.count(Endpoint::Logout), 1);
        assert_eq!(app.count("outbox WHERE outcome = 'done'").await, 1);
    });
}

// SE-7
#[test]
fn a_token_that_expired_meanwhile_is_given_up_without_a_call() {
    let metrics = free_address().to_string();
    let stage = Stage::default().set("METRICS_BIND", &metrics);
    stage.everywhere(async |app| {
        signed_out_while(app, "ordinary", Fault::Cut).await;
        app.put_off(LOGOUT, 1).await;
        app.emulator.heal();
        let tries = app.emulator.count(Endpoint::Logout);
        app.clock.advance(time::Duration::hours(24));
        app.gate().pay_debts().await.unwrap();
        all_is_paid(app).await;
        assert_eq!(app.emulator.count(Endpoint::Logout), tries);
        assert_eq!(app.count("outbox WHERE sealed_token <> ''").await, 0);
        let counted = Visitor::new(&format!("http://{metrics}"));
        let counted = counted.get("/metrics").await.body;
        let given_up = "kakao_gate_owed_calls_total{kind=\"logout\",outcome=\"given_up\"} 1\n";
        assert!(counted.contains(given_up), "{counted}");

        // Nor is anything owed for a session that ends after its token did.
        let late = app.visitor();
        late.log_in_as(app, "no-email").await;
        app.clock.advance(time::Duration::hours(7));
        late.press("/logout", "/logout", &[("reach", "here")]).await;
        assert_eq!(app.count("outbox").await, 1);
        assert_eq!(app.emulator.count(Endpoint::Logout), tries);
    });
}

// SE-7, SE-8
#[test]
fn a_sign_out_everywhere_revokes_every_token_once() {
    // With an admin key it is one call for all of them.
    let stage = Stage::default().set("KAKAO_ADMIN_KEY", "");
    stage.everywhere(async |app| {
        let devices = [app.visitor(), app.visitor(), app.visitor()];
        for device in &devices {
            device.log_in_as(app, "ordinary").await;
        }
        app.emulator
            .fail(Endpoint::Logout, Fault::Status(503), Times::Exactly(2));
        devices[0]
            .press("/logout", "/logout", &[("reach", "everywhere")])
            .await;
        eventually("three tries", async || {
            app.emulator.count(Endpoint::Logout) == 3
        })
        .await;
        app.put_off(LOGOUT, 2).await;
        app.clock.advance(time::Duration::minutes(2));
        app.gate().pay_debts().await.unwrap();
        all_is_paid(app).await;
        assert_eq!(app.emulator.count(Endpoint::Logout), 5);
        assert_eq!(app.live_kakao_tokens("ordinary"), 0);
    });
}
