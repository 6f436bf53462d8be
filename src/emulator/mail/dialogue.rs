//! What is said in one connection, from the greeting to the end (RFC 5321 section 4).

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::sleep;

use super::command::{self, Command, NEEDS_UTF8};
use super::fault::MailFault;
use super::letter;
use super::limits::{
    ENDLESS, LARGEST_MAIL, LONGEST_COMMAND, LONGEST_TEXT_LINE, MOST_MISTAKES, MOST_RECIPIENTS,
};
use super::wire::{Line, Wire};
use crate::emulator::Shared;

/// A connection and what was said in it.
struct Dialogue {
    wire: Wire,
    shared: Arc<Shared>,
    greeted: bool,
    envelope: Option<Envelope>,
    mistakes: u32,
}

/// A mail that is being handed over.
struct Envelope {
    sender: String,
    utf8: bool,
    recipients: Vec<String>,
    fault: Option<MailFault>,
}

/// Whether the connection stays.
#[derive(Debug, PartialEq, Eq)]
enum Then {
    GoOn,
    Close,
}

/// Talks with a client until one of the two has had enough; `idle` is how long it may say nothing.
pub(super) async fn hold(stream: TcpStream, shared: Arc<Shared>, idle: Duration) {
    let mut wire = Wire::new(stream, idle);
    let is_silent = shared.state().mailbox.greets_nobody();
    if is_silent {
        return wire.be_silent().await;
    }
    let mut dialogue = Dialogue {
        wire,
        shared,
        greeted: false,
        envelope: None,
        mistakes: 0,
    };
    let farewell = match dialogue.run().await {
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            "421 4.4.2 Nothing came for too long"
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => "421 4.7.0 That does not end",
        _ => return,
    };
    // The client may have gone, which then is its own affair.
    let _ = dialogue.wire.say(farewell).await;
}

impl Dialogue {
    async fn run(&mut self) -> io::Result<()> {
        self.wire
            .say("220 localhost ESMTP emulator, delivers nothing")
            .await?;
        while let Some(line) = self.wire.line(LONGEST_COMMAND).await? {
            if is_http(&line) {
                return self.wire.say("421 4.7.0 This is not a web server").await;
            }
            let then = match read(&line) {
                Ok(command) => self.obey(command).await?,
                Err(refusal) => self.mistake(refusal).await?,
            };
            if then == Then::Close {
                break;
            }
        }
        Ok(())
    }

    async fn obey(&mut self, command: Command) -> io::Result<Then> {
        match command {
            Command::Hello { extended } => {
                self.greeted = true;
                self.envelope = None;
                let extensions = format!(
                    "250-localhost\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n\
                     250-ENHANCEDSTATUSCODES\r\n250 SIZE {LARGEST_MAIL}"
                );
                let reply = if extended {
                    &extensions
                } else {
                    "250 localhost"
                };
                self.answer(reply).await
            }
            Command::Mail { sender, utf8 } => self.begin(sender, utf8).await,
            Command::Recipient(address) => self.recipient(address).await,
            Command::Data => self.data().await,
            Command::Reset => {
                self.envelope = None;
                self.answer("250 2.0.0 Forgotten").await
            }
            Command::Nothing => self.answer("250 2.0.0 Yes").await,
            Command::Verify => self.answer("252 2.1.5 Try to send it").await,
            Command::Quit => {
                self.wire.say("221 2.0.0 Bye").await?;
                Ok(Then::Close)
            }
        }
    }

    /// `MAIL`: an attempt begins, and whatever is to befall it is decided.
    async fn begin(&mut self, sender: String, utf8: bool) -> io::Result<Then> {
        if !self.greeted {
            return self.mistake("503 5.5.1 Say EHLO first").await;
        }
        if self.envelope.is_some() {
            return self.mistake("503 5.5.1 One mail after the other").await;
        }
        let fault = self.shared.state().mailbox.attempt();
        match fault {
            Some(MailFault::Silence) => {
                self.wire.be_silent().await;
                return Ok(Then::Close);
            }
            Some(MailFault::Delay(time)) => sleep(time).await,
            _ => {}
        }
        self.envelope = Some(Envelope {
            sender,
            utf8,
            recipients: Vec::new(),
            fault,
        });
        self.answer("250 2.1.0 From them").await
    }

    async fn recipient(&mut self, address: String) -> io::Result<Then> {
        let Some(envelope) = &mut self.envelope else {
            return self.mistake("503 5.5.1 Say MAIL first").await;
        };
        let reply = match envelope.fault {
            Some(MailFault::RefuseNow) => "451 4.3.0 Not now, says the emulator",
            Some(MailFault::RefuseForGood) => "550 5.1.1 No such mailbox, says the emulator",
            _ if !address.is_ascii() && !envelope.utf8 => NEEDS_UTF8,
            _ if envelope.recipients.len() == MOST_RECIPIENTS => "452 4.5.3 Too many recipients",
            _ => {
                envelope.recipients.push(address);
                "250 2.1.5 To them"
            }
        };
        self.answer(reply).await
    }

    async fn data(&mut self) -> io::Result<Then> {
        let envelope = self.envelope.take();
        let Some(envelope) = envelope.filter(|envelope| !envelope.recipients.is_empty()) else {
            return self.mistake("503 5.5.1 Nobody to send it to").await;
        };
        self.wire
            .say("354 Go on, and end with a dot on a line of its own")
            .await?;
        let is_cut = envelope.fault == Some(MailFault::CutInData);
        let source = match self.message(is_cut).await? {
            Message::Whole(source) => source,
            Message::Refused(reply) => return self.answer(reply).await,
            Message::BrokenOff => return Ok(Then::Close),
        };
        let now = self.shared.clock.now();
        let mail = letter::read(&envelope.sender, &envelope.recipients, source, now);
        let number = self.shared.state().mailbox.keep(mail);
        if envelope.fault == Some(MailFault::LostAnswer) {
            return Ok(Then::Close);
        }
        self.answer(&format!("250 2.0.0 Kept as mail {number}"))
            .await
    }

    /// Reads a message to its end, also one that is refused, because its rest would be taken for
    /// commands. Only CR LF, dot, CR LF ends it: whoever took a bare LF for the end of a line
    /// would find a second mail in some messages that are one to others.
    async fn message(&mut self, is_cut: bool) -> io::Result<Message> {
        let mut source = Vec::new();
        let mut refusal = None;
        let mut total = 0;
        let mut at_line_start = true;
        while let Some(line) = self.wire.line(LONGEST_TEXT_LINE).await? {
            if is_cut {
                return Ok(Message::BrokenOff);
            }
            if at_line_start && line.bytes() == b".\r\n" {
                return Ok(refusal.map_or(Message::Whole(source), Message::Refused));
            }
            total += line.length;
            if total > ENDLESS {
                return Err(io::Error::from(io::ErrorKind::InvalidData));
            }
            let stuffed = line.bytes().strip_prefix(b".").filter(|_| at_line_start);
            let bytes = stuffed.unwrap_or(line.bytes());
            at_line_start = line.ended_well;
            let wrong = if source.len() + bytes.len() > LARGEST_MAIL {
                "552 5.3.4 Message too large"
            } else if line.length > LONGEST_TEXT_LINE {
                "554 5.6.0 A line is longer than 998 bytes"
            } else if !line.ended_well || line.content().contains(&b'\r') {
                "554 5.6.0 CR and LF stand together or not at all"
            } else {
                source.extend_from_slice(bytes);
                continue;
            };
            refusal = refusal.or(Some(wrong));
        }
        Ok(Message::BrokenOff)
    }

    async fn answer(&mut self, reply: &str) -> io::Result<Then> {
        self.wire.say(reply).await?;
        Ok(Then::GoOn)
    }

    /// A refusal of what makes no sense; who goes on like that is let go.
    async fn mistake(&mut self, reply: &str) -> io::Result<Then> {
        self.mistakes += 1;
        if self.mistakes > MOST_MISTAKES {
            self.wire.say("421 4.7.0 Too many mistakes").await?;
            return Ok(Then::Close);
        }
        self.answer(reply).await
    }
}

/// How a message ended.
enum Message {
    Whole(Vec<u8>),
    Refused(&'static str),
    BrokenOff,
}

fn read(line: &Line) -> Result<Command, command::Refusal> {
    if line.length > LONGEST_COMMAND {
        return Err("500 5.5.2 Line too long");
    }
    if !line.ended_well {
        return Err("500 5.5.2 Lines end with CR LF");
    }
    command::read(line.content())
}

/// Whether a browser is talking, which a web page can make it do: its form would be read as mail.
fn is_http(line: &Line) -> bool {
    line.bytes().windows(8).any(|part| part == b" HTTP/1.")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::emulator::{Emulator, Settings};

    #[actix_web::test]
    async fn who_says_nothing_for_too_long_is_let_go() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let emulator = Emulator::start(listener, Settings::seeded("http://127.0.0.1:1")).unwrap();
        let door = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = TcpStream::connect(door.local_addr().unwrap())
            .await
            .unwrap();
        let (stream, _) = door.accept().await.unwrap();
        let shared = Arc::clone(&emulator.shared);
        hold(stream, shared, Duration::from_millis(20)).await;
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.unwrap();
        let codes: Vec<_> = heard.lines().filter_map(|line| line.get(..4)).collect();
        assert_eq!(codes, ["220 ", "421 "], "{heard}");
    }
}
