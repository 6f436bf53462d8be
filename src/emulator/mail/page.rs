//! `/mail`: what services have sent, to read and to follow its links.

use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, CACHE_CONTROL};
use actix_web::web::{Data, Path, ReqData};
use actix_web::{HttpRequest, HttpResponse};
use askama::Template;
use serde_json::{Value, json};
use time::format_description::well_known::Rfc3339;

use super::Mail;
use super::letter::linked;
use crate::emulator::Shared;
use crate::emulator::console::moment;
use crate::emulator::page::{self, Frame};
use crate::emulator::received::{Received, first};

#[derive(Template)]
#[template(path = "emulator/mails.html")]
struct MailsPage {
    frame: Frame,
    lead: String,
    tally: String,
    mails: Vec<Entry>,
}

/// A line of the list.
struct Entry {
    number: u64,
    subject: String,
    to: String,
    at: String,
}

#[derive(Template)]
#[template(path = "emulator/mail.html")]
struct MailPage {
    frame: Frame,
    mail: Mail,
    to: String,
    at: String,
    text: Vec<Piece>,
}

/// A piece of a mail's text.
struct Piece {
    text: String,
    is_link: bool,
}

/// `GET /mail`: the list, the newest first; with `format=json` or `Accept: application/json`
/// everything that is in the mails.
pub(in crate::emulator) async fn list(
    shared: Data<Shared>,
    received: ReqData<Received>,
    request: HttpRequest,
) -> HttpResponse {
    let t = received.language.texts();
    let state = shared.state();
    let mails = state.mailbox.mails().rev();
    if wants_json(&received, &request) {
        return json_answer(mails.map(told).collect());
    }
    let page = MailsPage {
        frame: Frame::new(&shared, received.language, t.mail.to_string()),
        lead: t.mail_lead.with(&[("url", &shared.smtp_url)]),
        tally: t.mail_tally.with(&[
            ("n", &mails.len().to_string()),
            ("attempts", &state.mailbox.attempts().to_string()),
        ]),
        mails: mails
            .map(|mail| Entry {
                number: mail.number,
                subject: mail.subject.clone(),
                to: mail.to.join(", "),
                at: moment(mail.at),
            })
            .collect(),
    };
    page::render(StatusCode::OK, &page)
}

/// `GET /mail/<number>`: one mail. Its html is shown as text, because rendering it here would let
/// a mail look like the emulator.
pub(in crate::emulator) async fn show(
    shared: Data<Shared>,
    received: ReqData<Received>,
    request: HttpRequest,
    number: Path<String>,
) -> HttpResponse {
    let number = number.parse().ok();
    let mail = number.and_then(|number| shared.state().mailbox.mail(number).cloned());
    let Some(mail) = mail else {
        return page::not_found(&shared, &received);
    };
    if wants_json(&received, &request) {
        return json_answer(told(&mail));
    }
    let t = received.language.texts();
    let title = if mail.subject.is_empty() {
        t.mail_no_subject.to_string()
    } else {
        mail.subject.clone()
    };
    let piece = |(text, is_link): (&str, bool)| Piece {
        text: text.to_owned(),
        is_link,
    };
    let page = MailPage {
        frame: Frame::new(&shared, received.language, title),
        to: mail.to.join(", "),
        at: moment(mail.at),
        text: linked(&mail.text).map(piece).collect(),
        mail,
    };
    page::render(StatusCode::OK, &page)
}

/// Whether a program asks, rather than a person.
pub(in crate::emulator) fn wants_json(received: &Received, request: &HttpRequest) -> bool {
    let accepted = request.headers().get(ACCEPT);
    let accepted = accepted.and_then(|value| value.to_str().ok());
    first(&received.query, "format") == Some("json")
        || accepted.is_some_and(|accepted| accepted.starts_with("application/json"))
}

/// What a page has, for a program.
pub(in crate::emulator) fn json_answer(body: Value) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(body)
}

fn told(mail: &Mail) -> Value {
    json!({
        "number": mail.number,
        "at": mail.at.format(&Rfc3339).ok(),
        "sender": mail.sender,
        "to": mail.to,
        "from": mail.from,
        "subject": mail.subject,
        "text": mail.text,
        "html": mail.html,
        "links": mail.links,
        "headers": mail.headers,
    })
}
