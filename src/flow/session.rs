//! What every way in ends with: a session.

use time::OffsetDateTime;
use uuid::Uuid;

use super::arrival::{access_token_context, refresh_token_context};
use super::{BRIEF_MAX, Gate, Origin};
use crate::member::{EndedBy, Member, Method, Role, SignedIn};
use crate::session::Token;
use crate::store::sessions::{self, NewSession, SealedTokens};
use crate::store::{self, AnyConnection};

impl Gate {
    /// The row behind `token`, without tokens of Kakao's.
    pub(super) fn new_session(
        &self,
        token: &Token,
        member: &Member,
        method: Method,
        origin: &Origin,
        now: OffsetDateTime,
    ) -> NewSession {
        let idle = self.rules.idle_of(member.role);
        NewSession {
            id: token.id(),
            secret_hash: token.secret_hash(),
            member: member.id,
            method,
            ip: origin.ip.clone(),
            user_agent: origin.user_agent.clone(),
            created_at: now,
            idle_ends_at: now + idle.min(self.rules.session_max),
            ends_at: now + self.rules.session_max,
            brief: false,
            unasked: false,
            kakao: None,
        }
    }

    /// The same session, to end with the browser.
    pub(super) fn brief(&self, session: NewSession, role: Role) -> NewSession {
        let now = session.created_at;
        let max = self.rules.session_max.min(BRIEF_MAX);
        let idle = self.rules.idle_of_brief(role, true);
        NewSession {
            idle_ends_at: now + idle.min(max),
            ends_at: now + max,
            brief: true,
            ..session
        }
    }

    /// A new session in the place of one whose member has just proved by password that it is them:
    /// the old one ends, and whoever has a copy of its cookie is out. Kakao's tokens move over.
    /// `None` when the old one has ended meanwhile: then nobody is signed in anew.
    pub(super) fn renew(
        &self,
        connection: &mut AnyConnection,
        signed_in: &SignedIn,
        origin: &Origin,
        now: OffsetDateTime,
    ) -> Result<Option<Token>, store::Error> {
        let (member, old) = (&signed_in.member, &signed_in.session);
        let token = Token::of_attempt(self.random.id(now)?, &self.random.bytes()?);
        let mut session = self.new_session(&token, member, Method::Password, origin, now);
        if old.brief {
            session = self.brief(session, member.role);
        }
        session.kakao = match sessions::kakao_tokens(connection, old.id)? {
            Some(tokens) => self.reseal(old.id, session.id, &tokens)?,
            None => None,
        };
        if sessions::end(connection, member.id, old.id, EndedBy::NewLogin, now)?.is_none() {
            return Ok(None);
        }
        sessions::insert(connection, &session)?;
        Ok(Some(token))
    }

    /// Kakao's tokens for another session; `None` when they cannot be read any more.
    fn reseal(
        &self,
        from: Uuid,
        to: Uuid,
        tokens: &SealedTokens,
    ) -> Result<Option<SealedTokens>, store::Error> {
        let move_over = |context: fn(Uuid) -> String, sealed: &str| {
            let plain = self.vault.open(&context(from), sealed);
            let sealed = plain.map(|plain| self.vault.seal(&context(to), &plain));
            sealed.transpose()
        };
        let access = move_over(access_token_context, &tokens.access)?;
        let refresh = move_over(refresh_token_context, &tokens.refresh)?;
        Ok(access.zip(refresh).map(|(access, refresh)| SealedTokens {
            access,
            refresh,
            access_ends_at: tokens.access_ends_at,
            refresh_ends_at: tokens.refresh_ends_at,
        }))
    }
}
