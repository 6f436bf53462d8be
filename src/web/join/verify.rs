//! `/join/verify`: the mailed link. Opening it shows a button; pressing that makes the member.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::asked;
use crate::flow::{DeadLink, JoinRefusal, Opened};
use crate::i18n::Texts;
use crate::password::Password;
use crate::session::BrowserSession;
use crate::web::error::Problem;
use crate::web::forms::{Mistake, Post};
use crate::web::login::{barred, current, enter, field};
use crate::web::page::{self, Layout, see_other};
use crate::web::visitor::Visitor;
use crate::web::{Site, dead_link};

#[derive(Template)]
#[template(path = "join/verify.html")]
struct Verify<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    token: &'a str,
    email: String,
    asks_password: bool,
    wrong: Vec<Mistake>,
}

#[derive(Template)]
#[template(path = "join/done.html")]
struct Done<'a> {
    layout: Layout<'a>,
}

/// Anyone who has the link.
pub(in crate::web) async fn show(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    site.takes_email()?;
    let token = field(request.query_string(), "token").unwrap_or_default();
    ask(
        &site,
        &visitor,
        &request,
        &token,
        Vec::new(),
        StatusCode::OK,
    )
    .await
}

/// What the form sends.
#[derive(Deserialize)]
pub(in crate::web) struct Fields {
    #[serde(default)]
    token: String,
    password: Option<String>,
}

/// Anyone who has the link, with a form of this browser: makes them a member, and signs them in.
pub(in crate::web) async fn act(
    site: web::Data<Site>,
    session: BrowserSession,
    request: HttpRequest,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    site.takes_email()?;
    let Post { visitor, fields } = form;
    let t = visitor.texts();
    let typed = fields.password.as_deref().map(Password::new);
    let asked = asked(&site, &request);
    let known = site.cookies.known_in(&site.gate, request.headers());
    let joining = site.gate.join(
        &fields.token,
        typed,
        asked.as_ref(),
        known,
        current(&visitor),
        visitor.origin(),
    );
    let wrong = |text: String| vec![Mistake::new("password", text)];
    let (wrong, status) = match joining.await? {
        Ok(joined) => {
            session.set_brief(true);
            let (token, known) = (&joined.token, &joined.known);
            let mut response = enter(&site, &session, token, known, "/join/done")?;
            response.cookie(site.cookies.forget(site.cookies.asked));
            return Ok(response.finish());
        }
        // The second press of one button.
        Err(JoinRefusal::Link(DeadLink::Used)) if visitor.signed_in().is_some() => {
            return Ok(see_other("/me").finish());
        }
        Err(JoinRefusal::Link(link)) => return Ok(dead(&site, &visitor, link)),
        Err(JoinRefusal::Suspended { until }) => return Ok(barred(&site, &visitor, until)),
        Err(JoinRefusal::Password) => (
            wrong(t.join_verify_err().to_owned()),
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        Err(JoinRefusal::Locked { wait }) => (
            wrong(t.join_verify_locked(wait.as_secs().div_ceil(60))),
            StatusCode::TOO_MANY_REQUESTS,
        ),
    };
    ask(&site, &visitor, &request, &fields.token, wrong, status).await
}

/// Anyone: the end of it.
pub(in crate::web) async fn done(
    site: web::Data<Site>,
    visitor: Visitor,
) -> Result<HttpResponse, Problem> {
    site.takes_email()?;
    if visitor.signed_in().is_none() {
        return Ok(see_other("/login").finish());
    }
    let done = Done {
        layout: Layout::new(&site, &visitor),
    };
    Ok(page::show(&site, &visitor, &done))
}

async fn ask(
    site: &Site,
    visitor: &Visitor,
    request: &HttpRequest,
    token: &str,
    wrong: Vec<Mistake>,
    status: StatusCode,
) -> Result<HttpResponse, Problem> {
    let asked = asked(site, request);
    let opened = site.gate.look_at_join_link(token, asked.as_ref()).await?;
    let (email, asks_password) = match opened {
        Opened::Ready {
            email,
            asks_password,
        } => (email, asks_password),
        Opened::Dead(link) => return Ok(dead(site, visitor, link)),
    };
    let verify = Verify {
        layout: Layout::new(site, visitor),
        csrf: visitor.csrf(),
        token,
        email,
        asks_password,
        wrong,
    };
    Ok(page::show_as(status, site, visitor, &verify))
}

/// A link that does not work is gone, whatever it was.
fn dead(site: &Site, visitor: &Visitor, link: DeadLink) -> HttpResponse {
    let t = visitor.texts();
    let (title, body) = words(t, link);
    let log_in = ("/login", t.act_login());
    let ways = match link {
        // There is an account to log in to.
        DeadLink::Used | DeadLink::Taken => vec![log_in],
        DeadLink::Expired | DeadLink::Unknown => vec![("/join", t.join_link_again()), log_in],
    };
    let dead = dead_link::DeadLink {
        layout: Layout::new(site, visitor),
        title,
        body,
        ways,
    };
    page::show_as(StatusCode::GONE, site, visitor, &dead)
}

fn words(t: Texts, link: DeadLink) -> (&'static str, &'static str) {
    match link {
        DeadLink::Used => (t.join_link_used_title(), t.join_link_used_body()),
        DeadLink::Expired => (t.join_link_expired_title(), t.join_link_expired_body()),
        DeadLink::Unknown => (t.pw_link_unknown_title(), t.join_link_unknown_body()),
        DeadLink::Taken => (t.conf_title(), t.join_link_taken_body()),
    }
}
