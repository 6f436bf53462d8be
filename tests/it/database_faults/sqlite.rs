//! SQLite: the write lock in other hands, a full disk, a file that must not be written.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use kakao_gate::emulator::Endpoint;
use tempfile::TempDir;

use crate::stage::backends::{Backends, left_out};
use crate::stage::outage::{all_is_well, in_time, not_ready, still_lives, unavailable};
use crate::stage::{Stage, TestApp, Visitor};

// RL-4, LG-4
#[test]
fn a_write_lock_held_for_three_seconds_logs_nobody_out() {
    Stage::default().once(async |app| while_locked(app, Duration::from_secs(3)).await);
}

// RL-4, LG-4
#[test]
fn a_write_lock_held_for_thirty_seconds_logs_nobody_out() {
    Stage::default().once(async |app| while_locked(app, Duration::from_secs(30)).await);
}

/// Tries everything while another program holds the write lock, and again when it is gone.
async fn while_locked(app: &mut TestApp, time: Duration) {
    let member = app.visitor();
    member.log_in_as(app, "ordinary").await;
    let newcomer = app.visitor();
    let callback = newcomer.to_callback(&app.emulator, "no-email", "/me").await;

    let began = Instant::now();
    let lock = write_lock(&file(app));
    let refused = in_time(newcomer.get(&callback)).await;
    assert_eq!(refused.leads_to_error(), "unavailable");
    unavailable(&newcomer.follow(&refused).await);
    assert_eq!(app.emulator.count(Endpoint::Token), 1, "no code was spent");
    let form = member.get("/logout").await;
    assert_eq!(form.status, 200, "reading goes on");
    let fields = [("reach", "here"), ("csrf", &form.csrf())];
    unavailable(&in_time(member.post("/logout", &fields)).await);
    not_ready(app).await;
    // A minute later the session's last use would be written down; that must not be felt.
    app.clock.advance(time::Duration::minutes(2));
    while began.elapsed() < time {
        assert_eq!(member.get("/me").await.status, 200);
        still_lives(app).await;
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    drop(lock);
    all_is_well(app, &member).await;
    // The code is as good as it was: a reload completes the login.
    let done = newcomer.get(&callback).await;
    assert_eq!((done.status, done.location()), (303, "/me"));
    signs_out(&member).await;
}

// RL-4
#[test]
fn a_full_disk_refuses_writes_honestly_and_keeps_what_there_is() {
    let Some(disk) = SmallDisk::mount() else {
        return left_out("a full disk (mounting one is not allowed here)");
    };
    let url = format!("sqlite://{}/gate.db", disk.folder.path().display());
    let stage = Stage::default().set("DATABASE_URL", &url);
    stage.on(Backends::built_in(), async |app| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        disk.fill();
        refuses_writes(app, &member).await;
        disk.empty();
        all_is_well(app, &member).await;
        signs_out(&member).await;
    });
}

// RL-4
#[test]
fn a_file_that_must_not_be_written_refuses_writes_honestly() {
    Stage::default().once(async |app| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        let Some(seal) = Sealed::put_on(&file(app)) else {
            return left_out("a read-only database file (chattr is not allowed here)");
        };
        refuses_writes(app, &member).await;
        drop(seal);
        all_is_well(app, &member).await;
        signs_out(&member).await;
    });
}

/// Writes are refused, reading goes on, nobody is logged out and no code is spent.
async fn refuses_writes(app: &TestApp, member: &Visitor) {
    let exchanged = app.emulator.count(Endpoint::Token);
    let refused = in_time(app.visitor().log_in(app, "no-email")).await;
    assert_eq!(refused.leads_to_error(), "unavailable");
    assert_eq!(app.emulator.count(Endpoint::Token), exchanged);
    let form = member.get("/logout").await;
    assert_eq!(form.status, 200, "reading goes on");
    let fields = [("reach", "here"), ("csrf", &form.csrf())];
    unavailable(&in_time(member.post("/logout", &fields)).await);
    not_ready(app).await;
    still_lives(app).await;
    assert_eq!(member.get("/me").await.status, 200);
}

async fn signs_out(member: &Visitor) {
    let out = member
        .press("/logout", "/logout", &[("reach", "here")])
        .await;
    assert_eq!((out.status, out.location()), (303, "/logged-out"));
}

fn file(app: &TestApp) -> PathBuf {
    let url = app.setting("DATABASE_URL");
    PathBuf::from(url.trim_start_matches("sqlite://"))
}

/// Another program's connection, in the middle of a write; dropping it undoes the write.
fn write_lock(file: &Path) -> SqliteConnection {
    let mut connection = SqliteConnection::establish(file.to_str().unwrap()).unwrap();
    connection
        .batch_execute("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE")
        .unwrap();
    connection
}

/// A disk of two megabytes.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    /// Nothing where mounting is not allowed.
    fn mount() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m", "tmpfs"])
            .arg(folder.path())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then_some(Self { folder })
    }

    fn filler(&self) -> PathBuf {
        self.folder.path().join("filler")
    }

    fn fill(&self) {
        use std::io::Write as _;
        let mut filler = std::fs::File::create(self.filler()).unwrap();
        while filler.write_all(&[0; 4_096]).is_ok() {}
    }

    fn empty(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("-l")
            .arg(self.folder.path())
            .status();
    }
}

/// A database whose files not even root may write.
struct Sealed(Vec<PathBuf>);

impl Sealed {
    /// Nothing where that is not possible.
    fn put_on(file: &Path) -> Option<Self> {
        let mut wal = file.as_os_str().to_owned();
        wal.push("-wal");
        let files = vec![file.to_owned(), PathBuf::from(wal)];
        let sealed = Command::new("chattr").arg("+i").args(&files).status();
        let sealed = sealed.is_ok_and(|status| status.success());
        let seal = Self(files);
        sealed.then_some(seal)
    }
}

impl Drop for Sealed {
    fn drop(&mut self) {
        let _ = Command::new("chattr").arg("-i").args(&self.0).status();
    }
}
