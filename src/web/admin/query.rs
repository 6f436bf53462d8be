//! The address of a view of the member list: one view has one address.
//!
//! Names are English words and values stable codes, so that an address outlives a change of
//! language; days are Seoul's and inclusive, a comma means any of, `-` from the greatest down.
//! What is as it would be without is left out, and the rest has a fixed order.

mod column;

use std::borrow::Cow;
use std::collections::BTreeMap;

use time::{Date, Month};

use crate::i18n::{machine_day, seoul_day, seoul_midnight};
use crate::member::{Provider, Role, StandingKind, clean_name};
use crate::store::directory::{Filter, Order, Sort};
pub(super) use column::Column;

/// The longest text searched for, in characters: longer than any name people search by, and short
/// enough for the whole address to be carried through a login.
const LONGEST_SEARCH: usize = 40;

/// How many members a page may have; the first if nothing is said.
pub(super) const PER: [i64; 3] = [20, 50, 100];

/// No list has more pages than this.
const MOST_PAGES: i64 = 10_000;

/// Years that a day may lie in.
const YEARS: std::ops::RangeInclusive<i32> = 1970..=2999;

/// The newest member first.
const DEFAULT_SORT: Sort = Sort {
    by: Order::Joined,
    descending: true,
};

/// A view of the member list. Never holds an email address: those are not for addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::web) struct ListQuery {
    /// Whom to show.
    pub(in crate::web) filter: Filter,
    /// In which order.
    pub(super) sort: Sort,
    /// Which page, from 1.
    pub(super) page: i64,
    /// How many a page, one of [`PER`].
    pub(super) per: i64,
    /// Which columns, in their order; `None` shows those that the admin likes.
    pub(super) cols: Option<Vec<Column>>,
}

impl Default for ListQuery {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            sort: DEFAULT_SORT,
            page: 1,
            per: 20,
            cols: None,
        }
    }
}

/// The search form as it was sent.
pub(super) struct Searched {
    /// What is asked for, without an email address.
    pub(super) query: ListQuery,
    /// The email address to look up, if the search box holds one.
    pub(super) email: Option<String>,
    /// What was not understood.
    pub(super) dropped: Vec<String>,
}

impl ListQuery {
    /// Reads a query string. What is not understood is left out, and named.
    pub(in crate::web) fn parse(query: &str) -> (Self, Vec<String>) {
        Self::read(url::form_urlencoded::parse(query.as_bytes()))
    }

    /// Reads the search form, where each value of a list has a box of its own: `status-active`.
    pub(super) fn of_form(mut fields: BTreeMap<String, String>) -> Searched {
        let email = fields.get("q").filter(|text| text.contains('@'));
        let email = email.map(|text| text.trim().to_owned());
        if email.is_some() {
            fields.remove("q");
        }
        let pairs = fields.iter().map(|(name, value)| {
            let list = ["status", "provider", "role"].into_iter().find_map(|list| {
                let code = name.strip_prefix(list)?.strip_prefix('-')?;
                Some((Cow::Borrowed(list), Cow::Borrowed(code)))
            });
            list.unwrap_or((Cow::Borrowed(name), Cow::Borrowed(value)))
        });
        let (query, dropped) = Self::read(pairs);
        Searched {
            query,
            email,
            dropped,
        }
    }

    fn read<'a>(pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> (Self, Vec<String>) {
        let (mut query, mut dropped) = (Self::default(), Vec::new());
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in pairs {
            // Values of a list add up; of anything else the first counts.
            let is_list = matches!(&*name, "status" | "provider" | "role");
            let again = !is_list && seen.iter().any(|known| *known == name);
            let understood = !again && (value.is_empty() || query.take(&name, &value));
            if !understood && !dropped.iter().any(|known| *known == name) {
                dropped.push(name.to_string());
            }
            seen.push(name.into_owned());
        }
        let filter = &mut query.filter;
        filter.standings = in_order(&filter.standings, &StandingKind::ALL);
        filter.providers = in_order(&filter.providers, &Provider::ALL);
        filter.roles = in_order(&filter.roles, &Role::ALL);
        (query, dropped)
    }

    /// Takes one parameter; whether all of it was understood.
    fn take(&mut self, name: &str, value: &str) -> bool {
        let filter = &mut self.filter;
        match name {
            "q" => take_search(filter, value),
            "status" => any_of(value, StandingKind::parse, &mut filter.standings),
            "provider" => any_of(value, Provider::parse, &mut filter.providers),
            "role" => any_of(value, Role::parse, &mut filter.roles),
            "from" => set(&mut filter.joined_from, day(value).map(seoul_midnight)),
            "to" => {
                let next = day(value).and_then(Date::next_day);
                set(&mut filter.joined_before, next.map(seoul_midnight))
            }
            "sort" => put(&mut self.sort, sort(value)),
            "page" => put(&mut self.page, whole(value, MOST_PAGES)),
            "per" => {
                let per = whole(value, MOST_PAGES).filter(|per| PER.contains(per));
                put(&mut self.per, per)
            }
            "cols" => {
                let understood = value.split(',').all(|code| Column::parse(code).is_some());
                self.cols = Column::list(value);
                understood
            }
            _ => false,
        }
    }

    /// The query string of this view. Reading it gives this view again.
    pub(in crate::web) fn to_query(&self) -> String {
        let search = match (&self.filter.name, self.filter.number) {
            (Some(name), _) => url::form_urlencoded::byte_serialize(name.as_bytes()).collect(),
            (None, Some(number)) => number.to_string(),
            (None, None) => String::new(),
        };
        self.written(&search)
    }

    /// The same, with the kind of what is searched for instead of the text: for the audit log,
    /// which holds no personal data.
    pub(in crate::web) fn told(&self) -> String {
        self.written(match (&self.filter.name, self.filter.number) {
            (Some(_), _) => "name",
            (None, Some(_)) => "number",
            (None, None) => "",
        })
    }

    fn written(&self, search: &str) -> String {
        let filter = &self.filter;
        let before = filter.joined_before.map(seoul_day);
        let number = |number, default| {
            if number == default {
                String::new()
            } else {
                i64::to_string(&number)
            }
        };
        let sort = if self.sort == DEFAULT_SORT {
            String::new()
        } else {
            sort_code(self.sort)
        };
        let parameters = [
            ("q", search.to_owned()),
            ("status", codes(&filter.standings, StandingKind::code)),
            ("provider", codes(&filter.providers, Provider::code)),
            ("role", codes(&filter.roles, Role::code)),
            ("from", written_day(filter.joined_from.map(seoul_day))),
            ("to", written_day(before.and_then(Date::previous_day))),
            ("sort", sort),
            ("page", number(self.page, 1)),
            ("per", number(self.per, 20)),
            (
                "cols",
                Column::codes(self.cols.as_deref().unwrap_or_default()),
            ),
        ];
        let said: Vec<String> = parameters
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        said.join("&")
    }

    /// The address of this view.
    pub(super) fn address(&self) -> String {
        match self.to_query().as_str() {
            "" => "/admin/members".to_owned(),
            query => format!("/admin/members?{query}"),
        }
    }

    /// How many members come before this page.
    pub(super) fn offset(&self) -> i64 {
        (self.page - 1) * self.per
    }

    /// Whether the view shows some members only.
    pub(super) fn is_narrowed(&self) -> bool {
        self.filter != Filter::default()
    }

    /// Another page of this view.
    pub(super) fn at_page(&self, page: i64) -> Self {
        Self {
            page,
            ..self.clone()
        }
    }

    /// The same members, from the first page, after `change`.
    pub(super) fn with(&self, change: impl FnOnce(&mut Self)) -> Self {
        let mut other = self.at_page(1);
        change(&mut other);
        other
    }
}

/// An order and its direction as addresses write it.
pub(super) fn sort_code(sort: Sort) -> String {
    let sign = if sort.descending { "-" } else { "" };
    format!("{sign}{}", Column::of(sort.by).code())
}

fn sort(text: &str) -> Option<Sort> {
    let (code, descending) = match text.strip_prefix('-') {
        Some(code) => (code, true),
        None => (text, false),
    };
    let by = Column::parse(code)?.order()?;
    Some(Sort { by, descending })
}

/// Digits are a member number, anything else a part of a name.
fn take_search(filter: &mut Filter, text: &str) -> bool {
    let text = text.trim();
    // Control characters mean that something other than a person wrote this.
    if text.chars().count() > LONGEST_SEARCH || text.contains(char::is_control) {
        return false;
    }
    let Some(text) = clean_name(text) else {
        return false;
    };
    if text.contains('@') {
        return false;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return set(&mut filter.number, whole(&text, i64::MAX));
    }
    filter.name = Some(text);
    true
}

/// Adds the values of a list; whether all of them were understood.
fn any_of<T>(text: &str, parse: impl Fn(&str) -> Option<T>, into: &mut Vec<T>) -> bool {
    let mut understood = true;
    for code in text.split(',').filter(|code| !code.is_empty()) {
        match parse(code) {
            Some(value) => into.push(value),
            None => understood = false,
        }
    }
    understood
}

/// Those of `all` that were asked for. Asking for all is asking for none in particular.
fn in_order<T: Copy + PartialEq>(asked: &[T], all: &[T]) -> Vec<T> {
    let wanted: Vec<T> = all
        .iter()
        .copied()
        .filter(|value| asked.contains(value))
        .collect();
    if wanted.len() == all.len() {
        return Vec::new();
    }
    wanted
}

fn set<T>(place: &mut Option<T>, value: Option<T>) -> bool {
    *place = value;
    place.is_some()
}

fn put<T>(place: &mut T, value: Option<T>) -> bool {
    value.map(|value| *place = value).is_some()
}

/// A whole number from 1 to `most`, in digits alone.
pub(in crate::web) fn whole(text: &str, most: i64) -> Option<i64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit());
    let number = plain.then(|| text.parse().ok()).flatten();
    number.filter(|number| (1..=most).contains(number))
}

/// `2026-03-01`, and no other form.
fn day(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let mut part = |digits: usize| {
        let part = parts.next()?;
        let plain = part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| part.parse::<u16>().ok()).flatten()
    };
    let (year, month, day) = (part(4)?, part(2)?, part(2)?);
    if parts.next().is_some() || !YEARS.contains(&i32::from(year)) {
        return None;
    }
    let month = Month::try_from(u8::try_from(month).ok()?).ok()?;
    Date::from_calendar_date(year.into(), month, u8::try_from(day).ok()?).ok()
}

fn written_day(day: Option<Date>) -> String {
    day.map(machine_day).unwrap_or_default()
}

fn codes<T: Copy>(values: &[T], code: impl Fn(T) -> &'static str) -> String {
    let codes: Vec<&str> = values.iter().map(|value| code(*value)).collect();
    codes.join(",")
}

#[cfg(test)]
mod tests;
