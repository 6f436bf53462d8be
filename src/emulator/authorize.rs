//! `GET /oauth/authorize`: which page, which redirect, in the order Kakao decides it. No HTTP and
//! no HTML here; the pages and the in-process shortcut both ask [`decide`].

use time::OffsetDateTime;

use super::ask::{Ask, Prompt, Stop};
use super::people::Person;
use super::random::{NoRandomness, Random};
use super::settings::{ConsentItem, ItemLevel, ServiceTerm};
use super::state::{Agreed, CODE_LIFE, Code, EmailScenario, State};

/// Who is at the browser.
#[derive(Clone, Copy, Debug)]
pub(super) struct Visitor<'a> {
    pub(super) person: &'a Person,
    /// Signed in during this very request, so that `prompt=login` is satisfied.
    pub(super) just_signed_in: bool,
    /// When they gave Kakao their credentials.
    pub(super) authenticated_at: OffsetDateTime,
    /// What this sign-in is told about the email.
    pub(super) email: EmailScenario,
}

/// What the person did on the consent page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Cancel,
    /// 전체 동의.
    AgreeAll,
    /// Everything required and nothing else.
    AgreeRequired,
    /// The items and terms ticked.
    Agree(Agreed),
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
    Consent { due: Due, missed: bool },
    /// A page without a way back.
    Stop(Stop),
    /// A code, with what was newly agreed to.
    Grant(Agreed),
}

/// What the consent page asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) items: Vec<ConsentItem>,
    pub(super) terms: Vec<ServiceTerm>,
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
    /// The redirect that takes the error back to the service.
    pub(super) fn location(self, ask: &Ask) -> String {
        let mut query = vec![("error", self.error)];
        if !self.description.is_empty() {
            query.push(("error_description", self.description));
        }
        ask.location(query)
    }

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
    let due = due(state, ask, person);
    if ask.is_silent() && due.is_some() {
        return Step::Return(CONSENT_REQUIRED);
    }
    if ask.is_silent() && person.needs_action {
        return Step::Return(INTERACTION_REQUIRED);
    }
    if state.app.test_app && !state.app.members.contains(&person.key) {
        return Step::Stop(Stop::new("KOE005", ""));
    }
    if person.under_14 && state.app.refuse_under_14 {
        return Step::Return(UNDER_AGE);
    }
    let Some(due) = due else {
        return Step::Grant(Agreed::default());
    };
    let Some(reply) = reply else {
        return Step::Consent { due, missed: false };
    };
    consented(due, reply)
}

fn consented(due: Due, reply: &Reply) -> Step {
    if *reply == Reply::Cancel {
        return Step::Return(DENIED);
    }
    let is_agreed = |required: bool, ticked: &dyn Fn(&Agreed) -> bool| match reply {
        Reply::Cancel => false,
        Reply::AgreeAll => true,
        Reply::AgreeRequired => required,
        Reply::Agree(agreed) => ticked(agreed),
    };
    let mut agreed = Agreed::default();
    let mut missed = false;
    for ConsentItem { scope, level } in &due.items {
        let required = *level == ItemLevel::Required;
        if is_agreed(required, &|ticked| ticked.scopes.contains(scope)) {
            agreed.scopes.insert(scope.clone());
        } else {
            missed |= required;
        }
    }
    for ServiceTerm { tag, required, .. } in &due.terms {
        if is_agreed(*required, &|ticked| ticked.terms.contains(tag)) {
            agreed.terms.insert(tag.clone());
        } else {
            missed |= required;
        }
    }
    if missed {
        return Step::Consent { due, missed };
    }
    Step::Grant(agreed)
}

/// What the consent page asks, or `None` when no page is due. The first link asks what is required
/// and optional, and the service terms, or those that the request names. Later only what it names
/// and the person has not agreed to; items for use later are never asked without being named.
fn due(state: &State, ask: &Ask, person: &Person) -> Option<Due> {
    let link = person.user_id.and_then(|id| state.links.get(&id));
    let is_due = |item: &&ConsentItem| {
        let is_named = ask.scopes.contains(&item.scope);
        match link {
            None => is_named || item.level != ItemLevel::WhileUsing,
            Some(link) => is_named && !link.scopes.contains(&item.scope),
        }
    };
    let is_term_due = |term: &&ServiceTerm| {
        let is_named = ask.terms.as_ref().map(|tags| tags.contains(&term.tag));
        match link {
            None => is_named.unwrap_or(true),
            Some(link) => is_named == Some(true) && !link.terms.contains_key(&term.tag),
        }
    };
    let app = &state.app;
    let due = Due {
        items: app.items.iter().filter(is_due).cloned().collect(),
        terms: app.terms.iter().filter(is_term_due).cloned().collect(),
    };
    (link.is_none() || due != Due::default()).then_some(due)
}

/// Links the person, or adds to the link, and answers the redirect with a new code.
pub(super) fn grant(
    state: &mut State,
    random: &Random,
    ask: &Ask,
    visitor: Visitor<'_>,
    agreed: Agreed,
    now: OffsetDateTime,
) -> Result<String, NoRandomness> {
    let user_id = visitor.person.user_id.unwrap_or_default();
    state.agree(user_id, agreed, now);
    let code = Code {
        client_id: ask.client_id.clone(),
        redirect_uri: ask.redirect_uri.clone(),
        user_id,
        challenge: ask.challenge.clone(),
        email: visitor.email,
        authenticated_at: visitor.authenticated_at,
        openid: ask.wants_id_token(&state.app),
        nonce: ask.nonce.clone(),
        expires_at: now + CODE_LIFE,
        used: false,
    };
    let code = state.issue_code(random, code, now)?;
    Ok(ask.location(vec![("code", &code)]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::settings::{REST_API_KEY, Settings};

    const CALLBACK: &str = "http%3A%2F%2F127.0.0.1%3A1%2Fauth%2Fkakao%2Fcallback";

    fn state() -> State {
        State::new(&Settings::seeded("http://127.0.0.1:1"))
    }

    fn good(rest: &str) -> String {
        format!("client_id={REST_API_KEY}&redirect_uri={CALLBACK}&response_type=code{rest}")
    }

    #[test]
    fn items_for_use_later_are_asked_only_when_named() {
        let state = state();
        let visitor = |key: &str| Visitor {
            person: state.person(key).unwrap(),
            just_signed_in: false,
            authenticated_at: OffsetDateTime::UNIX_EPOCH,
            email: EmailScenario::AsIs,
        };
        let ask = |rest: &str| Ask::read(&state.app, &good(rest)).unwrap();
        let asked = |step: Step| match step {
            Step::Consent { due, .. } => due
                .items
                .into_iter()
                .map(|item| item.scope)
                .collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        let first = decide(&state, &ask(""), Some(visitor("ordinary")), None);
        assert_eq!(
            asked(first),
            ["profile_nickname", "profile_image", "account_email"]
        );
        let again = decide(&state, &ask(""), Some(visitor("linked")), None);
        assert_eq!(again, Step::Grant(Agreed::default()));
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
                authenticated_at: OffsetDateTime::UNIX_EPOCH,
                email: EmailScenario::AsIs,
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
            Step::Grant(Agreed::default())
        );
    }

    #[test]
    fn a_silent_request_hears_of_consent_and_interaction_before_the_app_turns_people_away() {
        let mut state = state();
        state.app.test_app = true;
        let ask = Ask::read(&state.app, &good("&prompt=none")).unwrap();
        let step = |key: &str| {
            let visitor = Visitor {
                person: state.person(key).unwrap(),
                just_signed_in: false,
                authenticated_at: OffsetDateTime::UNIX_EPOCH,
                email: EmailScenario::AsIs,
            };
            decide(&state, &ask, Some(visitor), None)
        };
        assert_eq!(step("ordinary"), Step::Return(CONSENT_REQUIRED));
        assert_eq!(step("under-14"), Step::Return(CONSENT_REQUIRED));
        assert_eq!(step("needs-action"), Step::Return(INTERACTION_REQUIRED));
        assert_eq!(step("linked"), Step::Stop(Stop::new("KOE005", "")));
    }

    #[test]
    fn a_required_item_left_out_keeps_the_page() {
        let state = state();
        let ask = Ask::read(&state.app, &good("")).unwrap();
        let visitor = Visitor {
            person: state.person("ordinary").unwrap(),
            just_signed_in: true,
            authenticated_at: OffsetDateTime::UNIX_EPOCH,
            email: EmailScenario::AsIs,
        };
        let reply = Reply::Agree(Agreed {
            scopes: ["account_email".to_owned()].into(),
            ..Agreed::default()
        });
        let step = decide(&state, &ask, Some(visitor), Some(&reply));
        assert!(matches!(step, Step::Consent { missed: true, .. }));
        let required = decide(&state, &ask, Some(visitor), Some(&Reply::AgreeRequired));
        let agreed = Agreed {
            scopes: ["profile_nickname".to_owned()].into(),
            ..Agreed::default()
        };
        assert_eq!(required, Step::Grant(agreed));
    }
}
