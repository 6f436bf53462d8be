//! The composition root: from settings to a running service on a listener that is passed in.
//!
//! Tests, the demo and production go through the same door; what differs is in the settings.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::{Server, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::{App, HttpResponse, HttpServer, web};
use prometheus_client::encoding::text::encode;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::config::Config;
use crate::flow::{Gate, Rules};
use crate::kakao::{self, Kakao};
use crate::mail::{self, Postman};
use crate::password::{self, Hasher};
use crate::random::Random;
use crate::session::{Backend, InvalidRedisUrl, SessionCookie, pick_session_cookie};
use crate::store::{self, Store};
use crate::telemetry::Metrics;
use crate::vault::{NoKey, Vault};
use crate::web::{self as pages, Site};
use crate::{jobs, web::assets};

/// The longest a browser may take over the head of a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// How long the background work may take to finish its round when the service stops.
const JOBS_GRACE: Duration = Duration::from_secs(10);

/// Why the service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database: not there, or its schema is not ours.
    #[error(transparent)]
    Store(#[from] store::Error),
    /// The settings of the Kakao client.
    #[error("Kakao: {0}")]
    Kakao(#[from] kakao::BuildError),
    /// `REDIS_URL`.
    #[error(transparent)]
    Redis(#[from] InvalidRedisUrl),
    /// No master key.
    #[error(transparent)]
    Key(#[from] NoKey),
    /// `SMTP_URL` or `MAIL_FROM`.
    #[error(transparent)]
    Mail(#[from] mail::InvalidSettings),
    /// The hashing of passwords.
    #[error(transparent)]
    Password(#[from] password::Error),
    /// The listener.
    #[error("cannot listen: {0}")]
    Listen(#[from] std::io::Error),
    /// The listener of the metrics.
    #[error("cannot listen on METRICS_BIND: {0}")]
    MetricsBind(std::io::Error),
}

/// A service that runs.
pub struct Running {
    /// Its stories, for whoever runs it in the same process.
    pub gate: Gate,
    address: SocketAddr,
    servers: Vec<ServerHandle>,
    main: JoinHandle<std::io::Result<()>>,
    jobs: JoinHandle<()>,
    stop_jobs: watch::Sender<bool>,
}

/// What a start may differ in beside the settings.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// What time it is.
    pub clock: Clock,
    /// Whether pages say that this is a demo.
    pub demo: bool,
}

/// Brings the schema up to date, and serves `config` on `listener`.
///
/// # Errors
/// [`StartError`]; nothing keeps running then.
pub async fn start(
    config: Config,
    surroundings: Surroundings,
    listener: TcpListener,
) -> Result<Running, StartError> {
    let gate = gate(&config, surroundings.clock)?;
    let (database, vault) = (config.database.clone(), Arc::clone(&gate.vault));
    let migrated = tokio::task::spawn_blocking(move || store::migrate(&database, &vault)).await;
    migrated.map_err(|_| store::Error::Unavailable("the program is stopping".to_owned()))??;
    let backend = Backend::open(&config.sessions.backend)?;
    let address = listener.local_addr()?;
    let site = web::Data::new(Site::new(&config, gate.clone(), backend, surroundings.demo));
    let server = serve(&config, &site, listener)?;
    let mut servers = vec![server.handle()];
    if let Some(bind) = config.metrics_bind {
        let listener = TcpListener::bind(bind).map_err(StartError::MetricsBind)?;
        let metrics = serve_metrics(&gate.metrics, listener)?;
        servers.push(metrics.handle());
        actix_web::rt::spawn(metrics);
    }
    let (stop_jobs, stopping) = watch::channel(false);
    actix_web::rt::spawn(keep_counters_small(site, stopping.clone()));
    Ok(Running {
        jobs: tokio::spawn(jobs::run(gate.clone(), stopping)),
        main: actix_web::rt::spawn(server),
        gate,
        address,
        servers,
        stop_jobs,
    })
}

impl Running {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Until the server ends without having been asked to, which it never should.
    pub async fn ended(&mut self) {
        if let Ok(Err(error)) = (&mut self.main).await {
            tracing::error!(%error, "the server ended");
        }
    }

    /// Stops: takes no new connection, lets every request under way finish, then the background
    /// work its round.
    pub async fn stop(self) {
        for server in &self.servers {
            server.stop(true).await;
        }
        // The handles have said that the servers are done; how they ended was logged by them.
        drop(self.main.await);
        let _ = self.stop_jobs.send(true);
        if tokio::time::timeout(JOBS_GRACE, self.jobs).await.is_err() {
            tracing::warn!("background work did not finish its round in time");
        }
    }
}

/// Everything the flows need.
///
/// # Errors
/// Settings that a part refuses.
pub fn gate(config: &Config, clock: Clock) -> Result<Gate, StartError> {
    let rules = Rules {
        app_id: config.kakao.app_id,
        service_terms: config.kakao.service_terms,
        public_url: config.public_url.clone(),
        api_audience: config.api_audience.clone(),
        service_name: config.service_name.clone(),
        password_lengths: config.passwords,
        agreements: config.agreements.clone(),
        joins_per_hour: config.limits.joins,
        session_idle: config.sessions.idle,
        session_max: config.sessions.max,
        staff_idle: config.admin.session_idle,
        owner_emails: config.admin.emails.clone(),
        owner_kakao_ids: config.admin.kakao_ids.clone(),
        search_strict: config.admin.search_strict,
        withdraw_unlinked: config.kakao.withdraw_unlinked,
        audit_retention: config.admin.audit_retention,
    };
    let random = Random::system();
    let postman = config.mail.as_ref();
    let postman = postman.map(|mail| Postman::new(&mail.smtp_url, &mail.from));
    Ok(Gate {
        clock,
        random: random.clone(),
        vault: Arc::new(Vault::new(&config.secret_keys)?),
        store: Store::open(&config.database, config.limits.database_connections),
        kakao: kakao(config)?,
        postman: postman.transpose()?,
        hasher: Hasher::new(config.limits.password_slots, random)?,
        metrics: Metrics::default(),
        rules: Arc::new(rules),
        owed: Arc::new(Notify::new()),
        watch: Arc::default(),
        figures: Arc::default(),
        letters: Arc::new(Notify::new()),
        webhooks: Arc::new(Notify::new()),
        access: Arc::default(),
    })
}

/// The client of Kakao by itself, for asking whether it takes the settings.
///
/// # Errors
/// Settings that it refuses.
pub fn kakao(config: &Config) -> Result<Kakao, kakao::BuildError> {
    Kakao::new(kakao_settings(config))
}

fn kakao_settings(config: &Config) -> kakao::Settings {
    kakao::Settings {
        auth_url: config.kakao.auth_url.clone(),
        api_url: config.kakao.api_url.clone(),
        rest_api_key: config.kakao.rest_api_key.clone(),
        client_secrets: config.kakao.client_secrets.clone(),
        admin_keys: config.kakao.admin_keys.clone(),
        other_app_keys: config.kakao.other_app_keys.clone(),
        app_id: config.kakao.app_id,
        redirect_uri: config.redirect_uri(),
        logout_redirect_uri: config.logout_redirect_uri(),
        scopes: config.kakao.scopes.clone(),
        oidc: config.kakao.oidc,
        connect_timeout: config.limits.kakao_connect,
        timeout: config.limits.kakao_call,
        concurrent_calls: config.limits.kakao_concurrent,
    }
}

fn serve(
    config: &Config,
    site: &web::Data<Site>,
    listener: TcpListener,
) -> Result<Server, StartError> {
    let cookie = SessionCookie::new(config);
    let site = site.clone();
    let blocking = usize::try_from(config.limits.database_connections).unwrap_or(8) + 8;
    let server = HttpServer::new(move || {
        let people = web::scope("")
            .wrap(from_fn(pages::meet))
            .wrap(cookie.middleware(site.backend.clone()))
            .wrap(from_fn(pick_session_cookie))
            .configure(|config| pages::register(&pages::table(), config))
            .default_service(web::to(pages::nothing_here));
        App::new()
            .app_data(site.clone())
            .app_data(web::Data::new(cookie.keys()))
            .configure(assets::routes)
            .configure(|config| pages::register(&pages::bare_table(), config))
            .service(people)
            .wrap(from_fn(pages::edge))
    })
    .client_request_timeout(HEAD_TIMEOUT)
    .shutdown_timeout(config.limits.shutdown.as_secs())
    .worker_max_blocking_threads(blocking)
    // Signals are handled in one place, by whoever called `start`.
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}

async fn keep_counters_small(site: web::Data<Site>, mut stop: watch::Receiver<bool>) {
    let mut minute = tokio::time::interval(Duration::from_secs(60));
    loop {
        tokio::select! {
            _ = stop.changed() => return,
            _ = minute.tick() => site.forget_quiet_addresses(),
        }
    }
}

/// The metrics, on a listener of their own that is never public.
fn serve_metrics(metrics: &Metrics, listener: TcpListener) -> Result<Server, StartError> {
    let registry = web::Data::new(metrics.registry());
    let server = HttpServer::new(move || {
        App::new()
            .app_data(registry.clone())
            .route("/metrics", web::get().to(print_metrics))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)?;
    Ok(server.run())
}

async fn print_metrics(registry: web::Data<prometheus_client::registry::Registry>) -> HttpResponse {
    let mut text = String::new();
    match encode(&mut text, &registry) {
        Ok(()) => HttpResponse::Ok()
            .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
            .body(text),
        Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::{TestRequest, call_service, init_service, read_body};
    use base64::Engine as _;

    async fn panics() -> HttpResponse {
        panic!("a secret of the handler")
    }

    async fn panics_in_the_database(site: web::Data<Site>) -> HttpResponse {
        let work = |_: &mut store::AnyConnection| -> Result<(), store::Error> {
            panic!("a secret of the query")
        };
        let read = site.gate.store.read(work).await;
        HttpResponse::Ok().body(format!("{read:?}"))
    }

    async fn counts(site: web::Data<Site>) -> HttpResponse {
        let counted = site.gate.store.read(store::members::count).await;
        HttpResponse::Ok().body(counted.unwrap().to_string())
    }

    fn config(folder: &std::path::Path) -> Config {
        let key = Random::system().bytes::<64>().unwrap();
        let key = base64::engine::general_purpose::STANDARD.encode(key);
        let database = format!("sqlite://{}/gate.db", folder.display());
        let environment = crate::config::Environment::from_iter([
            ("SECRET_KEY", key.as_str()),
            ("KAKAO_REST_API_KEY", "rest-api-key"),
            ("KAKAO_APP_ID", "1"),
            ("DATABASE_URL", &database),
        ]);
        environment.read().unwrap().0
    }

    // RL-5, WB-1, LG-5
    #[actix_web::test]
    async fn a_panic_costs_one_request_its_page_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let backend = Backend::open(&config.sessions.backend).unwrap();
        let gate = gate(&config, Clock::system()).unwrap();
        store::migrate(&config.database, &gate.vault).unwrap();
        let site = web::Data::new(Site::new(&config, gate, backend, false));
        let app = App::new()
            .app_data(site)
            .route("/broken", web::get().to(panics))
            .route("/broken/deep", web::get().to(panics_in_the_database))
            .route("/counts", web::get().to(counts))
            .wrap(from_fn(pages::edge));
        let app = init_service(app).await;

        // More often than there are connections and threads to lose.
        for path in ["/broken", "/broken/deep"].repeat(20) {
            let request = TestRequest::get().uri(path).to_request();
            // The outermost layer hands an inner failure on as an error that holds the answer.
            let answer = match actix_web::dev::Service::call(&app, request).await {
                Ok(response) => response.into_parts().1.map_into_boxed_body(),
                Err(error) => error.error_response(),
            };
            assert_eq!(answer.status(), 500, "{path}");
            for name in [
                "content-security-policy",
                "x-content-type-options",
                "referrer-policy",
                "cross-origin-opener-policy",
                "cross-origin-resource-policy",
                "cache-control",
                "x-request-id",
            ] {
                assert!(answer.headers().contains_key(name), "{path} {name}");
            }
            let body = actix_web::body::to_bytes(answer.into_body()).await.unwrap();
            let body = String::from_utf8(body.to_vec()).unwrap();
            assert!(body.contains("<h1"), "{path}: {body}");
            assert!(
                !body.contains("secret") && !body.contains("panic"),
                "{path}: {body}"
            );

            let next = call_service(&app, TestRequest::get().uri("/counts").to_request()).await;
            assert_eq!(next.status(), 200, "after {path}");
            assert_eq!(read_body(next).await, "0", "after {path}");
        }
    }
}
