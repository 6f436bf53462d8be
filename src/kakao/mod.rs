//! Kakao, the upstream, as a typed client.
//!
//! Two hosts speak two error languages: `kauth.kakao.com` (authorization: RFC 6749 errors with a
//! KOE code) and `kapi.kakao.com` (resources: negative numbers). [`Kakao`] speaks to both and
//! answers with types; whatever went wrong becomes an [`Error`] that says whose turn it is to
//! act and is safe to log as it stands.

mod attempt;
mod authorize;
#[cfg(test)]
mod canned;
mod classify;
mod client;
mod consent;
mod credential;
mod endpoints;
mod error;
mod event;
mod id_token;
mod jwks;
mod jws;
mod key_ring;
mod pulse;
mod rotation;
mod settings;
#[cfg(test)]
mod signing;
mod transport;
mod user;
mod weather;
mod wire;

pub use authorize::{Authorize, Prompt, code_challenge};
pub use classify::is_scope_id;
pub use client::Kakao;
pub use client::probes::{Discovery, Stopped};
pub use client::user_ids::{LARGEST_PAGE, UserIds};
pub use consent::{ConsentItem, ServiceTerm};
pub use credential::{AccessToken, AuthorizationCode, InvalidCredential, RefreshToken};
pub use error::{Call, Code, Error, Fault, Kind, Trouble};
pub use event::{
    Event, EventError, EventRefused, LONGEST as LONGEST_EVENT, UNKNOWN as UNKNOWN_EVENT,
};
pub use id_token::{IdToken, IdTokenError, Named, Unverified};
pub use pulse::{Pulse, SLOW, WINDOW};
pub use settings::{BuildError, Settings};
pub use user::{Email, User};
pub use weather::Weather;
pub use wire::{Refreshed, TokenInfo, Tokens};
