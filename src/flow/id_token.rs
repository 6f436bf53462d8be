//! What the ID token of a login adds: a second word on who it is, and when they last said so.

use time::Duration;

use super::arrival::distrust;
use super::{Attempt, Gate, LoginFailure, Why};
use crate::kakao::{self, Tokens, Unverified};
use crate::member::KakaoId;

/// How far Kakao's clock and ours may differ.
const TOLERANCE: Duration = Duration::seconds(60);

impl Gate {
    /// Whom the ID token of this login names; `None` where none is asked for. Somebody who is to
    /// prove that it is still them must have given Kakao their credentials for this attempt:
    /// `prompt=login` is only a wish, and stands in an address that can be edited (OpenID Connect
    /// Core section 3.1.2.1).
    pub(super) async fn named_by_id_token(
        &self,
        tokens: &Tokens,
        attempt: &Attempt,
    ) -> Result<Option<KakaoId>, LoginFailure> {
        if !self.kakao.uses_openid_connect() {
            return Ok(None);
        }
        let Some(id_token) = &tokens.id_token else {
            let cause = "no ID token came: OpenID Connect is off in Kakao's console";
            return Err(distrust(cause));
        };
        let (nonce, now) = (attempt.nonce(), self.clock.now());
        let named = self.kakao.verify_id_token(id_token, &nonce, now).await?;
        let anew = |at| at >= attempt.started() - TOLERANCE;
        if attempt.proves.is_some() && !named.authenticated_at.is_some_and(anew) {
            return Err(distrust("ID token tells of an earlier login (auth_time)"));
        }
        Ok(Some(named.id))
    }

    /// Fetches Kakao's keys before a login needs them. Without them logins fetch them themselves.
    pub async fn renew_kakao_keys(&self) {
        // Webhooks need them without OpenID Connect, too; once they have.
        if !self.kakao.uses_openid_connect() && !self.kakao.has_keys() {
            return;
        }
        if let Err(error) = self.kakao.renew_keys(self.clock.now()).await {
            tracing::warn!(%error, "Kakao's keys were not renewed; those at hand serve on");
        }
    }
}

impl From<Unverified> for LoginFailure {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::Refused(refused) => distrust(refused.to_string()),
            Unverified::NoKeys(error) => no_keys(error),
        }
    }
}

/// Whatever kept Kakao's keys from us, it is Kakao that has to come back: nothing about the person
/// or the settings is known to be wrong.
fn no_keys(error: kakao::Error) -> LoginFailure {
    if let kakao::Kind::Limited { .. } = error.kind {
        return error.into();
    }
    LoginFailure {
        why: Why::KakaoDown,
        cause: Some(error.to_string()),
    }
}
