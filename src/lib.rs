//! Kakao Gate: Kakao Login and membership as a ready-made service.
//!
//! This list is the map, in the order in which modules may know one another: each knows only
//! those above it. `docs/architecture.md` has the picture and the story of one login.

// Leaves: know nobody.
pub mod clock;
pub mod i18n;
pub mod random;
pub mod vault;

// Who a member is, and how one proves to be one other than by Kakao: pure rules.
pub mod email;
pub mod member;
pub mod password;

// What a program shows for them, and a server for itself.
pub mod access;
pub mod api_key;

// What they agree to.
pub mod terms;

// How much of that others see.
pub mod mask;

// Settings and what operators see.
pub mod config;
pub mod telemetry;

// The systems we talk to; they never meet.
pub mod kakao;
pub mod mail;
pub mod store;

// Members for the demo and for load tests, whom nobody ever was.
#[cfg(feature = "emulator")]
pub mod seed;

// What a browser holds.
pub mod session;

// What people do, and what must still happen later.
pub mod flow;
pub mod jobs;

// HTTP.
pub mod web;

// Everything put together.
pub mod app;

// What operators type.
pub mod command;

// Kakao's stand-in for the demo and the tests: an island.
#[cfg(feature = "emulator")]
pub mod emulator;
