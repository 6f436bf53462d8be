//! `/admin/outbox`: calls owed to Kakao, and letters: what waits, what was given up and why.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use uuid::Uuid;

use super::told::{Told, told};
use crate::flow::admin::outbox::Sheet;
use crate::i18n::Texts;
use crate::member::Role;
use crate::store::outbox::look::{Entry, State, Wanted};
use crate::store::outbox::{End, Kind};
use crate::web::Site;
use crate::web::cookies::Notice;
use crate::web::error::{ErrorId, Problem};
use crate::web::forms::Post;
use crate::web::login::field;
use crate::web::page::{self, Layout, see_other};
use crate::web::visitor::Staff;

const HERE: &str = "/admin/outbox";

#[derive(Template)]
#[template(path = "admin/outbox.html")]
struct Outbox<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    told: Option<Told>,
    states: [(&'static str, &'static str, bool); 3],
    kinds: Vec<(&'static str, &'static str, bool)>,
    /// Kind, how many wait, how many were given up.
    counts: Vec<(&'static str, String, String)>,
    rows: Vec<Row>,
    older: Option<String>,
    /// Whether there is a button to try again.
    may_retry: bool,
    /// Where that button leads back to.
    query: String,
}

/// One entry.
struct Row {
    id: Uuid,
    kind: &'static str,
    member: Option<(String, String)>,
    tries: i32,
    since: String,
    when: String,
    state: (&'static str, &'static str),
    why: Option<String>,
    put_off: bool,
}

impl Row {
    fn new(t: Texts, entry: &Entry) -> Self {
        let (tone, label) = match entry.end {
            None => ("warn", t.ob_waiting()),
            Some(End::Done) => ("ok", t.ob_done()),
            Some(End::Expired) => ("bad", t.ob_expired()),
            Some(End::Refused) => ("bad", t.ob_refused()),
            Some(End::Unreadable) => ("bad", t.ob_unreadable()),
            Some(End::Superseded) => ("warn", t.ob_superseded()),
        };
        let member = entry.member.map(|(id, number)| {
            let number = number.map_or_else(|| "–".to_owned(), |number| number.to_string());
            (format!("/admin/members/{id}"), number)
        });
        Self {
            id: entry.id,
            kind: kind_in_words(t, entry.kind),
            member,
            tries: entry.tries,
            since: t.datetime_list(entry.created_at),
            when: t.datetime_list(entry.finished_at.unwrap_or(entry.next_try_at)),
            state: (tone, label),
            why: entry.cause.clone(),
            put_off: entry.finished_at.is_none() && entry.cause.is_some(),
        }
    }
}

/// Everybody of the administration.
pub(in crate::web) async fn show(
    site: web::Data<Site>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let wanted = wanted(request.query_string());
    let sheet = site.gate.outbox(wanted).await?;
    let visitor = &staff.visitor;
    let layout = Layout::new(&site, visitor);
    let t = layout.t;
    let states = [State::Waiting, State::GivenUp, State::Done];
    let last = sheet.entries.last().map(|entry| entry.id);
    let page = Outbox {
        csrf: visitor.csrf(),
        told: told(t, visitor.notice()),
        states: states.map(|state| {
            let (code, label) = state_in_words(t, state);
            (code, label, state == wanted.state)
        }),
        kinds: Kind::ALL
            .iter()
            .map(|kind| {
                let chosen = wanted.kind == Some(*kind);
                (kind.code(), kind_in_words(t, *kind), chosen)
            })
            .collect(),
        counts: counts(t, &sheet),
        rows: sheet
            .entries
            .iter()
            .map(|entry| Row::new(t, entry))
            .collect(),
        older: last.filter(|_| sheet.older).map(|before| {
            address(Wanted {
                before: Some(before),
                ..wanted
            })
        }),
        may_retry: staff.role() >= Role::Admin,
        query: query(wanted),
        layout,
    };
    Ok(page::show(&site, visitor, &page))
}

/// What the button sends.
#[derive(Deserialize)]
pub(in crate::web) struct Fields {
    #[serde(default)]
    back: String,
}

/// Admins, with a form of theirs.
pub(in crate::web) async fn retry(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<Fields>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = Uuid::parse_str(&id).map_err(|_| Problem::from(ErrorId::NotFound))?;
    let origin = staff.visitor.origin();
    let hurried = site.gate.try_again(&staff.signed_in, id, origin).await?;
    // Read and written anew: nothing of the form ends up in the address.
    let mut response = see_other(&address(wanted(&form.fields.back)));
    if let Some(cookie) = site.cookies.say(&site.gate, &Notice::Retried { hurried }) {
        response.cookie(cookie);
    }
    Ok(response.finish())
}

/// What is looked for; what is not understood is as if it were not there.
fn wanted(query: &str) -> Wanted {
    let state = match field(query, "state").as_deref() {
        Some("done") => State::Done,
        Some("given_up") => State::GivenUp,
        _ => State::Waiting,
    };
    let kind = field(query, "kind");
    let before = field(query, "before");
    Wanted {
        state,
        kind: kind.and_then(|code| Kind::parse(&code)),
        before: before.and_then(|id| Uuid::parse_str(&id).ok()),
    }
}

fn query(wanted: Wanted) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    match wanted.state {
        State::Waiting => {}
        State::Done => {
            query.append_pair("state", "done");
        }
        State::GivenUp => {
            query.append_pair("state", "given_up");
        }
    }
    if let Some(kind) = wanted.kind {
        query.append_pair("kind", kind.code());
    }
    if let Some(before) = wanted.before {
        query.append_pair("before", &before.to_string());
    }
    query.finish()
}

fn address(wanted: Wanted) -> String {
    let query = query(wanted);
    if query.is_empty() {
        HERE.to_owned()
    } else {
        format!("{HERE}?{query}")
    }
}

fn counts(t: Texts, sheet: &Sheet) -> Vec<(&'static str, String, String)> {
    let of = |kind: Kind, state: State| {
        let found = sheet.counts.iter();
        let mut found = found.filter(|(one, at, _)| *one == kind && *at == state);
        found.next().map_or(0, |(_, _, count)| *count)
    };
    let number = |count: i64| t.number(u64::try_from(count).unwrap_or_default());
    let rows = Kind::ALL.iter().filter_map(|kind| {
        let (waiting, given_up) = (of(*kind, State::Waiting), of(*kind, State::GivenUp));
        let some = waiting + given_up > 0;
        some.then(|| (kind_in_words(t, *kind), number(waiting), number(given_up)))
    });
    rows.collect()
}

fn state_in_words(t: Texts, state: State) -> (&'static str, &'static str) {
    match state {
        State::Waiting => ("waiting", t.ob_waiting()),
        State::Done => ("done", t.ob_done()),
        State::GivenUp => ("given_up", t.ob_given_up()),
    }
}

fn kind_in_words(t: Texts, kind: Kind) -> &'static str {
    match kind {
        Kind::Logout => t.ob_logout(),
        Kind::Unlink => t.ob_unlink(),
        Kind::LogoutEverywhere => t.ob_logout_everywhere(),
        Kind::UnlinkById => t.ob_unlink_by_id(),
        Kind::Mail => t.ob_mail(),
        Kind::Forgotten => t.ob_forgotten(),
        Kind::Join => t.ob_join(),
    }
}
