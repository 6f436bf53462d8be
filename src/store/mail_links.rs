//! Links that were mailed: each works once, for a while, and only the newest of its kind.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::members::member_id;
use super::schema::mail_links;
use super::time::{moment, stored};
use super::{AnyConnection, Error};
use crate::member::MemberId;

/// What opening a link does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Ends joining by email.
    Join,
    /// Sets a new password.
    Reset,
    /// Proves a new address of a member.
    Address,
}

impl Purpose {
    fn code(self) -> &'static str {
        match self {
            Self::Join => "join",
            Self::Reset => "reset",
            Self::Address => "address",
        }
    }
}

/// A link.
#[derive(Clone, Debug)]
pub struct Link {
    /// The digest of what it carries.
    pub digest: String,
    /// What opening it does.
    pub purpose: Purpose,
    /// For whom.
    pub member: MemberId,
    /// To which address it went.
    pub email_key: String,
    /// What it needs to know, sealed.
    pub sealed: Option<String>,
    /// Until when it works.
    pub expires_at: OffsetDateTime,
}

/// What a link turned out to be.
#[derive(Clone, Debug)]
pub enum Found {
    /// One that works.
    Good(Link),
    /// One that was used.
    Used,
    /// One whose time has passed.
    Expired,
    /// None of ours, or one that a newer one has replaced.
    Unknown,
}

/// Writes a link down, in the place of the earlier ones of its purpose for its member.
///
/// # Errors
/// The database's.
pub fn replace(
    connection: &mut AnyConnection,
    link: &Link,
    now: OffsetDateTime,
) -> Result<(), Error> {
    forget(connection, link.member, link.purpose)?;
    diesel::insert_into(mail_links::table)
        .values((
            mail_links::digest.eq(&link.digest),
            mail_links::purpose.eq(link.purpose.code()),
            mail_links::member_id.eq(link.member.to_string()),
            mail_links::email_key.eq(&link.email_key),
            mail_links::sealed.eq(&link.sealed),
            mail_links::created_at.eq(stored(now)),
            mail_links::expires_at.eq(stored(link.expires_at)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Looks a link up; nothing is used by that, because programs that check mail open links.
///
/// # Errors
/// The database's.
pub fn find(
    connection: &mut AnyConnection,
    digest: &str,
    purpose: Purpose,
    now: OffsetDateTime,
) -> Result<Found, Error> {
    type Row = (
        String,
        String,
        Option<String>,
        PrimitiveDateTime,
        Option<PrimitiveDateTime>,
    );
    let row: Option<Row> = mail_links::table
        .find(digest)
        .filter(mail_links::purpose.eq(purpose.code()))
        .select((
            mail_links::member_id,
            mail_links::email_key,
            mail_links::sealed,
            mail_links::expires_at,
            mail_links::used_at,
        ))
        .first(connection)
        .optional()?;
    let Some((member, email_key, sealed, expires_at, used_at)) = row else {
        return Ok(Found::Unknown);
    };
    let expires_at = moment(expires_at);
    if used_at.is_some() {
        return Ok(Found::Used);
    }
    if expires_at <= now {
        return Ok(Found::Expired);
    }
    Ok(Found::Good(Link {
        digest: digest.to_owned(),
        purpose,
        member: member_id(&member)?,
        email_key,
        sealed,
        expires_at,
    }))
}

/// A link as it is told to whom it was mailed for.
#[derive(Clone, Debug)]
pub struct Mailed {
    /// What opening it does, by its code.
    pub purpose: String,
    /// To which address it went.
    pub email_key: String,
    /// When.
    pub created_at: OffsetDateTime,
    /// Until when it works.
    pub expires_at: OffsetDateTime,
    /// When it was used.
    pub used_at: Option<OffsetDateTime>,
}

/// The links of a member that are still remembered, the newest first.
///
/// # Errors
/// The database's.
pub fn of(connection: &mut AnyConnection, member: MemberId) -> Result<Vec<Mailed>, Error> {
    type Row = (
        String,
        String,
        PrimitiveDateTime,
        PrimitiveDateTime,
        Option<PrimitiveDateTime>,
    );
    let rows: Vec<Row> = mail_links::table
        .filter(mail_links::member_id.eq(member.to_string()))
        .order(mail_links::created_at.desc())
        .select((
            mail_links::purpose,
            mail_links::email_key,
            mail_links::created_at,
            mail_links::expires_at,
            mail_links::used_at,
        ))
        .load(connection)?;
    let mailed = |(purpose, email_key, created_at, expires_at, used_at): Row| Mailed {
        purpose,
        email_key,
        created_at: moment(created_at),
        expires_at: moment(expires_at),
        used_at: used_at.map(moment),
    };
    Ok(rows.into_iter().map(mailed).collect())
}

/// Uses a link up; says whether it was us who did.
///
/// # Errors
/// The database's.
pub fn consume(
    connection: &mut AnyConnection,
    digest: &str,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let unused = mail_links::table
        .find(digest)
        .filter(mail_links::used_at.is_null());
    let used = diesel::update(unused)
        .set((
            mail_links::used_at.eq(stored(now)),
            mail_links::sealed.eq(None::<String>),
        ))
        .execute(connection)?;
    Ok(used == 1)
}

/// Forgets the links of this purpose for a member, used ones too.
///
/// # Errors
/// The database's.
pub fn forget(
    connection: &mut AnyConnection,
    member: MemberId,
    purpose: Purpose,
) -> Result<(), Error> {
    let theirs = mail_links::table
        .filter(mail_links::member_id.eq(member.to_string()))
        .filter(mail_links::purpose.eq(purpose.code()));
    diesel::delete(theirs).execute(connection)?;
    Ok(())
}

/// Forgets links whose time passed before `before`, at most `limit`; says how many.
///
/// # Errors
/// The database's.
pub fn purge(
    connection: &mut AnyConnection,
    before: OffsetDateTime,
    limit: i64,
) -> Result<usize, Error> {
    let old: Vec<String> = mail_links::table
        .filter(mail_links::expires_at.lt(stored(before)))
        .limit(limit)
        .select(mail_links::digest)
        .load(connection)?;
    let old = mail_links::table.filter(mail_links::digest.eq_any(old));
    Ok(diesel::delete(old).execute(connection)?)
}
