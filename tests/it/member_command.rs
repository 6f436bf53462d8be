//! `kakao-gate member …`, beside a service that runs.

use serde_json::Value;

use crate::stage::program::Outcome;
use crate::stage::{Backends, Program, Service, Visitor};

/// The command, run with the settings of the service.
fn member(service: &Service, arguments: &[&str]) -> Outcome {
    let mut all = vec!["member"];
    all.extend(arguments);
    service.program.run(&all)
}

/// The same, which must work and answer in JSON.
fn json(service: &Service, arguments: &[&str]) -> Value {
    let outcome = member(service, &[arguments, &["--json"]].concat());
    assert_eq!(outcome.code, Some(0), "{arguments:?}: {}", outcome.err);
    assert_eq!(outcome.err, "", "{arguments:?}");
    serde_json::from_str(&outcome.out).unwrap()
}

/// Refused with exit code 1, and with these words.
fn refused(service: &Service, arguments: &[&str], words: &str) {
    let outcome = member(service, arguments);
    assert_eq!(outcome.code, Some(1), "{arguments:?}: {}", outcome.out);
    assert_eq!(outcome.out, "", "{arguments:?}");
    assert!(
        outcome.err.contains(words),
        "{arguments:?}: {}",
        outcome.err
    );
}

async fn signed_in(service: &Service, person: &str) -> Visitor {
    let visitor = service.visitor();
    let callback = visitor.to_callback(&service.emulator, person, "/me").await;
    assert_eq!(visitor.get(&callback).await.location(), "/me");
    visitor
}

fn everywhere(story: impl AsyncFn(&Service)) {
    for backends in Backends::available() {
        println!("on {backends}");
        actix_web::rt::System::new().block_on(async {
            let service = Service::start(backends, &[("USER", "haneul")]).await;
            story(&service).await;
        });
    }
}

fn told(service: &Service, condition: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) AS number FROM audit_events WHERE {condition}");
    service.backends().database.number(&sql)
}

// AD-1, AD-4
#[test]
fn the_first_owner_is_made_here_and_the_last_one_stays() {
    everywhere(async |service| {
        let visitor = signed_in(service, "ordinary").await;
        signed_in(service, "linked").await;
        let owners = json(service, &["list", "--role", "owner"]);
        assert_eq!(owners, Value::Array(Vec::new()));
        let made = member(service, &["role", "1", "owner"]);
        assert_eq!((made.code, made.err.as_str()), (Some(0), ""));
        assert_eq!(made.out, "member 1 is now owner\n");
        let id = json(service, &["show", "1"])["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let page = visitor.get(&format!("/admin/members/{id}")).await;
        assert_eq!(page.status, 200, "on the next request");
        let entry = "action = 'member.role' AND actor IS NULL AND ip = 'cli' \
                     AND reason = 'from the command line' \
                     AND detail = 'member → owner, by haneul'";
        assert_eq!(told(service, entry), 1);

        refused(service, &["role", "1", "admin"], "at least one owner");
        refused(service, &["role", &id, "member"], "at least one owner");
        let suspend = ["suspend", "1", "--reason", "for a story"];
        refused(service, &suspend, "at least one owner");
        refused(service, &["role", "1", "owner"], "it is so already");
        let refusals = "result = 'refused' AND reason = 'last_owner' AND ip = 'cli'";
        assert_eq!(told(service, refusals), 3);
        assert_eq!(member(service, &["role", "2", "owner"]).code, Some(0));
        assert_eq!(member(service, &["role", "1", "admin"]).code, Some(0));
        assert_eq!(
            json(service, &["list", "--role", "owner,admin"])
                .as_array()
                .unwrap()
                .len(),
            2
        );
    });
}

// AD-5
#[test]
fn members_are_suspended_restored_and_logged_out_while_the_service_runs() {
    everywhere(async |service| {
        let visitor = signed_in(service, "ordinary").await;
        let done = json(service, &["logout", "1"]);
        assert_eq!(done["done"], "member.kick");
        assert_eq!(done["sessions_ended"], 1);
        assert_eq!(visitor.get("/me").await.status, 303);
        let world = service.emulator.world();
        let kakao_id = world.user_id("ordinary").unwrap();
        crate::stage::eventually("the service pays", async || {
            world.live_access_tokens(kakao_id).is_empty()
        })
        .await;
        let visitor = signed_in(service, "ordinary").await;
        let reason = "도배를 그만두지 않음";
        let until = ["--until", "2099-12-31"];
        let suspend = [&["suspend", "1", "--reason", reason][..], &until].concat();
        let said = member(service, &suspend);
        assert_eq!(said.code, Some(0), "{}", said.err);
        assert!(
            said.out
                .starts_with("member 1 is suspended until 2099-12-31T14:59:59Z\n")
        );
        assert_eq!(visitor.get("/me").await.status, 303);
        let shown = json(service, &["show", "1"]);
        assert_eq!(shown["status"], "suspended");
        assert_eq!(shown["suspended_until"], "2099-12-31T14:59:59Z");
        assert_eq!(shown["suspended_because"], reason);
        refused(service, &suspend, "already");
        let restored = member(service, &["restore", "1", "--reason", "다시 생각해 봄"]);
        assert_eq!(restored.out, "member 1 is not suspended any more\n");
        refused(service, &["restore", "1"], "already");
        signed_in(service, "ordinary").await;
        let past = ["suspend", "1", "--reason", reason, "--until", "2020-01-01"];
        refused(service, &past, "--until: not a day from today on");
        refused(service, &["logout", "99"], "there is no member 99");
        let nobody = "01900000-0000-7000-8000-000000000000";
        refused(service, &["show", nobody], nobody);
        refused(service, &["role", nobody, "viewer"], nobody);
    });
}

// AD-3, AD-4
#[test]
fn members_are_masked_unless_there_is_a_reason() {
    everywhere(async |service| {
        for person in ["ordinary", "linked", "minimal"] {
            signed_in(service, person).await;
        }
        let secrets = ["김하늘", "ordinary@example.com", "2900000001"];
        for arguments in [
            &["list"][..],
            &["list", "--json"],
            &["list", "--name", "하늘"],
            &[
                "list",
                "--email",
                "ORDINARY@example.com",
                "--status",
                "active",
            ],
            &["show", "1"],
            &["show", "1", "--json"],
        ] {
            let shown = member(service, arguments);
            assert_eq!(shown.code, Some(0), "{}", shown.err);
            for secret in secrets {
                assert!(!shown.out.contains(secret), "{arguments:?}: {}", shown.out);
            }
            assert!(shown.out.contains("김*늘"), "{arguments:?}: {}", shown.out);
        }
        assert_eq!(
            told(
                service,
                "action = 'member.list' AND detail LIKE '%, by haneul'"
            ),
            4
        );
        assert_eq!(
            told(service, "detail LIKE '%하늘%' OR detail LIKE '%@%'"),
            0
        );
        assert_eq!(
            told(service, "action = 'member.view' AND subject IS NOT NULL"),
            2
        );
        assert_eq!(told(service, "action = 'member.reveal'"), 0);

        let full = ["show", "1", "--in-full", "--reason", "본인이 전화로 요청"];
        let shown = member(service, &full);
        for secret in secrets {
            assert!(shown.out.contains(secret), "{secret} in {}", shown.out);
        }
        let list = ["list", "--in-full", "--reason", "본인이 전화로 요청"];
        let all = json(service, &list);
        assert_eq!(all.as_array().unwrap().len(), 3);
        assert_eq!(all[2]["name"], "김하늘", "the newest first");
        assert_eq!(all[0]["name"], Value::Null);
        let entries = "action = 'member.reveal' AND reason = '본인이 전화로 요청' \
                       AND subject IS NOT NULL AND ip = 'cli'";
        assert_eq!(told(service, entries), 4, "one a member");
        refused(
            service,
            &[&list[..], &["--limit", "101"]].concat(),
            "at most 100",
        );

        // What cannot be written down is not shown.
        let database = &service.backends().database;
        database.execute("ALTER TABLE audit_events RENAME TO away");
        for arguments in [
            &["list"][..],
            &["show", "1"],
            &full,
            &list,
            &["logout", "1"],
        ] {
            let shown = member(service, arguments);
            assert_eq!(
                (shown.code, shown.out.as_str()),
                (Some(1), ""),
                "{arguments:?}"
            );
        }
        database.execute("ALTER TABLE away RENAME TO audit_events");
    });
}

#[test]
fn what_is_typed_wrong_is_told_with_exit_code_2() {
    let program = Program::gate_with_settings();
    for (arguments, words) in [
        (&["member"][..], "Usage"),
        (&["member", "show"], "<MEMBER>"),
        (
            &["member", "show", "x"],
            "neither a member number nor an id",
        ),
        (
            &["member", "show", "0"],
            "neither a member number nor an id",
        ),
        (
            &["member", "role", "1", "king"],
            "one of member, viewer, admin, owner",
        ),
        (&["member", "suspend", "1"], "--reason"),
        (
            &["member", "suspend", "1", "--reason", "왜"],
            "at least 5 characters",
        ),
        (&["member", "list", "--limit", "0"], "1..=1000"),
        (&["member", "list", "--limit", "1000000000"], "1..=1000"),
        (&["member", "list", "--status", "dead"], "one of active"),
        (&["member", "list", "--in-full"], "--reason"),
        (&["member", "list", "--reason", "for a story"], "--in-full"),
        (&["member", "vanish", "1"], "vanish"),
    ] {
        let outcome = program.run(arguments);
        assert_eq!(outcome.code, Some(2), "{arguments:?}: {}", outcome.err);
        assert_eq!(outcome.out, "", "{arguments:?}");
        assert!(
            outcome.err.contains(words),
            "{arguments:?}: {}",
            outcome.err
        );
    }
}

#[test]
fn a_database_that_is_not_there_is_not_made_and_an_old_one_is_left_alone() {
    let program = Program::gate_with_settings();
    let outcome = program.run(&["member", "list"]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.err.contains("kakao-gate migrate"),
        "{}",
        outcome.err
    );
    let made = std::fs::read_dir(program.folder.path()).unwrap().count();
    assert_eq!(made, 0);
    for backends in Backends::available() {
        let url = backends.database.url();
        let program = Program::gate_with_settings().set("DATABASE_URL", &url);
        assert_eq!(program.run(&["migrate"]).code, Some(0));
        assert_eq!(program.run(&["member", "list"]).out, "no members\n");
        let database = &backends.database;
        database.execute("DELETE FROM __diesel_schema_migrations WHERE version = '20261121100000'");
        let old = program.run(&["member", "list"]);
        assert_eq!((old.code, old.out.as_str()), (Some(1), ""));
        assert!(old.err.contains("kakao-gate migrate"), "{}", old.err);
        database.execute(
            "INSERT INTO __diesel_schema_migrations (version) \
             VALUES ('20261121100000'), ('29990101000000')",
        );
        let newer = program.run(&["member", "list"]);
        assert_eq!(newer.code, Some(1));
        assert!(
            newer.err.contains("newer than this version"),
            "{}",
            newer.err
        );
    }
}
