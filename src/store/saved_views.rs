//! What an admin keeps for next time: named addresses of the member list, its columns, and
//! whether single keys do something.

use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use super::schema::{admin_preferences, members, saved_views};
use super::time::stored;
use super::{AnyConnection, Error};
use crate::member::MemberId;

/// The most that one admin keeps.
pub const MOST: usize = 20;

/// A named view of the member list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Its id.
    pub id: Uuid,
    /// What its owner calls it.
    pub name: String,
    /// Its query string.
    pub query: String,
}

/// How keeping a view ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is kept; one of the same name is replaced.
    Kept,
    /// There are [`MOST`] already.
    Full,
}

/// How an admin likes the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preferences {
    /// The columns to show when the address does not say, as it would say it; `None` for ours.
    pub columns: Option<String>,
    /// Whether single keys do something.
    pub shortcuts: bool,
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            columns: None,
            shortcuts: true,
        }
    }
}

/// The views of one admin, by name.
///
/// # Errors
/// The database's.
pub fn list(connection: &mut AnyConnection, of: MemberId) -> Result<Vec<View>, Error> {
    let rows: Vec<(String, String, String)> = saved_views::table
        .filter(saved_views::member_id.eq(of.to_string()))
        .order((saved_views::name, saved_views::id))
        .select((saved_views::id, saved_views::name, saved_views::query))
        .load(connection)?;
    let views = rows.into_iter().map(|(id, name, query)| {
        let id = Uuid::parse_str(&id).map_err(|_| Error::Unexpected("saved_views.id"))?;
        Ok(View { id, name, query })
    });
    views.collect()
}

/// Keeps a view; one of the same name gives way to it.
///
/// # Errors
/// The database's.
pub fn keep(
    connection: &mut AnyConnection,
    of: MemberId,
    view: &View,
    now: OffsetDateTime,
) -> Result<Kept, Error> {
    // One after the other: two tabs of one admin could pass the limit together. An update that
    // changes nothing locks the row on both databases.
    diesel::update(members::table.find(of.to_string()))
        .set(members::version.eq(members::version))
        .execute(connection)?;
    let theirs = || saved_views::table.filter(saved_views::member_id.eq(of.to_string()));
    let replaced = diesel::update(theirs().filter(saved_views::name.eq(&view.name)))
        .set(saved_views::query.eq(&view.query))
        .execute(connection)?;
    if replaced > 0 {
        return Ok(Kept::Kept);
    }
    let kept: i64 = theirs().count().get_result(connection)?;
    if usize::try_from(kept).unwrap_or(usize::MAX) >= MOST {
        return Ok(Kept::Full);
    }
    diesel::insert_into(saved_views::table)
        .values((
            saved_views::id.eq(view.id.to_string()),
            saved_views::member_id.eq(of.to_string()),
            saved_views::name.eq(&view.name),
            saved_views::query.eq(&view.query),
            saved_views::created_at.eq(stored(now)),
        ))
        .execute(connection)?;
    Ok(Kept::Kept)
}

/// Forgets a view of this admin, and says what it was called; `None` when they have none of this
/// id.
///
/// # Errors
/// The database's.
pub fn forget(
    connection: &mut AnyConnection,
    of: MemberId,
    id: Uuid,
) -> Result<Option<String>, Error> {
    let theirs = saved_views::table
        .filter(saved_views::id.eq(id.to_string()))
        .filter(saved_views::member_id.eq(of.to_string()));
    let name = diesel::delete(theirs)
        .returning(saved_views::name)
        .get_result(connection);
    Ok(name.optional()?)
}

/// How this admin likes the list.
///
/// # Errors
/// The database's.
pub fn preferences(connection: &mut AnyConnection, of: MemberId) -> Result<Preferences, Error> {
    let row: Option<(Option<String>, bool)> = admin_preferences::table
        .find(of.to_string())
        .select((
            admin_preferences::list_columns,
            admin_preferences::shortcuts,
        ))
        .first(connection)
        .optional()?;
    Ok(
        row.map_or_else(Preferences::default, |(columns, shortcuts)| Preferences {
            columns,
            shortcuts,
        }),
    )
}

/// Remembers how this admin likes the list.
///
/// # Errors
/// The database's.
pub fn prefer(
    connection: &mut AnyConnection,
    of: MemberId,
    preferences: &Preferences,
) -> Result<(), Error> {
    let set = |connection: &mut AnyConnection| {
        diesel::update(admin_preferences::table.find(of.to_string()))
            .set((
                admin_preferences::list_columns.eq(&preferences.columns),
                admin_preferences::shortcuts.eq(preferences.shortcuts),
            ))
            .execute(connection)
    };
    if set(connection)? > 0 {
        return Ok(());
    }
    let inserted = connection.unless_taken(|connection| {
        diesel::insert_into(admin_preferences::table)
            .values((
                admin_preferences::member_id.eq(of.to_string()),
                admin_preferences::list_columns.eq(&preferences.columns),
                admin_preferences::shortcuts.eq(preferences.shortcuts),
            ))
            .execute(connection)
    })?;
    if !inserted {
        set(connection)?;
    }
    Ok(())
}
