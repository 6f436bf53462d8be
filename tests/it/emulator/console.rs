//! The emulator's first page and its switches.

use kakao_gate::emulator::{Endpoint, REST_API_KEY};
use reqwest::Method;
use time::Duration;

use super::Kakao;

#[actix_web::test]
async fn the_first_page_shows_requests_and_tokens_with_shortened_secrets() {
    let kakao = Kakao::start();
    let empty = kakao.get("/").await;
    assert!(empty.body.contains("아직 받은 요청이 없습니다."));
    let (access, _) = kakao.sign_in("ordinary").await;
    kakao.with_token(Method::GET, "/v2/user/me", &access).await;
    let page = kakao.get("/").await;
    assert!(page.body.contains("최근 요청 3건"));
    assert!(page.body.contains("POST /oauth/token"));
    assert!(page.body.contains(REST_API_KEY));
    assert!(!page.body.contains(&access), "only the beginning is shown");
    assert!(
        page.body
            .contains(&format!("Bearer {}…", access.get(..6).unwrap()))
    );
}

#[actix_web::test]
async fn faults_are_added_and_cleared_from_the_page() {
    let kakao = Kakao::start();
    let fault = [("endpoint", "me"), ("fault", "-1"), ("times", "0")];
    let added = kakao.post("/emulator/faults", &fault).await;
    assert_eq!((added.status, added.header("location")), (303, "/"));
    assert!(kakao.get("/").await.body.contains("<code>-1</code>"));
    for _ in 0..3 {
        assert_eq!(kakao.get("/v2/user/me").await.json()["code"], -1);
    }
    kakao.post("/emulator/faults/clear", &[]).await;
    assert_eq!(kakao.get("/v2/user/me").await.json()["code"], -401);
    let wrong = [("endpoint", "me"), ("fault", "<slow>")];
    let stayed = kakao.post("/emulator/faults", &wrong).await;
    assert_eq!(stayed.status, 422);
    assert!(
        stayed.body.contains("알 수 없는 고장입니다.") && stayed.body.contains("&#60;slow&#62;")
    );
}

#[actix_web::test]
async fn the_clock_moves_from_the_page() {
    let kakao = Kakao::start();
    let code = kakao.code("ordinary", &[]);
    kakao.post("/emulator/clock", &[("seconds", "600")]).await;
    assert_eq!(kakao.emulator.clock().offset(), Duration::minutes(10));
    let (_, _, koe, _) = kakao.exchange(&code, &[]).await.refusal();
    assert_eq!(koe, "KOE320");
}

#[actix_web::test]
async fn unlinking_from_the_page_is_unlinking_at_kakao() {
    let kakao = Kakao::start();
    assert!(kakao.emulator.world().is_linked("linked"));
    kakao
        .post("/emulator/unlink", &[("person", "linked")])
        .await;
    assert!(!kakao.emulator.world().is_linked("linked"));
}

#[actix_web::test]
async fn a_reset_goes_back_to_the_start() {
    let kakao = Kakao::start();
    let world = kakao.emulator.world();
    let (access, _) = kakao.sign_in("ordinary").await;
    world.edit_app(|app| app.login_on = false);
    kakao.emulator.clock().advance(Duration::days(1));
    kakao.post("/emulator/reset", &[]).await;
    assert!(world.app().login_on && !world.is_linked("ordinary") && world.is_linked("linked"));
    assert_eq!(kakao.emulator.clock().offset(), Duration::ZERO);
    assert_eq!(kakao.emulator.count(Endpoint::Token), 0);
    assert_eq!(
        kakao
            .with_token(Method::GET, "/v2/user/me", &access)
            .await
            .status,
        401
    );
}

#[actix_web::test]
async fn a_page_of_another_origin_cannot_use_the_switches() {
    let kakao = Kakao::start();
    for path in [
        "/emulator/faults",
        "/emulator/faults/clear",
        "/emulator/clock",
        "/emulator/unlink",
        "/emulator/openid",
        "/emulator/reset",
    ] {
        let request = kakao.request(Method::POST, path);
        let foreign = request.header("sec-fetch-site", "cross-site");
        assert_eq!(kakao.send(foreign).await.status, 403, "{path}");
    }
}
