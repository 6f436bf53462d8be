//! `/admin/members/export`: the members of a view as a file.

mod file;

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::query::{Column, ListQuery};
use super::words;
use crate::flow::admin::{EXPORT_LIMIT, Reason, ReasonError, Wish, Wished};
use crate::i18n::Texts;
use crate::member::Role;
use crate::store::directory::Count;
use crate::web::Site;
use crate::web::error::{ErrorId, Problem};
use crate::web::forms::Post;
use crate::web::page::{self, Layout};
use crate::web::visitor::Staff;

/// Ticked at first.
const USUAL: [Column; 6] = [
    Column::Number,
    Column::Name,
    Column::Email,
    Column::Provider,
    Column::Status,
    Column::Joined,
];

#[derive(Template)]
#[template(path = "admin/members/export.html")]
struct Form<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    query: String,
    back: String,
    count: Result<String, String>,
    filters: Vec<String>,
    fields: Vec<(&'static str, &'static str, bool)>,
    owner: bool,
    draft: Draft,
    wrong: Vec<Mistake>,
}

/// What was filled in.
#[derive(Default)]
struct Draft {
    columns: Vec<Column>,
    whole: bool,
    reason: String,
}

/// What has to be filled in differently.
struct Mistake {
    field: &'static str,
    text: &'static str,
}

impl Form<'_> {
    fn mistake(&self, field: &str) -> Option<&'static str> {
        let mut wrong = self.wrong.iter();
        wrong.find(|one| one.field == field).map(|one| one.text)
    }
}

/// Admins and owners.
pub(in crate::web) async fn ask(
    site: web::Data<Site>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (query, _) = ListQuery::parse(request.query_string());
    let draft = Draft {
        columns: USUAL.to_vec(),
        ..Draft::default()
    };
    show(&site, &staff, &query, draft, Vec::new()).await
}

/// Admins, masked, and owners who have proved who they are, in full, with a form of theirs.
pub(in crate::web) async fn download(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<BTreeMap<String, String>>,
) -> Result<HttpResponse, Problem> {
    let Post { fields, .. } = form;
    let text = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let (query, _) = ListQuery::parse(text("query"));
    let ticked = |column: &Column| fields.contains_key(&format!("field-{}", column.code()));
    let draft = Draft {
        columns: Column::ALL.into_iter().filter(ticked).collect(),
        whole: text("mode") == "full",
        reason: text("reason").to_owned(),
    };
    let t = staff.visitor.texts();
    let mut wrong = Vec::new();
    if draft.columns.is_empty() {
        wrong.push(Mistake {
            field: "fields",
            text: t.ex_fields_err(),
        });
    }
    let reason = Reason::parse(&draft.reason);
    if let Err(error) = reason {
        let text = match error {
            ReasonError::Short => t.md_reason_err(),
            ReasonError::Long => t.ex_reason_long(),
        };
        wrong.push(Mistake {
            field: "reason",
            text,
        });
    }
    let Some(reason) = reason.ok().filter(|_| wrong.is_empty()) else {
        return show(&site, &staff, &query, draft, wrong).await;
    };
    if draft.whole && staff.role() == Role::Owner {
        staff.proved(&site, &address(&query))?;
    }
    let wish = Wish {
        filter: query.filter.clone(),
        told: query.told(),
        fields: Column::codes(&draft.columns),
        whole: draft.whole,
        reason,
    };
    let origin = staff.visitor.origin();
    let wished = site.gate.export(staff.id(), staff.role(), wish, origin);
    let export = match wished.await? {
        Wished::Granted(export) => export,
        Wished::Refused => return Err(ErrorId::Forbidden.into()),
        Wished::TooMany => return show(&site, &staff, &query, draft, Vec::new()).await,
    };
    let name = file::name(site.gate.clock.now(), draft.whole);
    let rows = file::Rows::new(t, draft.columns, draft.whole);
    // No length: whoever reads it sees by the missing end that a broken file is not whole.
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "text/csv; charset=utf-8; header=present"))
        .insert_header((
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}\"; filename*=UTF-8''{name}"),
        ))
        .streaming(file::stream(export, rows, origin.request_id.clone())))
}

async fn show(
    site: &Site,
    staff: &Staff,
    query: &ListQuery,
    draft: Draft,
    wrong: Vec<Mistake>,
) -> Result<HttpResponse, Problem> {
    let size = site.gate.export_size(query.filter.clone()).await?;
    let layout = Layout::new(site, &staff.visitor);
    let t = layout.t;
    let number = |count: i64| t.number(u64::try_from(count).unwrap_or_default());
    let form = Form {
        csrf: staff.visitor.csrf(),
        query: query.to_query(),
        back: query.address(),
        count: match size {
            Count::Exactly(count) => Ok(t.ex_lead(number(count))),
            Count::Many => Err(t.ex_limit(number(EXPORT_LIMIT))),
        },
        filters: in_words(t, query),
        fields: Column::ALL
            .map(|column| {
                let ticked = draft.columns.contains(&column);
                (column.code(), words::column(t, column), ticked)
            })
            .to_vec(),
        owner: staff.role() == Role::Owner,
        draft,
        layout,
        wrong,
    };
    if form.wrong.is_empty() && form.count.is_ok() {
        return Ok(page::show(site, &staff.visitor, &form));
    }
    Ok(page::render(StatusCode::UNPROCESSABLE_ENTITY, &form))
}

fn address(query: &ListQuery) -> String {
    match query.to_query().as_str() {
        "" => "/admin/members/export".to_owned(),
        query => format!("/admin/members/export?{query}"),
    }
}

/// What the file is restricted to, one line a condition.
fn in_words(t: Texts, query: &ListQuery) -> Vec<String> {
    let filter = &query.filter;
    let mut lines = Vec::new();
    let mut line = |field: &str, values: Vec<&str>| {
        if !values.is_empty() {
            lines.push(t.am_chip(field, values.join(", ")));
        }
    };
    let number = filter.number.map(|number| number.to_string());
    line(t.am_th_no(), number.iter().map(String::as_str).collect());
    line(t.am_q(), filter.name.iter().map(String::as_str).collect());
    line(
        t.am_status(),
        filter
            .standings
            .iter()
            .map(|kind| words::standing(t, *kind))
            .collect(),
    );
    line(
        t.am_provider(),
        filter
            .providers
            .iter()
            .map(|one| words::provider(t, *one))
            .collect(),
    );
    line(
        t.am_role(),
        filter
            .roles
            .iter()
            .map(|one| words::role(t, *one))
            .collect(),
    );
    let from = filter.joined_from.map(|at| t.date_long(at));
    line(t.am_from(), from.iter().map(String::as_str).collect());
    // The day before the moment up to which.
    let to = filter
        .joined_before
        .map(|at| t.date_long(at - time::Duration::SECOND));
    line(t.am_to(), to.iter().map(String::as_str).collect());
    lines
}
