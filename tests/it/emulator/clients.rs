//! What programs in the field send, whatever the documents say.

use kakao_gate::emulator::{ADMIN_KEY, CLIENT_SECRET, Endpoint, Fault, REST_API_KEY, Times};
use reqwest::Method;

use super::{CALLBACK, Kakao, authorize_path};

const ME: &str = "/v2/user/me";

fn token_query(code: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs([
        ("grant_type", "authorization_code"),
        ("client_id", REST_API_KEY),
        ("client_secret", CLIENT_SECRET),
        ("redirect_uri", CALLBACK),
        ("code", code),
    ]);
    query.finish()
}

#[actix_web::test]
async fn an_access_token_may_come_as_a_parameter() {
    let kakao = Kakao::start();
    let (access, _) = kakao.sign_in("ordinary").await;
    let in_query = kakao.get(&format!("{ME}?access_token={access}")).await;
    assert_eq!(in_query.json()["id"], 2_900_000_001_i64);
    let in_form = kakao.post(ME, &[("access_token", &access)]).await;
    assert_eq!(in_form.json()["id"], 2_900_000_001_i64);
    let info = format!("/v1/user/access_token_info?access_token={access}");
    assert_eq!(kakao.get(&info).await.json()["id"], 2_900_000_001_i64);
    let page = kakao.get("/").await;
    assert!(page.body.contains("access_token") && !page.body.contains(&access));
    let empty = kakao.get(&format!("{ME}?access_token=")).await;
    assert_eq!(empty.json()["msg"], "no authentication key!");
}

#[actix_web::test]
async fn the_authorization_header_counts_more_than_a_parameter() {
    let kakao = Kakao::start();
    let (access, _) = kakao.sign_in("ordinary").await;
    let path = format!("{ME}?access_token={access}");
    let answer = kakao.with_token(Method::GET, &path, "unknown").await;
    assert_eq!(answer.json()["code"], -401);
    let request = kakao.request(Method::GET, &path);
    let answer = kakao.send(request.header("authorization", &access)).await;
    assert_eq!(answer.json()["msg"], "no authentication key!");
}

#[actix_web::test]
async fn token_logout_and_unlink_answer_a_get_as_a_post() {
    let kakao = Kakao::start();
    let code = kakao.code("ordinary", &[]);
    let answer = kakao
        .get(&format!("/oauth/token?{}", token_query(&code)))
        .await;
    let access = answer.json()["access_token"].as_str().unwrap().to_owned();
    let out = kakao
        .with_token(Method::GET, "/v1/user/logout", &access)
        .await;
    assert_eq!(out.json()["id"], 2_900_000_001_i64);
    let gone = kakao.with_token(Method::GET, ME, &access).await;
    assert_eq!(gone.json()["code"], -401);
    let (access, _) = kakao.sign_in("ordinary").await;
    let unlinked = kakao
        .with_token(Method::GET, "/v1/user/unlink", &access)
        .await;
    assert_eq!(unlinked.status, 200);
    assert!(!kakao.emulator.world().is_linked("ordinary"));
}

#[actix_web::test]
async fn the_body_of_a_get_is_not_read() {
    let kakao = Kakao::start();
    let (access, _) = kakao.sign_in("ordinary").await;
    let request = kakao.request(Method::GET, ME).bearer_auth(&access);
    let keys = [("property_keys", r#"["kakao_account.email"]"#)];
    let answer = kakao.send(request.form(&keys)).await.json();
    assert!(answer["kakao_account"]["profile"].is_object());
    let code = kakao.code("ordinary", &[]);
    let request = kakao.request(Method::GET, "/oauth/token");
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let (_, _, koe, _) = kakao.send(request.body(token_query(&code))).await.refusal();
    assert_eq!(koe, "KOE310");
}

#[actix_web::test]
async fn secure_resource_is_read_however_it_is_capitalised() {
    let kakao = Kakao::start();
    let (access, _) = kakao.sign_in("ordinary").await;
    for (text, status) in [("True", 200), ("FALSE", 200), ("yes", 400)] {
        let path = format!("{ME}?secure_resource={text}");
        let answer = kakao.with_token(Method::GET, &path, &access).await;
        assert_eq!(answer.status, status, "{text}");
    }
}

#[actix_web::test]
async fn scripts_of_any_origin_may_call_what_programs_call() {
    let kakao = Kakao::start();
    for path in ["/oauth/token", ME, "/v1/user/logout", "/v1/user/nothing"] {
        let request = kakao.request(Method::OPTIONS, path);
        let request = request.header("origin", "http://localhost:3000");
        let request = request.header("access-control-request-headers", "authorization");
        let preflight = kakao.send(request).await;
        assert_eq!(preflight.status, 200, "{path}");
        assert_eq!(preflight.header("access-control-allow-origin"), "*");
        let methods = preflight.header("access-control-allow-methods");
        assert!(methods.contains("GET") && methods.contains("POST"));
        assert_eq!(
            preflight.header("access-control-allow-headers"),
            "Authorization, KA, Origin, X-Requested-With, Content-Type, Accept"
        );
        let refused = kakao.get(path).await;
        assert_ne!(refused.status, 200);
        assert_eq!(refused.header("access-control-allow-origin"), "*");
    }
    assert_eq!(kakao.emulator.count(Endpoint::Me), 1, "preflights aside");
    for fault in [Fault::Status(503), Fault::Malformed, Fault::Html(502)] {
        let name = fault.to_string();
        kakao.emulator.fail(Endpoint::Me, fault, Times::Once);
        let broken = kakao.get(ME).await;
        assert_eq!(broken.header("access-control-allow-origin"), "*", "{name}");
    }
    let (access, _) = kakao.sign_in("ordinary").await;
    let good = kakao.with_token(Method::GET, ME, &access).await;
    assert_eq!(
        (good.status, good.header("access-control-allow-origin")),
        (200, "*")
    );
}

#[actix_web::test]
async fn pages_and_switches_are_closed_to_scripts_of_other_origins() {
    let kakao = Kakao::start();
    for path in ["/", "/oauth/authorize", "/oauth/logout", "/emulator/reset"] {
        for method in [Method::GET, Method::OPTIONS, Method::POST] {
            let request = kakao.request(method.clone(), path);
            let answer = kakao.send(request.header("origin", "http://localhost:3000"));
            let answer = answer.await;
            assert_eq!(
                answer.header("access-control-allow-origin"),
                "",
                "{method} {path}"
            );
        }
    }
}

#[actix_web::test]
async fn a_body_that_is_too_long_is_refused_in_the_language_of_the_host() {
    let kakao = Kakao::start();
    let long = "a".repeat(300 * 1024);
    let kauth = kakao.post("/oauth/token", &[("code", &long)]).await;
    assert_eq!(
        (kauth.status, kauth.json()["error_code"].as_str()),
        (413, Some("KOE002"))
    );
    let kapi = kakao.post(ME, &[("property_keys", &long)]).await;
    assert_eq!((kapi.status, kapi.json()["code"].as_i64()), (413, Some(-2)));
    assert_eq!(kakao.emulator.requests()[1].status, Some(413));
    let allowed = "a".repeat(200 * 1024);
    let (status, ..) = kakao
        .post("/oauth/token", &[("code", &allowed)])
        .await
        .refusal();
    assert_eq!(status, 400, "read, and found wanting");
}

#[actix_web::test]
async fn injected_refusals_repeat_what_was_sent_as_real_ones_do() {
    let kakao = Kakao::start();
    for code in ["KOE320", "KOE101"] {
        let fault = Fault::refuse(code);
        kakao.emulator.fail(Endpoint::Token, fault, Times::Once);
    }
    let (_, _, _, words) = kakao.exchange("s e", &[]).await.refusal();
    assert_eq!(words, "authorization code not found for code=s e");
    let (status, _, _, words) = kakao.exchange("x", &[]).await.refusal();
    assert_eq!(status, 401);
    assert_eq!(words, format!("Not exist client_id [{REST_API_KEY}]"));
}

#[actix_web::test]
async fn an_injected_401_names_the_scheme_however_it_was_spelled() {
    let kakao = Kakao::start();
    for (header, challenge) in [
        (
            format!("kakaoak {ADMIN_KEY}"),
            "KakaoAK error=invalid_token",
        ),
        ("bearer x".to_owned(), "Bearer error=invalid_token"),
    ] {
        let fault = Fault::refuse("-401");
        kakao.emulator.fail(Endpoint::Me, fault, Times::Once);
        let request = kakao.request(Method::GET, ME);
        let answer = kakao.send(request.header("authorization", header)).await;
        assert_eq!(answer.header("www-authenticate"), challenge);
    }
}

#[actix_web::test]
async fn the_head_of_a_page_is_that_of_the_page_and_changes_nothing() {
    let kakao = Kakao::start();
    let fault = Fault::refuse("access_denied");
    for path in ["/", "/emulator/style.css", "/oauth/logout", "/nothing"] {
        let page = kakao.get(path).await;
        let head = kakao.send(kakao.request(Method::HEAD, path)).await;
        assert_eq!(head.status, page.status, "{path}");
        assert_eq!(head.header("content-type"), page.header("content-type"));
        assert_eq!(head.body, "");
    }
    kakao.emulator.fail(Endpoint::Authorize, fault, Times::Once);
    let armed = authorize_path(&[("emulator_fault", "token:KOE237")]);
    let head = kakao.send(kakao.request(Method::HEAD, &armed)).await;
    assert_eq!(head.status, 200, "the fault waits for a real request");
    let (_, _, koe, _) = kakao.exchange("x", &[]).await.refusal();
    assert_eq!(koe, "KOE320", "nor was one armed");
    let denied = kakao.get(&authorize_path(&[])).await.location();
    assert!(denied.as_str().contains("error=access_denied"));
}
