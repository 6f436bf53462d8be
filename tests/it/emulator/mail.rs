//! The emulator's mail server as a program that sends mail finds it, and what was sent as a
//! person or a test reads it.

mod faults;
mod pages;
mod protocol;

use kakao_gate::emulator::Emulator;
use lettre::message::{MultiPart, header::ContentType};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use url::Url;

use super::Kakao;

/// A client that speaks SMTP by hand.
pub struct Smtp {
    stream: BufReader<TcpStream>,
}

impl Smtp {
    /// Connects and does not wait for the greeting.
    pub async fn connect(emulator: &Emulator) -> Self {
        let address = emulator.smtp_url().strip_prefix("smtp://").unwrap();
        let stream = TcpStream::connect(address).await.unwrap();
        Self {
            stream: BufReader::new(stream),
        }
    }

    /// Connects and says `EHLO`.
    pub async fn greeted(emulator: &Emulator) -> Self {
        let mut smtp = Self::connect(emulator).await;
        assert_eq!(smtp.code().await, 220);
        assert_eq!(smtp.say("EHLO test").await, 250);
        smtp
    }

    /// Up to the point where the message is expected.
    pub async fn at_data(emulator: &Emulator) -> Self {
        let mut smtp = Self::greeted(emulator).await;
        assert_eq!(smtp.say("MAIL FROM:<a@a.example>").await, 250);
        assert_eq!(smtp.say("RCPT TO:<b@b.example>").await, 250);
        assert_eq!(smtp.say("DATA").await, 354);
        smtp
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Sends one line and answers the code of the reply.
    pub async fn say(&mut self, line: &str) -> u16 {
        self.send(format!("{line}\r\n")).await;
        self.code().await
    }

    /// A whole reply, of as many lines as it has.
    pub async fn reply(&mut self) -> String {
        let mut reply = String::new();
        loop {
            let start = reply.len();
            assert_ne!(
                self.stream.read_line(&mut reply).await.unwrap(),
                0,
                "{reply}"
            );
            assert!(reply.ends_with("\r\n"), "{reply:?}");
            if reply.as_bytes()[start + 3] == b' ' {
                return reply;
            }
        }
    }

    pub async fn code(&mut self) -> u16 {
        let reply = self.reply().await;
        reply[..3].parse().unwrap()
    }

    /// What comes until the connection is closed.
    pub async fn rest(mut self) -> String {
        let mut rest = Vec::new();
        // A connection that was cut may end in an error; what came before it is kept.
        let _ = self.stream.read_to_end(&mut rest).await;
        String::from_utf8(rest).unwrap()
    }
}

/// The client of a service.
fn mailer(emulator: &Emulator) -> AsyncSmtpTransport<Tokio1Executor> {
    let url = Url::parse(emulator.smtp_url()).unwrap();
    AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(url.host_str().unwrap())
        .port(url.port().unwrap())
        .build()
}

fn invitation() -> Message {
    let text = "김하늘님, 안녕하세요.\n아래 주소를 열어 주세요:\n\
                http://127.0.0.1:8080/mail/confirm#t=abc-_1에서 확인합니다.\n.\n..끝\n";
    let html = "<p>김하늘님, <b>안녕하세요</b>.</p>";
    Message::builder()
        .from("카카오 게이트 <gate@service.example>".parse().unwrap())
        .to("김하늘 <sky@member.example>".parse().unwrap())
        .subject("이메일 주소를 확인해 주세요 ✉")
        .multipart(MultiPart::alternative_plain_html(
            text.to_owned(),
            html.to_owned(),
        ))
        .unwrap()
}

#[actix_web::test]
async fn korean_mail_arrives_whole() {
    let kakao = Kakao::start();
    let before = kakao.emulator.clock().now();
    let mailer = mailer(&kakao.emulator);
    mailer.send(invitation()).await.unwrap();
    let mails = kakao.emulator.mails();
    let [mail] = &mails[..] else {
        panic!("one mail in {mails:?}");
    };
    assert_eq!(mail.number, 1);
    assert!(mail.at >= before);
    assert_eq!(mail.sender, "gate@service.example");
    assert_eq!(mail.to, ["sky@member.example"]);
    assert_eq!(mail.from, "카카오 게이트 <gate@service.example>");
    assert_eq!(mail.subject, "이메일 주소를 확인해 주세요 ✉");
    assert_eq!(
        mail.text.trim_end(),
        "김하늘님, 안녕하세요.\n아래 주소를 열어 주세요:\n\
         http://127.0.0.1:8080/mail/confirm#t=abc-_1에서 확인합니다.\n.\n..끝"
    );
    assert_eq!(mail.html.trim_end(), "<p>김하늘님, <b>안녕하세요</b>.</p>");
    assert_eq!(mail.links, ["http://127.0.0.1:8080/mail/confirm#t=abc-_1"]);
    let subject = mail.headers.iter().find(|(name, _)| name == "Subject");
    assert!(subject.unwrap().1.starts_with("=?utf-8?b?"), "{subject:?}");
    assert!(mail.source.starts_with(b"From: "));
}

#[actix_web::test]
async fn a_client_sends_one_mail_after_the_other_to_several_people() {
    let kakao = Kakao::start();
    let mailer = mailer(&kakao.emulator);
    for subject in ["one", "둘"] {
        let message = Message::builder()
            .from("gate@service.example".parse().unwrap())
            .to("a@member.example".parse().unwrap())
            .bcc("b@member.example".parse().unwrap())
            .subject(subject)
            .header(ContentType::TEXT_PLAIN)
            .body("그대로".to_owned())
            .unwrap();
        mailer.send(message).await.unwrap();
    }
    let mails = kakao.emulator.mails();
    let subjects: Vec<_> = mails.iter().map(|mail| mail.subject.as_str()).collect();
    assert_eq!(subjects, ["one", "둘"]);
    assert_eq!(mails[1].to, ["a@member.example", "b@member.example"]);
    assert!(!String::from_utf8_lossy(&mails[1].source).contains("b@member"));
    assert_eq!(
        (mails[1].from.as_str(), mails[1].html.as_str()),
        ("gate@service.example", "")
    );
    assert_eq!(kakao.emulator.mail_attempts(), 2);
}

#[actix_web::test]
async fn a_reset_leaves_no_mail_and_no_mail_fault() {
    let kakao = Kakao::start();
    mailer(&kakao.emulator).send(invitation()).await.unwrap();
    let fault = kakao_gate::emulator::MailFault::RefuseNow;
    let always = kakao_gate::emulator::Times::Always;
    kakao.emulator.fail_mail(fault, always);
    kakao.emulator.world().reset();
    assert!(kakao.emulator.mails().is_empty());
    assert_eq!(kakao.emulator.mail_attempts(), 0);
    mailer(&kakao.emulator).send(invitation()).await.unwrap();
    assert_eq!(kakao.emulator.mails()[0].number, 1, "counted anew");
}

#[actix_web::test]
async fn a_stopped_emulator_takes_no_mail_and_leaves_nobody_waiting() {
    let kakao = Kakao::start();
    let address = kakao.emulator.smtp_url().replace("smtp://", "");
    let waiting = Smtp::at_data(&kakao.emulator).await;
    kakao.emulator.stop().await;
    assert_eq!(waiting.rest().await, "");
    assert!(std::net::TcpStream::connect(address).is_err());
}

#[actix_web::test]
async fn a_dropped_emulator_stops_taking_mail() {
    let kakao = Kakao::start();
    let waiting = Smtp::greeted(&kakao.emulator).await;
    drop(kakao);
    assert_eq!(waiting.rest().await, "");
}
