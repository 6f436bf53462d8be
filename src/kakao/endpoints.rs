//! The addresses this client knows at Kakao's two hosts.

use url::Url;

use super::settings::{BuildError, Settings};

pub(super) struct Endpoints {
    pub(super) authorize: Url,
    pub(super) account_logout: Url,
    pub(super) jwks: Url,
    pub(super) discovery: Url,
    pub(super) token: Url,
    pub(super) token_info: Url,
    pub(super) user: Url,
    pub(super) logout: Url,
    pub(super) unlink: Url,
    pub(super) scopes: Url,
    pub(super) revoke_scopes: Url,
    pub(super) service_terms: Url,
    pub(super) user_ids: Url,
}

impl Endpoints {
    pub(super) fn new(settings: &Settings) -> Result<Self, BuildError> {
        let auth = |path| {
            settings
                .auth_url
                .join(path)
                .map_err(|_| BuildError::Host("auth_url"))
        };
        let api = |path| {
            settings
                .api_url
                .join(path)
                .map_err(|_| BuildError::Host("api_url"))
        };
        Ok(Self {
            authorize: auth("/oauth/authorize")?,
            account_logout: auth("/oauth/logout")?,
            jwks: auth("/.well-known/jwks.json")?,
            discovery: auth("/.well-known/openid-configuration")?,
            token: auth("/oauth/token")?,
            token_info: api("/v1/user/access_token_info")?,
            // Without it the addresses of pictures are http.
            user: api("/v2/user/me?secure_resource=true")?,
            logout: api("/v1/user/logout")?,
            unlink: api("/v1/user/unlink")?,
            scopes: api("/v2/user/scopes")?,
            revoke_scopes: api("/v2/user/revoke/scopes")?,
            // All terms of the app: those that somebody has withdrawn are told too.
            service_terms: api("/v2/user/service_terms?result=app_service_terms")?,
            user_ids: api("/v1/user/ids")?,
        })
    }
}
