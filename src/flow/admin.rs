//! What the administration does, one file a story.

mod export;
mod reason;

pub use export::{Export, LIMIT as EXPORT_LIMIT, Wish, Wished};
pub use reason::{Reason, ReasonError};
