//! `kakao-gate member …`: members without a browser. Everything goes through the same stories as
//! the administration's pages, so the same is refused and the same is written down; only that
//! whoever has a shell on the server is an owner, and nobody's account.

mod print;

use std::io::Write;

use clap::{Args, Subcommand};
use uuid::Uuid;

use crate::flow::admin::{
    Act, Actor, Done, Look, Named, Reason, ReasonError, Refusal, Target, end_of_day,
};
use crate::flow::{Gate, Origin};
use crate::member::{MemberId, Provider, Role, StandingKind};
use crate::store;
use crate::store::directory::Filter;

/// What is done with members.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Find members, the newest first.
    List(List),
    /// Show one member.
    Show(Show),
    /// Give a member a role; this is how the first owner is made.
    Role {
        /// The member number, or the id.
        #[arg(value_parser = named)]
        member: Named,
        /// The role: member, viewer, admin or owner.
        #[arg(value_parser = role)]
        role: Role,
        /// Why, and how to answer.
        #[command(flatten)]
        act: Acting,
    },
    /// Suspend a member and end all of their sessions.
    Suspend {
        /// The member number, or the id.
        #[arg(value_parser = named)]
        member: Named,
        /// Why, for the audit log: 5 to 300 characters.
        #[arg(long, value_parser = reason)]
        reason: Reason,
        /// The last day, such as 2026-12-31, in Seoul; without it until somebody lifts it.
        #[arg(long, value_name = "DATE")]
        until: Option<String>,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// Lift a member's suspension.
    Restore {
        /// The member number, or the id.
        #[arg(value_parser = named)]
        member: Named,
        /// Why, and how to answer.
        #[command(flatten)]
        act: Acting,
    },
    /// End all of a member's sessions, here and at Kakao.
    Logout {
        /// The member number, or the id.
        #[arg(value_parser = named)]
        member: Named,
        /// Why, and how to answer.
        #[command(flatten)]
        act: Acting,
    },
}

/// What acts have in common.
#[derive(Debug, Args)]
pub struct Acting {
    /// Why, for the audit log: 5 to 300 characters.
    #[arg(long, value_parser = reason, default_value = "from the command line")]
    reason: Reason,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Whom to find.
#[derive(Debug, Args)]
pub struct List {
    /// A part of the name.
    #[arg(long)]
    name: Option<String>,
    /// The member number.
    #[arg(long)]
    number: Option<i64>,
    /// The whole email address.
    #[arg(long)]
    email: Option<String>,
    /// Any of these, with commas: active, suspended, unverified, withdrawn.
    #[arg(long, value_parser = standing, value_delimiter = ',')]
    status: Vec<StandingKind>,
    /// Any of these, with commas: member, viewer, admin, owner.
    #[arg(long, value_parser = role, value_delimiter = ',')]
    role: Vec<Role>,
    /// Any of these, with commas: kakao, email.
    #[arg(long, value_parser = provider, value_delimiter = ',')]
    provider: Vec<Provider>,
    /// The most members to show, 1000 at most; 100 in full.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(i64).range(1..=1_000))]
    limit: i64,
    #[command(flatten)]
    view: View,
}

/// Whom to show.
#[derive(Debug, Args)]
pub struct Show {
    /// The member number, or the id.
    #[arg(value_parser = named)]
    member: Named,
    #[command(flatten)]
    view: View,
}

/// How much is shown.
#[derive(Debug, Args)]
struct View {
    /// Show personal data in full; needs --reason, and every member shown is written down.
    #[arg(long, requires = "reason")]
    in_full: bool,
    /// Why, for the audit log: 5 to 300 characters.
    #[arg(long, value_parser = reason, requires = "in_full")]
    reason: Option<Reason>,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Nobody is known by that name.
    #[error("there is no member {0}")]
    Nobody(String),
    /// It was refused.
    #[error("not done: {0}")]
    Refused(#[from] Refusal),
    /// A day that is none, or over.
    #[error("--until: {0}")]
    Until(#[from] crate::flow::admin::NoDay),
    /// More than are shown in full at once.
    #[error("--in-full shows at most {MOST_IN_FULL} members at once: set --limit")]
    TooMany,
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// Standard output.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

/// The most members shown in full at once: each is an entry of the audit log.
const MOST_IN_FULL: i64 = 100;

/// Does what was typed by `operator`, and says on `out` what came of it.
///
/// # Errors
/// [`Failure`]; nothing was done then.
pub async fn run(
    command: Command,
    gate: &Gate,
    operator: String,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let desk = Desk {
        gate,
        actor: Actor::CommandLine(operator),
        origin: Origin::command_line(),
    };
    match command {
        Command::List(list) => desk.list(list, out).await,
        Command::Show(show) => desk.show(show, out).await,
        Command::Role { member, role, act } => {
            let Acting { reason, json } = act;
            desk.act(member, Act::Role(role), &reason, json, out).await
        }
        Command::Suspend {
            member,
            reason,
            until,
            json,
        } => {
            let until = end_of_day(until.as_deref().unwrap_or_default(), gate.clock.now())?;
            let act = Act::Suspend { until, tell: false };
            desk.act(member, act, &reason, json, out).await
        }
        Command::Restore { member, act } => {
            let Acting { reason, json } = act;
            desk.act(member, Act::Restore, &reason, json, out).await
        }
        Command::Logout { member, act } => {
            let Acting { reason, json } = act;
            desk.act(member, Act::Kick, &reason, json, out).await
        }
    }
}

/// Whoever is typing.
struct Desk<'a> {
    gate: &'a Gate,
    actor: Actor,
    origin: Origin,
}

impl Desk<'_> {
    async fn list(&self, list: List, out: &mut impl Write) -> Result<(), Failure> {
        let filter = Filter {
            name: list.name,
            number: list.number,
            email: list.email,
            standings: list.status,
            providers: list.provider,
            roles: list.role,
            ..Filter::default()
        };
        let (gate, actor, origin) = (self.gate, &self.actor, &self.origin);
        let found = match &list.view.reason {
            Some(_) if list.limit > MOST_IN_FULL => return Err(Failure::TooMany),
            Some(reason) => {
                gate.find_in_full(actor, filter, list.limit, reason, origin)
                    .await?
            }
            None => gate.find(actor, filter, list.limit, origin).await?,
        };
        Ok(print::list(
            out,
            &found,
            !list.view.in_full,
            list.view.json,
        )?)
    }

    async fn show(&self, show: Show, out: &mut impl Write) -> Result<(), Failure> {
        let id = self.find(show.member).await?;
        let (gate, actor, origin) = (self.gate, &self.actor, &self.origin);
        let seen = match &show.view.reason {
            Some(reason) => gate.reveal(actor, id, reason, origin).await??,
            None => {
                let seen = gate.look_at(actor, id, Look::Details, origin).await?;
                seen.ok_or_else(|| nobody(show.member))?
            }
        };
        Ok(print::member(
            out,
            &seen,
            !show.view.in_full,
            show.view.json,
        )?)
    }

    async fn act(
        &self,
        member: Named,
        act: Act,
        reason: &Reason,
        json: bool,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let target = Target {
            id: self.find(member).await?,
            version: None,
        };
        let (actor, origin) = (&self.actor, &self.origin);
        let outcome = self.gate.act(actor, target, act, reason, origin).await?;
        let done: Done = match outcome {
            Err(Refusal::Gone) => return Err(nobody(member)),
            other => other?,
        };
        Ok(print::done(out, target.id, act, &done, json)?)
    }

    async fn find(&self, member: Named) -> Result<MemberId, Failure> {
        let found = self.gate.named(member).await?;
        found.ok_or_else(|| nobody(member))
    }
}

fn nobody(member: Named) -> Failure {
    Failure::Nobody(match member {
        Named::Number(number) => number.to_string(),
        Named::Id(id) => id.to_string(),
    })
}

fn named(text: &str) -> Result<Named, &'static str> {
    let number = text.parse().ok().filter(|number| *number > 0);
    let id = || Uuid::parse_str(text).ok().map(MemberId);
    let named = number.map(Named::Number).or_else(|| id().map(Named::Id));
    named.ok_or("neither a member number nor an id")
}

fn reason(text: &str) -> Result<Reason, ReasonError> {
    Reason::parse(text)
}

fn role(text: &str) -> Result<Role, &'static str> {
    Role::parse(text).ok_or("one of member, viewer, admin, owner")
}

fn standing(text: &str) -> Result<StandingKind, &'static str> {
    StandingKind::parse(text).ok_or("one of active, suspended, unverified, withdrawn")
}

fn provider(text: &str) -> Result<Provider, &'static str> {
    Provider::parse(text).ok_or("one of kakao, email")
}
