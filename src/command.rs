//! What operators type beside running the service.

pub mod audit;
pub mod check;
pub mod member;
pub mod reconcile;
