//! How often one address may do what costs something.

use crate::stage::{Stage, TestApp, Visitor};

async fn start(visitor: &Visitor, address: &str) -> u16 {
    let header = [("x-forwarded-for", address)];
    visitor.get_with("/auth/kakao", &header).await.status
}

/// How many logins `address` may start before it is told to wait, five at most.
async fn starts(app: &TestApp, address: &str) -> usize {
    let visitor = app.visitor();
    for done in 0..5 {
        match start(&visitor, address).await {
            303 => {}
            429 => return done,
            other => panic!("{address}: {other}"),
        }
    }
    5
}

// KL-6, RL-6
#[test]
fn starting_too_many_logins_has_to_wait_as_long_as_the_page_says() {
    Stage::default()
        .set("RATE_LOGIN_STARTS", "3")
        .once(async |app| {
            let visitor = app.visitor();
            for _ in 0..3 {
                assert_eq!(visitor.get("/auth/kakao").await.status, 303);
            }
            let page = visitor.get("/auth/kakao?next=/me/sessions").await;
            assert_eq!(
                (page.status, page.h1().as_str()),
                (429, "잠시 후 다시 시도해 주세요")
            );
            let wait: u64 = page.header("retry-after").parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
            assert!(
                page.text("main p").contains(&format!("{wait}초")),
                "{}",
                page.text("main p")
            );
            assert!(page.headers.get("set-cookie").is_none());
            let json = visitor
                .get_with("/auth/kakao", &[("accept", "application/json")])
                .await;
            assert_eq!((json.status, json.error_code().as_str()), (429, "rate"));
            assert!(!json.header("retry-after").is_empty());
            let english = visitor
                .get_with("/auth/kakao", &[("accept-language", "en")])
                .await;
            assert_eq!(english.status, 429);
            // Everything else goes on.
            assert_eq!(visitor.get("/login").await.status, 200);
            assert_eq!(
                app.visitor().get("/auth/kakao").await.status,
                429,
                "the address counts"
            );
        });
}

// PW-6, KL-8
#[test]
fn a_header_does_not_make_another_client_unless_our_proxy_says_so() {
    let stage = Stage::default().set("RATE_LOGIN_STARTS", "3");
    stage.once(async |app| {
        assert_eq!(starts(app, "203.0.113.1").await, 3);
        assert_eq!(
            starts(app, "203.0.113.2").await,
            0,
            "anybody can send a header"
        );
    });
    stage
        .set("TRUSTED_PROXIES", "127.0.0.0/8")
        .once(async |app| {
            assert_eq!(starts(app, "203.0.113.1").await, 3);
            assert_eq!(starts(app, "203.0.113.2").await, 3);
            assert_eq!(
                starts(app, "198.51.100.9, 203.0.113.2").await,
                0,
                "the last one is vouched for"
            );
            assert_eq!(starts(app, "2001:db8:1:2::1").await, 3);
            assert_eq!(
                starts(app, "2001:db8:1:2:ffff::9").await,
                0,
                "one household, one /64"
            );
            assert_eq!(
                starts(app, "[2001:db8:1:2:aaaa::9]").await,
                0,
                "however it is spelled"
            );
            assert_eq!(starts(app, "2001:db8:1:3::1").await, 3);
            assert_eq!(
                starts(app, "::ffff:203.0.113.1").await,
                0,
                "IPv4 in IPv6's clothes"
            );
        });
}

// PW-6, IN-1
#[test]
fn sending_too_many_forms_has_to_wait_and_reading_does_not() {
    Stage::default().set("RATE_POSTS", "3").once(async |app| {
        let visitor = app.visitor();
        let csrf = visitor.get("/").await.csrf();
        let fields = [("csrf", csrf.as_str()), ("theme", "dark"), ("back", "/")];
        for _ in 0..3 {
            assert_eq!(visitor.post("/theme", &fields).await.status, 303);
        }
        let page = visitor.post("/theme", &fields).await;
        assert_eq!(page.status, 429);
        assert!(!page.header("retry-after").is_empty());
        assert_eq!(visitor.get("/").await.status, 200);
    });
}
