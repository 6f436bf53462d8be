//! PostgreSQL: frozen, cut off, refusing, stopped and started, read-only.

use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, PgConnection};
use futures_util::future::join_all;
use kakao_gate::emulator::Endpoint;

use crate::stage::backends::{Backends, Database};
use crate::stage::outage::{all_is_well, in_time, not_ready, still_lives, unavailable};
use crate::stage::postgres_server::PostgresServer;
use crate::stage::proxy::Proxy;
use crate::stage::{Stage, TestApp, Visitor};

/// Tells a story with a wire between the service and PostgreSQL, where there is one.
pub fn on_a_wire(story: impl AsyncFn(&mut TestApp, &Proxy)) {
    let Some(backends) = Backends::postgres() else {
        return;
    };
    let Database::Postgres(schema) = &backends.database else {
        panic!("asked for PostgreSQL");
    };
    let wire = Proxy::to(schema.server());
    let url = schema.url(&wire.url(schema.server()));
    let stage = Stage::default()
        .set("DATABASE_URL", &url)
        .set("DATABASE_CONNECTIONS", "4");
    stage.on(backends, async |app| story(app, &wire).await);
}

/// Nothing that needs the database works, everything says so in time, and whatever does not
/// need it works.
async fn without_database(app: &TestApp, member: &Visitor) {
    // More at once than there are connections: nobody waits behind somebody else's wait.
    let crowd = (0..12).map(async |_| in_time(member.get("/me")).await);
    for page in join_all(crowd).await {
        unavailable(&page);
    }
    unavailable(&in_time(member.post("/logout", &[("reach", "here")])).await);
    let newcomer = app.visitor();
    let exchanged = app.emulator.count(Endpoint::Token);
    let refused = in_time(newcomer.log_in(app, "no-email")).await;
    assert_eq!(refused.leads_to_error(), "unavailable");
    unavailable(&newcomer.follow(&refused).await);
    assert_eq!(app.emulator.count(Endpoint::Token), exchanged);
    not_ready(app).await;
    still_lives(app).await;
}

// RL-4, LG-4
#[test]
fn a_frozen_postgres_is_told_in_time_and_forgotten_when_it_thaws() {
    on_a_wire(async |app, wire| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        for _ in 0..2 {
            wire.freeze();
            without_database(app, &member).await;
            without_database(app, &member).await;
            wire.thaw();
            all_is_well(app, &member).await;
        }
    });
}

// RL-4, LG-4
#[test]
fn a_postgres_that_refuses_connections_is_told_in_time_and_found_again() {
    on_a_wire(async |app, wire| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        wire.refuse();
        without_database(app, &member).await;
        without_database(app, &member).await;
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
        for _ in 0..3 {
            let crowd = (0..6).map(async |_| member.get("/me").await.status);
            assert_eq!(join_all(crowd).await, [200; 6]);
            wire.cut();
        }
        assert_eq!(member.get("/me").await.status, 200);
        app.visitor().log_in_as(app, "no-email").await;
    });
}

// RL-4, RL-5
#[test]
fn connections_cut_in_the_middle_of_logins_leave_nothing_half_made() {
    on_a_wire(async |app, wire| {
        let visitors = ["no-email", "linked", "minimal", "long-id"].map(|key| (app.visitor(), key));
        let logins = visitors.iter().map(async |(visitor, key)| {
            let answer = in_time(visitor.log_in(app, key)).await;
            answer.location().to_owned()
        });
        let cuts = async {
            for _ in 0..40 {
                wire.cut();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let (ends, ()) = futures_util::future::join(join_all(logins), cuts).await;
        for end in &ends {
            let known = [
                "/me",
                "/auth/error?e=unavailable",
                "/auth/error?e=code_used",
            ];
            assert!(known.contains(&end.as_str()), "{end}");
        }
        let whole = "members m WHERE (SELECT COUNT(*) FROM kakao_accounts k \
                     WHERE k.member_id = m.id) = 1";
        assert_eq!(app.count(whole).await, app.count("members").await);
        for (visitor, key) in &visitors {
            visitor.log_in_as(app, key).await;
        }
        assert_eq!(app.count("members").await, 4, "each exists once");
    });
}

// RL-4, LG-4
#[test]
fn a_postgres_stopped_and_started_needs_no_restart_of_ours() {
    let Some(server) = PostgresServer::start() else {
        return;
    };
    let stage = Stage::default().set("DATABASE_URL", &server.url());
    stage.on(Backends::built_in(), async |app| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        server.stop();
        without_database(app, &member).await;
        server.start_again();
        all_is_well(app, &member).await;
    });
}

// RL-4
#[test]
fn a_read_only_postgres_refuses_writes_honestly() {
    let Some(server) = PostgresServer::start() else {
        return;
    };
    let read_only = |yes: bool| {
        let mut connection = PgConnection::establish(&server.url()).unwrap();
        let statements = [
            &format!("ALTER SYSTEM SET default_transaction_read_only = {yes}"),
            "SELECT pg_reload_conf()",
        ];
        for statement in statements {
            connection.batch_execute(statement).unwrap();
        }
    };
    let stage = Stage::default().set("DATABASE_URL", &server.url());
    stage.on(Backends::built_in(), async |app| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        read_only(true);
        // The setting is on its way to the sessions of the server.
        crate::stage::eventually("read-only", async || {
            app.visitor().get("/health/ready").await.status == 503
        })
        .await;
        let refused = in_time(app.visitor().log_in(app, "no-email")).await;
        assert_eq!(refused.leads_to_error(), "unavailable");
        let form = member.get("/logout").await;
        assert_eq!(form.status, 200, "reading goes on");
        let fields = [("reach", "here"), ("csrf", &form.csrf())];
        unavailable(&in_time(member.post("/logout", &fields)).await);
        read_only(false);
        all_is_well(app, &member).await;
    });
}
