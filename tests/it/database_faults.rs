//! A database that is locked, full, read-only, frozen or gone.

mod postgres;
mod sqlite;

use std::sync::mpsc;

use crate::stage::Stage;
use crate::stage::outage::{all_is_well, in_time, still_lives, unavailable};

// RL-4, AP-3
#[test]
fn when_all_connections_are_busy_whoever_comes_is_told_to_come_back() {
    let stage = Stage::default().set("DATABASE_CONNECTIONS", "2");
    stage.everywhere(async |app| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        let mut held = Vec::new();
        for _ in 0..2 {
            let (let_go, wait) = mpsc::channel::<()>();
            let (tell, holding) = tokio::sync::oneshot::channel();
            let store = app.gate().store;
            tokio::spawn(async move {
                let hold = store.read(move |_| {
                    let _ = tell.send(());
                    let _ = wait.recv();
                    Ok(())
                });
                // It is given up long before it is let go.
                let _ = hold.await;
            });
            holding.await.unwrap();
            held.push(let_go);
        }
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
