//! The client reads every fixture, served to it over HTTP as Kakao would.

use std::net::TcpListener;
use std::time::Duration;

use kakao_gate::emulator::{self, Emulator, Endpoint, Times};
use kakao_gate::kakao::{
    AccessToken, AuthorizationCode, Call, Error, Fault, Kakao, Kind, Settings,
};
use kakao_gate::member::KakaoId;
use kakao_gate::vault::Secret;

use super::{fixture, fixtures};

/// The app of the fixtures.
const APP_ID: i64 = 1_234_567;

/// A client, and a server that answers it with fixtures.
struct Served {
    emulator: Emulator,
    kakao: Kakao,
}

impl Served {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let settings = emulator::Settings::seeded("http://127.0.0.1:8080");
        let emulator = Emulator::start(listener, settings).unwrap();
        let url: url::Url = emulator.url().parse().unwrap();
        let settings = Settings {
            auth_url: url.clone(),
            api_url: url,
            rest_api_key: emulator::REST_API_KEY.to_owned(),
            client_secrets: vec![Secret::new(emulator::CLIENT_SECRET)],
            admin_keys: vec![Secret::new(emulator::ADMIN_KEY)],
            other_app_keys: vec![],
            app_id: APP_ID,
            redirect_uri: "http://127.0.0.1:8080/auth/kakao/callback".to_owned(),
            logout_redirect_uri: "http://127.0.0.1:8080/logged-out/kakao/done".to_owned(),
            scopes: Vec::new(),
            oidc: false,
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
            concurrent_calls: 8,
        };
        Self {
            kakao: Kakao::new(settings).unwrap(),
            emulator,
        }
    }

    /// Answers `endpoint` with a fixture from now on.
    fn serve(&self, endpoint: Endpoint, status: u16, name: &str) {
        let answer = emulator::Fault::Answer {
            status,
            content_type: "application/json;charset=UTF-8".to_owned(),
            body: fixture(name),
        };
        self.emulator.heal();
        self.emulator.fail(endpoint, answer, Times::Always);
    }
}

fn code() -> AuthorizationCode {
    "a-code".parse().unwrap()
}

fn token() -> AccessToken {
    "a-token".parse().unwrap()
}

#[actix_web::test]
async fn every_token_answer_is_accepted() {
    let served = Served::start();
    for (name, scopes) in [
        (
            "token",
            &["account_email", "profile_image", "profile_nickname"][..],
        ),
        ("token_no_scope", &[]),
    ] {
        served.serve(Endpoint::Token, 200, name);
        let tokens = served
            .kakao
            .exchange_code(&code(), "verifier")
            .await
            .unwrap();
        assert_eq!(tokens.scopes, scopes, "{name}");
        assert_eq!(
            tokens.access_expires_in,
            Duration::from_secs(21_599),
            "{name}"
        );
        assert_eq!(
            tokens.refresh_expires_in,
            Duration::from_secs(5_183_999),
            "{name}"
        );
        assert!(tokens.access.expose().starts_with("xQ7-1bZ0"), "{name}");
        assert!(tokens.refresh.expose().starts_with("Rm2_kT8v"), "{name}");
    }
    served.serve(Endpoint::Token, 200, "token_oidc");
    let tokens = served
        .kakao
        .exchange_code(&code(), "verifier")
        .await
        .unwrap();
    assert!(tokens.id_token.is_some());
}

// AP-1
#[actix_web::test]
async fn every_token_info_of_our_app_is_accepted() {
    let served = Served::start();
    for name in fixtures("access_token_info") {
        served.serve(Endpoint::AccessTokenInfo, 200, &name);
        let info = served.kakao.token_info(&token()).await.unwrap();
        assert_eq!(
            (info.id.get(), info.app_id),
            (2_900_000_001, APP_ID),
            "{name}"
        );
        assert_eq!(info.expires_in, Duration::from_secs(21_550), "{name}");
    }
}

// ID-6, ID-7
#[actix_web::test]
async fn every_person_is_read_with_what_they_share() {
    struct Expected(
        &'static str,
        i64,
        Option<&'static str>,
        Option<(&'static str, bool)>,
    );
    let served = Served::start();
    let people = [
        Expected(
            "me_19_digit_id",
            1_376_016_924_426_814_086,
            Some("네오"),
            None,
        ),
        Expected(
            "me_default_nickname",
            2_900_000_007,
            Some("닉네임을 등록해주세요"),
            None,
        ),
        Expected(
            "me_full",
            2_900_000_001,
            Some("라이언"),
            Some(("ryan@example.com", true)),
        ),
        Expected("me_id_only", 2_900_000_004, None, None),
        Expected(
            "me_invalid_email",
            2_900_000_006,
            Some("프로도"),
            Some(("frodo@example.com", false)),
        ),
        Expected("me_legacy", 1_399_634_384, Some("어피치"), None),
        Expected("me_minimal", 2_900_000_003, None, None),
        Expected("me_no_email", 2_900_000_002, Some("춘식"), None),
        Expected("me_unknown_fields", 2_900_000_008, Some("무지"), None),
        Expected(
            "me_unverified_email",
            2_900_000_005,
            Some("튜브"),
            Some(("tube@example.com", false)),
        ),
    ];
    let names: Vec<_> = people.iter().map(|Expected(name, ..)| *name).collect();
    assert_eq!(names, fixtures("me_"), "no fixture left out");
    for Expected(name, id, nickname, email) in people {
        served.serve(Endpoint::Me, 200, name);
        let user = served.kakao.user(&token()).await.unwrap();
        assert_eq!(user.id.get(), id, "{name}");
        assert_eq!(user.nickname.as_deref(), nickname, "{name}");
        assert_eq!(
            user.default_nickname,
            name == "me_default_nickname",
            "{name}"
        );
        let read = user
            .email
            .as_ref()
            .map(|email| (email.address.as_str(), email.is_confirmed()));
        assert_eq!(read, email, "{name}");
    }
}

// SE-7, TK-7
#[actix_web::test]
async fn logout_and_unlink_are_understood() {
    let served = Served::start();
    let id = KakaoId::try_from(2_900_000_001).unwrap();
    served.serve(Endpoint::Logout, 200, "logout");
    served.kakao.logout(&token()).await.unwrap();
    served.kakao.logout_everywhere(id).await.unwrap();
    served.serve(Endpoint::Unlink, 200, "unlink");
    served.kakao.unlink(&token()).await.unwrap();
    served.kakao.unlink_by_admin(id).await.unwrap();
}

fn wait() -> Kind {
    Kind::Limited { retry_after: None }
}

// CB-2, TK-5, RL-3
#[actix_web::test]
async fn every_refused_exchange_is_classified_by_who_has_to_act() {
    let served = Served::start();
    let refusals = [
        ("token_error_koe003", 500, Kind::Temporary, Fault::Kakao),
        (
            "token_error_koe009",
            400,
            Kind::BadClient,
            Fault::Configuration,
        ),
        (
            "token_error_koe010",
            401,
            Kind::BadClient,
            Fault::Configuration,
        ),
        (
            "token_error_koe101",
            401,
            Kind::BadClient,
            Fault::Configuration,
        ),
        (
            "token_error_koe114",
            400,
            Kind::BadClient,
            Fault::Configuration,
        ),
        ("token_error_koe237", 400, wait(), Fault::Rate),
        (
            "token_error_koe303",
            400,
            Kind::RedirectMismatch,
            Fault::Configuration,
        ),
        ("token_error_koe320", 400, Kind::CodeUsed, Fault::Person),
        (
            "token_error_koe322",
            400,
            Kind::RefreshTokenGone,
            Fault::Person,
        ),
    ];
    let names: Vec<_> = refusals.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, fixtures("token_error"), "no fixture left out");
    for (name, status, kind, fault) in refusals {
        served.serve(Endpoint::Token, status, name);
        let asked = served.emulator.count(Endpoint::Token);
        let error = served
            .kakao
            .exchange_code(&code(), "verifier")
            .await
            .unwrap_err();
        assert_eq!(
            served.emulator.count(Endpoint::Token),
            asked + 1,
            "{name}: never twice"
        );
        assert_eq!((&error.kind, error.kind.fault()), (&kind, fault), "{name}");
        assert_eq!(
            (error.call, error.status),
            (Call::Token, Some(status)),
            "{name}"
        );
        assert!(!says_much(&error), "{name}: {error}");
    }
}

// RL-3, ID-7, LG-7
#[actix_web::test]
async fn every_refused_question_is_classified_by_who_has_to_act() {
    let served = Served::start();
    let missing = Kind::ConsentMissing {
        scopes: vec!["account_email".to_owned()],
    };
    let refusals = [
        ("api_error_1", 400, Kind::Temporary, Fault::Kakao),
        ("api_error_10", 400, wait(), Fault::Rate),
        ("api_error_101", 400, Kind::NotLinked, Fault::Person),
        ("api_error_103", 400, Kind::AccountGone, Fault::Person),
        (
            "api_error_2",
            400,
            Kind::Configuration,
            Fault::Configuration,
        ),
        (
            "api_error_3",
            403,
            Kind::Configuration,
            Fault::Configuration,
        ),
        ("api_error_4", 403, Kind::Sanctioned, Fault::Sanctioned),
        ("api_error_401", 401, Kind::Unauthorized, Fault::Person),
        (
            "api_error_401_admin_key",
            401,
            Kind::BadClient,
            Fault::Configuration,
        ),
        (
            "api_error_401_expired",
            401,
            Kind::Unauthorized,
            Fault::Person,
        ),
        (
            "api_error_401_ip",
            401,
            Kind::BadClient,
            Fault::Configuration,
        ),
        ("api_error_402", 403, missing, Fault::Person),
        ("api_error_406", 401, Kind::Under14, Fault::Person),
        ("api_error_603", 400, Kind::Temporary, Fault::Kakao),
        ("api_error_7", 400, Kind::Temporary, Fault::Kakao),
        ("api_error_9798", 503, Kind::Temporary, Fault::Kakao),
    ];
    let names: Vec<_> = refusals.iter().map(|(name, ..)| *name).collect();
    assert_eq!(names, fixtures("api_error"), "no fixture left out");
    for (name, status, kind, fault) in refusals {
        served.serve(Endpoint::Me, status, name);
        let asked = served.emulator.count(Endpoint::Me);
        let error = served.kakao.user(&token()).await.unwrap_err();
        let twice = if kind == Kind::Temporary { 2 } else { 1 };
        assert_eq!(served.emulator.count(Endpoint::Me), asked + twice, "{name}");
        assert_eq!((&error.kind, error.kind.fault()), (&kind, fault), "{name}");
        assert!(!says_much(&error), "{name}: {error}");
    }
}

/// Whether an error tells what Kakao wrote beside the code, which may hold keys and codes.
fn says_much(error: &Error) -> bool {
    let text = format!("{error} {error:?}");
    [
        "0123456789abcdef",
        "6Qv0sT3k",
        "203.0.113.7",
        "a-token",
        "a-code",
        "127.0.0.1",
    ]
    .iter()
    .any(|secret| text.contains(secret))
}
