//! A filter as its SQL needs it: what is asked, in the spelling of the database.

use time::PrimitiveDateTime;

use super::statement::{Statement, Value};
use super::{Filter, email_key, name_key};
use crate::member::{Provider, Role, StandingKind};
use crate::store::time::stored;

/// A filter that somebody can meet.
pub(super) struct Wanted {
    /// One or several, and whether it is all of them.
    standings: Vec<&'static str>,
    roles: Vec<&'static str>,
    providers: Vec<&'static str>,
    all_kinds: bool,
    from: Option<PrimitiveDateTime>,
    before: Option<PrimitiveDateTime>,
    /// A part of the name; never empty.
    pub(super) name: Option<String>,
    number: Option<i64>,
    email: Option<String>,
}

impl Wanted {
    /// `None` when nobody can meet the filter.
    pub(super) fn new(filter: &Filter) -> Option<Self> {
        let name = filter.name.as_deref().map(name_key);
        let email = filter.email.as_deref().map(email_key);
        // PostgreSQL refuses this character, so that no text has it.
        if [&name, &email]
            .into_iter()
            .flatten()
            .any(|text| text.contains('\0'))
        {
            return None;
        }
        let standings = filter.standings.iter().map(|kind| kind.code());
        let roles = filter.roles.iter().map(|role| role.code());
        let providers = filter.providers.iter().map(|one| one.code());
        let standings = or_all(standings, StandingKind::ALL.map(StandingKind::code));
        let roles = or_all(roles, Role::ALL.map(Role::code));
        let providers = or_all(providers, Provider::ALL.map(Provider::code));
        Some(Self {
            all_kinds: standings.len() == StandingKind::ALL.len()
                && roles.len() == Role::ALL.len()
                && providers.len() == Provider::ALL.len(),
            standings,
            roles,
            providers,
            from: filter.joined_from.map(stored),
            before: filter.joined_before.map(stored),
            name: name.filter(|name| !name.is_empty()),
            number: filter.number,
            email,
        })
    }

    /// Whether a number or an address names those wanted.
    pub(super) fn is_named(&self) -> bool {
        self.number.is_some() || self.email.is_some()
    }

    /// Whether a standing, role or way to have come is asked for.
    pub(super) fn has_kinds(&self) -> bool {
        !self.all_kinds
    }

    /// Whether they must have joined at some time.
    pub(super) fn has_dates(&self) -> bool {
        self.from.is_some() || self.before.is_some()
    }

    /// Every kind wanted, as conditions on the three columns that the wide indexes begin with.
    pub(super) fn kinds(&self) -> impl Iterator<Item = String> {
        self.standings.iter().flat_map(move |standing| {
            self.roles.iter().flat_map(move |role| {
                self.providers.iter().map(move |provider| {
                    format!(
                        "standing = '{standing}' AND role = '{role}' AND joined_with = '{provider}'"
                    )
                })
            })
        })
    }

    /// Goes on with a condition that is met by every kind wanted, and by no other.
    pub(super) fn any_kind(&self, statement: &mut Statement) {
        for (place, (column, codes)) in [
            ("standing", &self.standings),
            ("role", &self.roles),
            ("joined_with", &self.providers),
        ]
        .into_iter()
        .enumerate()
        {
            let join = if place == 0 { "" } else { " AND " };
            let codes: Vec<String> = codes.iter().map(|code| format!("'{code}'")).collect();
            statement.sql(&format!("{join}{column} IN ({})", codes.join(", ")));
        }
    }

    /// Goes on with when they joined, each condition after an `AND`.
    pub(super) fn dates(&self, statement: &mut Statement) {
        if let Some(from) = self.from {
            statement
                .sql(" AND created_at >= ")
                .bind(Value::Moment(from));
        }
        if let Some(before) = self.before {
            statement
                .sql(" AND created_at < ")
                .bind(Value::Moment(before));
        }
    }

    /// Goes on with all conditions beside the kinds, each after an `AND`.
    pub(super) fn others(&self, statement: &mut Statement) {
        self.dates(statement);
        if let Some(name) = &self.name {
            // Not LIKE: nothing in the text is then more than itself.
            let place = if statement.is_postgres() {
                "strpos"
            } else {
                "instr"
            };
            statement.sql(&format!(" AND {place}(name_key, "));
            statement.bind(Value::Text(name.clone())).sql(") > 0");
        }
        if let Some(number) = self.number {
            statement.sql(" AND number = ").bind(Value::Number(number));
        }
        if let Some(email) = &self.email {
            statement
                .sql(" AND email_key = ")
                .bind(Value::Text(email.clone()));
        }
    }
}

/// The codes asked for, each once; all that there are when none is.
fn or_all<const N: usize>(
    asked: impl Iterator<Item = &'static str>,
    all: [&'static str; N],
) -> Vec<&'static str> {
    let asked: Vec<&str> = asked.collect();
    let wanted = |code: &&str| asked.is_empty() || asked.contains(code);
    all.into_iter().filter(wanted).collect()
}
