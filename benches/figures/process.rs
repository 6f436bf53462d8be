//! `kakao-gate serve` in a process of its own: how soon it is ready, how much memory it takes.

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tempfile::TempDir;

use super::VISITORS;
use super::service::{emulator, log_in, settings};
use super::wire::Wire;

/// Resident memory in MB (10^6 bytes).
pub(crate) struct Memory {
    pub(crate) when_ready: f64,
    pub(crate) after: f64,
}

/// A process that ends with this.
struct Serve(Child);

impl Drop for Serve {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// From the start of the process to the first `200` of `/health/ready`: with a database that is
/// made first, and with one that is there. The medians of five.
pub(crate) async fn start_to_ready() -> (Duration, Duration) {
    let (mut fresh, mut again) = (Vec::new(), Vec::new());
    for _ in 0..5 {
        let folder = tempfile::tempdir().unwrap();
        for times in [&mut fresh, &mut again] {
            let began = Instant::now();
            let (_process, _) = serve(free_address(), "http://127.0.0.1:9", &folder).await;
            times.push(began.elapsed());
        }
    }
    fresh.sort_unstable();
    again.sort_unstable();
    (fresh[2], again[2])
}

/// Before anybody came, and after so many sign-ins whose sessions all live.
pub(crate) async fn memory(sessions: usize) -> Memory {
    let address = free_address();
    let emulator = emulator(address);
    let folder = tempfile::tempdir().unwrap();
    let (process, _) = serve(address, emulator.url(), &folder).await;
    let when_ready = resident(&process);
    let done = Cell::new(0);
    join_all((0..VISITORS).map(|_| async {
        let mut wire = Wire::open(address).await;
        while done.get() < sessions {
            let number = done.replace(done.get() + 1);
            log_in(&mut wire, &emulator, number).await;
        }
    }))
    .await;
    let after = resident(&process);
    emulator.stop().await;
    Memory { when_ready, after }
}

async fn serve(address: SocketAddr, emulator: &str, folder: &TempDir) -> (Serve, Duration) {
    let began = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_kakao-gate"))
        .arg("serve")
        .env_clear()
        .envs(settings(address, emulator, folder))
        .env("RUST_LOG", "error")
        .current_dir(folder.path())
        .stdout(Stdio::null())
        .spawn();
    let process = Serve(child.unwrap());
    while TcpStream::connect(address).is_err() {
        assert!(began.elapsed() < Duration::from_secs(20), "never ready");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let ready = Wire::open(address).await.get("/health/ready", "").await;
    assert_eq!(ready.status, 200);
    (process, began.elapsed())
}

/// `VmRSS` of a process, which Linux tells in kB of 1024 bytes.
fn resident(process: &Serve) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.0.id())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kilobytes: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kilobytes * 1_024.0 / 1_000_000.0
}

fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap()
}
