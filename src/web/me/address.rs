//! `/me/email`: another address, and the link that proves it. There where mail can be sent.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::back;
use crate::email::EmailAddress;
use crate::flow::account::{Asked, LinkState, Moved};
use crate::web::Site;
use crate::web::cookies::Said;
use crate::web::dead_link::DeadLink;
use crate::web::error::{ErrorId, Problem};
use crate::web::forms::{Post, status_of};
use crate::web::login::{field, why_no_address};
use crate::web::page::{self, Layout};
use crate::web::visitor::Member;

#[derive(Template)]
#[template(path = "me/email/index.html")]
struct Ask<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    email: &'a str,
    current: Option<String>,
    mistake: Option<String>,
}

/// What the form sends.
#[derive(Deserialize)]
pub(in crate::web) struct Fields {
    email: String,
}

/// Members with a fresh proof, where mail can be sent.
pub(in crate::web) async fn show(
    site: web::Data<Site>,
    member: Member,
) -> Result<HttpResponse, Problem> {
    allowed(&site, &member)?;
    ask(&site, &member, "", None).await
}

/// Members with a fresh proof, with a form of theirs. Whether the address is somebody's is not
/// told: its owner is written to.
pub(in crate::web) async fn send(
    site: web::Data<Site>,
    member: Member,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    allowed(&site, &member)?;
    let (visitor, typed) = (&member.visitor, form.fields.email.trim());
    let t = visitor.texts();
    let Ok(address) = EmailAddress::parse(typed) else {
        let mistake = why_no_address(t, typed).to_owned();
        return ask(&site, &member, typed, Some(mistake)).await;
    };
    let asked = site
        .gate
        .ask_address(&member.signed_in, address, t, visitor.origin())
        .await?;
    match asked {
        Asked::Sent => Ok(back(&site, Said::AddressAsked)),
        Asked::Same => Ok(back(&site, Said::AddressSame)),
        Asked::Later(wait) => {
            let minutes = wait.whole_minutes().saturating_add(1);
            let mistake = t.me_email_later(minutes);
            ask(&site, &member, typed, Some(mistake)).await
        }
    }
}

fn allowed(site: &Site, member: &Member) -> Result<(), Problem> {
    if site.gate.postman.is_none() {
        return Err(ErrorId::NotFound.into());
    }
    member.proved(site, "/me/email")
}

async fn ask(
    site: &Site,
    member: &Member,
    email: &str,
    mistake: Option<String>,
) -> Result<HttpResponse, Problem> {
    let own = site.gate.overview(&member.signed_in).await?;
    let status = status_of(mistake.is_some());
    let ask = Ask {
        layout: Layout::new(site, &member.visitor),
        csrf: member.visitor.csrf(),
        email,
        current: own.email,
        mistake,
    };
    Ok(page::show_as(status, site, &member.visitor, &ask))
}

#[derive(Template)]
#[template(path = "me/email/verify.html")]
struct Verify<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    token: &'a str,
    /// The address that the link proves.
    email: &'a str,
}

/// Members who bring a link of theirs. Opening it changes nothing.
pub(in crate::web) async fn open(
    site: web::Data<Site>,
    member: Member,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let token = field(request.query_string(), "token").unwrap_or_default();
    let state = site.gate.look_at_link(&member.signed_in, &token).await?;
    let LinkState::Good(address) = state else {
        return Ok(no(&site, &member, &state));
    };
    let verify = Verify {
        layout: Layout::new(&site, &member.visitor),
        csrf: member.visitor.csrf(),
        token: &token,
        email: address.as_str(),
    };
    Ok(page::show(&site, &member.visitor, &verify))
}

/// What the button sends.
#[derive(Deserialize)]
pub(in crate::web) struct Proof {
    token: String,
}

/// Members who bring a link of theirs, with a form of theirs: the address is theirs now.
pub(in crate::web) async fn prove(
    site: web::Data<Site>,
    member: Member,
    form: Post<Proof>,
) -> Result<HttpResponse, Problem> {
    let (visitor, token) = (&member.visitor, form.fields.token.as_str());
    let moved = site
        .gate
        .move_address(&member.signed_in, token, visitor.texts(), visitor.origin())
        .await?;
    match moved {
        Moved::Done => Ok(back(&site, Said::AddressMoved)),
        Moved::Taken => Err(ErrorId::AddressTaken.into()),
        Moved::NoLink => {
            let state = site.gate.look_at_link(&member.signed_in, token).await?;
            Ok(no(&site, &member, &state))
        }
    }
}

fn no(site: &Site, member: &Member, state: &LinkState) -> HttpResponse {
    let layout = Layout::new(site, &member.visitor);
    let t = layout.t;
    let (title, body) = match state {
        LinkState::Used => (t.join_link_used_title(), t.me_link_used()),
        LinkState::Expired => (t.join_link_expired_title(), t.me_link_expired()),
        LinkState::Good(_) | LinkState::Unknown => (t.me_link_unknown_title(), t.me_link_unknown()),
    };
    page::show(
        site,
        &member.visitor,
        &DeadLink {
            layout,
            title,
            body,
            ways: vec![("/me", t.act_me()), ("/me/email", t.me_email_edit())],
        },
    )
}
