//! What admins change about members. A transaction that acts begins with [`hold`], so that what it
//! decides on stays true until it ends.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::{member_id, role_of, standing_of};
use crate::member::{KakaoAccount, KakaoId, MemberId, Provider, Role, Standing};
use crate::store::members::KakaoRow;
use crate::store::schema::{kakao_accounts, members};
use crate::store::time::stored;
use crate::store::{AnyConnection, Error};

/// What of a member decides who may do what to them.
#[derive(Clone, Debug)]
pub struct Held {
    /// The key.
    pub id: MemberId,
    /// The member number.
    pub number: i64,
    /// The role.
    pub role: Role,
    /// The standing.
    pub standing: Standing,
    /// Grows with every act of an admin on the member.
    pub version: i64,
    joined_with: String,
    email_verified_at: Option<PrimitiveDateTime>,
}

impl Held {
    /// Whether this is a suspension whose end has passed.
    #[must_use]
    pub fn is_suspension_over(&self, now: OffsetDateTime) -> bool {
        matches!(self.standing, Standing::Suspended { until: Some(end) } if end <= now)
    }

    /// What a member is who is not suspended any more.
    #[must_use]
    pub fn unsuspended(&self) -> Standing {
        let by_email = self.joined_with == Provider::Email.code();
        if by_email && self.email_verified_at.is_none() {
            Standing::Unconfirmed
        } else {
            Standing::Active
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = members)]
struct HeldRow {
    id: String,
    number: i64,
    role: String,
    standing: String,
    standing_until: Option<PrimitiveDateTime>,
    version: i64,
    joined_with: String,
    email_verified_at: Option<PrimitiveDateTime>,
}

impl HeldRow {
    fn into_held(self) -> Result<Held, Error> {
        Ok(Held {
            id: member_id(&self.id)?,
            number: self.number,
            role: role_of(&self.role)?,
            standing: standing_of(&self.standing, self.standing_until)?,
            version: self.version,
            joined_with: self.joined_with,
            email_verified_at: self.email_verified_at,
        })
    }
}

/// These members and every owner, whom nobody else changes until this transaction ends.
///
/// Everybody who acts takes the same rows in the same order, so that of two owners who demote
/// each other at one moment the second finds that they are none any more. SQLite has one writer
/// anyway.
///
/// # Errors
/// The database's.
pub fn hold(connection: &mut AnyConnection, ids: &[MemberId]) -> Result<Vec<Held>, Error> {
    let ids: Vec<String> = ids.iter().map(MemberId::to_string).collect();
    let rows: Vec<HeldRow> = match connection {
        AnyConnection::Sqlite(connection) => members::table
            .filter(members::id.eq_any(&ids).or(members::role.eq("owner")))
            .order(members::id)
            .select(HeldRow::as_select())
            .load(connection)?,
        // Not FOR UPDATE: a session being written refers to the member and need not wait.
        AnyConnection::Postgres(connection) => members::table
            .filter(members::id.eq_any(&ids).or(members::role.eq("owner")))
            .order(members::id)
            .select(HeldRow::as_select())
            .for_no_key_update()
            .load(connection)?,
    };
    rows.into_iter().map(HeldRow::into_held).collect()
}

/// Every owner, held by nobody.
///
/// # Errors
/// The database's.
pub fn owners(connection: &mut AnyConnection) -> Result<Vec<Held>, Error> {
    let rows: Vec<HeldRow> = members::table
        .filter(members::role.eq(Role::Owner.code()))
        .order(members::id)
        .select(HeldRow::as_select())
        .load(connection)?;
    rows.into_iter().map(HeldRow::into_held).collect()
}

/// As [`hold`], for a member alone who is signing in: an act on them is then either seen or
/// waits, and ends the session that is being made.
///
/// # Errors
/// The database's.
pub(in crate::store) fn hold_one(connection: &mut AnyConnection, id: &str) -> Result<(), Error> {
    if let AnyConnection::Postgres(connection) = connection {
        members::table
            .find(id)
            .select(members::id)
            .for_no_key_update()
            .load::<String>(connection)?;
    }
    Ok(())
}

/// As [`hold`], for a member alone who changes something of their own.
///
/// # Errors
/// The database's.
pub fn hold_self(connection: &mut AnyConnection, id: MemberId) -> Result<(), Error> {
    hold_one(connection, &id.to_string())
}

/// Writes a standing and, for a suspension, why; the version grows.
///
/// # Errors
/// The database's.
pub fn set_standing(
    connection: &mut AnyConnection,
    id: MemberId,
    standing: &Standing,
    reason: Option<&str>,
) -> Result<(), Error> {
    super::set_standing(connection, id, standing)?;
    diesel::update(members::table.find(id.to_string()))
        .set((
            members::standing_reason.eq(reason),
            members::version.eq(members::version + 1),
        ))
        .execute(connection)?;
    Ok(())
}

/// Writes a role; the version grows.
///
/// # Errors
/// The database's.
pub fn set_role(connection: &mut AnyConnection, id: MemberId, role: Role) -> Result<(), Error> {
    diesel::update(members::table.find(id.to_string()))
        .set((
            members::role.eq(role.code()),
            members::version.eq(members::version + 1),
        ))
        .execute(connection)?;
    Ok(())
}

/// Lets the version grow for an act that changes nothing else of the member's own.
///
/// # Errors
/// The database's.
pub fn touch(connection: &mut AnyConnection, id: MemberId) -> Result<(), Error> {
    diesel::update(members::table.find(id.to_string()))
        .set(members::version.eq(members::version + 1))
        .execute(connection)?;
    Ok(())
}

/// The Kakao account of a member.
///
/// # Errors
/// The database's.
pub fn kakao_account(
    connection: &mut AnyConnection,
    app_id: i64,
    id: MemberId,
) -> Result<Option<KakaoAccount>, Error> {
    let row = kakao_accounts::table
        .filter(kakao_accounts::app_id.eq(app_id))
        .filter(kakao_accounts::member_id.eq(id.to_string()))
        .select(KakaoRow::as_select())
        .first(connection);
    row.optional()?.map(KakaoRow::into_account).transpose()
}

/// The member's number at Kakao.
///
/// # Errors
/// The database's.
pub fn kakao_id(
    connection: &mut AnyConnection,
    app_id: i64,
    id: MemberId,
) -> Result<Option<KakaoId>, Error> {
    Ok(kakao_account(connection, app_id, id)?.map(|account| account.id))
}

/// Why a member was suspended, in the words of whoever did it.
///
/// # Errors
/// The database's.
pub fn standing_reason(
    connection: &mut AnyConnection,
    id: MemberId,
) -> Result<Option<String>, Error> {
    let reason = members::table
        .find(id.to_string())
        .select(members::standing_reason)
        .first(connection);
    Ok(reason.optional()?.flatten())
}

/// The keys of at most `limit` members whose suspension has come to its end.
///
/// # Errors
/// The database's.
pub fn suspended_until(
    connection: &mut AnyConnection,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<MemberId>, Error> {
    let ids: Vec<String> = members::table
        .filter(members::standing.eq("suspended"))
        .filter(members::standing_until.le(stored(now)))
        .order(members::id)
        .limit(limit)
        .select(members::id)
        .load(connection)?;
    ids.iter().map(|id| member_id(id)).collect()
}
