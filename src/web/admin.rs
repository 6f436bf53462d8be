//! The administration's pages.

mod action;
mod audit;
mod chart;
mod dashboard;
mod entry;
mod spreadsheet;

pub(super) use audit::{export as export_audit, show as audit};
pub(super) use dashboard::show as dashboard;
