//! The dashboard: some figures, each read by itself, so that one that cannot be read costs
//! nobody the others.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use time::{Date, OffsetDateTime};

use super::record::{Asked, Sheet, View};
use crate::flow::{Gate, Origin, Weather};
use crate::i18n::{seoul_day, seoul_midnight};
use crate::kakao::SLOW;
use crate::member::SignedIn;
use crate::store::audit::{self, SignIns};
use crate::store::tallies::{self, Tally};
use crate::store::{self, AnyConnection, sessions};

/// The longest that one figure is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// Live sessions are counted up to here.
pub const MOST_DEVICES: i64 = 10_000;

/// The last entries of the audit log that are shown.
const GLANCE: i64 = 5;

/// A figure, and how old it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part<T> {
    /// As it is now.
    Fresh(T),
    /// As it was then: it could not be read now.
    Stale(T, OffsetDateTime),
    /// It could not be read, and never was.
    Missing,
}

impl<T> Part<T> {
    /// The value, fresh or stale.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Fresh(value) | Self::Stale(value, _) => Some(value),
            Self::Missing => None,
        }
    }
}

/// Who came and went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Today {
    /// Members, whatever their standing, without those who left.
    pub members: i64,
    /// What came and went today, in Seoul.
    pub today: Tally,
    /// What came and went yesterday.
    pub yesterday: Tally,
}

/// One day of the chart.
pub type Day = (Date, Tally);

/// How Kakao is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It was not asked in the last five minutes.
    Quiet,
    /// It answers.
    Ok,
    /// 95 of 100 answers take up to this many milliseconds.
    Slow(u128),
    /// So many calls came to nothing.
    Failing(usize),
}

/// All of it.
#[derive(Debug)]
pub struct Picture {
    /// When it was put together.
    pub at: OffsetDateTime,
    /// Who came and went.
    pub members: Part<Today>,
    /// Live sessions; `None` for more than [`MOST_DEVICES`].
    pub devices: Part<Option<i64>>,
    /// Today's sign-ins.
    pub sign_ins: Part<SignIns>,
    /// How Kakao is, as far as this process has asked it.
    pub kakao: Health,
    /// What the login page says of it.
    pub weather: Weather,
    /// The days of the chart, today the last.
    pub days: Part<Vec<Day>>,
    /// The last entries of the audit log; `None` when they cannot be shown.
    pub entries: Option<Sheet>,
}

/// The figures that were read last, for when they cannot be read.
#[derive(Debug, Default)]
pub struct Figures {
    members: Kept<(), Today>,
    devices: Kept<(), Option<i64>>,
    sign_ins: Kept<(), SignIns>,
    days: Kept<u16, Vec<Day>>,
}

#[derive(Debug)]
struct Kept<K, T>(Mutex<HashMap<K, (T, OffsetDateTime)>>);

impl<K, T> Default for Kept<K, T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: std::hash::Hash + Eq, T: Clone> Kept<K, T> {
    /// What was read, which is kept; or what was kept.
    fn part(&self, key: K, read: Result<T, store::Error>, now: OffsetDateTime) -> Part<T> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match read {
            Ok(value) => {
                kept.insert(key, (value.clone(), now));
                Part::Fresh(value)
            }
            Err(error) => {
                tracing::warn!(%error, "a figure of the dashboard could not be read");
                match kept.get(&key) {
                    Some((value, at)) => Part::Stale(value.clone(), *at),
                    None => Part::Missing,
                }
            }
        }
    }
}

impl Gate {
    /// The dashboard with a chart of this many days, for somebody of the administration. That they
    /// saw entries of the audit log is in it before this returns, or they see none.
    pub async fn dashboard(&self, signed_in: &SignedIn, days: u16, origin: &Origin) -> Picture {
        let now = self.clock.now();
        let today = seoul_day(now);
        let first = today - time::Duration::days(i64::from(days.max(1)) - 1);
        let midnight = seoul_midnight(today);
        let asked = Asked {
            told: "dashboard".to_owned(),
            ..Asked::default()
        };
        let (members, devices, sign_ins, chart, entries) = tokio::join!(
            self.figure(move |connection| members(connection, today)),
            self.figure(move |connection| sessions::count_live_up_to(
                connection,
                now,
                MOST_DEVICES
            )),
            self.figure(move |connection| audit::sign_ins(connection, midnight, now)),
            self.figure(move |connection| tallies::days(connection, first, today)),
            self.glance(signed_in, asked, origin),
        );
        Picture {
            at: now,
            members: self.figures.members.part((), members, now),
            devices: self.figures.devices.part((), devices, now),
            sign_ins: self.figures.sign_ins.part((), sign_ins, now),
            kakao: self.kakao_health(),
            weather: self.weather(),
            days: self.figures.days.part(days, chart, now),
            entries: entries
                .inspect_err(|error| {
                    tracing::warn!(%error, "entries of the audit log are not shown");
                })
                .ok(),
        }
    }

    async fn figure<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut AnyConnection) -> Result<T, store::Error> + Send + 'static,
    ) -> Result<T, store::Error> {
        in_time(self.store.read(read)).await
    }

    async fn glance(
        &self,
        signed_in: &SignedIn,
        asked: Asked,
        origin: &Origin,
    ) -> Result<Sheet, store::Error> {
        in_time(self.view_audit_log(signed_in, asked, View::Glance(GLANCE), origin)).await
    }

    fn kakao_health(&self) -> Health {
        let pulse = self.kakao.pulse();
        if pulse.calls == 0 {
            Health::Quiet
        } else if pulse.failures * 10 >= pulse.calls {
            // One in ten: fewer are the network's everyday losses.
            Health::Failing(pulse.failures)
        } else if pulse.p95 >= SLOW {
            Health::Slow(pulse.p95.as_millis())
        } else {
            Health::Ok
        }
    }
}

async fn in_time<T>(
    read: impl Future<Output = Result<T, store::Error>>,
) -> Result<T, store::Error> {
    let read = tokio::time::timeout(PATIENCE, read).await;
    read.unwrap_or_else(|_| Err(store::Error::Unavailable("no answer in time".to_owned())))
}

fn members(connection: &mut AnyConnection, today: Date) -> Result<Today, store::Error> {
    let yesterday = today.previous_day().unwrap_or(today);
    let ever = tallies::ever(connection)?;
    let days = tallies::days(connection, yesterday, today)?;
    let of = |day: Date| {
        let found = days.iter().find(|(date, _)| *date == day);
        found.map(|(_, tally)| *tally).unwrap_or_default()
    };
    Ok(Today {
        members: ever.joined() - ever.withdrawn,
        today: of(today),
        yesterday: of(yesterday),
    })
}
