//! Mail that services under test send: an SMTP server that keeps what it is given and delivers
//! nothing, and what it was given, to read and to disturb.

mod command;
mod dialogue;
mod fault;
mod letter;
mod limits;
pub(super) mod page;
mod server;
mod wire;

use std::collections::VecDeque;

use time::OffsetDateTime;

pub use self::fault::MailFault;
pub(super) use self::server::Server;

use self::fault::Faults;

/// Mails kept; the oldest makes room.
const MOST_MAILS: usize = 200;
/// Bytes of mail kept, as it came.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// One mail as it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// Counts from 1 since the start or the last reset.
    pub number: u64,
    /// When it was accepted, by the emulator's clock.
    pub at: OffsetDateTime,
    /// The envelope's sender, to which a failure would be reported; empty for `<>`.
    pub sender: String,
    /// The envelope's recipients, in the order in which they were named.
    pub to: Vec<String>,
    /// Whom the mail itself says it is from, decoded: `이름 <a@example.com>` or the address alone.
    pub from: String,
    /// Decoded subject; empty when there is none.
    pub subject: String,
    /// Decoded plain text; empty when there is none.
    pub text: String,
    /// Decoded html; empty when there is none.
    pub html: String,
    /// The http and https addresses in [`Mail::text`], in order.
    pub links: Vec<String>,
    /// Names and values of the header fields as they came, unfolded but not decoded.
    pub headers: Vec<(String, String)>,
    /// The whole message as it came, without the dots that SMTP adds.
    pub source: Vec<u8>,
}

/// What the mail server remembers.
#[derive(Debug, Default)]
pub(super) struct Mailbox {
    pub(super) faults: Faults,
    mails: VecDeque<Mail>,
    bytes: usize,
    written: u64,
    attempts: usize,
}

impl Mailbox {
    /// Keeps a mail under the next number, and answers that.
    fn keep(&mut self, mut mail: Mail) -> u64 {
        self.written += 1;
        mail.number = self.written;
        self.bytes += mail.source.len();
        self.mails.push_back(mail);
        while self.mails.len() > MOST_MAILS || self.bytes > MOST_BYTES {
            let Some(oldest) = self.mails.pop_front() else {
                break;
            };
            self.bytes -= oldest.source.len();
        }
        self.written
    }

    /// The mails kept, the oldest first.
    pub(super) fn mails(&self) -> impl DoubleEndedIterator<Item = &Mail> + ExactSizeIterator {
        self.mails.iter()
    }

    pub(super) fn mail(&self, number: u64) -> Option<&Mail> {
        self.mails.iter().find(|mail| mail.number == number)
    }

    /// How often somebody began to hand over a mail: each `MAIL` that came in its turn, and each
    /// connection that was not greeted.
    pub(super) fn attempts(&self) -> usize {
        self.attempts
    }

    /// Whether a connection that has just been opened hears nothing, which then is an attempt.
    fn greets_nobody(&mut self) -> bool {
        let silent = self.faults.take_silence();
        self.attempts += usize::from(silent);
        silent
    }

    /// Counts an attempt and answers what befalls it.
    fn attempt(&mut self) -> Option<MailFault> {
        self.attempts += 1;
        self.faults.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(bytes: usize) -> Mail {
        let mut source = b"Subject: x\r\n\r\n".to_vec();
        source.resize(bytes, b'a');
        letter::read("", &[], source, OffsetDateTime::UNIX_EPOCH)
    }

    #[test]
    fn the_oldest_mails_make_room_and_numbers_go_on() {
        let mut mailbox = Mailbox::default();
        for _ in 0..MOST_MAILS + 2 {
            mailbox.keep(mail(20));
        }
        let numbers: Vec<_> = mailbox.mails().map(|mail| mail.number).collect();
        assert_eq!((numbers.len(), numbers[0]), (MOST_MAILS, 3));
        assert!(mailbox.mail(2).is_none() && mailbox.mail(3).is_some());
    }

    #[test]
    fn large_mails_make_room_sooner() {
        let mut mailbox = Mailbox::default();
        for _ in 0..40 {
            mailbox.keep(mail(limits::LARGEST_MAIL));
        }
        assert_eq!(mailbox.mails().len(), MOST_BYTES / limits::LARGEST_MAIL);
        let bytes: usize = mailbox.mails().map(|mail| mail.source.len()).sum();
        assert_eq!(mailbox.bytes, bytes);
    }
}
