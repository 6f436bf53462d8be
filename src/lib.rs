//! Kakao Gate.

pub mod clock;
pub mod config;
pub mod flow;
pub mod i18n;
pub mod kakao;
pub mod member;
pub mod random;
pub mod session;
pub mod store;
pub mod telemetry;
pub mod vault;
pub mod web;
