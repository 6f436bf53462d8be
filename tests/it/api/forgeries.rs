//! Access tokens that somebody made up or changed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::{me, refused, taken};
use crate::stage::{TestApp, everywhere};

/// A part of a JWT.
pub fn part(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(text)
}

fn read(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Each changed token with what is wrong with it: the signature is the true one of another text, or
/// somebody else's.
async fn changed(app: &TestApp, access: &str) -> Vec<(String, String)> {
    let parts: Vec<&str> = access.split('.').collect();
    let (header, claims, signature) = (read(parts[0]), read(parts[1]), parts[2]);
    let mut all = Vec::new();
    let mut add = |what: &str, header: String, claims: String, signature: &str| {
        let token = format!("{}.{}.{signature}", part(&header), part(&claims));
        all.push((what.to_owned(), token));
    };
    let (plain, told) = (header.to_string(), claims.to_string());
    for alg in ["none", "None", "HS256", "RS256", "EdDSA", "ES384", ""] {
        let mut other = header.clone();
        other["alg"] = json!(alg);
        add(
            &format!("alg {alg}"),
            other.to_string(),
            told.clone(),
            signature,
        );
        add(
            &format!("alg {alg}, unsigned"),
            other.to_string(),
            told.clone(),
            "",
        );
    }
    for (name, value) in [
        ("typ", json!("JWT")),
        ("typ", json!("secevent+jwt")),
        ("typ", json!(null)),
        ("kid", json!("../../etc/passwd")),
        ("kid", json!("' OR 1=1")),
        ("kid", json!(7)),
        ("kid", json!("")),
        ("crit", json!(["exp"])),
    ] {
        let mut other = header.clone();
        other[name] = value.clone();
        add(
            &format!("{name} {value}"),
            other.to_string(),
            told.clone(),
            signature,
        );
    }
    let mut with_key = header;
    with_key["jwk"] = json!({ "kty": "oct", "k": "AAAA" });
    with_key["jku"] = json!(format!("{}/jwks.json", app.emulator.url()));
    add("a key of its own", with_key.to_string(), told.clone(), "");
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("aud", json!("another")),
        ("aud", json!([claims["aud"]])),
        ("sub", json!("01900000-0000-7000-8000-000000000000")),
        ("sid", json!("01900000-0000-7000-8000-000000000000")),
        ("exp", json!(claims["exp"].as_i64().unwrap() + 3_600)),
        ("exp", json!("9999999999")),
        ("exp", json!(null)),
        ("exp", json!(1e30)),
        ("iat", json!("0")),
        ("iat", json!(claims["iat"].as_i64().unwrap() - 3_600)),
        ("jti", json!(7)),
    ] {
        let mut other = claims.clone();
        other[name] = value.clone();
        add(
            &format!("{name} {value}"),
            plain.clone(),
            other.to_string(),
            signature,
        );
    }
    let twice = told.replacen('{', r#"{"sub":"01900000-0000-7000-8000-000000000000","#, 1);
    add("sub twice", plain.clone(), twice, signature);
    add("empty claims", plain.clone(), "{}".to_owned(), signature);
    add("no JSON", "x".to_owned(), "y".to_owned(), signature);
    let zeros = URL_SAFE_NO_PAD.encode([0_u8; 64]);
    add("a signature of zeros", plain.clone(), told.clone(), &zeros);
    let other = &signature[..signature.len() - 4];
    add("a shorter signature", plain, told, other);
    for text in [
        "",
        ".",
        "..",
        "a.b",
        "a.b.c.d",
        &format!("{access}."),
        &format!("{access}.{signature}"),
        &format!("{}.{}", parts[0], parts[1]),
        &format!("{}={}", parts[0], &access[parts[0].len()..]),
        &"x".repeat(5_000),
    ] {
        all.push((format!("{:.20}", text), text.to_owned()));
    }
    all
}

// AP-5
#[test]
fn a_token_that_was_made_up_or_changed_shows_nobody() {
    everywhere(async |app| {
        let (access, _) = taken(app, "ordinary").await;
        let forged = changed(app, &access).await;
        assert!(forged.len() >= 45, "{}", forged.len());
        for (what, token) in forged {
            if token == access {
                panic!("{what} changed nothing");
            }
            let answer = me(app, &token).await;
            let code = refused(&answer, answer.status);
            assert!(
                (answer.status == 401 && code == "invalid_token")
                    || (answer.status == 400 && code == "invalid_request"),
                "{what}: {}",
                answer.body
            );
        }
        assert_eq!(me(app, &access).await.status, 200);
    });
}

// AP-5
#[test]
fn a_token_whose_key_is_not_ours_any_more_shows_nobody() {
    everywhere(async |app| {
        let (access, _) = taken(app, "ordinary").await;
        let keys = app.values("SELECT kid AS value FROM signing_keys").await;
        assert_eq!(keys.len(), 1);
        // As if it had never been there: signed by another installation.
        app.backends().database.execute("DELETE FROM signing_keys");
        app.clock.advance(time::Duration::minutes(2));
        assert_eq!(refused(&me(app, &access).await, 401), "invalid_token");
    });
}
