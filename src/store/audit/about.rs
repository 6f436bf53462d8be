//! What happened to one member, for the page of that member.

use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{EventRow, Outcome};
use crate::member::MemberId;
use crate::store::schema::audit_events;
use crate::store::time::moment;
use crate::store::{AnyConnection, Error};

/// An entry of a member's history.
#[derive(Clone, Debug)]
pub struct Told {
    /// Its place in the chain: the greater, the later.
    pub place: i64,
    /// When it happened.
    pub at: OffsetDateTime,
    /// Who did it; `None` for somebody not signed in, the command line and the service itself.
    pub actor: Option<MemberId>,
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
}

/// The entries about a member, the newest first, at most `limit`, from before the place `before`.
/// That somebody looked at the member's page is left out: it would bury everything else, and the
/// audit log has it.
///
/// # Errors
/// The database's.
pub fn about(
    connection: &mut AnyConnection,
    member: MemberId,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<Told>, Error> {
    audit_events::table
        .filter(audit_events::subject.eq(member.to_string()))
        .filter(audit_events::action.ne("member.view"))
        .filter(audit_events::place.lt(before.unwrap_or(i64::MAX)))
        .order(audit_events::place.desc())
        .limit(limit)
        .select(EventRow::as_select())
        .load(connection)?
        .into_iter()
        .map(told)
        .collect()
}

/// Every entry about a member, and every one of theirs about nobody, the newest first, at most
/// `limit`: what the log knows of them. What they did to others is about others.
///
/// # Errors
/// The database's.
pub fn all_about(
    connection: &mut AnyConnection,
    member: MemberId,
    limit: i64,
) -> Result<Vec<Told>, Error> {
    let id = member.to_string();
    let own = audit_events::actor
        .eq(&id)
        .and(audit_events::subject.is_null());
    audit_events::table
        .filter(audit_events::subject.eq(&id).or(own))
        .filter(audit_events::place.is_not_null())
        .order(audit_events::place.desc())
        .limit(limit)
        .select(EventRow::as_select())
        .load(connection)?
        .into_iter()
        .map(told)
        .collect()
}

fn told(row: EventRow) -> Result<Told, Error> {
    let actor = row.actor.as_deref().map(Uuid::parse_str).transpose();
    Ok(Told {
        place: row.place.ok_or(Error::Unexpected("audit_events.place"))?,
        at: moment(row.at),
        actor: actor
            .map_err(|_| Error::Unexpected("audit_events.actor"))?
            .map(MemberId),
        ip: row.ip,
        action: row.action,
        result: Outcome::parse(&row.result).ok_or(Error::Unexpected("audit_events.result"))?,
        reason: row.reason,
        detail: row.detail,
    })
}
