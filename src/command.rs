//! What operators type beside running the service.

pub mod member;
