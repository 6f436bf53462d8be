//! The history of a member as lines of a table.

use std::borrow::Cow;

use super::action;
use super::person::Person;
use super::told::in_words;
use crate::flow::admin::{HistoryLine, Refusal, key_in};
use crate::i18n::{Texts, machine_time};
use crate::mask;
use crate::member::MemberId;
use crate::store::audit::Outcome;

/// One entry.
pub(super) struct Line {
    pub(super) machine: String,
    pub(super) time: String,
    pub(super) actor: String,
    /// The page about whoever did it.
    pub(super) actor_page: Option<String>,
    pub(super) action: Cow<'static, str>,
    pub(super) reason: Option<String>,
    pub(super) detail: Option<String>,
    pub(super) ip: String,
    pub(super) result: (&'static str, &'static str),
}

impl Line {
    pub(super) fn new(t: Texts, line: &HistoryLine, about: MemberId) -> Self {
        let told = &line.told;
        let actor = line.actor.as_ref().map(|card| Person::masked(t, card));
        let own = told.actor == Some(about);
        let name = match (&actor, told.ip.as_str()) {
            _ if own => t.md_by_self().to_owned(),
            (Some(actor), _) => format!("{} ({})", actor.name, actor.number),
            (None, "cli") => t.md_by_cli().to_owned(),
            (None, "system") => t.md_by_system().to_owned(),
            (None, _) => {
                key_in(told.detail.as_deref()).map_or_else(String::new, |key| t.au_by_key(key))
            }
        };
        let refused = told.result == Outcome::Refused;
        let reason = told.reason.as_deref().map(|reason| {
            let refusal = Refusal::parse(reason).filter(|_| refused);
            refusal.map_or_else(|| reason.to_owned(), |code| in_words(t, code).to_owned())
        });
        Self {
            machine: machine_time(told.at),
            time: t.datetime_list(told.at),
            actor: name,
            actor_page: actor.filter(|_| !own).map(|actor| actor.address()),
            action: action::in_words(t, &told.action)
                .map_or_else(|| told.action.clone().into(), Cow::Borrowed),
            reason,
            detail: told.detail.clone(),
            ip: mask::ip(&told.ip),
            result: match told.result {
                Outcome::Success => ("ok", t.au_ok()),
                Outcome::Failed => ("bad", t.au_fail()),
                Outcome::Refused => ("warn", t.au_denied()),
            },
        }
    }
}
