//! A PostgreSQL of one story's own, to be stopped and started.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::backends::{left_out, offered};
use super::loopback::own_address;

/// A cluster with one server; stopped when dropped.
pub struct PostgresServer {
    address: Ipv4Addr,
    folder: TempDir,
    programs: PathBuf,
}

impl PostgresServer {
    /// Makes a cluster and starts it. Nothing where PostgreSQL is not to be tested
    /// (`TEST_DATABASE_URL`) or not installed: said, and refused under CI.
    pub fn start() -> Option<Self> {
        offered("TEST_DATABASE_URL", "PostgreSQL")?;
        let Some(programs) = programs() else {
            left_out("stopping PostgreSQL (no initdb found)");
            return None;
        };
        let server = Self {
            address: own_address(),
            folder: tempfile::tempdir().unwrap(),
            programs,
        };
        if is_root() {
            let owned = Command::new("chown")
                .arg("postgres")
                .arg(server.folder.path())
                .status();
            assert!(owned.unwrap().success());
        }
        let cluster = server.cluster();
        server.run(
            "initdb",
            &["-D", &cluster, "-A", "trust", "-U", "postgres", "-N"],
        );
        server.start_again();
        Some(server)
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@{}:5432/postgres", self.address)
    }

    /// Stops the server. Connections are closed, transactions under way undone.
    pub fn stop(&self) {
        let cluster = self.cluster();
        self.run("pg_ctl", &["-D", &cluster, "-m", "fast", "-w", "stop"]);
    }

    /// Starts it again, on the same address, with what was committed.
    pub fn start_again(&self) {
        let log = format!("{}/log", self.folder.path().display());
        let options = format!(
            "-c listen_addresses={} -c port=5432 -c unix_socket_directories='' -c fsync=off",
            self.address
        );
        let cluster = self.cluster();
        let arguments = ["-D", &cluster, "-l", &log, "-o", &options, "-w", "start"];
        self.run("pg_ctl", &arguments);
    }

    fn cluster(&self) -> String {
        format!("{}/cluster", self.folder.path().display())
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let succeeded = self.try_run(program, arguments);
        assert!(succeeded, "{program} {arguments:?}");
    }

    fn try_run(&self, program: &str, arguments: &[&str]) -> bool {
        let path = self.programs.join(program);
        // PostgreSQL refuses to be run by root.
        let mut command = if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path);
            command
        } else {
            Command::new(path)
        };
        command
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        let cluster = self.cluster();
        // It may have been stopped by the story.
        self.try_run("pg_ctl", &["-D", &cluster, "-m", "immediate", "stop"]);
    }
}

/// Where `initdb` and `pg_ctl` are: where `pg_config` says, or where Debian puts them.
fn programs() -> Option<PathBuf> {
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|told| PathBuf::from(String::from_utf8_lossy(&told.stdout).trim()));
    let debian = std::fs::read_dir("/usr/lib/postgresql").ok();
    let debian = debian.into_iter().flatten().flatten();
    let debian = debian.map(|version| version.path().join("bin"));
    told.into_iter()
        .chain(debian)
        .find(|folder| folder.join("initdb").exists())
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().unwrap();
    id.stdout.trim_ascii() == b"0"
}
