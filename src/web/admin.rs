//! The administration's pages.

mod act;
mod action;
mod audit;
mod bulk;
mod chart;
mod dashboard;
mod draft;
mod entry;
mod export;
mod history;
mod keys;
mod member;
mod members;
mod notice;
mod outbox;
mod person;
mod query;
mod reveal;
mod spreadsheet;
mod told;
mod words;

pub(super) use act::{ask_kick, ask_restore, ask_role, ask_suspend, kick, restore, role, suspend};
pub(super) use audit::{export as export_audit, show as audit};
pub(super) use bulk::{apply as apply_bulk, confirm as confirm_bulk};
pub(super) use dashboard::show as dashboard;
pub(super) use export::{ask as ask_export, download as export};
pub(super) use keys::{
    ask as ask_key, ask_revoke as ask_revoke_key, list as keys, make as make_key,
    revoke as revoke_key,
};
pub(super) use member::show as member;
pub(super) use members::{columns, forget_view, keep_view, list, search, settings, shortcuts};
pub(super) use notice::ListNotice;
pub(super) use outbox::{retry as retry_owed, show as outbox};
pub(super) use query::{ListQuery, whole};
pub(super) use reveal::{ask as ask_reveal, reveal};
pub(super) use told::ActNotice;
