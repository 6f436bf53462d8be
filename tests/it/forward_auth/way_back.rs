//! From a page of a site to the login page, and back to that page.

use super::{ASK, CADDY, NGINX, SITE, but, is, names_nobody, stage};
use crate::stage::page::Page;
use crate::stage::{TestApp, Visitor};

/// The path of ours that the login leads to, which the way in to it holds.
fn next_of(app: &TestApp, way_in: &str) -> String {
    let url = url::Url::parse(way_in).unwrap();
    assert_eq!(url.origin().ascii_serialization(), app.url);
    assert_eq!(url.path(), "/login");
    let mut fields = url.query_pairs();
    let (name, next) = fields.next().unwrap();
    assert_eq!(name, "next");
    next.into_owned()
}

/// The login of `person` that the login page at `way_in` begins: the last address of ours.
pub async fn sign_in_at(app: &TestApp, visitor: &Visitor, way_in: &str, person: &str) -> Page {
    let page = visitor.get(way_in).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let links = page.attributes("a[href^='/auth/kakao?']", "href");
    let (_, next) = links[0].split_once("next=").unwrap();
    let callback = visitor.to_callback(&app.emulator, person, next).await;
    let page = visitor.get(&callback).await;
    visitor.follow(&page).await
}

// FA-1, FA-4, KL-7
#[test]
fn whoever_signs_in_comes_back_to_the_page_they_wanted() {
    stage().everywhere(async |app| {
        for headers in [CADDY, NGINX] {
            let visitor = app.visitor();
            let page = visitor.get_with(ASK, &headers).await;
            let way_in = if headers == NGINX {
                assert_eq!((page.status, page.location()), (401, ""));
                page.header("x-auth-redirect")
            } else {
                assert_eq!((page.status, page.header("x-auth-redirect")), (303, ""));
                page.location()
            };
            names_nobody(&page, "on the way in");
            let back = sign_in_at(app, &visitor, way_in, "ordinary").await;
            assert_eq!(back.status, 303, "{}", back.body);
            assert_eq!(back.location(), format!("http://{SITE}/page?a=b"));
            is(
                &visitor.get_with(ASK, &headers).await,
                app.member_of("ordinary").await,
                "member",
            );
        }
        // A browser that holds redirects after a form to it lets the way back pass.
        let csp = app.visitor().get("/login").await;
        let csp = csp.header("content-security-policy").to_owned();
        let forms = format!("form-action 'self' http://{SITE};");
        assert!(csp.contains(&forms), "{csp}");
    });
}

// FA-4
#[test]
fn the_way_back_leads_to_listed_sites_only() {
    stage().once(async |app| {
        let (member, _) = app.signed_in("ordinary").await;
        for to in [
            "",
            "?to=",
            "?to=/me",
            "?to=//127.0.0.1:8443/",
            "?to=https://127.0.0.1:8443/",
            "?to=http://127.0.0.1:8444/",
            "?to=http://localhost:8443/",
            "?to=http://evil.example/",
            "?to=http://127.0.0.1:8443@evil.example/",
            "?to=http://evil.example:8443/%23127.0.0.1:8443",
            "?to=http://me:x@127.0.0.1:8443/",
            "?to=http://127.0.0.1:8443.evil.example/",
            "?to=javascript:alert(1)",
            "?to=http%3A%2F%2Fevil.example%2F&to=http://127.0.0.1:8443/",
        ] {
            let page = member.get(&format!("/forward-auth/return{to}")).await;
            assert_eq!((page.status, page.location()), (400, ""), "{to}");
        }
        let there = "/forward-auth/return?to=http%3A%2F%2F127.0.0.1%3A8443%2Fx%0d%0aset-cookie:a";
        let page = member.get(there).await;
        assert_eq!(page.location(), "http://127.0.0.1:8443/xset-cookie:a");
        assert_eq!(page.header("set-cookie"), "");

        // Whoever is not signed in is led there by way of the login.
        let back = "/forward-auth/return?to=http%3A%2F%2F127.0.0.1%3A8443%2Fx";
        let stranger = app.visitor().get(back).await;
        let way_in = format!("{}{}", app.url, stranger.location());
        assert_eq!(next_of(app, &way_in), back);
    });
}

// FA-4
#[test]
fn a_page_with_a_very_long_address_is_come_back_to_without_its_particulars() {
    stage().once(async |app| {
        let uri = format!("/page?{}", "x".repeat(4_000));
        let headers = but(&CADDY, "x-forwarded-uri", &uri);
        let page = app.visitor().get_with(ASK, &headers).await;
        let back = next_of(app, page.location());
        let (_, to) = back.split_once("?to=").unwrap();
        assert_eq!(to, "http%3A%2F%2F127.0.0.1%3A8443%2Fpage");
    });
}
