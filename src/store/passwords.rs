//! What is kept of members' passwords.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::members::{member_id, standing_of};
use super::schema::{members, passwords};
use super::time::{moment, stored};
use super::{AnyConnection, Error};
use crate::member::{MemberId, Standing};
use crate::password::Kept;

/// A member as whoever checks a password, or writes to them about it, needs to know them.
#[derive(Clone, Debug)]
pub struct Holder {
    /// Who it is.
    pub member: MemberId,
    /// Whether they may sign in.
    pub standing: Standing,
    /// What is kept of the password; `None` for somebody who never set one.
    pub kept: Option<Kept>,
    /// When the password was set.
    pub changed_at: Option<OffsetDateTime>,
    /// The address they have proved, if any.
    pub email: Option<String>,
    /// The name they go by.
    pub name: Option<String>,
    /// The language they chose, by its code.
    pub locale: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = members)]
struct HolderRow {
    id: String,
    standing: String,
    standing_until: Option<PrimitiveDateTime>,
    email: Option<String>,
    email_verified_at: Option<PrimitiveDateTime>,
    display_name: Option<String>,
    locale: Option<String>,
}

impl HolderRow {
    fn with(
        self,
        kept: Option<String>,
        changed_at: Option<PrimitiveDateTime>,
    ) -> Result<Holder, Error> {
        Ok(Holder {
            member: member_id(&self.id)?,
            standing: standing_of(&self.standing, self.standing_until)?,
            kept: kept.map(Kept::stored),
            changed_at: changed_at.map(moment),
            email: self.email.filter(|_| self.email_verified_at.is_some()),
            name: self.display_name,
            locale: self.locale,
        })
    }
}

type Row = (HolderRow, Option<String>, Option<PrimitiveDateTime>);

/// Whom a proved address belongs to. An address that was not proved is nobody's.
///
/// # Errors
/// The database's.
pub fn holder(connection: &mut AnyConnection, email_key: &str) -> Result<Option<Holder>, Error> {
    let row: Option<Row> = members::table
        .left_join(passwords::table)
        .filter(members::email_key.eq(email_key))
        .filter(members::email_verified_at.is_not_null())
        .select((
            HolderRow::as_select(),
            passwords::kept.nullable(),
            passwords::changed_at.nullable(),
        ))
        .first(connection)
        .optional()?;
    row.map(|(row, kept, changed_at)| row.with(kept, changed_at))
        .transpose()
}

/// The same of a member, whether they have proved an address or not.
///
/// # Errors
/// The database's.
pub fn holder_by_id(
    connection: &mut AnyConnection,
    member: MemberId,
) -> Result<Option<Holder>, Error> {
    let row: Option<Row> = members::table
        .left_join(passwords::table)
        .filter(members::id.eq(member.to_string()))
        .select((
            HolderRow::as_select(),
            passwords::kept.nullable(),
            passwords::changed_at.nullable(),
        ))
        .first(connection)
        .optional()?;
    row.map(|(row, kept, changed_at)| row.with(kept, changed_at))
        .transpose()
}

/// What is kept of a member's password, and since when.
///
/// # Errors
/// The database's.
pub fn of(
    connection: &mut AnyConnection,
    member: MemberId,
) -> Result<Option<(Kept, OffsetDateTime)>, Error> {
    let row: Option<(String, PrimitiveDateTime)> = passwords::table
        .find(member.to_string())
        .select((passwords::kept, passwords::changed_at))
        .first(connection)
        .optional()?;
    Ok(row.map(|(kept, at)| (Kept::stored(kept), moment(at))))
}

/// Gives a member a password, or another one.
///
/// # Errors
/// The database's.
pub fn set(
    connection: &mut AnyConnection,
    member: MemberId,
    kept: &Kept,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let id = member.to_string();
    let change = (
        passwords::kept.eq(kept.as_str()),
        passwords::changed_at.eq(stored(now)),
    );
    let row = passwords::table.find(&id);
    if diesel::update(row).set(change).execute(connection)? == 1 {
        return Ok(());
    }
    let inserted = connection.unless_taken(|connection| {
        diesel::insert_into(passwords::table)
            .values((passwords::member_id.eq(&id), change))
            .execute(connection)
    })?;
    if !inserted {
        diesel::update(row).set(change).execute(connection)?;
    }
    Ok(())
}

/// Replaces what is kept of the same password by something stronger, unless it was changed since.
///
/// # Errors
/// The database's.
pub fn upgrade(
    connection: &mut AnyConnection,
    member: MemberId,
    from: &Kept,
    to: &Kept,
) -> Result<(), Error> {
    let same = passwords::table
        .find(member.to_string())
        .filter(passwords::kept.eq(from.as_str()));
    diesel::update(same)
        .set(passwords::kept.eq(to.as_str()))
        .execute(connection)?;
    Ok(())
}

/// Takes a member's password away.
///
/// # Errors
/// The database's.
pub fn remove(connection: &mut AnyConnection, member: MemberId) -> Result<(), Error> {
    diesel::delete(passwords::table.find(member.to_string())).execute(connection)?;
    Ok(())
}
