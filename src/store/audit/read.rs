//! Reading the log: the newest entry first, a bounded page at a time.

use std::collections::{BTreeSet, HashMap};

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::{EventRow, Outcome};
use crate::member::MemberId;
use crate::store::members::member_id;
use crate::store::schema::{audit_events, members};
use crate::store::time::{moment, stored};
use crate::store::{AnyConnection, Error};

/// Entries are counted up to here; a greater number is told as "more than".
pub const COUNT_CAP: i64 = 10_000;

/// Which entries to find. Conditions add up; an empty one is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// What this member did.
    pub actor: Option<MemberId>,
    /// What concerns this member.
    pub subject: Option<MemberId>,
    /// This action, by its code.
    pub action: Option<String>,
    /// Any action but this, by its code.
    pub not_action: Option<&'static str>,
    /// What ended so.
    pub result: Option<Outcome>,
    /// What happened at this moment or later.
    pub from: Option<OffsetDateTime>,
    /// What happened before this moment.
    pub before: Option<OffsetDateTime>,
}

/// Where a page begins: next to an entry. Entries are in the order of their times, which differ a
/// little from their places where instances' clocks do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cursor {
    /// With the newest entry.
    Newest,
    /// With the next older than this entry.
    OlderThan(Position),
    /// So that it ends with the next newer than this entry.
    NewerThan(Position),
}

/// Where an entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// When it happened.
    pub at: OffsetDateTime,
    /// Its place in the chain.
    pub place: i64,
}

/// An entry as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the chain.
    pub place: i64,
    /// When it happened.
    pub at: OffsetDateTime,
    /// Who did it; `None` for somebody not signed in, the command line and the service itself.
    pub actor: Option<MemberId>,
    /// Whose account it concerns.
    pub subject: Option<MemberId>,
    /// From which address; `cli` for the command line, `system` for the service itself.
    pub ip: String,
    /// What was done, as a stable code.
    pub action: String,
    /// How it ended.
    pub result: Outcome,
    /// Why.
    pub reason: Option<String>,
    /// What exactly.
    pub detail: Option<String>,
    /// The request's id.
    pub request_id: String,
}

impl Entry {
    /// Where it stands.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            at: self.at,
            place: self.place,
        }
    }
}

/// What an entry says of a member: the number stays when everything else is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The member number.
    pub number: i64,
    /// The name, unmasked.
    pub name: Option<String>,
}

/// How sign-ins of some time ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SignIns {
    /// So many succeeded.
    pub succeeded: i64,
    /// So many did not. Who changed their mind at Kakao has not failed.
    pub failed: i64,
}

type Events<'a> = audit_events::BoxedQuery<'a, <AnyConnection as Connection>::Backend>;

fn matching(filter: &Filter) -> Events<'_> {
    let mut query = audit_events::table
        .filter(audit_events::place.is_not_null())
        .into_boxed();
    if let Some(actor) = filter.actor {
        query = query.filter(audit_events::actor.eq(actor.to_string()));
    }
    if let Some(subject) = filter.subject {
        query = query.filter(audit_events::subject.eq(subject.to_string()));
    }
    if let Some(action) = &filter.action {
        query = query.filter(audit_events::action.eq(action));
    }
    if let Some(action) = filter.not_action {
        query = query.filter(audit_events::action.ne(action));
    }
    if let Some(result) = filter.result {
        query = query.filter(audit_events::result.eq(result.code()));
        // For one person there is a better index than that of all that did not succeed.
        if result != Outcome::Success && filter.actor.is_none() && filter.subject.is_none() {
            query = query.filter(not_success());
        }
    }
    if let Some(from) = filter.from {
        query = query.filter(audit_events::at.ge(stored(from)));
    }
    if let Some(before) = filter.before {
        query = query.filter(audit_events::at.lt(stored(before)));
    }
    query
}

/// Where the entry at a place of the chain stands; `None` when there is none.
///
/// # Errors
/// The database's.
pub fn position(connection: &mut AnyConnection, place: i64) -> Result<Option<Position>, Error> {
    let at = audit_events::table
        .filter(audit_events::place.eq(place))
        .select(audit_events::at)
        .first::<PrimitiveDateTime>(connection)
        .optional()?;
    Ok(at.map(|at| Position {
        at: moment(at),
        place,
    }))
}

/// A page of the entries that `filter` finds, the newest first.
///
/// # Errors
/// The database's.
pub fn list(
    connection: &mut AnyConnection,
    filter: &Filter,
    cursor: Cursor,
    limit: i64,
) -> Result<Vec<Entry>, Error> {
    let mut query = matching(filter);
    let upwards = matches!(cursor, Cursor::NewerThan(_));
    // The first condition of each is what an index is entered by.
    match cursor {
        Cursor::Newest => {}
        Cursor::OlderThan(Position { at, place }) => {
            let at = stored(at);
            let earlier = audit_events::at
                .lt(at)
                .or(audit_events::place.lt(place).assume_not_null());
            query = query.filter(audit_events::at.le(at)).filter(earlier);
        }
        Cursor::NewerThan(Position { at, place }) => {
            let at = stored(at);
            let later = audit_events::at
                .gt(at)
                .or(audit_events::place.gt(place).assume_not_null());
            query = query.filter(audit_events::at.ge(at)).filter(later);
        }
    }
    let query = if upwards {
        query.order((audit_events::at.asc(), audit_events::place.asc()))
    } else {
        query.order((audit_events::at.desc(), audit_events::place.desc()))
    };
    let rows: Vec<EventRow> = query
        .limit(limit)
        .select(EventRow::as_select())
        .load(connection)?;
    let mut entries = rows.into_iter().map(entry).collect::<Result<Vec<_>, _>>()?;
    if upwards {
        entries.reverse();
    }
    Ok(entries)
}

/// How many entries `filter` finds; `None` for more than [`COUNT_CAP`].
///
/// # Errors
/// The database's.
pub fn count(connection: &mut AnyConnection, filter: &Filter) -> Result<Option<i64>, Error> {
    let found: Vec<Option<i64>> = matching(filter)
        .limit(COUNT_CAP + 1)
        .select(audit_events::place)
        .load(connection)?;
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    Ok(Some(count).filter(|count| *count <= COUNT_CAP))
}

/// The members whom `entries` name, in one query.
///
/// # Errors
/// The database's.
pub fn people(
    connection: &mut AnyConnection,
    entries: &[Entry],
) -> Result<HashMap<MemberId, Person>, Error> {
    let ids = entries
        .iter()
        .flat_map(|entry| [entry.actor, entry.subject]);
    let ids: BTreeSet<String> = ids.flatten().map(|id| id.to_string()).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(String, i64, Option<String>)> = members::table
        .filter(members::id.eq_any(ids))
        .select((members::id, members::number, members::display_name))
        .load(connection)?;
    rows.into_iter()
        .map(|(id, number, name)| Ok((member_id(&id)?, Person { number, name })))
        .collect()
}

/// The member whom `text` names, by number or by id.
///
/// # Errors
/// The database's.
pub fn find_person(connection: &mut AnyConnection, text: &str) -> Result<Option<MemberId>, Error> {
    if let Ok(id) = Uuid::parse_str(text) {
        // Whether or not there is such a member: entries outlive them.
        return Ok(Some(MemberId(id)));
    }
    let Ok(number) = text.parse::<i64>() else {
        return Ok(None);
    };
    let id: Option<String> = members::table
        .filter(members::number.eq(number))
        .select(members::id)
        .first(connection)
        .optional()?;
    id.as_deref().map(member_id).transpose()
}

/// How sign-ins ended from one moment until before another.
///
/// # Errors
/// The database's.
pub fn sign_ins(
    connection: &mut AnyConnection,
    from: OffsetDateTime,
    before: OffsetDateTime,
) -> Result<SignIns, Error> {
    let some = || {
        audit_events::table
            .filter(audit_events::action.eq_any(SIGN_INS))
            .filter(audit_events::at.ge(stored(from)))
            .filter(audit_events::at.lt(stored(before)))
    };
    let succeeded = some()
        .filter(audit_events::result.eq(Outcome::Success.code()))
        .count()
        .get_result(connection)?;
    let unlike = audit_events::reason
        .is_null()
        .or(audit_events::reason.ne("cancelled").assume_not_null());
    let failed = some()
        .filter(audit_events::result.eq_any(NOT_SUCCESS))
        .filter(not_success())
        .filter(unlike)
        .count()
        .get_result(connection)?;
    Ok(SignIns { succeeded, failed })
}

/// In these words, which the index of all that did not succeed has: no planner sees through a
/// bound value.
fn not_success() -> SqlLiteral<Bool> {
    sql("result <> 'success'")
}

const SIGN_INS: [&str; 2] = ["login.kakao", "login.email"];
const NOT_SUCCESS: [&str; 2] = ["failed", "refused"];

fn entry(row: EventRow) -> Result<Entry, Error> {
    let id = |text: Option<String>, column| {
        let id = text.as_deref().map(Uuid::parse_str).transpose();
        id.map(|id| id.map(MemberId))
            .map_err(|_| Error::Unexpected(column))
    };
    Ok(Entry {
        place: row.place.ok_or(Error::Unexpected("audit_events.place"))?,
        at: moment(row.at),
        actor: id(row.actor, "audit_events.actor")?,
        subject: id(row.subject, "audit_events.subject")?,
        ip: row.ip,
        action: row.action,
        result: Outcome::parse(&row.result).ok_or(Error::Unexpected("audit_events.result"))?,
        reason: row.reason,
        detail: row.detail,
        request_id: row.request_id,
    })
}
