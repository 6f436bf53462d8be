//! From a code to a session: asking Kakao who it is, and letting them in.

use std::time::Instant;

use time::OffsetDateTime;
use uuid::Uuid;

use super::account::Waiting;
use super::login::CONFLICT;
use super::owed::{Revocation, owe};
use super::{
    Attempt, Audited, Completed, Ending, Gate, LoginFailure, Origin, Rules, Why, log_event,
};
use crate::kakao::{AuthorizationCode, Tokens, User};
use crate::member::{EndedBy, Member, MemberId, Method, Role, Session, Standing};
use crate::session::Token;
use crate::store::attempts;
use crate::store::members::{self, Arrived, KakaoProfile, Newcomer};
use crate::store::outbox::Kind;
use crate::store::sessions::{self, Found, SealedTokens};
use crate::store::{self, AnyConnection};

/// What Kakao told about a person, and the tokens to keep.
pub(super) struct Arrival {
    pub(super) profile: KakaoProfile,
    pub(super) tokens: Tokens,
}

/// What became of somebody whom Kakao vouched for.
pub(super) enum Admission {
    Signed(Member, Token),
    Barred(Member),
    OtherPerson,
    Conflict(Waiting),
    /// Has to agree to the terms first; what the browser keeps meanwhile.
    Undecided(String),
    /// Not a member, in a login that nobody asked for.
    Unasked,
}

/// A member whom Kakao vouched for, about to be let in.
pub(super) struct Welcome<'a> {
    pub(super) arrived: Arrived,
    pub(super) tokens: &'a Tokens,
    pub(super) attempt: &'a Attempt,
    pub(super) current: Option<&'a Token>,
    pub(super) origin: &'a Origin,
}

impl Rules {
    /// What somebody who comes for the first time may do: who the settings name is an owner.
    pub(super) fn first_role(&self, profile: &KakaoProfile) -> Role {
        let named = self.owner_kakao_ids.contains(&profile.kakao_id)
            || profile.confirmed_email().is_some_and(|email| {
                let is = |owner: &String| owner.eq_ignore_ascii_case(email);
                self.owner_emails.iter().any(is)
            });
        if named { Role::Owner } else { Role::Member }
    }
}

impl Gate {
    /// Both calls to Kakao, done by `deadline`; ids from every source must agree.
    pub(super) async fn ask_kakao(
        &self,
        code: &AuthorizationCode,
        attempt: &Attempt,
        deadline: Instant,
    ) -> Result<Arrival, LoginFailure> {
        let verifier = attempt.code_verifier();
        let exchange = self.kakao.exchange_code(code, &verifier);
        let tokens = in_time(deadline, async { Ok(exchange.await?) }).await?;
        match in_time(deadline, self.identify(&tokens, attempt)).await {
            Ok(profile) => Ok(Arrival { profile, tokens }),
            Err(failure) => {
                self.give_back(tokens, &failure.why);
                Err(failure)
            }
        }
    }

    async fn identify(
        &self,
        tokens: &Tokens,
        attempt: &Attempt,
    ) -> Result<KakaoProfile, LoginFailure> {
        let named = self.named_by_id_token(tokens, attempt).await?;
        let user = self.kakao.user(&tokens.access).await?;
        if named.is_some_and(|id| id != user.id) {
            return Err(distrust("ID token and user/me name different people"));
        }
        Ok(self.profile(user, tokens.scopes.join(" ")))
    }

    /// What is kept of what Kakao told.
    pub(super) fn profile(&self, user: User, scopes: String) -> KakaoProfile {
        let (email, email_valid, email_verified) = match user.email {
            Some(email) => (Some(email.address), email.valid, email.verified),
            None => (None, false, false),
        };
        KakaoProfile {
            app_id: self.rules.app_id,
            kakao_id: user.id,
            connected_at: user.connected_at,
            nickname: user.nickname.filter(|_| !user.default_nickname),
            picture: user.picture,
            email,
            email_valid,
            email_verified,
            scopes,
        }
    }

    /// Nobody is let in, so nothing of theirs is kept: the tokens are owed back to Kakao, and for
    /// a child the whole connection. Beside the request, which has its answer.
    fn give_back(&self, tokens: Tokens, why: &Why) {
        let gate = self.clone();
        let kind = if *why == Why::Under14 {
            Kind::Unlink
        } else {
            Kind::Logout
        };
        tokio::spawn(async move {
            let now = gate.clock.now();
            let debtor = gate.clone();
            let owed = gate
                .store
                .write(move |connection| debtor.owe_back(connection, kind, None, &tokens, now))
                .await;
            match owed {
                Ok(_) => gate.owed.notify_one(),
                Err(error) => tracing::warn!(%error, "a token of nobody was not given back"),
            }
        });
    }

    pub(super) fn owe_back(
        &self,
        connection: &mut AnyConnection,
        kind: Kind,
        member: Option<MemberId>,
        tokens: &Tokens,
        now: OffsetDateTime,
    ) -> Result<Uuid, store::Error> {
        let revocation = Revocation {
            kind,
            member,
            told: tokens.access.expose().as_bytes(),
            expires_at: now + tokens.access_expires_in,
        };
        owe(self, connection, &revocation, now)
    }

    /// Everything that must happen together or not at all.
    pub(super) async fn admit(
        &self,
        arrival: Arrival,
        attempt: &Attempt,
        current: Option<Token>,
        origin: &Origin,
    ) -> Result<Ending, LoginFailure> {
        let now = self.clock.now();
        let (gate, attempt_of, from) = (self.clone(), attempt.clone(), origin.clone());
        let replaces = current.is_some();
        let (access, kakao_id) = (arrival.tokens.access.clone(), arrival.profile.kakao_id);
        let admitted = self
            .store
            .write(move |connection| {
                let (profile, attempt) = (&arrival.profile, &attempt_of);
                if let Some(expected) = attempt.awaits() {
                    let found = members::of_kakao(connection, profile)?;
                    if found != Some(expected) {
                        gate.owe_back(connection, Kind::Logout, found, &arrival.tokens, now)?;
                        let action = attempt.action();
                        let audited = Audited::own(expected, action, &from).refused("other_person");
                        gate.audit(connection, &[audited], now)?;
                        return Ok(Admission::OtherPerson);
                    }
                }
                if attempt.is_silent() && members::of_kakao(connection, profile)?.is_none() {
                    gate.owe_back(connection, Kind::Logout, None, &arrival.tokens, now)?;
                    return Ok(Admission::Unasked);
                }
                if let Some(conflict) = gate.stop_at(connection, &arrival, attempt, &from, now)? {
                    return Ok(conflict);
                }
                if gate.rules.agreements.are_published()
                    && members::of_kakao(connection, profile)?.is_none()
                {
                    let kept = gate.let_decide(connection, &arrival, attempt, now)?;
                    return Ok(Admission::Undecided(kept));
                }
                let welcome = Welcome {
                    arrived: gate.arrive(connection, &arrival, now)?,
                    tokens: &arrival.tokens,
                    attempt,
                    current: current.as_ref(),
                    origin: &from,
                };
                gate.welcome(connection, welcome, now)
            })
            .await?;
        if replaces || !matches!(admitted, Admission::Signed(..)) {
            self.owed.notify_one();
        }
        if let Admission::Signed(member, _) = &admitted {
            self.note_service_terms(member.id, kakao_id, access);
        }
        self.told(admitted, attempt, origin)
    }

    /// Stops at the address of a member who is not this Kakao account's: nothing of the two is
    /// ever put together without that member (ID-2).
    pub(super) fn stop_at(
        &self,
        connection: &mut AnyConnection,
        arrival: &Arrival,
        attempt: &Attempt,
        origin: &Origin,
        now: OffsetDateTime,
    ) -> Result<Option<Admission>, store::Error> {
        let Some(owner) = self.conflict(connection, &arrival.profile)? else {
            return Ok(None);
        };
        self.owe_back(connection, Kind::Logout, None, &arrival.tokens, now)?;
        attempts::settle(connection, &attempt.state_hash(), CONFLICT)?;
        let audited = Audited {
            actor: None,
            ..Audited::own(owner, "join.kakao", origin).refused("email_conflict")
        };
        self.audit(connection, &[audited], now)?;
        let waiting = Waiting::begin(arrival.profile.clone(), now);
        Ok(Some(Admission::Conflict(waiting)))
    }

    /// Finds or makes the member.
    pub(super) fn arrive(
        &self,
        connection: &mut AnyConnection,
        arrival: &Arrival,
        now: OffsetDateTime,
    ) -> Result<Arrived, store::Error> {
        let newcomer = Newcomer {
            id: MemberId(self.random.id(now)?),
            role: self.rules.first_role(&arrival.profile),
        };
        members::sign_in_with_kakao(connection, &arrival.profile, newcomer, now)
    }

    /// Lets a member in, unless they are barred.
    pub(super) fn welcome(
        &self,
        connection: &mut AnyConnection,
        welcome: Welcome<'_>,
        now: OffsetDateTime,
    ) -> Result<Admission, store::Error> {
        let Welcome {
            arrived: Arrived { member, joined },
            tokens,
            attempt,
            current,
            origin,
        } = welcome;
        let action = attempt.action();
        if !member.standing.admits(now) {
            self.owe_back(connection, Kind::Logout, Some(member.id), tokens, now)?;
            let audited = Audited::own(member.id, action, origin).refused("suspended");
            self.audit(connection, &[audited], now)?;
            return Ok(Admission::Barred(member));
        }
        // Who only agreed to something goes on as they were: no fresh proof, no longer life.
        let going_on = match current {
            Some(current) if !attempt.asks().is_empty() => {
                self.live_of(connection, current, member.id, now)?
            }
            _ => None,
        };
        let was_brief = self.end_previous(connection, current, &member, now)?;
        let token = Token::of_attempt(self.random.id(now)?, attempt.seed());
        let mut session = self.new_session(&token, &member, Method::Kakao, origin, now);
        if attempt.awaits().is_some() && was_brief {
            session = self.brief(session, member.role);
        }
        session.unasked = attempt.is_silent();
        if let Some(previous) = going_on {
            session.method = previous.method;
            session.unasked = previous.unasked;
            session.created_at = previous.created_at;
            session.ends_at = previous.ends_at;
            session.idle_ends_at = session.idle_ends_at.min(previous.ends_at);
        }
        session.kakao = Some(self.seal_tokens(token.id(), tokens, now)?);
        sessions::insert(connection, &session)?;
        let outcome = format!("session:{}", token.id());
        attempts::settle(connection, &attempt.state_hash(), &outcome)?;
        let mut audited = Vec::new();
        if joined {
            audited.push(Audited::own(member.id, "join.kakao", origin));
        }
        if joined && member.role != Role::Member {
            audited.push(Audited::role_by_settings(member.id, member.role, origin));
        }
        // What they may do from now on, whatever they may do later; or what they agreed to.
        let role = (member.role != Role::Member).then(|| format!("role={}", member.role.code()));
        let detail = match attempt.asks() {
            [] => role,
            items => Some(said(items, &tokens.scopes)),
        };
        audited.push(Audited {
            detail,
            ..Audited::own(member.id, action, origin)
        });
        self.audit(connection, &audited, now)?;
        Ok(Admission::Signed(member, token))
    }

    /// What an admission comes to for whoever asked.
    pub(super) fn told(
        &self,
        admitted: Admission,
        attempt: &Attempt,
        origin: &Origin,
    ) -> Result<Ending, LoginFailure> {
        match admitted {
            Admission::Signed(member, token) => {
                log_event(attempt.action(), member.id, token.id(), origin);
                Ok(Ending::SignedIn(Completed {
                    token,
                    next: attempt.next.clone(),
                }))
            }
            Admission::Barred(member) => {
                let until = match member.standing {
                    Standing::Suspended { until } => until,
                    _ => None,
                };
                Err(LoginFailure {
                    why: Why::Suspended { until },
                    cause: Some(format!("member {} is suspended", member.id)),
                })
            }
            Admission::Conflict(waiting) => {
                let sealed = waiting.seal(&self.vault).map_err(|_| Why::Server)?;
                Ok(Ending::Conflict(Some(sealed)))
            }
            // Whoever becomes a member presses a button for it.
            Admission::Unasked => Err(LoginFailure {
                why: Why::Cancelled,
                cause: Some("not a member, and nobody asked".to_owned()),
            }),
            Admission::OtherPerson => Err(LoginFailure {
                why: Why::OtherPerson,
                cause: Some("somebody else's Kakao account".to_owned()),
            }),
            Admission::Undecided(kept) => Ok(Ending::Undecided(kept)),
        }
    }

    /// The session this browser held before is dead: the new login replaces it (CB-4). When it
    /// was somebody else's, their Kakao token goes too; the two accounts never touch (CB-6). Says
    /// whether it was to end with the browser.
    pub(super) fn end_previous(
        &self,
        connection: &mut AnyConnection,
        current: Option<&Token>,
        member: &Member,
        now: OffsetDateTime,
    ) -> Result<bool, store::Error> {
        let Some(current) = current else {
            return Ok(false);
        };
        let (id, hash) = (current.id(), current.secret_hash());
        let found = sessions::find(connection, id, &hash, self.rules.app_id, now)?;
        let Found::Live(previous) = found else {
            return Ok(false);
        };
        let owner = previous.member.id;
        let ended = sessions::end(connection, owner, id, EndedBy::NewLogin, now)?;
        // The same person's old token is left to expire: some accounts of Kakao's logout say
        // that it revokes every token of the person, the one we have just been given included.
        match ended {
            Some(ended) if owner != member.id => self.owe_for(connection, owner, &ended, now)?,
            _ => {}
        }
        Ok(previous.session.brief)
    }

    /// The session that `token` stands for, while it lives and is this member's.
    fn live_of(
        &self,
        connection: &mut AnyConnection,
        token: &Token,
        member: MemberId,
        now: OffsetDateTime,
    ) -> Result<Option<Session>, store::Error> {
        let (id, hash) = (token.id(), token.secret_hash());
        let found = sessions::find(connection, id, &hash, self.rules.app_id, now)?;
        Ok(match found {
            Found::Live(live) if live.member.id == member => Some(live.session),
            _ => None,
        })
    }

    /// Kakao's tokens as a session keeps them.
    pub(super) fn seal_tokens(
        &self,
        session: Uuid,
        tokens: &Tokens,
        now: OffsetDateTime,
    ) -> Result<SealedTokens, store::Error> {
        let access = tokens.access.expose().as_bytes();
        let refresh = tokens.refresh.expose().as_bytes();
        Ok(SealedTokens {
            access: self.vault.seal(&access_token_context(session), access)?,
            access_ends_at: now + tokens.access_expires_in,
            refresh: self.vault.seal(&refresh_token_context(session), refresh)?,
            refresh_ends_at: now + tokens.refresh_expires_in,
        })
    }
}

/// What a session's access token is sealed for.
pub(super) fn access_token_context(session: Uuid) -> String {
    format!("sessions.kakao_access/{session}")
}

/// What a session's refresh token is sealed for.
pub(super) fn refresh_token_context(session: Uuid) -> String {
    format!("sessions.kakao_refresh/{session}")
}

/// What somebody who was asked for consent items said to each.
fn said(asked: &[String], granted: &[String]) -> String {
    let answer = |item: &String| {
        let word = if granted.contains(item) {
            "agreed"
        } else {
            "declined"
        };
        format!("{item}: {word}")
    };
    asked.iter().map(answer).collect::<Vec<_>>().join(", ")
}

/// What Kakao answers by `deadline`.
async fn in_time<T>(
    deadline: Instant,
    asking: impl Future<Output = Result<T, LoginFailure>>,
) -> Result<T, LoginFailure> {
    let answer = tokio::time::timeout_at(deadline.into(), asking).await;
    answer.unwrap_or_else(|_| {
        Err(LoginFailure {
            why: Why::KakaoDown,
            cause: Some("Kakao took longer than a callback may".to_owned()),
        })
    })
}

pub(super) fn distrust(cause: impl Into<String>) -> LoginFailure {
    LoginFailure {
        why: Why::KakaoBadReply,
        cause: Some(cause.into()),
    }
}
