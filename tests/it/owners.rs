//! The first owners, and what a role changes about a session.

use kakao_gate::member::Role;
use kakao_gate::store::sessions;
use time::Duration;

use crate::stage::{Stage, TestApp, eventually};

async fn role_of(app: &TestApp, person: &str) -> Role {
    let id = app.emulator.world().user_id(person).unwrap();
    let sql = format!(
        "SELECT role AS value FROM members JOIN kakao_accounts ON member_id = members.id \
         WHERE kakao_id = {id}"
    );
    Role::parse(&app.values(&sql).await[0]).unwrap()
}

/// Gives everybody this role, as an owner would.
async fn all_become(app: &TestApp, role: Role) {
    let store = app.gate().store;
    let sql = format!("UPDATE members SET role = '{}'", role.code());
    let change = store.write(move |connection| {
        diesel::RunQueryDsl::execute(diesel::sql_query(sql), connection)?;
        Ok(())
    });
    change.await.unwrap();
}

// AD-8
#[test]
fn whom_the_settings_name_is_an_owner_at_the_first_sign_in_and_only_then() {
    let stage = Stage::default()
        .set("ADMIN_EMAILS", "nobody@example.com, Ordinary@Example.com")
        .set("ADMIN_KAKAO_IDS", "1376016924426814086");
    stage.everywhere(async |app| {
        for (person, role) in [
            ("ordinary", Role::Owner),
            ("long-id", Role::Owner),
            ("no-email", Role::Member),
            ("linked", Role::Member),
        ] {
            app.visitor().log_in_as(app, person).await;
            assert_eq!(role_of(app, person).await, role, "{person}");
        }
        let given = "audit_events WHERE action = 'member.role' AND actor IS NULL \
                     AND reason = 'settings'";
        assert_eq!(app.count(given).await, 2);
        // Who was demoted since stays so.
        all_become(app, Role::Member).await;
        app.visitor().log_in_as(app, "ordinary").await;
        assert_eq!(role_of(app, "ordinary").await, Role::Member);
    });
}

// AD-8, ID-2
#[test]
fn an_address_that_kakao_has_not_confirmed_makes_nobody_an_owner() {
    let stage = Stage::default().set(
        "ADMIN_EMAILS",
        "unverified-email@example.com,stale-email@example.com",
    );
    stage.once(async |app| {
        for person in ["unverified-email", "stale-email"] {
            app.visitor().log_in_as(app, person).await;
            assert_eq!(role_of(app, person).await, Role::Member, "{person}");
        }
    });
}

// AD-8, SE-4
#[test]
fn the_session_of_an_admin_ends_after_half_an_hour_without_use() {
    let stage = Stage::default().set("ADMIN_EMAILS", "ordinary@example.com");
    stage.everywhere(async |app| {
        let (owner, member) = (app.visitor(), app.visitor());
        owner.log_in_as(app, "ordinary").await;
        member.log_in_as(app, "linked").await;
        for _ in 0..3 {
            app.clock.advance(Duration::minutes(29));
            let soon = app.clock.now() + Duration::minutes(29);
            let store = app.gate().store;
            // Noting it is left out while the writer is busy.
            eventually("the use is noted", async || {
                assert_eq!(owner.get("/me").await.status, 200);
                let live = store.read(move |connection| sessions::count_live(connection, soon));
                live.await.unwrap() == 2
            })
            .await;
        }
        app.clock.advance(Duration::minutes(31));
        let page = owner.get("/me").await;
        assert!(
            page.location().contains("reason=expired"),
            "{}",
            page.location()
        );
        assert_eq!(member.get("/me").await.status, 200, "members have longer");
    });
}

// AD-1, AD-8
#[test]
fn from_other_networks_than_the_settings_name_there_is_no_administration() {
    for (networks, status) in [
        ("10.0.0.0/8, 2001:db8::/32", 404),
        ("10.0.0.0/8, 127.0.0.1", 200),
        ("127.0.0.0/8", 200),
    ] {
        let stage = Stage::default()
            .set("ADMIN_EMAILS", "ordinary@example.com")
            .set("ADMIN_NETWORKS", networks);
        stage.once(async |app| {
            let owner = app.visitor();
            owner.log_in_as(app, "ordinary").await;
            let page = owner.get("/admin").await;
            assert_eq!(page.status, status, "{networks}");
        });
    }
}
