//! Login attempts that came back from Kakao: each is claimed once.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::schema::attempts;
use super::time::stored;
use super::{AnyConnection, Error};

/// The key of a row that stands for no attempt; no hash looks like it.
const NOBODYS: &str = "ready";

/// Who gets to exchange the code of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// We do: nobody claimed it before.
    Ours,
    /// Somebody else did, and came to this outcome; `None` while it is still open.
    Taken(Option<String>),
}

/// Claims the attempt whose state has this hash, until `expires_at`.
///
/// # Errors
/// The database's.
pub fn claim(
    connection: &mut AnyConnection,
    state_hash: &str,
    expires_at: OffsetDateTime,
) -> Result<Claim, Error> {
    let ours = connection.unless_taken(|connection| {
        diesel::insert_into(attempts::table)
            .values((
                attempts::state_hash.eq(state_hash),
                attempts::expires_at.eq(stored(expires_at)),
            ))
            .execute(connection)
    })?;
    if ours {
        return Ok(Claim::Ours);
    }
    outcome(connection, state_hash).map(Claim::Taken)
}

/// What the claimed attempt came to; `None` while it is open.
///
/// # Errors
/// The database's.
pub fn outcome(connection: &mut AnyConnection, state_hash: &str) -> Result<Option<String>, Error> {
    let row = attempts::table
        .find(state_hash)
        .select(attempts::outcome)
        .first::<Option<String>>(connection)
        .optional()?;
    Ok(row.flatten())
}

/// Writes down what the attempt came to.
///
/// # Errors
/// The database's.
pub fn settle(
    connection: &mut AnyConnection,
    state_hash: &str,
    outcome: &str,
) -> Result<(), Error> {
    diesel::update(attempts::table.find(state_hash))
        .set(attempts::outcome.eq(outcome))
        .execute(connection)?;
    Ok(())
}

/// Forgets attempts that expired before `now`; says how many.
///
/// # Errors
/// The database's.
pub fn purge(connection: &mut AnyConnection, now: OffsetDateTime) -> Result<usize, Error> {
    let expired = attempts::table.filter(attempts::expires_at.lt(stored(now)));
    Ok(diesel::delete(expired).execute(connection)?)
}

/// Writes the row that stands for no attempt. A full disk or a read-only file shows only when
/// something is written, not when a transaction begins.
///
/// # Errors
/// The database's.
pub(super) fn prove_writable(connection: &mut AnyConnection) -> Result<(), Error> {
    let long_past = stored(OffsetDateTime::UNIX_EPOCH);
    let changed = diesel::update(attempts::table.find(NOBODYS))
        .set(attempts::expires_at.eq(long_past))
        .execute(connection)?;
    if changed == 0 {
        // The first time, and after every purge. Another instance may be quicker.
        connection.unless_taken(|connection| {
            diesel::insert_into(attempts::table)
                .values((
                    attempts::state_hash.eq(NOBODYS),
                    attempts::expires_at.eq(long_past),
                ))
                .execute(connection)
        })?;
    }
    Ok(())
}
