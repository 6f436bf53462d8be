//! Walking the whole chain, to see whether it is as the service wrote it.

use diesel::prelude::*;

use super::EventRow;
use super::ends::{self, Ends, Head};
use crate::store::schema::audit_events;
use crate::store::{AnyConnection, Error};
use crate::vault::Vault;

/// How many entries one step reads: all that is ever held of a log of millions.
const STEP: i64 = 1_000;

/// What a walk comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every entry is as it was written.
    Intact {
        /// How many there are.
        entries: i64,
        /// The newest.
        head: Head,
    },
    /// They are not.
    Broken {
        /// The first place that cannot be relied on.
        place: i64,
        /// What is wrong there.
        flaw: Flaw,
    },
}

/// What is wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The entry is not the one that was written there: changed, exchanged with another, or
    /// following one that was.
    Changed,
    /// There is no entry.
    Removed,
    /// There is an entry where none was written.
    Inserted,
    /// The ends are missing, or somebody without the key has written them.
    Unvouched,
    /// The chain holds another entry than the one that was expected, or does not reach as far:
    /// an older state, or another log.
    NotExpected,
    /// The entry that was expected has been purged, and what is left cannot tell.
    Purged,
}

impl Flaw {
    /// The stable code, for programs.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Removed => "removed",
            Self::Inserted => "inserted",
            Self::Unvouched => "unvouched",
            Self::NotExpected => "not_expected",
            Self::Purged => "purged",
        }
    }
}

/// A walk along the chain, some entries a step, so that nobody waits for it. Entries may be
/// appended and purged meanwhile; it ends at what was the newest when it began.
#[derive(Clone, Debug)]
pub struct Walk {
    expected: Option<Head>,
    ends: Option<Ends>,
    /// The entry that was looked at last.
    at: Head,
    entries: i64,
}

impl Walk {
    /// A walk that is to come past the entry `expected`.
    #[must_use]
    pub fn new(expected: Option<Head>) -> Self {
        Self {
            expected,
            ends: None,
            at: Head {
                place: 0,
                digest: String::new(),
            },
            entries: 0,
        }
    }

    /// How many entries were looked at, and how many there are.
    #[must_use]
    pub fn progress(&self) -> (i64, i64) {
        let left = self
            .ends
            .as_ref()
            .map_or(0, |ends| (ends.head_place - self.at.place).max(0));
        (self.entries, self.entries + left)
    }

    /// Walks on; the verdict, once there is one.
    ///
    /// # Errors
    /// The database's.
    pub fn step(
        &mut self,
        connection: &mut AnyConnection,
        vault: &Vault,
    ) -> Result<Option<Verdict>, Error> {
        let Some(ends) = self.ends.clone() else {
            return self.begin(connection, vault);
        };
        let rows: Vec<EventRow> = audit_events::table
            .filter(audit_events::place.gt(self.at.place))
            .filter(audit_events::place.le(ends.head_place))
            .order(audit_events::place)
            .limit(STEP)
            .select(EventRow::as_select())
            .load(connection)?;
        let last = i64::try_from(rows.len()).unwrap_or(STEP) < STEP;
        for row in rows {
            let place = self.at.place + 1;
            if row.place != Some(place) {
                return self.gap(connection, vault);
            }
            let digest = row.digest_after(&self.at.digest, place);
            if row.digest.as_ref() != Some(&digest) {
                return Ok(broken(place, Flaw::Changed));
            }
            self.at = Head { place, digest };
            self.entries += 1;
            if !self.is_expected() {
                return Ok(broken(place, Flaw::NotExpected));
            }
        }
        if !last {
            return Ok(None);
        }
        if self.at.place < ends.head_place {
            return self.gap(connection, vault);
        }
        // Entries up to here were chained anew without the key.
        if self.at != ends.head() {
            return Ok(broken(self.at.place, Flaw::Changed));
        }
        Ok(Some(Verdict::Intact {
            entries: self.entries,
            head: self.at.clone(),
        }))
    }

    fn begin(
        &mut self,
        connection: &mut AnyConnection,
        vault: &Vault,
    ) -> Result<Option<Verdict>, Error> {
        // Before the ends, which grow with the entries: what lies past them then is not theirs.
        let newest: Option<i64> = audit_events::table
            .select(diesel::dsl::max(audit_events::place))
            .first(connection)?;
        let Some(ends) = ends::read(connection)? else {
            return Ok(broken(newest.unwrap_or_default(), Flaw::Unvouched));
        };
        // After the ends: a purge in between leaves nothing that would be theirs either.
        let oldest: Option<i64> = audit_events::table
            .select(diesel::dsl::min(audit_events::place))
            .first(connection)?;
        let unplaced = audit_events::table.filter(audit_events::place.is_null());
        let unplaced: bool =
            diesel::select(diesel::dsl::exists(unplaced)).get_result(connection)?;
        let verdict = if !ends.is_vouched_for(vault) {
            broken(ends.head_place, Flaw::Unvouched)
        } else if let Some(place) = newest.filter(|place| *place > ends.head_place) {
            broken(place, Flaw::Inserted)
        } else if let Some(place) = oldest.filter(|place| *place <= ends.base_place) {
            broken(place, Flaw::Inserted)
        } else if unplaced {
            broken(0, Flaw::Inserted)
        } else {
            self.refuse_expected(&ends)
        };
        self.at = Head {
            place: ends.base_place,
            digest: ends.base_digest.clone(),
        };
        self.ends = Some(ends);
        if verdict.is_none() && !self.is_expected() {
            return Ok(broken(self.at.place, Flaw::NotExpected));
        }
        Ok(verdict)
    }

    /// What was expected and cannot be met between these ends.
    fn refuse_expected(&self, ends: &Ends) -> Option<Verdict> {
        let expected = self.expected.as_ref()?;
        if expected.place > ends.head_place {
            return broken(ends.head_place, Flaw::NotExpected);
        }
        // Everything begins at place 0.
        if expected.place < ends.base_place && expected.place > 0 {
            return broken(expected.place, Flaw::Purged);
        }
        None
    }

    /// Whether the entry at hand is the expected one, if it is its place.
    fn is_expected(&self) -> bool {
        let expected = self.expected.as_ref();
        expected.is_none_or(|head| head.place != self.at.place || *head == self.at)
    }

    /// The next entry is not there: it was purged meanwhile, or somebody has removed it.
    fn gap(
        &mut self,
        connection: &mut AnyConnection,
        vault: &Vault,
    ) -> Result<Option<Verdict>, Error> {
        let missing = self.at.place + 1;
        let now = ends::read(connection)?;
        match now.filter(|ends| ends.is_vouched_for(vault)) {
            Some(ends) if ends.base_place >= missing => {
                self.at = Head {
                    place: ends.base_place,
                    digest: ends.base_digest.clone(),
                };
                self.ends = Some(ends);
                Ok(None)
            }
            Some(_) => Ok(broken(missing, Flaw::Removed)),
            None => Ok(broken(missing, Flaw::Unvouched)),
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what a step answers with")]
fn broken(place: i64, flaw: Flaw) -> Option<Verdict> {
    Some(Verdict::Broken { place, flaw })
}
