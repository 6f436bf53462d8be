//! Why a login did not succeed, by the ids of the pages that say so.

use std::time::Duration;

use time::OffsetDateTime;

use crate::kakao;
use crate::store;

/// What the person is told; each has a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// The person refused on Kakao's page. Not an error.
    Cancelled,
    /// A consent item that is needed was refused; these are missing.
    ConsentMissing {
        /// Kakao's ids of the items.
        scopes: Vec<String>,
    },
    /// The code was used before, or is too old (KOE320).
    CodeUsed,
    /// The redirect URI of the exchange is not that of the start (KOE303).
    RedirectMismatch,
    /// Kakao does not take our key, secret or settings.
    BadClient,
    /// Kakao limits us (KOE237, -10).
    KakaoLimit {
        /// How long to wait.
        retry_after: Duration,
    },
    /// Kakao does not answer, or has trouble of its own.
    KakaoDown,
    /// Kakao answered something we do not trust.
    KakaoBadReply,
    /// This browser did not start this login.
    StateBad,
    /// The login took longer than ten minutes.
    StateExpired,
    /// Kakao says that the person is under 14 (-406).
    Under14,
    /// The member is suspended.
    Suspended {
        /// Until when; `None`: until lifted.
        until: Option<OffsetDateTime>,
    },
    /// Somebody else than the person who is signed in has proved who they are.
    OtherPerson,
    /// The Kakao account that was to be connected is connected to another member.
    AlreadyLinked,
    /// The member has another Kakao account.
    HasKakao,
    /// The callback was not shaped like one.
    BadRequest,
    /// The database is not available.
    Unavailable,
    /// Our own mistake.
    Server,
}

impl Why {
    /// The stable id: of the page, in the log, and for programs.
    #[must_use]
    pub fn id(&self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::ConsentMissing { .. } => "consent_missing",
            Self::CodeUsed => "code_used",
            Self::RedirectMismatch => "redirect_mismatch",
            Self::BadClient => "bad_client",
            Self::KakaoLimit { .. } => "kakao_limit",
            Self::KakaoDown => "kakao_down",
            Self::KakaoBadReply => "kakao_bad_reply",
            Self::StateBad => "state_bad",
            Self::StateExpired => "state_expired",
            Self::Under14 => "under14",
            Self::Suspended { .. } => "suspended",
            Self::OtherPerson => "other_person",
            Self::AlreadyLinked => "already_linked",
            Self::HasKakao => "has_kakao",
            Self::BadRequest => "bad_request",
            Self::Unavailable => "unavailable",
            Self::Server => "server",
        }
    }
}

/// A login that did not succeed.
#[derive(Clone, Debug)]
pub struct LoginFailure {
    /// What the person is told.
    pub why: Why,
    /// What the log is told, without secrets.
    pub cause: Option<String>,
}

impl From<Why> for LoginFailure {
    fn from(why: Why) -> Self {
        Self { why, cause: None }
    }
}

impl From<store::Error> for LoginFailure {
    fn from(error: store::Error) -> Self {
        let why = if error.is_unavailable() {
            Why::Unavailable
        } else {
            Why::Server
        };
        Self {
            why,
            cause: Some(error.to_string()),
        }
    }
}

impl From<kakao::Error> for LoginFailure {
    fn from(error: kakao::Error) -> Self {
        use kakao::Kind;
        let why = match &error.kind {
            Kind::CodeUsed => Why::CodeUsed,
            Kind::ConsentMissing { scopes } => Why::ConsentMissing {
                scopes: scopes.clone(),
            },
            Kind::Under14 => Why::Under14,
            Kind::RedirectMismatch => Why::RedirectMismatch,
            Kind::BadClient | Kind::Configuration | Kind::Sanctioned => Why::BadClient,
            Kind::Limited { retry_after } => Why::KakaoLimit {
                // Kakao counts tokens in windows of ten minutes and seldom says how long to wait.
                retry_after: retry_after.unwrap_or(Duration::from_secs(600)),
            },
            Kind::Temporary => Why::KakaoDown,
            // A token that was issued a moment ago and is not honoured now, or whose owner is
            // not there: nothing to rely on.
            Kind::BadReply(_)
            | Kind::Unauthorized
            | Kind::OtherApp
            | Kind::NotLinked
            | Kind::AccountGone
            | Kind::AgeUnverified
            | Kind::RefreshTokenGone => Why::KakaoBadReply,
        };
        Self {
            why,
            cause: Some(error.to_string()),
        }
    }
}
