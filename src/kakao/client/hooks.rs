//! What Kakao's own calls to us need: knowing that it is Kakao that calls, and asking back.

use futures_util::FutureExt as _;
use subtle::{Choice, ConstantTimeEq as _};
use time::OffsetDateTime;

use super::{Call, Error, From, Kakao, Kind};
use crate::kakao::event::{Event, EventError, EventRefused, Expectation, Unchecked};
use crate::kakao::key_ring::Search;
use crate::kakao::{jwks, user};
use crate::member::KakaoId;

impl Kakao {
    /// Whether a header `Authorization` holds one of our admin keys, whole. Kakao's unlink webhook
    /// does; nobody else knows them. Compares all of them, each in constant time.
    #[must_use]
    pub fn knows_admin_key(&self, authorization: &[u8]) -> bool {
        let keys = self.0.admin_keys.all();
        let known = keys.fold(Choice::from(0), |known, key| {
            known | key.as_bytes().ct_eq(authorization)
        });
        known.into()
    }

    /// Verifies a Security Event Token of Kakao's account webhook (RFC 8417): its form, that it is
    /// for us, and Kakao's signature.
    ///
    /// # Errors
    /// [`EventError::Refused`] naming the first thing that does not fit, [`EventError::NoKeys`]
    /// when Kakao's keys could not be had, [`EventError::TooSoon`] when its key is not held and
    /// Kakao was asked for another in vain a moment ago.
    pub async fn verify_event(
        &self,
        compact: &str,
        now: OffsetDateTime,
    ) -> Result<Event, EventError> {
        let settings = &self.0.settings;
        let token = Unchecked::parse(compact)?;
        let kid = token.kid.clone();
        // The claims first: they cost nothing, and what fails them needs no key.
        let event = token.check(&Expectation {
            issuer: &self.0.issuer,
            audiences: &settings.audiences().collect::<Vec<_>>(),
            app_id: settings.app_id,
            now,
        })?;
        let fetch = || self.clone().fetch_keys().boxed();
        let key = match self.0.keys.find(&kid, From::Anyone, now, fetch).await? {
            Search::Found(key) => key,
            Search::Absent => return Err(EventRefused::UnknownKey.into()),
            Search::TooSoon => return Err(EventError::TooSoon),
        };
        if jwks::has_signed(&key, compact) {
            Ok(event)
        } else {
            Err(EventRefused::Signature.into())
        }
    }

    /// Whether Kakao's keys were needed so far, so that it is worth keeping them fresh.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.0.keys.is_in_use()
    }

    /// Whether a person is connected to the app now, by admin key (`GET /v2/user/me`).
    ///
    /// # Errors
    /// [`Kind::BadClient`] for a refused or missing admin key, [`Kind::Temporary`],
    /// [`Kind::Limited`], [`Kind::BadReply`]: nobody knows.
    pub async fn is_linked(&self, id: KakaoId) -> Result<bool, Error> {
        let target = [
            ("target_id_type", "user_id"),
            ("target_id", &id.to_string()),
        ];
        let request = self.get(&self.0.endpoints.user).query(&target);
        let asked = self.ask_by_admin(Call::UserByAdmin, request, |body| {
            let user = user::user(body, self.0.local).map_err(Kind::BadReply)?;
            if user.id == id {
                Ok(())
            } else {
                Err(Kind::BadReply("the id of somebody else"))
            }
        });
        match asked.await {
            Ok(()) => Ok(true),
            Err(error) if matches!(error.kind, Kind::NotLinked | Kind::AccountGone) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
