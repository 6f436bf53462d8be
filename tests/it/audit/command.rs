//! `kakao-gate audit verify`.

use super::{SOME, append, head};
use crate::stage::{Program, TestApp, everywhere};

/// The program with the settings of the running service.
fn program(app: &TestApp) -> Program {
    let gate = Program::gate_with_settings()
        .set("SECRET_KEY", app.setting("SECRET_KEY"))
        .set("PUBLIC_URL", &app.url);
    gate.set("DATABASE_URL", &app.backends().database.url())
}

// AD-4
#[test]
fn the_command_says_whether_the_log_is_intact_and_exits_accordingly() {
    everywhere(async |app| {
        let gate = app.gate();
        append(&gate, SOME).await;
        let (program, head) = (program(app), head(&gate).await);
        let plain = program.run(&["audit", "verify"]);
        assert_eq!(plain.code, Some(0), "{}", plain.err);
        assert_eq!(
            plain.out,
            format!("intact: 12 entries, the newest is {head}\n")
        );
        assert_eq!(plain.err, "", "quiet in a pipe");
        let expect = head.to_string();
        let json = program.run(&["audit", "verify", "--json", "--expect", &expect]);
        assert_eq!(json.code, Some(0), "{}", json.err);
        let said: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!(said["intact"], true);
        assert_eq!(said["head"], expect.as_str());

        let nonsense = program.run(&["audit", "verify", "--expect", "12:abc"]);
        assert_eq!(nonsense.code, Some(2), "{}", nonsense.err);
        let other = format!("12:{}", "0".repeat(64));
        let other = program.run(&["audit", "verify", "--expect", &other]);
        assert_eq!(other.code, Some(1));
        assert!(other.err.contains("entry 12"), "{}", other.err);

        app.backends()
            .database
            .execute("UPDATE audit_events SET reason = 'x' WHERE place = 7");
        let broken = program.run(&["audit", "verify"]);
        assert_eq!((broken.code, broken.out.as_str()), (Some(1), ""));
        assert!(broken.err.contains("entry 7"), "{}", broken.err);
        let json = program.run(&["audit", "verify", "--json"]);
        assert_eq!(json.code, Some(1));
        let said: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        assert_eq!(
            (&said["place"], &said["flaw"]),
            (&7.into(), &"changed".into())
        );
    });
}

// CF-4
#[test]
fn the_command_makes_no_database_where_there_is_none() {
    let program = Program::gate_with_settings().set("DATABASE_URL", "sqlite://nowhere.db");
    let outcome = program.run(&["audit", "verify"]);
    assert_eq!(outcome.code, Some(1));
    assert!(!outcome.err.is_empty());
}
