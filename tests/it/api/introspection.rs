//! `/api/v1/auth/introspect`: whether a token counts at this moment.

use kakao_gate::member::Role;
use serde_json::{Value, json};
use time::Duration;

use super::{LOGOUT, http, json_of, post, refused, taken};
use crate::admin_keys::make;
use crate::audit::staff;
use crate::stage::contract;
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, everywhere};

const HERE: &str = "/api/v1/auth/introspect";

async fn ask(app: &TestApp, key: Option<&str>, kind: &str, body: String) -> Page {
    let mut request = http().post(format!("{}{HERE}", app.url));
    if let Some(key) = key {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    let request = request.header("content-type", kind).body(body);
    let page = Page::read(request.send().await.unwrap()).await;
    contract::hold(&reqwest::Method::POST, HERE, &page);
    page
}

async fn told(app: &TestApp, key: &str, token: &str) -> Value {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("token", token)
        .append_pair("token_type_hint", "access_token")
        .finish();
    let page = ask(app, Some(key), "application/x-www-form-urlencoded", form).await;
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(page.header("cache-control"), "no-store");
    json_of(&page)
}

async fn key(app: &TestApp) -> String {
    let owner = staff(app, "ordinary", Role::Owner).await;
    make(&owner, "server", &["introspect"]).await
}

// AP-4, AP-8
#[test]
fn a_server_learns_at_once_that_a_token_counts_no_more() {
    everywhere(async |app| {
        let key = key(app).await;
        let (access, token) = taken(app, "linked").await;
        let body = told(app, &key, &access).await;
        let member = json_of(&super::me(app, &access).await);
        assert_eq!(body["active"], true);
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["sub"], member["id"]);
        assert_eq!(body["role"], "member");
        assert_eq!(
            body["exp"].as_i64().unwrap() - body["iat"].as_i64().unwrap(),
            600
        );
        assert_eq!(body["iss"], app.url.as_str());
        for personal in ["username", "name", "email"] {
            assert_eq!(body[personal], Value::Null);
        }
        // Whoever is told that a token is active lets its bearer in, so a refresh token never is.
        assert_eq!(told(app, &key, &token).await, json!({ "active": false }));
        app.clock.advance(Duration::minutes(10));
        assert_eq!(told(app, &key, &access).await, json!({ "active": false }));
        let (access, token) = taken(app, "linked").await;
        let out = json!({ "refresh_token": token });
        assert_eq!(post(app, LOGOUT, None, Some(out)).await.status, 204);
        for ended in [&access, &token] {
            assert_eq!(told(app, &key, ended).await, json!({ "active": false }));
        }
        // Asking ends nothing, whatever is asked about.
        let (access, _) = taken(app, "linked").await;
        for other in [
            "",
            "x",
            "kgr_",
            "a.b.c",
            &key,
            &format!("{access}x"),
            "\u{0}\r\n",
        ] {
            assert_eq!(
                told(app, &key, other).await,
                json!({ "active": false }),
                "{other}"
            );
        }
        assert_eq!(told(app, &key, &access).await["active"], true);
    });
}

// AP-3, AP-9, AP-10
#[test]
fn whoever_has_no_key_for_it_is_told_nothing() {
    everywhere(async |app| {
        let owner = staff(app, "ordinary", Role::Owner).await;
        let key = make(&owner, "server", &["introspect"]).await;
        let reads = make(&owner, "other", &["members:read", "members:manage"]).await;
        let (access, _) = taken(app, "linked").await;
        let form = "application/x-www-form-urlencoded";
        let body = || format!("token={access}");
        let page = ask(app, None, form, body()).await;
        assert_eq!(refused(&page, 401), "unauthorized");
        let page = ask(app, Some(&access), form, body()).await;
        assert_eq!(refused(&page, 401), "invalid_token");
        let page = ask(app, Some(&reads), form, body()).await;
        assert_eq!(refused(&page, 403), "insufficient_scope");
        for wrong in [
            String::new(),
            "tokens=x".to_owned(),
            format!("{0}&{0}", body()),
        ] {
            let page = ask(app, Some(&key), form, wrong).await;
            assert_eq!(refused(&page, 400), "invalid_request");
        }
        let json = json!({ "token": access }).to_string();
        let page = ask(app, Some(&key), "application/json", json).await;
        assert_eq!(refused(&page, 415), "unsupported_media_type");
        let page = ask(
            app,
            Some(&key),
            form,
            format!("token={}", "x".repeat(20_000)),
        )
        .await;
        assert_eq!(refused(&page, 413), "too_large");
    });
}

// AP-3
#[test]
fn who_guesses_keys_is_told_to_wait_and_who_has_one_is_not() {
    Stage::default()
        .set("RATE_POSTS", "5")
        .everywhere(async |app| {
            let key = key(app).await;
            let (access, _) = taken(app, "linked").await;
            let form = "application/x-www-form-urlencoded";
            let guess = kakao_gate::api_key::Secret::new(&[1; 32]);
            let mut statuses = Vec::new();
            for _ in 0..8 {
                let page = ask(app, Some(guess.reveal()), form, "token=x".to_owned()).await;
                statuses.push(page.status);
            }
            assert!(
                statuses.contains(&401) && statuses.ends_with(&[429]),
                "{statuses:?}"
            );
            for _ in 0..20 {
                assert_eq!(told(app, &key, &access).await["active"], true);
            }
        });
}
