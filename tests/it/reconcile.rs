//! `kakao-gate reconcile` and the daily run: who is connected here, and who at Kakao.

use kakao_gate::emulator::{ADMIN_KEY, Endpoint, Fault, Person, Times};
use kakao_gate::flow::reconcile::{Failure, Intent};
use serde_json::{Value, json};

use crate::stage::program::Outcome;
use crate::stage::{Backends, Service, Stage, TestApp, Visitor, eventually, everywhere};

const GONE: &str = "kakao_accounts WHERE unlinked_at IS NOT NULL";

/// An unlink that no webhook tells.
fn unlink_unheard(app: &TestApp, person: &str) {
    assert!(app.emulator.world().unlink_from_kakao(person));
}

async fn after_the_webhooks(app: &TestApp) {
    // Every event is looked at once more when no login can be under way any more.
    for _ in 0..3 {
        app.gate().heed_webhooks().await.unwrap();
        app.clock.advance(time::Duration::seconds(20));
    }
    app.gate().heed_webhooks().await.unwrap();
}

// RL-2
#[test]
fn a_kakao_that_does_not_list_its_members_takes_nobody_apart() {
    everywhere(async |app| {
        app.signed_in("ordinary").await;
        app.signed_in("no-email").await;
        app.clock.advance(time::Duration::minutes(1));
        for fault in [
            Fault::refuse("-401"),
            Fault::refuse("-3"),
            Fault::refuse("-4"),
            Fault::Answer {
                status: 200,
                content_type: "application/json".to_owned(),
                body: r#"{"elements":[7,6]}"#.to_owned(),
            },
        ] {
            let said = fault.to_string();
            app.emulator.fail(Endpoint::UserIds, fault, Times::Always);
            let failed = app.gate().reconcile(Intent::ApplyAll, None, |_| {}).await;
            assert!(matches!(failed, Err(Failure::Kakao(_))), "{said}");
            app.emulator.heal();
        }
        // A list that is empty says that it is not ours.
        let empty = Fault::Answer {
            status: 200,
            content_type: "application/json".to_owned(),
            body: r#"{"elements":[],"after_url":null}"#.to_owned(),
        };
        app.emulator.fail(Endpoint::UserIds, empty, Times::Always);
        let stopped = app.gate().reconcile(Intent::Apply, None, |_| {}).await;
        assert!(matches!(
            stopped,
            Err(Failure::Suspicious {
                missing: 2,
                here: 2
            })
        ));
        // That it did not come to an end is in the audit log, with why.
        let told = async |condition: &str| {
            let of = "audit_events WHERE action = 'kakao.reconcile' AND result = 'failed'";
            app.count(&format!("{of} AND {condition}")).await
        };
        assert_eq!(told("reason = 'suspicious'").await, 1);
        assert_eq!(told("detail LIKE 'here 2, only here 2,%'").await, 1);
        assert_eq!(told("reason = 'bad_client'").await, 1);
        assert_eq!(told("reason <> 'suspicious'").await, 4);
        // And if somebody insists, Kakao is asked about each of them.
        let report = app.gate().reconcile(Intent::ApplyAll, None, |_| {}).await;
        assert_eq!(report.unwrap().applied, 2);
        after_the_webhooks(app).await;
        assert_eq!(app.count(GONE).await, 0, "they are connected");
    });
}

// WH-3, WH-4
#[test]
fn what_the_webhook_missed_is_applied_to_whom_it_concerns_and_to_nobody_else() {
    everywhere(async |app| {
        let (gone, _) = app.signed_in("ordinary").await;
        let (stays, _) = app.signed_in("no-email").await;
        let unknown = app.emulator.world().user_id("linked").unwrap();
        app.clock.advance(time::Duration::minutes(1));
        unlink_unheard(app, "ordinary");
        let missing = app.emulator.world().user_id("ordinary").unwrap();

        let report = app.gate().reconcile(Intent::Report, None, |_| {}).await;
        let report = report.unwrap();
        assert_eq!((report.here, report.applied), (2, 0));
        let ids: Vec<i64> = report.only_here.iter().map(|(id, _)| id.get()).collect();
        assert_eq!(ids, [missing]);
        assert!(report.only_there.iter().any(|id| id.get() == unknown));
        assert_eq!(gone.get("/me").await.status, 200, "nothing was applied");

        let report = app.gate().reconcile(Intent::Apply, None, |_| {}).await;
        assert_eq!(report.unwrap().applied, 1);
        after_the_webhooks(app).await;
        assert_eq!(app.count(GONE).await, 1);
        assert_eq!(gone.get("/me").await.status, 303, "the session ended");
        assert_eq!(stays.get("/me").await.status, 200);
        let told = "audit_events WHERE action = 'kakao.reconcile' AND ip = 'system'";
        assert_eq!(app.count(told).await, 2);

        // Once more there is nothing left to do.
        let report = app.gate().reconcile(Intent::Apply, None, |_| {}).await;
        let report = report.unwrap();
        assert_eq!((report.here, report.only_here.len()), (1, 0));
    });
}

// WH-4
#[test]
fn somebody_who_came_back_meanwhile_is_left_alone() {
    everywhere(async |app| {
        app.signed_in("no-email").await;
        let (first, _) = app.signed_in("ordinary").await;
        app.clock.advance(time::Duration::minutes(1));
        unlink_unheard(app, "ordinary");
        let report = app.gate().reconcile(Intent::Apply, None, |_| {}).await;
        assert_eq!(report.unwrap().applied, 1);
        // Connected again before it was applied: or just after, by whoever was quicker.
        app.visitor().log_in_as(app, "ordinary").await;
        after_the_webhooks(app).await;
        assert_eq!(app.count(GONE).await, 0);
        drop(first);
    });
}

// WH-4
#[test]
fn two_instances_do_the_daily_run_once_and_a_failed_one_is_made_up_for() {
    everywhere(async |app| {
        app.signed_in("ordinary").await;
        app.emulator
            .fail(Endpoint::UserIds, Fault::refuse("-401"), Times::Always);
        app.gate().reconcile_daily().await.unwrap();
        assert_eq!(app.emulator.count(Endpoint::UserIds), 1);
        app.emulator.heal();
        let other = app.another().await;
        let (first, second) = (app.gate(), other.gate.clone());
        let (one, two) = tokio::join!(first.reconcile_daily(), second.reconcile_daily());
        one.unwrap();
        two.unwrap();
        assert_eq!(app.emulator.count(Endpoint::UserIds), 2, "one of them");
        app.clock.advance(time::Duration::hours(22));
        app.gate().reconcile_daily().await.unwrap();
        assert_eq!(app.emulator.count(Endpoint::UserIds), 2, "not yet");
        app.clock.advance(time::Duration::hours(2));
        other.gate.reconcile_daily().await.unwrap();
        assert_eq!(app.emulator.count(Endpoint::UserIds), 3);
        other.stop().await;
    });
}

// WH-4
#[test]
fn a_daily_run_that_was_cut_off_is_made_up_for_two_hours_later() {
    let stage = Stage::default().set("KAKAO_TIMEOUT_MS", "10000");
    stage.everywhere(async |app| {
        app.signed_in("ordinary").await;
        app.emulator
            .fail(Endpoint::UserIds, Fault::Silence, Times::Always);
        let gate = app.gate();
        let run = actix_web::rt::spawn(async move { gate.reconcile_daily().await });
        eventually("it is under way", async || {
            app.emulator.count(Endpoint::UserIds) == 1
        })
        .await;
        // As when the process is stopped, or killed.
        run.abort();
        app.emulator.heal();
        app.clock.advance(time::Duration::hours(1));
        app.gate().reconcile_daily().await.unwrap();
        assert_eq!(
            app.emulator.count(Endpoint::UserIds),
            1,
            "it may be under way"
        );
        app.clock
            .advance(time::Duration::hours(1) + time::Duration::SECOND);
        app.gate().reconcile_daily().await.unwrap();
        assert_eq!(app.emulator.count(Endpoint::UserIds), 2);
        // That one came to its end, and holds for the day.
        app.clock.advance(time::Duration::hours(22));
        app.gate().reconcile_daily().await.unwrap();
        assert_eq!(app.emulator.count(Endpoint::UserIds), 2);
    });
}

// RL-2
#[test]
fn more_than_a_page_is_read_page_by_page_and_without_an_admin_key_nothing_is_asked() {
    Stage::default().once(async |app| {
        let world = app.emulator.world();
        for number in 0..120 {
            let key = format!("more-{number}");
            world.add_person(Person {
                linked: Some(Vec::new()),
                ..Person::named(&key, &key)
            });
        }
        app.signed_in("ordinary").await;
        app.clock.advance(time::Duration::minutes(1));
        let report = app.gate().reconcile(Intent::Report, None, |_| {}).await;
        let report = report.unwrap();
        assert!(report.there > 120, "{report:?}");
        assert_eq!(report.only_here, []);
        assert_eq!(app.emulator.count(Endpoint::UserIds), 2);
    });
    let stage = Stage::default().set("KAKAO_ADMIN_KEY", "");
    stage.once(async |app| {
        app.gate().reconcile_daily().await.unwrap();
        let failed = app.gate().reconcile(Intent::Report, None, |_| {}).await;
        assert!(failed.is_err());
        assert_eq!(app.emulator.count(Endpoint::UserIds), 0);
    });
}

// WH-4
#[test]
fn while_the_admin_key_changes_either_value_will_do() {
    for (keys, fault) in [
        (format!("old-key,{ADMIN_KEY}"), None),
        (format!("{ADMIN_KEY},new-key"), None),
        // One that may not list, and another that may.
        (format!("{ADMIN_KEY},{ADMIN_KEY}"), Some("-3")),
    ] {
        actix_web::rt::System::new().block_on(async {
            let backends = Backends::available().remove(0);
            let service = Service::start(backends, &[("KAKAO_ADMIN_KEY", &keys)]).await;
            signed_in(&service, "ordinary").await;
            if let Some(code) = fault {
                service
                    .emulator
                    .fail(Endpoint::UserIds, Fault::refuse(code), Times::Once);
            }
            let outcome = run(&service, &["--json"]);
            assert_eq!(outcome.code, Some(0), "{keys} {}", outcome.err);
            let found: Value = serde_json::from_str(&outcome.out).unwrap();
            assert_eq!(
                (&found["here"], &found["only_here"]),
                (&json!(1), &json!([]))
            );
        });
    }
    // Neither will do: each is asked once, and Kakao no more often.
    Stage::default()
        .set("KAKAO_ADMIN_KEY", "old-key,new-key")
        .once(async |app| {
            let failed = app.gate().reconcile(Intent::Report, None, |_| {}).await;
            assert!(failed.is_err());
            assert_eq!(app.emulator.count(Endpoint::UserIds), 2);
        });
}

fn run(service: &Service, arguments: &[&str]) -> Outcome {
    service.program.run(&[&["reconcile"], arguments].concat())
}

async fn signed_in(service: &Service, person: &str) -> Visitor {
    let visitor = service.visitor();
    let callback = visitor.to_callback(&service.emulator, person, "/me").await;
    assert_eq!(visitor.get(&callback).await.location(), "/me");
    visitor
}

// WH-4
#[test]
fn the_command_reports_and_applies_beside_a_running_service() {
    for backends in Backends::available() {
        println!("on {backends}");
        actix_web::rt::System::new().block_on(async {
            let service = Service::start(backends, &[("USER", "haneul")]).await;
            let gone = signed_in(&service, "ordinary").await;
            let stays = signed_in(&service, "no-email").await;
            let id = service.emulator.world().user_id("ordinary").unwrap();
            assert!(service.emulator.world().unlink_from_kakao("ordinary"));
            // Nobody who came in the very moment of the comparison is missed.
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            let outcome = run(&service, &["--json"]);
            assert_eq!(outcome.code, Some(0), "{}", outcome.err);
            assert_eq!(outcome.err, "");
            let found: Value = serde_json::from_str(&outcome.out).unwrap();
            assert_eq!(
                found["only_here"],
                json!([{"member": 1, "kakao_id": id.to_string()}])
            );
            assert_eq!((&found["here"], &found["applied"]), (&json!(2), &json!(0)));
            let outcome = run(&service, &[]);
            assert!(outcome.out.contains("--apply"), "{}", outcome.out);
            assert_eq!(gone.get("/me").await.status, 200);

            let outcome = run(&service, &["--apply"]);
            assert_eq!(outcome.code, Some(0), "{}", outcome.err);
            assert!(outcome.out.contains("applied to 1"), "{}", outcome.out);
            eventually("the session ends", async || {
                gone.get("/me").await.status == 303
            })
            .await;
            assert_eq!(stays.get("/me").await.status, 200);
            let told = "SELECT COUNT(*) AS number FROM audit_events \
                        WHERE action = 'kakao.reconcile' AND ip = 'cli' \
                        AND detail LIKE '%, by haneul'";
            assert_eq!(service.backends().database.number(told), 3);
            let lone = run(&service, &["--however-many"]);
            assert_eq!(lone.code, Some(2), "only together with --apply");
        });
    }
}
