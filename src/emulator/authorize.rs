//! `GET /oauth/authorize`: which page, which redirect, in the order Kakao decides it. No HTTP and
//! no HTML here; the pages and the in-process shortcut both ask [`decide`].

use std::collections::BTreeSet;

use time::OffsetDateTime;
use url::form_urlencoded;

use super::people::Person;
use super::random::{NoRandomness, Random};
use super::received::{Pairs, first, pairs};
use super::settings::{AppSettings, ConsentItem, ItemLevel};
use super::state::{CODE_LIFE, Code, State};

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

/// Who is at the browser.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visitor<'a> {
    pub(super) person: &'a Person,
    /// Signed in during this very request, so that `prompt=login` is satisfied.
    pub(super) just_signed_in: bool,
}

/// What the person did on the consent page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Cancel,
    /// 전체 동의.
    AgreeAll,
    /// Everything required and nothing else.
    AgreeRequired,
    /// The items ticked.
    Agree(BTreeSet<String>),
}

/// What happens next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The browser goes back to the service with this.
    Return(Answer),
    /// The page for a new account.
    SignUp,
    /// The account chooser.
    Choose,
    /// The consent page; `missed` when a required item was left out (KOE203).
    Consent {
        items: Vec<ConsentItem>,
        missed: bool,
    },
    /// A page without a way back.
    Stop(Stop),
    /// A code for these newly agreed scopes.
    Grant(Vec<String>),
}

/// An error told to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) error: &'static str,
    pub(super) description: &'static str,
}

const DENIED: Answer = Answer {
    error: "access_denied",
    description: "User denied access",
};
const UNDER_AGE: Answer = Answer {
    error: "access_denied",
    description: "Not allowed under age 14",
};
const LOGIN_REQUIRED: Answer = Answer {
    error: "login_required",
    description: "user authentication required.",
};
const CONSENT_REQUIRED: Answer = Answer {
    error: "consent_required",
    description: "user consent required.",
};
const INTERACTION_REQUIRED: Answer = Answer {
    error: "interaction_required",
    description: "need to collect additional personal information.",
};

impl Answer {
    /// The error `name` with Kakao's words for it; a name without known words has none.
    pub(super) fn named(name: &str) -> Option<Self> {
        let wordless = |error| Self {
            error,
            description: "",
        };
        Some(match name {
            "access_denied" => DENIED,
            "login_required" => LOGIN_REQUIRED,
            "consent_required" => CONSENT_REQUIRED,
            "interaction_required" => INTERACTION_REQUIRED,
            "auto_login" => wordless("auto_login"),
            "invalid_client" => wordless("invalid_client"),
            "invalid_grant" => wordless("invalid_grant"),
            "invalid_request" => wordless("invalid_request"),
            "invalid_scope" => wordless("invalid_scope"),
            "misconfigured" => wordless("misconfigured"),
            "server_error" => wordless("server_error"),
            "unauthorized" => wordless("unauthorized"),
            "unauthorized_client" => wordless("unauthorized_client"),
            _ => return None,
        })
    }
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
        let prompts = prompts(sent("prompt").unwrap_or_default())?;
        let scopes = scopes(app, sent("scope").unwrap_or_default())?;
        if let Some(channel) = sent("channel_public_id") {
            return Err(Stop::new("KOE102", channel));
        }
        Ok(Self {
            raw: raw.to_owned(),
            client_id: client_id.to_owned(),
            redirect_uri: redirect_uri.to_owned(),
            state: sent("state").map(str::to_owned),
            prompts,
            scopes,
            login_hint: sent("login_hint").map(str::to_owned),
            challenge: challenge(&query)?,
        })
    }

    /// The redirect that takes an error back to the service.
    pub(super) fn error_location(&self, answer: Answer) -> String {
        let mut query = vec![("error", answer.error)];
        if !answer.description.is_empty() {
            query.push(("error_description", answer.description));
        }
        self.location(query)
    }

    fn location<'a>(&'a self, mut query: Vec<(&'a str, &'a str)>) -> String {
        if let Some(state) = &self.state {
            query.push(("state", state));
        }
        with_query(&self.redirect_uri, &query)
    }

    fn is_silent(&self) -> bool {
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
fn list(text: &str) -> impl Iterator<Item = &str> {
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
    let is_strange = |scope: &&str| app.level(scope).is_none();
    let strange: Vec<_> = list(text).filter(is_strange).collect();
    if !strange.is_empty() {
        return Err(Stop::new("KOE205", strange.join(", ")));
    }
    Ok(list(text).map(str::to_owned).collect())
}

/// PKCE with S256, the only method Kakao's discovery document names (RFC 7636 section 4.3).
fn challenge(query: &Pairs) -> Result<Option<String>, Stop> {
    let Some(challenge) = first(query, "code_challenge") else {
        return Ok(None);
    };
    if first(query, "code_challenge_method") != Some("S256") {
        return Err(Stop::new("KOE204", "code_challenge_method"));
    }
    Ok(Some(challenge.to_owned()))
}

/// What comes next for a trusted request.
pub(super) fn decide(
    state: &State,
    ask: &Ask,
    visitor: Option<Visitor<'_>>,
    reply: Option<&Reply>,
) -> Step {
    let form = if ask.prompts.contains(&Prompt::Create) {
        Step::SignUp
    } else {
        Step::Choose
    };
    let Some(visitor) = visitor else {
        return if ask.is_silent() {
            Step::Return(LOGIN_REQUIRED)
        } else {
            form
        };
    };
    let wants_form = !ask.prompts.is_empty() && !ask.is_silent();
    if wants_form && !visitor.just_signed_in {
        return form;
    }
    let person = visitor.person;
    if state.app.test_app && !state.app.members.contains(&person.key) {
        return Step::Stop(Stop::new("KOE005", ""));
    }
    if person.under_14 && state.app.refuse_under_14 {
        return Step::Return(UNDER_AGE);
    }
    let Some(items) = items_to_ask(state, ask, person) else {
        return Step::Grant(Vec::new());
    };
    if ask.is_silent() {
        return Step::Return(CONSENT_REQUIRED);
    }
    let Some(reply) = reply else {
        return Step::Consent {
            items,
            missed: false,
        };
    };
    consented(items, reply)
}

fn consented(items: Vec<ConsentItem>, reply: &Reply) -> Step {
    let is_agreed = |item: &ConsentItem| match reply {
        Reply::Cancel => false,
        Reply::AgreeAll => true,
        Reply::AgreeRequired => item.level == ItemLevel::Required,
        Reply::Agree(ticked) => ticked.contains(&item.scope),
    };
    if *reply == Reply::Cancel {
        return Step::Return(DENIED);
    }
    let is_missed = |item: &ConsentItem| item.level == ItemLevel::Required && !is_agreed(item);
    if items.iter().any(is_missed) {
        return Step::Consent {
            items,
            missed: true,
        };
    }
    let agreed = items.into_iter().filter(is_agreed);
    Step::Grant(agreed.map(|item| item.scope).collect())
}

/// The items of the consent page, or `None` when no page is due. The first link asks what is
/// required and optional, later only what `scope` names and the person has not agreed to; items
/// for use later are never asked without being named.
fn items_to_ask(state: &State, ask: &Ask, person: &Person) -> Option<Vec<ConsentItem>> {
    let link = person.user_id.and_then(|id| state.links.get(&id));
    let is_due = |item: &&ConsentItem| {
        let is_named = ask.scopes.contains(&item.scope);
        match link {
            None => is_named || item.level != ItemLevel::WhileUsing,
            Some(link) => is_named && !link.scopes.contains(&item.scope),
        }
    };
    let items: Vec<_> = state.app.items.iter().filter(is_due).cloned().collect();
    (link.is_none() || !items.is_empty()).then_some(items)
}

/// Links the person, or adds to the link, and answers the redirect with a new code.
pub(super) fn grant(
    state: &mut State,
    random: &Random,
    ask: &Ask,
    user_id: i64,
    scopes: Vec<String>,
    now: OffsetDateTime,
) -> Result<String, NoRandomness> {
    state.agree(user_id, scopes, now);
    let code = Code {
        client_id: ask.client_id.clone(),
        redirect_uri: ask.redirect_uri.clone(),
        user_id,
        challenge: ask.challenge.clone(),
        expires_at: now + CODE_LIFE,
        used: false,
    };
    let code = state.issue_code(random, code, now)?;
    Ok(ask.location(vec![("code", &code)]))
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

    fn state() -> State {
        State::new(&Settings::seeded("http://127.0.0.1:1"))
    }

    fn good(rest: &str) -> String {
        format!("client_id={REST_API_KEY}&redirect_uri={CALLBACK}&response_type=code{rest}")
    }

    fn stop(raw: &str) -> Stop {
        Ask::read(&state().app, raw).unwrap_err()
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
        assert!(Ask::read(&state().app, &twice).is_ok(), "the first counts");
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
    fn prompts_and_scopes_are_separated_by_commas_or_blanks() {
        let state = state();
        let raw = good("&prompt=login%20select_account&scope=gender,birthday");
        let ask = Ask::read(&state.app, &raw).unwrap();
        assert_eq!(ask.prompts, [Prompt::Login, Prompt::SelectAccount]);
        assert_eq!(ask.scopes, ["gender", "birthday"]);
    }

    #[test]
    fn items_for_use_later_are_asked_only_when_named() {
        let state = state();
        let visitor = |key: &str| Visitor {
            person: state.person(key).unwrap(),
            just_signed_in: false,
        };
        let ask = |rest: &str| Ask::read(&state.app, &good(rest)).unwrap();
        let asked = |step: Step| match step {
            Step::Consent { items, .. } => {
                items.into_iter().map(|item| item.scope).collect::<Vec<_>>()
            }
            other => panic!("{other:?}"),
        };
        let first = decide(&state, &ask(""), Some(visitor("ordinary")), None);
        assert_eq!(
            asked(first),
            ["profile_nickname", "profile_image", "account_email"]
        );
        let again = decide(&state, &ask(""), Some(visitor("linked")), None);
        assert_eq!(again, Step::Grant(Vec::new()));
        let more = ask("&scope=account_email,gender");
        let extra = decide(&state, &more, Some(visitor("linked")), None);
        assert_eq!(asked(extra), ["gender"]);
    }

    #[test]
    fn no_prompt_means_no_page() {
        let state = state();
        let ask = Ask::read(&state.app, &good("&prompt=none")).unwrap();
        let visitor = |key: &str| {
            Some(Visitor {
                person: state.person(key).unwrap(),
                just_signed_in: false,
            })
        };
        assert_eq!(
            decide(&state, &ask, None, None),
            Step::Return(LOGIN_REQUIRED)
        );
        assert_eq!(
            decide(&state, &ask, visitor("ordinary"), None),
            Step::Return(CONSENT_REQUIRED)
        );
        assert_eq!(
            decide(&state, &ask, visitor("linked"), None),
            Step::Grant(Vec::new())
        );
    }

    #[test]
    fn a_required_item_left_out_keeps_the_page() {
        let state = state();
        let ask = Ask::read(&state.app, &good("")).unwrap();
        let visitor = Visitor {
            person: state.person("ordinary").unwrap(),
            just_signed_in: true,
        };
        let reply = Reply::Agree(["account_email".to_owned()].into());
        let step = decide(&state, &ask, Some(visitor), Some(&reply));
        assert!(matches!(step, Step::Consent { missed: true, .. }));
        let required = decide(&state, &ask, Some(visitor), Some(&Reply::AgreeRequired));
        assert_eq!(required, Step::Grant(vec!["profile_nickname".into()]));
    }

    #[test]
    fn the_way_back_keeps_an_existing_query_and_encodes_blanks_as_percent_twenty() {
        assert_eq!(
            with_query("http://a/?b=c", &[("d", "e f+&가"), ("g", "")]),
            "http://a/?b=c&d=e%20f%2B%26%EA%B0%80&g="
        );
    }
}
