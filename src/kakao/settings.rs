//! What the client has to be told, and what it refuses to start with.

use std::time::Duration;

use url::Url;

use crate::config::is_loopback;

use crate::vault::Secret;

/// Settings of the Kakao client.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Authorization server, `https://kauth.kakao.com`. Plain http only on loopback.
    pub auth_url: Url,
    /// Resource server, `https://kapi.kakao.com`. Plain http only on loopback.
    pub api_url: Url,
    /// REST API key: the `client_id`. Public by nature, browsers see it.
    pub rest_api_key: String,
    /// Client secret of that key; none when the console has it off, two while it changes. The
    /// first is used until Kakao refuses it (KOE010), then the next, see
    /// [`Kakao::exchange_code`](super::Kakao::exchange_code).
    pub client_secrets: Vec<Secret>,
    /// Admin keys, two while they change; needed for the calls that act by member number.
    pub admin_keys: Vec<Secret>,
    /// Further keys of the same app, of any kind, that may be the audience of an ID token which
    /// is handed over to us, or of a security event about our app.
    pub other_app_keys: Vec<String>,
    /// Number of the app. A token issued to another app is refused.
    pub app_id: i64,
    /// Redirect URI exactly as registered, byte for byte.
    pub redirect_uri: String,
    /// Logout redirect URI exactly as registered.
    pub logout_redirect_uri: String,
    /// Scope ids to ask for; none leaves it to the console's consent items.
    pub scopes: Vec<String>,
    /// Whether the app has OpenID Connect on, so that every explicit scope list must name
    /// `openid` to get an ID token.
    pub oidc: bool,
    /// Time to open a connection.
    pub connect_timeout: Duration,
    /// Time for a whole call: waiting for a slot, connecting, body, and a repeat if any.
    pub timeout: Duration,
    /// How many calls may be under way at once.
    pub concurrent_calls: usize,
}

/// The client cannot be built from these settings. Names the setting, never its value.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A host that is not an https origin (or an http one on loopback).
    #[error("{0} must be an https address without path or query (http only on loopback)")]
    Host(&'static str),
    /// An address to come back to that is not an absolute one.
    #[error("{0} must be an absolute http or https address without a fragment")]
    ReturnAddress(&'static str),
    /// An empty key or secret, or one with a character that has no place in a header.
    #[error("{0} is empty or has a character that a key cannot have")]
    Credential(&'static str),
    /// No call could ever be made.
    #[error("{0} must be greater than zero")]
    Zero(&'static str),
    /// TLS could not be set up.
    #[error("the HTTP client could not be built")]
    Client(#[source] reqwest::Error),
}

impl Settings {
    /// The keys of the app that tokens which are handed over may name as their audience: the REST
    /// API key first. A login of ours accepts the REST API key alone.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let others = self.other_app_keys.iter();
        std::iter::once(&self.rest_api_key)
            .chain(others)
            .map(String::as_str)
    }

    pub(super) fn check(&self) -> Result<(), BuildError> {
        for (name, url) in [("auth_url", &self.auth_url), ("api_url", &self.api_url)] {
            if !is_host(url) {
                return Err(BuildError::Host(name));
            }
        }
        for (name, address) in [
            ("redirect_uri", &self.redirect_uri),
            ("logout_redirect_uri", &self.logout_redirect_uri),
        ] {
            if !is_return_address(address) {
                return Err(BuildError::ReturnAddress(name));
            }
        }
        if !is_key(&self.rest_api_key) {
            return Err(BuildError::Credential("rest_api_key"));
        }
        if !self
            .client_secrets
            .iter()
            .all(|secret| is_key(secret.expose()))
        {
            return Err(BuildError::Credential("client_secrets"));
        }
        if !self.admin_keys.iter().all(|key| is_key(key.expose())) {
            return Err(BuildError::Credential("admin_keys"));
        }
        if !self.other_app_keys.iter().all(|key| is_key(key)) {
            return Err(BuildError::Credential("other_app_keys"));
        }
        if self.concurrent_calls == 0 {
            return Err(BuildError::Zero("concurrent_calls"));
        }
        if self.timeout.is_zero() || self.connect_timeout.is_zero() {
            return Err(BuildError::Zero("timeout"));
        }
        Ok(())
    }
}

fn is_host(url: &Url) -> bool {
    let scheme = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url));
    let bare = url.path() == "/"
        && url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    scheme && bare
}

fn is_return_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.fragment().is_none()
    })
}

fn is_key(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Settings {
        Settings {
            auth_url: Url::parse("https://kauth.kakao.com").unwrap(),
            api_url: Url::parse("https://kapi.kakao.com").unwrap(),
            rest_api_key: "key".into(),
            client_secrets: vec![],
            admin_keys: vec![],
            other_app_keys: vec![],
            app_id: 1,
            redirect_uri: "https://a.example/auth/kakao/callback".into(),
            logout_redirect_uri: "https://a.example/logged-out".into(),
            scopes: vec![],
            oidc: false,
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
            concurrent_calls: 1,
        }
    }

    // CF-2
    #[test]
    fn plain_http_is_for_loopback_only() {
        for good in [
            "http://127.0.0.1:9000",
            "http://[::1]:9000",
            "http://localhost",
            "https://a.b",
        ] {
            let api_url = Url::parse(good).unwrap();
            assert!(
                Settings {
                    api_url,
                    ..settings()
                }
                .check()
                .is_ok(),
                "{good}"
            );
        }
        for bad in [
            "http://kapi.kakao.com",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "ftp://127.0.0.1",
            "https://a.b/path",
            "https://a.b?x=1",
            "https://user:pw@a.b",
        ] {
            let api_url = Url::parse(bad).unwrap();
            let refused = Settings {
                api_url,
                ..settings()
            }
            .check();
            assert!(matches!(refused, Err(BuildError::Host("api_url"))), "{bad}");
        }
    }

    #[test]
    fn what_cannot_be_sent_is_refused_by_name_and_not_by_value() {
        let refused = [
            Settings {
                rest_api_key: String::new(),
                ..settings()
            },
            Settings {
                client_secrets: vec![Secret::new("se cret")],
                ..settings()
            },
            Settings {
                admin_keys: vec![Secret::new("se\ncret")],
                ..settings()
            },
            Settings {
                other_app_keys: vec!["key".into(), "se cret".into()],
                ..settings()
            },
            Settings {
                redirect_uri: "/auth/se cret".into(),
                ..settings()
            },
            Settings {
                logout_redirect_uri: "https://a.b/#se cret".into(),
                ..settings()
            },
            Settings {
                concurrent_calls: 0,
                ..settings()
            },
            Settings {
                timeout: Duration::ZERO,
                ..settings()
            },
        ]
        .map(|settings| settings.check().unwrap_err().to_string());
        let names = [
            "rest_api_key",
            "client_secrets",
            "admin_keys",
            "other_app_keys",
            "redirect_uri",
            "logout_redirect_uri",
            "concurrent_calls",
            "timeout",
        ];
        for (message, name) in refused.iter().zip(names) {
            assert!(
                message.starts_with(name) && !message.contains("cret "),
                "{message}"
            );
        }
    }

    // OT-2
    #[test]
    fn tokens_that_are_handed_over_may_be_for_any_key_of_the_app() {
        let several = Settings {
            other_app_keys: vec!["native".into(), "second-rest".into()],
            ..settings()
        };
        let audiences: Vec<&str> = several.audiences().collect();
        assert_eq!(audiences, ["key", "native", "second-rest"]);
        assert_eq!(settings().audiences().collect::<Vec<_>>(), ["key"]);
    }
}
