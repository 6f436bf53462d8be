//! The only place that knows HTTP.

pub mod assets;
pub mod device;
