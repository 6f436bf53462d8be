//! What must still happen later: calls owed to Kakao, and forgetting what has expired.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

use crate::flow::Gate;
use crate::store::{self, attempts, outbox, sessions};

/// How often the outbox is looked at when nobody rings.
const PAY_EVERY: Duration = Duration::from_secs(5);

/// How often levels are measured: counting takes a while where there is much to count.
const MEASURE_EVERY: Duration = Duration::from_secs(60);

/// How often expired rows are forgotten.
const PURGE_EVERY: Duration = Duration::from_secs(600);

/// How long an ended session can still tell its device why it ended.
const ENDED_KEPT: time::Duration = time::Duration::days(7);

/// How long a call that was made stays to be looked at.
const OUTBOX_KEPT: time::Duration = time::Duration::days(30);

/// Runs until `stop` changes, finishing what is under way then.
pub async fn run(gate: Gate, mut stop: watch::Receiver<bool>) {
    let (mut pay_at, mut measure_at) = (every(PAY_EVERY), every(MEASURE_EVERY));
    let mut purge_at = every(PURGE_EVERY);
    loop {
        let done = tokio::select! {
            _ = stop.changed() => return,
            () = gate.owed.notified() => pay(&gate).await,
            _ = pay_at.tick() => pay(&gate).await,
            _ = measure_at.tick() => measure(&gate).await,
            _ = purge_at.tick() => purge(&gate).await,
        };
        if let Err(error) = done {
            tracing::warn!(%error, "background work put off");
        }
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    // After a long outage one round is enough.
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn pay(gate: &Gate) -> Result<(), store::Error> {
    // Full batches follow one another at once; the first that is not full ends the round.
    while gate.pay_debts().await? {}
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
