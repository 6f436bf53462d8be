//! Comparing whom we think connected with whom Kakao says is: what a webhook that was lost, or
//! never registered, would have told.
//!
//! It looks and hands over. Whatever is applied goes the way of a webhook: before anything is taken
//! apart Kakao is asked about that one person.

use std::time::Duration;

use time::OffsetDateTime;

use super::{Audited, Gate, Origin};
use crate::kakao::{self, Kind, UserIds};
use crate::member::KakaoId;
use crate::store;
use crate::store::audit::Outcome;
use crate::store::members::linked::{self, Linked};
use crate::store::throttles::{self, Allowance};

/// Kakao allows a hundred of these calls a minute to the whole app: enough for two at this pace, the
/// command beside the daily run.
const PACE: Duration = Duration::from_millis(1_300);

/// How often a page is asked for again that did not come.
const TRIES: u32 = 3;

/// How often a page is asked for again because there were too many calls.
const PATIENCE: u32 = 5;

/// How long to wait then, where Kakao does not say.
const LIMITED: Duration = Duration::from_secs(60);

/// The longest wait; what Kakao says that is longer is for another day.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// How many of our rows are read at once.
const ROWS: i64 = 1_000;

/// More missing than this, and more than one in ten, looks like the key of another app.
const MANY: usize = 20;

/// One instance does it once in this time: less than a day, so that the hour it is done at does not
/// move on.
const ONCE: Allowance = Allowance {
    failures: 1,
    within: time::Duration::hours(23),
};

/// How long a daily run under way is another's to begin anew when nothing is heard of it: longer
/// than the longest wait for one page.
const UNDER_WAY: time::Duration = time::Duration::hours(2);

/// What the database knows the daily run by.
const DAILY: &str = "reconcile";

/// What to do with what is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Tell it.
    Report,
    /// Hand over what webhooks missed, unless that is suspiciously much.
    Apply,
    /// The same, however much it is.
    ApplyAll,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Connected accounts here.
    pub here: usize,
    /// Connected people at Kakao.
    pub there: usize,
    /// Connected here and not at Kakao: their numbers there, and the members' numbers here.
    pub only_here: Vec<(KakaoId, i64)>,
    /// Connected at Kakao and not here: somebody who did not finish, or whom we lost.
    pub only_there: Vec<KakaoId>,
    /// How many were handed over.
    pub applied: usize,
}

/// Why it did not come to an end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Kakao did not list its members.
    #[error(transparent)]
    Kakao(#[from] kakao::Error),
    /// The database.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// So much is missing that something else is wrong.
    #[error(
        "{missing} of {here} connected accounts are unknown to Kakao, nothing was applied: the \
         admin key may be of another app than KAKAO_APP_ID"
    )]
    Suspicious {
        /// How many are missing there.
        missing: usize,
        /// How many are connected here.
        here: usize,
    },
}

impl Failure {
    /// A stable word for the audit log.
    fn code(&self) -> &'static str {
        match self {
            Self::Kakao(error) => error.kind.name(),
            Self::Store(_) => "unavailable",
            Self::Suspicious { .. } => "suspicious",
        }
    }
}

impl Gate {
    /// Compares, and does with the difference what is meant. `told` hears after each page how many
    /// of Kakao's numbers have come.
    ///
    /// # Errors
    /// [`Failure`]. Nothing was applied then that Kakao has not been asked about.
    pub async fn reconcile(
        &self,
        intent: Intent,
        operator: Option<&str>,
        told: impl Fn(usize),
    ) -> Result<Report, Failure> {
        let compared = self.compared(intent, operator.is_none(), told).await;
        self.tell_of_reconciling(&compared, operator).await?;
        compared
    }

    async fn compared(
        &self,
        intent: Intent,
        daily: bool,
        told: impl Fn(usize),
    ) -> Result<Report, Failure> {
        let began = self.clock.now();
        let there = self.all_at_kakao(daily, told).await?;
        // Read afterwards: whoever came meanwhile is here, and too young to be missed there.
        let here = self.all_here().await?;
        let mut report = compare(&here, &there, began);
        let missing = report.only_here.len();
        let suspicious = missing > MANY && missing * 10 > report.here;
        // That nobody at all is known to both says more than any number.
        let strangers = missing > 1 && missing == report.here;
        if intent == Intent::Apply && (suspicious || strangers) {
            return Err(Failure::Suspicious {
                missing,
                here: report.here,
            });
        }
        if intent != Intent::Report {
            for (id, _) in &report.only_here {
                self.hear_missed_unlink(*id, began).await?;
                report.applied += 1;
            }
        }
        Ok(report)
    }

    /// The daily run, unless it was done within a day by whichever instance. A run that failed may
    /// be tried again the next time, and one that was cut off once nothing was heard of it for two
    /// hours.
    ///
    /// # Errors
    /// The store's.
    pub async fn reconcile_daily(&self) -> Result<(), store::Error> {
        if !self.kakao.has_admin_key() {
            return Ok(());
        }
        let began = self.clock.now();
        let taken = self
            .store
            .write(move |connection| {
                let taken = throttles::take(connection, DAILY, ONCE, began)?;
                if taken.is_none() {
                    throttles::hold(connection, DAILY, began + UNDER_WAY)?;
                }
                Ok(taken)
            })
            .await?;
        if taken.is_some() {
            return Ok(());
        }
        match self.reconcile(Intent::Apply, None, |_| {}).await {
            Ok(report) => {
                let Report { here, there, .. } = report;
                let (only_here, only_there) = (report.only_here.len(), report.only_there.len());
                tracing::info!(
                    here,
                    there,
                    only_here,
                    only_there,
                    "compared with Kakao's members"
                );
                self.hold_daily(began + ONCE.within).await
            }
            // Trying again would find the same; somebody has to look.
            Err(error @ Failure::Suspicious { .. }) => {
                tracing::error!(%error, "reconciling stopped");
                self.hold_daily(began + ONCE.within).await
            }
            Err(error) => {
                tracing::warn!(%error, "reconciling is put off");
                self.store
                    .write(|connection| throttles::clear(connection, DAILY))
                    .await
            }
        }
    }

    async fn hold_daily(&self, until: OffsetDateTime) -> Result<(), store::Error> {
        self.store
            .write(move |connection| throttles::hold(connection, DAILY, until))
            .await
    }

    async fn all_at_kakao(
        &self,
        daily: bool,
        told: impl Fn(usize),
    ) -> Result<Vec<KakaoId>, Failure> {
        let mut all = Vec::new();
        let mut from = None;
        loop {
            let page = self.page_at_kakao(from).await?;
            all.extend(page.ids);
            told(all.len());
            match page.next {
                None => return Ok(all),
                next => from = next,
            }
            if daily {
                self.hold_daily(self.clock.now() + UNDER_WAY).await?;
            }
            tokio::time::sleep(PACE).await;
        }
    }

    async fn page_at_kakao(&self, from: Option<KakaoId>) -> Result<UserIds, kakao::Error> {
        let mut waits = Waits::default();
        loop {
            let error = match self.kakao.user_ids(from).await {
                Ok(page) => return Ok(page),
                Err(error) => error,
            };
            let Some(wait) = waits.next(&error.kind) else {
                return Err(error);
            };
            tracing::debug!(%error, seconds = wait.as_secs(), "a page of Kakao's members is awaited");
            tokio::time::sleep(wait).await;
        }
    }

    async fn all_here(&self) -> Result<Vec<Linked>, store::Error> {
        let (app_id, mut all) = (self.rules.app_id, Vec::<Linked>::new());
        loop {
            let after = all.last().map(|linked| linked.kakao_id);
            let page = self
                .store
                .read(move |connection| linked::page(connection, app_id, after, ROWS))
                .await?;
            if page.is_empty() {
                return Ok(all);
            }
            all.extend(page);
        }
    }

    async fn tell_of_reconciling(
        &self,
        compared: &Result<Report, Failure>,
        operator: Option<&str>,
    ) -> Result<(), store::Error> {
        let by = operator.map(|name| format!(", by {name}"));
        let (result, reason, detail) = match compared {
            Ok(report) => (
                Outcome::Success,
                None,
                format!(
                    "here {}, at Kakao {}, only here {}, only there {}, handed over {}",
                    report.here,
                    report.there,
                    report.only_here.len(),
                    report.only_there.len(),
                    report.applied,
                ),
            ),
            Err(error) => {
                let told = match error {
                    Failure::Suspicious { missing, here } => {
                        format!("here {here}, only here {missing}, handed over 0")
                    }
                    Failure::Kakao(error) => error.to_string(),
                    Failure::Store(_) => "the database was not available".to_owned(),
                };
                (Outcome::Failed, Some(error.code().to_owned()), told)
            }
        };
        let detail = detail + by.as_deref().unwrap_or_default();
        let origin = operator.map_or_else(Origin::system, |_| Origin::command_line());
        let (gate, now) = (self.clone(), self.clock.now());
        self.store
            .write(move |connection| {
                let entry = Audited {
                    actor: None,
                    subject: None,
                    action: "kakao.reconcile",
                    result,
                    reason,
                    detail: Some(detail),
                    origin: &origin,
                };
                gate.audit(connection, &[entry], now)
            })
            .await
    }
}

/// How often one page was waited for, and why.
#[derive(Default)]
struct Waits {
    failed: u32,
    limited: u32,
}

impl Waits {
    /// How long to wait before the page is asked for again; `None` when there is no point.
    fn next(&mut self, kind: &Kind) -> Option<Duration> {
        match kind {
            Kind::Limited { retry_after } if self.limited < PATIENCE => {
                self.limited += 1;
                let wait = retry_after.unwrap_or(LIMITED).max(PACE);
                (wait <= LONGEST_WAIT).then_some(wait)
            }
            Kind::Temporary | Kind::BadReply(_) if self.failed + 1 < TRIES => {
                self.failed += 1;
                Some(PACE * self.failed)
            }
            _ => None,
        }
    }
}

/// Both are in the order of their numbers.
fn compare(here: &[Linked], there: &[KakaoId], began: OffsetDateTime) -> Report {
    let is_there = |linked: &&Linked| there.binary_search(&linked.kakao_id).is_ok();
    let only_here = here
        .iter()
        .filter(|linked| !is_there(linked))
        .filter(|linked| linked.linked_at < began)
        .map(|linked| (linked.kakao_id, linked.number));
    let is_here = |id: &&KakaoId| {
        here.binary_search_by_key(*id, |linked| linked.kakao_id)
            .is_ok()
    };
    Report {
        here: here.len(),
        there: there.len(),
        only_here: only_here.collect(),
        only_there: there.iter().filter(|id| !is_here(id)).copied().collect(),
        applied: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RL-2
    #[test]
    fn a_page_that_is_one_too_many_is_waited_for_as_long_as_kakao_says_and_not_for_ever() {
        let seconds = Duration::from_secs;
        let limited = |retry_after| Kind::Limited { retry_after };
        let mut waits = Waits::default();
        assert_eq!(waits.next(&limited(None)), Some(seconds(60)));
        assert_eq!(waits.next(&limited(Some(seconds(7)))), Some(seconds(7)));
        assert_eq!(waits.next(&limited(Some(Duration::ZERO))), Some(PACE));
        // Failures are counted by themselves.
        assert_eq!(waits.next(&Kind::Temporary), Some(PACE));
        assert_eq!(waits.next(&Kind::BadReply("")), Some(PACE * 2));
        assert_eq!(waits.next(&Kind::Temporary), None);
        assert_eq!(waits.next(&limited(None)), Some(seconds(60)));
        assert_eq!(waits.next(&limited(None)), Some(seconds(60)));
        assert_eq!(waits.next(&limited(None)), None, "five times");
        let tomorrow = limited(Some(seconds(3_600)));
        assert_eq!(Waits::default().next(&tomorrow), None);
        assert_eq!(Waits::default().next(&Kind::BadClient), None);
        // All that one page may take leaves a run under way.
        assert!(LONGEST_WAIT * PATIENCE < UNDER_WAY.unsigned_abs());
        assert!(PACE * 100 >= seconds(120), "two at once fit the quota");
    }

    // WH-4
    #[test]
    fn both_sides_are_compared_and_whoever_came_meanwhile_is_not_missed() {
        let noon = time::macros::datetime!(2026-03-02 12:00 UTC);
        let id = |number| KakaoId::try_from(number).unwrap();
        let linked = |number, linked_at| Linked {
            kakao_id: id(number),
            number,
            linked_at,
        };
        let before = noon - time::Duration::SECOND;
        let here = [linked(2, before), linked(3, before), linked(5, noon)];
        let report = compare(&here, &[id(1), id(3), id(4)], noon);
        assert_eq!(report.only_here, [(id(2), 2)]);
        assert_eq!(report.only_there, [id(1), id(4)]);
        assert_eq!((report.here, report.there), (3, 3));
        assert_eq!(compare(&[], &[], noon), Report::default());
    }
}
