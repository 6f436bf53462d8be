//! The account webhook: which Security Event Tokens it takes (RFC 8935).

use futures_util::future::join_all;
use kakao_gate::emulator::{APP_ID, Endpoint, Fault, Signer, Times};
use serde_json::{Value, json};

use super::{
    ACCOUNT, OAUTH, claims, effects, live_sessions, send_event, send_event_with, settled, signed,
    token, told,
};
use crate::stage::outage::in_time;
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, everywhere};

fn refused_with(answer: &Page, code: &str, what: &str) {
    assert_eq!(answer.status, 400, "{what}: {}", answer.body);
    let said: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(said["err"], code, "{what}");
    assert!(
        said["description"]
            .as_str()
            .is_some_and(|text| !text.is_empty())
    );
    assert!(
        answer
            .header("content-type")
            .starts_with("application/json")
    );
}

/// Events that somebody other than Kakao could make, or that are not for us; each with what it is
/// refused with.
fn forgeries(app: &TestApp) -> Vec<(&'static str, String, &'static str)> {
    let good = || token(app, claims(app, "ordinary", "user-unlinked"));
    let sign = |change: &dyn Fn(&mut kakao_gate::emulator::Jwt)| {
        let mut jwt = good();
        change(&mut jwt);
        app.emulator.sign_jwt(&jwt).unwrap()
    };
    let claim =
        |name: &'static str, value: Value| sign(&move |jwt| jwt.claims[name] = value.clone());
    let header =
        |name: &'static str, value: Value| sign(&move |jwt| jwt.header[name] = value.clone());
    let whole = app.emulator.sign_jwt(&good()).unwrap();
    let (message, _) = whole.rsplit_once('.').unwrap();
    let other = signed(app, claims(app, "no-email", "user-unlinked"));
    let (head, _) = message.split_once('.').unwrap();
    let theirs = other.split('.').nth(1).unwrap();
    let signature = whole.rsplit('.').next().unwrap();
    let two = json!({(format!("{OAUTH}user-linked")): {}, (format!("{OAUTH}user-unlinked")): {}});
    let ahead = app.clock.now().unix_timestamp() + 120;
    vec![
        ("unsigned", format!("{message}."), "invalid_request"),
        ("without a signature", message.to_owned(), "invalid_request"),
        (
            "by a stranger",
            sign(&|jwt| jwt.signer = Signer::Stranger),
            "invalid_key",
        ),
        (
            "alg none",
            sign(&|jwt| {
                jwt.header["alg"] = json!("none");
                jwt.signer = Signer::Nobody;
            }),
            "invalid_request",
        ),
        (
            "HS256 with the public key",
            sign(&|jwt| {
                jwt.header["alg"] = json!("HS256");
                jwt.signer = Signer::PublicKeyAsSecret;
            }),
            "invalid_request",
        ),
        (
            "RS256 it says, and HS256 it is",
            sign(&|jwt| jwt.signer = Signer::PublicKeyAsSecret),
            "invalid_key",
        ),
        (
            "claims of another",
            format!("{head}.{theirs}.{signature}"),
            "invalid_key",
        ),
        (
            "an ID token's type",
            header("typ", json!("JWT")),
            "invalid_request",
        ),
        ("no key named", header("kid", json!(7)), "invalid_request"),
        (
            "an extension",
            header("crit", json!(["b64"])),
            "invalid_request",
        ),
        (
            "another issuer",
            claim("iss", json!("https://evil.example")),
            "invalid_issuer",
        ),
        (
            "another audience",
            claim("aud", json!("other")),
            "invalid_audience",
        ),
        (
            "another app",
            claim("app_id", json!("900002")),
            "invalid_audience",
        ),
        ("two events", claim("events", two), "invalid_request"),
        ("no event", claim("events", json!({})), "invalid_request"),
        (
            "of the future",
            claim("iat", json!(ahead)),
            "invalid_request",
        ),
        (
            "of long ago",
            claim("iat", json!(1_500_000_000)),
            "invalid_request",
        ),
        ("without an id", claim("jti", json!("")), "invalid_request"),
        ("about another", claim("sub", json!("7")), "invalid_request"),
        ("nothing", String::new(), "invalid_request"),
        ("junk", "a.b.c".to_owned(), "invalid_request"),
    ]
}

// WH-6, OT-1, OT-7
#[test]
fn what_kakao_did_not_sign_for_us_is_refused_and_changes_nothing() {
    everywhere(async |app| {
        let (member, id) = app.signed_in("ordinary").await;
        for (what, compact, code) in forgeries(app) {
            refused_with(&send_event(&app.url, compact).await, code, what);
        }
        // A megabyte: cut off as soon as it is too much.
        let head = format!(
            "POST {ACCOUNT} HTTP/1.1\r\nhost: a\r\ncontent-type: application/secevent+jwt\r\n\
             content-length: 1048576\r\n\r\n{}",
            "a".repeat(65_536)
        );
        let large = crate::stage::raw::exchange(app.address(), head.into_bytes()).await;
        assert!(large.starts_with("HTTP/1.1 400"), "{large}");
        assert!(large.contains("invalid_request"), "{large}");

        let whole = signed(app, claims(app, "ordinary", "user-unlinked"));
        for content_type in ["application/json", "application/jwt", ""] {
            let answer = app
                .visitor()
                .client
                .post(format!("{}{ACCOUNT}", app.url))
                .header("content-type", content_type)
                .body(whole.clone())
                .send();
            let answer = Page::read(answer.await.unwrap()).await;
            refused_with(&answer, "invalid_request", content_type);
        }
        assert_eq!(app.count("webhook_events").await, 0);
        assert!(app.told_of(id, "kakao.webhook").await.is_empty());
        assert!(member.is_in().await);
    });
}

// OT-5, WH-9
#[test]
fn names_of_keys_that_do_not_exist_do_not_make_us_ask_kakao_again_and_again() {
    Stage::default().once(async |app| {
        told(app, claims(app, "ordinary", "user-linked")).await;
        let first = app.emulator.count(Endpoint::Jwks);
        for turn in 0..50 {
            let mut jwt = token(app, claims(app, "ordinary", "user-linked"));
            jwt.header["kid"] = json!(format!("junk{turn}"));
            jwt.header["jku"] = json!("http://127.0.0.1:9/jwks.json");
            let answer = send_event(&app.url, app.emulator.sign_jwt(&jwt).unwrap()).await;
            if turn == 0 {
                refused_with(&answer, "invalid_key", "junk");
            } else {
                // Nobody has looked whether there is such a key: Kakao may send it again.
                assert_eq!(answer.status, 503, "{}", answer.body);
            }
        }
        let asked = app.emulator.count(Endpoint::Jwks) - first;
        // Once for all of them, and the hourly round may come in between.
        assert!((1..=2).contains(&asked), "{asked}");
        app.clock.advance(time::Duration::seconds(31));
        app.emulator.rotate_keys();
        told(app, claims(app, "ordinary", "user-linked")).await;
    });
}

// WH-5, WH-7
#[test]
fn an_event_is_taken_once_however_often_and_however_many_at_once() {
    everywhere(async |app| {
        let (member, id) = app.signed_in("ordinary").await;
        app.emulator.world().unlink_from_kakao("ordinary");
        let compact = signed(app, claims(app, "ordinary", "user-unlinked"));
        let url = app.url.clone();
        let client = app.visitor().client;
        let all = (0..50).map(|_| send_event_with(&client, &url, compact.clone()));
        for answer in join_all(all).await {
            assert_eq!((answer.status, answer.body.as_str()), (202, ""));
        }
        assert_eq!(app.count("webhook_events").await, 1);
        assert!(app.emulator.count(Endpoint::Jwks) <= 2, "they shared one");
        settled(app).await;
        assert_eq!(send_event(&url, compact).await.status, 202);
        settled(app).await;
        assert_eq!(effects(app).await, ["unlinked"]);
        assert!(!member.is_in().await);
        assert_eq!(app.told_of(id, "kakao.webhook").await.len(), 1);
        let repeated = "kakao_gate_webhook_calls_total{source=\"account\",outcome=\"repeated\"}";
        assert_eq!(app.counted(repeated), 50);
    });
}

// WH-5
#[test]
fn every_form_that_kakao_is_said_to_use_is_taken() {
    Stage::default().once(async |app| {
        let all: [&dyn Fn(&mut Value); 6] = [
            &|claims| claims["aud"] = json!(APP_ID.to_string()),
            &|claims| claims["aud"] = json!([claims["aud"]]),
            &|claims| drop(claims.as_object_mut().unwrap().remove("sub")),
            &|claims| drop(claims.as_object_mut().unwrap().remove("toe")),
            &|claims| drop(claims.as_object_mut().unwrap().remove("app_id")),
            &|claims| claims["exp"] = json!(1),
        ];
        for change in all {
            let mut event = claims(app, "ordinary", "user-linked");
            change(&mut event);
            told(app, event).await;
        }
        let mut jwt = token(app, claims(app, "ordinary", "user-linked"));
        jwt.header["typ"] = json!("application/secevent+jwt");
        let compact = app.emulator.sign_jwt(&jwt).unwrap();
        assert_eq!(send_event(&app.url, compact).await.status, 202);
    });
}

// WH-2, OT-6
#[test]
fn without_kakaos_keys_it_is_sent_again_and_no_login_suffers() {
    let stage = Stage::default().set("KAKAO_TIMEOUT_MS", "10000");
    stage.once(async |app| {
        app.emulator
            .fail(Endpoint::Jwks, Fault::Silence, Times::Always);
        let compact = signed(app, claims(app, "ordinary", "user-linked"));
        let answer = in_time(send_event(&app.url, compact.clone())).await;
        assert_eq!(answer.status, 503);
        assert_eq!(answer.error_code(), "unavailable");
        assert_eq!(answer.header("retry-after"), "5");
        app.visitor().log_in_as(app, "ordinary").await;
    });
    Stage::default().once(async |app| {
        app.emulator
            .fail(Endpoint::Jwks, Fault::Status(500), Times::Always);
        let compact = signed(app, claims(app, "ordinary", "user-linked"));
        assert_eq!(send_event(&app.url, compact.clone()).await.status, 503);
        app.emulator.heal();
        app.clock.advance(time::Duration::seconds(6));
        assert_eq!(send_event(&app.url, compact).await.status, 202);
    });
}

// WH-9
#[test]
fn a_flood_of_forgeries_is_cut_off_before_it_costs_anything() {
    let stage = Stage::default().set("RATE_POSTS", "20");
    stage.once(async |app| {
        let mut jwt = token(app, claims(app, "ordinary", "user-unlinked"));
        jwt.signer = Signer::Stranger;
        let forged = app.emulator.sign_jwt(&jwt).unwrap();
        let url = app.url.clone();
        // With the keys at hand, so that nobody waits for them together.
        told(app, claims(app, "ordinary", "user-linked")).await;
        let client = app.visitor().client;
        let all = (0..200).map(|_| send_event_with(&client, &url, forged.clone()));
        let answers = join_all(all).await;
        let cut_off = answers.iter().filter(|answer| answer.status == 429).count();
        assert!(cut_off > 100, "{cut_off}");
        assert!(
            answers
                .iter()
                .all(|answer| [400, 429].contains(&answer.status))
        );
        app.visitor().log_in_as(app, "ordinary").await;
        assert_eq!(live_sessions(app).await, 1);
    });
}
