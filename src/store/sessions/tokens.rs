//! The Kakao tokens of a session: whose turn it is to refresh them, and what became of that.
//!
//! A change names the sealed refresh token that it was decided on. Sealing draws a fresh nonce, so
//! whoever comes too late finds another text there and changes nothing.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::{SealedTokens, ended_by_of};
use crate::member::EndedBy;
use crate::store::schema::sessions;
use crate::store::time::{moment, stored};
use crate::store::{AnyConnection, Error};

/// What a live session keeps of Kakao's.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The tokens.
    pub sealed: SealedTokens,
    /// Until when somebody is refreshing them; a moment that has passed is nobody.
    pub refreshing_until: Option<OffsetDateTime>,
    /// Before when nobody tries again, because it has just failed.
    pub refresh_after: Option<OffsetDateTime>,
}

/// What a live session keeps of Kakao's.
///
/// # Errors
/// The database's.
pub fn kept(connection: &mut AnyConnection, session: Uuid) -> Result<Option<Kept>, Error> {
    let Some(sealed) = super::kakao_tokens(connection, session)? else {
        return Ok(None);
    };
    type Turns = (Option<PrimitiveDateTime>, Option<PrimitiveDateTime>);
    let turns: Option<Turns> = sessions::table
        .find(session.to_string())
        .select((
            sessions::kakao_refreshing_until,
            sessions::kakao_refresh_after,
        ))
        .first(connection)
        .optional()?;
    Ok(turns.map(|(until, after)| Kept {
        sealed,
        refreshing_until: until.map(moment),
        refresh_after: after.map(moment),
    }))
}

/// Makes it the caller's turn to refresh, until `until`; says whether it is.
///
/// # Errors
/// The database's.
pub fn lease(
    connection: &mut AnyConnection,
    session: Uuid,
    tokens: &SealedTokens,
    now: OffsetDateTime,
    until: OffsetDateTime,
) -> Result<bool, Error> {
    let free = sessions::kakao_refreshing_until
        .is_null()
        .or(sessions::kakao_refreshing_until.le(stored(now)));
    // The access token too: who waited for a refresh that has just been done need not do another.
    let theirs = with(session, tokens).filter(sessions::kakao_access.eq(&tokens.access));
    let changed = diesel::update(theirs)
        .filter(free)
        .set(sessions::kakao_refreshing_until.eq(stored(until)))
        .execute(connection)?;
    Ok(changed == 1)
}

/// Puts `new` in the place of `old`, and ends the turn; says whether the session still had `old`.
///
/// # Errors
/// The database's.
pub fn replace(
    connection: &mut AnyConnection,
    session: Uuid,
    old: &SealedTokens,
    new: &SealedTokens,
) -> Result<bool, Error> {
    let changed = diesel::update(with(session, old))
        .set((
            sessions::kakao_access.eq(&new.access),
            sessions::kakao_access_ends_at.eq(stored(new.access_ends_at)),
            sessions::kakao_refresh.eq(&new.refresh),
            sessions::kakao_refresh_ends_at.eq(stored(new.refresh_ends_at)),
            sessions::kakao_refreshing_until.eq(None::<PrimitiveDateTime>),
            sessions::kakao_refresh_after.eq(None::<PrimitiveDateTime>),
        ))
        .execute(connection)?;
    Ok(changed == 1)
}

/// Ends the turn without a result; nobody tries again before `after`.
///
/// # Errors
/// The database's.
pub fn put_off(
    connection: &mut AnyConnection,
    session: Uuid,
    tokens: &SealedTokens,
    after: OffsetDateTime,
) -> Result<(), Error> {
    diesel::update(with(session, tokens))
        .set((
            sessions::kakao_refreshing_until.eq(None::<PrimitiveDateTime>),
            sessions::kakao_refresh_after.eq(stored(after)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Forgets tokens that are of no use any more. The session lives on.
///
/// # Errors
/// The database's.
pub fn forget(
    connection: &mut AnyConnection,
    session: Uuid,
    tokens: &SealedTokens,
) -> Result<(), Error> {
    diesel::update(with(session, tokens))
        .set((
            sessions::kakao_access.eq(None::<String>),
            sessions::kakao_access_ends_at.eq(None::<PrimitiveDateTime>),
            sessions::kakao_refresh.eq(None::<String>),
            sessions::kakao_refresh_ends_at.eq(None::<PrimitiveDateTime>),
            sessions::kakao_refreshing_until.eq(None::<PrimitiveDateTime>),
            sessions::kakao_refresh_after.eq(None::<PrimitiveDateTime>),
        ))
        .execute(connection)?;
    Ok(())
}

/// Why a session has ended; `None` for one that has not, or that is not there.
///
/// # Errors
/// The database's.
pub fn ended_by(connection: &mut AnyConnection, session: Uuid) -> Result<Option<EndedBy>, Error> {
    let code: Option<Option<String>> = sessions::table
        .find(session.to_string())
        .filter(sessions::ended_at.is_not_null())
        .select(sessions::ended_by)
        .first(connection)
        .optional()?;
    Ok(code.map(|code| ended_by_of(code.as_deref())))
}

#[diesel::dsl::auto_type(no_type_alias)]
fn with(session: Uuid, tokens: &SealedTokens) -> _ {
    let (session, refresh): (String, String) = (session.to_string(), tokens.refresh.clone());
    sessions::table
        .filter(sessions::id.eq(session))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::kakao_refresh.eq(refresh))
}
