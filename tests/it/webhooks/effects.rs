//! What each event does, and to whom.

use kakao_gate::emulator::Endpoint;
use serde_json::json;

use super::{OAUTH, RISC, Unlink, Way, claims, effects, live_sessions, settled, told};
use crate::stage::email::{PASSWORD, stage};
use crate::stage::{TestApp, Visitor, everywhere};

/// Somebody with a session by Kakao and one by password, both with what Kakao gave.
async fn with_both(app: &TestApp) -> (Visitor, Visitor, String) {
    let (by_kakao, id) = app.signed_in("ordinary").await;
    app.give_password(&id.to_string(), PASSWORD).await;
    let by_password = app.visitor();
    by_password.enter("ordinary@example.com", PASSWORD).await;
    (by_kakao, by_password, id.to_string())
}

async fn of_kakao(app: &TestApp, column: &str) -> String {
    let sql = format!("SELECT COALESCE(CAST({column} AS TEXT), '-') AS value FROM kakao_accounts");
    app.values(&sql).await.remove(0)
}

// WH-3
#[test]
fn an_unlink_ends_what_kakao_vouched_for_and_leaves_the_rest() {
    stage().everywhere(async |app| {
        let (by_kakao, by_password, id) = with_both(app).await;
        let (other, _) = app.signed_in("linked").await;
        app.emulator.world().unlink_from_kakao("ordinary");
        let answer = Unlink::of(app, "ordinary").send(&app.url, Way::Form).await;
        assert_eq!(answer.status, 200);
        settled(app).await;

        let out = by_kakao.get("/me").await;
        assert_eq!(out.location(), "/login?next=%2Fme&reason=kakao");
        let page = by_kakao.follow(&out).await;
        assert!(
            page.text(".note").contains("카카오"),
            "{}",
            page.text("main")
        );
        let me = by_password.get("/me").await;
        assert_eq!(me.status, 200);
        assert!(
            me.text(".note")
                .contains("카카오에서 연결이 해제되었습니다")
        );
        assert!(me.text("main").contains("연결 안 됨"));
        assert!(other.is_in().await);
        let theirs = format!("sessions WHERE member_id = '{id}' AND");
        assert_eq!(
            app.count(&format!("{theirs} kakao_refresh IS NOT NULL"))
                .await,
            0
        );
        assert_eq!(
            app.count(&format!("{theirs} kakao_access IS NOT NULL"))
                .await,
            0
        );
        let others = format!("sessions WHERE member_id <> '{id}' AND kakao_refresh IS NOT NULL");
        assert_eq!(app.count(&others).await, 1);
        let kept = app
            .values(&format!(
                "SELECT COALESCE(display_name, '-') || ' ' || COALESCE(picture, '-') || ' ' || \
                 standing || ' ' || COALESCE(email, '-') AS value FROM members WHERE id = '{id}'"
            ))
            .await;
        assert!(
            kept[0].contains(" - active ordinary@example.com"),
            "{kept:?}"
        );
        // What is gone at Kakao is not owed to it.
        assert_eq!(app.emulator.count(Endpoint::Logout), 0);

        // Whoever comes back with the same account is the same member, and connected.
        let again = app.visitor();
        again.log_in_as(app, "ordinary").await;
        assert_eq!(app.member_of("ordinary").await.to_string(), id);
        assert_eq!(
            app.count("kakao_accounts WHERE unlinked_at IS NOT NULL")
                .await,
            0
        );
        assert!(again.get("/me").await.text("main").contains("연결됨"));
    });
}

// WH-3
#[test]
fn both_webhooks_about_one_unlink_do_it_once() {
    everywhere(async |app| {
        let (_, id) = app.signed_in("ordinary").await;
        app.emulator.world().unlink_from_kakao("ordinary");
        told(app, claims(app, "ordinary", "user-unlinked")).await;
        Unlink::of(app, "ordinary").send(&app.url, Way::Get).await;
        settled(app).await;
        assert_eq!(effects(app).await, ["unlinked", "unlinked"]);
        let told = app.told_of(id, "kakao.webhook").await;
        let first = told.last().unwrap();
        assert_eq!(
            first,
            "- system success | UNLINK_FROM_APPS | user-unlinked: unlinked, sessions ended: 1"
        );
        assert_eq!(of_kakao(app, "scopes").await, "");
        assert_eq!(of_kakao(app, "picture").await, "-");
        assert_ne!(of_kakao(app, "unlinked_at").await, "-");
    });
}

// WH-3, SE-7
#[test]
fn events_that_end_sessions_end_those_made_by_kakao_and_revoke_their_tokens() {
    for event in [
        format!("{RISC}account-disabled"),
        format!("{RISC}sessions-revoked"),
        format!("{RISC}credential-compromise"),
        format!("{RISC}account-credential-change-required"),
    ] {
        stage().once(async |app| {
            let (by_kakao, by_password, id) = with_both(app).await;
            told(app, claims(app, "ordinary", &event)).await;
            settled(app).await;
            assert!(!by_kakao.is_in().await, "{event}");
            assert!(by_password.is_in().await, "{event}");
            crate::stage::eventually("revoked", async || app.live_kakao_tokens("ordinary") == 0)
                .await;
            let holding =
                format!("sessions WHERE member_id = '{id}' AND kakao_refresh IS NOT NULL");
            assert_eq!(app.count(&holding).await, 0, "{event}");
            assert_eq!(
                app.count("kakao_accounts WHERE unlinked_at IS NOT NULL")
                    .await,
                0
            );
        });
    }
}

// WH-3
#[test]
fn revoked_tokens_end_sessions_without_a_call_and_a_purged_account_is_an_unlink() {
    everywhere(async |app| {
        let (member, _) = app.signed_in("ordinary").await;
        told(app, claims(app, "ordinary", "tokens-revoked")).await;
        settled(app).await;
        assert!(!member.is_in().await);
        assert_eq!(app.emulator.count(Endpoint::Logout), 0);
        assert_eq!(app.emulator.count(Endpoint::Me), 1, "only for the login");

        let (member, _) = app.signed_in("linked").await;
        app.emulator.world().unlink_from_kakao("linked");
        told(app, claims(app, "linked", &format!("{RISC}account-purged"))).await;
        settled(app).await;
        assert!(!member.is_in().await);
        assert_eq!(effects(app).await, ["ended", "unlinked"]);
    });
}

// WH-8
#[test]
fn nothing_else_harms_anybody() {
    everywhere(async |app| {
        let (member, id) = app.signed_in("ordinary").await;
        let before = app.values("SELECT CAST(version AS TEXT) || standing AS value FROM members");
        let before = before.await;
        let caep = "https://schemas.openid.net/secevent/caep/event-type/";
        let kakao = "https://schemas.kakao.com/platevent/kakao/event-type/";
        let harmless = [
            format!("{OAUTH}user-linked"),
            format!("{OAUTH}user-scope-consent"),
            format!("{OAUTH}user-scope-withdraw"),
            format!("{OAUTH}token-issued"),
            format!("{OAUTH}token-revoked"),
            format!("{RISC}account-enabled"),
            format!("{RISC}identifier-changed"),
            format!("{RISC}identifier-recycled"),
            format!("{caep}assurance-level-change"),
            format!("{caep}credential-change"),
            format!("{kakao}user-profile-changed"),
            format!("{kakao}user-unlinked"),
            "https://evil.example/user-unlinked".to_owned(),
            format!("{OAUTH}something-new"),
        ];
        for event in &harmless {
            told(app, claims(app, "ordinary", event)).await;
        }
        let mut nobody = claims(app, "ordinary", "x:verification");
        nobody["sub"] = json!("stream");
        told(app, nobody).await;
        settled(app).await;
        assert!(member.is_in().await);
        assert_eq!(live_sessions(app).await, 1);
        assert_eq!(app.live_kakao_tokens("ordinary"), 1);
        let after = app.values("SELECT CAST(version AS TEXT) || standing AS value FROM members");
        assert_eq!(after.await, before);
        assert!(effects(app).await.iter().all(|effect| effect == "noted"));
        assert_eq!(effects(app).await.len(), harmless.len() + 1);
        // What a person's account went through is to be seen, what we did ourselves is not.
        assert_eq!(app.told_of(id, "kakao.webhook").await.len(), 9);
    });
}

// WH-3, AD-4
#[test]
fn an_admin_sees_what_kakao_told_and_what_came_of_it() {
    everywhere(async |app| {
        let (owner, _) = app.with_role("long-id", "owner").await;
        let (_, id) = app.signed_in("ordinary").await;
        app.emulator.world().unlink_from_kakao("ordinary");
        told(app, claims(app, "ordinary", "user-unlinked")).await;
        settled(app).await;
        let log = owner.get("/admin/audit").await.text("main");
        assert!(log.contains("카카오가 알린 변경"), "{log}");
        let page = owner
            .get(&format!("/admin/members/{id}"))
            .await
            .text("main");
        assert!(page.contains("연결 안 됨"), "{page}");
        let applied =
            "kakao_gate_webhook_events_total{event=\"user-unlinked\",effect=\"unlinked\"}";
        assert_eq!(app.counted(applied), 1);
    });
}

// WH-3, WH-8
#[test]
fn by_policy_who_has_no_other_way_in_is_erased_and_everybody_else_stays() {
    let stage = stage()
        .set("KAKAO_UNLINKED", "withdraw")
        .set("KAKAO_TIMEOUT_MS", "2000");
    stage.everywhere(async |app| {
        let (_, gone) = app.signed_in("linked").await;
        let (_, owner) = app.with_role("long-id", "owner").await;
        let (_, barred) = app.signed_in("minimal").await;
        let (_, by_password, both) = with_both(app).await;
        let bar = format!("UPDATE members SET standing = 'suspended' WHERE id = '{barred}'");
        app.backends().database.execute(&bar);
        for person in ["linked", "long-id", "minimal", "ordinary"] {
            app.emulator.world().unlink_from_kakao(person);
            told(app, claims(app, person, "user-unlinked")).await;
        }
        settled(app).await;
        assert_eq!(
            effects(app).await,
            ["withdrawn", "unlinked", "unlinked", "unlinked"]
        );
        assert_eq!(app.of_member("standing", gone).await, "withdrawn");
        let erased = app.told_of(gone, "kakao.webhook").await;
        assert!(
            erased[0].ends_with("no other way in, withdrawn"),
            "{erased:?}"
        );
        assert_eq!(app.of_member("standing", owner).await, "active");
        assert_eq!(app.of_member("standing", barred).await, "suspended");
        assert!(by_password.is_in().await, "{both}");
        assert_eq!(app.letters_to("linked@example.com").await.len(), 1);

        // Whoever comes again is somebody new.
        let (again, new) = app.signed_in("linked").await;
        assert!(new != gone && again.is_in().await);

        // Time alone erases nobody.
        app.clock.advance(time::Duration::seconds(20));
        told(app, claims(app, "linked", "user-unlinked")).await;
        let fault = kakao_gate::emulator::Fault::Status(503);
        let always = kakao_gate::emulator::Times::Always;
        app.emulator.fail(Endpoint::Me, fault, always);
        super::looked_at(app).await;
        app.clock.advance(time::Duration::hours(25));
        settled(app).await;
        assert_eq!(app.of_member("standing", new).await, "active");
    });
}

// WH-3
#[test]
fn a_connection_that_is_gone_can_be_made_again_with_another_account() {
    stage().once(async |app| {
        let (_, by_password, id) = with_both(app).await;
        app.emulator.world().unlink_from_kakao("ordinary");
        told(app, claims(app, "ordinary", "user-unlinked")).await;
        settled(app).await;
        let begun = by_password.get("/me/kakao/link").await;
        assert!(
            begun.location().contains("select_account"),
            "{}",
            begun.location()
        );
        let all = kakao_gate::emulator::Consent::All;
        let back = app.emulator.authorize(begun.location(), "linked", all);
        let back = back.strip_prefix(&app.url).unwrap();
        let linked = by_password.get(back).await;
        assert_eq!(linked.location(), "/me");
        assert_eq!(app.member_of("linked").await.to_string(), id);
        assert_eq!(app.count("kakao_accounts").await, 1);
        assert!(by_password.get("/me").await.text("main").contains("연결됨"));
    });
}
