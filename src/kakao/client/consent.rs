//! What a person has agreed to at Kakao: consent items, and the terms of Kakao Sync.

use reqwest::header::CONTENT_TYPE;

use super::{FORM, Kakao};
use crate::kakao::consent::{self, ConsentItem, ServiceTerm};
use crate::kakao::credential::AccessToken;
use crate::kakao::error::{Call, Error, Kind};
use crate::member::KakaoId;

impl Kakao {
    /// The consent items of a person, which the answer must be about (`GET /v2/user/scopes`):
    /// those that the app asks for, and earlier ones that the person has agreed to.
    ///
    /// # Errors
    /// [`Kind::Unauthorized`], [`Kind::Temporary`], [`Kind::Limited`], [`Kind::BadReply`].
    pub async fn consent_items(
        &self,
        token: &AccessToken,
        whose: KakaoId,
    ) -> Result<Vec<ConsentItem>, Error> {
        let request = self
            .get(&self.0.endpoints.scopes)
            .bearer_auth(token.expose());
        let decode = |body: &[u8]| consent::items(body, whose).map_err(Kind::BadReply);
        self.ask(Call::Scopes, request, decode).await
    }

    /// Withdraws a person's consent to an item (`POST /v2/user/revoke/scopes`); answers the items
    /// as they are from then on, or the withdrawn one alone.
    ///
    /// # Errors
    /// [`Kind::Configuration`] with code -3 for an item that cannot be withdrawn and -2 for one
    /// that Kakao does not know; [`Kind::Unauthorized`], [`Kind::Temporary`], [`Kind::Limited`],
    /// [`Kind::BadReply`].
    pub async fn revoke_consent(
        &self,
        token: &AccessToken,
        whose: KakaoId,
        item: &str,
    ) -> Result<Vec<ConsentItem>, Error> {
        // JSON text inside a form value, as all lists are that Kakao takes.
        let scopes = serde_json::Value::from(vec![item]).to_string();
        let request = self
            .post(&self.0.endpoints.revoke_scopes)
            .bearer_auth(token.expose())
            .header(CONTENT_TYPE, FORM)
            .form(&[("scopes", scopes.as_str())]);
        let decode = |body: &[u8]| consent::items(body, whose).map_err(Kind::BadReply);
        self.ask(Call::RevokeScopes, request, decode).await
    }

    /// The service terms of the app and whether a person has agreed to them
    /// (`GET /v2/user/service_terms`), for apps that use Kakao Sync.
    ///
    /// # Errors
    /// [`Kind::Unauthorized`], [`Kind::Temporary`], [`Kind::Limited`], [`Kind::Configuration`]
    /// for an app without Kakao Sync, [`Kind::BadReply`].
    pub async fn service_terms(
        &self,
        token: &AccessToken,
        whose: KakaoId,
    ) -> Result<Vec<ServiceTerm>, Error> {
        let request = self
            .get(&self.0.endpoints.service_terms)
            .bearer_auth(token.expose());
        let decode = |body: &[u8]| consent::terms(body, whose).map_err(Kind::BadReply);
        self.ask(Call::ServiceTerms, request, decode).await
    }
}
