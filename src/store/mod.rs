//! Everything SQL, and the only place that imports Diesel.
//!
//! Query functions take a connection, so that a flow can put several into one transaction;
//! [`Store::read`] and [`Store::write`] hand the connection out, each in one hop to the blocking
//! pool. Every wait is short: a database that is locked, gone or frozen is an honest
//! [`Error::Unavailable`] within three seconds, a statement that would take longer
//! [`Error::TooSlow`], and no more threads are ever stuck with it than there are connections.

pub mod api_keys;
pub mod api_tokens;
pub mod attempts;
pub mod audit;
#[cfg(feature = "emulator")]
pub mod bulk;
mod connection;
pub mod consents;
pub mod directory;
mod error;
pub mod mail_links;
pub mod members;
mod migrate;
pub mod outbox;
pub mod passwords;
pub mod saved_views;
mod schema;
pub mod sessions;
pub mod signing_keys;
pub mod tallies;
pub mod throttles;
mod time;
pub mod webhooks;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ::time::OffsetDateTime;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use connection::AnyConnection;
pub use error::Error;
pub use migrate::{Migrated, check_schema, keep_statistics, migrate};

use crate::config::Database;
use connection::Manager;

/// The longest a caller waits for the database, queueing included.
const PATIENCE: Duration = Duration::from_millis(2_500);

/// The same for what other sites and programs ask on every request of theirs: two seconds are
/// promised to them.
const PROMPT: Duration = Duration::from_millis(1_800);

/// Access to the database. Clones share the connections.
#[derive(Clone)]
pub struct Store {
    readers: Lane,
    writers: Lane,
}

/// Some connections, and the right to use them.
#[derive(Clone)]
struct Lane {
    pool: r2d2::Pool<Manager>,
    /// What waits for no lock, and is therefore at work when the time is up: reading on SQLite.
    works_alone: bool,
    /// One permit a connection, taken before a thread is: a frozen database holds as many
    /// threads as there are connections, and everybody else is turned away in time.
    permits: Arc<Semaphore>,
}

impl Store {
    /// Connects lazily to a database whose schema [`migrate`] has brought up to date.
    ///
    /// SQLite gets exactly one writing connection beside `connections` readers: with more, its
    /// writers starve one another (measured: two in five requests lost). PostgreSQL gets one
    /// pool for both.
    #[must_use]
    pub fn open(database: &Database, connections: u32) -> Self {
        let mut readers = Lane::open(database, connections);
        let writers = match database {
            Database::Sqlite(_) => Lane::open(database, 1),
            Database::Postgres(_) => readers.clone(),
        };
        readers.works_alone = matches!(database, Database::Sqlite(_));
        Self { readers, writers }
    }

    /// Runs queries that change nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer in time, or what `work` returns.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.readers.hop(PATIENCE, work).await
    }

    /// As [`Store::read`], and given up earlier: for who it is that asks.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn read_promptly<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.readers.hop(PROMPT, work).await
    }

    /// Runs `work` in one transaction: all of it happens, or nothing.
    ///
    /// When the wait runs out the outcome is unknown, as with any commit whose answer is lost:
    /// work that has not begun by then never begins, work that has may still complete.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database does not answer in time, or what `work` returns.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let work = |connection: &mut AnyConnection| connection.write(work);
        self.writers.hop(PATIENCE, work).await
    }

    /// As [`Store::write`], and given up earlier: for what may be asked once more without harm.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_promptly<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let work = |connection: &mut AnyConnection| connection.write(work);
        self.writers.hop(PROMPT, work).await
    }

    /// As [`Store::write`], but only when nobody else wants to: `None` when all is busy. For what
    /// may be left out.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub async fn write_if_idle<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<Option<T>, Error> {
        let Ok(permit) = Arc::clone(&self.writers.permits).try_acquire_owned() else {
            return Ok(None);
        };
        let deadline = Instant::now() + PATIENCE;
        let work = |connection: &mut AnyConnection| connection.write(work);
        self.writers.run(permit, deadline, work).await.map(Some)
    }

    /// Whether the database takes writes.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it does not.
    pub async fn ping(&self, now: OffsetDateTime) -> Result<(), Error> {
        self.write(move |connection| attempts::probe(connection, now))
            .await
    }
}

impl Lane {
    fn open(database: &Database, connections: u32) -> Self {
        let sqlite = matches!(database, Database::Sqlite(_));
        // SQLite connections do not go stale, and keep their prepared statements.
        let lifetime = (!sqlite).then_some(Duration::from_secs(30 * 60));
        let pool = r2d2::Pool::builder()
            .max_size(connections)
            .min_idle(Some(0))
            .max_lifetime(lifetime)
            .idle_timeout(lifetime)
            .test_on_check_out(!sqlite)
            .connection_timeout(PATIENCE)
            .error_handler(Box::new(r2d2::NopErrorHandler))
            .build_unchecked(Manager(database.clone()));
        let permits = usize::try_from(connections).unwrap_or(Semaphore::MAX_PERMITS);
        Self {
            pool,
            works_alone: false,
            permits: Arc::new(Semaphore::new(permits)),
        }
    }

    /// What to say of work that has begun and is not done in time.
    fn overdue(&self) -> Error {
        if self.works_alone {
            return Error::TooSlow;
        }
        Error::Unavailable("no answer in time".to_owned())
    }

    async fn hop<T: Send + 'static>(
        &self,
        patience: Duration,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + patience;
        let queue = Arc::clone(&self.permits).acquire_owned();
        let permit = tokio::time::timeout_at(deadline.into(), queue)
            .await
            .map_err(|_| Error::Unavailable("all connections are busy".to_owned()))?
            .map_err(|_| Error::Unavailable("the store is closed".to_owned()))?;
        self.run(permit, deadline, work).await
    }

    async fn run<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        deadline: Instant,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let pool = self.pool.clone();
        let task = tokio::task::spawn_blocking(move || {
            // Held by the thread, not by the waiting request: a request that gives up frees
            // nothing.
            let _permit = permit;
            let left = deadline.saturating_duration_since(Instant::now());
            let mut connection = pool.get_timeout(left)?;
            if Instant::now() >= deadline {
                return Err(Error::Unavailable("no connection in time".to_owned()));
            }
            work(&mut connection)
        });
        match tokio::time::timeout_at(deadline.into(), task).await {
            Ok(Ok(result)) => result,
            Ok(Err(join)) if join.is_panic() => std::panic::resume_unwind(join.into_panic()),
            Ok(Err(_)) => Err(Error::Unavailable("the program is stopping".to_owned())),
            Err(_) => Err(self.overdue()),
        }
    }
}
