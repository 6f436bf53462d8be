//! Webhooks as the emulator sends them: written by others, from the same documents.

use kakao_gate::emulator::{Delivery, UnlinkMethod};

use super::{effects, looked_at, settled};
use crate::stage::everywhere;

fn taken(delivery: &Delivery, status: u16) {
    assert_eq!(delivery.status, Some(status), "{delivery:?}");
    assert_eq!(delivery.answer, "", "{delivery:?}");
}

// WH-1, WH-3
#[test]
fn a_person_who_disconnects_at_kakao_is_signed_out_here() {
    everywhere(async |app| {
        for method in [UnlinkMethod::Get, UnlinkMethod::Form, UnlinkMethod::Json] {
            let world = app.emulator.world();
            world.edit_app(|console| console.unlink_webhook_method = method);
            let (member, _) = app.signed_in("ordinary").await;
            let sent = app.emulator.disconnect("ordinary", "UNLINK_FROM_APPS");
            taken(&sent.await.unwrap(), 200);
            looked_at(app).await;
            assert!(!member.is_in().await, "{method:?}");
            settled(app).await;
        }
    });
}

// WH-5, WH-8
#[test]
fn every_event_that_kakao_has_is_taken_and_none_harms_who_is_connected() {
    everywhere(async |app| {
        let (_, id) = app.signed_in("ordinary").await;
        let kakao_id = app.emulator.world().user_id("ordinary").unwrap();
        let events = [
            "user-linked",
            "user-unlinked",
            "user-scope-consent",
            "user-scope-withdraw",
            "tokens-revoked",
            "token-issued",
            "token-revoked",
            "account-credential-change-required",
            "account-purged",
            "account-disabled",
            "account-enabled",
            "credential-compromise",
            "identifier-changed",
            "identifier-recycled",
            "sessions-revoked",
            "assurance-level-change",
            "credential-change",
            "user-profile-changed",
        ];
        for event in events {
            let set = app.emulator.security_event(kakao_id, event).unwrap();
            taken(&app.emulator.send_set(set).await.unwrap().unwrap(), 202);
        }
        settled(app).await;
        let effects = effects(app).await;
        assert_eq!(effects.len(), events.len());
        let count = |wanted: &str| effects.iter().filter(|effect| *effect == wanted).count();
        assert_eq!(
            (count("ended"), count("linked"), count("noted")),
            (5, 2, 11)
        );
        assert_eq!(app.of_member("standing", id).await, "active");
        assert_eq!(
            app.count("kakao_accounts WHERE unlinked_at IS NOT NULL")
                .await,
            0
        );
    });
}
