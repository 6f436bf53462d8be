//! What the member list says once, after what was done on the page before.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::told::Told;
use crate::i18n::Texts;
use crate::store::saved_views;

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

impl ListNotice {
    /// The notice in words.
    pub(super) fn in_words(&self, t: Texts) -> Told {
        let kept = |text: &str| Told::new("ok", text);
        match self {
            Self::Dropped { names, email } => {
                let names: Vec<&str> = names.iter().map(|name| label(t, name)).collect();
                let mut text = t.am_badparam(names.join(", "));
                if *email {
                    text.push(' ');
                    text.push_str(t.am_badparam_email());
                }
                Told::new("warn", text)
            }
            Self::OfEmail { members } if members.is_empty() => Told::new("warn", t.am_email_none()),
            Self::OfEmail { members } => Told {
                members: members.clone(),
                ..Told::new("warn", t.am_email_many())
            },
            Self::ViewKept { name } => kept(&t.am_views_saved(name)),
            Self::ViewForgotten { name } => kept(&t.am_views_deleted(name)),
            Self::ViewNameless => Told::new("warn", t.am_views_nameless()),
            Self::ViewsFull => Told::new("warn", t.am_views_full(saved_views::MOST)),
            Self::ColumnsKept => kept(t.am_cols_kept()),
            Self::ShortcutsKept { on: true } => kept(t.am_keys_on()),
            Self::ShortcutsKept { on: false } => kept(t.am_keys_off()),
        }
    }
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
        let told = notice.in_words(Lang::Ko.texts());
        assert!(
            told.text.ends_with(": 상태, limit, ?, ?, ?, ?"),
            "{}",
            told.text
        );
        let many: Vec<String> = (0..1_000).map(|number| format!("n{number}")).collect();
        let ListNotice::Dropped { names, .. } = ListNotice::dropped(&many, false) else {
            panic!();
        };
        assert_eq!(names.len(), MOST_NAMES);
    }
}
