//! How long the log is kept, and what a change of the key does to it. The service is down while
//! its log is purged by hand: its own purge would come in between.

use time::Duration;

use kakao_gate::store::audit::{Flaw, Verdict, Walk};

use super::{SOME, append, head, verify};
use crate::stage::{Stage, everywhere, secret_key};

const YEAR: Duration = Duration::days(366);

fn a_year() -> Stage {
    Stage::default().set("AUDIT_RETENTION_DAYS", "365")
}

// AD-4
#[test]
fn entries_go_when_they_have_been_kept_for_long_enough_and_the_chain_stays_whole() {
    a_year().everywhere(async |app| {
        let gate = app.gate();
        app.go_down().await;
        append(&gate, SOME).await;
        gate.purge_audit_log().await.unwrap();
        assert_eq!(head(&gate).await.place, SOME, "nothing is a year old");
        app.clock.advance(YEAR);
        append(&gate, 3).await;
        gate.purge_audit_log().await.unwrap();
        let told = app
            .values("SELECT detail AS value FROM audit_events WHERE action = 'audit.purge'")
            .await;
        assert_eq!(told, ["1 → 12"]);
        assert_eq!(app.count("audit_events").await, 4);
        let Verdict::Intact { entries, head } = verify(&gate, None).await else {
            panic!("not intact after a purge");
        };
        assert_eq!((entries, head.place), (4, SOME + 4));
        gate.purge_audit_log().await.unwrap();
        assert_eq!(app.count("audit_events").await, 4, "once is enough");

        // What is left of the base still binds what follows.
        let database = &app.backends().database;
        database.execute("DELETE FROM audit_events WHERE place = 13");
        let gone = Verdict::Broken {
            place: 13,
            flaw: Flaw::Removed,
        };
        assert_eq!(verify(&gate, None).await, gone);
    });
}

// AD-4
#[test]
fn an_entry_that_was_purged_can_no_longer_be_expected() {
    a_year().everywhere(async |app| {
        let gate = app.gate();
        app.go_down().await;
        append(&gate, SOME).await;
        let base = head(&gate).await;
        let early = kakao_gate::store::audit::Head {
            place: 1,
            digest: "a".repeat(64),
        };
        app.clock.advance(YEAR);
        append(&gate, 1).await;
        gate.purge_audit_log().await.unwrap();
        assert!(matches!(
            verify(&gate, Some(base)).await,
            Verdict::Intact { .. }
        ));
        let purged = Verdict::Broken {
            place: 1,
            flaw: Flaw::Purged,
        };
        assert_eq!(verify(&gate, Some(early)).await, purged);
    });
}

// AD-4
#[test]
fn nothing_is_purged_that_proves_what_was_done() {
    a_year().everywhere(async |app| {
        let gate = app.gate();
        app.go_down().await;
        let database = &app.backends().database;
        append(&gate, SOME).await;
        app.clock.advance(YEAR);
        append(&gate, 1).await;
        for sql in [
            "UPDATE audit_events SET reason = 'other' WHERE place = 5",
            "DELETE FROM audit_events WHERE place = 5",
            "UPDATE audit_chain SET voucher = ''",
        ] {
            database.execute(sql);
            gate.purge_audit_log().await.unwrap();
            assert_eq!(app.count("audit_events WHERE place = 1").await, 1, "{sql}");
            assert_eq!(
                app.count("audit_events WHERE action = 'audit.purge'").await,
                0
            );
        }
    });
}

// AD-4, RL-3
#[test]
fn a_walk_goes_on_while_entries_come_and_go() {
    a_year().everywhere(async |app| {
        let gate = app.gate();
        app.go_down().await;
        super::append_many(&gate, 6).await;
        app.clock.advance(YEAR);
        append(&gate, 20).await;
        let mut walk = Walk::new(None);
        let mut steps = 0;
        let verdict = loop {
            let vault = gate.vault.clone();
            let (found, walked) = gate
                .store
                .read(move |connection| Ok((walk.step(connection, &vault)?, walk)))
                .await
                .unwrap();
            walk = walked;
            steps += 1;
            if let Some(verdict) = found {
                break verdict;
            }
            if steps == 2 {
                assert_eq!(walk.progress(), (1_000, 1_520));
                gate.purge_audit_log().await.unwrap();
                append(&gate, 20).await;
            }
        };
        assert!(matches!(verdict, Verdict::Intact { .. }), "{verdict:?}");
        assert!(steps >= 3);
        let database = &app.backends().database;
        let left = "SELECT COUNT(*) AS number FROM audit_events WHERE place <= 1500";
        assert_eq!(database.number(left), 0);
    });
}

// TK-2, AD-4
#[test]
fn a_key_can_be_changed_without_breaking_the_chain_and_a_lost_one_shows() {
    everywhere(async |app| {
        append(&app.gate(), SOME).await;
        let (old, new) = (app.setting("SECRET_KEY").to_owned(), secret_key());
        app.restart(&[("SECRET_KEY", &new), ("SECRET_KEY_OLD", &old)])
            .await;
        assert_eq!(head(&app.gate()).await.place, SOME);
        // No entry has come since: the start alone has vouched anew.
        app.restart(&[("SECRET_KEY_OLD", "")]).await;
        assert_eq!(head(&app.gate()).await.place, SOME);
        append(&app.gate(), 1).await;
        assert_eq!(head(&app.gate()).await.place, SOME + 1);
        app.restart(&[("SECRET_KEY", &secret_key())]).await;
        let unvouched = Verdict::Broken {
            place: SOME + 1,
            flaw: Flaw::Unvouched,
        };
        assert_eq!(verify(&app.gate(), None).await, unvouched);
        append(&app.gate(), 1).await;
        assert!(matches!(
            verify(&app.gate(), None).await,
            Verdict::Broken { .. }
        ));
    });
}
