//! The devices page: seeing one's sessions and ending them.

use uuid::Uuid;

use super::{Audited, Gate, Origin, log_event};
use crate::member::{EndedBy, Session, SignedIn};
use crate::store::sessions::{self, Ended};
use crate::store::{self};

/// The most sessions shown.
const MOST_SHOWN: i64 = 20;

impl Gate {
    /// The live sessions of the member, the most recently used first, at most twenty.
    ///
    /// # Errors
    /// The store's.
    pub async fn devices(&self, signed_in: &SignedIn) -> Result<Vec<Session>, store::Error> {
        let (member, now) = (signed_in.member.id, self.clock.now());
        self.store
            .read(move |connection| sessions::list(connection, member, now, MOST_SHOWN))
            .await
    }

    /// Ends one other session of the member; `None` when it was not live any more, was never
    /// theirs, or is the one they are using, which logging out ends.
    ///
    /// # Errors
    /// The store's.
    pub async fn end_device(
        &self,
        signed_in: &SignedIn,
        id: Uuid,
        origin: &Origin,
    ) -> Result<Option<Ended>, store::Error> {
        if id == signed_in.session.id {
            return Ok(None);
        }
        let mut ended = self.end(signed_in, Some(id), "session.end", origin).await?;
        Ok(ended.pop())
    }

    /// Ends every other session of the member.
    ///
    /// # Errors
    /// The store's.
    pub async fn end_other_devices(
        &self,
        signed_in: &SignedIn,
        origin: &Origin,
    ) -> Result<Vec<Ended>, store::Error> {
        self.end(signed_in, None, "session.end_others", origin)
            .await
    }

    async fn end(
        &self,
        signed_in: &SignedIn,
        one: Option<Uuid>,
        action: &'static str,
        origin: &Origin,
    ) -> Result<Vec<Ended>, store::Error> {
        let now = self.clock.now();
        let (member, current) = (signed_in.member.id, signed_in.session.id);
        let (gate, from) = (self.clone(), origin.clone());
        let ended = self
            .store
            .write(move |connection| {
                let by = EndedBy::OtherDevice;
                let ended: Vec<Ended> = match one {
                    Some(id) => sessions::end(connection, member, id, by, now)?
                        .into_iter()
                        .collect(),
                    None => sessions::end_all(connection, member, Some(current), by, now)?,
                };
                for session in &ended {
                    gate.owe_for(connection, member, session, now)?;
                }
                if !ended.is_empty() {
                    let audited = Audited::own(member, action, &from);
                    gate.audit(connection, &[audited], now)?;
                }
                Ok(ended)
            })
            .await?;
        if !ended.is_empty() {
            self.owed.notify_one();
            log_event(action, member, current, origin);
        }
        Ok(ended)
    }
}
