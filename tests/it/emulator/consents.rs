//! Consent items and service terms, as programs and people change them.

use kakao_gate::emulator::{ADMIN_KEY, Endpoint, Fault, ItemLevel, ServiceTerm, Settings, Times};
use reqwest::Method;
use serde_json::{Value, json};

use super::browser::{Browser, values};
use super::{Answer, Kakao, SERVICE, authorize_path, parameter};

const SCOPES: &str = "/v2/user/scopes";
const REVOKE: &str = "/v2/user/revoke/scopes";
const TERMS: &str = "/v2/user/service_terms";
const ME: &str = "/v2/user/me";

fn sync() -> Kakao {
    let mut settings = Settings::seeded(SERVICE);
    settings.app.terms = vec![
        ServiceTerm::new("service", "이용약관", true),
        ServiceTerm::new("marketing", "마케팅 정보 수신", false),
    ];
    Kakao::with(settings)
}

async fn post(kakao: &Kakao, path: &str, access: &str, form: &[(&str, &str)]) -> Answer {
    let request = kakao.request(Method::POST, path).bearer_auth(access);
    kakao.send(request.form(form)).await
}

fn refusal(answer: &Answer) -> (u16, i64, String) {
    let body = answer.json();
    let msg = body["msg"].as_str().unwrap().to_owned();
    (answer.status, body["code"].as_i64().unwrap(), msg)
}

/// `agreed` of each item, by its id.
fn agreed(answer: &Value) -> Vec<(String, bool)> {
    let scopes = answer["scopes"].as_array().unwrap();
    let agreed = |scope: &Value| {
        let id = scope["id"].as_str().unwrap().to_owned();
        (id, scope["agreed"].as_bool().unwrap())
    };
    scopes.iter().map(agreed).collect()
}

#[actix_web::test]
async fn what_is_required_was_not_given_or_is_unknown_cannot_be_revoked() {
    let kakao = Kakao::start();
    let (access, _) = kakao.sign_in("linked").await;
    let fixed = [("scopes", r#"["profile_nickname"]"#)];
    let (status, code, msg) = refusal(&post(&kakao, REVOKE, &access, &fixed).await);
    assert_eq!((status, code), (403, -3));
    assert_eq!(
        msg,
        "[profile_nickname] is not revocable. check out if it's set as required on developers.kakao.com"
    );
    for none in [r#"["gender"]"#, r#"["nothing"]"#, "[]", ""] {
        let answer = post(&kakao, REVOKE, &access, &[("scopes", none)]).await;
        let (status, code, msg) = refusal(&answer);
        assert_eq!((status, code), (400, -2), "{none}");
        assert!(msg.starts_with("There is no scopes to revoke."), "{msg}");
    }
    let (status, code, _) = refusal(&post(&kakao, REVOKE, &access, &[("scopes", "x")]).await);
    assert_eq!((status, code), (400, -2));
    assert_eq!(kakao.get(SCOPES).await.status, 401);
}

#[actix_web::test]
async fn items_are_listed_with_what_was_agreed_and_what_can_be_taken_back() {
    let kakao = Kakao::start();
    let world = kakao.emulator.world();
    world.edit_app(|app| app.items.retain(|item| item.scope != "profile_image"));
    let (access, _) = kakao.sign_in("linked").await;
    let answer = kakao.with_token(Method::GET, SCOPES, &access).await.json();
    assert_eq!(answer["id"], 2_900_000_007_i64);
    let scopes = answer["scopes"].as_array().unwrap();
    assert_eq!(
        scopes[0],
        json!({"id": "profile_nickname", "display_name": "닉네임", "type": "PRIVACY",
            "using": true, "agreed": true, "revocable": false})
    );
    assert_eq!(scopes[1]["revocable"], true);
    assert_eq!(scopes[2].get("revocable"), None, "only when agreed");
    let given_up = scopes.last().unwrap();
    assert_eq!(
        (&given_up["id"], &given_up["using"], &given_up["agreed"]),
        (&json!("profile_image"), &json!(false), &json!(true))
    );
    let path =
        format!("{SCOPES}?scopes=%5B%22gender%22%5D&target_id_type=user_id&target_id=2900000007");
    let request = kakao.request(Method::GET, &path);
    let request = request.header("authorization", format!("KakaoAK {ADMIN_KEY}"));
    let one = kakao.send(request).await.json();
    assert_eq!(agreed(&one), [("gender".to_owned(), false)]);
}

#[actix_web::test]
async fn a_revoked_item_is_gone_from_the_profile_and_can_be_asked_for_again() {
    let kakao = Kakao::start();
    let (access, _) = kakao.sign_in("linked").await;
    let email = [("scopes", r#"["account_email"]"#)];
    let answer = post(&kakao, REVOKE, &access, &email).await;
    assert_eq!(
        agreed(&answer.json()),
        [("account_email".to_owned(), false)]
    );
    let me = kakao.with_token(Method::GET, ME, &access).await.json();
    assert_eq!(me["kakao_account"]["email_needs_agreement"], true);
    let mut browser = Browser::new(&kakao);
    let asking = authorize_path(&[("scope", "account_email")]);
    let chooser = browser.open(&asking).await;
    let consent = browser.choose(&chooser, "linked").await;
    assert_eq!(values(&consent, "input[name=item]"), ["account_email"]);
    let back = browser.reply(&consent, &[("item", "account_email")]).await;
    let code = parameter(&back.location(), "code").unwrap();
    let tokens = kakao.exchange(&code, &[]).await.json();
    assert!(tokens["scope"].as_str().unwrap().contains("account_email"));
}

#[actix_web::test]
async fn user_me_can_need_a_consent_and_names_it() {
    let kakao = Kakao::start();
    let world = kakao.emulator.world();
    world.edit_app(|app| app.me_needs = vec!["gender".to_owned()]);
    let (access, _) = kakao.sign_in("minimal").await;
    let refused = kakao.with_token(Method::GET, ME, &access).await;
    assert_eq!(refused.status, 403);
    assert_eq!(
        refused.json(),
        json!({"msg": "insufficient scopes.", "code": -402, "api_type": "USER_ME",
            "required_scopes": ["gender"], "allowed_scopes": []})
    );
    let code = kakao.code("minimal", &[("scope", "gender")]);
    let tokens = kakao.exchange(&code, &[]).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    let told = kakao.with_token(Method::GET, ME, access).await;
    assert_eq!(told.status, 200);
    assert!(world.withdraw_consent("minimal", "gender"));
    assert!(!world.withdraw_consent("minimal", "gender"));
    let again = kakao.with_token(Method::GET, ME, access).await;
    assert_eq!(again.json()["code"], -402, "withdrawn from Kakao's side");
    let fault: Fault = "-402:birthday,friends".parse().unwrap();
    kakao.emulator.fail(Endpoint::Me, fault, Times::Once);
    let injected = kakao.with_token(Method::GET, ME, access).await.json();
    assert_eq!(injected["required_scopes"], json!(["birthday", "friends"]));
}

#[actix_web::test]
async fn terms_stand_on_the_first_consent_page_and_have_the_time_of_their_consent() {
    let kakao = sync();
    let mut browser = Browser::new(&kakao);
    let chooser = browser.open(&authorize_path(&[])).await;
    let consent = browser.choose(&chooser, "ordinary").await;
    assert_eq!(
        values(&consent, "input[name=term]"),
        ["service", "marketing"]
    );
    let nickname = ("item", "profile_nickname");
    let stayed = browser
        .reply(&consent, &[nickname, ("term", "marketing")])
        .await;
    assert_eq!(stayed.status, 200, "a required one was left out");
    assert_eq!(values(&stayed, "input[name=term][checked]"), ["marketing"]);
    let back = browser
        .reply(&stayed, &[nickname, ("term", "service")])
        .await;
    let code = parameter(&back.location(), "code").unwrap();
    let tokens = kakao.exchange(&code, &[]).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    let terms = kakao.with_token(Method::GET, TERMS, access).await.json();
    let [term] = terms["service_terms"].as_array().unwrap().as_slice() else {
        panic!("{terms}")
    };
    assert_eq!(
        (&term["tag"], &term["agreed_by"]),
        (&json!("service"), &json!("KAUTH"))
    );
    let me = kakao.with_token(Method::GET, ME, access).await.json();
    assert_eq!(term["agreed_at"], me["synched_at"]);
    let path = format!("{TERMS}?result=app_service_terms");
    let all = kakao.with_token(Method::GET, &path, access).await.json();
    let marketing = &all["service_terms"][1];
    assert_eq!(
        marketing,
        &json!({"tag": "marketing", "required": false, "agreed": false, "revocable": false})
    );
    assert_eq!(kakao.emulator.world().agreed_terms("ordinary"), ["service"]);
}

#[actix_web::test]
async fn later_only_named_terms_are_asked_and_the_first_time_only_those() {
    let kakao = sync();
    let mut browser = Browser::new(&kakao);
    let named = authorize_path(&[("service_terms", "service")]);
    let chooser = browser.open(&named).await;
    let consent = browser.choose(&chooser, "ordinary").await;
    assert_eq!(values(&consent, "input[name=term]"), ["service"]);
    browser.reply(&consent, &[("all", "on")]).await.location();
    browser.open(&authorize_path(&[])).await.location();
    let more = authorize_path(&[("service_terms", "service,marketing")]);
    let consent = browser.open(&more).await;
    assert_eq!(values(&consent, "input[name=term]"), ["marketing"]);
}

#[actix_web::test]
async fn terms_are_withdrawn_and_recorded_by_programs() {
    let kakao = sync();
    let (access, _) = kakao.sign_in("ordinary").await;
    let revoke = "/v2/user/revoke/service_terms";
    let upgrade = "/v2/user/upgrade/service_terms";
    for (path, tags) in [(revoke, "service"), (revoke, ""), (upgrade, "other")] {
        let refused = post(&kakao, path, &access, &[("tags", tags)]).await;
        assert_eq!(refusal(&refused).1, -2, "{path} {tags}");
    }
    let gone = post(&kakao, revoke, &access, &[("tags", "marketing")]).await;
    assert_eq!(
        gone.json()["revoked_service_terms"],
        json!([{"tag": "marketing", "agreed": false}])
    );
    let back = post(&kakao, upgrade, &access, &[("tags", "marketing")]).await;
    let term = &back.json()["agreed_service_terms"][0];
    assert_eq!(
        (&term["agreed"], &term["agreed_by"]),
        (&json!(true), &json!("KAPI"))
    );
    let strange = format!("{TERMS}?tags=other");
    let strange = kakao.with_token(Method::GET, &strange, &access).await;
    assert_eq!(refusal(&strange).1, -2);
}

#[actix_web::test]
async fn an_app_without_kakao_sync_has_no_terms() {
    let kakao = Kakao::start();
    let (access, _) = kakao.sign_in("linked").await;
    let answer = kakao.with_token(Method::GET, TERMS, &access).await;
    assert_eq!((refusal(&answer).0, refusal(&answer).1), (403, -3));
    let me = kakao.with_token(Method::GET, ME, &access).await.json();
    assert_eq!(me.get("synched_at"), None);
    assert_eq!(
        kakao.emulator.world().app().level("profile_nickname"),
        Some(ItemLevel::Required)
    );
}
