//! Each fault as a client sees it on the wire.

use std::time::{Duration, Instant};

use kakao_gate::emulator::{CLIENT_SECRET, Consent, Endpoint, Fault, REST_API_KEY, Times};
use reqwest::Method;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{CALLBACK, Kakao, authorize_path};

/// Everything the emulator sends for `GET /v2/user/me` until it closes, and whether it did so
/// within half a second.
async fn raw(kakao: &Kakao) -> (String, bool) {
    let mut stream = TcpStream::connect(kakao.emulator.address()).await.unwrap();
    let request = "GET /v2/user/me HTTP/1.1\r\nHost: x\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        match timeout(Duration::from_millis(500), stream.read(&mut buffer)).await {
            Err(_) => return (String::from_utf8(received).unwrap(), false),
            Ok(Ok(0) | Err(_)) => return (String::from_utf8(received).unwrap(), true),
            Ok(Ok(length)) => received.extend_from_slice(&buffer[..length]),
        }
    }
}

fn fail_me(kakao: &Kakao, fault: Fault) {
    kakao.emulator.fail(Endpoint::Me, fault, Times::Once);
}

/// The promised length and the body that came.
fn length_and_body(answer: &str) -> (usize, &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("content-length: ")
            .map(str::to_owned)
    });
    (length.unwrap().parse().unwrap(), body)
}

#[actix_web::test]
async fn silence_reads_and_never_answers() {
    let kakao = Kakao::start();
    fail_me(&kakao, Fault::Silence);
    assert_eq!(raw(&kakao).await, (String::new(), false));
    assert_eq!(kakao.emulator.requests()[0].status, None);
}

#[actix_web::test]
async fn cut_closes_without_a_byte() {
    let kakao = Kakao::start();
    fail_me(&kakao, Fault::Cut);
    assert_eq!(raw(&kakao).await, (String::new(), true));
}

#[actix_web::test]
async fn cut_body_sends_the_head_and_half_the_body() {
    let kakao = Kakao::start();
    fail_me(&kakao, Fault::CutBody);
    let (answer, closed) = raw(&kakao).await;
    let (length, body) = length_and_body(&answer);
    assert!(closed && !body.is_empty());
    assert_eq!(body.len(), length / 2);
    assert!(
        answer.starts_with("HTTP/1.1 401"),
        "the real status: {answer}"
    );
    assert!(
        answer
            .to_ascii_lowercase()
            .contains("www-authenticate: bearer")
    );
}

#[actix_web::test]
async fn wrong_length_promises_more_than_comes() {
    let kakao = Kakao::start();
    fail_me(&kakao, Fault::WrongLength);
    let (answer, closed) = raw(&kakao).await;
    let (length, body) = length_and_body(&answer);
    assert!(closed && body.ends_with('}'));
    assert_eq!(length, body.len() + 7);
}

#[actix_web::test]
async fn drip_sends_a_byte_at_a_time() {
    let kakao = Kakao::start();
    fail_me(&kakao, Fault::Drip(Duration::from_millis(10)));
    let start = Instant::now();
    let answer = kakao.get("/v2/user/me").await;
    let least = Duration::from_millis(10) * u32::try_from(answer.body.len()).unwrap();
    assert_eq!(answer.json()["code"], -401);
    assert!(start.elapsed() >= least);
}

#[actix_web::test]
async fn delay_answers_rightly_but_late() {
    let kakao = Kakao::start();
    fail_me(&kakao, Fault::Delay(Duration::from_millis(200)));
    let start = Instant::now();
    assert_eq!(kakao.get("/v2/user/me").await.json()["code"], -401);
    assert!(start.elapsed() >= Duration::from_millis(200));
}

#[actix_web::test]
async fn malformed_is_json_that_stops_in_the_middle() {
    let kakao = Kakao::start();
    fail_me(&kakao, Fault::Malformed);
    let answer = kakao.get("/v2/user/me").await;
    assert!(answer.body.starts_with('{'));
    assert!(serde_json::from_str::<serde_json::Value>(&answer.body).is_err());
    assert_eq!(
        answer.header("content-length"),
        answer.body.len().to_string()
    );
}

#[actix_web::test]
async fn answers_of_any_kind_can_be_had() {
    let kakao = Kakao::start();
    fail_me(&kakao, Fault::Html(502));
    let html = kakao.get("/v2/user/me").await;
    assert_eq!(html.status, 502);
    assert!(html.header("content-type").starts_with("text/html"));
    fail_me(&kakao, Fault::Redirect("https://example.com/a".to_owned()));
    let redirect = kakao.get("/v2/user/me").await;
    assert_eq!(
        (redirect.status, redirect.header("location")),
        (302, "https://example.com/a")
    );
    fail_me(&kakao, Fault::Status(503));
    let status = kakao.get("/v2/user/me").await;
    assert_eq!((status.status, status.body.as_str()), (503, ""));
    fail_me(
        &kakao,
        Fault::Answer {
            status: 200,
            content_type: "application/json".to_owned(),
            body: "[]".to_owned(),
        },
    );
    let answer = kakao.get("/v2/user/me").await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "[]"));
}

#[actix_web::test]
async fn documented_refusals_have_their_own_status_and_body() {
    let kakao = Kakao::start();
    let emulator = &kakao.emulator;
    for (code, status) in [
        (-1, 400),
        (-7, 400),
        (-10, 400),
        (-603, 400),
        (-9798, 503),
        (-12, 403),
    ] {
        fail_me(&kakao, Fault::refuse(&code.to_string()));
        let answer = kakao.get("/v2/user/me").await;
        assert_eq!(
            (answer.status, answer.json()["code"].as_i64()),
            (status, Some(code))
        );
    }
    for (code, status) in [
        ("KOE003", 500),
        ("KOE010", 401),
        ("KOE237", 400),
        ("KOE320", 400),
    ] {
        emulator.fail(Endpoint::Token, Fault::refuse(code), Times::Once);
        let (seen, _, koe, _) = kakao.exchange("x", &[]).await.refusal();
        assert_eq!((seen, koe.as_str()), (status, code));
    }
    emulator.fail(Endpoint::Token, Fault::RateLimit, Times::Once);
    assert_eq!(kakao.exchange("x", &[]).await.refusal().2, "KOE237");
    fail_me(&kakao, Fault::RateLimit);
    assert_eq!(kakao.get("/v2/user/me").await.json()["code"], -10);
}

#[actix_web::test]
async fn authorize_can_be_made_to_redirect_with_an_error_or_to_show_a_page() {
    let kakao = Kakao::start();
    let emulator = &kakao.emulator;
    let interaction = Fault::refuse("interaction_required");
    emulator.fail(Endpoint::Authorize, interaction.clone(), Times::Exactly(2));
    let words = "error=interaction_required&error_description=need%20to%20collect%20additional%20personal%20information.&state=";
    let back = kakao.get(&authorize_path(&[])).await;
    assert!(back.header("location").contains(words));
    let address = format!("{}{}", emulator.url(), authorize_path(&[]));
    assert!(
        emulator
            .authorize(&address, "linked", Consent::All)
            .contains(words)
    );
    emulator.fail(Endpoint::Authorize, Fault::refuse("KOE003"), Times::Once);
    let page = kakao.get(&authorize_path(&[])).await;
    assert_eq!(page.status, 400);
    assert!(page.body.contains("(KOE003)</h1>"));
}

#[actix_web::test]
async fn large_answers_have_their_size_and_endless_ones_no_end() {
    let kakao = Kakao::start();
    fail_me(&kakao, Fault::Large(1_000_000));
    let answer = kakao.get("/v2/user/me").await;
    assert!((900_000..1_100_000).contains(&answer.body.len()));
    assert!(answer.json()["padding"].is_string());
    fail_me(&kakao, Fault::Endless);
    let request = kakao.request(Method::GET, "/v2/user/me");
    let mut endless = request.send().await.unwrap();
    let mut received = 0;
    while received < 20_000_000 {
        received += endless.chunk().await.unwrap().expect("more").len();
    }
}

/// Whether the answer to an exchange of `code` is lost.
async fn lost(kakao: &Kakao, code: &str) -> bool {
    let form = [
        ("grant_type", "authorization_code"),
        ("client_id", REST_API_KEY),
        ("client_secret", CLIENT_SECRET),
        ("redirect_uri", CALLBACK),
        ("code", code),
    ];
    let request = kakao.request(Method::POST, "/oauth/token").form(&form);
    request.send().await.is_err()
}

#[actix_web::test]
async fn after_effect_burns_the_code_and_loses_the_answer() {
    let kakao = Kakao::start();
    let code = kakao.code("ordinary", &[]);
    kakao
        .emulator
        .fail(Endpoint::Token, Fault::Cut.after_effect(), Times::Once);
    assert!(lost(&kakao, &code).await);
    let (_, _, koe, _) = kakao.exchange(&code, &[]).await.refusal();
    assert_eq!(koe, "KOE320");
    let fresh = kakao.code("ordinary", &[]);
    kakao
        .emulator
        .fail(Endpoint::Token, Fault::Cut, Times::Once);
    assert!(lost(&kakao, &fresh).await);
    assert_eq!(kakao.exchange(&fresh, &[]).await.status, 200, "not burnt");
}

#[actix_web::test]
async fn a_fault_lasts_as_long_as_asked_and_heals() {
    let kakao = Kakao::start();
    let emulator = &kakao.emulator;
    emulator.fail(Endpoint::Me, Fault::Status(500), Times::Exactly(2));
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(kakao.get("/v2/user/me").await.status);
    }
    assert_eq!(seen, [500, 500, 401]);
    emulator.fail(Endpoint::Me, Fault::Status(500), Times::Always);
    assert_eq!(kakao.get("/v2/user/me").await.status, 500);
    assert_eq!(kakao.get("/v1/user/access_token_info").await.status, 401);
    emulator.heal();
    assert_eq!(kakao.get("/v2/user/me").await.status, 401);
    assert_eq!(emulator.count(Endpoint::Me), 5);
}

#[actix_web::test]
async fn a_request_can_carry_its_own_fault_and_authorize_one_for_later() {
    let kakao = Kakao::start();
    let request = kakao.request(Method::GET, "/v2/user/me");
    let answer = kakao
        .send(request.header("x-emulator-fault", "status:502"))
        .await;
    assert_eq!(answer.status, 502);
    let request = kakao.request(Method::GET, "/v2/user/me");
    let unreadable = kakao.send(request.header("x-emulator-fault", "soon")).await;
    assert_eq!(unreadable.status, 400);
    let path = authorize_path(&[("emulator_fault", "token:KOE237")]);
    assert_eq!(kakao.get(&path).await.status, 200);
    assert_eq!(kakao.exchange("x", &[]).await.refusal().2, "KOE237");
    assert_eq!(kakao.exchange("x", &[]).await.refusal().2, "KOE320");
}
