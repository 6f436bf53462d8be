//! Kakao's trouble: told above its button and on the dashboard, and felt nowhere else.

use futures_util::future::join_all;
use kakao_gate::emulator::{Endpoint, Fault, Times};
use kakao_gate::member::Role;

use crate::audit::staff;
use crate::stage::outage::in_time;
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, Visitor};

const FAILING: &str = "지금 카카오 로그인이 원활하지 않습니다.";
const SLOW: &str = "지금 카카오의 응답이 느립니다.";

fn note(page: &Page) -> String {
    assert_eq!(page.status, 200, "{}", page.body);
    assert!(
        page.body.contains("href=\"/auth/kakao?next="),
        "the button stays"
    );
    page.texts(".note.warn").join(" ")
}

/// Logins that fail at Kakao, at once: each may have to wait for it.
async fn failed_logins(app: &TestApp, count: usize) {
    let visitors: Vec<Visitor> = (0..count).map(|_| app.visitor()).collect();
    let logins = visitors.iter().map(|one| one.log_in(app, "ordinary"));
    for answer in join_all(logins).await {
        assert_eq!(answer.status, 303);
        assert_ne!(answer.location(), "/me");
    }
}

// RL-2
#[test]
fn an_outage_of_kakao_is_told_above_the_button_and_goes_with_it() {
    let stage = Stage::default().set("KAKAO_TIMEOUT_MS", "2000");
    stage.everywhere(async |app| {
        let viewer = staff(app, "linked", Role::Viewer).await;
        let login = async || note(&app.visitor().get("/login").await);
        assert_eq!(login().await, "");
        app.emulator
            .fail(Endpoint::Token, Fault::Silence, Times::Always);
        failed_logins(app, 2).await;
        assert_eq!(login().await, "", "two may be chance");
        failed_logins(app, 4).await;
        assert!(login().await.starts_with(FAILING));
        let dashboard = viewer.get("/admin").await;
        let health = dashboard.texts(".stats .card").join(" ");
        assert!(health.contains("로그인 화면에 안내하는 중"), "{health}");

        // The other pages are as quick as ever, and know nothing of it.
        let member = in_time(viewer.get("/me")).await;
        assert_eq!((member.status, member.texts(".note.warn").len()), (200, 0));
        assert_eq!(in_time(viewer.get("/admin/members")).await.status, 200);

        // One login that works is two calls: not yet enough to be sure, three are.
        app.emulator.heal();
        log_in(app).await;
        assert!(login().await.starts_with(FAILING), "it does not flap");
        log_in(app).await;
        log_in(app).await;
        assert_eq!(login().await, "", "it does not stay");
        let dashboard = viewer.get("/admin").await;
        let health = dashboard.texts(".stats .card").join(" ");
        assert!(!health.contains("로그인 화면에 안내하는 중"), "{health}");
    });
}

async fn log_in(app: &TestApp) -> Visitor {
    let visitor = app.visitor();
    visitor.log_in_as(app, "ordinary").await;
    visitor
}

// RL-2
#[test]
fn a_slow_kakao_is_told_as_slow_and_settings_that_it_refuses_as_trouble() {
    Stage::default().once(async |app| {
        let late = Fault::Delay(std::time::Duration::from_millis(1_100));
        app.emulator
            .fail(Endpoint::Token, late.clone(), Times::Always);
        app.emulator.fail(Endpoint::Me, late, Times::Always);
        log_in(app).await;
        log_in(app).await;
        let told = note(&app.visitor().get("/login").await);
        assert!(told.starts_with(SLOW), "{told}");
        app.emulator.heal();
        app.emulator
            .fail(Endpoint::Token, Fault::refuse("KOE010"), Times::Always);
        failed_logins(app, 4).await;
        let told = note(&app.visitor().get("/login").await);
        assert!(told.starts_with(FAILING), "{told}");
        // In KakaoTalk nobody is led there without having asked.
        let in_app = app.visitor();
        in_app.always("user-agent", "Chrome/142.0 Mobile;KAKAOTALK 2610240");
        assert!(note(&in_app.get("/login").await).starts_with(FAILING));
    });
}
