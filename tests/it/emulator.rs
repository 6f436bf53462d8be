//! The emulator as a program or a browser finds it.

mod accounts;
mod browser;
mod clients;
mod command;
mod consents;
mod console;
mod faults;
mod listing;
mod mail;
mod openid;
mod pages;
mod sign_in;
mod token;
mod user;

use std::net::TcpListener;

use kakao_gate::emulator::{CLIENT_SECRET, Consent, Emulator, REST_API_KEY, Settings};
use reqwest::Method;
use serde_json::Value;
use url::Url;

const SERVICE: &str = "http://127.0.0.1:8080";
const CALLBACK: &str = "http://127.0.0.1:8080/auth/kakao/callback";

/// A running emulator and a program that talks to it.
struct Kakao {
    emulator: Emulator,
    http: reqwest::Client,
}

/// An answer, read to its end.
struct Answer {
    status: u16,
    headers: reqwest::header::HeaderMap,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect(&self.body)
    }

    /// Status, error name, KOE code and description of a refusal by kauth.
    fn refusal(&self) -> (u16, String, String, String) {
        let body = self.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        (
            self.status,
            text("error"),
            text("error_code"),
            text("error_description"),
        )
    }

    fn location(&self) -> Url {
        assert_eq!(self.status, 302, "{}", self.body);
        assert_eq!(self.header("content-length"), "0");
        Url::parse(self.header("location")).unwrap()
    }
}

impl Kakao {
    fn start() -> Self {
        Self::with(Settings::seeded(SERVICE))
    }

    fn with(settings: Settings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tls_certs_only(Vec::new())
            .build()
            .unwrap();
        Self {
            emulator: Emulator::start(listener, settings).unwrap(),
            http,
        }
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let answer = request.send().await.unwrap();
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.text().await.unwrap(),
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let address = format!("{}{path}", self.emulator.url());
        self.http.request(method, address)
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.send(self.request(Method::POST, path).form(form)).await
    }

    /// A code for `person`, asked for with these further parameters.
    fn code(&self, person: &str, more: &[(&str, &str)]) -> String {
        let address = format!("{}{}", self.emulator.url(), authorize_path(more));
        let location = self.emulator.authorize(&address, person, Consent::All);
        parameter(&Url::parse(&location).unwrap(), "code").expect(&location)
    }

    /// Exchanges `code` with these fields changed or, when empty, left out.
    async fn exchange(&self, code: &str, changes: &[(&str, &str)]) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", REST_API_KEY),
            ("client_secret", CLIENT_SECRET),
            ("redirect_uri", CALLBACK),
            ("code", code),
        ];
        self.post("/oauth/token", &changed(&form, changes)).await
    }

    async fn refresh(&self, refresh_token: &str, changes: &[(&str, &str)]) -> Answer {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", REST_API_KEY),
            ("client_secret", CLIENT_SECRET),
            ("refresh_token", refresh_token),
        ];
        self.post("/oauth/token", &changed(&form, changes)).await
    }

    /// Access and refresh token of a fresh sign-in.
    async fn sign_in(&self, person: &str) -> (String, String) {
        let answer = self.exchange(&self.code(person, &[]), &[]).await;
        let tokens = answer.json();
        let text = |name: &str| tokens[name].as_str().unwrap().to_owned();
        (text("access_token"), text("refresh_token"))
    }

    async fn with_token(&self, method: Method, path: &str, token: &str) -> Answer {
        let request = self.request(method, path);
        self.send(request.header("authorization", format!("Bearer {token}")))
            .await
    }
}

/// `form` with these fields changed, added or, when empty, left out.
fn changed<'a>(
    form: &[(&'a str, &'a str)],
    changes: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let kept = form
        .iter()
        .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
    let added = changes.iter().filter(|(_, value)| !value.is_empty());
    kept.chain(added).copied().collect()
}

/// Path and query of a good authorize request with these parameters changed.
fn authorize_path(changes: &[(&str, &str)]) -> String {
    format!("/oauth/authorize?{}", authorize_query(changes))
}

fn authorize_query(changes: &[(&str, &str)]) -> String {
    let good = [
        ("client_id", REST_API_KEY),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("state", "a b+c"),
    ];
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(changed(&good, changes));
    query.finish()
}

fn parameter(address: &Url, name: &str) -> Option<String> {
    let (_, value) = address.query_pairs().find(|(known, _)| known == name)?;
    Some(value.into_owned())
}

#[actix_web::test]
async fn anything_but_a_loopback_address_is_refused() {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let refused = Emulator::start(listener, Settings::seeded(SERVICE)).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mail = TcpListener::bind("0.0.0.0:0").unwrap();
    let settings = Settings::seeded(SERVICE);
    let refused = Emulator::start_with_mail_at(listener, mail, settings).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::InvalidInput);
}

#[actix_web::test]
async fn a_stopped_emulator_answers_nobody() {
    let kakao = Kakao::start();
    let address = kakao.emulator.address();
    assert_eq!(kakao.get("/").await.status, 200);
    kakao.emulator.stop().await;
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[actix_web::test]
async fn an_address_kakao_does_not_have_is_a_404_in_the_language_of_its_host() {
    let kakao = Kakao::start();
    let kapi = kakao.get("/v1/user/nothing").await;
    assert_eq!((kapi.status, kapi.json()["code"].as_i64()), (404, Some(-2)));
    let kauth = kakao.get("/oauth/nothing").await;
    assert_eq!(
        (kauth.status, kauth.json()["error"].as_str()),
        (404, Some("invalid_request"))
    );
    let put = kakao.request(Method::PUT, "/oauth/token");
    let wrong = kakao.send(put).await;
    assert_eq!((wrong.status, wrong.header("allow")), (405, "GET, POST"));
    let page = kakao.get("/nothing").await;
    assert_eq!(page.status, 404);
    assert!(page.body.contains("<h1>"));
}
