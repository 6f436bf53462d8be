//! Taking members out as a file: written down first, then read batch by batch, so that a file of
//! any length needs the memory of one batch and holds no connection while the reader is slow.

use super::Reason;
use crate::flow::{Audited, Gate, Origin};
use crate::member::{MemberId, Role};
use crate::store::audit::Outcome;
use crate::store::directory::{self, Card, Count, Filter};
use crate::store::{self, Store};

/// The most members in one file.
pub const LIMIT: i64 = 50_000;

/// Members read at once.
const BATCH: i64 = 500;

/// What an admin wants to take out.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Whom.
    pub filter: Filter,
    /// The same as the audit log keeps it: without the text that was searched for.
    pub told: String,
    /// The codes of the fields, as the audit log keeps them.
    pub fields: String,
    /// Whether personal data is to be shown whole.
    pub whole: bool,
    /// Why.
    pub reason: Reason,
}

/// What comes of a wish.
pub enum Wished {
    /// It is on record and may be read.
    Granted(Box<Export>),
    /// Their role does not allow it, which is on record too.
    Refused,
    /// They are more than [`LIMIT`].
    TooMany,
}

/// Members on their way out, by their number.
pub struct Export {
    store: Store,
    filter: Filter,
    after: i64,
    left: i64,
}

impl Gate {
    /// How many members a file of these would have, counted up to [`LIMIT`].
    ///
    /// # Errors
    /// The store's.
    pub async fn export_size(&self, filter: Filter) -> Result<Count, store::Error> {
        self.store
            .read(move |connection| directory::count_up_to(connection, &filter, LIMIT))
            .await
    }

    /// Grants an export or does not; what is granted is in the audit log before this returns.
    ///
    /// # Errors
    /// The store's; then nothing may be shown.
    pub async fn export(
        &self,
        admin: MemberId,
        role: Role,
        wish: Wish,
        origin: &Origin,
    ) -> Result<Wished, store::Error> {
        let allowed = role >= Role::Owner || (role >= Role::Admin && !wish.whole);
        let size = if allowed {
            self.export_size(wish.filter.clone()).await?
        } else {
            Count::Exactly(0)
        };
        let Count::Exactly(size) = size else {
            return Ok(Wished::TooMany);
        };
        let mode = if wish.whole { "in full" } else { "masked" };
        let Wish { told, fields, .. } = &wish;
        let result = if allowed {
            Outcome::Success
        } else {
            Outcome::Refused
        };
        let detail = format!("{size} members {mode}; fields {fields}; filter {told}");
        let (gate, now, from) = (self.clone(), self.clock.now(), origin.clone());
        let reason = wish.reason.as_str().to_owned();
        self.store
            .write(move |connection| {
                let entry = Audited {
                    actor: Some(admin),
                    subject: None,
                    action: "member.export",
                    result,
                    reason: Some(reason),
                    detail: Some(detail),
                    origin: &from,
                };
                gate.audit(connection, &[entry], now)
            })
            .await?;
        if !allowed {
            return Ok(Wished::Refused);
        }
        Ok(Wished::Granted(Box::new(Export {
            store: self.store.clone(),
            filter: wish.filter,
            after: 0,
            left: LIMIT,
        })))
    }
}

impl Export {
    /// The next members; nobody when all have been.
    ///
    /// # Errors
    /// The store's; what was read so far is then not all.
    pub async fn next(&mut self) -> Result<Vec<Card>, store::Error> {
        let (filter, after) = (self.filter.clone(), self.after);
        let most = self.left.min(BATCH);
        if most == 0 {
            return Ok(Vec::new());
        }
        let cards = self
            .store
            .read(move |connection| directory::batch_after(connection, &filter, after, most))
            .await?;
        if let Some(last) = cards.last() {
            self.after = last.number;
        }
        self.left -= i64::try_from(cards.len()).unwrap_or(self.left);
        Ok(cards)
    }
}
