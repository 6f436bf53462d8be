//! Signing in without a click, in KakaoTalk's own browser, whose person Kakao mostly knows already.
//! Tried with `prompt=none`: Kakao shows nothing, and answers with an error where it would have to.

use super::{Attempt, Attempts, Begun, Gate, LoginFailure, Next, Weather, Why};
use crate::kakao::{Authorize, Prompt, code_challenge};

impl Gate {
    /// How Kakao is, as far as this process has asked it: what the login page says of it.
    #[must_use]
    pub fn weather(&self) -> Weather {
        self.kakao.weather()
    }

    /// Begins a login in which nobody is asked anything. It signs members in and makes none, and
    /// whatever comes of it instead, nobody has to be told.
    ///
    /// # Errors
    /// [`Why::Server`] when there is no randomness.
    pub fn begin_silent_login(
        &self,
        sealed: Option<&str>,
        next: Next,
    ) -> Result<Begun, LoginFailure> {
        let now = self.clock.now();
        let attempt = Attempt::begin(&self.random, next, None, now).map_err(|_| Why::Server)?;
        let attempt = attempt.silently();
        let location = self.kakao.authorize_url(&Authorize {
            state: &attempt.state(),
            nonce: &attempt.nonce(),
            code_challenge: &code_challenge(&attempt.code_verifier()),
            scopes: None,
            prompt: Some(Prompt::None),
        });
        let mut attempts = Attempts::open(&self.vault, sealed, now);
        attempts.add(attempt);
        Ok(Begun {
            location: location.into(),
            attempts: attempts.seal(&self.vault).map_err(|_| Why::Server)?,
        })
    }
}
