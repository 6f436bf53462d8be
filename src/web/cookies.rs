//! Our cookies beside the session's: logins under way, one notice, language, appearance.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::{COOKIE, HeaderMap};
use serde::{Deserialize, Serialize};

use super::admin::ActNotice;
use super::admin::ListNotice;
use super::kakao_consents::Told;
use crate::flow::{Gate, Known};

/// The names of our cookies. On https all have the `__Host-` prefix: set by us, over https, for
/// this host alone (RFC 6265bis section 4.1.3.2).
#[derive(Clone, Copy)]
pub(super) struct CookieNames {
    secure: bool,
    pub(super) attempts: &'static str,
    pub(super) notice: &'static str,
    pub(super) waiting: &'static str,
    pub(super) lang: &'static str,
    pub(super) theme: &'static str,
    /// The way somebody signed in with last.
    pub(super) last: &'static str,
    /// Who has signed in with a password in this browser.
    pub(super) known: &'static str,
    /// That this browser has asked to join by email.
    pub(super) asked: &'static str,
    /// Somebody who decides whether to join with Kakao.
    pub(super) undecided: &'static str,
    /// Why KakaoTalk's browser is not signed in without a click.
    pub(super) silent: &'static str,
}

/// How long the browser remembers such things: as long as browsers keep cookies at all.
const REMEMBERED: Duration = Duration::days(400);

/// Said once, on the next page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "k")]
pub(super) enum Notice {
    /// A device was logged out.
    DeviceEnded {
        /// Its user agent.
        agent: String,
    },
    /// Other devices were logged out.
    DevicesEnded {
        /// How many.
        count: u64,
    },
    /// The device was logged out already.
    DeviceGone,
    /// The password was changed.
    PasswordChanged,
    /// Our session has ended, Kakao's is next; the way back carries this state.
    ToKakao {
        /// The state.
        state: String,
    },
    /// What became of the wish to withdraw a consent at Kakao.
    KakaoConsent(Told),
    /// A login failed.
    LoginFailed(FailureContext),
    /// For the member list of the administration.
    List(ListNotice),
    /// What became of an act on members.
    Act(ActNotice),
    /// Something in the outbox was to be tried again.
    Retried {
        /// Whether it is.
        hurried: bool,
    },
    /// What became of an API key that was to be ended.
    KeyRevoked {
        /// What it was called; `None` when there is none that counts.
        name: Option<String>,
    },
    /// A reason was needed, and none that counts was given.
    NoReason,
    /// Something about the member's own account.
    Me {
        /// What.
        said: Said,
    },
}

/// What the page of the account has to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Said {
    /// The profile was saved.
    Saved,
    /// A letter was sent to the new address.
    AddressAsked,
    /// The new address is the member's.
    AddressMoved,
    /// The new address is the old one.
    AddressSame,
    /// Kakao was connected.
    Linked,
    /// Kakao was disconnected.
    Unlinked,
    /// Kakao was asked what is new.
    Synced,
    /// A consent was given or withdrawn.
    Consent,
    /// Kakao wants the person to sign in before it tells anything.
    SignInAtKakao,
    /// Kakao could not be asked.
    KakaoDown,
    /// There is a Kakao account already.
    HasKakao,
    /// The Kakao account that waits has the address of another member.
    OtherAddress,
    /// No Kakao account waits any more.
    NothingWaits,
}

/// What an error page after a failed login shows beside its text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FailureContext {
    /// The id of the request that failed.
    #[serde(rename = "r")]
    pub(super) reference: String,
    /// Until when a suspension lasts, in Unix seconds.
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    pub(super) until: Option<i64>,
    /// How long to wait, in seconds.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub(super) wait: Option<u64>,
    /// Consent items to ask for.
    #[serde(rename = "s", default, skip_serializing_if = "Vec::is_empty")]
    pub(super) scopes: Vec<String>,
    /// They are to be asked of whoever is signed in, and of nobody else.
    #[serde(rename = "m", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) of_member: bool,
    /// Where the person wanted to go.
    #[serde(rename = "n", default, skip_serializing_if = "Option::is_none")]
    pub(super) next: Option<String>,
    /// Whether a Kakao account was to be connected, and nobody to be signed in.
    #[serde(rename = "l", default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) linking: bool,
}

/// A way in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// With Kakao.
    Kakao,
    /// With an address and a password.
    Email,
}

impl Way {
    fn code(self) -> &'static str {
        match self {
            Self::Kakao => "kakao",
            Self::Email => "email",
        }
    }

    /// From a cookie.
    pub(super) fn parse(code: &str) -> Option<Self> {
        [Self::Kakao, Self::Email]
            .into_iter()
            .find(|way| way.code() == code)
    }
}

const NOTICE: &str = "notice cookie";

impl CookieNames {
    pub(super) fn new(secure: bool) -> Self {
        if secure {
            Self {
                secure,
                attempts: "__Host-kg-attempts",
                notice: "__Host-kg-notice",
                waiting: "__Host-kg-waiting",
                lang: "__Host-kg-lang",
                theme: "__Host-kg-theme",
                last: "__Host-kg-last",
                known: "__Host-kg-known",
                asked: "__Host-kg-join",
                undecided: "__Host-kg-newcomer",
                silent: "__Host-kg-silent",
            }
        } else {
            Self {
                secure,
                attempts: "kg-attempts",
                notice: "kg-notice",
                waiting: "kg-waiting",
                lang: "kg-lang",
                theme: "kg-theme",
                last: "kg-last",
                known: "kg-known",
                asked: "kg-join",
                undecided: "kg-newcomer",
                silent: "kg-silent",
            }
        }
    }

    /// A cookie that lives for `life`.
    pub(super) fn make(
        &self,
        name: &'static str,
        value: impl Into<String>,
        life: Duration,
    ) -> Cookie<'static> {
        Cookie::build(name, value.into())
            .path("/")
            .secure(self.secure)
            .http_only(true)
            .same_site(SameSite::Lax)
            .max_age(life)
            .finish()
    }

    /// The cookies that are about a person; the others are about the browser's looks.
    pub(super) fn of_a_person(&self) -> [&'static str; 3] {
        [self.attempts, self.notice, self.waiting]
    }

    /// A cookie that makes the browser forget the one of that name.
    pub(super) fn forget(&self, name: &'static str) -> Cookie<'static> {
        self.make(name, "", Duration::ZERO)
    }

    /// Remembers the way that somebody signed in.
    pub(super) fn last(&self, way: Way) -> Cookie<'static> {
        self.make(self.last, way.code(), REMEMBERED)
    }

    /// Signing in without a click was tried just now.
    pub(super) fn tried_silently(&self) -> Cookie<'static> {
        self.make(self.silent, "tried", Duration::minutes(10))
    }

    /// Somebody logged out here: nobody is signed in again without a click until somebody signs in
    /// with one.
    pub(super) fn logged_out(&self) -> Cookie<'static> {
        self.make(self.silent, "out", REMEMBERED)
    }

    /// Remembers who has signed in with a password in this browser.
    pub(super) fn known(&self, gate: &Gate, known: &Known) -> Option<Cookie<'static>> {
        let sealed = known.seal(&gate.vault).ok()?;
        Some(self.make(self.known, sealed, REMEMBERED))
    }

    /// Who has signed in with a password in this browser.
    pub(super) fn known_in(&self, gate: &Gate, headers: &HeaderMap) -> Known {
        Known::open(&gate.vault, value(headers, self.known), gate.clock.now())
    }

    /// A notice for the next page. Longer than it takes to get there, shorter than a
    /// conversation.
    pub(super) fn say(&self, gate: &Gate, notice: &Notice) -> Option<Cookie<'static>> {
        let json = serde_json::to_vec(notice).ok()?;
        let sealed = gate.vault.seal(NOTICE, &json).ok()?;
        Some(self.make(self.notice, sealed, Duration::minutes(5)))
    }

    /// The notice that this page is to show.
    pub(super) fn hear(&self, gate: &Gate, sealed: &str) -> Option<Notice> {
        let json = gate.vault.open(NOTICE, sealed)?;
        serde_json::from_slice(&json).ok()
    }
}

/// The value of the first cookie of that name. Does not go through the request's own cache,
/// which would fix the cookies before the session's one has been picked.
pub(super) fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // Pair by pair: what another program of this host put beside ours may be in any encoding.
    headers
        .get_all(COOKIE)
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b';'))
        .filter_map(|pair| std::str::from_utf8(pair).ok()?.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}
