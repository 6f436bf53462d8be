//! The emulator's own first page: what there is, what was asked, what was handed out, and the
//! switches for faults and time.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, ReqData};
use askama::Template;
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime};

use super::Shared;
use super::arming::MAIL;
use super::fault::Times;
use super::journal::{Endpoint, Recorded};
use super::page::{self, Frame, PersonView, person_view};
use super::received::Received;
use super::settings::AppSettings;
use super::state::State;
use super::texts::Texts;

/// Requests, codes and tokens of each kind shown.
const SHOWN: usize = 30;
const MOMENT: &[FormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
/// Values of which only the beginning is shown.
const SECRETS: [&str; 7] = [
    "access_token",
    "client_secret",
    "code",
    "code_verifier",
    "id_token",
    "refresh_token",
    "state",
];

#[derive(Template)]
#[template(path = "emulator/index.html")]
struct IndexPage {
    frame: Frame,
    app: AppSettings,
    people: Vec<PersonView>,
    log_title: String,
    requests: Vec<RequestView>,
    issued: Vec<IssuedView>,
    faults: Vec<FaultView>,
    endpoints: [Endpoint; 18],
    mail_link: String,
    refused_fault: Option<String>,
    clock: String,
    steps: Vec<(i64, String)>,
}

struct RequestView {
    at: String,
    line: String,
    sent: Vec<(String, String)>,
    status: String,
}

struct IssuedView {
    kind: String,
    value: String,
    user_id: i64,
    left: String,
    state: String,
    live: bool,
}

struct FaultView {
    target: &'static str,
    fault: String,
    times: String,
}

/// `GET /`
pub(super) async fn index(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    show(&shared, &received, None)
}

/// `POST /emulator/faults`
pub(super) async fn add_fault(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let text = received.field("fault").unwrap_or_default().trim();
    let times = match received.field("times").map(str::parse) {
        Some(Ok(0)) => Times::Always,
        Some(Ok(times)) => Times::Exactly(times),
        _ => Times::Once,
    };
    let target = received.field("endpoint").unwrap_or_default();
    let armed = shared.state().arm(target, text, times);
    if armed.is_err() {
        return show(&shared, &received, Some(text.to_owned()));
    }
    back_to_index()
}

/// `POST /emulator/faults/clear`
pub(super) async fn clear_faults(shared: Data<Shared>) -> HttpResponse {
    shared.state().heal();
    back_to_index()
}

/// `POST /emulator/clock`
pub(super) async fn advance_clock(
    shared: Data<Shared>,
    received: ReqData<Received>,
) -> HttpResponse {
    let seconds = received.field("seconds").and_then(|text| text.parse().ok());
    shared
        .clock
        .advance(Duration::seconds(seconds.unwrap_or(0)));
    back_to_index()
}

/// `POST /emulator/unlink`: what a person does on Kakao's page of connected services.
pub(super) async fn unlink(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let mut state = shared.state();
    let person = received.field("person").and_then(|key| state.person(key));
    if let Some(user_id) = person.and_then(|person| person.user_id) {
        state.unlink(user_id);
    }
    back_to_index()
}

/// `POST /emulator/openid`: OpenID Connect `on` or `off`, or other `keys`.
pub(super) async fn openid(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let mut state = shared.state();
    match received.field("turn") {
        Some("on") => state.app.openid = true,
        Some("off") => state.app.openid = false,
        Some("keys") => state.ring.rotate(),
        _ => {}
    }
    back_to_index()
}

/// `POST /emulator/reset`
pub(super) async fn reset(shared: Data<Shared>) -> HttpResponse {
    shared.reset();
    back_to_index()
}

fn back_to_index() -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((LOCATION, "/"))
        .finish()
}

fn show(shared: &Shared, received: &Received, refused_fault: Option<String>) -> HttpResponse {
    let texts = received.language.texts();
    let now = shared.clock.now();
    let state = shared.state();
    let requests: Vec<_> = state.journal.requests().rev().take(SHOWN).collect();
    let person = |person| person_view(&state, person, received.language);
    let status = if refused_fault.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    let page = IndexPage {
        frame: Frame::new(shared, received.language, texts.index_title.to_string()),
        app: state.app.clone(),
        people: state.people.iter().map(person).collect(),
        log_title: texts.log.with(&[("n", &requests.len().to_string())]),
        requests: requests.into_iter().map(request_view).collect(),
        issued: issued(&state, texts, now),
        faults: faults(&state, texts),
        endpoints: Endpoint::ALL,
        mail_link: texts
            .mail_link
            .with(&[("n", &state.mailbox.mails().len().to_string())]),
        refused_fault,
        clock: texts.clock_now.with(&[
            ("now", &moment(now)),
            ("offset", &span(shared.clock.offset())),
        ]),
        steps: [
            (600, texts.minutes_10),
            (6 * 3_600, texts.hours_6),
            (86_400, texts.day_1),
            (31 * 86_400, texts.days_31),
            (60 * 86_400, texts.days_60),
        ]
        .map(|(seconds, name)| (seconds, name.to_string()))
        .into(),
    };
    page::render(status, &page)
}

fn request_view(request: &Recorded) -> RequestView {
    let shown = |(name, value): &(String, String)| {
        let value = if SECRETS.contains(&name.as_str()) {
            shortened(value)
        } else {
            value.clone()
        };
        (name.clone(), value)
    };
    let mut sent: Vec<_> = request
        .query
        .iter()
        .chain(&request.form)
        .map(shown)
        .collect();
    if let Some(header) = &request.authorization {
        let (scheme, credentials) = header.split_once(' ').unwrap_or(("", header));
        let value = format!("{scheme} {}", shortened(credentials));
        sent.push(("Authorization".to_owned(), value));
    }
    RequestView {
        at: moment(request.at),
        line: format!("{} {}", request.method, request.path),
        sent,
        status: request
            .status
            .map_or_else(|| "–".to_owned(), |status| status.to_string()),
    }
}

fn issued(state: &State, t: &Texts, now: OffsetDateTime) -> Vec<IssuedView> {
    let view = |kind: &str, name: &str, user_id, expires_at: OffsetDateTime, used: bool| {
        let live = !used && expires_at > now;
        let word = match (used, live) {
            (true, _) => t.used,
            (false, true) => t.live,
            (false, false) => t.expired,
        };
        IssuedView {
            kind: kind.to_owned(),
            value: shortened(name),
            user_id,
            left: if live {
                span(expires_at - now)
            } else {
                "–".to_owned()
            },
            state: word.to_string(),
            live,
        }
    };
    let (code, access, refresh) = (
        t.code.to_string(),
        t.access.to_string(),
        t.refresh.to_string(),
    );
    let codes = state.codes.newest().take(SHOWN);
    let codes = codes.map(|(name, it)| view(&code, name, it.user_id, it.expires_at, it.used));
    let accesses = state.access.newest().take(SHOWN);
    let accesses = accesses.map(|(name, it)| view(&access, name, it.user_id, it.expires_at, false));
    let refreshes = state.refresh.newest().take(SHOWN);
    let refreshes =
        refreshes.map(|(name, it)| view(&refresh, name, it.user_id, it.expires_at, false));
    codes.chain(accesses).chain(refreshes).collect()
}

fn faults(state: &State, t: &Texts) -> Vec<FaultView> {
    let view = |target: &'static str, fault: String, times: Times| FaultView {
        target,
        fault,
        times: match times {
            Times::Once => "1".to_owned(),
            Times::Exactly(left) => left.to_string(),
            Times::Always => t.always.to_string(),
        },
    };
    let kakaos = state.faults.armed().iter();
    let kakaos = kakaos.map(|it| view(it.endpoint.name(), it.fault.to_string(), it.times));
    let mails = state.mailbox.faults.armed().iter();
    let mails = mails.map(|(fault, times)| view(MAIL, fault.to_string(), *times));
    kakaos.chain(mails).collect()
}

/// Enough of a secret to tell two apart.
fn shortened(secret: &str) -> String {
    let mut start: String = secret.chars().take(6).collect();
    if secret.chars().nth(6).is_some() {
        start.push('…');
    }
    start
}

/// A moment as the pages show it.
pub(super) fn moment(at: OffsetDateTime) -> String {
    at.format(MOMENT).unwrap_or_default()
}

/// A length of time in days, hours, minutes and seconds, such as `59d 23:59:59`.
fn span(length: Duration) -> String {
    let total = length.whole_seconds().abs();
    let sign = if length.is_negative() { "-" } else { "" };
    let (days, hours) = (total / 86_400, total / 3_600 % 24);
    let (minutes, seconds) = (total / 60 % 60, total % 60);
    let clock = format!("{hours:02}:{minutes:02}:{seconds:02}");
    if days == 0 {
        return format!("{sign}{clock}");
    }
    format!("{sign}{days}d {clock}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_shortened_and_spans_are_readable() {
        assert_eq!(shortened("abcdef"), "abcdef");
        assert_eq!(shortened("가나다라마바사"), "가나다라마바…");
        assert_eq!(span(Duration::seconds(5_183_999)), "59d 23:59:59");
        assert_eq!(span(Duration::seconds(-61)), "-00:01:01");
    }
}
