//! A member's sessions with all that is stored of them, for the member; and the Kakao tokens in
//! them, which come and go with the connection to Kakao.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::{SealedTokens, SessionRow};
use crate::member::{MemberId, Session};
use crate::store::schema::sessions;
use crate::store::time::{moment, stored};
use crate::store::{AnyConnection, Error};

/// A session, live or ended.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The session.
    pub session: Session,
    /// When somebody ended it.
    pub ended_at: Option<OffsetDateTime>,
    /// Why, by its code.
    pub ended_by: Option<String>,
    /// Whether it keeps tokens of Kakao's.
    pub has_kakao_tokens: bool,
}

/// Every session of a member that is still remembered, the newest first.
///
/// # Errors
/// The database's.
pub fn all(connection: &mut AnyConnection, member: MemberId) -> Result<Vec<Stored>, Error> {
    type Row = (
        SessionRow,
        Option<PrimitiveDateTime>,
        Option<String>,
        Option<String>,
    );
    let rows: Vec<Row> = sessions::table
        .filter(sessions::member_id.eq(member.to_string()))
        .order((sessions::created_at.desc(), sessions::id.desc()))
        .select((
            SessionRow::as_select(),
            sessions::ended_at,
            sessions::ended_by,
            sessions::kakao_access,
        ))
        .load(connection)?;
    rows.into_iter()
        .map(|(row, ended_at, ended_by, access)| {
            Ok(Stored {
                session: row.into_session()?,
                ended_at: ended_at.map(moment),
                ended_by,
                has_kakao_tokens: access.is_some(),
            })
        })
        .collect()
}

/// Keeps Kakao's tokens with a session, in the place of those it has.
///
/// # Errors
/// The database's.
pub fn keep_kakao_tokens(
    connection: &mut AnyConnection,
    id: Uuid,
    tokens: &SealedTokens,
) -> Result<(), Error> {
    diesel::update(
        sessions::table
            .find(id.to_string())
            .filter(sessions::ended_at.is_null()),
    )
    .set((
        sessions::kakao_access.eq(&tokens.access),
        sessions::kakao_access_ends_at.eq(stored(tokens.access_ends_at)),
        sessions::kakao_refresh.eq(&tokens.refresh),
        sessions::kakao_refresh_ends_at.eq(stored(tokens.refresh_ends_at)),
    ))
    .execute(connection)?;
    Ok(())
}

/// A member's access tokens that may still work, each with its session and its end, the one that
/// lives longest first.
///
/// # Errors
/// The database's.
pub fn kakao_access(
    connection: &mut AnyConnection,
    member: MemberId,
    now: OffsetDateTime,
) -> Result<Vec<(Uuid, String, OffsetDateTime)>, Error> {
    let rows: Vec<(String, Option<String>, Option<PrimitiveDateTime>)> = sessions::table
        .filter(sessions::member_id.eq(member.to_string()))
        .filter(sessions::kakao_access.is_not_null())
        .filter(sessions::kakao_access_ends_at.gt(stored(now)))
        .order((sessions::kakao_access_ends_at.desc(), sessions::id))
        .select((
            sessions::id,
            sessions::kakao_access,
            sessions::kakao_access_ends_at,
        ))
        .load(connection)?;
    rows.into_iter()
        .filter_map(|(id, access, end)| Some((id, access?, end?)))
        .map(|(id, access, end)| Ok((super::session_id(&id)?, access, moment(end))))
        .collect()
}

/// Forgets the Kakao tokens of a member's sessions.
///
/// # Errors
/// The database's.
pub fn forget_kakao_tokens(connection: &mut AnyConnection, member: MemberId) -> Result<(), Error> {
    diesel::update(sessions::table.filter(sessions::member_id.eq(member.to_string())))
        .set((
            sessions::kakao_access.eq(None::<String>),
            sessions::kakao_access_ends_at.eq(None::<PrimitiveDateTime>),
            sessions::kakao_refresh.eq(None::<String>),
            sessions::kakao_refresh_ends_at.eq(None::<PrimitiveDateTime>),
        ))
        .execute(connection)?;
    Ok(())
}
