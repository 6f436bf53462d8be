//! The audit log: what is in it, who sees it, and what happens when somebody touches it.

mod command;
mod keeping;
mod pages;
mod sign_ins;

use kakao_gate::flow::Gate;
use kakao_gate::member::Role;
use kakao_gate::store::audit::{self, Event, Flaw, Head, Outcome, Verdict};
use kakao_gate::vault::{MasterKey, Vault};

use crate::stage::{TestApp, Visitor, everywhere, secret_key};

/// How many entries the stories about touching them begin with.
const SOME: i64 = 12;

/// An entry that means nothing.
pub fn event(gate: &Gate, reason: &str) -> Event {
    let now = gate.clock.now();
    Event {
        id: gate.random.id(now).unwrap(),
        at: now,
        actor: None,
        subject: None,
        ip: "203.0.113.7".to_owned(),
        action: "member.view",
        result: Outcome::Success,
        reason: Some(reason.to_owned()),
        detail: Some("one → other".to_owned()),
        request_id: "r".to_owned(),
    }
}

/// Appends entries, each in a transaction of its own.
pub async fn append(gate: &Gate, count: i64) {
    for number in 0..count {
        try_append(gate, &format!("no. {number}")).await.unwrap();
    }
}

/// Appends many entries of one kind.
pub async fn append_many(gate: &Gate, batches: usize) {
    for _ in 0..batches {
        let events: Vec<Event> = (0..250).map(|_| event(gate, "one of many")).collect();
        let vault = gate.vault.clone();
        gate.store
            .write(move |connection| audit::append(connection, &vault, &events))
            .await
            .unwrap();
    }
}

async fn try_append(gate: &Gate, reason: &str) -> Result<(), kakao_gate::store::Error> {
    let (vault, event) = (gate.vault.clone(), event(gate, reason));
    gate.store
        .write(move |connection| audit::append(connection, &vault, &[event]))
        .await
}

pub async fn verify(gate: &Gate, expected: Option<Head>) -> Verdict {
    gate.verify_audit_log(expected, |_, _| {}).await.unwrap()
}

/// The newest entry of a log that must be intact.
pub async fn head(gate: &Gate) -> Head {
    match verify(gate, None).await {
        Verdict::Intact { head, .. } => head,
        broken @ Verdict::Broken { .. } => panic!("{broken:?}"),
    }
}

/// Somebody of the administration, with a browser.
pub async fn staff(app: &TestApp, person: &str, role: Role) -> Visitor {
    let visitor = app.visitor();
    visitor.log_in_as(app, person).await;
    let id = app.emulator.world().user_id(person).unwrap();
    let role = role.code();
    app.backends().database.execute(&format!(
        "UPDATE members SET role = '{role}' WHERE id = \
         (SELECT member_id FROM kakao_accounts WHERE kakao_id = {id})"
    ));
    visitor
}

const KEEP: &str = "CREATE TABLE kept_events AS SELECT * FROM audit_events;
    CREATE TABLE kept_chain AS SELECT * FROM audit_chain;";
const PUT_BACK: &str = "DELETE FROM audit_events;
    INSERT INTO audit_events SELECT * FROM kept_events;
    DELETE FROM audit_chain;
    INSERT INTO audit_chain SELECT * FROM kept_chain;";
const NEW_ROW: &str = "INSERT INTO audit_events
        (id, at, actor, subject, ip, action, result, reason, request_id, place, detail, digest)
    SELECT 'forged', at, actor, subject, ip, action, result, reason, request_id, PLACE, detail, digest
      FROM audit_events WHERE place = 5";

// AD-4
#[test]
fn whatever_is_done_to_the_log_shows_and_where() {
    let columns = [
        "id = 'other'",
        "at = '2026-01-02 03:04:05.000006'",
        "actor = 'somebody'",
        "subject = 'somebody'",
        "ip = '::1'",
        "action = 'logout'",
        "result = 'failed'",
        "reason = NULL",
        "reason = ''",
        "detail = 'one → another'",
        "request_id = 'q'",
        "digest = 'a'",
        "digest = NULL",
    ];
    let changed = columns.map(|set| {
        let sql = format!("UPDATE audit_events SET {set} WHERE place = 5");
        (sql, Flaw::Changed, 5)
    });
    let done: Vec<(String, Flaw, i64)> = [
        ("DELETE FROM audit_events WHERE place = 5", Flaw::Removed, 5),
        ("DELETE FROM audit_events WHERE place = 1", Flaw::Removed, 1),
        (
            "DELETE FROM audit_events WHERE place = 12",
            Flaw::Removed,
            12,
        ),
        ("DELETE FROM audit_events", Flaw::Removed, 1),
        (
            "UPDATE audit_events SET place = 0 WHERE place = 5;
             UPDATE audit_events SET place = 5 WHERE place = 6;
             UPDATE audit_events SET place = 6 WHERE place = 0",
            Flaw::Changed,
            5,
        ),
        (
            "DELETE FROM audit_events WHERE place = 5;
             UPDATE audit_events SET place = -place WHERE place > 5;
             UPDATE audit_events SET place = -place - 1 WHERE place < 0",
            Flaw::Changed,
            5,
        ),
        (
            "DELETE FROM audit_events WHERE place > 10;
             UPDATE audit_chain SET head_place = 10,
                 head_digest = (SELECT digest FROM audit_events WHERE place = 10)",
            Flaw::Unvouched,
            10,
        ),
        (
            "UPDATE audit_chain SET base_place = 4,
                 base_digest = (SELECT digest FROM audit_events WHERE place = 4);
             DELETE FROM audit_events WHERE place < 5",
            Flaw::Unvouched,
            12,
        ),
        ("DELETE FROM audit_chain", Flaw::Unvouched, 12),
        (
            "DELETE FROM audit_chain; DELETE FROM audit_events",
            Flaw::Unvouched,
            0,
        ),
        ("UPDATE audit_chain SET voucher = ''", Flaw::Unvouched, 12),
    ]
    .into_iter()
    .map(|(sql, flaw, place)| (sql.to_owned(), flaw, place))
    .chain(
        [("13", 13), ("0", 0), ("NULL", 0)]
            .map(|(place, told)| (NEW_ROW.replace("PLACE", place), Flaw::Inserted, told)),
    )
    .chain(changed)
    .collect();
    everywhere(async |app| {
        let (gate, database) = (app.gate(), &app.backends().database);
        append(&gate, SOME).await;
        assert_eq!(head(&gate).await.place, SOME);
        database.execute(KEEP);
        for (sql, flaw, place) in &done {
            database.execute(sql);
            let found = Verdict::Broken {
                place: *place,
                flaw: *flaw,
            };
            assert_eq!(verify(&gate, None).await, found, "{sql}");
            // Going on does not heal it, and does not vouch for what was done.
            // An entry in the place of the next stops whatever would have to be told there.
            let goes_on = *place <= SOME;
            assert_eq!(try_append(&gate, "later").await.is_ok(), goes_on, "{sql}");
            let later = verify(&gate, None).await;
            let Verdict::Broken { flaw: told, .. } = later else {
                panic!("healed by going on: {sql}");
            };
            assert_eq!(told, *flaw, "{sql}");
            database.execute(PUT_BACK);
            assert_eq!(head(&gate).await.place, SOME, "{sql}");
        }
    });
}

// AD-4
#[test]
fn who_has_the_database_and_the_program_but_not_the_key_cannot_chain_anew() {
    everywhere(async |app| {
        let gate = app.gate();
        append(&gate, SOME).await;
        let keys = [MasterKey::from_base64(&secret_key()).unwrap()];
        let foreign = Vault::new(&keys).unwrap();
        let forged = event(&gate, "forged");
        gate.store
            .write(move |connection| audit::append(connection, &foreign, &[forged]))
            .await
            .unwrap();
        let found = Verdict::Broken {
            place: SOME + 1,
            flaw: Flaw::Unvouched,
        };
        assert_eq!(verify(&gate, None).await, found);
    });
}

// AD-4
#[test]
fn an_older_state_of_the_whole_log_is_told_by_an_entry_that_it_lacks() {
    everywhere(async |app| {
        let (gate, database) = (app.gate(), &app.backends().database);
        append(&gate, SOME).await;
        gate.watch_audit_log().await.unwrap();
        let early = head(&gate).await;
        database.execute(KEEP);
        append(&gate, 3).await;
        let late = head(&gate).await;
        for expected in [&early, &late] {
            let verdict = verify(&gate, Some(expected.clone())).await;
            assert!(matches!(verdict, Verdict::Intact { entries: 15, .. }));
        }
        gate.watch_audit_log().await.unwrap();

        database.execute(PUT_BACK);
        assert_eq!(head(&gate).await, early, "in itself it is intact");
        let missing = Verdict::Broken {
            place: SOME,
            flaw: Flaw::NotExpected,
        };
        assert_eq!(verify(&gate, Some(late.clone())).await, missing);
        // The running service remembers by itself.
        gate.watch_audit_log().await.unwrap();
        assert_eq!(gate.watch.checked().unwrap().verdict, missing);

        // Another entry in the same place is another history.
        append(&gate, 3).await;
        let other = Verdict::Broken {
            place: late.place,
            flaw: Flaw::NotExpected,
        };
        assert_eq!(verify(&gate, Some(late)).await, other);
        let never = Head {
            place: 0,
            digest: String::new(),
        };
        let verdict = verify(&gate, Some(never)).await;
        assert!(matches!(verdict, Verdict::Intact { .. }), "{verdict:?}");
    });
}

// AD-4
#[test]
fn instances_that_append_at_once_make_one_chain() {
    everywhere(async |app| {
        let (second, third) = (app.another().await, app.another().await);
        let gates = [app.gate(), second.gate.clone(), third.gate.clone()];
        let mut writing = Vec::new();
        for turn in 0..8 {
            for (number, gate) in gates.iter().enumerate() {
                let gate = gate.clone();
                writing.push(tokio::spawn(async move {
                    let reason = format!("{turn} {number}");
                    // Nobody sees to it that each instance has its turn at SQLite's writer lock.
                    let mut tries = 0;
                    while let Err(error) = try_append(&gate, &reason).await {
                        tries += 1;
                        assert!(tries < 20 && error.is_unavailable(), "{reason}: {error}");
                    }
                }));
            }
        }
        for written in writing {
            written.await.unwrap();
        }
        // An entry whose commit was not answered in time may be there twice, and is in the chain.
        let verdict = verify(&gates[1], None).await;
        assert!(matches!(verdict, Verdict::Intact { .. }), "{verdict:?}");
        let told = "(SELECT DISTINCT reason FROM audit_events) AS told";
        assert_eq!(app.count(told).await, 24);
        second.stop().await;
        third.stop().await;
    });
}

// AD-4
#[test]
fn the_first_entries_of_instances_that_start_together_make_one_chain() {
    everywhere(async |app| {
        // Whoever removes the ends before the first entry gains nothing: they are not made anew.
        let gate = app.gate();
        assert_eq!(head(&gate).await.place, 0);
        app.backends().database.execute("DELETE FROM audit_chain");
        let second = app.another().await;
        let broken = |verdict| {
            matches!(
                verdict,
                Verdict::Broken {
                    flaw: Flaw::Unvouched,
                    ..
                }
            )
        };
        assert!(broken(verify(&second.gate, None).await));
        append(&second.gate, 1).await;
        assert!(broken(verify(&gate, None).await));
        second.stop().await;
    });
}
