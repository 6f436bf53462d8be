//! A stand-in for `kauth.kakao.com` and `kapi.kakao.com` on one local port.
//!
//! It keeps a small world of accounts, links, codes and tokens and answers programs and browsers
//! as Kakao's documents and field reports say Kakao does. On a second port it takes the mail that
//! the service sends, and delivers it to nobody. It speaks plain HTTP and SMTP and imports nothing
//! of the rest of the crate, so that one misreading of Kakao cannot hide on both sides.
//! `docs/emulator.md` tells how to use it and where it guesses.

mod account_logout;
mod arming;
mod ask;
mod assets;
mod authorize;
mod breakage;
mod clock;
mod consents;
mod console;
mod cross_origin;
mod fault;
mod journal;
mod ledger;
mod listing;
mod mail;
mod openid;
mod page;
mod panel;
mod people;
mod picture;
mod profile;
mod random;
mod received;
mod refusal;
mod serve;
mod settings;
mod shortcut;
mod sign_in;
mod signing;
mod state;
mod texts;
mod token;
mod user;
mod world;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::web::Data;
use actix_web::{App, HttpServer};
use serde_json::Value;

pub use self::clock::Clock;
pub use self::fault::{Fault, Times, UnknownFault};
pub use self::journal::{Endpoint, Recorded};
pub use self::mail::{Mail, MailFault};
pub use self::people::{Email, Person};
pub use self::settings::{
    ADMIN_KEY, APP_ID, AppSettings, CLIENT_SECRET, ConsentItem, ItemLevel, JAVASCRIPT_KEY,
    NATIVE_APP_KEY, OTHER_CLIENT_SECRET, OTHER_REST_API_KEY, REST_API_KEY, RestKey, ServiceTerm,
    Settings,
};
pub use self::shortcut::Consent;
pub use self::signing::{Jwt, Signer};
pub use self::world::World;

use self::profile::PictureHosts;
use self::random::Random;
use self::signing::Alteration;
use self::state::State;

/// A running emulator. Dropping it stops its servers and cuts their connections.
#[derive(Debug)]
pub struct Emulator {
    shared: Arc<Shared>,
    server: ServerHandle,
    mail_server: mail::Server,
}

/// What the server's worker and the handle both hold.
#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// What a reset goes back to.
    settings: Settings,
    clock: Clock,
    random: Random,
    address: SocketAddr,
    /// `http://` and the address.
    url: String,
    /// `smtp://` and the address of the mail server.
    smtp_url: String,
    /// Browsers do not keep cookies of two ports of one host apart, so the name does.
    session_cookie: String,
}

impl Emulator {
    /// Serves on `listener` with one worker, inside the current actix system or tokio runtime,
    /// and takes mail at a free port beside it. Signals are left to the caller.
    ///
    /// # Errors
    /// When the listener is bound to anything but a loopback address, when an address cannot be
    /// read or had, or when there is no runtime.
    pub fn start(listener: TcpListener, settings: Settings) -> io::Result<Self> {
        let beside = loopback(&listener)?.ip();
        let mail_listener = TcpListener::bind((beside, 0))?;
        Self::start_with_mail_at(listener, mail_listener, settings)
    }

    /// The same, and takes mail on `mail_listener`.
    ///
    /// # Errors
    /// As with [`Emulator::start`], and when mail would come in at anything but a loopback
    /// address.
    pub fn start_with_mail_at(
        listener: TcpListener,
        mail_listener: TcpListener,
        settings: Settings,
    ) -> io::Result<Self> {
        let address = loopback(&listener)?;
        let mail_address = loopback(&mail_listener)?;
        let runtime = tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(&settings)),
            clock: settings.clock.clone(),
            settings,
            random: Random::default(),
            address,
            url: format!("http://{address}"),
            smtp_url: format!("smtp://{mail_address}"),
            session_cookie: format!("kakao_emulator_{}", address.port()),
        });
        let mail_server = mail::Server::start(mail_listener, Arc::clone(&shared), &runtime)?;
        let data = Data::from(Arc::clone(&shared));
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .wrap(from_fn(serve::observe))
                .configure(serve::routes)
        })
        .workers(1)
        .disable_signals()
        .shutdown_timeout(1)
        .listen(listener)?
        .run();
        let handle = server.handle();
        runtime.spawn(server);
        Ok(Self {
            shared,
            server: handle,
            mail_server,
        })
    }

    /// Where both of Kakao's hosts are found, such as `http://127.0.0.1:9898`.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.shared.url
    }

    /// The address it listens at.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// The emulator's own clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Makes the next requests of `endpoint` fail. Faults of one endpoint happen in the order
    /// they were asked for.
    pub fn fail(&self, endpoint: Endpoint, fault: Fault, times: Times) {
        self.shared.state().faults.arm(endpoint, fault, times);
    }

    /// Makes the next mails fail on their way here, in the order asked for.
    pub fn fail_mail(&self, fault: MailFault, times: Times) {
        self.shared.state().mailbox.faults.arm(fault, times);
    }

    /// Forgets every fault, those of mail and of ID tokens included.
    pub fn heal(&self) {
        self.shared.state().heal();
    }

    /// Where mail is taken, such as `smtp://127.0.0.1:9899`: no TLS, no password.
    #[must_use]
    pub fn smtp_url(&self) -> &str {
        &self.shared.smtp_url
    }

    /// The mail taken since the start or the last reset, the oldest first; at most 200 and
    /// 32 MiB of it.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.state().mailbox.mails().cloned().collect()
    }

    /// How often somebody has begun to hand over a mail since the start or the last reset, those
    /// that were made to fail included: each `MAIL` that came in its turn, and each connection
    /// that was left without a greeting.
    #[must_use]
    pub fn mail_attempts(&self) -> usize {
        self.shared.state().mailbox.attempts()
    }

    /// The last 500 requests to Kakao's addresses, the oldest first; the emulator's own pages and
    /// forms are left out.
    #[must_use]
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.state().journal.requests().cloned().collect()
    }

    /// How many requests `endpoint` has seen since the start or the last reset, those that were
    /// made to fail included.
    #[must_use]
    pub fn count(&self, endpoint: Endpoint) -> usize {
        self.shared.state().journal.count(endpoint)
    }

    /// How many of the requests that [`Emulator::count`] tells of [`Endpoint::Token`] wanted a
    /// token refreshed.
    #[must_use]
    pub fn refreshes(&self) -> usize {
        self.shared.state().journal.refreshes()
    }

    /// Switches OpenID Connect on or off, see [`AppSettings::openid`].
    pub fn set_oidc(&self, on: bool) {
        self.shared.state().app.openid = on;
    }

    /// Publishes a new key beside the present one and signs with it from now on; the older of the
    /// two that were published is withdrawn.
    pub fn rotate_keys(&self) {
        self.shared.state().ring.rotate();
    }

    /// The keys as `/.well-known/jwks.json` tells them, to be put among others in a
    /// [`Fault::Answer`]. The first use of a key makes it, which takes a while and blocks.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn jwks(&self) -> io::Result<Value> {
        let ring = self.shared.state().ring;
        ring.jwks().map_err(io::Error::other)
    }

    /// A token of the type `typ` (`JWT`, `secevent+jwt`) with these claims and the header that
    /// Kakao would give it, to be changed and signed. Blocks like [`Emulator::jwks`].
    ///
    /// # Errors
    /// When no key can be made.
    pub fn jwt(&self, typ: &str, claims: Value) -> io::Result<Jwt> {
        let ring = self.shared.state().ring;
        ring.jwt(typ, claims).map_err(io::Error::other)
    }

    /// The compact form of exactly this token. Blocks like [`Emulator::jwks`].
    ///
    /// # Errors
    /// When no key can be made.
    pub fn sign_jwt(&self, jwt: &Jwt) -> io::Result<String> {
        let ring = self.shared.state().ring;
        ring.sign(jwt).map_err(io::Error::other)
    }

    /// Lets `alter` change every ID token before it is signed, until [`Emulator::heal`].
    pub fn alter_id_tokens(&self, alter: impl Fn(&mut Jwt) + Send + Sync + 'static) {
        self.shared.state().alteration = Some(Alteration(Arc::new(alter)));
    }

    /// The accounts, links, tokens and console settings, to look at and to change.
    #[must_use]
    pub fn world(&self) -> World {
        World::new(Arc::clone(&self.shared))
    }

    /// What the browser of `person` would be sent back to, without a browser: the value of the
    /// `Location` header. Where Kakao would show an error page instead, the answer is its KOE
    /// code, such as `KOE006`, which no client takes for an address.
    ///
    /// The request is recorded, and counts. The person is signed in for this request, whatever
    /// `prompt` says; `consent` matters only when the consent page would be due. Of the faults
    /// armed for [`Endpoint::Authorize`] those that refuse or redirect happen, others pass.
    #[must_use]
    pub fn authorize(&self, authorize_url: &str, person: &str, consent: Consent) -> String {
        shortcut::authorize(&self.shared, authorize_url, person, consent)
    }

    /// Stops both servers and waits until their connections are closed.
    pub async fn stop(mut self) {
        self.server.stop(false).await;
        self.mail_server.stop().await;
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // The command is on its way once the future exists; nobody waits for the outcome.
        drop(self.server.stop(false));
    }
}

impl Shared {
    /// The state, for as long as it takes to answer one question. A panic elsewhere leaves it
    /// usable: every change is complete or of no consequence to the next.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where pictures are found.
    fn picture_hosts(&self) -> PictureHosts<'_> {
        PictureHosts {
            plain: &self.url,
            secure: self.settings.public_url.as_deref(),
        }
    }

    /// Goes back to the settings and to the machine's time.
    fn reset(&self) {
        self.clock.reset();
        *self.state() = State::new(&self.settings);
    }
}

/// The address of a listener that nobody outside this machine reaches.
fn loopback(listener: &TcpListener) -> io::Result<SocketAddr> {
    let address = listener.local_addr()?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    let words = format!("the emulator serves loopback addresses only, not {address}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, words))
}
