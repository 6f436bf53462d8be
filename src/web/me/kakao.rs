//! `/me/kakao/…`: connecting a Kakao account, taking it away, and asking Kakao what is new.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{back, back_from_waiting};
use crate::flow::account::{Connected, Disconnected, Refreshed};
use crate::flow::{Bound, Next, Purpose};
use crate::web::conflict::{CONNECT, waiting};
use crate::web::cookies::{self, Said};
use crate::web::error::{ErrorId, Problem, address_of};
use crate::web::forms::Post;
use crate::web::kakao::{items_of, lead_to_kakao, refused, seal_items};
use crate::web::login::field;
use crate::web::page::{self, Layout, see_other};
use crate::web::sessions::Nothing;
use crate::web::visitor::Member;
use crate::web::{Limit, Site};

/// Where connecting begins.
pub(in crate::web) const LINK: &str = "/me/kakao/link";

/// The address that begins connecting, asking for these consent items.
pub(in crate::web) fn link_address(site: &Site, items: &[String]) -> String {
    let sealed = (!items.is_empty()).then(|| seal_items(site, items));
    match sealed.flatten() {
        Some(sealed) => format!("{LINK}?ask={sealed}"),
        None => LINK.to_owned(),
    }
}

const UNLINK: &str = "/me/kakao/unlink";

/// Members with a fresh proof, within the limit of login starts: on to Kakao, in a flow that only
/// this session can end.
pub(in crate::web) async fn link(
    site: web::Data<Site>,
    member: Member,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    if member.signed_in.kakao.is_some() {
        return Ok(back(&site, Said::HasKakao));
    }
    // Consent items that Kakao missed at the last try, if a page of ours has named any.
    let ask = field(request.query_string(), "ask").and_then(|sealed| items_of(&site, &sealed));
    member.proved(
        &site,
        &link_address(&site, ask.as_deref().unwrap_or_default()),
    )?;
    site.limits
        .count(Limit::Login, member.visitor.arrived().ip)?;
    let sealed = cookies::value(request.headers(), site.cookies.attempts);
    let bound = Purpose::Link(Bound {
        member: member.signed_in.member.id,
        session: member.signed_in.session.id,
    });
    let begun = site
        .gate
        .begin_login(sealed, Next::home(), ask.as_deref(), bound);
    lead_to_kakao(&site, &begun)
}

#[derive(Template)]
#[template(path = "me/kakao/unlink.html")]
struct Unlink<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    /// Nothing else would be left to sign in with.
    last: bool,
    by_email: bool,
    has_password: bool,
}

/// Members with a fresh proof: what it means, or why it cannot be done.
pub(in crate::web) async fn confirm_unlink(
    site: web::Data<Site>,
    member: Member,
) -> Result<HttpResponse, Problem> {
    if member.signed_in.kakao.is_none() {
        return Ok(back(&site, Said::Unlinked));
    }
    member.proved(&site, UNLINK)?;
    show_unlink(&site, &member).await
}

async fn show_unlink(site: &Site, member: &Member) -> Result<HttpResponse, Problem> {
    let own = site.gate.overview(&member.signed_in).await?;
    let unlink = Unlink {
        layout: Layout::new(site, &member.visitor),
        csrf: member.visitor.csrf(),
        last: !own.other_way,
        by_email: site.gate.takes_email(),
        has_password: own.password_since.is_some(),
    };
    Ok(page::show(site, &member.visitor, &unlink))
}

/// Members with a fresh proof, with a form of theirs. The last way in stays.
pub(in crate::web) async fn unlink(
    site: web::Data<Site>,
    member: Member,
    _: Post<Nothing>,
) -> Result<HttpResponse, Problem> {
    member.proved(&site, UNLINK)?;
    let origin = member.visitor.origin();
    match site
        .gate
        .disconnect_kakao(&member.signed_in, origin)
        .await?
    {
        Disconnected::Yes => Ok(back(&site, Said::Unlinked)),
        Disconnected::LastWay => {
            let mut page = show_unlink(&site, &member).await?;
            *page.status_mut() = StatusCode::CONFLICT;
            Ok(page)
        }
    }
}

/// Members, with a form of theirs.
pub(in crate::web) async fn refresh(
    site: web::Data<Site>,
    member: Member,
    _: Post<Nothing>,
) -> Result<HttpResponse, Problem> {
    let origin = member.visitor.origin();
    let said = match site.gate.refresh_kakao(&member.signed_in, origin).await? {
        Refreshed::Yes => Said::Synced,
        Refreshed::SignInAgain => Said::SignInAtKakao,
        Refreshed::NotNow(failure) => {
            if let Some(response) = refused(&site, &member.visitor, &failure, "/me")? {
                return Ok(response);
            }
            Said::KakaoDown
        }
    };
    Ok(back(&site, said))
}

#[derive(Template)]
#[template(path = "me/kakao/connect.html")]
struct Connect<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    email: &'a str,
    nickname: Option<&'a str>,
}

/// Members with a fresh proof, in a browser in which a Kakao account waits: which it is.
pub(in crate::web) async fn confirm_connect(
    site: web::Data<Site>,
    member: Member,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    if member.signed_in.kakao.is_some() {
        return Ok(back_from_waiting(&site, Said::HasKakao));
    }
    let Some(waiting) = waiting(&site, &request) else {
        return Ok(back(&site, Said::NothingWaits));
    };
    let owner = site.gate.owner_of(&waiting).await?;
    if owner.is_none_or(|owner| owner.member != member.signed_in.member.id) {
        return Ok(back(&site, Said::OtherAddress));
    }
    member.proved(&site, CONNECT)?;
    let connect = Connect {
        layout: Layout::new(&site, &member.visitor),
        csrf: member.visitor.csrf(),
        email: waiting.email(),
        nickname: waiting.nickname(),
    };
    Ok(page::show(&site, &member.visitor, &connect))
}

/// Members with a fresh proof, with a form of theirs, in a browser in which a Kakao account with
/// their address waits.
pub(in crate::web) async fn connect(
    site: web::Data<Site>,
    member: Member,
    _: Post<Nothing>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    member.proved(&site, CONNECT)?;
    let Some(waiting) = waiting(&site, &request) else {
        return Ok(back(&site, Said::NothingWaits));
    };
    let origin = member.visitor.origin();
    let connected = site
        .gate
        .connect_waiting(&member.signed_in, waiting, origin)
        .await?;
    Ok(match connected {
        Connected::Yes => back_from_waiting(&site, Said::Linked),
        Connected::HasKakao => back_from_waiting(&site, Said::HasKakao),
        Connected::OtherAddress => back(&site, Said::OtherAddress),
        Connected::AlreadyLinked => see_other(&address_of(ErrorId::AlreadyLinked.code())).finish(),
    })
}
