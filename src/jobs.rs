//! What must still happen later: calls owed to Kakao, and forgetting what has expired.

use std::time::Duration;

use tokio::sync::watch;

use crate::flow::Gate;
use crate::store::{self, attempts, outbox, sessions};

/// How often the outbox is looked at when nobody rings.
const ROUND: Duration = Duration::from_secs(5);

/// Every how many rounds levels are measured: once a minute, because counting takes a while
/// where there is much to count.
const MEASURE_EVERY: u32 = 12;

/// Every how many rounds expired rows are forgotten: once in ten minutes.
const PURGE_EVERY: u32 = 120;

/// How long an ended session can still tell its device why it ended.
const ENDED_KEPT: time::Duration = time::Duration::days(7);

/// How long a call that was made stays to be looked at.
const OUTBOX_KEPT: time::Duration = time::Duration::days(30);

/// Runs until `stop` changes, then finishes the round under way.
pub async fn run(gate: Gate, mut stop: watch::Receiver<bool>) {
    let mut round = 0_u32;
    while !*stop.borrow() {
        if let Err(error) = work(&gate, round).await {
            tracing::warn!(%error, "background work put off");
        }
        round = round.wrapping_add(1);
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            () = gate.owed.notified() => {}
            _ = stop.changed() => {}
        }
    }
}

async fn work(gate: &Gate, round: u32) -> Result<(), store::Error> {
    // Full batches follow one another at once; the first that is not full ends the round.
    while gate.pay_debts().await? {}
    if round.is_multiple_of(MEASURE_EVERY) {
        measure(gate).await?;
    }
    if round.is_multiple_of(PURGE_EVERY) {
        purge(gate).await?;
    }
    Ok(())
}

async fn measure(gate: &Gate) -> Result<(), store::Error> {
    let now = gate.clock.now();
    let (waiting, live) = gate
        .store
        .read(move |connection| {
            Ok((
                outbox::count_waiting(connection)?,
                sessions::count_live(connection, now)?,
            ))
        })
        .await?;
    gate.metrics.levels(waiting, live);
    Ok(())
}

async fn purge(gate: &Gate) -> Result<(), store::Error> {
    let now = gate.clock.now();
    gate.store
        .write(move |connection| {
            attempts::purge(connection, now)?;
            sessions::purge(connection, now - ENDED_KEPT)?;
            outbox::purge(connection, now - OUTBOX_KEPT)?;
            Ok(())
        })
        .await
}
