//! One connection type over both databases, and how one is opened, checked and made to begin a
//! transaction that will write.

use diesel::connection::{AnsiTransactionManager, TransactionManager as _};
use diesel::prelude::*;
use diesel::{PgConnection, SqliteConnection};

use super::Error;
use crate::config::Database;

/// A connection to whichever database `DATABASE_URL` names.
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    /// SQLite.
    Sqlite(SqliteConnection),
    /// PostgreSQL.
    Postgres(PgConnection),
}

/// How long SQLite waits for a lock that another process holds, in milliseconds. Shorter than
/// the limit on a whole hop, so that a locked database is told from a slow one.
const SQLITE_LOCK_WAIT_MS: u32 = 1_500;

/// How long PostgreSQL may work on one statement or wait for one lock, in milliseconds.
const POSTGRES_STATEMENT_MS: u32 = 2_000;

/// What libpq is told where `DATABASE_URL` says nothing else: without these it waits for ever
/// for a server that accepts and says nothing, and a quarter of an hour for one whose network
/// went away without a word. Seconds, and milliseconds in the last.
const POSTGRES_PATIENCE: [(&str, u32); 5] = [
    ("connect_timeout", 2),
    ("keepalives_idle", 5),
    ("keepalives_interval", 2),
    ("keepalives_count", 2),
    ("tcp_user_timeout", 3_000),
];

impl AnyConnection {
    /// Opens a connection and makes it ready.
    ///
    /// # Errors
    /// The database cannot be reached or opened.
    pub(super) fn open(database: &Database) -> Result<Self, ConnectionError> {
        match database {
            Database::Sqlite(path) => {
                let mut inner = SqliteConnection::establish(&path.to_string_lossy())?;
                // The lock wait first: switching the journal to WAL takes a lock itself.
                diesel::connection::SimpleConnection::batch_execute(
                    &mut inner,
                    &format!(
                        "PRAGMA busy_timeout = {SQLITE_LOCK_WAIT_MS}; \
                         PRAGMA journal_mode = WAL; \
                         PRAGMA synchronous = NORMAL; \
                         PRAGMA foreign_keys = ON; \
                         PRAGMA temp_store = MEMORY; \
                         PRAGMA cache_size = -8000;"
                    ),
                )
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Self::Sqlite(inner))
            }
            Database::Postgres(url) => {
                let mut inner = PgConnection::establish(&with_patience(url.expose()))?;
                // Every statement here is short and has its index, which an estimate gone wrong
                // must not talk the planner out of; compiling and sharing out cost more than they
                // save.
                diesel::connection::SimpleConnection::batch_execute(
                    &mut inner,
                    &format!(
                        "SET statement_timeout = {POSTGRES_STATEMENT_MS}; \
                         SET lock_timeout = {POSTGRES_STATEMENT_MS}; \
                         SET idle_in_transaction_session_timeout = 10000; \
                         SET enable_seqscan = off; \
                         SET jit = off; \
                         SET max_parallel_workers_per_gather = 0; \
                         SET TIME ZONE 'UTC';"
                    ),
                )
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
                Ok(Self::Postgres(inner))
            }
        }
    }

    /// Runs `work` in a transaction that may write.
    ///
    /// On SQLite it begins IMMEDIATE: a transaction that begins as a reader and then writes
    /// fails at once with "database is locked" when another connection wrote meanwhile,
    /// whatever the lock wait says.
    ///
    /// # Errors
    /// What `work` returns, or the database's refusal to begin or commit; nothing is kept then.
    pub(super) fn write<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, Error>,
    ) -> Result<T, Error> {
        match self {
            Self::Sqlite(inner) => {
                AnsiTransactionManager::begin_transaction_sql(inner, "BEGIN IMMEDIATE")?;
            }
            Self::Postgres(inner) => AnsiTransactionManager::begin_transaction(inner)?,
        }
        match work(self) {
            Ok(value) => {
                <Self as Connection>::TransactionManager::commit_transaction(self)?;
                Ok(value)
            }
            Err(error) => {
                // A rollback that fails means that the connection is gone, and the transaction
                // with it; the pool drops a broken connection.
                let _ = <Self as Connection>::TransactionManager::rollback_transaction(self);
                Err(error)
            }
        }
    }

    /// Runs an insert that a unique index may refuse; `false` when it did. The surrounding
    /// transaction goes on either way, which PostgreSQL allows only behind a savepoint.
    ///
    /// # Errors
    /// Any other failure of the insert.
    pub(super) fn unless_taken(
        &mut self,
        insert: impl FnOnce(&mut Self) -> QueryResult<usize>,
    ) -> Result<bool, Error> {
        use diesel::result::{DatabaseErrorKind, Error as Failure};
        match self.transaction(insert) {
            Ok(_) => Ok(true),
            Err(Failure::DatabaseError(DatabaseErrorKind::UniqueViolation, _)) => Ok(false),
            Err(failure) => Err(failure.into()),
        }
    }
}

/// `url` with [`POSTGRES_PATIENCE`] for whatever it leaves open. Text, because an address with
/// several hosts, which libpq understands, is none that the `url` crate does.
fn with_patience(url: &str) -> String {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let mut parameters: Vec<String> = query.split('&').map(str::to_owned).collect();
    parameters.retain(|parameter| !parameter.is_empty());
    for (name, value) in POSTGRES_PATIENCE {
        let said = |parameter: &String| parameter.split('=').next() == Some(name);
        if !parameters.iter().any(said) {
            parameters.push(format!("{name}={value}"));
        }
    }
    format!("{address}?{}", parameters.join("&"))
}

/// Makes pooled connections: looks at the configured scheme, where Diesel's own manager would
/// try one backend after the other and swallow the reason.
#[derive(Clone, Debug)]
pub(super) struct Manager(pub(super) Database);

impl r2d2::ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = Error;

    fn connect(&self) -> Result<AnyConnection, Error> {
        Ok(AnyConnection::open(&self.0)?)
    }

    fn is_valid(&self, connection: &mut AnyConnection) -> Result<(), Error> {
        diesel::sql_query("SELECT 1").execute(connection)?;
        Ok(())
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        // A connection given back in the middle of a transaction belongs to a closure that
        // panicked: what it began must not reach the next borrower.
        std::thread::panicking()
            || <AnyConnection as Connection>::TransactionManager::is_broken_transaction_manager(
                connection,
            )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RL-4
    #[test]
    fn libpq_is_told_to_be_impatient_unless_the_address_says_otherwise() {
        assert_eq!(
            with_patience("postgres://a@h1,h2/db"),
            "postgres://a@h1,h2/db?connect_timeout=2&keepalives_idle=5&keepalives_interval=2\
             &keepalives_count=2&tcp_user_timeout=3000"
        );
        assert_eq!(
            with_patience("postgres://h/db?options=-ca%3Db&connect_timeout=9&tcp_user_timeout=0"),
            "postgres://h/db?options=-ca%3Db&connect_timeout=9&tcp_user_timeout=0\
             &keepalives_idle=5&keepalives_interval=2&keepalives_count=2"
        );
    }
}
