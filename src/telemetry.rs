//! What operators see: log lines and metrics.

use std::io::IsTerminal as _;
use std::panic::PanicHookInfo;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::LogFormat;

/// Sends log lines to standard error, filtered by `filter` (the syntax of `RUST_LOG`; `info`
/// when empty or wrong), panics included. Keeps a subscriber that is already installed.
pub fn init(format: LogFormat, filter: &str) {
    let standard = "info,actix_server=warn,rustls_platform_verifier=error";
    let asked = (!filter.is_empty()).then(|| EnvFilter::try_new(filter));
    let misread = matches!(asked, Some(Err(_)));
    let filter = asked
        .and_then(Result::ok)
        .unwrap_or_else(|| EnvFilter::new(standard));
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    let installed = match format {
        LogFormat::Text => registry.with(lines.with_target(false)).try_init(),
        LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init(),
    };
    // A second call, in a test, keeps the first subscriber.
    drop(installed);
    if misread {
        tracing::warn!("RUST_LOG cannot be read as a filter; logging at info");
    }
    std::panic::set_hook(Box::new(log_panic));
}

/// One log line where Rust's own hook writes several of plain text, which no reader of JSON
/// lines understands.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let text = panic.payload_as_str().unwrap_or("(no text)");
    let place = panic.location().map(ToString::to_string);
    tracing::error!(
        panic = text,
        place,
        "a bug ended the work on one request or task"
    );
}

/// Counters and timers. Labels are fixed words and route patterns, never what a visitor sent.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram>,
    logins: Family<OutcomeLabels, Counter>,
    password_logins: Family<OutcomeLabels, Counter>,
    password_hashes: Family<OutcomeLabels, Counter>,
    kakao_refreshes: Family<OutcomeLabels, Counter>,
    owed_calls: Family<OwedLabels, Counter>,
    owed_waiting: Family<KindLabels, Gauge>,
    sessions_live: Gauge,
    webhook_calls: Family<WebhookCallLabels, Counter>,
    webhook_events: Family<WebhookEventLabels, Counter>,
    webhooks_waiting: Gauge,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RequestLabels {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabels {
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WebhookCallLabels {
    source: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct WebhookEventLabels {
    event: &'static str,
    effect: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OwedLabels {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabels {
    kind: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        let buckets = || {
            Histogram::new([
                0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
            ])
        };
        Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(buckets),
            logins: Family::default(),
            password_logins: Family::default(),
            password_hashes: Family::default(),
            kakao_refreshes: Family::default(),
            owed_calls: Family::default(),
            owed_waiting: Family::default(),
            sessions_live: Gauge::default(),
            webhook_calls: Family::default(),
            webhook_events: Family::default(),
            webhooks_waiting: Gauge::default(),
        }
    }
}

impl Metrics {
    /// The same metrics in a registry, to be printed.
    #[must_use]
    pub fn registry(&self) -> Registry {
        let mut registry = Registry::with_prefix("kakao_gate");
        registry.register("http_requests", "Answered requests", self.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time to answer a request",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register(
            "logins",
            "Completed callbacks by outcome",
            self.logins.clone(),
        );
        registry.register(
            "password_logins",
            "Logins by email and password, by outcome",
            self.password_logins.clone(),
        );
        registry.register(
            "password_hashes",
            "Passwords hashed or checked, by outcome",
            self.password_hashes.clone(),
        );
        registry.register(
            "kakao_refreshes",
            "Kakao tokens refreshed, by outcome",
            self.kakao_refreshes.clone(),
        );
        registry.register(
            "owed_calls",
            "Calls owed to Kakao and letters, by kind and outcome of a try",
            self.owed_calls.clone(),
        );
        registry.register(
            "owed_calls_waiting",
            "Calls owed to Kakao and letters, by kind",
            self.owed_waiting.clone(),
        );
        registry.register("sessions_live", "Live sessions", self.sessions_live.clone());
        registry.register(
            "webhook_calls",
            "Calls of Kakao's webhooks, by outcome",
            self.webhook_calls.clone(),
        );
        registry.register(
            "webhook_events",
            "Events that Kakao told, by what they did",
            self.webhook_events.clone(),
        );
        registry.register(
            "webhooks_waiting",
            "Events that Kakao told and that are not applied yet",
            self.webhooks_waiting.clone(),
        );
        registry
    }

    /// Counts an answered request by its route pattern.
    pub fn request(&self, method: &'static str, route: &str, status: u16, took: Duration) {
        let labels = RequestLabels {
            method,
            route: route.to_owned(),
            status,
        };
        self.requests.get_or_create(&labels).inc();
        let labels = RouteLabels {
            route: route.to_owned(),
        };
        self.durations
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
    }

    /// Counts a callback by the id of its outcome.
    pub fn login(&self, outcome: &'static str) {
        self.logins.get_or_create(&OutcomeLabels { outcome }).inc();
    }

    /// Counts a login by email and password.
    pub fn password_login(&self, outcome: &'static str) {
        self.password_logins
            .get_or_create(&OutcomeLabels { outcome })
            .inc();
    }

    /// Counts a password that was hashed or checked, or was not for want of a slot.
    pub fn password_hash(&self, outcome: &'static str) {
        self.password_hashes
            .get_or_create(&OutcomeLabels { outcome })
            .inc();
    }

    /// Counts a try at refreshing the Kakao tokens of a session.
    pub fn kakao_refresh(&self, outcome: &'static str) {
        self.kakao_refreshes
            .get_or_create(&OutcomeLabels { outcome })
            .inc();
    }

    /// Counts a try at a call owed to Kakao, or at a letter.
    pub fn owed_call(&self, kind: &'static str, outcome: &'static str) {
        let labels = OwedLabels { kind, outcome };
        self.owed_calls.get_or_create(&labels).inc();
    }

    /// Counts a call of one of Kakao's webhooks.
    pub fn webhook_call(&self, source: &'static str, outcome: &'static str) {
        self.webhook_calls
            .get_or_create(&WebhookCallLabels { source, outcome })
            .inc();
    }

    /// Counts an event that Kakao told, when it is done with.
    pub fn webhook_event(&self, event: &'static str, effect: &'static str) {
        self.webhook_events
            .get_or_create(&WebhookEventLabels { event, effect })
            .inc();
    }

    /// Notes how many events wait.
    pub fn webhooks_waiting(&self, waiting: i64) {
        self.webhooks_waiting.set(waiting);
    }

    /// Notes how many calls of a kind wait.
    pub fn owed_waiting(&self, kind: &'static str, waiting: i64) {
        let labels = KindLabels { kind };
        self.owed_waiting.get_or_create(&labels).set(waiting);
    }

    /// Notes how many sessions live.
    pub fn sessions_live(&self, live: i64) {
        self.sessions_live.set(live);
    }
}
