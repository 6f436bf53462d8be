//! Forgetting the oldest entries when they have been kept for long enough.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::{EventRow, ends};
use crate::store::schema::audit_events;
use crate::store::time::moment;
use crate::store::{AnyConnection, Error};
use crate::vault::Vault;

/// What was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purged {
    /// The entries from the first place to the last.
    Entries(i64, i64),
    /// Nothing: no entry is that old.
    Nothing,
    /// Nothing: the chain is not intact at this place, and what proves it is not thrown away.
    Evidence(i64),
}

/// Forgets the oldest entries as long as they are from `before`, at most `limit`, and moves the
/// chain's base behind them. What follows an entry that is younger stays, whatever its time says.
/// The caller appends what it did in the same transaction.
///
/// # Errors
/// The database's.
pub fn purge(
    connection: &mut AnyConnection,
    vault: &Vault,
    before: OffsetDateTime,
    limit: i64,
) -> Result<Purged, Error> {
    // Without a lock first: mostly there is nothing to do.
    let oldest = oldest(connection, 1)?;
    let is_old = |row: &EventRow| moment(row.at) < before;
    if !oldest.iter().any(is_old) {
        return Ok(Purged::Nothing);
    }
    let mut chain = ends::lock(connection)?;
    if !chain.is_vouched_for(vault) {
        return Ok(Purged::Evidence(chain.base_place + 1));
    }
    let first = chain.base_place + 1;
    for row in self::oldest(connection, limit)?
        .iter()
        .take_while(|row| is_old(row))
    {
        let place = chain.base_place + 1;
        let digest = row.digest_after(&chain.base_digest, place);
        if row.place != Some(place) || row.digest.as_ref() != Some(&digest) {
            return Ok(Purged::Evidence(place));
        }
        (chain.base_place, chain.base_digest) = (place, digest);
    }
    let last = chain.base_place;
    if last < first || last > chain.head_place {
        return Ok(Purged::Nothing);
    }
    let forgotten = audit_events::table.filter(audit_events::place.le(last));
    diesel::delete(forgotten).execute(connection)?;
    ends::keep(connection, vault, chain, true)?;
    Ok(Purged::Entries(first, last))
}

fn oldest(connection: &mut AnyConnection, limit: i64) -> Result<Vec<EventRow>, Error> {
    Ok(audit_events::table
        .filter(audit_events::place.is_not_null())
        .order(audit_events::place)
        .limit(limit)
        .select(EventRow::as_select())
        .load(connection)?)
}
