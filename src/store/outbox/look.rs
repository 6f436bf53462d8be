//! What waits in the outbox, what was done and what was given up: for somebody who looks. Tokens,
//! addresses and letters stay sealed.

use std::collections::HashMap;

use diesel::dsl::count_star;
use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::{End, Kind, kind_of};
use crate::member::MemberId;
use crate::store::schema::{members, outbox};
use crate::store::time::{moment, stored};
use crate::store::{AnyConnection, Error};

/// As what an entry is given up.
fn given_up() -> Vec<&'static str> {
    let ends = End::ALL.into_iter().filter(|end| end.is_given_up());
    ends.map(End::code).collect()
}

/// Where an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It is still to be done.
    Waiting,
    /// It is done.
    Done,
    /// It will not be done.
    GivenUp,
}

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Where.
    pub state: State,
    /// Of which kind; `None` for all.
    pub kind: Option<Kind>,
    /// Only what is older than the entry with this id.
    pub before: Option<Uuid>,
}

/// An entry without what it holds.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its id.
    pub id: Uuid,
    /// What is to be done.
    pub kind: Kind,
    /// On behalf of which member, and their number.
    pub member: Option<(MemberId, Option<i64>)>,
    /// How often it was tried.
    pub tries: i32,
    /// Since when.
    pub created_at: OffsetDateTime,
    /// When it is tried again, unless it is done with.
    pub next_try_at: OffsetDateTime,
    /// When it was done with.
    pub finished_at: Option<OffsetDateTime>,
    /// What it came to.
    pub end: Option<End>,
    /// Why it was given up, or put off the last time; nothing while somebody is at it.
    pub cause: Option<String>,
}

type Row = (
    (String, String, Option<String>, i32),
    (
        PrimitiveDateTime,
        PrimitiveDateTime,
        Option<PrimitiveDateTime>,
    ),
    (Option<String>, Option<String>),
);

/// Up to `limit` entries, the newest first.
///
/// # Errors
/// The database's.
pub fn page(
    connection: &mut AnyConnection,
    wanted: Wanted,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    let mut query = outbox::table
        .order(outbox::id.desc())
        .limit(limit)
        .select((
            (outbox::id, outbox::kind, outbox::member_id, outbox::tries),
            (outbox::created_at, outbox::next_try_at, outbox::finished_at),
            (outbox::outcome, outbox::cause),
        ))
        .into_boxed();
    query = match wanted.state {
        State::Waiting => query.filter(outbox::finished_at.is_null()),
        State::Done => query.filter(outbox::outcome.eq(End::Done.code())),
        State::GivenUp => query.filter(outbox::outcome.eq_any(given_up())),
    };
    if let Some(kind) = wanted.kind {
        query = query.filter(outbox::kind.eq(kind.code()));
    }
    if let Some(before) = wanted.before {
        query = query.filter(outbox::id.lt(before.to_string()));
    }
    let rows: Vec<Row> = query.load(connection)?;
    let whose: Vec<&String> = rows.iter().filter_map(|row| row.0.2.as_ref()).collect();
    let numbers: HashMap<String, i64> = members::table
        .filter(members::id.eq_any(whose))
        .select((members::id, members::number))
        .load(connection)?
        .into_iter()
        .collect();
    rows.into_iter().map(|row| entry(row, &numbers)).collect()
}

fn entry(
    ((id, kind, member, tries), times, (outcome, cause)): Row,
    numbers: &HashMap<String, i64>,
) -> Result<Entry, Error> {
    let (created_at, next_try_at, finished_at) = times;
    let number = member.as_ref().and_then(|id| numbers.get(id)).copied();
    Ok(Entry {
        id: Uuid::parse_str(&id).map_err(|_| Error::Unexpected("outbox.id"))?,
        kind: kind_of(&kind)?,
        member: member_of(member.as_deref())?.map(|id| (id, number)),
        tries,
        created_at: moment(created_at),
        next_try_at: moment(next_try_at),
        finished_at: finished_at.map(moment),
        end: outcome
            .map(|code| End::parse(&code).ok_or(Error::Unexpected("outbox.outcome")))
            .transpose()?,
        cause,
    })
}

fn member_of(id: Option<&str>) -> Result<Option<MemberId>, Error> {
    let id = id.map(Uuid::parse_str).transpose();
    let id = id.map_err(|_| Error::Unexpected("outbox.member_id"))?;
    Ok(id.map(MemberId))
}

/// How many entries wait, and how many were given up, of each kind that has any.
///
/// # Errors
/// The database's.
pub fn counts(connection: &mut AnyConnection) -> Result<Vec<(Kind, State, i64)>, Error> {
    let waiting: Vec<(String, i64)> = outbox::table
        .filter(outbox::finished_at.is_null())
        .group_by(outbox::kind)
        .select((outbox::kind, count_star()))
        .load(connection)?;
    let given_up: Vec<(String, i64)> = outbox::table
        .filter(outbox::outcome.eq_any(given_up()))
        .group_by(outbox::kind)
        .select((outbox::kind, count_star()))
        .load(connection)?;
    let waiting = waiting.into_iter().map(|row| (row, State::Waiting));
    let given_up = given_up.into_iter().map(|row| (row, State::GivenUp));
    waiting
        .chain(given_up)
        .map(|((kind, count), state)| Ok((kind_of(&kind)?, state, count)))
        .collect()
}

/// Makes an entry due that was put off, and says what it is. One that somebody is at, or that is
/// done with, is left alone: two must never succeed with it.
///
/// # Errors
/// The database's.
pub fn hurry(
    connection: &mut AnyConnection,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<Option<(Kind, Option<MemberId>)>, Error> {
    let put_off = outbox::table
        .find(id.to_string())
        .filter(outbox::finished_at.is_null())
        .filter(outbox::cause.is_not_null());
    let changed = diesel::update(put_off)
        .set(outbox::next_try_at.eq(stored(now)))
        .execute(connection)?;
    if changed == 0 {
        return Ok(None);
    }
    let (kind, member): (String, Option<String>) = outbox::table
        .find(id.to_string())
        .select((outbox::kind, outbox::member_id))
        .first(connection)?;
    Ok(Some((kind_of(&kind)?, member_of(member.as_deref())?)))
}
