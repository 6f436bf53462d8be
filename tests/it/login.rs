//! `/auth/kakao` and its callback: the story of one login, and of those that fail.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kakao_gate::emulator::{Consent, Endpoint, REST_API_KEY};
use url::Url;

use crate::stage::{Stage, everywhere};

// KL-1, KL-5, CB-8, TK-6
#[test]
fn a_person_signs_in_sees_their_page_and_signs_out() {
    everywhere(async |app| {
        let visitor = app.visitor();
        let login = visitor.get("/login").await;
        assert_eq!(login.status, 200);
        assert_eq!(login.text("a.kakao"), "카카오 로그인");
        assert!(
            login.headers.get("set-cookie").is_none(),
            "looking costs no cookie"
        );

        visitor.log_in_as(app, "ordinary").await;
        let me = visitor.get("/me").await;
        assert_eq!(me.status, 200);
        assert!(
            me.texts("bdi").contains(&"김하늘".to_owned()),
            "{}",
            me.body
        );

        let token = app
            .emulator
            .requests()
            .into_iter()
            .find(|r| r.endpoint == Some(Endpoint::Token));
        let token = token.unwrap();
        assert_eq!(token.query, []);
        let names: Vec<_> = token.form.iter().map(|(name, _)| name.as_str()).collect();
        for name in [
            "grant_type",
            "client_id",
            "redirect_uri",
            "code",
            "code_verifier",
            "client_secret",
        ] {
            assert_eq!(
                names.iter().filter(|n| **n == name).count(),
                1,
                "{name} in {names:?}"
            );
        }
        assert_eq!(app.emulator.count(Endpoint::Token), 1);
        assert_eq!(app.emulator.count(Endpoint::Me), 1);

        let out = visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        assert_eq!((out.status, out.location()), (303, "/logged-out"));
        assert_eq!(visitor.get("/me").await.status, 303);
    });
}

/// The parameters of an authorize address, in order.
fn asked(location: &str) -> Vec<(String, String)> {
    let url = Url::parse(location).unwrap();
    url.query_pairs().into_owned().collect()
}

fn parameter(location: &str, name: &str) -> String {
    let mut found = asked(location).into_iter().filter(|(n, _)| n == name);
    let (_, value) = found.next().unwrap();
    assert_eq!(found.next(), None, "{name} twice in {location}");
    value
}

// KL-1, KL-7
#[test]
fn kakao_is_asked_for_exactly_what_is_configured_and_a_visitor_adds_nothing() {
    let names = [
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "nonce",
        "redirect_uri",
        "response_type",
        "scope",
        "state",
    ];
    let stage = Stage::default().set("KAKAO_SCOPES", "profile_nickname,account_email");
    stage.once(async |app| {
        for start in [
            "/auth/kakao",
            "/auth/kakao?next=/me",
            "/auth/kakao?next=/me&redirect_uri=https://evil.example/&client_id=evil&scope=phone_number\
             &state=chosen&nonce=chosen&response_type=token&prompt=none&code_challenge=x&login_hint=x",
            "/auth/kakao?next=/me%26redirect_uri=https://evil.example/",
            "/auth/kakao?ask=phone_number",
        ] {
            let begun = app.visitor().get(start).await;
            assert_eq!(begun.status, 303, "{start}");
            assert_eq!(begun.header("cache-control"), "no-store");
            let location = begun.location();
            let authorize = format!("{}/oauth/authorize?", app.emulator.url());
            assert!(location.starts_with(&authorize), "{location}");
            let mut given: Vec<String> = asked(location).into_iter().map(|(n, _)| n).collect();
            given.sort_unstable();
            assert_eq!(given, names, "{start}");
            let callback = format!("{}/auth/kakao/callback", app.url);
            for (name, value) in [
                ("response_type", "code"),
                ("client_id", REST_API_KEY),
                ("redirect_uri", &callback),
                ("scope", "profile_nickname,account_email"),
                ("code_challenge_method", "S256"),
            ] {
                assert_eq!(parameter(location, name), value, "{start}");
            }
        }
    });
}

// KL-2, KL-5
#[test]
fn every_attempt_has_secrets_of_its_own_and_the_verifier_goes_to_kakao_alone() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        let mut seen = BTreeSet::new();
        for _ in 0..20 {
            let begun = visitor.get("/auth/kakao").await;
            for name in ["state", "nonce", "code_challenge"] {
                let value = parameter(begun.location(), name);
                assert!(value.len() >= 43, "{name} has fewer than 256 bits: {value}");
                assert!(seen.insert(value), "{name} came twice");
            }
        }
        let begun = visitor.get("/auth/kakao").await;
        let back = app
            .emulator
            .authorize(begun.location(), "ordinary", Consent::All);
        let done = visitor.get(&back).await;
        assert_eq!(done.location(), "/me");
        let requests = app.emulator.requests();
        let token = requests
            .iter()
            .find(|r| r.endpoint == Some(Endpoint::Token));
        let verifier = token.unwrap().value("code_verifier").unwrap().to_owned();
        let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, verifier.as_bytes());
        let challenge = URL_SAFE_NO_PAD.encode(hash.as_ref());
        assert_eq!(parameter(begun.location(), "code_challenge"), challenge);
        for answer in [&begun, &done] {
            let told = format!("{:?} {}", answer.headers, answer.body);
            assert!(!told.contains(&verifier), "the verifier left the server");
        }
    });
}

// KL-3
#[test]
fn a_login_begun_in_one_browser_cannot_be_completed_in_another() {
    everywhere(async |app| {
        let (attacker, victim) = (app.visitor(), app.visitor());
        let callback = attacker.to_callback(&app.emulator, "linked", "/me").await;
        let bare = victim.get(&callback).await;
        assert_eq!(bare.leads_to_error(), "state_bad");
        // Not even while the victim is at Kakao with a login of their own.
        let own = victim.to_callback(&app.emulator, "ordinary", "/me").await;
        let mixed = victim.get(&callback).await;
        assert_eq!(mixed.leads_to_error(), "state_bad");
        assert_eq!(victim.follow(&mixed).await.status, 400);
        assert_eq!(app.emulator.count(Endpoint::Token), 0, "Kakao is not asked");
        assert_eq!(victim.get("/me").await.status, 303);
        // Neither undoes the other.
        assert_eq!(victim.get(&own).await.location(), "/me");
        assert_eq!(attacker.get(&callback).await.location(), "/me");
    });
}

// KL-4
#[test]
fn a_login_may_take_ten_minutes_and_no_longer() {
    everywhere(async |app| {
        let (quick, slow) = (app.visitor(), app.visitor());
        let in_time = quick.to_callback(&app.emulator, "ordinary", "/me").await;
        let late = slow
            .to_callback(&app.emulator, "linked", "/me/sessions")
            .await;
        app.clock.advance(time::Duration::seconds(590));
        assert_eq!(quick.get(&in_time).await.location(), "/me");
        app.clock.advance(time::Duration::seconds(10));
        let calls = app.emulator.count(Endpoint::Token);
        let expired = slow.get(&late).await;
        assert_eq!(expired.leads_to_error(), "state_expired");
        assert_eq!(app.emulator.count(Endpoint::Token), calls);
        let page = slow.follow(&expired).await;
        assert_eq!(
            (page.status, page.h1().as_str()),
            (400, "로그인 시간이 지났습니다")
        );
        // The fresh attempt lands where the old one was to.
        let again = &page.attributes("a.kakao", "href")[0];
        assert_eq!(again, "/auth/kakao?next=%2Fme%2Fsessions");
    });
}

// KL-6
#[test]
fn logins_pending_in_several_tabs_all_complete_in_any_order() {
    everywhere(async |app| {
        let visitor = app.visitor();
        let mut tabs = Vec::new();
        for next in ["/a", "/b", "/c", "/d", "/e"] {
            tabs.push((
                next,
                visitor.to_callback(&app.emulator, "ordinary", next).await,
            ));
        }
        for (next, callback) in [&tabs[3], &tabs[0], &tabs[4], &tabs[2], &tabs[1]] {
            let done = visitor.get(callback).await;
            assert_eq!((done.status, done.location()), (303, *next));
            assert_eq!(visitor.get("/me").await.status, 200);
        }
        assert_eq!(app.emulator.count(Endpoint::Token), 5);
        assert_eq!(app.count("sessions WHERE ended_at IS NULL").await, 1);
    });
}

// KL-6, SE-9
#[test]
fn the_sixth_login_pending_makes_the_first_give_way_and_the_cookie_stays_small() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        let next = format!("/{}", "a".repeat(399));
        let mut tabs = Vec::new();
        for _ in 0..6 {
            let begun = visitor.get(&format!("/auth/kakao?next={next}")).await;
            let cookie = begun.set_cookie("kg-attempts");
            assert!(cookie.len() < 4_096, "{} bytes", cookie.len());
            tabs.push(
                app.emulator
                    .authorize(begun.location(), "ordinary", Consent::All),
            );
        }
        assert_eq!(visitor.get(&tabs[0]).await.leads_to_error(), "state_bad");
        for tab in &tabs[1..] {
            assert_eq!(visitor.get(tab).await.location(), next);
        }
    });
}

// KL-7
#[test]
fn after_a_login_people_arrive_on_our_own_site_and_nowhere_else() {
    Stage::default().once(async |app| {
        for (wanted, arrived) in [
            ("/me/sessions?a=1", "/me/sessions?a=1"),
            ("https://evil.example/", "/me"),
            ("//evil.example", "/me"),
            ("/\\evil.example", "/me"),
            ("/\t/evil.example", "/me"),
            ("/a/..//evil.example", "/me"),
            ("javascript:alert(1)", "/me"),
            ("/me\r\nset-cookie: a=b", "/me"),
            ("/auth/kakao", "/me"),
            ("/logout", "/me"),
            ("", "/me"),
            ("%00", "/me"),
        ] {
            let visitor = app.visitor();
            let query = url::form_urlencoded::byte_serialize(wanted.as_bytes()).collect::<String>();
            let callback = visitor.to_callback(&app.emulator, "ordinary", &query).await;
            // Nor can it be altered on the way back.
            let callback = format!("{callback}&next=https://evil.example/");
            let done = visitor.get(&callback).await;
            assert_eq!((done.status, done.location()), (303, arrived), "{wanted:?}");
            let signed_in = visitor.get(&format!("/login?next={query}")).await;
            assert_eq!(signed_in.location(), arrived, "{wanted:?}");
        }
        let visitor = app.visitor();
        let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
        let mut altered = visitor.cookie("kg-attempts").unwrap();
        let last = if altered.ends_with('A') { "B" } else { "A" };
        altered.replace_range(altered.len() / 2..altered.len() / 2 + 1, last);
        visitor.set_cookie("kg-attempts", &altered);
        assert_eq!(visitor.get(&callback).await.leads_to_error(), "state_bad");
    });
}

// KL-8
#[test]
fn no_host_or_forwarding_header_reaches_kakao_or_a_cookie_or_a_page() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        for (name, value) in [
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-for", "203.0.113.66"),
            ("x-forwarded-prefix", "/evil.example"),
            ("x-original-url", "/evil.example"),
            (
                "forwarded",
                "host=evil.example;proto=https;for=203.0.113.66",
            ),
        ] {
            visitor.always(name, value);
        }
        let begun = visitor.get("/auth/kakao?next=/me").await;
        let callback = format!("{}/auth/kakao/callback", app.url);
        assert_eq!(parameter(begun.location(), "redirect_uri"), callback);
        let back = app
            .emulator
            .authorize(begun.location(), "ordinary", Consent::All);
        let done = visitor.get(&back).await;
        assert_eq!(done.location(), "/me");
        let token = app.emulator.requests();
        let token = token.iter().find(|r| r.endpoint == Some(Endpoint::Token));
        assert_eq!(
            token.unwrap().value("redirect_uri"),
            Some(callback.as_str())
        );
        for path in [
            "/",
            "/me",
            "/me/sessions",
            "/logout",
            "/nothing",
            "/auth/error?e=server",
        ] {
            let page = visitor.get(path).await;
            let told = format!("{:?} {}", page.headers, page.body);
            assert!(!told.contains("evil.example"), "{path}");
            assert!(!told.contains("203.0.113.66"), "{path}");
        }
        for answer in [begun, done] {
            for cookie in answer.headers.get_all("set-cookie") {
                let cookie = cookie.to_str().unwrap();
                assert!(!cookie.to_lowercase().contains("domain="), "{cookie}");
                assert!(
                    !cookie.contains("Secure"),
                    "the scheme is ours to know: {cookie}"
                );
            }
        }
    });
}

// SE-1, WB-1
#[test]
fn on_https_every_cookie_has_the_host_prefix_and_the_answers_ask_for_https() {
    let stage = Stage::default()
        .set("PUBLIC_URL", "https://members.example")
        .set("KAKAO_AUTH_URL", "https://kauth.kakao.com")
        .set("KAKAO_API_URL", "https://kapi.kakao.com");
    stage.once(async |app| {
        let visitor = app.visitor();
        let begun = visitor.get("/auth/kakao").await;
        let kakao = "https://kauth.kakao.com/oauth/authorize?";
        assert!(begun.location().starts_with(kakao), "{}", begun.location());
        let ours = "https://members.example/auth/kakao/callback";
        assert_eq!(parameter(begun.location(), "redirect_uri"), ours);
        let csrf = visitor.get("/").await.csrf();
        let origin = [("origin", "https://members.example")];
        let english = [("csrf", csrf.as_str()), ("lang", "en"), ("back", "/")];
        let chosen = visitor.post_with("/language", &origin, &english).await;
        let dark = [("csrf", csrf.as_str()), ("theme", "dark"), ("back", "/")];
        let dark = visitor.post_with("/theme", &origin, &dark).await;
        let failed = visitor.get("/auth/kakao/callback?state=x&code=y").await;
        for (answer, name) in [
            (begun, "__Host-kg-attempts"),
            (chosen, "__Host-kg-lang"),
            (dark, "__Host-kg-theme"),
            (failed, "__Host-kg-notice"),
        ] {
            let cookie = answer.set_cookie(name);
            for attribute in ["; Secure", "; HttpOnly", "; SameSite=Lax", "; Path=/"] {
                assert!(cookie.contains(attribute), "{name}: {cookie}");
            }
            assert!(!cookie.contains("Domain"), "{cookie}");
            let hsts = answer.header("strict-transport-security");
            assert!(hsts.starts_with("max-age=31536000"), "{hsts}");
        }
    });
}
