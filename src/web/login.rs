//! `/login`: the ways in.

use actix_web::http::header::LOCATION;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::Site;
use super::page::{self, Layout};
use super::visitor::Visitor;
use crate::flow::Next;

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    layout: Layout<'a>,
    note: Option<&'static str>,
    lost: bool,
    kakao: String,
}

/// Anyone; somebody signed in goes on to where they wanted.
pub(super) async fn show(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
) -> HttpResponse {
    let wanted = field(request.query_string(), "next");
    let next = wanted.as_deref().map_or_else(Next::home, Next::parse);
    if visitor.signed_in().is_some() {
        return HttpResponse::SeeOther()
            .insert_header((LOCATION, next.as_str()))
            .finish();
    }
    let layout = Layout::new(&site, &visitor);
    let reason = field(request.query_string(), "reason");
    let note = match reason.as_deref() {
        Some("expired") => Some(layout.t.login_note_expired()),
        Some("out") => Some(layout.t.login_note_out()),
        Some("revoked") => Some(layout.t.login_note_revoked()),
        Some("kicked") => Some(layout.t.login_note_kicked()),
        _ => wanted.is_some().then(|| layout.t.login_next()),
    };
    let login = Login {
        note,
        lost: field(request.query_string(), "lost").is_some(),
        kakao: begin_address(&next),
        layout,
    };
    page::show(&site, &visitor, &login)
}

/// The address of this page for somebody who is to come back to `next`; `lost` says that a form
/// they sent was not kept.
pub(super) fn address(next: &Next, reason: Option<&str>, lost: bool) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", next.as_str());
    if let Some(reason) = reason {
        query.append_pair("reason", reason);
    }
    if lost {
        query.append_pair("lost", "1");
    }
    format!("/login?{}", query.finish())
}

/// The address that begins a login which ends at `next`.
pub(super) fn begin_address(next: &Next) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", next.as_str());
    format!("/auth/kakao?{}", query.finish())
}

/// The first field of that name in a query.
pub(super) fn field(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find_map(|(found, value)| (found == name).then(|| value.into_owned()))
}
