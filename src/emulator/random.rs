//! The shapes of the opaque strings that Kakao hands out.

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The operating system's random generator was not available.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system's random generator failed")]
pub(super) struct NoRandomness;

/// A source of codes, tokens and session ids.
#[derive(Debug, Default)]
pub(super) struct Random(SystemRandom);

impl Random {
    /// An authorization code: 86 characters of the base64url alphabet, as observed at Kakao.
    pub(super) fn code(&self) -> Result<String, NoRandomness> {
        self.opaque::<64>()
    }

    /// An access or refresh token: 64 characters of the base64url alphabet.
    pub(super) fn token(&self) -> Result<String, NoRandomness> {
        self.opaque::<48>()
    }

    /// The value of the emulated Kakao account's session cookie.
    pub(super) fn session(&self) -> Result<String, NoRandomness> {
        self.opaque::<32>()
    }

    fn opaque<const N: usize>(&self) -> Result<String, NoRandomness> {
        let mut bytes = [0; N];
        self.0.fill(&mut bytes).map_err(|_| NoRandomness)?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_tokens_have_the_observed_lengths() {
        let random = Random::default();
        assert_eq!(random.code().unwrap().len(), 86);
        assert_eq!(random.token().unwrap().len(), 64);
        assert_ne!(random.token().unwrap(), random.token().unwrap());
    }
}
