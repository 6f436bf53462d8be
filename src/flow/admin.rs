//! What the administration does, one file a story.

mod dashboard;
mod reason;
mod record;

pub use dashboard::{Day, Figures, Health, MOST_DEVICES, Part, Picture, Today};
pub use reason::{Reason, ReasonError};
pub use record::{Asked, Exported, Line, Look, Scope, Sheet, View};
