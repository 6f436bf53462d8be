//! `kakao-gate check`: the settings in force, and with `--online` what Kakao says to them.

use std::io::{self, Write};

use clap::Args;

use crate::config::{Config, Environment, Warning, console_checklist, describe};
use crate::flow::preflight::{Finding, State, preflight};
use crate::kakao::Kakao;

/// How to check.
#[derive(Args, Clone, Copy, Debug, Default)]
pub struct Command {
    /// Ask Kakao, too: key, secret, redirect URIs, admin key, OpenID Connect, consent items.
    #[arg(long)]
    pub online: bool,
    /// Answer in JSON, with what Kakao says and nothing else.
    #[arg(long, requires = "online")]
    pub json: bool,
}

/// Why a check did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The output.
    #[error(transparent)]
    Output(#[from] io::Error),
    /// Kakao does not take the settings, or could not be asked.
    #[error("Kakao does not take the settings as they are: {0} finding(s)")]
    Refused(usize),
}

/// Prints the settings in force, and what to enter in Kakao's console.
///
/// # Errors
/// The output's.
pub fn settings(
    environment: &Environment,
    config: &Config,
    warnings: &[Warning],
    out: &mut impl Write,
) -> io::Result<()> {
    writeln!(
        out,
        "Settings in force (* = set, the others are built in)\n"
    )?;
    for shown in describe(environment, config) {
        let mark = if shown.set { '*' } else { ' ' };
        writeln!(out, "{mark} {:<26}{}", shown.name, shown.value)?;
    }
    writeln!(
        out,
        "\nTo enter in Kakao's console (developers.kakao.com)\n"
    )?;
    for (menu, value) in console_checklist(config) {
        writeln!(out, "  {menu}\n      {value}")?;
    }
    writeln!(out)?;
    for Warning { name, says } in warnings {
        writeln!(out, "Note: {name} {says}")?;
    }
    writeln!(out, "The settings have no problem.")
}

/// Asks Kakao and prints what it says; `help` is the address that explains its codes.
///
/// # Errors
/// [`Failure`]; a setting that Kakao refuses is one.
pub async fn online(
    kakao: &Kakao,
    help: &str,
    json: bool,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let findings = preflight(kakao).await;
    let bad = findings.iter().filter(|finding| !finding.state.is_fine());
    let bad = bad.count();
    if json {
        let findings: Vec<_> = findings.iter().map(as_json).collect();
        let all = serde_json::json!({"ok": bad == 0, "findings": findings, "help": help});
        writeln!(out, "{all}")?;
    } else {
        writeln!(out, "\nAsked of Kakao\n")?;
        for finding in &findings {
            print(finding, out)?;
        }
        writeln!(out, "\nKakao's codes are explained at {help}")?;
    }
    out.flush()?;
    if bad == 0 {
        Ok(())
    } else {
        Err(Failure::Refused(bad))
    }
}

fn print(finding: &Finding, out: &mut impl Write) -> io::Result<()> {
    let mark = match finding.state {
        State::Good => "ok",
        State::Wrong => "WRONG",
        State::Unanswered => "FAILED",
        State::Open => "-",
    };
    let code = finding.code.as_deref().map(|code| format!("{code}: "));
    let (code, about) = (code.unwrap_or_default(), finding.about);
    writeln!(out, "{mark:<8}{about:<22}{code}{}", finding.says)?;
    if let Some(value) = &finding.value {
        writeln!(out, "{:30}{value}", "")?;
    }
    if let Some(menu) = finding.menu {
        writeln!(out, "{:30}{menu}", "")?;
    }
    Ok(())
}

fn as_json(finding: &Finding) -> serde_json::Value {
    serde_json::json!({
        "about": finding.about,
        "state": finding.state.code(),
        "code": finding.code,
        "says": finding.says,
        "value": finding.value,
        "menu": finding.menu,
    })
}
