//! `/password/forgot`: a mail that leads to a new password, for whoever has lost it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::error::Problem;
use super::forms::{Mistake, Post};
use super::login::{LONGEST_DRAFT, field, why_no_address};
use super::page::{self, Layout, see_other};
use super::visitor::Visitor;
use super::{Site, address};
use crate::email::EmailAddress;
use crate::flow::Refused;

/// The same page whoever the address belongs to.
const SENT: &str = "/password/forgot?sent=1";

#[derive(Template)]
#[template(path = "password/forgot.html")]
struct Forgot<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    email: String,
    wrong: Vec<Mistake>,
}

#[derive(Template)]
#[template(path = "password/sent.html")]
struct Sent<'a> {
    layout: Layout<'a>,
}

/// Anyone, where there is a way in by email.
pub(super) async fn show(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    site.takes_email()?;
    let layout = Layout::new(&site, &visitor);
    if field(request.query_string(), "sent").is_some() {
        return Ok(page::show(&site, &visitor, &Sent { layout }));
    }
    let forgot = Forgot {
        layout,
        csrf: visitor.csrf(),
        email: String::new(),
        wrong: Vec::new(),
    };
    Ok(page::show(&site, &visitor, &forgot))
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    email: String,
}

/// Anyone, with a form of this browser, where there is a way in by email.
pub(super) async fn act(
    site: web::Data<Site>,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    site.takes_email()?;
    let Post { visitor, fields } = form;
    let t = visitor.texts();
    let Ok(email) = EmailAddress::parse(&fields.email) else {
        let text = why_no_address(t, &fields.email);
        let forgot = Forgot {
            layout: Layout::new(&site, &visitor),
            csrf: visitor.csrf(),
            email: fields.email.chars().take(LONGEST_DRAFT).collect(),
            wrong: vec![Mistake::new("email", text)],
        };
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(page::show_as(status, &site, &visitor, &forgot));
    };
    let network = address::network(visitor.arrived().ip);
    let noted = site
        .gate
        .forgot_password(&email, network, t.lang(), visitor.origin());
    match noted.await? {
        Err(Refused::Locked { wait }) => Err(Problem::rate(wait.as_secs() + 1)),
        _ => Ok(see_other(SENT).finish()),
    }
}
