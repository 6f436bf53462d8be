//! What Kakao told us of its own accord: written down before it is answered, applied afterwards,
//! once.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::schema::webhook_events;
use super::time::{moment, stored};
use super::{AnyConnection, Error};
use crate::member::KakaoId;

/// Which of the two told us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The unlink webhook.
    Unlink,
    /// The account webhook.
    Account,
    /// Nobody: Kakao's list of members lacks the person.
    Reconciled,
}

impl Source {
    /// As it is stored, and counted.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unlink => "unlink",
            Self::Account => "account",
            Self::Reconciled => "reconcile",
        }
    }

    fn parse(code: &str) -> Result<Self, Error> {
        Ok(match code {
            "unlink" => Self::Unlink,
            "account" => Self::Account,
            "reconcile" => Self::Reconciled,
            _ => return Err(Error::Unexpected("webhook_events.source")),
        })
    }
}

/// Something we were told.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Its id here.
    pub id: Uuid,
    /// What no other event has, as a digest.
    pub digest: String,
    /// Which webhook told us.
    pub source: Source,
    /// What happened.
    pub event: &'static str,
    /// To whom; `None` for nobody in particular.
    pub kakao_id: Option<KakaoId>,
    /// Why, in Kakao's words.
    pub reason: Option<String>,
    /// When it happened, as far as Kakao says.
    pub happened_at: OffsetDateTime,
    /// Now.
    pub received_at: OffsetDateTime,
}

/// An event whose turn has come, leased to us.
#[derive(Clone, Debug)]
pub struct DueEvent {
    /// Its id.
    pub id: Uuid,
    /// As [`NewEvent::source`].
    pub source: Source,
    /// As [`NewEvent::event`].
    pub event: String,
    /// As [`NewEvent::kakao_id`].
    pub kakao_id: Option<KakaoId>,
    /// As [`NewEvent::reason`].
    pub reason: Option<String>,
    /// As [`NewEvent::happened_at`].
    pub happened_at: OffsetDateTime,
    /// As [`NewEvent::received_at`].
    pub received_at: OffsetDateTime,
    /// How often it was looked at, this time included.
    pub tries: i32,
    /// What it has done so far.
    pub effect: Option<String>,
}

/// Writes an event down; `false` when it was told before.
///
/// # Errors
/// The database's.
pub fn keep(connection: &mut AnyConnection, new: &NewEvent) -> Result<bool, Error> {
    connection.unless_taken(|connection| {
        diesel::insert_into(webhook_events::table)
            .values((
                webhook_events::id.eq(new.id.to_string()),
                webhook_events::digest.eq(&new.digest),
                webhook_events::source.eq(new.source.code()),
                webhook_events::event.eq(new.event),
                webhook_events::kakao_id.eq(new.kakao_id.map(KakaoId::get)),
                webhook_events::reason.eq(&new.reason),
                webhook_events::happened_at.eq(stored(new.happened_at)),
                webhook_events::received_at.eq(stored(new.received_at)),
                webhook_events::tries.eq(0),
                webhook_events::next_try_at.eq(stored(new.received_at)),
            ))
            .execute(connection)
    })
}

/// Whether there is an event to be looked at.
///
/// # Errors
/// The database's.
pub fn is_any_due(connection: &mut AnyConnection, now: OffsetDateTime) -> Result<bool, Error> {
    let due = webhook_events::table
        .filter(webhook_events::applied_at.is_null())
        .filter(webhook_events::next_try_at.le(stored(now)))
        .select(webhook_events::id)
        .first::<String>(connection)
        .optional()?;
    Ok(due.is_some())
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = webhook_events)]
struct DueRow {
    id: String,
    source: String,
    event: String,
    kakao_id: Option<i64>,
    reason: Option<String>,
    happened_at: PrimitiveDateTime,
    received_at: PrimitiveDateTime,
    tries: i32,
    effect: Option<String>,
}

impl DueRow {
    fn into_due(self) -> Result<DueEvent, Error> {
        let kakao_id = self.kakao_id.map(KakaoId::try_from).transpose();
        Ok(DueEvent {
            id: Uuid::parse_str(&self.id).map_err(|_| Error::Unexpected("webhook_events.id"))?,
            source: Source::parse(&self.source)?,
            event: self.event,
            kakao_id: kakao_id.map_err(|_| Error::Unexpected("webhook_events.kakao_id"))?,
            reason: self.reason,
            happened_at: moment(self.happened_at),
            received_at: moment(self.received_at),
            tries: self.tries + 1,
            effect: self.effect,
        })
    }
}

/// Leases up to `limit` events that are due: nobody else gets them before `lease_until`. Should
/// we die meanwhile, their turn comes again then.
///
/// # Errors
/// The database's.
pub fn lease(
    connection: &mut AnyConnection,
    now: OffsetDateTime,
    lease_until: OffsetDateTime,
    limit: i64,
) -> Result<Vec<DueEvent>, Error> {
    let due = webhook_events::table
        .filter(webhook_events::applied_at.is_null())
        .filter(webhook_events::next_try_at.le(stored(now)))
        .order(webhook_events::next_try_at)
        .limit(limit)
        .select(DueRow::as_select())
        .load(connection)?;
    let mut leased = Vec::with_capacity(due.len());
    for row in due {
        // The condition on the number of tries lets one of two instances win.
        let changed = diesel::update(ours(&row.id, row.tries))
            .set((
                webhook_events::tries.eq(row.tries + 1),
                webhook_events::next_try_at.eq(stored(lease_until)),
            ))
            .execute(connection)?;
        if changed == 1 {
            leased.push(row.into_due()?);
        }
    }
    Ok(leased)
}

/// Closes an event with what it did; `false` when it is not ours any more, and then nothing of
/// what was done for it may be kept.
///
/// # Errors
/// The database's.
pub fn close(
    connection: &mut AnyConnection,
    due: &DueEvent,
    effect: &str,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let changed = diesel::update(ours(&due.id.to_string(), due.tries))
        .set((
            webhook_events::effect.eq(effect),
            webhook_events::applied_at.eq(stored(now)),
        ))
        .execute(connection)?;
    Ok(changed == 1)
}

/// Puts an event off, with what it did so far; `false` as [`close`].
///
/// # Errors
/// The database's.
pub fn look_again_at(
    connection: &mut AnyConnection,
    due: &DueEvent,
    effect: Option<&str>,
    next_try_at: OffsetDateTime,
) -> Result<bool, Error> {
    let changed = diesel::update(ours(&due.id.to_string(), due.tries))
        .set((
            webhook_events::effect.eq(effect),
            webhook_events::next_try_at.eq(stored(next_try_at)),
        ))
        .execute(connection)?;
    Ok(changed == 1)
}

/// How many events wait.
///
/// # Errors
/// The database's.
pub fn count_waiting(connection: &mut AnyConnection) -> Result<i64, Error> {
    Ok(webhook_events::table
        .filter(webhook_events::applied_at.is_null())
        .count()
        .get_result(connection)?)
}

/// Forgets events applied before `before`, at most `limit`; says how many.
///
/// # Errors
/// The database's.
pub fn purge(
    connection: &mut AnyConnection,
    before: OffsetDateTime,
    limit: i64,
) -> Result<usize, Error> {
    let old: Vec<String> = webhook_events::table
        .filter(webhook_events::applied_at.lt(stored(before)))
        .limit(limit)
        .select(webhook_events::id)
        .load(connection)?;
    let old = webhook_events::table.filter(webhook_events::id.eq_any(old));
    Ok(diesel::delete(old).execute(connection)?)
}

#[diesel::dsl::auto_type(no_type_alias)]
fn ours(id: &str, tries: i32) -> _ {
    let id: String = id.to_owned();
    webhook_events::table
        .filter(webhook_events::id.eq(id))
        .filter(webhook_events::tries.eq(tries))
        .filter(webhook_events::applied_at.is_null())
}
