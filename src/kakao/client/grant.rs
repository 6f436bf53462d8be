//! The token endpoint: what both grants share, and refreshing.

use reqwest::header::CONTENT_TYPE;

use super::{FORM, Kakao};
use crate::kakao::credential::RefreshToken;
use crate::kakao::error::{Call, Code, Error, Kind};
use crate::kakao::wire::{self, Defect, Refreshed};

impl Kakao {
    /// Obtains a further access token (`POST /oauth/token`, RFC 6749 section 6).
    ///
    /// Like [`exchange_code`](Self::exchange_code) never sent twice: Kakao may have replaced the
    /// refresh token when the answer got lost, and asking at every failure is what its limit of
    /// tokens (KOE237) is there for. An ID token in the answer is not read: nobody signs in here.
    ///
    /// # Errors
    /// [`Kind::RefreshTokenGone`]: the refresh token is of no use any more. With
    /// [`Kind::Temporary`], [`Kind::Limited`], [`Kind::BadClient`], [`Kind::Configuration`] and
    /// [`Kind::BadReply`] it may still be.
    pub async fn refresh(&self, token: &RefreshToken) -> Result<Refreshed, Error> {
        let form = vec![
            ("grant_type", "refresh_token"),
            ("client_id", self.0.settings.rest_api_key.as_str()),
            ("refresh_token", token.expose()),
        ];
        self.grant(Call::Refresh, form, wire::refreshed).await
    }

    /// Sends one request to the token endpoint, once. When Kakao refuses the client secret in use
    /// (KOE010), this call fails and the other secret serves from the next call on.
    pub(super) async fn grant<T>(
        &self,
        call: Call,
        mut form: Vec<(&str, &str)>,
        decode: fn(&[u8]) -> Result<T, Defect>,
    ) -> Result<T, Error> {
        let secret = self.0.client_secrets.current();
        if let Some((_, secret)) = secret {
            form.push(("client_secret", secret.expose()));
        }
        let request = self
            .post(&self.0.endpoints.token)
            .header(CONTENT_TYPE, FORM)
            .form(&form);
        let outcome = self.ask(call, request, |body| decode(body).map_err(Kind::BadReply));
        let outcome = outcome.await;
        if let (Err(error), Some((place, _))) = (&outcome, secret)
            && error.code == Some(Code::Koe(10))
        {
            self.0.client_secrets.refused(place);
        }
        outcome
    }
}
