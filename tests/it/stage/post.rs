//! Letters on their way, as the outbox keeps them.

use diesel::RunQueryDsl as _;
use kakao_gate::mail::Message;

use super::{Stage, TestApp};

impl Stage {
    /// Where members can sign in by email: letters can be written, and nobody carries them.
    pub fn with_email() -> Self {
        Self::default()
            .set("SMTP_URL", "smtp://127.0.0.1:9")
            .set("MAIL_FROM", "Kakao Gate <no-reply@example.com>")
    }
}

#[derive(diesel::QueryableByName)]
struct Sealed {
    #[diesel(sql_type = diesel::sql_types::Text)]
    id: String,
    #[diesel(sql_type = diesel::sql_types::Text)]
    sealed_token: String,
}

impl TestApp {
    /// The letters that wait, the oldest first.
    pub async fn letters(&self) -> Vec<Message> {
        let gate = self.gate();
        let sql = "SELECT id, sealed_token FROM outbox WHERE kind = 'mail' \
                   AND sealed_token <> '' ORDER BY id";
        let rows = gate
            .store
            .read(move |connection| Ok(diesel::sql_query(sql).load::<Sealed>(connection)?));
        let rows = rows.await.unwrap();
        rows.iter()
            .map(|row| {
                let context = format!("outbox.sealed_token/{}", row.id);
                let plain = gate.vault.open(&context, &row.sealed_token).unwrap();
                serde_json::from_slice(&plain).unwrap()
            })
            .collect()
    }

    /// The newest letter to this address.
    pub async fn letter_to(&self, address: &str) -> Message {
        let letters = self.letters().await;
        let to = letters.into_iter().rfind(|letter| letter.to == address);
        to.unwrap_or_else(|| panic!("no letter to {address}"))
    }

    /// The path of the link in the newest letter to this address.
    pub async fn link_to(&self, address: &str) -> String {
        let letter = self.letter_to(address).await;
        let link = letter
            .paragraphs
            .iter()
            .rfind(|text| text.starts_with("http"));
        let link = link.expect("a link").clone();
        link.strip_prefix(&self.url)
            .expect("a link to the service")
            .to_owned()
    }
}
