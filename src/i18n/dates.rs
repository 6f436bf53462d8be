//! Moments as people in Korea read them: Seoul time, which has had no daylight saving since 1988,
//! in the forms the two languages use. Storage stays in UTC.

use time::macros::offset;
use time::{Date, Duration, Month, OffsetDateTime, Time, UtcOffset, Weekday};

use super::{Lang, Texts};

const SEOUL: UtcOffset = offset!(+9);

/// A moment for `<time datetime>`: RFC 3339 in UTC, to the second.
#[must_use]
pub fn machine_time(at: OffsetDateTime) -> String {
    let (at, clock) = (
        at.to_offset(UtcOffset::UTC).date(),
        at.to_offset(UtcOffset::UTC).time(),
    );
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second) = clock.as_hms();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// The day in Seoul that a moment belongs to.
#[must_use]
pub fn seoul_day(at: OffsetDateTime) -> Date {
    at.to_offset(SEOUL).date()
}

/// The moment at which a day begins in Seoul; the day before it ends there.
#[must_use]
pub fn seoul_midnight(day: Date) -> OffsetDateTime {
    day.with_time(Time::MIDNIGHT).assume_offset(SEOUL)
}

/// A day as lists, addresses and date fields write it: `2026-03-02`.
#[must_use]
pub fn machine_day(day: Date) -> String {
    let (year, month, day) = (day.year(), u8::from(day.month()), day.day());
    format!("{year:04}-{month:02}-{day:02}")
}

impl Texts {
    /// A moment in full: `2026년 3월 2일 (월) 09:14`, `Mon, 2 Mar 2026, 09:14 KST`.
    #[must_use]
    pub fn datetime_long(self, at: OffsetDateTime) -> String {
        let at = at.to_offset(SEOUL);
        let (weekday, date, clock) = (self.weekday(at.weekday()), self.date_long(at), clock(at));
        match self.lang {
            Lang::Ko => format!("{date} ({weekday}) {clock}"),
            Lang::En => format!("{weekday}, {date}, {clock} KST"),
        }
    }

    /// A day in full: `2026년 3월 2일`, `2 Mar 2026`.
    #[must_use]
    pub fn date_long(self, at: OffsetDateTime) -> String {
        let at = at.to_offset(SEOUL);
        let (year, month, day) = (at.year(), at.month(), at.day());
        match self.lang {
            Lang::Ko => format!("{year}년 {}월 {day}일", u8::from(month)),
            Lang::En => format!("{day} {} {year}", english_month(month)),
        }
    }

    /// A moment in a column of a list, the same in both languages: `2026-03-02 09:14`.
    #[must_use]
    pub fn datetime_list(self, at: OffsetDateTime) -> String {
        let at = at.to_offset(SEOUL);
        format!("{} {}", machine_day(at.date()), clock(at))
    }

    /// A moment to the second, the same in both languages: `2026-03-02 09:14:05`.
    #[must_use]
    pub fn datetime_exact(self, at: OffsetDateTime) -> String {
        let second = at.to_offset(SEOUL).second();
        format!("{}:{second:02}", self.datetime_list(at))
    }

    /// How long ago a moment is, or how far ahead: `5분 전`, `in 2 days`. Shown only beside the
    /// moment itself. Counts whole units, so that nothing is said to have lasted longer than it
    /// has; a month is 30 days, a year 365.
    #[must_use]
    pub fn relative(self, then: OffsetDateTime, now: OffsetDateTime) -> String {
        let past = then <= now;
        let distance = (now - then).abs();
        if distance < Duration::MINUTE {
            return if past {
                self.time_now()
            } else {
                self.time_soon()
            }
            .to_owned();
        }
        let span = self.span(distance);
        if past {
            self.time_ago(span)
        } else {
            self.time_in(span)
        }
    }

    /// A length of time in its largest whole unit, a minute at least: `5분`, `2 days`.
    #[must_use]
    pub fn span(self, length: Duration) -> String {
        let minutes = length.abs().whole_minutes().max(1);
        let (hours, days) = (minutes / 60, minutes / (60 * 24));
        match (days / 365, days / 30, days, hours, minutes) {
            (0, 0, 0, 0, 1) => self.time_minute(1),
            (0, 0, 0, 0, n) => self.time_minutes(n),
            (0, 0, 0, 1, _) => self.time_hour(1),
            (0, 0, 0, n, _) => self.time_hours(n),
            (0, 0, 1, ..) => self.time_day(1),
            (0, 0, n, ..) => self.time_days(n),
            (0, 1, ..) => self.time_month(1),
            (0, n, ..) => self.time_months(n),
            (1, ..) => self.time_year(1),
            (n, ..) => self.time_years(n),
        }
    }

    fn weekday(self, weekday: Weekday) -> &'static str {
        match weekday {
            Weekday::Monday => self.pick("월", "Mon"),
            Weekday::Tuesday => self.pick("화", "Tue"),
            Weekday::Wednesday => self.pick("수", "Wed"),
            Weekday::Thursday => self.pick("목", "Thu"),
            Weekday::Friday => self.pick("금", "Fri"),
            Weekday::Saturday => self.pick("토", "Sat"),
            Weekday::Sunday => self.pick("일", "Sun"),
        }
    }
}

fn clock(at: OffsetDateTime) -> String {
    format!("{:02}:{:02}", at.hour(), at.minute())
}

fn english_month(month: Month) -> &'static str {
    match month {
        Month::January => "Jan",
        Month::February => "Feb",
        Month::March => "Mar",
        Month::April => "Apr",
        Month::May => "May",
        Month::June => "Jun",
        Month::July => "Jul",
        Month::August => "Aug",
        Month::September => "Sep",
        Month::October => "Oct",
        Month::November => "Nov",
        Month::December => "Dec",
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_moment_is_shown_in_seoul_time_and_written_for_machines_in_utc() {
        // Already Monday in Seoul.
        let at = datetime!(2026-03-01 15:04:59.999_999 UTC);
        let (ko, en) = (Lang::Ko.texts(), Lang::En.texts());
        assert_eq!(ko.datetime_long(at), "2026년 3월 2일 (월) 00:04");
        assert_eq!(en.datetime_long(at), "Mon, 2 Mar 2026, 00:04 KST");
        assert_eq!(ko.datetime_list(at), "2026-03-02 00:04");
        assert_eq!(ko.datetime_exact(at), "2026-03-02 00:04:59");
        assert_eq!(en.date_long(at), "2 Mar 2026");
        assert_eq!(machine_time(at), "2026-03-01T15:04:59Z");
        assert_eq!(machine_time(at.to_offset(SEOUL)), "2026-03-01T15:04:59Z");
    }

    #[test]
    fn a_day_is_a_day_in_seoul() {
        let day = seoul_day(datetime!(2026-03-01 15:00 UTC));
        assert_eq!(machine_day(day), "2026-03-02");
        assert_eq!(seoul_midnight(day), datetime!(2026-03-01 15:00 UTC));
        let before = seoul_day(datetime!(2026-03-01 14:59:59.999_999 UTC));
        assert_eq!(machine_day(before), "2026-03-01");
    }

    #[test]
    fn distances_are_counted_in_the_largest_whole_unit_both_ways() {
        let now = datetime!(2026-03-02 00:00 UTC);
        let cases = [
            (Duration::ZERO, "방금", "just now"),
            (Duration::seconds(-59), "방금", "just now"),
            (Duration::seconds(59), "곧", "shortly"),
            (Duration::seconds(-60), "1분 전", "1 minute ago"),
            (Duration::minutes(-5), "5분 전", "5 minutes ago"),
            (Duration::minutes(5), "5분 뒤", "in 5 minutes"),
            (Duration::minutes(-119), "1시간 전", "1 hour ago"),
            (Duration::hours(23), "23시간 뒤", "in 23 hours"),
            (Duration::hours(-24), "1일 전", "1 day ago"),
            (Duration::days(29), "29일 뒤", "in 29 days"),
            (Duration::days(-30), "1개월 전", "1 month ago"),
            (Duration::days(-364), "12개월 전", "12 months ago"),
            (Duration::days(-365), "1년 전", "1 year ago"),
            (Duration::days(800), "2년 뒤", "in 2 years"),
        ];
        for (distance, ko, en) in cases {
            assert_eq!(Lang::Ko.texts().relative(now + distance, now), ko);
            assert_eq!(Lang::En.texts().relative(now + distance, now), en);
        }
    }
}
