//! `DELETE /api/v1/me`: leaving by a program.

use futures_util::future::{join, join_all};
use kakao_gate::emulator::{Endpoint, Fault, Times};
use serde_json::{Value, json};
use time::Duration;

use super::{ME, access_of, http, json_of, me, refresh, refused, taken};
use crate::my_account::{give_password, member_with};
use crate::stage::contract;
use crate::stage::email::{ANOTHER, PASSWORD, stage};
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, eventually, everywhere};

async fn leave(app: &TestApp, access: &str, body: Value) -> Page {
    let request = http()
        .delete(format!("{}{ME}", app.url))
        .header("authorization", format!("Bearer {access}"))
        .header("content-type", "application/json")
        .body(body.to_string());
    let page = Page::read(request.send().await.unwrap()).await;
    contract::hold(&reqwest::Method::DELETE, ME, &page);
    page
}

async fn by_kakao(app: &TestApp, access: &str, person: &str) -> Page {
    let token = access_of(app, person).await;
    leave(app, access, json!({ "kakao_access_token": token })).await
}

/// That whoever has left is gone as by the page.
async fn gone(app: &TestApp, access: &str, refresh_token: &str) {
    assert_eq!(refused(&me(app, access).await, 401), "invalid_token");
    let answer = refresh(app, refresh_token).await;
    assert_eq!(refused(&answer, 401), "invalid_token");
}

// AP-8, AP-10, LG-6
#[test]
fn nobody_leaves_by_an_access_token_alone_or_with_a_proof_of_somebody_else() {
    stage().everywhere(async |app| {
        let (access, refresh_token) = taken(app, "ordinary").await;
        let (others, _) = taken(app, "linked").await;
        let bare = http()
            .delete(format!("{}{ME}", app.url))
            .header("authorization", format!("Bearer {access}"));
        let answer = Page::read(bare.send().await.unwrap()).await;
        assert_eq!(refused(&answer, 403), "fresh_proof_required");
        let somebody_else = access_of(app, "linked").await;
        for (body, status, code) in [
            (json!({}), 403, "fresh_proof_required"),
            (json!({ "reason": "privacy" }), 403, "fresh_proof_required"),
            (
                json!({ "kakao_access_token": null }),
                403,
                "fresh_proof_required",
            ),
            (
                json!({ "kakao_access_token": "" }),
                403,
                "fresh_proof_required",
            ),
            (
                json!({ "kakao_access_token": "a\r\nb" }),
                403,
                "fresh_proof_required",
            ),
            (
                json!({ "kakao_access_token": "nobodys" }),
                403,
                "fresh_proof_required",
            ),
            (
                json!({ "kakao_access_token": &somebody_else }),
                403,
                "fresh_proof_required",
            ),
            (json!({ "password": PASSWORD }), 403, "fresh_proof_required"),
            (
                json!({ "password": PASSWORD, "kakao_access_token": &somebody_else }),
                400,
                "invalid_request",
            ),
            (
                json!({ "password": PASSWORD, "member": "x" }),
                400,
                "invalid_request",
            ),
            (
                json!({ "password": PASSWORD, "reason": "odd" }),
                400,
                "invalid_request",
            ),
            (json!({ "password": 7 }), 400, "invalid_request"),
            (json!([]), 400, "invalid_request"),
        ] {
            let answer = leave(app, &access, body.clone()).await;
            assert_eq!(refused(&answer, status), code, "{body}");
            assert!(!answer.body.contains(&somebody_else), "{body}");
        }
        // An access token of ours is none of Kakao's, and one of another app neither.
        let body = json!({ "kakao_access_token": others });
        let answer = leave(app, &access, body).await;
        assert_eq!(refused(&answer, 403), "fresh_proof_required");
        let fault = Fault::Answer {
            status: 200,
            content_type: "application/json".to_owned(),
            body: json!({ "id": 1, "expires_in": 100, "app_id": 900_002 }).to_string(),
        };
        app.emulator
            .fail(Endpoint::AccessTokenInfo, fault, Times::Once);
        let answer = by_kakao(app, &access, "ordinary").await;
        assert_eq!(refused(&answer, 403), "fresh_proof_required");
        // Nor does a browser's cookie, a form, or a token in the address.
        let (visitor, _) = app.signed_in("ordinary").await;
        let csrf = visitor.get("/me").await.csrf();
        let form = Some(format!("csrf={csrf}&check=yes&access_token={access}"));
        let path = format!("{ME}?access_token={access}");
        let answer = visitor
            .send(reqwest::Method::DELETE, &path, &[], form)
            .await;
        assert_eq!(refused(&answer, 401), "unauthorized");

        assert_eq!(app.count("members WHERE standing = 'active'").await, 2);
        assert_eq!(me(app, &access).await.status, 200);
        assert_eq!(refresh(app, &refresh_token).await.status, 200);
        assert!(app.emulator.world().is_linked("ordinary"));
        let told = app
            .values("SELECT reason AS value FROM audit_events WHERE action = 'withdraw'")
            .await;
        assert_eq!(told, ["wrong_person", "wrong_password"]);
    });
}

// AP-8, LG-6, TK-7
#[test]
fn whoever_leaves_by_a_program_leaves_as_by_the_page() {
    stage().everywhere(async |app| {
        let (browser, id) = app.signed_in("ordinary").await;
        let (access, refresh_token) = taken(app, "ordinary").await;
        let (other, other_refresh) = taken(app, "ordinary").await;
        let token = access_of(app, "ordinary").await;
        let body = json!({ "kakao_access_token": token, "reason": "privacy" });
        let left = leave(app, &access, body).await;
        assert_eq!((left.status, left.body.as_str()), (204, ""));
        gone(app, &access, &refresh_token).await;
        gone(app, &other, &other_refresh).await;
        assert_eq!(browser.get("/me").await.status, 303);
        assert_eq!(app.of_member("standing", id).await, "withdrawn");
        for table in app.backends().database.tables_with("member_id") {
            let own = format!("{table} WHERE member_id = '{id}'");
            assert!(table == "outbox" || app.count(&own).await == 0, "{table}");
        }
        assert_eq!(app.count("kakao_accounts").await, 0);
        assert!(!app.emulator.world().is_linked("ordinary"), "at Kakao, too");
        let told = &app.told_of(id, "withdraw").await[0];
        assert!(
            told.ends_with("success | privacy | sessions ended: 3, kakao unlink owed"),
            "{told}"
        );
        let goodbye = app.letter_to("ordinary@example.com", 1).await;
        assert!(goodbye.subject.contains("탈퇴를 마쳤습니다"));
        // Coming back is coming anew.
        let (again, _) = taken(app, "ordinary").await;
        assert_ne!(json_of(&me(app, &again).await)["id"], id.to_string());
    });
}

// AP-8, PW-5
#[test]
fn a_password_proves_it_too_and_is_guessed_as_slowly_as_elsewhere() {
    stage().everywhere(async |app| {
        let (access, refresh_token) = taken(app, "ordinary").await;
        let member = member_with(app, "ordinary@example.com").await;
        give_password(app, member).await;
        let before = app.hashes();
        for _ in 0..5 {
            let answer = leave(app, &access, json!({ "password": ANOTHER })).await;
            assert_eq!(refused(&answer, 403), "fresh_proof_required");
        }
        assert_eq!(app.hashes() - before, 5);
        let answer = leave(app, &access, json!({ "password": PASSWORD })).await;
        assert_eq!(refused(&answer, 429), "rate_limited");
        assert!(!answer.header("retry-after").is_empty());
        assert_eq!(app.hashes() - before, 5, "not looked at");
        // It is one count with the page that asks for it.
        let (visitor, _) = app.signed_in("ordinary").await;
        let asked = visitor
            .press("/reauth", "/reauth", &[("password", PASSWORD)])
            .await;
        assert_eq!(asked.status, 429);
        app.clock.advance(Duration::minutes(16));
        let (access, _) = super::pair(&refresh(app, &refresh_token).await);
        let left = leave(app, &access, json!({ "password": PASSWORD })).await;
        assert_eq!(left.status, 204, "{}", left.body);
        gone(app, &access, &refresh_token).await;
        assert_eq!(app.count("passwords").await, 0);
        assert!(!app.emulator.world().is_linked("ordinary"));
        // Where nobody signs in by password, one proves nothing.
        app.restart(&[("SMTP_URL", ""), ("MAIL_FROM", "")]).await;
        let (access, _) = taken(app, "linked").await;
        let member = app.member_of("linked").await;
        give_password(app, member).await;
        let answer = leave(app, &access, json!({ "password": PASSWORD })).await;
        assert_eq!(refused(&answer, 403), "fresh_proof_required");
    });
}

// AP-8
#[test]
fn of_two_who_leave_at_once_one_has_left() {
    everywhere(async |app| {
        for round in 1..=4 {
            let (access, refresh_token) = taken(app, "ordinary").await;
            let token = access_of(app, "ordinary").await;
            let body = json!({ "kakao_access_token": token });
            let both = join(
                leave(app, &access, body.clone()),
                leave(app, &access, body.clone()),
            )
            .await;
            let mut both = [both.0, both.1];
            both.sort_by_key(|page| page.status);
            assert_eq!(both[0].status, 204, "{}", both[0].body);
            // Kakao may know by then that the connection has ended.
            match both[1].status {
                401 => assert_eq!(refused(&both[1], 401), "invalid_token"),
                _ => assert_eq!(refused(&both[1], 403), "fresh_proof_required"),
            }
            gone(app, &access, &refresh_token).await;
            let left = "audit_events WHERE action = 'withdraw' AND result = 'success'";
            assert_eq!(app.count(left).await, round);
        }
    });
}

// AD-8
#[test]
fn the_last_owner_stays_by_a_program_too() {
    let stage = Stage::default().set("ADMIN_EMAILS", "ordinary@example.com,linked@example.com");
    stage.everywhere(async |app| {
        let (first, _) = taken(app, "ordinary").await;
        let answer = by_kakao(app, &first, "ordinary").await;
        assert_eq!(refused(&answer, 409), "last_owner");
        assert_eq!(me(app, &first).await.status, 200);
        assert!(app.emulator.world().is_linked("ordinary"));
        let (second, _) = taken(app, "linked").await;
        let leaving = [(&first, "ordinary"), (&second, "linked")];
        let leaving = leaving.map(|(access, person)| by_kakao(app, access, person));
        let mut statuses: Vec<u16> = join_all(leaving)
            .await
            .iter()
            .map(|page| page.status)
            .collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [204, 409]);
        let owners = "members WHERE role = 'owner' AND standing = 'active'";
        assert_eq!(app.count(owners).await, 1);
    });
}

// RL-2, TK-7
#[test]
fn kakao_in_trouble_proves_nobody_and_keeps_nobody() {
    let stage = Stage::default().set("KAKAO_TIMEOUT_MS", "300");
    stage.everywhere(async |app| {
        let (access, refresh_token) = taken(app, "ordinary").await;
        for endpoint in [Endpoint::AccessTokenInfo, Endpoint::Me] {
            for fault in [Fault::Silence, Fault::Cut, Fault::Status(503)] {
                app.emulator.fail(endpoint, fault, Times::Always);
                let answer = by_kakao(app, &access, "ordinary").await;
                assert_eq!(refused(&answer, 503), "kakao_unavailable");
                assert!(!answer.header("retry-after").is_empty());
                app.emulator.heal();
            }
        }
        assert_eq!(me(app, &access).await.status, 200);
        assert_eq!(app.count("outbox").await, 0);
        app.emulator
            .fail(Endpoint::Unlink, Fault::Status(503), Times::Always);
        let left = by_kakao(app, &access, "ordinary").await;
        assert_eq!(left.status, 204, "{}", left.body);
        gone(app, &access, &refresh_token).await;
        assert!(app.emulator.world().is_linked("ordinary"));
        app.emulator.heal();
        app.clock.advance(Duration::minutes(2));
        app.gate().pay_debts().await.unwrap();
        eventually("Kakao has ended it", async || {
            !app.emulator.world().is_linked("ordinary")
        })
        .await;
    });
}

// TK-7
#[test]
fn without_an_admin_key_the_token_that_proves_it_ends_the_connection() {
    Stage::default()
        .set("KAKAO_ADMIN_KEY", "")
        .everywhere(async |app| {
            let (access, _) = taken(app, "ordinary").await;
            let left = by_kakao(app, &access, "ordinary").await;
            assert_eq!(left.status, 204, "{}", left.body);
            eventually("Kakao has ended it", async || {
                !app.emulator.world().is_linked("ordinary")
            })
            .await;
            assert_eq!(app.count("outbox WHERE sealed_token <> ''").await, 0);
        });
}
