//! Requests that no browser sends.

use crate::stage::{Stage, raw};

/// The status of the first answer; 0 when the connection was just closed.
fn status(answer: &str) -> u16 {
    let status = answer.split(' ').nth(1).unwrap_or_default();
    status.parse().unwrap_or(0)
}

// IN-4
#[test]
fn a_request_whose_end_is_ambiguous_is_refused_and_nothing_behind_it_is_served() {
    Stage::default().once(async |app| {
        let smuggled = "GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n";
        for framing in [
            format!("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}"),
            format!("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{smuggled}"),
            format!("Content-Length: 5\r\nContent-Length: 0\r\n\r\n{smuggled}"),
            format!("Content-Length: +5\r\n\r\nhello{smuggled}"),
            format!("Content-Length: -1\r\n\r\n{smuggled}"),
            format!("Content-Length: 5, 5\r\n\r\nhello{smuggled}"),
            format!("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{smuggled}"),
            format!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}"),
            format!("Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n{smuggled}"),
        ] {
            let request = format!(
                "POST /language HTTP/1.1\r\nHost: {}\r\nSec-Fetch-Site: same-origin\r\n\
                 Content-Type: application/x-www-form-urlencoded\r\n{framing}",
                app.address()
            );
            let answer = raw::exchange(app.address(), request.into_bytes()).await;
            let shown = framing.lines().next().unwrap();
            assert!(
                [0, 400, 501].contains(&status(&answer)),
                "{shown}: {answer:.200}"
            );
            assert!(
                !answer.contains("\"live\""),
                "{shown}: the smuggled request was served"
            );
        }
        assert_eq!(app.visitor().get("/").await.status, 200);
    });
}

// IN-1, IN-3
#[test]
fn heads_and_targets_out_of_bounds_are_refused_and_the_next_request_is_fine() {
    Stage::default().once(async |app| {
        let host = app.address();
        let large = "a".repeat(300_000);
        let many = "X-Header: y\r\n".repeat(2_000);
        for (request, allowed) in [
            (format!("GET / HTTP/1.1\r\nHost: {host}\r\nX: {large}\r\n\r\n").into_bytes(), &[0, 400, 431][..]),
            (format!("GET /{large} HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes(), &[0, 400, 414, 431]),
            (format!("GET / HTTP/1.1\r\nHost: {host}\r\n{many}\r\n").into_bytes(), &[0, 400, 431]),
            (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), &[0, 400]),
            (b"GET\r\n\r\n".to_vec(), &[0, 400]),
            (b"GET / HTTP/9.9\r\n\r\n".to_vec(), &[0, 400, 505]),
            (b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), &[0, 400]),
            (b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n".to_vec(), &[0, 400]),
            (format!("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{large}").into_bytes(), &[0, 400, 404, 405, 505]),
            (format!("OPTIONS * HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").into_bytes(), &[0, 400, 404, 405]),
            (format!("CONNECT evil.example:443 HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes(), &[0, 400, 404, 405]),
            (format!("GET http://evil.example/me HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").into_bytes(), &[0, 303, 400, 404]),
            (format!("INVENTED / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").into_bytes(), &[0, 400, 405]),
        ] {
            let shown = String::from_utf8_lossy(&request[..request.len().min(60)]).into_owned();
            let answer = raw::exchange(host, request).await;
            assert!(allowed.contains(&status(&answer)), "{shown:?}: {answer:.300}");
            assert!(!answer.contains("evil.example"), "{shown:?}");
            assert_eq!(app.visitor().get("/health/live").await.status, 200, "{shown:?}");
        }
    });
}

// IN-3, KL-7
#[test]
fn queries_that_are_no_text_neither_crash_nor_leak() {
    Stage::default().once(async |app| {
        let (visitor, stranger) = (app.visitor(), app.visitor());
        visitor.log_in_as(app, "ordinary").await;
        let long = "a".repeat(10_000);
        for query in [
            "%ff%fe",
            "next=%ff",
            "next=%00",
            "next=%",
            "next=%zz",
            "&&&",
            "=",
            "next",
            "next=/a&next=/b",
            "reason=%3Cscript%3E",
            "done=%00",
            "quick=%ff",
            "e=%ff",
            "state=%ff",
            &long,
        ] {
            for path in [
                "/",
                "/login",
                "/me",
                "/me/sessions",
                "/logout",
                "/logged-out",
                "/logged-out/kakao",
                "/logged-out/kakao/done",
                "/auth/kakao",
                "/auth/error",
                "/auth/kakao/callback",
                "/auth/kakao/cancelled",
                "/nothing",
            ] {
                for who in [&visitor, &stranger] {
                    let page = who.get(&format!("{path}?{query}")).await;
                    let honest = page.status < 500;
                    assert!(honest, "{path}?{query:.40}: {}", page.status);
                    assert!(!page.body.contains("<script>"), "{path}?{query:.40}");
                    assert!(!page.header("content-security-policy").is_empty());
                }
            }
        }
        assert_eq!(visitor.get("/me").await.status, 200);
    });
}

// IN-3
#[test]
fn hostile_headers_are_taken_for_what_they_are() {
    Stage::default().once(async |app| {
        let long = "x".repeat(8_000);
        for (name, value) in [
            ("user-agent", "\u{1f600} <script>alert(1)</script>"),
            ("user-agent", &long),
            ("accept-language", "%%%;q=nan,\u{1f600};q=1e999"),
            ("accept-language", &long),
            ("accept", "application/json;q=0, text/html"),
            ("cookie", "a=b; =; ;;; c"),
            ("cookie", &long),
            ("x-forwarded-for", "<script>, 999.999.1.1"),
            ("if-none-match", "*"),
            ("range", "bytes=0-,0-,0-"),
            ("expect", "100-continue"),
            ("content-encoding", "gzip"),
        ] {
            let page = app.visitor().get_with("/login", &[(name, value)]).await;
            assert_eq!(page.status, 200, "{name}: {value:.40}");
            assert!(page.h1() == "로그인" || name == "accept-language", "{name}");
        }
    });
}
