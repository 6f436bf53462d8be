//! Settings: read from the environment in one place, checked all at once.
//!
//! Every problem is reported by the setting's name and never with its value. A secret may come
//! from a file: `NAME_FILE` names the file that holds `NAME`. An unknown `KAKAO_…` name is a
//! problem, because the silence after a typo costs an afternoon.

mod check;
pub mod console;
mod environment;
mod koe;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

pub use check::{Shown, console_checklist, describe};
pub use environment::{Environment, Problem, Problems, Warning};
pub use koe::{Koe, Turn};

use crate::i18n::Lang;
use crate::member::KakaoId;
use crate::password::Lengths;
use crate::terms::Agreements;
use crate::vault::{MasterKey, Secret};

/// Where Kakao's authorization server is when nothing else is said.
pub const KAKAO_AUTH_URL: &str = "https://kauth.kakao.com";
/// Where Kakao's resource server is when nothing else is said.
pub const KAKAO_API_URL: &str = "https://kapi.kakao.com";

/// Everything an operator can choose.
#[derive(Clone, Debug)]
pub struct Config {
    /// `BIND`: the address to listen on.
    pub bind: SocketAddr,
    /// `PUBLIC_URL`: the address people see.
    pub public_url: PublicUrl,
    /// `DATABASE_URL`.
    pub database: Database,
    /// `SESSION_STORE` and `REDIS_URL`.
    pub sessions: Sessions,
    /// `SECRET_KEY`, then the keys of `SECRET_KEY_OLD`.
    pub secret_keys: Vec<MasterKey>,
    /// Everything named `KAKAO_…`.
    pub kakao: Kakao,
    /// `SMTP_URL` and `MAIL_FROM`; `None` leaves everything out that needs mail.
    pub mail: Option<Mail>,
    /// `PASSWORD_MIN_LENGTH` and `PASSWORD_MAX_LENGTH`.
    pub passwords: Lengths,
    /// `TERMS_DIR`: the folder with the operator's own terms.
    pub terms_dir: Option<PathBuf>,
    /// What it holds, or what is built in where there is none.
    pub agreements: Agreements,
    /// Everything named `ADMIN_…`, and how long the audit log is kept.
    pub admin: Admin,
    /// `TRUSTED_PROXIES`: networks whose forwarding headers count.
    pub trusted_proxies: Vec<IpNet>,
    /// `FORWARD_AUTH_HOSTS`: sites whose pages lead whoever is not signed in to our login and back.
    pub forward_auth_hosts: Vec<PublicUrl>,
    /// `SERVICE_NAME`: what the pages call the service; `None` keeps the word of the texts.
    pub service_name: Option<String>,
    /// `API_AUDIENCE`: whom access tokens are for (`aud`); the origin of `PUBLIC_URL` unless set.
    pub api_audience: String,
    /// `API_CORS_ORIGINS`: whose pages may call the API from a browser.
    pub api_cors_origins: Vec<PublicUrl>,
    /// `CONTACT_EMAIL`: shown where a person may need help.
    pub contact_email: Option<String>,
    /// `DEFAULT_LOCALE`: the language for people who prefer neither.
    pub default_lang: Lang,
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `METRICS_BIND`: the address of the metrics listener; `None` leaves it out.
    pub metrics_bind: Option<SocketAddr>,
    /// Everything that bounds what one request or one client may cost.
    pub limits: Limits,
}

/// The address people see, and what follows from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    origin: String,
    authority: String,
    host: String,
    https: bool,
}

impl PublicUrl {
    /// Takes an address without path, query or credentials. Plain http is accepted for
    /// loopback hosts only.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let url = Url::parse(text).map_err(|_| "is not an absolute address")?;
        let https = match url.scheme() {
            "https" => true,
            "http" if is_loopback(&url) => false,
            "http" => return Err("must be https, because it is not a loopback address"),
            _ => return Err("must be an http or https address"),
        };
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        if !bare || !url.username().is_empty() || url.password().is_some() {
            return Err("must have no path, query or user name: only scheme, host and port");
        }
        let host = url.host_str().unwrap_or_default().to_owned();
        Ok(Self {
            origin: url.origin().ascii_serialization(),
            authority: match url.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.clone(),
            },
            host,
            https,
        })
    }

    /// The address of another site of the same scheme, by its host and, where it is not the usual
    /// one, port.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn beside(&self, authority: &str) -> Result<Self, &'static str> {
        let scheme = if self.https { "https" } else { "http" };
        Self::parse(&format!("{scheme}://{authority}"))
    }

    /// Scheme, host and port, as a browser writes them into `Origin`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Host, and port where it is not the usual one.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Whether a browser sends cookies of one to the other: it keeps them by host, whatever the
    /// port (RFC 6265bis section 8.5).
    #[must_use]
    pub fn shares_cookies_with(&self, other: &Self) -> bool {
        (&self.host, self.https) == (&other.host, other.https)
    }

    /// Whether pages are served over https, and cookies therefore marked `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The address of one of our paths.
    #[must_use]
    pub fn join(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

/// Which database, by the scheme of `DATABASE_URL`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// `sqlite://path`: a file, made when absent.
    Sqlite(PathBuf),
    /// `postgres://…`, handed to libpq as it is.
    Postgres(Secret),
}

/// How long sessions live, and where their state is kept.
#[derive(Clone, Debug)]
pub struct Sessions {
    /// `SESSION_STORE`.
    pub backend: SessionBackend,
    /// `SESSION_IDLE_HOURS`: a session unused for this long ends.
    pub idle: Duration,
    /// `SESSION_MAX_HOURS`: a session this old ends, however busy.
    pub max: Duration,
}

/// Where the state behind the session cookie is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionBackend {
    /// Encrypted in the cookie itself.
    Cookie,
    /// In Redis.
    Redis {
        /// `REDIS_URL`, which may hold a password.
        url: Secret,
        /// Put before every key, so that services can share one Redis.
        prefix: String,
    },
}

/// What Kakao's console says about our app, and where Kakao is.
#[derive(Clone, Debug)]
pub struct Kakao {
    /// `KAKAO_REST_API_KEY`: the OAuth client id.
    pub rest_api_key: String,
    /// `KAKAO_CLIENT_SECRET`: none when switched off in the console, two during a change.
    pub client_secrets: Vec<Secret>,
    /// `KAKAO_ADMIN_KEY`: none, one, or two during a change.
    pub admin_keys: Vec<Secret>,
    /// `KAKAO_NATIVE_APP_KEYS`: further keys of the same app, of any kind, to which ID tokens
    /// that are handed over may have been issued.
    pub other_app_keys: Vec<String>,
    /// `KAKAO_APP_ID`: the app's number.
    pub app_id: i64,
    /// `KAKAO_SCOPES`: consent items to ask for; none leaves it to the console.
    pub scopes: Vec<String>,
    /// `KAKAO_SERVICE_TERMS`: whether terms agreed to on Kakao's consent screen are recorded.
    pub service_terms: bool,
    /// `KAKAO_OIDC`: whether logins ask for an ID token and must get one.
    pub oidc: bool,
    /// `KAKAO_UNLINKED`: whether members are erased whose only way in was a Kakao account that
    /// Kakao tells is not connected any more.
    pub withdraw_unlinked: bool,
    /// `KAKAO_UNLINK_METHOD`: how Kakao calls the unlink webhook.
    pub unlink_method: UnlinkMethod,
    /// `KAKAO_AUTH_URL`.
    pub auth_url: Url,
    /// `KAKAO_API_URL`.
    pub api_url: Url,
}

impl Kakao {
    /// Whether Kakao is played by an emulator on this machine.
    #[must_use]
    pub fn is_emulated(&self) -> bool {
        is_loopback(&self.api_url) || is_loopback(&self.auth_url)
    }
}

/// How Kakao calls the unlink webhook, as the console says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnlinkMethod {
    /// Whichever way.
    Any,
    /// With GET only.
    Get,
    /// With POST only.
    Post,
}

impl UnlinkMethod {
    /// As it is set.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Get => "get",
            Self::Post => "post",
        }
    }
}

/// Who carries our mail, and in whose name.
#[derive(Clone, Debug)]
pub struct Mail {
    /// `SMTP_URL`, which may hold a password. TLS unless the server is on this machine.
    pub smtp_url: Secret,
    /// `MAIL_FROM`: a mailbox.
    pub from: String,
}

/// Who administers, from where, and what is kept of it.
#[derive(Clone, Debug)]
pub struct Admin {
    /// `ADMIN_EMAILS`: whoever first comes with one of these addresses, confirmed by Kakao, is an
    /// owner.
    pub emails: Vec<String>,
    /// `ADMIN_KAKAO_IDS`: as well as whoever has one of these member numbers at Kakao.
    pub kakao_ids: Vec<KakaoId>,
    /// `ADMIN_NETWORKS`: the administration exists for these networks only; none: for all.
    pub networks: Vec<IpNet>,
    /// `ADMIN_SESSION_MINUTES`: an admin's session unused for this long ends; 30 at most.
    pub session_idle: Duration,
    /// `ADMIN_SEARCH_STRICT`: a part of a name finds members only together with one more
    /// condition.
    pub search_strict: bool,
    /// `AUDIT_RETENTION_DAYS`: how long the audit log is kept; a year at least.
    pub audit_retention: Duration,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// What one request or one client may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `RATE_LOGIN_STARTS`: logins one address (IPv6: one /64) may start in a minute; 0 lifts
    /// the limit.
    pub login_starts: u32,
    /// `RATE_POSTS`: forms one address may send in a minute; 0 lifts the limit.
    pub posts: u32,
    /// `RATE_JOINS`: sign-ups by email that one address (IPv6: one /64) may begin in an hour, all
    /// instances together; 0 lifts the limit.
    pub joins: u32,
    /// `KAKAO_CONNECT_TIMEOUT_MS`.
    pub kakao_connect: Duration,
    /// `KAKAO_TIMEOUT_MS`: one whole call to Kakao.
    pub kakao_call: Duration,
    /// `KAKAO_CONCURRENT_CALLS`: calls to Kakao under way at once.
    pub kakao_concurrent: usize,
    /// `PASSWORD_SLOTS`: passwords hashed at once, 19 MiB each.
    pub password_slots: usize,
    /// `DATABASE_CONNECTIONS`: pooled connections (SQLite: readers beside the one writer).
    pub database_connections: u32,
    /// `SHUTDOWN_SECONDS`: how long a stopping server waits for requests under way.
    pub shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            login_starts: 60,
            posts: 120,
            joins: 60,
            kakao_connect: Duration::from_secs(2),
            kakao_call: Duration::from_secs(5),
            kakao_concurrent: 64,
            password_slots: 2,
            database_connections: 8,
            shutdown: Duration::from_secs(30),
        }
    }
}

impl Config {
    /// The redirect URI that must be registered at Kakao, byte for byte.
    #[must_use]
    pub fn redirect_uri(&self) -> String {
        self.public_url.join("/auth/kakao/callback")
    }

    /// The logout redirect URI that must be registered at Kakao.
    #[must_use]
    pub fn logout_redirect_uri(&self) -> String {
        self.public_url.join("/logged-out/kakao/done")
    }
}

/// Whether `url` points at this machine by number or as `localhost`.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(url::Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        // Schemes that no browser opens keep their addresses as names.
        Some(url::Host::Domain(name)) => {
            name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
        }
        None => false,
    }
}
