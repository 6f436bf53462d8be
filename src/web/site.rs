//! What every handler and layer may need to know, made once from the settings.

use std::net::IpAddr;

use ipnet::IpNet;

use super::api::document::Document;
use super::cookies::CookieNames;
use super::error::{ErrorId, Problem};
use super::health::Readiness;
use super::limit::Limits;
use crate::config::{Config, PublicUrl, UnlinkMethod};
use crate::flow::{Gate, Sites};
use crate::i18n::{Lang, Texts};
use crate::session::{Backend, SessionCookie};

/// The service as its pages know it.
pub struct Site {
    /// The stories.
    pub gate: Gate,
    /// The address people see.
    pub public_url: PublicUrl,
    /// Where session state is kept, to ask after its health.
    pub backend: Backend,
    pub(super) cookies: CookieNames,
    pub(super) limits: Limits,
    pub(super) trusted_proxies: Vec<IpNet>,
    /// Where whoever signed in may be led back to, beside our own pages.
    pub(super) sites: Sites,
    /// Whose pages may call the API, beside our own.
    pub(super) api_origins: Vec<PublicUrl>,
    admin_networks: Vec<IpNet>,
    pub(super) default_lang: Lang,
    /// For how many days entries of the audit log are kept.
    pub(super) audit_days: u64,
    pub(super) contact_email: Option<String>,
    pub(super) content_security_policy: String,
    pub(super) document: Document,
    pub(super) demo: bool,
    pub(super) readiness: Readiness,
    pub(super) unlink_method: UnlinkMethod,
    service_name: Option<String>,
}

impl Site {
    /// Makes it. `demo` puts a line on every page that says so.
    #[must_use]
    pub fn new(config: &Config, gate: Gate, backend: Backend, demo: bool) -> Self {
        // Where `kakao::User` takes pictures from.
        let mut pictures = "'self' https://*.kakaocdn.net".to_owned();
        if config.kakao.is_emulated() {
            pictures.push(' ');
            pictures.push_str(&config.kakao.api_url.origin().ascii_serialization());
        }
        let sites = Sites::new(config.forward_auth_hosts.clone());
        // Chromium holds every redirect after a form to this, so also the way back to a site.
        let forms: String = sites
            .beside(&config.public_url)
            .map(|origin| format!(" {origin}"))
            .collect();
        Self {
            public_url: config.public_url.clone(),
            backend,
            cookies: CookieNames::new(config.public_url.is_https()),
            limits: Limits::new(&config.limits),
            trusted_proxies: config.trusted_proxies.clone(),
            sites,
            api_origins: config.api_cors_origins.clone(),
            admin_networks: config.admin.networks.clone(),
            default_lang: config.default_lang,
            audit_days: config.admin.audit_retention.as_secs() / (24 * 3_600),
            contact_email: config.contact_email.clone(),
            content_security_policy: format!(
                "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src {pictures}; \
                 form-action 'self'{forms}; base-uri 'none'; frame-ancestors 'none'"
            ),
            document: Document::new(
                &config.public_url,
                SessionCookie::name_at(&config.public_url),
            ),
            demo,
            readiness: Readiness::default(),
            unlink_method: config.kakao.unlink_method,
            service_name: config.service_name.clone(),
            gate,
        }
    }

    /// Forgets addresses that have been quiet, which the limits never do by themselves. To be
    /// called now and then.
    pub fn forget_quiet_addresses(&self) {
        self.limits.forget_quiet();
    }

    /// Whether the administration exists for somebody at this address.
    pub(super) fn admits_staff_from(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.admin_networks.is_empty() || self.admin_networks.iter().any(|net| net.contains(&ip))
    }

    /// Goes on only where there is a way in by email; elsewhere its pages do not exist.
    pub(super) fn takes_email(&self) -> Result<(), Problem> {
        if self.gate.takes_email() {
            return Ok(());
        }
        Err(Problem::from(ErrorId::NotFound))
    }

    /// What the service is called.
    pub(super) fn name(&self, texts: Texts) -> &str {
        self.service_name
            .as_deref()
            .unwrap_or_else(|| texts.app_name())
    }
}
