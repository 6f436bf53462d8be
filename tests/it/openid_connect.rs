//! `KAKAO_OIDC=on`: what an ID token must be, and whose keys say so.

use futures_util::future::join_all;
use kakao_gate::emulator::{Consent, Endpoint, Fault, Jwt, REST_API_KEY, Signer, Times};
use serde_json::{Value, json};
use time::Duration;

use crate::stage::{Stage, TestApp, Visitor, eventually};

/// What is wrong with one ID token.
type Alteration = Box<dyn Fn(&mut Jwt) + Send + Sync>;

fn stage() -> Stage {
    Stage::default().set("KAKAO_OIDC", "on")
}

/// How a login of somebody new to this browser ends.
async fn ends(app: &TestApp) -> String {
    let visitor = app.visitor();
    let done = visitor.log_in(app, "ordinary").await;
    assert_eq!(done.status, 303);
    let signed_in = visitor.get("/me").await.status == 200;
    assert_eq!(signed_in, done.location() == "/me", "{}", done.location());
    done.location().to_owned()
}

/// A change of one claim; `null` takes it out.
fn with(claims: &Value) -> impl Fn(&mut Jwt) + Send + Sync + 'static {
    let claims = claims.as_object().unwrap().clone();
    move |jwt| {
        let all = jwt.claims.as_object_mut().unwrap();
        for (name, value) in claims.clone() {
            match value {
                Value::Null => all.remove(&name),
                value => all.insert(name, value),
            };
        }
    }
}

const UNTRUSTED: &str = "/auth/error?e=kakao_bad_reply";

// OT-1, OT-7
#[test]
fn who_signed_decides_and_not_what_the_header_says() {
    stage().once(async |app| {
        app.emulator.set_oidc(true);
        assert_eq!(ends(app).await, "/me");
        let sessions = app.count("sessions").await;
        let header = |name: &'static str, value: Value| {
            move |jwt: &mut Jwt| {
                jwt.header[name] = value.clone();
            }
        };
        let signer = |signer: Signer, alg: &'static str| {
            move |jwt: &mut Jwt| {
                jwt.signer = signer;
                jwt.header["alg"] = json!(alg);
            }
        };
        let alterations: [Alteration; 11] = [
            Box::new(signer(Signer::Stranger, "RS256")),
            Box::new(signer(Signer::PublicKeyAsSecret, "HS256")),
            Box::new(signer(Signer::PublicKeyAsSecret, "RS256")),
            Box::new(signer(Signer::Nobody, "none")),
            Box::new(signer(Signer::Nobody, "RS256")),
            Box::new(header("alg", json!("RS512"))),
            Box::new(header("alg", json!(null))),
            Box::new(header("kid", json!("../../etc/passwd"))),
            Box::new(header("kid", json!(7))),
            Box::new(header("typ", json!("secevent+jwt"))),
            Box::new(header("crit", json!(["exp"]))),
        ];
        for (at, alter) in alterations.into_iter().enumerate() {
            app.emulator.alter_id_tokens(alter);
            assert_eq!(ends(app).await, UNTRUSTED, "alteration {at}");
        }
        // A key that the token itself brings is nobody's.
        let own_key = app.emulator.jwks().unwrap()["keys"][0].clone();
        app.emulator.alter_id_tokens(move |jwt| {
            jwt.signer = Signer::Stranger;
            jwt.header["jwk"] = own_key.clone();
            jwt.header["jku"] = json!("https://evil.example/jwks.json");
        });
        assert_eq!(ends(app).await, UNTRUSTED);
        assert_eq!(app.count("sessions").await, sessions, "nothing is stored");
    });
}

// ID-8, OT-2, OT-3, OT-4
#[test]
fn an_id_token_must_be_of_this_login_and_name_the_same_person() {
    stage().once(async |app| {
        app.emulator.set_oidc(true);
        let now = app.clock.now().unix_timestamp();
        for claims in [
            json!({"sub": "2900000002"}),
            json!({"sub": 2_900_000_001_i64}),
            json!({"sub": "02900000001x"}),
            json!({"sub": null}),
            json!({"aud": "somebody-else"}),
            json!({"aud": [REST_API_KEY, "somebody-else"]}),
            json!({"aud": null}),
            json!({"azp": "somebody-else"}),
            json!({"iss": "https://evil.example"}),
            json!({"iss": format!("{}/", app.emulator.url())}),
            json!({"iss": null}),
            json!({"nonce": "another"}),
            json!({"nonce": ""}),
            json!({"nonce": null}),
            json!({"exp": now - 120}),
            json!({"exp": "9999999999"}),
            json!({"exp": null}),
            json!({"iat": now + 600}),
            json!({"iat": null}),
            json!({"nbf": now + 600}),
            json!({"auth_time": "yesterday"}),
        ] {
            app.emulator.alter_id_tokens(with(&claims));
            assert_eq!(ends(app).await, UNTRUSTED, "{claims}");
        }
        for good in [
            json!({"aud": [REST_API_KEY]}),
            json!({"azp": REST_API_KEY}),
            json!({"auth_time": null}),
            json!({"iat": now + 50}),
        ] {
            app.emulator.alter_id_tokens(with(&good));
            assert_eq!(ends(app).await, "/me", "{good}");
        }
    });
}

// OT-1
#[test]
fn without_an_id_token_nobody_is_signed_in_where_one_is_wanted() {
    stage().once(async |app| {
        app.emulator.set_oidc(false);
        assert_eq!(ends(app).await, UNTRUSTED);
        assert_eq!(app.count("members").await, 0);
    });
}

// RL-2
#[test]
fn where_none_is_wanted_neither_a_wrong_one_nor_a_dead_key_server_matters() {
    Stage::default().once(async |app| {
        app.emulator.set_oidc(true);
        app.emulator
            .alter_id_tokens(|jwt| jwt.signer = Signer::Stranger);
        app.emulator
            .fail(Endpoint::Jwks, Fault::Silence, Times::Always);
        assert_eq!(ends(app).await, "/me");
        assert_eq!(app.emulator.count(Endpoint::Jwks), 0);
    });
}

// OT-6
#[test]
fn keys_that_change_under_load_lose_no_login() {
    stage().once(async |app| {
        app.emulator.set_oidc(true);
        for _ in 0..8 {
            let logins = join_all((0..6).map(|_| ends(app)));
            for end in logins.await {
                assert_eq!(end, "/me");
            }
            app.emulator.rotate_keys();
            app.clock.advance(Duration::seconds(2));
        }
    });
}

// OT-5
#[test]
fn a_key_that_does_not_exist_is_asked_for_once_in_half_a_minute() {
    stage().once(async |app| {
        app.emulator.set_oidc(true);
        assert_eq!(ends(app).await, "/me");
        let before = app.emulator.count(Endpoint::Jwks);
        app.emulator
            .alter_id_tokens(|jwt| jwt.header["kid"] = json!("no-such-key"));
        for end in join_all((0..10).map(|_| ends(app))).await {
            assert_eq!(end, UNTRUSTED);
        }
        app.clock.advance(Duration::seconds(20));
        assert_eq!(ends(app).await, UNTRUSTED);
        assert_eq!(app.emulator.count(Endpoint::Jwks), before + 1);
        app.clock.advance(Duration::seconds(11));
        assert_eq!(ends(app).await, UNTRUSTED);
        assert_eq!(app.emulator.count(Endpoint::Jwks), before + 2);
    });
}

// OT-6, RL-2
#[test]
fn a_dead_key_server_is_not_noticed_with_keys_in_hand_and_honest_without() {
    stage().once(async |app| {
        app.emulator.set_oidc(true);
        assert_eq!(ends(app).await, "/me");
        app.emulator
            .fail(Endpoint::Jwks, Fault::Status(500), Times::Always);
        for _ in 0..3 {
            app.clock.advance(Duration::hours(1));
            assert_eq!(ends(app).await, "/me");
        }
        // A new instance has none.
        app.restart(&[]).await;
        let visitor = app.visitor();
        let done = visitor.log_in(app, "ordinary").await;
        assert_eq!(done.leads_to_error(), "kakao_down");
        assert_eq!(visitor.follow(&done).await.status, 503);
        assert_eq!(visitor.get("/login").await.status, 200, "all else goes on");
        app.emulator.heal();
        app.clock.advance(Duration::seconds(6));
        assert_eq!(ends(app).await, "/me");
    });
}

// OT-5, OT-6
#[test]
fn what_is_no_set_of_keys_is_refused_and_junk_among_keys_does_no_harm() {
    stage().once(async |app| {
        app.emulator.set_oidc(true);
        let answer = |body: String| Fault::Answer {
            status: 200,
            content_type: "application/json".to_owned(),
            body,
        };
        let mut keys = app.emulator.jwks().unwrap();
        let huge = format!("{{\"keys\":[\"{}\"]}}", "x".repeat(10_000_000));
        for body in [huge, "{\"keys\":[]}".into(), "<html>".into(), String::new()] {
            app.restart(&[]).await;
            app.emulator
                .fail(Endpoint::Jwks, answer(body), Times::Always);
            app.clock.advance(Duration::seconds(6));
            assert_eq!(ends(app).await, "/auth/error?e=kakao_down");
            app.emulator.heal();
        }
        let all = keys["keys"].as_array_mut().unwrap();
        all.splice(
            0..0,
            [json!(null), json!({"kty": "EC", "kid": "x"}), json!({})],
        );
        app.emulator
            .fail(Endpoint::Jwks, answer(keys.to_string()), Times::Always);
        app.clock.advance(Duration::seconds(6));
        assert_eq!(ends(app).await, "/me");
    });
}

/// Asks to prove that it is still `ordinary`; where the callback leads.
async fn prove(app: &TestApp, visitor: &Visitor) -> String {
    let begun = visitor.get("/reauth/kakao?next=/me").await;
    let back = app
        .emulator
        .authorize(begun.location(), "ordinary", Consent::All);
    let path = back.strip_prefix(&app.url).unwrap().to_owned();
    visitor.get(&path).await.location().to_owned()
}

// SE-5, AD-8
#[test]
fn a_proof_must_have_happened_after_it_was_asked_for() {
    stage().everywhere(async |app| {
        app.emulator.set_oidc(true);
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        app.clock.advance(Duration::hours(1));
        let earlier = app.clock.now().unix_timestamp() - 600;
        // Whoever takes `prompt=login` out of the address is signed in at Kakao, and no more.
        app.emulator
            .alter_id_tokens(with(&json!({"auth_time": earlier})));
        assert_eq!(prove(app, &visitor).await, UNTRUSTED);
        app.emulator
            .alter_id_tokens(with(&json!({"auth_time": null})));
        assert_eq!(prove(app, &visitor).await, UNTRUSTED, "it does not tell");
        let now = app.clock.now().unix_timestamp();
        app.emulator
            .alter_id_tokens(with(&json!({"auth_time": now})));
        assert_eq!(prove(app, &visitor).await, "/me");
    });
}

// OT-6
#[test]
fn keys_are_there_before_the_first_login_needs_them() {
    stage().once(async |app| {
        let asked = async || app.emulator.count(Endpoint::Jwks) == 1;
        eventually("the keys", asked).await;
        app.emulator.set_oidc(true);
        assert_eq!(ends(app).await, "/me");
        assert_eq!(app.emulator.count(Endpoint::Jwks), 1);
    });
}
