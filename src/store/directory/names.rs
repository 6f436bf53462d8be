//! Finding names by any part of them: an index of what one, two and three neighbouring characters
//! they have.
//!
//! Korean given names have two syllables and family names one, so that the usual trigrams alone
//! would find neither. On SQLite the index is a full-text table, on PostgreSQL a GIN index; both are
//! made by [`prepare`] when the program starts, because the databases do not say it in one
//! language. Where SQLite was built without FTS5 there is no index, and searches read an index of
//! all names from end to end: slower, and still right.

use std::collections::BTreeSet;

use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::statement::{Statement, Value};
use crate::store::{AnyConnection, Error};

/// The longest piece of a name that the index knows, in characters.
const LONGEST: usize = 3;

/// The most pieces that a search looks up; what it finds is compared as a whole anyway.
const MOST_LOOKED_UP: usize = 8;

/// Makes the index where there is none. For the start of the program.
///
/// # Errors
/// The database's.
pub(in crate::store) fn prepare(connection: &mut AnyConnection) -> Result<(), Error> {
    if let AnyConnection::Postgres(_) = connection {
        connection.batch_execute(
            "CREATE INDEX IF NOT EXISTS members_grams ON members
                 USING gin (string_to_array(name_grams, ' '))",
        )?;
        return Ok(());
    }
    if is_there(connection)? {
        return Ok(());
    }
    let made = connection.batch_execute(
        "CREATE VIRTUAL TABLE member_names USING fts5
             (grams, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii')",
    );
    if let Err(error) = made {
        tracing::warn!(%error, "SQLite has no full-text index: searching for names is slower");
        return Ok(());
    }
    fill_from(connection, 0)
}

/// Puts everybody with this number or a greater one into the index, in which they are not yet.
///
/// # Errors
/// The database's.
pub(in crate::store) fn fill_from(
    connection: &mut AnyConnection,
    number: i64,
) -> Result<(), Error> {
    if !is_there(connection)? {
        return Ok(());
    }
    if let AnyConnection::Sqlite(connection) = connection {
        diesel::sql_query(
            "INSERT INTO member_names (rowid, grams)
                 SELECT number, name_grams FROM members WHERE number >= ? AND name_grams <> ''",
        )
        .bind::<BigInt, _>(number)
        .execute(connection)?;
    }
    Ok(())
}

/// Whether the index is there.
pub(super) fn is_there(connection: &mut AnyConnection) -> Result<bool, Error> {
    let AnyConnection::Sqlite(_) = connection else {
        return Ok(true);
    };
    let mut statement = Statement::new(connection);
    statement.sql("SELECT count(*) AS number FROM sqlite_master WHERE name = 'member_names'");
    Ok(statement.number(connection)? > 0)
}

/// Keeps the index in step with `members.name_grams` of the member with this number.
pub(super) fn keep(connection: &mut AnyConnection, number: i64, grams: &str) -> Result<(), Error> {
    if !is_there(connection)? {
        return Ok(());
    }
    let AnyConnection::Sqlite(connection) = connection else {
        return Ok(());
    };
    diesel::sql_query("DELETE FROM member_names WHERE rowid = ?")
        .bind::<BigInt, _>(number)
        .execute(connection)?;
    if !grams.is_empty() {
        diesel::sql_query("INSERT INTO member_names (rowid, grams) VALUES (?, ?)")
            .bind::<BigInt, _>(number)
            .bind::<Text, _>(grams)
            .execute(connection)?;
    }
    Ok(())
}

/// What `members.name_grams` is for a name of this key.
pub(super) fn grams(key: &str) -> String {
    let characters: Vec<char> = key.chars().collect();
    let pieces = (1..=LONGEST).flat_map(|length| characters.windows(length));
    let grams: BTreeSet<String> = pieces.map(gram).collect();
    grams.into_iter().collect::<Vec<_>>().join(" ")
}

/// In letters and digits that no tokenizer takes apart or folds, whatever the characters are.
fn gram(characters: &[char]) -> String {
    let codes = characters
        .iter()
        .map(|one| format!("{:x}", u32::from(*one)));
    codes.collect::<Vec<_>>().join("x")
}

/// What to look up for names that contain `part`, which is not empty.
fn looked_up(part: &str) -> BTreeSet<String> {
    let characters: Vec<char> = part.chars().take(4 * MOST_LOOKED_UP).collect();
    let length = characters.len().clamp(1, LONGEST);
    let grams = characters.windows(length).map(gram);
    let all: BTreeSet<String> = grams.collect();
    all.into_iter().take(MOST_LOOKED_UP).collect()
}

/// Whether so many names have `part` that the index is no help. On PostgreSQL alone, whose index
/// finds all or nothing: a look at some names is quicker than finding two hundred thousand.
pub(super) fn is_common(connection: &mut AnyConnection, part: &str) -> Result<bool, Error> {
    const SOME: i64 = 5_000;
    let mut statement = Statement::new(connection);
    if !statement.is_postgres() {
        return Ok(false);
    }
    // Of the most frequent kind: for the choice of a way, not for an answer.
    statement.sql(&format!(
        "SELECT count(*) AS number FROM (SELECT name_key FROM members
              WHERE standing = 'active' AND role = 'member' AND joined_with = 'kakao'
              ORDER BY created_at DESC, number DESC LIMIT {SOME}) AS looked_at
          WHERE strpos(name_key, "
    ));
    statement.bind(Value::Text(part.to_owned())).sql(") > 0");
    Ok(statement.number(connection)? > SOME / 100)
}

/// Whether the index finds for `part` whom it should, and nobody else.
pub(super) fn is_exact(part: &str) -> bool {
    part.chars().nth(LONGEST).is_none()
}

/// Goes on with `number` of all whom the index finds for `part`, as a query of its own.
pub(super) fn find(statement: &mut Statement, part: &str) {
    let grams = looked_up(part);
    if statement.is_postgres() {
        statement
            .sql("SELECT number FROM members WHERE string_to_array(name_grams, ' ') @> ARRAY[");
        for (place, gram) in grams.into_iter().enumerate() {
            statement.sql(if place == 0 { "" } else { ", " });
            statement.bind(Value::Text(gram));
        }
        statement.sql("]");
    } else {
        let words: Vec<String> = grams.iter().map(|gram| format!("\"{gram}\"")).collect();
        statement.sql("SELECT rowid AS number FROM member_names WHERE member_names MATCH ");
        statement.bind(Value::Text(words.join(" AND ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // AD-7
    #[test]
    fn what_is_looked_up_for_a_part_is_among_the_grams_of_the_whole() {
        let whole = "홍길동 (주) %_\\'\" 𠮷🌤";
        let grams = grams(whole);
        let grams: BTreeSet<&str> = grams.split(' ').collect();
        let characters: Vec<char> = whole.chars().collect();
        for from in 0..characters.len() {
            for to in from + 1..=characters.len() {
                let part: String = characters[from..to].iter().collect();
                let wanted = looked_up(&part);
                assert!(!wanted.is_empty() && wanted.len() <= MOST_LOOKED_UP);
                assert!(
                    wanted.iter().all(|gram| grams.contains(gram.as_str())),
                    "{part}"
                );
            }
        }
        assert!(
            grams
                .iter()
                .all(|gram| gram.bytes().all(|b| b.is_ascii_alphanumeric()))
        );
    }
}
