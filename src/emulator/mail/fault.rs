//! What can go wrong between a program and its mail server, on demand.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::emulator::fault::{Times, UnknownFault};

/// One way for handing over a mail to fail.
///
/// The spelling for forms and the `emulator_fault` parameter is what `Display` writes and
/// `FromStr` reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailFault {
    /// `451`: every recipient is refused for now.
    RefuseNow,
    /// `550`: every recipient is refused for good.
    RefuseForGood,
    /// Not a word: no greeting for a new connection or, on one that stands, no answer to `MAIL`.
    Silence,
    /// The connection is closed in the middle of the message, which is not kept.
    CutInData,
    /// This long before the answer to `MAIL`; then all goes well.
    Delay(Duration),
    /// The mail is kept, and the connection closed before that is said.
    LostAnswer,
}

/// The faults waiting for their mails.
#[derive(Debug, Default)]
pub(in crate::emulator) struct Faults {
    armed: Vec<(MailFault, Times)>,
}

impl Faults {
    pub(in crate::emulator) fn arm(&mut self, fault: MailFault, times: Times) {
        if times != Times::Exactly(0) {
            self.armed.push((fault, times));
        }
    }

    pub(in crate::emulator) fn clear(&mut self) {
        self.armed.clear();
    }

    pub(in crate::emulator) fn armed(&self) -> &[(MailFault, Times)] {
        &self.armed
    }

    /// The fault of the next attempt: the one armed first, counted down.
    pub(super) fn take(&mut self) -> Option<MailFault> {
        let (fault, times) = self.armed.first_mut()?;
        let fault = *fault;
        if times.count_down() {
            self.armed.remove(0);
        }
        Some(fault)
    }

    /// Takes the next fault if it is one that a new connection notices.
    pub(super) fn take_silence(&mut self) -> bool {
        matches!(self.armed.first(), Some((MailFault::Silence, _))) && self.take().is_some()
    }
}

impl fmt::Display for MailFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RefuseNow => f.write_str("451"),
            Self::RefuseForGood => f.write_str("550"),
            Self::Silence => f.write_str("silence"),
            Self::CutInData => f.write_str("cut"),
            Self::Delay(time) => write!(f, "delay:{}", time.as_millis()),
            Self::LostAnswer => f.write_str("after:cut"),
        }
    }
}

impl FromStr for MailFault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let unknown = || UnknownFault(text.to_owned());
        Ok(match text {
            "451" => Self::RefuseNow,
            "550" => Self::RefuseForGood,
            "silence" => Self::Silence,
            "cut" => Self::CutInData,
            "after:cut" => Self::LostAnswer,
            _ => {
                let millis = text.strip_prefix("delay:").ok_or_else(unknown)?;
                let millis = millis.parse().map_err(|_| unknown())?;
                Self::Delay(Duration::from_millis(millis))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read_back() {
        for text in ["451", "550", "silence", "cut", "delay:3000", "after:cut"] {
            assert_eq!(text.parse::<MailFault>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "450",
            "delay:",
            "delay:soon",
            "delay",
            "after:delay:1",
            "Cut",
        ] {
            assert!(text.parse::<MailFault>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_new_connection_takes_silence_only_when_it_is_next() {
        let mut faults = Faults::default();
        faults.arm(MailFault::RefuseNow, Times::Once);
        faults.arm(MailFault::Silence, Times::Exactly(2));
        faults.arm(MailFault::CutInData, Times::Exactly(0));
        assert!(!faults.take_silence());
        assert_eq!(faults.take(), Some(MailFault::RefuseNow));
        assert!(faults.take_silence());
        assert_eq!(faults.take(), Some(MailFault::Silence));
        assert_eq!((faults.take_silence(), faults.take()), (false, None));
    }
}
