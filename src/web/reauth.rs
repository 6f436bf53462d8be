//! `/reauth`: somebody signed in proves that it is still them, before something that matters: by
//! password, or at Kakao.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::error::Problem;
use super::forms::{Mistake, Post};
use super::kakao::lead_to_kakao;
use super::login::{self, field};
use super::page::{self, Layout, see_other};
use super::visitor::Member;
use super::{Limit, Site, cookies};
use crate::flow::{Next, PasswordStanding, Purpose, Refused};
use crate::password::Password;
use crate::session::BrowserSession;

#[derive(Template)]
#[template(path = "reauth.html")]
struct Reauth<'a> {
    layout: Layout<'a>,
    /// For members who have a password: where it is sent to, and the form's token.
    password: Option<(String, &'a str)>,
    /// For members who have connected Kakao.
    kakao: Option<String>,
    wrong: Vec<Mistake>,
    back: &'a str,
}

/// Members: what is asked and why; nothing is done.
pub(super) async fn show(
    site: web::Data<Site>,
    member: Member,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let next = next(&request);
    ask(&site, &member, &next, Vec::new(), StatusCode::OK).await
}

async fn ask(
    site: &Site,
    member: &Member,
    next: &Next,
    wrong: Vec<Mistake>,
    status: StatusCode,
) -> Result<HttpResponse, Problem> {
    let standing = site.gate.password_standing(&member.signed_in).await?;
    let by_password = standing == PasswordStanding::Set && site.gate.takes_email();
    let by_kakao = member.signed_in.kakao.is_some() || !by_password;
    let reauth = Reauth {
        layout: Layout::new(site, &member.visitor),
        password: by_password.then(|| (address(next), member.visitor.csrf())),
        kakao: by_kakao.then(|| kakao_address(next)),
        wrong,
        back: next.as_str(),
    };
    Ok(page::show_as(status, site, &member.visitor, &reauth))
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    password: String,
}

/// Members who have a password, with a form of theirs: a new session takes the place of the one
/// they are using.
pub(super) async fn act(
    site: web::Data<Site>,
    member: Member,
    session: BrowserSession,
    request: HttpRequest,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    site.takes_email()?;
    let (t, next) = (member.visitor.texts(), next(&request));
    if form.fields.password.is_empty() {
        let wrong = vec![Mistake::new("password", t.login_err_password_empty())];
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return ask(&site, &member, &next, wrong, status).await;
    }
    let typed = Password::new(&form.fields.password);
    let proved = site
        .gate
        .prove_by_password(&member.signed_in, typed, member.visitor.origin());
    match proved.await? {
        Ok(token) => {
            session
                .sign_in(&token)
                .map_err(|error| Problem::server(error.to_string()))?;
            Ok(see_other(next.as_str()).finish())
        }
        Err(Refused::Locked { wait }) => {
            let minutes = wait.as_secs().div_ceil(60);
            let wrong = vec![Mistake::new("password", t.reauth_locked(minutes))];
            let status = StatusCode::TOO_MANY_REQUESTS;
            let page = ask(&site, &member, &next, wrong, status).await?;
            Ok(page::after(page, wait))
        }
        Err(Refused::Gone) => Err(Problem::SignIn(login::address(&next, None, true))),
        Err(Refused::Pair | Refused::Suspended { .. }) => {
            let wrong = vec![Mistake::new("password", t.pw_err_current())];
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            ask(&site, &member, &next, wrong, status).await
        }
    }
}

/// Members, within the limit of login starts: a login at Kakao that asks for the credentials
/// (`prompt=login`) and must end in the same person.
pub(super) async fn begin(
    site: web::Data<Site>,
    member: Member,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let visitor = &member.visitor;
    site.limits.count(Limit::Login, visitor.arrived().ip)?;
    let sealed = cookies::value(request.headers(), site.cookies.attempts);
    let who = member.signed_in.member.id;
    let begun = site
        .gate
        .begin_login(sealed, next(&request), None, Purpose::Proof(who));
    lead_to_kakao(&site, &begun)
}

fn next(request: &HttpRequest) -> Next {
    field(request.query_string(), "next").map_or_else(Next::home, |next| Next::parse(&next))
}

/// The address of this page for somebody who is to come back to `next`.
pub(super) fn address(next: &Next) -> String {
    address_under("/reauth", next)
}

/// The address that leads on to Kakao at once.
pub(super) fn kakao_address(next: &Next) -> String {
    address_under("/reauth/kakao", next)
}

fn address_under(path: &str, next: &Next) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", next.as_str());
    format!("{path}?{}", query.finish())
}
