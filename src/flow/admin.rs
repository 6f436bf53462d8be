//! What the administration does, one file a story. Whatever shows personal data is written down
//! before it is shown.

mod acts;
mod bulk;
pub mod dashboard;
pub mod directory;
mod export;
mod find;
mod lift;
mod member;
pub mod outbox;
mod permission;
mod reason;
pub mod record;
mod until;

pub use acts::{Act, Done, Target};
pub use bulk::Fate;
pub use export::{Export, LIMIT as EXPORT_LIMIT, Wish, Wished};
pub use find::Named;
pub use member::{HistoryLine, Look, Part, Seen};
pub use permission::{Actor, Refusal, key_in, may, may_reveal};
pub use reason::{Reason, ReasonError};
pub use until::{NoDay, end_of_day};
