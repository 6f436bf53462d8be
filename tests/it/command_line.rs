//! The command line of `kakao-gate`: what an operator types, and what comes back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::stage::{Backends, Program, secret_key};

/// Settings that are all wrong, each with a value that must not be repeated.
fn hopeless() -> Program {
    let program = Program::gate();
    [
        ("BIND", "hunter2-bind"),
        ("PUBLIC_URL", "http://hunter2.example"),
        ("DATABASE_URL", "mysql://hunter2@db"),
        ("SESSION_STORE", "hunter2-store"),
        ("SECRET_KEY", "hunter2-key"),
        ("KAKAO_APP_ID", "hunter2-id"),
        ("KAKAO_CLIENT_SECERT", "hunter2-secret"),
    ]
    .into_iter()
    .fold(program, |program, (name, value)| program.set(name, value))
}

// CF-1
#[test]
fn serve_migrate_and_check_refuse_bad_settings_with_every_problem_at_once() {
    for arguments in [&[][..], &["serve"], &["migrate"], &["check"]] {
        let outcome = hopeless().run(arguments);
        assert_eq!(outcome.code, Some(1), "{arguments:?}");
        assert_eq!(outcome.out, "", "{arguments:?}");
        for name in [
            "BIND",
            "PUBLIC_URL",
            "DATABASE_URL",
            "SESSION_STORE",
            "SECRET_KEY",
            "KAKAO_REST_API_KEY",
            "KAKAO_APP_ID",
            "KAKAO_CLIENT_SECERT",
        ] {
            let lines = outcome.err.lines().map(str::trim_start);
            let reports = lines.filter(|line| line.starts_with(&format!("{name} ")));
            assert_eq!(reports.count(), 1, "{name} in {}", outcome.err);
        }
        assert!(outcome.err.contains("did you mean KAKAO_CLIENT_SECRET?"));
        assert!(!outcome.err.contains("hunter2"), "{}", outcome.err);
    }
}

// CF-1
#[test]
fn a_program_without_any_setting_says_what_it_needs_and_makes_no_file() {
    let program = Program::gate();
    let outcome = program.run(&[]);
    assert_eq!(outcome.code, Some(1));
    for name in ["SECRET_KEY", "KAKAO_REST_API_KEY", "KAKAO_APP_ID"] {
        assert!(
            outcome.err.contains(&format!("{name} is missing")),
            "{name}"
        );
    }
    let made = std::fs::read_dir(program.folder.path()).unwrap().count();
    assert_eq!(made, 0);
}

// CF-1, LG-2
#[test]
fn check_shows_the_settings_in_force_and_hides_the_secret_ones() {
    let key = secret_key();
    let old = secret_key();
    let program = Program::gate_with_settings()
        .set("SECRET_KEY", &key)
        .set("SECRET_KEY_OLD", &old)
        .set("KAKAO_REST_API_KEY", "rest-key-of-mine")
        .set("KAKAO_CLIENT_SECRET", "new-client-secret,old-client-secret")
        .set("KAKAO_ADMIN_KEY", "admin-key-of-mine")
        .set(
            "DATABASE_URL",
            "postgres://gate:dbpass@db.example/gate?sslpassword=sslpass",
        )
        .set("SESSION_STORE", "redis")
        .set("REDIS_URL", "redis://:redispass@cache.example")
        .set("PUBLIC_URL", "https://members.example")
        .set("KAKAO_SCOPES", "profile_nickname,account_email");
    let outcome = program.run(&["check"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    let shown = |name: &str| {
        let line = outcome.out.lines().find(|line| {
            let words: Vec<&str> = line.trim_start_matches('*').split_whitespace().collect();
            words.first() == Some(&name)
        });
        line.unwrap_or_else(|| panic!("{name} in {}", outcome.out))
    };
    assert!(shown("PUBLIC_URL").starts_with('*'));
    assert!(shown("PUBLIC_URL").contains("https://members.example"));
    assert!(
        shown("BIND").starts_with(' '),
        "the built-in value is not marked"
    );
    assert!(shown("BIND").contains("127.0.0.1:8080"));
    assert!(shown("DATABASE_URL").contains("db.example"));
    assert!(shown("REDIS_URL").contains("cache.example"));
    assert!(shown("KAKAO_CLIENT_SECRET").contains("2 values"));
    for secret in [
        key.as_str(),
        &old,
        "rest-key-of-mine",
        "client-secret",
        "admin-key-of-mine",
        "dbpass",
        "sslpass",
        "redispass",
    ] {
        assert!(!outcome.out.contains(secret), "{secret} in {}", outcome.out);
        assert!(!outcome.err.contains(secret), "{secret} in {}", outcome.err);
    }
}

#[test]
fn check_lists_what_to_enter_in_kakaos_console() {
    let program = Program::gate_with_settings()
        .set("PUBLIC_URL", "https://members.example")
        .set("KAKAO_SCOPES", "profile_nickname,account_email");
    let outcome = program.run(&["check"]);
    for words in [
        "https://members.example/auth/kakao/callback",
        "https://members.example/logged-out/kakao/done",
        "profile_nickname, account_email",
        "리다이렉트 URI",
        "로그아웃 리다이렉트 URI",
        "동의항목",
        "웹훅",
    ] {
        assert!(outcome.out.contains(words), "{words} in {}", outcome.out);
    }
}

#[test]
fn check_touches_neither_database_nor_network() {
    let program = Program::gate_with_settings().set("DATABASE_URL", "sqlite://var/gate.db");
    assert_eq!(program.run(&["check"]).code, Some(0));
    assert!(!program.folder.path().join("var").exists());
}

#[test]
fn migrate_applies_what_is_missing_and_then_says_that_nothing_is() {
    for backends in Backends::available() {
        let mut program = Program::gate_with_settings();
        program.settings.extend(backends.settings());
        let first = program.run(&["migrate"]);
        assert_eq!(first.code, Some(0), "{backends}: {}", first.err);
        assert!(first.out.contains("applied "), "{backends}: {}", first.out);
        assert_eq!(
            backends
                .database
                .number("SELECT count(*) AS number FROM members"),
            0
        );
        let second = program.run(&["migrate"]);
        assert_eq!(second.code, Some(0), "{backends}: {}", second.err);
        assert_eq!(second.out.trim(), "the schema is up to date");
    }
}

// CF-4
#[test]
fn a_schema_of_a_newer_version_is_refused_with_its_number() {
    for backends in Backends::available() {
        let mut program = Program::gate_with_settings().set("BIND", "127.0.0.1:0");
        program.settings.extend(backends.settings());
        assert_eq!(program.run(&["migrate"]).code, Some(0));
        backends
            .database
            .execute("INSERT INTO __diesel_schema_migrations (version) VALUES ('29990101000000')");
        for command in ["migrate", "serve"] {
            let refused = program.run(&[command]);
            assert_eq!(refused.code, Some(1), "{backends} {command}");
            assert!(refused.err.contains("newer"), "{}", refused.err);
            assert!(refused.err.contains("29990101000000"), "{}", refused.err);
        }
    }
}

// CF-4
#[test]
fn programs_that_migrate_at_once_agree() {
    for backends in Backends::available() {
        let mut program = Program::gate_with_settings();
        program.settings.extend(backends.settings());
        let mut running: Vec<_> = (0..6).map(|_| program.start(&["migrate"])).collect();
        let codes: Vec<_> = running.iter_mut().map(|process| process.end()).collect();
        let says: String = running.iter().map(|process| process.err()).collect();
        assert_eq!(codes, [Some(0); 6], "{backends}: {says}");
        let applied = running
            .iter()
            .filter(|process| process.out().contains("applied "));
        assert_eq!(applied.count(), 1, "{backends}");
    }
}

// CF-1
#[test]
fn key_makes_keys_that_the_program_accepts_and_no_two_are_the_same() {
    let [one, two] = [0, 1].map(|_| Program::gate().run(&["key"]));
    assert_eq!((one.code, two.code), (Some(0), Some(0)));
    assert_ne!(one.out, two.out);
    assert_eq!(one.err, "");
    let key = one.out.trim();
    assert!(STANDARD.decode(key).unwrap().len() >= 64);
    let checked = Program::gate_with_settings()
        .set("SECRET_KEY", key)
        .run(&["check"]);
    assert_eq!(checked.code, Some(0), "{}", checked.err);
}

#[test]
fn what_is_no_command_is_refused_with_the_commands_there_are() {
    let outcome = Program::gate().run(&["sreve"]);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(outcome.out, "");
    assert!(outcome.err.contains("'sreve'"), "{}", outcome.err);
    assert!(outcome.err.contains("serve"), "{}", outcome.err);
}

#[test]
fn help_names_every_command_and_version_the_version() {
    let help = Program::gate_with_settings().run(&["--help"]);
    assert_eq!(help.code, Some(0));
    for command in ["serve", "migrate", "check", "key"] {
        let mut lines = help.out.lines().map(str::trim_start);
        assert!(lines.any(|line| line.starts_with(command)), "{command}");
    }
    let version = Program::gate().run(&["--version"]);
    assert_eq!(version.code, Some(0));
    assert_eq!(
        version.out.trim(),
        format!("kakao-gate {}", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn settings_come_from_a_file_in_the_folder_unless_the_environment_says_otherwise() {
    let dotenv = format!(
        "# what an operator writes\nSECRET_KEY=\"{}\"\nKAKAO_REST_API_KEY=from-the-file\n\
         KAKAO_CLIENT_SECRET='from-the-file'\nexport KAKAO_APP_ID=41\nSERVICE_NAME=파일\n",
        secret_key()
    );
    let program = Program::gate()
        .file(".env", &dotenv)
        .set("KAKAO_APP_ID", "42");
    let outcome = program.run(&["check"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    let line = |name: &str| {
        outcome
            .out
            .lines()
            .find(|line| line.contains(name))
            .unwrap()
    };
    assert!(line("KAKAO_APP_ID").ends_with("42"));
    assert!(line("SERVICE_NAME").ends_with("파일"));
}

// CF-1
#[test]
fn a_settings_file_that_cannot_be_read_is_a_problem_and_is_not_quoted() {
    let program = Program::gate_with_settings().file(".env", "SECRET KEY = 'hunter2\n");
    let outcome = program.run(&["check"]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.err.contains(".env"), "{}", outcome.err);
    assert!(!outcome.err.contains("hunter2"), "{}", outcome.err);
}

// CF-1
#[test]
fn secrets_come_from_files_too() {
    let mut program = Program::gate_with_settings()
        .file("key", &format!("{}\n", secret_key()))
        .file("secret", "a-client-secret\n")
        .set("SECRET_KEY_FILE", "key")
        .set("KAKAO_CLIENT_SECRET_FILE", "secret");
    program.settings.remove("SECRET_KEY");
    program.settings.remove("KAKAO_CLIENT_SECRET");
    let outcome = program.run(&["check"]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.err);
    assert!(!outcome.out.contains("a-client-secret"));

    let both = program.set("SECRET_KEY", &secret_key()).run(&["check"]);
    assert_eq!(both.code, Some(1));
    assert!(
        both.err
            .contains("SECRET_KEY and SECRET_KEY_FILE are both set")
    );
}

#[test]
fn an_address_that_is_taken_is_told_by_the_name_of_the_setting() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let outcome = Program::gate_with_settings()
        .set("BIND", &address)
        .run(&["serve"]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.err.contains("BIND"), "{}", outcome.err);
    assert!(outcome.err.contains("in use"), "{}", outcome.err);
}
