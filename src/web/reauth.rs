//! `/reauth`: somebody signed in proves that it is still them, before something that matters.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::error::Problem;
use super::kakao::lead_to_kakao;
use super::login::field;
use super::page::{self, Layout};
use super::visitor::Member;
use super::{Limit, Site, cookies};
use crate::flow::{Next, Purpose};

#[derive(Template)]
#[template(path = "reauth.html")]
struct Reauth<'a> {
    layout: Layout<'a>,
    kakao: String,
    back: &'a str,
}

/// Members: what is asked and why; nothing is done.
pub(super) async fn show(
    site: web::Data<Site>,
    member: Member,
    request: HttpRequest,
) -> HttpResponse {
    let next = next(&request);
    let reauth = Reauth {
        layout: Layout::new(&site, &member.visitor),
        kakao: address_under("/reauth/kakao", &next),
        back: next.as_str(),
    };
    page::show(&site, &member.visitor, &reauth)
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

fn address_under(path: &str, next: &Next) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", next.as_str());
    format!("{path}?{}", query.finish())
}
