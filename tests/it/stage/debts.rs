//! What is still owed in a story, to Kakao or to a mailbox.

use time::Duration;
use time::macros::format_description;

use super::{TestApp, eventually};

impl TestApp {
    /// Waits until `count` of these calls, such as `kind = 'logout'`, have been tried in vain and
    /// are to be made another time. A try is counted before its call: only a cause tells that it
    /// is over, and that a clock moved from now on brings the next one.
    pub async fn put_off(&self, calls: &str, count: usize) {
        let rows = format!("outbox WHERE {}", put_off(calls));
        eventually("put off", async || self.count(&rows).await == count).await;
    }

    /// The same, and the service does not take them up by itself within the next hour.
    pub async fn put_off_for_an_hour(&self, calls: &str, count: usize) {
        let seconds = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
        let later = (self.clock.now() + Duration::HOUR).format(seconds).unwrap();
        let put_off = put_off(calls);
        // One that is just being tried again is put off by that once more.
        let hold = format!("UPDATE outbox SET next_try_at = '{later}' WHERE {put_off}");
        let held = format!("outbox WHERE {put_off} AND next_try_at = '{later}'");
        eventually("put off for an hour", async || {
            self.backends().database.execute(&hold);
            self.count(&held).await == count
        })
        .await;
    }
}

fn put_off(calls: &str) -> String {
    format!("{calls} AND finished_at IS NULL AND cause IS NOT NULL")
}
