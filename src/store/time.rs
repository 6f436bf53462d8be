//! Moments in the database: naive UTC timestamps with microseconds.

use time::{OffsetDateTime, PrimitiveDateTime};

/// The moment as both databases keep it. SQLite's text would take nanoseconds that PostgreSQL
/// drops.
pub(super) fn stored(moment: OffsetDateTime) -> PrimitiveDateTime {
    let utc = moment.to_offset(time::UtcOffset::UTC);
    let micros = utc.truncate_to_microsecond();
    PrimitiveDateTime::new(micros.date(), micros.time())
}

/// The moment that a stored timestamp means.
pub(super) fn moment(stored: PrimitiveDateTime) -> OffsetDateTime {
    stored.assume_utc()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn moments_are_utc_and_as_fine_as_the_coarser_database() {
        let seoul = datetime!(2026-11-21 01:02:03.123456789 +9);
        assert_eq!(stored(seoul), datetime!(2026-11-20 16:02:03.123456));
        assert_eq!(
            moment(stored(seoul)),
            datetime!(2026-11-21 01:02:03.123456 +9)
        );
    }
}
