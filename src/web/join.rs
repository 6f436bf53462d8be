//! `/join`: signing up by email. Nothing on these pages tells whether an address has an account.

pub(super) mod agreements;
pub(super) mod sent;
pub(super) mod verify;

use std::collections::BTreeMap;

use actix_web::cookie::time::Duration;
use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use self::agreements::Agreement;
use super::Site;
use super::address::network;
use super::cookies;
use super::error::Problem;
use super::forms::{Mistake, Post, about};
use super::login::begin_address;
use super::page::{self, Layout, see_other};
use super::password::why_weak;
use super::visitor::Visitor;
use crate::flow::{Asked, Flaw, Next, TooMany, Typed};
use crate::member::NAME_CHARS;
use crate::terms::Part;

/// How long the browser remembers that it asked.
const ASKED_LIFE: Duration = Duration::hours(1);

#[derive(Template)]
#[template(path = "join.html")]
struct Join<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    kakao: String,
    wrong: Vec<Mistake>,
    name: &'a str,
    email: &'a str,
    hint: String,
    agreements: Vec<Agreement<'a>>,
}

impl Join<'_> {
    /// What is wrong with a field.
    fn about(&self, field: &str) -> Option<&str> {
        about(&self.wrong, field)
    }
}

/// Anyone, where there is a way in by email; somebody signed in has no need of it.
pub(super) async fn show(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    site.takes_email()?;
    if visitor.signed_in().is_some() {
        return Ok(see_other("/me").finish());
    }
    // Back to correct the address: what was typed is still there, except what must not be.
    let asked = asked(&site, &request);
    let typed = asked.map_or_else(Typed::default, |asked| Typed {
        name: asked.name,
        email: asked.email,
        ..Typed::default()
    });
    let form = form(&site, &visitor, &typed, Vec::new(), &[]);
    Ok(page::show(&site, &visitor, &form))
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    name: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    /// The check boxes.
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

/// Anyone, where there is a way in by email, within the limits of the network and of the address:
/// mails a link.
pub(super) async fn act(
    site: web::Data<Site>,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    site.takes_email()?;
    let Post { visitor, fields } = form;
    if visitor.signed_in().is_some() {
        return Ok(see_other("/me").finish());
    }
    let t = visitor.texts();
    let typed = Typed {
        ticked: agreements::ticked(&fields.rest),
        name: fields.name,
        email: fields.email,
        password: fields.password,
    };
    let application = match site.gate.rules.apply(&typed) {
        Ok(application) => application,
        Err(flaws) => return Ok(again(&site, &visitor, &typed, &flaws)),
    };
    let network = network(visitor.arrived().ip);
    let asking = site
        .gate
        .ask_to_join(application, network, t.lang(), visitor.origin());
    match asking.await? {
        Ok(asked) => Ok(remembering(&site, &asked, "/join/sent")),
        Err(TooMany { wait }) => {
            let minutes = wait.as_secs().div_ceil(60);
            let wrong = vec![Mistake::new("email", t.join_err_many(minutes))];
            let form = self::form(&site, &visitor, &typed, wrong, &[]);
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut response = page::show_as(status, &site, &visitor, &form);
            let headers = response.headers_mut();
            headers.insert(RETRY_AFTER, wait.as_secs().max(1).into());
            Ok(response)
        }
    }
}

/// The form once more, with what is wrong; the password is not sent back.
fn again(site: &Site, visitor: &Visitor, typed: &Typed, flaws: &[Flaw]) -> HttpResponse {
    let t = visitor.texts();
    let mut wrong = Vec::new();
    let mut missing = Vec::new();
    for flaw in flaws {
        match flaw {
            Flaw::NoName => wrong.push(Mistake::new("name", t.join_err_name())),
            Flaw::LongName => {
                wrong.push(Mistake::new("name", t.join_err_name_long(NAME_CHARS)));
            }
            Flaw::NoEmail => wrong.push(Mistake::new("email", t.login_err_email_empty())),
            Flaw::BadEmail => wrong.push(Mistake::new("email", t.login_err_email_form())),
            Flaw::NoPassword => {
                wrong.push(Mistake::new("password", t.login_err_password_empty()));
            }
            Flaw::Weak(weak) => {
                wrong.push(Mistake::new("password", why_weak(t, *weak, site)));
            }
            Flaw::NotAgreed(item) => missing.push(item.clone()),
        }
    }
    wrong.extend(agreements::mistakes(t, &missing));
    let form = form(site, visitor, typed, wrong, &missing);
    page::show_as(StatusCode::UNPROCESSABLE_ENTITY, site, visitor, &form)
}

fn form<'a>(
    site: &'a Site,
    visitor: &'a Visitor,
    typed: &'a Typed,
    wrong: Vec<Mistake>,
    missing: &[String],
) -> Join<'a> {
    let t = visitor.texts();
    let rules = &site.gate.rules;
    Join {
        layout: Layout::new(site, visitor),
        csrf: visitor.csrf(),
        kakao: begin_address(&Next::home()),
        wrong,
        name: &typed.name,
        email: &typed.email,
        hint: t.pw_new_hint(rules.password_lengths.min),
        agreements: agreements::boxes(&rules.agreements, t, &typed.ticked, missing),
    }
}

/// What this browser remembers of having asked.
fn asked(site: &Site, request: &HttpRequest) -> Option<Asked> {
    let sealed = cookies::value(request.headers(), site.cookies.asked)?;
    Asked::open(&site.gate.vault, sealed, site.gate.clock.now())
}

/// The way on, with the memory of having asked.
fn remembering(site: &Site, asked: &Asked, to: &str) -> HttpResponse {
    let mut response = see_other(to);
    if let Some(sealed) = asked.seal(&site.gate.vault) {
        response.cookie(site.cookies.make(site.cookies.asked, sealed, ASKED_LIFE));
    }
    response.finish()
}
