//! What Kakao tells a service by itself: that somebody is no longer linked, and what has become of
//! an account.

mod event;
pub(super) mod page;

use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};

use actix_web::web;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use time::OffsetDateTime;
use url::form_urlencoded;

pub(super) use self::event::{EVENTS, claims};
use super::Shared;
use super::random::NoRandomness;
use super::settings::AppSettings;
use super::signing::{Jwt, NoKey};

/// Kakao waits no longer.
const PATIENCE: Duration = Duration::from_secs(3);
/// Deliveries that are remembered.
const KEPT: usize = 200;
/// Bytes of an answer that are kept.
const LONGEST_ANSWER: usize = 2_000;

/// `referrer_type`: on whose account a link ended.
pub(super) const REFERRERS: [&str; 5] = [
    "UNLINK_FROM_APPS",
    "UNLINK_FROM_ADMIN",
    "ACCOUNT_DELETE",
    "FORCED_ACCOUNT_DELETE",
    "INCOMPLETE_SIGN_UP",
];

/// 연결 해제 웹훅: a person is no longer linked to the app. Every field may be changed before it
/// is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnlinkWebhook {
    /// Where it goes.
    pub url: String,
    /// How the parameters travel.
    pub method: UnlinkMethod,
    /// The `Authorization` header: `KakaoAK` and the primary admin key.
    pub authorization: Option<String>,
    /// `app_id`
    pub app_id: String,
    /// `user_id`
    pub user_id: String,
    /// `referrer_type`, such as `UNLINK_FROM_APPS`.
    pub referrer_type: String,
    /// `group_user_token`, of group apps.
    pub group_user_token: Option<String>,
}

/// How an unlink webhook carries its parameters, as chosen in the console.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnlinkMethod {
    /// `GET` with a query.
    Get,
    /// `POST` with a form.
    #[default]
    Form,
    /// `POST` with JSON, which no document names and some services have been seen to expect.
    Json,
}

/// A webhook that was sent, and what came of it.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The `referrer_type` of an unlink webhook, or the event of a security event token.
    pub about: String,
    /// Where it went.
    pub url: String,
    /// `GET` or `POST`.
    pub method: String,
    /// The query, the form, the JSON or the signed token.
    pub sent: String,
    /// Status of the answer; `None` when none came within three seconds.
    pub status: Option<u16>,
    /// The beginning of the answer's body, or why there is none.
    pub answer: String,
    /// How long the answer took.
    pub took: Duration,
    /// When it was sent, by the emulator's clock.
    pub at: OffsetDateTime,
}

/// The last webhooks, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Deliveries(VecDeque<Delivery>);

/// What is about to be sent.
struct Parcel {
    about: String,
    url: String,
    method: Method,
    sent: String,
    request: RequestBuilder,
}

/// A security event token could not be made.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("no token to send")]
pub(super) struct NoToken;

impl From<NoKey> for NoToken {
    fn from(_: NoKey) -> Self {
        Self
    }
}

impl From<NoRandomness> for NoToken {
    fn from(_: NoRandomness) -> Self {
        Self
    }
}

impl UnlinkMethod {
    /// Every method, in the order of the console.
    pub const ALL: [Self; 3] = [Self::Get, Self::Form, Self::Json];

    /// The method with the name that `Display` writes.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.name() == name)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Form => "form",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for UnlinkMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl UnlinkWebhook {
    /// As Kakao sends it; `None` when the console has no address for it.
    pub(super) fn of(app: &AppSettings, user_id: i64, referrer_type: &str) -> Option<Self> {
        let key = app.admin_keys.first();
        Some(Self {
            url: app.unlink_webhook_url.clone()?,
            method: app.unlink_webhook_method,
            authorization: key.map(|key| format!("KakaoAK {key}")),
            app_id: app.app_id.to_string(),
            user_id: user_id.to_string(),
            referrer_type: referrer_type.to_owned(),
            group_user_token: None,
        })
    }

    fn parcel(&self, http: &Client) -> Parcel {
        let token = self.group_user_token.as_deref();
        let token = token.map(|token| ("group_user_token", token));
        let fields = [
            ("app_id", self.app_id.as_str()),
            ("user_id", &self.user_id),
            ("referrer_type", &self.referrer_type),
        ];
        let fields: Vec<_> = fields.into_iter().chain(token).collect();
        let pairs = || {
            let mut pairs = form_urlencoded::Serializer::new(String::new());
            pairs.extend_pairs(&fields);
            pairs.finish()
        };
        let (method, sent) = match self.method {
            UnlinkMethod::Get => (Method::GET, pairs()),
            UnlinkMethod::Form => (Method::POST, pairs()),
            UnlinkMethod::Json => {
                let fields = fields.iter().map(|(name, value)| {
                    let value = Value::from(*value);
                    ((*name).to_owned(), value)
                });
                (Method::POST, Value::Object(fields.collect()).to_string())
            }
        };
        let mut request = match self.method {
            UnlinkMethod::Get => {
                let mark = if self.url.contains('?') { '&' } else { '?' };
                http.get(format!("{}{mark}{sent}", self.url))
            }
            UnlinkMethod::Form => http
                .post(&self.url)
                .header(
                    CONTENT_TYPE,
                    "application/x-www-form-urlencoded;charset=utf-8",
                )
                .body(sent.clone()),
            UnlinkMethod::Json => http
                .post(&self.url)
                .header(CONTENT_TYPE, "application/json;charset=utf-8")
                .body(sent.clone()),
        };
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        Parcel {
            about: self.referrer_type.clone(),
            url: self.url.clone(),
            method,
            sent,
            request,
        }
    }
}

impl Deliveries {
    fn write(&mut self, delivery: Delivery) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(delivery);
    }

    /// The deliveries kept, the oldest first.
    pub(super) fn all(&self) -> impl DoubleEndedIterator<Item = &Delivery> + ExactSizeIterator {
        self.0.iter()
    }
}

/// What webhooks are sent with: no redirects, no proxies, plain HTTP.
pub(super) fn client() -> reqwest::Result<Client> {
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .tls_certs_only(Vec::new())
        .timeout(PATIENCE)
        .build()
}

/// Sends an unlink webhook and writes it down.
pub(super) async fn send_unlink(shared: &Shared, webhook: &UnlinkWebhook) -> Delivery {
    send(shared, webhook.parcel(&shared.http)).await
}

/// Ends the link of `person` from Kakao's side and tells the service. Whoever has deleted their
/// account is gone. `None` when there was no link, or nobody to be told.
pub(super) async fn disconnect(
    shared: &Shared,
    person: &str,
    referrer_type: &str,
) -> Option<Delivery> {
    let webhook = {
        let mut state = shared.state();
        let user_id = state.person(person)?.user_id?;
        let was_linked = state.unlink(user_id);
        if matches!(referrer_type, "ACCOUNT_DELETE" | "FORCED_ACCOUNT_DELETE") {
            state.people.retain(|known| known.key != person);
        }
        let webhook = UnlinkWebhook::of(&state.app, user_id, referrer_type);
        webhook.filter(|_| was_linked)?
    };
    Some(send_unlink(shared, &webhook).await)
}

/// A security event token (RFC 8417) as Kakao would send it now, not yet signed. It may have to
/// make a key first: not for a thread that serves.
pub(super) fn security_event(shared: &Shared, user_id: i64, event: &str) -> Result<Jwt, NoToken> {
    let now = shared.clock.now();
    let names = [shared.random.token()?, shared.random.token()?];
    let (ring, claims) = {
        let state = shared.state();
        let claims = claims(&state.app, &shared.url, user_id, event, names, now);
        (state.ring, claims)
    };
    Ok(ring.jwt("secevent+jwt", claims)?)
}

/// Signs a security event token and sends it (RFC 8935); `None` when the console has no address
/// for it.
pub(super) async fn send_event(shared: &Shared, set: Jwt) -> Result<Option<Delivery>, NoToken> {
    let (ring, url) = {
        let state = shared.state();
        (state.ring, state.app.account_webhook_url.clone())
    };
    let Some(url) = url else {
        return Ok(None);
    };
    let about = event::name_of(&set.claims);
    let signed = web::block(move || ring.sign(&set)).await;
    let sent = signed.map_err(|_| NoToken)??;
    let request = shared
        .http
        .post(&url)
        .header(CONTENT_TYPE, "application/secevent+jwt")
        .header(ACCEPT, "application/json")
        .body(sent.clone());
    let parcel = Parcel {
        about,
        url,
        method: Method::POST,
        sent,
        request,
    };
    Ok(Some(send(shared, parcel).await))
}

async fn send(shared: &Shared, parcel: Parcel) -> Delivery {
    let at = shared.clock.now();
    let began = Instant::now();
    let answer = parcel.request.send().await;
    let took = began.elapsed();
    let (status, answer) = match answer {
        Err(error) => (None, error.to_string()),
        Ok(answer) => {
            let status = answer.status().as_u16();
            let text = answer.text().await.unwrap_or_default();
            (Some(status), text.chars().take(LONGEST_ANSWER).collect())
        }
    };
    let delivery = Delivery {
        about: parcel.about,
        url: parcel.url,
        method: parcel.method.to_string(),
        sent: parcel.sent,
        status,
        answer,
        took,
        at,
    };
    shared.state().deliveries.write(delivery.clone());
    delivery
}

impl Delivery {
    fn told(&self) -> Value {
        json!({
            "about": self.about,
            "url": self.url,
            "method": self.method,
            "sent": self.sent,
            "status": self.status,
            "answer": self.answer,
            "milliseconds": u64::try_from(self.took.as_millis()).ok(),
            "at": self.at.unix_timestamp(),
        })
    }
}
