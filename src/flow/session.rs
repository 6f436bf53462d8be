//! What every way in ends with: a session.

use time::OffsetDateTime;

use super::{Gate, Origin};
use crate::member::{Member, Method};
use crate::session::Token;
use crate::store::sessions::NewSession;

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
            kakao: None,
        }
    }
}
