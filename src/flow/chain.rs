//! Looking after the audit log: that it is intact, that an older state of it is noticed, and that
//! what has been kept for long enough goes.

use std::sync::{Mutex, PoisonError};

use time::OffsetDateTime;

use super::{Audited, Gate, Origin};
use crate::i18n::{seoul_day, seoul_midnight};
use crate::store;
use crate::store::audit::{self, Flaw, Head, Outcome, Purged, Tidings, Verdict, Walk};

/// The most entries forgotten in one transaction.
const PURGE_BATCH: i64 = 500;

/// What this process remembers of the audit log, which whoever changes the database cannot reach.
#[derive(Debug, Default)]
pub struct Watch(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    /// The newest entry when the whole chain was last found intact.
    head: Option<Head>,
    checked: Option<Checked>,
}

/// What the last look at the whole chain came to.
#[derive(Clone, Debug)]
pub struct Checked {
    /// When.
    pub at: OffsetDateTime,
    /// The verdict.
    pub verdict: Verdict,
}

impl Watch {
    /// What the last look at the whole chain came to; `None` before the first has ended.
    #[must_use]
    pub fn checked(&self) -> Option<Checked> {
        self.remembered().checked.clone()
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, Remembered> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remember(&self, checked: Checked) {
        let mut remembered = self.remembered();
        if let Verdict::Intact { head, .. } = &checked.verdict {
            remembered.head = Some(head.clone());
        }
        remembered.checked = Some(checked);
    }
}

impl Gate {
    /// Walks the whole audit log. `expected` is an entry that must be in it; `progress` is told how
    /// many entries were looked at, and of how many.
    ///
    /// # Errors
    /// The store's.
    pub async fn verify_audit_log(
        &self,
        expected: Option<Head>,
        mut progress: impl FnMut(i64, i64),
    ) -> Result<Verdict, store::Error> {
        let mut walk = Walk::new(expected);
        loop {
            let vault = self.vault.clone();
            let (verdict, walked) = self
                .store
                .read(move |connection| Ok((walk.step(connection, &vault)?, walk)))
                .await?;
            let (seen, all) = walked.progress();
            progress(seen, all);
            if let Some(verdict) = verdict {
                return Ok(verdict);
            }
            walk = walked;
        }
    }

    /// Walks the whole audit log, past the entry that was the newest the last time: an older state
    /// of the whole database, which is intact in itself, does not have it. Says what it found, and
    /// the newest entry, in the log, where it can be compared with later.
    ///
    /// # Errors
    /// The store's.
    pub async fn watch_audit_log(&self) -> Result<(), store::Error> {
        let expected = self.watch.remembered().head.clone();
        let verdict = self.verify_audit_log(expected, |_, _| {}).await?;
        match &verdict {
            Verdict::Intact { entries, head } => {
                tracing::info!(entries, head = %head, "audit log intact");
            }
            Verdict::Broken { place, flaw } => {
                tracing::error!(place, flaw = flaw.code(), "audit log not intact");
            }
        }
        let at = self.clock.now();
        let intact = matches!(verdict, Verdict::Intact { .. });
        self.watch.remember(Checked { at, verdict });
        if intact {
            let vault = self.vault.clone();
            self.store
                .write(move |connection| audit::renew(connection, &vault))
                .await?;
        }
        Ok(())
    }

    /// Forgets entries that have been kept for as long as the settings say, whole days of them.
    ///
    /// # Errors
    /// The store's.
    pub async fn purge_audit_log(&self) -> Result<(), store::Error> {
        let today = seoul_midnight(seoul_day(self.clock.now()));
        let before = today - self.rules.audit_retention;
        loop {
            let (gate, now) = (self.clone(), self.clock.now());
            let purged = self
                .store
                .write(move |connection| {
                    let purged = audit::purge(connection, &gate.vault, before, PURGE_BATCH)?;
                    if let Purged::Entries(first, last) = purged {
                        let system = Origin::system();
                        let entry = Audited {
                            actor: None,
                            subject: None,
                            action: "audit.purge",
                            result: Outcome::Success,
                            reason: Some("retention".to_owned()),
                            detail: Some(format!("{first} → {last}")),
                            origin: &system,
                        };
                        gate.audit(connection, &[entry], now)?;
                    }
                    Ok(purged)
                })
                .await?;
            match purged {
                Purged::Nothing => return Ok(()),
                Purged::Evidence(place) => {
                    let flaw = Flaw::Changed.code();
                    tracing::error!(place, flaw, "audit log not intact; nothing of it is purged");
                    return Ok(());
                }
                Purged::Entries(first, last) => {
                    tracing::info!(first, last, "audit entries purged");
                }
            }
        }
    }
}

/// Whether the audit log is intact, as far as one look tells.
#[derive(Clone, Debug)]
pub enum Integrity {
    /// It was, when it was last walked, and its ends still fit.
    Intact(OffsetDateTime),
    /// It is not, from this place on.
    Broken(i64),
    /// It has not been walked since the start; its ends fit.
    Unchecked,
}

impl Integrity {
    /// What a look at the ends and the last walk say together.
    pub(super) fn of(tidings: &Tidings, checked: Option<&Checked>) -> Self {
        match checked {
            Some(Checked {
                verdict: Verdict::Broken { place, .. },
                ..
            }) => Self::Broken(*place),
            _ if !tidings.sound => Self::Broken(tidings.head.place),
            Some(Checked { at, .. }) => Self::Intact(*at),
            None => Self::Unchecked,
        }
    }
}
