//! The two addresses at Kakao that a browser is sent to: to sign in, and to sign out of the
//! Kakao account as well. No secret is ever part of either.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use url::Url;

use super::settings::Settings;

/// What one login asks of Kakao's authorize address. `state`, `nonce` and the PKCE verifier
/// behind `code_challenge` are fresh for every attempt.
#[derive(Clone, Copy, Debug)]
pub struct Authorize<'a> {
    /// Comes back unchanged with the code (RFC 6749 section 4.1.1).
    pub state: &'a str,
    /// Comes back inside the ID token (OpenID Connect Core section 3.1.2.1).
    pub nonce: &'a str,
    /// [`code_challenge`] of the verifier (RFC 7636 section 4.2).
    pub code_challenge: &'a str,
    /// Scope ids to ask for instead of the configured ones, for additional consent (추가 항목
    /// 동의 받기).
    pub scopes: Option<&'a [String]>,
    /// What Kakao shows even if it could pass the person through.
    pub prompt: Option<Prompt>,
}

/// Values of Kakao's `prompt` parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Ask for the credentials even if the browser is signed in at Kakao.
    Login,
    /// Show nothing; come back with an error if something would have to be shown.
    None,
    /// Offer to open a Kakao account first.
    Create,
    /// Let the person choose between the accounts Kakao remembers.
    SelectAccount,
}

impl Prompt {
    fn as_str(self) -> &'static str {
        match self {
            Self::Login => "login",
            Self::None => "none",
            Self::Create => "create",
            Self::SelectAccount => "select_account",
        }
    }
}

/// The S256 challenge of a PKCE verifier (RFC 7636 section 4.2).
#[must_use]
pub fn code_challenge(code_verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, code_verifier.as_bytes()))
}

pub(super) fn authorize_url(endpoint: &Url, settings: &Settings, request: &Authorize<'_>) -> Url {
    let mut url = endpoint.clone();
    let scopes = scopes(settings, request.scopes);
    let mut query = url.query_pairs_mut();
    query
        .append_pair("response_type", "code")
        .append_pair("client_id", &settings.rest_api_key)
        .append_pair("redirect_uri", &settings.redirect_uri)
        .append_pair("state", request.state)
        .append_pair("nonce", request.nonce)
        .append_pair("code_challenge", request.code_challenge)
        .append_pair("code_challenge_method", "S256");
    if !scopes.is_empty() {
        query.append_pair("scope", &scopes.join(","));
    }
    if let Some(prompt) = request.prompt {
        query.append_pair("prompt", prompt.as_str());
    }
    drop(query);
    url
}

pub(super) fn account_logout_url(endpoint: &Url, settings: &Settings, state: &str) -> Url {
    let mut url = endpoint.clone();
    url.query_pairs_mut()
        .append_pair("client_id", &settings.rest_api_key)
        .append_pair("logout_redirect_uri", &settings.logout_redirect_uri)
        .append_pair("state", state);
    url
}

/// The scope ids to name. With OpenID Connect on, a login that names scopes gets no ID token
/// unless `openid` is among them; one that names none gets it anyway.
fn scopes<'a>(settings: &'a Settings, instead: Option<&'a [String]>) -> Vec<&'a str> {
    let wanted = instead.unwrap_or(&settings.scopes);
    let mut scopes: Vec<&str> = Vec::with_capacity(wanted.len() + 1);
    let openid = (settings.oidc && !wanted.is_empty()).then_some("openid");
    for scope in wanted.iter().map(String::as_str).chain(openid) {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::vault::Secret;

    fn settings(scopes: &[&str], oidc: bool) -> Settings {
        Settings {
            auth_url: Url::parse("https://kauth.kakao.com").unwrap(),
            api_url: Url::parse("https://kapi.kakao.com").unwrap(),
            rest_api_key: "rest-key".into(),
            client_secrets: vec![Secret::new("the-client-secret")],
            admin_keys: vec![Secret::new("the-admin-key")],
            other_app_keys: vec![],
            app_id: 1,
            redirect_uri: "https://a.example/auth/kakao/callback?x=1&y=%20".into(),
            logout_redirect_uri: "https://a.example/logged-out".into(),
            scopes: scopes.iter().map(ToString::to_string).collect(),
            oidc,
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(5),
            concurrent_calls: 1,
        }
    }

    fn query(settings: &Settings, request: &Authorize<'_>) -> Vec<(String, String)> {
        let endpoint = Url::parse("https://kauth.kakao.com/oauth/authorize").unwrap();
        let url = authorize_url(&endpoint, settings, request);
        assert_eq!(
            url.origin().ascii_serialization(),
            "https://kauth.kakao.com"
        );
        assert_eq!(url.path(), "/oauth/authorize");
        url.query_pairs().into_owned().collect()
    }

    const REQUEST: Authorize<'static> = Authorize {
        state: "st&ate=",
        nonce: "non ce",
        code_challenge: "challenge",
        scopes: None,
        prompt: None,
    };

    // KL-1, KL-5
    #[test]
    fn the_authorize_address_has_every_parameter_exactly_once() {
        let request = Authorize {
            prompt: Some(Prompt::SelectAccount),
            ..REQUEST
        };
        let mut query = query(
            &settings(&["profile_nickname", "account_email"], false),
            &request,
        );
        query.sort();
        let expected = [
            ("client_id", "rest-key"),
            ("code_challenge", "challenge"),
            ("code_challenge_method", "S256"),
            ("nonce", "non ce"),
            ("prompt", "select_account"),
            (
                "redirect_uri",
                "https://a.example/auth/kakao/callback?x=1&y=%20",
            ),
            ("response_type", "code"),
            ("scope", "profile_nickname,account_email"),
            ("state", "st&ate="),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(query, expected);
    }

    #[test]
    fn without_scopes_or_prompt_neither_is_sent() {
        for oidc in [false, true] {
            let query = query(&settings(&[], oidc), &REQUEST);
            assert!(
                !query
                    .iter()
                    .any(|(name, _)| name == "scope" || name == "prompt")
            );
        }
    }

    #[test]
    fn additional_consent_asks_for_its_own_scopes_and_keeps_the_id_token() {
        let extra = ["account_email".to_owned(), "account_email".to_owned()];
        let request = Authorize {
            scopes: Some(&extra),
            ..REQUEST
        };
        let scope = |oidc| {
            let query = query(&settings(&["profile_nickname"], oidc), &request);
            query
                .into_iter()
                .find(|(name, _)| name == "scope")
                .unwrap()
                .1
        };
        assert_eq!(scope(false), "account_email");
        assert_eq!(scope(true), "account_email,openid");
    }

    #[test]
    fn account_logout_names_the_app_and_the_way_back() {
        let endpoint = Url::parse("https://kauth.kakao.com/oauth/logout").unwrap();
        let url = account_logout_url(&endpoint, &settings(&[], false), "s&t");
        assert_eq!(
            url.as_str(),
            "https://kauth.kakao.com/oauth/logout?client_id=rest-key\
             &logout_redirect_uri=https%3A%2F%2Fa.example%2Flogged-out&state=s%26t"
        );
    }

    // KL-5, with the vector of RFC 7636 appendix B.
    #[test]
    fn the_challenge_is_the_base64url_sha256_of_the_verifier() {
        assert_eq!(
            code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}
