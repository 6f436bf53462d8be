//! Moments in the database: naive UTC timestamps with microseconds.

use time::{OffsetDateTime, PrimitiveDateTime};

/// The moment as both databases keep it.
pub(super) fn stored(moment: OffsetDateTime) -> PrimitiveDateTime {
    let utc = moment.to_offset(time::UtcOffset::UTC);
    PrimitiveDateTime::new(utc.date(), utc.time())
}

/// The moment that a stored timestamp means.
pub(super) fn moment(stored: PrimitiveDateTime) -> OffsetDateTime {
    stored.assume_utc()
}
