//! What every page shares: its frame, its headers, and the pages that lead nowhere.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use askama::Template;

use super::Shared;
use super::ask::Stop;
use super::journal::Endpoint;
use super::panel::{Parameter, parameters};
use super::people::Person;
use super::received::Received;
use super::settings::AppSettings;
use super::state::State;
use super::texts::{Language, Texts, koe_words};

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
#[template(path = "emulator/problem.html")]
struct ProblemPage {
    frame: Frame,
    sentence: String,
    detail: String,
    /// Empty where no request of a service led here.
    parameters: Vec<Parameter>,
}

/// A redirect the way Kakao sends it: `302` and no body.
pub(super) fn redirect(location: &str) -> HttpResponse {
    HttpResponse::Found()
        .insert_header((LOCATION, location))
        .insert_header((CACHE_CONTROL, "no-store"))
        .finish()
}

/// The page for a KOE code about what was `asked`: the address and the query it came with.
pub(super) fn stop(
    shared: &Shared,
    received: &Received,
    asked: (Endpoint, &str),
    stop: &Stop,
) -> HttpResponse {
    stop_page(shared, &shared.state().app, received, asked, stop)
}

/// The page for a form that another site has sent.
pub(super) fn foreign(shared: &Shared, received: &Received) -> HttpResponse {
    let texts = received.language.texts();
    let page = ProblemPage {
        frame: Frame::new(shared, received.language, texts.foreign_title.to_string()),
        sentence: texts.foreign_text.to_string(),
        detail: String::new(),
        parameters: Vec::new(),
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
        parameters: Vec::new(),
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

/// The page for a KOE code, for a caller that holds the state.
pub(super) fn stop_page(
    shared: &Shared,
    app: &AppSettings,
    received: &Received,
    (endpoint, raw): (Endpoint, &str),
    stop: &Stop,
) -> HttpResponse {
    let (title, sentence) = koe_words(&stop.code, received.language);
    let title = format!("{title} ({})", stop.code);
    let page = ProblemPage {
        frame: Frame::new(shared, received.language, title),
        sentence: format!("{}: {sentence}", app.name),
        detail: stop.detail.clone(),
        parameters: parameters(endpoint, raw, app, received.language.texts()),
    };
    render(StatusCode::BAD_REQUEST, &page)
}

/// How the chooser and the index show `person`.
pub(super) fn person_view(state: &State, person: &Person, language: Language) -> PersonView {
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
        (person.needs_action, t.needs_action),
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
        // Without a host, because the policy knows the page by whatever name it was opened.
        picture: format!("/pictures/{picture}-110.png"),
        email: email.map_or_else(String::new, |email| email.address.clone()),
        user_id,
        linked: link.is_some(),
        tags: tags.map(|(_, tag)| tag.to_string()).collect(),
    }
}
