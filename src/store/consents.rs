//! What members agreed to, and withdrew: every time is kept, the newest of an item counts.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::schema::consents;
use super::time::{moment, stored};
use super::{AnyConnection, Error};
use crate::member::MemberId;

/// Once somebody agreed, or did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    /// To what: `age`, `terms`, `privacy`, `marketing`, or one of the operator's own.
    pub item: String,
    /// To which version of its text.
    pub version: String,
    /// Whether.
    pub agreed: bool,
    /// When.
    pub at: OffsetDateTime,
}

/// Writes down that a member agreed, or withdrew.
///
/// # Errors
/// The database's.
pub fn add(
    connection: &mut AnyConnection,
    id: Uuid,
    member: MemberId,
    consent: &Consent,
) -> Result<(), Error> {
    diesel::insert_into(consents::table)
        .values((
            consents::id.eq(id.to_string()),
            consents::member_id.eq(member.to_string()),
            consents::item.eq(&consent.item),
            consents::version.eq(&consent.version),
            consents::agreed.eq(consent.agreed),
            consents::at.eq(stored(consent.at)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Everything a member ever agreed to or withdrew, the oldest first.
///
/// # Errors
/// The database's.
pub fn of(connection: &mut AnyConnection, member: MemberId) -> Result<Vec<Consent>, Error> {
    let rows: Vec<(String, String, bool, PrimitiveDateTime)> = consents::table
        .filter(consents::member_id.eq(member.to_string()))
        .order((consents::at, consents::id))
        .select((
            consents::item,
            consents::version,
            consents::agreed,
            consents::at,
        ))
        .load(connection)?;
    let consent = |(item, version, agreed, at)| Consent {
        item,
        version,
        agreed,
        at: moment(at),
    };
    Ok(rows.into_iter().map(consent).collect())
}

/// Forgets what a member agreed to.
///
/// # Errors
/// The database's.
pub fn remove(connection: &mut AnyConnection, member: MemberId) -> Result<(), Error> {
    let theirs = consents::table.filter(consents::member_id.eq(member.to_string()));
    diesel::delete(theirs).execute(connection)?;
    Ok(())
}
