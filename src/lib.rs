//! Kakao Gate.

pub mod clock;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod member;
pub mod random;
