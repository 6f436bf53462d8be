//! The emulator as clients written by others talk to Kakao: each in the manner of its library.

use std::net::TcpListener;

use kakao_gate::emulator::{
    CLIENT_SECRET, Consent, Emulator, OTHER_REST_API_KEY, REST_API_KEY, Settings,
};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder};
use serde_json::Value;

const CALLBACK: &str = "http://127.0.0.1:8080/auth/kakao/callback";

/// An emulator, and a program that knows nothing of ours.
pub(super) struct Foreign {
    pub(super) emulator: Emulator,
    pub(super) http: Client,
}

impl Foreign {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        Self {
            emulator: Emulator::start(listener, Settings::seeded("http://127.0.0.1:8080")).unwrap(),
            http: Client::builder()
                .redirect(Policy::none())
                .no_proxy()
                .build()
                .unwrap(),
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.emulator.url())
    }

    pub(super) async fn answer(&self, request: RequestBuilder) -> (u16, Value) {
        let answer = request.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).expect(&text))
    }

    /// A code for `person`, with `more` in the authorize query.
    pub(super) fn code(&self, person: &str, consent: Consent, more: &str) -> String {
        let query =
            format!("client_id={REST_API_KEY}&redirect_uri={CALLBACK}&response_type=code{more}");
        let address = self.url(&format!("/oauth/authorize?{query}"));
        let back = self.emulator.authorize(&address, person, consent);
        let url = url::Url::parse(&back).unwrap_or_else(|_| panic!("{back}"));
        let code = url.query_pairs().find(|(name, _)| name == "code");
        code.unwrap_or_else(|| panic!("{back}")).1.into_owned()
    }

    pub(super) fn exchange(&self, code: &str) -> RequestBuilder {
        self.http.post(self.url("/oauth/token")).form(&[
            ("grant_type", "authorization_code"),
            ("client_id", REST_API_KEY),
            ("client_secret", CLIENT_SECRET),
            ("redirect_uri", CALLBACK),
            ("code", code),
        ])
    }

    /// The answer to the exchange of a fresh code.
    pub(super) async fn tokens(&self, person: &str, consent: Consent) -> Value {
        let code = self.code(person, consent, "");
        let (status, tokens) = self.answer(self.exchange(&code)).await;
        assert_eq!(status, 200, "{tokens}");
        tokens
    }

    pub(super) async fn me(&self, token: &str) -> (u16, Value) {
        self.answer(self.http.get(self.url("/v2/user/me")).bearer_auth(token))
            .await
    }
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name]
        .as_str()
        .unwrap_or_else(|| panic!("{name} in {value}"))
}

// As old Spring tutorials do: everything in the query of a POST without a body.
#[actix_web::test]
async fn a_client_that_posts_an_empty_body_and_a_query() {
    let foreign = Foreign::start();
    let code = foreign.code("ordinary", Consent::All, "");
    let query = [
        ("grant_type", "authorization_code"),
        ("client_id", REST_API_KEY),
        ("client_secret", CLIENT_SECRET),
        ("redirect_uri", CALLBACK),
        ("code", &code),
    ];
    let request = foreign.http.post(foreign.url("/oauth/token")).query(&query);
    let (status, tokens) = foreign.answer(request).await;
    assert_eq!((status, text(&tokens, "token_type")), (200, "bearer"));
    let post = foreign.http.post(foreign.url("/v2/user/me"));
    let post = post.header(
        "content-type",
        "application/x-www-form-urlencoded;charset=utf-8",
    );
    let (status, me) = foreign
        .answer(post.bearer_auth(text(&tokens, "access_token")))
        .await;
    assert_eq!((status, me["id"].as_i64()), (200, Some(2_900_000_001)));
}

// As passport-kakao and many others do by default: the client secret is switched off.
#[actix_web::test]
async fn a_client_without_a_secret_where_the_console_asks_for_none() {
    let foreign = Foreign::start();
    let without_secret = |code: String| {
        let form = [
            ("grant_type", "authorization_code".to_owned()),
            ("client_id", REST_API_KEY.to_owned()),
            ("redirect_uri", CALLBACK.to_owned()),
            ("code", code),
        ];
        foreign.http.post(foreign.url("/oauth/token")).form(&form)
    };
    let refused = without_secret(foreign.code("ordinary", Consent::All, ""));
    let (status, body) = foreign.answer(refused).await;
    assert_eq!((status, text(&body, "error_code")), (401, "KOE010"));
    let world = foreign.emulator.world();
    world.edit_app(|app| app.rest_keys[0].secret_on = false);
    let accepted = without_secret(foreign.code("ordinary", Consent::All, ""));
    assert_eq!(foreign.answer(accepted).await.0, 200);
}

// As OAuth libraries do: scopes joined with spaces, though Kakao's page says commas.
#[actix_web::test]
async fn a_client_that_joins_scopes_with_spaces_or_commas() {
    for joint in ["%20", "+", ",", "%2C"] {
        let foreign = Foreign::start();
        let more = format!("&scope=account_email{joint}profile_nickname&state=s");
        let code = foreign.code("ordinary", Consent::All, &more);
        let (_, tokens) = foreign.answer(foreign.exchange(&code)).await;
        let granted: Vec<&str> = text(&tokens, "scope").split(' ').collect();
        assert!(granted.contains(&"account_email"), "{joint}: {granted:?}");
        assert!(
            granted.contains(&"profile_nickname"),
            "{joint}: {granted:?}"
        );
    }
}

// As NextAuth does: PKCE and no nonce, parameters Kakao does not know.
#[actix_web::test]
async fn a_client_that_sends_more_than_kakao_knows() {
    let foreign = Foreign::start();
    let verifier = "a-verifier-of-at-least-forty-three-characters-x";
    let challenge = kakao_gate::kakao::code_challenge(verifier);
    let more = format!(
        "&state=s&code_challenge={challenge}&code_challenge_method=S256&access_type=offline&x=1"
    );
    let form = |code: &str, verifier: &str| {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", REST_API_KEY),
            ("client_secret", CLIENT_SECRET),
            ("redirect_uri", CALLBACK),
            ("code", code),
            ("code_verifier", verifier),
            ("resource", "unknown"),
        ];
        foreign.http.post(foreign.url("/oauth/token")).form(&form)
    };
    let code = foreign.code("ordinary", Consent::All, &more);
    assert_eq!(foreign.answer(form(&code, verifier)).await.0, 200);
    let code = foreign.code("ordinary", Consent::All, &more);
    let (status, body) = foreign
        .answer(form(&code, "another-verifier-of-forty-three-characters-xx"))
        .await;
    assert_eq!((status, text(&body, "error")), (400, "invalid_grant"));
}

// As omniauth-oauth2 does: state is whatever the library made, and comes back as it was.
#[actix_web::test]
async fn a_client_with_an_odd_state_gets_it_back_unchanged() {
    let foreign = Foreign::start();
    let state = "a b&c=d/é?#{\"n\":1}";
    let encoded: String = url::form_urlencoded::byte_serialize(state.as_bytes()).collect();
    let query = format!(
        "client_id={REST_API_KEY}&redirect_uri={CALLBACK}&response_type=code&state={encoded}"
    );
    let address = foreign.url(&format!("/oauth/authorize?{query}"));
    let back = foreign
        .emulator
        .authorize(&address, "ordinary", Consent::All);
    let back = url::Url::parse(&back).unwrap();
    let returned = back
        .query_pairs()
        .find(|(name, _)| name == "state")
        .unwrap()
        .1;
    assert_eq!(returned, state);
}

// As a mobile backend does: it is handed a token, asks whose it is, refreshes it, logs out.
#[actix_web::test]
async fn a_client_that_keeps_a_token_alive_and_ends_it() {
    let foreign = Foreign::start();
    let tokens = foreign.tokens("ordinary", Consent::All).await;
    let refresh = foreign.http.post(foreign.url("/oauth/token")).form(&[
        ("grant_type", "refresh_token"),
        ("client_id", REST_API_KEY),
        ("client_secret", CLIENT_SECRET),
        ("refresh_token", text(&tokens, "refresh_token")),
    ]);
    let (status, renewed) = foreign.answer(refresh).await;
    assert_eq!(status, 200, "{renewed}");
    assert_eq!(
        renewed.get("refresh_token"),
        None,
        "it lives for two months yet"
    );
    let token = text(&renewed, "access_token");
    let info = foreign.http.get(foreign.url("/v1/user/access_token_info"));
    let (status, info) = foreign.answer(info.bearer_auth(token)).await;
    assert_eq!((status, info["id"].as_i64()), (200, Some(2_900_000_001)));
    let logout = foreign.http.post(foreign.url("/v1/user/logout"));
    assert_eq!(foreign.answer(logout.bearer_auth(token)).await.0, 200);
    let (status, gone) = foreign.me(token).await;
    assert_eq!((status, gone["code"].as_i64()), (401, Some(-401)));
}

// KOE114 in the field: the code of one key, exchanged with another of the same app.
#[actix_web::test]
async fn a_client_that_mixes_up_two_keys_is_told_so() {
    let foreign = Foreign::start();
    let code = foreign.code("ordinary", Consent::All, "");
    let request = foreign.http.post(foreign.url("/oauth/token")).form(&[
        ("grant_type", "authorization_code"),
        ("client_id", OTHER_REST_API_KEY),
        ("client_secret", kakao_gate::emulator::OTHER_CLIENT_SECRET),
        ("redirect_uri", CALLBACK),
        ("code", &code),
    ]);
    let (status, body) = foreign.answer(request).await;
    assert_eq!((status, text(&body, "error_code")), (400, "KOE114"));
}
