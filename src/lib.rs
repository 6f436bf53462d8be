//! Kakao Gate.

pub mod clock;
pub mod member;
pub mod random;
