//! What an admin has filled in so far, and what is wrong with it.

use time::macros::{format_description, offset, time};
use time::{Date, OffsetDateTime};

use crate::flow::admin::{Reason, ReasonError};
use crate::i18n::Texts;

/// The fields of a form as they were sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) reason: String,
    pub(super) until: String,
    pub(super) role: String,
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

/// Not a day, or one that is over.
struct NoDay;

fn end_of_day(text: &str, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, NoDay> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let day = Date::parse(text, format_description!("[year]-[month]-[day]")).map_err(|_| NoDay)?;
    let end = day.with_time(time!(23:59:59)).assume_offset(offset!(+9));
    // A year of five digits is a slip of the hand, and none that every database keeps.
    if end <= now || day.year() > 9_999 {
        return Err(NoDay);
    }
    Ok(Some(end))
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_suspension_lasts_through_the_day_in_seoul() {
        let now = datetime!(2026-03-01 15:30 UTC);
        let until = |text: &str| {
            let draft = Draft {
                until: text.to_owned(),
                ..Draft::default()
            };
            draft.until(now)
        };
        assert_eq!(until(" "), Ok(None));
        assert_eq!(
            until("2026-03-02"),
            Ok(Some(datetime!(2026-03-02 14:59:59 UTC)))
        );
        for wrong in [
            "2026-03-01",
            "2026-02-30",
            "2026-3-2",
            "2.3.2026",
            "+12026-03-02",
            "99999-01-01",
            "내일",
        ] {
            assert_eq!(until(wrong), Err(Mistake::Until), "{wrong}");
        }
    }
}
