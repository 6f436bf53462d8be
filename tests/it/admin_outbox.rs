//! `/admin/outbox`: what waits, what was given up and why, and trying again.

use kakao_gate::emulator::{Endpoint, Fault, Times};
use kakao_gate::member::Role;

use crate::audit::staff;
use crate::stage::{Stage, TestApp, Visitor, eventually, everywhere};

const HERE: &str = "/admin/outbox";

/// Signs `person` out while Kakao's logout fails, and waits until the debt is put off.
async fn owed(app: &TestApp, person: &str) {
    let visitor = app.visitor();
    visitor.log_in_as(app, person).await;
    let out = visitor.press("/logout", "/logout", &[("reach", "here")]);
    assert_eq!(out.await.status, 303);
    // So long that it is not due again by itself while the story looks at it.
    app.put_off_for_an_hour("kind = 'logout'", 1).await;
}

async fn retry(visitor: &Visitor, id: &str) -> String {
    let path = format!("{HERE}/{id}/retry");
    let answer = visitor
        .press(HERE, &path, &[("back", "state=waiting")])
        .await;
    assert_eq!((answer.status, answer.location()), (303, HERE));
    visitor.follow(&answer).await.text(".note")
}

// AD-1
#[test]
fn only_the_administration_sees_it_and_only_admins_try_again() {
    everywhere(async |app| {
        assert_eq!(app.visitor().get(HERE).await.status, 404);
        app.emulator
            .fail(Endpoint::Logout, Fault::Status(503), Times::Always);
        owed(app, "ordinary").await;
        let viewer = staff(app, "linked", Role::Viewer).await;
        let page = viewer.get(HERE).await;
        assert_eq!((page.status, page.h1()), (200, "보낼 작업".to_owned()));
        assert_eq!(page.texts(".record tbody tr").len(), 1);
        let row = page.texts(".record tbody tr").remove(0);
        assert!(row.contains("카카오 토큰 만료"), "{row}");
        assert!(row.contains("status 503"), "the reason: {row}");
        // Nobody is named, and nothing that was sealed is shown.
        for raw in ["김하늘", "ordinary@", "127.0.0.1"] {
            assert!(!page.body.contains(raw), "{raw}");
        }
        let sealed = app.values("SELECT sealed_token AS value FROM outbox").await;
        assert!(!page.body.contains(&sealed[0]));
        assert_eq!(page.attributes("main form[method=post]", "action").len(), 0);
        let id = app.values("SELECT id AS value FROM outbox").await.remove(0);
        let csrf = viewer.get("/me").await.csrf();
        let path = format!("{HERE}/{id}/retry");
        let refused = viewer.post(&path, &[("csrf", &csrf)]).await;
        assert_eq!(refused.status, 403);
    });
}

// AD-4, SE-7
#[test]
fn an_admin_has_a_debt_tried_again_at_once_and_that_is_written_down() {
    everywhere(async |app| {
        let admin = staff(app, "linked", Role::Admin).await;
        app.emulator
            .fail(Endpoint::Logout, Fault::Status(503), Times::Always);
        owed(app, "ordinary").await;
        let id = app.values("SELECT id AS value FROM outbox").await.remove(0);
        app.emulator.heal();
        assert_eq!(retry(&admin, &id).await, "바로 다시 시도합니다.");
        eventually("paid", async || {
            app.count("outbox WHERE outcome = 'done'").await == 1
        })
        .await;
        assert_eq!(app.live_kakao_tokens("ordinary"), 0);
        let told = "audit_events WHERE action = 'kakao.retry' AND detail = 'logout' \
                    AND subject IS NOT NULL AND actor IS NOT NULL";
        assert_eq!(app.count(told).await, 1);

        // What is done with stays so.
        let calls = app.emulator.count(Endpoint::Logout);
        let again = retry(&admin, &id).await;
        assert_eq!(again, "이미 처리 중이거나 끝난 작업입니다.");
        let nobody = retry(&admin, "01900000-0000-7000-8000-000000000000").await;
        assert_eq!(nobody, again);
        app.gate().pay_debts().await.unwrap();
        assert_eq!(app.emulator.count(Endpoint::Logout), calls);
        assert_eq!(
            app.count(told).await,
            1,
            "nothing was done, nothing is told"
        );
        let done = admin.get("/admin/outbox?state=done&kind=logout").await;
        assert_eq!(done.texts(".record tbody tr").len(), 1);
        let other = admin.get("/admin/outbox?state=done&kind=mail").await;
        assert_eq!(other.texts(".record tbody tr").len(), 0);
    });
}

// SE-7
#[test]
fn a_debt_that_somebody_is_at_is_not_given_to_another() {
    let stage = Stage::default().set("KAKAO_TIMEOUT_MS", "5000");
    stage.everywhere(async |app| {
        let admin = staff(app, "linked", Role::Admin).await;
        app.emulator
            .fail(Endpoint::Logout, Fault::Silence, Times::Once);
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        eventually("the call is under way", async || {
            app.emulator.count(Endpoint::Logout) == 1
        })
        .await;
        let id = app.values("SELECT id AS value FROM outbox").await.remove(0);
        let said = retry(&admin, &id).await;
        assert_eq!(said, "이미 처리 중이거나 끝난 작업입니다.");
        app.gate().pay_debts().await.unwrap();
        assert_eq!(app.emulator.count(Endpoint::Logout), 1);
    });
}

// AD-1, SE-7
#[test]
fn what_was_given_up_says_why_and_pages_lead_on() {
    everywhere(async |app| {
        let admin = staff(app, "linked", Role::Admin).await;
        // Finished too late for the job that forgets what is long over.
        for number in 0..60 {
            let (outcome, finished) = if number % 2 == 0 {
                ("'expired'", "'2098-01-02 03:04:05'")
            } else {
                ("'done'", "'2098-01-02 03:04:05'")
            };
            app.backends().database.execute(&format!(
                "INSERT INTO outbox (id, kind, sealed_token, tries, created_at, next_try_at, expires_at, outcome, finished_at)
                 VALUES ('0190{number:04x}-0000-7000-8000-000000000000', 'logout', '', 9, '2026-01-02 03:04:05',
                         '2026-01-02 03:04:05', '2026-01-02 03:04:05', {outcome}, {finished})"
            ));
        }
        for number in 0..55 {
            app.backends().database.execute(&format!(
                "INSERT INTO outbox (id, kind, sealed_token, tries, created_at, next_try_at, expires_at, cause)
                 VALUES ('0191{number:04x}-0000-7000-8000-000000000000', 'unlink_by_id', '', 9, '2026-01-02 03:04:05',
                         '2999-01-02 03:04:05', '2999-01-02 03:04:05', 'SMTP')"
            ));
        }
        let given_up = admin.get("/admin/outbox?state=given_up").await;
        let rows = given_up.texts(".record tbody tr");
        assert_eq!(rows.len(), 30);
        assert!(rows[0].contains("기한 지남"), "{}", rows[0]);
        let waiting = admin.get(HERE).await;
        assert_eq!(waiting.texts(".record tbody tr").len(), 50);
        assert_eq!(
            waiting.attributes("main form[method=post]", "action").len(),
            50
        );
        let counts = waiting.texts("table:not(.record) tbody tr").join(" ");
        assert!(counts.contains("55") && counts.contains("30"), "{counts}");
        let next = waiting.attributes("a[rel=next]", "href").remove(0);
        let older = admin.get(&next).await;
        assert_eq!(older.texts(".record tbody tr").len(), 5);
        assert_eq!(older.attributes("a[rel=next]", "href").len(), 0);
        // What is not understood is as if it were not there.
        let odd = admin
            .get("/admin/outbox?state=%00&kind=x&before=y&more=1")
            .await;
        assert_eq!(odd.texts(".record tbody tr").len(), 50);
    });
}
