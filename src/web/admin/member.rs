//! `/admin/members/{id}`: one member, in three tabs.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use time::OffsetDateTime;
use uuid::Uuid;

use super::act::Kind;
use super::history::Line;
use super::person::{Fact, Person, facts};
use super::told::{ActNotice, Told, told};
use crate::flow::admin::{Actor, Look, Part, Seen, may, may_reveal};
use crate::i18n::{Texts, machine_time};
use crate::mask;
use crate::member::{MemberId, Method, Session, StandingKind};
use crate::web::Site;
use crate::web::cookies::Notice;
use crate::web::device::Device;
use crate::web::error::{ErrorId, Problem};
use crate::web::login::field;
use crate::web::page::{self, Layout, see_other};
use crate::web::visitor::Staff;

#[derive(Template)]
#[template(path = "admin/members/detail.html")]
struct Detail<'a> {
    layout: Layout<'a>,
    told: Option<Told>,
    person: Person,
    tabs: [Tab; 3],
    body: Body,
    /// Whether the details are shown in full.
    in_full: bool,
    reveals: bool,
    actions: Vec<(&'static str, &'static str)>,
}

/// A tab, and whether it is this one.
struct Tab {
    query: &'static str,
    label: &'static str,
    here: bool,
}

/// What the tab shows.
enum Body {
    Facts(Vec<Fact>),
    Devices(Vec<Row>),
    History {
        lines: Vec<Line>,
        older: Option<i64>,
        newest: bool,
    },
}

/// One device.
struct Row {
    label: String,
    method: &'static str,
    ip: String,
    times: [(&'static str, String, String, String); 3],
}

impl Row {
    fn new(t: Texts, session: &Session, now: OffsetDateTime) -> Self {
        let time = |label, at| {
            (
                label,
                machine_time(at),
                t.datetime_long(at),
                t.relative(at, now),
            )
        };
        let ends = session.idle_ends_at.min(session.ends_at);
        Self {
            label: Device::parse(&session.user_agent).label(t),
            method: match session.method {
                Method::Kakao => t.ses_via_kakao(),
                Method::Password => t.ses_via_password(),
            },
            ip: mask::ip(&session.ip),
            times: [
                time(t.ses_first(), session.created_at),
                time(t.ses_seen(), session.last_seen_at),
                time(t.ses_exp(), ends),
            ],
        }
    }
}

/// The member named in the address.
pub(super) fn member_of(id: &str) -> Result<MemberId, Problem> {
    let id = Uuid::parse_str(id).map_err(|_| Problem::from(ErrorId::MemberGone))?;
    Ok(MemberId(id))
}

/// Viewers: the member, masked.
pub(in crate::web) async fn show(
    site: web::Data<Site>,
    staff: Staff,
    request: HttpRequest,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = member_of(&id)?;
    let query = request.query_string();
    let before = field(query, "before").and_then(|place| place.parse().ok());
    let look = match field(query, "tab").as_deref() {
        Some("sessions") => Look::Sessions,
        Some("history") => Look::History(before),
        _ => Look::Details,
    };
    let (actor, origin) = (Actor::Staff(staff.id()), staff.visitor.origin());
    let seen = site.gate.look_at(&actor, id, look, origin).await?;
    let seen = seen.ok_or(ErrorId::MemberGone)?;
    Ok(render(&site, &staff, &seen, look, true))
}

/// The member's details in full, once.
pub(super) fn show_in_full(site: &Site, staff: &Staff, seen: &Seen) -> HttpResponse {
    render(site, staff, seen, Look::Details, false)
}

fn render(site: &Site, staff: &Staff, seen: &Seen, look: Look, masked: bool) -> HttpResponse {
    let layout = Layout::new(site, &staff.visitor);
    let (t, now, card) = (layout.t, site.gate.clock.now(), &seen.card);
    let body = match &seen.part {
        Part::Details => Body::Facts(facts(t, seen, masked)),
        Part::Sessions(sessions) => {
            let rows = sessions.iter().map(|session| Row::new(t, session, now));
            Body::Devices(rows.collect())
        }
        Part::History(lines, more) => Body::History {
            older: lines.last().filter(|_| *more).map(|line| line.told.place),
            newest: !matches!(look, Look::History(None)),
            lines: lines
                .iter()
                .map(|line| Line::new(t, line, card.id))
                .collect(),
        },
    };
    let tab = |query, label, here| Tab { query, label, here };
    let acts_on = staff.id() != card.id && card.standing.kind() != StandingKind::Withdrawn;
    let offered = |kind: &Kind| {
        let act = kind.any();
        let done = act.is_done_for(card.role, &card.standing, now) && *kind != Kind::Role;
        acts_on && may(staff.role(), &act, card.role) && !done
    };
    let detail = Detail {
        told: told(t, staff.visitor.notice()),
        person: if masked {
            Person::masked(t, card)
        } else {
            Person::in_full(t, card)
        },
        tabs: [
            tab("", t.md_tab_info(), matches!(body, Body::Facts(_))),
            tab(
                "?tab=sessions",
                t.md_tab_sessions(),
                matches!(body, Body::Devices(_)),
            ),
            tab(
                "?tab=history",
                t.md_tab_history(),
                matches!(body, Body::History { .. }),
            ),
        ],
        in_full: !masked,
        reveals: masked && acts_on && may_reveal(staff.role(), card.role),
        actions: Kind::ALL
            .iter()
            .filter(|kind| offered(kind))
            .map(|kind| (kind.path(), kind.label(t)))
            .collect(),
        body,
        layout,
    };
    page::show(site, &staff.visitor, &detail)
}

/// The way to the member's page, which says what became of it.
pub(super) fn back_to(site: &Site, id: MemberId, notice: ActNotice) -> HttpResponse {
    lead_to(site, &format!("/admin/members/{id}"), notice)
}

/// The way to a page, which says what became of it.
pub(super) fn lead_to(site: &Site, address: &str, notice: ActNotice) -> HttpResponse {
    let mut response = see_other(address);
    if let Some(cookie) = site.cookies.say(&site.gate, &Notice::Act(notice)) {
        response.cookie(cookie);
    }
    response.finish()
}
