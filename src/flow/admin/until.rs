//! Until when a suspension lasts.

use time::macros::{format_description, offset, time};
use time::{Date, OffsetDateTime};

/// Not a day, or one that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a day from today on, such as 2026-12-31")]
pub struct NoDay;

/// The last second, in Seoul, of the day that `text` names as `2026-12-31`; `None` when it names
/// none, for a suspension without an end.
///
/// # Errors
/// [`NoDay`].
pub fn end_of_day(text: &str, now: OffsetDateTime) -> Result<Option<OffsetDateTime>, NoDay> {
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
        assert_eq!(end_of_day(" ", now), Ok(None));
        assert_eq!(
            end_of_day("2026-03-02", now),
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
            assert_eq!(end_of_day(wrong, now), Err(NoDay), "{wrong}");
        }
    }
}
