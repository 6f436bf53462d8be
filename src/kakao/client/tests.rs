//! The client against a server that does as it is told: what each call sends and makes of the
//! answer.

mod faults;
mod grants;

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};
use url::Url;

use super::*;
use crate::kakao::canned::{Answer, Canned};
use crate::kakao::signing::SigningKey;
use crate::kakao::wire::tests::fixture;

const CLIENT_SECRET: &str = "a-client-secret-&-more";
const ADMIN_KEY: &str = "an-admin-key";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CODE: &str = "6Qv0sT3kY8eH1nB5wZ2rXcLpD9uJgMf-AAAA_AAAA";
const TOKEN: &str = "an-access-token-of-somebody";

fn settings(url: &Url) -> Settings {
    Settings {
        auth_url: url.clone(),
        api_url: url.clone(),
        rest_api_key: "0123456789abcdef0123456789abcdef".into(),
        client_secrets: vec![Secret::new(CLIENT_SECRET)],
        admin_keys: vec![Secret::new(ADMIN_KEY)],
        other_app_keys: vec![],
        app_id: 1_234_567,
        redirect_uri: "https://a.example/auth/kakao/callback".into(),
        logout_redirect_uri: "https://a.example/logged-out".into(),
        scopes: vec![],
        oidc: false,
        connect_timeout: Duration::from_secs(1),
        timeout: Duration::from_secs(2),
        concurrent_calls: 8,
    }
}

fn start(answers: Vec<Answer>) -> (Canned, Kakao) {
    let server = Canned::start(answers);
    let kakao = Kakao::new(settings(&server.url)).unwrap();
    (server, kakao)
}

fn impatient(answers: Vec<Answer>) -> (Canned, Kakao) {
    let server = Canned::start(answers);
    let timeout = Duration::from_millis(300);
    let kakao = Kakao::new(Settings {
        timeout,
        ..settings(&server.url)
    })
    .unwrap();
    (server, kakao)
}

fn code() -> AuthorizationCode {
    CODE.parse().unwrap()
}

fn token() -> AccessToken {
    TOKEN.parse().unwrap()
}

fn ryan() -> KakaoId {
    KakaoId::try_from(2_900_000_001).unwrap()
}

fn ok(name: &str) -> Answer {
    Answer::json(200, &fixture(name))
}

fn refused(status: u16, name: &str) -> Answer {
    Answer::json(status, &fixture(name))
}

/// Head and body of the only request.
fn only(server: &Canned) -> (String, String) {
    let requests = server.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    let (head, body) = requests[0].split_once("\r\n\r\n").unwrap();
    (head.to_ascii_lowercase(), body.to_owned())
}

// KL-5: the secrets travel in the form, the address holds none.
#[tokio::test]
async fn the_exchange_sends_the_documented_form_and_nothing_in_the_address() {
    let (server, kakao) = start(vec![ok("token.json")]);
    let tokens = kakao.exchange_code(&code(), VERIFIER).await.unwrap();
    assert_eq!(tokens.access_expires_in, Duration::from_secs(21_599));

    let (head, body) = only(&server);
    assert!(head.starts_with("post /oauth/token http/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/x-www-form-urlencoded;charset=utf-8"));
    assert!(head.contains("user-agent: kakao-gate/"));
    assert!(!head.contains("authorization:") && !head.contains("accept-encoding:"));
    assert_eq!(
        body,
        format!(
            "grant_type=authorization_code&client_id=0123456789abcdef0123456789abcdef\
             &redirect_uri=https%3A%2F%2Fa.example%2Fauth%2Fkakao%2Fcallback\
             &code={CODE}&code_verifier={VERIFIER}&client_secret=a-client-secret-%26-more"
        )
    );
}

#[tokio::test]
async fn without_a_client_secret_the_form_has_no_such_field() {
    let server = Canned::start(vec![ok("token.json")]);
    let none = Settings {
        client_secrets: vec![],
        ..settings(&server.url)
    };
    Kakao::new(none)
        .unwrap()
        .exchange_code(&code(), VERIFIER)
        .await
        .unwrap();
    assert!(!only(&server).1.contains("client_secret"));
}

// RL-1, RL-3
#[tokio::test]
async fn user_is_asked_once_more_after_what_may_pass() {
    for passing in [
        Answer::json(500, ""),
        refused(400, "api_error_1.json"),
        refused(503, "api_error_9798.json"),
        Answer::json(200, "{\"id\":"),
        Answer::SayAndClose(vec![]),
    ] {
        let (server, kakao) = start(vec![passing, ok("me_full.json")]);
        let started = Instant::now();
        assert_eq!(kakao.user(&token()).await.unwrap().id, ryan());
        assert!(started.elapsed() >= REPEAT_AFTER);
        assert_eq!(server.requests().len(), 2);
    }
}

// RL-1
#[tokio::test]
async fn user_is_never_asked_a_third_time_and_not_again_after_a_plain_refusal() {
    let lasting = [
        (refused(401, "api_error_401.json"), 1),
        (refused(403, "api_error_402.json"), 1),
        (refused(400, "api_error_10.json"), 1),
        (Answer::json(429, ""), 1),
        (Answer::json(500, ""), 2),
        (Answer::json(200, "<html>"), 2),
    ];
    for (answer, times) in lasting {
        let (server, kakao) = start(vec![answer.clone(), answer.clone(), ok("me_full.json")]);
        assert!(kakao.user(&token()).await.is_err());
        sleep(Duration::from_millis(30)).await;
        assert_eq!(server.requests().len(), times);
    }
}

#[tokio::test]
async fn user_is_not_asked_again_when_the_time_is_nearly_up() {
    let (server, kakao) = impatient(vec![Answer::json(500, ""), ok("me_full.json")]);
    assert_eq!(
        kakao.user(&token()).await.unwrap_err().kind,
        Kind::Temporary
    );
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn user_asks_for_https_pictures_with_the_token_in_the_header() {
    let (server, kakao) = start(vec![ok("me_full.json")]);
    assert_eq!(
        kakao.user(&token()).await.unwrap().nickname.as_deref(),
        Some("라이언")
    );
    let (head, body) = only(&server);
    assert!(
        head.starts_with("get /v2/user/me?secure_resource=true http/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains(&format!("authorization: bearer {TOKEN}\r\n")));
    assert!(body.is_empty());
}

// AP-1
#[tokio::test]
async fn a_token_of_another_app_is_refused() {
    let server = Canned::start(vec![ok("access_token_info.json")]);
    let ours = Kakao::new(settings(&server.url)).unwrap();
    assert_eq!(ours.token_info(&token()).await.unwrap().id, ryan());
    let other = Kakao::new(Settings {
        app_id: 7,
        ..settings(&server.url)
    })
    .unwrap();
    assert_eq!(
        other.token_info(&token()).await.unwrap_err().kind,
        Kind::OtherApp
    );
}

#[tokio::test]
async fn logout_sends_the_token_and_takes_an_ended_one_for_done() {
    let (server, kakao) = start(vec![ok("logout.json")]);
    kakao.logout(&token()).await.unwrap();
    let (head, body) = only(&server);
    assert!(
        head.starts_with("post /v1/user/logout http/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains(&format!("authorization: bearer {TOKEN}\r\n")) && body.is_empty());

    for done in [
        refused(401, "api_error_401.json"),
        refused(401, "api_error_401_expired.json"),
        refused(400, "api_error_101.json"),
    ] {
        assert!(start(vec![done]).1.logout(&token()).await.is_ok());
    }
    for (undone, kind) in [
        (Answer::json(401, ""), Kind::Unauthorized),
        (refused(401, "api_error_401_ip.json"), Kind::BadClient),
        (refused(400, "api_error_1.json"), Kind::Temporary),
        (
            Answer::json(200, "<html>"),
            Kind::BadReply("not the expected JSON"),
        ),
    ] {
        assert_eq!(
            start(vec![undone])
                .1
                .logout(&token())
                .await
                .unwrap_err()
                .kind,
            kind
        );
    }
}

#[tokio::test]
async fn unlink_takes_not_linked_for_done_but_not_an_ended_token() {
    let (server, kakao) = start(vec![ok("unlink.json")]);
    kakao.unlink(&token()).await.unwrap();
    assert!(
        only(&server)
            .0
            .starts_with("post /v1/user/unlink http/1.1\r\n")
    );

    let (_server, kakao) = start(vec![
        refused(400, "api_error_101.json"),
        refused(401, "api_error_401.json"),
    ]);
    assert!(kakao.unlink(&token()).await.is_ok());
    assert_eq!(
        kakao.unlink(&token()).await.unwrap_err().kind,
        Kind::Unauthorized
    );
}

#[tokio::test]
async fn the_admin_key_acts_by_member_number_in_the_form() {
    let answers = vec![
        ok("logout.json"),
        ok("unlink.json"),
        refused(400, "api_error_101.json"),
    ];
    let (server, kakao) = start(answers);
    kakao.logout_everywhere(ryan()).await.unwrap();
    kakao.unlink_by_admin(ryan()).await.unwrap();
    kakao.unlink_by_admin(ryan()).await.unwrap();
    let requests = server.requests();
    for (request, path) in requests.iter().zip(["logout", "unlink", "unlink"]) {
        let (head, body) = request.split_once("\r\n\r\n").unwrap();
        assert!(
            head.starts_with(&format!("POST /v1/user/{path} HTTP/1.1\r\n")),
            "{head}"
        );
        assert!(
            head.contains(&format!("authorization: KakaoAK {ADMIN_KEY}")),
            "{head}"
        );
        assert_eq!(body, "target_id_type=user_id&target_id=2900000001");
    }
    let bystander = KakaoId::try_from(7).unwrap();
    let (_server, kakao) = start(vec![ok("unlink.json")]);
    let error = kakao.unlink_by_admin(bystander).await.unwrap_err();
    assert_eq!(error.kind, Kind::BadReply("the id of somebody else"));
}

#[tokio::test]
async fn without_an_admin_key_nothing_is_sent() {
    let server = Canned::start(vec![ok("unlink.json")]);
    let none = Settings {
        admin_keys: vec![],
        ..settings(&server.url)
    };
    let error = Kakao::new(none)
        .unwrap()
        .unlink_by_admin(ryan())
        .await
        .unwrap_err();
    assert_eq!(
        (error.kind.clone(), error.not_sent()),
        (Kind::BadClient, true)
    );
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_refused_secret_or_admin_key_gives_way_to_the_next_on_the_next_call() {
    let server = Canned::start(vec![
        refused(401, "token_error_koe010.json"),
        ok("token.json"),
        ok("token.json"),
        refused(401, "api_error_401_admin_key.json"),
        ok("unlink.json"),
    ]);
    let kakao = Kakao::new(Settings {
        client_secrets: vec![Secret::new("old-secret"), Secret::new("new-secret")],
        admin_keys: vec![Secret::new("old-admin"), Secret::new("new-admin")],
        ..settings(&server.url)
    })
    .unwrap();
    let error = kakao.exchange_code(&code(), VERIFIER).await.unwrap_err();
    assert_eq!(
        (error.kind, error.code),
        (Kind::BadClient, Some(Code::Koe(10)))
    );
    kakao.exchange_code(&code(), VERIFIER).await.unwrap();
    kakao.exchange_code(&code(), VERIFIER).await.unwrap();
    kakao.unlink_by_admin(ryan()).await.unwrap_err();
    kakao.unlink_by_admin(ryan()).await.unwrap();
    let keys = [
        "old-secret",
        "new-secret",
        "new-secret",
        "old-admin",
        "new-admin",
    ];
    for (request, key) in server.requests().iter().zip(keys) {
        assert!(request.contains(key), "{key}: {request}");
    }
}

// OT-1, OT-2
#[tokio::test]
async fn an_id_token_is_verified_with_the_key_that_its_issuer_publishes() {
    let key = SigningKey::new("9f252dadd5f233f93d2fa528d12fea");
    let keys = json!({ "keys": [{"kty": "junk"}, key.public()] }).to_string();
    let (server, kakao) = start(vec![Answer::json(200, &keys)]);
    let now = OffsetDateTime::from_unix_timestamp(1_772_424_310).unwrap();
    let claims = json!({
        "iss": kakao.issuer(),
        "aud": "0123456789abcdef0123456789abcdef",
        "sub": ryan().to_string(),
        "iat": now.unix_timestamp(),
        "exp": now.unix_timestamp() + 43_199,
        "auth_time": now.unix_timestamp() - 5,
        "nonce": "n1",
    });
    let header = |kid: &str| json!({"alg": "RS256", "typ": "JWT", "kid": kid});
    let verify = async |token: String, nonce: &str| {
        let token = token.parse().unwrap();
        kakao.verify_id_token(&token, nonce, now).await
    };
    let known = "9f252dadd5f233f93d2fa528d12fea";
    let token = key.sign(&header(known), &claims);
    let named = Named {
        id: ryan(),
        authenticated_at: Some(now - time::Duration::seconds(5)),
        issued_at: now,
    };
    assert_eq!(verify(token.clone(), "n1").await, Ok(named));
    let refused = async |token: String, nonce: &str, why: IdTokenError| {
        assert_eq!(verify(token, nonce).await, Err(Unverified::Refused(why)));
    };
    refused(token.clone(), "n2", IdTokenError::Nonce).await;
    let forged = SigningKey::foreign(known).sign(&header(known), &claims);
    refused(forged, "n1", IdTokenError::Signature).await;
    let (message, _) = token.rsplit_once('.').unwrap();
    refused(format!("{message}.AAAA"), "n1", IdTokenError::Signature).await;
    assert_eq!(server.requests().len(), 1, "the keys were kept");
}
