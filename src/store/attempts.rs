//! Login attempts that came back from Kakao: each is claimed once.

use diesel::prelude::*;
use time::OffsetDateTime;

use super::schema::attempts;
use super::time::stored;
use super::{AnyConnection, Error};

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

/// Writes down that the attempt failed, unless it has succeeded: a commit that took longer than
/// its caller's patience is a success all the same.
///
/// # Errors
/// The database's.
pub fn settle_failure(
    connection: &mut AnyConnection,
    state_hash: &str,
    outcome: &str,
) -> Result<(), Error> {
    let open = attempts::table
        .find(state_hash)
        .filter(attempts::outcome.is_null());
    diesel::update(open)
        .set(attempts::outcome.eq(outcome))
        .execute(connection)?;
    Ok(())
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

/// Forgets attempts that expired before `before`, at most `limit`; says how many.
///
/// # Errors
/// The database's.
pub fn purge(
    connection: &mut AnyConnection,
    before: OffsetDateTime,
    limit: i64,
) -> Result<usize, Error> {
    let expired: Vec<String> = attempts::table
        .filter(attempts::expires_at.lt(stored(before)))
        .limit(limit)
        .select(attempts::state_hash)
        .load(connection)?;
    let expired = attempts::table.filter(attempts::state_hash.eq_any(expired));
    Ok(diesel::delete(expired).execute(connection)?)
}

/// Writes a row and takes it away again: whether the database can, a full disk and a standby
/// server included.
///
/// # Errors
/// The database's.
pub(super) fn probe(connection: &mut AnyConnection, now: OffsetDateTime) -> Result<(), Error> {
    // Not the hash of anything; instances asking at once do not meet, each in its transaction.
    const PROBE: &str = "probe";
    diesel::delete(attempts::table.find(PROBE)).execute(connection)?;
    connection.unless_taken(|connection| {
        diesel::insert_into(attempts::table)
            .values((
                attempts::state_hash.eq(PROBE),
                attempts::expires_at.eq(stored(now)),
            ))
            .execute(connection)
    })?;
    diesel::delete(attempts::table.find(PROBE)).execute(connection)?;
    Ok(())
}
