//! The client when the network, the server or the machine misbehaves: what it makes of it, and
//! what it must not do.

use std::io::{self, Write};
use std::net::TcpListener;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use url::Url;

use super::*;

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
    let cut: String = whole.chars().take(40).collect();
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
        ("truncated JSON", Answer::json(200, &cut)),
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
    let id_token = tokens.id_token.as_ref().unwrap().compact();
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
        "an_id_token_is_verified_with_the_key_that_its_issuer_publishes",
        &[
            ("SSL_CERT_FILE", "/nonexistent"),
            ("SSL_CERT_DIR", "/nonexistent"),
        ],
    );
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// LG-2
#[tokio::test]
async fn every_attempt_leaves_one_line_and_no_secret_in_the_log() {
    let log = Log::default();
    let sink = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || sink.clone())
        .finish();
    // With one dispatcher alone, a line first reached by a test on another thread, where nobody
    // listens, counts as wanted by nobody.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let guard = tracing::subscriber::set_default(subscriber);
    let (_server, kakao) = start(vec![
        refused(400, "token_error_koe320.json"),
        refused(401, "token_error_koe010.json"),
        Answer::json(500, ""),
        ok("me_full.json"),
        Answer::SayAndClose(vec![]),
    ]);
    kakao.exchange_code(&code(), VERIFIER).await.unwrap_err();
    kakao.exchange_code(&code(), VERIFIER).await.unwrap_err();
    kakao.user(&token()).await.unwrap();
    kakao.unlink_by_admin(ryan()).await.unwrap_err();
    drop(guard);
    let said = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let ours: Vec<&str> = said
        .lines()
        .filter(|line| line.contains("duration_ms="))
        .collect();
    let expected = [
        (
            "DEBUG",
            "call=\"token\" outcome=\"code_used\" status=400 code=KOE320",
        ),
        (
            "DEBUG",
            "call=\"token\" outcome=\"bad_client\" status=401 code=KOE010",
        ),
        ("DEBUG", "call=\"user\" outcome=\"temporary\" status=500"),
        ("DEBUG", "call=\"user\" outcome=\"ok\""),
        ("DEBUG", "call=\"unlink_by_admin\" outcome=\"temporary\""),
    ];
    assert_eq!(ours.len(), expected.len(), "{said}");
    for (line, (level, fields)) in ours.iter().zip(expected) {
        assert!(line.contains(level) && line.contains(fields), "{line}");
    }
    for secret in [
        CODE,
        CLIENT_SECRET,
        ADMIN_KEY,
        VERIFIER,
        TOKEN,
        "ryan@example.com",
    ] {
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}
