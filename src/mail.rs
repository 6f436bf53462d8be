//! Outgoing mail: one message, handed to one mail server. Queueing, and trying again, is the
//! outbox's; what a message says is the flows'.

use std::time::Duration;

use lettre::message::header::{ContentType, Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::transport::smtp::{self, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::vault::Secret;

/// The longest that one message may take, greeting to goodbye.
const PATIENCE: Duration = Duration::from_secs(20);

/// The longest that the server may take over one answer.
const PER_ANSWER: Duration = Duration::from_secs(10);

/// The most connections open to the server.
const CONNECTIONS: u32 = 4;

/// A message to one person, in the words they read it in. Serialised, it waits in the outbox.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Whom it goes to: an address that was parsed.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// What it says, paragraph by paragraph; one that is an address on the web becomes a link.
    pub paragraphs: Vec<String>,
    /// `ko` or `en`.
    pub lang: String,
}

/// What it says is nobody else's business.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Message(…)")
    }
}

/// Why a message did not go out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The server cannot be reached, is slow, or says to come back (4yz, RFC 5321 section 4.2.1).
    #[error("the mail server does not take the message now: {0}")]
    Later(String),
    /// The server says that it never will (5yz), or the message cannot be written down.
    #[error("the mail server refuses the message: {0}")]
    Never(String),
}

/// What is wrong with the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidSettings {
    /// `SMTP_URL` is none, or asks for something that is not spoken here.
    #[error("SMTP_URL is not smtps://…, or smtp://…?tls=required")]
    Url,
    /// `MAIL_FROM` is no mailbox.
    #[error("MAIL_FROM is not a mailbox, such as Service <no-reply@example.com>")]
    From,
}

/// Somebody who carries mail to the world.
#[derive(Clone)]
pub struct Postman {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl Postman {
    /// Carries to the server at `url` (`smtps://user:password@host:port`, or
    /// `smtp://…?tls=required`), in the name of `from`. Connects when there is something to carry.
    ///
    /// # Errors
    /// [`InvalidSettings`].
    pub fn new(url: &Secret, from: &str) -> Result<Self, InvalidSettings> {
        let from = from.parse().map_err(|_| InvalidSettings::From)?;
        let transport = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose())
            .map_err(|_| InvalidSettings::Url)?
            .timeout(Some(PER_ANSWER))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS))
            .build();
        Ok(Self { transport, from })
    }

    /// Hands a message to the server. Once it has said yes the message is its own. Carried twice
    /// under one `id`, because an answer was lost, it is one message to those who look.
    ///
    /// # Errors
    /// [`Error`]; the text names neither addresses nor what the message says.
    pub async fn carry(&self, id: Uuid, message: &Message) -> Result<(), Error> {
        let letter = letter(&self.from, id, message)?;
        let carried = tokio::time::timeout(PATIENCE, self.transport.send(letter)).await;
        match carried {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if error.is_permanent() => Err(Error::Never(told(&error))),
            Ok(Err(error)) => Err(Error::Later(told(&error))),
            Err(_) => Err(Error::Later("no answer in time".to_owned())),
        }
    }
}

fn letter(from: &Mailbox, id: Uuid, message: &Message) -> Result<lettre::Message, Error> {
    let never = |what: &str| Error::Never(what.to_owned());
    let to = message.to.parse().map_err(|_| never("no address"))?;
    let plain = SinglePart::plain(message.paragraphs.join("\n\n"));
    let html = SinglePart::builder()
        .header(ContentType::TEXT_HTML)
        .body(html(message));
    lettre::Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(one_line(&message.subject))
        .header(AutoSubmitted)
        .message_id(Some(format!("<{id}@{}>", from.email.domain())))
        .multipart(MultiPart::alternative().singlepart(plain).singlepart(html))
        .map_err(|_| never("it cannot be written down"))
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// What the server said, by number; its words may name the person.
fn told(error: &smtp::Error) -> String {
    match error.status() {
        Some(code) => format!("it answered {code}"),
        None if error.is_timeout() => "no answer in time".to_owned(),
        None if error.is_tls() => "the connection cannot be secured".to_owned(),
        None => "the connection failed".to_owned(),
    }
}

/// The same words for those who read mail as pages: no pictures, nothing to be fetched.
fn html(message: &Message) -> String {
    let paragraphs: Vec<String> = message
        .paragraphs
        .iter()
        .map(|paragraph| {
            let text = escaped(paragraph);
            if paragraph.starts_with("https://") || paragraph.starts_with("http://") {
                format!("<p><a href=\"{text}\">{text}</a></p>")
            } else {
                format!("<p>{}</p>", text.replace('\n', "<br>"))
            }
        })
        .collect();
    format!(
        "<!doctype html><html lang=\"{}\"><meta charset=\"utf-8\"><title>{}</title><body>{}",
        escaped(&message.lang),
        escaped(&message.subject),
        paragraphs.concat()
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// Says that no person wrote this, so that none is answered by a machine (RFC 3834 section 5).
#[derive(Clone, Copy)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from() -> Mailbox {
        "예시서비스 <no-reply@example.com>".parse().unwrap()
    }

    fn message() -> Message {
        Message {
            to: "hong@example.com".to_owned(),
            subject: "[예시서비스] 이메일을 확인해 주세요".to_owned(),
            paragraphs: vec![
                "아래 링크를 <30분> 안에 열어 주세요.".to_owned(),
                "https://login.example.com/join/verify?token=a&b=\"c\"".to_owned(),
            ],
            lang: "ko".to_owned(),
        }
    }

    #[test]
    fn a_letter_says_the_same_twice_and_that_nobody_wrote_it() {
        let letter = letter(&from(), Uuid::nil(), &message()).unwrap();
        let text = String::from_utf8(letter.formatted()).unwrap();
        for line in [
            "To: hong@example.com\r\n",
            "Message-ID: <00000000-0000-0000-0000-000000000000@example.com>\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Content-Type: multipart/alternative;",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "Content-Type: text/html; charset=utf-8\r\n",
        ] {
            assert!(text.contains(line), "{line:?} in {text}");
        }
        assert!(!text.contains("예시"), "headers and bodies are encoded");
        let html = html(&message());
        assert!(html.contains("&lt;30분&gt;"), "{html}");
        let link = "https://login.example.com/join/verify?token=a&amp;b=&quot;c&quot;";
        assert!(
            html.contains(&format!("<a href=\"{link}\">{link}</a>")),
            "{html}"
        );
    }

    // WB-3
    #[test]
    fn nothing_in_a_message_becomes_a_header() {
        let mut message = message();
        message.subject = "a\r\nBcc: evil@example.com".to_owned();
        let formatted = letter(&from(), Uuid::nil(), &message).unwrap().formatted();
        let text = String::from_utf8(formatted).unwrap();
        assert!(
            text.contains("\r\nSubject: a  Bcc: evil@example.com\r\n"),
            "{text}"
        );
        message.to = "a@example.com, b@example.com".to_owned();
        assert!(matches!(
            letter(&from(), Uuid::nil(), &message),
            Err(Error::Never(_))
        ));
    }

    // CF-1
    #[tokio::test]
    async fn settings_that_cannot_work_are_refused() {
        let url = Secret::new("smtps://mail.example.com");
        for from in ["", "Service", "a@b@c"] {
            let refused = Postman::new(&url, from).err();
            assert_eq!(refused, Some(InvalidSettings::From), "{from:?}");
        }
        for url in ["", "mail.example.com", "http://mail.example.com"] {
            let refused = Postman::new(&Secret::new(url), "a@b.co").err();
            assert_eq!(refused, Some(InvalidSettings::Url), "{url:?}");
        }
    }
}
