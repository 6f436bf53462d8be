//! The client against a server that does as it is told: what is sent, how often, and what is
//! made of the answer.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use url::Url;

use super::*;
use crate::kakao::canned::{Answer, Canned};
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

/// A sound answer, one byte at a time.
fn dripping(pause: Duration) -> Answer {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n";
    Answer::Drip((head.to_owned() + &" ".repeat(9_999)).into_bytes(), pause)
}

/// Ways for an answer to go wrong that are no refusal in Kakao's words.
fn faults() -> Vec<(&'static str, Answer)> {
    let whole = fixture("token.json");
    let page = "<!doctype html><title>Oops</title>";
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let long = format!("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{whole}");
    let cut = &whole.as_bytes()[..40];
    vec![
        ("closed without a word", Answer::SayAndClose(vec![])),
        ("silence", Answer::Silence),
        (
            "cut in the head",
            Answer::SayAndClose(b"HTTP/1.1 200 O".to_vec()),
        ),
        (
            "no HTTP",
            Answer::SayAndClose(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec()),
        ),
        (
            "wrong length, then closed",
            Answer::SayAndClose(long.into_bytes()),
        ),
        (
            "HTML with 200",
            Answer::full(200, "Content-Type: text/html\r\n", page),
        ),
        (
            "HTML with 502",
            Answer::full(502, "Content-Type: text/html\r\n", page),
        ),
        (
            "HTML with 400",
            Answer::full(400, "Content-Type: text/html\r\n", page),
        ),
        (
            "truncated JSON",
            Answer::json(200, &String::from_utf8(cut.to_vec()).unwrap()),
        ),
        ("empty 200", Answer::json(200, "")),
        (
            "empty 204",
            Answer::SayAndClose(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        ),
        ("empty 500", Answer::json(500, "")),
        (
            "503 with a wait",
            Answer::full(503, "Retry-After: 0\r\n", ""),
        ),
        (
            "429 with a wait",
            Answer::full(429, "Retry-After: 7\r\n", ""),
        ),
        (
            "408",
            Answer::SayAndClose(b"HTTP/1.1 408 Slow\r\nContent-Length: 0\r\n\r\n".to_vec()),
        ),
        ("421", Answer::json(421, "")),
        (
            "a redirect",
            Answer::full(302, "Location: /elsewhere\r\n", ""),
        ),
        (
            "a redirect that keeps the method",
            Answer::full(307, "Location: /elsewhere\r\n", ""),
        ),
        (
            "50 MB announced",
            Answer::Say(b"HTTP/1.1 200 OK\r\nContent-Length: 52428800\r\n\r\n".to_vec()),
        ),
        ("a body without end", Answer::Endless(chunked.into())),
        ("one byte at a time", dripping(Duration::from_millis(20))),
    ]
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

// CB-3, RL-1
#[tokio::test]
async fn the_exchange_is_sent_once_whatever_comes_back() {
    let refusals = ["003", "010", "101", "237", "303", "320"].map(|number| {
        let file = format!("token_error_koe{number}.json");
        ("a refusal", Answer::json(400, &fixture(&file)))
    });
    for (what, answer) in faults().into_iter().chain(refusals) {
        let (server, kakao) = impatient(vec![answer, ok("token.json")]);
        let outcome = kakao.exchange_code(&code(), VERIFIER).await;
        assert!(outcome.is_err(), "{what}");
        assert!(!outcome.unwrap_err().not_sent(), "{what}");
        sleep(Duration::from_millis(30)).await;
        assert_eq!(server.requests().len(), 1, "{what}");
    }
}

// CB-3: a connection kept open from an earlier call dies under the exchange.
#[tokio::test]
async fn the_exchange_is_not_repeated_on_a_fresh_connection_either() {
    let (server, kakao) = start(vec![
        ok("access_token_info.json"),
        Answer::SayAndClose(vec![]),
        ok("token.json"),
    ]);
    kakao.token_info(&token()).await.unwrap();
    let error = kakao.exchange_code(&code(), VERIFIER).await.unwrap_err();
    assert_eq!(error.trouble, Some(Trouble::Broken));
    sleep(Duration::from_millis(30)).await;
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn what_is_wrong_with_an_answer_has_its_kind() {
    for (what, answer) in faults() {
        let (_server, kakao) = impatient(vec![answer]);
        let error = kakao.exchange_code(&code(), VERIFIER).await.unwrap_err();
        let kind = match what {
            "HTML with 200" | "truncated JSON" | "empty 200" | "empty 204" => {
                Kind::BadReply("not the expected JSON")
            }
            "HTML with 400" | "421" => Kind::BadReply("an error without a code"),
            "a redirect" | "a redirect that keeps the method" => Kind::BadReply("a redirect"),
            "50 MB announced" | "a body without end" => Kind::BadReply("a body over 64 KiB"),
            "429 with a wait" => Kind::Limited {
                retry_after: Some(Duration::from_secs(7)),
            },
            _ => Kind::Temporary,
        };
        assert_eq!(error.kind, kind, "{what}: {error}");
        let timeout = matches!(what, "silence" | "one byte at a time");
        assert_eq!(
            error.trouble == Some(Trouble::Timeout),
            timeout,
            "{what}: {error}"
        );
    }
}

// RL-1
#[tokio::test]
async fn silence_and_dripping_end_with_the_time_of_the_call() {
    let in_the_head = dripping(Duration::from_millis(20));
    let in_the_body = dripping(Duration::from_millis(2));
    for answer in [Answer::Silence, in_the_head, in_the_body] {
        let (_server, kakao) = impatient(vec![answer]);
        let started = Instant::now();
        let error = kakao.user(&token()).await.unwrap_err();
        assert_eq!(
            (error.kind.clone(), error.trouble),
            (Kind::Temporary, Some(Trouble::Timeout))
        );
        assert!(started.elapsed() < Duration::from_secs(1), "{error}");
    }
}

#[tokio::test]
async fn a_refused_connection_is_temporary_and_known_not_to_have_been_sent() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let url: Url = format!("http://{}", closed.local_addr().unwrap())
        .parse()
        .unwrap();
    drop(closed);
    let error = Kakao::new(settings(&url))
        .unwrap()
        .exchange_code(&code(), VERIFIER)
        .await;
    let error = error.unwrap_err();
    assert_eq!(
        (error.kind.clone(), error.trouble),
        (Kind::Temporary, Some(Trouble::Connect))
    );
    assert!(error.not_sent());
}

// CF-2
#[tokio::test]
async fn a_redirect_is_not_followed_and_the_token_goes_nowhere_else() {
    let other = Canned::start(vec![ok("me_full.json")]);
    let location = format!("Location: {}v2/user/me\r\n", other.url);
    for status in [301, 302, 303, 307, 308] {
        let (_server, kakao) = start(vec![Answer::full(status, &location, "")]);
        let error = kakao.user(&token()).await.unwrap_err();
        assert_eq!(error.kind, Kind::BadReply("a redirect"));
        assert_eq!(error.status, Some(status));
    }
    assert!(other.requests().is_empty());
}

// IN-5
#[tokio::test]
async fn no_more_than_64_kib_of_a_body_are_read() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let (server, kakao) = start(vec![Answer::Endless(chunked.into())]);
    let started = Instant::now();
    let error = kakao.token_info(&token()).await.unwrap_err();
    assert_eq!(error.kind, Kind::BadReply("a body over 64 KiB"));
    assert!(started.elapsed() < Duration::from_secs(1));
    sleep(Duration::from_millis(100)).await;
    let stopped_at = server.written();
    sleep(Duration::from_millis(100)).await;
    // What the kernel's buffers took in before the connection closed is all there is.
    assert_eq!(server.written(), stopped_at, "the client went on reading");

    let padded = |total: usize| {
        let body = fixture("access_token_info.json");
        let padding = " ".repeat(total - body.len());
        Answer::json(200, &(body + &padding))
    };
    let (_server, kakao) = start(vec![padded(64 * 1_024), padded(64 * 1_024 + 1)]);
    assert!(kakao.token_info(&token()).await.is_ok());
    let error = kakao.token_info(&token()).await.unwrap_err();
    assert_eq!(error.kind, Kind::BadReply("a body over 64 KiB"));
}

#[tokio::test]
async fn an_error_page_of_any_size_keeps_the_meaning_of_its_status() {
    let (_server, kakao) = impatient(vec![Answer::full(503, "", &"x".repeat(100_000))]);
    let error = kakao.user(&token()).await.unwrap_err();
    assert_eq!((error.kind, error.status), (Kind::Temporary, Some(503)));
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

#[tokio::test]
async fn a_full_house_turns_calls_away_soon_and_unsent() {
    let server = Canned::start(vec![Answer::Silence]);
    let kakao = Kakao::new(Settings {
        concurrent_calls: 1,
        ..settings(&server.url)
    })
    .unwrap();
    let waiting = tokio::spawn({
        let kakao = kakao.clone();
        async move { kakao.user(&token()).await }
    });
    sleep(Duration::from_millis(50)).await;
    let started = Instant::now();
    let error = kakao.token_info(&token()).await.unwrap_err();
    assert_eq!(
        (error.kind.clone(), error.trouble),
        (Kind::Temporary, Some(Trouble::NoSlot))
    );
    assert!(error.not_sent() && started.elapsed() < Duration::from_secs(1));
    assert_eq!(server.requests().len(), 1);
    waiting.abort();
    assert!(waiting.await.is_err());
    let error = kakao.token_info(&token()).await.unwrap_err();
    assert_eq!(
        error.trouble,
        Some(Trouble::Timeout),
        "an abandoned call gives its slot back"
    );
}

// LG-2, TK-6
#[tokio::test]
async fn nothing_the_client_prints_holds_a_secret() {
    let echo = format!(
        r#"{{"error":"{CODE}","error_description":"code={CODE} {CLIENT_SECRET}","code":-402,
            "error_code":"KOE{CODE}","msg":"{TOKEN} {ADMIN_KEY}","required_scopes":["x y"]}}"#
    );
    let mut printed = String::new();
    let answers = faults().into_iter().map(|(_, answer)| answer);
    for answer in answers.chain([
        Answer::json(400, &echo),
        refused(400, "token_error_koe320.json"),
    ]) {
        let (_server, kakao) = impatient(vec![answer]);
        let error = kakao.exchange_code(&code(), VERIFIER).await.unwrap_err();
        printed += &format!("{error} {error:?} {kakao:?}\n");
        let error = kakao.user(&token()).await.unwrap_err();
        printed += &format!("{error} {error:?}\n");
        let error = kakao.unlink_by_admin(ryan()).await.unwrap_err();
        printed += &format!("{error} {error:?}\n");
    }
    let (_server, kakao) = start(vec![ok("token_oidc.json"), ok("me_full.json")]);
    let tokens = kakao.exchange_code(&code(), VERIFIER).await.unwrap();
    let user = kakao.user(&token()).await.unwrap();
    printed += &format!("{tokens:?} {user:?}");
    let id_token = tokens.id_token.as_ref().unwrap().expose();
    for secret in [
        CODE,
        CLIENT_SECRET,
        ADMIN_KEY,
        VERIFIER,
        TOKEN,
        tokens.access.expose(),
        tokens.refresh.expose(),
        id_token,
        "authorization code not found",
        "ryan@example.com",
        "라이언",
        "oauth/token",
    ] {
        assert!(!printed.contains(secret), "{secret} in {printed}");
    }
}

#[test]
fn an_id_token_is_checked_against_this_app_and_its_issuer() {
    let kakao = Kakao::new(Settings {
        auth_url: "https://kauth.kakao.com".parse().unwrap(),
        ..settings(&"http://127.0.0.1:9".parse().unwrap())
    })
    .unwrap();
    let tokens = wire::tokens(fixture("token_oidc.json").as_bytes()).unwrap();
    let id_token = tokens.id_token.unwrap();
    let nonce = "mT3x5r0gq2cZ8yJ1vB7nL4wKdP6sHfUaEiXoGtRbQlY";
    let now = OffsetDateTime::from_unix_timestamp(1_772_424_310).unwrap();
    assert_eq!(kakao.check_id_token(&id_token, nonce, now), Ok(ryan()));
    let local = Kakao::new(settings(&"http://127.0.0.1:9".parse().unwrap())).unwrap();
    assert_eq!(
        local.check_id_token(&id_token, nonce, now),
        Err(IdTokenError::Issuer)
    );
}

/// Runs one test of this file again in a process with another environment.
fn rerun(test: &str, environment: &[(&str, &str)]) {
    let name = format!("kakao::client::tests::{test}");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", &name, "--test-threads=1"])
        .envs(environment.iter().copied());
    let output = command
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && said.contains("1 passed"),
        "{said}"
    );
}

// CF-2
#[test]
fn proxy_variables_are_ignored() {
    let nowhere = "http://127.0.0.1:1";
    rerun(
        "user_asks_for_https_pictures_with_the_token_in_the_header",
        &[
            ("HTTP_PROXY", nowhere),
            ("http_proxy", nowhere),
            ("HTTPS_PROXY", nowhere),
            ("ALL_PROXY", nowhere),
        ],
    );
}

// CF-2: a container image without ca-certificates.
#[test]
fn the_client_starts_on_a_machine_without_certificates() {
    rerun(
        "an_id_token_is_checked_against_this_app_and_its_issuer",
        &[
            ("SSL_CERT_FILE", "/nonexistent"),
            ("SSL_CERT_DIR", "/nonexistent"),
        ],
    );
}
