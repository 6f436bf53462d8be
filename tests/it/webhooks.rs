//! What Kakao tells of its own accord: who may say it, what it does, and that it does it once,
//! whatever happens on the way.

mod account;
mod effects;
mod order;
mod outages;
mod sent;
mod unlink;

use std::collections::BTreeMap;

use kakao_gate::emulator::{ADMIN_KEY, APP_ID, Jwt, REST_API_KEY};
use reqwest::Method;
use serde_json::{Value, json};

use crate::stage::page::Page;
use crate::stage::{TestApp, Visitor, eventually};

const UNLINK: &str = "/webhooks/kakao/unlink";
const ACCOUNT: &str = "/webhooks/kakao/account";
const OAUTH: &str = "https://schemas.openid.net/secevent/oauth/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";

/// How the unlink webhook may come.
#[derive(Clone, Copy, Debug)]
enum Way {
    Get,
    Form,
    Json,
}

const WAYS: [Way; 3] = [Way::Get, Way::Form, Way::Json];

/// An unlink webhook as Kakao sends it, to be changed.
struct Unlink {
    key: Option<String>,
    app_id: String,
    user_id: String,
    referrer: String,
}

impl Unlink {
    fn of(app: &TestApp, person: &str) -> Self {
        Self::of_id(app.emulator.world().user_id(person).unwrap())
    }

    fn of_id(id: i64) -> Self {
        Self {
            key: Some(format!("KakaoAK {ADMIN_KEY}")),
            app_id: APP_ID.to_string(),
            user_id: id.to_string(),
            referrer: "UNLINK_FROM_APPS".to_owned(),
        }
    }

    async fn send(&self, site: &str, way: Way) -> Page {
        self.send_with(&Visitor::new(site).client, site, way).await
    }

    /// As one of many: making a client takes a while.
    async fn send_with(&self, client: &reqwest::Client, site: &str, way: Way) -> Page {
        let fields = [
            ("app_id", &self.app_id),
            ("user_id", &self.user_id),
            ("referrer_type", &self.referrer),
        ];
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let form = form.extend_pairs(fields).finish();
        let request = match way {
            Way::Get => client.get(format!("{site}{UNLINK}?{form}")),
            Way::Form => client
                .post(format!("{site}{UNLINK}"))
                .header(
                    "content-type",
                    "application/x-www-form-urlencoded;charset=utf-8",
                )
                .body(form),
            Way::Json => client
                .post(format!("{site}{UNLINK}"))
                .header("content-type", "application/json")
                .body(json!(BTreeMap::from(fields)).to_string()),
        };
        let request = match &self.key {
            Some(key) => request.header("authorization", key),
            None => request,
        };
        Page::read(request.send().await.expect("an answer")).await
    }
}

/// The claims of an event about `person`, as Kakao makes them.
fn claims(app: &TestApp, person: &str, event: &str) -> Value {
    let id = app.emulator.world().user_id(person).unwrap().to_string();
    let (issuer, now) = (app.emulator.url(), app.clock.now().unix_timestamp());
    let uri = if event.contains(':') {
        event.to_owned()
    } else {
        format!("{OAUTH}{event}")
    };
    json!({
        "iss": issuer, "aud": REST_API_KEY, "sub": id, "iat": now, "toe": now,
        "jti": uuid::Uuid::new_v4().to_string(), "txm": "t", "app_id": APP_ID.to_string(),
        "events": {uri: {
            "subject": {"subject_type": "iss-sub", "iss": issuer, "sub": id},
            "reason": "UNLINK_FROM_APPS",
        }},
    })
}

fn token(app: &TestApp, claims: Value) -> Jwt {
    app.emulator.jwt("secevent+jwt", claims).unwrap()
}

fn signed(app: &TestApp, claims: Value) -> String {
    app.emulator.sign_jwt(&token(app, claims)).unwrap()
}

async fn send_event(site: &str, compact: String) -> Page {
    send_event_with(&Visitor::new(site).client, site, compact).await
}

/// As one of many.
async fn send_event_with(client: &reqwest::Client, site: &str, compact: String) -> Page {
    let request = client
        .request(Method::POST, format!("{site}{ACCOUNT}"))
        .header("content-type", "application/secevent+jwt")
        .header("accept", "application/json")
        .body(compact);
    Page::read(request.send().await.expect("an answer")).await
}

/// Sends an event that must be taken.
async fn told(app: &TestApp, claims: Value) {
    let answer = send_event(&app.url, signed(app, claims)).await;
    assert_eq!((answer.status, answer.body.as_str()), (202, ""));
}

/// Waits for the first look at everything that was told.
async fn looked_at(app: &TestApp) {
    eventually("a look", async || {
        let fresh = "webhook_events WHERE applied_at IS NULL AND effect IS NULL";
        app.count(fresh).await == 0
    })
    .await;
}

/// Lets the time pass after which nothing more can come of what was told.
async fn settled(app: &TestApp) {
    looked_at(app).await;
    app.clock.advance(time::Duration::seconds(16));
    app.gate().webhooks.notify_one();
    eventually("everything is applied", async || {
        app.count("webhook_events WHERE applied_at IS NULL").await == 0
    })
    .await;
}

/// What the events that were told came to, the oldest first.
async fn effects(app: &TestApp) -> Vec<String> {
    app.values("SELECT COALESCE(effect, '-') AS value FROM webhook_events ORDER BY id")
        .await
}

async fn live_sessions(app: &TestApp) -> usize {
    app.count("sessions WHERE ended_at IS NULL").await
}
