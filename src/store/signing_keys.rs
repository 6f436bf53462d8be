//! Keys that sign access tokens: shared by all instances, the private half sealed.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::schema::signing_keys;
use super::time::{moment, stored};
use super::{AnyConnection, Error};

/// A key as it is stored.
#[derive(Clone, Debug)]
pub struct KeptKey {
    /// Its name.
    pub kid: String,
    /// The private half, sealed.
    pub sealed: String,
    /// The public half, a JWK.
    pub public: String,
    /// From when it signs.
    pub signs_from: OffsetDateTime,
}

/// Every key that is published at `now`.
///
/// # Errors
/// The database's.
pub fn published(
    connection: &mut AnyConnection,
    now: OffsetDateTime,
) -> Result<Vec<KeptKey>, Error> {
    type Row = (String, String, String, PrimitiveDateTime);
    let rows: Vec<Row> = signing_keys::table
        .filter(
            signing_keys::gone_at
                .is_null()
                .or(signing_keys::gone_at.gt(stored(now))),
        )
        .order((signing_keys::signs_from, signing_keys::kid))
        .select((
            signing_keys::kid,
            signing_keys::sealed,
            signing_keys::public,
            signing_keys::signs_from,
        ))
        .load(connection)?;
    let kept = |(kid, sealed, public, signs_from)| KeptKey {
        kid,
        sealed,
        public,
        signs_from: moment(signs_from),
    };
    Ok(rows.into_iter().map(kept).collect())
}

/// Adds a key. Those that begin to sign before it stay published until `gone_at`; one that begins
/// later takes its place then.
///
/// # Errors
/// The database's.
pub fn add(
    connection: &mut AnyConnection,
    key: &KeptKey,
    others_gone_at: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let earlier = signing_keys::table
        .filter(signing_keys::gone_at.is_null())
        .filter(signing_keys::signs_from.le(stored(key.signs_from)));
    diesel::update(earlier)
        .set(signing_keys::gone_at.eq(stored(others_gone_at)))
        .execute(connection)?;
    diesel::insert_into(signing_keys::table)
        .values((
            signing_keys::kid.eq(&key.kid),
            signing_keys::sealed.eq(&key.sealed),
            signing_keys::public.eq(&key.public),
            signing_keys::signs_from.eq(stored(key.signs_from)),
            signing_keys::created_at.eq(stored(now)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Removes keys that have long been gone; says how many.
///
/// # Errors
/// The database's.
pub fn purge(connection: &mut AnyConnection, before: OffsetDateTime) -> Result<usize, Error> {
    let gone = signing_keys::table.filter(signing_keys::gone_at.lt(stored(before)));
    Ok(diesel::delete(gone).execute(connection)?)
}
