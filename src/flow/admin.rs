//! What admins do, and that it is written down before anything is shown.

pub mod directory;
