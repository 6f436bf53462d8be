//! `/auth/kakao/callback`: Kakao sends the browser back. Never renders: it always leads on, so
//! that no code or state stays in the address bar, the history or a cache (CB-8).

use actix_web::http::header::{HeaderMap, LOCATION};
use actix_web::{HttpRequest, HttpResponse, web};

use super::Site;
use super::cookies::{self, FailureContext, Said, Way};
use super::error::Problem;
use super::kakao::{ATTEMPTS_LIFE, tell};
use super::page::see_other;
use super::visitor::Visitor;
use super::{conflict, me, newcomer, reauth, silent};
use crate::flow::{Attempt, Attempts, Callback, Ending, LoginFailure, Purpose, Why};
use crate::session::BrowserSession;

/// The longest query read, in bytes.
const LONGEST_QUERY: usize = 4_096;

/// Anyone; the state must be one that this browser was given, which the limit of login starts
/// has bounded.
pub(super) async fn complete(
    site: web::Data<Site>,
    visitor: Visitor,
    session: BrowserSession,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    if is_prefetch(request.headers()) {
        // Whole, so that nobody makes a page of it that the browser might keep.
        return Ok(HttpResponse::ServiceUnavailable()
            .content_type("text/plain")
            .body("not in advance"));
    }
    let gate = &site.gate;
    let sealed = cookies::value(request.headers(), site.cookies.attempts);
    let attempts = Attempts::open(&gate.vault, sealed, gate.clock.now());
    let callback = match parse(request.query_string(), gate.kakao_issuer()) {
        Ok(callback) => callback,
        Err(why) => return Ok(fail(&site, &visitor, &why.into(), None, None)),
    };
    let state = callback.state().to_owned();
    let refused_there = callback.is_refused();
    let current = visitor
        .token()
        .filter(|_| visitor.signed_in().is_some())
        .cloned();
    let completed = gate
        .complete_login(callback, &attempts, current, visitor.origin().clone())
        .await;
    match completed {
        Ok(ending) => {
            // A proof goes on as the session that it proves; any other login is kept.
            let attempt = attempts.find(&state);
            let proving = attempt.is_some_and(|attempt| attempt.awaits().is_some());
            let was_brief = visitor.signed_in().is_some_and(|live| live.session.brief);
            session.set_brief(proving && was_brief);
            if let (Ending::Undecided(sealed), Some(earlier)) =
                (&ending, newcomer::undecided(&site, &request))
                && let Err(error) = gate.supersede(earlier, sealed).await
            {
                tracing::warn!(%error, "a token that was replaced will be given back");
            }
            let silent = attempt.is_some_and(Attempt::is_silent);
            let mut response = lead_on(&site, &session, ending)?;
            // Whoever pressed a button may be signed in without one again.
            if !silent && cookies::value(request.headers(), site.cookies.silent).is_some() {
                // Left in place, it only keeps the button there.
                let _ = response.add_cookie(&site.cookies.forget(site.cookies.silent));
            }
            Ok(response)
        }
        Err(failure) => {
            let attempt = attempts.find(&state);
            let next = attempt.map(|attempt| attempt.next.clone());
            // A reload or the back button, in a browser that is signed in all right.
            if failure.why == Why::CodeUsed && visitor.signed_in().is_some() {
                let next = next.unwrap_or_else(crate::flow::Next::home);
                return Ok(see_other(next.as_str()).finish());
            }
            // An attempt whose code was never exchanged has no row that says it is spent: it is
            // spent by forgetting it.
            let left = refused_there.then(|| attempts.without(&state));
            if let Some(attempt) = attempt.filter(|attempt| attempt.is_silent()) {
                return Ok(unasked(&site, &visitor, &failure, attempt, left.as_ref()));
            }
            let mut response = fail(&site, &visitor, &failure, attempt, left.as_ref());
            // Who was signed in all along goes back to where they came from.
            let back = attempt.and_then(|attempt| match attempt.purpose {
                Purpose::Proof(_) => reauth::address(&attempt.next).parse().ok(),
                Purpose::Link(_) | Purpose::Consent { .. } => attempt.next.as_str().parse().ok(),
                Purpose::Login | Purpose::Choice | Purpose::Silent => None,
            });
            if let (Why::Cancelled, Some(back)) = (&failure.why, back) {
                response.headers_mut().insert(LOCATION, back);
            }
            Ok(response)
        }
    }
}

/// On from a login that Kakao vouched for.
pub(super) fn lead_on(
    site: &Site,
    session: &BrowserSession,
    ending: Ending,
) -> Result<HttpResponse, Problem> {
    match ending {
        Ending::SignedIn(completed) => {
            session
                .sign_in(&completed.token)
                .map_err(|error| Problem::server(error.to_string()))?;
            Ok(see_other(completed.next.as_str())
                .cookie(site.cookies.last(Way::Kakao))
                .finish())
        }
        Ending::Linked(_) => Ok(me::back(site, Said::Linked)),
        Ending::Conflict(waiting) => Ok(conflicting(site, waiting)),
        Ending::Undecided(kept) => Ok(newcomer::lead_here(site, kept)),
    }
}

/// On to the page that says whose the address is, with what waits for them.
fn conflicting(site: &Site, waiting: Option<String>) -> HttpResponse {
    let mut response = see_other(conflict::ADDRESS);
    if let Some(waiting) = waiting {
        let name = site.cookies.waiting;
        response.cookie(site.cookies.make(name, waiting, conflict::WAITING_LIFE));
    }
    response.finish()
}

/// Reads the query strictly (CB-1): each name at most once, `state` and either `code` or
/// `error`, and an `iss`, should there ever be one, that is Kakao's (RFC 9207).
fn parse(query: &str, issuer: &str) -> Result<Callback, Why> {
    if query.len() > LONGEST_QUERY {
        return Err(Why::BadRequest);
    }
    let (mut code, mut state, mut error, mut description, mut iss) = (None, None, None, None, None);
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let slot = match name.as_ref() {
            "code" => &mut code,
            "state" => &mut state,
            "error" => &mut error,
            "error_description" => &mut description,
            "iss" => &mut iss,
            _ => continue,
        };
        if slot.replace(value.into_owned()).is_some() {
            return Err(Why::BadRequest);
        }
    }
    if iss.is_some_and(|iss| iss != issuer) {
        return Err(Why::KakaoBadReply);
    }
    let state = state
        .filter(|state| !state.is_empty())
        .ok_or(Why::StateBad)?;
    match (code, error) {
        (Some(code), None) => Callback::with_code(state, &code),
        (None, Some(error)) => Ok(Callback::refused(
            state,
            &error,
            &description.unwrap_or_default(),
        )),
        _ => Err(Why::BadRequest),
    }
}

/// Whether nobody has gone to this page yet: a browser fetches it in case somebody does.
pub(super) fn is_prefetch(headers: &HeaderMap) -> bool {
    ["sec-purpose", "purpose", "x-moz"]
        .iter()
        .filter_map(|name| headers.get(*name)?.to_str().ok())
        .any(|value| value.contains("prefetch") || value.contains("prerender"))
}

/// The way to the page that says why.
pub(super) fn fail(
    site: &Site,
    visitor: &Visitor,
    failure: &LoginFailure,
    attempt: Option<&Attempt>,
    left: Option<&Attempts>,
) -> HttpResponse {
    site.gate.metrics.login(failure.why.id());
    log(visitor, failure);
    let began = attempt.map(|attempt| &attempt.purpose);
    let context = FailureContext {
        next: attempt.map(|attempt| attempt.next.as_str().to_owned()),
        linking: matches!(began, Some(Purpose::Link(_))),
        of_member: matches!(began, Some(Purpose::Proof(_) | Purpose::Consent { .. })),
        ..FailureContext::default()
    };
    let mut response = tell(site, visitor, failure, context);
    forget_attempt(site, &mut response, left);
    response
}

/// A login that nobody asked for did not succeed: nobody is told, and the button is there.
fn unasked(
    site: &Site,
    visitor: &Visitor,
    failure: &LoginFailure,
    attempt: &Attempt,
    left: Option<&Attempts>,
) -> HttpResponse {
    site.gate.metrics.login("silent");
    let (reason, id) = (failure.why.id(), &visitor.origin().request_id);
    tracing::debug!(reason, request.id = %id, "nobody was signed in without a click");
    let mut response = see_other(&silent::back_to_the_button(&attempt.next)).finish();
    forget_attempt(site, &mut response, left);
    response
}

/// Keeps the attempts that are left, when one was taken out.
fn forget_attempt(site: &Site, response: &mut HttpResponse, left: Option<&Attempts>) {
    // Only when something was taken out: logins begun meanwhile in other tabs are in the browser's
    // cookie, and not in ours.
    if let Some(left) = left {
        let name = site.cookies.attempts;
        let cookie = match left.seal(&site.gate.vault) {
            Ok(sealed) if !left.is_empty() => site.cookies.make(name, sealed, ATTEMPTS_LIFE),
            _ => site.cookies.forget(name),
        };
        // One that cannot be added leaves the attempt to its ten minutes.
        let _ = response.add_cookie(&cookie);
    }
}

/// One line a refused login, as loud as whoever has to act needs it.
fn log(visitor: &Visitor, failure: &LoginFailure) {
    let origin = visitor.origin();
    let (ip, id) = (&origin.ip, &origin.request_id);
    let (reason, cause) = (
        failure.why.id(),
        failure.cause.as_deref().unwrap_or_default(),
    );
    match &failure.why {
        Why::BadClient | Why::RedirectMismatch | Why::Server | Why::Unavailable => {
            tracing::error!(action = "login.kakao", result = "failed", reason, cause, client.address = %ip, request.id = %id, "account event");
        }
        Why::KakaoDown | Why::KakaoLimit { .. } | Why::KakaoBadReply | Why::StateBad => {
            tracing::warn!(action = "login.kakao", result = "failed", reason, cause, client.address = %ip, request.id = %id, "account event");
        }
        _ => {
            tracing::info!(action = "login.kakao", result = "refused", reason, cause, client.address = %ip, request.id = %id, "account event");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KAKAO: &str = "https://kauth.kakao.com";

    // CB-1, CB-2, CB-7
    #[test]
    fn a_callback_is_read_strictly() {
        let why = |query: &str| parse(query, KAKAO).map(|_| ()).unwrap_err();
        assert!(parse("code=abc-_~.9&state=s", KAKAO).is_ok());
        assert!(parse("code=abc&state=s&extra=1", KAKAO).is_ok());
        assert!(parse("code=abc&state=s&iss=https://kauth.kakao.com", KAKAO).is_ok());
        for (query, expected) in [
            ("", Why::StateBad),
            ("code=abc", Why::StateBad),
            ("code=abc&state=", Why::StateBad),
            ("state=s", Why::BadRequest),
            ("code=&state=s", Why::BadRequest),
            ("code=a&code=b&state=s", Why::BadRequest),
            ("code=a&state=s&state=s", Why::BadRequest),
            ("code=a&error=access_denied&state=s", Why::BadRequest),
            ("code=a%00b&state=s", Why::BadRequest),
            ("code=%ff%fe&state=s", Why::BadRequest),
            ("code=a%20b&state=s", Why::BadRequest),
            (
                "code=a&state=s&iss=https://evil.example",
                Why::KakaoBadReply,
            ),
        ] {
            assert_eq!(why(query), expected, "{query}");
        }
        let long = format!("code={}&state=s", "a".repeat(10_000));
        assert_eq!(why(&long), Why::BadRequest);
    }
}
