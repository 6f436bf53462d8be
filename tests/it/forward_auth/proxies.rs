//! The real nginx and the real Caddy with the files of `deploy/`, and what can be read of
//! Traefik's.

use std::net::SocketAddr;

use kakao_gate::web::{bare_table, table};
use reqwest::Method;

use super::way_back::sign_in_at;
use super::{is, program};
use crate::stage::front::{Front, Site};
use crate::stage::program::free_address;
use crate::stage::{Stage, TestApp, Visitor, raw};

type Start = fn(SocketAddr, SocketAddr, &Site) -> Option<Front>;

/// Tells a story with the proxy in front of the service and of a site.
fn behind(start: Start, story: impl AsyncFn(&mut TestApp, &Front, &Site)) {
    let address = free_address();
    let stage = Stage::default()
        .set("TRUSTED_PROXIES", "127.0.0.1")
        .set("FORWARD_AUTH_HOSTS", &address.to_string());
    stage.once(async |app| {
        let site = Site::open();
        if let Some(front) = start(address, app.address(), &site) {
            story(app, &front, &site).await;
        }
    });
}

/// Tells it with each of them.
fn behind_each(story: impl AsyncFn(&mut TestApp, &Front, &Site)) {
    behind(Front::nginx, &story);
    behind(Front::caddy, &story);
}

// FA-1, FA-3
#[test]
fn nobody_reaches_the_site_however_they_ask() {
    behind_each(async |app, front, site| {
        let stranger = app.visitor().at(&front.url());
        let page = stranger.get("/page?a=b").await;
        assert_eq!(page.status, 303, "{}", page.body);
        assert!(
            page.location()
                .starts_with(&format!("{}/login?next=", app.url))
        );
        let asks = program(&stranger).get("/page").await;
        assert_eq!(
            (asks.status, asks.error_code().as_str()),
            (401, "session_expired")
        );
        assert_eq!(asks.header("cache-control"), "no-store");
        let posted = stranger.post("/page", &[("a", "b")]).await;
        assert_eq!((posted.status, posted.location()), (401, ""));
        for (name, value) in [
            ("x-original-uri", "/login"),
            ("x-original-method", "OPTIONS"),
            ("x-original-host", "evil.example"),
            ("x-forwarded-uri", "/login"),
            ("x-forwarded-method", "OPTIONS"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-auth-redirect", "http://evil.example/"),
            ("x-auth-member", "x"),
            ("user-agent", "kube-probe/1.31"),
            ("host", "evil.example"),
        ] {
            let page = stranger.get_with("/page", &[(name, value)]).await;
            assert!(!page.location().contains("evil"), "{name}");
        }
        for target in [
            "/",
            "/page#/login",
            "/page?/login",
            "/login/../page",
            "/login/%2e%2e/page",
            "/login%2f..%2fpage",
            "/./static/..//page",
            "/static/../../page",
            "//page",
            "/%70age",
            "/LOGIN",
            "/membership",
            "/login;/../page",
            "/forward-auth",
            "/forward-auth/member",
            "/forward-auth/admin",
            "/forward-auth/return/../../page",
            "/manage",
            "/manage/x",
            "http://evil.example/page",
            "*",
        ] {
            for method in ["GET", "POST", "OPTIONS", "PROPFIND"] {
                let head = format!(
                    "{method} {target} HTTP/1.1\r\nHost: {}\r\nAccept: text/html\r\n\
                     Content-Length: 0\r\nConnection: close\r\n\r\n",
                    front.address
                );
                let answer = raw::exchange(front.address, head.into_bytes()).await;
                assert!(!answer.contains("the site"), "{method} {target}: {answer}");
            }
        }
        assert_eq!(site.asked(), Vec::<String>::new());
    });
}

// FA-1, FA-2
#[test]
fn the_site_learns_who_it_is_from_us_alone() {
    behind_each(async |app, front, site| {
        let (member, id) = app.signed_in("ordinary").await;
        app.backends().database.execute(&format!(
            "UPDATE members SET display_name = '하늘\r\n👩' WHERE id = '{id}'"
        ));
        let number = app.of_member("number", id).await;
        member.set_cookie("a", "b");
        member.set_cookie("z", "y");
        // The other name of it shields nothing.
        member.set_cookie("__Host-kg-session", "decoy");
        let member = member.at(&front.url());
        let forged: Vec<(String, String)> = ["member", "number", "role", "name"]
            .iter()
            .flat_map(|what| {
                ["x-auth-", "X_Auth_", "x_auth-", "x-auth_", "X-AUTH-"]
                    .map(|spelling| (format!("{spelling}{what}"), "owner".to_owned()))
            })
            .collect();
        let forged: Vec<(&str, &str)> = forged
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let page = member.get_with("/page?role=owner", &forged).await;
        assert_eq!((page.status, page.body.as_str()), (200, "the site"));
        assert!(site.asked()[0].starts_with("GET /page?role=owner HTTP/1."));
        assert_eq!(site.told("x-auth-member"), [id.to_string()]);
        assert_eq!(site.told("x-auth-number"), [number]);
        assert_eq!(site.told("x-auth-role"), ["member"]);
        let name = "%ED%95%98%EB%8A%98%0D%0A%F0%9F%91%A9";
        assert_eq!(site.told("x-auth-name"), [name]);
        // Our session is nobody's but ours; other cookies are the site's.
        let cookies = site.told("cookie").join("; ");
        assert!(
            cookies.contains("a=b") && cookies.contains("z=y"),
            "{cookies}"
        );
        assert!(!cookies.contains("kg-session"), "{cookies}");

        // Somebody without a name has none, whatever they say.
        app.backends().database.execute(&format!(
            "UPDATE members SET display_name = NULL WHERE id = '{id}'"
        ));
        member.get_with("/page", &forged).await;
        assert_eq!(site.told("x-auth-name").concat(), "");
        let posted = member.post("/page", &[("a", "b")]).await;
        assert_eq!(posted.status, 200);
        assert!(site.asked()[2].starts_with("POST /page HTTP/1."));
        assert_eq!(site.told("x-auth-member"), [id.to_string()]);
    });
}

// FA-1, AD-2, AD-5
#[test]
fn a_place_for_admins_is_for_admins_until_they_are_none() {
    behind_each(async |app, front, site| {
        let (here, id) = app.signed_in("ordinary").await;
        let member = here.at(&front.url());
        let places = [
            "/manage",
            "/manage/",
            "/manage/x?role=member",
            "//manage/x",
            "/MANAGE/x",
        ];
        for place in places {
            assert_eq!(member.get(place).await.status, 403, "{place}");
        }
        assert_eq!(site.asked(), Vec::<String>::new());
        app.give_role(id, "admin");
        assert_eq!(member.get("/manage/x").await.body, "the site");
        assert_eq!(site.told("x-auth-role"), ["admin"]);
        app.give_role(id, "viewer");
        assert_eq!(member.get("/manage/x").await.status, 403);
        assert_eq!(member.get("/page").await.body, "the site");
        let out = here.press("/logout", "/logout", &[("reach", "here")]).await;
        assert_eq!(out.status, 303);
        assert_eq!(member.get("/page").await.status, 303);
        assert_eq!(site.asked().len(), 2);
    });
}

// FA-1, FA-4
#[test]
fn whoever_comes_to_the_site_signs_in_and_sees_the_page() {
    behind_each(async |app, front, site| {
        let visitor = app.visitor();
        let page = visitor.at(&front.url()).get("/page?a=b%20c").await;
        let back = sign_in_at(app, &visitor, page.location(), "ordinary").await;
        let wanted = format!("{}/page?a=b%20c", front.url());
        assert_eq!((back.status, back.location()), (303, wanted.as_str()));
        let page = visitor.at(&front.url()).get("/page?a=b%20c").await;
        assert_eq!((page.status, page.body.as_str()), (200, "the site"));
        assert_eq!(site.told("x-auth-role"), ["member"]);
    });
}

// FA-5
#[test]
fn nobody_passes_while_the_service_is_away() {
    behind_each(async |app, front, site| {
        let (here, id) = app.signed_in("ordinary").await;
        let member = here.at(&front.url());
        app.go_down().await;
        let page = member.get("/page").await;
        assert!([502, 503].contains(&page.status), "{}", page.status);
        app.come_up().await;
        let database = &app.backends().database;
        database.execute("ALTER TABLE sessions RENAME TO sessions_away");
        assert!(member.get("/page").await.status >= 500);
        assert_eq!(site.asked(), Vec::<String>::new());
        database.execute("ALTER TABLE sessions_away RENAME TO sessions");
        assert_eq!(member.get("/page").await.body, "the site");
        is(&here.get("/forward-auth").await, id, "member");
    });
}

// FA-7
#[test]
fn long_heads_pass_the_proxies_too() {
    behind_each(async |app, front, _| {
        let (member, _) = app.signed_in("ordinary").await;
        let big = "c".repeat(15_000);
        let headers: Vec<_> = ["x-a", "x-b", "x-c"]
            .map(|name| (name, big.as_str()))
            .into();
        let page = member.at(&front.url()).get_with("/page", &headers).await;
        assert_eq!((page.status, page.body.as_str()), (200, "the site"));
    });
}

/// The addresses of ours that a proxy has to send to us: all but the front page, which is the
/// site's, and the one that proxies ask at.
fn ours() -> Vec<String> {
    let all = table().into_iter().chain(bare_table());
    let paths = all.map(|address| address.path.replace("{id}", "x"));
    paths
        .filter(|path| path != "/" && path != super::ASK)
        .collect()
}

/// Asks at every address of ours in a way that changes nothing.
async fn ask_everywhere(member: &Visitor) -> usize {
    let mut answered = 0;
    for path in ours() {
        let page = member.send(Method::PUT, &path, &[], None).await;
        assert_eq!(page.status, 405, "{path}");
        answered += 1;
    }
    answered
}

#[test]
fn every_address_of_ours_is_ours_behind_a_proxy() {
    behind_each(async |app, front, site| {
        let (member, _) = app.signed_in("ordinary").await;
        let member = member.at(&front.url());
        assert!(ask_everywhere(&member).await > 50);
        let page = member.get("/login").await;
        assert_eq!(page.location(), "/me");
        assert_eq!(site.asked(), Vec::<String>::new());
    });
}

#[test]
fn the_file_for_traefik_sends_every_address_of_ours_to_us() {
    let file = include_str!("../../../deploy/traefik/kakao-gate.yml");
    let named = |rule: &str| -> Vec<&str> {
        let named = file.split(rule).skip(1);
        named.map(|rest| rest.split('`').next().unwrap()).collect()
    };
    // A prefix is compared by the letter: `/me` would take `/media` from the site.
    let (paths, prefixes) = (named(" Path(`"), named("PathPrefix(`"));
    for prefix in &prefixes {
        assert!(prefix.ends_with('/') || *prefix == "/manage", "{prefix}");
    }
    for path in ours() {
        let sent = paths.contains(&path.as_str())
            || prefixes.iter().any(|prefix| path.starts_with(prefix));
        assert!(sent, "{path}");
    }
    for told in ["trustForwardHeader: false", "\"(?i)^x[-_]auth\""] {
        assert_eq!(file.matches(told).count(), 2, "{told}");
    }
}
