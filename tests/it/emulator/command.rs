//! `kakao-emulator` as a developer starts it, with the app varied on its command line.

use kakao_gate::emulator::REST_API_KEY;
use serde_json::Value;
use url::Url;

use super::{authorize_query, parameter};
use crate::stage::Program;
use crate::stage::program::Process;

/// A running `kakao-emulator` and a client for it.
struct Command {
    process: Process,
    url: String,
    http: reqwest::Client,
}

impl Command {
    async fn start(options: &[&str]) -> Self {
        let options = [&["--port", "0"], options].concat();
        let mut process = Program::emulator().start(&options);
        process.says("KAKAO_APP_ID=").await;
        let out = process.out();
        let (_, rest) = out.split_once("KAKAO_API_URL=").unwrap();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tls_certs_only(Vec::new())
            .build()
            .unwrap();
        Self {
            url: rest.lines().next().unwrap().to_owned(),
            process,
            http,
        }
    }

    /// Status, `Location` and body after `person` was chosen for a request with this scope.
    async fn choose(&self, person: &str, scope: &str) -> (u16, String, String) {
        let form = [
            ("request", authorize_query(&[("scope", scope)])),
            ("person", person.to_owned()),
        ];
        let address = format!("{}/emulator/account", self.url);
        let answer = self.http.post(address).form(&form).send().await.unwrap();
        let location = answer.headers().get("location");
        let location = location.map_or("", |value| value.to_str().unwrap());
        (
            answer.status().as_u16(),
            location.to_owned(),
            answer.text().await.unwrap(),
        )
    }

    /// `user/me` of `linked`, signed in without a client secret.
    async fn me(&self, query: &str) -> Value {
        let (_, location, _) = self.choose("linked", "").await;
        let code = parameter(&Url::parse(&location).unwrap(), "code").unwrap();
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", REST_API_KEY),
            ("redirect_uri", super::CALLBACK),
            ("code", &code),
        ];
        let address = format!("{}/oauth/token", self.url);
        let answer = self.http.post(address).form(&form).send().await.unwrap();
        let tokens: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let address = format!("{}/v2/user/me?{query}", self.url);
        let access = tokens["access_token"].as_str().expect("tokens");
        let answer = self.http.get(address).bearer_auth(access);
        let body = answer.send().await.unwrap().text().await.unwrap();
        serde_json::from_str(&body).unwrap()
    }

    fn end(mut self) {
        self.process.signal("TERM");
        assert_eq!(self.process.end(), Some(0));
    }
}

#[test]
fn the_command_line_varies_keys_consent_items_and_fields() {
    actix_web::rt::System::new().block_on(async {
        let command = Command::start(&[
            "--no-client-secret",
            "--no-legacy",
            "--consent",
            "account_email=required",
            "--consent",
            "profile_image=off",
            "--consent",
            "phone_number=while-using",
            "--public-url",
            "https://localhost:9443",
        ])
        .await;
        assert!(!command.process.out().contains("KAKAO_CLIENT_SECRET"));
        let me = command.me("secure_resource=true").await;
        assert_eq!(me.get("properties"), None);
        let account = &me["kakao_account"];
        assert_eq!(account.get("has_email"), None);
        assert_eq!(account["email"], "linked@example.com");
        assert_eq!(account["profile"].get("profile_image_url"), None, "off");
        let (_, _, consent) = command.choose("ordinary", "").await;
        let position = |scope: &str| consent.find(&format!("value=\"{scope}\""));
        assert!(position("account_email").is_some());
        assert!(position("profile_image").is_none() && position("phone_number").is_none());
        let (_, _, consent) = command.choose("ordinary", "phone_number").await;
        assert!(consent.contains("value=\"phone_number\""));
        let (status, _, page) = command.choose("ordinary", "profile_image").await;
        assert_eq!(status, 400);
        assert!(page.contains("(KOE205)"));
        command.end();
    });
}

#[test]
fn a_test_app_lets_only_its_members_in() {
    actix_web::rt::System::new().block_on(async {
        let command = Command::start(&["--test-app", "linked,minimal"]).await;
        assert!(command.process.out().contains("KAKAO_CLIENT_SECRET="));
        for (person, status) in [("linked", 302), ("minimal", 302), ("ordinary", 400)] {
            assert_eq!(command.choose(person, "").await.0, status, "{person}");
        }
        command.end();
    });
}

#[test]
fn a_word_the_command_line_does_not_know_is_refused_with_the_words_it_knows() {
    for (option, value, words) in [
        ("--consent", "gender=sometimes", "while-using"),
        ("--consent", "gender", "while-using"),
        ("--test-app", "linked,nobody", "needs-action"),
        ("--public-url", "http://localhost", "https"),
    ] {
        let outcome = Program::emulator().run(&["--port", "0", option, value]);
        assert_eq!(outcome.code, Some(2), "{option} {value}");
        assert!(outcome.err.contains(words), "{}", outcome.err);
    }
}
