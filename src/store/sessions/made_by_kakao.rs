//! Sessions that rest on Kakao's word, when Kakao takes it back.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::{Ended, EndedRow, end_row, live_of};
use crate::member::{EndedBy, MemberId};
use crate::store::schema::sessions;
use crate::store::time::stored;
use crate::store::{AnyConnection, Error};

/// Ends the live sessions of a member that were made by signing in with Kakao before `before`.
///
/// # Errors
/// The database's.
pub fn end(
    connection: &mut AnyConnection,
    member: MemberId,
    before: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<Vec<Ended>, Error> {
    let rows = live_of(member, now)
        .filter(sessions::method.eq("kakao"))
        .filter(sessions::created_at.lt(stored(before)))
        // Everybody locks the rows in one order, so that nobody waits for each other.
        .order(sessions::id)
        .select(EndedRow::as_select())
        .load(connection)?;
    let mut ended = Vec::with_capacity(rows.len());
    for row in rows {
        ended.extend(end_row(connection, row, EndedBy::Kakao, now)?);
    }
    Ok(ended)
}

/// Erases Kakao's tokens from the sessions of a member that began before `before`, whichever way
/// they were made; says from how many.
///
/// # Errors
/// The database's.
pub fn erase_tokens(
    connection: &mut AnyConnection,
    member: MemberId,
    before: OffsetDateTime,
) -> Result<usize, Error> {
    let holding = sessions::table
        .filter(sessions::member_id.eq(member.to_string()))
        .filter(sessions::created_at.lt(stored(before)))
        .filter(
            sessions::kakao_access
                .is_not_null()
                .or(sessions::kakao_refresh.is_not_null()),
        );
    Ok(diesel::update(holding)
        .set((
            sessions::kakao_access.eq(None::<String>),
            sessions::kakao_access_ends_at.eq(None::<PrimitiveDateTime>),
            sessions::kakao_refresh.eq(None::<String>),
            sessions::kakao_refresh_ends_at.eq(None::<PrimitiveDateTime>),
        ))
        .execute(connection)?)
}
