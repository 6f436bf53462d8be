//! Keys of servers. Of their secrets only digests are kept.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::members::member_id;
use super::schema::{api_keys, members};
use super::time::{moment, stored};
use super::{AnyConnection, Error};
use crate::api_key::{ApiKey, Scope};

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys)]
struct Row {
    id: String,
    name: String,
    scopes: String,
    made_by: Option<String>,
    created_at: PrimitiveDateTime,
    last_used_at: Option<PrimitiveDateTime>,
    ends_at: Option<PrimitiveDateTime>,
    revoked_at: Option<PrimitiveDateTime>,
}

impl Row {
    fn into_key(self) -> Result<ApiKey, Error> {
        Ok(ApiKey {
            id: Uuid::parse_str(&self.id).map_err(|_| Error::Unexpected("api_keys.id"))?,
            name: self.name,
            // A scope that this version does not know allows nothing.
            scopes: self.scopes.split(' ').filter_map(Scope::parse).collect(),
            made_by: self.made_by.as_deref().map(member_id).transpose()?,
            created_at: moment(self.created_at),
            last_used_at: self.last_used_at.map(moment),
            ends_at: self.ends_at.map(moment),
            revoked_at: self.revoked_at.map(moment),
        })
    }
}

/// Keeps a key with the digest of its secret.
///
/// # Errors
/// The database's.
pub fn insert(connection: &mut AnyConnection, key: &ApiKey, digest: &str) -> Result<(), Error> {
    let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.code()).collect();
    diesel::insert_into(api_keys::table)
        .values((
            api_keys::id.eq(key.id.to_string()),
            api_keys::name.eq(&key.name),
            api_keys::digest.eq(digest),
            api_keys::scopes.eq(scopes.join(" ")),
            api_keys::made_by.eq(key.made_by.map(|id| id.to_string())),
            api_keys::created_at.eq(stored(key.created_at)),
            api_keys::ends_at.eq(key.ends_at.map(stored)),
        ))
        .execute(connection)?;
    Ok(())
}

/// The key whose secret has this digest, live or not.
///
/// # Errors
/// The database's.
pub fn find(connection: &mut AnyConnection, digest: &str) -> Result<Option<ApiKey>, Error> {
    let row = api_keys::table
        .filter(api_keys::digest.eq(digest))
        .select(Row::as_select())
        .first(connection);
    row.optional()?.map(Row::into_key).transpose()
}

/// The key, live or not.
///
/// # Errors
/// The database's.
pub fn by_id(connection: &mut AnyConnection, id: Uuid) -> Result<Option<ApiKey>, Error> {
    let row = api_keys::table
        .find(id.to_string())
        .select(Row::as_select())
        .first(connection);
    row.optional()?.map(Row::into_key).transpose()
}

/// Every key there is, the newest first, each with the number of the member who made it.
///
/// # Errors
/// The database's.
pub fn list(connection: &mut AnyConnection) -> Result<Vec<(ApiKey, Option<i64>)>, Error> {
    let rows: Vec<(Row, Option<i64>)> = api_keys::table
        .left_join(members::table.on(api_keys::made_by.eq(members::id.nullable())))
        .order((api_keys::created_at.desc(), api_keys::id.desc()))
        .select((Row::as_select(), members::number.nullable()))
        .load(connection)?;
    rows.into_iter()
        .map(|(row, number)| Ok((row.into_key()?, number)))
        .collect()
}

/// Notes that a key was used, unless that was noted after `before`.
///
/// # Errors
/// The database's.
pub fn touch(
    connection: &mut AnyConnection,
    id: Uuid,
    before: OffsetDateTime,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let noted = api_keys::last_used_at;
    let stale = api_keys::table
        .find(id.to_string())
        .filter(noted.is_null().or(noted.le(stored(before))));
    diesel::update(stale)
        .set(api_keys::last_used_at.eq(stored(now)))
        .execute(connection)?;
    Ok(())
}

/// Ends a key; `false` when somebody has already.
///
/// # Errors
/// The database's.
pub fn revoke(
    connection: &mut AnyConnection,
    id: Uuid,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let live = api_keys::table
        .find(id.to_string())
        .filter(api_keys::revoked_at.is_null());
    let revoked = diesel::update(live)
        .set(api_keys::revoked_at.eq(stored(now)))
        .execute(connection)?;
    Ok(revoked == 1)
}

/// Removes keys that have long been ended; says how many.
///
/// # Errors
/// The database's.
pub fn purge(connection: &mut AnyConnection, before: OffsetDateTime) -> Result<usize, Error> {
    let ended = api_keys::table.filter(
        api_keys::revoked_at
            .lt(stored(before))
            .or(api_keys::ends_at.lt(stored(before))),
    );
    Ok(diesel::delete(ended).execute(connection)?)
}
