//! Kakao Gate.

pub mod clock;
pub mod kakao;
pub mod member;
pub mod random;
