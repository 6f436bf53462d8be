//! The side panel of a sign-in page: what was received, and what there is to say about it, on
//! pages that go on and on pages that stop.

use super::ask::list;
use super::journal::Endpoint;
use super::received::{Pairs, first, pairs};
use super::settings::AppSettings;
use super::texts::{Text, Texts};

/// A line of the side panel.
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) check: Option<Check>,
}

/// What is to be said about a parameter.
pub(super) struct Check {
    pub(super) verdict: Verdict,
    pub(super) text: String,
}

/// How a parameter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fine,
    /// Works, and should be looked at.
    Doubtful,
    /// Kakao refuses it.
    Wrong,
}

impl Verdict {
    /// Its class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Fine => "good",
            Self::Doubtful => "warn",
            Self::Wrong => "bad",
        }
    }

    /// Its word on the page.
    pub(super) fn word(self, t: &Texts) -> Text {
        match self {
            Self::Fine => t.ok,
            Self::Doubtful => t.note,
            Self::Wrong => t.refused,
        }
    }
}

/// What was received at `endpoint`, in order, and after it what is missing.
pub(super) fn parameters(
    endpoint: Endpoint,
    raw: &str,
    app: &AppSettings,
    t: &Texts,
) -> Vec<Parameter> {
    let received = pairs(raw.as_bytes());
    let is_logout = endpoint == Endpoint::AccountLogout;
    let line = |name: &str, value: &str, check: Option<(Verdict, Text)>| Parameter {
        name: name.to_owned(),
        value: value.to_owned(),
        check: check.map(|(verdict, text)| Check {
            verdict,
            text: text.to_string(),
        }),
    };
    let sent = received.iter().map(|(name, value)| {
        let check = if is_logout {
            logout_check(name, value, app, t)
        } else {
            check(name, value, &received, app, t)
        };
        line(name, value, check)
    });
    let absent = if is_logout {
        logout_absences(t)
    } else {
        absences(t)
    };
    let is_absent = |name: &str| first(&received, name).is_none();
    let absent = absent.into_iter().filter(|(name, ..)| is_absent(name));
    let absent = absent.map(|(name, verdict, text)| line(name, "", Some((verdict, text))));
    sent.chain(absent).collect()
}

fn check(
    name: &str,
    value: &str,
    received: &Pairs,
    app: &AppSettings,
    t: &Texts,
) -> Option<(Verdict, Text)> {
    let judged = |is_fine: bool, fine: Text, wrong: Text| {
        Some(if is_fine {
            (Verdict::Fine, fine)
        } else {
            (Verdict::Wrong, wrong)
        })
    };
    match name {
        "client_id" => judged(app.rest_key(value).is_some(), t.ck_client, t.ck_no_client),
        "redirect_uri" => {
            let client_id = first(received, "client_id").unwrap_or_default();
            let key = app.rest_key(client_id);
            let is_registered = key.is_some_and(|key| key.redirect_uris.iter().any(|u| u == value));
            judged(is_registered, t.ck_redirect, t.ck_no_redirect)
        }
        "response_type" if value != "code" => Some((Verdict::Wrong, t.ck_response_type)),
        "prompt" if !are_prompts(value) => Some((Verdict::Wrong, t.ck_prompt)),
        "scope" => {
            let is_offered = list(value).all(|scope| app.offers(scope));
            judged(is_offered, t.ck_scope, t.ck_strange_scope)
        }
        "code_challenge" if !value.is_empty() => {
            let method = first(received, "code_challenge_method");
            judged(method == Some("S256"), t.ck_pkce, t.ck_method)
        }
        "channel_public_id" if !value.is_empty() => Some((Verdict::Wrong, t.ck_channel)),
        "state" => Some((Verdict::Fine, t.ck_state)),
        "nonce" => Some((Verdict::Fine, t.ck_nonce)),
        "auth_type" => Some((Verdict::Doubtful, t.ck_auth_type)),
        "ka" | "agt" | "approval_type" | "kauth_tx_id" | "settle_id" | "state_token"
        | "is_popup" => Some((Verdict::Doubtful, t.ck_sdk)),
        "through_account" | "auth_tran_id" | "additional_auth_login" => {
            Some((Verdict::Doubtful, t.ck_through))
        }
        "response_type"
        | "prompt"
        | "login_hint"
        | "code_challenge"
        | "code_challenge_method"
        | "service_terms"
        | "channel_public_id"
        | "emulator_fault" => None,
        _ => Some((Verdict::Doubtful, t.ck_unknown)),
    }
}

fn are_prompts(value: &str) -> bool {
    let is_prompt = |prompt| matches!(prompt, "login" | "none" | "create" | "select_account");
    let is_none = |prompt| prompt == "none";
    list(value).all(is_prompt) && (!list(value).any(is_none) || list(value).all(is_none))
}

fn absences(t: &Texts) -> Vec<(&'static str, Verdict, Text)> {
    vec![
        ("client_id", Verdict::Wrong, t.ck_required),
        ("redirect_uri", Verdict::Wrong, t.ck_required),
        ("response_type", Verdict::Wrong, t.ck_required),
        ("state", Verdict::Doubtful, t.ck_no_state),
        ("code_challenge", Verdict::Doubtful, t.ck_no_pkce),
        ("nonce", Verdict::Fine, t.ck_no_nonce),
        ("scope", Verdict::Fine, t.ck_no_scope),
    ]
}

fn logout_check(name: &str, value: &str, app: &AppSettings, t: &Texts) -> Option<(Verdict, Text)> {
    let registered = &app.logout_redirect_uris;
    match name {
        "client_id" if app.rest_key(value).is_some() => Some((Verdict::Fine, t.ck_client)),
        "client_id" => Some((Verdict::Wrong, t.ck_no_client)),
        "logout_redirect_uri" if registered.iter().any(|known| known == value) => {
            Some((Verdict::Fine, t.ck_logout))
        }
        "logout_redirect_uri" => Some((Verdict::Wrong, t.ck_no_logout)),
        "state" => None,
        _ => Some((Verdict::Doubtful, t.ck_unknown)),
    }
}

fn logout_absences(t: &Texts) -> Vec<(&'static str, Verdict, Text)> {
    vec![
        ("client_id", Verdict::Wrong, t.ck_required),
        ("logout_redirect_uri", Verdict::Wrong, t.ck_required),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::settings::{REST_API_KEY, Settings};
    use crate::emulator::texts::Language;

    fn verdict(endpoint: Endpoint, raw: &str, name: &str) -> Option<Verdict> {
        let app = Settings::seeded("http://127.0.0.1:1").app;
        let lines = parameters(endpoint, raw, &app, Language::English.texts());
        let line = lines.into_iter().find(|line| line.name == name).unwrap();
        line.check.map(|check| check.verdict)
    }

    #[test]
    fn every_parameter_that_kakao_refuses_is_marked() {
        let authorize = |raw: &str, name: &str| verdict(Endpoint::Authorize, raw, name);
        for (raw, name) in [
            ("client_id=x", "client_id"),
            (
                "client_id=x&redirect_uri=http://127.0.0.1:1/auth/kakao/callback",
                "redirect_uri",
            ),
            ("response_type=token", "response_type"),
            ("prompt=login,maybe", "prompt"),
            ("prompt=login,none", "prompt"),
            ("scope=gender,friends", "scope"),
            (
                "code_challenge=x&code_challenge_method=plain",
                "code_challenge",
            ),
            ("channel_public_id=_x", "channel_public_id"),
            ("", "redirect_uri"),
        ] {
            assert_eq!(authorize(raw, name), Some(Verdict::Wrong), "{raw}");
        }
        let good = format!(
            "client_id={REST_API_KEY}&redirect_uri=http://127.0.0.1:1/auth/kakao/callback&scope=gender birthday"
        );
        for name in ["client_id", "redirect_uri", "scope", "nonce"] {
            assert_eq!(authorize(&good, name), Some(Verdict::Fine), "{name}");
        }
        for name in ["auth_type", "ka", "through_account", "foo"] {
            let raw = format!("{name}=1");
            assert_eq!(authorize(&raw, name), Some(Verdict::Doubtful), "{name}");
        }
        assert_eq!(authorize("channel_public_id=", "channel_public_id"), None);
    }

    #[test]
    fn the_logout_address_has_rules_of_its_own() {
        let logout = |raw: &str, name: &str| verdict(Endpoint::AccountLogout, raw, name);
        let registered = "logout_redirect_uri=http://127.0.0.1:1/logged-out/kakao/done";
        assert_eq!(
            logout(registered, "logout_redirect_uri"),
            Some(Verdict::Fine)
        );
        assert_eq!(
            logout("logout_redirect_uri=x", "logout_redirect_uri"),
            Some(Verdict::Wrong)
        );
        assert_eq!(logout("", "logout_redirect_uri"), Some(Verdict::Wrong));
        assert_eq!(logout("state=x", "state"), None);
    }
}
