//! `/me/withdraw`: leaving; and `/goodbye`.

use actix_web::http::StatusCode;
use actix_web::http::header::HeaderName;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::flow::account::{LeaveReason, Parting};
use crate::i18n::Texts;
use crate::session::BrowserSession;
use crate::web::Site;
use crate::web::error::Problem;
use crate::web::forms::{Post, status_of};
use crate::web::login::field;
use crate::web::page::{self, Layout, see_other};
use crate::web::visitor::{Member, Visitor};

const ADDRESS: &str = "/me/withdraw";

#[derive(Template)]
#[template(path = "me/withdraw.html")]
struct Withdraw<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    /// Cannot leave.
    last_owner: bool,
    kept: String,
    /// Code, text, and whether it was chosen.
    reasons: Vec<(&'static str, &'static str, bool)>,
    mistake: bool,
}

/// What the form sends.
#[derive(Deserialize)]
pub(in crate::web) struct Fields {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    check: String,
}

/// Members with a fresh proof: what it means.
pub(in crate::web) async fn show(
    site: web::Data<Site>,
    member: Member,
) -> Result<HttpResponse, Problem> {
    member.proved(&site, ADDRESS)?;
    let last = site.gate.is_last_owner(&member.signed_in).await?;
    Ok(ask(&site, &member, last, "", false))
}

/// Members with a fresh proof, with a form of theirs. There is no way back.
pub(in crate::web) async fn leave(
    site: web::Data<Site>,
    member: Member,
    session: BrowserSession,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    member.proved(&site, ADDRESS)?;
    let Fields { reason, check } = form.fields;
    if check != "yes" {
        return Ok(ask(&site, &member, false, &reason, true));
    }
    let visitor = &member.visitor;
    let reason = LeaveReason::parse(&reason);
    let parting = site
        .gate
        .withdraw(&member.signed_in, reason, visitor.texts(), visitor.origin())
        .await?;
    let goodbye = match parting {
        Parting::LastOwner => {
            let mut page = ask(&site, &member, true, "", false);
            *page.status_mut() = StatusCode::CONFLICT;
            return Ok(page);
        }
        Parting::Done | Parting::NotThere | Parting::Unproved => "/goodbye",
        Parting::KakaoLater => "/goodbye?kakao=later",
        Parting::KakaoByHand => "/goodbye?kakao=by-hand",
    };
    session.sign_out();
    let mut response = see_other(goodbye);
    response.insert_header((
        // Not "cookies", which would reach other sites of the same domain; ours go below.
        HeaderName::from_static("clear-site-data"),
        "\"cache\", \"storage\"",
    ));
    for name in site.cookies.of_a_person() {
        response.cookie(site.cookies.forget(name));
    }
    Ok(response.finish())
}

fn ask(
    site: &Site,
    member: &Member,
    last_owner: bool,
    chosen: &str,
    mistake: bool,
) -> HttpResponse {
    let layout = Layout::new(site, &member.visitor);
    let t = layout.t;
    let ask = Withdraw {
        csrf: member.visitor.csrf(),
        last_owner,
        kept: t.out_keep_log(site.audit_days),
        reasons: reasons(t, chosen),
        mistake,
        layout,
    };
    page::show_as(status_of(mistake), site, &member.visitor, &ask)
}

fn reasons(t: Texts, chosen: &str) -> Vec<(&'static str, &'static str, bool)> {
    let text = |reason: LeaveReason| match reason {
        LeaveReason::Unused => t.out_why_unused(),
        LeaveReason::Hard => t.out_why_hard(),
        LeaveReason::Privacy => t.out_why_privacy(),
        LeaveReason::Elsewhere => t.out_why_elsewhere(),
        LeaveReason::Anew => t.out_why_anew(),
        LeaveReason::Other => t.out_why_other(),
    };
    let reasons = LeaveReason::ALL.into_iter();
    reasons
        .map(|reason| (reason.code(), text(reason), reason.code() == chosen))
        .collect()
}

#[derive(Template)]
#[template(path = "goodbye.html")]
struct Goodbye<'a> {
    layout: Layout<'a>,
    /// What is still to be said about the connection to Kakao.
    kakao: Option<&'static str>,
}

/// Anyone: it is done. Knows nobody.
pub(in crate::web) async fn goodbye(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
) -> HttpResponse {
    let layout = Layout::new(&site, &visitor);
    let kakao = match field(request.query_string(), "kakao").as_deref() {
        Some("later") => Some(layout.t.out_done_unlink()),
        Some("by-hand") => Some(layout.t.out_done_byhand()),
        _ => None,
    };
    let goodbye = Goodbye { layout, kakao };
    page::show(&site, &visitor, &goodbye)
}
