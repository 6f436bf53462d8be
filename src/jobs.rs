//! What must still happen later: calls owed to Kakao, lifting suspensions that are over, forgetting
//! what has expired, and watching over the audit log.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

use crate::flow::Gate;
use crate::store::{
    self, AnyConnection, api_keys, attempts, mail_links, outbox, sessions, signing_keys, throttles,
    webhooks,
};

/// How often the outbox is looked at when nobody rings.
const PAY_EVERY: Duration = Duration::from_secs(5);

/// How often levels are measured: counting takes a while where there is much to count.
const MEASURE_EVERY: Duration = Duration::from_secs(60);

/// How often expired rows are forgotten, and suspensions that are over lifted.
const PURGE_EVERY: Duration = Duration::from_secs(600);

/// How long an ended session can still tell its device why it ended.
const ENDED_KEPT: time::Duration = time::Duration::days(7);

/// How long API keys that count no more are shown.
const KEYS_KEPT: time::Duration = time::Duration::days(30);

/// How long a mailed link that does not work any more can still say why.
const LINKS_KEPT: time::Duration = time::Duration::days(7);

/// How long a call that was made stays to be looked at.
const OUTBOX_KEPT: time::Duration = time::Duration::days(30);

/// How long an event that Kakao told stays, so that it is not applied again: longer than Kakao's
/// events are taken after they were issued.
const WEBHOOKS_KEPT: time::Duration = time::Duration::days(30);

/// The most rows forgotten in one transaction, so that nobody waits long for the writer.
const PURGE_BATCH: i64 = 500;

/// How often Kakao's keys are fetched: it publishes the next one well before using it.
const KEYS_EVERY: Duration = Duration::from_secs(3_600);

/// How often the whole audit log is walked.
const WATCH_EVERY: Duration = Duration::from_secs(3_600);

/// How often it is seen whether the daily comparison with Kakao's members is due. Nothing is asked
/// in the first hour of a process: one that is restarted again and again must not use the quota up.
const RECONCILE_EVERY: Duration = Duration::from_secs(3_600);

/// Runs until `stop` changes, finishing the piece of work under way then. A panic costs the piece
/// of work it happened in.
pub async fn run(gate: Gate, stop: watch::Receiver<bool>) {
    // Side by side: neither a long log nor a slow mail server must put off what is owed.
    tokio::join!(
        serve(&gate, stop.clone()),
        deliver(&gate, stop.clone()),
        heed(&gate, stop.clone()),
        renew_keys(&gate, stop.clone()),
        reconcile(&gate, stop.clone()),
        watch_over(&gate, stop)
    );
}

/// Letters, by themselves: a mail server may take its time over each.
async fn deliver(gate: &Gate, mut stop: watch::Receiver<bool>) {
    let mut carry_at = every(PAY_EVERY);
    loop {
        tokio::select! {
            biased;
            _ = stop.changed() => return,
            () = gate.letters.notified() => done(carry(gate)).await,
            _ = carry_at.tick() => done(carry(gate)).await,
        }
    }
}

/// What Kakao tells us, by itself: Kakao is asked about some of it, and may take its time.
async fn heed(gate: &Gate, mut stop: watch::Receiver<bool>) {
    let mut heed_at = every(PAY_EVERY);
    loop {
        tokio::select! {
            biased;
            _ = stop.changed() => return,
            () = gate.webhooks.notified() => done(heed_webhooks(gate)).await,
            _ = heed_at.tick() => done(heed_webhooks(gate)).await,
        }
    }
}

/// Everything else.
async fn serve(gate: &Gate, mut stop: watch::Receiver<bool>) {
    let (mut pay_at, mut measure_at) = (every(PAY_EVERY), every(MEASURE_EVERY));
    let mut purge_at = every(PURGE_EVERY);
    loop {
        tokio::select! {
            biased;
            _ = stop.changed() => return,
            () = gate.owed.notified() => done(pay(gate)).await,
            _ = pay_at.tick() => done(pay(gate)).await,
            _ = measure_at.tick() => done(measure(gate)).await,
            _ = purge_at.tick() => done(purge(gate)).await,
        }
    }
}

/// Kakao's keys, so that no login waits for them. It only asks, and can be left in the middle.
async fn renew_keys(gate: &Gate, mut stop: watch::Receiver<bool>) {
    let mut renew_at = every(KEYS_EVERY);
    let renewing = async {
        loop {
            renew_at.tick().await;
            gate.renew_kakao_keys().await;
        }
    };
    tokio::select! {
        biased;
        _ = stop.changed() => {}
        () = renewing => {}
    }
}

/// Whom Kakao says is connected. It only asks and writes down, and can be left in the middle.
async fn reconcile(gate: &Gate, mut stop: watch::Receiver<bool>) {
    let first = tokio::time::Instant::now() + RECONCILE_EVERY;
    let mut reconcile_at = tokio::time::interval_at(first, RECONCILE_EVERY);
    reconcile_at.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let reconciling = async {
        loop {
            reconcile_at.tick().await;
            done(gate.reconcile_daily()).await;
        }
    };
    tokio::select! {
        biased;
        _ = stop.changed() => {}
        () = reconciling => {}
    }
}

async fn watch_over(gate: &Gate, mut stop: watch::Receiver<bool>) {
    let mut watch_at = every(WATCH_EVERY);
    loop {
        tokio::select! {
            biased;
            _ = stop.changed() => return,
            _ = watch_at.tick() => {}
        }
        // It only looks, and can be left in the middle.
        tokio::select! {
            biased;
            _ = stop.changed() => return,
            () = done(gate.watch_audit_log()) => {}
        }
    }
}

async fn done(work: impl Future<Output = Result<(), store::Error>>) {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "background work put off"),
        Err(_) => tracing::error!("background work panicked"),
    }
}

fn every(period: Duration) -> Interval {
    let mut interval = tokio::time::interval(period);
    // After a long outage one round is enough.
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

async fn pay(gate: &Gate) -> Result<(), store::Error> {
    // One batch at a time: other work, and being stopped, get their turn in between.
    if gate.pay_debts().await? {
        gate.owed.notify_one();
    }
    Ok(())
}

async fn carry(gate: &Gate) -> Result<(), store::Error> {
    if gate.carry_letters().await? {
        gate.letters.notify_one();
    }
    Ok(())
}

async fn heed_webhooks(gate: &Gate) -> Result<(), store::Error> {
    if gate.heed_webhooks().await? {
        gate.webhooks.notify_one();
    }
    Ok(())
}

async fn measure(gate: &Gate) -> Result<(), store::Error> {
    let now = gate.clock.now();
    let (waiting, live, events) = gate
        .store
        .read(move |connection| {
            Ok((
                outbox::count_waiting(connection)?,
                sessions::count_live(connection, now)?,
                webhooks::count_waiting(connection)?,
            ))
        })
        .await?;
    for kind in outbox::Kind::ALL {
        let of_kind = waiting.iter().find(|(one, _)| *one == kind);
        let count = of_kind.map_or(0, |(_, count)| *count);
        gate.metrics.owed_waiting(kind.code(), count);
    }
    gate.metrics.sessions_live(live);
    gate.metrics.webhooks_waiting(events);
    Ok(())
}

async fn purge(gate: &Gate) -> Result<(), store::Error> {
    let now = gate.clock.now();
    // An hour longer than they live: an instance whose clock is behind must find them claimed.
    let attempts = now - time::Duration::HOUR;
    let (sessions, calls, links) = (now - ENDED_KEPT, now - OUTBOX_KEPT, now - LINKS_KEPT);
    while gate.lift_ended_suspensions().await? {}
    in_batches(gate, move |c, most| attempts::purge(c, attempts, most)).await?;
    in_batches(gate, move |c, most| {
        sessions::drop_expired_tokens(c, now, most)
    })
    .await?;
    in_batches(gate, move |c, most| sessions::purge(c, sessions, most)).await?;
    // Those who never opened a link first: their links are still there to tell since when.
    let full = usize::try_from(PURGE_BATCH).unwrap_or(usize::MAX);
    while gate.forget_awaited(PURGE_BATCH).await? >= full {}
    in_batches(gate, move |c, most| mail_links::purge(c, links, most)).await?;
    in_batches(gate, move |c, most| throttles::purge(c, now, most)).await?;
    in_batches(gate, move |c, most| outbox::purge(c, calls, most)).await?;
    let events = now - WEBHOOKS_KEPT;
    in_batches(gate, move |c, most| webhooks::purge(c, events, most)).await?;
    gate.store
        .write(move |c| signing_keys::purge(c, now - time::Duration::DAY))
        .await?;
    gate.store
        .write(move |c| api_keys::purge(c, now - KEYS_KEPT))
        .await?;
    gate.purge_audit_log().await?;
    gate.store.write(store::keep_statistics).await
}

async fn in_batches(
    gate: &Gate,
    work: impl Fn(&mut AnyConnection, i64) -> Result<usize, store::Error> + Copy + Send + 'static,
) -> Result<(), store::Error> {
    let full = usize::try_from(PURGE_BATCH).unwrap_or(usize::MAX);
    while gate
        .store
        .write(move |connection| work(connection, PURGE_BATCH))
        .await?
        >= full
    {}
    Ok(())
}
