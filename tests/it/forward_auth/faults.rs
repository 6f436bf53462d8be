//! What is answered while nobody can tell who is signed in.

use super::{ASK, CADDY, NGINX, is, names_nobody, program, stage};
use crate::stage::Backends;
use crate::stage::outage::{busy_connections, promptly, recovered, unavailable};
use crate::stage::redis_server::RedisServer;

// FA-5, RL-4
#[test]
fn a_database_that_does_not_answer_lets_nobody_pass() {
    let stage = stage().set("DATABASE_CONNECTIONS", "2");
    stage.everywhere(async |app| {
        let (member, id) = app.signed_in("ordinary").await;
        let held = busy_connections(app, 2).await;
        let page = promptly(member.get_with(ASK, &CADDY)).await;
        unavailable(&page);
        names_nobody(&page, "busy");
        let page = promptly(program(&member).get_with(ASK, &NGINX)).await;
        unavailable(&page);
        names_nobody(&page, "busy");
        // Somebody without a session is known to be nobody.
        assert_eq!(app.visitor().get_with(ASK, &CADDY).await.status, 303);
        drop(held);
        recovered("the member", async || member.get(ASK).await.status == 200).await;
        is(&member.get(ASK).await, id, "member");
    });
}

// FA-5
#[test]
fn a_broken_database_lets_nobody_pass() {
    stage().once(async |app| {
        let (member, id) = app.signed_in("ordinary").await;
        let database = &app.backends().database;
        database.execute("ALTER TABLE sessions RENAME TO sessions_away");
        let page = member.get(ASK).await;
        assert!(page.status >= 500, "{}", page.status);
        names_nobody(&page, "broken");
        database.execute("ALTER TABLE sessions_away RENAME TO sessions");
        is(&member.get(ASK).await, id, "member");
    });
}

// FA-5, RL-4
#[test]
fn a_redis_that_does_not_answer_lets_nobody_pass() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    stage().on(Backends::with_redis(&redis.url()), async |app| {
        let (member, id) = app.signed_in("ordinary").await;
        redis.freeze();
        let page = promptly(program(&member).get_with(ASK, &CADDY)).await;
        unavailable(&page);
        names_nobody(&page, "frozen");
        redis.thaw();
        recovered("the member", async || member.get(ASK).await.status == 200).await;
        is(&member.get(ASK).await, id, "member");
    });
}
