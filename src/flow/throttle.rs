//! Counting tries in the database, so that many instances are not more than one. What is counted is
//! kept under digests: the rows name neither people nor addresses.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;

use super::Gate;
use crate::store::throttles::{self, Allowance};
use crate::store::{self, AnyConnection};

impl Gate {
    /// Counts a try of `what`, unless it has had all that it may: then says how long to wait.
    pub(super) fn take(
        &self,
        connection: &mut AnyConnection,
        what: &str,
        allowance: Allowance,
        now: OffsetDateTime,
    ) -> Result<Option<Duration>, store::Error> {
        let wait = throttles::take(connection, &self.throttle_key(what), allowance, now)?;
        Ok(wait.map(time::Duration::unsigned_abs))
    }

    /// What something is counted under.
    pub(super) fn throttle_key(&self, what: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.vault.digest("throttles.what", what.as_bytes()))
    }
}
