//! What happened to whose account: appended in the transaction that did it, never changed.
//!
//! Every entry has a place, and a digest of itself and the entry before it, so that a changed or
//! removed one shows. Both ends of the chain are vouched for with a key that the database does
//! not hold (`audit_chain`), so that nobody who can write to the database alone can chain anew.

mod about;

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::schema::{audit_chain, audit_events};
use super::time::{moment, stored};
use super::{AnyConnection, Error};
use crate::member::MemberId;
use crate::vault::{Vault, fingerprint};

pub use about::{Told, about, all_about};

/// What the voucher is a digest for.
const VOUCHER: &str = "audit chain";

/// The one row of `audit_chain`.
const CHAIN: i32 = 1;

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
pub(super) struct EventRow {
    pub(super) id: String,
    pub(super) at: PrimitiveDateTime,
    pub(super) actor: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) ip: String,
    pub(super) action: String,
    pub(super) result: String,
    pub(super) reason: Option<String>,
    pub(super) request_id: String,
    pub(super) place: Option<i64>,
    pub(super) detail: Option<String>,
    pub(super) digest: Option<String>,
}

impl EventRow {
    /// The digest of this entry at `place`, after the entry with the digest `before`.
    pub(super) fn digest_after(&self, before: &str, place: i64) -> String {
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

/// The ends of the chain.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = audit_chain)]
pub(super) struct ChainRow {
    /// The place of the last entry that was forgotten; 0 when none was.
    pub(super) base_place: i64,
    /// Its digest; empty when none was.
    pub(super) base_digest: String,
    /// The place of the newest entry.
    pub(super) head_place: i64,
    /// Its digest.
    pub(super) head_digest: String,
    /// The service's word for the four others.
    pub(super) voucher: String,
}

impl ChainRow {
    fn vouched(&self) -> Vec<u8> {
        serde_json::json!([
            self.base_place,
            self.base_digest,
            self.head_place,
            self.head_digest
        ])
        .to_string()
        .into_bytes()
    }

    /// Whether the service itself wrote these ends.
    pub(super) fn is_vouched_for(&self, vault: &Vault) -> bool {
        let claimed = decode(&self.voucher);
        vault.is_digest(VOUCHER, &self.vouched(), &claimed)
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
    let rows = events.iter().map(|event| EventRow {
        id: event.id.to_string(),
        at: stored(event.at),
        actor: event.actor.map(|id| id.to_string()),
        subject: event.subject.map(|id| id.to_string()),
        ip: event.ip.clone(),
        action: event.action.to_owned(),
        result: event.result.code().to_owned(),
        reason: event.reason.clone(),
        request_id: event.request_id.clone(),
        place: None,
        detail: event.detail.clone(),
        digest: None,
    });
    let mut chain = lock(connection, vault)?;
    let trusted = chain.is_vouched_for(vault);
    for row in rows {
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
    keep(connection, vault, chain, trusted)
}

/// Gives entries of earlier versions, which have none, their places in the chain, the oldest
/// first. For the start of the program.
///
/// # Errors
/// The database's.
pub(super) fn chain_unchained(connection: &mut AnyConnection, vault: &Vault) -> Result<(), Error> {
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
        let mut chain = lock(connection, vault)?;
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
        keep(connection, vault, chain, trusted)?;
    }
}

/// The ends of the chain, which nobody else moves until this transaction ends.
fn lock(connection: &mut AnyConnection, vault: &Vault) -> Result<ChainRow, Error> {
    for _ in 0..2 {
        // An update that changes nothing locks the row on both databases.
        let row = diesel::update(audit_chain::table.find(CHAIN))
            .set(audit_chain::id.eq(CHAIN))
            .returning((
                audit_chain::base_place,
                audit_chain::base_digest,
                audit_chain::head_place,
                audit_chain::head_digest,
                audit_chain::voucher,
            ))
            .get_result(connection)
            .optional()?;
        if let Some(row) = row {
            return Ok(row);
        }
        let first = first_ends(connection, vault)?;
        connection.unless_taken(|connection| {
            diesel::insert_into(audit_chain::table)
                .values((
                    audit_chain::id.eq(CHAIN),
                    audit_chain::base_place.eq(first.base_place),
                    audit_chain::base_digest.eq(&first.base_digest),
                    audit_chain::head_place.eq(first.head_place),
                    audit_chain::head_digest.eq(&first.head_digest),
                    audit_chain::voucher.eq(&first.voucher),
                ))
                .execute(connection)
        })?;
    }
    Err(Error::Unexpected("audit_chain"))
}

/// The ends of a chain that has none written down: a new one, which is ours, or what somebody
/// left of an old one by removing the row, which is not.
fn first_ends(connection: &mut AnyConnection, vault: &Vault) -> Result<ChainRow, Error> {
    let newest: Option<(Option<i64>, Option<String>)> = audit_events::table
        .filter(audit_events::place.is_not_null())
        .order(audit_events::place.desc())
        .select((audit_events::place, audit_events::digest))
        .first(connection)
        .optional()?;
    let (place, digest) = newest.unwrap_or_default();
    let mut ends = ChainRow {
        base_place: 0,
        base_digest: String::new(),
        head_place: place.unwrap_or_default(),
        head_digest: digest.unwrap_or_default(),
        voucher: String::new(),
    };
    if place.is_none() {
        ends.voucher = encode(&vault.digest(VOUCHER, &ends.vouched()));
    }
    Ok(ends)
}

/// Writes the ends down. Ends that were not ours stay without our word: vouching for what was
/// built on them would hide what somebody did.
fn keep(
    connection: &mut AnyConnection,
    vault: &Vault,
    chain: ChainRow,
    trusted: bool,
) -> Result<(), Error> {
    let voucher = if trusted {
        encode(&vault.digest(VOUCHER, &chain.vouched()))
    } else {
        chain.voucher
    };
    diesel::update(audit_chain::table.find(CHAIN))
        .set((
            audit_chain::base_place.eq(chain.base_place),
            audit_chain::base_digest.eq(chain.base_digest),
            audit_chain::head_place.eq(chain.head_place),
            audit_chain::head_digest.eq(chain.head_digest),
            audit_chain::voucher.eq(voucher),
        ))
        .execute(connection)?;
    Ok(())
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(text)
        .unwrap_or_default()
}
