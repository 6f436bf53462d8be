//! What the administration does, one file a story.

mod acts;
mod bulk;
mod lift;
mod member;
mod permission;
mod reason;

pub use acts::{Act, Done, Target};
pub use bulk::Fate;
pub use member::{HistoryLine, Look, Part, Seen};
pub use permission::{Actor, Refusal, may, may_reveal};
pub use reason::{Reason, ReasonError};
