//! Whether a token counts at this moment.

use time::OffsetDateTime;

use super::{NotShown, opened};
use crate::access::{Claims, Parties};
use crate::flow::Gate;
use crate::member::SignedIn;
use crate::store::sessions::{self, Found};
use crate::store::{self, api_tokens};
use crate::vault::fingerprint;

/// A token that counts.
#[derive(Clone, Debug)]
pub struct Introspected {
    /// Whose it is.
    pub signed_in: SignedIn,
    /// What it says; nothing, if it is a refresh token.
    pub claims: Option<Claims>,
    /// Who made it and for whom.
    pub parties: Parties,
    /// When it ends by itself.
    pub ends_at: OffsetDateTime,
}

impl Gate {
    /// What is known of an access or refresh token; `None` for one that does not count, whatever
    /// the reason.
    ///
    /// # Errors
    /// The store's.
    pub async fn introspect(&self, token: &str) -> Result<Option<Introspected>, store::Error> {
        if let Some(session) = opened(&self.vault, token) {
            return self.introspect_refresh(token, session).await;
        }
        let (claims, signed_in) = match self.shown(token).await {
            Ok(shown) => shown,
            Err(NotShown::Store(error)) => return Err(error),
            Err(NotShown::Refused(_) | NotShown::Ended) => return Ok(None),
        };
        let ends_at = OffsetDateTime::from_unix_timestamp(claims.exp);
        let ends_at = ends_at.unwrap_or(signed_in.session.ends_at);
        Ok(Some(Introspected {
            signed_in,
            claims: Some(claims),
            parties: self.parties(),
            ends_at,
        }))
    }

    async fn introspect_refresh(
        &self,
        token: &str,
        session: uuid::Uuid,
    ) -> Result<Option<Introspected>, store::Error> {
        let (now, app_id) = (self.clock.now(), self.rules.app_id);
        let digest = fingerprint(token.as_bytes());
        let found = self
            .store
            .read(move |connection| {
                let found = sessions::find_signed(connection, session, app_id, now)?;
                let Found::Live(signed_in) = found else {
                    return Ok(None);
                };
                let current = api_tokens::current(connection, session)?;
                let is_current = current.is_some_and(|current| current.digest == digest);
                Ok(is_current.then_some(*signed_in))
            })
            .await?;
        Ok(found.map(|signed_in| Introspected {
            ends_at: signed_in
                .session
                .ends_at
                .min(signed_in.session.idle_ends_at),
            parties: self.parties(),
            claims: None,
            signed_in,
        }))
    }
}
