//! `GET /oauth/logout`: logging out together with the Kakao account.

use kakao_gate::emulator::REST_API_KEY;
use reqwest::Method;

use super::{Answer, Kakao, authorize_path, authorize_query};

const DONE: &str = "http%3A%2F%2F127.0.0.1%3A8080%2Flogged-out%2Fkakao%2Fdone";

fn logout_query() -> String {
    format!("client_id={REST_API_KEY}&logout_redirect_uri={DONE}&state=s%20t")
}

/// Signs a browser in and answers its cookie.
async fn signed_in(kakao: &Kakao) -> String {
    let form = [
        ("request", authorize_query(&[])),
        ("person", "linked".to_owned()),
    ];
    let request = kakao.request(Method::POST, "/emulator/account").form(&form);
    let answer = kakao.send(request).await;
    let (cookie, _) = answer.header("set-cookie").split_once(';').unwrap();
    cookie.to_owned()
}

async fn open(kakao: &Kakao, path: &str, cookie: &str) -> Answer {
    let request = kakao.request(Method::GET, path);
    kakao.send(request.header("cookie", cookie)).await
}

async fn choose(kakao: &Kakao, cookie: &str, with_kakao: &str) -> Answer {
    let form = [
        ("request", logout_query()),
        ("logout_with_kakao", with_kakao.to_owned()),
    ];
    let request = kakao.request(Method::POST, "/emulator/logout").form(&form);
    kakao.send(request.header("cookie", cookie)).await
}

#[actix_web::test]
async fn the_choice_decides_whether_the_kakao_session_ends() {
    let kakao = Kakao::start();
    let cookie = signed_in(&kakao).await;
    let path = format!("/oauth/logout?{}", logout_query());
    let back = "http://127.0.0.1:8080/logged-out/kakao/done?state=s%20t";
    let page = open(&kakao, &path, &cookie).await;
    assert_eq!(page.status, 200);
    assert!(
        page.body
            .contains(r#"name="logout_with_kakao" value="false""#)
    );
    assert!(
        page.body
            .contains(r#"name="logout_with_kakao" value="true""#)
    );
    let service_only = choose(&kakao, &cookie, "false").await;
    assert_eq!(
        (service_only.status, service_only.header("location")),
        (302, back)
    );
    assert_eq!(
        open(&kakao, &authorize_path(&[]), &cookie).await.status,
        302
    );
    let both = choose(&kakao, &cookie, "true").await;
    assert_eq!((both.status, both.header("location")), (302, back));
    assert!(both.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(
        open(&kakao, &authorize_path(&[]), &cookie).await.status,
        200
    );
    let at_once = open(&kakao, &path, &cookie).await;
    assert_eq!((at_once.status, at_once.header("location")), (302, back));
}

#[actix_web::test]
async fn the_apps_tokens_outlive_the_logout_of_the_account() {
    let kakao = Kakao::start();
    let (access, _) = kakao.sign_in("linked").await;
    let cookie = signed_in(&kakao).await;
    choose(&kakao, &cookie, "true").await;
    let me = kakao.with_token(Method::GET, "/v2/user/me", &access).await;
    assert_eq!(me.status, 200);
}

#[actix_web::test]
async fn an_address_that_is_not_registered_is_never_returned_to() {
    let kakao = Kakao::start();
    let cases = [
        (
            format!("client_id={REST_API_KEY}&logout_redirect_uri=http%3A%2F%2Fx"),
            "KOE007",
        ),
        (format!("client_id={REST_API_KEY}"), "KOE207"),
        (format!("client_id=x&logout_redirect_uri={DONE}"), "KOE101"),
    ];
    for (query, code) in cases {
        let page = kakao.get(&format!("/oauth/logout?{query}")).await;
        assert_eq!((page.status, page.header("location")), (400, ""));
        assert!(page.body.contains(&format!("({code})</h1>")), "{code}");
    }
}
