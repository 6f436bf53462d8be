//! The administration's pages.

mod members;
mod notice;
mod query;

pub(super) use members::{columns, forget_view, keep_view, list, search, settings, shortcuts};
pub(super) use notice::ListNotice;
