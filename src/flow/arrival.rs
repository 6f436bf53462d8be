//! From a code to a session: asking Kakao who it is, and letting them in.

use std::time::Instant;

use time::OffsetDateTime;
use uuid::Uuid;

use super::owed::{Revocation, owe};
use super::{Attempt, Audited, Completed, Gate, LoginFailure, Origin, Rules, Why, log_event};
use crate::kakao::{AuthorizationCode, Tokens, User};
use crate::member::{EndedBy, Member, MemberId, Method, Role, Standing};
use crate::session::Token;
use crate::store::attempts;
use crate::store::members::{self, KakaoProfile, Newcomer};
use crate::store::outbox::Kind;
use crate::store::sessions::{self, Found, SealedTokens};
use crate::store::{self, AnyConnection};

/// What Kakao told about a person, and the tokens to keep.
pub(super) struct Arrival {
    profile: KakaoProfile,
    tokens: Tokens,
}

/// What became of somebody whom Kakao vouched for.
enum Admission {
    Signed(Member, Token),
    Barred(Member),
    OtherPerson,
    /// Not a member, in a login that nobody asked for.
    Unasked,
}

impl Rules {
    /// What somebody who comes for the first time may do: who the settings name is an owner.
    fn first_role(&self, profile: &KakaoProfile) -> Role {
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
        Ok(self.profile(user, tokens))
    }

    fn profile(&self, user: User, tokens: &Tokens) -> KakaoProfile {
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
            scopes: tokens.scopes.join(" "),
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
                Ok(()) => gate.owed.notify_one(),
                Err(error) => tracing::warn!(%error, "a token of nobody was not given back"),
            }
        });
    }

    fn owe_back(
        &self,
        connection: &mut AnyConnection,
        kind: Kind,
        member: Option<MemberId>,
        tokens: &Tokens,
        now: OffsetDateTime,
    ) -> Result<(), store::Error> {
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
    ) -> Result<Completed, LoginFailure> {
        let now = self.clock.now();
        let (gate, state_hash, seed) = (self.clone(), attempt.state_hash(), *attempt.seed());
        let (from, replaces, proves) = (origin.clone(), current.is_some(), attempt.proves);
        let silent = attempt.silent;
        let action = proves.map_or("login.kakao", |_| "reauth.kakao");
        let admitted = self
            .store
            .write(move |connection| {
                let profile = &arrival.profile;
                if let Some(expected) = proves {
                    let found = members::of_kakao(connection, profile)?;
                    if found != Some(expected) {
                        gate.owe_back(connection, Kind::Logout, found, &arrival.tokens, now)?;
                        let audited = Audited::own(expected, action, &from).refused("other_person");
                        gate.audit(connection, &[audited], now)?;
                        return Ok(Admission::OtherPerson);
                    }
                }
                if silent && members::of_kakao(connection, profile)?.is_none() {
                    gate.owe_back(connection, Kind::Logout, None, &arrival.tokens, now)?;
                    return Ok(Admission::Unasked);
                }
                let newcomer = Newcomer {
                    id: MemberId(gate.random.id(now)?),
                    role: gate.rules.first_role(profile),
                };
                let arrived = members::sign_in_with_kakao(connection, profile, newcomer, now)?;
                let member = arrived.member;
                if !member.standing.admits(now) {
                    let (kind, whose) = (Kind::Logout, Some(member.id));
                    gate.owe_back(connection, kind, whose, &arrival.tokens, now)?;
                    let audited = Audited::own(member.id, action, &from).refused("suspended");
                    gate.audit(connection, &[audited], now)?;
                    return Ok(Admission::Barred(member));
                }
                let was_brief = gate.end_previous(connection, current.as_ref(), &member, now)?;
                let token = Token::of_attempt(gate.random.id(now)?, &seed);
                let mut session = gate.new_session(&token, &member, Method::Kakao, &from, now);
                if proves.is_some() && was_brief {
                    session = gate.brief(session, member.role);
                }
                session.kakao = Some(gate.seal_tokens(token.id(), &arrival.tokens, now)?);
                sessions::insert(connection, &session)?;
                attempts::settle(connection, &state_hash, &format!("session:{}", token.id()))?;
                let mut audited = Vec::new();
                if arrived.joined {
                    audited.push(Audited::own(member.id, "join.kakao", &from));
                }
                if arrived.joined && member.role != Role::Member {
                    audited.push(Audited {
                        actor: None,
                        detail: Some(format!("member → {}", member.role.code())),
                        reason: Some("settings".to_owned()),
                        ..Audited::own(member.id, "member.role", &from)
                    });
                }
                audited.push(Audited {
                    // What they may do from now on, whatever they may do later.
                    detail: (member.role != Role::Member)
                        .then(|| format!("role={}", member.role.code())),
                    ..Audited::own(member.id, action, &from)
                });
                gate.audit(connection, &audited, now)?;
                Ok(Admission::Signed(member, token))
            })
            .await?;
        if replaces || !matches!(admitted, Admission::Signed(..)) {
            self.owed.notify_one();
        }
        match admitted {
            Admission::Signed(member, token) => {
                log_event(action, member.id, token.id(), origin);
                Ok(Completed {
                    token,
                    next: attempt.next.clone(),
                })
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
            // Whoever becomes a member presses a button for it.
            Admission::Unasked => Err(LoginFailure {
                why: Why::Cancelled,
                cause: Some("not a member, and nobody asked".to_owned()),
            }),
            Admission::OtherPerson => Err(LoginFailure {
                why: Why::OtherPerson,
                cause: Some("somebody else's Kakao account".to_owned()),
            }),
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
