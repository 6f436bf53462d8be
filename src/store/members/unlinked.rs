//! Members whose Kakao account is not connected at Kakao any more. It stays theirs here: whoever
//! connects it again is the same member.

use diesel::prelude::*;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use super::member_id;
use crate::member::{KakaoId, MemberId};
use crate::store::schema::{kakao_accounts, members};
use crate::store::time::{moment, stored};
use crate::store::{AnyConnection, Error};

/// Whose a Kakao account is.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    /// The member.
    pub member: MemberId,
    /// When the person connected our app, as Kakao remembers it.
    pub connected_at: Option<OffsetDateTime>,
    /// When Kakao last told us of the account.
    pub synced_at: OffsetDateTime,
    /// Since when it is not connected.
    pub unlinked_at: Option<OffsetDateTime>,
}

impl Owner {
    /// Whether the person connected again after it ended at `moment`. Kakao's own time says so
    /// best; without it our last news of them must be later by more than `settled`, which is how
    /// long a login takes at most that was under way at that moment.
    #[must_use]
    pub fn came_back_after(&self, moment: OffsetDateTime, settled: Duration) -> bool {
        match self.connected_at {
            Some(at) => at > moment,
            None => self.synced_at > moment + settled,
        }
    }

    /// Whether Kakao has told us after `moment` that the account is connected.
    #[must_use]
    pub fn was_linked_after(&self, moment: OffsetDateTime) -> bool {
        self.synced_at > moment || self.connected_at.is_some_and(|at| at > moment)
    }
}

/// Whose the Kakao account with this number is.
///
/// # Errors
/// The database's.
pub fn owner(
    connection: &mut AnyConnection,
    app_id: i64,
    id: KakaoId,
) -> Result<Option<Owner>, Error> {
    type Row = (
        String,
        Option<PrimitiveDateTime>,
        PrimitiveDateTime,
        Option<PrimitiveDateTime>,
    );
    let row: Option<Row> = kakao_accounts::table
        .find((app_id, id.get()))
        .select((
            kakao_accounts::member_id,
            kakao_accounts::connected_at,
            kakao_accounts::synced_at,
            kakao_accounts::unlinked_at,
        ))
        .first(connection)
        .optional()?;
    row.map(|(member, connected_at, synced_at, unlinked_at)| {
        Ok(Owner {
            member: member_id(&member)?,
            connected_at: connected_at.map(moment),
            synced_at: moment(synced_at),
            unlinked_at: unlinked_at.map(moment),
        })
    })
    .transpose()
}

/// Writes down that the account is not connected any more, and erases what Kakao showed and
/// granted only for as long as it was: its picture, also where the member is shown with it, and
/// the consents.
///
/// # Errors
/// The database's.
pub fn mark(
    connection: &mut AnyConnection,
    app_id: i64,
    id: KakaoId,
    member: MemberId,
    now: OffsetDateTime,
) -> Result<(), Error> {
    diesel::update(kakao_accounts::table.find((app_id, id.get())))
        .set((
            kakao_accounts::unlinked_at.eq(stored(now)),
            kakao_accounts::picture.eq(None::<String>),
            kakao_accounts::scopes.eq(""),
        ))
        .execute(connection)?;
    diesel::update(members::table.find(member.to_string()))
        .set(members::picture.eq(None::<String>))
        .execute(connection)?;
    Ok(())
}

/// Takes [`mark`] back: the person has just come from Kakao with this account.
///
/// # Errors
/// The database's.
pub fn clear(
    connection: &mut AnyConnection,
    app_id: i64,
    id: KakaoId,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let unlinked = kakao_accounts::table
        .find((app_id, id.get()))
        .filter(kakao_accounts::unlinked_at.is_not_null());
    diesel::update(unlinked)
        .set((
            kakao_accounts::unlinked_at.eq(None::<PrimitiveDateTime>),
            kakao_accounts::linked_at.eq(stored(now)),
        ))
        .execute(connection)?;
    Ok(())
}
