//! Requests of other shapes than the documented ones.

use serde_json::{Value, json};

use super::{
    HAND_OFF, LOGOUT, ME, REFRESH, http, json_of, me, pair, post, refresh, refused, taken,
};
use crate::stage::contract;
use crate::stage::page::Page;
use crate::stage::{TestApp, eventually, everywhere, raw};

async fn patch(app: &TestApp, access: &str, body: String) -> Page {
    let request = http()
        .patch(format!("{}{ME}", app.url))
        .header("authorization", format!("Bearer {access}"))
        .header("content-type", "application/json")
        .body(body);
    let page = Page::read(request.send().await.unwrap()).await;
    contract::hold(&reqwest::Method::PATCH, ME, &page);
    page
}

/// An answer that was read byte by byte: that it is a refusal, and one answer only.
fn refused_at_once(answer: &str, what: &str) {
    assert!(answer.starts_with("HTTP/1.1 4"), "{what}: {answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{what}: {answer}");
    assert!(
        !answer.to_lowercase().contains("x-made-up"),
        "{what}: {answer}"
    );
}

// AP-2
#[test]
fn a_token_counts_in_one_header_and_nowhere_else() {
    everywhere(async |app| {
        let (access, refresh_token) = taken(app, "ordinary").await;
        let bearer = format!("Bearer {access}");
        let visitor = app.visitor();
        for path in [
            format!("{ME}?access_token={access}"),
            format!("{ME}?Authorization=Bearer%20{access}"),
            format!("{ME}?token={access}#{access}"),
        ] {
            let answer = visitor.get(&path).await;
            assert_eq!(refused(&answer, 401), "unauthorized", "{path}");
        }
        for (name, value) in [
            ("cookie", format!("access_token={access}")),
            ("x-authorization", bearer.clone()),
            ("x-forwarded-authorization", bearer.clone()),
            ("x-access-token", access.clone()),
            ("proxy-authorization", bearer.clone()),
        ] {
            let answer = visitor.get_with(ME, &[(name, &value)]).await;
            assert_eq!(refused(&answer, 401), "unauthorized", "{name}");
        }
        for values in [
            vec![bearer.clone(), bearer.clone()],
            vec![bearer.clone(), "Bearer x".to_owned()],
            vec!["Basic YTpi".to_owned(), bearer.clone()],
            vec![bearer.replacen(' ', "  ", 1)],
            vec![bearer.replacen(' ', "\t", 1)],
            vec![format!("{bearer},{bearer}")],
            vec![format!("{bearer}, Basic YTpi")],
            vec![format!("\"{bearer}\"")],
            vec![access.clone()],
            vec!["Bearer".to_owned()],
            vec![format!("Bearer {}", "x".repeat(9 * 1024))],
            vec![format!("Bearer {access}\u{e9}")],
            vec![format!("Token {access}")],
        ] {
            let headers: Vec<(&str, &str)> = values
                .iter()
                .map(|value| ("authorization", value.as_str()))
                .collect();
            let answer = visitor.get_with(ME, &headers).await;
            assert_eq!(refused(&answer, 400), "invalid_request", "{values:?}");
        }
        // Refresh tokens neither: not in the address, a form or the header.
        let path = format!("{REFRESH}?refresh_token={refresh_token}");
        for path in [path.as_str(), REFRESH] {
            let answer = visitor
                .post(path, &[("refresh_token", &refresh_token)])
                .await;
            assert_eq!(refused(&answer, 415), "unsupported_media_type");
            let answer = post(app, path, Some(&refresh_token), Some(json!({}))).await;
            assert_eq!(refused(&answer, 400), "invalid_request");
        }
        assert_eq!(me(app, &access).await.status, 200);
        let (again, _) = pair(&refresh(app, &refresh_token).await);
        assert_eq!(me(app, &again).await.status, 200);
    });
}

// AP-2, IN-1
#[test]
fn line_breaks_end_no_header_and_begin_none() {
    everywhere(async |app| {
        let (access, refresh_token) = taken(app, "ordinary").await;
        let breaks = ["\r\n", "\n", "\r", "\r\n ", "\r\n\t", "\0"];
        for between in breaks {
            for value in [
                format!("Bearer {access}{between}X-Made-Up: 1"),
                format!("Bearer {between}{access}"),
            ] {
                let head = format!(
                    "GET {ME} HTTP/1.1\r\nHost: {}\r\nAuthorization: {value}\r\nConnection: close\r\n\r\n",
                    app.address()
                );
                let answer = raw::exchange(app.address(), head.into_bytes()).await;
                // A header of its own behind a whole one is just that.
                let whole = ["\r\n", "\n"].contains(&between) && value.ends_with('1');
                if !(whole && answer.starts_with("HTTP/1.1 200")) {
                    refused_at_once(&answer, &format!("{between:?}"));
                }
            }
            for text in [
                format!("{refresh_token}{between}X-Made-Up: 1"),
                format!("{between}{refresh_token}"),
            ] {
                for path in [REFRESH, LOGOUT] {
                    let body = Some(json!({ "refresh_token": text }));
                    let answer = post(app, path, None, body).await;
                    assert!(!answer.headers.contains_key("x-made-up"));
                    match path {
                        REFRESH => assert_eq!(refused(&answer, 401), "invalid_token"),
                        _ => assert_eq!(answer.status, 204, "nothing to be done"),
                    }
                }
            }
            let body = json!({ "id_token": format!("a.b.c{between}d"), "nonce": between });
            let answer = post(app, HAND_OFF, None, Some(body)).await;
            assert!([400, 401].contains(&answer.status), "{between:?}");
            assert!(!answer.headers.contains_key("x-made-up"));
        }
        assert_eq!(me(app, &access).await.status, 200);
        assert_eq!(refresh(app, &refresh_token).await.status, 200);
    });
}

// IN-1, IN-2
#[test]
fn bodies_that_are_too_much_are_refused_and_touch_nothing() {
    everywhere(async |app| {
        let (access, refresh_token) = taken(app, "ordinary").await;
        let long = "x".repeat(9 * 1024);
        let with_long = json!({ "refresh_token": format!("{refresh_token}{long}") });
        let answer = post(app, REFRESH, None, Some(with_long)).await;
        assert_eq!(refused(&answer, 401), "invalid_token");
        let longer = json!({ "refresh_token": &refresh_token, "pad": "x".repeat(17 * 1024) });
        let answer = post(app, REFRESH, None, Some(longer)).await;
        assert_eq!(refused(&answer, 413), "too_large");
        let answer = patch(
            app,
            &access,
            json!({ "name": "x".repeat(17 * 1024) }).to_string(),
        )
        .await;
        assert_eq!(refused(&answer, 413), "too_large");
        for body in [
            "{",
            "",
            "null",
            "\u{feff}{}",
            "{\"refresh_token\":null}",
            "{\"refresh_token\":[\"a\"]}",
            "{\"refresh_token\":{\"$ne\":null}}",
            &"[".repeat(5_000),
            &"{\"a\":".repeat(2_000),
            &format!("{{\"refresh_token\":\"x\",\"refresh_token\":\"{refresh_token}\"}}"),
            &format!("{{\"refresh_token\":\"{refresh_token}\",\"role\":\"owner\"}}"),
            &format!("{{\"refresh_token\":\"{refresh_token}\"}} x"),
        ] {
            let request = http()
                .post(format!("{}{REFRESH}", app.url))
                .header("content-type", "application/json")
                .body(body.to_owned());
            let answer = Page::read(request.send().await.unwrap()).await;
            assert_eq!(refused(&answer, 400), "invalid_request", "{body:.60}");
        }
        assert_eq!(me(app, &access).await.status, 200);
        assert_eq!(refresh(app, &refresh_token).await.status, 200);
    });
}

// AP-10
#[test]
fn a_member_cannot_make_themselves_anything_by_naming_it() {
    everywhere(async |app| {
        let (access, _) = taken(app, "ordinary").await;
        let (_, other) = app.signed_in("linked").await;
        let before = json_of(&me(app, &access).await);
        let row = "SELECT role || standing || CAST(number AS TEXT) || COALESCE(email, '') \
                   || CAST(version AS TEXT) AS value FROM members ORDER BY number";
        let rows = app.values(row).await;
        for (name, value) in [
            ("id", json!(other.to_string())),
            ("member_id", json!(other.to_string())),
            ("number", json!(1)),
            ("role", json!("owner")),
            ("standing", json!("active")),
            ("email", json!("owner@example.com")),
            ("email_verified_at", json!("2020-01-01T00:00:00Z")),
            ("picture", json!("https://evil.example/x.png")),
            ("locale", json!("en")),
            ("created_at", json!("2000-01-01T00:00:00Z")),
            ("last_login_at", json!("2000-01-01T00:00:00Z")),
            ("version", json!(7)),
            ("display_name", json!("다른 이름")),
            ("Name", json!("다른 이름")),
            ("kakao_id", json!(1)),
            ("password", json!("x")),
            ("__proto__", json!({ "role": "owner" })),
            ("", json!("")),
        ] {
            let mut body = json!({ "name": "다른 이름" });
            body[name] = value;
            let answer = patch(app, &access, body.to_string()).await;
            assert_eq!(refused(&answer, 400), "invalid_request", "{body}");
        }
        let doubled = r#"{"name":"하나","name":"둘"}"#.to_owned();
        let answer = patch(app, &access, doubled).await;
        assert_eq!(refused(&answer, 400), "invalid_request");
        for path in [
            format!("{ME}?role=owner"),
            format!("{ME}/{other}"),
            format!("{ME}?id={other}"),
        ] {
            let request = http()
                .patch(format!("{}{path}", app.url))
                .header("authorization", format!("Bearer {access}"))
                .header("content-type", "application/json")
                .body(Value::Null.to_string());
            let answer = Page::read(request.send().await.unwrap()).await;
            assert!([400, 404].contains(&answer.status), "{path}");
        }
        assert_eq!(json_of(&me(app, &access).await), before);
        assert_eq!(app.values(row).await, rows);
    });
}

// AP-7
#[test]
fn an_answer_that_was_lost_is_brought_by_asking_again() {
    everywhere(async |app| {
        let (_, token) = taken(app, "ordinary").await;
        let body = json!({ "refresh_token": token }).to_string();
        let request = format!(
            "POST {REFRESH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        // Sent whole, and gone before the answer.
        for _ in 0..3 {
            let (address, request) = (app.address(), request.clone());
            let sent = tokio::task::spawn_blocking(move || {
                use std::io::Write as _;
                let mut stream = std::net::TcpStream::connect(address).unwrap();
                stream.write_all(request.as_bytes()).unwrap();
                stream.shutdown(std::net::Shutdown::Both).unwrap();
            });
            sent.await.unwrap();
        }
        eventually("one was answered", async || {
            let used = refresh(app, &token).await;
            used.status == 200
        })
        .await;
        let (access, next) = pair(&refresh(app, &token).await);
        assert_eq!(me(app, &access).await.status, 200);
        let (access, _) = pair(&refresh(app, &next).await);
        assert_eq!(me(app, &access).await.status, 200);
        assert_eq!(app.count("sessions WHERE ended_at IS NULL").await, 1);
        assert_eq!(app.count("api_tokens").await, 1, "one chain");
    });
}
