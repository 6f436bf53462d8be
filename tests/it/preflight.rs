//! `kakao-gate check --online`: what Kakao says to the settings before anybody signs in, and the
//! page that explains its codes.

use kakao_gate::config::Koe;
use kakao_gate::emulator::{
    ADMIN_KEY, CLIENT_SECRET, Endpoint, Fault, JAVASCRIPT_KEY, OTHER_REST_API_KEY, Times,
};
use serde_json::Value;

use crate::stage::program::Outcome;
use crate::stage::{Program, Stage, TestApp};

/// The command with the settings of the running service, and these changes.
fn check(app: &TestApp, changes: &[(&str, &str)], arguments: &[&str]) -> Outcome {
    let mut program = Program::gate();
    for name in [
        "BIND",
        "PUBLIC_URL",
        "SECRET_KEY",
        "KAKAO_AUTH_URL",
        "KAKAO_API_URL",
        "KAKAO_REST_API_KEY",
        "KAKAO_CLIENT_SECRET",
        "KAKAO_ADMIN_KEY",
        "KAKAO_APP_ID",
    ] {
        program = program.set(name, app.setting(name));
    }
    for (name, value) in changes {
        program = program.set(name, value);
    }
    let outcome = program.run(&[&["check", "--online"], arguments].concat());
    let made = std::fs::read_dir(program.folder.path()).unwrap().count();
    assert_eq!(made, 0, "it asks, and makes nothing");
    outcome
}

/// What was found about one thing.
struct Found {
    state: String,
    code: String,
    menu: String,
    value: String,
    says: String,
}

struct Findings {
    exit: Option<i32>,
    json: Value,
}

impl Findings {
    fn about(&self, about: &str) -> Found {
        let all = self.json["findings"].as_array().unwrap();
        let found = all.iter().find(|finding| finding["about"] == about);
        let found = found.unwrap_or_else(|| panic!("nothing about {about}: {}", self.json));
        let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
        Found {
            state: text("state"),
            code: text("code"),
            menu: text("menu"),
            value: text("value"),
            says: text("says"),
        }
    }

    fn states(&self, state: &str) -> Vec<&str> {
        let all = self.json["findings"].as_array().unwrap();
        let found = all.iter().filter(|finding| finding["state"] == state);
        found
            .map(|finding| finding["about"].as_str().unwrap())
            .collect()
    }
}

fn findings(app: &TestApp, changes: &[(&str, &str)]) -> Findings {
    let outcome = check(app, changes, &["--json"]);
    let json: Value = serde_json::from_str(&outcome.out)
        .unwrap_or_else(|_| panic!("{}{}", outcome.out, outcome.err));
    assert_eq!(json["ok"] == true, outcome.code == Some(0), "{json}");
    Findings {
        exit: outcome.code,
        json,
    }
}

// CF-1
#[test]
fn key_secret_redirect_uri_and_consent_items_that_kakao_refuses_are_told_apart() {
    Stage::default().once(async |app| {
        for (setting, value, about, code, menu) in [
            (
                "KAKAO_REST_API_KEY",
                "ffffffffffffffffffffffffffffffff",
                "REST API key",
                "KOE101",
                "[REST API 키]",
            ),
            (
                "KAKAO_CLIENT_SECRET",
                "not-the-secret",
                "client secret",
                "KOE010",
                "클라이언트 시크릿",
            ),
            (
                "KAKAO_CLIENT_SECRET",
                "",
                "client secret",
                "KOE010",
                "클라이언트 시크릿",
            ),
            (
                "PUBLIC_URL",
                "http://localhost:1",
                "redirect URI",
                "KOE006",
                "리다이렉트 URI",
            ),
            (
                "PUBLIC_URL",
                "http://localhost:1",
                "logout redirect URI",
                "KOE007",
                "로그아웃 리다이렉트 URI",
            ),
            (
                "KAKAO_SCOPES",
                "profile_nickname,talk_calendar",
                "consent items",
                "KOE205",
                "[동의항목]",
            ),
        ] {
            let found = findings(app, &[(setting, value)]);
            assert_eq!(found.exit, Some(1), "{setting}={value}");
            let finding = found.about(about);
            assert_eq!(
                (finding.state.as_str(), finding.code.as_str()),
                ("wrong", code),
                "{setting}={value}: {}",
                found.json
            );
            assert!(finding.menu.contains(menu), "{}", finding.menu);
            if code == "KOE006" {
                assert_eq!(finding.value, "http://localhost:1/auth/kakao/callback");
            }
            if code == "KOE205" {
                assert!(finding.value.contains("talk_calendar"));
            }
            if code == "KOE010" {
                assert_eq!(found.about("REST API key").state, "ok");
                assert_eq!(found.about("redirect URI").state, "ok");
            }
        }
        let found = findings(app, &[("KAKAO_REST_API_KEY", JAVASCRIPT_KEY)]);
        assert_eq!(found.about("REST API key").code, "KOE101");
        assert_eq!(found.about("client secret").state, "open");
        // A key of the app with a secret of its own.
        let found = findings(app, &[("KAKAO_REST_API_KEY", OTHER_REST_API_KEY)]);
        assert_eq!(found.about("REST API key").state, "ok");
        assert_eq!(found.about("client secret").code, "KOE010");
    });
}

// RL-2
#[test]
fn what_kakao_could_not_be_asked_is_not_called_right() {
    let stage = Stage::default();
    stage.once(async |app| {
        let hurried = [
            ("KAKAO_TIMEOUT_MS", "300"),
            ("KAKAO_CONNECT_TIMEOUT_MS", "300"),
        ];
        for (endpoint, about) in [
            (Endpoint::Token, "REST API key"),
            (Endpoint::Authorize, "redirect URI"),
            (Endpoint::AccountLogout, "logout redirect URI"),
        ] {
            for fault in [
                Fault::Silence,
                Fault::Cut,
                Fault::Status(503),
                Fault::Malformed,
            ] {
                let malformed = fault == Fault::Malformed;
                let said = format!("{endpoint:?} {fault}");
                app.emulator.fail(endpoint, fault, Times::Always);
                let found = findings(app, &hurried);
                app.emulator.heal();
                let state = found.about(about).state;
                if malformed && endpoint != Endpoint::Token {
                    // A page that is cut off tells as little as a login form.
                    assert!(
                        ["open", "ok", "unanswered"].contains(&state.as_str()),
                        "{said}"
                    );
                    continue;
                }
                assert_eq!(state, "unanswered", "{said}: {}", found.json);
                assert_eq!(found.exit, Some(1), "{said}");
            }
        }
        // A login form, or anything else without a code, says neither yes nor no.
        let form = Fault::Html(200);
        app.emulator.fail(Endpoint::Authorize, form, Times::Always);
        let found = findings(app, &[]);
        assert_eq!(found.about("redirect URI").state, "open");
        app.emulator.heal();
        let elsewhere = Fault::Redirect("https://accounts.kakao.com/login?x=1".to_owned());
        app.emulator
            .fail(Endpoint::Authorize, elsewhere, Times::Always);
        let found = findings(app, &[]);
        assert_eq!(found.about("redirect URI").state, "open");
        app.emulator.heal();
        app.emulator
            .fail(Endpoint::Token, Fault::refuse("KOE237"), Times::Always);
        let found = findings(app, &[]);
        assert_eq!(found.about("quota").state, "wrong");
        app.emulator.heal();
        app.emulator
            .fail(Endpoint::Token, Fault::refuse("KOE127"), Times::Always);
        let found = findings(app, &[]);
        assert!(found.about("REST API key").menu.contains("호출 허용 IP"));
    });
}

// CF-1, LG-2
#[test]
fn settings_that_kakao_takes_pass_without_a_secret_being_said() {
    Stage::default().once(async |app| {
        let found = findings(app, &[("KAKAO_ADMIN_KEY", "")]);
        assert_eq!(found.exit, Some(0), "{}", found.json);
        for about in [
            "REST API key",
            "client secret",
            "redirect URI",
            "logout redirect URI",
            "quota",
        ] {
            assert_eq!(found.about(about).state, "ok", "{about}: {}", found.json);
        }
        // What nobody can tell from here is said, and not called right.
        assert!(found.states("open").contains(&"app"));
        assert_eq!(
            found.json["help"],
            format!("{}/help/kakao", app.url),
            "where the codes are explained"
        );

        let outcome = check(app, &[("KAKAO_ADMIN_KEY", "")], &[]);
        assert_eq!(outcome.code, Some(0), "{}", outcome.err);
        assert!(outcome.out.contains("Settings in force"), "{}", outcome.out);
        assert!(outcome.out.contains("Asked of Kakao"), "{}", outcome.out);
        for secret in [CLIENT_SECRET, app.setting("SECRET_KEY")] {
            assert!(!outcome.out.contains(secret), "{}", outcome.out);
        }
        let lone = Program::gate_with_settings().run(&["check", "--json"]);
        assert_eq!(lone.code, Some(2), "--json is about what Kakao says");
    });
}

// CF-1
#[test]
fn of_two_values_one_that_kakao_takes_is_enough() {
    Stage::default().once(async |app| {
        for secrets in [
            format!("{CLIENT_SECRET},next-secret"),
            format!("old-secret,{CLIENT_SECRET}"),
        ] {
            let found = findings(app, &[("KAKAO_CLIENT_SECRET", &secrets)]);
            assert_eq!(found.about("client secret").state, "ok", "{}", found.json);
        }
        let found = findings(app, &[("KAKAO_CLIENT_SECRET", "neither,nor")]);
        assert_eq!(found.about("client secret").code, "KOE010");
        let found = findings(app, &[("KAKAO_ADMIN_KEY", "")]);
        let key = found.about("admin key");
        assert_eq!(key.state, "open");
        assert!(key.says.contains("unlink webhook"), "{}", key.says);
        assert_eq!(found.exit, Some(0));
    });
}

// CF-1
#[test]
fn the_admin_key_is_tried_and_tells_which_consent_items_there_are() {
    Stage::default().once(async |app| {
        let found = findings(app, &[]);
        assert_eq!(found.exit, Some(0), "{}", found.json);
        assert_eq!(found.about("admin key").state, "ok");
        let items = found.about("consent items");
        assert_eq!(items.state, "ok", "{}", found.json);
        assert!(items.value.contains("profile_nickname"), "{}", items.value);
        for keys in [
            format!("{ADMIN_KEY},next-key"),
            format!("old-key,{ADMIN_KEY}"),
        ] {
            let found = findings(app, &[("KAKAO_ADMIN_KEY", &keys)]);
            assert_eq!(found.about("admin key").state, "ok", "{}", found.json);
        }
        for keys in ["not-the-key", "neither,nor"] {
            let found = findings(app, &[("KAKAO_ADMIN_KEY", keys)]);
            assert_eq!(found.exit, Some(1));
            let key = found.about("admin key");
            assert_eq!((key.state.as_str(), key.code.as_str()), ("wrong", "-401"));
            assert!(key.menu.contains("[어드민 키]"), "{}", key.menu);
            assert_eq!(found.about("consent items").state, "open");
        }
        // Only a key that is refused may go, and none of which that is not known.
        let keys = format!("old-key,{ADMIN_KEY}");
        let found = findings(app, &[("KAKAO_ADMIN_KEY", &keys)]);
        let says = found.about("admin key").says;
        assert!(says.contains("may go"), "{says}");
        for (fault, state, code) in [
            (Fault::refuse("-3"), "wrong", "-3"),
            (Fault::refuse("-10"), "wrong", "-10"),
            (Fault::Status(503), "unanswered", ""),
        ] {
            app.emulator.fail(Endpoint::UserIds, fault, Times::Once);
            let keys = format!("old-key,{ADMIN_KEY}");
            let found = findings(app, &[("KAKAO_ADMIN_KEY", &keys)]);
            app.emulator.heal();
            let key = found.about("admin key");
            assert_eq!((key.state.as_str(), key.code.as_str()), (state, code));
            assert!(key.says.contains("the first of the two"), "{}", key.says);
            assert!(!key.says.contains("may go"), "{}", key.says);
            assert_eq!(found.exit, Some(1));
        }
        // What it may not do is told apart from its being wrong.
        app.emulator
            .fail(Endpoint::UserIds, Fault::refuse("-3"), Times::Always);
        assert_eq!(findings(app, &[]).about("admin key").code, "-3");
        app.emulator.heal();
        app.emulator
            .fail(Endpoint::UserIds, Fault::RateLimit, Times::Always);
        assert_eq!(findings(app, &[]).about("quota").state, "wrong");
        app.emulator.heal();
        app.emulator
            .fail(Endpoint::UserIds, Fault::Silence, Times::Always);
        let hurried = [("KAKAO_TIMEOUT_MS", "300")];
        let found = findings(app, &hurried);
        assert_eq!(found.about("admin key").state, "unanswered");
    });
}

// OT-2, CF-1
#[test]
fn openid_connect_is_looked_at_where_it_is_used() {
    Stage::default().once(async |app| {
        assert_eq!(findings(app, &[]).about("OpenID Connect").state, "open");
        let on = [("KAKAO_OIDC", "on")];
        let found = findings(app, &on);
        let openid = found.about("OpenID Connect");
        assert_eq!(openid.state, "ok", "{}", found.json);
        assert!(openid.menu.contains("[OpenID Connect]"));
        let other = Fault::Answer {
            status: 200,
            content_type: "application/json".to_owned(),
            body: r#"{"issuer":"https://evil.example","jwks_uri":"https://evil.example"}"#
                .to_owned(),
        };
        app.emulator.fail(Endpoint::Discovery, other, Times::Always);
        assert_eq!(findings(app, &on).about("OpenID Connect").state, "wrong");
        app.emulator.heal();
        app.emulator
            .fail(Endpoint::Jwks, Fault::Status(503), Times::Always);
        let found = findings(app, &on);
        assert_eq!(found.about("OpenID Connect").state, "unanswered");
        assert_eq!(found.exit, Some(1));
    });
}

// WB-1
#[test]
fn the_help_page_explains_every_code_in_both_languages_and_stays_light() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        for lang in ["ko", "en"] {
            visitor.always("accept-language", lang);
            let page = visitor.get("/help/kakao").await;
            assert_eq!(page.status, 200);
            assert!(page.body.len() <= 15 * 1_024, "{} bytes", page.body.len());
            let codes = page.texts("dt");
            for koe in Koe::all() {
                assert!(codes.contains(&koe.to_string()), "{koe} in {lang}");
            }
            assert_eq!(codes.len(), Koe::all().len());
            let ids = page.attributes("dt", "id");
            assert!(ids.contains(&"koe006".to_owned()), "{ids:?}");
            assert!(
                page.body.contains("[카카오 로그인] &#62; [사용 설정]")
                    || page.body.contains("[카카오 로그인] &gt; [사용 설정]")
            );
            let help = visitor.get("/help").await;
            let links = help.attributes("main a", "href");
            assert!(links.contains(&"/help/kakao".to_owned()), "{links:?}");
        }
        let failed = visitor.get("/auth/error?e=bad_client").await;
        let links = failed.attributes("main a", "href");
        assert!(links.contains(&"/help/kakao".to_owned()), "{links:?}");
        let ours = visitor.get("/auth/error?e=state_expired").await;
        let links = ours.attributes("main a", "href");
        assert!(!links.contains(&"/help/kakao".to_owned()), "{links:?}");
    });
}
