//! `kakao-gate reconcile`: who is connected here and at Kakao.

use std::io::{self, Write};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::flow::Gate;
use crate::flow::reconcile::{self, Intent, Report};

/// What is done with the difference.
#[derive(Args, Clone, Copy, Debug)]
pub struct Command {
    /// Apply what Kakao's webhooks missed: of each person Kakao is asked once more.
    #[arg(long)]
    pub apply: bool,
    /// Apply it even if Kakao lacks more than one in ten of our connected members.
    #[arg(long, requires = "apply")]
    pub however_many: bool,
    /// Answer in JSON.
    #[arg(long)]
    pub json: bool,
}

/// Why a command did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Kakao, the database, or too large a difference.
    #[error(transparent)]
    Reconcile(#[from] reconcile::Failure),
    /// The database.
    #[error(transparent)]
    Store(#[from] crate::store::Error),
    /// The output.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// Compares, and writes what was found to `out`. The number of people read so far is shown on a
/// terminal only.
///
/// # Errors
/// [`Failure`].
pub async fn run(
    command: Command,
    gate: &Gate,
    operator: &str,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let intent = match (command.apply, command.however_many) {
        (false, _) => Intent::Report,
        (true, false) => Intent::Apply,
        (true, true) => Intent::ApplyAll,
    };
    let bar = spinner();
    let told = |count| bar.set_position(u64::try_from(count).unwrap_or_default());
    let report = gate.reconcile(intent, Some(operator), told).await;
    bar.finish_and_clear();
    let report = report?;
    if report.applied > 0 {
        // The service may not be running.
        while gate.heed_webhooks().await? {}
    }
    if command.json {
        writeln!(out, "{}", as_json(&report))?;
    } else {
        print(&report, intent, out)?;
    }
    Ok(())
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::no_length();
    // Without the style there is the built-in one; nothing to stop for.
    if let Ok(style) = ProgressStyle::with_template("{spinner} {human_pos} people, {elapsed}") {
        bar.set_style(style);
    }
    bar
}

fn print(report: &Report, intent: Intent, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "connected here: {}, at Kakao: {}",
        report.here, report.there
    )?;
    for (kakao_id, number) in &report.only_here {
        writeln!(out, "only here: member {number}, Kakao {kakao_id}")?;
    }
    for kakao_id in &report.only_there {
        writeln!(out, "only at Kakao: {kakao_id}")?;
    }
    if intent == Intent::Report && !report.only_here.is_empty() {
        writeln!(out, "nothing was applied; --apply does")?;
    }
    if report.applied > 0 {
        writeln!(
            out,
            "applied to {}, after asking Kakao about each",
            report.applied
        )?;
    }
    Ok(())
}

fn as_json(report: &Report) -> serde_json::Value {
    let only_here = report.only_here.iter().map(|(kakao_id, number)| {
        serde_json::json!({"member": number, "kakao_id": kakao_id.to_string()})
    });
    let only_there = report.only_there.iter().map(ToString::to_string);
    serde_json::json!({
        "here": report.here,
        "there": report.there,
        "only_here": only_here.collect::<Vec<_>>(),
        "only_there": only_there.collect::<Vec<_>>(),
        "applied": report.applied,
    })
}
