//! `/me/sessions`: the member's devices, and logging them out.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Site;
use super::cookies::Notice;
use super::device::Device;
use super::error::{ErrorId, Problem};
use super::forms::Post;
use super::page::{self, Layout, see_other};
use super::visitor::Member;
use crate::i18n::{Texts, machine_time};
use crate::member::{Method, Session};

#[derive(Template)]
#[template(path = "me/sessions.html")]
struct Sessions<'a> {
    layout: Layout<'a>,
    notice: Option<String>,
    csrf: &'a str,
    devices: Vec<Row>,
}

/// One device.
struct Row {
    id: Uuid,
    label: String,
    this: bool,
    method: &'static str,
    ip: String,
    times: [(&'static str, String, String, String); 3],
}

impl Row {
    fn new(t: Texts, session: &Session, current: Uuid, now: OffsetDateTime) -> Self {
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
            id: session.id,
            label: Device::parse(&session.user_agent).label(t),
            this: session.id == current,
            method: match session.method {
                Method::Kakao => t.ses_via_kakao(),
                Method::Password => t.ses_via_password(),
            },
            ip: session.ip.clone(),
            times: [
                time(t.ses_first(), session.created_at),
                time(t.ses_seen(), session.last_seen_at),
                time(t.ses_exp(), ends),
            ],
        }
    }

    fn end_label(&self, t: &Texts) -> String {
        t.ses_end_label(&self.label)
    }
}

/// Members.
pub(super) async fn list(site: web::Data<Site>, member: Member) -> Result<HttpResponse, Problem> {
    let mut devices = site.gate.devices(&member.signed_in).await?;
    let current = member.signed_in.session.id;
    // The device in use comes first, then the others by last use.
    devices.sort_by_key(|session| session.id != current);
    let layout = Layout::new(&site, &member.visitor);
    let (t, now) = (layout.t, site.gate.clock.now());
    let sessions = Sessions {
        notice: notice(t, member.visitor.notice()),
        csrf: member.visitor.csrf(),
        devices: devices
            .iter()
            .map(|session| Row::new(t, session, current, now))
            .collect(),
        layout,
    };
    Ok(page::show(&site, &member.visitor, &sessions))
}

fn notice(t: Texts, notice: Option<&Notice>) -> Option<String> {
    match notice? {
        Notice::DeviceEnded { agent } => Some(t.ses_ended(Device::parse(agent).label(t))),
        Notice::DevicesEnded { count } => Some(t.ses_endedall(t.number(*count))),
        Notice::DeviceGone => Some(t.ses_gone().to_owned()),
        _ => None,
    }
}

/// A form of buttons only.
#[derive(Deserialize)]
pub(super) struct Nothing {}

/// Members, with a form of theirs; only a session of their own is ended.
pub(super) async fn end_one(
    site: web::Data<Site>,
    member: Member,
    form: Post<Nothing>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let Post {
        fields: Nothing {}, ..
    } = form;
    let id = Uuid::parse_str(&id).map_err(|_| Problem::from(ErrorId::NotFound))?;
    let visitor = &member.visitor;
    let ended = site
        .gate
        .end_device(&member.signed_in, id, visitor.origin())
        .await?;
    let notice = match ended {
        Some(ended) => Notice::DeviceEnded {
            agent: ended.user_agent,
        },
        None => Notice::DeviceGone,
    };
    Ok(back(&site, &notice))
}

/// Members, with a form of theirs.
pub(super) async fn end_others(
    site: web::Data<Site>,
    member: Member,
    form: Post<Nothing>,
) -> Result<HttpResponse, Problem> {
    let Post {
        fields: Nothing {}, ..
    } = form;
    let visitor = &member.visitor;
    let ended = site
        .gate
        .end_other_devices(&member.signed_in, visitor.origin())
        .await?;
    let count = u64::try_from(ended.len()).unwrap_or(u64::MAX);
    Ok(back(&site, &Notice::DevicesEnded { count }))
}

fn back(site: &Site, notice: &Notice) -> HttpResponse {
    let mut response = see_other("/me/sessions");
    if let Some(cookie) = site.cookies.say(&site.gate, notice) {
        response.cookie(cookie);
    }
    response.finish()
}
