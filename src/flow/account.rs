//! The life of an account between joining and leaving, one file a story.

mod address;
mod consent;
mod data;
mod kakao;
mod profile;
mod proof;
mod waiting;
mod withdraw;

pub use address::{Asked, LinkState, Moved};
pub use consent::{Agreed, MARKETING};
pub use kakao::{Connected, Disconnected, Refreshed};
pub use profile::Overview;
pub use proof::{NotProved, Proof};
pub use waiting::{Owner, Waiting};
pub use withdraw::{LeaveReason, Parting};
