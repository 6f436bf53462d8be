//! What a program is told while something we stand on is not there: 503 or 401 in time, and never
//! that somebody is somebody.

use futures_util::future::join_all;
use kakao_gate::emulator::{CLIENT_SECRET, Endpoint, Fault, REST_API_KEY, Times};
use reqwest::Method;
use serde_json::json;

use super::{HAND_OFF, LOGOUT, ME, REFRESH, access_of, http, kakao_gives, me, pair, post, refresh};
use super::{refused, taken};
use crate::admin_keys::make;
use crate::database_faults::postgres::on_a_wire;
use crate::stage::contract;
use crate::stage::outage::{
    busy_connections, in_time, promptly, recovered, still_lives, unavailable,
};
use crate::stage::page::Page;
use crate::stage::proxy::Proxy;
use crate::stage::redis_server::RedisServer;
use crate::stage::{Backends, Stage, TestApp, Visitor, everywhere};

const SESSION: &str = "/api/v1/auth/session";
const FORWARD_AUTH: &str = "/forward-auth";

/// What somebody holds who was there before.
struct Held {
    key: String,
    access: String,
    refresh: String,
    kakao: String,
    browser: Visitor,
    csrf: String,
}

impl Held {
    async fn by(app: &TestApp, person: &str) -> Self {
        let (access, refresh) = taken(app, person).await;
        let (browser, _) = app.signed_in(person).await;
        // A server has a key.
        let database = &app.backends().database;
        database.execute("UPDATE members SET role = 'owner'");
        let key = make(&browser, "server", &["introspect", "members:read"]).await;
        database.execute("UPDATE members SET role = 'member'");
        Self {
            key,
            access,
            refresh,
            kakao: access_of(app, person).await,
            csrf: browser.get("/me").await.csrf(),
            browser,
        }
    }
}

async fn on_me(app: &TestApp, access: &str, method: Method, body: serde_json::Value) -> Page {
    let request = http()
        .request(method.clone(), format!("{}{ME}", app.url))
        .header("authorization", format!("Bearer {access}"))
        .header("content-type", "application/json")
        .body(body.to_string());
    let page = Page::read(request.send().await.unwrap()).await;
    contract::hold(&method, ME, &page);
    page
}

/// That a program is told to come back.
fn told_to_wait(page: &Page) {
    assert_eq!(refused(page, 503), "unavailable");
    let seconds: u32 = page.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
}

async fn writes_are_refused(app: &TestApp, held: &Held) {
    // A look that cannot be written down shows nobody.
    let header = format!("Bearer {}", held.key);
    let headers = [("authorization", header.as_str())];
    told_to_wait(&in_time(app.visitor().get_with("/api/v1/members", &headers)).await);
    let rename = json!({ "name": "새 이름" });
    told_to_wait(&in_time(on_me(app, &held.access, Method::PATCH, rename)).await);
    let leaving = json!({ "kakao_access_token": held.kakao });
    told_to_wait(&in_time(on_me(app, &held.access, Method::DELETE, leaving)).await);
    told_to_wait(&promptly(refresh(app, &held.refresh)).await);
    let body = json!({ "refresh_token": held.refresh });
    told_to_wait(&in_time(post(app, LOGOUT, None, Some(body))).await);
    told_to_wait(&in_time(post(app, HAND_OFF, Some(&held.kakao), None)).await);
}

async fn reads_are_refused(app: &TestApp, held: &Held) {
    told_to_wait(&promptly(introspect(app, held)).await);
    told_to_wait(&promptly(me(app, &held.access)).await);
    told_to_wait(&promptly(session(held)).await);
    let asked = promptly(held.browser.get(FORWARD_AUTH)).await;
    unavailable(&asked);
    assert!(!asked.headers.contains_key("x-auth-member"));
}

async fn introspect(app: &TestApp, held: &Held) -> Page {
    let header = format!("Bearer {}", held.key);
    let headers = [("authorization", header.as_str())];
    let form = [("token", held.access.as_str())];
    let path = "/api/v1/auth/introspect";
    app.visitor().post_with(path, &headers, &form).await
}

async fn session(held: &Held) -> Page {
    held.browser.post(SESSION, &[("csrf", &held.csrf)]).await
}

/// Everything is as it was: nobody was logged out, renamed or erased, and no chain was forked.
async fn as_before(app: &TestApp, held: &Held) {
    recovered(ME, async || me(app, &held.access).await.status == 200).await;
    recovered("introspection", async || {
        introspect(app, held).await.status == 200
    })
    .await;
    recovered(SESSION, async || session(held).await.status == 200).await;
    recovered(FORWARD_AUTH, async || {
        held.browser.get(FORWARD_AUTH).await.status == 200
    })
    .await;
    recovered(REFRESH, async || {
        refresh(app, &held.refresh).await.status == 200
    })
    .await;
    let (access, _) = pair(&refresh(app, &held.refresh).await);
    let shown = me(app, &access).await;
    assert!(shown.body.contains("김하늘"), "{}", shown.body);
    assert_eq!(app.count("members WHERE standing = 'active'").await, 1);
}

// RL-4, AP-3, FA-5
#[test]
fn a_frozen_or_absent_postgres_shows_nobody() {
    on_a_wire(async |app, wire| {
        let held = Held::by(app, "ordinary").await;
        for (begin, end) in [
            (Proxy::freeze as fn(&Proxy), Proxy::thaw as fn(&Proxy)),
            (Proxy::refuse, Proxy::admit),
        ] {
            begin(wire);
            reads_are_refused(app, &held).await;
            writes_are_refused(app, &held).await;
            // More at once than there are connections.
            let crowd = (0..12).map(async |_| in_time(me(app, &held.access)).await);
            for page in join_all(crowd).await {
                told_to_wait(&page);
            }
            still_lives(app).await;
            end(wire);
            as_before(app, &held).await;
        }
    });
}

// RL-4, AP-3, FA-5
#[test]
fn a_database_without_a_free_connection_shows_nobody() {
    let stage = Stage::default().set("DATABASE_CONNECTIONS", "2");
    stage.everywhere(async |app| {
        let held = Held::by(app, "ordinary").await;
        let busy = busy_connections(app, 2).await;
        reads_are_refused(app, &held).await;
        // Keys that are known are told for a minute, and then no others.
        app.clock.advance(time::Duration::minutes(2));
        let keys = promptly(app.visitor().get("/.well-known/jwks.json")).await;
        assert_eq!(keys.status, 503, "{}", keys.body);
        told_to_wait(&promptly(me(app, &held.access)).await);
        drop(busy);
        as_before(app, &held).await;
    });
}

// RL-4, AP-3
#[test]
fn what_cannot_be_written_down_has_not_happened() {
    everywhere(async |app| {
        let held = Held::by(app, "ordinary").await;
        let lock = app.backends().database.lock();
        writes_are_refused(app, &held).await;
        drop(lock);
        as_before(app, &held).await;
        assert_eq!(app.count("sessions WHERE ended_at IS NULL").await, 2);
    });
}

// RL-4, FA-5
#[test]
fn a_frozen_redis_gives_no_token_to_a_browser_and_takes_none_from_programs() {
    let Some(redis) = RedisServer::start() else {
        return;
    };
    Stage::default().on(Backends::with_redis(&redis.url()), async |app| {
        let held = Held::by(app, "ordinary").await;
        redis.freeze();
        told_to_wait(&promptly(session(&held)).await);
        let asked = promptly(held.browser.get(FORWARD_AUTH)).await;
        unavailable(&asked);
        assert!(!asked.headers.contains_key("x-auth-member"));
        // Programs have nothing there.
        assert_eq!(promptly(me(app, &held.access)).await.status, 200);
        let (access, _) = pair(&promptly(refresh(app, &held.refresh)).await);
        assert_eq!(promptly(me(app, &access)).await.status, 200);
        redis.thaw();
        as_before(app, &held).await;
    });
}

/// That nothing was made of somebody whom nobody vouched for.
async fn nothing_half_made(app: &TestApp, what: &str) {
    for table in [
        "members",
        "kakao_accounts",
        "sessions",
        "api_tokens",
        "outbox",
        "audit_events",
    ] {
        assert_eq!(app.count(table).await, 0, "{table}: {what}");
    }
}

// RL-2, AP-1, AP-3
#[test]
fn a_kakao_in_trouble_makes_nobody() {
    let stage = Stage::default()
        .set("KAKAO_TIMEOUT_MS", "300")
        .set("KAKAO_CONNECT_TIMEOUT_MS", "200");
    stage.everywhere(async |app| {
        let token = access_of(app, "ordinary").await;
        for endpoint in [Endpoint::AccessTokenInfo, Endpoint::Me] {
            for fault in [
                Fault::Silence,
                Fault::Cut,
                Fault::CutBody,
                Fault::Malformed,
                Fault::Html(200),
                Fault::Html(502),
                Fault::Redirect("http://127.0.0.1:9/".to_owned()),
                Fault::Status(500),
                Fault::Status(503),
                Fault::RateLimit,
                Fault::Endless,
            ] {
                let what = format!("{endpoint:?} {fault}");
                app.emulator.fail(endpoint, fault, Times::Always);
                let answer = in_time(post(app, HAND_OFF, Some(&token), None)).await;
                assert_eq!(refused(&answer, 503), "kakao_unavailable", "{what}");
                assert!(!answer.header("retry-after").is_empty(), "{what}");
                app.emulator.heal();
                nothing_half_made(app, &what).await;
            }
        }
        let wire = Proxy::to(app.emulator.url());
        let kakao = wire.url(app.emulator.url());
        let kakao = kakao.trim_end_matches('/');
        app.restart(&[("KAKAO_AUTH_URL", kakao), ("KAKAO_API_URL", kakao)])
            .await;
        for (begin, end) in [
            (Proxy::freeze as fn(&Proxy), Proxy::thaw as fn(&Proxy)),
            (Proxy::refuse, Proxy::admit),
        ] {
            begin(&wire);
            let answer = in_time(post(app, HAND_OFF, Some(&token), None)).await;
            assert_eq!(refused(&answer, 503), "kakao_unavailable");
            nothing_half_made(app, "the wire").await;
            end(&wire);
        }
        // The same token is as good as it was.
        let (access, _) = pair(&post(app, HAND_OFF, Some(&token), None).await);
        assert_eq!(me(app, &access).await.status, 200);
        // And whoever is signed in needs no Kakao.
        wire.refuse();
        assert_eq!(me(app, &access).await.status, 200);
    });
}

// RL-2, OT-2
#[test]
fn without_kakaos_keys_an_id_token_makes_nobody() {
    let stage = Stage::default()
        .set("KAKAO_OIDC", "on")
        .set("KAKAO_TIMEOUT_MS", "300");
    stage.everywhere(async |app| {
        app.emulator.set_oidc(true);
        for fault in [
            Fault::Silence,
            Fault::Cut,
            Fault::Status(503),
            Fault::Malformed,
        ] {
            let what = fault.to_string();
            app.emulator.fail(Endpoint::Jwks, fault, Times::Always);
            let given = kakao_gives(app, "ordinary", (REST_API_KEY, CLIENT_SECRET)).await;
            let body = json!({ "id_token": given["id_token"], "nonce": "nonce-of-the-app" });
            let answer = in_time(post(app, HAND_OFF, None, Some(body))).await;
            assert_eq!(refused(&answer, 503), "kakao_unavailable", "{what}");
            nothing_half_made(app, &what).await;
            app.emulator.heal();
        }
    });
}
