//! Every sign-in, sign-out and failed sign-in is an entry.

use kakao_gate::emulator::{Consent, Endpoint, Fault, Times};

use crate::stage::{Stage, TestApp, everywhere};

/// Every entry: action, result, reason and detail, and whether it names a member.
async fn entries(app: &TestApp) -> Vec<String> {
    let sql = "SELECT action || ' ' || result || ' ' || COALESCE(reason, '-') || ' ' \
               || COALESCE(detail, '-') || CASE WHEN subject IS NULL THEN '' ELSE ' member' END \
               AS value FROM audit_events ORDER BY place";
    app.values(sql).await
}

async fn cancelled(app: &TestApp, visitor: &crate::stage::Visitor, from: &str) -> String {
    let begun = visitor.get(from).await;
    let back = app
        .emulator
        .authorize(begun.location(), "ordinary", Consent::Cancel);
    back.strip_prefix(&app.url).unwrap().to_owned()
}

// AD-4, LG-1
#[test]
fn a_failed_sign_in_is_one_entry_however_often_its_callback_comes_back() {
    everywhere(async |app| {
        let visitor = app.visitor();
        let callback = cancelled(app, &visitor, "/auth/kakao?next=/me").await;
        let copies = [visitor.copy(), visitor.copy()];
        assert_eq!(visitor.get(&callback).await.leads_to_error(), "cancelled");
        for copy in &copies {
            assert_eq!(copy.get(&callback).await.leads_to_error(), "cancelled");
        }
        assert_eq!(entries(app).await, ["login.kakao refused cancelled -"]);

        let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
        app.emulator
            .fail(Endpoint::Token, Fault::Status(500), Times::Once);
        let copy = visitor.copy();
        assert_eq!(visitor.get(&callback).await.leads_to_error(), "kakao_down");
        assert_eq!(copy.get(&callback).await.leads_to_error(), "code_used");
        let told = entries(app).await;
        assert_eq!(told[1..], ["login.kakao failed kakao_down -"]);
    });
}

// AD-4
#[test]
fn callbacks_that_belong_to_no_attempt_fill_no_table() {
    everywhere(async |app| {
        let visitor = app.visitor();
        for query in [
            "",
            "?code=a&state=b",
            "?error=access_denied&state=b",
            "?code=a&code=b",
        ] {
            let page = visitor.get(&format!("/auth/kakao/callback{query}")).await;
            assert_eq!(page.status, 303);
        }
        assert_eq!(app.count("audit_events").await, 0);
        assert_eq!(app.count("attempts").await, 0);
    });
}

// AD-4, LG-1
#[test]
fn who_comes_and_goes_is_told_with_what_they_may_do() {
    let stage = Stage::default().set("ADMIN_EMAILS", "ordinary@example.com");
    stage.everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let begun = visitor.get("/reauth/kakao?next=/me").await;
        let back = app
            .emulator
            .authorize(begun.location(), "ordinary", Consent::All);
        app.emulator
            .fail(Endpoint::Token, Fault::Status(500), Times::Once);
        visitor.get(back.strip_prefix(&app.url).unwrap()).await;
        visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        let other = app.visitor();
        other.log_in_as(app, "linked").await;
        let told = [
            "join.kakao success - - member",
            "member.role success settings member → owner member",
            "login.kakao success - role=owner member",
            "reauth.kakao failed kakao_down - member",
            "logout success - - member",
            "join.kakao success - - member",
            "login.kakao success - - member",
        ];
        assert_eq!(entries(app).await, told);
        let ips = app
            .values("SELECT DISTINCT ip AS value FROM audit_events")
            .await;
        assert_eq!(ips, ["127.0.0.1"]);
    });
}

// AD-4, RL-6
#[test]
fn a_failure_is_told_even_when_it_cannot_be_written_down() {
    everywhere(async |app| {
        let visitor = app.visitor();
        let callback = cancelled(app, &visitor, "/auth/kakao?next=/me").await;
        let database = &app.backends().database;
        database.execute("ALTER TABLE audit_events RENAME TO audit_events_away");
        assert_eq!(visitor.get(&callback).await.leads_to_error(), "cancelled");
        database.execute("ALTER TABLE audit_events_away RENAME TO audit_events");
        assert_eq!(app.count("audit_events").await, 0);
        visitor.log_in_as(app, "ordinary").await;
    });
}
