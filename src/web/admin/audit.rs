//! `/admin/audit`: who did what to whose data, from where, and why.

mod query;

use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::Bytes;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use self::query::RecordQuery;
use super::entry::{Change, Named, Row};
use super::{action, spreadsheet};
use crate::flow::admin::Reason;
use crate::flow::admin::record::{Exported, Line, Look, Scope, View};
use crate::flow::{Gate, Integrity};
use crate::i18n::{Texts, machine_day, seoul_day};
use crate::store;
use crate::store::audit::{COUNT_CAP, Outcome};
use crate::web::Site;
use crate::web::cookies::Notice;
use crate::web::error::Problem;
use crate::web::forms::Post;
use crate::web::page::{self, Layout, see_other};
use crate::web::visitor::Staff;

/// The address of the page.
const HERE: &str = "/admin/audit";

#[derive(Template)]
#[template(path = "admin/audit.html")]
struct Audit<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    query: &'a RecordQuery,
    canonical: String,
    /// Whether this is somebody who sees what others did.
    all: bool,
    said: Option<(&'static str, String)>,
    actions: Vec<(&'static str, &'static str)>,
    results: [(&'static str, &'static str); 3],
    count: String,
    rows: Vec<Row>,
    newest: Option<String>,
    newer: Option<String>,
    older: Option<String>,
    pers: Vec<(i64, Option<String>)>,
    integrity: (&'static str, String),
}

/// Viewers: their own acts. Owners: everybody's.
pub(in crate::web) async fn show(
    site: web::Data<Site>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let all = Scope::of(&staff.signed_in) == Scope::Everything;
    let (query, dropped) = RecordQuery::parse(request.query_string(), all);
    let canonical = query.to_query();
    // One view has one address; what was not understood is named first.
    if dropped.is_empty() && canonical != request.query_string() {
        return Ok(see_other(&address(&canonical)).finish());
    }
    let visitor = &staff.visitor;
    let sheet = site
        .gate
        .view_audit_log(
            &staff.signed_in,
            query.asked(),
            View::Page,
            visitor.origin(),
        )
        .await?;
    let layout = Layout::new(&site, visitor);
    let t = layout.t;
    let turned = |look| address(&query.at(look).to_query());
    let first = sheet.lines.first().map(|line| line.entry.place);
    let last = sheet.lines.last().map(|line| line.entry.place);
    let newer = first.filter(|_| sheet.newer);
    let page = Audit {
        csrf: visitor.csrf(),
        canonical,
        all,
        said: said(t, &dropped, visitor.notice()),
        actions: action::ALL
            .iter()
            .filter_map(|code| Some((*code, action::in_words(t, code)?)))
            .collect(),
        results: Outcome::ALL.map(|one| (one.code(), result_label(t, one))),
        count: match sheet.count {
            Some(count) => t.au_count(number(t, count)),
            None => t.au_count_many(number(t, COUNT_CAP)),
        },
        rows: sheet.lines.iter().map(|line| Row::new(t, line)).collect(),
        newest: newer.map(|_| turned(Look::Newest)),
        newer: newer.map(|place| turned(Look::After(place))),
        older: last
            .filter(|_| sheet.older)
            .map(|place| turned(Look::Before(place))),
        pers: query
            .pers()
            .map(|(per, other)| (per, other.map(|query| address(&query.to_query()))))
            .collect(),
        integrity: integrity(t, &sheet.integrity),
        query: &query,
        layout,
    };
    Ok(page::show(&site, visitor, &page))
}

impl Audit<'_> {
    fn is_filtered(&self) -> bool {
        self.query.is_filtered()
    }
}

fn said(t: Texts, dropped: &[String], notice: Option<&Notice>) -> Option<(&'static str, String)> {
    match notice {
        Some(Notice::NoReason) => Some(("bad", t.md_reason_err().to_owned())),
        _ if dropped.is_empty() => None,
        _ => Some(("warn", t.am_badparam(dropped.join(", ")))),
    }
}

fn integrity(t: Texts, integrity: &Integrity) -> (&'static str, String) {
    match integrity {
        Integrity::Intact(at) => ("ok", t.au_chain_ok(t.datetime_list(*at))),
        Integrity::Broken(place) => ("bad", t.au_chain_bad(place)),
        Integrity::Unchecked => ("", t.au_chain_none().to_owned()),
    }
}

fn result_label(t: Texts, result: Outcome) -> &'static str {
    match result {
        Outcome::Success => t.au_ok(),
        Outcome::Failed => t.au_fail(),
        Outcome::Refused => t.au_denied(),
    }
}

fn number(t: Texts, number: i64) -> String {
    t.number(u64::try_from(number).unwrap_or_default())
}

fn address(query: &str) -> String {
    if query.is_empty() {
        HERE.to_owned()
    } else {
        format!("{HERE}?{query}")
    }
}

/// What an export is asked for with.
#[derive(Deserialize)]
pub(in crate::web) struct Wish {
    query: String,
    reason: String,
}

/// Owners who have just proved who they are, with a reason: what the page's filter finds, as a
/// file, masked like the page.
pub(in crate::web) async fn export(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<Wish>,
) -> Result<HttpResponse, Problem> {
    let (query, _) = RecordQuery::parse(&form.fields.query, true);
    let query = query.at(Look::Newest);
    let back = address(&query.to_query());
    staff.proved(&site, &back)?;
    let Ok(reason) = Reason::parse(&form.fields.reason) else {
        let mut response = see_other(&back);
        if let Some(cookie) = site.cookies.say(&site.gate, &Notice::NoReason) {
            response.cookie(cookie);
        }
        return Ok(response.finish());
    };
    let visitor = &form.visitor;
    let exported = site
        .gate
        .export_audit_log(&staff.signed_in, query.asked(), &reason, visitor.origin())
        .await?;
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, file_name(&site.gate)))
        .streaming(lines(visitor.texts(), exported)))
}

fn file_name(gate: &Gate) -> String {
    let day = machine_day(seoul_day(gate.clock.now()));
    format!("attachment; filename=\"audit-{day}.csv\"")
}

/// The file, some entries at a time. When they cannot be read any further the answer breaks off
/// in the middle: a file that ends there must not look whole.
fn lines(
    t: Texts,
    exported: Exported,
) -> impl futures_util::Stream<Item = Result<Bytes, store::Error>> {
    let begin = (true, exported);
    futures_util::stream::try_unfold(begin, move |(first, mut exported)| async move {
        if first {
            let mut head = spreadsheet::BYTE_ORDER_MARK.to_vec();
            head.extend(in_a_file([heading(t)])?);
            return Ok(Some((Bytes::from(head), (false, exported))));
        }
        let lines = exported.next().await.inspect_err(|error| {
            tracing::warn!(%error, "an export of the audit log broke off");
        })?;
        if lines.is_empty() {
            return Ok(None);
        }
        let text = in_a_file(lines.iter().map(|line| written(t, line)))?;
        Ok(Some((Bytes::from(text), (false, exported))))
    })
}

fn in_a_file(rows: impl IntoIterator<Item = [String; 13]>) -> Result<Vec<u8>, store::Error> {
    spreadsheet::lines(rows).map_err(|_| store::Error::Work("a line could not be written"))
}

fn heading(t: Texts) -> [String; 13] {
    [
        t.au_no(),
        t.au_th_time(),
        t.au_actor_no(),
        t.au_th_actor(),
        t.au_th_action(),
        t.au_code(),
        t.au_target_no(),
        t.au_th_target(),
        t.au_th_reason(),
        t.au_th_ip(),
        t.au_th_result(),
        t.au_detail(),
        t.au_request(),
    ]
    .map(str::to_owned)
}

fn written(t: Texts, line: &Line) -> [String; 13] {
    let row = Row::new(t, line);
    let place = row.place.to_string();
    let number = |who: Option<&Named>| {
        let number = who.and_then(|who| who.number);
        number.map(|number| number.to_string()).unwrap_or_default()
    };
    let (actor, target) = (number(Some(&row.actor)), number(row.target.as_ref()));
    let name = row.target.as_ref().map(|who| who.name.as_str());
    [
        place.as_str(),
        &row.time,
        &actor,
        &row.actor.name,
        &row.action,
        &line.entry.action,
        &target,
        name.unwrap_or_default(),
        row.reason.as_deref().unwrap_or_default(),
        row.ip.as_deref().unwrap_or_default(),
        row.result.1,
        &row.change.text(),
        row.request.as_deref().unwrap_or_default(),
    ]
    .map(str::to_owned)
}
