//! Bringing the schema up to date, and refusing one that is ahead of us.

use std::thread;
use std::time::{Duration, Instant};

use diesel::ConnectionError;
use diesel::connection::SimpleConnection as _;
use diesel::migration::{Migration, MigrationSource as _};
use diesel::prelude::RunQueryDsl as _;
use diesel::result::Error::DatabaseError;
use diesel_migrations::{EmbeddedMigrations, MigrationHarness as _, embed_migrations};

use super::connection::AnyConnection;
use super::error::Error;
use super::{audit, directory, tallies};
use crate::config::Database;
use crate::vault::Vault;

const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// Any number that no other program takes on the same database.
const ADVISORY_LOCK: i64 = 7_216_180_410;

/// How long one instance waits while another one migrates.
const PATIENCE: Duration = Duration::from_secs(30);

/// The migration that makes the audit log a chain.
const BEGINS_CHAIN: &str = "20261121100000";

/// What [`migrate`] did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migrated {
    /// The migrations that were applied now, oldest first.
    pub applied: Vec<String>,
}

/// Applies every migration the database lacks, and brings older rows up to what this version
/// writes: all or nothing. Safe to run from several instances at once. Blocks; for the start of
/// the program and the `migrate` command.
///
/// # Errors
/// [`Error::NewerSchema`] when the database has migrations that this version does not know,
/// [`Error::Unavailable`] when the database cannot be reached.
pub fn migrate(database: &Database, vault: &Vault) -> Result<Migrated, Error> {
    if let Database::Sqlite(path) = database
        && let Some(folder) = path.parent()
    {
        std::fs::create_dir_all(folder).map_err(|error| {
            Error::Unavailable(format!("cannot make the database's folder: {error}"))
        })?;
    }
    // A migration may take longer than any statement of a request; other instances wait.
    let mut connection = open_patiently(database)?;
    let patience = match connection {
        AnyConnection::Sqlite(_) => "PRAGMA busy_timeout = 30000",
        AnyConnection::Postgres(_) => "SET statement_timeout = 0; SET lock_timeout = '30s'",
    };
    connection.batch_execute(patience)?;
    connection.write(|connection| {
        if let AnyConnection::Postgres(_) = connection {
            diesel::sql_query(format!("SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
                .execute(connection)?;
        }
        refuse_newer(connection)?;
        let applied = connection
            .run_pending_migrations(MIGRATIONS)
            .map_err(failed)?;
        let applied: Vec<String> = applied.iter().map(ToString::to_string).collect();
        complete(connection)?;
        tallies::prepare(connection)?;
        directory::catch_up(connection)?;
        if applied.iter().any(|version| version == BEGINS_CHAIN) {
            audit::begin(connection, vault)?;
        }
        audit::renew(connection, vault)?;
        Ok(Migrated { applied })
    })
}

/// Opens a connection, waiting for an instance that migrates the same file: making it ready takes
/// SQLite's lock too, when the file is new.
fn open_patiently(database: &Database) -> Result<AnyConnection, Error> {
    let given_up = Instant::now() + PATIENCE;
    loop {
        match AnyConnection::open(database) {
            Err(ConnectionError::CouldntSetupConfiguration(DatabaseError(_, told)))
                if told.message() == "database is locked" && Instant::now() < given_up =>
            {
                thread::sleep(Duration::from_millis(50));
            }
            opened => return Ok(opened?),
        }
    }
}

/// Refuses a database whose schema is not the one of this version. For commands that run beside
/// the service, which must not change the schema under it. Blocks.
///
/// # Errors
/// [`Error::OlderSchema`] and [`Error::NewerSchema`], or [`Error::Unavailable`] when the database
/// cannot be reached.
pub fn check_schema(database: &Database) -> Result<(), Error> {
    if let Database::Sqlite(path) = database
        && !path.exists()
    {
        // Opening it would make an empty one.
        return Err(Error::OlderSchema);
    }
    let mut connection = AnyConnection::open(database)?;
    refuse_newer(&mut connection)?;
    let pending = connection
        .has_pending_migration(MIGRATIONS)
        .map_err(failed)?;
    if pending {
        return Err(Error::OlderSchema);
    }
    Ok(())
}

/// What the two databases do not say in one language.
fn complete(connection: &mut AnyConnection) -> Result<(), Error> {
    if let AnyConnection::Postgres(_) = connection {
        connection.batch_execute(
            "DO $$ BEGIN
                IF to_regclass('member_numbers') IS NULL THEN
                    CREATE SEQUENCE member_numbers OWNED BY members.number;
                    PERFORM setval('member_numbers', COALESCE(MAX(number), 0) + 1, false)
                        FROM members;
                END IF;
                -- Names sort alike everywhere, by character: the order that Hangul has anyway.
                IF (SELECT attcollation FROM pg_attribute WHERE attname = 'name_key'
                        AND attrelid = 'members'::regclass) <> 'pg_catalog.\"C\"'::regcollation THEN
                    ALTER TABLE members ALTER COLUMN name_key TYPE TEXT COLLATE pg_catalog.\"C\";
                END IF;
            END $$",
        )?;
    }
    directory::prepare(connection)
}

/// Lets the database look again at how many rows of what it has, where it does not do so by
/// itself: it plans by that. To be called now and then.
///
/// # Errors
/// The database's.
pub fn keep_statistics(connection: &mut AnyConnection) -> Result<(), Error> {
    if let AnyConnection::Sqlite(_) = connection {
        connection.batch_execute("PRAGMA optimize")?;
    }
    Ok(())
}

fn refuse_newer(connection: &mut AnyConnection) -> Result<(), Error> {
    type Backend = <AnyConnection as diesel::Connection>::Backend;
    let known: Vec<Box<dyn Migration<Backend>>> = MIGRATIONS.migrations().map_err(failed)?;
    let known: Vec<String> = known
        .iter()
        .map(|migration| migration.name().version().to_string())
        .collect();
    let applied = connection.applied_migrations().map_err(failed)?;
    let newer = applied
        .iter()
        .map(ToString::to_string)
        .find(|version| !known.contains(version));
    newer.map_or(Ok(()), |version| Err(Error::NewerSchema(version)))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn failed(error: Box<dyn std::error::Error + Send + Sync>) -> Error {
    Error::Failed(format!("migration: {error}"))
}
