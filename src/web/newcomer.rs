//! `/auth/kakao/join`: somebody comes with Kakao for the first time, sees what Kakao told, and
//! agrees to the terms or not. Only where the operator has published any.

use std::collections::BTreeMap;

use actix_web::cookie::time::Duration;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::Site;
use super::callback;
use super::cookies::{self, FailureContext};
use super::error::{ErrorId, Problem};
use super::forms::{Mistake, Post, status_of};
use super::join::agreements::{self, Agreement};
use super::kakao;
use super::login::current;
use super::page::{self, Layout, see_other};
use super::visitor::Visitor;
use crate::flow::{DECISION_LIFE, Undecided, Unjoined};
use crate::session::BrowserSession;
use crate::terms::Part;

/// Where it is decided.
const HERE: &str = "/auth/kakao/join";

#[derive(Template)]
#[template(path = "auth/kakao/join.html")]
struct Decide<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    who: &'a Undecided,
    /// Kakao asks for the address again.
    ask: String,
    wrong: Vec<Mistake>,
    agreements: Vec<Agreement<'a>>,
}

impl Decide<'_> {
    /// What stands for the picture where there is none.
    fn initial(&self) -> String {
        let first = self.who.nickname().and_then(|name| name.chars().next());
        first.map_or_else(|| "?".to_owned(), |first| first.to_uppercase().collect())
    }
}

/// Anyone whom Kakao vouched for within the last ten minutes, in this browser.
pub(super) async fn show(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let Some(who) = undecided(&site, &request) else {
        return nobody(&visitor);
    };
    let none = BTreeMap::new();
    Ok(ask(&site, &visitor, &who, &none, &[]))
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Fields {
    #[serde(default)]
    act: String,
    /// The check boxes.
    #[serde(flatten)]
    rest: BTreeMap<String, String>,
}

/// Anyone whom Kakao vouched for within the last ten minutes, with a form of this browser.
pub(super) async fn act(
    site: web::Data<Site>,
    session: BrowserSession,
    request: HttpRequest,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    let Post { visitor, fields } = form;
    let Some(who) = undecided(&site, &request) else {
        return nobody(&visitor);
    };
    let forget = site.cookies.forget(site.cookies.undecided);
    match fields.act.as_str() {
        "join" => {}
        "quit" => {
            site.gate.decline_to_join(who).await?;
            return Ok(see_other("/").cookie(forget).finish());
        }
        _ => return Err(ErrorId::BadRequest.into()),
    }
    let ticked = agreements::ticked(&fields.rest);
    let joining =
        site.gate
            .agree_and_join(who.clone(), &ticked, current(&visitor), visitor.origin());
    match joining.await {
        Ok(ending) => {
            let mut response = callback::lead_on(&site, &session, ending)?;
            let gone = response.add_cookie(&forget);
            gone.map_err(|error| Problem::server(error.to_string()))?;
            Ok(response)
        }
        Err(Unjoined::NotAgreed(missing)) => Ok(ask(&site, &visitor, &who, &ticked, &missing)),
        Err(Unjoined::Failed(failure)) => {
            let attempt = who.attempt(site.gate.clock.now());
            let mut response = callback::fail(&site, &visitor, &failure, attempt.as_ref(), None);
            // What cannot be decided any more is forgotten; a database that is away comes back.
            if !matches!(failure.why, crate::flow::Why::Unavailable) {
                let gone = response.add_cookie(&forget);
                gone.map_err(|error| Problem::server(error.to_string()))?;
            }
            Ok(response)
        }
    }
}

/// Leads to the decision, which the browser keeps in the meantime.
pub(super) fn lead_here(site: &Site, sealed: String) -> HttpResponse {
    let life = Duration::seconds(DECISION_LIFE.whole_seconds());
    let cookie = site.cookies.make(site.cookies.undecided, sealed, life);
    see_other(HERE).cookie(cookie).finish()
}

pub(super) fn undecided(site: &Site, request: &HttpRequest) -> Option<Undecided> {
    let sealed = cookies::value(request.headers(), site.cookies.undecided)?;
    Undecided::open(&site.gate.vault, sealed, site.gate.clock.now())
}

/// Somebody who has decided already goes on; the others have taken too long.
fn nobody(visitor: &Visitor) -> Result<HttpResponse, Problem> {
    if visitor.signed_in().is_none() {
        return Err(ErrorId::StateExpired.into());
    }
    Ok(see_other("/me").finish())
}

fn ask(
    site: &Site,
    visitor: &Visitor,
    who: &Undecided,
    ticked: &BTreeMap<String, String>,
    missing: &[String],
) -> HttpResponse {
    let t = visitor.texts();
    let ask = FailureContext {
        scopes: vec!["account_email".to_owned()],
        next: Some(who.next().as_str().to_owned()),
        ..FailureContext::default()
    };
    let decide = Decide {
        layout: Layout::new(site, visitor),
        csrf: visitor.csrf(),
        ask: kakao::begin_address(site, &ask),
        who,
        wrong: agreements::mistakes(t, missing),
        agreements: agreements::boxes(&site.gate.rules.agreements, t, ticked, missing),
    };
    let status = status_of(!missing.is_empty());
    page::show_as(status, site, visitor, &decide)
}
