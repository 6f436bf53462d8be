//! `/login`: the ways in.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use askama::Template;
use serde::Deserialize;
use time::OffsetDateTime;

use super::cookies::{self, FailureContext, Notice, Way};
use super::device::Device;
use super::error::Problem;
use super::forms::{Mistake, Post, about};
use super::kakao::failure_address;
use super::page::{self, Layout, see_other};
use super::visitor::Visitor;
use super::{Site, address, silent};
use crate::email::EmailAddress;
use crate::flow::{Knock, Known, Next, Refused, Weather, Why};
use crate::i18n::Texts;
use crate::password::Password;
use crate::session::{BrowserSession, Token};

#[derive(Template)]
#[template(path = "login.html")]
struct Login<'a> {
    layout: Layout<'a>,
    note: Option<&'static str>,
    lost: bool,
    /// What Kakao's trouble means for whoever wants to sign in with it.
    trouble: Option<&'static str>,
    kakao: String,
    last: Option<Way>,
    /// Nothing where nobody signs in by email.
    form: Option<Form<'a>>,
}

/// The way in by email.
struct Form<'a> {
    action: String,
    csrf: &'a str,
    draft: Draft,
    wrong: Vec<Mistake>,
    /// Whether nothing is wrong with a field by itself.
    pair: bool,
}

/// What is kept of a form that is shown once more.
#[derive(Default)]
struct Draft {
    email: String,
    remember: bool,
}

impl Form<'_> {
    /// What is wrong with a field.
    fn about(&self, field: &str) -> Option<&str> {
        about(&self.wrong, field)
    }
}

impl Login<'_> {
    fn is_last(&self, way: &str) -> bool {
        self.last.is_some_and(|last| Some(last) == Way::parse(way))
    }

    fn failed(&self) -> bool {
        self.form
            .as_ref()
            .is_some_and(|form| !form.wrong.is_empty())
    }
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
        return see_other(next.as_str()).finish();
    }
    if let Some(on_the_way) = silent::try_once(&site, &visitor, &request, &next) {
        return on_the_way;
    }
    let mut login = login(&site, &visitor, &request, &next);
    let (t, reason) = (visitor.texts(), field(request.query_string(), "reason"));
    login.note = match reason.as_deref() {
        Some("expired") => Some(t.login_note_expired()),
        Some("out") => Some(t.login_note_out()),
        Some("revoked") => Some(t.login_note_revoked()),
        Some("kicked") => Some(t.login_note_kicked()),
        Some("reset") => Some(t.login_note_reset()),
        Some("kakao") => Some(t.login_note_kakao()),
        _ => wanted.is_some().then(|| t.login_next()),
    };
    login.lost = field(request.query_string(), "lost").is_some();
    let mut page = page::show(&site, &visitor, &login);
    silent::keep_in_mind(&site, &visitor, &mut page);
    page
}

fn login<'a>(
    site: &'a Site,
    visitor: &'a Visitor,
    request: &HttpRequest,
    next: &Next,
) -> Login<'a> {
    let last = cookies::value(request.headers(), site.cookies.last);
    let form = site.gate.takes_email().then(|| Form {
        action: address(next, None, false),
        csrf: visitor.csrf(),
        draft: Draft::default(),
        wrong: Vec::new(),
        pair: false,
    });
    Login {
        layout: Layout::new(site, visitor),
        note: None,
        lost: false,
        trouble: trouble(site, visitor.texts()),
        kakao: begin_address(next),
        last: last.and_then(Way::parse),
        form,
    }
}

/// What is said of Kakao above its button; the button stays whatever it is.
pub(super) fn trouble(site: &Site, t: Texts) -> Option<&'static str> {
    match site.gate.weather() {
        Weather::Fair => None,
        Weather::Slow => Some(t.login_kakao_slow()),
        Weather::Failing if site.gate.takes_email() => Some(t.login_kakao_failing_other()),
        Weather::Failing => Some(t.login_kakao_failing()),
    }
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: String,
    remember: Option<String>,
}

/// Anyone, with a form of this browser, where there is a way in by email.
pub(super) async fn act(
    site: web::Data<Site>,
    session: BrowserSession,
    request: HttpRequest,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    site.takes_email()?;
    let Post { visitor, fields } = form;
    let next = field(request.query_string(), "next");
    let next = next.map_or_else(Next::home, |next| Next::parse(&next));
    let t = visitor.texts();
    let draft = Draft {
        email: fields.email.chars().take(LONGEST_DRAFT).collect(),
        remember: fields.remember.is_some(),
    };
    let again = |status, wrong: Vec<Mistake>, pair| {
        let mut login = login(&site, &visitor, &request, &next);
        if let Some(form) = &mut login.form {
            (form.draft, form.wrong, form.pair) = (draft, wrong, pair);
        }
        page::show_as(status, &site, &visitor, &login)
    };
    let email = match read(t, &fields) {
        Ok(email) => email,
        Err(wrong) => return Ok(again(StatusCode::UNPROCESSABLE_ENTITY, wrong, false)),
    };
    let knock = Knock {
        email,
        password: Password::new(&fields.password),
        known: site.cookies.known_in(&site.gate, request.headers()),
        network: address::network(visitor.arrived().ip),
        brief: fields.remember.is_none(),
        lang: t.lang(),
        in_words: |agent, t| Device::parse(agent).label(t),
    };
    let (brief, current) = (knock.brief, current(&visitor));
    let entered = site
        .gate
        .log_in_with_password(knock, current, visitor.origin());
    let entered = match entered.await? {
        Ok(entered) => entered,
        Err(Refused::Suspended { until }) => return Ok(barred(&site, &visitor, until)),
        Err(Refused::Locked { wait }) => {
            let minutes = wait.as_secs().div_ceil(60);
            let wrong = vec![Mistake::new("email", t.login_err_locked(minutes))];
            let page = again(StatusCode::TOO_MANY_REQUESTS, wrong, false);
            return Ok(page::after(page, wait));
        }
        Err(Refused::Pair | Refused::Gone) => {
            let wrong = vec![Mistake::new("email", t.login_err_pair())];
            return Ok(again(StatusCode::UNPROCESSABLE_ENTITY, wrong, true));
        }
    };
    session.set_brief(brief);
    let mut response = enter(
        &site,
        &session,
        &entered.token,
        &entered.known,
        next.as_str(),
    )?;
    if cookies::value(request.headers(), site.cookies.silent).is_some() {
        response.cookie(site.cookies.forget(site.cookies.silent));
    }
    Ok(response.finish())
}

/// The longest address shown once more, in characters.
pub(super) const LONGEST_DRAFT: usize = 320;

/// The address, when there are an address and a password.
fn read(t: Texts, fields: &Fields) -> Result<EmailAddress, Vec<Mistake>> {
    let mut wrong = Vec::new();
    let email = EmailAddress::parse(&fields.email).map_err(|_| {
        wrong.push(Mistake::new("email", why_no_address(t, &fields.email)));
    });
    if fields.password.is_empty() {
        wrong.push(Mistake::new("password", t.login_err_password_empty()));
    }
    match email {
        Ok(email) if wrong.is_empty() => Ok(email),
        _ => Err(wrong),
    }
}

/// Why what was typed is no address, in words.
pub(super) fn why_no_address(t: Texts, typed: &str) -> &'static str {
    if typed.trim().is_empty() {
        t.login_err_email_empty()
    } else {
        t.login_err_email_form()
    }
}

/// What the browser holds, if it is worth anything.
pub(super) fn current(visitor: &Visitor) -> Option<Token> {
    let live = visitor.signed_in().is_some();
    visitor.token().filter(|_| live).cloned()
}

/// On to `address` for somebody who has come in by email: the session, and what the browser
/// remembers of it.
pub(super) fn enter(
    site: &Site,
    session: &BrowserSession,
    token: &Token,
    known: &Known,
    address: &str,
) -> Result<HttpResponseBuilder, Problem> {
    session
        .sign_in(token)
        .map_err(|error| Problem::server(error.to_string()))?;
    let mut response = see_other(address);
    response.cookie(site.cookies.last(Way::Email));
    if let Some(cookie) = site.cookies.known(&site.gate, known) {
        response.cookie(cookie);
    }
    Ok(response)
}

/// The way to the page for somebody who is suspended, and has proved who they are.
pub(super) fn barred(
    site: &Site,
    visitor: &Visitor,
    until: Option<OffsetDateTime>,
) -> HttpResponse {
    let notice = Notice::LoginFailed(FailureContext {
        reference: visitor.origin().request_id.clone(),
        until: until.map(OffsetDateTime::unix_timestamp),
        ..FailureContext::default()
    });
    let mut response = see_other(&failure_address(&Why::Suspended { until }));
    if let Some(cookie) = site.cookies.say(&site.gate, &notice) {
        response.cookie(cookie);
    }
    response.finish()
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
