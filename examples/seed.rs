//! `cargo run --release --example seed -- 1000000`: fills the database of `DATABASE_URL` with
//! believable members, to see how the administration behaves with many.
//!
//! Refuses a database that has members, unless told to `--add` to them. Shows a bar on a terminal
//! and says nothing in a pipe. With the service's `SECRET_KEY` the audit log gets entries too;
//! without it they could not be vouched for, and are left out.

use std::io::{self, Write as _};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use kakao_gate::clock::Clock;
use kakao_gate::config::Environment;
use kakao_gate::emulator::{APP_ID, CLIENT_SECRET, REST_API_KEY};
use kakao_gate::random::Random;
use kakao_gate::vault::Vault;
use kakao_gate::{seed, store};

/// Fills a database with believable members.
#[derive(Parser)]
struct Arguments {
    /// How many.
    count: usize,
    /// The same number makes the same people.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Adds to the members that are there.
    #[arg(long)]
    add: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "seed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let mut environment = Environment::of_the_process()?;
    let known_key = environment.has("SECRET_KEY");
    let random = Random::system();
    let key = [random.bytes::<48>()?, random.bytes::<48>()?].concat();
    for (name, value) in [
        ("SECRET_KEY", STANDARD.encode(key)),
        ("KAKAO_REST_API_KEY", REST_API_KEY.to_owned()),
        ("KAKAO_CLIENT_SECRET", CLIENT_SECRET.to_owned()),
        ("KAKAO_APP_ID", APP_ID.to_string()),
    ] {
        environment.default_to(name, value);
    }
    let (config, _) = environment.read()?;
    let vault = Vault::new(&config.secret_keys)?;
    store::migrate(&config.database, &vault)?;
    let there = seed::count(&config.database)?;
    if there > 0 && !arguments.add {
        return Err(format!("there are {there} members already; --add adds to them").into());
    }
    let people = seed::people(arguments.count, Clock::system().now(), arguments.seed);
    // Draws nothing where nobody watches.
    let bar = ProgressBar::new(u64::try_from(arguments.count)?);
    let style = "{bar:40} {human_pos}/{human_len} {per_sec}, {eta} left {msg}";
    bar.set_style(ProgressStyle::with_template(style)?);
    seed::add(
        &config.database,
        config.kakao.app_id,
        known_key.then_some(&vault),
        people,
        |added| {
            bar.set_position(added);
            if bar.length() == Some(added) {
                bar.set_message("(making the indexes)");
            }
        },
    )?;
    bar.finish_with_message("");
    Ok(())
}
