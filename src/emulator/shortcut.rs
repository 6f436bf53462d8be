//! Signing a person in without a browser, by the decisions the pages follow.

use time::OffsetDateTime;

use super::Shared;
use super::ask::Ask;
use super::authorize::{Answer, Reply, Step, Visitor, decide, grant};
use super::fault::Fault;
use super::journal::{Endpoint, Recorded};
use super::random::Random;
use super::received::{first, pairs};
use super::state::{EmailScenario, State};

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
    let fault = first(&query, "emulator_fault").map(str::to_owned);
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
    if let Some(text) = fault {
        // As before a browser's answer, except that nobody is there to be told of a misspelling.
        let _ = state.arm_once(&text);
    }
    match outcome(&mut state, &shared.random, raw, person, consent, now) {
        Ok(location) => {
            state.journal.answered(number, 302);
            location
        }
        Err(code) => {
            state.journal.answered(number, 400);
            code
        }
    }
}

/// The address to go back to, or the code of the page that stays.
fn outcome(
    state: &mut State,
    random: &Random,
    raw: &str,
    person: &str,
    consent: Consent,
    now: OffsetDateTime,
) -> Result<String, String> {
    let fault = state.faults.take(Endpoint::Authorize);
    if let Some(Fault::Redirect(to)) = fault {
        return Ok(to);
    }
    let ask = Ask::read(&state.app, raw).map_err(|stop| stop.code)?;
    if let Some(Fault::Refuse(code)) = fault {
        let answer = Answer::named(&code).ok_or(code)?;
        return Ok(answer.location(&ask));
    }
    // Nobody of an unknown name ever comes back from the chooser.
    let person = state
        .person(person)
        .cloned()
        .ok_or_else(|| format!("no such person: {person}"))?;
    let visitor = Visitor {
        person: &person,
        just_signed_in: true,
        authenticated_at: now,
        email: EmailScenario::AsIs,
    };
    let reply = match consent {
        Consent::All => Reply::AgreeAll,
        Consent::RequiredOnly => Reply::AgreeRequired,
        Consent::Cancel => Reply::Cancel,
    };
    match decide(state, &ask, Some(visitor), Some(&reply)) {
        Step::Return(answer) => Ok(answer.location(&ask)),
        Step::Grant(agreed) => {
            let location = grant(state, random, &ask, visitor, agreed, now);
            location.map_err(|_| "KOE003".to_owned())
        }
        Step::Stop(stop) => Err(stop.code),
        Step::Consent { .. } => Err("KOE203".to_owned()),
        Step::SignUp | Step::Choose => Err("KOE001".to_owned()),
    }
}
