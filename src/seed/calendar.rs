//! When people join: more every week, more on some days than on others, hardly anybody at four
//! in the morning.

use time::macros::offset;
use time::{Duration, OffsetDateTime};

use super::DAYS;
use super::dice::Dice;

/// How busy the hours of a day in Seoul are.
const HOURS: [u64; 24] = [
    22, 14, 8, 5, 4, 5, 9, 18, 30, 36, 40, 44, 52, 44, 40, 40, 42, 46, 52, 58, 64, 66, 56, 38,
];

/// How busy the days of a week are, from Monday.
const WEEKDAYS: [u64; 7] = [100, 98, 96, 100, 108, 124, 130];

/// The hours of the last [`DAYS`] days, and how many of all had joined by the end of each.
pub(super) struct Calendar {
    pub(super) now: OffsetDateTime,
    /// How many people there are.
    pub(super) count: usize,
    began: OffsetDateTime,
    so_far: Vec<u64>,
}

impl Calendar {
    pub(super) fn new(now: OffsetDateTime, count: usize) -> Self {
        let began = now - Duration::days(DAYS);
        let mut total = 0;
        let so_far = (0..DAYS * 24).map(|hour| {
            let at = (began + Duration::hours(hour)).to_offset(offset!(+9));
            let weekday = usize::from(at.weekday().number_days_from_monday());
            let busy = HOURS.get(usize::from(at.hour())).unwrap_or(&1);
            let growth = 100 + u64::try_from(hour / 24).unwrap_or_default();
            total += busy * WEEKDAYS.get(weekday).unwrap_or(&1) * growth;
            total
        });
        let so_far = so_far.collect();
        Self {
            now,
            count,
            began,
            so_far,
        }
    }

    /// When the person in this place of `count` joined; never before the one in the place before.
    pub(super) fn joined(&self, dice: &mut Dice, place: usize) -> OffsetDateTime {
        const GRAIN: u64 = 1_000;
        let wide = |number: usize| u128::try_from(number).unwrap_or_default();
        let total = self.so_far.last().copied().unwrap_or(1);
        let position = wide(place) * u128::from(GRAIN) + u128::from(dice.below(GRAIN));
        let all = wide(self.count.max(1)) * u128::from(GRAIN);
        let mark = u64::try_from(position * u128::from(total) / all).unwrap_or(total);
        let hour = self.so_far.partition_point(|so_far| *so_far <= mark);
        let before = hour.checked_sub(1).and_then(|hour| self.so_far.get(hour));
        let before = before.copied().unwrap_or_default();
        let width = self.so_far.get(hour).map_or(1, |so_far| so_far - before);
        let micros = u128::from(mark - before) * 3_600_000_000 / u128::from(width.max(1));
        let hours = Duration::hours(i64::try_from(hour).unwrap_or_default());
        self.began + hours + Duration::microseconds(i64::try_from(micros).unwrap_or_default())
    }

    /// A moment between `from` and now, sooner after `from` the more `times` it is thrown.
    pub(super) fn since(
        &self,
        dice: &mut Dice,
        from: OffsetDateTime,
        times: u32,
    ) -> OffsetDateTime {
        let whole = (self.now - from).whole_milliseconds();
        let mut span = u64::try_from(whole).unwrap_or_default();
        for _ in 0..times {
            span = dice.below(span.max(1));
        }
        from + Duration::milliseconds(i64::try_from(span).unwrap_or_default())
    }
}
