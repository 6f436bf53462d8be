//! The databases and session stores there are, a fresh corner of each for every story.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write as _;

use diesel::connection::SimpleConnection as _;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _, SqliteConnection};
use tempfile::TempDir;
use uuid::Uuid;

/// A database and a session store for one story; gone when dropped.
pub struct Backends {
    pub database: Database,
    pub redis: Option<Redis>,
}

/// A database of its own.
pub enum Database {
    Sqlite(TempDir),
    Postgres(Schema),
}

/// A schema in the PostgreSQL of `TEST_DATABASE_URL`.
pub struct Schema {
    server: String,
    name: String,
}

/// A corner of the Redis of `TEST_REDIS_URL`.
pub struct Redis {
    pub url: String,
    pub prefix: String,
}

impl Backends {
    /// SQLite and cookies, which are always there.
    pub fn built_in() -> Self {
        Self {
            database: Database::Sqlite(tempfile::tempdir().unwrap()),
            redis: None,
        }
    }

    /// PostgreSQL with cookies. Without PostgreSQL nothing: said, and refused under CI.
    pub fn postgres() -> Option<Self> {
        let server = offered("TEST_DATABASE_URL", "PostgreSQL")?;
        Some(Self {
            database: Database::Postgres(Schema::create(server)),
            redis: None,
        })
    }

    /// SQLite, and sessions in the Redis at `url`.
    pub fn with_redis(url: &str) -> Self {
        Self {
            redis: Some(Redis::corner(url)),
            ..Self::built_in()
        }
    }

    /// Every pair that this machine offers. Says what is left out; under CI nothing may be.
    pub fn available() -> Vec<Self> {
        let (postgres, redis) = (variable("TEST_DATABASE_URL"), variable("TEST_REDIS_URL"));
        let missing: Vec<&str> = [
            (
                "PostgreSQL (TEST_DATABASE_URL is not set)",
                postgres.is_none(),
            ),
            ("Redis (TEST_REDIS_URL is not set)", redis.is_none()),
        ]
        .into_iter()
        .filter_map(|(name, missing)| missing.then_some(name))
        .collect();
        if !missing.is_empty() {
            left_out(&missing.join(", "));
        }
        let mut pairs = vec![Self::built_in()];
        if postgres.is_some() || redis.is_some() {
            pairs.push(Self {
                database: postgres.map_or_else(
                    || Self::built_in().database,
                    |server| Database::Postgres(Schema::create(server)),
                ),
                redis: redis.map(|url| Redis::corner(&url)),
            });
        }
        pairs
    }

    /// The settings that point the service here.
    pub fn settings(&self) -> BTreeMap<String, String> {
        let mut settings = BTreeMap::from([("DATABASE_URL".to_owned(), self.database.url())]);
        if let Some(redis) = &self.redis {
            for (name, value) in [
                ("SESSION_STORE", "redis"),
                ("REDIS_URL", &redis.url),
                ("REDIS_PREFIX", &redis.prefix),
            ] {
                settings.insert(name.to_owned(), value.to_owned());
            }
        }
        settings
    }

    /// Whether sessions are kept in Redis.
    pub fn has_redis(&self) -> bool {
        self.redis.is_some()
    }
}

impl Database {
    /// Its `DATABASE_URL`.
    pub fn url(&self) -> String {
        match self {
            Self::Sqlite(folder) => format!("sqlite://{}/gate.db", folder.path().display()),
            Self::Postgres(schema) => schema.url(&schema.server),
        }
    }

    /// Runs statements beside the service.
    pub fn execute(&self, sql: &str) {
        let done = self.try_execute(sql);
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// As [`Database::execute`], where the database may refuse.
    pub fn try_execute(&self, sql: &str) -> diesel::QueryResult<()> {
        match self {
            Self::Sqlite(_) => self.sqlite().batch_execute(sql),
            Self::Postgres(_) => self.postgres().batch_execute(sql),
        }
    }

    /// The number that a `SELECT … AS number` comes to.
    pub fn number(&self, sql: &str) -> i64 {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = BigInt)]
            number: i64,
        }
        let query = diesel::sql_query(sql);
        let row: Row = match self {
            Self::Sqlite(_) => query.get_result(&mut self.sqlite()).unwrap(),
            Self::Postgres(_) => query.get_result(&mut self.postgres()).unwrap(),
        };
        row.number
    }

    /// The texts that a `SELECT … AS text` finds.
    pub fn texts(&self, sql: &str) -> Vec<String> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            text: String,
        }
        let query = diesel::sql_query(sql);
        let rows: Vec<Row> = match self {
            Self::Sqlite(_) => query.load(&mut self.sqlite()).unwrap(),
            Self::Postgres(_) => query.load(&mut self.postgres()).unwrap(),
        };
        rows.into_iter().map(|row| row.text).collect()
    }

    /// Every table with a column of this name.
    pub fn tables_with(&self, column: &str) -> Vec<String> {
        let sql = match self {
            Self::Sqlite(_) => format!(
                "SELECT tables.name AS text FROM sqlite_master AS tables \
                 JOIN pragma_table_info(tables.name) AS columns ON columns.name = '{column}' \
                 WHERE tables.type = 'table'"
            ),
            Self::Postgres(_) => format!(
                "SELECT table_name::text AS text FROM information_schema.columns \
                 WHERE table_schema = current_schema() AND column_name = '{column}'"
            ),
        };
        let tables = self.texts(&sql);
        assert!(!tables.is_empty(), "{column}");
        tables
    }

    /// Holds the write lock until the answer is dropped: SQLite's own, PostgreSQL's on every
    /// table.
    pub fn lock(&self) -> Box<dyn std::any::Any> {
        match self {
            Self::Sqlite(_) => {
                let mut connection = self.sqlite();
                connection.batch_execute("BEGIN IMMEDIATE").unwrap();
                Box::new(connection)
            }
            Self::Postgres(_) => {
                let mut connection = self.postgres();
                let lock = "BEGIN; LOCK TABLE members, kakao_accounts, sessions, attempts, outbox, webhook_events, \
                            audit_events IN EXCLUSIVE MODE";
                connection.batch_execute(lock).unwrap();
                Box::new(connection)
            }
        }
    }

    fn sqlite(&self) -> SqliteConnection {
        let url = self.url();
        let mut connection =
            SqliteConnection::establish(url.trim_start_matches("sqlite://")).unwrap();
        connection
            .batch_execute("PRAGMA busy_timeout = 5000; PRAGMA foreign_keys = ON")
            .unwrap();
        connection
    }

    fn postgres(&self) -> PgConnection {
        PgConnection::establish(&self.url()).unwrap()
    }
}

impl Redis {
    fn corner(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            prefix: format!("test-{}:", Uuid::new_v4().simple()),
        }
    }
}

impl Schema {
    fn create(server: String) -> Self {
        let name = format!("story_{}", Uuid::new_v4().simple());
        let mut connection = PgConnection::establish(&server).unwrap();
        diesel::sql_query(format!("CREATE SCHEMA {name}"))
            .execute(&mut connection)
            .unwrap();
        Self { server, name }
    }

    /// The schema as seen through `server`, which may be a proxy in front of the real one.
    pub fn url(&self, server: &str) -> String {
        let joint = if server.contains('?') { '&' } else { '?' };
        format!("{server}{joint}options=-csearch_path%3D{}", self.name)
    }

    /// The address of the server without the schema.
    pub fn server(&self) -> &str {
        &self.server
    }
}

impl Drop for Schema {
    fn drop(&mut self) {
        let Ok(mut connection) = PgConnection::establish(&self.server) else {
            return;
        };
        let drop = format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name);
        // A schema left behind costs a few kilobytes in a throw-away server.
        let _ = diesel::sql_query(drop).execute(&mut connection);
    }
}

impl fmt::Display for Backends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = match self.database {
            Database::Sqlite(_) => "SQLite",
            Database::Postgres(_) => "PostgreSQL",
        };
        write!(
            f,
            "{database} + {}",
            if self.redis.is_some() {
                "Redis"
            } else {
                "cookie"
            }
        )
    }
}

/// The address of a server that the machine offers. When it does not, that is said; under CI
/// nothing may be left out.
pub fn offered(name: &str, what: &str) -> Option<String> {
    let value = variable(name);
    if value.is_none() {
        left_out(&format!("{what} ({name} is not set)"));
    }
    value
}

/// Says that something was not tried; under CI everything must be.
pub fn left_out(what: &str) {
    assert!(variable("CI").is_none(), "CI leaves nothing out: {what}");
    // Past what the test harness keeps to itself while a test passes.
    let _ = writeln!(std::io::stderr(), "left out: {what}");
}

/// A variable of the environment that tells what the machine offers.
pub fn variable(name: &str) -> Option<String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "tests are told by the environment"
    )]
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
