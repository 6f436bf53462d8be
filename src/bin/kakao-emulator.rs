//! Kakao's two login hosts on one local port, for any program that talks to Kakao Login.

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};

use clap::Parser;
use kakao_gate::emulator::{ADMIN_KEY, APP_ID, CLIENT_SECRET, Emulator, REST_API_KEY, Settings};
use tokio::signal::unix::{SignalKind, signal};

/// Stands in for kauth.kakao.com and kapi.kakao.com. For development and tests only.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Port to listen at; 0 takes any free one.
    #[arg(long, default_value_t = 9898)]
    port: u16,
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
}

impl Arguments {
    fn settings(&self) -> Settings {
        let mut settings = Settings::seeded(&self.service_url);
        settings.token_quota = self.token_quota;
        let app = &mut settings.app;
        for key in &mut app.rest_keys {
            key.redirect_uris.extend(self.redirect_uri.iter().cloned());
        }
        let logout = self.logout_redirect_uri.iter().cloned();
        app.logout_redirect_uris.extend(logout);
        if let Some(name) = &self.app_name {
            app.name.clone_from(name);
        }
        settings
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
    let emulator = Emulator::start(listener, arguments.settings())?;
    greet(&emulator)?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    emulator.stop().await;
    Ok(())
}

/// Says where it is and what to tell the program under development.
fn greet(emulator: &Emulator) -> io::Result<()> {
    let url = emulator.url();
    let app = emulator.world().app();
    let mut out = io::stdout().lock();
    writeln!(out, "Kakao emulator (not Kakao) at {url}\n")?;
    for key in &app.rest_keys {
        for uri in &key.redirect_uris {
            writeln!(out, "{} may return to {uri}", key.key)?;
        }
    }
    for uri in &app.logout_redirect_uris {
        writeln!(out, "logout may return to {uri}")?;
    }
    writeln!(
        out,
        "
KAKAO_AUTH_URL={url}
KAKAO_API_URL={url}
KAKAO_REST_API_KEY={REST_API_KEY}
KAKAO_CLIENT_SECRET={CLIENT_SECRET}
KAKAO_ADMIN_KEY={ADMIN_KEY}
KAKAO_APP_ID={APP_ID}"
    )?;
    out.flush()
}
