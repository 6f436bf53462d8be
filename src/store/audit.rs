//! What happened to whose account: appended in the transaction that did it, never changed.
//!
//! Every entry has a place, and a digest of itself and the entry before it, so that a changed or
//! removed one shows. Both ends of the chain are vouched for with a key that the database does
//! not hold (`audit_chain`), so that nobody who can write to the database alone can chain anew.
//! What this finds and what it cannot is in `docs/decisions/0016-the-audit-log-is-a-chain.md`.

mod about;
mod ends;
mod purge;
mod read;
mod walk;

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::schema::audit_events;
use super::time::{moment, stored};
use super::{AnyConnection, Error};
use crate::member::MemberId;
use crate::vault::{Vault, fingerprint};

pub use about::{Told, about, all_about};
pub(super) use ends::begin;
pub use ends::{Head, InvalidHead, Tidings, renew, tidings};
pub use purge::{Purged, purge};
pub use read::{
    COUNT_CAP, Cursor, Entry, Filter, Person, Position, SignIns, count, find_person, list, people,
    position, sign_ins,
};
pub use walk::{Flaw, Verdict, Walk};

/// The most characters that one text of an entry has.
const LONGEST: usize = 2_000;

/// One entry to be written.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its id.
    pub id: Uuid,
    /// When it happened.
    pub at: OffsetDateTime,
    /// Who did it; `None` for somebody not signed in, and for the service itself.
    pub actor: Option<MemberId>,
    /// Whose account it concerns.
    pub subject: Option<MemberId>,
    /// From which address; `cli` for the command line, `system` for the service itself.
    pub ip: String,
    /// What was done, as a stable code.
    pub action: &'static str,
    /// How it ended.
    pub result: Outcome,
    /// Why: a stable code for a refusal, an admin's own words for an act.
    pub reason: Option<String>,
    /// What exactly, such as what was changed into what. Never personal data.
    pub detail: Option<String>,
    /// The request's id, to be found in the log.
    pub request_id: String,
}

/// How something ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Success,
    /// It could not be done.
    Failed,
    /// It was not allowed.
    Refused,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 3] = [Self::Success, Self::Failed, Self::Refused];

    /// As it is stored.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failed => "failed",
            Self::Refused => "refused",
        }
    }

    /// The outcome with that code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.code() == code)
    }
}

/// An entry as it is stored.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = audit_events)]
struct EventRow {
    id: String,
    at: PrimitiveDateTime,
    actor: Option<String>,
    subject: Option<String>,
    ip: String,
    action: String,
    result: String,
    reason: Option<String>,
    request_id: String,
    place: Option<i64>,
    detail: Option<String>,
    digest: Option<String>,
}

impl EventRow {
    /// The digest of this entry at `place`, after the entry with the digest `before`.
    fn digest_after(&self, before: &str, place: i64) -> String {
        let at = moment(self.at).unix_timestamp_nanos() / 1_000;
        let fields = serde_json::json!([
            before,
            place,
            self.id,
            i64::try_from(at).unwrap_or(i64::MAX),
            self.actor,
            self.subject,
            self.ip,
            self.action,
            self.result,
            self.reason,
            self.request_id,
            self.detail,
        ]);
        fingerprint(fields.to_string().as_bytes())
    }
}

/// Appends entries. To be the last thing in its transaction: on PostgreSQL all who append wait
/// for one another from here to the commit.
///
/// # Errors
/// The database's.
pub fn append(
    connection: &mut AnyConnection,
    vault: &Vault,
    events: &[Event],
) -> Result<(), Error> {
    let mut chain = ends::lock(connection)?;
    let trusted = chain.is_vouched_for(vault);
    for event in events {
        let row = row(event);
        chain.head_place += 1;
        chain.head_digest = row.digest_after(&chain.head_digest, chain.head_place);
        diesel::insert_into(audit_events::table)
            .values((
                audit_events::id.eq(row.id),
                audit_events::at.eq(row.at),
                audit_events::actor.eq(row.actor),
                audit_events::subject.eq(row.subject),
                audit_events::ip.eq(row.ip),
                audit_events::action.eq(row.action),
                audit_events::result.eq(row.result),
                audit_events::reason.eq(row.reason),
                audit_events::request_id.eq(row.request_id),
                audit_events::place.eq(chain.head_place),
                audit_events::detail.eq(row.detail),
                audit_events::digest.eq(&chain.head_digest),
            ))
            .execute(connection)?;
    }
    ends::keep(connection, vault, chain, trusted)
}

fn row(event: &Event) -> EventRow {
    EventRow {
        id: event.id.to_string(),
        at: stored(event.at),
        actor: event.actor.map(|id| id.to_string()),
        subject: event.subject.map(|id| id.to_string()),
        ip: storable(&event.ip),
        action: event.action.to_owned(),
        result: event.result.code().to_owned(),
        reason: event.reason.as_deref().map(storable),
        request_id: storable(&event.request_id),
        place: None,
        detail: event.detail.as_deref().map(storable),
        digest: None,
    }
}

/// Text as an entry holds it: one line of bounded length. PostgreSQL refuses NUL, and an entry
/// that cannot be written stops what it is about.
fn storable(text: &str) -> String {
    let shown = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    shown.take(LONGEST).collect()
}

/// Gives entries of earlier versions, which have none, their places in the chain, the oldest
/// first. Only for the migration that brings the chain: later, an entry without a place is
/// somebody's forgery, which this would make true.
fn chain_unchained(connection: &mut AnyConnection, vault: &Vault) -> Result<(), Error> {
    loop {
        let rows: Vec<EventRow> = audit_events::table
            .filter(audit_events::place.is_null())
            .order(audit_events::id)
            .limit(1_000)
            .select(EventRow::as_select())
            .load(connection)?;
        if rows.is_empty() {
            return Ok(());
        }
        let mut chain = ends::lock(connection)?;
        let trusted = chain.is_vouched_for(vault);
        for row in rows {
            chain.head_place += 1;
            chain.head_digest = row.digest_after(&chain.head_digest, chain.head_place);
            diesel::update(audit_events::table.find(&row.id))
                .set((
                    audit_events::place.eq(chain.head_place),
                    audit_events::digest.eq(&chain.head_digest),
                ))
                .execute(connection)?;
        }
        ends::keep(connection, vault, chain, trusted)?;
    }
}
