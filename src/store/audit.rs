//! What happened to whose account: appended in the transaction that did it, never changed.

use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use super::schema::audit_events;
use super::time::stored;
use super::{AnyConnection, Error};
use crate::member::MemberId;

/// One entry.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id.
    pub id: Uuid,
    /// When it happened.
    pub at: OffsetDateTime,
    /// Who did it; `None` for somebody not signed in.
    pub actor: Option<MemberId>,
    /// Whose account it concerns.
    pub subject: Option<MemberId>,
    /// From which address.
    pub ip: String,
    /// What was done, as a stable code.
    pub action: &'static str,
    /// `success` or `refused`.
    pub result: &'static str,
    /// Why it was refused, as a stable code.
    pub reason: Option<&'static str>,
    /// The request's id, to be found in the log.
    pub request_id: String,
}

/// Appends an entry.
///
/// # Errors
/// The database's.
pub fn append(connection: &mut AnyConnection, event: &Event) -> Result<(), Error> {
    diesel::insert_into(audit_events::table)
        .values((
            audit_events::id.eq(event.id.to_string()),
            audit_events::at.eq(stored(event.at)),
            audit_events::actor.eq(event.actor.map(|id| id.to_string())),
            audit_events::subject.eq(event.subject.map(|id| id.to_string())),
            audit_events::ip.eq(&event.ip),
            audit_events::action.eq(event.action),
            audit_events::result.eq(event.result),
            audit_events::reason.eq(event.reason),
            audit_events::request_id.eq(&event.request_id),
        ))
        .execute(connection)?;
    Ok(())
}

/// The entries about one member, the newest first: action, result and reason.
///
/// # Errors
/// The database's.
pub fn about(
    connection: &mut AnyConnection,
    member: MemberId,
) -> Result<Vec<(String, String, Option<String>)>, Error> {
    Ok(audit_events::table
        .filter(audit_events::subject.eq(member.to_string()))
        .order(audit_events::id.desc())
        .select((
            audit_events::action,
            audit_events::result,
            audit_events::reason,
        ))
        .load(connection)?)
}
