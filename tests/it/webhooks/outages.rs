//! Databases that are locked, processes that are killed, instances that share the work.

use std::time::Duration;

use futures_util::future::join_all;
use kakao_gate::emulator::{ADMIN_KEY, APP_ID, Endpoint, Fault, Times};

use super::{Unlink, Way, claims, effects, send_event, settled, signed, told};
use crate::stage::outage::in_time;
use crate::stage::{Backends, Service, eventually, everywhere};

const WAITING: &str = "webhook_events WHERE applied_at IS NULL";

// WH-2
#[test]
fn what_cannot_be_written_down_is_answered_503_in_time_and_taken_afterwards() {
    everywhere(async |app| {
        let (member, _) = app.signed_in("ordinary").await;
        app.emulator.world().unlink_from_kakao("ordinary");
        let event = signed(app, claims(app, "ordinary", "user-unlinked"));
        let unlink = Unlink::of(app, "ordinary");
        let lock = app.backends().database.lock();
        for answer in [
            in_time(unlink.send(&app.url, Way::Form)).await,
            in_time(send_event(&app.url, event.clone())).await,
        ] {
            assert_eq!(answer.status, 503, "{}", answer.body);
            assert_eq!(answer.header("retry-after"), "5");
            assert_eq!(answer.error_code(), "unavailable");
        }
        let strange = Unlink {
            key: None,
            ..Unlink::of(app, "ordinary")
        };
        let strange = in_time(strange.send(&app.url, Way::Form)).await;
        assert_eq!(
            strange.status, 401,
            "whoever is refused is refused all the same"
        );
        drop(lock);
        assert_eq!(unlink.send(&app.url, Way::Form).await.status, 200);
        assert_eq!(send_event(&app.url, event).await.status, 202);
        settled(app).await;
        assert!(!member.is_in().await);
    });
}

// WH-2, RL-5
#[test]
fn a_process_killed_between_the_answer_and_the_effect_loses_nothing() {
    for backends in Backends::available() {
        println!("on {backends}");
        actix_web::rt::System::new().block_on(async {
            let mut service = Service::start(backends, &[]).await;
            let visitor = service.visitor();
            let emulator = &service.emulator;
            let callback = visitor.to_callback(emulator, "ordinary", "/me").await;
            assert_eq!(visitor.get(&callback).await.location(), "/me");
            emulator.world().unlink_from_kakao("ordinary");
            let asked = emulator.count(Endpoint::Me);
            emulator.fail(Endpoint::Me, Fault::Silence, Times::Once);
            let id = emulator.world().user_id("ordinary").unwrap();
            let answer = Unlink::of_id(id).send(&service.url, Way::Form).await;
            assert_eq!(answer.status, 200);
            eventually("it is being applied", async || {
                service.emulator.count(Endpoint::Me) > asked
            })
            .await;
            service.process.signal("KILL");
            assert_eq!(service.process.end(), None);
            let database = &service.backends().database;
            let ended = "SELECT count(*) AS number FROM sessions WHERE ended_at IS NOT NULL";
            assert_eq!(database.number(ended), 0, "not applied yet");
            // The lease of the dead runs out.
            database.execute("UPDATE webhook_events SET next_try_at = received_at");
            service.start_again().await;
            eventually("the effect", async || {
                service.backends().database.number(ended) == 1
            })
            .await;
            assert!(!visitor.is_in().await);
        });
    }
}

// WH-2, RL-5
#[test]
fn a_worker_that_dies_in_the_middle_is_followed_by_another() {
    everywhere(async |app| {
        let (member, id) = app.signed_in("ordinary").await;
        app.emulator.world().unlink_from_kakao("ordinary");
        let silence = Fault::Silence;
        app.emulator.fail(Endpoint::Me, silence, Times::Once);
        let asked = app.emulator.count(Endpoint::Me);
        told(app, claims(app, "ordinary", "user-unlinked")).await;
        eventually("the first is at it", async || {
            app.emulator.count(Endpoint::Me) > asked
        })
        .await;
        app.gate().heed_webhooks().await.unwrap();
        assert_eq!(app.emulator.count(Endpoint::Me), asked + 1, "it is leased");
        app.clock.advance(time::Duration::minutes(2));
        app.gate().heed_webhooks().await.unwrap();
        assert!(!member.is_in().await);
        // The first comes back to life, and finds that it is not its event any more.
        app.emulator.heal();
        eventually("all is applied", async || app.count(WAITING).await == 0).await;
        assert_eq!(effects(app).await, ["unlinked"]);
        assert_eq!(app.told_of(id, "kakao.webhook").await.len(), 1);
    });
}

// WH-4
#[test]
fn two_instances_on_one_database_apply_an_event_once() {
    everywhere(async |app| {
        let other = app.another().await;
        let (_, id) = app.signed_in("ordinary").await;
        app.emulator.world().unlink_from_kakao("ordinary");
        let slow = Fault::Delay(Duration::from_millis(300));
        app.emulator.fail(Endpoint::Me, slow, Times::Always);
        app.clock.advance(time::Duration::minutes(1));
        for _ in 0..3 {
            told(app, claims(app, "ordinary", "tokens-revoked")).await;
            told(app, claims(app, "ordinary", "user-unlinked")).await;
        }
        let gates = (0..8).map(|turn| {
            if turn % 2 == 0 {
                app.gate()
            } else {
                other.gate.clone()
            }
        });
        for done in join_all(gates.map(async |gate| gate.heed_webhooks().await)).await {
            done.unwrap();
        }
        settled(app).await;
        let told = app.told_of(id, "kakao.webhook").await;
        let ended = told.iter().filter(|line| line.contains("ended: 1")).count();
        assert_eq!((told.len(), ended), (6, 1), "{told:?}");
        other.stop().await;
    });
}

// WH-7
#[test]
fn what_was_applied_is_forgotten_after_a_while_and_no_event_that_old_is_taken() {
    everywhere(async |app| {
        let old = signed(app, claims(app, "ordinary", "user-linked"));
        assert_eq!(send_event(&app.url, old.clone()).await.status, 202);
        settled(app).await;
        app.clock.advance(time::Duration::days(31));
        let now = app.clock.now();
        let store = app.gate().store;
        let forgotten = store.write(move |connection| {
            let before = now - time::Duration::days(30);
            kakao_gate::store::webhooks::purge(connection, before, 100)
        });
        assert_eq!(forgotten.await.unwrap(), 1);
        assert_eq!(send_event(&app.url, old).await.status, 400);
        assert_eq!(app.count("webhook_events").await, 0);
    });
}

// LG-1, LG-2
#[test]
fn the_log_tells_of_webhooks_and_names_no_one() {
    actix_web::rt::System::new().block_on(async {
        let changes = [("RUST_LOG", "debug")];
        let mut service = Service::start(Backends::built_in(), &changes).await;
        let id = service.emulator.world().user_id("ordinary").unwrap();
        for way in super::WAYS {
            assert_eq!(Unlink::of_id(id).send(&service.url, way).await.status, 200);
            let strange = Unlink {
                key: Some("KakaoAK wrong-key".into()),
                ..Unlink::of_id(id)
            };
            assert_eq!(strange.send(&service.url, way).await.status, 401);
        }
        let junk = send_event(&service.url, "a.b.c".to_owned()).await;
        assert_eq!(junk.status, 400);
        service.process.says("looked at again later").await;
        service.process.signal("TERM");
        service.process.end();
        let log = service.process.err();
        assert!(log.contains("a webhook was refused"), "{log}");
        for secret in [&id.to_string(), ADMIN_KEY, "wrong-key", "a.b.c"] {
            assert!(!log.contains(secret), "{secret} in {log}");
        }
        assert!(!log.contains(&format!("app_id={APP_ID}")));
    });
}
