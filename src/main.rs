//! The command line of `kakao-gate`.

use std::io::{self, Write as _};
use std::net::TcpListener;
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{Parser, Subcommand};
use kakao_gate::app::{self, Surroundings};
use kakao_gate::clock::Clock;
use kakao_gate::command::{audit, check, member, reconcile};
use kakao_gate::config::{Config, Environment, Warning};
use kakao_gate::random::Random;
use kakao_gate::vault::Vault;
use kakao_gate::{store, telemetry};
use tokio::signal::unix::{SignalKind, signal};

/// Kakao Login and membership as a ready-made service. Settings come from the environment and
/// from `.env`; see `.env.example`.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service (the default).
    Serve,
    /// Bring the database schema up to date, and exit.
    Migrate,
    /// Show the settings in force, every problem with them, and what to enter in Kakao's console.
    Check(check::Command),
    /// Make a new SECRET_KEY; or rotate the key that signs access tokens.
    Key {
        /// What else to do.
        #[command(subcommand)]
        what: Option<KeyCommand>,
    },
    /// Find members, and act on them, while the service runs.
    #[command(subcommand)]
    Member(member::Command),
    /// Compare the members who are connected here with those at Kakao.
    Reconcile(reconcile::Command),
    /// See whether the audit log is as it was written.
    #[command(subcommand)]
    Audit(audit::Command),
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Publish a new key for access tokens, which signs in a quarter of an hour; those before stay
    /// published until the last token that they signed has ended.
    Rotate,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => serve(),
        Command::Migrate => migrate(),
        Command::Check(command) => check(command),
        Command::Key { what: None } => key(),
        Command::Key {
            what: Some(KeyCommand::Rotate),
        } => rotate(),
        Command::Member(command) => member(command),
        Command::Reconcile(command) => reconcile(command),
        Command::Audit(command) => audit(command),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Standard error may be closed; there is nobody left to tell then.
            let _ = writeln!(io::stderr(), "kakao-gate: {error}");
            ExitCode::FAILURE
        }
    }
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn read() -> Result<(Environment, Config, Vec<Warning>)> {
    let environment = Environment::of_the_process()?;
    let (config, warnings) = environment.read()?;
    Ok((environment, config, warnings))
}

fn serve() -> Result<()> {
    let (environment, config, warnings) = read()?;
    telemetry::init(config.log_format, environment.log_filter());
    for Warning { name, says } in warnings {
        tracing::warn!("{name} {says}");
    }
    let listener = TcpListener::bind(config.bind)
        .map_err(|error| format!("cannot listen on BIND ({}): {error}", config.bind))?;
    actix_web::rt::System::new().block_on(async {
        let origin = config.public_url.origin().to_owned();
        let mut running = app::start(config, Surroundings::default(), listener).await?;
        tracing::info!(listening = %running.address(), public = origin, "ready");
        tokio::select! {
            asked = stop_asked() => asked?,
            () = running.ended() => return Err("the server ended by itself".into()),
        }
        tracing::info!("stopping: requests under way are finished first");
        running.stop().await;
        tracing::info!("stopped");
        Ok(())
    })
}

/// Until somebody asks the program to stop: TERM from whatever runs it, INT from a keyboard.
async fn stop_asked() -> Result<()> {
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let mut quit = signal(SignalKind::quit())?;
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
        _ = quit.recv() => {}
    }
    Ok(())
}

fn migrate() -> Result<()> {
    let (_, config, _) = read()?;
    let migrated = store::migrate(&config.database, &Vault::new(&config.secret_keys)?)?;
    let mut out = io::stdout();
    if migrated.applied.is_empty() {
        writeln!(out, "the schema is up to date")?;
    }
    for version in migrated.applied {
        writeln!(out, "applied {version}")?;
    }
    Ok(())
}

fn check(command: check::Command) -> Result<()> {
    let (environment, config, warnings) = read()?;
    let mut out = io::stdout();
    if !command.json {
        check::settings(&environment, &config, &warnings, &mut out)?;
    }
    if command.online {
        let help = config.public_url.join("/help/kakao");
        actix_web::rt::System::new().block_on(async {
            let kakao = app::kakao(&config)?;
            check::online(&kakao, &help, command.json, &mut out).await?;
            Ok::<_, Box<dyn std::error::Error>>(())
        })?;
    }
    Ok(())
}

fn key() -> Result<()> {
    let random = Random::system();
    let bytes = [random.bytes::<48>()?, random.bytes::<48>()?].concat();
    writeln!(io::stdout(), "{}", STANDARD.encode(bytes))?;
    Ok(())
}

fn rotate() -> Result<()> {
    let (_, config, _) = read()?;
    store::check_schema(&config.database)?;
    let kid = actix_web::rt::System::new().block_on(async {
        let gate = app::gate(&config, Clock::system())?;
        Ok::<_, Box<dyn std::error::Error>>(gate.rotate_keys().await?)
    })?;
    writeln!(io::stdout(), "{kid} is published, and signs in 15 minutes")?;
    Ok(())
}

fn member(command: member::Command) -> Result<()> {
    let (environment, config, _) = read()?;
    store::check_schema(&config.database)?;
    let operator = environment.operator();
    actix_web::rt::System::new().block_on(async {
        let gate = app::gate(&config, Clock::system())?;
        let mut out = io::stdout();
        member::run(command, &gate, operator, &mut out).await?;
        Ok(out.flush()?)
    })
}

fn reconcile(command: reconcile::Command) -> Result<()> {
    let (environment, config, _) = read()?;
    store::check_schema(&config.database)?;
    let operator = environment.operator();
    actix_web::rt::System::new().block_on(async {
        let gate = app::gate(&config, Clock::system())?;
        let mut out = io::stdout();
        reconcile::run(command, &gate, &operator, &mut out).await?;
        Ok(out.flush()?)
    })
}

fn audit(command: audit::Command) -> Result<()> {
    let (_, config, _) = read()?;
    store::check_schema(&config.database)?;
    actix_web::rt::System::new().block_on(async {
        let gate = app::gate(&config, Clock::system())?;
        let mut out = io::stdout();
        audit::run(command, &gate, &mut out).await?;
        Ok(out.flush()?)
    })
}
