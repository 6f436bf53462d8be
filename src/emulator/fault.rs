//! What can go wrong between a program and Kakao, on demand.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::journal::Endpoint;

/// One way for an address to fail.
///
/// [`Fault::CutBody`], [`Fault::WrongLength`], [`Fault::Drip`] and [`Fault::Malformed`] damage the
/// real answer and [`Fault::Delay`] holds it back: the work behind it is done. All others answer
/// instead of doing the work; [`Fault::AfterEffect`] does the work first.
///
/// The spelling for forms, the `X-Emulator-Fault` header and the `emulator_fault` parameter is
/// what `Display` writes and `FromStr` reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// An error that Kakao documents, with its own status and body: a KOE code (`KOE320`), a
    /// negative code of kapi (`-401`) or, at the authorize address, the `error` of a redirect
    /// (`access_denied`). `-402:gender,birthday` names the scopes that are missing.
    Refuse(String),
    /// The right answer, later.
    Delay(Duration),
    /// The request is read and never answered.
    Silence,
    /// The connection is closed without a byte of an answer.
    Cut,
    /// Headers and half the body, then the connection is closed.
    CutBody,
    /// `Content-Length` promises seven bytes more than come before the connection is closed.
    WrongLength,
    /// The right answer, with this pause before each byte of the body.
    Drip(Duration),
    /// Status 200 or whatever is right, and JSON that stops in the middle with a right length.
    Malformed,
    /// A web page with this status where a program expects JSON.
    Html(u16),
    /// `302` to this address.
    Redirect(String),
    /// This status with an empty body.
    Status(u16),
    /// The documented answer to too many calls: KOE237 at the token address, -10 at kapi, 429
    /// for pages.
    RateLimit,
    /// Exactly this.
    Answer {
        /// HTTP status.
        status: u16,
        /// Value of the `Content-Type` header.
        content_type: String,
        /// The whole body.
        body: String,
    },
    /// A JSON answer of about this many bytes.
    Large(u64),
    /// A JSON answer that does not end.
    Endless,
    /// The work is done, a code burnt or a token revoked, and the answer then fails this way.
    AfterEffect(Box<Fault>),
}

/// How often a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// The next request only.
    Once,
    /// The next so many requests.
    Exactly(u32),
    /// Every request until healed.
    Always,
}

/// The text does not spell a fault.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a fault: {0:?}")]
pub struct UnknownFault(pub(super) String);

/// The faults waiting for their requests.
#[derive(Debug, Default)]
pub(super) struct Faults {
    armed: Vec<Armed>,
}

/// A fault waiting for requests of one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Armed {
    pub(super) endpoint: Endpoint,
    pub(super) fault: Fault,
    pub(super) times: Times,
}

impl Fault {
    /// [`Fault::Refuse`] with this code.
    #[must_use]
    pub fn refuse(code: &str) -> Self {
        Self::Refuse(code.to_owned())
    }

    /// This fault after the work was done.
    #[must_use]
    pub fn after_effect(self) -> Self {
        Self::AfterEffect(Box::new(self))
    }

    /// Whether the real answer is made first and then held back or damaged.
    pub(super) fn needs_real_answer(&self) -> bool {
        matches!(
            self,
            Self::Delay(_)
                | Self::CutBody
                | Self::WrongLength
                | Self::Drip(_)
                | Self::Malformed
                | Self::AfterEffect(_)
        )
    }

    /// Whether not even a status reaches the client.
    pub(super) fn withholds_answer(&self) -> bool {
        match self {
            Self::Silence | Self::Cut => true,
            Self::AfterEffect(fault) => fault.withholds_answer(),
            _ => false,
        }
    }
}

impl Times {
    /// Takes one away; true when that was the last.
    pub(super) fn count_down(&mut self) -> bool {
        match self {
            Self::Always => false,
            Self::Exactly(left) if *left > 1 => {
                *left -= 1;
                false
            }
            Self::Once | Self::Exactly(_) => true,
        }
    }
}

impl Faults {
    pub(super) fn arm(&mut self, endpoint: Endpoint, fault: Fault, times: Times) {
        if times == Times::Exactly(0) {
            return;
        }
        self.armed.push(Armed {
            endpoint,
            fault,
            times,
        });
    }

    pub(super) fn clear(&mut self) {
        self.armed.clear();
    }

    pub(super) fn armed(&self) -> &[Armed] {
        &self.armed
    }

    /// The fault of the next request at `endpoint`: the one armed first, counted down.
    pub(super) fn take(&mut self, endpoint: Endpoint) -> Option<Fault> {
        let is_meant = |armed: &Armed| armed.endpoint == endpoint;
        let position = self.armed.iter().position(is_meant)?;
        let armed = self.armed.get_mut(position)?;
        let fault = armed.fault.clone();
        if armed.times.count_down() {
            self.armed.remove(position);
        }
        Some(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refuse(code) => f.write_str(code),
            Self::Delay(time) => write!(f, "delay:{}", time.as_millis()),
            Self::Silence => f.write_str("silence"),
            Self::Cut => f.write_str("cut"),
            Self::CutBody => f.write_str("cut-body"),
            Self::WrongLength => f.write_str("wrong-length"),
            Self::Drip(pause) => write!(f, "drip:{}", pause.as_millis()),
            Self::Malformed => f.write_str("malformed"),
            Self::Html(status) => write!(f, "html:{status}"),
            Self::Redirect(to) => write!(f, "redirect:{to}"),
            Self::Status(status) => write!(f, "status:{status}"),
            Self::RateLimit => f.write_str("rate-limit"),
            Self::Answer {
                status,
                content_type,
                body,
            } => {
                write!(f, "answer:{status}:{content_type}:{body}")
            }
            Self::Large(bytes) => write!(f, "large:{bytes}"),
            Self::Endless => f.write_str("endless"),
            Self::AfterEffect(fault) => write!(f, "after:{fault}"),
        }
    }
}

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let unknown = || UnknownFault(text.to_owned());
        let (name, detail) = text.split_once(':').unwrap_or((text, ""));
        let millis = || {
            let millis = detail.parse().map_err(|_| unknown())?;
            Ok(Duration::from_millis(millis))
        };
        let status = |text: &str| match text.parse() {
            Ok(status @ 200..=599) => Ok(status),
            _ => Err(unknown()),
        };
        Ok(match name {
            "delay" => Self::Delay(millis()?),
            "drip" => Self::Drip(millis()?),
            "html" => Self::Html(status(detail)?),
            "status" => Self::Status(status(detail)?),
            "redirect" if !detail.is_empty() => Self::Redirect(detail.to_owned()),
            "large" => Self::Large(detail.parse().map_err(|_| unknown())?),
            "after" => Self::AfterEffect(Box::new(detail.parse()?)),
            "answer" => {
                let mut parts = detail.splitn(3, ':');
                Self::Answer {
                    status: status(parts.next().unwrap_or_default())?,
                    content_type: parts.next().ok_or_else(unknown)?.to_owned(),
                    body: parts.next().ok_or_else(unknown)?.to_owned(),
                }
            }
            "-402" if !detail.is_empty() => Self::refuse(text),
            _ if !detail.is_empty() => return Err(unknown()),
            "silence" => Self::Silence,
            "cut" => Self::Cut,
            "cut-body" => Self::CutBody,
            "wrong-length" => Self::WrongLength,
            "malformed" => Self::Malformed,
            "rate-limit" => Self::RateLimit,
            "endless" => Self::Endless,
            code if is_code(code) => Self::refuse(code),
            _ => return Err(unknown()),
        })
    }
}

/// Whether `text` looks like an error code of kauth, kapi or an authorize redirect.
fn is_code(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|c| c.is_ascii_digit());
    if let Some(number) = text.strip_prefix("KOE") {
        return digits(number);
    }
    if let Some(number) = text.strip_prefix('-') {
        return digits(number);
    }
    matches!(
        text,
        "access_denied"
            | "auto_login"
            | "consent_required"
            | "interaction_required"
            | "invalid_client"
            | "invalid_grant"
            | "invalid_request"
            | "invalid_scope"
            | "login_required"
            | "misconfigured"
            | "server_error"
            | "unauthorized"
            | "unauthorized_client"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_read_back() {
        let spelled = [
            "KOE320",
            "-401",
            "-402:gender,birthday",
            "access_denied",
            "delay:3000",
            "silence",
            "cut",
            "cut-body",
            "wrong-length",
            "drip:50",
            "malformed",
            "html:502",
            "redirect:https://example.com/a:b",
            "status:503",
            "rate-limit",
            "answer:200:text/plain:a:b",
            "large:52428800",
            "endless",
            "after:cut",
            "after:after:delay:1",
        ];
        for text in spelled {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "KOE",
            "-",
            "slow",
            "cut:1",
            "-401:gender",
            "html:99",
            "delay:soon",
            "after:",
        ] {
            assert!(text.parse::<Fault>().is_err(), "{text}");
        }
    }

    #[test]
    fn faults_of_one_endpoint_happen_in_order_and_as_often_as_asked() {
        let mut faults = Faults::default();
        faults.arm(Endpoint::Me, Fault::Cut, Times::Exactly(2));
        faults.arm(Endpoint::Me, Fault::Silence, Times::Always);
        faults.arm(Endpoint::Token, Fault::Endless, Times::Once);
        faults.arm(Endpoint::Unlink, Fault::Cut, Times::Exactly(0));
        let taken: Vec<_> = (0..4).map(|_| faults.take(Endpoint::Me)).collect();
        let silence = Some(Fault::Silence);
        assert_eq!(
            taken,
            [Some(Fault::Cut), Some(Fault::Cut), silence.clone(), silence]
        );
        assert_eq!(faults.take(Endpoint::Token), Some(Fault::Endless));
        assert_eq!(faults.take(Endpoint::Token), None);
        assert_eq!(faults.take(Endpoint::Unlink), None);
        faults.clear();
        assert_eq!(faults.take(Endpoint::Me), None);
    }
}
