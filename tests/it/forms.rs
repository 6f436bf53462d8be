//! Forms: only ours, only in bounds, only in time.

use std::time::{Duration, Instant};

use reqwest::Method;

use crate::stage::{Stage, everywhere, raw};

// WB-2
#[test]
fn a_form_counts_only_with_this_sessions_token_and_from_our_own_pages() {
    everywhere(async |app| {
        let (visitor, other) = (app.visitor(), app.visitor());
        visitor.log_in_as(app, "ordinary").await;
        other.log_in_as(app, "linked").await;
        let mine = visitor.get("/me").await.csrf();
        let theirs = other.get("/me").await.csrf();
        let nobodys = app.visitor().get("/").await.csrf();
        assert!(mine != theirs && mine != nobodys);
        let ours = app.url.clone();
        let same = [("sec-fetch-site", "same-origin"), ("origin", ours.as_str())];
        for token in [
            "",
            "x",
            &theirs,
            &nobodys,
            &mine[1..],
            &mine.to_uppercase(),
            &format!("{mine} "),
        ] {
            let fields = [("csrf", token), ("lang", "en"), ("back", "/me")];
            let page = visitor.post_with("/language", &same, &fields).await;
            assert_eq!(page.status, 403, "{token}");
            assert_eq!(page.h1(), "화면을 다시 열어 주세요");
        }
        let fields = [("csrf", mine.as_str()), ("lang", "en"), ("back", "/me")];
        let twice = [
            ("csrf", mine.as_str()),
            ("csrf", mine.as_str()),
            ("lang", "en"),
            ("back", "/"),
        ];
        assert_eq!(
            visitor.post_with("/language", &same, &twice).await.status,
            403
        );
        let port = format!("{ours}0");
        for headers in [
            vec![],
            vec![("sec-fetch-site", "cross-site")],
            vec![("sec-fetch-site", "same-site")],
            vec![("sec-fetch-site", "none")],
            vec![("sec-fetch-site", "cross-site"), ("origin", ours.as_str())],
            vec![
                ("sec-fetch-site", "same-origin"),
                ("origin", "https://evil.example"),
            ],
            vec![("origin", "https://evil.example")],
            vec![("origin", "null")],
            vec![("origin", port.as_str())],
            vec![("referer", ours.as_str())],
        ] {
            let page = visitor.post_with("/language", &headers, &fields).await;
            assert_eq!(page.status, 403, "{headers:?}");
            assert!(page.set_cookie("kg-lang").is_empty());
        }
        for headers in [
            vec![("origin", ours.as_str())],
            vec![("sec-fetch-site", "same-origin")],
        ] {
            let page = visitor.post_with("/language", &headers, &fields).await;
            assert_eq!(page.status, 303, "{headers:?}");
        }
        // The token of a session dies with it.
        visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        assert_eq!(
            visitor.post_with("/language", &same, &fields).await.status,
            403
        );
    });
}

// IN-1, IN-3, WB-1
#[test]
fn a_form_too_large_or_not_a_form_is_refused_with_a_page() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        let csrf = visitor.get("/").await.csrf();
        let same = [("sec-fetch-site", "same-origin")];
        let form = |extra: &str| Some(format!("csrf={csrf}&lang=ko&back=/{extra}"));
        let largest = "a".repeat(15_000);
        for (extra, status) in [
            (String::new(), 303),
            (format!("&x={largest}"), 303),
            (format!("&x={largest}{largest}"), 400),
            (format!("&x={}", "a".repeat(5_000_000)), 400),
        ] {
            let page = visitor
                .send(Method::POST, "/language", &same, form(&extra))
                .await;
            assert_eq!(page.status, status, "{} bytes", extra.len());
            let title = if status == 303 {
                ""
            } else {
                "요청을 처리할 수 없습니다"
            };
            assert_eq!(page.h1(), title, "{} bytes", extra.len());
            assert!(!page.header("content-security-policy").is_empty());
        }
        for odd in [
            "lang=fr",
            "lang=en&lang=ko",
            "lang=%ff&back=/",
            "lang[]=en",
            "",
            "&&&=&=",
            "lang=en%00",
        ] {
            let body = Some(format!("csrf={csrf}&{odd}"));
            let page = visitor.send(Method::POST, "/language", &same, body).await;
            assert_eq!(page.status, 400, "{odd}");
        }
        for kind in [
            "application/json",
            "multipart/form-data; boundary=x",
            "text/plain",
            "",
        ] {
            let request = visitor.client.post(format!("{}/language", app.url));
            let request = request
                .header("sec-fetch-site", "same-origin")
                .header("content-type", kind);
            let answer = request.body(form("").unwrap()).send().await.unwrap();
            assert_eq!(answer.status().as_u16(), 400, "{kind}");
        }
    });
}

// IN-2
#[test]
fn a_form_that_drips_in_is_cut() {
    Stage::default().once(async |app| {
        let began = Instant::now();
        let head = format!(
            "POST /language HTTP/1.1\r\nHost: {}\r\nSec-Fetch-Site: same-origin\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n",
            app.address(),
        );
        let answer = raw::dripping(app.address(), head, Duration::from_millis(500)).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
        assert!(
            began.elapsed() < Duration::from_secs(9),
            "{:?}",
            began.elapsed()
        );
        assert!(
            answer.to_lowercase().contains("content-security-policy"),
            "{answer}"
        );
        assert_eq!(app.visitor().get("/").await.status, 200);
    });
}
