//! SQL put together piece by piece, with its values kept apart from its text.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text, Timestamp};
use diesel::{pg, sqlite};
use time::PrimitiveDateTime;

use crate::store::{AnyConnection, Error};

/// A `SELECT … AS number` in the making. What somebody typed goes in by [`Statement::bind`] alone.
pub(super) struct Statement {
    text: String,
    values: Vec<Value>,
    postgres: bool,
}

/// A value beside the text.
#[derive(Clone)]
pub(super) enum Value {
    Number(i64),
    Text(String),
    Moment(PrimitiveDateTime),
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl Statement {
    pub(super) fn new(connection: &AnyConnection) -> Self {
        Self {
            text: String::new(),
            values: Vec::new(),
            postgres: matches!(connection, AnyConnection::Postgres(_)),
        }
    }

    pub(super) fn is_postgres(&self) -> bool {
        self.postgres
    }

    /// Goes on with text of ours.
    pub(super) fn sql(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Goes on with a value.
    pub(super) fn bind(&mut self, value: Value) -> &mut Self {
        self.values.push(value);
        if self.postgres {
            self.text.push_str(&format!("${}", self.values.len()));
        } else {
            self.text.push('?');
        }
        self
    }

    /// The numbers that it finds, in their order.
    pub(super) fn numbers(self, connection: &mut AnyConnection) -> Result<Vec<i64>, Error> {
        let Self { text, values, .. } = self;
        let rows: Vec<Row> = match connection {
            AnyConnection::Sqlite(connection) => {
                let mut query = diesel::sql_query(text).into_boxed::<sqlite::Sqlite>();
                for value in values {
                    query = match value {
                        Value::Number(number) => query.bind::<BigInt, _>(number),
                        Value::Text(text) => query.bind::<Text, _>(text),
                        Value::Moment(moment) => query.bind::<Timestamp, _>(moment),
                    };
                }
                query.load(connection)?
            }
            AnyConnection::Postgres(connection) => {
                let mut query = diesel::sql_query(text).into_boxed::<pg::Pg>();
                for value in values {
                    query = match value {
                        Value::Number(number) => query.bind::<BigInt, _>(number),
                        Value::Text(text) => query.bind::<Text, _>(text),
                        Value::Moment(moment) => query.bind::<Timestamp, _>(moment),
                    };
                }
                query.load(connection)?
            }
        };
        Ok(rows.into_iter().map(|row| row.number).collect())
    }

    /// The one number that it comes to.
    pub(super) fn number(self, connection: &mut AnyConnection) -> Result<i64, Error> {
        let numbers = self.numbers(connection)?;
        numbers.first().copied().ok_or(Error::Unexpected("a count"))
    }
}
