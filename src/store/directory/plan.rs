//! Which way to read: the databases plan one statement well, but not how many members a search
//! will find, on which everything turns here.
//!
//! Two ways lead to a page. *Walking* reads an index in the order of the list and passes over whom
//! the filter does not want: quick when it wants many. *Collecting* finds all who are wanted
//! through an index of the condition and sorts them: quick when they are few. A capped look at the
//! condition's index decides. Standing, role and way to have come never slow a walk down, because
//! every order has an index for each of them.

use super::names;
use super::statement::{Statement, Value};
use super::wanted::Wanted;
use super::{Order, Sort};
use crate::store::{AnyConnection, Error};

/// How many rows can be walked past in the time that it takes to collect one.
const COLLECTING: i64 = 30;

/// Collecting this many is never worth a thought.
const FEW: i64 = 200;

/// Counting up to here is: a few milliseconds.
const NARROW: i64 = 50_000;

impl Order {
    fn column(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Name => "name_key",
            Self::Joined => "created_at",
            Self::Seen => "last_login_at",
        }
    }

    /// The index of the order alone.
    fn bare(self) -> &'static str {
        match self {
            Self::Number => "members_number",
            Self::Name => "members_name",
            Self::Joined => "members_created",
            Self::Seen => "members_seen",
        }
    }

    /// The index of the order within each kind.
    fn wide(self) -> &'static str {
        match self {
            Self::Number => "members_by_number",
            Self::Name => "members_by_name",
            Self::Joined => "members_by_created",
            Self::Seen => "members_by_seen",
        }
    }
}

impl Sort {
    fn by(self, column: &str) -> String {
        let way = if self.descending { "DESC" } else { "ASC" };
        if self.by == Order::Number {
            return format!(" ORDER BY number {way}");
        }
        format!(" ORDER BY {column} {way}, number {way}")
    }
}

/// The numbers on a page.
pub(super) fn page(
    connection: &mut AnyConnection,
    wanted: &Wanted,
    sort: Sort,
    offset: i64,
    limit: i64,
) -> Result<Vec<i64>, Error> {
    let (offset, limit) = (offset.max(0), limit.max(0));
    if wanted.is_named() {
        return named(connection, wanted, sort, offset, limit);
    }
    let by_range = wanted.has_dates() && sort.by != Order::Joined;
    if wanted.name.is_some() || by_range {
        let few = few(connection, offset.saturating_add(limit))?;
        if let Some(found) = collect(connection, wanted, sort, few)? {
            let skipped = usize::try_from(offset).unwrap_or(usize::MAX);
            let most = usize::try_from(limit).unwrap_or(usize::MAX);
            return Ok(found.into_iter().skip(skipped).take(most).collect());
        }
    }
    walk(connection, wanted, sort, None, (offset, limit))
}

/// The next numbers after `after`, or before it when they are `descending`.
pub(super) fn after(
    connection: &mut AnyConnection,
    wanted: &Wanted,
    descending: bool,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<i64>, Error> {
    let sort = Sort {
        by: Order::Number,
        descending,
    };
    let limit = limit.max(0);
    let is_next = |number: &i64| {
        after.is_none_or(|after| match descending {
            true => *number < after,
            false => *number > after,
        })
    };
    let first = |found: Vec<i64>| {
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        found.into_iter().filter(is_next).take(most).collect()
    };
    if wanted.is_named() {
        return Ok(first(named(connection, wanted, sort, 0, i64::MAX)?));
    }
    if wanted.name.is_some() || wanted.has_dates() {
        let few = few(connection, limit)?;
        if let Some(found) = collect(connection, wanted, sort, few)? {
            return Ok(first(found));
        }
    }
    walk(connection, wanted, sort, after, (0, limit))
}

/// How many are wanted; `cap` + 1 for more than `cap`.
pub(super) fn count(
    connection: &mut AnyConnection,
    wanted: &Wanted,
    cap: i64,
) -> Result<i64, Error> {
    let most = cap.saturating_add(1);
    if wanted.is_named() {
        let mut statement = Statement::new(connection);
        statement.sql("SELECT count(*) AS number FROM (SELECT 1 FROM members WHERE ");
        wanted.any_kind(&mut statement);
        wanted.others(&mut statement);
        statement.sql(&format!(" LIMIT {most}) AS found"));
        return statement.number(connection);
    }
    if let Some(part) = &wanted.name
        && names::is_there(connection)?
        && !names::is_common(connection, part)?
    {
        let alone = names::is_exact(part) && !wanted.has_kinds() && !wanted.has_dates();
        if alone {
            return candidates(connection, part, most);
        }
        let bearable = few(connection, most)?;
        let rare = candidates(connection, part, bearable + 1)?;
        if rare <= bearable && !is_within(connection, wanted, (rare * COLLECTING).min(NARROW))? {
            let mut statement = Statement::new(connection);
            statement.sql("SELECT count(*) AS number FROM (");
            looked_up(&mut statement, wanted, part, "1");
            statement.sql(&format!(" LIMIT {most}) AS found"));
            return statement.number(connection);
        }
    }
    let mut statement = Statement::new(connection);
    statement.sql("SELECT count(*) AS number FROM (SELECT 1 FROM members");
    restricted(&mut statement, wanted);
    statement.sql(&format!(" LIMIT {most}) AS found"));
    statement.number(connection)
}

/// Up to how many it is quicker to collect than to walk to the end of a page this deep.
fn few(connection: &mut AnyConnection, depth: i64) -> Result<i64, Error> {
    let walked = depth.saturating_mul(greatest(connection)?) / COLLECTING;
    Ok(walked.max(0).isqrt().max(FEW))
}

/// The greatest number: about how many members there are.
fn greatest(connection: &mut AnyConnection) -> Result<i64, Error> {
    let mut statement = Statement::new(connection);
    statement.sql("SELECT COALESCE(MAX(number), 0) AS number FROM members");
    statement.number(connection)
}

/// How many the index of names has for `part`, counted up to `most`.
fn candidates(connection: &mut AnyConnection, part: &str, most: i64) -> Result<i64, Error> {
    let mut statement = Statement::new(connection);
    statement.sql("SELECT count(*) AS number FROM (");
    names::find(&mut statement, part);
    statement.sql(&format!(" LIMIT {most}) AS found"));
    statement.number(connection)
}

/// Those whom a number or an address names: a handful.
fn named(
    connection: &mut AnyConnection,
    wanted: &Wanted,
    sort: Sort,
    offset: i64,
    limit: i64,
) -> Result<Vec<i64>, Error> {
    let mut statement = Statement::new(connection);
    statement.sql("SELECT number FROM members WHERE ");
    wanted.any_kind(&mut statement);
    wanted.others(&mut statement);
    statement.sql(&sort.by(sort.by.column()));
    statement.sql(&format!(" LIMIT {limit} OFFSET {offset}"));
    statement.numbers(connection)
}

/// Whether at most `most` have the kind and the dates wanted, whatever their names.
fn is_within(connection: &mut AnyConnection, wanted: &Wanted, most: i64) -> Result<bool, Error> {
    if !wanted.has_kinds() && !wanted.has_dates() {
        return Ok(false);
    }
    let mut statement = Statement::new(connection);
    statement.sql("SELECT count(*) AS number FROM (SELECT 1 FROM members");
    indexed_by(&mut statement, Order::Joined.wide());
    statement.sql(" WHERE ");
    wanted.any_kind(&mut statement);
    wanted.dates(&mut statement);
    statement.sql(&format!(" LIMIT {}) AS found", most + 1));
    Ok(statement.number(connection)? <= most)
}

/// All who are wanted, sorted, unless they are more than `few`.
fn collect(
    connection: &mut AnyConnection,
    wanted: &Wanted,
    sort: Sort,
    few: i64,
) -> Result<Option<Vec<i64>>, Error> {
    let column = sort.by.column();
    let columns = format!("number, {column} AS place");
    let mut by_name = None;
    if let Some(part) = &wanted.name {
        if names::is_there(connection)?
            && !names::is_common(connection, part)?
            && candidates(connection, part, few + 1)? <= few
        {
            by_name = Some(part);
        } else if !is_within(connection, wanted, few.saturating_mul(COLLECTING))? {
            return Ok(None);
        }
    }
    let mut statement = Statement::new(connection);
    statement.sql("WITH found AS MATERIALIZED (");
    match by_name {
        Some(part) => looked_up(&mut statement, wanted, part, &columns),
        None => {
            statement.sql(&format!("SELECT {columns} FROM members"));
            restricted(&mut statement, wanted);
        }
    }
    statement.sql(&format!(" LIMIT {}) SELECT number FROM found", few + 1));
    statement.sql(&sort.by("place"));
    let found = statement.numbers(connection)?;
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    Ok((count <= few).then_some(found))
}

/// Goes on with `columns` of those wanted, found by the index of names.
fn looked_up(statement: &mut Statement, wanted: &Wanted, part: &str, columns: &str) {
    if statement.is_postgres() {
        statement.sql(&format!("SELECT {columns} FROM members WHERE number IN ("));
        names::find(statement, part);
        statement.sql(") AND ");
    } else {
        // The order of the two is kept: from the index of names to the rows.
        statement.sql(&format!("SELECT {columns} FROM ("));
        names::find(statement, part);
        statement.sql(" LIMIT -1) AS hit CROSS JOIN members");
        indexed_by(statement, Order::Number.bare());
        statement.sql(" USING (number) WHERE ");
    }
    wanted.any_kind(statement);
    wanted.others(statement);
}

/// Goes on with the conditions after `FROM members`, read off the shortest index that has all of
/// them.
fn restricted(statement: &mut Statement, wanted: &Wanted) {
    let wide = wanted.has_kinds() || (wanted.name.is_some() && wanted.has_dates());
    let index = match (&wanted.name, wide) {
        (_, true) => Order::Joined.wide(),
        (None, false) => Order::Joined.bare(),
        (Some(_), false) => Order::Name.bare(),
    };
    indexed_by(statement, index);
    statement.sql(" WHERE ");
    if wide {
        wanted.any_kind(statement);
    } else {
        statement.sql("0 = 0");
    }
    wanted.others(statement);
}

/// A page read in the order of the list.
fn walk(
    connection: &mut AnyConnection,
    wanted: &Wanted,
    sort: Sort,
    after: Option<i64>,
    (offset, limit): (i64, i64),
) -> Result<Vec<i64>, Error> {
    let (order, column) = (sort.by, sort.by.column());
    let in_order = !wanted.has_dates() || order == Order::Joined;
    let bare = !wanted.has_kinds() && wanted.name.is_none() && in_order;
    let mut statement = Statement::new(connection);
    let kinds: Vec<String> = if bare {
        vec!["0 = 0".to_owned()]
    } else {
        wanted.kinds().collect()
    };
    let index = if bare { order.bare() } else { order.wide() };
    // SQLite merges these in order by itself; PostgreSQL when each of them is in order.
    let (open, close) = if statement.is_postgres() && kinds.len() > 1 {
        let most = limit.saturating_add(offset);
        ("(", format!("{} LIMIT {most})", sort.by(column)))
    } else {
        ("", String::new())
    };
    for (place, kind) in kinds.iter().enumerate() {
        let join = if place == 0 { "" } else { " UNION ALL " };
        statement.sql(&format!(
            "{join}{open}SELECT number, {column} AS place FROM members"
        ));
        indexed_by(&mut statement, index);
        statement.sql(&format!(" WHERE {kind}"));
        wanted.others(&mut statement);
        if let Some(after) = after {
            let beyond = if sort.descending { "<" } else { ">" };
            statement
                .sql(&format!(" AND number {beyond} "))
                .bind(Value::Number(after));
        }
        statement.sql(&close);
    }
    statement.sql(&sort.by("place"));
    statement.sql(&format!(" LIMIT {limit} OFFSET {offset}"));
    statement.numbers(connection)
}

/// SQLite is told which index; PostgreSQL takes no advice and needs none.
fn indexed_by(statement: &mut Statement, index: &str) {
    if !statement.is_postgres() {
        statement.sql(&format!(" INDEXED BY {index}"));
    }
}
