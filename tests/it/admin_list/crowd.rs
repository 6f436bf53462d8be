//! People for the list: more than the emulator has, of every kind.

use diesel::RunQueryDsl as _;
use kakao_gate::member::{KakaoId, MemberId, Role};
use kakao_gate::store::members::{KakaoProfile, Newcomer, sign_in_with_kakao};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

use crate::stage::{TestApp, Visitor};

/// When the first of the crowd joined: 1 January 2026 in Seoul, ten minutes after midnight.
const FIRST: OffsetDateTime = datetime!(2026-01-01 00:10 +9);

/// Somebody of the administration, with a browser: `person` of the emulator, signed in.
pub async fn staff(app: &TestApp, person: &str, role: Role) -> Visitor {
    let visitor = app.visitor();
    visitor.log_in_as(app, person).await;
    let id = app.emulator.world().user_id(person).unwrap();
    let sql = format!(
        "UPDATE members SET role = '{}' WHERE id = \
         (SELECT member_id FROM kakao_accounts WHERE kakao_id = {id})",
        role.code()
    );
    write(app, &sql).await;
    visitor
}

/// Members with these names; the address of the first is `crowd0@example.com`. One joins a day.
pub async fn crowd(app: &TestApp, names: &[&str]) {
    let gate = app.gate();
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let ids: Vec<MemberId> = names
        .iter()
        .map(|_| MemberId(gate.random.id(FIRST).unwrap()))
        .collect();
    let app_id = gate.rules.app_id;
    let join = move |connection: &mut _| {
        for (at, (name, id)) in names.iter().zip(ids).enumerate() {
            let place = i64::try_from(at).unwrap();
            let profile = KakaoProfile {
                app_id,
                kakao_id: KakaoId::try_from(7_000_000_000 + place).unwrap(),
                connected_at: None,
                nickname: Some(name.clone()).filter(|name| !name.is_empty()),
                picture: None,
                email: Some(format!("crowd{at}@example.com")),
                email_valid: true,
                email_verified: true,
                scopes: String::new(),
            };
            let newcomer = Newcomer {
                id,
                role: Role::Member,
            };
            let now = FIRST + Duration::days(place);
            sign_in_with_kakao(connection, &profile, newcomer, now)?;
        }
        Ok(())
    };
    gate.store.write(join).await.unwrap();
}

/// Changes the database behind the service's back.
pub async fn write(app: &TestApp, sql: &str) {
    let sql = sql.to_owned();
    let change = move |connection: &mut _| {
        diesel::sql_query(sql).execute(connection)?;
        Ok(())
    };
    app.gate().store.write(change).await.unwrap();
}

/// The key of the member with this email address.
pub async fn id_of(app: &TestApp, email: &str) -> String {
    let sql = format!("SELECT id AS value FROM members WHERE email = '{email}'");
    app.values(&sql).await.remove(0)
}
