//! `cargo run`: the emulator and the service together, on SQLite, with seeded people. No keys,
//! no account, no network, nothing to install. Loopback only.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kakao_gate::app::{self, Surroundings};
use kakao_gate::clock::Clock;
use kakao_gate::config::{Config, Environment};
use kakao_gate::emulator::{
    ADMIN_KEY, APP_ID, CLIENT_SECRET, Emulator, REST_API_KEY, ServiceTerm, Settings,
};
use kakao_gate::random::Random;
use kakao_gate::vault::Vault;
use kakao_gate::{seed, store, telemetry};
use tokio::signal::unix::{SignalKind, signal};

/// Where the demo keeps its master key, so that a second start knows the sessions of the first.
const KEY_FILE: &str = "var/demo.key";

/// The ports of the first choice; taken ones are replaced by free ones.
const SERVICE_PORT: u16 = 8080;
const EMULATOR_PORT: u16 = 9898;
const MAIL_PORT: u16 = 9899;

/// Whoever of the emulator's people is this one owns the place. Not the first of them, so that
/// the first login meets the pages as members do.
const OWNER: &str = "linked";

/// Members in a new database, beside those who sign in.
const MEMBERS: usize = 300;

/// Whom the service's mails come from.
const MAIL_FROM: &str = "Kakao Gate demo <no-reply@demo.example>";

/// Settings that a developer may bring; the rest is the demo's own business.
const BROUGHT: &[&str] = &[
    "ADMIN_EMAILS",
    "DATABASE_URL",
    "SESSION_STORE",
    "REDIS_URL",
    "REDIS_PREFIX",
    "TERMS_DIR",
    "SERVICE_NAME",
    "CONTACT_EMAIL",
    "DEFAULT_LOCALE",
    "LOG_FORMAT",
    "METRICS_BIND",
    "RUST_LOG",
    "KAKAO_OIDC",
    "KAKAO_SCOPES",
    "KAKAO_SERVICE_TERMS",
    "KAKAO_UNLINKED",
    "KAKAO_UNLINK_METHOD",
    "API_AUDIENCE",
    "FORWARD_AUTH_HOSTS",
    "TRUSTED_PROXIES",
];

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    match actix_web::rt::System::new().block_on(run()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "demo: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<()> {
    // Listening for signals first: Ctrl-C while starting stops cleanly too.
    let mut int = signal(SignalKind::interrupt())?;
    let mut term = signal(SignalKind::terminate())?;
    let brought = Environment::of_the_process()?.only(BROUGHT);
    let service = listen(SERVICE_PORT)?;
    let service_url = format!("http://{}", service.local_addr()?);
    let emulator = Emulator::start_with_mail_at(
        listen(EMULATOR_PORT)?,
        listen(MAIL_PORT)?,
        at_kakao(&service_url, &brought),
    )?;
    let world = emulator.world();
    let owner = world.person(OWNER).ok_or("the emulator knows no owner")?;
    let owner_id = world.user_id(OWNER).ok_or("the owner has no number")?;
    let environment = environment(brought, &service_url, &emulator, owner_id)?;
    let (config, warnings) = environment.read()?;
    telemetry::init(config.log_format, environment.log_filter());
    for warning in warnings {
        tracing::warn!("{} {}", warning.name, warning.says);
    }
    populate(&config)?;
    let surroundings = Surroundings {
        demo: true,
        ..Surroundings::default()
    };
    let running = app::start(config, surroundings, service).await?;
    greet(&service_url, emulator.url(), &owner.nickname)?;
    tokio::select! {
        _ = int.recv() => {}
        _ = term.recv() => {}
    }
    running.stop().await;
    emulator.stop().await;
    writeln!(
        io::stdout(),
        "\nStopped. The members are kept for the next start."
    )?;
    Ok(())
}

/// A loopback listener at `port`, or at a free one when somebody else is there.
fn listen(port: u16) -> io::Result<TcpListener> {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        }
        other => other,
    }
}

/// Fills a new database with members whom nobody ever was.
fn populate(config: &Config) -> Result<()> {
    let vault = Vault::new(&config.secret_keys)?;
    store::migrate(&config.database, &vault)?;
    if seed::count(&config.database)? == 0 {
        let people = seed::people(MEMBERS, Clock::system().now(), 1);
        let app_id = config.kakao.app_id;
        seed::add(&config.database, app_id, Some(&vault), people, |_| {})?;
    }
    Ok(())
}

/// The app as its developer would have set it up at Kakao: with OpenID Connect, and with Kakao Sync
/// when its terms are to be recorded.
fn at_kakao(service_url: &str, brought: &Environment) -> Settings {
    let mut settings = Settings::seeded(service_url);
    settings.app.openid = true;
    if brought.has("KAKAO_SERVICE_TERMS") {
        settings.app.terms = vec![
            ServiceTerm::new("service", "서비스 이용약관", true),
            ServiceTerm::new("marketing", "혜택·소식 수신", false),
        ];
    }
    settings
}

fn environment(
    brought: Environment,
    service_url: &str,
    emulator: &Emulator,
    owner: i64,
) -> Result<Environment> {
    let mut environment = brought;
    for (name, value) in [
        ("BIND", service_url.trim_start_matches("http://").to_owned()),
        ("PUBLIC_URL", service_url.to_owned()),
        ("SECRET_KEY", master_key()?),
        ("KAKAO_AUTH_URL", emulator.url().to_owned()),
        ("KAKAO_API_URL", emulator.url().to_owned()),
        ("KAKAO_REST_API_KEY", REST_API_KEY.to_owned()),
        ("KAKAO_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
        ("KAKAO_ADMIN_KEY", ADMIN_KEY.to_owned()),
        ("KAKAO_APP_ID", APP_ID.to_string()),
        ("KAKAO_OIDC", "on".to_owned()),
        ("ADMIN_KAKAO_IDS", owner.to_string()),
        ("SMTP_URL", emulator.smtp_url().to_owned()),
        ("MAIL_FROM", MAIL_FROM.to_owned()),
        ("RUST_LOG", "warn".to_owned()),
    ] {
        environment.default_to(name, value);
    }
    Ok(environment)
}

/// The key of the first start, readable by its owner only.
fn master_key() -> Result<String> {
    let path = Path::new(KEY_FILE);
    if let Ok(text) = fs::read_to_string(path) {
        return Ok(text);
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let random = Random::system();
    let text = STANDARD.encode([random.bytes::<48>()?, random.bytes::<48>()?].concat());
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(text.as_bytes())?;
    Ok(text)
}

fn greet(service_url: &str, emulator_url: &str, owner: &str) -> io::Result<()> {
    let mut out = io::stdout();
    writeln!(
        out,
        "Kakao Gate demo\n\n  \
         the service    {service_url}\n  \
         the emulator   {emulator_url}   (stands in for Kakao; accounts, requests, faults)\n  \
         the mails      {emulator_url}/mail   (whatever the service sends ends there)\n  \
         the members    {service_url}/admin   (after a login as {owner}, who owns the place)\n\n\
         Open the service, press the Kakao button and pick a person. Ctrl-C stops both."
    )?;
    out.flush()
}
