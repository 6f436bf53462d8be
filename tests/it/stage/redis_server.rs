//! A Redis of one story's own, to be stopped, killed and filled up.

use std::net::{Ipv4Addr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::backends::{left_out, offered};
use super::loopback::own_address;

/// Longer than a start takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);
const PORT: u16 = 6_379;

/// A `redis-server` process; killed when dropped.
pub struct RedisServer {
    address: Ipv4Addr,
    folder: TempDir,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts one. Nothing where Redis is not to be tested (`TEST_REDIS_URL`) or not installed:
    /// said, and refused under CI.
    pub fn start() -> Option<Self> {
        let mut server = Self::absent()?;
        server.run(&[]);
        Some(server)
    }

    /// An address where no Redis runs yet.
    pub fn absent() -> Option<Self> {
        offered("TEST_REDIS_URL", "Redis")?;
        let known = Command::new("redis-server").arg("--version").output();
        if known.is_err() {
            left_out("stopping Redis (no redis-server in PATH)");
            return None;
        }
        Some(Self {
            address: own_address(),
            folder: tempfile::tempdir().unwrap(),
            process: None,
        })
    }

    /// Starts the process, empty, with further options, on the same address as ever.
    pub fn run(&mut self, options: &[&str]) {
        assert!(self.process.is_none(), "it runs already");
        let process = Command::new("redis-server")
            .args(["--bind", &self.address.to_string()])
            .args(["--port", &PORT.to_string()])
            .args(["--save", "", "--appendonly", "no"])
            .args(options)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        self.process = Some(process.unwrap());
        let began = Instant::now();
        while TcpStream::connect((self.address, PORT)).is_err() {
            assert!(began.elapsed() < PATIENCE, "Redis does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    pub fn url(&self) -> String {
        format!("redis://{}:{PORT}/", self.address)
    }

    /// The URL with a password.
    pub fn url_with(&self, password: &str) -> String {
        format!("redis://:{password}@{}:{PORT}/", self.address)
    }

    /// Stops the process in its tracks: it answers nothing and closes nothing.
    pub fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// Kills it; all it knew is gone.
    pub fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// `CONFIG SET`.
    pub fn configure(&self, name: &str, value: &str) {
        self.command(&["CONFIG", "SET", name, value]);
    }

    /// Sends one command from beside the service.
    pub fn command(&self, words: &[&str]) {
        self.command_at(&self.url(), words);
    }

    /// As [`RedisServer::command`], with the password that `url` holds.
    pub fn command_at(&self, url: &str, words: &[&str]) {
        let client = redis::Client::open(url).unwrap();
        let mut connection = client.get_connection().unwrap();
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.exec(&mut connection).unwrap();
    }

    fn signal(&self, name: &str) {
        let id = self.process.as_ref().unwrap().id().to_string();
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}
