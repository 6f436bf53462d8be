//! Sign-ins that failed, in the audit log: one entry an attempt, however often its callback comes
//! back, so that nobody fills the log with one cookie. Callbacks that belong to no attempt are
//! told in the service's log only.

use tokio::task::JoinHandle;

use super::{Attempt, Audited, Gate, Origin, Why};
use crate::member::MemberId;
use crate::store::attempts::{self, Claim};
use crate::store::audit::Outcome;
use crate::store::{self, AnyConnection};

impl Gate {
    /// An attempt that ended before its code was exchanged: the person or Kakao refused, or it came
    /// too late. That spends it.
    pub(super) async fn tell_of_unfinished(&self, attempt: &Attempt, why: &Why, origin: &Origin) {
        let (state_hash, expires_at) = (attempt.state_hash(), attempt.expires_at());
        let (gate, now) = (self.clone(), self.clock.now());
        let (id, entry) = (why.id(), Unsuccessful::new(attempt, why, origin));
        let written = self.beside_the_request(move |connection| {
            match attempts::claim(connection, &state_hash, expires_at)? {
                Claim::Taken(_) => return Ok(()),
                Claim::Ours => {}
            }
            attempts::settle_failure(connection, &state_hash, &format!("error:{id}"))?;
            gate.audit(connection, &[entry.audited()], now)
        });
        drop(written.await);
    }

    /// A claimed attempt that failed: whoever waits for the same attempt learns at once that there
    /// is nothing to wait for.
    pub(super) async fn tell_of_failure(&self, attempt: &Attempt, why: &Why, origin: &Origin) {
        let (gate, now, state_hash) = (self.clone(), self.clock.now(), attempt.state_hash());
        let (id, entry) = (why.id(), Unsuccessful::new(attempt, why, origin));
        // Who was turned away is in the log already, with who it was; and where nobody asked to be
        // signed in, nobody's sign-in failed.
        let told = attempt.is_silent()
            || matches!(
                why,
                Why::Suspended { .. }
                    | Why::OtherPerson
                    | Why::StateBad
                    | Why::AlreadyLinked
                    | Why::HasKakao
            );
        let written = self.beside_the_request(move |connection| {
            attempts::settle_failure(connection, &state_hash, &format!("error:{id}"))?;
            if told {
                return Ok(());
            }
            gate.audit(connection, &[entry.audited()], now)
        });
        // When it was the database that failed, waiting for it once more helps nobody.
        if !matches!(why, Why::Unavailable | Why::Server) {
            // It can only have panicked, which was logged.
            drop(written.await);
        }
    }

    /// Best effort: the person is told why they are not signed in, whether or not that can be
    /// written down. Whoever does not wait for it to the end does not stop it.
    fn beside_the_request(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<(), store::Error> + Send + 'static,
    ) -> JoinHandle<()> {
        let store = self.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.write(work).await {
                tracing::warn!(%error, "a failed sign-in is not in the audit log");
            }
        })
    }
}

/// A sign-in that did not succeed, to be told.
struct Unsuccessful {
    action: &'static str,
    result: Outcome,
    reason: &'static str,
    member: Option<MemberId>,
    origin: Origin,
}

impl Unsuccessful {
    fn new(attempt: &Attempt, why: &Why, origin: &Origin) -> Self {
        let refused = matches!(
            why,
            Why::Cancelled
                | Why::ConsentMissing { .. }
                | Why::Under14
                | Why::Suspended { .. }
                | Why::OtherPerson
                | Why::AlreadyLinked
                | Why::HasKakao
                | Why::StateExpired
                | Why::CodeUsed
        );
        Self {
            action: attempt.action(),
            result: if refused {
                Outcome::Refused
            } else {
                Outcome::Failed
            },
            reason: why.id(),
            // Of a login nobody knows whose it would have been.
            member: attempt.member(),
            origin: origin.clone(),
        }
    }

    fn audited(&self) -> Audited<'_> {
        Audited {
            actor: self.member,
            subject: self.member,
            action: self.action,
            result: self.result,
            reason: Some(self.reason.to_owned()),
            detail: None,
            origin: &self.origin,
        }
    }
}
