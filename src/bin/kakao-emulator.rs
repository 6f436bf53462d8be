//! Kakao's two login hosts on one local port, for any program that talks to Kakao Login.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use clap::Parser;
use kakao_gate::emulator::{
    ADMIN_KEY, APP_ID, AppSettings, CLIENT_SECRET, ConsentItem, Emulator, ItemLevel, REST_API_KEY,
    ServiceTerm, Settings,
};
use tokio::signal::unix::{SignalKind, signal};

/// Where mail is taken when nobody says otherwise.
const MAIL_PORT: u16 = 9899;

/// Stands in for kauth.kakao.com and kapi.kakao.com. For development and tests only.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Port to listen at; 0 takes any free one.
    #[arg(long, default_value_t = 9898)]
    port: u16,
    /// Port to take mail at; 0 takes any free one. Without this option 9899, or a free one when
    /// somebody else is there.
    #[arg(long)]
    mail_port: Option<u16>,
    /// Loopback address to listen at.
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_parser = loopback)]
    bind: IpAddr,
    /// Address of the service that signs people in; its callback and logout addresses are
    /// registered as Kakao Gate names them.
    #[arg(long, default_value = "http://127.0.0.1:8080")]
    service_url: String,
    /// Another redirect URI to register. May be repeated.
    #[arg(long)]
    redirect_uri: Vec<String>,
    /// Another logout redirect URI to register. May be repeated.
    #[arg(long)]
    logout_redirect_uri: Vec<String>,
    /// Name of the app on the consent page.
    #[arg(long)]
    app_name: Option<String>,
    /// Enforce Kakao's quota of tokens for one user (KOE237).
    #[arg(long)]
    token_quota: bool,
    /// Switch the client secret off, as the console can.
    #[arg(long)]
    no_client_secret: bool,
    /// Switch OpenID Connect on, as the console can: ID tokens come with the tokens.
    #[arg(long)]
    openid: bool,
    /// A consent item and when it is asked: required, optional, while-using or off. May be
    /// repeated.
    #[arg(long, value_name = "SCOPE=WHEN", value_parser = consent)]
    consent: Vec<(String, Option<ItemLevel>)>,
    /// Service terms on the consent page, as Kakao Sync shows them: required or optional. May be
    /// repeated.
    #[arg(long, value_name = "TAG=WHEN", value_parser = term)]
    term: Vec<ServiceTerm>,
    /// Answer as a younger app does: without nickname and pictures in `properties` and without
    /// the `has_` flags.
    #[arg(long)]
    no_legacy: bool,
    /// Make it a test app that lets only these accounts in (KOE005), by their keys.
    #[arg(long, value_name = "PERSON,...", value_delimiter = ',', value_parser = person)]
    test_app: Vec<String>,
    /// https address of a TLS proxy in front, for picture addresses with `secure_resource`.
    #[arg(long, value_parser = https)]
    public_url: Option<String>,
}

impl Arguments {
    fn settings(&self) -> Settings {
        let mut settings = Settings::seeded(&self.service_url);
        settings.token_quota = self.token_quota;
        settings.public_url.clone_from(&self.public_url);
        let app = &mut settings.app;
        for key in &mut app.rest_keys {
            key.redirect_uris.extend(self.redirect_uri.iter().cloned());
            key.secret_on = !self.no_client_secret;
        }
        let logout = self.logout_redirect_uri.iter().cloned();
        app.logout_redirect_uris.extend(logout);
        if let Some(name) = &self.app_name {
            app.name.clone_from(name);
        }
        for (scope, level) in &self.consent {
            set_consent(app, scope, *level);
        }
        app.openid = self.openid;
        app.terms.clone_from(&self.term);
        app.legacy_properties = !self.no_legacy;
        app.legacy_flags = !self.no_legacy;
        app.test_app = !self.test_app.is_empty();
        app.members.clone_from(&self.test_app);
        settings
    }
}

/// Changes a consent item in its place, adds it at the end, or takes it away.
fn set_consent(app: &mut AppSettings, scope: &str, level: Option<ItemLevel>) {
    let known = app.items.iter_mut().find(|item| item.scope == scope);
    match (known, level) {
        (Some(item), Some(level)) => item.level = level,
        (None, Some(level)) => app.items.push(ConsentItem {
            scope: scope.to_owned(),
            level,
        }),
        (_, None) => app.items.retain(|item| item.scope != scope),
    }
}

fn consent(text: &str) -> Result<(String, Option<ItemLevel>), String> {
    let (scope, when) = text.split_once('=').unwrap_or((text, ""));
    let level = match when {
        "required" => Some(ItemLevel::Required),
        "optional" => Some(ItemLevel::Optional),
        "while-using" => Some(ItemLevel::WhileUsing),
        "off" => None,
        _ => return Err("say required, optional, while-using or off after the =".to_owned()),
    };
    if scope.is_empty() {
        return Err("name a scope before the =".to_owned());
    }
    Ok((scope.to_owned(), level))
}

fn term(text: &str) -> Result<ServiceTerm, String> {
    let (tag, when) = text.split_once('=').unwrap_or((text, ""));
    let required = match when {
        "required" => true,
        "optional" => false,
        _ => return Err("say required or optional after the =".to_owned()),
    };
    if tag.is_empty() {
        return Err("name a tag before the =".to_owned());
    }
    Ok(ServiceTerm::new(tag, tag, required))
}

fn person(text: &str) -> Result<String, String> {
    let people = Settings::seeded("").people;
    if people.iter().any(|person| person.key == text) {
        return Ok(text.to_owned());
    }
    let keys: Vec<_> = people.iter().map(|person| person.key.as_str()).collect();
    Err(format!("no such account, there are {}", keys.join(", ")))
}

fn https(text: &str) -> Result<String, String> {
    match url::Url::parse(text) {
        Ok(address) if address.scheme() == "https" => Ok(text.to_owned()),
        _ => Err("not an https address".to_owned()),
    }
}

fn loopback(text: &str) -> Result<IpAddr, String> {
    let address: IpAddr = text.parse().map_err(|_| "not an IP address".to_owned())?;
    if address.is_loopback() {
        return Ok(address);
    }
    Err("the emulator serves loopback addresses only".to_owned())
}

#[actix_web::main]
async fn main() -> io::Result<()> {
    let arguments = Arguments::parse();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(SocketAddr::new(arguments.bind, arguments.port))?;
    let mail_listener = mail_listener(&arguments)?;
    let emulator = Emulator::start_with_mail_at(listener, mail_listener, arguments.settings())?;
    greet(&emulator)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    emulator.stop().await;
    Ok(())
}

/// Most programs under development send no mail: they should not have to name a port for it.
fn mail_listener(arguments: &Arguments) -> io::Result<TcpListener> {
    if let Some(port) = arguments.mail_port {
        return TcpListener::bind(SocketAddr::new(arguments.bind, port));
    }
    TcpListener::bind(SocketAddr::new(arguments.bind, MAIL_PORT))
        .or_else(|_| TcpListener::bind(SocketAddr::new(arguments.bind, 0)))
}

/// Says where it is and what to tell the program under development.
fn greet(emulator: &Emulator) -> io::Result<()> {
    let url = emulator.url();
    let app = emulator.world().app();
    let mut out = io::stdout().lock();
    writeln!(out, "Kakao emulator (not Kakao) at {url}")?;
    let smtp_url = emulator.smtp_url();
    writeln!(out, "takes mail at {smtp_url}, to be read at {url}/mail\n")?;
    for key in &app.rest_keys {
        for uri in &key.redirect_uris {
            writeln!(out, "{} may return to {uri}", key.key)?;
        }
    }
    for uri in &app.logout_redirect_uris {
        writeln!(out, "logout may return to {uri}")?;
    }
    let is_secret = app.rest_keys.iter().any(|key| key.secret_on);
    writeln!(
        out,
        "
KAKAO_AUTH_URL={url}
KAKAO_API_URL={url}
KAKAO_REST_API_KEY={REST_API_KEY}"
    )?;
    if is_secret {
        writeln!(out, "KAKAO_CLIENT_SECRET={CLIENT_SECRET}")?;
    }
    writeln!(
        out,
        "KAKAO_ADMIN_KEY={ADMIN_KEY}
KAKAO_APP_ID={APP_ID}"
    )?;
    out.flush()
}
