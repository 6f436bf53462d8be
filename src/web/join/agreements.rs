//! The check boxes of those who join, each with the text it stands for.

use std::collections::BTreeMap;

use crate::i18n::Texts;
use crate::terms::{AGE, Agreements, Item, MARKETING, PRIVACY, Part, TERMS};
use crate::web::forms::Mistake;

/// What the name of a check box begins with; the item follows.
const PREFIX: &str = "agree-";

/// One check box.
pub(in crate::web) struct Agreement<'a> {
    /// Its id and name.
    pub(in crate::web) field: String,
    /// What it sends: the version of the text that stands beside it.
    pub(in crate::web) version: &'a str,
    pub(in crate::web) label: String,
    pub(in crate::web) required: bool,
    pub(in crate::web) ticked: bool,
    /// What is wrong with it.
    pub(in crate::web) wrong: Option<&'static str>,
    /// The operator's text.
    pub(in crate::web) parts: &'a [Part],
    /// What stands there without one.
    pub(in crate::web) built_in: Vec<&'static str>,
}

/// The check boxes for what is asked. Nothing is ticked but what this person has ticked before.
pub(in crate::web) fn boxes<'a>(
    agreements: &'a Agreements,
    t: Texts,
    ticked: &BTreeMap<String, String>,
    missing: &[String],
) -> Vec<Agreement<'a>> {
    let one = |item: &'a Item| {
        let document = item.text(t.lang());
        let title = document.and_then(|document| document.title.as_deref());
        Agreement {
            field: field(&item.id),
            version: &item.version,
            label: label(t, item, title.unwrap_or_default()),
            required: item.required,
            ticked: ticked.get(&item.id) == Some(&item.version),
            wrong: missing.contains(&item.id).then(|| why(t, &item.id)),
            parts: document
                .map(|document| document.parts.as_slice())
                .unwrap_or_default(),
            built_in: if document.is_none() {
                built_in(t, &item.id)
            } else {
                Vec::new()
            },
        }
    };
    agreements.items().iter().map(one).collect()
}

/// What was ticked, by item.
pub(in crate::web) fn ticked(fields: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let ticked = fields.iter().filter_map(|(name, version)| {
        Some((name.strip_prefix(PREFIX)?.to_owned(), version.clone()))
    });
    ticked.collect()
}

/// What is wrong when these are missing.
pub(in crate::web) fn mistakes(t: Texts, missing: &[String]) -> Vec<Mistake> {
    let mistake = |item: &String| Mistake::new(field(item), why(t, item));
    missing.iter().map(mistake).collect()
}

fn field(item: &str) -> String {
    format!("{PREFIX}{item}")
}

fn why(t: Texts, item: &str) -> &'static str {
    match item {
        AGE => t.join_err_age(),
        _ => t.join_err_terms(),
    }
}

fn label(t: Texts, item: &Item, title: &str) -> String {
    match (item.id.as_str(), item.required) {
        (AGE, _) => t.join_t_age().to_owned(),
        (TERMS, true) => t.join_t_tos().to_owned(),
        (PRIVACY, true) => t.join_t_privacy().to_owned(),
        (MARKETING, false) => t.join_t_mkt().to_owned(),
        (TERMS, false) => t.join_t_own_optional(t.terms_title()),
        (PRIVACY, false) => t.join_t_own_optional(t.privacy_title()),
        (MARKETING, true) if title.is_empty() => t.join_t_own_required(t.me_mkt()),
        (_, true) => t.join_t_own_required(title),
        (_, false) => t.join_t_own_optional(title),
    }
}

fn built_in(t: Texts, item: &str) -> Vec<&'static str> {
    match item {
        TERMS => vec![t.terms_body()],
        PRIVACY => vec![
            t.privacy_lead(),
            t.privacy_email(),
            t.privacy_sessions(),
            t.privacy_operator(),
        ],
        _ => Vec::new(),
    }
}
