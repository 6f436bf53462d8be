//! The schema's way forward and back, on both databases, empty and with rows in it.

use diesel::migration::MigrationSource;
use diesel::{Connection as _, PgConnection, SqliteConnection};
use diesel_migrations::{FileBasedMigrations, MigrationHarness};

use crate::stage::Backends;
use crate::stage::backends::Database;

const TABLES: [&str; 18] = [
    "signing_keys",
    "api_keys",
    "api_tokens",
    "members",
    "kakao_accounts",
    "sessions",
    "attempts",
    "outbox",
    "audit_events",
    "audit_chain",
    "saved_views",
    "admin_preferences",
    "member_tallies",
    "passwords",
    "consents",
    "mail_links",
    "throttles",
    "webhook_events",
];

const ROWS: &str = "
    INSERT INTO members (id, standing, created_at, last_login_at)
        VALUES ('m', 'active', '2026-01-02 03:04:05.000006', '2026-01-02 03:04:05');
    INSERT INTO kakao_accounts (app_id, kakao_id, member_id, email_valid, email_verified,
            scopes, linked_at, synced_at)
        VALUES (1, 1376016924426814086, 'm', TRUE, FALSE, '', '2026-01-02 03:04:05',
            '2026-01-02 03:04:05');
    INSERT INTO sessions (id, secret_hash, member_id, method, ip, user_agent, created_at,
            last_seen_at, idle_ends_at, ends_at)
        VALUES ('s', 'h', 'm', 'kakao', '::1', '', '2026-01-02 03:04:05', '2026-01-02 03:04:05',
            '2026-01-02 03:04:05', '2026-01-02 03:04:05');
    INSERT INTO attempts (state_hash, expires_at) VALUES ('a', '2026-01-02 03:04:05');
    INSERT INTO outbox (id, kind, member_id, sealed_token, tries, created_at, next_try_at,
            expires_at)
        VALUES ('o', 'logout', 'm', '', 0, '2026-01-02 03:04:05', '2026-01-02 03:04:05',
            '2026-01-02 03:04:05');
    INSERT INTO audit_events (id, at, ip, action, result, request_id)
        VALUES ('e', '2026-01-02 03:04:05', '::1', 'login.kakao', 'success', 'r');
";

/// Applies or takes back everything there is, and says how many migrations that were.
fn run(database: &Database, forward: bool) -> usize {
    let all = FileBasedMigrations::from_path(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"));
    let all = all.unwrap();
    match database {
        Database::Sqlite(_) => {
            let path = database.url().replace("sqlite://", "");
            go(
                &mut SqliteConnection::establish(&path).unwrap(),
                all,
                forward,
            )
        }
        Database::Postgres(_) => go(
            &mut PgConnection::establish(&database.url()).unwrap(),
            all,
            forward,
        ),
    }
}

fn go<DB: diesel::backend::Backend>(
    connection: &mut impl MigrationHarness<DB>,
    all: FileBasedMigrations,
    forward: bool,
) -> usize {
    if forward {
        connection.run_pending_migrations(all).unwrap().len()
    } else {
        connection.revert_all_migrations(all).unwrap().len()
    }
}

fn tables(database: &Database) -> Vec<String> {
    database.texts(match database {
        Database::Sqlite(_) => {
            "SELECT name AS text FROM sqlite_master WHERE type = 'table'
                AND name NOT LIKE '\\_\\_%' ESCAPE '\\' ORDER BY name"
        }
        Database::Postgres(_) => {
            "SELECT CAST(tablename AS TEXT) AS text FROM pg_tables
                WHERE schemaname = current_schema AND tablename NOT LIKE '\\_\\_%' ORDER BY 1"
        }
    })
}

// CF-4
#[test]
fn migrations_go_forward_back_and_forward_again_with_and_without_rows() {
    let mut expected = TABLES.map(str::to_owned);
    expected.sort_unstable();
    for backends in Backends::available() {
        let database = &backends.database;
        let count = run(database, true);
        assert!(count > 0);
        assert_eq!(tables(database), expected, "{backends}");
        database.execute(ROWS);
        assert_eq!(run(database, true), 0, "{backends}: nothing left to do");
        assert_eq!(
            database.number("SELECT count(*) AS number FROM sessions"),
            1
        );

        assert_eq!(
            run(database, false),
            count,
            "{backends}: with rows in every table"
        );
        assert_eq!(tables(database), [""; 0], "{backends}");
        assert_eq!(run(database, true), count, "{backends}");
        assert_eq!(tables(database), expected, "{backends}");
        for table in TABLES {
            let left = database.number(&format!("SELECT count(*) AS number FROM {table}"));
            assert_eq!(left, 0, "{backends} {table}");
        }
    }
}

// CF-4
#[test]
fn the_program_and_the_files_know_the_same_migrations() {
    for backends in Backends::available() {
        let config = kakao_gate::config::Environment::from_iter(
            crate::stage::Program::gate_with_settings()
                .settings
                .into_iter()
                .chain(backends.settings()),
        );
        let (config, _) = config.read().unwrap();
        let migrated = kakao_gate::store::migrate(
            &config.database,
            &kakao_gate::vault::Vault::new(&config.secret_keys).unwrap(),
        )
        .unwrap();
        let files =
            FileBasedMigrations::from_path(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"));
        let files = files.unwrap();
        let files = MigrationSource::<diesel::sqlite::Sqlite>::migrations(&files);
        let mut versions: Vec<String> = files
            .unwrap()
            .iter()
            .map(|migration| migration.name().version().to_string())
            .collect();
        versions.sort_unstable();
        assert_eq!(migrated.applied, versions, "{backends}");
        assert_eq!(run(&backends.database, true), 0, "{backends}");
        // What the program made beside the files stands in nobody's way back, but for triggers:
        // no statement drops one that both databases know.
        let (triggers, of) = match backends.database {
            Database::Sqlite(_) => (
                "SELECT name AS text FROM sqlite_master WHERE type = 'trigger'",
                "",
            ),
            Database::Postgres(_) => (
                "SELECT CAST(tgname AS TEXT) AS text FROM pg_trigger \
                 WHERE NOT tgisinternal AND tgrelid = 'members'::regclass",
                " ON members",
            ),
        };
        for name in backends.database.texts(triggers) {
            backends
                .database
                .execute(&format!("DROP TRIGGER {name}{of}"));
        }
        assert_eq!(run(&backends.database, false), versions.len(), "{backends}");
        assert_eq!(tables(&backends.database), [""; 0], "{backends}");
    }
}

// ID-6, ID-1
#[test]
fn the_schema_itself_refuses_a_kakao_account_twice() {
    for backends in Backends::available() {
        run(&backends.database, true);
        backends.database.execute(ROWS);
        let id = "SELECT kakao_id AS number FROM kakao_accounts";
        assert_eq!(backends.database.number(id), 1_376_016_924_426_814_086);
        let again = "INSERT INTO kakao_accounts SELECT * FROM kakao_accounts";
        assert!(backends.database.try_execute(again).is_err(), "{backends}");
    }
}
