//! `/auth/kakao/conflict`: somebody came from Kakao with the address of a member. Nobody was let
//! in and nothing joined; here are the ways to go on.

use actix_web::cookie::time::Duration;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::error::{ErrorId, Problem, address_of};
use super::login;
use super::page::{self, Layout, see_other};
use super::visitor::Visitor;
use super::{Site, cookies};
use crate::flow::Next;
use crate::flow::account::Waiting;

/// How long what waits stays in the browser; the content says so itself, too.
pub(super) const WAITING_LIFE: Duration = Duration::minutes(10);

/// Where the two are connected.
pub(super) const CONNECT: &str = "/me/kakao/connect";

/// Where somebody is told.
pub(super) const ADDRESS: &str = "/auth/kakao/conflict";

#[derive(Template)]
#[template(path = "auth/kakao/conflict.html")]
struct Conflict<'a> {
    layout: Layout<'a>,
    email: &'a str,
    /// Signed in as the member whose address it is.
    own: bool,
    has_password: bool,
    login: String,
}

/// Anyone who was led here by a login that ended like this, for ten minutes.
pub(super) async fn show(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let Some(waiting) = waiting(&site, &request) else {
        return Ok(see_other(&address_of(ErrorId::StateExpired.code())).finish());
    };
    // The address has become free: whoever comes with it now is simply new.
    let Some(owner) = site.gate.owner_of(&waiting).await? else {
        return Ok(see_other("/auth/kakao").finish());
    };
    let own = visitor
        .signed_in()
        .is_some_and(|live| live.member.id == owner.member);
    let conflict = Conflict {
        layout: Layout::new(&site, &visitor),
        email: waiting.email(),
        own,
        has_password: owner.has_password,
        login: login::address(&Next::parse(CONNECT), None, false),
    };
    Ok(page::show(&site, &visitor, &conflict))
}

/// What waits in this browser.
pub(super) fn waiting(site: &Site, request: &HttpRequest) -> Option<Waiting> {
    let sealed = cookies::value(request.headers(), site.cookies.waiting);
    site.gate.waiting(sealed)
}
