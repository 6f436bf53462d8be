//! The user addresses of kapi.

use kakao_gate::emulator::{ADMIN_KEY, APP_ID, Email, Person, Settings};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;

use super::{Answer, Kakao, SERVICE};

const ME: &str = "/v2/user/me";
const INFO: &str = "/v1/user/access_token_info";
const LOGOUT: &str = "/v1/user/logout";
const UNLINK: &str = "/v1/user/unlink";

async fn me(kakao: &Kakao, person: &str) -> Value {
    let (access, _) = kakao.sign_in(person).await;
    let answer = kakao.with_token(Method::GET, ME, &access).await;
    assert_eq!(
        answer.header("content-type"),
        "application/json;charset=UTF-8"
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

async fn as_admin(kakao: &Kakao, path: &str, key: &str, form: &[(&str, &str)]) -> Answer {
    let request = kakao.request(Method::POST, path).form(form);
    kakao
        .send(request.header("authorization", format!("KakaoAK {key}")))
        .await
}

/// Status, code, message and challenge of a refusal.
fn refusal(answer: &Answer) -> (u16, i64, String, String) {
    let body = answer.json();
    let msg = body["msg"].as_str().unwrap().to_owned();
    let challenge = answer.header("www-authenticate").to_owned();
    (
        answer.status,
        body["code"].as_i64().unwrap(),
        msg,
        challenge,
    )
}

#[actix_web::test]
async fn an_ordinary_person_is_told_in_full() {
    let kakao = Kakao::start();
    let url = kakao.emulator.url().to_owned();
    let body = me(&kakao, "ordinary").await;
    assert_eq!(body["id"], 2_900_000_001_i64);
    assert!(body["connected_at"].as_str().unwrap().ends_with('Z'));
    let account = &body["kakao_account"];
    assert_eq!(
        account["profile"],
        json!({
            "nickname": "김하늘",
            "is_default_nickname": false,
            "profile_image_url": format!("{url}/pictures/ordinary-640.png"),
            "thumbnail_image_url": format!("{url}/pictures/ordinary-110.png"),
            "is_default_image": false,
        })
    );
    assert_eq!(account["email"], "ordinary@example.com");
    assert_eq!(account["email_needs_agreement"], false);
    assert_eq!(account["is_email_valid"], true);
    assert_eq!(account["is_email_verified"], true);
    assert_eq!(account["gender_needs_agreement"], true);
    assert_eq!(account.get("gender"), None);
    assert_eq!(body["properties"]["nickname"], "김하늘");
}

#[actix_web::test]
async fn every_odd_account_is_odd_in_its_own_way() {
    let kakao = Kakao::start();
    let no_email = me(&kakao, "no-email").await;
    assert_eq!(no_email["kakao_account"].get("email"), None);
    assert_eq!(no_email["kakao_account"]["has_email"], false);
    let unverified = me(&kakao, "unverified-email").await;
    assert_eq!(unverified["kakao_account"]["is_email_verified"], false);
    let stale = me(&kakao, "stale-email").await;
    assert_eq!(stale["kakao_account"]["is_email_valid"], false);
    let placeholder = me(&kakao, "default-nickname").await;
    let profile = &placeholder["kakao_account"]["profile"];
    assert_eq!(profile["nickname"], "닉네임을 등록해주세요");
    assert_eq!(profile["is_default_nickname"], true);
    assert_eq!(profile["is_default_image"], true);
    let minimal = me(&kakao, "minimal").await;
    assert_eq!(minimal["kakao_account"].get("profile"), None);
    assert_eq!(minimal["kakao_account"]["email_needs_agreement"], true);
    assert_eq!(minimal.get("properties"), None);
    let long = me(&kakao, "long-id").await;
    assert_eq!(long["id"], 1_376_016_924_426_814_086_i64);
}

#[actix_web::test]
async fn consent_while_using_brings_the_value_once_named() {
    let kakao = Kakao::start();
    me(&kakao, "ordinary").await;
    let code = kakao.code("ordinary", &[("scope", "birthday gender")]);
    let tokens = kakao.exchange(&code, &[]).await.json();
    assert!(tokens["scope"].as_str().unwrap().contains("birthday"));
    let access = tokens["access_token"].as_str().unwrap();
    let body = kakao.with_token(Method::POST, ME, access).await.json();
    let account = &body["kakao_account"];
    assert_eq!(
        (account["birthday"].as_str(), account["gender"].as_str()),
        (Some("0412"), Some("female"))
    );
    assert_eq!(account["birthday_type"], "SOLAR");
    assert_eq!(account["age_range_needs_agreement"], true);
}

#[actix_web::test]
async fn property_keys_limit_the_answer_in_query_and_form() {
    let kakao = Kakao::start();
    let (access, _) = kakao.sign_in("ordinary").await;
    let path = "/v2/user/me?secure_resource=true&property_keys=%5B%22kakao_account.email%22%5D";
    let by_query = kakao.with_token(Method::GET, path, &access).await.json();
    let request = kakao.request(Method::POST, ME).bearer_auth(&access);
    let request = request.form(&[("property_keys", r#"["kakao_account.email"]"#)]);
    let by_form = kakao.send(request).await.json();
    assert_eq!(by_query, by_form);
    assert_eq!(by_query["kakao_account"]["is_email_verified"], true);
    assert_eq!(by_query["kakao_account"].get("profile"), None);
    let bad = kakao
        .with_token(Method::GET, "/v2/user/me?property_keys=email", &access)
        .await;
    assert_eq!((refusal(&bad).0, refusal(&bad).1), (400, -2));
}

#[actix_web::test]
async fn an_edited_person_is_told_as_edited() {
    let kakao = Kakao::start();
    let world = kakao.emulator.world();
    let id = world.add_person(Person::named("someone", "처음"));
    assert!(world.edit_person("someone", |person| {
        person.nickname = "나중".to_owned();
        person.email = Some(Email {
            address: "new@example.test".to_owned(),
            valid: true,
            verified: true,
        });
    }));
    assert!(!world.edit_person("nobody", |_| {}));
    let body = me(&kakao, "someone").await;
    assert_eq!(body["id"], id);
    assert_eq!(body["kakao_account"]["profile"]["nickname"], "나중");
    assert_eq!(body["kakao_account"]["email"], "new@example.test");
}

#[actix_web::test]
async fn token_info_names_user_app_and_remaining_life() {
    let kakao = Kakao::start();
    let (access, _) = kakao.sign_in("ordinary").await;
    kakao.emulator.clock().advance(Duration::hours(1));
    let info = kakao.with_token(Method::GET, INFO, &access).await.json();
    assert_eq!(info["id"], 2_900_000_001_i64);
    assert_eq!(info["app_id"], APP_ID);
    let left = info["expires_in"].as_i64().unwrap();
    assert!((17_990..=17_999).contains(&left), "{left}");
}

#[actix_web::test]
async fn a_401_says_why_and_carries_the_challenge_of_its_scheme() {
    let kakao = Kakao::start();
    let bearer = "Bearer error=invalid_token";
    for path in [ME, INFO] {
        let bare = kakao.get(path).await;
        let words = "no authentication key!".to_owned();
        assert_eq!(refusal(&bare), (401, -401, words, bearer.to_owned()));
        let unknown = kakao.with_token(Method::GET, path, "unknown").await;
        let words = "this access token does not exist".to_owned();
        assert_eq!(refusal(&unknown), (401, -401, words, bearer.to_owned()));
    }
    let (access, _) = kakao.sign_in("ordinary").await;
    kakao.emulator.clock().advance(Duration::hours(6));
    let expired = kakao.with_token(Method::GET, ME, &access).await;
    assert_eq!(refusal(&expired).2, "this access token is already expired");
    let admin = as_admin(&kakao, ME, "wrong", &[]).await;
    let challenge = "KakaoAK error=invalid_token".to_owned();
    assert_eq!(
        refusal(&admin),
        (401, -401, "invalid app key.".to_owned(), challenge)
    );
    let malformed = kakao.with_token(Method::GET, INFO, "a b").await;
    assert_eq!((refusal(&malformed).0, refusal(&malformed).1), (400, -2));
}

#[actix_web::test]
async fn logout_with_a_token_ends_that_sign_in_only() {
    let kakao = Kakao::start();
    let (first, first_refresh) = kakao.sign_in("ordinary").await;
    let (second, _) = kakao.sign_in("ordinary").await;
    let answer = kakao.with_token(Method::POST, LOGOUT, &first).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"id": 2_900_000_001_i64}))
    );
    let again = kakao.with_token(Method::POST, LOGOUT, &first).await;
    assert_eq!((refusal(&again).0, refusal(&again).1), (401, -401));
    let (_, _, koe, _) = kakao.refresh(&first_refresh, &[]).await.refusal();
    assert_eq!(koe, "KOE322");
    assert_eq!(kakao.with_token(Method::GET, ME, &second).await.status, 200);
    assert_eq!(
        kakao.emulator.world().live_access_tokens(2_900_000_001),
        [second]
    );
}

#[actix_web::test]
async fn logout_with_the_admin_key_ends_every_sign_in_of_the_user() {
    let kakao = Kakao::start();
    kakao.sign_in("ordinary").await;
    kakao.sign_in("ordinary").await;
    let target = [("target_id_type", "user_id"), ("target_id", "2900000001")];
    let answer = as_admin(&kakao, LOGOUT, ADMIN_KEY, &target).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"id": 2_900_000_001_i64}))
    );
    let world = kakao.emulator.world();
    assert!(world.live_access_tokens(2_900_000_001).is_empty());
    assert!(world.live_refresh_tokens(2_900_000_001).is_empty());
    assert!(world.is_linked("ordinary"));
}

#[actix_web::test]
async fn unlink_withdraws_consent_and_revokes_everything() {
    let kakao = Kakao::start();
    let (access, refresh) = kakao.sign_in("ordinary").await;
    let answer = kakao.with_token(Method::POST, UNLINK, &access).await;
    assert_eq!(
        (answer.status, answer.json()),
        (200, json!({"id": 2_900_000_001_i64}))
    );
    assert!(!kakao.emulator.world().is_linked("ordinary"));
    let gone = kakao.with_token(Method::GET, ME, &access).await;
    assert_eq!(refusal(&gone).1, -401);
    let (_, _, koe, _) = kakao.refresh(&refresh, &[]).await.refusal();
    assert_eq!(koe, "KOE322");
    let target = [("target_id_type", "user_id"), ("target_id", "2900000001")];
    for path in [UNLINK, LOGOUT, ME] {
        let twice = as_admin(&kakao, path, ADMIN_KEY, &target).await;
        let expected = (
            400,
            -101,
            "NotRegisteredUserException".to_owned(),
            String::new(),
        );
        assert_eq!(refusal(&twice), expected, "{path}");
    }
}

#[actix_web::test]
async fn the_admin_key_needs_a_target() {
    let kakao = Kakao::start();
    for target in [
        &[][..],
        &[("target_id", "2900000007")],
        &[("target_id_type", "user_id")],
        &[("target_id_type", "user_id"), ("target_id", "x")],
    ] {
        let answer = as_admin(&kakao, ME, ADMIN_KEY, target).await;
        assert_eq!((refusal(&answer).0, refusal(&answer).1), (400, -2));
    }
    let request = kakao
        .request(
            Method::GET,
            "/v2/user/me?target_id_type=user_id&target_id=2900000007",
        )
        .header("authorization", format!("KakaoAK {ADMIN_KEY}"));
    assert_eq!(kakao.send(request).await.json()["id"], 2_900_000_007_i64);
}

#[actix_web::test]
async fn unlinked_from_kakaos_side_and_expired_tokens_are_noticed_by_the_service() {
    let kakao = Kakao::start();
    let world = kakao.emulator.world();
    let (access, refresh) = kakao.sign_in("linked").await;
    let id = world.user_id("linked").unwrap();
    world.expire_access_tokens(id);
    let expired = kakao.with_token(Method::GET, ME, &access).await;
    assert_eq!(refusal(&expired).2, "this access token is already expired");
    assert_eq!(kakao.refresh(&refresh, &[]).await.status, 200);
    world.expire_refresh_tokens(id);
    let (_, _, koe, _) = kakao.refresh(&refresh, &[]).await.refusal();
    assert_eq!(koe, "KOE322");
    assert!(world.unlink_from_kakao("linked"));
    assert!(!world.unlink_from_kakao("linked"));
    assert!(world.live_access_tokens(id).is_empty());
}

#[actix_web::test]
async fn pictures_are_pngs_of_kakaos_sizes_that_any_site_may_embed() {
    let kakao = Kakao::start();
    for (path, side) in [
        ("/pictures/ordinary-640.png", 640_u32),
        ("/pictures/default-110.png", 110),
    ] {
        let answer = kakao.request(Method::GET, path).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let header = |name: &str| answer.headers().get(name).unwrap().clone();
        assert_eq!(header("content-type"), "image/png");
        assert_eq!(header("cross-origin-resource-policy"), "cross-origin");
        let png = answer.bytes().await.unwrap();
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"));
        let side = side.to_be_bytes();
        assert_eq!([&png[16..20], &png[20..24]], [side, side], "{path}");
        assert!(png.ends_with(b"IEND\xae\x42\x60\x82"));
    }
    for path in ["/pictures/ordinary-1.png", "/pictures/ordinary-640.svg"] {
        assert_eq!(kakao.get(path).await.status, 404, "{path}");
    }
}

#[actix_web::test]
async fn pictures_are_https_when_asked_and_a_proxy_makes_it_possible() {
    let settings = Settings {
        public_url: Some("https://localhost:9443".to_owned()),
        ..Settings::seeded(SERVICE)
    };
    let kakao = Kakao::with(settings);
    let (access, _) = kakao.sign_in("linked").await;
    let picture = async |query: &str| {
        let path = format!("{ME}{query}");
        let answer = kakao.with_token(Method::GET, &path, &access).await;
        let account = answer.json()["kakao_account"].clone();
        account["profile"]["profile_image_url"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        picture("?secure_resource=true").await,
        "https://localhost:9443/pictures/linked-640.png"
    );
    let plain = format!("{}/pictures/linked-640.png", kakao.emulator.url());
    assert_eq!(picture("").await, plain);
    assert_eq!(picture("?secure_resource=false").await, plain);
}
