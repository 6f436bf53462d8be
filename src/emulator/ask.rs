//! An authorize request, read and checked until the service's address can be trusted.

use url::form_urlencoded;

use super::openid::OPENID;
use super::received::{Pairs, first, pairs};
use super::settings::AppSettings;

/// An authorize request whose addresses can be trusted.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    /// The query string as it came, carried through the forms.
    pub(super) raw: String,
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) state: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) prompts: Vec<Prompt>,
    pub(super) login_hint: Option<String>,
    pub(super) challenge: Option<String>,
    pub(super) nonce: Option<String>,
    /// Tags of service terms to show; `None` when the request names none.
    pub(super) terms: Option<Vec<String>>,
}

/// Values of `prompt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Prompt {
    Login,
    None,
    Create,
    SelectAccount,
}

/// A page that says why there is no way back to the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    /// KOE code.
    pub(super) code: String,
    /// What the code is about, such as the scopes that are not configured.
    pub(super) detail: String,
}

impl Stop {
    pub(super) fn new(code: &str, detail: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            detail: detail.into(),
        }
    }
}

impl Ask {
    /// Checks everything that decides whether the service's address can be trusted.
    pub(super) fn read(app: &AppSettings, raw: &str) -> Result<Self, Stop> {
        let query = pairs(raw.as_bytes());
        let sent = |name: &str| first(&query, name);
        let filled = |name: &str| sent(name).filter(|value| !value.is_empty());
        let required = |name: &str| sent(name).ok_or_else(|| Stop::new("KOE207", name));
        let client_id = required("client_id")?;
        if client_id.is_empty() {
            return Err(Stop::new("KOE101", "client_id"));
        }
        let redirect_uri = required("redirect_uri")?;
        let response_type = required("response_type")?;
        let key = known_key(app, client_id)?;
        if !app.login_on {
            return Err(Stop::new("KOE004", ""));
        }
        if !key.iter().any(|known| known == redirect_uri) {
            return Err(Stop::new("KOE006", redirect_uri));
        }
        match response_type {
            "code" => {}
            "token" => return Err(Stop::new("KOE202", response_type)),
            "id_token" => return Err(Stop::new("KOE033", response_type)),
            _ => return Err(Stop::new("KOE201", response_type)),
        }
        let mut prompts = prompts(sent("prompt").unwrap_or_default())?;
        // The predecessor of prompt=login.
        if sent("auth_type") == Some("reauthenticate") && !prompts.contains(&Prompt::None) {
            prompts.push(Prompt::Login);
        }
        let scopes = scopes(app, sent("scope").unwrap_or_default())?;
        if let Some(channel) = filled("channel_public_id") {
            return Err(Stop::new("KOE102", channel));
        }
        Ok(Self {
            raw: raw.to_owned(),
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            state: sent("state").map(str::to_owned),
            prompts,
            scopes,
            login_hint: filled("login_hint").map(str::to_owned),
            challenge: challenge(&query)?,
            nonce: filled("nonce").map(str::to_owned),
            terms: filled("service_terms").map(|tags| list(tags).map(str::to_owned).collect()),
        })
    }

    /// The redirect that takes these parameters back to the service, and the state with them.
    pub(super) fn location<'a>(&'a self, mut query: Vec<(&'a str, &'a str)>) -> String {
        if let Some(state) = &self.state {
            query.push(("state", state));
        }
        with_query(&self.redirect_uri, &query)
    }

    /// Whether the sign-in is to bring an ID token: a list of scopes has to name it.
    pub(super) fn wants_id_token(&self, app: &AppSettings) -> bool {
        app.openid && (self.scopes.is_empty() || self.scopes.iter().any(|scope| scope == OPENID))
    }

    /// `prompt=none`: no page may be shown.
    pub(super) fn is_silent(&self) -> bool {
        self.prompts.contains(&Prompt::None)
    }
}

/// The redirect URIs registered under the REST API key `client_id`.
fn known_key<'a>(app: &'a AppSettings, client_id: &str) -> Result<&'a [String], Stop> {
    if let Some(key) = app.rest_key(client_id) {
        return Ok(&key.redirect_uris);
    }
    let is_of_another_kind = app.other_keys.iter().any(|key| key == client_id);
    let code = if is_of_another_kind {
        "KOE008"
    } else {
        "KOE101"
    };
    Err(Stop::new(code, client_id))
}

/// Values separated by commas, as documented, or by blanks, as Kakao's own SDKs send them.
pub(super) fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split([',', ' ']).filter(|value| !value.is_empty())
}

fn prompts(text: &str) -> Result<Vec<Prompt>, Stop> {
    let prompt = |value: &str| match value {
        "login" => Ok(Prompt::Login),
        "none" => Ok(Prompt::None),
        "create" => Ok(Prompt::Create),
        "select_account" => Ok(Prompt::SelectAccount),
        _ => Err(Stop::new("KOE204", format!("prompt={value}"))),
    };
    let prompts = list(text).map(prompt).collect::<Result<Vec<_>, _>>()?;
    if prompts.contains(&Prompt::None) && prompts.iter().any(|prompt| *prompt != Prompt::None) {
        return Err(Stop::new("KOE204", format!("prompt={text}")));
    }
    Ok(prompts)
}

fn scopes(app: &AppSettings, text: &str) -> Result<Vec<String>, Stop> {
    let is_strange = |scope: &&str| !app.offers(scope);
    let strange: Vec<_> = list(text).filter(is_strange).collect();
    if !strange.is_empty() {
        return Err(Stop::new("KOE205", strange.join(", ")));
    }
    Ok(list(text).map(str::to_owned).collect())
}

/// PKCE with S256, the only method Kakao's discovery document names (RFC 7636 section 4.3).
fn challenge(query: &Pairs) -> Result<Option<String>, Stop> {
    let challenge = first(query, "code_challenge").filter(|value| !value.is_empty());
    let Some(challenge) = challenge else {
        return Ok(None);
    };
    if first(query, "code_challenge_method") != Some("S256") {
        return Err(Stop::new("KOE204", "code_challenge_method"));
    }
    Ok(Some(challenge.to_owned()))
}

/// `address` with these parameters appended, blanks as `%20` the way Kakao writes them.
pub(super) fn with_query(address: &str, query: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        let encoded: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        encoded.replace('+', "%20")
    };
    let mut location = address.to_owned();
    for (name, value) in query {
        location.push(if location.contains('?') { '&' } else { '?' });
        location.push_str(name);
        location.push('=');
        location.push_str(&encode(value));
    }
    location
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::settings::{JAVASCRIPT_KEY, REST_API_KEY, Settings};

    const CALLBACK: &str = "http%3A%2F%2F127.0.0.1%3A1%2Fauth%2Fkakao%2Fcallback";

    fn app() -> AppSettings {
        Settings::seeded("http://127.0.0.1:1").app
    }

    fn good(rest: &str) -> String {
        format!("client_id={REST_API_KEY}&redirect_uri={CALLBACK}&response_type=code{rest}")
    }

    fn stop(raw: &str) -> Stop {
        Ask::read(&app(), raw).unwrap_err()
    }

    #[test]
    fn requests_that_cannot_be_trusted_stop_in_kakaos_order() {
        assert_eq!(stop("redirect_uri=x&response_type=code").code, "KOE207");
        assert_eq!(stop("client_id=&redirect_uri=x").code, "KOE101");
        assert_eq!(stop("client_id=x").code, "KOE207");
        assert_eq!(
            stop("client_id=x&redirect_uri=x&response_type=x").code,
            "KOE101"
        );
        let native = format!("client_id={JAVASCRIPT_KEY}&redirect_uri=x&response_type=x");
        assert_eq!(stop(&native).code, "KOE008");
        let elsewhere = format!("client_id={REST_API_KEY}&redirect_uri=x&response_type=x");
        assert_eq!(stop(&elsewhere), Stop::new("KOE006", "x"));
        let twice = good("&response_type=token");
        assert!(Ask::read(&app(), &twice).is_ok(), "the first counts");
        assert_eq!(stop(&good("&prompt=login,maybe")).code, "KOE204");
        assert_eq!(stop(&good("&prompt=none%20login")).code, "KOE204");
        assert_eq!(
            stop(&good("&scope=account_email,talk_message openid")),
            Stop::new("KOE205", "talk_message, openid")
        );
        assert_eq!(stop(&good("&channel_public_id=_x")).code, "KOE102");
        assert_eq!(stop(&good("&code_challenge=x")).code, "KOE204");
    }

    #[test]
    fn an_empty_optional_parameter_is_none() {
        let raw = good(
            "&channel_public_id=&code_challenge=&code_challenge_method=&scope=&prompt=&login_hint=",
        );
        let ask = Ask::read(&app(), &raw).unwrap();
        assert_eq!((ask.challenge, ask.login_hint), (None, None));
        assert!(ask.prompts.is_empty() && ask.scopes.is_empty());
    }

    #[test]
    fn prompts_and_scopes_are_separated_by_commas_or_blanks() {
        let raw = good("&prompt=login%20select_account&scope=gender,birthday");
        let ask = Ask::read(&app(), &raw).unwrap();
        assert_eq!(ask.prompts, [Prompt::Login, Prompt::SelectAccount]);
        assert_eq!(ask.scopes, ["gender", "birthday"]);
        let old = Ask::read(&app(), &good("&auth_type=reauthenticate")).unwrap();
        assert_eq!(old.prompts, [Prompt::Login]);
        let silent = good("&auth_type=reauthenticate&prompt=none");
        assert!(Ask::read(&app(), &silent).unwrap().is_silent());
    }

    #[test]
    fn the_way_back_keeps_an_existing_query_and_encodes_blanks_as_percent_twenty() {
        assert_eq!(
            with_query("http://a/?b=c", &[("d", "e f+&가"), ("g", "")]),
            "http://a/?b=c&d=e%20f%2B%26%EA%B0%80&g="
        );
    }
}
