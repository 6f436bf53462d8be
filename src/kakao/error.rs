//! What can go wrong with a call to Kakao, told so that the caller knows whose turn it is.
//!
//! An [`Error`] holds only what is safe to log: no body, no address, no description (Kakao's
//! repeats the authorization code), no token.

use std::fmt;
use std::time::Duration;

/// One of the calls this client makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Call {
    /// `GET /.well-known/jwks.json`.
    Keys,
    /// `GET /.well-known/openid-configuration`.
    Discovery,
    /// `GET /oauth/authorize`, by us and not by a browser.
    Authorize,
    /// `GET /oauth/logout`, by us and not by a browser.
    AccountLogout,
    /// `POST /oauth/token` with an authorization code.
    Token,
    /// `POST /oauth/token` with a refresh token.
    Refresh,
    /// `GET /v1/user/access_token_info`.
    TokenInfo,
    /// `GET /v2/user/me`.
    User,
    /// `GET /v2/user/me` with the admin key.
    UserByAdmin,
    /// `POST /v1/user/logout` with an access token.
    Logout,
    /// `POST /v1/user/logout` with the admin key.
    LogoutEverywhere,
    /// `POST /v1/user/unlink` with an access token.
    Unlink,
    /// `POST /v1/user/unlink` with the admin key.
    UnlinkByAdmin,
    /// `GET /v2/user/scopes`.
    Scopes,
    /// `POST /v2/user/revoke/scopes`.
    RevokeScopes,
    /// `GET /v2/user/service_terms`.
    ServiceTerms,
    /// `GET /v1/user/ids` with the admin key.
    UserIds,
    /// `GET /v2/user/scopes` with the admin key.
    ScopesByAdmin,
}

impl Call {
    /// A short fixed name for logs and metric labels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Discovery => "discovery",
            Self::Authorize => "authorize",
            Self::AccountLogout => "account_logout",
            Self::Token => "token",
            Self::Refresh => "refresh",
            Self::TokenInfo => "token_info",
            Self::User => "user",
            Self::UserByAdmin => "user_by_admin",
            Self::Logout => "logout",
            Self::LogoutEverywhere => "logout_everywhere",
            Self::Unlink => "unlink",
            Self::UnlinkByAdmin => "unlink_by_admin",
            Self::Scopes => "scopes",
            Self::RevokeScopes => "revoke_scopes",
            Self::ServiceTerms => "service_terms",
            Self::UserIds => "user_ids",
            Self::ScopesByAdmin => "scopes_by_admin",
        }
    }

    /// Whether the admin key, not a person's token, authenticates this call.
    pub(super) fn by_admin(self) -> bool {
        matches!(
            self,
            Self::UserByAdmin
                | Self::LogoutEverywhere
                | Self::UnlinkByAdmin
                | Self::UserIds
                | Self::ScopesByAdmin
        )
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Kakao's own number for a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// `error_code` of the authorization server: `KOE320` is `Koe(320)`.
    Koe(u16),
    /// `code` of the resource server, negative.
    Api(i32),
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Koe(number) => write!(f, "KOE{number:03}"),
            Self::Api(number) => write!(f, "{number}"),
        }
    }
}

/// Why there was no answer at all, or not the whole of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// No admin key is configured; nothing was sent.
    NoKey,
    /// All slots for concurrent calls stayed taken; nothing was sent.
    NoSlot,
    /// The connection was never opened (name, refusal, TLS, connect time-out); nothing was sent.
    Connect,
    /// The call's time was up.
    Timeout,
    /// The connection broke, or what came over it was not HTTP.
    Broken,
}

impl Trouble {
    fn name(self) -> &'static str {
        match self {
            Self::NoKey => "no admin key",
            Self::NoSlot => "no free slot",
            Self::Connect => "not connected",
            Self::Timeout => "timed out",
            Self::Broken => "connection broke",
        }
    }
}

/// What a failed call means. The names follow the ids of the error pages where a person can
/// meet them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The authorization code is spent, expired or unknown (KOE320, `invalid_grant`). Start the
    /// login again; never send the code again.
    CodeUsed,
    /// The refresh token is spent, expired or unknown (KOE322). Drop the tokens.
    RefreshTokenGone,
    /// The person has not agreed to share what the call needs (-402, KOE203).
    ConsentMissing {
        /// Scope ids to ask for with [`Authorize::scopes`](super::Authorize::scopes); empty when
        /// Kakao did not say.
        scopes: Vec<String>,
    },
    /// The app does not admit people under 14 (-406).
    Under14,
    /// Kakao wants the person's age verified first (-405, -451 and their family).
    AgeUnverified,
    /// The access token is invalid or expired (-401).
    Unauthorized,
    /// A valid access token, but issued to another Kakao app than ours. Whoever brought it is
    /// not signed in with us.
    OtherApp,
    /// The person is not linked to the app, or no longer (-101).
    NotLinked,
    /// Kakao has no such account, or it is dormant (-103).
    AccountGone,
    /// The redirect URI of the exchange is not the one of the authorization (KOE303).
    RedirectMismatch,
    /// Kakao does not accept our key, secret, admin key or address (KOE101, KOE010 and the like;
    /// -401 for a call by admin key or from an address that is not allowed).
    BadClient,
    /// Our request or the app's console settings are wrong in some other way.
    Configuration,
    /// Too many calls (KOE237, -10, HTTP 429). Repeating at once makes it worse.
    Limited {
        /// How long Kakao asks to wait, when it says so.
        retry_after: Option<Duration>,
    },
    /// It may pass: no answer, HTTP 5xx, KOE003, and the codes that Kakao sends with HTTP 400
    /// while it has trouble itself (-1, -7, -603, -9798).
    Temporary,
    /// Kakao has restricted the app, its developer or the person (-4, -12, KOE125).
    Sanctioned,
    /// An answer, but not one this client can rely on; the text says what was wrong with it.
    BadReply(&'static str),
}

/// Who has to act.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fault {
    /// The person signing in: start again, agree, or use another account.
    Person,
    /// The operator: a key, an address or a console setting.
    Configuration,
    /// Nobody; wait.
    Rate,
    /// Kakao. Nobody's session may end because of it.
    Kakao,
    /// The operator, with Kakao's support.
    Sanctioned,
}

impl Kind {
    /// Who has to act.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::CodeUsed
            | Self::RefreshTokenGone
            | Self::ConsentMissing { .. }
            | Self::Under14
            | Self::AgeUnverified
            | Self::Unauthorized
            | Self::OtherApp
            | Self::NotLinked
            | Self::AccountGone => Fault::Person,
            Self::RedirectMismatch | Self::BadClient | Self::Configuration => Fault::Configuration,
            Self::Limited { .. } => Fault::Rate,
            Self::Temporary | Self::BadReply(_) => Fault::Kakao,
            Self::Sanctioned => Fault::Sanctioned,
        }
    }

    /// A short fixed name for logs and metric labels.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::CodeUsed => "code_used",
            Self::RefreshTokenGone => "refresh_token_gone",
            Self::ConsentMissing { .. } => "consent_missing",
            Self::Under14 => "under14",
            Self::AgeUnverified => "age_unverified",
            Self::Unauthorized => "unauthorized",
            Self::OtherApp => "other_app",
            Self::NotLinked => "not_linked",
            Self::AccountGone => "account_gone",
            Self::RedirectMismatch => "redirect_mismatch",
            Self::BadClient => "bad_client",
            Self::Configuration => "configuration",
            Self::Limited { .. } => "limited",
            Self::Temporary => "temporary",
            Self::Sanctioned => "sanctioned",
            Self::BadReply(_) => "bad_reply",
        }
    }
}

/// A call to Kakao failed. `Display` and `Debug` are both safe to log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// Which call.
    pub call: Call,
    /// What the failure means.
    pub kind: Kind,
    /// HTTP status, when an answer began.
    pub status: Option<u16>,
    /// Kakao's code, when its body held one.
    pub code: Option<Code>,
    /// What the network did, when there was no whole answer.
    pub trouble: Option<Trouble>,
}

impl Error {
    /// Whatever fetched the keys went away before it was done.
    pub(super) fn cut_off() -> Self {
        Self {
            call: Call::Keys,
            kind: Kind::Temporary,
            status: None,
            code: None,
            trouble: Some(Trouble::Broken),
        }
    }

    /// Whether it is certain that no byte of the request left this machine, so that even a
    /// code exchange could be tried again.
    #[must_use]
    pub fn not_sent(&self) -> bool {
        matches!(
            self.trouble,
            Some(Trouble::NoKey | Trouble::NoSlot | Trouble::Connect)
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Kakao call {}: {}", self.call, self.kind.name())?;
        if let Kind::BadReply(defect) = self.kind {
            write!(f, ", {defect}")?;
        }
        if let Some(trouble) = self.trouble {
            write!(f, ", {}", trouble.name())?;
        }
        if let Some(status) = self.status {
            write!(f, ", status {status}")?;
        }
        if let Some(code) = self.code {
            write!(f, ", code {code}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_reads_as_one_line_of_facts() {
        let mut error = Error {
            call: Call::Token,
            kind: Kind::Temporary,
            status: Some(400),
            code: Some(Code::Koe(3)),
            trouble: None,
        };
        assert_eq!(
            error.to_string(),
            "Kakao call token: temporary, status 400, code KOE003"
        );
        error = Error {
            call: Call::UnlinkByAdmin,
            kind: Kind::BadReply("no id"),
            status: None,
            code: Some(Code::Api(-9798)),
            trouble: Some(Trouble::Timeout),
        };
        assert_eq!(
            error.to_string(),
            "Kakao call unlink_by_admin: bad_reply, no id, timed out, code -9798"
        );
    }

    #[test]
    fn only_a_connection_that_never_opened_proves_that_nothing_was_sent() {
        let with = |trouble| Error {
            call: Call::Token,
            kind: Kind::Temporary,
            status: None,
            code: None,
            trouble,
        };
        for never in [Trouble::NoKey, Trouble::NoSlot, Trouble::Connect] {
            assert!(with(Some(never)).not_sent(), "{never:?}");
        }
        for maybe in [None, Some(Trouble::Timeout), Some(Trouble::Broken)] {
            assert!(!with(maybe).not_sent(), "{maybe:?}");
        }
    }
}
