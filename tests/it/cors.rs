//! Which pages of other sites may call the API from a browser.

use kakao_gate::web::{bare_table, table};
use reqwest::Method;

use crate::api::{refused, taken};
use crate::stage::outage::{busy_connections, in_time};
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, everywhere};

const APP: &str = "https://app.example.com";
const SESSION: &str = "/api/v1/auth/session";

fn stage() -> Stage {
    Stage::default().set(
        "API_CORS_ORIGINS",
        &format!("{APP},https://app.example.com:8443,http://localhost:5173"),
    )
}

/// What a browser asks before it sends something that no form could.
async fn preflight(app: &TestApp, path: &str, origin: &str) -> Page {
    let headers = [
        ("origin", origin),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "authorization"),
    ];
    let visitor = app.visitor();
    visitor.send(Method::OPTIONS, path, &headers, None).await
}

fn api_paths() -> Vec<&'static str> {
    let all = bare_table().into_iter().map(|address| address.path);
    all.filter(|path| path.starts_with("/api/v1/")).collect()
}

/// That `origin` may read the answer, and that caches are told that it depends on who asks.
fn shared_with(page: &Page, origin: &str) {
    assert_eq!(page.header("access-control-allow-origin"), origin);
    assert_eq!(page.header("vary"), "Origin");
    let told = page.header("access-control-expose-headers");
    for name in ["WWW-Authenticate", "Retry-After", "Link", "X-Request-Id"] {
        assert!(told.contains(name), "{told}");
    }
    never_with_cookies(page);
}

fn shared_with_nobody(page: &Page, what: &str) {
    let told = page.headers.keys().map(reqwest::header::HeaderName::as_str);
    let told: Vec<&str> = told
        .filter(|name| name.starts_with("access-control-"))
        .collect();
    assert!(told.is_empty(), "{what}: {told:?}");
}

fn never_with_cookies(page: &Page) {
    let name = "access-control-allow-credentials";
    assert!(!page.headers.contains_key(name));
}

// AP-9
#[test]
fn pages_of_nobody_else_can_call_the_api_unless_they_are_listed() {
    Stage::default().once(async |app| {
        for path in api_paths() {
            let asked = preflight(app, path, APP).await;
            assert_eq!(refused(&asked, 403), "forbidden", "{path}");
            shared_with_nobody(&asked, path);
            assert_eq!(asked.header("vary"), "Origin", "{path}");
        }
    });
}

// AP-9
#[test]
fn an_origin_that_only_looks_like_a_listed_one_is_another() {
    stage().once(async |app| {
        for origin in [
            "null",
            "",
            "*",
            "https://app.example.com.evil.example",
            "https://evil.example/https://app.example.com",
            "https://evilapp.example.com",
            "https://x.app.example.com",
            "https://example.com",
            "https://app.example.co",
            "https://app.example.com.",
            "https://app.example.com/",
            "https://app.example.com:443",
            "https://app.example.com:8444",
            "https://app.example.com:84430",
            "https://APP.example.com",
            "HTTPS://APP.EXAMPLE.COM",
            "http://app.example.com",
            "https://app.example.com https://evil.example",
            "https://app.example.com,https://evil.example",
            "https://evil.example,https://app.example.com",
            "https://app.example.com@evil.example",
            "https://evil.example#https://app.example.com",
            "https://app.example.com\t.evil.example",
            "https://xn--app-example.com",
            "https://app.example.com\u{e9}",
            "http://localhost",
            "http://localhost:5174",
            "http://127.0.0.1:5173",
            "http://localhost:5173.evil.example",
            "file://",
            "chrome-extension://app.example.com",
            app.url.as_str(),
        ] {
            let asked = preflight(app, "/api/v1/me", origin).await;
            assert_eq!(refused(&asked, 403), "forbidden", "{origin}");
            shared_with_nobody(&asked, origin);
            assert_eq!(asked.header("vary"), "Origin");
            let headers = [("origin", origin)];
            let answer = app.visitor().get_with("/api/v1/me", &headers).await;
            assert_eq!(refused(&answer, 401), "unauthorized");
            shared_with_nobody(&answer, origin);
            assert_eq!(answer.header("vary"), "Origin", "{origin}");
        }
        // Twice, in either order, is nobody.
        for other in [APP, "https://evil.example", "null"] {
            for pair in [[APP, other], [other, APP]] {
                let headers = pair.map(|origin| ("origin", origin));
                let answer = app.visitor().get_with("/api/v1/me", &headers).await;
                assert_eq!(refused(&answer, 401), "unauthorized");
                shared_with_nobody(&answer, other);
                let mut headers = headers.to_vec();
                headers.push(("access-control-request-method", "GET"));
                let visitor = app.visitor();
                let asked = visitor.send(Method::OPTIONS, "/api/v1/me", &headers, None);
                shared_with_nobody(&asked.await, other);
            }
        }
    });
}

// AP-9
#[test]
fn a_listed_page_is_told_of_every_address_what_it_may_send() {
    stage().once(async |app| {
        let mut asked_at = 0;
        for address in bare_table() {
            if !address.path.starts_with("/api/v1/") {
                continue;
            }
            for origin in [APP, "https://app.example.com:8443", "http://localhost:5173"] {
                let path = address.path.replace("{id}", "x");
                let asked = preflight(app, &path, origin).await;
                assert_eq!((asked.status, asked.body.as_str()), (204, ""), "{path}");
                shared_with(&asked, origin);
                let methods = asked.header("access-control-allow-methods");
                assert_eq!(methods, address.allow(), "{path}");
                let headers = asked.header("access-control-allow-headers");
                assert_eq!(headers, "authorization, content-type");
                assert_eq!(asked.header("access-control-max-age"), "600");
                assert!(!asked.header("content-security-policy").is_empty());
            }
            asked_at += 1;
        }
        assert!(asked_at >= 4);
        // Without a wish it is no preflight, and no address answers that method.
        let headers = [("origin", APP)];
        let visitor = app.visitor();
        let plain = visitor.send(Method::OPTIONS, "/api/v1/me", &headers, None);
        let plain = plain.await;
        assert_eq!(refused(&plain, 405), "method_not_allowed");
        shared_with(&plain, APP);
    });
}

// AP-9, AP-3
#[test]
fn a_listed_page_reads_answers_and_refusals() {
    let stage = stage()
        .set("RATE_POSTS", "3")
        .set("DATABASE_CONNECTIONS", "2");
    stage.everywhere(async |app| {
        let (access, _) = taken(app, "ordinary").await;
        let bearer = format!("Bearer {access}");
        let (page, signed_in) = (
            [("origin", APP)],
            [("origin", APP), ("authorization", bearer.as_str())],
        );
        let visitor = app.visitor();
        let shown = visitor.get_with("/api/v1/me", &signed_in).await;
        assert_eq!(shown.status, 200, "{}", shown.body);
        shared_with(&shown, APP);
        let without = visitor.get_with("/api/v1/me", &page).await;
        assert_eq!(refused(&without, 401), "unauthorized");
        shared_with(&without, APP);
        let made_up = [("origin", APP), ("authorization", "Bearer a.b.c")];
        let made_up = visitor.get_with("/api/v1/me", &made_up).await;
        assert_eq!(refused(&made_up, 401), "invalid_token");
        shared_with(&made_up, APP);
        let held = busy_connections(app, 2).await;
        let busy = in_time(visitor.get_with("/api/v1/me", &signed_in)).await;
        assert_eq!(refused(&busy, 503), "unavailable");
        assert!(!busy.header("retry-after").is_empty());
        shared_with(&busy, APP);
        drop(held);
        let mut last = 0;
        for _ in 0..4 {
            let sent = visitor.post_with("/api/v1/auth/refresh", &page, &[]).await;
            shared_with(&sent, APP);
            last = sent.status;
            if last == 429 {
                assert!(!sent.header("retry-after").is_empty());
            }
        }
        assert_eq!(last, 429);
    });
}

// AP-9
#[test]
fn what_is_public_may_be_read_by_every_page() {
    Stage::default().once(async |app| {
        for path in [
            "/.well-known/jwks.json",
            "/.well-known/oauth-authorization-server",
        ] {
            for origin in ["https://anybody.example", "null"] {
                let read = app.visitor().get_with(path, &[("origin", origin)]).await;
                assert_eq!(read.status, 200, "{path}");
                assert_eq!(read.header("access-control-allow-origin"), "*");
                never_with_cookies(&read);
                let asked = preflight(app, path, origin).await;
                assert_eq!(asked.status, 204);
                assert_eq!(asked.header("access-control-allow-origin"), "*");
                assert_eq!(asked.header("access-control-allow-methods"), "GET, HEAD");
            }
        }
    });
}

// AP-9, SE-6
#[test]
fn nothing_that_a_browsers_session_stands_behind_is_shared() {
    stage().once(async |app| {
        let (visitor, _) = app.signed_in("ordinary").await;
        let csrf = visitor.get("/me").await.csrf();
        let mut asked = 0;
        for address in table() {
            let path = address.path.replace("{id}", "x");
            let headers = [("origin", APP), ("access-control-request-method", "POST")];
            let preflight = visitor.send(Method::OPTIONS, &path, &headers, None).await;
            assert_eq!(preflight.status, 405, "{path}");
            shared_with_nobody(&preflight, &path);
            if address.allow().starts_with("GET, HEAD") {
                let page = visitor.get_with(&path, &[("origin", APP)]).await;
                shared_with_nobody(&page, &path);
            }
            asked += 1;
        }
        assert!(asked > 50);
        // However it is written.
        for path in [
            SESSION,
            "/api/v1/auth/sessio%6e",
            "/api/v1/auth//session",
            "/api/v1/auth/session/",
        ] {
            let headers = [("origin", APP), ("sec-fetch-site", "cross-site")];
            let answer = visitor.post_with(path, &headers, &[("csrf", &csrf)]).await;
            assert!(
                [403, 404].contains(&answer.status),
                "{path}: {}",
                answer.status
            );
            shared_with_nobody(&answer, path);
        }
        for path in [
            "/health/live",
            "/webhooks/kakao/unlink",
            "/static/x.css",
            "/api/v1/nothing",
        ] {
            let answer = visitor.get_with(path, &[("origin", APP)]).await;
            shared_with_nobody(&answer, path);
        }
    });
}

// AP-9, WB-2
#[test]
fn what_a_page_can_send_without_asking_changes_nothing() {
    everywhere(async |app| {
        let (visitor, _) = app.signed_in("ordinary").await;
        let (access, refresh) = taken(app, "linked").await;
        let before = (
            app.count("sessions WHERE ended_at IS NULL").await,
            app.count("api_tokens").await,
            app.count("audit_events").await,
            app.values("SELECT COALESCE(display_name, '') AS value FROM members ORDER BY number")
                .await,
        );
        let bodies = [
            format!(r#"{{"refresh_token":"{refresh}"}}"#),
            format!(r#"{{"refresh_token":"{refresh}","pad":"="}}"#),
            format!("refresh_token={refresh}&access_token={access}&csrf=x"),
            format!(
                "--b\r\nContent-Disposition: form-data; name=\"refresh_token\"\r\n\r\n{refresh}\r\n--b--\r\n"
            ),
            r#"{"name":"바뀐 이름"}"#.to_owned(),
            String::new(),
        ];
        let kinds = [
            "text/plain",
            "text/plain;charset=UTF-8",
            "text/plain; application/json",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=b",
            "",
        ];
        let mut paths = api_paths();
        paths.push(SESSION);
        for path in paths {
            for kind in kinds {
                for body in &bodies {
                    let sent = visitor
                        .client
                        .post(format!("{}{path}", app.url))
                        .header("content-type", kind)
                        .header("origin", "https://evil.example")
                        .header("sec-fetch-site", "cross-site")
                        .header(
                            "cookie",
                            format!("kg-session={}", visitor.cookie("kg-session").unwrap()),
                        )
                        .body(body.clone());
                    let answer = Page::read(sent.send().await.unwrap()).await;
                    let status = answer.status;
                    assert!(
                        [400, 401, 403, 405, 415].contains(&status),
                        "{path} {kind}: {status}"
                    );
                    shared_with_nobody(&answer, path);
                }
            }
        }
        let after = (
            app.count("sessions WHERE ended_at IS NULL").await,
            app.count("api_tokens").await,
            app.count("audit_events").await,
            app.values("SELECT COALESCE(display_name, '') AS value FROM members ORDER BY number")
                .await,
        );
        assert_eq!(before, after);
        assert_eq!(visitor.get("/me").await.status, 200);
    });
}
