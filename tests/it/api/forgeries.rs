//! Access tokens that somebody made up or changed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, crypto};
use kakao_gate::access::StoredKey;
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

/// The private half of the key that signed a token, as only we have it.
pub async fn our_key(app: &TestApp, token: &str) -> EncodingKey {
    let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
    let sql = format!("SELECT sealed AS value FROM signing_keys WHERE kid = '{kid}'");
    let sealed = app.values(&sql).await.remove(0);
    let vault = app.gate().vault;
    let private = vault.open(&format!("signing_keys.sealed/{kid}"), &sealed);
    EncodingKey::from_ec_der(&private.expect("our own key"))
}

/// Whatever is put together here, with a good signature.
fn signed(header: &str, claims: &str, key: &EncodingKey) -> String {
    let message = format!("{}.{}", part(header), part(claims));
    let signature = crypto::sign(message.as_bytes(), key, Algorithm::ES256).unwrap();
    format!("{message}.{signature}")
}

/// Tokens that say something else than ours do, each signed by our own key: no signature helps what
/// is wrong with them.
async fn well_signed(app: &TestApp, access: &str, others: &str) -> Vec<(String, String)> {
    let key = our_key(app, access).await;
    let parts: Vec<&str> = access.split('.').collect();
    let (header, claims) = (read(parts[0]), read(parts[1]));
    let other = read(others.split('.').nth(1).unwrap());
    let (plain, told) = (header.to_string(), claims.to_string());
    assert_eq!(me(app, &signed(&plain, &told, &key)).await.status, 200);
    let mut all = Vec::new();
    for (name, value) in [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("es256")),
        ("alg", json!(["ES256"])),
        ("typ", json!("JWT")),
        ("typ", json!("secevent+jwt")),
        ("typ", json!("id+jwt")),
        ("typ", json!("")),
        ("typ", json!(7)),
        ("kid", json!("")),
        ("kid", json!(null)),
        ("kid", json!("../../dev/null")),
        ("kid", json!([header["kid"]])),
        ("crit", json!([])),
        ("crit", json!(["b64"])),
    ] {
        let mut changed = header.clone();
        changed[name] = value.clone();
        let token = signed(&changed.to_string(), &told, &key);
        all.push((format!("header {name} {value}"), token));
    }
    for name in ["alg", "typ", "kid"] {
        let mut changed = header.clone();
        changed.as_object_mut().unwrap().remove(name);
        let token = signed(&changed.to_string(), &told, &key);
        all.push((format!("header without {name}"), token));
    }
    let seconds = |name: &str| claims[name].as_i64().unwrap();
    for (name, value) in [
        ("iss", json!("https://evil.example")),
        ("iss", json!(format!("{}/", app.url))),
        ("iss", json!([app.url])),
        ("aud", json!("https://another.example")),
        ("aud", json!([app.url])),
        ("aud", json!("")),
        ("aud", json!(null)),
        ("sub", other["sub"].clone()),
        ("sub", json!("admin")),
        ("sub", json!("")),
        ("sub", json!(1)),
        ("sid", other["sid"].clone()),
        ("sid", json!("01900000-0000-7000-8000-000000000000")),
        ("sid", json!(null)),
        ("exp", json!(seconds("iat") - 1)),
        ("exp", json!(0)),
        ("exp", json!(-1)),
        ("exp", json!(seconds("exp").to_string())),
        ("exp", json!(seconds("iat") + 901)),
        ("exp", json!(i64::MAX)),
        ("exp", json!(u64::MAX)),
        ("exp", json!(1e300)),
        (
            "exp",
            json!(seconds("exp").to_string().parse::<f64>().unwrap()),
        ),
        ("exp", json!(true)),
        ("exp", json!({ "$gt": 0 })),
        ("iat", json!(seconds("iat") + 3_600)),
        ("iat", json!(seconds("iat") - 3_600)),
        ("iat", json!(i64::MIN)),
        ("iat", json!(seconds("iat").to_string())),
        ("jti", json!("")),
        ("client_id", json!(null)),
    ] {
        let mut changed = claims.clone();
        changed[name] = value.clone();
        let token = signed(&plain, &changed.to_string(), &key);
        all.push((format!("{name} {value}"), token));
    }
    for name in ["iss", "aud", "sub", "sid", "exp", "iat", "jti", "client_id"] {
        let mut changed = claims.clone();
        changed.as_object_mut().unwrap().remove(name);
        let token = signed(&plain, &changed.to_string(), &key);
        all.push((format!("without {name}"), token));
    }
    for (what, header, claims) in [
        (
            "sub twice",
            plain.clone(),
            twice(&told, "sub", &other["sub"]),
        ),
        (
            "exp twice",
            plain.clone(),
            twice(&told, "exp", &json!(9_999_999_999_i64)),
        ),
        (
            "alg twice",
            twice(&plain, "alg", &json!("none")),
            told.clone(),
        ),
        ("kid twice", twice(&plain, "kid", &json!("x")), told.clone()),
        ("a list", plain.clone(), format!("[{told}]")),
        ("a text", plain.clone(), json!(told).to_string()),
        ("something behind", plain.clone(), format!("{told}{told}")),
        ("a mark before", plain.clone(), format!("\u{feff}{told}")),
        ("nothing", plain.clone(), String::new()),
        ("null", plain.clone(), "null".to_owned()),
        ("deep", plain.clone(), "[".repeat(1_500)),
    ] {
        all.push((what.to_owned(), signed(&header, &claims, &key)));
    }
    // The key of another installation, under its own name and under ours.
    let foreign = StoredKey::generate().unwrap();
    let foreign_key = EncodingKey::from_ec_der(&foreign.private);
    all.push((
        "another's key".to_owned(),
        signed(&plain, &told, &foreign_key),
    ));
    let mut named = header;
    named["kid"] = json!(foreign.kid);
    named["jwk"] = foreign.public;
    let brought = signed(&named.to_string(), &told, &foreign_key);
    all.push(("a key that it brings along".to_owned(), brought));
    all
}

/// JSON with a member in it twice, the second as it was.
fn twice(object: &str, name: &str, first: &Value) -> String {
    object.replacen('{', &format!("{{\"{name}\":{first},"), 1)
}

// AP-5
#[test]
fn not_even_our_own_signature_makes_another_claim_count() {
    everywhere(async |app| {
        let (access, _) = taken(app, "ordinary").await;
        let (others, _) = taken(app, "linked").await;
        let forged = well_signed(app, &access, &others).await;
        assert!(forged.len() >= 60, "{}", forged.len());
        for (what, token) in forged {
            let answer = me(app, &token).await;
            assert_eq!(refused(&answer, 401), "invalid_token", "{what}");
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
