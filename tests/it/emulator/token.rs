//! `POST /oauth/token`

use kakao_gate::emulator::{
    Endpoint, JAVASCRIPT_KEY, OTHER_CLIENT_SECRET, OTHER_REST_API_KEY, Settings,
};
use reqwest::Method;
use time::Duration;

use super::{Kakao, SERVICE, authorize_path};

#[actix_web::test]
async fn a_code_becomes_tokens_of_the_observed_shape() {
    let kakao = Kakao::start();
    let code = kakao.code("ordinary", &[]);
    assert_eq!(code.len(), 86);
    let answer = kakao.exchange(&code, &[]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        "application/json;charset=utf-8"
    );
    let tokens = answer.json();
    assert_eq!(tokens["token_type"], "bearer");
    assert_eq!(tokens["expires_in"], 21_599);
    assert_eq!(tokens["refresh_token_expires_in"], 5_183_999);
    assert_eq!(tokens["access_token"].as_str().unwrap().len(), 64);
    assert_eq!(tokens["refresh_token"].as_str().unwrap().len(), 64);
    assert_eq!(
        tokens["scope"],
        "account_email profile_image profile_nickname"
    );
}

#[actix_web::test]
async fn scope_is_absent_when_nothing_was_granted() {
    let kakao = Kakao::start();
    let answer = kakao.exchange(&kakao.code("minimal", &[]), &[]).await;
    assert_eq!(answer.json().get("scope"), None);
}

#[actix_web::test]
async fn parameters_in_the_query_of_an_empty_body_are_accepted() {
    let kakao = Kakao::start();
    let code = kakao.code("ordinary", &[]);
    let address = format!(
        "/oauth/token?grant_type=authorization_code&client_id={}&client_secret={}&code={code}&redirect_uri=http%3A%2F%2F127.0.0.1%3A8080%2Fauth%2Fkakao%2Fcallback",
        kakao_gate::emulator::REST_API_KEY,
        kakao_gate::emulator::CLIENT_SECRET
    );
    let answer = kakao.send(kakao.request(Method::POST, &address)).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[actix_web::test]
async fn refusals_come_in_kakaos_order_with_kakaos_words() {
    let kakao = Kakao::start();
    let everything_wrong = [
        ("grant_type", "password"),
        ("client_id", "unknown"),
        ("client_secret", "wrong"),
    ];
    let refused = |changes: Vec<(&'static str, &'static str)>| {
        let kakao = &kakao;
        async move { kakao.exchange("dummy", &changes).await.refusal() }
    };
    let (status, _, code, _) = refused(everything_wrong.to_vec()).await;
    assert_eq!((status, code.as_str()), (400, "KOE310"));
    let (status, error, code, words) = refused(everything_wrong[1..].to_vec()).await;
    assert_eq!((status, error.as_str()), (401, "invalid_client"));
    assert_eq!(
        (code.as_str(), words.as_str()),
        ("KOE101", "Not exist client_id [unknown]")
    );
    let (_, _, _, words) = refused(vec![("client_id", "")]).await;
    assert_eq!(words, "Not exist client_id [null]");
    let (_, _, code, _) = refused(vec![("client_id", JAVASCRIPT_KEY)]).await;
    assert_eq!(code, "KOE101");
    for secret in ["wrong", ""] {
        let (status, error, code, words) = refused(vec![("client_secret", secret)]).await;
        assert_eq!((status, error.as_str()), (401, "invalid_client"));
        assert_eq!(
            (code.as_str(), words.as_str()),
            ("KOE010", "Bad client credentials")
        );
    }
    let (status, error, code, words) = refused(vec![]).await;
    assert_eq!(
        (status, error.as_str(), code.as_str()),
        (400, "invalid_grant", "KOE320")
    );
    assert_eq!(words, "authorization code not found for code=dummy");
}

#[actix_web::test]
async fn an_empty_client_id_is_named_as_empty() {
    let kakao = Kakao::start();
    let form = [("grant_type", "authorization_code"), ("client_id", "")];
    let (status, _, code, words) = kakao.post("/oauth/token", &form).await.refusal();
    assert_eq!((status, code.as_str()), (401, "KOE101"));
    assert_eq!(words, "Not exist client_id []");
}

#[actix_web::test]
async fn http_basic_is_not_looked_at() {
    let kakao = Kakao::start();
    let request = kakao.request(Method::POST, "/oauth/token");
    let request = request
        .basic_auth(
            kakao_gate::emulator::REST_API_KEY,
            Some(kakao_gate::emulator::CLIENT_SECRET),
        )
        .form(&[("grant_type", "authorization_code"), ("code", "x")]);
    let (status, _, code, words) = kakao.send(request).await.refusal();
    assert_eq!((status, code.as_str()), (401, "KOE101"));
    assert_eq!(words, "Not exist client_id [null]");
}

#[actix_web::test]
async fn a_key_without_secret_needs_none() {
    let kakao = Kakao::start();
    kakao
        .emulator
        .world()
        .edit_app(|app| app.rest_keys[0].secret_on = false);
    let answer = kakao
        .exchange(&kakao.code("ordinary", &[]), &[("client_secret", "")])
        .await;
    assert_eq!(answer.status, 200);
}

#[actix_web::test]
async fn a_code_works_once() {
    let kakao = Kakao::start();
    let code = kakao.code("ordinary", &[]);
    assert_eq!(kakao.exchange(&code, &[]).await.status, 200);
    let (status, _, koe, words) = kakao.exchange(&code, &[]).await.refusal();
    assert_eq!((status, koe.as_str()), (400, "KOE320"));
    assert!(words.ends_with(&code));
    assert_eq!(kakao.emulator.count(Endpoint::Token), 2);
}

#[actix_web::test]
async fn a_failed_exchange_burns_the_code_unless_the_client_was_unknown() {
    let kakao = Kakao::start();
    let code = kakao.code("ordinary", &[]);
    let (_, _, koe, _) = kakao
        .exchange(&code, &[("client_secret", "x")])
        .await
        .refusal();
    assert_eq!(koe, "KOE010");
    let moved = [("redirect_uri", "http://127.0.0.1:8080/auth/kakao/callback/")];
    let (status, error, koe, words) = kakao.exchange(&code, &moved).await.refusal();
    assert_eq!(
        (status, error.as_str(), koe.as_str()),
        (400, "invalid_grant", "KOE303")
    );
    assert_eq!(words, "Redirect URI mismatch.");
    let (_, _, koe, _) = kakao.exchange(&code, &[]).await.refusal();
    assert_eq!(koe, "KOE320");
}

#[actix_web::test]
async fn a_code_of_one_key_is_refused_to_another() {
    let kakao = Kakao::start();
    let other = [
        ("client_id", OTHER_REST_API_KEY),
        ("client_secret", OTHER_CLIENT_SECRET),
        ("redirect_uri", "http://127.0.0.1:8080/elsewhere"),
    ];
    let answer = kakao.exchange(&kakao.code("ordinary", &[]), &other).await;
    let (status, _, koe, words) = answer.refusal();
    assert_eq!((status, koe.as_str()), (400, "KOE114"));
    assert_eq!(words, "Application ID mismatch");
}

#[actix_web::test]
async fn a_code_lives_ten_minutes() {
    let kakao = Kakao::start();
    let (early, late) = (kakao.code("ordinary", &[]), kakao.code("ordinary", &[]));
    kakao.emulator.clock().advance(Duration::seconds(595));
    assert_eq!(kakao.exchange(&early, &[]).await.status, 200);
    kakao.emulator.clock().advance(Duration::seconds(5));
    let (_, _, koe, _) = kakao.exchange(&late, &[]).await.refusal();
    assert_eq!(koe, "KOE320");
}

// RFC 7636 appendix B.
#[actix_web::test]
async fn pkce_wants_the_verifier_of_the_challenge() {
    let kakao = Kakao::start();
    let challenge = [
        (
            "code_challenge",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        ),
        ("code_challenge_method", "S256"),
    ];
    let verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    for wrong in ["", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXK"] {
        let code = kakao.code("ordinary", &challenge);
        let answer = kakao.exchange(&code, &[("code_verifier", wrong)]).await;
        let (status, error, koe, _) = answer.refusal();
        assert_eq!(
            (status, error.as_str(), koe.as_str()),
            (400, "invalid_grant", "")
        );
    }
    let code = kakao.code("ordinary", &challenge);
    let right = kakao.exchange(&code, &[("code_verifier", verifier)]).await;
    assert_eq!(right.status, 200);
}

#[actix_web::test]
async fn a_refresh_keeps_the_refresh_token_while_a_month_is_left() {
    let kakao = Kakao::start();
    let (access, refresh) = kakao.sign_in("ordinary").await;
    kakao.emulator.clock().advance(Duration::days(29));
    let answer = kakao.refresh(&refresh, &[]).await;
    let tokens = answer.json();
    assert_eq!(answer.status, 200);
    assert_eq!(tokens["expires_in"], 21_599);
    assert_eq!(tokens.get("refresh_token"), None);
    assert_eq!(tokens.get("refresh_token_expires_in"), None);
    assert_ne!(tokens["access_token"], access.as_str());
    let again = kakao.refresh(&refresh, &[]).await;
    assert_eq!(again.status, 200);
}

#[actix_web::test]
async fn a_refresh_with_less_than_a_month_left_replaces_the_refresh_token() {
    let kakao = Kakao::start();
    let (_, refresh) = kakao.sign_in("ordinary").await;
    kakao.emulator.clock().advance(Duration::days(31));
    let tokens = kakao.refresh(&refresh, &[]).await.json();
    let renewed = tokens["refresh_token"].as_str().unwrap();
    assert_eq!(tokens["refresh_token_expires_in"], 5_183_999);
    let (status, error, koe, words) = kakao.refresh(&refresh, &[]).await.refusal();
    assert_eq!(
        (status, error.as_str(), koe.as_str()),
        (400, "invalid_grant", "KOE322")
    );
    assert_eq!(words, "expired_or_invalid_refresh_token");
    assert_eq!(kakao.refresh(renewed, &[]).await.status, 200);
}

#[actix_web::test]
async fn refresh_tokens_end_with_time_and_belong_to_their_key() {
    let kakao = Kakao::start();
    let (_, refresh) = kakao.sign_in("ordinary").await;
    let (status, error, koe, _) = kakao.refresh("", &[]).await.refusal();
    assert_eq!(
        (status, error.as_str(), koe.as_str()),
        (400, "invalid_grant", "KOE319")
    );
    let other = [
        ("client_id", OTHER_REST_API_KEY),
        ("client_secret", OTHER_CLIENT_SECRET),
    ];
    let (_, _, koe, _) = kakao.refresh(&refresh, &other).await.refusal();
    assert_eq!(koe, "KOE322");
    kakao.emulator.clock().advance(Duration::days(60));
    let (_, _, koe, _) = kakao.refresh(&refresh, &[]).await.refusal();
    assert_eq!(koe, "KOE322");
}

#[actix_web::test]
async fn the_quota_of_twenty_tokens_counts_for_one_user_when_switched_on() {
    let kakao = Kakao::with(Settings {
        token_quota: true,
        ..Settings::seeded(SERVICE)
    });
    for _ in 0..20 {
        kakao.sign_in("ordinary").await;
    }
    let code = kakao.code("ordinary", &[]);
    let (status, error, koe, words) = kakao.exchange(&code, &[]).await.refusal();
    assert_eq!(
        (status, error.as_str(), koe.as_str()),
        (400, "invalid_request", "KOE237")
    );
    assert_eq!(words, "token request rate limit exceeded");
    kakao.sign_in("linked").await;
    kakao.emulator.clock().advance(Duration::minutes(11));
    kakao.sign_in("ordinary").await;
}

#[actix_web::test]
async fn what_was_sent_can_be_read_back() {
    let kakao = Kakao::start();
    let code = kakao.code("ordinary", &[("nonce", "n")]);
    kakao.exchange(&code, &[]).await;
    let requests = kakao.emulator.requests();
    assert_eq!(requests[0].endpoint, Some(Endpoint::Authorize));
    assert_eq!(requests[0].value("nonce"), Some("n"));
    assert_eq!(requests[1].value("code"), Some(code.as_str()));
    assert_eq!(
        (requests[1].method.as_str(), requests[1].status),
        ("POST", Some(200))
    );
    assert!(authorize_path(&[]).starts_with(&requests[0].path));
}
