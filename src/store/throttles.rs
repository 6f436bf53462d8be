//! Counting failures across instances, so that guessing grows slow wherever it is tried.

use diesel::prelude::*;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::schema::throttles;
use super::time::{moment, stored};
use super::{AnyConnection, Error};

/// How many failures are let through in which time.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// So many.
    pub failures: i32,
    /// In so long.
    pub within: Duration,
}

/// Counts a try of `what`, unless it has had all that it may: then how long it has to wait, and
/// nothing is counted. Whoever counts before trying cannot try more often by trying at once.
///
/// # Errors
/// The database's.
pub fn take(
    connection: &mut AnyConnection,
    what: &str,
    allowance: Allowance,
    now: OffsetDateTime,
) -> Result<Option<Duration>, Error> {
    // A row from the future is of before a clock was set back, and would hold for longer than it
    // may; clocks of two instances differ by less.
    let until = now + allowance.within * 2;
    for _ in 0..3 {
        let free = throttles::table
            .find(what)
            .filter(throttles::expires_at.gt(stored(now)))
            .filter(throttles::expires_at.le(stored(until)))
            .filter(throttles::failures.lt(allowance.failures));
        let counted = diesel::update(free)
            .set(throttles::failures.eq(throttles::failures + 1))
            .execute(connection)?;
        if counted == 1 {
            return Ok(None);
        }
        let full: Option<PrimitiveDateTime> = throttles::table
            .find(what)
            .filter(throttles::expires_at.gt(stored(now)))
            .filter(throttles::expires_at.le(stored(until)))
            .select(throttles::expires_at)
            .first(connection)
            .optional()?;
        if let Some(expires_at) = full {
            return Ok(Some(moment(expires_at) - now));
        }
        let over = throttles::table.find(what).filter(
            throttles::expires_at
                .le(stored(now))
                .or(throttles::expires_at.gt(stored(until))),
        );
        diesel::delete(over).execute(connection)?;
        let begun = connection.unless_taken(|connection| {
            diesel::insert_into(throttles::table)
                .values((
                    throttles::what.eq(what),
                    throttles::failures.eq(1),
                    throttles::first_at.eq(stored(now)),
                    throttles::expires_at.eq(stored(now + allowance.within)),
                ))
                .execute(connection)
        })?;
        if begun {
            return Ok(None);
        }
    }
    // Others were quicker three times over: whoever tries as often as that can wait.
    Ok(Some(allowance.within))
}

/// Takes back one try of `what` that turned out to be none.
///
/// # Errors
/// The database's.
pub fn give_back(connection: &mut AnyConnection, what: &str) -> Result<(), Error> {
    let counted = throttles::table
        .find(what)
        .filter(throttles::failures.gt(0));
    diesel::update(counted)
        .set(throttles::failures.eq(throttles::failures - 1))
        .execute(connection)?;
    Ok(())
}

/// Has the count of `what` last until then and no longer; does nothing where there is none.
///
/// # Errors
/// The database's.
pub fn hold(
    connection: &mut AnyConnection,
    what: &str,
    until: OffsetDateTime,
) -> Result<(), Error> {
    diesel::update(throttles::table.find(what))
        .set(throttles::expires_at.eq(stored(until)))
        .execute(connection)?;
    Ok(())
}

/// Forgets the failures of `what`.
///
/// # Errors
/// The database's.
pub fn clear(connection: &mut AnyConnection, what: &str) -> Result<(), Error> {
    diesel::delete(throttles::table.find(what)).execute(connection)?;
    Ok(())
}

/// Forgets counts whose time has passed, at most `limit`; says how many.
///
/// # Errors
/// The database's.
pub fn purge(
    connection: &mut AnyConnection,
    now: OffsetDateTime,
    limit: i64,
) -> Result<usize, Error> {
    let old: Vec<String> = throttles::table
        .filter(throttles::expires_at.le(stored(now)))
        .limit(limit)
        .select(throttles::what)
        .load(connection)?;
    let old = throttles::table.filter(throttles::what.eq_any(old));
    Ok(diesel::delete(old).execute(connection)?)
}
