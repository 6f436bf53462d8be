//! Whether an access token counts at this moment.

use super::NotShown;
use crate::access::Claims;
use crate::flow::Gate;
use crate::member::SignedIn;
use crate::store;

impl Gate {
    /// What an access token says, and whom it shows; `None` for one that does not count, whatever
    /// the reason. A refresh token never does: who is told that one is active takes it for an
    /// access token.
    ///
    /// # Errors
    /// The store's.
    pub async fn introspect(
        &self,
        token: &str,
    ) -> Result<Option<(Claims, SignedIn)>, store::Error> {
        match self.shown(token).await {
            Ok(shown) => Ok(Some(shown)),
            Err(NotShown::Refused(_) | NotShown::Ended) => Ok(None),
            Err(NotShown::Store(error)) => Err(error),
        }
    }
}
