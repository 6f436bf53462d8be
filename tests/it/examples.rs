//! The examples of `docs/integrate`, run as their README files say.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration as StdDuration, Instant};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use kakao_gate::access::StoredKey;
use kakao_gate::member::MemberId;
use serde_json::{Value, json};
use time::Duration;

use crate::api::{json_of, our_key, part, taken};
use crate::stage::backends::{left_out, variable};
use crate::stage::front::Front;
use crate::stage::page::Page;
use crate::stage::program::free_address;
use crate::stage::{Stage, TestApp, Visitor, eventually};

/// Longer than a start takes on a busy machine.
const PATIENCE: StdDuration = StdDuration::from_secs(30);

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/integrate");

/// A service of somebody else's that verifies our tokens; killed when dropped.
struct Example {
    address: SocketAddr,
    process: Child,
}

/// How an example is started; nothing where this machine lacks what it needs.
type Start = fn() -> Option<Command>;

/// The first Python that has PyJWT.
fn python() -> Option<Command> {
    let has_library = |python: &&str| {
        let asked = Command::new(python)
            .args(["-c", "import jwt, cryptography"])
            .stderr(Stdio::null())
            .status();
        asked.is_ok_and(|status| status.success())
    };
    let Some(python) = ["python3", "/usr/bin/python3"]
        .into_iter()
        .find(has_library)
    else {
        left_out("the example in Python (no python3 with PyJWT and cryptography)");
        return None;
    };
    let mut command = Command::new(python);
    command.arg(format!("{FOLDER}/python/service.py"));
    Some(command)
}

fn node() -> Option<Command> {
    let folder = Path::new(FOLDER).join("node");
    let known = Command::new("node").arg("--version").output().is_ok();
    if !known || !folder.join("node_modules/jose").exists() {
        left_out("the example in Node.js (no node, or no npm ci in docs/integrate/node)");
        return None;
    }
    let mut command = Command::new("node");
    command.arg(folder.join("service.js"));
    Some(command)
}

impl Example {
    fn start(mut command: Command, app: &TestApp) -> Self {
        let address = free_address();
        let process = command
            .env_clear()
            .env("PATH", variable("PATH").unwrap_or_default())
            .env("GATE_ISSUER", &app.url)
            .env("PORT", address.port().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let mut example = Self {
            address,
            process: process.unwrap(),
        };
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            let ended = example.process.try_wait().unwrap();
            assert!(ended.is_none(), "{command:?} ended: {ended:?}");
            assert!(began.elapsed() < PATIENCE, "{command:?} does not start");
            std::thread::sleep(StdDuration::from_millis(20));
        }
        example
    }

    /// What it answers whoever sends these `Authorization` headers.
    async fn asked(&self, headers: &[&str]) -> Page {
        let headers: Vec<(&str, &str)> = headers
            .iter()
            .map(|value| ("authorization", *value))
            .collect();
        let visitor = Visitor::new(&format!("http://{}", self.address));
        visitor.get_with("/", &headers).await
    }

    async fn shown(&self, token: &str) -> Page {
        self.asked(&[&format!("Bearer {token}")]).await
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Tells a story with each service that there is.
fn with_each(story: impl AsyncFn(&mut TestApp, &Example)) {
    for start in [python as Start, node] {
        Stage::default().once(async |app| {
            if let Some(command) = start() {
                let example = Example::start(command, app);
                story(app, &example).await;
            }
        });
    }
}

fn greets(page: &Page, member: MemberId) {
    assert_eq!(page.status, 200, "{}", page.body);
    assert_eq!(json_of(page), json!({ "member": member.to_string() }));
}

fn turns_away(page: &Page, what: &str) {
    assert_eq!(page.status, 401, "{what}: {}", page.body);
    let challenge = page.header("www-authenticate");
    assert!(challenge.starts_with("Bearer"), "{what}: {challenge}");
    assert!(!page.body.contains("member"), "{what}");
}

/// A token with changed claims, which is signed as it should be.
fn signed(token: &str, key: &EncodingKey, change: impl Fn(&mut Header, &mut Value)) -> String {
    let mut header = jsonwebtoken::decode_header(token).unwrap();
    let mut claims = jsonwebtoken::dangerous::insecure_decode::<Value>(token)
        .unwrap()
        .claims;
    change(&mut header, &mut claims);
    jsonwebtoken::encode(&header, &claims, key).unwrap()
}

// AP-4, AP-5
#[test]
fn services_of_others_greet_members_and_turn_away_everybody_else() {
    with_each(async |app, example| {
        let (token, _) = taken(app, "ordinary").await;
        let member = app.member_of("ordinary").await;
        greets(&example.shown(&token).await, member);
        let bearer = format!("Bearer {token}");
        greets(
            &example.asked(&[&bearer.replace("Bearer", "bearer")]).await,
            member,
        );
        for headers in [
            &[][..],
            &["Bearer"],
            &["Bearer "],
            &["Basic YTpi"],
            &[&token],
            &[&bearer, &bearer],
            &[&bearer, "Bearer x"],
        ] {
            turns_away(&example.asked(headers).await, &format!("{headers:?}"));
        }

        let key = our_key(app, &token).await;
        let same = signed(&token, &key, |_, _| {});
        greets(&example.shown(&same).await, member);
        let ended = app.clock.now().unix_timestamp() - 120;
        type Change = Box<dyn Fn(&mut Header, &mut Value)>;
        let claim = |name: &'static str, value: Value| -> (String, Change) {
            let said = format!("{name} {value}");
            (
                said,
                Box::new(move |_, claims| claims[name] = value.clone()),
            )
        };
        let without = |name: &'static str| -> (String, Change) {
            let drop = move |_: &mut Header, claims: &mut Value| {
                claims.as_object_mut().unwrap().remove(name);
            };
            (format!("no {name}"), Box::new(drop))
        };
        let typ = |typ: Option<&'static str>| -> (String, Change) {
            let set = move |header: &mut Header, _: &mut Value| {
                header.typ = typ.map(str::to_owned);
            };
            (format!("typ {typ:?}"), Box::new(set))
        };
        for (what, change) in [
            claim("exp", json!(ended)),
            claim("iss", json!("https://evil.example")),
            claim("iss", json!(format!("{}/", app.url))),
            claim("aud", json!("https://another.example")),
            claim("aud", json!([])),
            without("exp"),
            without("iss"),
            without("aud"),
            without("sub"),
            typ(Some("JWT")),
            typ(Some("secevent+jwt")),
            typ(None),
        ] {
            let token = signed(&token, &key, change);
            turns_away(&example.shown(&token).await, &what);
        }

        // What nobody of ours has signed.
        let foreign = StoredKey::generate().unwrap();
        let foreign_key = EncodingKey::from_ec_der(&foreign.private);
        let by_another = signed(&token, &foreign_key, |_, _| {});
        turns_away(&example.shown(&by_another).await, "another key by our name");
        let unknown = signed(&token, &foreign_key, |header, _| {
            header.kid = Some(foreign.kid.clone());
        });
        turns_away(&example.shown(&unknown).await, "an unknown key");
        let nameless = signed(&token, &foreign_key, |header, _| header.kid = None);
        turns_away(&example.shown(&nameless).await, "a key without a name");
        let published = app.visitor().get("/.well-known/jwks.json").await.body;
        let confused = signed(
            &token,
            &EncodingKey::from_secret(published.as_bytes()),
            |header, _| {
                header.alg = Algorithm::HS256;
            },
        );
        turns_away(&example.shown(&confused).await, "HS256 with the public key");
        let [_, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
            panic!("{token}");
        };
        let kid = jsonwebtoken::decode_header(&token).unwrap().kid;
        for alg in ["none", "None", ""] {
            let header = json!({ "alg": alg, "typ": "at+jwt", "kid": kid }).to_string();
            let header = part(&header);
            for signature in ["", signature] {
                let token = format!("{header}.{claims}.{signature}");
                turns_away(&example.shown(&token).await, &format!("alg {alg:?}"));
            }
        }
        for text in [
            "a.b.c",
            "....",
            "x",
            &token[..token.len() - 4],
            &"x".repeat(5_000),
        ] {
            turns_away(&example.shown(text).await, &format!("{text:.20}"));
        }
        greets(&example.shown(&token).await, member);
    });
}

// AP-4, OT-6
#[test]
fn services_of_others_know_a_new_key_when_it_signs_and_do_without_us_meanwhile() {
    with_each(async |app, example| {
        let (before, _) = taken(app, "ordinary").await;
        let member = app.member_of("ordinary").await;
        greets(&example.shown(&before).await, member);
        let new = app.gate().rotate_keys().await.unwrap();
        // As if a quarter of an hour had passed, without which tokens would be from tomorrow.
        app.backends().database.execute(&format!(
            "UPDATE signing_keys SET signs_from = created_at WHERE kid = '{new}'"
        ));
        app.restart(&[]).await;
        let (after, _) = taken(app, "ordinary").await;
        let kid = jsonwebtoken::decode_header(&after).unwrap().kid;
        assert_eq!(kid, Some(new));
        eventually("the new key is known", async || {
            example.shown(&after).await.status == 200
        })
        .await;
        greets(&example.shown(&after).await, member);
        greets(&example.shown(&before).await, member);
        // Verifying needs nobody, for as long as the keys are kept.
        app.go_down().await;
        greets(&example.shown(&after).await, member);
        // Nor does a token with the name of a key that nobody ever made take them away.
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": "made-up" });
        let (_, rest) = after.split_once('.').unwrap();
        let made_up = format!("{}.{rest}", part(&header.to_string()));
        for _ in 0..3 {
            let status = example.shown(&made_up).await.status;
            assert!([401, 503].contains(&status), "{status}");
        }
        greets(&example.shown(&after).await, member);
        app.come_up().await;
    });
}

// AP-4
#[test]
fn services_of_others_that_cannot_get_our_keys_let_nobody_in() {
    for start in [python as Start, node] {
        Stage::default().once(async |app| {
            let Some(command) = start() else { return };
            let (token, _) = taken(app, "ordinary").await;
            let member = app.member_of("ordinary").await;
            app.go_down().await;
            let example = Example::start(command, app);
            assert_eq!(example.shown(&token).await.status, 503);
            app.come_up().await;
            let table = |from: &str, to: &str| {
                let rename = format!("ALTER TABLE {from} RENAME TO {to}");
                app.backends().database.execute(&rename);
            };
            table("signing_keys", "signing_keys_away");
            assert_eq!(example.shown(&token).await.status, 503);
            table("signing_keys_away", "signing_keys");
            // It asks again after a while, however often it is asked.
            eventually("there are keys again", async || {
                example.shown(&token).await.status == 200
            })
            .await;
            greets(&example.shown(&token).await, member);
        });
    }
}

// FA-1, FA-2, FA-5
#[test]
fn a_static_site_is_shown_to_members_with_who_they_are_in_it() {
    let address = free_address();
    let stage = Stage::default()
        .set("TRUSTED_PROXIES", "127.0.0.1")
        .set("FORWARD_AUTH_HOSTS", &address.to_string());
    stage.once(async |app| {
        let Some(front) = Front::nginx_with_files(address, app.address()) else {
            return;
        };
        let stranger = app.visitor().at(&front.url());
        for path in ["/", "/index.html", "/manage/", "/manage/index.html"] {
            let page = stranger.get(path).await;
            assert_eq!(page.status, 303, "{path}: {}", page.body);
            assert!(page.location().contains("/login?next="), "{path}");
        }
        let (here, id) = app.signed_in("ordinary").await;
        let member = here.at(&front.url());
        let forged = [("x-auth-number", "999"), ("x-auth-role", "owner")];
        let page = member.get_with("/", &forged).await;
        assert_eq!(page.status, 200, "{}", page.body);
        assert_eq!(page.header("cache-control"), "private, no-store");
        let number = app.of_member("number", id).await;
        assert_eq!(page.texts("b"), [number.as_str(), "member"]);
        assert_eq!(page.h1(), "Members only");
        assert_eq!(member.get("/manage/").await.status, 403);
        app.give_role(id, "admin");
        assert_eq!(member.get("/manage/").await.h1(), "For admins");
        app.clock.advance(Duration::seconds(1));
        let out = here.press("/logout", "/logout", &[("reach", "here")]).await;
        assert_eq!(out.status, 303);
        assert_eq!(member.get("/").await.status, 303);
        app.go_down().await;
        let page = member.get("/").await;
        assert!([502, 503].contains(&page.status), "{}", page.status);
        app.come_up().await;
    });
}
