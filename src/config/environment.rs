//! From names and texts to a [`Config`], gathering every problem on the way.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

use super::{
    Admin, Config, Database, KAKAO_API_URL, KAKAO_AUTH_URL, Kakao, Limits, LogFormat, Mail,
    PublicUrl, SessionBackend, Sessions, UnlinkMethod, is_loopback,
};
use crate::i18n::Lang;
use crate::member::KakaoId;
use crate::password::Lengths;
use crate::terms::Agreements;
use crate::vault::{MasterKey, Secret};

/// Every setting there is. One that is missing here does not exist.
pub(super) const KNOWN: &[&str] = &[
    "BIND",
    "PUBLIC_URL",
    "DATABASE_URL",
    "DATABASE_CONNECTIONS",
    "SESSION_STORE",
    "SESSION_IDLE_HOURS",
    "SESSION_MAX_HOURS",
    "REDIS_URL",
    "REDIS_PREFIX",
    "SECRET_KEY",
    "SECRET_KEY_OLD",
    "KAKAO_REST_API_KEY",
    "KAKAO_CLIENT_SECRET",
    "KAKAO_ADMIN_KEY",
    "KAKAO_NATIVE_APP_KEYS",
    "KAKAO_APP_ID",
    "KAKAO_SCOPES",
    "KAKAO_OIDC",
    "KAKAO_UNLINK_METHOD",
    "KAKAO_UNLINKED",
    "KAKAO_SERVICE_TERMS",
    "KAKAO_AUTH_URL",
    "KAKAO_API_URL",
    "KAKAO_CONNECT_TIMEOUT_MS",
    "KAKAO_TIMEOUT_MS",
    "KAKAO_CONCURRENT_CALLS",
    "SMTP_URL",
    "MAIL_FROM",
    "PASSWORD_MIN_LENGTH",
    "PASSWORD_MAX_LENGTH",
    "PASSWORD_SLOTS",
    "ADMIN_EMAILS",
    "ADMIN_KAKAO_IDS",
    "ADMIN_NETWORKS",
    "ADMIN_SESSION_MINUTES",
    "ADMIN_SEARCH_STRICT",
    "AUDIT_RETENTION_DAYS",
    "TRUSTED_PROXIES",
    "FORWARD_AUTH_HOSTS",
    "TERMS_DIR",
    "SERVICE_NAME",
    "API_AUDIENCE",
    "API_CORS_ORIGINS",
    "CONTACT_EMAIL",
    "DEFAULT_LOCALE",
    "LOG_FORMAT",
    "METRICS_BIND",
    "RATE_LOGIN_STARTS",
    "RATE_POSTS",
    "RATE_JOINS",
    "SHUTDOWN_SECONDS",
];

/// Names and texts to read a [`Config`] from.
#[derive(Clone, Debug, Default)]
pub struct Environment(BTreeMap<String, String>);

/// Something that keeps a configuration from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The setting.
    pub name: String,
    /// What is wrong with it, as the rest of a sentence that starts with the name.
    pub says: String,
}

/// Something worth a look that keeps nothing from working.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The setting.
    pub name: String,
    /// The rest of a sentence that starts with the name.
    pub says: String,
}

/// Everything that is wrong, at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings have {} problem(s):", self.0.len())?;
        for problem in &self.0 {
            write!(f, "\n  {} {}", problem.name, problem.says)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let pairs = pairs.into_iter().map(|(k, v)| (k.into(), v.into()));
        Self(pairs.collect())
    }
}

impl Environment {
    /// The process's environment, over what a `.env` file in the working directory says.
    ///
    /// # Errors
    /// A `.env` file that is there but cannot be read as one.
    pub fn of_the_process() -> Result<Self, Problems> {
        let mut pairs = BTreeMap::new();
        match dotenvy::from_path_iter(".env") {
            Err(error) if error.not_found() => {}
            Err(_) => return Err(unreadable_dotenv()),
            Ok(lines) => {
                for line in lines {
                    let (name, value) = line.map_err(|_| unreadable_dotenv())?;
                    pairs.insert(name, value);
                }
            }
        }
        // A variable that is not Unicode cannot be one of ours: vars_os would keep it, vars
        // would end the program over it.
        let set = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        pairs.extend(set);
        Ok(Self(pairs))
    }

    /// The name of whoever runs the program, as far as their shell tells: for the audit log, which
    /// is told of nobody's account then.
    #[must_use]
    pub fn operator(&self) -> String {
        let known = ["SUDO_USER", "USER", "LOGNAME"];
        let name = known.iter().find_map(|name| self.0.get(*name));
        let name = name.map_or("unknown", String::as_str);
        let plain = name.chars().filter(|c| !c.is_control());
        plain.take(64).collect()
    }

    /// The settings among `names`, without the others.
    #[must_use]
    pub fn only(&self, names: &[&str]) -> Self {
        let known = |name: &str| names.contains(&name.strip_suffix("_FILE").unwrap_or(name));
        let pairs = self.0.iter().filter(|(name, _)| known(name));
        Self(
            pairs
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
        )
    }

    /// Sets `name` unless it is set already.
    pub fn default_to(&mut self, name: &str, value: impl Into<String>) {
        self.0
            .entry(name.to_owned())
            .or_insert_with(|| value.into());
    }

    /// Whether `name` was set by somebody.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name) || self.0.contains_key(&format!("{name}_FILE"))
    }

    /// `RUST_LOG`, which everybody who runs a Rust program knows; empty when not set.
    #[must_use]
    pub fn log_filter(&self) -> &str {
        self.0.get("RUST_LOG").map_or("", String::as_str)
    }

    /// Reads and checks everything.
    ///
    /// # Errors
    /// Every problem at once, by name.
    pub fn read(&self) -> Result<(Config, Vec<Warning>), Problems> {
        let mut reader = Reader {
            environment: self,
            problems: Vec::new(),
            warnings: Vec::new(),
        };
        let config = reader.config();
        reader.unknown_names();
        match config {
            Some(config) if reader.problems.is_empty() => Ok((config, reader.warnings)),
            _ => Err(Problems(reader.problems)),
        }
    }
}

/// Kakao's keys are 32 hexadecimal digits in every sample; only what cannot be one is refused.
fn is_app_key(text: &str) -> bool {
    text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn unreadable_dotenv() -> Problems {
    Problems(vec![Problem {
        name: ".env".to_owned(),
        says: "cannot be read as lines of NAME=value".to_owned(),
    }])
}

struct Reader<'a> {
    environment: &'a Environment,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

impl Reader<'_> {
    /// Reads each setting in turn; a problem is noted and reading goes on, so that one run
    /// reports them all.
    fn config(&mut self) -> Option<Config> {
        let bind = self.parsed(
            "BIND",
            "is not an address with a port, such as 127.0.0.1:8080",
        );
        let bind = bind.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 8080)));
        let public_url = self.public_url(bind);
        let database = self.database();
        let sessions = self.sessions();
        let secret_keys = self.secret_keys();
        let kakao = self.kakao();
        let limits = self.limits();
        let trusted_proxies = self.networks("TRUSTED_PROXIES");
        let admin = self.admin();
        let mail = self.mail();
        let passwords = self.passwords();
        let (terms_dir, agreements) = self.agreements();
        let metrics_bind = self.parsed("METRICS_BIND", "is not an address with a port");
        if metrics_bind.is_some_and(|at: SocketAddr| !at.ip().is_loopback()) {
            self.problem(
                "METRICS_BIND",
                "must be a loopback address: metrics are not public",
            );
        }
        let default_lang = self.choice("DEFAULT_LOCALE", &[("ko", Lang::Ko), ("en", Lang::En)]);
        let log_format = self.choice(
            "LOG_FORMAT",
            &[("text", LogFormat::Text), ("json", LogFormat::Json)],
        );
        let contact_email = self.value("CONTACT_EMAIL");
        if contact_email
            .as_deref()
            .is_some_and(|text| !text.contains('@'))
        {
            self.problem("CONTACT_EMAIL", "is not an email address");
        }
        let (public_url, kakao) = (public_url?, kakao?);
        let api_audience = self.value("API_AUDIENCE");
        let api_audience = api_audience.unwrap_or_else(|| public_url.origin().to_owned());
        let api_cors_origins = self.api_cors_origins();
        let forward_auth_hosts = self.forward_auth_hosts(&public_url);
        if !forward_auth_hosts.is_empty() && trusted_proxies.is_empty() {
            self.warning(
                "FORWARD_AUTH_HOSTS",
                "has no effect while TRUSTED_PROXIES is empty: nobody is believed which page was asked for",
            );
        }
        if public_url.is_https() && kakao.is_emulated() {
            self.problem(
                "KAKAO_API_URL",
                "points at this machine while PUBLIC_URL is public: an emulator lets anybody in",
            );
        }
        if public_url.is_https() && trusted_proxies.is_empty() {
            self.warning(
                "TRUSTED_PROXIES",
                "is empty while PUBLIC_URL is https: behind a proxy all visitors share its address, \
                 in limits and in records",
            );
        }
        if !bind.ip().is_loopback() && !public_url.is_https() {
            self.warning(
                "BIND",
                "is reachable from other machines while PUBLIC_URL is plain http: cookies travel in the clear",
            );
        }
        Some(Config {
            bind,
            public_url,
            database: database?,
            sessions: sessions?,
            secret_keys,
            kakao,
            mail,
            passwords,
            terms_dir,
            agreements,
            admin: admin?,
            trusted_proxies,
            forward_auth_hosts,
            service_name: self.value("SERVICE_NAME"),
            api_audience,
            api_cors_origins,
            contact_email,
            default_lang: default_lang?,
            log_format: log_format?,
            metrics_bind,
            limits,
        })
    }

    fn public_url(&mut self, bind: SocketAddr) -> Option<PublicUrl> {
        let text = match self.value("PUBLIC_URL") {
            Some(text) => text,
            None if bind.ip().is_loopback() => format!("http://{bind}"),
            None => {
                self.problem("PUBLIC_URL", "is missing: BIND is not a loopback address");
                return None;
            }
        };
        let parsed = PublicUrl::parse(&text);
        self.noted("PUBLIC_URL", parsed)
    }

    fn database(&mut self) -> Option<Database> {
        let text = self.value("DATABASE_URL");
        let text = text.unwrap_or_else(|| "sqlite://var/kakao-gate.db".to_owned());
        if let Some(path) = text.strip_prefix("sqlite://") {
            if path.is_empty() || path.contains(['?', '\0']) {
                self.problem(
                    "DATABASE_URL",
                    "names no SQLite file: write sqlite://path/to/file",
                );
                return None;
            }
            return Some(Database::Sqlite(path.into()));
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            self.warn_of_plaintext(&text);
            return Some(Database::Postgres(Secret::new(text)));
        }
        self.problem("DATABASE_URL", "must start with sqlite:// or postgres://");
        None
    }

    /// Without TLS compiled in, libpq goes on in plaintext unless it is told to insist.
    fn warn_of_plaintext(&mut self, url: &str) {
        let remote = Url::parse(url).is_ok_and(|url| url.has_host() && !is_loopback(&url));
        if remote && !cfg!(feature = "pg-tls") {
            self.warning(
                "DATABASE_URL",
                "names another machine, and this build has no TLS to PostgreSQL (feature pg-tls)",
            );
        }
    }

    fn sessions(&mut self) -> Option<Sessions> {
        let in_redis = self.choice("SESSION_STORE", &[("cookie", false), ("redis", true)]);
        let url = self.value("REDIS_URL");
        let prefix = self.value("REDIS_PREFIX");
        let backend = if in_redis? {
            match url {
                Some(url) if url.starts_with("redis://") || url.starts_with("rediss://") => {
                    Some(SessionBackend::Redis {
                        url: Secret::new(url),
                        prefix: prefix.unwrap_or_else(|| "kakao-gate:".to_owned()),
                    })
                }
                Some(_) => {
                    self.problem("REDIS_URL", "must start with redis:// or rediss://");
                    None
                }
                None => {
                    self.problem("REDIS_URL", "is missing: SESSION_STORE is redis");
                    None
                }
            }
        } else {
            if url.is_some() {
                self.warning("REDIS_URL", "is not used: SESSION_STORE is cookie");
            }
            Some(SessionBackend::Cookie)
        };
        let hours = |hours: u64| Duration::from_secs(hours * 3_600);
        let idle = self.number("SESSION_IDLE_HOURS", 14 * 24, 1..=24 * 365);
        let max = self.number("SESSION_MAX_HOURS", 90 * 24, 1..=24 * 365);
        if idle > max {
            self.problem("SESSION_IDLE_HOURS", "is longer than SESSION_MAX_HOURS");
        }
        Some(Sessions {
            backend: backend?,
            idle: hours(idle),
            max: hours(max),
        })
    }

    fn secret_keys(&mut self) -> Vec<MasterKey> {
        let mut keys = Vec::new();
        match self.value("SECRET_KEY") {
            None => self.problem("SECRET_KEY", "is missing: `kakao-gate key` makes one"),
            Some(text) => {
                let key = MasterKey::from_base64(&text);
                keys.extend(self.noted("SECRET_KEY", key));
            }
        }
        for text in self.list("SECRET_KEY_OLD") {
            let key = MasterKey::from_base64(&text);
            keys.extend(self.noted("SECRET_KEY_OLD", key));
        }
        keys
    }

    fn kakao(&mut self) -> Option<Kakao> {
        let rest_api_key = self.required("KAKAO_REST_API_KEY");
        let app_id = self.required("KAKAO_APP_ID").and_then(|text| {
            let number = text.parse::<i64>().ok().filter(|number| *number > 0);
            self.noted("KAKAO_APP_ID", number.ok_or("is not a positive number"))
        });
        let client_secrets = self.secrets("KAKAO_CLIENT_SECRET");
        if client_secrets.is_empty() {
            self.warning(
                "KAKAO_CLIENT_SECRET",
                "is not set: right only if the client secret is switched off in Kakao's console",
            );
        }
        let admin_keys = self.secrets("KAKAO_ADMIN_KEY");
        let other_app_keys = self.list("KAKAO_NATIVE_APP_KEYS");
        if !other_app_keys.iter().all(|key| is_app_key(key)) {
            self.problem(
                "KAKAO_NATIVE_APP_KEYS",
                "is a comma-separated list of app keys",
            );
        }
        let auth_url = self.kakao_host("KAKAO_AUTH_URL", KAKAO_AUTH_URL);
        let api_url = self.kakao_host("KAKAO_API_URL", KAKAO_API_URL);
        let scopes = self.list("KAKAO_SCOPES");
        let switch = [("off", false), ("on", true)];
        let oidc = self.choice("KAKAO_OIDC", &switch);
        let service_terms = self.choice("KAKAO_SERVICE_TERMS", &switch);
        let unlink_method = self.choice(
            "KAKAO_UNLINK_METHOD",
            &[
                ("any", UnlinkMethod::Any),
                ("get", UnlinkMethod::Get),
                ("post", UnlinkMethod::Post),
            ],
        );
        let withdraw_unlinked =
            self.choice("KAKAO_UNLINKED", &[("keep", false), ("withdraw", true)]);
        let plain = |scope: &String| scope.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if !scopes.iter().all(plain) {
            self.problem(
                "KAKAO_SCOPES",
                "is a comma-separated list of consent item ids",
            );
        }
        for name in [
            "KAKAO_REST_API_KEY",
            "KAKAO_CLIENT_SECRET",
            "KAKAO_ADMIN_KEY",
        ] {
            self.refuse_placeholder(name);
        }
        Some(Kakao {
            rest_api_key: rest_api_key?,
            client_secrets,
            admin_keys,
            other_app_keys,
            app_id: app_id?,
            scopes,
            oidc: oidc?,
            unlink_method: unlink_method?,
            withdraw_unlinked: withdraw_unlinked?,
            service_terms: service_terms?,
            auth_url: auth_url?,
            api_url: api_url?,
        })
    }

    fn kakao_host(&mut self, name: &'static str, standard: &str) -> Option<Url> {
        let text = self.value(name).unwrap_or_else(|| standard.to_owned());
        let url = Url::parse(&text).map_err(|_| "is not an absolute address");
        let url = self.noted(name, url)?;
        let ours = url.as_str().trim_end_matches('/') == standard || is_loopback(&url);
        if !ours || url.path() != "/" || url.query().is_some() {
            self.problem(
                name,
                format!("must be {standard} or a loopback address without a path"),
            );
            return None;
        }
        Some(url)
    }

    fn refuse_placeholder(&mut self, name: &'static str) {
        let text = self.value(name).unwrap_or_default();
        let lower = text.to_lowercase();
        let odd = text.contains(['<', '>', '{', '}', '$', ' ']);
        if odd
            || ["changeme", "your_", "your-", "xxxx", "todo"]
                .iter()
                .any(|p| lower.contains(p))
        {
            self.problem(name, "still holds a placeholder");
        }
    }

    fn limits(&mut self) -> Limits {
        let standard = Limits::default();
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let connect = self.number(
            "KAKAO_CONNECT_TIMEOUT_MS",
            millis(standard.kakao_connect),
            100..=10_000,
        );
        let call = self.number(
            "KAKAO_TIMEOUT_MS",
            millis(standard.kakao_call),
            100..=10_000,
        );
        Limits {
            login_starts: self.small("RATE_LOGIN_STARTS", standard.login_starts, 0..=100_000),
            posts: self.small("RATE_POSTS", standard.posts, 0..=100_000),
            joins: self.small("RATE_JOINS", standard.joins, 0..=100_000),
            kakao_connect: Duration::from_millis(connect),
            kakao_call: Duration::from_millis(call),
            kakao_concurrent: usize::try_from(self.number("KAKAO_CONCURRENT_CALLS", 64, 1..=1_000))
                .unwrap_or(standard.kakao_concurrent),
            password_slots: usize::try_from(self.number(
                "PASSWORD_SLOTS",
                u64::try_from(standard.password_slots).unwrap_or(2),
                1..=64,
            ))
            .unwrap_or(standard.password_slots),
            database_connections: self.small("DATABASE_CONNECTIONS", 8, 2..=64),
            shutdown: Duration::from_secs(self.number("SHUTDOWN_SECONDS", 30, 1..=300)),
        }
    }

    fn mail(&mut self) -> Option<Mail> {
        let (url, from) = (self.value("SMTP_URL"), self.value("MAIL_FROM"));
        let Some(url) = url else {
            // Kakao alone is a choice of its own; half of the settings of mail is a mistake.
            if from.is_some() {
                self.warning(
                    "MAIL_FROM",
                    "does nothing: SMTP_URL is not set, so nobody can join or sign in by email",
                );
            }
            return None;
        };
        let parsed = Url::parse(&url).ok();
        let secure = parsed.as_ref().is_some_and(|url| {
            let required = url
                .query_pairs()
                .any(|pair| pair == ("tls".into(), "required".into()));
            url.scheme() == "smtps" || (url.scheme() == "smtp" && required)
        });
        let here = parsed.is_some_and(|url| url.scheme() == "smtp" && is_loopback(&url));
        if !secure && !here {
            self.problem(
                "SMTP_URL",
                "must be smtps://… or smtp://…?tls=required, unless the server is on this machine",
            );
        }
        let from = self.noted("MAIL_FROM", from.ok_or("is missing: SMTP_URL is set"))?;
        Some(Mail {
            smtp_url: Secret::new(url),
            from,
        })
    }

    fn passwords(&mut self) -> Lengths {
        let (min, max) = ("PASSWORD_MIN_LENGTH", "PASSWORD_MAX_LENGTH");
        let length = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Lengths {
            min: length(self.number(min, 10, 8..=64)),
            max: length(self.number(max, 128, 128..=1_024)),
        }
    }

    fn agreements(&mut self) -> (Option<PathBuf>, Agreements) {
        let Some(folder) = self.value("TERMS_DIR").map(PathBuf::from) else {
            return (None, Agreements::default());
        };
        let read = Agreements::read(&folder);
        let agreements = read.unwrap_or_else(|problems| {
            for says in problems {
                self.problem("TERMS_DIR", says);
            }
            Agreements::default()
        });
        (Some(folder), agreements)
    }

    fn admin(&mut self) -> Option<Admin> {
        let emails = self.list("ADMIN_EMAILS");
        if emails.iter().any(|text| !text.contains('@')) {
            self.problem(
                "ADMIN_EMAILS",
                "is a comma-separated list of email addresses",
            );
        }
        let mut kakao_ids = Vec::new();
        for text in self.list("ADMIN_KAKAO_IDS") {
            let id = text.parse::<KakaoId>();
            let id = id.map_err(|_| "is a comma-separated list of Kakao member numbers");
            kakao_ids.extend(self.noted("ADMIN_KAKAO_IDS", id));
        }
        let minutes = self.number("ADMIN_SESSION_MINUTES", 30, 1..=30);
        let strict = self.choice("ADMIN_SEARCH_STRICT", &[("0", false), ("1", true)]);
        let days = self.number("AUDIT_RETENTION_DAYS", 730, 365..=36_500);
        Some(Admin {
            emails,
            kakao_ids,
            networks: self.networks("ADMIN_NETWORKS"),
            session_idle: Duration::from_secs(minutes * 60),
            search_strict: strict?,
            audit_retention: Duration::from_secs(days * 24 * 3_600),
        })
    }

    fn networks(&mut self, name: &'static str) -> Vec<IpNet> {
        let mut networks = Vec::new();
        for text in self.list(name) {
            let one = text.parse::<std::net::IpAddr>().map(IpNet::from);
            let network = text.parse::<IpNet>().or(one);
            let network = network.map_err(|_| "is a comma-separated list of addresses or networks");
            networks.extend(self.noted(name, network));
        }
        if networks.iter().any(|network| network.prefix_len() == 0) {
            self.problem(name, "trusts the whole internet");
        }
        networks
    }

    fn forward_auth_hosts(&mut self, public_url: &PublicUrl) -> Vec<PublicUrl> {
        let mut hosts = Vec::new();
        for text in self.list("FORWARD_AUTH_HOSTS") {
            let host = public_url
                .beside(&text)
                .map_err(|_| "is a comma-separated list of hosts, each with its port if not the usual one")
                .and_then(|host| match host.shares_cookies_with(public_url) {
                    true => Ok(host),
                    false => Err("names a host that is not PUBLIC_URL's: browsers do not send our session there"),
                });
            hosts.extend(self.noted("FORWARD_AUTH_HOSTS", host));
        }
        hosts
    }

    fn api_cors_origins(&mut self) -> Vec<PublicUrl> {
        let mut origins = Vec::new();
        for text in self.list("API_CORS_ORIGINS") {
            let origin = PublicUrl::parse(&text)
                .ok()
                // What is written in another way would never be equal to what a browser sends.
                .filter(|parsed| parsed.origin() == text && !text.contains('*'))
                .ok_or(
                    "is a comma-separated list of origins as browsers write them, such as \
                     https://app.example.com: https (http for loopback addresses only), a host in \
                     small letters, a port if it is not the usual one, and nothing else",
                );
            origins.extend(self.noted("API_CORS_ORIGINS", origin));
        }
        origins
    }

    /// Names that nobody will read, and names that look like a slip for one of ours.
    fn unknown_names(&mut self) {
        let names: Vec<String> = self.environment.0.keys().cloned().collect();
        for name in names {
            let bare = name.strip_suffix("_FILE").unwrap_or(&name);
            if KNOWN.contains(&bare) {
                continue;
            }
            let close = KNOWN
                .iter()
                .map(|known| (strsim::damerau_levenshtein(bare, known), known))
                .filter(|(distance, _)| *distance <= 3)
                .min();
            let hint = close.map_or(String::new(), |(_, known)| {
                format!("; did you mean {known}?")
            });
            if name.starts_with("KAKAO_") {
                self.problem(&name, format!("is not a setting{hint}"));
            } else if close.is_some_and(|(distance, _)| distance <= 2) && bare.len() > 5 {
                self.warning(&name, format!("is not a setting{hint}"));
            }
        }
    }

    /// The text of `name`, from the variable or from the file that `NAME_FILE` names. Empty
    /// counts as absent.
    fn value(&mut self, name: &str) -> Option<String> {
        let set = &self.environment.0;
        let file = format!("{name}_FILE");
        let text = match (set.get(name), set.get(&file)) {
            (Some(text), Some(_)) => {
                self.problem(name, format!("and {file} are both set"));
                Some(text.clone())
            }
            (Some(text), None) => Some(text.clone()),
            (None, Some(path)) => {
                let read = std::fs::read_to_string(path);
                self.noted(
                    &file,
                    read.map_err(|error| format!("cannot be read: {}", error.kind())),
                )
            }
            (None, None) => None,
        };
        let text = text.map(|text| text.trim().to_owned());
        if text.as_ref().is_some_and(|text| text.contains('\0')) {
            self.problem(name, "holds a NUL character");
        }
        text.filter(|text| !text.is_empty())
    }

    fn required(&mut self, name: &str) -> Option<String> {
        let value = self.value(name);
        self.noted(name, value.ok_or("is missing"))
    }

    fn list(&mut self, name: &str) -> Vec<String> {
        let text = self.value(name).unwrap_or_default();
        let items = text
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty());
        items.map(str::to_owned).collect()
    }

    /// One secret, or two during a change.
    fn secrets(&mut self, name: &'static str) -> Vec<Secret> {
        let secrets = self.list(name);
        if secrets.len() > 2 {
            self.problem(
                name,
                "holds more than two values: the new one and the old one",
            );
        }
        secrets.into_iter().map(Secret::new).collect()
    }

    fn parsed<T: FromStr>(&mut self, name: &str, otherwise: &str) -> Option<T> {
        let parsed = self.value(name)?.parse().map_err(|_| otherwise);
        self.noted(name, parsed)
    }

    /// One of a few words; the first is the default.
    fn choice<T: Copy>(&mut self, name: &str, choices: &[(&str, T)]) -> Option<T> {
        let value = self.value(name);
        let found = match value.as_deref() {
            None => choices.first(),
            Some(text) => choices.iter().find(|(word, _)| *word == text),
        };
        let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
        let found = found.map(|(_, choice)| *choice);
        self.noted(
            name,
            found.ok_or_else(|| format!("must be one of: {}", words.join(", "))),
        )
    }

    fn number(&mut self, name: &str, standard: u64, range: std::ops::RangeInclusive<u64>) -> u64 {
        let Some(text) = self.value(name) else {
            return standard;
        };
        let number = text.parse().ok().filter(|number| range.contains(number));
        let (least, most) = (range.start(), range.end());
        let number = number.ok_or_else(|| format!("must be a number from {least} to {most}"));
        self.noted(name, number).unwrap_or(standard)
    }

    fn small(&mut self, name: &str, standard: u32, range: std::ops::RangeInclusive<u64>) -> u32 {
        u32::try_from(self.number(name, standard.into(), range)).unwrap_or(standard)
    }

    fn noted<T, E: fmt::Display>(&mut self, name: &str, result: Result<T, E>) -> Option<T> {
        result
            .map_err(|says| self.problem(name, says.to_string()))
            .ok()
    }

    fn problem(&mut self, name: &str, says: impl Into<String>) {
        let problem = Problem {
            name: name.to_owned(),
            says: says.into(),
        };
        // A setting is looked at more than once (its placeholder, its value): one report.
        if !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    fn warning(&mut self, name: &str, says: impl Into<String>) {
        self.warnings.push(Warning {
            name: name.to_owned(),
            says: says.into(),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;

    fn key() -> String {
        let bytes = crate::random::Random::system().bytes::<64>().unwrap();
        base64::engine::general_purpose::STANDARD.encode(bytes)
    }

    fn good() -> Environment {
        Environment::from_iter([
            ("SECRET_KEY", key().as_str()),
            ("KAKAO_REST_API_KEY", "0123456789abcdef0123456789abcdef"),
            ("KAKAO_CLIENT_SECRET", "s3cr3t-s3cr3t"),
            ("KAKAO_APP_ID", "1000001"),
        ])
    }

    fn with(pairs: &[(&str, &str)]) -> Environment {
        let mut environment = good();
        for (name, value) in pairs {
            environment
                .0
                .insert((*name).to_owned(), (*value).to_owned());
        }
        environment
    }

    fn problems(pairs: &[(&str, &str)]) -> Vec<String> {
        let problems = with(pairs).read().map(|_| ()).unwrap_err();
        problems.0.into_iter().map(|problem| problem.name).collect()
    }

    #[test]
    fn four_settings_are_enough() {
        let (config, warnings) = good().read().unwrap();
        assert_eq!(config.public_url.origin(), "http://127.0.0.1:8080");
        assert_eq!(
            config.redirect_uri(),
            "http://127.0.0.1:8080/auth/kakao/callback"
        );
        assert_eq!(config.sessions.backend, SessionBackend::Cookie);
        assert_eq!(warnings, []);
    }

    // CF-1
    #[test]
    fn every_problem_is_reported_at_once_and_without_the_value() {
        let environment = Environment::from_iter([
            ("BIND", "hunter2"),
            ("PUBLIC_URL", "http://hunter2.example"),
            ("DATABASE_URL", "mysql://hunter2@db"),
            ("SESSION_STORE", "hunter2"),
            ("SECRET_KEY", "hunter2"),
            ("KAKAO_REST_API_KEY", "<hunter2>"),
            ("KAKAO_APP_ID", "hunter2"),
            ("KAKAO_API_URL", "https://hunter2.example"),
            ("TRUSTED_PROXIES", "hunter2"),
            ("KAKAO_TIMEOUT_MS", "hunter2"),
            ("LOG_FORMAT", "hunter2"),
        ]);
        let problems = environment.read().map(|_| ()).unwrap_err();
        let text = problems.to_string();
        assert!(!text.contains("hunter2"), "{text}");
        for name in [
            "BIND",
            "PUBLIC_URL",
            "DATABASE_URL",
            "SESSION_STORE",
            "SECRET_KEY",
        ] {
            assert!(text.contains(&format!("\n  {name} ")), "{name} in {text}");
        }
        assert_eq!(problems.0.len(), 11, "{text}");
    }

    // CF-1
    #[test]
    fn unsafe_values_and_combinations_are_refused() {
        for (pairs, name) in [
            (&[("BIND", "0.0.0.0:80")][..], "PUBLIC_URL"),
            (&[("PUBLIC_URL", "http://192.168.0.1")], "PUBLIC_URL"),
            (&[("PUBLIC_URL", "https://a.example/app")], "PUBLIC_URL"),
            (&[("PUBLIC_URL", "https://u:p@a.example")], "PUBLIC_URL"),
            (
                &[
                    ("PUBLIC_URL", "https://a.example"),
                    ("KAKAO_API_URL", "http://127.0.0.1:9"),
                ],
                "KAKAO_API_URL",
            ),
            (
                &[("KAKAO_AUTH_URL", "http://kauth.kakao.com")],
                "KAKAO_AUTH_URL",
            ),
            (
                &[("KAKAO_AUTH_URL", "https://kauth.kakao.com.evil.example")],
                "KAKAO_AUTH_URL",
            ),
            (&[("SESSION_STORE", "redis")], "REDIS_URL"),
            (&[("SESSION_IDLE_HOURS", "3000")], "SESSION_IDLE_HOURS"),
            (&[("TRUSTED_PROXIES", "0.0.0.0/0")], "TRUSTED_PROXIES"),
            (
                &[("FORWARD_AUTH_HOSTS", "127.0.0.1,site.example")],
                "FORWARD_AUTH_HOSTS",
            ),
            (
                &[("FORWARD_AUTH_HOSTS", "127.0.0.1/path")],
                "FORWARD_AUTH_HOSTS",
            ),
            (
                &[("FORWARD_AUTH_HOSTS", "https://127.0.0.1")],
                "FORWARD_AUTH_HOSTS",
            ),
            (
                &[("FORWARD_AUTH_HOSTS", "me@127.0.0.1")],
                "FORWARD_AUTH_HOSTS",
            ),
            (&[("API_CORS_ORIGINS", "*")], "API_CORS_ORIGINS"),
            (&[("API_CORS_ORIGINS", "null")], "API_CORS_ORIGINS"),
            (&[("METRICS_BIND", "0.0.0.0:9000")], "METRICS_BIND"),
            (&[("KAKAO_CLIENT_SECRET", "a,b,c")], "KAKAO_CLIENT_SECRET"),
            (&[("KAKAO_OIDC", "yes")], "KAKAO_OIDC"),
            (&[("KAKAO_SERVICE_TERMS", "1")], "KAKAO_SERVICE_TERMS"),
            (
                &[("KAKAO_NATIVE_APP_KEYS", "0123abc,a key")],
                "KAKAO_NATIVE_APP_KEYS",
            ),
            (&[("SECRET_KEY_FILE", "/nonexistent")], "SECRET_KEY"),
        ] {
            assert_eq!(problems(pairs), [name], "{pairs:?}");
        }
    }

    // FA-4
    #[test]
    fn sites_are_written_as_browsers_write_them() {
        let public = ("PUBLIC_URL", "https://www.example.com");
        let hosts = (
            "FORWARD_AUTH_HOSTS",
            "WWW.example.com:443, www.example.com:8443",
        );
        let (config, warnings) = with(&[public, hosts]).read().unwrap();
        let origins: Vec<&str> = config
            .forward_auth_hosts
            .iter()
            .map(PublicUrl::origin)
            .collect();
        assert_eq!(
            origins,
            ["https://www.example.com", "https://www.example.com:8443"]
        );
        let warned = warnings.iter().any(|one| one.name == "FORWARD_AUTH_HOSTS");
        assert!(warned, "{warnings:?}");
    }

    // AP-9
    #[test]
    fn origins_are_taken_only_as_browsers_write_them() {
        let listed = "https://app.example.com, https://app.example.com:8443,http://localhost:5173";
        let (config, _) = with(&[("API_CORS_ORIGINS", listed)]).read().unwrap();
        let origins = config.api_cors_origins.iter().map(PublicUrl::origin);
        let expected = [
            "https://app.example.com",
            "https://app.example.com:8443",
            "http://localhost:5173",
        ];
        assert_eq!(origins.collect::<Vec<_>>(), expected);
        for wrong in [
            "https://app.example.com/",
            "https://app.example.com/path",
            "https://app.example.com?q",
            "https://app.example.com#f",
            "https://me@app.example.com",
            "https://APP.example.com",
            "HTTPS://app.example.com",
            "https://app.example.com:443",
            "https://*.example.com",
            "https://app.example.com https://b.example.com",
            "https://앱.example.com",
            "http://app.example.com",
            "http://192.168.0.1",
            "http://localhost.example.com",
            "ftp://app.example.com",
            "file://",
            "app.example.com",
            "//app.example.com",
            "https://",
            "https://app.example.com\\@evil.example",
        ] {
            let pairs = [("API_CORS_ORIGINS", wrong)];
            assert_eq!(problems(&pairs), ["API_CORS_ORIGINS"], "{wrong}");
        }
    }

    // CF-1
    #[test]
    fn a_misspelt_kakao_setting_is_a_problem_with_a_suggestion() {
        let problems = with(&[("KAKAO_REST_APIKEY", "x")])
            .read()
            .map(|_| ())
            .unwrap_err();
        assert_eq!(
            problems.0[0].says,
            "is not a setting; did you mean KAKAO_REST_API_KEY?"
        );
        let (_, warnings) = with(&[("SESION_STORE", "redis")]).read().unwrap();
        assert_eq!(warnings[0].name, "SESION_STORE");
    }

    #[test]
    fn secrets_come_from_files_and_old_keys_follow_the_new_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{}\n", key())).unwrap();
        let mut environment = good();
        environment.0.remove("SECRET_KEY");
        let path = file.path().display().to_string();
        environment.0.insert("SECRET_KEY_FILE".to_owned(), path);
        environment
            .0
            .insert("SECRET_KEY_OLD".to_owned(), format!("{}, {}", key(), key()));
        let (config, _) = environment.read().unwrap();
        assert_eq!(config.secret_keys.len(), 3);
    }
}
