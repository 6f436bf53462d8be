//! `/admin/members/{id}/suspend`, `restore`, `kick` and `role`: a page that says what will
//! happen and asks why, and the act.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::draft::{Draft, Mistake, Wrong};
use super::member::{back_to, member_of};
use super::person::Person;
use super::told::ActNotice;
use super::words;
use crate::flow::admin::{Act, Actor, Done, Look, Reason, Refusal, Target, may};
use crate::i18n::Texts;
use crate::member::{MemberId, Role, StandingKind};
use crate::store::directory::Card;
use crate::web::Site;
use crate::web::error::{ErrorId, Problem};
use crate::web::forms::Post;
use crate::web::page::{self, Layout};
use crate::web::visitor::Staff;

/// Which act, before its particulars are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Suspend,
    Restore,
    Kick,
    Role,
}

impl Kind {
    pub(super) const ALL: [Self; 4] = [Self::Suspend, Self::Restore, Self::Kick, Self::Role];

    /// The last part of its address, and how forms name it.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Restore => "restore",
            Self::Kick => "kick",
            Self::Role => "role",
        }
    }

    /// The act with particulars that do not matter to who may do it.
    pub(super) fn any(self) -> Act {
        match self {
            Self::Suspend => Act::Suspend {
                until: None,
                tell: false,
            },
            Self::Restore => Act::Restore,
            Self::Kick => Act::Kick,
            Self::Role => Act::Role(Role::Member),
        }
    }

    /// The act that was filled in.
    pub(super) fn filled(self, draft: &Draft, site: &Site) -> Result<Act, Mistake> {
        Ok(match self {
            Self::Suspend => Act::Suspend {
                until: draft.until(site.gate.clock.now())?,
                tell: draft.tell,
            },
            Self::Restore => Act::Restore,
            Self::Kick => Act::Kick,
            Self::Role => Act::Role(Role::parse(&draft.role).ok_or(Mistake::Role)?),
        })
    }

    pub(super) fn label(self, t: Texts) -> &'static str {
        match self {
            Self::Suspend => t.md_suspend(),
            Self::Restore => t.md_restore(),
            Self::Kick => t.md_kick(),
            Self::Role => t.md_role(),
        }
    }

    /// What will happen, in one sentence.
    pub(super) fn sentence(self, t: Texts) -> &'static str {
        match self {
            Self::Suspend => t.md_suspend_body(),
            Self::Restore => t.md_restore_body(),
            Self::Kick => t.md_kick_body(),
            Self::Role => t.md_role_now(),
        }
    }

    /// What the button says.
    pub(super) fn go(self, t: Texts) -> &'static str {
        match self {
            Self::Suspend => t.md_suspend_go(),
            Self::Restore => t.md_restore_go(),
            Self::Kick => t.md_kick_go(),
            Self::Role => t.md_role_go(),
        }
    }

    fn title(self, t: Texts, name: &str) -> String {
        match self {
            Self::Suspend => t.md_suspend_title(name),
            Self::Restore => t.md_restore_title(name),
            Self::Kick => t.md_kick_title(name),
            Self::Role => t.md_role_title(name),
        }
    }

    fn notice(self, done: &Done) -> ActNotice {
        match self {
            Self::Suspend => ActNotice::Suspended,
            Self::Restore => ActNotice::Restored,
            Self::Kick => ActNotice::Kicked {
                devices: done.sessions,
            },
            Self::Role => ActNotice::Role,
        }
    }

    /// Whether it takes a fresh proof of who is asking.
    fn needs_proof(self) -> bool {
        self == Self::Role
    }
}

#[derive(Template)]
#[template(path = "admin/members/confirm.html")]
struct Confirm<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    person: Person,
    path: &'static str,
    title: String,
    sentence: &'static str,
    go: &'static str,
    version: i64,
    draft: Draft,
    wrong: Vec<Wrong>,
    asks_until: bool,
    /// The member can be written to.
    offers_mail: bool,
    /// The roles to choose from, and what each means.
    roles: Vec<(&'static str, String)>,
    grave: bool,
}

impl Confirm<'_> {
    fn mistake(&self, field: &str) -> Option<&str> {
        self.wrong.iter().find_map(|wrong| wrong.at(field))
    }
}

/// What the forms send.
#[derive(Deserialize)]
pub(in crate::web) struct Fields {
    version: String,
    reason: String,
    #[serde(default)]
    until: String,
    #[serde(default)]
    role: String,
    #[serde(default)]
    notify: String,
}

/// Admins, of members below them: what suspending means.
pub(in crate::web) async fn ask_suspend(
    site: web::Data<Site>,
    staff: Staff,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    ask(&site, &staff, &id, Kind::Suspend).await
}

/// Admins, of members below them, with a form of theirs.
pub(in crate::web) async fn suspend(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<Fields>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    act(&site, &staff, form.fields, &id, Kind::Suspend).await
}

/// Admins, of members below them: what lifting a suspension means.
pub(in crate::web) async fn ask_restore(
    site: web::Data<Site>,
    staff: Staff,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    ask(&site, &staff, &id, Kind::Restore).await
}

/// Admins, of members below them, with a form of theirs.
pub(in crate::web) async fn restore(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<Fields>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    act(&site, &staff, form.fields, &id, Kind::Restore).await
}

/// Admins, of members below them: what logging out everywhere means.
pub(in crate::web) async fn ask_kick(
    site: web::Data<Site>,
    staff: Staff,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    ask(&site, &staff, &id, Kind::Kick).await
}

/// Admins, of members below them, with a form of theirs.
pub(in crate::web) async fn kick(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<Fields>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    act(&site, &staff, form.fields, &id, Kind::Kick).await
}

/// Owners with a fresh proof: the roles, and what each means.
pub(in crate::web) async fn ask_role(
    site: web::Data<Site>,
    staff: Staff,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    ask(&site, &staff, &id, Kind::Role).await
}

/// Owners with a fresh proof, with a form of theirs.
pub(in crate::web) async fn role(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<Fields>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    act(&site, &staff, form.fields, &id, Kind::Role).await
}

async fn ask(site: &Site, staff: &Staff, id: &str, kind: Kind) -> Result<HttpResponse, Problem> {
    let id = member_of(id)?;
    proved(site, staff, id, kind)?;
    show(site, staff, id, kind, Draft::default(), Vec::new()).await
}

async fn act(
    site: &Site,
    staff: &Staff,
    fields: Fields,
    id: &str,
    kind: Kind,
) -> Result<HttpResponse, Problem> {
    let id = member_of(id)?;
    proved(site, staff, id, kind)?;
    let version = fields.version.parse().map_err(|_| ErrorId::BadRequest)?;
    let draft = Draft {
        reason: fields.reason,
        until: fields.until,
        role: fields.role,
        tell: fields.notify == "yes",
    };
    let (act, reason) = match both(kind.filled(&draft, site), draft.reason()) {
        Ok(filled) => filled,
        Err(mistakes) => return show(site, staff, id, kind, draft, mistakes).await,
    };
    let target = Target {
        id,
        version: Some(version),
    };
    let actor = Actor::Staff(staff.id());
    let origin = staff.visitor.origin();
    let outcome = site.gate.act(&actor, target, act, &reason, origin).await?;
    match outcome {
        Ok(done) => Ok(back_to(site, id, kind.notice(&done))),
        Err(refusal) => refused(site, id, refusal),
    }
}

/// Both, or all that is wrong.
pub(super) fn both(
    act: Result<Act, Mistake>,
    reason: Result<Reason, Mistake>,
) -> Result<(Act, Reason), Vec<Mistake>> {
    match (act, reason) {
        (Ok(act), Ok(reason)) => Ok((act, reason)),
        (act, reason) => Err(act.err().into_iter().chain(reason.err()).collect()),
    }
}

fn proved(site: &Site, staff: &Staff, id: MemberId, kind: Kind) -> Result<(), Problem> {
    if !kind.needs_proof() {
        return Ok(());
    }
    staff.proved(site, &format!("/admin/members/{id}/{}", kind.path()))
}

/// How an act that was not done is answered.
pub(super) fn refused(
    site: &Site,
    id: MemberId,
    refusal: Refusal,
) -> Result<HttpResponse, Problem> {
    match refusal {
        Refusal::Gone => Err(ErrorId::MemberGone.into()),
        Refusal::Rank => Err(ErrorId::Forbidden.into()),
        Refusal::Own | Refusal::LastOwner | Refusal::Conflict | Refusal::Already => {
            Ok(back_to(site, id, ActNotice::refused(refusal)))
        }
    }
}

/// Why the page before an act is not shown, as far as the rules and what was read tell.
pub(super) fn in_the_way(staff: &Staff, card: &Card, allowed: bool) -> Option<Refusal> {
    if card.standing.kind() == StandingKind::Withdrawn {
        return Some(Refusal::Gone);
    }
    if staff.id() == card.id {
        return Some(Refusal::Own);
    }
    (!allowed).then_some(Refusal::Rank)
}

async fn show(
    site: &Site,
    staff: &Staff,
    id: MemberId,
    kind: Kind,
    draft: Draft,
    mistakes: Vec<Mistake>,
) -> Result<HttpResponse, Problem> {
    let (actor, origin) = (Actor::Staff(staff.id()), staff.visitor.origin());
    let look = Look::Before(kind.path());
    let seen = site.gate.look_at(&actor, id, look, origin).await?;
    let card = seen.ok_or(ErrorId::MemberGone)?.card;
    let act = kind.any();
    let allowed = may(staff.role(), &act, card.role);
    if let Some(refusal) = in_the_way(staff, &card, allowed) {
        return refused(site, id, refusal);
    }
    let now = site.gate.clock.now();
    if kind != Kind::Role && act.is_done_for(card.role, &card.standing, now) {
        return refused(site, id, Refusal::Already);
    }
    let layout = Layout::new(site, &staff.visitor);
    let t = layout.t;
    let person = Person::masked(t, &card);
    let confirm = Confirm {
        csrf: staff.visitor.csrf(),
        path: kind.path(),
        title: kind.title(t, &person.name),
        sentence: kind.sentence(t),
        go: kind.go(t),
        version: card.version,
        draft,
        wrong: mistakes.iter().map(|one| Wrong::new(t, *one)).collect(),
        asks_until: kind == Kind::Suspend,
        // Whoever is active has proved the address that they have.
        offers_mail: kind == Kind::Suspend
            && site.gate.takes_email()
            && card.email.is_some()
            && card.standing.kind() == StandingKind::Active,
        roles: match kind {
            Kind::Role => roles(t, card.role),
            _ => Vec::new(),
        },
        grave: kind != Kind::Restore,
        person,
        layout,
    };
    Ok(page::show(site, &staff.visitor, &confirm))
}

fn roles(t: Texts, before: Role) -> Vec<(&'static str, String)> {
    let other = Role::ALL.into_iter().filter(|role| *role != before);
    let effect = |role| match role {
        Role::Member => t.role_member_effect(),
        Role::Viewer => t.role_viewer_effect(),
        Role::Admin => t.role_admin_effect(),
        Role::Owner => t.role_owner_effect(),
    };
    let (from, label) = (words::role(t, before), |role| words::role(t, role));
    other
        .map(|role| (role.code(), t.md_role_body(from, label(role), effect(role))))
        .collect()
}
