//! How many members joined and left, by day: kept by the database itself, with triggers, so that
//! no writer can forget it and nobody has to count a million members to show a number.
//!
//! A day is a day in Seoul. The row of no day has what was ever so. On PostgreSQL each number is
//! spread over some rows, so that people who join at one moment do not wait for one another.

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use time::Date;

use super::{AnyConnection, Error};
use crate::i18n::machine_day;
use crate::member::Provider;

/// What came and went on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// So many joined with Kakao.
    pub kakao: i64,
    /// So many joined by email.
    pub email: i64,
    /// So many left.
    pub withdrawn: i64,
}

impl Tally {
    /// How many joined, whichever way.
    #[must_use]
    pub fn joined(self) -> i64 {
        self.kakao + self.email
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    day: String,
    #[diesel(sql_type = Text)]
    provider: String,
    #[diesel(sql_type = BigInt)]
    joined: i64,
    #[diesel(sql_type = BigInt)]
    withdrawn: i64,
}

/// What came and went on each day from one to another, both included.
///
/// # Errors
/// The database's.
pub fn days(
    connection: &mut AnyConnection,
    from: Date,
    to: Date,
) -> Result<Vec<(Date, Tally)>, Error> {
    let rows = load(connection, &machine_day(from), &machine_day(to))?;
    let mut days = Vec::new();
    let mut day = Some(from);
    while let Some(date) = day.filter(|day| *day <= to) {
        let text = machine_day(date);
        days.push((date, sum(rows.iter().filter(|row| row.day == text))?));
        day = date.next_day();
    }
    Ok(days)
}

/// What ever came and went.
///
/// # Errors
/// The database's.
pub fn ever(connection: &mut AnyConnection) -> Result<Tally, Error> {
    sum(load(connection, "", "")?.iter())
}

fn load(connection: &mut AnyConnection, from: &str, to: &str) -> Result<Vec<Row>, Error> {
    // Days are written by us; a bound value would be `?` on one database and `$1` on the other.
    Ok(diesel::sql_query(format!(
        "SELECT day, provider, CAST(SUM(joined) AS BIGINT) AS joined,
                CAST(SUM(withdrawn) AS BIGINT) AS withdrawn
           FROM member_tallies WHERE day >= '{from}' AND day <= '{to}' GROUP BY day, provider"
    ))
    .load(connection)?)
}

fn sum<'a>(rows: impl Iterator<Item = &'a Row>) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    for row in rows {
        match Provider::parse(&row.provider) {
            Some(Provider::Kakao) => tally.kakao += row.joined,
            Some(Provider::Email) => tally.email += row.joined,
            None => return Err(Error::Unexpected("member_tallies.provider")),
        }
        tally.withdrawn += row.withdrawn;
    }
    Ok(tally)
}

/// Puts the triggers in place, and counts once what is there. For the start of the program.
///
/// # Errors
/// The database's.
pub(super) fn prepare(connection: &mut AnyConnection) -> Result<(), Error> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    let (look, make) = match connection {
        AnyConnection::Sqlite(_) => (
            "SELECT COUNT(*) AS number FROM sqlite_master
              WHERE type = 'trigger' AND name = 'members_tallied_in'",
            include_str!("tallies/sqlite.sql"),
        ),
        AnyConnection::Postgres(_) => (
            "SELECT COUNT(*) AS number FROM pg_trigger
              WHERE tgname = 'members_tallied_in' AND tgrelid = to_regclass('members')",
            include_str!("tallies/postgres.sql"),
        ),
    };
    let found: Found = diesel::sql_query(look).get_result(connection)?;
    if found.number == 0 {
        connection.batch_execute(make)?;
    }
    Ok(())
}
