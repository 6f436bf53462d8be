//! What a browser sees on its way through a sign-in: account chooser, sign-up and consent.
//! Everything works without script; the original request travels in a hidden field.

use actix_web::HttpResponse;
use actix_web::cookie::{Cookie, SameSite, time::Duration as CookieAge};
use actix_web::http::StatusCode;
use actix_web::web::{Data, ReqData};
use askama::Template;
use time::{Duration, OffsetDateTime};

use super::Shared;
use super::ask::{Ask, Prompt, Stop};
use super::authorize::{Due, Reply, Step, Visitor, decide, grant};
use super::journal::Endpoint;
use super::page::{Frame, PersonView, person_view, redirect, render, stop_page};
use super::panel::{Parameter, parameters};
use super::people::{Email, Person};
use super::received::Received;
use super::settings::{AppSettings, ItemLevel};
use super::state::{Agreed, EmailScenario, KEPT_SESSION_LIFE, SESSION_LIFE, State};
use super::texts::{Language, Texts, item_name};

#[derive(Template)]
#[template(path = "emulator/choose.html")]
struct ChoosePage {
    frame: Frame,
    lead: String,
    request: String,
    people: Vec<PersonView>,
    scenarios: Vec<(&'static str, String)>,
    parameters: Vec<Parameter>,
}

#[derive(Template)]
#[template(path = "emulator/create.html")]
struct CreatePage {
    frame: Frame,
    request: String,
    nickname: String,
    email: String,
    missing: bool,
    existing: String,
    parameters: Vec<Parameter>,
}

#[derive(Template)]
#[template(path = "emulator/consent.html")]
struct ConsentPage {
    frame: Frame,
    lead: String,
    request: String,
    person: String,
    /// The account's email; empty when it has none.
    email: String,
    /// Carried from the chooser.
    scenario: &'static str,
    other: String,
    items: Vec<ItemView>,
    missed: bool,
    parameters: Vec<Parameter>,
}

struct ItemView {
    /// Its name in the form: `item` or `term`.
    field: &'static str,
    value: String,
    name: String,
    required: bool,
    ticked: bool,
}

/// `GET /oauth/authorize`
pub(super) async fn authorize(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let now = shared.clock.now();
    let mut state = shared.state();
    let request = received.raw_query.as_str();
    let ask = match Ask::read(&state.app, request) {
        Ok(ask) => ask,
        Err(refused) => return stopped(&shared, &state, &received, request, &refused),
    };
    let cookie = received.session.as_deref().unwrap_or_default();
    let person = state.session_person(cookie, now).cloned();
    let visitor = person.as_ref().map(|person| Visitor {
        person,
        just_signed_in: false,
        authenticated_at: state.signed_in_at(cookie, &person.key, now),
        email: EmailScenario::AsIs,
    });
    proceed(&shared, &mut state, &received, &ask, visitor, None)
}

/// `POST /emulator/account`: an account was chosen or made.
pub(super) async fn choose(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let now = shared.clock.now();
    let mut state = shared.state();
    let request = received.field("request").unwrap_or_default();
    let ask = match Ask::read(&state.app, request) {
        Ok(ask) => ask,
        Err(refused) => return stopped(&shared, &state, &received, request, &refused),
    };
    let nickname = received.field("nickname").map(str::trim);
    if nickname == Some("") {
        return create_page(&shared, &state.app, &received, &ask, true);
    }
    let chosen = match nickname {
        Some(nickname) => Some(create(&mut state, &received, nickname, now)),
        None => received.field("person").map(str::to_owned),
    };
    let person = chosen.and_then(|key| state.person(&key).cloned());
    let Some(person) = person else {
        return choose_page(&shared, &state, &received, &ask);
    };
    let email = EmailScenario::named(received.field("scenario").unwrap_or_default());
    let scenario = received.field("scenario").filter(|text| !text.is_empty());
    if email == EmailScenario::AsIs
        && let Some(text) = scenario
    {
        // Only a form of somebody's own making names what is no fault.
        let _ = state.arm_once(text);
    }
    let visitor = |authenticated_at| {
        Some(Visitor {
            person: &person,
            just_signed_in: true,
            authenticated_at,
            email,
        })
    };
    if is_kept(&state, &received, &ask, &person, now) {
        let cookie = received.session.as_deref().unwrap_or_default();
        let visitor = visitor(state.signed_in_at(cookie, &person.key, now));
        return proceed(&shared, &mut state, &received, &ask, visitor, None);
    }
    let life = if received.field("keep").is_some() {
        KEPT_SESSION_LIFE
    } else {
        SESSION_LIFE
    };
    let Ok(session) = state.open_session(&shared.random, &person.key, life, now) else {
        return HttpResponse::InternalServerError().finish();
    };
    let mut response = proceed(&shared, &mut state, &received, &ask, visitor(now), None);
    let cookie = session_cookie(&shared, session, life);
    if response.add_cookie(&cookie).is_err() {
        return HttpResponse::InternalServerError().finish();
    }
    response
}

/// `POST /emulator/consent`: the consent page was answered.
pub(super) async fn consent(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let mut state = shared.state();
    let request = received.field("request").unwrap_or_default();
    let ask = match Ask::read(&state.app, request) {
        Ok(ask) => ask,
        Err(refused) => return stopped(&shared, &state, &received, request, &refused),
    };
    let person = received.field("person").and_then(|key| state.person(key));
    let Some(person) = person.cloned() else {
        return choose_page(&shared, &state, &received, &ask);
    };
    let ticked = |field: &str| {
        let ticked = received.form.iter().filter(|(name, _)| name == field);
        ticked.map(|(_, value)| value.clone()).collect()
    };
    let reply = if received.field("answer") == Some("cancel") {
        Reply::Cancel
    } else if received.field("all").is_some() {
        Reply::AgreeAll
    } else {
        Reply::Agree(Agreed {
            scopes: ticked("item"),
            terms: ticked("term"),
        })
    };
    let cookie = received.session.as_deref().unwrap_or_default();
    let visitor = Some(Visitor {
        person: &person,
        just_signed_in: true,
        authenticated_at: state.signed_in_at(cookie, &person.key, shared.clock.now()),
        email: EmailScenario::named(received.field("scenario").unwrap_or_default()),
    });
    proceed(&shared, &mut state, &received, &ask, visitor, Some(&reply))
}

/// Whether the browser's session goes on as it is: its own account was chosen, and nobody asked
/// for a new sign-in. Kakao does not extend a session by using it.
fn is_kept(
    state: &State,
    received: &Received,
    ask: &Ask,
    person: &Person,
    now: OffsetDateTime,
) -> bool {
    let cookie = received.session.as_deref().unwrap_or_default();
    let signed_in = state.session_person(cookie, now);
    signed_in.is_some_and(|known| known.key == person.key) && !ask.prompts.contains(&Prompt::Login)
}

/// Takes the next step for whoever is at the browser, who may have answered the consent page.
fn proceed(
    shared: &Shared,
    state: &mut State,
    received: &Received,
    ask: &Ask,
    visitor: Option<Visitor<'_>>,
    reply: Option<&Reply>,
) -> HttpResponse {
    let step = decide(state, ask, visitor, reply);
    match (step, visitor) {
        (Step::Return(answer), _) => redirect(&answer.location(ask)),
        (Step::SignUp, _) => create_page(shared, &state.app, received, ask, false),
        (Step::Consent { due, missed }, Some(visitor)) => {
            let items = item_views(due, reply, received.language);
            consent_page(shared, state, received, ask, visitor, items, missed)
        }
        // A code of the usual look that nobody knows.
        (Step::Grant(_), Some(_)) if received.is_head => match shared.random.code() {
            Ok(code) => redirect(&ask.location(vec![("code", &code)])),
            Err(_) => HttpResponse::InternalServerError().finish(),
        },
        (Step::Grant(agreed), Some(visitor)) => {
            let now = shared.clock.now();
            match grant(state, &shared.random, ask, visitor, agreed, now) {
                Ok(location) => redirect(&location),
                Err(_) => HttpResponse::InternalServerError().finish(),
            }
        }
        (Step::Stop(refused), _) => stopped(shared, state, received, &ask.raw, &refused),
        (Step::Choose | Step::Consent { .. } | Step::Grant(_), _) => {
            choose_page(shared, state, received, ask)
        }
    }
}

/// The page for a refusal of the request with this query.
fn stopped(
    shared: &Shared,
    state: &State,
    received: &Received,
    raw: &str,
    refused: &Stop,
) -> HttpResponse {
    let asked = (Endpoint::Authorize, raw);
    stop_page(shared, &state.app, received, asked, refused)
}

fn choose_page(shared: &Shared, state: &State, received: &Received, ask: &Ask) -> HttpResponse {
    let app = &state.app;
    let texts = received.language.texts();
    let now = shared.clock.now();
    let cookie = received.session.as_deref().unwrap_or_default();
    let signed_in = state.session_person(cookie, now).map(|person| &person.key);
    let mut people: Vec<_> = state
        .people
        .iter()
        .map(|person| {
            let is_hinted = is_hinted(ask, person);
            let mut view = person_view(state, person, received.language);
            if is_hinted {
                view.tags.insert(0, texts.hinted.to_string());
            }
            if signed_in == Some(&person.key) {
                view.tags.insert(0, texts.signed_in.to_string());
            }
            (is_hinted, view)
        })
        .collect();
    // What login_hint would prefill comes first; the sort keeps the order of the others.
    people.sort_by_key(|(is_hinted, _)| !is_hinted);
    let page = ChoosePage {
        frame: Frame::new(shared, received.language, texts.pick_title.to_string()),
        lead: texts.pick_lead.with(&[("app", &app.name)]),
        request: ask.raw.clone(),
        people: people.into_iter().map(|(_, view)| view).collect(),
        scenarios: scenarios(texts),
        parameters: parameters(Endpoint::Authorize, &ask.raw, app, texts),
    };
    render(StatusCode::OK, &page)
}

fn create_page(
    shared: &Shared,
    app: &AppSettings,
    received: &Received,
    ask: &Ask,
    missing: bool,
) -> HttpResponse {
    let texts = received.language.texts();
    let field = |name: &str| received.field(name).unwrap_or_default().to_owned();
    let page = CreatePage {
        frame: Frame::new(shared, received.language, texts.create_title.to_string()),
        request: ask.raw.clone(),
        nickname: field("nickname"),
        email: field("email"),
        missing,
        existing: with_prompt(&ask.raw, "select_account"),
        parameters: parameters(Endpoint::Authorize, &ask.raw, app, texts),
    };
    let status = if missing {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    render(status, &page)
}

fn consent_page(
    shared: &Shared,
    state: &State,
    received: &Received,
    ask: &Ask,
    visitor: Visitor<'_>,
    items: Vec<ItemView>,
    missed: bool,
) -> HttpResponse {
    let person = visitor.person;
    let email = person.email.as_ref();
    let texts = received.language.texts();
    let app = &state.app;
    let name = app.name.as_str();
    let page = ConsentPage {
        frame: Frame::new(
            shared,
            received.language,
            texts.consent_title.with(&[("app", name)]),
        ),
        lead: texts
            .consent_lead
            .with(&[("app", name), ("person", &person.nickname)]),
        request: ask.raw.clone(),
        person: person.key.clone(),
        email: email.map_or_else(String::new, |email| email.address.clone()),
        scenario: visitor.email.name(),
        other: with_prompt(&ask.raw, "select_account"),
        items,
        missed,
        parameters: parameters(Endpoint::Authorize, &ask.raw, app, texts),
    };
    render(StatusCode::OK, &page)
}

fn item_views(due: Due, reply: Option<&Reply>, language: Language) -> Vec<ItemView> {
    let nothing = Agreed::default();
    let ticked = match reply {
        Some(Reply::Agree(ticked)) => ticked,
        _ => &nothing,
    };
    let items = due.items.into_iter().map(|item| ItemView {
        field: "item",
        name: item_name(&item.scope, language).to_owned(),
        required: item.level == ItemLevel::Required,
        ticked: ticked.scopes.contains(&item.scope),
        value: item.scope,
    });
    let terms = due.terms.into_iter().map(|term| ItemView {
        field: "term",
        ticked: ticked.terms.contains(&term.tag),
        name: term.title,
        required: term.required,
        value: term.tag,
    });
    items.chain(terms).collect()
}

/// Adds the account that the sign-up form describes and answers its key.
fn create(state: &mut State, received: &Received, nickname: &str, now: OffsetDateTime) -> String {
    let key = format!("new-{}", state.people.len() + 1);
    let email = received.field("email").unwrap_or_default().trim();
    let person = Person {
        email: (!email.is_empty()).then(|| Email {
            address: email.to_owned(),
            valid: true,
            verified: true,
        }),
        ..Person::named(&key, nickname)
    };
    state.add_person(person, now);
    key
}

/// The session's life is fixed when it begins, and so is the cookie's.
fn session_cookie(shared: &Shared, session: String, life: Duration) -> Cookie<'static> {
    Cookie::build(shared.session_cookie.clone(), session)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .max_age(CookieAge::seconds(life.whole_seconds()))
        .finish()
}

fn is_hinted(ask: &Ask, person: &Person) -> bool {
    let Some(hint) = ask.login_hint.as_deref() else {
        return false;
    };
    let is_email = |email: &Email| email.address.eq_ignore_ascii_case(hint);
    person.key == hint || person.email.as_ref().is_some_and(is_email)
}

/// The same request with another `prompt`, as an address of this host.
fn with_prompt(raw: &str, prompt: &str) -> String {
    let kept = raw.split('&').filter(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && name != "prompt" && name != "emulator_fault"
    });
    let mut query: Vec<_> = kept.map(str::to_owned).collect();
    query.push(format!("prompt={prompt}"));
    format!("/oauth/authorize?{}", query.join("&"))
}

fn scenarios(t: &Texts) -> Vec<(&'static str, String)> {
    [
        ("", t.sc_ok),
        (EmailScenario::Declined.name(), t.sc_noemail),
        (EmailScenario::Unverified.name(), t.sc_unverified),
        ("token:KOE320", t.sc_used),
        ("token:KOE237", t.sc_rate),
        ("token:KOE303", t.sc_uri),
        ("token:KOE010", t.sc_secret),
        ("token:delay:3000", t.sc_slow),
        ("token:status:500", t.sc_down),
        ("me:-1", t.sc_me),
        ("me:-406", t.sc_under14),
    ]
    .map(|(fault, name)| (fault, name.to_string()))
    .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_account_is_asked_for_with_the_rest_of_the_request_unchanged() {
        assert_eq!(
            with_prompt(
                "client_id=a&prompt=login&state=x%20y&emulator_fault=cut",
                "select_account"
            ),
            "/oauth/authorize?client_id=a&state=x%20y&prompt=select_account"
        );
    }
}
