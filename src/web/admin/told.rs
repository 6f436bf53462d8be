//! What the next page says of an act on members.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::flow::admin::Refusal;
use crate::i18n::Texts;
use crate::web::cookies::Notice;

/// What a notice calls members whom the database did not let us come to.
const UNREACHED: &str = "unreached";

/// What became of an act on members, for the next page. A cookie holds 4 KB: members stand in it
/// by their numbers, and why by its code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "a")]
pub(in crate::web) enum ActNotice {
    /// Suspended.
    Suspended,
    /// Restored.
    Restored,
    /// Logged out.
    Kicked {
        /// Of how many devices.
        devices: u64,
    },
    /// Given another role.
    Role,
    /// Not done.
    Refused {
        /// Why.
        why: String,
    },
    /// Done to several.
    Several {
        /// To how many it was.
        done: usize,
        /// Why not to the others: their numbers by the reason's code.
        skipped: BTreeMap<String, Vec<i64>>,
    },
    /// Nobody was ticked.
    NobodyTicked,
    /// More were ticked than at once.
    TooMany {
        /// So many may be.
        most: usize,
    },
    /// No action was chosen.
    NoAction,
}

/// A notice in words.
pub(in crate::web) struct Told {
    /// `ok` for what worked, `warn` for what needs attention.
    pub(in crate::web) tone: &'static str,
    /// The words.
    pub(in crate::web) text: String,
    /// Why some were left out, and whom.
    pub(in crate::web) skipped: Vec<(&'static str, String)>,
    /// Members to go on to: their numbers and keys.
    pub(in crate::web) members: Vec<(i64, Uuid)>,
}

impl ActNotice {
    pub(super) fn refused(refusal: Refusal) -> Self {
        Self::Refused {
            why: refusal.code().to_owned(),
        }
    }

    pub(super) fn unreached() -> &'static str {
        UNREACHED
    }
}

impl Told {
    pub(super) fn new(tone: &'static str, text: impl Into<String>) -> Self {
        Self {
            tone,
            text: text.into(),
            skipped: Vec::new(),
            members: Vec::new(),
        }
    }

    /// The ARIA role: what needs attention interrupts.
    pub(in crate::web) fn role(&self) -> &'static str {
        if self.tone == "ok" { "status" } else { "alert" }
    }
}

/// What the notice says; `None` for one that is meant for another page.
pub(in crate::web) fn told(t: Texts, notice: Option<&Notice>) -> Option<Told> {
    match notice? {
        Notice::Act(notice) => Some(notice.in_words(t)),
        Notice::List(notice) => Some(notice.in_words(t)),
        Notice::KeyRevoked { name: Some(name) } => Some(Told::new("ok", t.ak_revoke_done(name))),
        Notice::KeyRevoked { name: None } => Some(Told::new("warn", t.ak_revoke_gone())),
        Notice::Retried { hurried: true } => Some(Told::new("ok", t.ob_retried())),
        Notice::Retried { hurried: false } => Some(Told::new("warn", t.ob_not_retried())),
        _ => None,
    }
}

impl ActNotice {
    /// The notice in words.
    fn in_words(&self, t: Texts) -> Told {
        let number = |count: usize| t.number(u64::try_from(count).unwrap_or(u64::MAX));
        match self {
            Self::Suspended => Told::new("ok", t.md_suspended()),
            Self::Restored => Told::new("ok", t.md_restored()),
            Self::Kicked { devices } => Told::new("ok", t.md_kicked(t.number(*devices))),
            Self::Role => Told::new("ok", t.md_role_done()),
            Self::Refused { why } => Told::new("warn", why_in_words(t, why, true)),
            Self::NobodyTicked => Told::new("warn", t.am_bulk_err()),
            Self::TooMany { most } => Told::new("warn", t.am_bulk_max(number(*most))),
            Self::NoAction => Told::new("warn", t.md_bulk_action()),
            Self::Several { done, skipped } => {
                let count = skipped.values().map(Vec::len).sum();
                let tone = if count == 0 { "ok" } else { "warn" };
                let numbers = |numbers: &Vec<i64>| {
                    let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
                    texts.join(", ")
                };
                Told {
                    skipped: skipped
                        .iter()
                        .map(|(why, members)| (why_in_words(t, why, false), numbers(members)))
                        .collect(),
                    ..Told::new(tone, t.md_bulk_done(number(*done), number(count)))
                }
            }
        }
    }
}

/// Why an act was not done, in words; `alone` when it was the only one, and the person is to look
/// and try again.
fn why_in_words(t: Texts, code: &str, alone: bool) -> &'static str {
    match Refusal::parse(code) {
        Some(Refusal::Conflict) if alone => t.md_conflict(),
        Some(refusal) => in_words(t, refusal),
        None => t.md_why_unreached(),
    }
}

/// Why an act is not done, in words.
pub(super) fn in_words(t: Texts, refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Gone => t.md_why_gone(),
        Refusal::Own => t.md_self(),
        Refusal::Rank => t.md_rank(),
        Refusal::LastOwner => t.md_lastowner(),
        Refusal::Conflict => t.md_why_conflict(),
        Refusal::Already => t.md_already(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn the_longest_notice_fits_a_cookie() {
        let numbers: Vec<i64> = (0..100).map(|place| i64::MAX - place).collect();
        let notice = Notice::Act(ActNotice::Several {
            done: 0,
            skipped: BTreeMap::from([(Refusal::Conflict.code().to_owned(), numbers)]),
        });
        let json = serde_json::to_string(&notice).unwrap();
        let back: Notice = serde_json::from_str(&json).unwrap();
        assert_eq!(back, notice);
        // Sealed it is a third longer, with a nonce and a tag.
        assert!(json.len() * 4 / 3 + 100 < 3_800, "{} bytes", json.len());
        let told = told(Lang::Ko.texts(), Some(&notice)).unwrap();
        assert_eq!(told.text, "0명 처리, 100명 제외했습니다.");
        assert_eq!(told.skipped.len(), 1);
    }
}
