//! What every story stands on.

pub mod backends;
pub mod contract;
pub mod debts;
pub mod email;
pub mod front;
pub mod letters;
pub mod loopback;
pub mod outage;
pub mod page;
pub mod postgres_server;
pub mod program;
pub mod proxy;
pub mod raw;
pub mod redis_server;
pub mod staff;
pub mod visitor;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use diesel::RunQueryDsl as _;
use kakao_gate::app::{self, Running, Surroundings};
use kakao_gate::clock::Clock;
use kakao_gate::config::Environment;
use kakao_gate::emulator::{ADMIN_KEY, APP_ID, CLIENT_SECRET, Emulator, REST_API_KEY, Settings};
use kakao_gate::flow::Gate;
use kakao_gate::i18n::{seoul_day, seoul_midnight};
use kakao_gate::random::Random;

pub use backends::Backends;
use loopback::OwnPort;
pub use program::{Program, Service};
pub use visitor::Visitor;

/// A story about the service as it is installed, told on every pair of backends there is.
pub fn everywhere(story: impl AsyncFn(&mut TestApp)) {
    Stage::default().everywhere(story);
}

/// Settings that a story needs to differ in.
#[derive(Clone, Default)]
pub struct Stage {
    settings: BTreeMap<String, String>,
}

impl Stage {
    /// With `name` set to `value`.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Tells the story on every pair of backends there is.
    pub fn everywhere(&self, story: impl AsyncFn(&mut TestApp)) {
        for backends in Backends::available() {
            self.on(backends, &story);
        }
    }

    /// Tells the story on SQLite with cookie sessions only, for what has nothing to do with
    /// either.
    pub fn once(&self, story: impl AsyncFn(&mut TestApp)) {
        self.on(Backends::built_in(), &story);
    }

    /// Tells the story on these backends.
    pub fn on(&self, backends: Backends, story: impl AsyncFn(&mut TestApp)) {
        println!("on {backends}");
        actix_web::rt::System::new().block_on(async {
            let mut app = TestApp::start(backends, self.settings.clone()).await;
            story(&mut app).await;
            app.stop().await;
        });
    }
}

/// The emulator, and the service on a database of its own.
pub struct TestApp {
    /// The service's address, `http://127.0.0.1:PORT`.
    pub url: String,
    /// Kakao.
    pub emulator: Emulator,
    /// The service's clock, to be moved.
    pub clock: Clock,
    port: OwnPort,
    environment: BTreeMap<String, String>,
    backends: Backends,
    running: Option<Running>,
    gate: Option<Gate>,
}

impl TestApp {
    async fn start(backends: Backends, settings: BTreeMap<String, String>) -> Self {
        let port = OwnPort::new();
        let address = port.address();
        let url = format!("http://{address}");
        let kakao = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let emulator = Emulator::start(kakao, Settings::seeded(&url)).unwrap();
        let mut environment = BTreeMap::from([
            ("BIND".to_owned(), address.to_string()),
            ("PUBLIC_URL".to_owned(), url.clone()),
            ("SECRET_KEY".to_owned(), secret_key()),
            ("KAKAO_AUTH_URL".to_owned(), emulator.url().to_owned()),
            ("KAKAO_API_URL".to_owned(), emulator.url().to_owned()),
            ("KAKAO_REST_API_KEY".to_owned(), REST_API_KEY.to_owned()),
            ("KAKAO_CLIENT_SECRET".to_owned(), CLIENT_SECRET.to_owned()),
            ("KAKAO_ADMIN_KEY".to_owned(), ADMIN_KEY.to_owned()),
            ("KAKAO_APP_ID".to_owned(), APP_ID.to_string()),
            ("RATE_LOGIN_STARTS".to_owned(), "0".to_owned()),
            ("RATE_POSTS".to_owned(), "0".to_owned()),
            ("RATE_JOINS".to_owned(), "0".to_owned()),
            ("SHUTDOWN_SECONDS".to_owned(), "5".to_owned()),
        ]);
        environment.extend(backends.settings());
        environment.extend(settings);
        // Its mail server's address is not known before it listens.
        if let Some(url) = environment.get_mut("SMTP_URL")
            && url == email::EMULATOR
        {
            emulator.smtp_url().clone_into(url);
        }
        let mut app = Self {
            url,
            port,
            emulator,
            clock: Clock::system(),
            environment,
            backends,
            running: None,
            gate: None,
        };
        app.come_up().await;
        app
    }

    async fn instance(&self, listener: TcpListener) -> Running {
        let environment: Environment = self.environment.clone().into_iter().collect();
        let (config, _) = environment.read().unwrap();
        let surroundings = Surroundings {
            clock: self.clock.clone(),
            demo: false,
        };
        app::start(config, surroundings, listener).await.unwrap()
    }

    /// A second instance of the service on the same database, with the same settings, on a port
    /// of its own. Whoever asked for it stops it.
    pub async fn another(&self) -> Running {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        self.instance(listener).await
    }

    /// Stops the service and starts it again on the same address and database, with `changes`
    /// to its settings.
    pub async fn restart(&mut self, changes: &[(&str, &str)]) {
        self.go_down().await;
        for (name, value) in changes {
            self.environment
                .insert((*name).to_owned(), (*value).to_owned());
        }
        self.come_up().await;
    }

    /// Stops the service, its background work too. Its [`Gate`] goes on working.
    pub async fn go_down(&mut self) {
        self.running.take().unwrap().stop().await;
    }

    /// Starts the service again on the same address and database.
    pub async fn come_up(&mut self) {
        let running = self.instance(self.port.listener()).await;
        self.gate = Some(running.gate.clone());
        self.running = Some(running);
    }

    /// The service's own address.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// Moves the clocks, ours and Kakao's, to the next noon in Seoul: no day ends while the story
    /// is told.
    pub fn noon(&self) {
        let now = self.clock.now();
        let noon = seoul_midnight(seoul_day(now)) + 12 * time::Duration::HOUR;
        let noon = if noon < now {
            noon + time::Duration::DAY
        } else {
            noon
        };
        self.clock.advance(noon - now);
        self.emulator.clock().advance(noon - now);
    }

    /// The stories of the service, to look at its store; of the last one while it is down.
    pub fn gate(&self) -> Gate {
        self.gate.clone().unwrap()
    }

    /// A setting of the running service.
    pub fn setting(&self, name: &str) -> &str {
        &self.environment[name]
    }

    /// What it runs on.
    pub fn backends(&self) -> &Backends {
        &self.backends
    }

    /// Somebody with an empty cookie jar.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(&self.url)
    }

    /// The column `value` of a query, as text: what a story cannot see from outside.
    pub async fn values(&self, sql: &str) -> Vec<String> {
        let sql = sql.to_owned();
        let store = self.gate().store;
        let rows =
            store.read(move |connection| Ok(diesel::sql_query(sql).load::<Row>(connection)?));
        let rows = rows.await.unwrap();
        rows.into_iter().map(|row| row.value).collect()
    }

    /// How many rows there are, such as of `sessions WHERE ended_at IS NULL`.
    pub async fn count(&self, rows: &str) -> usize {
        let sql = format!("SELECT CAST(COUNT(*) AS TEXT) AS value FROM {rows}");
        self.values(&sql).await[0].parse().unwrap()
    }

    /// How many access tokens of `person` Kakao honours.
    pub fn live_kakao_tokens(&self, person: &str) -> usize {
        let world = self.emulator.world();
        let id = world.user_id(person).unwrap();
        world.live_access_tokens(id).len()
    }

    /// The access tokens of `person` that Kakao honours.
    pub fn live_tokens(&self, person: &str) -> Vec<String> {
        let world = self.emulator.world();
        let id = world.user_id(person).unwrap();
        world.live_access_tokens(id)
    }

    async fn stop(self) {
        if let Some(running) = self.running {
            running.stop().await;
        }
        self.emulator.stop().await;
    }
}

#[derive(diesel::QueryableByName)]
struct Row {
    #[diesel(sql_type = diesel::sql_types::Text)]
    value: String,
}

/// Looks again and again until `found`, for as long as the busiest machine may take.
pub async fn eventually(what: &str, mut found: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !found().await {
        assert!(began.elapsed() < Duration::from_secs(40), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A master key nobody else has.
pub fn secret_key() -> String {
    let random = Random::system();
    STANDARD.encode([random.bytes::<48>().unwrap(), random.bytes::<48>().unwrap()].concat())
}
