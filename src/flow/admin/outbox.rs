//! The outbox as the administration sees it: what waits, what was given up and why. It tells of
//! nobody but by member number, so looking at it is not looking at a member.

use uuid::Uuid;

use crate::flow::{Audited, Gate, Origin};
use crate::member::SignedIn;
use crate::store;
use crate::store::audit::Outcome;
use crate::store::outbox::Kind;
use crate::store::outbox::look::{self, Entry, State, Wanted};

/// Entries a page.
const PAGE: i64 = 50;

/// A page of the outbox.
#[derive(Debug)]
pub struct Sheet {
    /// The entries, the newest first.
    pub entries: Vec<Entry>,
    /// Whether there are older ones.
    pub older: bool,
    /// How many wait and how many were given up, by kind.
    pub counts: Vec<(Kind, State, i64)>,
}

impl Gate {
    /// Looks into the outbox.
    ///
    /// # Errors
    /// The store's.
    pub async fn outbox(&self, wanted: Wanted) -> Result<Sheet, store::Error> {
        self.store
            .read(move |connection| {
                let mut entries = look::page(connection, wanted, PAGE + 1)?;
                let full = usize::try_from(PAGE).unwrap_or(usize::MAX);
                let older = entries.len() > full;
                entries.truncate(full);
                let counts = look::counts(connection)?;
                Ok(Sheet {
                    entries,
                    older,
                    counts,
                })
            })
            .await
    }

    /// Has an entry tried again at once that was put off; `false` when it was not, or is done with.
    ///
    /// # Errors
    /// The store's; nothing was done then.
    pub async fn try_again(
        &self,
        signed_in: &SignedIn,
        id: Uuid,
        origin: &Origin,
    ) -> Result<bool, store::Error> {
        let (gate, from, now) = (self.clone(), origin.clone(), self.clock.now());
        let actor = signed_in.member.id;
        let hurried = self
            .store
            .write(move |connection| {
                let Some((kind, member)) = look::hurry(connection, id, now)? else {
                    return Ok(false);
                };
                let entry = Audited {
                    actor: Some(actor),
                    subject: member,
                    action: "kakao.retry",
                    result: Outcome::Success,
                    reason: None,
                    detail: Some(kind.code().to_owned()),
                    origin: &from,
                };
                gate.audit(connection, &[entry], now)?;
                Ok(true)
            })
            .await?;
        if hurried {
            self.owed.notify_one();
            self.letters.notify_one();
        }
        Ok(hurried)
    }
}
