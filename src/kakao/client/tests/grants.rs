//! Refreshing, consents and service terms against a server that does as it is told.

use super::*;
use crate::kakao::RefreshToken;

const REFRESH: &str = "a-refresh-token-of-somebody";
const ITEMS: &str = r#"{"id":2900000001,"scopes":[{"id":"gender","display_name":"성별",
    "type":"PRIVACY","using":true,"agreed":true,"revocable":true}]}"#;

fn refresh() -> RefreshToken {
    REFRESH.parse().unwrap()
}

fn answer(more: &str) -> Answer {
    let body = format!(
        r#"{{"token_type":"bearer","access_token":"a-new-access-token","expires_in":21599{more}}}"#
    );
    Answer::json(200, &body)
}

// TK-4
#[tokio::test]
async fn a_refresh_sends_the_documented_form_and_an_absent_token_is_none() {
    let (server, kakao) = start(vec![answer("")]);
    let refreshed = kakao.refresh(&refresh()).await.unwrap();
    assert_eq!(refreshed.access.expose(), "a-new-access-token");
    assert_eq!(refreshed.access_expires_in, Duration::from_secs(21_599));
    assert!(refreshed.refresh.is_none() && refreshed.refresh_expires_in.is_none());
    let (head, body) = only(&server);
    assert!(head.starts_with("post /oauth/token http/1.1\r\n"), "{head}");
    assert_eq!(
        body,
        format!(
            "grant_type=refresh_token&client_id=0123456789abcdef0123456789abcdef\
             &refresh_token={REFRESH}&client_secret=a-client-secret-%26-more"
        )
    );
}

// TK-4: an ID token and a scope beside it are nobody's business here.
#[tokio::test]
async fn a_new_refresh_token_is_read_with_its_life() {
    let more = r#","refresh_token":"the-next","refresh_token_expires_in":5183999,
        "id_token":"junk","scope":7"#;
    let (_server, kakao) = start(vec![answer(more)]);
    let refreshed = kakao.refresh(&refresh()).await.unwrap();
    assert_eq!(refreshed.refresh.unwrap().expose(), "the-next");
    let life = Duration::from_secs(5_183_999);
    assert_eq!(refreshed.refresh_expires_in, Some(life));
}

// TK-5, RL-1, RL-3
#[tokio::test]
async fn a_failed_refresh_says_whether_the_token_is_gone_and_is_never_sent_again() {
    let koe = |number: &str| format!(r#"{{"error":"any","error_code":"{number}"}}"#);
    let name = |error: &str| format!(r#"{{"error":"{error}"}}"#);
    let limited = Kind::Limited { retry_after: None };
    for (status, body, kind) in [
        (
            400,
            fixture("token_error_koe322.json"),
            Kind::RefreshTokenGone,
        ),
        (400, name("invalid_grant"), Kind::RefreshTokenGone),
        (400, fixture("token_error_koe237.json"), limited.clone()),
        (429, String::new(), limited),
        (400, fixture("token_error_koe003.json"), Kind::Temporary),
        (503, fixture("token_error_koe322.json"), Kind::Temporary),
        (401, fixture("token_error_koe010.json"), Kind::BadClient),
        (400, koe("KOE319"), Kind::Configuration),
        (302, String::new(), Kind::BadReply("a redirect")),
        (
            404,
            "<html>".to_owned(),
            Kind::BadReply("an error without a code"),
        ),
        (
            200,
            "<html>".to_owned(),
            Kind::BadReply("not the expected JSON"),
        ),
    ] {
        let (server, kakao) = start(vec![Answer::json(status, &body)]);
        let error = kakao.refresh(&refresh()).await.unwrap_err();
        assert_eq!((error.call, &error.kind), (Call::Refresh, &kind), "{body}");
        assert_eq!(server.requests().len(), 1, "{body}");
    }
}

#[tokio::test]
async fn a_refresh_without_sound_tokens_is_refused() {
    for body in [
        r#"{"token_type":"mac","access_token":"a","expires_in":9}"#,
        r#"{"token_type":"bearer","access_token":"a","expires_in":0}"#,
        r#"{"token_type":"bearer","access_token":"a b","expires_in":9}"#,
        r#"{"token_type":"bearer","expires_in":9}"#,
        r#"{"token_type":"bearer","access_token":"a","expires_in":9,"refresh_token":"a b"}"#,
        r#"{"token_type":"bearer","access_token":"a","expires_in":9,"refresh_token":"a",
            "refresh_token_expires_in":0}"#,
    ] {
        let (_server, kakao) = start(vec![Answer::json(200, body)]);
        let error = kakao.refresh(&refresh()).await.unwrap_err();
        assert!(matches!(error.kind, Kind::BadReply(_)), "{body}: {error}");
    }
}

#[tokio::test]
async fn a_refused_secret_gives_way_to_the_other_at_the_next_refresh() {
    let server = Canned::start(vec![refused(401, "token_error_koe010.json"), answer("")]);
    let kakao = Kakao::new(Settings {
        client_secrets: vec![Secret::new("former"), Secret::new("latter")],
        ..settings(&server.url)
    })
    .unwrap();
    let error = kakao.refresh(&refresh()).await.unwrap_err();
    assert_eq!(error.kind, Kind::BadClient);
    kakao.refresh(&refresh()).await.unwrap();
    let requests = server.requests();
    assert!(requests[0].ends_with("client_secret=former"));
    assert!(requests[1].ends_with("client_secret=latter"));
}

#[tokio::test]
async fn a_silent_token_endpoint_costs_the_time_of_one_call() {
    let (server, kakao) = impatient(vec![Answer::Silence]);
    let error = kakao.refresh(&refresh()).await.unwrap_err();
    assert_eq!(error.kind, Kind::Temporary);
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn consents_are_asked_for_and_withdrawn_with_the_persons_own_token() {
    let (server, kakao) = start(vec![Answer::json(200, ITEMS)]);
    let items = kakao.consent_items(&token(), ryan()).await.unwrap();
    assert_eq!(items.len(), 1);
    kakao
        .revoke_consent(&token(), ryan(), "gender")
        .await
        .unwrap();
    let requests = server.requests();
    assert!(requests[0].starts_with("GET /v2/user/scopes HTTP/1.1\r\n"));
    assert!(requests[1].starts_with("POST /v2/user/revoke/scopes HTTP/1.1\r\n"));
    assert!(requests[1].ends_with("\r\n\r\nscopes=%5B%22gender%22%5D"));
    for request in requests {
        let head = request.to_ascii_lowercase();
        assert!(head.contains(&format!("authorization: bearer {TOKEN}\r\n")));
    }
}

#[tokio::test]
async fn consents_of_somebody_else_are_not_shown() {
    let (_server, kakao) = start(vec![Answer::json(200, ITEMS)]);
    let other = KakaoId::try_from(7).unwrap();
    let kind = Kind::BadReply("the id of somebody else");
    let items = kakao.consent_items(&token(), other).await.unwrap_err();
    assert_eq!(items.kind, kind);
    let terms = Answer::json(200, r#"{"id":2900000001}"#);
    let (_server, kakao) = start(vec![terms]);
    let terms = kakao.service_terms(&token(), other).await.unwrap_err();
    assert_eq!(terms.kind, kind);
}

#[tokio::test]
async fn what_kakao_refuses_about_consents_keeps_its_number() {
    let body = r#"{"code":-3,"msg":"[profile] is not revocable."}"#;
    let (_server, kakao) = start(vec![Answer::json(403, body)]);
    let error = kakao.revoke_consent(&token(), ryan(), "profile").await;
    let error = error.unwrap_err();
    assert_eq!(error.kind, Kind::Configuration);
    assert_eq!(error.code, Some(Code::Api(-3)));
    for (answer, kind) in [
        (refused(401, "api_error_401.json"), Kind::Unauthorized),
        (Answer::json(503, ""), Kind::Temporary),
        (
            refused(400, "api_error_10.json"),
            Kind::Limited { retry_after: None },
        ),
    ] {
        let (server, kakao) = start(vec![answer]);
        let error = kakao.consent_items(&token(), ryan()).await.unwrap_err();
        assert_eq!(error.kind, kind);
        assert_eq!(server.requests().len(), 1);
    }
}

#[tokio::test]
async fn service_terms_are_asked_for_all_of_the_app() {
    let body = r#"{"id":2900000001,"service_terms":[{"tag":"t","agreed":true}]}"#;
    let (server, kakao) = start(vec![Answer::json(200, body)]);
    let terms = kakao.service_terms(&token(), ryan()).await.unwrap();
    assert_eq!(terms[0].tag, "t");
    let (head, _) = only(&server);
    assert!(head.starts_with("get /v2/user/service_terms?result=app_service_terms http/1.1\r\n"));
}
