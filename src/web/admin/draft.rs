//! What an admin has filled in so far, and what is wrong with it.

use time::OffsetDateTime;

use crate::flow::admin::{NoDay, Reason, ReasonError, end_of_day};
use crate::i18n::Texts;

/// The fields of a form as they were sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) reason: String,
    pub(super) until: String,
    pub(super) role: String,
    /// The member is to be written to about it.
    pub(super) tell: bool,
}

/// What is wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    ReasonShort,
    ReasonLong,
    Until,
    Role,
}

/// A mistake in words.
pub(super) struct Wrong {
    /// The id of the field.
    pub(super) field: &'static str,
    pub(super) text: String,
}

impl Wrong {
    pub(super) fn new(t: Texts, mistake: Mistake) -> Self {
        Self {
            field: mistake.field(),
            text: mistake.text(t),
        }
    }

    /// The words, when they are about that field.
    pub(super) fn at(&self, field: &str) -> Option<&str> {
        (self.field == field).then_some(self.text.as_str())
    }
}

impl Mistake {
    fn field(self) -> &'static str {
        match self {
            Self::ReasonShort | Self::ReasonLong => "reason",
            Self::Until => "until",
            Self::Role => "role",
        }
    }

    pub(super) fn text(self, t: Texts) -> String {
        match self {
            Self::ReasonShort => t.md_reason_err().to_owned(),
            Self::ReasonLong => t.md_reason_long(Reason::LONGEST),
            Self::Until => t.md_until_err().to_owned(),
            Self::Role => t.md_role_err().to_owned(),
        }
    }
}

impl Draft {
    pub(super) fn reason(&self) -> Result<Reason, Mistake> {
        Reason::parse(&self.reason).map_err(|error| match error {
            ReasonError::Short => Mistake::ReasonShort,
            ReasonError::Long => Mistake::ReasonLong,
        })
    }

    /// The last second of the day in Seoul; `None` for a field left empty.
    pub(super) fn until(&self, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, Mistake> {
        end_of_day(&self.until, now).map_err(|NoDay| Mistake::Until)
    }
}
