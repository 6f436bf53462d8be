//! What keeps a story about a password from its end.

use crate::{password, store};

/// What kept a story about a password from its end.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// No slot for hashing, or no memory.
    #[error(transparent)]
    Hash(#[from] password::Error),
}
