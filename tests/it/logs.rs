//! The log of a service in a process of its own: what is in it, and what never is.

use std::collections::BTreeSet;
use std::time::Duration;

use kakao_gate::emulator::{ADMIN_KEY, CLIENT_SECRET, Consent, Endpoint, Fault, Recorded, Times};
use reqwest::Method;
use serde_json::Value;

use crate::stage::page::Page;
use crate::stage::{Backends, Service, Visitor};

/// Tells the story of a service that logs JSON at `level`.
fn everywhere(level: &str, story: impl AsyncFn(&mut Service)) {
    for backends in Backends::available() {
        println!("on {backends}");
        actix_web::rt::System::new().block_on(async {
            let changes = [("LOG_FORMAT", "json"), ("RUST_LOG", level)];
            let mut service = Service::start(backends, &changes).await;
            story(&mut service).await;
        });
    }
}

/// The whole log of a service, stopped for it. Every line must be one JSON object.
fn log_of(service: &mut Service) -> Vec<Value> {
    service.process.signal("TERM");
    assert_eq!(service.process.end(), Some(0));
    assert_eq!(service.process.out(), "", "the log is on standard error");
    let log = service.process.err();
    let lines = log.lines().map(|line| {
        assert!(line.len() < 4_096, "{} bytes: {line}", line.len());
        let value: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"));
        assert!(value.is_object(), "{line}");
        let timestamp = value["timestamp"].as_str().unwrap();
        assert!(timestamp.ends_with('Z'), "{timestamp} is UTC");
        value
    });
    lines.collect()
}

/// The lines about an account, as action, result and reason.
fn events(log: &[Value]) -> Vec<(&str, &str, &str)> {
    let text = |line: &'_ Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
    let of_account = log.iter().filter(|line| !line["action"].is_null());
    of_account
        .inspect(|line| {
            assert_eq!(text(line, "client.address"), "127.0.0.1", "{line}");
            assert_eq!(text(line, "request.id").len(), 12, "{line}");
            if line["result"] == "success" {
                assert_eq!(text(line, "member.id").len(), 36, "{line}");
            }
        })
        .map(|line| {
            let word = |name: &str| line[name].as_str().unwrap_or_default();
            (word("action"), word("result"), word("reason"))
        })
        .collect()
}

async fn log_in(service: &Service, visitor: &Visitor, person: &str) -> Page {
    let callback = visitor.to_callback(&service.emulator, person, "/me").await;
    visitor.get(&callback).await
}

// LG-1
#[test]
fn every_sign_in_sign_out_and_refusal_is_one_line_that_says_who_what_and_with_what_result() {
    everywhere("info", async |service| {
        let (here, there) = (service.visitor(), service.visitor());
        let signed_in = log_in(service, &here, "ordinary").await;
        assert_eq!(log_in(service, &there, "ordinary").await.location(), "/me");
        let devices = here.get("/me/sessions").await;
        let end = devices.attributes("form[action$='/end']", "action");
        assert_eq!(here.press("/me/sessions", &end[0], &[]).await.status, 303);
        here.press("/logout", "/logout", &[("reach", "here")]).await;

        let visitor = service.visitor();
        let begun = visitor.get("/auth/kakao").await;
        let refuses = service
            .emulator
            .authorize(begun.location(), "no-email", Consent::Cancel);
        visitor.get(&refuses).await;
        visitor
            .get("/auth/kakao/callback?code=abc&state=nobodys")
            .await;
        service
            .emulator
            .fail(Endpoint::Token, Fault::refuse("KOE010"), Times::Once);
        log_in(service, &visitor, "ordinary").await;
        service
            .emulator
            .fail(Endpoint::Me, Fault::Status(500), Times::Exactly(2));
        let down = log_in(service, &visitor, "ordinary").await;

        let log = log_of(service);
        let told = events(&log);
        let expected = [
            ("login.kakao", "success", ""),
            ("login.kakao", "success", ""),
            ("session.end", "success", ""),
            ("logout", "success", ""),
            ("login.kakao", "refused", "cancelled"),
            ("login.kakao", "failed", "state_bad"),
            ("login.kakao", "failed", "bad_client"),
            ("login.kakao", "failed", "kakao_down"),
        ];
        assert_eq!(told, expected);

        // The number on the answer leads to its lines.
        for page in [signed_in, down] {
            let id = page.header("x-request-id");
            let lines: Vec<_> = log.iter().filter(|line| line["request.id"] == id).collect();
            let about = |name: &str| lines.iter().filter(|line| !line[name].is_null()).count();
            assert_eq!((about("action"), about("http.status")), (1, 1), "{lines:?}");
        }
        let members: BTreeSet<_> = log
            .iter()
            .filter_map(|line| line["member.id"].as_str())
            .collect();
        assert_eq!(members.len(), 1, "one member did all of it");
    });
}

// LG-1
#[test]
fn every_request_is_one_line_with_its_route_and_not_its_path() {
    everywhere("info", async |service| {
        let visitor = service.visitor();
        let mut ids = BTreeSet::new();
        for path in [
            "/login?next=/me%3Fsecret",
            "/secret-path",
            "/me/sessions/secret/end",
            "/admin/members?q=secret",
        ] {
            let page = visitor.get(path).await;
            ids.insert(page.header("x-request-id").to_owned());
        }
        let refused = visitor.post("/logout", &[("csrf", "secret")]).await;
        assert_eq!(ids.len(), 4);
        ids.insert(refused.header("x-request-id").to_owned());

        let log = log_of(service);
        let requests: Vec<_> = log
            .iter()
            .filter(|line| !line["http.route"].is_null())
            .collect();
        let told: BTreeSet<_> = requests
            .iter()
            .map(|line| line["request.id"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(told, ids);
        assert_eq!(requests.len(), 5);
        let routes: BTreeSet<_> = requests
            .iter()
            .map(|line| line["http.route"].as_str().unwrap())
            .collect();
        for route in ["/me/sessions/{id}/end", "/admin/members"] {
            assert!(routes.contains(route), "{routes:?}");
        }
        for line in log {
            assert!(!line.to_string().contains("secret"), "{line}");
        }
    });
}

// LG-3
#[test]
fn what_a_visitor_sends_can_neither_forge_nor_blow_up_a_line() {
    everywhere("debug", async |service| {
        let visitor = service.visitor();
        let forged = "x\",\"action\":\"login.kakao\"} {\"action\":\"forged\"} \u{2028}\u{85}";
        visitor.always("user-agent", forged);
        assert_eq!(
            log_in(service, &visitor, "ordinary").await.location(),
            "/me"
        );
        for path in [
            "/%0d%0a%7B%22action%22:%22forged%22%7D",
            "/login?next=%0d%0a%7B%22action%22:%22forged%22%7D",
            "/auth/kakao/callback?code=%0aforged&state=%0d%0aforged",
            "/auth/kakao/callback?error=%0aforged&error_description=%0aforged&state=forged",
            "/auth/error?e=%0aforged",
        ] {
            visitor.get(path).await;
        }
        let long = "forged".repeat(5_000);
        visitor.get(&format!("/{long}")).await;
        visitor
            .get(&format!("/auth/kakao/callback?code={long}&state={long}"))
            .await;
        for name in [
            "user-agent",
            "x-forwarded-for",
            "x-request-id",
            "host",
            "accept-language",
        ] {
            visitor.get_with("/login", &[(name, &long)]).await;
        }
        let method = Method::from_bytes(b"FORGED").unwrap();
        visitor.send(method, "/login", &[], None).await;

        let log = log_of(service);
        for line in &log {
            assert_ne!(line["action"], "forged");
            assert!(!line.to_string().contains("forged"), "{line}");
        }
        assert!(log.len() < 2_000, "{} lines", log.len());
    });
}

/// Everything that may be in no log: secrets and personal data of this story.
#[derive(Default)]
struct Unspeakable(BTreeSet<String>);

impl Unspeakable {
    fn of(service: &Service) -> Self {
        let mut all = Self::default();
        all.add([
            CLIENT_SECRET,
            ADMIN_KEY,
            &service.program.settings["SECRET_KEY"],
        ]);
        all.add(["김하늘", "ordinary@example.com", "example.com"]);
        all
    }

    fn add<'a>(&mut self, values: impl IntoIterator<Item = &'a str>) {
        let values = values.into_iter().filter(|value| value.len() > 5);
        for value in values {
            let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            self.0.insert(value.to_owned());
            self.0.insert(encoded);
        }
    }

    /// What the emulator saw that only it and the service may know.
    fn add_requests(&mut self, requests: &[Recorded]) {
        const SECRET: [&str; 6] = [
            "state",
            "nonce",
            "code",
            "code_verifier",
            "code_challenge",
            "client_secret",
        ];
        for request in requests {
            let pairs = request.query.iter().chain(&request.form);
            let secret = pairs.filter(|(name, _)| SECRET.contains(&name.as_str()));
            self.add(
                secret
                    .map(|(_, value)| value.as_str())
                    .filter(|value| *value != "code"),
            );
            let authorization = request.authorization.as_deref().unwrap_or_default();
            self.add(
                authorization
                    .split(' ')
                    .filter(|word| !matches!(*word, "Bearer" | "KakaoAK")),
            );
        }
    }

    fn is_kept_in(&self, what: &str, text: &str) {
        for value in &self.0 {
            assert!(!text.contains(value.as_str()), "{value} in {what}: {text}");
        }
    }
}

// LG-2, TK-6, LG-5
#[test]
fn no_secret_and_no_personal_data_reaches_the_log_or_an_error_page() {
    everywhere("debug,kakao_gate=trace", async |service| {
        let mut unspeakable = Unspeakable::of(service);
        let mut pages = Vec::new();
        let leaky = |status| Fault::Answer {
            status,
            content_type: "application/json".to_owned(),
            body: format!("{{\"error\":\"{CLIENT_SECRET}\",\"msg\":\"{ADMIN_KEY}\",\"code\":1}}"),
        };
        let location = format!("http://127.0.0.1:1/?access_token={CLIENT_SECRET}");
        for (endpoint, fault) in [
            (Endpoint::Token, Fault::refuse("KOE320")),
            (Endpoint::Token, Fault::refuse("KOE101")),
            (Endpoint::Token, leaky(400)),
            (Endpoint::Token, leaky(200)),
            (Endpoint::Token, Fault::Redirect(location.clone())),
            (Endpoint::Token, Fault::Html(502)),
            (Endpoint::Token, Fault::CutBody),
            (Endpoint::Token, Fault::Cut),
            (Endpoint::Token, Fault::Malformed),
            (Endpoint::Me, Fault::refuse("-401")),
            (Endpoint::Me, Fault::refuse("-402")),
            (Endpoint::Me, leaky(500)),
            (Endpoint::Me, Fault::Malformed),
            (Endpoint::Me, Fault::Redirect(location)),
        ] {
            service
                .emulator
                .fail(endpoint, fault.clone(), Times::Exactly(2));
            let visitor = service.visitor();
            let failed = log_in(service, &visitor, "ordinary").await;
            assert_eq!(failed.status, 303, "{fault}");
            assert_ne!(failed.location(), "/me", "{fault}");
            unspeakable.add(visitor.cookies().iter().map(String::as_str));
            let page = visitor.follow(&failed).await;
            assert_ne!(page.h1(), "", "{fault}: {}", page.body);
            pages.push(page);
            service.emulator.heal();
        }

        // A login and its sign-out that Kakao does not take at first.
        let visitor = service.visitor();
        let callback = visitor
            .to_callback(&service.emulator, "ordinary", "/me")
            .await;
        unspeakable.add(url_values(&callback).iter().map(String::as_str));
        unspeakable.add(visitor.cookies().iter().map(String::as_str));
        assert_eq!(visitor.get(&callback).await.location(), "/me");
        unspeakable.add(visitor.cookies().iter().map(String::as_str));
        let me = visitor.get("/me").await;
        unspeakable.add([me.csrf().as_str()]);
        let id = service.emulator.world().user_id("ordinary").unwrap();
        let tokens = service.emulator.world().live_access_tokens(id);
        unspeakable.add(tokens.iter().map(String::as_str));
        let tokens = service.emulator.world().live_refresh_tokens(id);
        unspeakable.add(tokens.iter().map(String::as_str));
        pages.push(visitor.get(&callback).await);
        pages.push(service.visitor().get(&callback).await);
        service
            .emulator
            .fail(Endpoint::Logout, leaky(500), Times::Once);
        visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        while service.emulator.count(Endpoint::Logout) == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        unspeakable.add_requests(&service.emulator.requests());
        assert!(unspeakable.0.len() > 60, "the story has many secrets");

        let log = log_of(service);
        for line in &log {
            // Also without JSON's own escapes.
            unspeakable.is_kept_in("the log", &line.to_string());
        }
        unspeakable.is_kept_in("the log", &service.process.err());
        for page in &pages {
            unspeakable.is_kept_in("an error page", &page.body);
        }
        let check = service.program.run(&["check"]);
        unspeakable.is_kept_in("check", &check.out);
        unspeakable.is_kept_in("check", &check.err);
    });
}

fn url_values(path: &str) -> Vec<String> {
    let url = url::Url::parse("http://127.0.0.1")
        .unwrap()
        .join(path)
        .unwrap();
    url.query_pairs()
        .map(|(_, value)| value.into_owned())
        .collect()
}
