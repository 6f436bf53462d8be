//! What a browser sees on its way through a sign-in: account chooser, sign-up, consent, and the
//! pages that lead nowhere. Everything works without script; the original request travels in a
//! hidden field.

use actix_web::HttpResponse;
use actix_web::cookie::{Cookie, SameSite, time::Duration as CookieAge};
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use actix_web::web::{Data, ReqData};
use askama::Template;
use time::{Duration, OffsetDateTime};

use super::Shared;
use super::authorize::{Ask, Reply, Step, Stop, Visitor, decide, grant};
use super::fault::Times;
use super::people::{Email, Person};
use super::received::{Received, pairs};
use super::serve::targeted;
use super::settings::{ConsentItem, ItemLevel};
use super::state::{KEPT_SESSION_LIFE, SESSION_LIFE, State};
use super::texts::{Language, Texts, item_name, koe_words};

/// No `form-action`: browsers would check it against every redirect after a form, and the answer
/// to these forms is a redirect to whatever service is being developed.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// What every page has.
pub(super) struct Frame {
    pub(super) lang: &'static str,
    pub(super) t: &'static Texts,
    pub(super) title: String,
    /// Host and port, so that two emulators are not mistaken for each other.
    pub(super) host: String,
}

impl Frame {
    pub(super) fn new(shared: &Shared, language: Language, title: impl Into<String>) -> Self {
        Self {
            lang: language.tag(),
            t: language.texts(),
            title: title.into(),
            host: shared.address.to_string(),
        }
    }
}

/// A line of the side panel.
struct Parameter {
    name: String,
    value: String,
    /// What is to be said about it, and whether it is as it should be.
    check: Option<(bool, String)>,
}

/// A person as the chooser and the index show them.
pub(super) struct PersonView {
    pub(super) key: String,
    pub(super) nickname: String,
    pub(super) picture: String,
    pub(super) email: String,
    pub(super) user_id: i64,
    pub(super) linked: bool,
    pub(super) tags: Vec<String>,
}

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
    other: String,
    items: Vec<ItemView>,
    missed: bool,
    parameters: Vec<Parameter>,
}

struct ItemView {
    scope: String,
    name: String,
    required: bool,
    ticked: bool,
}

#[derive(Template)]
#[template(path = "emulator/problem.html")]
struct ProblemPage {
    frame: Frame,
    sentence: String,
    detail: String,
}

/// `GET /oauth/authorize`
pub(super) async fn authorize(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let now = shared.clock.now();
    let mut state = shared.state();
    let ask = match Ask::read(&state.app, &received.raw_query) {
        Ok(ask) => ask,
        Err(refused) => return stop_page(&shared, &state, &received, &refused),
    };
    let cookie = received.session.as_deref().unwrap_or_default();
    let person = state.session_person(cookie, now).cloned();
    let visitor = person.as_ref().map(|person| Visitor {
        person,
        just_signed_in: false,
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
        Err(refused) => return stop_page(&shared, &state, &received, &refused),
    };
    let nickname = received.field("nickname").map(str::trim);
    if nickname == Some("") {
        return create_page(&shared, &received, &ask, true);
    }
    let chosen = match nickname {
        Some(nickname) => Some(create(&mut state, &received, nickname, now)),
        None => received.field("person").map(str::to_owned),
    };
    let person = chosen.and_then(|key| state.person(&key).cloned());
    let Some(person) = person else {
        return choose_page(&shared, &state, &received, &ask);
    };
    let scenario = received.field("scenario").filter(|text| !text.is_empty());
    if let Some((endpoint, fault)) = scenario.and_then(targeted) {
        state.faults.arm(endpoint, fault, Times::Once);
    }
    let life = if received.field("keep").is_some() {
        KEPT_SESSION_LIFE
    } else {
        SESSION_LIFE
    };
    let Ok(session) = state.open_session(&shared.random, &person.key, life, now) else {
        return HttpResponse::InternalServerError().finish();
    };
    let visitor = Some(Visitor {
        person: &person,
        just_signed_in: true,
    });
    let mut response = proceed(&shared, &mut state, &received, &ask, visitor, None);
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
        Err(refused) => return stop_page(&shared, &state, &received, &refused),
    };
    let person = received.field("person").and_then(|key| state.person(key));
    let Some(person) = person.cloned() else {
        return choose_page(&shared, &state, &received, &ask);
    };
    let items = received.form.iter().filter(|(name, _)| name == "item");
    let reply = if received.field("answer") == Some("cancel") {
        Reply::Cancel
    } else if received.field("all").is_some() {
        Reply::AgreeAll
    } else {
        Reply::Agree(items.map(|(_, scope)| scope.clone()).collect())
    };
    let visitor = Some(Visitor {
        person: &person,
        just_signed_in: true,
    });
    proceed(&shared, &mut state, &received, &ask, visitor, Some(reply))
}

/// A redirect the way Kakao sends it: `302` and no body.
pub(super) fn redirect(location: &str) -> HttpResponse {
    HttpResponse::Found()
        .insert_header((LOCATION, location))
        .insert_header((CACHE_CONTROL, "no-store"))
        .finish()
}

/// The page for a KOE code.
pub(super) fn stop(shared: &Shared, received: &Received, stop: &Stop) -> HttpResponse {
    stop_page(shared, &shared.state(), received, stop)
}

/// The page for a form that another site has sent.
pub(super) fn foreign(shared: &Shared, received: &Received) -> HttpResponse {
    let texts = received.language.texts();
    let page = ProblemPage {
        frame: Frame::new(shared, received.language, texts.foreign_title.to_string()),
        sentence: texts.foreign_text.to_string(),
        detail: String::new(),
    };
    render(StatusCode::FORBIDDEN, &page)
}

/// The page for an address that neither Kakao nor the emulator has.
pub(super) fn not_found(shared: &Shared, received: &Received) -> HttpResponse {
    let texts = received.language.texts();
    let page = ProblemPage {
        frame: Frame::new(shared, received.language, texts.missing_title.to_string()),
        sentence: texts.missing_text.to_string(),
        detail: String::new(),
    };
    render(StatusCode::NOT_FOUND, &page)
}

/// An answer with the page and the headers every page has.
pub(super) fn render(status: StatusCode, page: &impl Template) -> HttpResponse {
    let Ok(html) = page.render() else {
        return HttpResponse::InternalServerError().finish();
    };
    HttpResponse::build(status)
        .content_type("text/html; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((CONTENT_SECURITY_POLICY, POLICY))
        // Anything stricter makes browsers send `Origin: null` with the emulator's own forms.
        .insert_header((REFERRER_POLICY, "same-origin"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .body(html)
}

/// Takes the next step for whoever is at the browser, who may have answered the consent page.
fn proceed(
    shared: &Shared,
    state: &mut State,
    received: &Received,
    ask: &Ask,
    visitor: Option<Visitor<'_>>,
    reply: Option<Reply>,
) -> HttpResponse {
    let person = visitor.map(|visitor| visitor.person);
    let step = decide(state, ask, visitor, reply.as_ref());
    match (step, person) {
        (Step::Return(answer), _) => redirect(&ask.error_location(answer)),
        (Step::SignUp, _) => create_page(shared, received, ask, false),
        (Step::Consent { items, missed }, Some(person)) => {
            let view = items.into_iter().map(|item| {
                let ticked = matches!(&reply, Some(Reply::Agree(set)) if set.contains(&item.scope));
                item_view(item, ticked, received.language)
            });
            consent_page(shared, state, received, ask, person, view.collect(), missed)
        }
        (Step::Grant(scopes), Some(person)) => {
            let user_id = person.user_id.unwrap_or_default();
            let now = shared.clock.now();
            match grant(state, &shared.random, ask, user_id, scopes, now) {
                Ok(location) => redirect(&location),
                Err(_) => HttpResponse::InternalServerError().finish(),
            }
        }
        (Step::Stop(refused), _) => stop_page(shared, state, received, &refused),
        (Step::Choose | Step::Consent { .. } | Step::Grant(_), _) => {
            choose_page(shared, state, received, ask)
        }
    }
}

fn stop_page(shared: &Shared, state: &State, received: &Received, stop: &Stop) -> HttpResponse {
    let (title, sentence) = koe_words(&stop.code, received.language);
    let title = format!("{title} ({})", stop.code);
    let page = ProblemPage {
        frame: Frame::new(shared, received.language, title),
        sentence: format!("{}: {sentence}", state.app.name),
        detail: stop.detail.clone(),
    };
    render(StatusCode::BAD_REQUEST, &page)
}

fn choose_page(shared: &Shared, state: &State, received: &Received, ask: &Ask) -> HttpResponse {
    let texts = received.language.texts();
    let now = shared.clock.now();
    let cookie = received.session.as_deref().unwrap_or_default();
    let signed_in = state.session_person(cookie, now).map(|person| &person.key);
    let mut people: Vec<_> = state
        .people
        .iter()
        .map(|person| {
            let is_hinted = is_hinted(ask, person);
            let mut view = person_view(shared, state, person, received.language);
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
        lead: texts.pick_lead.with(&[("app", &state.app.name)]),
        request: ask.raw.clone(),
        people: people.into_iter().map(|(_, view)| view).collect(),
        scenarios: scenarios(texts),
        parameters: parameters(ask, texts),
    };
    render(StatusCode::OK, &page)
}

fn create_page(shared: &Shared, received: &Received, ask: &Ask, missing: bool) -> HttpResponse {
    let texts = received.language.texts();
    let field = |name: &str| received.field(name).unwrap_or_default().to_owned();
    let page = CreatePage {
        frame: Frame::new(shared, received.language, texts.create_title.to_string()),
        request: ask.raw.clone(),
        nickname: field("nickname"),
        email: field("email"),
        missing,
        existing: with_prompt(&ask.raw, "select_account"),
        parameters: parameters(ask, texts),
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
    person: &Person,
    items: Vec<ItemView>,
    missed: bool,
) -> HttpResponse {
    let texts = received.language.texts();
    let app = state.app.name.as_str();
    let page = ConsentPage {
        frame: Frame::new(
            shared,
            received.language,
            texts.consent_title.with(&[("app", app)]),
        ),
        lead: texts
            .consent_lead
            .with(&[("app", app), ("person", &person.nickname)]),
        request: ask.raw.clone(),
        person: person.key.clone(),
        other: with_prompt(&ask.raw, "select_account"),
        items,
        missed,
        parameters: parameters(ask, texts),
    };
    render(StatusCode::OK, &page)
}

fn item_view(item: ConsentItem, ticked: bool, language: Language) -> ItemView {
    ItemView {
        name: item_name(&item.scope, language).to_owned(),
        required: item.level == ItemLevel::Required,
        ticked,
        scope: item.scope,
    }
}

pub(super) fn person_view(
    shared: &Shared,
    state: &State,
    person: &Person,
    language: Language,
) -> PersonView {
    let t = language.texts();
    let user_id = person.user_id.unwrap_or_default();
    let link = state.links.get(&user_id);
    let email = person.email.as_ref();
    let tags = [
        (link.is_some(), t.connected),
        (
            link.is_some_and(|link| link.scopes.is_empty()),
            t.nothing_agreed,
        ),
        (email.is_none(), t.no_email),
        (email.is_some_and(|email| !email.verified), t.unverified),
        (email.is_some_and(|email| !email.valid), t.stale),
        (person.default_nickname, t.placeholder),
        (user_id > 1_000_000_000_000_000_000, t.long_id),
        (person.under_14, t.young),
    ];
    let tags = tags.into_iter().filter(|(applies, _)| *applies);
    let picture = if person.default_picture {
        "default"
    } else {
        &person.key
    };
    PersonView {
        key: person.key.clone(),
        nickname: person.nickname.clone(),
        picture: format!("{}/pictures/{picture}-110.svg", shared.url),
        email: email.map_or_else(String::new, |email| email.address.clone()),
        user_id,
        linked: link.is_some(),
        tags: tags.map(|(_, tag)| tag.to_string()).collect(),
    }
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
        ("token:KOE320", t.sc_used),
        ("token:KOE237", t.sc_rate),
        ("token:KOE303", t.sc_uri),
        ("token:KOE010", t.sc_secret),
        ("token:delay:3000", t.sc_slow),
        ("token:status:500", t.sc_down),
        ("me:-1", t.sc_me),
    ]
    .map(|(fault, name)| (fault, name.to_string()))
    .into()
}

/// What was received, and what there is to say about it.
fn parameters(ask: &Ask, t: &Texts) -> Vec<Parameter> {
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
