//! One HTTP client for all calls to Kakao, held to limits.
//!
//! reqwest's defaults suit a browser: ten redirects, a proxy from the environment, no time-outs,
//! bodies of any size, requests repeated on its own judgement. Here every call ends in time,
//! goes to the configured host and nowhere else, is sent once, and reads at most 64 KiB.

use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER};
use reqwest::{Certificate, Client, RequestBuilder, Response, redirect, retry};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout};

use super::error::{Kind, Trouble};
use super::pulse::Recent;
use super::settings::{BuildError, Settings};

/// Most bytes read of an answer; real ones stay under 4 KiB.
const LARGEST_BODY: usize = 64 * 1_024;
/// How long a call waits for one of the concurrent slots. Longer would only grow the queue
/// while Kakao is slow.
const SLOT_WAIT: Duration = Duration::from_millis(250);
/// How long an unused connection is kept. Kakao's own limit is unknown; a short one makes it
/// rarer to write into a connection that has just been closed.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);
/// The longest wait believed from a `Retry-After`.
const LONGEST_RETRY_AFTER: u64 = 3_600;

pub(super) struct Transport {
    client: Client,
    slots: Semaphore,
    timeout: Duration,
    recent: Recent,
}

/// The right to have one call under way, and its deadline.
pub(super) struct Slot<'a> {
    _permit: SemaphorePermit<'a>,
    deadline: Instant,
    recent: &'a Recent,
}

/// An answer that arrived whole.
pub(super) struct Reply {
    pub(super) status: u16,
    /// Only what says how many seconds; a date would need Kakao's clock to be ours.
    pub(super) retry_after: Option<Duration>,
    /// Where a redirect leads; nothing here follows it.
    pub(super) location: Option<String>,
    /// Empty when an error's body was over the limit.
    pub(super) body: Vec<u8>,
}

/// No answer, or not a whole one.
pub(super) struct NoReply {
    pub(super) kind: Kind,
    pub(super) status: Option<u16>,
    pub(super) trouble: Option<Trouble>,
}

impl Transport {
    pub(super) fn new(settings: &Settings) -> Result<Self, BuildError> {
        let tls_only =
            settings.auth_url.scheme() == "https" && settings.api_url.scheme() == "https";
        let client = Client::builder()
            .user_agent(concat!("kakao-gate/", env!("CARGO_PKG_VERSION")))
            .default_headers(HeaderMap::from_iter([(
                ACCEPT,
                HeaderValue::from_static("application/json"),
            )]))
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .no_proxy()
            .referer(false)
            .https_only(tls_only)
            .tls_certs_merge(mozilla_roots().map_err(build_error)?)
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.timeout)
            .pool_idle_timeout(IDLE_CONNECTION)
            .build()
            .map_err(build_error)?;
        Ok(Self {
            client,
            slots: Semaphore::new(settings.concurrent_calls.min(Semaphore::MAX_PERMITS)),
            timeout: settings.timeout,
            recent: Recent::default(),
        })
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// The calls of the last minutes.
    pub(super) fn recent(&self) -> &Recent {
        &self.recent
    }

    /// Waits for a slot. The call's time starts to run here.
    pub(super) async fn slot(&self) -> Result<Slot<'_>, NoReply> {
        let deadline = Instant::now() + self.timeout;
        match timeout(SLOT_WAIT.min(self.timeout), self.slots.acquire()).await {
            Ok(Ok(permit)) => Ok(Slot {
                _permit: permit,
                deadline,
                recent: &self.recent,
            }),
            _ => Err(NoReply {
                kind: Kind::Temporary,
                status: None,
                trouble: Some(Trouble::NoSlot),
            }),
        }
    }
}

impl Slot<'_> {
    /// Where this call's end is noted.
    pub(super) fn recent(&self) -> &Recent {
        self.recent
    }

    /// Time left for this call.
    pub(super) fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// Sends the request once and reads its answer, both within the remaining time.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Reply, NoReply> {
        let sent = request.timeout(self.remaining()).send().await;
        let mut response = sent.map_err(|error| lost(None, &error))?;
        let status = response.status();
        let body = match limited_body(&mut response)
            .await
            .map_err(|e| lost(Some(status.as_u16()), &e))?
        {
            Some(body) => body,
            None if status.is_success() => {
                return Err(NoReply {
                    kind: Kind::BadReply("a body over 64 KiB"),
                    status: Some(status.as_u16()),
                    trouble: None,
                });
            }
            // The status of an error says enough without its page.
            None => Vec::new(),
        };
        let retry_after = retry_after(response.headers());
        let location = response.headers().get(LOCATION);
        let location = location.and_then(|value| value.to_str().ok());
        let location = location.map(str::to_owned);
        Ok(Reply {
            status: status.as_u16(),
            retry_after,
            location,
            body,
        })
    }
}

/// The body, or `None` when it is over the limit; what is over is never read.
async fn limited_body(response: &mut Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let limit = u64::try_from(LARGEST_BODY).unwrap_or(u64::MAX);
    if response
        .content_length()
        .is_some_and(|length| length > limit)
    {
        return Ok(None);
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST_BODY {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_RETRY_AFTER)))
}

/// Keeps what class of trouble it was and drops the error, whose text holds the address.
fn lost(status: Option<u16>, error: &reqwest::Error) -> NoReply {
    let trouble = if error.is_connect() || error.is_builder() {
        Trouble::Connect
    } else if error.is_timeout() {
        Trouble::Timeout
    } else {
        Trouble::Broken
    };
    NoReply {
        kind: Kind::Temporary,
        status,
        trouble: Some(trouble),
    }
}

/// Mozilla's roots, added to the machine's: a minimal container has none, and the client would
/// then refuse to start.
fn mozilla_roots() -> Result<Vec<Certificate>, reqwest::Error> {
    webpki_root_certs::TLS_SERVER_ROOT_CERTS
        .iter()
        .map(|root| Certificate::from_der(root))
        .collect()
}

fn build_error(error: reqwest::Error) -> BuildError {
    BuildError::Client(error.without_url())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_counts_in_seconds_only_and_within_reason() {
        let wait = |text: &str| {
            retry_after(&HeaderMap::from_iter([(
                RETRY_AFTER,
                text.parse().unwrap(),
            )]))
        };
        assert_eq!(wait("30"), Some(Duration::from_secs(30)));
        assert_eq!(wait("86400"), Some(Duration::from_secs(3_600)));
        for unusable in ["Wed, 21 Oct 2026 07:28:00 GMT", "-1", "1.5", "soon", ""] {
            assert_eq!(wait(unusable), None, "{unusable}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
