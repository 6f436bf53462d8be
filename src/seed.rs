//! Believable members whom nobody ever was, for the demo and for load tests. No production build
//! has them.
//!
//! The same number of people at the same moment from the same seed is always the same people.
//! Their addresses are at domains that belong to nobody (RFC 2606), their networks are those of
//! documentation (RFC 5737, RFC 3849).

mod calendar;
mod dice;
mod life;
mod names;

use std::ops::Range;

use time::OffsetDateTime;

pub use crate::store::bulk::{add, count};

use crate::store::bulk::Person;
use calendar::Calendar;
use dice::Dice;

/// Days over which they joined.
pub const DAYS: i64 = 90;

/// So many people, one after the other in the order in which they joined.
///
/// ```
/// use kakao_gate::seed;
/// let now = time::OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
/// let people: Vec<_> = seed::people(300, now, 1).collect();
/// assert_eq!(people.len(), 300);
/// assert!(people.is_sorted_by_key(|person| person.joined));
/// ```
#[must_use]
pub fn people(count: usize, now: OffsetDateTime, seed: u64) -> People {
    let mut dice = Dice::new(seed);
    let calendar = Calendar::new(now, count);
    // Staff joined among the first, so that there is somebody to have acted on the others.
    let staff = life::staff(&mut dice, &calendar, count);
    People {
        left: 0..count,
        calendar,
        dice,
        staff,
    }
}

/// People yet to come.
pub struct People {
    left: Range<usize>,
    calendar: Calendar,
    dice: Dice,
    staff: Vec<life::Staff>,
}

impl Iterator for People {
    type Item = Person;

    fn next(&mut self) -> Option<Person> {
        let place = self.left.next()?;
        let joined = self.calendar.joined(&mut self.dice, place);
        Some(life::person(
            &mut self.dice,
            &self.calendar,
            &self.staff,
            place,
            joined,
        ))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.left.size_hint()
    }
}

impl ExactSizeIterator for People {}
