//! `/health/live`, `/health/ready` and the metrics, for whatever starts, balances and watches us.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kakao_gate::emulator::{Consent, Endpoint, Fault, Times};
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::backends::Database;
use crate::stage::page::Page;
use crate::stage::program::free_address;
use crate::stage::{Stage, TestApp, Visitor, everywhere};

fn body(page: &Page) -> Value {
    serde_json::from_str(&page.body).expect(&page.body)
}

// LG-4
#[test]
fn a_healthy_service_says_so_to_whoever_asks_and_asks_nobody() {
    everywhere(async |app| {
        let probe = app.visitor();
        probe.always("accept", "*/*");
        let live = probe.get("/health/live").await;
        assert_eq!(
            (live.status, body(&live)),
            (200, json!({ "status": "live" }))
        );
        let ready = probe.get("/health/ready").await;
        let all_well = json!({ "status": "ready", "database": "ok", "sessions": "ok" });
        assert_eq!((ready.status, body(&ready)), (200, all_well));
        for page in [live, ready] {
            assert!(page.header("content-type").starts_with("application/json"));
            assert_eq!(page.header("cache-control"), "no-store");
            assert_eq!(page.header("set-cookie"), "");
        }
        assert_eq!(probe.head("/health/ready").await.status, 200);
        for endpoint in Endpoint::ALL {
            assert_eq!(app.emulator.count(endpoint), 0, "{endpoint:?}");
        }
    });
}

// LG-4
#[test]
fn kakao_down_is_no_reason_to_be_taken_out() {
    everywhere(async |app| {
        for endpoint in Endpoint::ALL {
            app.emulator.fail(endpoint, Fault::Cut, Times::Always);
        }
        let probe = app.visitor();
        assert_eq!(probe.log_in(app, "ordinary").await.status, 303);
        assert_eq!(probe.get("/health/ready").await.status, 200);
        assert_eq!(probe.get("/health/live").await.status, 200);
    });
}

/// What was found is kept for a second; five is what is promised.
async fn ready_again(probe: &Visitor) {
    let began = Instant::now();
    while probe.get("/health/ready").await.status != 200 {
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "not ready again in time"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

// LG-4, RL-4
#[test]
fn a_database_that_cannot_serve_makes_it_unready_but_not_dead_and_passes() {
    everywhere(async |app| {
        let probe = app.visitor();
        let database = &app.backends().database;
        database.execute("ALTER TABLE attempts RENAME TO elsewhere");
        let unready = probe.get("/health/ready").await;
        let told = json!({ "status": "unavailable", "database": "unavailable", "sessions": "ok" });
        assert_eq!((unready.status, body(&unready)), (503, told));
        assert!(unready.header("retry-after").parse::<u32>().unwrap() > 0);
        assert_eq!(probe.get("/health/live").await.status, 200);
        database.execute("ALTER TABLE elsewhere RENAME TO attempts");
        ready_again(&probe).await;
    });
}

// LG-4, RL-4
#[test]
fn a_database_locked_by_somebody_else_is_told_in_time() {
    Stage::default().once(async |app| {
        assert!(matches!(app.backends().database, Database::Sqlite(_)));
        let probe = app.visitor();
        let held = app.backends().database.lock();
        let began = Instant::now();
        let unready = probe.get("/health/ready").await;
        assert_eq!(unready.status, 503);
        assert!(began.elapsed() < Duration::from_secs(4));
        let began = Instant::now();
        assert_eq!(probe.get("/health/live").await.status, 200);
        assert!(began.elapsed() < Duration::from_secs(3));
        drop(held);
        ready_again(&probe).await;
    });
}

/// The lines of a service's metrics: name with labels, and value.
async fn metrics(address: &str) -> Vec<(String, f64)> {
    let page = Visitor::new(&format!("http://{address}"))
        .get("/metrics")
        .await;
    assert_eq!(page.status, 200);
    let lines = page.body.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.rsplit_once(' ').unwrap());
    pairs
        .map(|(name, value)| (name.to_owned(), value.parse().unwrap()))
        .collect()
}

async fn logins(address: &str, outcome: &str) -> f64 {
    let name = format!("kakao_gate_logins_total{{outcome=\"{outcome}\"}}");
    let lines = metrics(address).await;
    lines
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(0.0, |(_, value)| *value)
}

fn with_metrics(story: impl AsyncFn(&mut TestApp, &str)) {
    let address = free_address().to_string();
    let stage = Stage::default().set("METRICS_BIND", &address);
    stage.once(async |app| story(app, &address).await);
}

// LG-4
#[test]
fn every_login_that_comes_back_is_counted_once_by_its_outcome() {
    with_metrics(async |app, address| {
        app.visitor().log_in_as(app, "ordinary").await;
        app.visitor().log_in_as(app, "linked").await;

        let visitor = app.visitor();
        let begun = visitor.get("/auth/kakao").await;
        let cancelled = app
            .emulator
            .authorize(begun.location(), "no-email", Consent::Cancel);
        assert_eq!(visitor.get(&cancelled).await.status, 303);

        app.emulator
            .fail(Endpoint::Token, Fault::refuse("KOE010"), Times::Once);
        assert_eq!(app.visitor().log_in(app, "ordinary").await.status, 303);
        app.emulator.fail(Endpoint::Token, Fault::Cut, Times::Once);
        assert_eq!(app.visitor().log_in(app, "ordinary").await.status, 303);
        let forged = "/auth/kakao/callback?code=abc&state=nobodys";
        assert_eq!(app.visitor().get(forged).await.status, 303);
        assert_eq!(
            app.visitor().get("/auth/kakao/callback?code=").await.status,
            303
        );

        for (outcome, count) in [
            ("success", 2.0),
            ("cancelled", 1.0),
            ("bad_client", 1.0),
            ("kakao_down", 1.0),
            ("state_bad", 2.0),
        ] {
            assert_eq!(logins(address, outcome).await, count, "{outcome}");
        }
    });
}

// LG-4
#[test]
fn what_visitors_send_makes_no_new_labels() {
    with_metrics(async |app, address| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        visitor.get("/nothing-here").await;
        visitor
            .send(Method::OPTIONS, "/nothing-here", &[], None)
            .await;
        visitor.get("/me/sessions/1/end").await;
        let names = async || -> BTreeSet<String> {
            metrics(address)
                .await
                .into_iter()
                .map(|(name, _)| name)
                .collect()
        };
        let before = names().await;
        for number in 0..50 {
            visitor.get(&format!("/nothing-{number}")).await;
            visitor.get(&format!("/nothing-here?{number}")).await;
            visitor.get(&format!("/me/sessions/{number}/end")).await;
            let method = Method::from_bytes(format!("M{number}").as_bytes()).unwrap();
            visitor.send(method, "/nothing-here", &[], None).await;
        }
        assert_eq!(names().await, before);
        let all: String = before.into_iter().collect();
        for personal in ["2900000001", "하늘", "ordinary", "127.0.0.1", "nothing"] {
            assert!(!all.contains(personal), "{personal} in {all}");
        }
    });
}

// LG-4
#[test]
fn metrics_are_on_a_listener_of_their_own_only() {
    with_metrics(async |app, address| {
        assert_eq!(app.visitor().get("/metrics").await.status, 404);
        let elsewhere = Visitor::new(&format!("http://{address}"));
        assert_eq!(elsewhere.get("/login").await.status, 404);
        let page = elsewhere.get("/metrics").await;
        assert!(
            page.header("content-type")
                .starts_with("application/openmetrics-text")
        );
        assert!(page.body.ends_with("# EOF\n"));
    });
}
