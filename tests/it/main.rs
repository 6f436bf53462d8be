//! Stories about the service, told on real sockets: the emulator, the real app on a free port,
//! a fresh database, and visitors with cookies.
//!
//! `cargo test` runs them on SQLite with cookie sessions. `TEST_DATABASE_URL` adds PostgreSQL,
//! `TEST_REDIS_URL` Redis; what was left out is said. Under CI nothing may be left out.

#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::as_conversions,
    clippy::needless_pass_by_value,
    reason = "a test may fail loudly"
)]

mod admin_acts;
mod admin_bulk;
mod admin_keys;
mod admin_list;
mod admin_outbox;
mod api;
mod architecture;
mod audit;
mod callback;
mod command_line;
mod conflict;
mod contract;
mod cors;
mod dashboard;
mod database_faults;
mod devices;
mod directory;
mod documents;
mod emulator;
mod examples;
mod executables;
mod export;
mod forms;
mod forward_auth;
mod health;
mod identity;
mod join;
mod join_mail;
mod kakao_consents;
mod kakao_faults;
mod kakao_join;
mod kakao_tokens;
mod limits;
mod linking;
mod login;
mod logout;
mod logs;
mod member_command;
mod migrations;
mod my_account;
mod openapi;
mod openid_connect;
mod outbox;
mod owners;
mod pages;
mod password_change;
mod password_login;
mod password_recovery;
mod preferences;
mod preflight;
mod process;
mod raw_http;
mod reauth;
mod reconcile;
mod redis_faults;
mod seed;
mod sessions;
mod silent;
mod stage;
mod store;
mod table;
mod terms;
mod throttle;
mod weather;
mod webhooks;
mod withdraw;
