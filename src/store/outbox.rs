//! Calls we still owe Kakao: written with the change that caused them, made until they succeed.

pub mod look;

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::schema::outbox;
use super::time::{moment, stored};
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
    /// Nothing: somebody wants to join with an address. Whether it is anybody's is looked up later,
    /// too.
    Join,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Logout,
        Self::Unlink,
        Self::LogoutEverywhere,
        Self::UnlinkById,
        Self::Mail,
        Self::Forgotten,
        Self::Join,
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
            Self::Join => "join",
        }
    }

    /// The kind with that code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// How a call was done with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was made, and taken.
    Done,
    /// It came to be too old.
    Expired,
    /// It will never be taken.
    Refused,
    /// What it holds cannot be opened any more.
    Unreadable,
    /// There is no call for it any more: what it would undo is wanted again.
    Superseded,
}

impl End {
    /// Every end.
    pub const ALL: [Self; 5] = [
        Self::Done,
        Self::Expired,
        Self::Refused,
        Self::Unreadable,
        Self::Superseded,
    ];

    /// As it is stored.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Expired => "expired",
            Self::Refused => "refused",
            Self::Unreadable => "unreadable",
            Self::Superseded => "superseded",
        }
    }

    /// The end with that code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.code() == code)
    }

    /// Whether the call was not made.
    #[must_use]
    pub fn is_given_up(self) -> bool {
        self != Self::Done
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

/// Closes a call and forgets its token; `cause` says why it was given up, in words that name
/// nobody.
///
/// # Errors
/// The database's.
pub fn finish(
    connection: &mut AnyConnection,
    id: Uuid,
    end: End,
    cause: Option<&str>,
    now: OffsetDateTime,
) -> Result<(), Error> {
    diesel::update(outbox::table.find(id.to_string()))
        .set((
            outbox::outcome.eq(end.code()),
            outbox::cause.eq(cause),
            outbox::finished_at.eq(stored(now)),
            outbox::sealed_token.eq(""),
        ))
        .execute(connection)?;
    Ok(())
}

/// Whether a call was made, and Kakao took it.
///
/// # Errors
/// The database's.
pub fn is_done(connection: &mut AnyConnection, id: Uuid) -> Result<bool, Error> {
    let outcome: Option<Option<String>> = outbox::table
        .find(id.to_string())
        .select(outbox::outcome)
        .first(connection)
        .optional()?;
    Ok(outcome.flatten().as_deref() == Some(End::Done.code()))
}

/// A call as it is told to the member it is made for.
#[derive(Clone, Debug)]
pub struct Owed {
    /// What is to be done, by its code.
    pub kind: String,
    /// Since when.
    pub created_at: OffsetDateTime,
    /// When it was done, or given up.
    pub finished_at: Option<OffsetDateTime>,
    /// What became of it, by its code.
    pub outcome: Option<String>,
}

/// The calls on behalf of a member that are still remembered, the newest first.
///
/// # Errors
/// The database's.
pub fn of(connection: &mut AnyConnection, member: MemberId) -> Result<Vec<Owed>, Error> {
    type Row = (
        String,
        PrimitiveDateTime,
        Option<PrimitiveDateTime>,
        Option<String>,
    );
    let rows: Vec<Row> = outbox::table
        .filter(outbox::member_id.eq(member.to_string()))
        .order((outbox::created_at.desc(), outbox::id.desc()))
        .select((
            outbox::kind,
            outbox::created_at,
            outbox::finished_at,
            outbox::outcome,
        ))
        .load(connection)?;
    let owed = |(kind, created_at, finished_at, outcome): Row| Owed {
        kind,
        created_at: moment(created_at),
        finished_at: finished_at.map(moment),
        outcome,
    };
    Ok(rows.into_iter().map(owed).collect())
}

/// Forgets the letters that a member has not been sent yet: they say things that are not so any
/// more, and hold the address.
///
/// # Errors
/// The database's.
pub(super) fn forget_letters(connection: &mut AnyConnection, member: &str) -> Result<(), Error> {
    let theirs = outbox::table
        .filter(outbox::member_id.eq(member))
        .filter(outbox::kind.eq(Kind::Mail.code()))
        .filter(outbox::finished_at.is_null());
    diesel::delete(theirs).execute(connection)?;
    Ok(())
}

/// Takes back a call that was put off and has not been tried; says whether it was there to be
/// taken: of two who try, one succeeds.
///
/// # Errors
/// The database's.
pub fn take_back(connection: &mut AnyConnection, id: Uuid) -> Result<bool, Error> {
    let untried = outbox::table
        .find(id.to_string())
        .filter(outbox::finished_at.is_null())
        .filter(outbox::tries.eq(0));
    Ok(diesel::delete(untried).execute(connection)? == 1)
}

/// Puts a call off: after a try for the cause of its failure, in words that name nobody; without
/// one it was not tried.
///
/// # Errors
/// The database's.
pub fn retry_at(
    connection: &mut AnyConnection,
    id: Uuid,
    next_try_at: OffsetDateTime,
    cause: Option<&str>,
) -> Result<(), Error> {
    diesel::update(outbox::table.find(id.to_string()))
        .set((
            outbox::next_try_at.eq(stored(next_try_at)),
            outbox::cause.eq(cause),
        ))
        .execute(connection)?;
    Ok(())
}

/// Closes calls that there is no point in any more; says how many of which kind.
///
/// # Errors
/// The database's.
pub fn expire(
    connection: &mut AnyConnection,
    now: OffsetDateTime,
) -> Result<Vec<(Kind, usize)>, Error> {
    let kinds: Vec<String> = outbox::table
        .filter(outbox::finished_at.is_null())
        .filter(outbox::expires_at.le(stored(now)))
        .select(outbox::kind)
        .distinct()
        .load(connection)?;
    let mut expired = Vec::new();
    for kind in kinds {
        let of_kind = outbox::table
            .filter(outbox::finished_at.is_null())
            .filter(outbox::expires_at.le(stored(now)))
            .filter(outbox::kind.eq(&kind));
        let count = diesel::update(of_kind)
            .set((
                outbox::outcome.eq(End::Expired.code()),
                outbox::finished_at.eq(stored(now)),
                outbox::sealed_token.eq(""),
            ))
            .execute(connection)?;
        // Another instance may have been quicker.
        if count > 0 {
            expired.push((kind_of(&kind)?, count));
        }
    }
    Ok(expired)
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
const MAIL: [&str; 3] = ["mail", "forgotten", "join"];

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
