//! `/forward-auth`, for proxies in front of other sites.

mod faults;
mod proxies;
mod way_back;

use kakao_gate::member::MemberId;
use reqwest::Method;

use crate::stage::page::Page;
use crate::stage::{Stage, Visitor, raw};

/// A listed site: another port of the host that our cookies are for.
const SITE: &str = "127.0.0.1:8443";

/// What Caddy and Traefik tell of a page that is asked for.
const CADDY: [(&str, &str); 3] = [
    ("x-forwarded-method", "GET"),
    ("x-forwarded-host", SITE),
    ("x-forwarded-uri", "/page?a=b"),
];

/// What nginx is told to tell.
const NGINX: [(&str, &str); 3] = [
    ("x-original-method", "GET"),
    ("x-original-host", SITE),
    ("x-original-uri", "/page?a=b"),
];

const ASK: &str = "/forward-auth";

fn stage() -> Stage {
    Stage::default()
        .set("TRUSTED_PROXIES", "127.0.0.1")
        .set("FORWARD_AUTH_HOSTS", SITE)
}

/// `headers`, with `name` set to something else.
fn but<'a>(
    headers: &[(&'a str, &'a str)],
    name: &'a str,
    value: &'a str,
) -> Vec<(&'a str, &'a str)> {
    let rest = headers.iter().copied().filter(|(other, _)| *other != name);
    rest.chain([(name, value)]).collect()
}

/// Nobody: told so in words for programs, and led nowhere.
fn turned_away(page: &Page, what: &str) {
    assert_eq!(page.status, 401, "{what}: {}", page.body);
    assert_eq!(page.error_code(), "session_expired", "{what}");
    assert_eq!(page.header("www-authenticate"), "Cookie", "{what}");
    assert_eq!(page.location(), "", "{what}");
    assert_eq!(page.header("x-auth-redirect"), "", "{what}");
    names_nobody(page, what);
}

fn names_nobody(page: &Page, what: &str) {
    for name in [
        "x-auth-member",
        "x-auth-number",
        "x-auth-role",
        "x-auth-name",
    ] {
        assert_eq!(page.header(name), "", "{name} {what}");
    }
    assert_eq!(page.header("set-cookie"), "", "{what}");
}

fn is(page: &Page, member: MemberId, role: &str) {
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(page.header("x-auth-member"), member.to_string());
    assert_eq!(page.header("x-auth-role"), role);
    assert_eq!(page.header("set-cookie"), "");
    assert_eq!(page.header("cache-control"), "no-store");
    assert_eq!(page.body, "");
}

// FA-3
#[test]
fn what_strangers_forward_counts_for_nothing() {
    let stage = stage().set("TRUSTED_PROXIES", "10.9.8.7");
    stage.once(async |app| {
        let stranger = app.visitor();
        for headers in [CADDY, NGINX] {
            let forged = but(&headers, "x-forwarded-for", "10.9.8.7");
            turned_away(&stranger.get_with(ASK, &forged).await, "forged");
        }
        // Who somebody is never was the proxy's word.
        let (member, id) = app.signed_in("ordinary").await;
        is(&member.get_with(ASK, &CADDY).await, id, "member");
    });
}

// FA-2, FA-3, FA-5
#[test]
fn nothing_in_a_request_switches_the_check_off() {
    stage().once(async |app| {
        let stranger = app.visitor();
        let mut asked = 0;
        for uri in [
            "/",
            "/health/live",
            "/login",
            "/static/app.css",
            "/favicon.ico",
            "/robots.txt",
            "/forward-auth",
            "/page#/login",
            "/page?role=member",
            "/login/../page",
            "/%2e%2e/",
            "/.well-known/acme-challenge/x",
            "*",
            "",
        ] {
            for (headers, name) in [(CADDY, "x-forwarded-uri"), (NGINX, "x-original-uri")] {
                let page = stranger.get_with(ASK, &but(&headers, name, uri)).await;
                assert!([401, 303].contains(&page.status), "{uri}: {}", page.status);
                names_nobody(&page, uri);
                asked += 1;
            }
        }
        for (name, value) in [
            ("x-forwarded-method", "OPTIONS"),
            ("x-forwarded-method", "TRACE"),
            ("x-forwarded-method", "PRI"),
            ("user-agent", "kube-probe/1.31"),
            ("user-agent", "GoogleHC/1.0"),
            ("user-agent", "ELB-HealthChecker/2.0"),
            ("user-agent", ""),
            ("authorization", "Bearer x"),
            ("authorization", "Basic YWRtaW46YWRtaW4="),
            ("x-auth-member", "01900000-0000-7000-8000-000000000000"),
            ("x-auth-role", "owner"),
            ("x-forwarded-user", "admin"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-real-ip", "127.0.0.1"),
            ("x-http-method-override", "OPTIONS"),
            ("forwarded", "for=127.0.0.1;host=127.0.0.1"),
            ("cookie", "kg-session=AAAA"),
        ] {
            let page = stranger.get_with(ASK, &but(&CADDY, name, value)).await;
            assert!([401, 303].contains(&page.status), "{name}: {value}");
            names_nobody(&page, name);
            asked += 1;
        }
        assert_eq!(asked, 45);
    });
}

// FA-3
#[test]
fn a_request_told_of_twice_or_in_two_ways_leads_nowhere() {
    stage().once(async |app| {
        let stranger = app.visitor();
        let both: Vec<_> = CADDY.into_iter().chain(NGINX).collect();
        turned_away(&stranger.get_with(ASK, &both).await, "both");
        for (name, value) in CADDY {
            let twice: Vec<_> = CADDY.into_iter().chain([(name, value)]).collect();
            turned_away(&stranger.get_with(ASK, &twice).await, name);
            let rest = CADDY.into_iter().filter(|(other, _)| *other != name);
            let rest: Vec<_> = rest.collect();
            turned_away(&stranger.get_with(ASK, &rest).await, name);
        }
        turned_away(&stranger.get_with(ASK, &[("accept", "*/*")]).await, "none");
    });
}

// FA-1, FA-4
#[test]
fn what_is_no_page_of_a_listed_site_is_told_that_nobody_is_signed_in() {
    stage().once(async |app| {
        let stranger = app.visitor();
        for (name, value) in [
            ("accept", "application/json"),
            ("accept", "*/*"),
            ("accept", "image/avif,image/webp"),
            ("x-forwarded-method", "POST"),
            ("x-forwarded-method", "DELETE"),
            ("x-forwarded-method", "get"),
            ("x-forwarded-host", "127.0.0.1"),
            ("x-forwarded-host", "127.0.0.1:8444"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-host", "127.0.0.1:8443@evil.example"),
            ("x-forwarded-host", "127.0.0.1:8443, evil.example"),
            ("x-forwarded-uri", "@evil.example/"),
            ("x-forwarded-uri", "https://evil.example/"),
        ] {
            let page = stranger.get_with(ASK, &but(&CADDY, name, value)).await;
            turned_away(&page, &format!("{name}: {value}"));
        }
        app.restart(&[("FORWARD_AUTH_HOSTS", "")]).await;
        turned_away(&stranger.get_with(ASK, &CADDY).await, "none is listed");
    });
}

// FA-3, FA-5
#[test]
fn a_query_that_is_not_one_role_lets_nobody_pass() {
    stage().once(async |app| {
        let (owner, _) = app.with_role("ordinary", "owner").await;
        for query in [
            "role=king",
            "role=Member",
            "role=",
            "role",
            "ROLE=member",
            "role=member&role=member",
            "role=member&role=owner",
            "role=member&x=1",
            "x=1&role=member",
            "next=/",
            "role=viewer%26role=member",
            "role=viewer,admin",
            "role=member%0d%0a",
        ] {
            for visitor in [&owner, &app.visitor()] {
                let page = visitor.get(&format!("{ASK}?{query}")).await;
                assert_eq!(page.status, 403, "{query}");
                names_nobody(&page, query);
            }
        }
        let program = [("accept", "*/*")];
        let page = owner.get_with("/forward-auth?role=king", &program).await;
        assert_eq!(
            (page.status, page.error_code().as_str()),
            (403, "forbidden")
        );
    });
}

// FA-1, AD-2
#[test]
fn a_role_is_asked_of_the_member_as_they_are_now() {
    stage().everywhere(async |app| {
        let (visitor, id) = app.signed_in("ordinary").await;
        let roles = ["member", "viewer", "admin", "owner"];
        for (at, has) in roles.into_iter().enumerate() {
            app.give_role(id, has);
            is(&visitor.get(ASK).await, id, has);
            for (needed_at, needed) in roles.into_iter().enumerate() {
                let page = visitor.get(&format!("{ASK}?role={needed}")).await;
                if needed_at <= at {
                    is(&page, id, has);
                } else {
                    assert_eq!(page.status, 403, "{has} for {needed}");
                    names_nobody(&page, needed);
                }
            }
        }
    });
}

// FA-1
#[test]
fn a_member_passes_with_an_identity_that_is_made_here() {
    stage().everywhere(async |app| {
        let (visitor, id) = app.signed_in("ordinary").await;
        let number = app.of_member("number", id).await;
        for headers in [CADDY, NGINX] {
            // FA-2
            let forged = but(&headers, "x-auth-member", "somebody-else");
            let page = visitor.get_with(ASK, &forged).await;
            is(&page, id, "member");
            assert_eq!(page.header("x-auth-number"), number);
        }
        let head = visitor.head(ASK).await;
        is(&head, id, "member");
        let ours = head
            .headers
            .keys()
            .filter(|name| name.as_str().starts_with("x-auth-"));
        assert_eq!(ours.count(), 4, "nothing else about somebody is told");
        let posted = visitor.post(ASK, &[]).await;
        assert_eq!((posted.status, posted.header("allow")), (405, "GET, HEAD"));
    });
}

// FA-6, ID-9
#[test]
fn a_name_of_any_kind_is_one_line_of_plain_characters() {
    stage().everywhere(async |app| {
        let (visitor, id) = app.signed_in("ordinary").await;
        let database = &app.backends().database;
        for (name, header) in [
            ("김 하늘", "%EA%B9%80%20%ED%95%98%EB%8A%98"),
            ("👩\u{200d}👧", "%F0%9F%91%A9%E2%80%8D%F0%9F%91%A7"),
            ("a\r\nX-Auth-Role: owner", "a%0D%0AX-Auth-Role%3A%20owner"),
            ("%41+\"<;,=", "%2541%2B%22%3C%3B%2C%3D"),
            ("A-z.0_9~", "A-z.0_9~"),
            ("", ""),
        ] {
            database.execute(&format!(
                "UPDATE members SET display_name = '{name}' WHERE id = '{id}'"
            ));
            let page = visitor.get(ASK).await;
            is(&page, id, "member");
            assert_eq!(page.header("x-auth-name"), header, "{name:?}");
        }
        let long = "힣".repeat(60);
        database.execute(&format!(
            "UPDATE members SET display_name = '{long}' WHERE id = '{id}'"
        ));
        assert_eq!(visitor.get(ASK).await.header("x-auth-name").len(), 540);
        database.execute(&format!(
            "UPDATE members SET display_name = NULL WHERE id = '{id}'"
        ));
        let page = visitor.get(ASK).await;
        is(&page, id, "member");
        // There all the same, so that a proxy puts it in the place of the visitor's own.
        assert!(page.headers.contains_key("x-auth-name"));
    });
}

// FA-1, AD-5, SE-4
#[test]
fn a_session_that_has_ended_passes_nowhere_from_then_on() {
    stage().everywhere(async |app| {
        let (leaver, _) = app.signed_in("ordinary").await;
        let kept = leaver.copy();
        let out = leaver
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        assert_eq!(out.status, 303);
        turned_away(&program(&kept).get(ASK).await, "logged out");

        let (suspended, id) = app.signed_in("no-email").await;
        is(&suspended.get(ASK).await, id, "member");
        app.backends().database.execute(&format!(
            "UPDATE members SET standing = 'suspended' WHERE id = '{id}'"
        ));
        turned_away(&program(&suspended).get(ASK).await, "suspended");

        let (idle, id) = app.signed_in("minimal").await;
        is(&idle.get(ASK).await, id, "member");
        app.clock.advance(time::Duration::hours(400));
        turned_away(&program(&idle).get(ASK).await, "expired");
        let led = idle.get_with(ASK, &CADDY).await;
        assert!(
            led.location().ends_with("&reason=expired"),
            "{}",
            led.location()
        );
    });
}

fn program(visitor: &Visitor) -> Visitor {
    let program = visitor.copy();
    program.always("accept", "application/json");
    program
}

// FA-7
#[test]
fn long_heads_are_read_and_bodies_are_not() {
    stage().everywhere(async |app| {
        let (member, id) = app.signed_in("ordinary").await;
        let big = "c".repeat(15_000);
        let headers: Vec<_> = ["x-a", "x-b", "x-c", "x-d"]
            .map(|name| (name, big.as_str()))
            .into();
        is(&member.get_with(ASK, &headers).await, id, "member");

        let cookie = member.cookie("kg-session").unwrap();
        let head = format!(
            "GET {ASK} HTTP/1.1\r\nHost: x\r\nCookie: kg-session={cookie}\r\n\
             Content-Length: 1000000\r\n\r\n"
        );
        let answer = raw::exchange(app.address(), head.into_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        assert!(answer.contains(&id.to_string()), "{answer}");
    });
}

// WB-1
#[test]
fn a_person_who_may_not_see_a_page_is_told_so_in_words() {
    stage().once(async |app| {
        let (member, _) = app.signed_in("ordinary").await;
        let page = member.get_with("/forward-auth?role=admin", &CADDY).await;
        assert_eq!(page.status, 403);
        assert!(page.header("content-type").starts_with("text/html"));
        assert!(!page.h1().is_empty());
        assert!(
            !page.body.contains("/forward-auth"),
            "it is no page to go to"
        );
        let method = member.send(Method::DELETE, ASK, &[], None).await;
        assert_eq!(method.status, 405);
    });
}
