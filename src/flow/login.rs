//! Signing in with Kakao: begin, and complete.

use std::time::{Duration, Instant};

use time::OffsetDateTime;
use uuid::Uuid;

use super::owed::{Revocation, owe};
use super::{Attempt, Attempts, Audited, Gate, LoginFailure, Next, Origin, Why};
use crate::kakao::{AuthorizationCode, Authorize, Kind, Tokens, User, code_challenge};
use crate::member::{EndedBy, Member, MemberId, Method};
use crate::session::Token;
use crate::store::attempts::{self, Claim};
use crate::store::members::{self, KakaoProfile};
use crate::store::sessions::{self, Found, NewSession, SealedTokens};
use crate::store::{self, AnyConnection};

/// The longest a callback may take (RL-1), our own part included.
const CALLBACK_LIMIT: Duration = Duration::from_secs(10);

/// What is kept back of it for writing the result down.
const OUR_PART: Duration = Duration::from_millis(2_500);

/// How often a doubled callback looks whether the first has come to a result.
const PEEK: Duration = Duration::from_millis(100);

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

/// What Kakao told about the person, and the tokens to keep.
struct Arrival {
    profile: KakaoProfile,
    tokens: Tokens,
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
    /// Begins a login: one more attempt in this browser, and the address to send it to.
    /// `ask` names consent items to be asked for again.
    ///
    /// # Errors
    /// [`Why::Server`] when there is no randomness.
    pub fn begin_login(
        &self,
        sealed: Option<&str>,
        next: Next,
        ask: Option<&[String]>,
    ) -> Result<Begun, LoginFailure> {
        let now = self.clock.now();
        let attempt = Attempt::begin(&self.random, next, now).map_err(|_| Why::Server)?;
        let location = self.kakao.authorize_url(&Authorize {
            state: &attempt.state(),
            nonce: &attempt.nonce(),
            code_challenge: &code_challenge(&attempt.code_verifier()),
            scopes: ask,
            prompt: None,
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
    ) -> Result<Completed, LoginFailure> {
        let attempt = attempts
            .find(&callback.state)
            .cloned()
            .ok_or(Why::StateBad)?;
        if !attempt.is_alive(self.clock.now()) {
            return Err(Why::StateExpired.into());
        }
        let code = callback.answer.map_err(|refusal| match refusal {
            Refusal::Cancelled => Why::Cancelled,
            Refusal::Under14 => Why::Under14,
            Refusal::Temporary => Why::KakaoDown,
            Refusal::Configuration => Why::BadClient,
            Refusal::Other => Why::KakaoBadReply,
        })?;
        let gate = self.clone();
        let story = async move { gate.finish(&code, &attempt, current, &origin).await };
        tokio::spawn(story)
            .await
            .unwrap_or_else(|join| match join.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Why::Unavailable.into()),
            })
    }

    async fn finish(
        &self,
        code: &AuthorizationCode,
        attempt: &Attempt,
        current: Option<Token>,
        origin: &Origin,
    ) -> Result<Completed, LoginFailure> {
        let began = Instant::now();
        let state_hash = attempt.state_hash();
        match self.claim(&state_hash, attempt.expires_at()).await? {
            Claim::Ours => {}
            Claim::Taken(outcome) => {
                return self.follow(attempt, state_hash, outcome, began).await;
            }
        }
        let kakao_part = CALLBACK_LIMIT.saturating_sub(OUR_PART + began.elapsed());
        let arrival = tokio::time::timeout(kakao_part, self.ask_kakao(code, attempt)).await;
        let arrival = arrival.unwrap_or_else(|_| {
            Err(LoginFailure {
                why: Why::KakaoDown,
                cause: Some("Kakao took longer than a callback may".to_owned()),
            })
        });
        let outcome = match arrival {
            Ok(arrival) => self.admit(arrival, attempt, current, origin).await,
            Err(failure) => Err(failure),
        };
        if let Err(failure) = &outcome {
            self.settle_failure(state_hash, failure.why.id()).await;
        }
        self.metrics.login(
            outcome
                .as_ref()
                .map_or_else(|failure| failure.why.id(), |_| "success"),
        );
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
        began: Instant,
    ) -> Result<Completed, LoginFailure> {
        while outcome.is_none() && began.elapsed() < CALLBACK_LIMIT {
            tokio::time::sleep(PEEK).await;
            let hash = state_hash.clone();
            outcome = self
                .store
                .read(move |connection| attempts::outcome(connection, &hash))
                .await?;
        }
        let session = outcome
            .as_deref()
            .and_then(|outcome| outcome.strip_prefix("session:"));
        let Some(Ok(id)) = session.map(Uuid::parse_str) else {
            return Err(Why::CodeUsed.into());
        };
        let token = Token::of_attempt(id, attempt.seed());
        match self.who(&token).await? {
            Found::Live(_) => Ok(Completed {
                token,
                next: attempt.next.clone(),
            }),
            // Signed out since: a replay must not sign in again.
            Found::Ended(_) | Found::Unknown => Err(Why::CodeUsed.into()),
        }
    }

    /// Both calls to Kakao; ids from every source must agree.
    async fn ask_kakao(
        &self,
        code: &AuthorizationCode,
        attempt: &Attempt,
    ) -> Result<Arrival, LoginFailure> {
        let tokens = self
            .kakao
            .exchange_code(code, &attempt.code_verifier())
            .await?;
        let named = match &tokens.id_token {
            None => None,
            Some(id_token) => {
                let now = self.clock.now();
                let checked = self.kakao.check_id_token(id_token, &attempt.nonce(), now);
                Some(checked.map_err(|error| LoginFailure {
                    why: Why::KakaoBadReply,
                    cause: Some(error.to_string()),
                })?)
            }
        };
        let user = match self.kakao.user(&tokens.access).await {
            Ok(user) => user,
            Err(error) => {
                if error.kind == Kind::Under14 {
                    self.let_go(&tokens).await;
                }
                return Err(error.into());
            }
        };
        if named.is_some_and(|id| id != user.id) {
            return Err(LoginFailure {
                why: Why::KakaoBadReply,
                cause: Some("ID token and user/me name different people".to_owned()),
            });
        }
        let profile = self.profile(user, &tokens);
        Ok(Arrival { profile, tokens })
    }

    /// Undoes the link that agreeing on Kakao's page has made, for somebody who may not become a
    /// member. Nothing is stored, so when this fails it is for the person to end the link.
    async fn let_go(&self, tokens: &Tokens) {
        if let Err(error) = self.kakao.unlink(&tokens.access).await {
            tracing::warn!(%error, "link to somebody under age left at Kakao");
        }
    }

    fn profile(&self, user: User, tokens: &Tokens) -> KakaoProfile {
        let picture_origin = self.rules.picture_origin.as_deref();
        let (email, email_valid, email_verified) = match user.email {
            Some(email) => (Some(email.address), email.valid, email.verified),
            None => (None, false, false),
        };
        KakaoProfile {
            app_id: self.rules.app_id,
            kakao_id: user.id,
            connected_at: user.connected_at,
            nickname: user.nickname.filter(|_| !user.default_nickname),
            picture: user.picture.filter(|url| is_picture(url, picture_origin)),
            email,
            email_valid,
            email_verified,
            scopes: tokens.scopes.join(" "),
        }
    }

    /// Everything that must happen together or not at all.
    async fn admit(
        &self,
        arrival: Arrival,
        attempt: &Attempt,
        current: Option<Token>,
        origin: &Origin,
    ) -> Result<Completed, LoginFailure> {
        let now = self.clock.now();
        let (gate, state_hash, seed) = (self.clone(), attempt.state_hash(), *attempt.seed());
        let from = origin.clone();
        let admitted = self
            .store
            .write(move |connection| {
                let new_id = MemberId(gate.random.id(now)?);
                let member =
                    members::sign_in_with_kakao(connection, &arrival.profile, new_id, now)?;
                let refused = (!member.standing.admits(now)).then_some("suspended");
                let audited = Audited {
                    member: Some(member.id),
                    action: "login.kakao",
                    refused,
                    origin: &from,
                };
                gate.audit(connection, &audited, now)?;
                if refused.is_some() {
                    gate.hand_back(connection, &member, &arrival.tokens, now)?;
                    return Ok((member, None));
                }
                gate.end_previous(connection, current.as_ref(), &member, now)?;
                let token = Token::of_attempt(gate.random.id(now)?, &seed);
                let session = gate.new_session(&token, &member, &arrival.tokens, &from, now)?;
                sessions::insert(connection, &session)?;
                attempts::settle(connection, &state_hash, &format!("session:{}", token.id()))?;
                Ok((member, Some(token)))
            })
            .await?;
        match admitted {
            (member, Some(token)) => {
                tracing::info!(
                    action = "login.kakao",
                    result = "success",
                    member.id = %member.id,
                    session.id = %token.id(),
                    client.address = %origin.ip,
                    request.id = %origin.request_id,
                    "account event"
                );
                Ok(Completed {
                    token,
                    next: attempt.next.clone(),
                })
            }
            (member, None) => {
                self.owed.notify_one();
                let until = match member.standing {
                    crate::member::Standing::Suspended { until } => until,
                    crate::member::Standing::Active => None,
                };
                Err(LoginFailure {
                    why: Why::Suspended { until },
                    cause: Some(format!("member {} is suspended", member.id)),
                })
            }
        }
    }

    /// A suspended member keeps no Kakao token with us.
    fn hand_back(
        &self,
        connection: &mut AnyConnection,
        member: &Member,
        tokens: &Tokens,
        now: OffsetDateTime,
    ) -> Result<(), store::Error> {
        let revocation = Revocation {
            member: member.id,
            access_token: tokens.access.expose().as_bytes(),
            expires_at: now + tokens.access_expires_in,
        };
        owe(self, connection, &revocation, now)
    }

    /// The session this browser held before is dead: the new login replaces it (CB-4). When it
    /// was somebody else's, their Kakao token goes too; the two accounts never touch (CB-6).
    fn end_previous(
        &self,
        connection: &mut AnyConnection,
        current: Option<&Token>,
        member: &Member,
        now: OffsetDateTime,
    ) -> Result<(), store::Error> {
        let Some(current) = current else {
            return Ok(());
        };
        let (id, hash) = (current.id(), current.secret_hash());
        let found = sessions::find(connection, id, &hash, self.rules.app_id, now)?;
        let Found::Live(previous) = found else {
            return Ok(());
        };
        let owner = previous.member.id;
        let ended = sessions::end(connection, owner, id, EndedBy::NewLogin, now)?;
        // The same person's old token is left to expire: some accounts of Kakao's logout say
        // that it revokes every token of the person, the one we have just been given included.
        match ended {
            Some(ended) if owner != member.id => self.owe_for(connection, owner, &ended, now),
            _ => Ok(()),
        }
    }

    fn new_session(
        &self,
        token: &Token,
        member: &Member,
        tokens: &Tokens,
        origin: &Origin,
        now: OffsetDateTime,
    ) -> Result<NewSession, store::Error> {
        let id = token.id();
        let access = tokens.access.expose().as_bytes();
        let refresh = tokens.refresh.expose().as_bytes();
        Ok(NewSession {
            id,
            secret_hash: token.secret_hash(),
            member: member.id,
            method: Method::Kakao,
            ip: origin.ip.clone(),
            user_agent: origin.user_agent.clone(),
            created_at: now,
            idle_ends_at: now + self.rules.session_idle,
            ends_at: now + self.rules.session_max,
            kakao: Some(SealedTokens {
                access: self.vault.seal(&access_token_context(id), access)?,
                access_ends_at: now + tokens.access_expires_in,
                refresh: self
                    .vault
                    .seal(&format!("sessions.kakao_refresh/{id}"), refresh)?,
                refresh_ends_at: now + tokens.refresh_expires_in,
            }),
        })
    }

    /// Lets a doubled callback know at once that there is nothing to wait for. Best effort: it
    /// would find out by itself when its time is up.
    async fn settle_failure(&self, state_hash: String, id: &'static str) {
        let settled = self
            .store
            .write(move |connection| {
                attempts::settle(connection, &state_hash, &format!("error:{id}"))
            })
            .await;
        if let Err(error) = settled {
            tracing::debug!(%error, "outcome of an attempt not written down");
        }
    }
}

/// What a session's access token is sealed for.
pub(super) fn access_token_context(session: Uuid) -> String {
    format!("sessions.kakao_access/{session}")
}

/// Whether a picture address may appear on our pages: https at one of Kakao's image hosts, or
/// the emulator's. The content security policy allows the same and nothing else.
fn is_picture(url: &str, emulator_origin: Option<&str>) -> bool {
    let Ok(parsed) = url::Url::parse(url) else {
        return false;
    };
    let kakao = parsed.scheme() == "https"
        && parsed.port().is_none()
        && parsed
            .host_str()
            .is_some_and(|host| host.ends_with(".kakaocdn.net"));
    kakao || emulator_origin.is_some_and(|origin| parsed.origin().ascii_serialization() == origin)
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

    // ID-9
    #[test]
    fn only_pictures_at_kakaos_hosts_are_shown() {
        for good in [
            "https://k.kakaocdn.net/dn/a/b/img_640x640.jpg",
            "https://img1.kakaocdn.net/thumb/R640x640.q70/?fname=x",
        ] {
            assert!(is_picture(good, None), "{good}");
        }
        for bad in [
            "http://k.kakaocdn.net/a.jpg",
            "https://kakaocdn.net.evil.example/a.jpg",
            "https://evilkakaocdn.net/a.jpg",
            "https://k.kakaocdn.net:8443/a.jpg",
            "javascript:alert(1)",
            "data:image/png;base64,AAAA",
            "//k.kakaocdn.net/a.jpg",
            "",
        ] {
            assert!(!is_picture(bad, None), "{bad}");
        }
        let emulated = "http://127.0.0.1:9898/pictures/a.svg";
        assert!(is_picture(emulated, Some("http://127.0.0.1:9898")));
        assert!(!is_picture(emulated, Some("http://127.0.0.1:9899")));
        assert!(!is_picture(emulated, None));
    }
}
