//! Signing a person in without a browser, by the decisions the pages follow.

use super::Shared;
use super::authorize::{Answer, Ask, Reply, Step, Visitor, decide, grant};
use super::fault::{Fault, Times};
use super::journal::{Endpoint, Recorded};
use super::received::{first, pairs};
use super::serve::targeted;

/// What a person does on the consent page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Agrees to everything asked.
    All,
    /// Agrees to what is required.
    RequiredOnly,
    /// Cancels: `access_denied`.
    Cancel,
}

/// See [`super::Emulator::authorize`].
pub(super) fn authorize(
    shared: &Shared,
    authorize_url: &str,
    person: &str,
    consent: Consent,
) -> String {
    let address = authorize_url.split('#').next().unwrap_or_default();
    let (_, raw) = address.split_once('?').unwrap_or((address, ""));
    let query = pairs(raw.as_bytes());
    let armed = first(&query, "emulator_fault").and_then(targeted);
    let now = shared.clock.now();
    let mut state = shared.state();
    let number = state.journal.write(Recorded {
        endpoint: Some(Endpoint::Authorize),
        method: "GET".to_owned(),
        path: Endpoint::Authorize.path().to_owned(),
        query,
        form: Vec::new(),
        authorization: None,
        content_type: None,
        user_agent: None,
        status: None,
        at: now,
    });
    if let Some((endpoint, fault)) = armed {
        state.faults.arm(endpoint, fault, Times::Once);
    }
    let fault = state.faults.take(Endpoint::Authorize);
    let ask = match Ask::read(&state.app, raw) {
        Ok(ask) => ask,
        Err(stop) => {
            state.journal.answered(number, 400);
            return stop.code;
        }
    };
    match fault {
        Some(Fault::Redirect(to)) => return to,
        Some(Fault::Refuse(code)) => {
            let answer = Answer::named(&code);
            return answer.map_or(code, |answer| ask.error_location(answer));
        }
        _ => {}
    }
    let Some(person) = state.person(person) else {
        // Nobody of that name ever comes back from the chooser.
        return format!("no such person: {person}");
    };
    let visitor = Visitor {
        person,
        just_signed_in: true,
    };
    let reply = match consent {
        Consent::All => Reply::AgreeAll,
        Consent::RequiredOnly => Reply::AgreeRequired,
        Consent::Cancel => Reply::Cancel,
    };
    let user_id = person.user_id.unwrap_or_default();
    match decide(&state, &ask, Some(visitor), Some(&reply)) {
        Step::Return(answer) => {
            state.journal.answered(number, 302);
            ask.error_location(answer)
        }
        Step::Grant(scopes) => {
            state.journal.answered(number, 302);
            let granted = grant(&mut state, &shared.random, &ask, user_id, scopes, now);
            granted.unwrap_or_else(|_| "KOE003".to_owned())
        }
        Step::Stop(stop) => {
            state.journal.answered(number, 400);
            stop.code
        }
        Step::Consent { .. } => "KOE203".to_owned(),
        Step::SignUp | Step::Choose => "KOE001".to_owned(),
    }
}
