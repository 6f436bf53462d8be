//! Kakao Gate.

pub mod clock;
pub mod config;
pub mod i18n;
pub mod member;
pub mod random;
pub mod session;
pub mod store;
pub mod vault;
