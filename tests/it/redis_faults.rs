//! A Redis that is frozen, killed, empty, full, read-only, locked or not there.
//!
//! What is kept there is who holds which session; whether a session lives is for the database to
//! say. So nobody is logged out by anything that happens to Redis.

use std::time::Duration;

use futures_util::future::join_all;

use crate::stage::backends::Backends;
use crate::stage::outage::{all_is_well, in_time, not_ready, still_lives, unavailable};
use crate::stage::proxy::Proxy;
use crate::stage::redis_server::RedisServer;
use crate::stage::{Stage, TestApp, Visitor};

/// Nobody who is signed in can be served; everybody is told so in time, in the way they read.
async fn without_redis(app: &TestApp, member: &Visitor) {
    let crowd = (0..12).map(async |_| in_time(member.get("/me")).await);
    for page in join_all(crowd).await {
        unavailable(&page);
    }
    let program = member.copy();
    program.always("accept", "application/json");
    unavailable(&in_time(program.get("/me")).await);
    unavailable(&in_time(member.post("/logout", &[("reach", "here")])).await);
    signing_in_is_refused(app).await;
    not_ready(app).await;
    still_lives(app).await;
}

async fn signing_in_is_refused(app: &TestApp) {
    let newcomer = app.visitor();
    let refused = in_time(newcomer.log_in(app, "no-email")).await;
    assert_eq!(
        (refused.status, refused.leads_to_error()),
        (303, "unavailable")
    );
    unavailable(&newcomer.follow(&refused).await);
    assert_eq!(newcomer.cookie("kg-session"), None);
    let me = newcomer.get("/me").await;
    assert_eq!(me.status, 303, "half a session helps nobody");
}

// RL-4, LG-4
#[test]
fn a_frozen_redis_is_told_in_time_and_forgotten_when_it_goes_on() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    Stage::default().on(Backends::with_redis(&redis.url()), async |app| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        for _ in 0..2 {
            redis.freeze();
            without_redis(app, &member).await;
            without_redis(app, &member).await;
            redis.thaw();
            all_is_well(app, &member).await;
        }
    });
}

// RL-4, SE-11
#[test]
fn a_redis_that_was_killed_and_comes_back_empty_logs_nobody_out() {
    let Some(mut redis) = RedisServer::start() else {
        return;
    };
    let backends = Backends::with_redis(&redis.url());
    let redis = std::cell::RefCell::new(&mut redis);
    Stage::default().on(backends, async |app| {
        let (member, leaver) = (app.visitor(), app.visitor());
        member.log_in_as(app, "ordinary").await;
        leaver.log_in_as(app, "minimal").await;
        let left = leaver.copy();
        let out = leaver
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        assert_eq!(out.status, 303);

        redis.borrow_mut().kill();
        without_redis(app, &member).await;
        redis.borrow_mut().run(&[]);
        all_is_well(app, &member).await;
        let me = left.get("/me").await;
        assert_eq!(me.status, 303, "an ended session stays ended");

        redis.borrow().command(&["FLUSHALL"]);
        assert_eq!(member.get("/me").await.status, 200);
        let out = member
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        assert_eq!((out.status, out.location()), (303, "/logged-out"));
        assert_eq!(member.get("/me").await.status, 303);
    });
}

// RL-4
#[test]
fn a_full_redis_refuses_new_sessions_and_keeps_the_old_ones() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    Stage::default().on(Backends::with_redis(&redis.url()), async |app| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        redis.configure("maxmemory-policy", "noeviction");
        redis.configure("maxmemory", "1");
        existing_sessions_go_on(app, &member).await;
        redis.configure("maxmemory", "0");
        member.log_in_as(app, "ordinary").await;
        all_is_well(app, &member).await;
    });
}

// RL-4
#[test]
fn a_read_only_redis_refuses_new_sessions_and_keeps_the_old_ones() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    Stage::default().on(Backends::with_redis(&redis.url()), async |app| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        redis.command(&["REPLICAOF", "127.0.0.1", "1"]);
        existing_sessions_go_on(app, &member).await;
        redis.command(&["REPLICAOF", "NO", "ONE"]);
        member.log_in_as(app, "ordinary").await;
        all_is_well(app, &member).await;
    });
}

/// Redis can be read and not written: members are served and may leave, nobody new comes in.
async fn existing_sessions_go_on(app: &TestApp, member: &Visitor) {
    let leaver = member.copy();
    signing_in_is_refused(app).await;
    not_ready(app).await;
    still_lives(app).await;
    for path in ["/me", "/me/sessions", "/"] {
        assert_eq!(member.get(path).await.status, 200, "{path}");
    }
    // Leaving is decided by the database; that Redis keeps a key for a while opens nothing.
    let out = leaver
        .press("/logout", "/logout", &[("reach", "here")])
        .await;
    assert_eq!((out.status, out.location()), (303, "/logged-out"));
    assert_eq!(member.get("/me").await.status, 303);
}

// RL-4
#[test]
fn a_redis_that_asks_for_another_password_is_told_in_time() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    Stage::default().on(Backends::with_redis(&redis.url()), async |app| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        redis.configure("requirepass", "another");
        let locked = redis.url_with("another");
        redis.command_at(&locked, &["CLIENT", "KILL", "TYPE", "normal"]);
        without_redis(app, &member).await;
        redis.command_at(&locked, &["CONFIG", "SET", "requirepass", ""]);
        all_is_well(app, &member).await;

        app.restart(&[("REDIS_URL", &redis.url_with("wrong"))])
            .await;
        redis.configure("requirepass", "right");
        without_redis(app, &member).await;
        app.restart(&[("REDIS_URL", &redis.url_with("right"))])
            .await;
        all_is_well(app, &member).await;
    });
}

// RL-4, LG-4
#[test]
fn a_redis_that_is_absent_at_the_start_is_found_when_it_comes() {
    let Some(mut redis) = RedisServer::absent() else {
        return;
    };
    let backends = Backends::with_redis(&redis.url());
    let redis = std::cell::RefCell::new(&mut redis);
    Stage::default().on(backends, async |app| {
        still_lives(app).await;
        not_ready(app).await;
        signing_in_is_refused(app).await;
        redis.borrow_mut().run(&[]);
        let member = app.visitor();
        all_is_well_for_the_first(app, &member).await;
        redis.borrow_mut().kill();
        without_redis(app, &member).await;
        app.restart(&[]).await;
        without_redis(app, &member).await;
        redis.borrow_mut().run(&[]);
        all_is_well(app, &member).await;
    });
}

async fn all_is_well_for_the_first(app: &TestApp, member: &Visitor) {
    crate::stage::outage::recovered("the first login", async || {
        member.log_in(app, "ordinary").await.location() == "/me"
    })
    .await;
    assert_eq!(member.get("/me").await.status, 200);
}

// RL-4
#[test]
fn a_login_that_redis_could_not_keep_is_completed_by_a_reload() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    Stage::default().on(Backends::with_redis(&redis.url()), async |app| {
        let visitor = app.visitor();
        let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
        redis.freeze();
        let refused = in_time(visitor.get(&callback)).await;
        assert_eq!(refused.leads_to_error(), "unavailable");
        redis.thaw();
        let done = visitor.get(&callback).await;
        assert_eq!((done.status, done.location()), (303, "/me"));
        assert_eq!(visitor.get("/me").await.status, 200);
        let exchanges = app.emulator.count(kakao_gate::emulator::Endpoint::Token);
        assert_eq!(exchanges, 1, "the code went out once");
        assert_eq!(app.count("sessions").await, 1);
    });
}

/// Tells a story with a wire between the service and Redis.
fn on_a_wire(story: impl AsyncFn(&mut TestApp, &Proxy)) {
    let Some(url) = crate::stage::backends::offered("TEST_REDIS_URL", "Redis") else {
        return;
    };
    let wire = Proxy::to(&url);
    let backends = Backends::with_redis(&wire.url(&url));
    Stage::default().on(backends, async |app| story(app, &wire).await);
}

// RL-4
#[test]
fn a_redis_behind_a_broken_network_is_told_in_time_and_found_again() {
    on_a_wire(async |app, wire| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        wire.freeze();
        without_redis(app, &member).await;
        wire.cut();
        without_redis(app, &member).await;
        wire.thaw();
        all_is_well(app, &member).await;
        wire.refuse();
        without_redis(app, &member).await;
        wire.admit();
        all_is_well(app, &member).await;
    });
}

// RL-4
#[test]
fn connections_cut_between_requests_are_not_felt() {
    on_a_wire(async |app, wire| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        for _ in 0..5 {
            wire.cut();
            assert_eq!(member.get("/me").await.status, 200);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        wire.cut();
        app.visitor().log_in_as(app, "no-email").await;
    });
}
