//! The figures of `docs/benchmarks.md`, all from one run, so that their ratios mean something:
//! `cargo bench`. Takes about a minute and needs nothing installed. `cargo bench -- members` prints
//! those of the member list instead, on PostgreSQL too when `TEST_DATABASE_URL` is set, and
//! `cargo bench -- programs` those of what sites ask on every request, also with Redis when
//! `TEST_REDIS_URL` is.
//!
//! Load, emulator and server share the machine's cores, in the comparison too.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::print_stdout,
    clippy::as_conversions,
    reason = "a benchmark may fail loudly"
)]

mod bare;
mod load;
mod members;
mod process;
mod programs;
mod service;
mod wire;

use std::time::Duration;

/// How long each of the compared is under load, in each of [`ROUNDS`] turns.
const TURN: Duration = Duration::from_secs(3);
const ROUNDS: usize = 3;

/// Visitors at once.
const VISITORS: usize = 16;

/// Sessions before memory is read.
const SESSIONS: usize = 10_000;

fn main() {
    // `cargo test --all-targets` starts this too, without the word, and wants no figures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let only_programs = std::env::args().any(|argument| argument == "programs");
    let only_lists = std::env::args().any(|argument| argument == "members");
    actix_web::rt::System::new().block_on(async {
        if only_lists {
            members::lists().await;
            return;
        }
        if only_programs {
            programs::figures().await;
            return;
        }
        println!("figure | Kakao Gate | bare actix-web | ratio");
        println!("--- | --- | --- | ---");
        let logins = load::logins().await;
        println!("complete logins a second | {logins}");
        let pages = load::pages().await;
        println!("pages a second | {pages}");
        let (fresh, again) = process::start_to_ready().await;
        println!("start to ready, new database | {} ms", fresh.as_millis());
        println!(
            "start to ready, existing database | {} ms",
            again.as_millis()
        );
        let memory = process::memory(SESSIONS).await;
        println!("resident memory when ready | {:.1} MB", memory.when_ready);
        println!(
            "resident memory after {SESSIONS} sign-ins | {:.1} MB",
            memory.after
        );
    });
}
