//! The browser session: what the cookie stands for, kept in the cookie itself or in Redis.
//!
//! All that is kept there is a [`Token`]: which session row is meant, and the secret that proves
//! it. The row in the database is the authority in both backends, so logging out, suspending and
//! "log out all other devices" act on the next request, and nothing in flight can revive a
//! session that has ended.

mod backend;
mod pick;

use std::cell::Cell;
use std::future::{Ready, ready};
use std::rc::Rc;

use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_session::{Session, SessionExt as _, SessionMiddleware};
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Key, SameSite};
use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage as _, HttpRequest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

pub use backend::{Backend, BackendDown, InvalidRedisUrl};
pub use pick::{CookieKeys, pick_session_cookie};

use crate::config::{Config, PublicUrl};
use crate::vault::{Vault, branch, fingerprint};

/// The one entry of the session state.
const TOKEN: &str = "token";

/// What a signed-in browser holds: the id of its session row, and 256 bits that prove it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    id: Uuid,
    secret: [u8; 32],
}

impl Token {
    /// The token of session `id` that grew out of the login attempt with this `seed`.
    ///
    /// Deriving it (instead of drawing it) lets two copies of one callback request, which both
    /// hold the attempt's seed and nobody else does, arrive at one session.
    #[must_use]
    pub fn of_attempt(id: Uuid, seed: &[u8; 32]) -> Self {
        Self {
            id,
            secret: branch(seed, &format!("session secret/{id}")),
        }
    }

    /// The id of the session row.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// What the row keeps of the secret.
    #[must_use]
    pub fn secret_hash(&self) -> String {
        fingerprint(&self.secret)
    }

    /// The token for forms of this session (OWASP's synchroniser token), stable while it lives.
    #[must_use]
    pub fn csrf(&self, vault: &Vault) -> String {
        URL_SAFE_NO_PAD.encode(vault.digest("csrf", &self.secret))
    }

    /// Whether `claimed` is this session's form token.
    #[must_use]
    pub fn is_csrf(&self, vault: &Vault, claimed: &str) -> bool {
        let claimed = URL_SAFE_NO_PAD.decode(claimed).unwrap_or_default();
        vault.is_digest("csrf", &self.secret, &claimed)
    }

    fn encode(&self) -> String {
        let mut bytes = self.id.as_bytes().to_vec();
        bytes.extend(self.secret);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn decode(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, secret) = bytes.split_at_checked(16)?;
        Some(Self {
            id: Uuid::from_slice(id).ok()?,
            secret: secret.try_into().ok()?,
        })
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token({})", self.id)
    }
}

/// Whether the browser is to forget the session cookie when it is closed: said inside a request,
/// and heard where the cookie goes out.
#[derive(Clone, Default)]
struct Brief(Rc<Cell<bool>>);

/// The typed view of actix's session: four verbs, no string keys anywhere else.
pub struct BrowserSession(Session, Brief);

/// The session state could not be written down.
#[derive(Debug, thiserror::Error)]
#[error("the session state could not be written")]
pub struct NotWritten;

impl BrowserSession {
    /// The token this browser holds; whether it is worth anything, the row decides.
    #[must_use]
    pub fn token(&self) -> Option<Token> {
        let text = self.0.get::<String>(TOKEN).ok()??;
        Token::decode(&text)
    }

    /// Makes this browser hold `token`, under a new session key.
    ///
    /// # Errors
    /// [`NotWritten`] when the state cannot be serialised, which text always can.
    pub fn sign_in(&self, token: &Token) -> Result<(), NotWritten> {
        self.0.renew();
        self.0.insert(TOKEN, token.encode()).map_err(|_| NotWritten)
    }

    /// Whether the browser is to forget what it holds when it is closed.
    pub fn set_brief(&self, brief: bool) {
        self.1.0.set(brief);
    }

    /// Makes this browser hold nothing.
    pub fn sign_out(&self) {
        self.0.purge();
    }
}

impl FromRequest for BrowserSession {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let brief = request.extensions().get::<Brief>().cloned();
        ready(Ok(Self(request.get_session(), brief.unwrap_or_default())))
    }
}

/// How the session cookie is named and sealed.
#[derive(Clone)]
pub struct SessionCookie {
    name: &'static str,
    secure: bool,
    keys: CookieKeys,
    max_age: Duration,
}

impl SessionCookie {
    /// The cookie that `config` asks for. On https it has the `__Host-` prefix, so that no
    /// sub-domain can plant one (RFC 6265bis section 4.1.3.2). On a developer's plain-http
    /// loopback address it has neither prefix nor `Secure`, which Safari would not accept.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let secure = config.public_url.is_https();
        let name = Self::name_at(&config.public_url);
        let key =
            |master: &crate::vault::MasterKey| Key::from(&master.derive::<64>("session cookie"));
        let max = i64::try_from(config.sessions.max.as_secs()).unwrap_or(i64::MAX);
        let max_age = Duration::seconds(max);
        let keys = config.secret_keys.iter().map(key).collect();
        Self {
            name,
            secure,
            keys: CookieKeys::new(name, keys, max_age),
            max_age,
        }
    }

    /// What the cookie is called at this address.
    #[must_use]
    pub fn name_at(public_url: &PublicUrl) -> &'static str {
        if public_url.is_https() {
            "__Host-kg-session"
        } else {
            "kg-session"
        }
    }

    /// The keys, for [`pick_session_cookie`].
    #[must_use]
    pub fn keys(&self) -> CookieKeys {
        self.keys.clone()
    }

    /// actix-session on `backend`, wrapped around whatever needs to know who is signed in.
    #[must_use]
    pub fn middleware(&self, backend: Backend) -> SessionMiddleware<Backend> {
        SessionMiddleware::builder(backend, self.keys.current())
            .cookie_name(self.name.to_owned())
            .cookie_secure(self.secure)
            .cookie_http_only(true)
            .cookie_same_site(SameSite::Lax)
            .cookie_path("/".to_owned())
            .cookie_content_security(CookieContentSecurity::Private)
            .session_lifecycle(PersistentSession::default().session_ttl(self.max_age))
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;
    use crate::vault::MasterKey;

    fn vault() -> Vault {
        let bytes = Random::system().bytes::<64>().unwrap();
        let text = base64::engine::general_purpose::STANDARD.encode(bytes);
        Vault::new(&[MasterKey::from_base64(&text).unwrap()]).unwrap()
    }

    // SE-2
    #[test]
    fn a_token_survives_the_cookie_and_hides_its_secret() {
        let token = Token::of_attempt(Uuid::from_u128(7), &[1; 32]);
        assert_eq!(Token::decode(&token.encode()), Some(token.clone()));
        assert_eq!(token, Token::of_attempt(Uuid::from_u128(7), &[1; 32]));
        assert_ne!(token, Token::of_attempt(Uuid::from_u128(7), &[2; 32]));
        assert_ne!(token, Token::of_attempt(Uuid::from_u128(8), &[1; 32]));
        assert_eq!(
            format!("{token:?}"),
            format!("Token({})", Uuid::from_u128(7))
        );
        for junk in ["", "AAAA", &"A".repeat(63), &"A".repeat(65)] {
            assert_eq!(Token::decode(junk), None, "{junk:?}");
        }
    }

    // WB-2
    #[test]
    fn a_form_token_belongs_to_one_session() {
        let vault = vault();
        let mine = Token::of_attempt(Uuid::from_u128(1), &[1; 32]);
        let other = Token::of_attempt(Uuid::from_u128(1), &[2; 32]);
        assert!(mine.is_csrf(&vault, &mine.csrf(&vault)));
        assert!(!mine.is_csrf(&vault, &other.csrf(&vault)));
        assert!(!mine.is_csrf(&vault, ""));
        assert!(!mine.is_csrf(&vault, "한글"));
    }
}
