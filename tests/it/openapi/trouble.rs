//! What the document says of trouble that has nothing to do with what was sent.

use kakao_gate::api_key::Secret;
use serde_json::json;

use crate::api;
use crate::stage::contract::{self, Operation, contract};
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp};

const NOBODY: &str = "01900000-0000-7000-8000-000000000000";

/// Somebody who may do all of it.
struct Caller {
    cookie: String,
    csrf: String,
    access: String,
    refresh: String,
}

impl Caller {
    async fn of(app: &TestApp) -> Self {
        let (browser, _) = app.signed_in("ordinary").await;
        let (access, refresh) = api::taken(app, "ordinary").await;
        Self {
            csrf: browser.get("/me").await.csrf(),
            cookie: format!("kg-session={}", browser.cookie("kg-session").unwrap()),
            access,
            refresh,
        }
    }

    async fn call(&self, app: &TestApp, operation: &Operation<'_>) -> Page {
        let parts = operation.path.split('/');
        let parts = parts.map(|part| if part.starts_with('{') { NOBODY } else { part });
        let address = format!("{}{}", app.url, parts.collect::<Vec<_>>().join("/"));
        let method = &operation.method;
        let mut request = app
            .visitor()
            .client
            .request(method.clone(), address)
            .header("cookie", &self.cookie)
            .header("sec-fetch-site", "same-origin");
        let mut ways = operation.value["security"].as_array().into_iter().flatten();
        if ways.any(|way| way["apiKey"].is_array()) {
            // One that somebody guessed.
            let key = Secret::new(&[1; 32]);
            request = request.header("authorization", format!("Bearer {}", key.reveal()));
        } else if operation.value["security"][0]["accessToken"].is_array() {
            request = request.header("authorization", format!("Bearer {}", self.access));
        }
        let content = operation.value["requestBody"]["content"].as_object();
        if let Some(kind) = content.and_then(|content| content.keys().next()) {
            let body = if kind.contains("urlencoded") {
                format!("csrf={}", self.csrf)
            } else {
                let body = match operation.path {
                    "/api/v1/me" => json!({ "name": "새 이름" }),
                    _ => json!({ "refresh_token": self.refresh }),
                };
                body.to_string()
            };
            request = request.header("content-type", kind).body(body);
        }
        let page = Page::read(request.send().await.unwrap()).await;
        contract::hold(method, operation.path, &page);
        page
    }
}

// RL-1, AP-3
#[test]
fn whoever_asks_too_often_is_told_so_where_the_document_says_it_and_nowhere_else() {
    let stage = Stage::default()
        .set("RATE_POSTS", "6")
        .set("RATE_LOGIN_STARTS", "6");
    stage.once(async |app| {
        let caller = Caller::of(app).await;
        let mut limited = 0;
        for operation in contract().operations() {
            let mut answers = Vec::new();
            for _ in 0..8 {
                answers.push(caller.call(app, &operation).await.status);
            }
            let is_limited = operation.codes().contains(&"rate_limited");
            limited += usize::from(is_limited);
            let what = format!("{}: {answers:?}", operation.id());
            assert_eq!(answers.contains(&429), is_limited, "{what}");
        }
        assert!(limited >= 4);
    });
}

// RL-4, AP-3
#[test]
fn a_database_that_is_broken_is_told_of_as_documented_and_lets_nobody_in() {
    Stage::default().everywhere(async |app| {
        let caller = Caller::of(app).await;
        // Of the tables that each of them needs.
        for table in ["sessions", "api_tokens"] {
            let sql = format!("ALTER TABLE {table} RENAME TO {table}_away");
            app.backends().database.execute(&sql);
        }
        let mut failed = 0;
        for operation in contract().operations() {
            let page = caller.call(app, &operation).await;
            if page.status != 500 {
                let is_for_somebody = operation.value["security"][0].is_object();
                assert!(page.status >= 400 || !is_for_somebody, "{}", operation.id());
                continue;
            }
            for inner in ["sessions", "SQL", "relation", "table", "src/"] {
                assert!(!page.body.contains(inner), "{}", page.body);
            }
            assert!(page.body.contains(page.header("x-request-id")));
            failed += 1;
        }
        assert!(failed >= 5);
    });
}
