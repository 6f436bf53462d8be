//! `/me/kakao/consents`: what a member shares with us at Kakao, to see, to withdraw, to add to.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::{Deserialize, Serialize};

use super::cookies::{self, Notice};
use super::error::Problem;
use super::forms::Post;
use super::kakao::{items_of, lead_to_kakao, refused, seal_items};
use super::login::field;
use super::page::{self, Layout, see_other};
use super::visitor::{Member, Visitor};
use super::{Limit, Site};
use crate::flow::{ConsentItem, KakaoTerm, Next, NoAccess, Purpose, Withdrawn};
use crate::i18n::machine_time;

/// Where the page is.
pub(super) const PAGE: &str = "/me/kakao/consents";

/// The item of the email address.
const EMAIL: &str = "account_email";

/// Where asking for an item begins.
const ASK: &str = "/me/kakao/consents/ask";

/// What became of the wish to withdraw something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Told {
    /// It is withdrawn.
    Withdrawn,
    /// That to the email address is, which the account may go on using.
    EmailWithdrawn,
    /// It cannot be.
    NotRevocable,
    /// Kakao did not answer.
    NotNow,
}

/// One consent item as it is shown.
struct Line {
    item: ConsentItem,
    /// Where to agree to it.
    ask: Option<String>,
}

/// What Kakao said, or why it said nothing.
enum Shown {
    Items(Vec<Line>),
    SignInAgain(String),
    NotNow,
}

#[derive(Template)]
#[template(path = "me/kakao/consents.html")]
struct Consents<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    /// Whether it is good news, and the news.
    notice: Option<(bool, &'static str)>,
    shown: Shown,
    terms: Vec<KakaoTerm>,
}

impl Consents<'_> {
    fn since(&self, term: &KakaoTerm) -> String {
        let date = self.layout.t.date_long(term.at);
        if term.agreed {
            self.layout.t.kc_term_on(date)
        } else {
            self.layout.t.kc_term_off(date)
        }
    }

    fn machine(term: &KakaoTerm) -> String {
        machine_time(term.at)
    }
}

/// Members who have connected Kakao; others are led to their page. Asks Kakao and changes nothing.
pub(super) async fn show(site: web::Data<Site>, member: Member) -> Result<HttpResponse, Problem> {
    if member.signed_in.kakao.is_none() {
        return Ok(see_other("/me").finish());
    }
    let origin = member.visitor.origin();
    let asked = site.gate.kakao_consents(&member.signed_in, origin);
    let shown = match asked.await {
        Ok(items) => Shown::Items(items.into_iter().map(|item| line(&site, item)).collect()),
        Err(NoAccess::SignInAgain) => Shown::SignInAgain(sign_in_again()),
        Err(NoAccess::NotNow(failure)) => match refused(&site, &member.visitor, &failure, PAGE)? {
            Some(response) => return Ok(response),
            None => Shown::NotNow,
        },
    };
    let terms = site.gate.kakao_terms(member.signed_in.member.id).await?;
    let consents = Consents {
        layout: Layout::new(&site, &member.visitor),
        csrf: member.visitor.csrf(),
        notice: notice(&member.visitor),
        shown,
        terms,
    };
    Ok(page::show(&site, &member.visitor, &consents))
}

fn notice(visitor: &Visitor) -> Option<(bool, &'static str)> {
    let t = visitor.texts();
    Some(match visitor.notice()? {
        Notice::KakaoConsent(Told::Withdrawn) => (true, t.kc_withdrawn()),
        Notice::KakaoConsent(Told::EmailWithdrawn) => (true, t.kc_withdrawn_email()),
        Notice::KakaoConsent(Told::NotRevocable) => (false, t.kc_not_revocable()),
        Notice::KakaoConsent(Told::NotNow) => (false, t.kc_not_now()),
        // Back from Kakao's page without agreeing.
        Notice::LoginFailed(_) => (false, t.kc_cancelled()),
        _ => return None,
    })
}

fn line(site: &Site, item: ConsentItem) -> Line {
    let asks = !item.agreed && item.using;
    let ask = asks.then(|| ask_address(site, std::slice::from_ref(&item.id), PAGE));
    Line {
        ask: ask.flatten(),
        item,
    }
}

/// The address at which somebody signed in is asked for consent items, and comes back to `next`.
pub(super) fn ask_address(site: &Site, items: &[String], next: &str) -> Option<String> {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.append_pair("next", next);
    query.append_pair("ask", &seal_items(site, items)?);
    Some(format!("{ASK}?{}", query.finish()))
}

fn sign_in_again() -> String {
    super::reauth::kakao_address(&Next::parse(PAGE))
}

/// Members who have connected Kakao, within the limit of login starts: on to Kakao's consent
/// screen. Only items that a page of ours has named can be asked for, and only the same person can
/// come back.
pub(super) async fn ask(
    site: web::Data<Site>,
    member: Member,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let visitor = &member.visitor;
    site.limits.count(Limit::Login, visitor.arrived().ip)?;
    let query = request.query_string();
    let items = field(query, "ask").and_then(|sealed| items_of(&site, &sealed));
    let items = items.filter(|items| !items.is_empty());
    let (Some(items), Some(_)) = (items, &member.signed_in.kakao) else {
        return Ok(see_other(PAGE).finish());
    };
    let next = field(query, "next").map_or_else(|| Next::parse(PAGE), |next| Next::parse(&next));
    let sealed = cookies::value(request.headers(), site.cookies.attempts);
    let purpose = Purpose::Consent {
        member: member.signed_in.member.id,
        items,
    };
    let begun = site.gate.begin_login(sealed, next, None, purpose);
    lead_to_kakao(&site, &begun)
}

/// What the button says.
#[derive(Deserialize)]
pub(super) struct Fields {
    item: String,
}

/// Members who have connected Kakao, with a form of theirs.
pub(super) async fn withdraw(
    site: web::Data<Site>,
    member: Member,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    let origin = member.visitor.origin();
    let asked = site
        .gate
        .withdraw_kakao_consent(&member.signed_in, &form.fields.item, origin);
    let told = match asked.await {
        Ok(Withdrawn::Yes) if form.fields.item == EMAIL => Told::EmailWithdrawn,
        Ok(Withdrawn::Yes) => Told::Withdrawn,
        Ok(Withdrawn::NotRevocable) => Told::NotRevocable,
        // The page says so, and how.
        Err(NoAccess::SignInAgain) => return Ok(see_other(PAGE).finish()),
        Err(NoAccess::NotNow(failure)) => match refused(&site, &member.visitor, &failure, PAGE)? {
            Some(response) => return Ok(response),
            None => Told::NotNow,
        },
    };
    let mut response = see_other(PAGE);
    // Without it the page shows how it is, only not what changed.
    if let Some(cookie) = site.cookies.say(&site.gate, &Notice::KakaoConsent(told)) {
        response.cookie(cookie);
    }
    Ok(response.finish())
}
