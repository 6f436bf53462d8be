//! Calls that find out, before anybody signs in, whether Kakao takes our settings. None of them
//! needs a person, and none changes anything at Kakao.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde::Deserialize;
use tokio::time::Instant;
use url::Url;

use super::{FORM, Kakao, no_admin_key};
use crate::kakao::attempt::{failed, record_failure};
use crate::kakao::authorize::{Authorize, Prompt};
use crate::kakao::consent::{self, ConsentItem};
use crate::kakao::error::{Call, Error, Kind};
use crate::kakao::transport::{NoReply, Reply};
use crate::member::KakaoId;

/// Sent in place of a code that Kakao made. Nobody was given it, so it opens nothing.
const NOBODYS_CODE: &str = "kakao-gate-check";

/// What Kakao did with a browser that nobody is signed in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// It was sent back to us: Kakao knows the address. With an `error` unless it was a logout.
    Back(Option<String>),
    /// Kakao showed a page of its own with this KOE code, and these of the consent items asked
    /// for were named there.
    Page(u16, Vec<String>),
    /// Something else, such as Kakao's login form: that says neither yes nor no.
    Elsewhere,
}

/// What Kakao says about its OpenID Connect (OpenID Connect Discovery section 4.2).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Discovery {
    /// Who signs ID tokens.
    pub issuer: String,
    /// Where the keys are.
    pub jwks_uri: String,
}

impl Kakao {
    /// How many client secrets are configured.
    #[must_use]
    pub fn client_secrets(&self) -> usize {
        self.0.settings.client_secrets.len()
    }

    /// How many admin keys are configured.
    #[must_use]
    pub fn admin_keys(&self) -> usize {
        self.0.settings.admin_keys.len()
    }

    /// Consent items that every login asks for; none leaves it to the console.
    #[must_use]
    pub fn scopes(&self) -> &[String] {
        &self.0.settings.scopes
    }

    /// The address that Kakao sends browsers back to.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.0.settings.redirect_uri
    }

    /// The address that Kakao sends browsers back to after a logout there.
    #[must_use]
    pub fn logout_redirect_uri(&self) -> &str {
        &self.0.settings.logout_redirect_uri
    }

    /// Asks for tokens with a code that nobody was given and the client secret at `place`, or none
    /// where there is none. That the code is refused (KOE320) is what was wanted: key and secret
    /// were taken before it was looked at.
    ///
    /// # Errors
    /// [`Kind::BadClient`] with KOE101, KOE010 or KOE127, and whatever else the token endpoint
    /// answers.
    pub async fn probe_client(&self, place: usize) -> Result<(), Error> {
        let settings = &self.0.settings;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("client_id", &settings.rest_api_key),
            ("redirect_uri", &settings.redirect_uri),
            ("code", NOBODYS_CODE),
        ];
        if let Some(secret) = settings.client_secrets.get(place) {
            form.push(("client_secret", secret.expose()));
        }
        let request = self
            .post(&self.0.endpoints.token)
            .header(CONTENT_TYPE, FORM)
            .form(&form);
        let answer = self.ask(Call::Token, request, |_| {
            Err(Kind::BadReply("tokens for a code that nobody was given"))
        });
        match answer.await {
            Err(error) if error.kind == Kind::CodeUsed => Ok(()),
            other => other,
        }
    }

    /// Begins a login as a browser that nobody is signed in with at Kakao, and looks where it is
    /// led. `prompt=none` keeps Kakao from asking anybody anything: it comes back to us with
    /// `login_required` when it knows the redirect URI and every consent item.
    ///
    /// # Errors
    /// [`Kind::Temporary`], [`Kind::Limited`].
    pub async fn probe_authorize(&self) -> Result<Stopped, Error> {
        let address = self.authorize_url(&Authorize {
            state: NOBODYS_CODE,
            nonce: NOBODYS_CODE,
            code_challenge: &super::authorize::code_challenge(NOBODYS_CODE),
            scopes: None,
            prompt: Some(Prompt::None),
        });
        let reply = self.look(Call::Authorize, &address).await?;
        Ok(stopped(&reply, self.redirect_uri(), self.scopes()))
    }

    /// Begins a logout of the Kakao account as a browser that nobody is signed in with, which
    /// Kakao leads back at once when it knows the logout redirect URI.
    ///
    /// # Errors
    /// [`Kind::Temporary`], [`Kind::Limited`].
    pub async fn probe_account_logout(&self) -> Result<Stopped, Error> {
        let address = self.account_logout_url(NOBODYS_CODE);
        let reply = self.look(Call::AccountLogout, &address).await?;
        Ok(stopped(&reply, self.logout_redirect_uri(), &[]))
    }

    /// Whether Kakao takes the admin key at `place`, by asking for one member number
    /// (`GET /v1/user/ids`): of somebody who is linked to the app, if anybody is.
    ///
    /// # Errors
    /// [`Kind::BadClient`] for a key, or an address of ours, that is not allowed;
    /// [`Kind::Configuration`] for a key without this right (-3); [`Kind::Limited`],
    /// [`Kind::Temporary`], [`Kind::BadReply`].
    pub async fn probe_admin_key(&self, place: usize) -> Result<Option<KakaoId>, Error> {
        let page = self.user_ids_with(place, None, 1).await?;
        Ok(page.ids.first().copied())
    }

    /// The consent items of the app, as the person with this number could be asked for them
    /// (`GET /v2/user/scopes`); by the admin key at `place`.
    ///
    /// # Errors
    /// As [`probe_admin_key`](Self::probe_admin_key), and [`Kind::NotLinked`].
    pub async fn probe_consent_items(
        &self,
        place: usize,
        of: KakaoId,
    ) -> Result<Vec<ConsentItem>, Error> {
        let mut address = self.0.endpoints.scopes.clone();
        address
            .query_pairs_mut()
            .append_pair("target_id_type", "user_id")
            .append_pair("target_id", &of.to_string());
        let call = Call::ScopesByAdmin;
        let key = self.admin_key_at(call, place)?;
        let request = self.get(&address).header(AUTHORIZATION, key);
        self.ask(call, request, |body| {
            consent::items(body, of).map_err(Kind::BadReply)
        })
        .await
    }

    /// What Kakao publishes about its OpenID Connect, and whether there are keys to verify with.
    ///
    /// # Errors
    /// [`Kind::Temporary`], [`Kind::Limited`], [`Kind::BadReply`].
    pub async fn probe_openid(&self) -> Result<Discovery, Error> {
        let request = self.get(&self.0.endpoints.discovery);
        let discovery = self.ask(Call::Discovery, request, |body| {
            serde_json::from_slice(body).map_err(|_| Kind::BadReply("no provider metadata"))
        });
        let discovery = discovery.await?;
        self.clone().fetch_keys().await?;
        Ok(discovery)
    }

    /// The admin key at `place`.
    pub(super) fn admin_key_at(&self, call: Call, place: usize) -> Result<&HeaderValue, Error> {
        let key = self.0.admin_keys.at(place);
        key.ok_or_else(|| no_admin_key(call))
    }

    /// Opens an address that is meant for browsers, and follows it nowhere.
    async fn look(&self, call: Call, address: &Url) -> Result<Reply, Error> {
        let slot = self.slot(call).await?;
        let started = Instant::now();
        let sent = slot.send(self.get(address)).await;
        let reply = match sent {
            // A page too large to be read says as little as one without a code.
            Err(NoReply {
                kind: Kind::BadReply(_),
                status: Some(status),
                ..
            }) => Ok(Reply {
                status,
                retry_after: None,
                location: None,
                body: Vec::new(),
            }),
            other => other.map_err(|none| failed(call, none)),
        };
        let reply = reply.and_then(|reply| {
            let kind = match reply.status {
                429 => Kind::Limited {
                    retry_after: reply.retry_after,
                },
                500.. => Kind::Temporary,
                _ => return Ok(reply),
            };
            Err(Error {
                call,
                kind,
                status: Some(reply.status),
                code: None,
                trouble: None,
            })
        });
        let kind = reply.as_ref().err().map(|error| &error.kind);
        slot.recent()
            .note(Instant::now(), started.elapsed(), call, kind);
        reply.inspect_err(|error| record_failure(error, started.elapsed()))
    }
}

/// What became of the browser. A redirect that stays at Kakao, or a page without a code, may be
/// the login form.
fn stopped(reply: &Reply, ours: &str, asked: &[String]) -> Stopped {
    if let Some(location) = &reply.location
        && let Some(query) = location.strip_prefix(ours)
        && (query.is_empty() || query.starts_with('?'))
    {
        let query = query.trim_start_matches('?');
        let error = url::form_urlencoded::parse(query.as_bytes())
            .find_map(|(name, value)| (name == "error").then(|| value.into_owned()));
        return Stopped::Back(error);
    }
    if reply.location.is_some() {
        return Stopped::Elsewhere;
    }
    let text = String::from_utf8_lossy(&reply.body);
    let Some(code) = koe_in(&text) else {
        return Stopped::Elsewhere;
    };
    let named = |scope: &&String| {
        let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        words.any(|word| word == scope.as_str())
    };
    Stopped::Page(code, asked.iter().filter(named).cloned().collect())
}

/// The first KOE code of a page.
fn koe_in(text: &str) -> Option<u16> {
    text.split("KOE").skip(1).find_map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        (digits.len() == 3).then(|| digits.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(status: u16, location: Option<&str>, body: &str) -> Reply {
        Reply {
            status,
            retry_after: None,
            location: location.map(str::to_owned),
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn what_kakao_did_with_a_browser_is_read_from_its_answer() {
        let ours = "https://a.example/auth/kakao/callback";
        let asked = ["account_email", "gender"].map(str::to_owned);
        let read = |reply: &Reply| stopped(reply, ours, &asked);
        let back = format!("{ours}?error=login_required&error_description=x&state=s");
        assert_eq!(
            read(&reply(302, Some(&back), "")),
            Stopped::Back(Some("login_required".into()))
        );
        assert_eq!(read(&reply(302, Some(ours), "")), Stopped::Back(None));
        for elsewhere in [
            "https://accounts.kakao.com/login?continue=x",
            "https://a.example/auth/kakao/callback.evil?error=login_required",
            "/login",
        ] {
            let answer = reply(302, Some(elsewhere), "KOE006");
            assert_eq!(read(&answer), Stopped::Elsewhere, "{elsewhere}");
        }
        let page = "<h1>앱 관리자 설정 오류 (KOE006)</h1>";
        assert_eq!(read(&reply(200, None, page)), Stopped::Page(6, vec![]));
        let page = "KOE205: <b>account_email</b>, my_gender";
        assert_eq!(
            read(&reply(400, None, page)),
            Stopped::Page(205, vec!["account_email".into()])
        );
        for silent in ["", "<form>", "KOE", "KOE12", "KOE1234", "koe006"] {
            assert_eq!(
                read(&reply(200, None, silent)),
                Stopped::Elsewhere,
                "{silent}"
            );
        }
    }
}
