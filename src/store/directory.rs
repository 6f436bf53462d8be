//! The member directory: finding members by what is known of them, in bounded pages.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::members::{member_id, role_of, standing_of};
use super::schema::members;
use super::time::{moment, stored};
use super::{AnyConnection, Error};
use crate::member::{MemberId, Provider, Role, Standing, StandingKind};

/// Members are counted up to here; a greater number is told as "more than".
pub const COUNT_CAP: i64 = 10_000;

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

/// What members are sorted by; the id decides between equals.
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

type Members<'a> = members::BoxedQuery<'a, <AnyConnection as Connection>::Backend>;

fn matching(filter: &Filter) -> Members<'_> {
    let mut query = members::table.into_boxed();
    if let Some(name) = &filter.name {
        let part = name_key(name)
            .replace('!', "!!")
            .replace('%', "!%")
            .replace('_', "!_");
        query = query.filter(members::name_key.like(format!("%{part}%")).escape('!'));
    }
    if let Some(number) = filter.number {
        query = query.filter(members::number.eq(number));
    }
    if let Some(email) = &filter.email {
        query = query.filter(members::email_key.eq(email_key(email)));
    }
    if !filter.standings.is_empty() {
        let codes = filter.standings.iter().map(|kind| kind.code());
        query = query.filter(members::standing.eq_any(codes));
    }
    if !filter.providers.is_empty() {
        let codes = filter.providers.iter().map(|one| one.code());
        query = query.filter(members::joined_with.eq_any(codes));
    }
    if !filter.roles.is_empty() {
        let codes = filter.roles.iter().map(|role| role.code());
        query = query.filter(members::role.eq_any(codes));
    }
    if let Some(from) = filter.joined_from {
        query = query.filter(members::created_at.ge(stored(from)));
    }
    if let Some(before) = filter.joined_before {
        query = query.filter(members::created_at.lt(stored(before)));
    }
    query
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
    let query = matching(filter);
    let query = match (sort.by, sort.descending) {
        (Order::Number, false) => query.order(members::number.asc()),
        (Order::Number, true) => query.order(members::number.desc()),
        (Order::Name, false) => query.order((members::name_key.asc(), members::id.asc())),
        (Order::Name, true) => query.order((members::name_key.desc(), members::id.desc())),
        (Order::Joined, false) => query.order((members::created_at.asc(), members::id.asc())),
        (Order::Joined, true) => query.order((members::created_at.desc(), members::id.desc())),
        (Order::Seen, false) => query.order((members::last_login_at.asc(), members::id.asc())),
        (Order::Seen, true) => query.order((members::last_login_at.desc(), members::id.desc())),
    };
    query
        .offset(offset)
        .limit(limit)
        .select(CardRow::as_select())
        .load(connection)?
        .into_iter()
        .map(CardRow::into_card)
        .collect()
}

/// How many members `filter` finds, counted up to [`COUNT_CAP`].
///
/// # Errors
/// The database's.
pub fn count(connection: &mut AnyConnection, filter: &Filter) -> Result<Count, Error> {
    let found: Vec<String> = matching(filter)
        .limit(COUNT_CAP + 1)
        .select(members::id)
        .load(connection)?;
    Ok(match i64::try_from(found.len()) {
        Ok(count) if count <= COUNT_CAP => Count::Exactly(count),
        _ => Count::Many,
    })
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
    let key = name_key(name.unwrap_or_default());
    let grams = grams(&key);
    diesel::update(members::table.find(member))
        .set((members::name_key.eq(key), members::name_grams.eq(grams)))
        .execute(connection)?;
    Ok(())
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

/// Every character and every pair of neighbours, once: Korean given names have two syllables, for
/// which trigrams are too long.
fn grams(key: &str) -> String {
    let plain: Vec<char> = key.chars().filter(|c| c.is_alphanumeric()).collect();
    let single = plain.iter().map(char::to_string);
    let pairs = plain.windows(2).map(|pair| pair.iter().collect::<String>());
    let grams: std::collections::BTreeSet<String> = single.chain(pairs).collect();
    grams.into_iter().collect::<Vec<_>>().join(" ")
}
