//! Kakao Gate.

pub mod clock;
pub mod i18n;
pub mod member;
pub mod random;
pub mod web;
