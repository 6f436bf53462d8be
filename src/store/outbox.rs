//! Calls we still owe Kakao: written with the change that caused them, made until they succeed.

pub mod look;

use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use super::schema::outbox;
use super::time::stored;
use super::{AnyConnection, Error};
use crate::member::MemberId;

/// What Kakao is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Revoke the token.
    Logout,
    /// Dissolve the person's connection to the app, and revoke all tokens with it.
    Unlink,
    /// Revoke every token of the person, by the app's admin key.
    LogoutEverywhere,
    /// Dissolve the person's connection to the app, by the app's admin key.
    UnlinkById,
    /// Nothing: this one is a letter to a member.
    Mail,
    /// Nothing: somebody says that they forgot the password of an address. Whether it is anybody's
    /// is looked up later, so that whoever asks cannot tell by how long it takes.
    Forgotten,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::Logout,
        Self::Unlink,
        Self::LogoutEverywhere,
        Self::UnlinkById,
        Self::Mail,
        Self::Forgotten,
    ];

    /// As it is stored, and counted.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Logout => "logout",
            Self::Unlink => "unlink",
            Self::LogoutEverywhere => "logout_everywhere",
            Self::UnlinkById => "unlink_by_id",
            Self::Mail => "mail",
            Self::Forgotten => "forgotten",
        }
    }

    /// The kind with that code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// Debts that are paid independently of the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Calls to Kakao.
    Kakao,
    /// Letters.
    Mail,
}

/// A call to be made.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// What Kakao is to do.
    pub kind: Kind,
    /// Its id.
    pub id: Uuid,
    /// On behalf of which member; `None` for somebody who did not become one.
    pub member: Option<MemberId>,
    /// What Kakao is told, sealed: the access token to be revoked, or the person's number where
    /// the admin key does it.
    pub sealed_token: String,
    /// Now.
    pub created_at: OffsetDateTime,
    /// When there is no point any more: the token has expired by itself, or trying has gone on
    /// for long enough.
    pub expires_at: OffsetDateTime,
}

/// A call whose turn has come, leased to us.
#[derive(Clone, Debug)]
pub struct DueCall {
    /// Its id.
    pub id: Uuid,
    /// What Kakao is to do.
    pub kind: Kind,
    /// As [`NewCall::sealed_token`].
    pub sealed_token: String,
    /// How often it was tried before, this time included.
    pub tries: i32,
}

/// Owes Kakao a call.
///
/// # Errors
/// The database's.
pub fn owe(connection: &mut AnyConnection, call: &NewCall) -> Result<(), Error> {
    diesel::insert_into(outbox::table)
        .values((
            outbox::id.eq(call.id.to_string()),
            outbox::kind.eq(call.kind.code()),
            outbox::member_id.eq(call.member.map(|id| id.to_string())),
            outbox::sealed_token.eq(&call.sealed_token),
            outbox::tries.eq(0),
            outbox::created_at.eq(stored(call.created_at)),
            outbox::next_try_at.eq(stored(call.created_at)),
            outbox::expires_at.eq(stored(call.expires_at)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Whether there is a call to be made, or to be given up.
///
/// # Errors
/// The database's.
pub fn is_any_due(
    connection: &mut AnyConnection,
    lane: Lane,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let due = waiting(lane)
        .filter(outbox::next_try_at.le(stored(now)))
        .select(outbox::id)
        .first::<String>(connection)
        .optional()?;
    Ok(due.is_some())
}

/// Leases up to `limit` calls that are due: nobody else gets them before `lease_until`. Should
/// we die meanwhile, their turn comes again then.
///
/// # Errors
/// The database's.
pub fn lease(
    connection: &mut AnyConnection,
    lane: Lane,
    now: OffsetDateTime,
    lease_until: OffsetDateTime,
    limit: i64,
) -> Result<Vec<DueCall>, Error> {
    let due = waiting(lane)
        .filter(outbox::next_try_at.le(stored(now)))
        .order(outbox::next_try_at)
        .limit(limit)
        .select((
            outbox::id,
            outbox::kind,
            outbox::sealed_token,
            outbox::tries,
        ))
        .load::<(String, String, String, i32)>(connection)?;
    let mut leased = Vec::with_capacity(due.len());
    for (id, kind, sealed_token, tries) in due {
        // The condition on the number of tries lets one of two instances win.
        let ours = outbox::table
            .find(&id)
            .filter(outbox::finished_at.is_null())
            .filter(outbox::tries.eq(tries));
        let changed = diesel::update(ours)
            .set((
                outbox::tries.eq(tries + 1),
                outbox::next_try_at.eq(stored(lease_until)),
                outbox::cause.eq(None::<String>),
            ))
            .execute(connection)?;
        if changed == 1 {
            leased.push(DueCall {
                id: Uuid::parse_str(&id).map_err(|_| Error::Unexpected("outbox.id"))?,
                kind: kind_of(&kind)?,
                sealed_token,
                tries: tries + 1,
            });
        }
    }
    Ok(leased)
}

/// Closes a call with its outcome and forgets its token.
///
/// # Errors
/// The database's.
pub fn finish(
    connection: &mut AnyConnection,
    id: Uuid,
    outcome: &str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    diesel::update(outbox::table.find(id.to_string()))
        .set((
            outbox::outcome.eq(outcome),
            outbox::finished_at.eq(stored(now)),
            outbox::sealed_token.eq(""),
        ))
        .execute(connection)?;
    Ok(())
}

/// Puts a call off, for a reason that names nobody.
///
/// # Errors
/// The database's.
pub fn retry_at(
    connection: &mut AnyConnection,
    id: Uuid,
    next_try_at: OffsetDateTime,
    cause: &str,
) -> Result<(), Error> {
    diesel::update(outbox::table.find(id.to_string()))
        .set((
            outbox::next_try_at.eq(stored(next_try_at)),
            outbox::cause.eq(cause),
        ))
        .execute(connection)?;
    Ok(())
}

/// Closes calls that there is no point in any more; says how many.
///
/// # Errors
/// The database's.
pub fn expire(connection: &mut AnyConnection, now: OffsetDateTime) -> Result<usize, Error> {
    let expired = outbox::table
        .filter(outbox::finished_at.is_null())
        .filter(outbox::expires_at.le(stored(now)));
    Ok(diesel::update(expired)
        .set((
            outbox::outcome.eq("expired"),
            outbox::finished_at.eq(stored(now)),
            outbox::sealed_token.eq(""),
        ))
        .execute(connection)?)
}

/// Forgets calls finished before `before`, at most `limit`; says how many.
///
/// # Errors
/// The database's.
pub fn purge(
    connection: &mut AnyConnection,
    before: OffsetDateTime,
    limit: i64,
) -> Result<usize, Error> {
    let old: Vec<String> = outbox::table
        .filter(outbox::finished_at.lt(stored(before)))
        .limit(limit)
        .select(outbox::id)
        .load(connection)?;
    let old = outbox::table.filter(outbox::id.eq_any(old));
    Ok(diesel::delete(old).execute(connection)?)
}

/// How many calls of each kind wait, of every kind that has any.
///
/// # Errors
/// The database's.
pub fn count_waiting(connection: &mut AnyConnection) -> Result<Vec<(Kind, i64)>, Error> {
    let rows: Vec<(String, i64)> = outbox::table
        .filter(outbox::finished_at.is_null())
        .group_by(outbox::kind)
        .select((outbox::kind, diesel::dsl::count_star()))
        .load(connection)?;
    let counted = rows.into_iter();
    counted
        .map(|(kind, count)| Ok((kind_of(&kind)?, count)))
        .collect()
}

/// The kinds that go by mail.
const MAIL: [&str; 2] = ["mail", "forgotten"];

type Waiting = outbox::BoxedQuery<'static, <AnyConnection as Connection>::Backend>;

fn waiting(lane: Lane) -> Waiting {
    let waiting = outbox::table
        .filter(outbox::finished_at.is_null())
        .into_boxed();
    match lane {
        Lane::Kakao => waiting.filter(outbox::kind.ne_all(MAIL)),
        Lane::Mail => waiting.filter(outbox::kind.eq_any(MAIL)),
    }
}

fn kind_of(code: &str) -> Result<Kind, Error> {
    Kind::parse(code).ok_or(Error::Unexpected("outbox.kind"))
}
