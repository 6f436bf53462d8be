//! What the member list says once, after what was done on the page before.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::i18n::Texts;
use crate::store::saved_views;
use crate::web::cookies::Notice;

/// The most names of parameters that are told, and the most characters of one.
const MOST_NAMES: usize = 10;
const LONGEST_NAME: usize = 20;

/// Said once, on the member list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "l")]
pub(in crate::web) enum ListNotice {
    /// Parts of the address were not understood and are left out.
    Dropped {
        /// Their names.
        names: Vec<String>,
        /// One of them was an email address, which does not belong into an address.
        email: bool,
    },
    /// An email address belongs to nobody, or to several.
    OfEmail {
        /// The numbers and keys of the members.
        members: Vec<(i64, Uuid)>,
    },
    /// A view was saved.
    ViewKept {
        /// Its name.
        name: String,
    },
    /// A view was deleted.
    ViewForgotten {
        /// Its name.
        name: String,
    },
    /// A view was not saved, because it has no name.
    ViewNameless,
    /// A view was not saved, because there are too many.
    ViewsFull,
    /// The columns to show by default were saved.
    ColumnsKept,
    /// Single keys do something now, or no longer.
    ShortcutsKept {
        /// Whether they do.
        on: bool,
    },
}

impl ListNotice {
    /// What was left out of an address. Names that are not ours may be anything, so only plain
    /// ones are repeated.
    pub(super) fn dropped(names: &[String], email: bool) -> Self {
        let plain = |name: &String| {
            let short = !name.is_empty() && name.len() <= LONGEST_NAME;
            short && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        };
        let told = names.iter().map(|name| {
            let told = if plain(name) { name } else { "?" };
            told.to_owned()
        });
        Self::Dropped {
            names: told.take(MOST_NAMES).collect(),
            email,
        }
    }
}

/// A notice in words.
pub(super) struct Said {
    /// `ok` for what worked, `warn` for what needs attention.
    pub(super) tone: &'static str,
    /// The words.
    pub(super) text: String,
    /// Members to go on to.
    pub(super) members: Vec<(i64, Uuid)>,
}

impl Said {
    fn new(tone: &'static str, text: impl Into<String>) -> Self {
        Self {
            tone,
            text: text.into(),
            members: Vec::new(),
        }
    }

    /// The ARIA role: what needs attention interrupts.
    pub(super) fn role(&self) -> &'static str {
        if self.tone == "ok" { "status" } else { "alert" }
    }
}

/// What the notice says here; `None` for one that is meant for another page.
pub(super) fn said(t: Texts, notice: Option<&Notice>) -> Option<Said> {
    let Notice::List(notice) = notice? else {
        return None;
    };
    let kept = |text: &str| Said::new("ok", text);
    Some(match notice {
        ListNotice::Dropped { names, email } => {
            let names: Vec<&str> = names.iter().map(|name| label(t, name)).collect();
            let mut text = t.am_badparam(names.join(", "));
            if *email {
                text.push(' ');
                text.push_str(t.am_badparam_email());
            }
            Said::new("warn", text)
        }
        ListNotice::OfEmail { members } if members.is_empty() => {
            Said::new("warn", t.am_email_none())
        }
        ListNotice::OfEmail { members } => Said {
            members: members.clone(),
            ..Said::new("warn", t.am_email_many())
        },
        ListNotice::ViewKept { name } => kept(&t.am_views_saved(name)),
        ListNotice::ViewForgotten { name } => kept(&t.am_views_deleted(name)),
        ListNotice::ViewNameless => Said::new("warn", t.am_views_nameless()),
        ListNotice::ViewsFull => Said::new("warn", t.am_views_full(saved_views::MOST)),
        ListNotice::ColumnsKept => kept(t.am_cols_kept()),
        ListNotice::ShortcutsKept { on: true } => kept(t.am_keys_on()),
        ListNotice::ShortcutsKept { on: false } => kept(t.am_keys_off()),
    })
}

/// What people call a parameter of ours.
fn label(t: Texts, name: &str) -> &str {
    match name {
        "q" => t.am_q(),
        "status" => t.am_status(),
        "provider" => t.am_provider(),
        "role" => t.am_role(),
        "from" => t.am_from(),
        "to" => t.am_to(),
        "sort" => t.am_sort(),
        "page" => t.am_pager(),
        "cols" => t.am_cols(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    // WB-3
    #[test]
    fn names_that_are_not_plain_words_are_not_repeated() {
        let names = ["status", "limit", "전화하세요", "<b>", "", &"a".repeat(21)];
        let notice = ListNotice::dropped(&names.map(str::to_owned), false);
        let said = said(Lang::Ko.texts(), Some(&Notice::List(notice))).unwrap();
        assert!(
            said.text.ends_with(": 상태, limit, ?, ?, ?, ?"),
            "{}",
            said.text
        );
        let many: Vec<String> = (0..1_000).map(|number| format!("n{number}")).collect();
        let ListNotice::Dropped { names, .. } = ListNotice::dropped(&many, false) else {
            panic!();
        };
        assert_eq!(names.len(), MOST_NAMES);
    }
}
