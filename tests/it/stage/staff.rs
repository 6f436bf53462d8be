//! The administration in a story: who has which role, and what was written down.

use kakao_gate::member::MemberId;
use uuid::Uuid;

use super::{TestApp, Visitor};

impl TestApp {
    /// The key of the member whom `person` is, who has signed in before.
    pub async fn member_of(&self, person: &str) -> MemberId {
        let kakao_id = self.emulator.world().user_id(person).unwrap();
        let sql =
            format!("SELECT member_id AS value FROM kakao_accounts WHERE kakao_id = {kakao_id}");
        MemberId(Uuid::parse_str(&self.values(&sql).await[0]).unwrap())
    }

    /// Somebody signed in as `person`, and the key of the member.
    pub async fn signed_in(&self, person: &str) -> (Visitor, MemberId) {
        let visitor = self.visitor();
        visitor.log_in_as(self, person).await;
        (visitor, self.member_of(person).await)
    }

    /// The same, with a role in the administration.
    pub async fn with_role(&self, person: &str, role: &str) -> (Visitor, MemberId) {
        let (visitor, id) = self.signed_in(person).await;
        self.give_role(id, role);
        (visitor, id)
    }

    /// Gives a role, past all rules.
    pub fn give_role(&self, member: MemberId, role: &str) {
        let database = &self.backends().database;
        database.execute(&format!(
            "UPDATE members SET role = '{role}' WHERE id = '{member}'"
        ));
    }

    /// A column of a member's row.
    pub async fn of_member(&self, column: &str, member: MemberId) -> String {
        let sql =
            format!("SELECT CAST({column} AS TEXT) AS value FROM members WHERE id = '{member}'");
        self.values(&sql).await.remove(0)
    }

    /// The newest entries of the audit log about a member, one line each, the newest first: who,
    /// what, how it ended, why, what exactly.
    pub async fn told_of(&self, member: MemberId, action: &str) -> Vec<String> {
        let or_none = |column: &str| format!("COALESCE({column}, '-')");
        let sql = format!(
            "SELECT {} || ' ' || ip || ' ' || result || ' | ' || {} || ' | ' || {} AS value \
             FROM audit_events WHERE subject = '{member}' AND action = '{action}' \
             ORDER BY place DESC",
            or_none("actor"),
            or_none("reason"),
            or_none("detail"),
        );
        self.values(&sql).await
    }

    /// Makes it impossible to write to the audit log, or possible again.
    pub fn lock_audit_log(&self, locked: bool) {
        let (from, to) = if locked {
            ("audit_events", "audit_events_away")
        } else {
            ("audit_events_away", "audit_events")
        };
        let database = &self.backends().database;
        database.execute(&format!("ALTER TABLE {from} RENAME TO {to}"));
    }
}
