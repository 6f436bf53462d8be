//! Unguessable values. Passed to whoever needs them, never taken from the air.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;
use uuid::Uuid;

/// The operating system's random generator was not available. It is, on every machine that
/// has finished booting.
#[derive(Debug, thiserror::Error)]
#[error("the system's random generator failed")]
pub struct NoRandomness;

/// A cryptographically secure random generator.
#[derive(Clone, Debug, Default)]
pub struct Random(SystemRandom);

impl Random {
    /// The operating system's generator.
    #[must_use]
    pub fn system() -> Self {
        Self(SystemRandom::new())
    }

    /// `N` random bytes.
    ///
    /// # Errors
    /// [`NoRandomness`] when the system has none to give.
    pub fn bytes<const N: usize>(&self) -> Result<[u8; N], NoRandomness> {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(bytes)
    }

    /// 256 random bits as 43 characters of the base64url alphabet.
    ///
    /// # Errors
    /// [`NoRandomness`] when the system has none to give.
    pub fn token(&self) -> Result<String, NoRandomness> {
        Ok(URL_SAFE_NO_PAD.encode(self.bytes::<32>()?))
    }

    /// A version 7 UUID (RFC 9562) for something made `now`: ids sort by creation.
    ///
    /// # Errors
    /// [`NoRandomness`] when the system has none to give.
    pub fn id(&self, now: OffsetDateTime) -> Result<Uuid, NoRandomness> {
        let millis = u64::try_from(now.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        let bytes = self.bytes::<10>()?;
        Ok(uuid::Builder::from_unix_timestamp_millis(millis, &bytes).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_the_moment_they_were_made() {
        let random = Random::system();
        let early = OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_000);
        let late = early + time::Duration::milliseconds(1);
        let (first, second) = (random.id(early).unwrap(), random.id(late).unwrap());
        assert!(first < second);
        assert_eq!(first.get_version_num(), 7);
    }
}
