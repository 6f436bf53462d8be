//! The address of a view of the audit log: one view has one address. Names are English words,
//! values stable codes, days Seoul's and inclusive; what is as it would be without is left out.

use time::Date;
use time::macros::format_description;
use uuid::Uuid;

use super::action;
use crate::flow::admin::record::{Asked, Look};
use crate::i18n::{machine_day, seoul_midnight};
use crate::store::audit::Outcome;

/// How many entries a page may have; the first if nothing is said, which keeps the page light.
const PER: [i64; 3] = [15, 50, 100];

/// Years that a day may lie in.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2999;

/// A view of the audit log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RecordQuery {
    /// Whose acts: a member number or an id.
    pub(super) actor: Option<String>,
    /// About whom: a member number or an id.
    pub(super) target: Option<String>,
    action: Option<&'static str>,
    result: Option<Outcome>,
    from: Option<Date>,
    to: Option<Date>,
    per: Option<i64>,
    look: Look,
}

impl RecordQuery {
    /// Reads a query string; `all` for somebody who sees what others did. What is not understood
    /// is left out, and named.
    pub(super) fn parse(query: &str, all: bool) -> (Self, Vec<String>) {
        let (mut view, mut dropped) = (Self::default(), Vec::new());
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let again = seen.iter().any(|known| *known == name);
            let value = value.trim();
            let understood = !again && (value.is_empty() || view.take(&name, value, all));
            if !understood && !dropped.iter().any(|known| *known == name) {
                dropped.push(name.chars().take(40).collect());
            }
            seen.push(name.into_owned());
        }
        (view, dropped)
    }

    /// Takes one parameter; whether it was understood.
    fn take(&mut self, name: &str, value: &str, all: bool) -> bool {
        match name {
            "actor" => {
                self.actor = person(value).filter(|_| all);
                self.actor.is_some()
            }
            "target" => {
                self.target = person(value);
                self.target.is_some()
            }
            "action" => {
                self.action = action::ALL.iter().find(|code| **code == value).copied();
                self.action.is_some()
            }
            "result" => {
                self.result = Outcome::parse(value);
                self.result.is_some()
            }
            "from" => {
                self.from = day(value);
                self.from.is_some()
            }
            "to" => {
                self.to = day(value);
                self.to.is_some()
            }
            "per" => {
                let per = value.parse().ok().filter(|per| PER.contains(per));
                self.per = per.filter(|per| *per != PER[0]);
                per.is_some()
            }
            "before" | "after" => {
                let place = value.parse().ok().filter(|place: &i64| *place > 0);
                let look = match name {
                    "before" => place.map(Look::Before),
                    _ => place.map(Look::After),
                };
                self.look = look.unwrap_or(self.look);
                look.is_some()
            }
            _ => false,
        }
    }

    /// The query string of this view. Reading it gives this view again.
    pub(super) fn to_query(&self) -> String {
        let (before, after) = match self.look {
            Look::Newest => (None, None),
            Look::Before(place) => (Some(place.to_string()), None),
            Look::After(place) => (None, Some(place.to_string())),
        };
        let pairs = [
            ("actor", self.actor.clone()),
            ("target", self.target.clone()),
            ("action", self.action.map(str::to_owned)),
            ("result", self.result.map(|one| one.code().to_owned())),
            ("from", self.from.map(machine_day)),
            ("to", self.to.map(machine_day)),
            ("per", self.per.map(|per| per.to_string())),
            ("before", before),
            ("after", after),
        ];
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in pairs {
            if let Some(value) = value {
                query.append_pair(name, &value);
            }
        }
        query.finish()
    }

    /// What it asks for.
    pub(super) fn asked(&self) -> Asked {
        Asked {
            actor: self.actor.clone(),
            target: self.target.clone(),
            action: self.action.map(str::to_owned),
            result: self.result,
            from: self.from.map(seoul_midnight),
            before: self.to.and_then(Date::next_day).map(seoul_midnight),
            look: self.look,
            per: self.per.unwrap_or(PER[0]),
            told: self.to_query(),
        }
    }

    /// The same at another page.
    pub(super) fn at(&self, look: Look) -> Self {
        Self {
            look,
            ..self.clone()
        }
    }

    /// How long pages may be, each with its view; `None` for the one at hand.
    pub(super) fn pers(&self) -> impl Iterator<Item = (i64, Option<Self>)> {
        let here = self.per.unwrap_or(PER[0]);
        PER.into_iter().map(move |per| {
            let other = Self {
                per: Some(per).filter(|per| *per != PER[0]),
                look: Look::Newest,
                ..self.clone()
            };
            (per, Some(other).filter(|_| per != here))
        })
    }

    /// Whether it leaves anything out.
    pub(super) fn is_filtered(&self) -> bool {
        let plain = Self {
            per: self.per,
            look: self.look,
            ..Self::default()
        };
        *self != plain
    }

    pub(super) fn is_action(&self, code: &str) -> bool {
        self.action == Some(code)
    }

    pub(super) fn is_result(&self, code: &str) -> bool {
        self.result.is_some_and(|one| one.code() == code)
    }

    pub(super) fn from(&self) -> String {
        self.from.map(machine_day).unwrap_or_default()
    }

    pub(super) fn to(&self) -> String {
        self.to.map(machine_day).unwrap_or_default()
    }

    /// The length of a page, where it is not the usual one.
    pub(super) fn per(&self) -> Option<i64> {
        self.per
    }
}

/// A member number or an id, in one spelling.
fn person(text: &str) -> Option<String> {
    if let Ok(id) = Uuid::parse_str(text) {
        return Some(id.to_string());
    }
    let digits = text.strip_prefix('#').unwrap_or(text);
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = plain.then(|| digits.parse::<i64>().ok()).flatten()?;
    Some(number.to_string())
}

fn day(text: &str) -> Option<Date> {
    let form = format_description!("[year]-[month]-[day]");
    let day = Date::parse(text, form).ok()?;
    YEARS.contains(&day.year()).then_some(day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn canonical(query: &str) -> String {
        RecordQuery::parse(query, true).0.to_query()
    }

    // AD-7
    #[test]
    fn one_view_has_one_address() {
        for (query, expected) in [
            ("", ""),
            ("to=&from=&actor=&per=20", ""),
            (
                "result=failed&action=member.role&target=0007&actor=%239",
                "actor=9&target=7&action=member.role&result=failed",
            ),
            (
                "to=2026-11-21&from=2026-11-01",
                "from=2026-11-01&to=2026-11-21",
            ),
            ("before=7&per=100", "per=100&before=7"),
            (
                "actor=01900000-0000-7000-8000-00000000000A",
                "actor=01900000-0000-7000-8000-00000000000a",
            ),
        ] {
            assert_eq!(canonical(query), expected, "{query}");
            assert_eq!(canonical(expected), expected);
            assert_eq!(RecordQuery::parse(expected, true).1, [""; 0]);
        }
    }

    // AD-7
    #[test]
    fn what_is_not_understood_is_left_out_and_named() {
        for query in [
            "actor=hong@example.com",
            "actor=1%27%20OR%201",
            "actor=-1",
            "actor=99999999999999999999",
            "action=drop",
            "result=maybe",
            "from=2026-13-01",
            "from=26-1-1",
            "to=%00",
            "per=1000000000",
            "before=0",
            "after=x",
            "q=x",
            "per=50&per=100",
        ] {
            let (view, dropped) = RecordQuery::parse(query, true);
            assert_eq!(dropped.len(), 1, "{query}");
            assert!(
                view == RecordQuery::default() || view.per == Some(50),
                "{query}"
            );
        }
        let (view, dropped) = RecordQuery::parse("actor=7&target=7", false);
        assert_eq!((view.to_query().as_str(), dropped.len()), ("target=7", 1));
    }

    #[test]
    fn a_day_is_whole_and_seouls() {
        let (view, _) = RecordQuery::parse("from=2026-11-21&to=2026-11-21", true);
        let asked = view.asked();
        let (from, before) = (asked.from.unwrap(), asked.before.unwrap());
        assert_eq!(before - from, time::Duration::DAY);
        assert_eq!(from, time::macros::datetime!(2026-11-20 15:00 UTC));
    }
}
