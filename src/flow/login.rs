//! Signing in with Kakao: begin, and complete.

use std::time::{Duration, Instant};

use time::OffsetDateTime;
use uuid::Uuid;

use super::{Attempt, Attempts, Gate, LoginFailure, Next, Origin, Purpose, Why};
use crate::kakao::{AuthorizationCode, Authorize, Prompt, Weather, code_challenge};
use crate::session::Token;
use crate::store;
use crate::store::attempts::{self, Claim};
use crate::store::sessions::Found;

/// The longest that completing a login may take. A callback has ten seconds (RL-1), and what lies
/// around this needs its share.
const LIMIT: Duration = Duration::from_millis(9_500);

/// What is kept back of it for writing the result down.
const OUR_PART: Duration = Duration::from_millis(2_500);

/// How often a doubled callback looks whether the first has come to a result.
const PEEK: Duration = Duration::from_millis(100);

/// How a claimed attempt ended that connected a Kakao account.
pub(super) const LINKED: &str = "linked";

/// How one ended whose address belongs to a member.
pub(super) const CONFLICT: &str = "conflict";

/// A login that was begun.
pub struct Begun {
    /// Kakao's authorize address.
    pub location: String,
    /// The new content of the attempts cookie.
    pub attempts: String,
}

/// What Kakao sent the browser back with.
#[derive(Clone, Debug)]
pub struct Callback {
    state: String,
    answer: Result<AuthorizationCode, Refusal>,
}

impl Callback {
    /// Kakao sent a code.
    ///
    /// # Errors
    /// [`Why::BadRequest`] for something that cannot be a code.
    pub fn with_code(state: String, code: &str) -> Result<Self, Why> {
        let code = code.parse().map_err(|_| Why::BadRequest)?;
        Ok(Self {
            state,
            answer: Ok(code),
        })
    }

    /// Kakao sent an `error` (RFC 6749 section 4.1.2.1) with its description.
    #[must_use]
    pub fn refused(state: String, error: &str, description: &str) -> Self {
        let refusal = match error {
            "access_denied" if description.contains("under age 14") => Refusal::Under14,
            "access_denied" => Refusal::Cancelled,
            "server_error" | "temporarily_unavailable" => Refusal::Temporary,
            "invalid_request"
            | "invalid_client"
            | "invalid_scope"
            | "misconfigured"
            | "unauthorized"
            | "unauthorized_client"
            | "unsupported_response_type" => Refusal::Configuration,
            _ => Refusal::Other,
        };
        Self {
            state,
            answer: Err(refusal),
        }
    }
}

/// Kakao's `error`, as far as it makes a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The person pressed cancel (`access_denied`).
    Cancelled,
    /// The person is under 14 (`access_denied`, told by its description).
    Under14,
    /// Kakao has trouble (`server_error`, `temporarily_unavailable`).
    Temporary,
    /// Kakao does not like our request or app.
    Configuration,
    /// Anything else; new names must be tolerated.
    Other,
}

/// A login that succeeded.
#[derive(Clone, Debug)]
pub struct Completed {
    /// What the browser is to hold from now on.
    pub token: Token,
    /// Where the person wanted to go.
    pub next: Next,
}

/// What became of somebody whom Kakao sent back.
#[derive(Clone)]
pub enum Ending {
    /// They are signed in.
    SignedIn(Completed),
    /// The Kakao account was connected to the member who is signed in; on to there.
    Linked(Next),
    /// Nobody was let in: the address belongs to a member already. What Kakao told waits for that
    /// member, sealed for the browser; a doubled callback has nothing to give.
    Conflict(Option<String>),
    /// Somebody has come for the first time and decides about the terms first. What the browser
    /// keeps meanwhile, see [`super::Undecided`].
    Undecided(String),
}

impl Callback {
    /// The `state` that came back.
    #[must_use]
    pub fn state(&self) -> &str {
        &self.state
    }

    /// Whether Kakao sent an error, so that no code will ever be exchanged.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.answer.is_err()
    }
}

impl Gate {
    /// How Kakao is, as far as this process has asked it: what the login page says of it.
    #[must_use]
    pub fn weather(&self) -> Weather {
        self.kakao.weather()
    }

    /// Begins a login: one more attempt in this browser, and the address to send it to.
    /// `ask` names consent items that a login asks for again; `purpose` names its own.
    ///
    /// # Errors
    /// [`Why::Server`] when there is no randomness.
    pub fn begin_login(
        &self,
        sealed: Option<&str>,
        next: Next,
        ask: Option<&[String]>,
        purpose: Purpose,
    ) -> Result<Begun, LoginFailure> {
        let now = self.clock.now();
        let attempt = Attempt::begin(&self.random, next, purpose, now).map_err(|_| Why::Server)?;
        let scopes = match attempt.asks() {
            [] => ask,
            items => Some(items),
        };
        let location = self.kakao.authorize_url(&Authorize {
            state: &attempt.state(),
            nonce: &attempt.nonce(),
            code_challenge: &code_challenge(&attempt.code_verifier()),
            scopes,
            prompt: match attempt.purpose {
                Purpose::Login | Purpose::Consent { .. } => None,
                // Kakao shows nothing, and answers with an error where it would have to.
                Purpose::Silent => Some(Prompt::None),
                Purpose::Proof(_) => Some(Prompt::Login),
                // Not whichever account the browser happens to be signed in to.
                Purpose::Choice | Purpose::Link(_) => Some(Prompt::SelectAccount),
            },
        });
        let mut attempts = Attempts::open(&self.vault, sealed, now);
        attempts.add(attempt);
        Ok(Begun {
            location: location.into(),
            attempts: attempts.seal(&self.vault).map_err(|_| Why::Server)?,
        })
    }

    /// Completes a login: the attempt is claimed once, the code exchanged once, the person looked
    /// up, and member, session and audit entry written in one transaction. Of two copies of one
    /// request, the second waits for the first and ends in the same session.
    ///
    /// Runs to its end even when the browser goes away in the middle.
    ///
    /// # Errors
    /// [`LoginFailure`] with the page to show and what to log.
    pub async fn complete_login(
        &self,
        callback: Callback,
        attempts: &Attempts,
        current: Option<Token>,
        origin: Origin,
    ) -> Result<Ending, LoginFailure> {
        let outcome = match self.attempt_of(&callback, attempts) {
            Ok((attempt, code)) => {
                let gate = self.clone();
                let story = async move { gate.finish(&code, &attempt, current, &origin).await };
                finished(tokio::spawn(story).await)
            }
            Err(why) => {
                let attempt = attempts.find(&callback.state);
                // That Kakao does not know a browser is nobody's failed sign-in.
                if let Some(attempt) = attempt.filter(|attempt| !attempt.is_silent()) {
                    self.tell_of_unfinished(attempt, &why, &origin).await;
                }
                Err(why.into())
            }
        };
        // Failures are counted where they are told, together with callbacks that were none; who
        // still decides is counted when they have.
        if let Ok(ending) = &outcome {
            self.count(ending);
        }
        outcome
    }

    pub(super) fn count(&self, ending: &Ending) {
        match ending {
            Ending::SignedIn(_) => self.metrics.login("success"),
            Ending::Linked(_) => self.metrics.login("linked"),
            Ending::Conflict(_) => self.metrics.login("email_conflict"),
            Ending::Undecided(_) => {}
        }
    }

    /// The attempt that the callback belongs to, still alive, and the code to exchange.
    fn attempt_of(
        &self,
        callback: &Callback,
        attempts: &Attempts,
    ) -> Result<(Attempt, AuthorizationCode), Why> {
        let attempt = attempts.find(&callback.state).ok_or(Why::StateBad)?;
        if !attempt.is_alive(self.clock.now()) {
            return Err(Why::StateExpired);
        }
        match &callback.answer {
            Ok(code) => Ok((attempt.clone(), code.clone())),
            Err(Refusal::Cancelled) => Err(Why::Cancelled),
            Err(Refusal::Under14) => Err(Why::Under14),
            Err(Refusal::Temporary) => Err(Why::KakaoDown),
            Err(Refusal::Configuration) => Err(Why::BadClient),
            Err(Refusal::Other) => Err(Why::KakaoBadReply),
        }
    }

    async fn finish(
        &self,
        code: &AuthorizationCode,
        attempt: &Attempt,
        current: Option<Token>,
        origin: &Origin,
    ) -> Result<Ending, LoginFailure> {
        let deadline = Instant::now() + LIMIT;
        let state_hash = attempt.state_hash();
        match self.claim(&state_hash, attempt.expires_at()).await? {
            Claim::Ours => {}
            Claim::Taken(outcome) => {
                return self.follow(attempt, state_hash, outcome, deadline).await;
            }
        }
        let outcome = match self.ask_kakao(code, attempt, deadline - OUR_PART).await {
            Ok(arrival) => match attempt.purpose {
                Purpose::Link(bound) => self.link(arrival, attempt, bound, current, origin).await,
                _ => self.admit(arrival, attempt, current, origin).await,
            },
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &outcome {
            let told = self.tell_of_failure(attempt, &failure.why, origin);
            // Within the time of a callback; the entry is written all the same.
            let _ = tokio::time::timeout_at(deadline.into(), told).await;
        }
        outcome
    }

    async fn claim(
        &self,
        state_hash: &str,
        expires_at: OffsetDateTime,
    ) -> Result<Claim, store::Error> {
        let state_hash = state_hash.to_owned();
        self.store
            .write(move |connection| attempts::claim(connection, &state_hash, expires_at))
            .await
    }

    /// The part of a doubled callback: wait for the result of the first, and share it.
    async fn follow(
        &self,
        attempt: &Attempt,
        state_hash: String,
        mut outcome: Option<String>,
        deadline: Instant,
    ) -> Result<Ending, LoginFailure> {
        while outcome.is_none() && Instant::now() < deadline {
            tokio::time::sleep(PEEK).await;
            let hash = state_hash.clone();
            outcome = self
                .store
                .read(move |connection| attempts::outcome(connection, &hash))
                .await?;
        }
        self.ending_of(attempt, outcome.as_deref().unwrap_or_default())
            .await
    }

    /// What an attempt has come to, by what was noted of it.
    pub(super) async fn ending_of(
        &self,
        attempt: &Attempt,
        outcome: &str,
    ) -> Result<Ending, LoginFailure> {
        if outcome == LINKED {
            return Ok(Ending::Linked(attempt.next.clone()));
        }
        if outcome == CONFLICT {
            return Ok(Ending::Conflict(None));
        }
        if let Some(kept) = outcome.strip_prefix("join:") {
            return Ok(Ending::Undecided(kept.to_owned()));
        }
        let Some(Ok(id)) = outcome.strip_prefix("session:").map(Uuid::parse_str) else {
            return Err(Why::CodeUsed.into());
        };
        let token = Token::of_attempt(id, attempt.seed());
        match self.who(&token).await? {
            Found::Live(_) => Ok(Ending::SignedIn(Completed {
                token,
                next: attempt.next.clone(),
            })),
            // Signed out since: a replay must not sign in again.
            Found::Ended(..) | Found::Unknown => Err(Why::CodeUsed.into()),
        }
    }
}

/// The result of a story told in a task of its own. A panic there goes on here.
fn finished(
    joined: Result<Result<Ending, LoginFailure>, tokio::task::JoinError>,
) -> Result<Ending, LoginFailure> {
    joined.unwrap_or_else(|join| match join.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(Why::Unavailable.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // CB-2
    #[test]
    fn kakaos_errors_are_told_apart_and_unknown_ones_tolerated() {
        for (error, description, refusal) in [
            ("access_denied", "User denied access", Refusal::Cancelled),
            (
                "access_denied",
                "Not allowed under age 14",
                Refusal::Under14,
            ),
            ("server_error", "", Refusal::Temporary),
            ("misconfigured", "", Refusal::Configuration),
            ("<script>", "", Refusal::Other),
        ] {
            let callback = Callback::refused("s".to_owned(), error, description);
            assert_eq!(callback.answer.unwrap_err(), refusal, "{error}");
        }
    }
}
