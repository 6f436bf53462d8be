//! A database that is locked, full, read-only, frozen or gone.

pub mod postgres;
mod sqlite;

use crate::stage::Stage;
use crate::stage::outage::{all_is_well, busy_connections, in_time, still_lives, unavailable};

// RL-4, AP-3
#[test]
fn when_all_connections_are_busy_whoever_comes_is_told_to_come_back() {
    let stage = Stage::default().set("DATABASE_CONNECTIONS", "2");
    stage.everywhere(async |app| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        let held = busy_connections(app, 2).await;
        let crowd = (0..8).map(async |_| in_time(member.get("/me")).await);
        for page in futures_util::future::join_all(crowd).await {
            unavailable(&page);
        }
        let program = member.copy();
        program.always("accept", "application/json");
        unavailable(&in_time(program.get("/me")).await);
        still_lives(app).await;
        drop(held);
        all_is_well(app, &member).await;
    });
}
