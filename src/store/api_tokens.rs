//! Refresh tokens of programs. The session's row decides whether anybody is signed in; this one only
//! which token may go on with it.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::schema::api_tokens;
use super::time::{moment, stored};
use super::{AnyConnection, Error};

/// The token that may be used next, and the one before.
#[derive(Clone, Debug)]
pub struct Current {
    /// The digest of the token.
    pub digest: String,
    /// The token, sealed, for whoever did not get the answer it was in.
    pub sealed: String,
    /// The digest of the token whose place it took.
    pub previous: Option<String>,
    /// When it took its place.
    pub replaced_at: OffsetDateTime,
}

/// Begins the chain of a session.
///
/// # Errors
/// The database's.
pub fn begin(
    connection: &mut AnyConnection,
    session: Uuid,
    (digest, sealed): (&str, &str),
    now: OffsetDateTime,
) -> Result<(), Error> {
    diesel::insert_into(api_tokens::table)
        .values((
            api_tokens::session_id.eq(session.to_string()),
            api_tokens::digest.eq(digest),
            api_tokens::sealed.eq(sealed),
            api_tokens::replaced_at.eq(stored(now)),
        ))
        .execute(connection)?;
    Ok(())
}

/// The chain of a session.
///
/// # Errors
/// The database's.
pub fn current(connection: &mut AnyConnection, session: Uuid) -> Result<Option<Current>, Error> {
    type Row = (String, String, Option<String>, PrimitiveDateTime);
    let row: Option<Row> = api_tokens::table
        .find(session.to_string())
        .select((
            api_tokens::digest,
            api_tokens::sealed,
            api_tokens::previous,
            api_tokens::replaced_at,
        ))
        .first(connection)
        .optional()?;
    let current = |(digest, sealed, previous, replaced_at)| Current {
        digest,
        sealed,
        previous,
        replaced_at: moment(replaced_at),
    };
    Ok(row.map(current))
}

/// Puts a token in the place of another; `false` when that is not the current one any more. Of many
/// who try at once, one succeeds.
///
/// # Errors
/// The database's.
pub fn replace(
    connection: &mut AnyConnection,
    session: Uuid,
    old: &str,
    (digest, sealed): (&str, &str),
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let current = api_tokens::table
        .find(session.to_string())
        .filter(api_tokens::digest.eq(old));
    let replaced = diesel::update(current)
        .set((
            api_tokens::digest.eq(digest),
            api_tokens::sealed.eq(sealed),
            api_tokens::previous.eq(old),
            api_tokens::replaced_at.eq(stored(now)),
        ))
        .execute(connection)?;
    Ok(replaced == 1)
}
