//! What sites and programs ask on every request of theirs: `/forward-auth` by cookie, `/api/v1/me` by
//! token, against a handler that only answers.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::VISITORS;
use super::bare::Bare;
use super::load::{turn, turns};
use super::service::{self, Service};
use super::wire::Wire;

/// One row for each address, on each pair of database and session store that there is.
pub(crate) async fn figures() {
    println!("asked | on | a second | bare actix-web | ratio | p50 | p99 | bare p50 | bare p99");
    println!("--- | --- | --- | --- | --- | --- | --- | --- | ---");
    #[allow(
        clippy::disallowed_methods,
        reason = "benchmarks are told by the environment"
    )]
    let (database, redis) = (
        std::env::var("TEST_DATABASE_URL").ok(),
        std::env::var("TEST_REDIS_URL").ok(),
    );
    on("SQLite, cookie", &[]).await;
    if let Some(redis) = &redis {
        let changes = [("SESSION_STORE", "redis"), ("REDIS_URL", redis.as_str())];
        on("SQLite, Redis", &changes).await;
    }
    if let Some(server) = &database {
        super::members::execute(server, "DROP SCHEMA IF EXISTS programs CASCADE");
        super::members::execute(server, "CREATE SCHEMA programs");
        let url = format!("{server}?options=-csearch_path%3Dprograms");
        on("PostgreSQL, cookie", &[("DATABASE_URL", &url)]).await;
        if let Some(redis) = &redis {
            let changes = [
                ("DATABASE_URL", url.as_str()),
                ("SESSION_STORE", "redis"),
                ("REDIS_URL", redis.as_str()),
            ];
            on("PostgreSQL, Redis", &changes).await;
        }
        super::members::execute(server, "DROP SCHEMA programs CASCADE");
    }
}

async fn on(what: &str, changes: &[(&str, &str)]) {
    let (service, bare) = (Service::start_with(changes).await, Bare::start());
    let mut first = Wire::open(service.address).await;
    let cookie = service::log_in(&mut first, &service.emulator, 0).await;
    let token = service::access_token(&service).await;
    for (path, headers) in [
        ("/forward-auth", format!("Cookie: {cookie}")),
        ("/api/v1/me", format!("Authorization: Bearer {token}")),
    ] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..VISITORS {
            ours.push(Wire::open(service.address).await);
            theirs.push(Wire::open(bare.address).await);
        }
        let (took, bare_took) = (RefCell::new(Vec::new()), RefCell::new(Vec::new()));
        let compared = turns(
            async || {
                turn(&mut ours, async |wire| {
                    let began = Instant::now();
                    assert_eq!(wire.get_with(path, &headers).await.status, 200);
                    took.borrow_mut().push(began.elapsed());
                })
                .await
            },
            async || {
                turn(&mut theirs, async |wire| {
                    let began = Instant::now();
                    assert_eq!(wire.get_with("/plain", &headers).await.status, 200);
                    bare_took.borrow_mut().push(began.elapsed());
                })
                .await
            },
        )
        .await;
        let (ours, theirs) = (shares(took.into_inner()), shares(bare_took.into_inner()));
        println!("{path} | {what} | {compared} | {ours} | {theirs}");
    }
    drop(first);
    service.stop().await;
    bare.stop().await;
}

/// The median, and what one in a hundred exceeds.
fn shares(mut took: Vec<Duration>) -> String {
    took.sort_unstable();
    let at = |share: usize| millis(took[took.len() * share / 100]);
    format!("{} | {}", at(50), at(99))
}

fn millis(took: Duration) -> String {
    format!("{:.2} ms", took.as_secs_f64() * 1_000.0)
}
