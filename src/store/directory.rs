//! The member directory: finding members by what is known of them, in bounded pages.
//!
//! No statement here reads more than one index once from end to end, and only a search that meets
//! hardly anybody comes near that; the lists that people look at read a few hundred rows.

mod names;
mod plan;
mod statement;
mod wanted;

use std::collections::BTreeMap;

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::members::{member_id, role_of, standing_of};
use super::schema::members;
use super::time::moment;
use super::{AnyConnection, Error};
use crate::member::{MemberId, Provider, Role, Standing, StandingKind};
#[cfg(feature = "emulator")]
pub(super) use names::fill_from as index_names_from;
pub(super) use names::prepare;
use wanted::Wanted;

/// Members are counted up to here; a greater number is told as "more than".
pub const COUNT_CAP: i64 = 10_000;

/// The most members shown for one email address.
const SAME_EMAIL: i64 = 100;

/// Whom to find. Conditions add up; an empty one is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// A part of the name, in any case.
    pub name: Option<String>,
    /// The member number.
    pub number: Option<i64>,
    /// The whole email address, in any case.
    pub email: Option<String>,
    /// Any of these standings.
    pub standings: Vec<StandingKind>,
    /// Any of these ways to have come.
    pub providers: Vec<Provider>,
    /// Any of these roles.
    pub roles: Vec<Role>,
    /// Joined at this moment or later.
    pub joined_from: Option<OffsetDateTime>,
    /// Joined before this moment.
    pub joined_before: Option<OffsetDateTime>,
}

/// What members are sorted by; the number decides between equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The member number.
    Number,
    /// The name.
    Name,
    /// When they joined.
    Joined,
    /// When they last signed in.
    Seen,
}

/// An order and its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sort {
    /// By what.
    pub by: Order,
    /// From the greatest down.
    pub descending: bool,
}

/// A member as the directory knows one, unmasked.
#[derive(Clone, Debug)]
pub struct Card {
    /// The key.
    pub id: MemberId,
    /// The member number.
    pub number: i64,
    /// The role.
    pub role: Role,
    /// The standing.
    pub standing: Standing,
    /// Grows with every act of an admin on the member.
    pub version: i64,
    /// How they came.
    pub provider: Provider,
    /// The name.
    pub display_name: Option<String>,
    /// The email address.
    pub email: Option<String>,
    /// When they joined.
    pub created_at: OffsetDateTime,
    /// When they last signed in; when they joined, if they never did.
    pub last_login_at: OffsetDateTime,
    /// When they left.
    pub withdrawn_at: Option<OffsetDateTime>,
}

/// How many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// So many.
    Exactly(i64),
    /// More than [`COUNT_CAP`].
    Many,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = members)]
struct CardRow {
    id: String,
    number: i64,
    role: String,
    standing: String,
    standing_until: Option<PrimitiveDateTime>,
    version: i64,
    joined_with: String,
    display_name: Option<String>,
    email: Option<String>,
    created_at: PrimitiveDateTime,
    last_login_at: PrimitiveDateTime,
    withdrawn_at: Option<PrimitiveDateTime>,
}

impl CardRow {
    fn into_card(self) -> Result<Card, Error> {
        let provider = Provider::parse(&self.joined_with);
        Ok(Card {
            id: member_id(&self.id)?,
            number: self.number,
            role: role_of(&self.role)?,
            standing: standing_of(&self.standing, self.standing_until)?,
            version: self.version,
            provider: provider.ok_or(Error::Unexpected("members.joined_with"))?,
            display_name: self.display_name,
            email: self.email,
            created_at: moment(self.created_at),
            last_login_at: moment(self.last_login_at),
            withdrawn_at: self.withdrawn_at.map(moment),
        })
    }
}

/// A page of the members that `filter` finds.
///
/// # Errors
/// The database's.
pub fn list(
    connection: &mut AnyConnection,
    filter: &Filter,
    sort: Sort,
    offset: i64,
    limit: i64,
) -> Result<Vec<Card>, Error> {
    let Some(wanted) = Wanted::new(filter) else {
        return Ok(Vec::new());
    };
    let numbers = plan::page(connection, &wanted, sort, offset, limit)?;
    cards(connection, &numbers)
}

/// The first `limit` members with a number greater than `after` that `filter` finds, by number.
/// Asking on from the last one leads through all of them, whoever comes and goes meanwhile.
///
/// # Errors
/// The database's.
pub fn batch_after(
    connection: &mut AnyConnection,
    filter: &Filter,
    after: i64,
    limit: i64,
) -> Result<Vec<Card>, Error> {
    let Some(wanted) = Wanted::new(filter) else {
        return Ok(Vec::new());
    };
    let numbers = plan::after(connection, &wanted, false, Some(after), limit)?;
    cards(connection, &numbers)
}

/// The next `limit` members that `filter` finds by number, down or up, from the number `after` on.
/// Going on from the last one is as quick on the thousandth page as on the first.
///
/// # Errors
/// The database's.
pub fn next(
    connection: &mut AnyConnection,
    filter: &Filter,
    descending: bool,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<Card>, Error> {
    let Some(wanted) = Wanted::new(filter) else {
        return Ok(Vec::new());
    };
    let numbers = plan::after(connection, &wanted, descending, after, limit)?;
    cards(connection, &numbers)
}

/// How many members `filter` finds, counted up to [`COUNT_CAP`].
///
/// # Errors
/// The database's.
pub fn count(connection: &mut AnyConnection, filter: &Filter) -> Result<Count, Error> {
    count_up_to(connection, filter, COUNT_CAP)
}

/// How many members `filter` finds, counted up to `cap`; [`Count::Many`] is more than that.
///
/// # Errors
/// The database's.
pub fn count_up_to(
    connection: &mut AnyConnection,
    filter: &Filter,
    cap: i64,
) -> Result<Count, Error> {
    let Some(wanted) = Wanted::new(filter) else {
        return Ok(Count::Exactly(0));
    };
    let count = plan::count(connection, &wanted, cap)?;
    Ok(if count <= cap {
        Count::Exactly(count)
    } else {
        Count::Many
    })
}

/// The members with these numbers, in their order.
fn cards(connection: &mut AnyConnection, numbers: &[i64]) -> Result<Vec<Card>, Error> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<CardRow> = members::table
        .filter(members::number.eq_any(numbers))
        .select(CardRow::as_select())
        .load(connection)?;
    let mut rows: BTreeMap<i64, CardRow> = rows.into_iter().map(|row| (row.number, row)).collect();
    let in_order = numbers.iter().filter_map(|number| rows.remove(number));
    in_order.map(CardRow::into_card).collect()
}

/// The members with this email address, in any case, by number.
///
/// # Errors
/// The database's.
pub fn by_email(connection: &mut AnyConnection, email: &str) -> Result<Vec<Card>, Error> {
    let filter = Filter {
        email: Some(email.to_owned()),
        ..Filter::default()
    };
    batch_after(connection, &filter, 0, SAME_EMAIL)
}

/// One member.
///
/// # Errors
/// The database's.
pub fn find(connection: &mut AnyConnection, id: MemberId) -> Result<Option<Card>, Error> {
    let row = members::table
        .find(id.to_string())
        .select(CardRow::as_select())
        .first(connection);
    row.optional()?.map(CardRow::into_card).transpose()
}

/// These members, by number.
///
/// # Errors
/// The database's.
pub fn find_all(connection: &mut AnyConnection, ids: &[MemberId]) -> Result<Vec<Card>, Error> {
    members::table
        .filter(members::id.eq_any(ids.iter().map(MemberId::to_string)))
        .order(members::number)
        .select(CardRow::as_select())
        .load(connection)?
        .into_iter()
        .map(CardRow::into_card)
        .collect()
}

/// Writes down what a member is found by under `name`. To be called wherever a name is written.
///
/// # Errors
/// The database's.
pub(super) fn searchable(
    connection: &mut AnyConnection,
    member: &str,
    name: Option<&str>,
) -> Result<(), Error> {
    let (key, grams) = keys_of_name(name);
    let number: Option<i64> = diesel::update(members::table.find(member))
        .set((members::name_key.eq(key), members::name_grams.eq(&grams)))
        .returning(members::number)
        .get_result(connection)
        .optional()?;
    number.map_or(Ok(()), |number| names::keep(connection, number, &grams))
}

/// Does the same for members of earlier versions. For the start of the program.
///
/// # Errors
/// The database's.
pub(super) fn catch_up(connection: &mut AnyConnection) -> Result<(), Error> {
    loop {
        let left: Vec<(String, Option<String>)> = members::table
            .filter(members::display_name.is_not_null())
            .filter(members::name_key.eq(""))
            .limit(1_000)
            .select((members::id, members::display_name))
            .load(connection)?;
        if left.is_empty() {
            return Ok(());
        }
        for (id, name) in left {
            searchable(connection, &id, name.as_deref())?;
        }
    }
}

/// The spelling that two forms of one address share.
pub(super) fn email_key(address: &str) -> String {
    address.trim().to_lowercase()
}

/// The spelling that names are sorted and found by.
fn name_key(name: &str) -> String {
    name.to_lowercase()
}

/// What a name is sorted and compared by, and what it is looked up by.
pub(super) fn keys_of_name(name: Option<&str>) -> (String, String) {
    let key = name_key(name.unwrap_or_default());
    let grams = names::grams(&key);
    (key, grams)
}
