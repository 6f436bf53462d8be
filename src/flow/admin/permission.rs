//! Who may do what to whom.

use time::OffsetDateTime;
use uuid::Uuid;

use super::Act;
use crate::member::{MemberId, Role, Standing, StandingKind};
use crate::store::members::acts::Held;

/// The least that somebody must be to see personal data in full.
pub(super) const REVEALS: Role = Role::Admin;

/// Who acts.
#[derive(Clone, Debug)]
pub enum Actor {
    /// Somebody of the administration, whose role is read anew whenever it matters.
    Staff(MemberId),
    /// Somebody with a shell on the server, under this name there. Who can read the settings can
    /// do anything, so this is an owner; it is nobody's account.
    CommandLine(String),
    /// A server with a key that was made by an owner. It reaches as far as an admin and is nobody's
    /// account.
    Key {
        /// The key's own name for itself.
        id: Uuid,
        /// What people call it.
        name: String,
    },
}

/// How an entry of the audit log says that a key was used.
const BY_KEY: &str = "by API key ";

/// The name and id of the key that an entry was made with, as its detail says.
#[must_use]
pub fn key_in(detail: Option<&str>) -> Option<&str> {
    detail?.rsplit_once(BY_KEY).map(|(_, key)| key)
}

/// Why an act was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The member is not there, or has left.
    #[error("there is no such member any more")]
    Gone,
    /// Nobody acts on their own account.
    #[error("this is not done to one's own account")]
    Own,
    /// The actor's role does not reach that far.
    #[error("the role does not allow this")]
    Rank,
    /// Nobody would be left who can change roles.
    #[error("there must be at least one owner who can sign in")]
    LastOwner,
    /// Somebody else has acted on the member since the page was made.
    #[error("somebody else has changed this member meanwhile")]
    Conflict,
    /// It is so already.
    #[error("nothing to do: it is so already")]
    Already,
}

impl Refusal {
    /// As it is written into the audit log and into a notice.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Own => "self",
            Self::Rank => "rank",
            Self::LastOwner => "last_owner",
            Self::Conflict => "conflict",
            Self::Already => "already",
        }
    }

    /// The refusal with that code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        [
            Self::Gone,
            Self::Own,
            Self::Rank,
            Self::LastOwner,
            Self::Conflict,
            Self::Already,
        ]
        .into_iter()
        .find(|one| one.code() == code)
    }

    /// Whether somebody tried what they may not, which the audit log is to know.
    pub(super) fn is_overreach(self) -> bool {
        matches!(self, Self::Own | Self::Rank | Self::LastOwner)
    }
}

impl Actor {
    pub(super) fn id(&self) -> Option<MemberId> {
        match self {
            Self::Staff(id) => Some(*id),
            Self::CommandLine(_) | Self::Key { .. } => None,
        }
    }

    /// What this actor may do now, as the rows say that are held; `None` for nothing.
    pub(super) fn role_in(&self, held: &[Held], now: OffsetDateTime) -> Option<Role> {
        match self {
            Self::Staff(id) => {
                let own = held.iter().find(|one| one.id == *id)?;
                let role = own.standing.admits(now).then_some(own.role)?;
                Some(role).filter(|role| role.is_staff())
            }
            Self::CommandLine(_) => Some(Role::Owner),
            Self::Key { .. } => Some(Role::Admin),
        }
    }

    /// `detail` with who it was, where the entry cannot name a member.
    pub(super) fn signed(&self, detail: String) -> String {
        let by = match self {
            Self::Staff(_) => return detail,
            Self::CommandLine(user) => format!("by {user}"),
            Self::Key { id, name } => format!("{BY_KEY}{name} ({id})"),
        };
        if detail.is_empty() {
            return by;
        }
        format!("{detail}, {by}")
    }
}

/// Whether somebody of `role`, who is not the member themselves, may do this to a member of that
/// role: what pages offer by, and what every act is held to.
#[must_use]
pub fn may(role: Role, act: &Act, on: Role) -> bool {
    reaches(role, act.least_role(), on)
}

/// The same, for seeing a member's personal data in full.
#[must_use]
pub fn may_reveal(role: Role, on: Role) -> bool {
    reaches(role, REVEALS, on)
}

fn reaches(role: Role, least: Role, on: Role) -> bool {
    role >= least && role.outranks(on)
}

/// Why something that takes the role `least` is not for this actor to do to `target`, whatever state the target is in.
pub(super) fn overreach(
    actor: &Actor,
    role: Option<Role>,
    least: Role,
    target: &Held,
) -> Option<Refusal> {
    if actor.id() == Some(target.id) {
        return Some(Refusal::Own);
    }
    // Viewers too: who of the administration may come in is for people to decide.
    if matches!(actor, Actor::Key { .. }) && target.role.is_staff() {
        return Some(Refusal::Rank);
    }
    let allowed = role.is_some_and(|role| reaches(role, least, target.role));
    (!allowed).then_some(Refusal::Rank)
}

/// Why `act` cannot be done to `target` as it is. `version` is the one that the actor's page
/// showed.
pub(super) fn untimely(
    act: &Act,
    target: &Held,
    version: Option<i64>,
    now: OffsetDateTime,
) -> Option<Refusal> {
    if target.standing == Standing::Withdrawn {
        return Some(Refusal::Gone);
    }
    // Before the version: whoever presses a button twice is not told of somebody else.
    if act.is_done_to(target, now) {
        return Some(Refusal::Already);
    }
    version
        .is_some_and(|seen| seen != target.version)
        .then_some(Refusal::Conflict)
}

/// Whether the act would leave nobody who can change roles: `held` has every owner.
pub(super) fn leaves_no_owner(
    act: &Act,
    target: &Held,
    held: &[Held],
    now: OffsetDateTime,
) -> bool {
    let loses = match act {
        Act::Suspend { .. } => true,
        Act::Role(role) => *role != Role::Owner,
        Act::Restore | Act::Kick => false,
    };
    let another = held
        .iter()
        .any(|one| one.id != target.id && one.role == Role::Owner && one.standing.admits(now));
    loses && target.role == Role::Owner && !another
}

impl Act {
    /// The least that somebody must be to do this at all.
    #[must_use]
    pub fn least_role(&self) -> Role {
        match self {
            Self::Suspend { .. } | Self::Restore | Self::Kick => Role::Admin,
            Self::Role(_) => Role::Owner,
        }
    }

    /// Whether a member is already as the act would make them.
    #[must_use]
    pub fn is_done_for(&self, role: Role, standing: &Standing, now: OffsetDateTime) -> bool {
        match self {
            Self::Suspend { .. } => {
                standing.kind() == StandingKind::Suspended && !standing.admits(now)
            }
            Self::Restore => standing.kind() != StandingKind::Suspended,
            Self::Kick => false,
            Self::Role(given) => *given == role,
        }
    }

    fn is_done_to(&self, target: &Held, now: OffsetDateTime) -> bool {
        self.is_done_for(target.role, &target.standing, now)
    }
}
