//! Webhooks as a service receives them.

use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes, Data};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kakao_gate::emulator::{ADMIN_KEY, Endpoint, REST_API_KEY, Settings, Signer, UnlinkMethod};
use reqwest::Method;
use serde_json::{Value, json};

use super::browser::{Browser, values};
use super::{Kakao, SERVICE};

/// What arrived at the service.
#[derive(Clone, Debug)]
struct Arrived {
    method: String,
    path: String,
    query: String,
    authorization: String,
    content_type: String,
    body: String,
}

/// A service with the two receivers, and the emulator that knows it.
struct Service {
    kakao: Kakao,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    server: ServerHandle,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let data = Data::from(Arc::clone(&arrived));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .default_service(web::to(receive))
        });
        let server = server.workers(1).disable_signals().listen(listener);
        let server = server.unwrap().run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        let mut settings = Settings::seeded(SERVICE);
        let hook = |name: &str| Some(format!("http://{address}/webhooks/kakao/{name}"));
        settings.app.unlink_webhook_url = hook("unlink");
        settings.app.account_webhook_url = hook("account");
        Self {
            kakao: Kakao::with(settings),
            arrived,
            server: handle,
        }
    }

    fn only(&self) -> Arrived {
        let mut arrived = self.arrived.lock().unwrap();
        let one = arrived.pop().unwrap();
        assert!(arrived.is_empty(), "{arrived:?}");
        one
    }

    async fn end(self) {
        self.server.stop(false).await;
    }
}

async fn receive(
    arrived: Data<Mutex<Vec<Arrived>>>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let text = |name: &str| {
        let value = request.headers().get(name);
        value.map_or("", |value| value.to_str().unwrap()).to_owned()
    };
    arrived.lock().unwrap().push(Arrived {
        method: request.method().to_string(),
        path: request.path().to_owned(),
        query: request.query_string().to_owned(),
        authorization: text("authorization"),
        content_type: text("content-type"),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    if request.path() == "/slow" {
        actix_web::rt::time::sleep(Duration::from_secs(20)).await;
    }
    if request.path().ends_with("/account") {
        return HttpResponse::Accepted().finish();
    }
    HttpResponse::Ok().body("heard")
}

fn part(token: &str, which: usize) -> Value {
    let part = token.split('.').nth(which).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

#[actix_web::test]
async fn whoever_disconnects_the_service_is_told_of_to_it() {
    let service = Service::start();
    let emulator = &service.kakao.emulator;
    let delivery = emulator.disconnect("linked", "UNLINK_FROM_APPS").await;
    let delivery = delivery.unwrap();
    assert_eq!(delivery.status, Some(200));
    assert_eq!(delivery.answer, "heard");
    assert!(!emulator.world().is_linked("linked"));
    let arrived = service.only();
    assert_eq!(
        (arrived.method.as_str(), arrived.path.as_str()),
        ("POST", "/webhooks/kakao/unlink")
    );
    assert_eq!(arrived.authorization, format!("KakaoAK {ADMIN_KEY}"));
    assert!(
        arrived
            .content_type
            .starts_with("application/x-www-form-urlencoded")
    );
    let fields = "app_id=900001&user_id=2900000007&referrer_type=UNLINK_FROM_APPS";
    assert_eq!(
        (arrived.body.as_str(), arrived.query.as_str()),
        (fields, "")
    );
    assert!(
        emulator
            .disconnect("linked", "UNLINK_FROM_APPS")
            .await
            .is_none()
    );
    assert_eq!(emulator.deliveries().len(), 1, "nobody was linked any more");
    let gone = emulator.disconnect("needs-action", "ACCOUNT_DELETE").await;
    assert_eq!(gone.unwrap().about, "ACCOUNT_DELETE");
    assert!(emulator.world().person("needs-action").is_none());
    service.end().await;
}

#[actix_web::test]
async fn an_unlink_that_the_service_asked_for_is_not_told_to_it() {
    let service = Service::start();
    let kakao = &service.kakao;
    let (access, _) = kakao.sign_in("linked").await;
    let answer = kakao
        .with_token(Method::POST, "/v1/user/unlink", &access)
        .await;
    assert_eq!(answer.status, 200);
    let target = [("target_id_type", "user_id"), ("target_id", "2900000006")];
    let request = kakao.request(Method::POST, "/v1/user/unlink").form(&target);
    let request = request.header("authorization", format!("KakaoAK {ADMIN_KEY}"));
    assert_eq!(kakao.send(request).await.status, 200);
    assert!(kakao.emulator.world().unlink_from_kakao("needs-action"));
    assert!(service.arrived.lock().unwrap().is_empty());
    assert!(kakao.emulator.deliveries().is_empty());
    assert_eq!(kakao.emulator.count(Endpoint::Unlink), 2);
    service.end().await;
}

#[actix_web::test]
async fn parameters_travel_in_the_query_or_as_json_and_can_be_wrong() {
    let service = Service::start();
    let emulator = &service.kakao.emulator;
    let mut webhook = emulator.unlink_webhook(7, "UNLINK_FROM_ADMIN").unwrap();
    webhook.method = UnlinkMethod::Get;
    webhook.authorization = None;
    emulator.send_unlink_webhook(&webhook).await;
    let arrived = service.only();
    assert_eq!(
        (arrived.method.as_str(), arrived.body.as_str()),
        ("GET", "")
    );
    assert_eq!(
        arrived.query,
        "app_id=900001&user_id=7&referrer_type=UNLINK_FROM_ADMIN"
    );
    assert_eq!(arrived.authorization, "");
    webhook.method = UnlinkMethod::Json;
    webhook.app_id = "1".to_owned();
    webhook.group_user_token = Some("가".to_owned());
    webhook.authorization = Some("KakaoAK eadb".to_owned());
    emulator.send_unlink_webhook(&webhook).await;
    let arrived = service.only();
    assert!(arrived.content_type.starts_with("application/json"));
    let body: Value = serde_json::from_str(&arrived.body).unwrap();
    assert_eq!(
        body,
        json!({"app_id": "1", "user_id": "7", "referrer_type": "UNLINK_FROM_ADMIN",
            "group_user_token": "가"})
    );
    assert_eq!(arrived.authorization, "KakaoAK eadb");
    service.end().await;
}

#[actix_web::test]
async fn a_receiver_that_is_slow_or_gone_is_given_up() {
    let service = Service::start();
    let emulator = &service.kakao.emulator;
    let mut webhook = emulator.unlink_webhook(7, "UNLINK_FROM_APPS").unwrap();
    let (base, _) = webhook.url.split_once("/webhooks").unwrap();
    webhook.url = format!("{base}/slow");
    let slow = emulator.send_unlink_webhook(&webhook).await;
    assert_eq!(slow.status, None);
    assert!(slow.took >= Duration::from_secs(2), "{:?}", slow.took);
    webhook.url = "http://127.0.0.1:1/".to_owned();
    let gone = emulator.send_unlink_webhook(&webhook).await;
    assert!(gone.status.is_none() && !gone.answer.is_empty());
    emulator.world().edit_app(|app| {
        app.unlink_webhook_url = None;
        app.account_webhook_url = None;
    });
    assert!(emulator.unlink_webhook(7, "").is_none());
    let set = emulator.security_event(7, "tokens-revoked").unwrap();
    assert!(emulator.send_set(set).await.unwrap().is_none());
    service.end().await;
}

#[actix_web::test]
async fn a_security_event_token_is_signed_with_the_published_key() {
    let service = Service::start();
    let emulator = &service.kakao.emulator;
    let set = emulator
        .security_event(2_900_000_007, "tokens-revoked")
        .unwrap();
    let delivery = emulator.send_set(set.clone()).await.unwrap().unwrap();
    assert_eq!(
        (delivery.status, delivery.about.as_str()),
        (Some(202), "tokens-revoked")
    );
    let arrived = service.only();
    assert_eq!(arrived.path, "/webhooks/kakao/account");
    assert_eq!(arrived.content_type, "application/secevent+jwt");
    assert_eq!(arrived.body, delivery.sent);
    let header = part(&arrived.body, 0);
    assert_eq!(header["typ"], "secevent+jwt");
    assert_eq!(header["kid"], emulator.jwks().unwrap()["keys"][1]["kid"]);
    let claims = part(&arrived.body, 1);
    assert_eq!(claims, set.claims);
    assert_eq!(claims["iss"], emulator.url());
    assert_eq!(claims["aud"], REST_API_KEY);
    assert_eq!(claims["sub"], "2900000007");
    assert!(claims["iat"].is_i64() && claims["jti"] != claims["txm"]);
    let again = emulator.security_event(2_900_000_007, "tokens-revoked");
    assert_ne!(again.unwrap().claims["jti"], claims["jti"]);
    let mut wrong = set;
    wrong.signer = Signer::Nobody;
    wrong.claims["events"]["https://example.com/second"] = json!({});
    emulator.send_set(wrong).await.unwrap();
    assert!(service.only().body.ends_with('.'));
    service.end().await;
}

#[actix_web::test]
async fn the_pages_end_links_withdraw_consents_and_tell_of_events() {
    let service = Service::start();
    let kakao = &service.kakao;
    let mut browser = Browser::new(kakao);
    let page = browser.open("/people/linked").await;
    assert_eq!(values(&page, "button[name=event]").len(), 18);
    assert_eq!(values(&page, "button[name=referrer]").len(), 5);
    let person = ("person", "linked");
    let scope = [person, ("scope", "account_email")];
    let back = kakao.post("/emulator/withdraw", &scope).await;
    assert_eq!(back.header("location"), "/people/linked");
    assert_eq!(
        kakao.emulator.world().agreed_scopes("linked"),
        ["profile_image", "profile_nickname"]
    );
    let event = [person, ("event", "account-disabled")];
    let back = kakao.post("/emulator/event", &event).await;
    assert_eq!(back.header("location"), "/webhooks");
    assert!(service.only().body.starts_with("eyJ"));
    let unlink = [person, ("referrer", "UNLINK_FROM_ADMIN")];
    kakao.post("/emulator/unlink", &unlink).await;
    assert!(service.only().body.ends_with("UNLINK_FROM_ADMIN"));
    kakao
        .post("/emulator/unlink", &[("person", "minimal")])
        .await;
    assert!(service.only().body.ends_with("UNLINK_FROM_APPS"));
    let list = browser.open("/webhooks").await;
    for told in ["account-disabled", "UNLINK_FROM_ADMIN", "202"] {
        assert!(list.body.contains(told), "{told}");
    }
    let list = kakao.get("/webhooks?format=json").await.json();
    assert_eq!(list[0]["about"], "UNLINK_FROM_APPS");
    assert_eq!(list[2]["status"], 202);
    let settings = [
        ("unlink_url", ""),
        ("account_url", "http://x/"),
        ("method", "get"),
    ];
    kakao.post("/emulator/webhooks", &settings).await;
    let app = kakao.emulator.world().app();
    assert_eq!(app.unlink_webhook_url, None);
    assert_eq!(app.account_webhook_url.as_deref(), Some("http://x/"));
    assert_eq!(app.unlink_webhook_method, UnlinkMethod::Get);
    let nobody = kakao.get("/people/nobody").await;
    assert_eq!(nobody.status, 404);
    service.end().await;
}
