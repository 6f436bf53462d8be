//! The side panel of a sign-in page: what was received, and what there is to say about it.

use super::ask::Ask;
use super::received::pairs;
use super::texts::Texts;

/// A line of the side panel.
pub(super) struct Parameter {
    pub(super) name: String,
    pub(super) value: String,
    /// What is to be said about it, and whether it is as it should be.
    pub(super) check: Option<(bool, String)>,
}

/// What was received, and what there is to say about it.
pub(super) fn parameters(ask: &Ask, t: &Texts) -> Vec<Parameter> {
    let received = pairs(ask.raw.as_bytes());
    let is_sent = |name: &str| received.iter().any(|(known, _)| known == name);
    let mut lines: Vec<_> = received
        .iter()
        .map(|(name, value)| {
            let check = match name.as_str() {
                "client_id" => Some((true, t.ck_client)),
                "redirect_uri" => Some((true, t.ck_redirect)),
                "state" => Some((true, t.ck_state)),
                "nonce" => Some((true, t.ck_nonce)),
                "code_challenge" => Some((true, t.ck_pkce)),
                "scope" => Some((true, t.ck_scope)),
                "response_type"
                | "prompt"
                | "login_hint"
                | "code_challenge_method"
                | "service_terms"
                | "channel_public_id"
                | "emulator_fault" => None,
                _ => Some((false, t.ck_unknown)),
            };
            Parameter {
                name: name.clone(),
                value: value.clone(),
                check: check.map(|(good, text)| (good, text.to_string())),
            }
        })
        .collect();
    let absent = [
        ("state", false, t.ck_no_state),
        ("code_challenge", false, t.ck_no_pkce),
        ("nonce", true, t.ck_no_nonce),
        ("scope", true, t.ck_no_scope),
    ];
    for (name, fine, text) in absent {
        if !is_sent(name) {
            lines.push(Parameter {
                name: name.to_owned(),
                value: String::new(),
                check: Some((fine, text.to_string())),
            });
        }
    }
    lines
}
