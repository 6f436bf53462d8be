//! What there is to compare with: a handler with the same two calls to Kakao and one upsert, and
//! a page of the same kind. No state, no session, no audit, no error page, no header.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use actix_web::dev::ServerHandle;
use actix_web::{App, HttpResponse, HttpServer, web};
use askama::Template;
use diesel::connection::SimpleConnection as _;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::sql_types::{BigInt, Text};
use diesel::{RunQueryDsl as _, SqliteConnection};
use kakao_gate::emulator::{CLIENT_SECRET, Consent, Emulator, REST_API_KEY};
use serde::Deserialize;
use tempfile::TempDir;

use super::service;
use super::wire::Wire;

/// A running server of its own.
pub(crate) struct Bare {
    pub(crate) address: SocketAddr,
    pub(crate) emulator: Emulator,
    server: ServerHandle,
    _folder: TempDir,
}

#[derive(Clone)]
struct Shared {
    http: reqwest::Client,
    pool: Pool<ConnectionManager<SqliteConnection>>,
    kakao: String,
    redirect_uri: String,
}

#[derive(Deserialize)]
struct Callback {
    code: String,
}

#[derive(Deserialize)]
struct Tokens {
    access_token: String,
}

#[derive(Deserialize)]
struct Me {
    id: i64,
    kakao_account: Account,
}

#[derive(Deserialize)]
struct Account {
    profile: Profile,
}

#[derive(Deserialize)]
struct Profile {
    nickname: String,
}

/// About as large as `/me`.
#[derive(Template)]
#[template(
    source = r#"<!doctype html>
<html lang="ko"><head><meta charset="utf-8"><title>{{ name }}</title>
<link rel="stylesheet" href="/static/app.css"><script src="/static/app.js" defer></script></head>
<body><header><a href="/">{{ name }}</a></header><main><h1>{{ name }}</h1><dl>
{% for (term, value) in rows %}<dt>{{ term }}</dt><dd><bdi>{{ value }}</bdi></dd>
{% endfor %}</dl></main><footer><a href="/terms">{{ name }}</a></footer></body></html>"#,
    ext = "html"
)]
struct Page<'a> {
    name: &'a str,
    rows: Vec<(&'a str, i64)>,
}

async fn callback(shared: web::Data<Shared>, query: web::Query<Callback>) -> HttpResponse {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", REST_API_KEY),
        ("client_secret", CLIENT_SECRET),
        ("redirect_uri", &shared.redirect_uri),
        ("code", &query.code),
    ];
    let token = shared
        .http
        .post(format!("{}/oauth/token", shared.kakao))
        .form(&form);
    let token = token.send().await.unwrap().bytes().await.unwrap();
    let token: Tokens = serde_json::from_slice(&token).unwrap();
    let me = shared.http.get(format!("{}/v2/user/me", shared.kakao));
    let me = me.bearer_auth(token.access_token).send().await.unwrap();
    let me: Me = serde_json::from_slice(&me.bytes().await.unwrap()).unwrap();
    let pool = shared.pool.clone();
    let upsert = "INSERT INTO people (id, name) VALUES (?, ?) \
                  ON CONFLICT (id) DO UPDATE SET name = excluded.name";
    web::block(move || {
        diesel::sql_query(upsert)
            .bind::<BigInt, _>(me.id)
            .bind::<Text, _>(me.kakao_account.profile.nickname)
            .execute(&mut pool.get().unwrap())
            .unwrap()
    })
    .await
    .unwrap();
    HttpResponse::SeeOther()
        .insert_header(("location", "/me"))
        .finish()
}

async fn page() -> HttpResponse {
    let page = Page {
        name: "벤치",
        rows: (0..50).map(|number| ("회원번호", number)).collect(),
    };
    HttpResponse::Ok()
        .content_type("text/html; charset=utf-8")
        .body(page.render().unwrap())
}

/// The least that is an answer.
async fn plain() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("x-auth-member", "01900000-0000-7000-8000-000000000000"))
        .finish()
}

impl Bare {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let emulator = service::emulator(address);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bare.db").display().to_string();
        let pool = Pool::builder()
            .max_size(1)
            .build(ConnectionManager::<SqliteConnection>::new(path))
            .unwrap();
        pool.get()
            .unwrap()
            .batch_execute(
                "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                 CREATE TABLE people (id BIGINT PRIMARY KEY NOT NULL, name TEXT NOT NULL)",
            )
            .unwrap();
        let shared = web::Data::new(Shared {
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            pool,
            kakao: emulator.url().to_owned(),
            redirect_uri: redirect_uri(address),
        });
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/auth/kakao/callback", web::get().to(callback))
                .route("/me", web::get().to(page))
                .route("/plain", web::get().to(plain))
        })
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self {
            address,
            emulator,
            server: handle,
            _folder: folder,
        }
    }

    pub(crate) async fn stop(self) {
        self.server.stop(false).await;
        self.emulator.stop().await;
    }
}

fn redirect_uri(address: SocketAddr) -> String {
    format!("http://{address}/auth/kakao/callback")
}

/// A login without anything around it: the person at Kakao, and the callback.
pub(crate) async fn log_in(wire: &mut Wire, bare: &Bare, number: usize) {
    let authorize = format!(
        "{}/oauth/authorize?response_type=code&client_id={REST_API_KEY}&redirect_uri={}",
        bare.emulator.url(),
        redirect_uri(bare.address)
    );
    let person = service::person(number);
    let back = bare.emulator.authorize(&authorize, &person, Consent::All);
    let path = back
        .find("/auth/")
        .map(|start| &back[start..])
        .expect(&back);
    let done = wire.get(path, "").await;
    assert_eq!((done.status, done.location.as_str()), (303, "/me"));
}
