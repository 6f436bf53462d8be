//! What an honest answer looks like while something we stand on is not there.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::page::Page;
use super::visitor::Visitor;
use super::{TestApp, eventually};

/// Three seconds are promised; the others are for a busy machine.
pub const HONEST: Duration = Duration::from_secs(6);

/// How long after its end a fault may still be felt.
pub const RECOVERY: Duration = Duration::from_secs(5);

/// The answer, which must come in time.
pub async fn in_time<T>(answer: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(HONEST, answer).await;
    answer.expect("an answer in time")
}

/// Two seconds are promised to whoever asks on every request of theirs who somebody is; one more is
/// for a busy machine.
pub const PROMPT: Duration = Duration::from_secs(3);

/// The answer, which must come sooner.
pub async fn promptly<T>(answer: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(PROMPT, answer).await;
    answer.expect("an answer within three seconds")
}

/// That this is the page that says "not now", whole and with everything around it.
pub fn unavailable(page: &Page) {
    assert_eq!(page.status, 503, "{}", page.body);
    let seconds: u32 = page.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    secured(page);
    if page.header("content-type").starts_with("application/json") {
        assert_eq!(page.error_code(), "unavailable");
        return;
    }
    assert_eq!(page.h1(), "지금은 이용할 수 없습니다");
    assert!(page.text("main").contains("복구하고 있습니다"));
    assert!(page.text("main").contains("문의 번호"));
}

/// That a browser is told how to treat the answer (WB-1).
pub fn secured(page: &Page) {
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(page.header(name), value, "{name}");
    }
    let csp = page.header("content-security-policy");
    for part in ["default-src 'none'", "frame-ancestors 'none'"] {
        assert!(csp.contains(part), "{csp}");
    }
}

/// Takes this many connections to the database until the answer is dropped.
pub async fn busy_connections(app: &TestApp, count: usize) -> Vec<mpsc::Sender<()>> {
    let mut held = Vec::new();
    for _ in 0..count {
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
    held
}

/// Asks until `good`, as long as a recovery may take.
pub async fn recovered(what: &str, mut good: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !good().await {
        assert!(began.elapsed() < RECOVERY, "not recovered: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// That the process says that it lives, and what does not need what is missing works.
pub async fn still_lives(app: &TestApp) {
    let visitor = app.visitor();
    for path in ["/health/live", "/", "/login", "/help"] {
        let began = Instant::now();
        assert_eq!(visitor.get(path).await.status, 200, "{path}");
        assert!(began.elapsed() < Duration::from_secs(3), "{path}");
    }
}

/// That the service says in time that it cannot be used.
pub async fn not_ready(app: &TestApp) {
    eventually("not ready", async || {
        let ready = in_time(app.visitor().get("/health/ready")).await;
        ready.status == 503 && !ready.header("retry-after").is_empty()
    })
    .await;
}

/// That the fault is over: the service is ready, and `member` is still signed in.
pub async fn all_is_well(app: &TestApp, member: &Visitor) {
    recovered("/health/ready", async || {
        app.visitor().get("/health/ready").await.status == 200
    })
    .await;
    recovered("/me", async || {
        let page = member.get("/me").await;
        assert_ne!(page.status, 303, "somebody was logged out by it");
        page.status == 200
    })
    .await;
    let newcomer = app.visitor();
    recovered("a new login", async || {
        newcomer.log_in(app, "linked").await.location() == "/me"
    })
    .await;
}
