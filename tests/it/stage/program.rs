//! Our executables as an operator starts them: own process, clean environment, own folder.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kakao_gate::emulator::{ADMIN_KEY, APP_ID, CLIENT_SECRET, Emulator, REST_API_KEY, Settings};
use tempfile::TempDir;
use uuid::Uuid;

use super::backends::Backends;
use super::{Visitor, secret_key};

/// Longer than anything here may take, on a machine that does other things too.
const PATIENCE: Duration = Duration::from_secs(30);

/// An executable with the settings it will be given, in a folder of its own.
pub struct Program {
    pub folder: TempDir,
    pub settings: BTreeMap<String, String>,
    path: &'static str,
}

/// What a program that came to its end left behind.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

/// A program that runs; killed when dropped.
pub struct Process {
    child: Child,
    out: Heard,
    err: Heard,
}

/// What a stream has said so far.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<String>>);

impl Program {
    /// `kakao-gate`, without a setting.
    pub fn gate() -> Self {
        Self::of(env!("CARGO_BIN_EXE_kakao-gate"))
    }

    /// `kakao-gate` with the settings it cannot do without.
    pub fn gate_with_settings() -> Self {
        Self::gate()
            .set("SECRET_KEY", &secret_key())
            .set("KAKAO_REST_API_KEY", REST_API_KEY)
            .set("KAKAO_CLIENT_SECRET", CLIENT_SECRET)
            .set("KAKAO_APP_ID", &APP_ID.to_string())
    }

    /// `demo`.
    pub fn demo() -> Self {
        Self::of(env!("CARGO_BIN_EXE_demo"))
    }

    /// `kakao-emulator`.
    pub fn emulator() -> Self {
        Self::of(env!("CARGO_BIN_EXE_kakao-emulator"))
    }

    fn of(path: &'static str) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            settings: BTreeMap::new(),
            path,
        }
    }

    /// With the variable `name` set to `value`.
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.insert(name.to_owned(), value.to_owned());
        self
    }

    /// With a file of this name in its folder.
    pub fn file(self, name: &str, text: &str) -> Self {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Outcome {
        let mut process = self.start(arguments);
        let code = process.end();
        Outcome {
            code,
            out: process.out(),
            err: process.err(),
        }
    }

    /// Starts it.
    pub fn start(&self, arguments: &[&str]) -> Process {
        let mut child = Command::new(self.path)
            .args(arguments)
            .env_clear()
            .envs(&self.settings)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Process {
            out: Heard::listen(child.stdout.take().unwrap()),
            err: Heard::listen(child.stderr.take().unwrap()),
            child,
        }
    }
}

impl Process {
    /// What it has written to standard output.
    pub fn out(&self) -> String {
        self.out.so_far()
    }

    /// What it has written to standard error.
    pub fn err(&self) -> String {
        self.err.so_far()
    }

    /// Waits until it has written `words`, on either stream.
    pub async fn says(&mut self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.out().contains(words) && !self.err().contains(words) {
            let ended = self.child.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "never said {words:?}; ended: {ended:?}\n{}{}",
                self.out(),
                self.err()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends it a signal, such as `TERM`.
    pub fn signal(&self, name: &str) {
        let kill = format!("kill -s {name} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.unwrap().success(), "{kill}");
    }

    /// Whether it still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits for its end and tells the exit code; `None` when a signal ended it.
    pub fn end(&mut self) -> Option<i32> {
        let deadline = Instant::now() + PATIENCE;
        let code = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status.code();
            }
            if Instant::now() > deadline {
                self.child.kill().unwrap();
                panic!("still running\n{}{}", self.out(), self.err());
            }
            std::thread::sleep(Duration::from_millis(10));
        };
        self.out.to_the_end();
        self.err.to_the_end();
        code
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Heard {
    fn listen(mut stream: impl Read + Send + 'static) -> Self {
        let heard = Self::default();
        let ear = heard.clone();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut chunk = [0; 4_096];
            while let Ok(read @ 1..) = stream.read(&mut chunk) {
                bytes.extend_from_slice(&chunk[..read]);
                *ear.0.lock().unwrap() = String::from_utf8_lossy(&bytes).into_owned();
            }
        });
        heard
    }

    fn so_far(&self) -> String {
        self.0.lock().unwrap().clone()
    }

    /// Waits until the stream is closed, which the listening thread shows by letting go.
    fn to_the_end(&self) {
        let deadline = Instant::now() + PATIENCE;
        while Arc::strong_count(&self.0) > 1 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// `kakao-gate serve` in a process of its own, with an emulator in ours.
pub struct Service {
    pub url: String,
    pub emulator: Emulator,
    pub process: Process,
    pub program: Program,
    backends: Backends,
}

impl Service {
    /// Starts it on `backends`, with `changes` to the settings of every test.
    pub async fn start(backends: Backends, changes: &[(&str, &str)]) -> Self {
        let address = free_address();
        let url = format!("http://{address}");
        let kakao = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let emulator = Emulator::start(kakao, Settings::seeded(&url)).unwrap();
        let mut program = Program::gate_with_settings()
            .set("BIND", &address.to_string())
            .set("PUBLIC_URL", &url)
            .set("KAKAO_AUTH_URL", emulator.url())
            .set("KAKAO_API_URL", emulator.url())
            .set("KAKAO_ADMIN_KEY", ADMIN_KEY)
            .set("RATE_LOGIN_STARTS", "0")
            .set("RATE_POSTS", "0")
            .set("SHUTDOWN_SECONDS", "10");
        program.settings.extend(backends.settings());
        for (name, value) in changes {
            program = program.set(name, value);
        }
        let mut process = program.start(&["serve"]);
        process.says("ready").await;
        Self {
            url,
            emulator,
            process,
            program,
            backends,
        }
    }

    /// Starts the same program once more, on the same address and database.
    pub async fn start_again(&mut self) {
        self.process = self.program.start(&["serve"]);
        self.process.says("ready").await;
    }

    /// What it runs on.
    pub fn backends(&self) -> &Backends {
        &self.backends
    }

    /// Somebody with an empty cookie jar.
    pub fn visitor(&self) -> Visitor {
        Visitor::new(&self.url)
    }
}

/// A loopback address nobody listens at, outside the range that outgoing connections use.
pub fn free_address() -> SocketAddr {
    loop {
        let (_, number) = Uuid::new_v4().as_u64_pair();
        let port = 10_000 + u16::try_from(number % 20_000).unwrap();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
