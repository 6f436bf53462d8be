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
                let mut inner = PgConnection::establish(&with_limits(url.expose()))?;
                diesel::connection::SimpleConnection::batch_execute(
                    &mut inner,
                    &format!(
                        "SET statement_timeout = {POSTGRES_STATEMENT_MS}; \
                         SET lock_timeout = {POSTGRES_STATEMENT_MS}; \
                         SET idle_in_transaction_session_timeout = 10000; \
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

/// What libpq may spend on a server that is not there any more: without these, a connection whose
/// other end vanished holds its thread until the kernel gives up, minutes or hours later. An
/// operator's own values win.
const NETWORK_LIMITS: &[(&str, &str)] = &[
    ("connect_timeout", "2"),
    ("tcp_user_timeout", "3000"),
    ("keepalives_idle", "5"),
    ("keepalives_interval", "2"),
    ("keepalives_count", "2"),
];

fn with_limits(url: &str) -> String {
    let missing = NETWORK_LIMITS
        .iter()
        .filter(|(name, _)| !url.contains(&format!("{name}=")));
    missing.fold(url.to_owned(), |url, (name, value)| {
        let joint = if url.contains('?') { '&' } else { '?' };
        format!("{url}{joint}{name}={value}")
    })
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
    fn a_postgres_address_gets_network_limits_and_keeps_the_operators_own() {
        assert_eq!(
            with_limits("postgres://db/gate?connect_timeout=9"),
            "postgres://db/gate?connect_timeout=9&tcp_user_timeout=3000&keepalives_idle=5\
             &keepalives_interval=2&keepalives_count=2"
        );
        assert!(
            with_limits("postgres://db/gate").starts_with("postgres://db/gate?connect_timeout=2&")
        );
    }
}
