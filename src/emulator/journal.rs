//! What the emulator was asked, so that a test can say what its program sent and how often.

use std::collections::{BTreeMap, VecDeque};

use time::OffsetDateTime;

/// An address of Kakao that the emulator stands in for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// `GET /oauth/authorize`
    Authorize,
    /// `POST` or `GET /oauth/token`
    Token,
    /// `GET /v1/user/access_token_info`
    AccessTokenInfo,
    /// `GET` or `POST /v2/user/me`
    Me,
    /// `POST` or `GET /v1/user/logout`
    Logout,
    /// `POST` or `GET /v1/user/unlink`
    Unlink,
    /// `GET /oauth/logout`: the browser's logout together with the Kakao account.
    AccountLogout,
    /// `GET /.well-known/openid-configuration`
    Discovery,
    /// `GET /.well-known/jwks.json`: the public keys.
    Jwks,
    /// `POST /oauth/tokeninfo`: the claims of an ID token.
    IdTokenInfo,
    /// `GET` or `POST /v1/oidc/userinfo`
    UserInfo,
    /// `GET /v2/user/scopes`: consent items of a person.
    Scopes,
    /// `POST /v2/user/revoke/scopes`
    RevokeScopes,
    /// `GET /v2/user/service_terms`: Kakao Sync.
    ServiceTerms,
    /// `POST /v2/user/revoke/service_terms`
    RevokeServiceTerms,
    /// `POST /v2/user/upgrade/service_terms`
    UpgradeServiceTerms,
    /// `GET /v1/user/ids`: everybody who is linked.
    UserIds,
    /// `GET /v2/app/users`: several people at once.
    AppUsers,
}

/// One request as it arrived, secrets included.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// The address; `None` for one that Kakao does not have.
    pub endpoint: Option<Endpoint>,
    /// `GET`, `POST` …
    pub method: String,
    /// Path without query.
    pub path: String,
    /// Decoded query parameters in order.
    pub query: Vec<(String, String)>,
    /// Decoded form fields in order; empty when the body was not a form.
    pub form: Vec<(String, String)>,
    /// The `Authorization` header.
    pub authorization: Option<String>,
    /// The `Content-Type` header.
    pub content_type: Option<String>,
    /// The `User-Agent` header.
    pub user_agent: Option<String>,
    /// Status of the answer; `None` while there is none, for good when a fault withheld it.
    pub status: Option<u16>,
    /// When it arrived, by the emulator's clock.
    pub at: OffsetDateTime,
}

/// The last requests, and how many there were for each address.
#[derive(Debug, Default)]
pub(super) struct Journal {
    last: VecDeque<(u64, Recorded)>,
    counts: BTreeMap<Endpoint, usize>,
    refreshes: usize,
    written: u64,
}

const KEPT: usize = 500;

impl Endpoint {
    /// Every endpoint, in the order of a sign-in.
    pub const ALL: [Self; 18] = [
        Self::Authorize,
        Self::Token,
        Self::AccessTokenInfo,
        Self::Me,
        Self::Logout,
        Self::Unlink,
        Self::AccountLogout,
        Self::Discovery,
        Self::Jwks,
        Self::IdTokenInfo,
        Self::UserInfo,
        Self::Scopes,
        Self::RevokeScopes,
        Self::ServiceTerms,
        Self::RevokeServiceTerms,
        Self::UpgradeServiceTerms,
        Self::UserIds,
        Self::AppUsers,
    ];

    /// Path at Kakao's host.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Authorize => "/oauth/authorize",
            Self::Token => "/oauth/token",
            Self::AccessTokenInfo => "/v1/user/access_token_info",
            Self::Me => "/v2/user/me",
            Self::Logout => "/v1/user/logout",
            Self::Unlink => "/v1/user/unlink",
            Self::AccountLogout => "/oauth/logout",
            Self::Discovery => "/.well-known/openid-configuration",
            Self::Jwks => "/.well-known/jwks.json",
            Self::IdTokenInfo => "/oauth/tokeninfo",
            Self::UserInfo => "/v1/oidc/userinfo",
            Self::Scopes => "/v2/user/scopes",
            Self::RevokeScopes => "/v2/user/revoke/scopes",
            Self::ServiceTerms => "/v2/user/service_terms",
            Self::RevokeServiceTerms => "/v2/user/revoke/service_terms",
            Self::UpgradeServiceTerms => "/v2/user/upgrade/service_terms",
            Self::UserIds => "/v1/user/ids",
            Self::AppUsers => "/v2/app/users",
        }
    }

    /// Short name for forms and headers, such as `token`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Token => "token",
            Self::AccessTokenInfo => "access-token-info",
            Self::Me => "me",
            Self::Logout => "logout",
            Self::Unlink => "unlink",
            Self::AccountLogout => "account-logout",
            Self::Discovery => "openid-configuration",
            Self::Jwks => "jwks",
            Self::IdTokenInfo => "tokeninfo",
            Self::UserInfo => "userinfo",
            Self::Scopes => "scopes",
            Self::RevokeScopes => "revoke-scopes",
            Self::ServiceTerms => "service-terms",
            Self::RevokeServiceTerms => "revoke-service-terms",
            Self::UpgradeServiceTerms => "upgrade-service-terms",
            Self::UserIds => "user-ids",
            Self::AppUsers => "app-users",
        }
    }

    /// The endpoint with this [`Endpoint::name`].
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The endpoint at this path.
    #[must_use]
    pub fn at(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.path() == path)
    }

    /// Whether people see its answers, rather than programs.
    #[must_use]
    pub fn is_page(self) -> bool {
        matches!(self, Self::Authorize | Self::AccountLogout)
    }

    /// Whether kauth.kakao.com serves it, rather than kapi.kakao.com.
    #[must_use]
    pub fn is_kauth(self) -> bool {
        !self.path().starts_with("/v")
    }
}

impl Recorded {
    /// The first value of a query parameter or, failing that, of a form field.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut pairs = self.query.iter().chain(&self.form);
        let (_, value) = pairs.find(|(known, _)| known == name)?;
        Some(value)
    }
}

impl Journal {
    /// Writes a request down and answers the number under which its status may follow.
    pub(super) fn write(&mut self, request: Recorded) -> u64 {
        if let Some(endpoint) = request.endpoint {
            *self.counts.entry(endpoint).or_default() += 1;
            let is_refresh = request.value("grant_type") == Some("refresh_token");
            if endpoint == Endpoint::Token && is_refresh {
                self.refreshes += 1;
            }
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.written += 1;
        self.last.push_back((self.written, request));
        self.written
    }

    pub(super) fn answered(&mut self, number: u64, status: u16) {
        let entry = self
            .last
            .iter_mut()
            .rev()
            .find(|(known, _)| *known == number);
        if let Some((_, request)) = entry {
            request.status = Some(status);
        }
    }

    pub(super) fn count(&self, endpoint: Endpoint) -> usize {
        self.counts.get(&endpoint).copied().unwrap_or_default()
    }

    pub(super) fn refreshes(&self) -> usize {
        self.refreshes
    }

    /// The requests kept, the oldest first.
    pub(super) fn requests(&self) -> impl DoubleEndedIterator<Item = &Recorded> {
        self.last.iter().map(|(_, request)| request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_goes_on_when_old_requests_are_forgotten() {
        let mut journal = Journal::default();
        let request = Recorded {
            endpoint: Some(Endpoint::Me),
            method: "GET".into(),
            path: Endpoint::Me.path().into(),
            query: vec![("a".into(), "1".into())],
            form: vec![("a".into(), "2".into()), ("b".into(), "3".into())],
            authorization: None,
            content_type: None,
            user_agent: None,
            status: None,
            at: OffsetDateTime::UNIX_EPOCH,
        };
        assert_eq!(
            (request.value("a"), request.value("b")),
            (Some("1"), Some("3"))
        );
        let first = journal.write(request.clone());
        for _ in 0..KEPT {
            journal.write(request.clone());
        }
        journal.answered(first, 200);
        assert_eq!(journal.count(Endpoint::Me), KEPT + 1);
        assert_eq!(journal.requests().count(), KEPT);
        assert!(journal.requests().all(|request| request.status.is_none()));
    }

    #[test]
    fn names_and_paths_lead_back_to_their_endpoint() {
        for endpoint in Endpoint::ALL {
            assert_eq!(Endpoint::named(endpoint.name()), Some(endpoint));
            assert_eq!(Endpoint::at(endpoint.path()), Some(endpoint));
        }
        assert_eq!(Endpoint::at("/oauth/tokens"), None);
    }
}
