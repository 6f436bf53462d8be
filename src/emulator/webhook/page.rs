//! `/webhooks`: what was sent and where to. `/people/<key>`: what a person, or Kakao, may do about
//! a link.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Path, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;

use super::{EVENTS, REFERRERS, UnlinkMethod, disconnect, security_event, send_event};
use crate::emulator::Shared;
use crate::emulator::console::moment;
use crate::emulator::mail::page::{json_answer, wants_json};
use crate::emulator::page::{self, Frame, PersonView, person_view};
use crate::emulator::received::Received;
use crate::emulator::texts::item_name;

#[derive(Template)]
#[template(path = "emulator/webhooks.html")]
struct WebhooksPage {
    frame: Frame,
    unlink_url: String,
    methods: Vec<(String, bool)>,
    account_url: String,
    deliveries: Vec<DeliveryView>,
}

struct DeliveryView {
    at: String,
    about: String,
    line: String,
    status: String,
    milliseconds: u128,
    answer: String,
}

#[derive(Template)]
#[template(path = "emulator/person.html")]
struct PersonPage {
    frame: Frame,
    person: PersonView,
    /// Items and terms agreed to: the name in forms, the scope or tag, and what it is called.
    agreed: Vec<(&'static str, String, String)>,
    referrers: [&'static str; 5],
    events: Vec<&'static str>,
}

/// `GET /webhooks`: the newest first; with `format=json` everything that is known of them.
pub(in crate::emulator) async fn list(
    shared: Data<Shared>,
    received: ReqData<Received>,
    request: HttpRequest,
) -> HttpResponse {
    let t = received.language.texts();
    let state = shared.state();
    let deliveries = state.deliveries.all().rev();
    if wants_json(&received, &request) {
        return json_answer(deliveries.map(super::Delivery::told).collect());
    }
    let app = &state.app;
    let method = |method: UnlinkMethod| {
        let is_chosen = method == app.unlink_webhook_method;
        (method.to_string(), is_chosen)
    };
    let page = WebhooksPage {
        frame: Frame::new(&shared, received.language, t.hooks.to_string()),
        unlink_url: app.unlink_webhook_url.clone().unwrap_or_default(),
        methods: UnlinkMethod::ALL.map(method).into(),
        account_url: app.account_webhook_url.clone().unwrap_or_default(),
        deliveries: deliveries
            .map(|it| DeliveryView {
                at: moment(it.at),
                about: it.about.clone(),
                line: format!("{} {}", it.method, it.url),
                status: it
                    .status
                    .map_or_else(|| t.hook_silence.to_string(), |status| status.to_string()),
                milliseconds: it.took.as_millis(),
                answer: it.answer.chars().take(200).collect(),
            })
            .collect(),
    };
    page::render(StatusCode::OK, &page)
}

/// `POST /emulator/webhooks`: where webhooks go; an empty address switches one off.
pub(in crate::emulator) async fn configure(
    shared: Data<Shared>,
    received: ReqData<Received>,
) -> HttpResponse {
    let address = |name: &str| {
        let address = received.field(name).map(str::trim);
        address.filter(|text| !text.is_empty()).map(str::to_owned)
    };
    let app = &mut shared.state().app;
    app.unlink_webhook_url = address("unlink_url");
    app.account_webhook_url = address("account_url");
    let method = received.field("method").and_then(UnlinkMethod::named);
    app.unlink_webhook_method = method.unwrap_or_default();
    see("/webhooks")
}

/// `GET /people/<key>`
pub(in crate::emulator) async fn person(
    shared: Data<Shared>,
    received: ReqData<Received>,
    key: Path<String>,
) -> HttpResponse {
    let language = received.language;
    let view = {
        let state = shared.state();
        state.person(&key).map(|person| {
            let link = person.user_id.and_then(|id| state.links.get(&id));
            let scopes = link.iter().flat_map(|link| &link.scopes);
            let terms = link.iter().flat_map(|link| link.terms.keys());
            let scope = |scope: &String| {
                let name = item_name(scope, language).to_owned();
                ("scope", scope.clone(), name)
            };
            let term = |tag: &String| ("term", tag.clone(), tag.clone());
            let agreed = scopes.map(scope).chain(terms.map(term)).collect();
            (person_view(&state, person, language), agreed)
        })
    };
    let Some((person, agreed)) = view else {
        return page::not_found(&shared, &received);
    };
    let page = PersonPage {
        frame: Frame::new(&shared, language, person.nickname.clone()),
        person,
        agreed,
        referrers: REFERRERS,
        events: EVENTS
            .iter()
            .flat_map(|(_, names)| *names)
            .copied()
            .collect(),
    };
    page::render(StatusCode::OK, &page)
}

/// `POST /emulator/unlink`: what a person does on Kakao's page of connected services, or another
/// `referrer`; the service is told.
pub(in crate::emulator) async fn unlink(
    shared: Data<Shared>,
    received: ReqData<Received>,
) -> HttpResponse {
    let person = received.field("person").unwrap_or_default();
    let referrer = received.field("referrer").unwrap_or("UNLINK_FROM_APPS");
    disconnect(&shared, person, referrer).await;
    see(if received.field("referrer").is_some() {
        "/webhooks"
    } else {
        "/"
    })
}

/// `POST /emulator/withdraw`: a person takes back one consent, at Kakao.
pub(in crate::emulator) async fn withdraw(
    shared: Data<Shared>,
    received: ReqData<Received>,
) -> HttpResponse {
    let key = received.field("person").unwrap_or_default();
    let mut state = shared.state();
    let user_id = state.person(key).and_then(|person| person.user_id);
    if let Some(link) = user_id.and_then(|id| state.links.get_mut(&id)) {
        link.scopes
            .remove(received.field("scope").unwrap_or_default());
        link.terms
            .remove(received.field("term").unwrap_or_default());
    }
    let known = state.person(key).map(|person| person.key.clone());
    see(&known.map_or_else(|| "/".to_owned(), |key| format!("/people/{key}")))
}

/// `POST /emulator/event`: tells the service of an event. Nothing else happens.
pub(in crate::emulator) async fn event(
    shared: Data<Shared>,
    received: ReqData<Received>,
) -> HttpResponse {
    let key = received.field("person").unwrap_or_default();
    let user_id = shared.state().person(key).and_then(|person| person.user_id);
    let Some(user_id) = user_id else {
        return see("/");
    };
    let event = received.field("event").unwrap_or_default().to_owned();
    let here = Data::clone(&shared);
    let set = actix_web::web::block(move || security_event(&here, user_id, &event)).await;
    let Ok(Ok(set)) = set else {
        return HttpResponse::InternalServerError().finish();
    };
    match send_event(&shared, set).await {
        Ok(_) => see("/webhooks"),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

fn see(address: &str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, address))
        .finish()
}
