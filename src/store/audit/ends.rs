//! Both ends of the chain, and the service's word for them.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use diesel::prelude::*;

use super::chain_unchained;
use crate::store::schema::{audit_chain, audit_events};
use crate::store::{AnyConnection, Error};
use crate::vault::Vault;

/// What the voucher is a digest for.
const VOUCHER: &str = "audit chain";

/// The one row of `audit_chain`.
const CHAIN: i32 = 1;

/// The newest entry of the chain at some moment: kept elsewhere, it is what an older state of
/// the whole database is told by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its place; 0 when there was none.
    pub place: i64,
    /// Its digest; empty when there was none.
    pub digest: String,
}

/// What is not a [`Head`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a place and its digest: PLACE:DIGEST, as the service logs it")]
pub struct InvalidHead;

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.place, self.digest)
    }
}

impl FromStr for Head {
    type Err = InvalidHead;

    fn from_str(text: &str) -> Result<Self, InvalidHead> {
        let (place, digest) = text.trim().split_once(':').ok_or(InvalidHead)?;
        let place: i64 = place.parse().map_err(|_| InvalidHead)?;
        let length = if place == 0 { 0 } else { 64 };
        let fits = place >= 0
            && digest.len() == length
            && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        fits.then(|| Self {
            place,
            digest: digest.to_ascii_lowercase(),
        })
        .ok_or(InvalidHead)
    }
}

/// The ends of the chain.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = audit_chain)]
pub(super) struct Ends {
    /// The place of the last entry that was forgotten; 0 when none was.
    pub(super) base_place: i64,
    /// Its digest; empty when none was.
    pub(super) base_digest: String,
    /// The place of the newest entry.
    pub(super) head_place: i64,
    /// Its digest.
    pub(super) head_digest: String,
    /// The service's word for the four others.
    voucher: String,
}

impl Ends {
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
        let claimed = URL_SAFE_NO_PAD.decode(&self.voucher).unwrap_or_default();
        vault.is_digest(VOUCHER, &self.vouched(), &claimed)
    }

    fn vouch(&mut self, vault: &Vault) {
        self.voucher = URL_SAFE_NO_PAD.encode(vault.digest(VOUCHER, &self.vouched()));
    }

    /// The newest entry.
    pub(super) fn head(&self) -> Head {
        Head {
            place: self.head_place,
            digest: self.head_digest.clone(),
        }
    }
}

/// What the ends say of the chain without a look at what lies between them.
#[derive(Clone, Debug)]
pub struct Tidings {
    /// The newest entry.
    pub head: Head,
    /// How many entries there should be.
    pub entries: i64,
    /// Whether the service vouches for the ends, and the entries there are the ones it means.
    pub sound: bool,
}

/// Begins the chain: its first ends, and in it the entries of earlier versions. For the
/// migration that brings it, and nobody else: a row of ends that is made later cannot tell an
/// empty log from one that was emptied.
///
/// # Errors
/// The database's.
pub(in crate::store) fn begin(connection: &mut AnyConnection, vault: &Vault) -> Result<(), Error> {
    let mut ends = Ends {
        base_place: 0,
        base_digest: String::new(),
        head_place: 0,
        head_digest: String::new(),
        voucher: String::new(),
    };
    ends.vouch(vault);
    insert(connection, &ends)?;
    chain_unchained(connection, vault)
}

/// Vouches with the present key for ends that an older one vouches for, so that the older may be
/// dropped.
///
/// # Errors
/// The database's.
pub fn renew(connection: &mut AnyConnection, vault: &Vault) -> Result<(), Error> {
    let ends = lock(connection)?;
    let trusted = ends.is_vouched_for(vault);
    let mut renewed = ends.clone();
    renewed.vouch(vault);
    if !trusted || renewed.voucher == ends.voucher {
        return Ok(());
    }
    keep(connection, vault, ends, trusted)
}

/// What can be said of the chain at once, however long it is.
///
/// # Errors
/// The database's.
pub fn tidings(connection: &mut AnyConnection, vault: &Vault) -> Result<Tidings, Error> {
    // In this order: an entry and the ends that mean it are written together, so none is newer
    // than ends read after it.
    let newest: Option<(Option<i64>, Option<String>)> = audit_events::table
        .filter(audit_events::place.is_not_null())
        .order(audit_events::place.desc())
        .select((audit_events::place, audit_events::digest))
        .first(connection)
        .optional()?;
    let Some(ends) = read(connection)? else {
        return Ok(Tidings {
            head: Head {
                place: 0,
                digest: String::new(),
            },
            entries: 0,
            sound: false,
        });
    };
    let (place, digest) = newest.unwrap_or_default();
    let (place, digest) = (place.unwrap_or_default(), digest.unwrap_or_default());
    let fits = match place.cmp(&ends.head_place) {
        std::cmp::Ordering::Less => is_there(connection, ends.head_place, &ends.head_digest)?,
        std::cmp::Ordering::Equal => place == 0 || digest == ends.head_digest,
        std::cmp::Ordering::Greater => false,
    };
    Ok(Tidings {
        entries: ends.head_place - ends.base_place,
        sound: fits && ends.is_vouched_for(vault),
        head: ends.head(),
    })
}

/// Whether the head that was read after the newest entry has come meanwhile.
fn is_there(connection: &mut AnyConnection, place: i64, digest: &str) -> Result<bool, Error> {
    let found = audit_events::table
        .filter(audit_events::place.eq(place))
        .filter(audit_events::digest.eq(digest));
    Ok(diesel::select(diesel::dsl::exists(found)).get_result(connection)?)
}

type Columns = (
    audit_chain::base_place,
    audit_chain::base_digest,
    audit_chain::head_place,
    audit_chain::head_digest,
    audit_chain::voucher,
);

const COLUMNS: Columns = (
    audit_chain::base_place,
    audit_chain::base_digest,
    audit_chain::head_place,
    audit_chain::head_digest,
    audit_chain::voucher,
);

/// The ends as they are; `None` when somebody has removed them.
pub(super) fn read(connection: &mut AnyConnection) -> Result<Option<Ends>, Error> {
    Ok(audit_chain::table
        .find(CHAIN)
        .select(COLUMNS)
        .first(connection)
        .optional()?)
}

/// The ends of the chain, which nobody else moves until this transaction ends.
pub(super) fn lock(connection: &mut AnyConnection) -> Result<Ends, Error> {
    for _ in 0..2 {
        // An update that changes nothing locks the row on both databases.
        let ends = diesel::update(audit_chain::table.find(CHAIN))
            .set(audit_chain::id.eq(CHAIN))
            .returning(COLUMNS)
            .get_result(connection)
            .optional()?;
        if let Some(ends) = ends {
            return Ok(ends);
        }
        let left = left_over(connection)?;
        connection.unless_taken(|connection| insert(connection, &left))?;
    }
    Err(Error::Unexpected("audit_chain"))
}

/// The ends of what is left of a chain whose own have been removed. The service goes on from
/// there, so that nobody can stop it from telling what happens, and vouches for nothing any more.
fn left_over(connection: &mut AnyConnection) -> Result<Ends, Error> {
    let newest: Option<(Option<i64>, Option<String>)> = audit_events::table
        .filter(audit_events::place.is_not_null())
        .order(audit_events::place.desc())
        .select((audit_events::place, audit_events::digest))
        .first(connection)
        .optional()?;
    let (place, digest) = newest.unwrap_or_default();
    Ok(Ends {
        base_place: 0,
        base_digest: String::new(),
        head_place: place.unwrap_or_default(),
        head_digest: digest.unwrap_or_default(),
        voucher: String::new(),
    })
}

fn insert(connection: &mut AnyConnection, ends: &Ends) -> QueryResult<usize> {
    diesel::insert_into(audit_chain::table)
        .values((
            audit_chain::id.eq(CHAIN),
            audit_chain::base_place.eq(ends.base_place),
            audit_chain::base_digest.eq(&ends.base_digest),
            audit_chain::head_place.eq(ends.head_place),
            audit_chain::head_digest.eq(&ends.head_digest),
            audit_chain::voucher.eq(&ends.voucher),
        ))
        .execute(connection)
}

/// Writes the ends down. Ends that were not ours stay without our word: vouching for what was
/// built on them would hide what somebody did.
pub(super) fn keep(
    connection: &mut AnyConnection,
    vault: &Vault,
    mut ends: Ends,
    trusted: bool,
) -> Result<(), Error> {
    if trusted {
        ends.vouch(vault);
    }
    diesel::update(audit_chain::table.find(CHAIN))
        .set((
            audit_chain::base_place.eq(ends.base_place),
            audit_chain::base_digest.eq(ends.base_digest),
            audit_chain::head_place.eq(ends.head_place),
            audit_chain::head_digest.eq(ends.head_digest),
            audit_chain::voucher.eq(ends.voucher),
        ))
        .execute(connection)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_is_written_and_strictly() {
        let digest = "0a".repeat(32);
        let head = Head {
            place: 7,
            digest: digest.clone(),
        };
        assert_eq!(head.to_string().parse(), Ok(head));
        assert!("0:".parse::<Head>().is_ok());
        for wrong in [
            "",
            "7",
            "7:",
            "-1:",
            "7:abc",
            &format!("0:{digest}"),
            &format!("x:{digest}"),
            &format!("7:{}", "g".repeat(64)),
        ] {
            assert_eq!(wrong.parse::<Head>(), Err(InvalidHead), "{wrong}");
        }
    }
}
