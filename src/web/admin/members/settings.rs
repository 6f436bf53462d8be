//! `/admin/members/columns`: how an admin likes the list.

use std::collections::BTreeMap;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::{columns_of, lead};
use crate::web::Site;
use crate::web::admin::notice::ListNotice;
use crate::web::admin::query::{Column, ListQuery};
use crate::web::admin::words;
use crate::web::error::Problem;
use crate::web::forms::Post;
use crate::web::page::{self, Layout};
use crate::web::visitor::Staff;

#[derive(Template)]
#[template(path = "admin/members/columns.html")]
struct Settings<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    back: String,
    list: String,
    columns: Vec<(&'static str, &'static str, bool)>,
    shortcuts: bool,
}

/// Viewers: which columns the list in the address has, and whether single keys do something.
pub(in crate::web) async fn settings(
    site: web::Data<Site>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (query, _) = ListQuery::parse(request.query_string());
    let preferences = site.gate.list_preferences(staff.id()).await?;
    let layout = Layout::new(&site, &staff.visitor);
    let shown = columns_of(&query, &preferences);
    let optional = Column::ALL
        .into_iter()
        .filter(|column| *column != Column::Number);
    let settings = Settings {
        csrf: staff.visitor.csrf(),
        back: query.to_query(),
        list: query.address(),
        columns: optional
            .map(|column| {
                (
                    column.code(),
                    words::column(layout.t, column),
                    shown.contains(&column),
                )
            })
            .collect(),
        shortcuts: preferences.shortcuts,
        layout,
    };
    Ok(page::show(&site, &staff.visitor, &settings))
}

/// Viewers, with a form of theirs: shows some columns now, or from now on.
pub(in crate::web) async fn columns(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<BTreeMap<String, String>>,
) -> Result<HttpResponse, Problem> {
    let field = |name: &str| {
        form.fields
            .get(name)
            .map(String::as_str)
            .unwrap_or_default()
    };
    let (query, _) = ListQuery::parse(field("back"));
    let ticked = |column: &Column| {
        *column == Column::Number || form.fields.contains_key(&format!("col-{}", column.code()))
    };
    let columns: Vec<Column> = Column::ALL.into_iter().filter(ticked).collect();
    if field("act") != "keep" {
        let view = ListQuery {
            cols: Some(columns),
            ..query
        };
        return Ok(lead(&site, &view.address(), None));
    }
    let liked = (columns != Column::ALL).then(|| Column::codes(&columns));
    site.gate
        .prefer(staff.id(), move |preferences| preferences.columns = liked)
        .await?;
    let view = ListQuery {
        cols: None,
        ..query
    };
    Ok(lead(&site, &view.address(), Some(ListNotice::ColumnsKept)))
}

/// Whether single keys are to do something.
#[derive(Deserialize)]
pub(in crate::web) struct Shortcuts {
    on: Option<String>,
    #[serde(default)]
    back: String,
}

/// Viewers, with a form of theirs: switches the keys of the list on or off.
pub(in crate::web) async fn shortcuts(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<Shortcuts>,
) -> Result<HttpResponse, Problem> {
    let on = form.fields.on.is_some();
    let (query, _) = ListQuery::parse(&form.fields.back);
    site.gate
        .prefer(staff.id(), move |preferences| preferences.shortcuts = on)
        .await?;
    let notice = ListNotice::ShortcutsKept { on };
    Ok(lead(&site, &query.address(), Some(notice)))
}
