//! Members who sign in by email, and the letters that wait for them.

use kakao_gate::mail::Message;
use kakao_gate::password::Password;
use uuid::Uuid;

use super::backends::Database;
use super::page::Page;
use super::{Stage, TestApp, Visitor, eventually};

/// A password that nothing is wrong with.
pub const PASSWORD: &str = "느린 거북이가 바다를 건넌다";

/// Another one.
pub const ANOTHER: &str = "correct horse battery staple";

/// A service with a way in by email, whose letters wait in the outbox.
pub fn stage() -> Stage {
    Stage::default()
        .set("SMTP_URL", "smtp://127.0.0.1:9")
        .set("MAIL_FROM", "Kakao Gate <no-reply@example.com>")
}

/// In the place of `SMTP_URL`: the emulator's mail server.
pub const EMULATOR: &str = "emulator";

/// The same, whose letters are carried to the emulator.
pub fn carried() -> Stage {
    stage().set("SMTP_URL", EMULATOR)
}

impl TestApp {
    /// Somebody who joined with an address and [`PASSWORD`]; their key.
    pub async fn member(&self, email: &str) -> String {
        let id = self.member_without_password(email, "active").await;
        self.give_password(&id, PASSWORD).await;
        id
    }

    /// Somebody of this standing who joined with an address, which is proved unless they wait for
    /// that; their key.
    pub async fn member_without_password(&self, email: &str, standing: &str) -> String {
        let id = Uuid::new_v4().to_string();
        let proved = if standing == "unverified" {
            "NULL"
        } else {
            "'2026-01-02 03:04:05'"
        };
        let number = match self.backends().database {
            Database::Sqlite(_) => "(SELECT COALESCE(MAX(number), 0) + 1 FROM members)",
            Database::Postgres(_) => "NEXTVAL('member_numbers')",
        };
        // Somebody who waits for longer is forgotten by a job that may just run.
        let seconds =
            time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
        let since = match standing {
            "unverified" => self.clock.now().format(seconds).unwrap(),
            _ => "2026-01-02 03:04:05".to_owned(),
        };
        let key = email.to_lowercase();
        self.backends().database.execute(&format!(
            "INSERT INTO members (id, number, standing, joined_with, display_name, email, \
             email_key, email_verified_at, created_at, last_login_at) VALUES ('{id}', \
             {number}, '{standing}', 'email', '홍길동', '{email}', '{key}', {proved}, \
             '{since}', '{since}')"
        ));
        id
    }

    /// Writes down what is kept of a password.
    pub async fn give_password(&self, member: &str, password: &str) {
        let kept = self.gate().hasher.keep(Password::new(password)).await;
        self.give_kept(member, kept.unwrap().as_str());
    }

    pub fn give_kept(&self, member: &str, kept: &str) {
        self.backends().database.execute(&format!(
            "INSERT INTO passwords (member_id, kept, changed_at) \
             VALUES ('{member}', '{kept}', '2026-01-02 03:04:05')"
        ));
    }

    /// The letters to an address that wait in the outbox, the oldest first.
    pub async fn letters_to(&self, email: &str) -> Vec<Message> {
        let letters = self.letters().await.into_iter();
        letters.filter(|one| one.to == email).collect()
    }

    /// The newest letter to an address, once there are `count` of them.
    pub async fn letter_to(&self, email: &str, count: usize) -> Message {
        eventually("a letter", async || {
            self.letters_to(email).await.len() == count
        })
        .await;
        self.letters_to(email).await.pop().unwrap()
    }

    /// The path of the link in the newest letter to an address.
    pub async fn link_to(&self, email: &str) -> String {
        let letters = self.letters_to(email).await;
        link_in(letters.last().expect("a letter"))
    }

    /// Waits until everything that was asked for by mail has been looked at.
    pub async fn all_wishes_are_met(&self) {
        eventually("no wish waits", async || {
            let wishes = "outbox WHERE kind IN ('forgotten', 'join') AND finished_at IS NULL";
            self.count(wishes).await == 0
        })
        .await;
    }

    /// What a counter of the service has come to, such as
    /// `kakao_gate_password_hashes_total{outcome="done"}`.
    pub fn counted(&self, series: &str) -> u64 {
        let mut text = String::new();
        let registry = self.gate().metrics.registry();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(series));
        line.map_or(0, |number| number.trim().parse().unwrap())
    }

    /// How many passwords were hashed or checked.
    pub fn hashes(&self) -> u64 {
        self.counted("kakao_gate_password_hashes_total{outcome=\"done\"}")
    }
}

/// The path of a letter's link, as it stands there.
pub fn link_in(letter: &Message) -> String {
    let link = letter.paragraphs.last().unwrap();
    assert!(link.starts_with("http://127.0.0.1:"), "{link}");
    let (_, path) = link.trim_start_matches("http://").split_once('/').unwrap();
    format!("/{path}")
}

impl Visitor {
    /// Types an address and a password on the login page.
    pub async fn knock(&self, email: &str, password: &str) -> Page {
        let fields = [("email", email), ("password", password), ("remember", "1")];
        self.press("/login", "/login", &fields).await
    }

    /// The same, and it must succeed.
    pub async fn enter(&self, email: &str, password: &str) {
        let page = self.knock(email, password).await;
        let outcome = (page.status, page.location());
        assert_eq!(outcome, (303, "/me"), "{}", page.text("main"));
    }

    /// Whether this browser is signed in.
    pub async fn is_in(&self) -> bool {
        self.get("/me").await.status == 200
    }
}
