//! What can go wrong with the database, in two kinds: come back later, and our mistake.

use diesel::result::{DatabaseErrorKind, Error as Failure};

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is locked, full, read-only, gone or too slow. The same request may work in
    /// a moment; whoever asked is told so (503).
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// It would have taken longer than anybody should wait; asking for less may help.
    #[error("the database took too long")]
    TooSlow,
    /// A statement that should have worked did not.
    #[error("the database refused a statement: {0}")]
    Failed(String),
    /// A row holds something that this version cannot have written.
    #[error("unexpected value in {0}")]
    Unexpected(&'static str),
    /// The schema has migrations that this version does not know: a newer version was here.
    #[error("the database schema is newer than this version: it has migration {0}")]
    NewerSchema(String),
    /// The schema lacks migrations of this version, or is not there at all.
    #[error("the database schema is not up to date: run `kakao-gate migrate` first")]
    OlderSchema,
    /// Something that the work in the transaction needed failed: randomness, or sealing.
    #[error("{0}")]
    Work(&'static str),
}

impl Error {
    /// Whether coming back later may help.
    #[must_use]
    pub fn is_unavailable(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::TooSlow)
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        // Unique violations carry the violating value on PostgreSQL: personal data, so only
        // the kind is kept.
        match failure {
            Failure::DatabaseError(kind, info) => {
                let message = info.message();
                if message.contains("canceling statement due to statement timeout") {
                    return Self::TooSlow;
                }
                let passing = matches!(
                    kind,
                    DatabaseErrorKind::ClosedConnection
                        | DatabaseErrorKind::UnableToSendCommand
                        | DatabaseErrorKind::SerializationFailure
                        | DatabaseErrorKind::ReadOnlyTransaction
                ) || is_passing(message);
                if passing {
                    return Self::Unavailable(message.to_owned());
                }
                match kind {
                    DatabaseErrorKind::Unknown => Self::Failed(message.to_owned()),
                    _ => Self::Failed(format!("{kind:?}")),
                }
            }
            Failure::BrokenTransactionManager => {
                Self::Unavailable("the connection broke in a transaction".to_owned())
            }
            Failure::RollbackErrorOnCommit { commit_error, .. } => Self::from(*commit_error),
            other => Self::Failed(other.to_string()),
        }
    }
}

/// Whether a message, the only thing SQLite and libpq give for these, tells of a state that
/// passes.
fn is_passing(message: &str) -> bool {
    const SIGNS: &[&str] = &[
        "database is locked",
        "database table is locked",
        "attempt to write a readonly database",
        "unable to open database file",
        "disk I/O error",
        "database or disk is full",
        "No space left on device",
        "canceling statement due to",
        "deadlock detected",
        "terminating connection",
        "server closed the connection",
        "connection to server",
        "no connection to the server",
        "could not receive data from server",
        "could not send data to server",
        "the database system is",
        "too many clients",
        "remaining connection slots",
        "in a read-only transaction",
        "SSL connection has been closed",
        "lock timeout",
    ];
    SIGNS.iter().any(|sign| message.contains(sign))
}

impl From<diesel::ConnectionError> for Error {
    fn from(error: diesel::ConnectionError) -> Self {
        // libpq's message names host and user but never the password.
        Self::Unavailable(format!("cannot connect: {error}"))
    }
}

impl From<r2d2::Error> for Error {
    fn from(error: r2d2::Error) -> Self {
        Self::Unavailable(error.to_string())
    }
}

impl From<crate::random::NoRandomness> for Error {
    fn from(_: crate::random::NoRandomness) -> Self {
        Self::Work("the system's random generator failed")
    }
}

impl From<crate::vault::SealError> for Error {
    fn from(_: crate::vault::SealError) -> Self {
        Self::Work("a value could not be sealed")
    }
}
