//! `kakao-gate audit …`: whether the audit log is as the service wrote it.

use std::io::{self, Write};

use clap::Subcommand;
use indicatif::{ProgressBar, ProgressStyle};

use crate::flow::Gate;
use crate::store;
use crate::store::audit::{Flaw, Head, Verdict};

/// What is done with the audit log.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Walk the whole log and say whether an entry was changed, removed or inserted; exits 1 if so.
    Verify {
        /// An entry that must be in it, as the service logged it ("audit log intact"): shows when
        /// an older state of the whole database was put back.
        #[arg(long, value_name = "PLACE:DIGEST")]
        expect: Option<Head>,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The output.
    #[error(transparent)]
    Output(#[from] io::Error),
    /// The log is not as it was written.
    #[error("the audit log is not intact at entry {place}: {}", in_words(*flaw))]
    NotIntact {
        /// The first place that cannot be relied on.
        place: i64,
        /// What is wrong there.
        flaw: Flaw,
    },
}

/// Does it, and writes what it found to `out`. A bar shows how far it is, on a terminal only.
///
/// # Errors
/// [`Failure`]; a log that is not intact is one.
pub async fn run(command: Command, gate: &Gate, out: &mut impl Write) -> Result<(), Failure> {
    let Command::Verify { expect, json } = command;
    let bar = bar();
    let verdict = gate
        .verify_audit_log(expect, |seen, all| {
            bar.set_length(u64::try_from(all).unwrap_or_default());
            bar.set_position(u64::try_from(seen).unwrap_or_default());
        })
        .await?;
    bar.finish_and_clear();
    match verdict {
        Verdict::Intact { entries, head } => {
            if json {
                let head = head.to_string();
                let found = serde_json::json!({"intact": true, "entries": entries, "head": head});
                writeln!(out, "{found}")?;
            } else {
                writeln!(out, "intact: {entries} entries, the newest is {head}")?;
            }
            Ok(())
        }
        Verdict::Broken { place, flaw } => {
            if json {
                let flaw = flaw.code();
                let found = serde_json::json!({"intact": false, "place": place, "flaw": flaw});
                writeln!(out, "{found}")?;
            }
            Err(Failure::NotIntact { place, flaw })
        }
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    // Without the style there is the built-in one; nothing to stop for.
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {human_pos}/{human_len}, {eta} left")
    {
        bar.set_style(style);
    }
    bar
}

fn in_words(flaw: Flaw) -> &'static str {
    match flaw {
        Flaw::Changed => "it is not the entry that was written there",
        Flaw::Removed => "it is not there any more",
        Flaw::Inserted => "the service wrote no entry there",
        Flaw::Unvouched => "the ends of the log were not written with this key",
        Flaw::NotExpected => "the expected entry is not in this log",
        Flaw::Purged => "the expected entry is older than what is kept; expect a newer one",
    }
}
