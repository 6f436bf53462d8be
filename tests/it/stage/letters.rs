//! Letters as they wait in the outbox, for stories in which nobody carries them.

use kakao_gate::mail::Message;

use super::TestApp;

impl TestApp {
    /// The letters that wait, the oldest first, once nobody waits for one to be written.
    pub async fn letters(&self) -> Vec<Message> {
        self.all_wishes_are_met().await;
        let sql = "SELECT id || ' ' || sealed_token AS value FROM outbox \
                   WHERE kind = 'mail' AND finished_at IS NULL ORDER BY created_at, id";
        let vault = self.gate().vault;
        let open = |row: &String| {
            let (id, sealed) = row.split_once(' ').unwrap();
            let plain = vault.open(&format!("outbox.sealed_token/{id}"), sealed);
            serde_json::from_slice(&plain.unwrap()).unwrap()
        };
        self.values(sql).await.iter().map(open).collect()
    }

    /// The last letter.
    pub async fn last_letter(&self) -> Message {
        self.letters().await.pop().expect("a letter")
    }
}
