//! Connecting a Kakao account to a member, taking it away, and asking Kakao what is new.

use time::OffsetDateTime;

use crate::flow::arrival::Arrival;
use crate::flow::login::LINKED;
use crate::flow::{
    Attempt, Audited, Bound, Ending, Gate, Holder, LoginFailure, NoAccess, Origin, Why, log_event,
};
use crate::kakao::Kind as KakaoKind;
use crate::member::{Member, SignedIn};
use crate::session::Token;
use crate::store::members::account::{self, Linked};
use crate::store::members::{KakaoProfile, acts};
use crate::store::outbox::Kind;
use crate::store::sessions::{self, Found, own};
use crate::store::{self, AnyConnection, attempts};

/// What became of connecting a Kakao account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connected {
    /// It is connected.
    Yes,
    /// It is connected to another member.
    AlreadyLinked,
    /// The member has another one.
    HasKakao,
    /// The address that it came with is not the member's.
    OtherAddress,
}

impl Connected {
    /// Why not, as the audit log says it.
    pub(super) fn refusal(self) -> Option<&'static str> {
        match self {
            Self::Yes => None,
            Self::AlreadyLinked => Some("already_linked"),
            Self::HasKakao => Some("has_kakao"),
            Self::OtherAddress => Some("other_address"),
        }
    }
}

/// What became of taking one away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disconnected {
    /// It is gone, now or already.
    Yes,
    /// It is the last way in.
    LastWay,
}

/// What became of asking Kakao what is new.
#[derive(Clone, Debug)]
pub enum Refreshed {
    /// It was written down.
    Yes,
    /// This session has no token that works: the person has to sign in at Kakao.
    SignInAgain,
    /// Kakao does not answer, or not well.
    NotNow(LoginFailure),
}

impl Gate {
    /// The end of a flow that began at `/me/kakao/link`: only the session it began in ends it, so
    /// that nobody's code finishes somebody else's (ID-5). Whatever is refused changes nothing,
    /// and Kakao's tokens are given back.
    pub(in crate::flow) async fn link(
        &self,
        arrival: Arrival,
        attempt: &Attempt,
        bound: Bound,
        current: Option<Token>,
        origin: &Origin,
    ) -> Result<Ending, LoginFailure> {
        let now = self.clock.now();
        let (gate, from, state_hash) = (self.clone(), origin.clone(), attempt.state_hash());
        let (access, kakao_id) = (arrival.tokens.access.clone(), arrival.profile.kakao_id);
        let connected = self
            .store
            .write(move |connection| {
                let member = gate.still_there(connection, bound, current.as_ref(), now)?;
                let audited = Audited::own(bound.member, "kakao.link", &from);
                let connected = match &member {
                    Some(member) => {
                        let profile = &arrival.profile;
                        Some(gate.connect(connection, member, profile, now)?)
                    }
                    None => None,
                };
                let refusal = connected.map_or(Some("other_session"), Connected::refusal);
                if let Some(refusal) = refusal {
                    gate.owe_back(connection, Kind::Logout, None, &arrival.tokens, now)?;
                    gate.audit(connection, &[audited.refused(refusal)], now)?;
                    return Ok(connected);
                }
                let sealed = gate.seal_tokens(bound.session, &arrival.tokens, now)?;
                own::keep_kakao_tokens(connection, bound.session, &sealed)?;
                attempts::settle(connection, &state_hash, LINKED)?;
                gate.audit(connection, &[audited], now)?;
                Ok(connected)
            })
            .await?;
        match connected {
            Some(Connected::Yes) => {
                log_event("kakao.link", bound.member, bound.session, origin);
                self.note_service_terms(bound.member, kakao_id, access);
                return Ok(Ending::Linked(attempt.next.clone()));
            }
            _ => self.owed.notify_one(),
        }
        Err(match connected {
            Some(Connected::AlreadyLinked) => Why::AlreadyLinked.into(),
            Some(_) => Why::HasKakao.into(),
            None => LoginFailure {
                why: Why::StateBad,
                cause: Some("not the session that wanted to connect".to_owned()),
            },
        })
    }

    /// The member whom an attempt is bound to, if this browser still holds the same session.
    fn still_there(
        &self,
        connection: &mut AnyConnection,
        bound: Bound,
        current: Option<&Token>,
        now: OffsetDateTime,
    ) -> Result<Option<Member>, store::Error> {
        let Some(current) = current.filter(|token| token.id() == bound.session) else {
            return Ok(None);
        };
        acts::hold_self(connection, bound.member)?;
        let (id, hash) = (current.id(), current.secret_hash());
        let found = sessions::find(connection, id, &hash, self.rules.app_id, now)?;
        Ok(match found {
            Found::Live(live) if live.member.id == bound.member => Some(live.member),
            _ => None,
        })
    }

    /// Connects an account to a member who is held, and lets it give them what they lack: a
    /// picture, and a name if they have none.
    pub(super) fn connect(
        &self,
        connection: &mut AnyConnection,
        member: &Member,
        profile: &KakaoProfile,
        now: OffsetDateTime,
    ) -> Result<Connected, store::Error> {
        match account::link(connection, member.id, profile, now)? {
            Linked::Yes => {}
            Linked::TakenBy(_) => return Ok(Connected::AlreadyLinked),
            Linked::HasAnother => return Ok(Connected::HasKakao),
        }
        account::take_picture(connection, member.id, profile)?;
        if let (None, Some(name)) = (&member.display_name, &profile.nickname) {
            account::rename(connection, member.id, name)?;
        }
        Ok(Connected::Yes)
    }

    /// Takes the member's Kakao account away, unless it is the last way in. Kakao is owed the end
    /// of the connection, which ends every token of it.
    ///
    /// # Errors
    /// The store's.
    pub async fn disconnect_kakao(
        &self,
        signed_in: &SignedIn,
        origin: &Origin,
    ) -> Result<Disconnected, store::Error> {
        let (member, now) = (signed_in.member.id, self.clock.now());
        let (gate, from) = (self.clone(), origin.clone());
        let disconnected = self
            .store
            .write(move |connection| {
                acts::hold_self(connection, member)?;
                let audited = Audited::own(member, "kakao.unlink", &from);
                let app_id = gate.rules.app_id;
                if acts::kakao_id(connection, app_id, member)?.is_none() {
                    return Ok(Disconnected::Yes);
                }
                if !gate.has_other_way(connection, member)? {
                    gate.audit(connection, &[audited.refused("last_way")], now)?;
                    return Ok(Disconnected::LastWay);
                }
                if let Some(id) = account::unlink(connection, app_id, member)? {
                    gate.owe_unlink(connection, member, id, now)?;
                }
                own::forget_kakao_tokens(connection, member)?;
                gate.audit(connection, &[audited], now)?;
                Ok(Disconnected::Yes)
            })
            .await?;
        if disconnected == Disconnected::Yes {
            self.owed.notify_one();
            log_event("kakao.unlink", member, signed_in.session.id, origin);
        }
        Ok(disconnected)
    }

    /// Asks Kakao, for this session, what is new: nickname, picture, and what it says of
    /// the address. The name that the member goes by here stays.
    ///
    /// # Errors
    /// The store's.
    pub async fn refresh_kakao(
        &self,
        signed_in: &SignedIn,
        origin: &Origin,
    ) -> Result<Refreshed, store::Error> {
        let (member, session) = (signed_in.member.id, signed_in.session.id);
        let (now, app_id) = (self.clock.now(), self.rules.app_id);
        let known = self
            .store
            .read(move |connection| account::kakao(connection, app_id, member));
        let Some(known) = known.await? else {
            return Ok(Refreshed::SignInAgain);
        };
        let asked = self.at_kakao(Holder { member, session }, async |token| {
            match self.kakao.user(token).await {
                Err(error) if error.kind == KakaoKind::NotLinked => Ok(None),
                user => user.map(Some),
            }
        });
        let user = match asked.await {
            Ok(Some(user)) => user,
            Ok(None) | Err(NoAccess::SignInAgain) => return Ok(Refreshed::SignInAgain),
            Err(NoAccess::NotNow(failure)) => return Ok(Refreshed::NotNow(failure)),
        };
        if user.id != known.id {
            tracing::warn!(member.id = %member, "Kakao answered with somebody else");
            return Ok(Refreshed::NotNow(Why::KakaoBadReply.into()));
        }
        let profile = self.profile(user, known.scopes);
        let (gate, from) = (self.clone(), origin.clone());
        self.store
            .write(move |connection| {
                acts::hold_self(connection, member)?;
                // Taken away while Kakao was asked: then this is nobody's news.
                if acts::kakao_id(connection, app_id, member)? != Some(profile.kakao_id) {
                    return Ok(Refreshed::SignInAgain);
                }
                account::resync(connection, member, &profile, now)?;
                let audited = Audited::own(member, "kakao.refresh", &from);
                gate.audit(connection, &[audited], now)?;
                Ok(Refreshed::Yes)
            })
            .await
    }
}
