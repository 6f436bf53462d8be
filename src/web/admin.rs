//! The administration's pages.

mod export;
mod query;

pub(super) use export::{ask as ask_export, download as export};
