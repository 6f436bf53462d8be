//! `/password/reset`: a new password, by a mailed link. Opening it uses nothing up.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::Site;
use super::cookies::Notice;
use super::dead_link::DeadLink;
use super::error::Problem;
use super::forms::{Mistake, Post};
use super::login::{barred, current, enter, field};
use super::page::{self, Layout};
use super::password::why_weak;
use super::visitor::Visitor;
use crate::flow::ResetRefusal;
use crate::i18n::Texts;
use crate::password::Password;
use crate::session::BrowserSession;
use crate::store::mail_links::Found;

#[derive(Template)]
#[template(path = "password/reset.html")]
struct Reset<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    token: &'a str,
    hint: String,
    wrong: Vec<Mistake>,
}

/// Anyone who has the link, where there is a way in by email.
pub(super) async fn show(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    site.takes_email()?;
    let token = field(request.query_string(), "token").unwrap_or_default();
    let found = site.gate.look_at_reset_link(&token).await?;
    if !matches!(found, Found::Good(_)) {
        return Ok(dead(&site, &visitor, &found));
    }
    Ok(ask(&site, &visitor, &token, Vec::new(), StatusCode::OK))
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    token: String,
    #[serde(default)]
    password: String,
}

/// Anyone who has the link, with a form of this browser: signs them in here and nowhere else.
pub(super) async fn act(
    site: web::Data<Site>,
    session: BrowserSession,
    request: HttpRequest,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    site.takes_email()?;
    let Post { visitor, fields } = form;
    let t = visitor.texts();
    let known = site.cookies.known_in(&site.gate, request.headers());
    let reset = site.gate.reset_password(
        &fields.token,
        Password::new(&fields.password),
        known,
        current(&visitor),
        t.lang(),
        visitor.origin(),
    );
    let entered = match reset.await? {
        Ok(entered) => entered,
        Err(ResetRefusal::Link(found)) => return Ok(dead(&site, &visitor, &found)),
        Err(ResetRefusal::Suspended { until }) => return Ok(barred(&site, &visitor, until)),
        Err(ResetRefusal::Weak(weak)) => {
            let text = why_weak(t, weak, &site);
            return Ok(again(&site, &visitor, &fields.token, text));
        }
        Err(ResetRefusal::Same) => {
            let text = t.pw_err_same().to_owned();
            return Ok(again(&site, &visitor, &fields.token, text));
        }
    };
    session.set_brief(true);
    let mut response = enter(&site, &session, &entered.token, &entered.known, "/me")?;
    if let Some(notice) = site.cookies.say(&site.gate, &Notice::PasswordChanged) {
        response.cookie(notice);
    }
    Ok(response.finish())
}

fn again(site: &Site, visitor: &Visitor, token: &str, text: String) -> HttpResponse {
    let wrong = vec![Mistake::new("password", text)];
    ask(
        site,
        visitor,
        token,
        wrong,
        StatusCode::UNPROCESSABLE_ENTITY,
    )
}

fn ask(
    site: &Site,
    visitor: &Visitor,
    token: &str,
    wrong: Vec<Mistake>,
    status: StatusCode,
) -> HttpResponse {
    let reset = Reset {
        layout: Layout::new(site, visitor),
        csrf: visitor.csrf(),
        token,
        hint: visitor
            .texts()
            .pw_new_hint(site.gate.rules.password_lengths.min),
        wrong,
    };
    page::show_as(status, site, visitor, &reset)
}

/// A link that does not work is gone, whatever it was.
fn dead(site: &Site, visitor: &Visitor, found: &Found) -> HttpResponse {
    let t = visitor.texts();
    let (title, body) = words(t, found);
    let link = DeadLink {
        layout: Layout::new(site, visitor),
        title,
        body,
        ways: vec![
            ("/password/forgot", t.pw_forgot_submit()),
            ("/login", t.act_login()),
        ],
    };
    page::show_as(StatusCode::GONE, site, visitor, &link)
}

fn words(t: Texts, found: &Found) -> (&'static str, &'static str) {
    match found {
        Found::Expired => (t.join_link_expired_title(), t.pw_link_expired()),
        Found::Used => (t.join_link_used_title(), t.pw_link_used()),
        Found::Unknown | Found::Good(_) => (t.pw_link_unknown_title(), t.pw_link_unknown()),
    }
}
