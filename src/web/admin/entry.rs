//! An entry of the audit log as pages and files show it: masked here, before anything else sees
//! it.

use std::borrow::Cow;

use super::action;
use crate::flow::admin::key_in;
use crate::flow::admin::record::Line;
use crate::i18n::Texts;
use crate::mask;
use crate::member::MemberId;
use crate::store::audit::{Outcome, Person};
use crate::web::ErrorId;

/// An entry.
pub(super) struct Row {
    pub(super) place: i64,
    pub(super) time: String,
    pub(super) actor: Named,
    pub(super) action: Cow<'static, str>,
    /// Whose account; `None` for nobody's.
    pub(super) target: Option<Named>,
    pub(super) reason: Option<String>,
    pub(super) ip: Option<String>,
    /// The tone of the tag, and what it says.
    pub(super) result: (&'static str, &'static str),
    pub(super) change: Change,
    pub(super) request: Option<String>,
}

/// Somebody in an entry.
#[derive(Clone)]
pub(super) struct Named {
    /// The member number, if it is a member.
    pub(super) number: Option<i64>,
    /// The name, masked; or who else it was.
    pub(super) name: String,
    /// The page about the member.
    pub(super) page: Option<String>,
}

/// What exactly was done.
pub(super) enum Change {
    /// Nothing that the action does not say.
    None,
    /// One thing became another.
    From(String, String),
    /// Something else.
    Told(String),
}

impl Row {
    pub(super) fn new(t: Texts, line: &Line) -> Self {
        let entry = &line.entry;
        let by_staff = entry.detail.as_deref().is_some_and(is_of_staff);
        let action = match entry.action.as_str() {
            "login.kakao" if by_staff => Some(t.ac_login()),
            code => action::in_words(t, code),
        };
        Self {
            place: entry.place,
            time: t.datetime_exact(entry.at),
            actor: match entry.actor {
                Some(id) => Named::member(id, line.actor.as_ref()),
                None => match (entry.ip.as_str(), key_in(entry.detail.as_deref())) {
                    ("cli", _) => Named::other(t.au_by_cli()),
                    ("system", _) => Named::other(t.au_by_system()),
                    (_, Some(key)) => Named::other(&t.au_by_key(key)),
                    // By the settings, in the request of whoever they name.
                    _ if entry.action == "member.role" => Named::other(t.au_by_system()),
                    _ => Named::other(t.au_by_nobody()),
                },
            },
            action: action.map_or_else(|| entry.action.clone().into(), Cow::Borrowed),
            target: entry.subject.map(|id| match entry.actor {
                Some(actor) if actor == id => Named::other(t.au_self()),
                _ => Named::member(id, line.subject.as_ref()),
            }),
            reason: entry
                .reason
                .as_deref()
                .map(|reason| in_words(t, reason, entry.result)),
            ip: (!matches!(entry.ip.as_str(), "" | "cli" | "system")).then(|| mask::ip(&entry.ip)),
            result: match entry.result {
                Outcome::Success => ("ok", t.au_ok()),
                Outcome::Failed => ("bad", t.au_fail()),
                Outcome::Refused => ("warn", t.au_denied()),
            },
            change: Change::parse(entry.detail.as_deref()),
            request: Some(entry.request_id.clone()).filter(|id| !id.is_empty()),
        }
    }
}

impl Named {
    fn member(id: MemberId, person: Option<&Person>) -> Self {
        let name = person.and_then(|person| person.name.as_deref());
        Self {
            number: person.map(|person| person.number),
            name: match (name, person) {
                (Some(name), _) => mask::name(name),
                (None, Some(_)) => String::new(),
                // Nobody of that id: what it says is all there is.
                (None, None) => id.to_string(),
            },
            page: person.map(|_| format!("/admin/members/{id}")),
        }
    }

    fn other(who: &str) -> Self {
        Self {
            number: None,
            name: who.to_owned(),
            page: None,
        }
    }
}

impl Change {
    fn parse(detail: Option<&str>) -> Self {
        match detail {
            None | Some("") => Self::None,
            Some(detail) => match detail.split_once(" → ") {
                Some((before, after)) => Self::From(before.to_owned(), after.to_owned()),
                None => Self::Told(detail.to_owned()),
            },
        }
    }

    /// As one text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::None => String::new(),
            Self::From(before, after) => format!("{before} → {after}"),
            Self::Told(text) => text.clone(),
        }
    }
}

/// Whether a sign-in says that it was somebody's of the administration.
fn is_of_staff(detail: &str) -> bool {
    detail.starts_with("role=")
}

/// A reason is an admin's own words, or a stable code that has words of its own.
fn in_words(t: Texts, reason: &str, result: Outcome) -> String {
    let error = ErrorId::parse(reason).filter(|_| result != Outcome::Success);
    match (error, reason) {
        (Some(error), _) => error.title(t).to_owned(),
        (None, "retention") => t.au_why_retention().to_owned(),
        (None, "settings") => t.au_why_settings().to_owned(),
        (None, own) => own.to_owned(),
    }
}
