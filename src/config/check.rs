//! What an operator is shown: the settings in force, and what to enter in Kakao's console.

use super::environment::KNOWN;
use super::{Config, Environment, PublicUrl, UnlinkMethod, console};

/// One setting as `kakao-gate check` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The setting.
    pub name: &'static str,
    /// Its value, or what stands for a secret one.
    pub value: String,
    /// Whether somebody set it, as opposed to the built-in value.
    pub set: bool,
}

/// Every setting with the value in force; secrets are named, never shown.
#[must_use]
pub fn describe(environment: &Environment, config: &Config) -> Vec<Shown> {
    KNOWN
        .iter()
        .map(|&name| Shown {
            name,
            value: value(name, config),
            set: environment.has(name),
        })
        .collect()
}

fn value(name: &str, config: &Config) -> String {
    let hidden = |count: usize| match count {
        0 => "(none)".to_owned(),
        1 => "(hidden)".to_owned(),
        _ => format!("(hidden, {count} values)"),
    };
    let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "(none)".to_owned());
    let limits = &config.limits;
    match name {
        "BIND" => config.bind.to_string(),
        "PUBLIC_URL" => config.public_url.origin().to_owned(),
        "DATABASE_URL" => match &config.database {
            super::Database::Sqlite(path) => format!("sqlite://{}", path.display()),
            super::Database::Postgres(url) => without_password(url.expose()),
        },
        "DATABASE_CONNECTIONS" => limits.database_connections.to_string(),
        "SESSION_STORE" => match config.sessions.backend {
            super::SessionBackend::Cookie => "cookie".to_owned(),
            super::SessionBackend::Redis { .. } => "redis".to_owned(),
        },
        "SESSION_IDLE_HOURS" => (config.sessions.idle.as_secs() / 3_600).to_string(),
        "SESSION_MAX_HOURS" => (config.sessions.max.as_secs() / 3_600).to_string(),
        "REDIS_URL" => match &config.sessions.backend {
            super::SessionBackend::Cookie => "(none)".to_owned(),
            super::SessionBackend::Redis { url, .. } => without_password(url.expose()),
        },
        "REDIS_PREFIX" => match &config.sessions.backend {
            super::SessionBackend::Cookie => "(none)".to_owned(),
            super::SessionBackend::Redis { prefix, .. } => prefix.clone(),
        },
        "SECRET_KEY" => hidden(1),
        "SECRET_KEY_OLD" => hidden(config.secret_keys.len().saturating_sub(1)),
        "KAKAO_REST_API_KEY" => hidden(1),
        "KAKAO_CLIENT_SECRET" => hidden(config.kakao.client_secrets.len()),
        "KAKAO_ADMIN_KEY" => hidden(config.kakao.admin_keys.len()),
        "KAKAO_NATIVE_APP_KEYS" => hidden(config.kakao.other_app_keys.len()),
        "KAKAO_APP_ID" => config.kakao.app_id.to_string(),
        "KAKAO_SCOPES" if config.kakao.scopes.is_empty() => "(as in the console)".to_owned(),
        "KAKAO_SCOPES" => config.kakao.scopes.join(","),
        "KAKAO_OIDC" if config.kakao.oidc => "on".to_owned(),
        "KAKAO_OIDC" => "off".to_owned(),
        "KAKAO_UNLINK_METHOD" => config.kakao.unlink_method.code().to_owned(),
        "KAKAO_UNLINKED" if config.kakao.withdraw_unlinked => "withdraw".to_owned(),
        "KAKAO_UNLINKED" => "keep".to_owned(),
        "KAKAO_SERVICE_TERMS" if config.kakao.service_terms => "on".to_owned(),
        "KAKAO_SERVICE_TERMS" => "off".to_owned(),
        "KAKAO_AUTH_URL" => config.kakao.auth_url.to_string(),
        "KAKAO_API_URL" => config.kakao.api_url.to_string(),
        "KAKAO_CONNECT_TIMEOUT_MS" => limits.kakao_connect.as_millis().to_string(),
        "KAKAO_TIMEOUT_MS" => limits.kakao_call.as_millis().to_string(),
        "KAKAO_CONCURRENT_CALLS" => limits.kakao_concurrent.to_string(),
        "SMTP_URL" => match &config.mail {
            Some(mail) => without_password(mail.smtp_url.expose()),
            None => "(none)".to_owned(),
        },
        "MAIL_FROM" => shown(&config.mail.as_ref().map(|mail| mail.from.clone())),
        "PASSWORD_MIN_LENGTH" => config.passwords.min.to_string(),
        "PASSWORD_MAX_LENGTH" => config.passwords.max.to_string(),
        "PASSWORD_SLOTS" => limits.password_slots.to_string(),
        "ADMIN_EMAILS" => listed(&config.admin.emails),
        "ADMIN_KAKAO_IDS" => listed(&config.admin.kakao_ids),
        "ADMIN_NETWORKS" => listed(&config.admin.networks),
        "ADMIN_SESSION_MINUTES" => (config.admin.session_idle.as_secs() / 60).to_string(),
        "ADMIN_SEARCH_STRICT" => u8::from(config.admin.search_strict).to_string(),
        "AUDIT_RETENTION_DAYS" => (config.admin.audit_retention.as_secs() / 86_400).to_string(),
        "TRUSTED_PROXIES" => listed(&config.trusted_proxies),
        "FORWARD_AUTH_HOSTS" => {
            let hosts = config.forward_auth_hosts.iter();
            listed(&hosts.map(PublicUrl::authority).collect::<Vec<_>>())
        }
        "TERMS_DIR" => match &config.terms_dir {
            Some(folder) => folder.display().to_string(),
            None => "(none)".to_owned(),
        },
        "SERVICE_NAME" => shown(&config.service_name),
        "API_AUDIENCE" => config.api_audience.clone(),
        "API_CORS_ORIGINS" => {
            let origins = config.api_cors_origins.iter();
            listed(&origins.map(PublicUrl::origin).collect::<Vec<_>>())
        }
        "CONTACT_EMAIL" => shown(&config.contact_email),
        "DEFAULT_LOCALE" => config.default_lang.code().to_owned(),
        "LOG_FORMAT" => match config.log_format {
            super::LogFormat::Text => "text".to_owned(),
            super::LogFormat::Json => "json".to_owned(),
        },
        "METRICS_BIND" => shown(&config.metrics_bind.map(|at| at.to_string())),
        "RATE_LOGIN_STARTS" => limits.login_starts.to_string(),
        "RATE_POSTS" => limits.posts.to_string(),
        "RATE_JOINS" => limits.joins.to_string(),
        "SHUTDOWN_SECONDS" => limits.shutdown.as_secs().to_string(),
        _ => "(not shown)".to_owned(),
    }
}

fn listed(items: &[impl ToString]) -> String {
    if items.is_empty() {
        return "(none)".to_owned();
    }
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    items.join(",")
}

/// The address with its password hidden; all of it hidden when it cannot be taken apart, or
/// when it has parameters (libpq takes a password there too).
fn without_password(address: &str) -> String {
    let Ok(mut url) = url::Url::parse(address) else {
        return "(hidden)".to_owned();
    };
    if url.password().is_some() && url.set_password(Some("hidden")).is_err() {
        return "(hidden)".to_owned();
    }
    if url.query().is_some() {
        url.set_query(Some("hidden"));
    }
    url.to_string()
}

/// What to enter in Kakao's console for these settings: menu, and value.
#[must_use]
pub fn console_checklist(config: &Config) -> Vec<(&'static str, String)> {
    let scopes = if config.kakao.scopes.is_empty() {
        "profile_nickname (and profile_image, account_email if wanted)".to_owned()
    } else {
        config.kakao.scopes.join(", ")
    };
    vec![
        (console::SWITCH, "ON".to_owned()),
        (console::REDIRECT_URI, config.redirect_uri()),
        (
            console::CLIENT_SECRET,
            if config.kakao.client_secrets.is_empty() {
                "OFF (KAKAO_CLIENT_SECRET is not set)".to_owned()
            } else {
                "ON, its value in KAKAO_CLIENT_SECRET".to_owned()
            },
        ),
        (console::LOGOUT_REDIRECT_URI, config.logout_redirect_uri()),
        (console::CONSENT_ITEMS, scopes),
        (
            console::OPENID_CONNECT,
            if config.kakao.oidc {
                "ON (KAKAO_OIDC is on)".to_owned()
            } else {
                "as you like: no ID token is read while KAKAO_OIDC is off".to_owned()
            },
        ),
        (console::UNLINK_WEBHOOK, unlink_webhook(config)),
        (
            console::ACCOUNT_WEBHOOK,
            config.public_url.join(ACCOUNT_WEBHOOK),
        ),
    ]
}

/// Where Kakao tells that somebody has dissolved their connection.
const UNLINK_WEBHOOK: &str = "/webhooks/kakao/unlink";

/// Where Kakao tells what happened to an account.
const ACCOUNT_WEBHOOK: &str = "/webhooks/kakao/account";

fn unlink_webhook(config: &Config) -> String {
    if config.kakao.admin_keys.is_empty() {
        return "nothing: KAKAO_ADMIN_KEY is not set, by which Kakao proves who calls".to_owned();
    }
    let method = match config.kakao.unlink_method {
        UnlinkMethod::Any | UnlinkMethod::Post => "POST",
        UnlinkMethod::Get => "GET",
    };
    format!("{} ({method})", config.public_url.join(UNLINK_WEBHOOK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_described() {
        let (config, _) = Environment::from_iter([
            (
                "SECRET_KEY",
                "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXZ3eHl6QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVotXytAIyQlXiY=",
            ),
            ("KAKAO_REST_API_KEY", "rest-key-value"),
            ("KAKAO_CLIENT_SECRET", "client-secret-value"),
            ("KAKAO_ADMIN_KEY", "admin-key-1,admin-key-2"),
            ("KAKAO_APP_ID", "7"),
            ("DATABASE_URL", "postgres://gate:dbpass@db/gate?password=dbpass"),
            ("SESSION_STORE", "redis"),
            ("REDIS_URL", "redis://:redispass@cache"),
        ])
        .read()
        .unwrap();
        let text = format!("{:?}", describe(&Environment::default(), &config));
        assert!(!text.contains("not shown"), "{text}");
        // LG-2
        for secret in [
            "0123",
            "rest-key",
            "client-secret",
            "admin-key",
            "dbpass",
            "redispass",
        ] {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        let debug = format!("{config:?}");
        assert!(!debug.contains("dbpass") && !debug.contains("redispass"));
    }
}
