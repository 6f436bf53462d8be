//! Suspensions that come to their end by themselves.

use crate::flow::{Audited, Gate, Origin};
use crate::member::MemberId;
use crate::store;
use crate::store::audit::Outcome;
use crate::store::members::acts;

/// The most lifted in one transaction.
const BATCH: i64 = 100;

impl Gate {
    /// Lifts suspensions whose end has passed, a batch of them; says whether there may be more.
    /// Nobody waits for this to sign in again: a suspension that is over bars nobody. It makes
    /// the directory say so, and the audit log.
    ///
    /// # Errors
    /// The store's.
    pub async fn lift_ended_suspensions(&self) -> Result<bool, store::Error> {
        let now = self.clock.now();
        // Looking costs a read; only a suspension that is over costs the writer's time.
        let due = self
            .store
            .read(move |connection| acts::suspended_until(connection, now, BATCH))
            .await?;
        if due.is_empty() {
            return Ok(false);
        }
        let more = i64::try_from(due.len()).unwrap_or(BATCH) >= BATCH;
        let gate = self.clone();
        self.store
            .write(move |connection| {
                let system = Origin::system();
                let held = acts::hold(connection, &due)?;
                let over = held.iter().filter(|one| {
                    // Another instance, or an admin, may have been here since.
                    due.contains(&one.id) && one.is_suspension_over(now)
                });
                let mut audited = Vec::new();
                for member in over {
                    let standing = member.unsuspended();
                    acts::set_standing(connection, member.id, &standing, None)?;
                    audited.push(lifted(member.id, standing.kind().code(), &system));
                }
                if audited.is_empty() {
                    return Ok(());
                }
                gate.audit(connection, &audited, now)
            })
            .await?;
        Ok(more)
    }
}

fn lifted<'a>(member: MemberId, standing: &str, system: &'a Origin) -> Audited<'a> {
    Audited {
        actor: None,
        subject: Some(member),
        action: "member.restore",
        result: Outcome::Success,
        reason: Some("ended".to_owned()),
        detail: Some(format!("suspended → {standing}")),
        origin: system,
    }
}
