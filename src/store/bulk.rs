//! Many members at once, for demonstrations and load tests. No production build has this.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::connection::AnyConnection;
use super::directory::{self, email_key};
use super::error::Error;
use super::schema::{kakao_accounts, members, sessions};
use super::time::stored;
use super::{audit, members as one_by_one};
use crate::config::Database;
use crate::member::{MemberId, Provider, Role, Standing};
use crate::vault::Vault;

/// Rows of one statement: PostgreSQL takes 65,535 values.
const ROWS: usize = 2_000;

/// From so many on the indexes are made anew instead of being kept up row by row.
const INDEXES_IN_THE_WAY: u64 = 20_000;

/// A member to be made, with all that others see of one.
#[derive(Clone, Debug)]
pub struct Person {
    /// The key.
    pub id: MemberId,
    /// The name; those who withdrew have none.
    pub name: Option<String>,
    /// The confirmed or unconfirmed address; those who withdrew have none.
    pub email: Option<String>,
    /// Whether the address is confirmed.
    pub email_confirmed: bool,
    /// How they came.
    pub provider: Provider,
    /// What they may do for others.
    pub role: Role,
    /// Whether they may sign in.
    pub standing: Standing,
    /// Why they may not.
    pub standing_reason: Option<&'static str>,
    /// When they joined.
    pub joined: OffsetDateTime,
    /// When they last signed in.
    pub seen: OffsetDateTime,
    /// When they left.
    pub withdrawn: Option<OffsetDateTime>,
    /// Their number at Kakao.
    pub kakao_id: Option<i64>,
    /// Where they are signed in.
    pub devices: Vec<Device>,
    /// What is on record about them; the latest last.
    pub acts: Vec<audit::Event>,
}

/// A live session. Nobody holds its token.
#[derive(Clone, Debug)]
pub struct Device {
    /// Its id.
    pub id: Uuid,
    /// The address it is used from.
    pub ip: String,
    /// What the browser calls itself.
    pub user_agent: &'static str,
    /// When it began.
    pub since: OffsetDateTime,
    /// When it was last used.
    pub seen: OffsetDateTime,
    /// When it ends.
    pub ends: OffsetDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = members)]
struct MemberRow {
    id: String,
    number: i64,
    role: &'static str,
    standing: &'static str,
    standing_reason: Option<&'static str>,
    standing_until: Option<PrimitiveDateTime>,
    joined_with: &'static str,
    display_name: Option<String>,
    email: Option<String>,
    email_key: Option<String>,
    email_verified_at: Option<PrimitiveDateTime>,
    withdrawn_at: Option<PrimitiveDateTime>,
    name_key: String,
    name_grams: String,
    created_at: PrimitiveDateTime,
    last_login_at: PrimitiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = kakao_accounts)]
struct KakaoRow {
    app_id: i64,
    kakao_id: i64,
    member_id: String,
    connected_at: PrimitiveDateTime,
    nickname: Option<String>,
    email: Option<String>,
    email_valid: bool,
    email_verified: bool,
    scopes: &'static str,
    linked_at: PrimitiveDateTime,
    synced_at: PrimitiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    id: String,
    secret_hash: String,
    member_id: String,
    method: &'static str,
    ip: String,
    user_agent: &'static str,
    created_at: PrimitiveDateTime,
    last_seen_at: PrimitiveDateTime,
    idle_ends_at: PrimitiveDateTime,
    ends_at: PrimitiveDateTime,
}

/// How many members a database has whose schema is up to date. Blocks.
///
/// # Errors
/// The database's.
pub fn count(database: &Database) -> Result<i64, Error> {
    one_by_one::count(&mut AnyConnection::open(database)?)
}

/// Adds `people` to a database whose schema is up to date, numbered in their order: all of them
/// or, when that fails, nobody. Tells `added` how many there are so far. Blocks.
///
/// # Errors
/// The database's.
pub fn add(
    database: &Database,
    app_id: i64,
    vault: Option<&Vault>,
    people: impl ExactSizeIterator<Item = Person>,
    mut added: impl FnMut(u64),
) -> Result<(), Error> {
    let mut connection = AnyConnection::open(database)?;
    match &connection {
        AnyConnection::Sqlite(_) => run(&mut connection, "PRAGMA cache_size = -400000")?,
        AnyConnection::Postgres(_) => run(&mut connection, "SET statement_timeout = 0")?,
    }
    let many = u64::try_from(people.len()).unwrap_or(u64::MAX) >= INDEXES_IN_THE_WAY;
    connection.write(|connection| {
        let indexes = if many {
            take_indexes(connection)?
        } else {
            Vec::new()
        };
        let first = one_by_one::next_number(connection)?;
        let mut number = first;
        let (mut acts, mut done) = (Vec::new(), 0);
        let mut people = people.peekable();
        while people.peek().is_some() {
            let mut batch: Vec<Person> = people.by_ref().take(ROWS).collect();
            insert(connection, app_id, &batch, number)?;
            acts.extend(batch.iter_mut().flat_map(|person| person.acts.drain(..)));
            number += i64::try_from(batch.len()).unwrap_or(0);
            done += u64::try_from(batch.len()).unwrap_or(0);
            added(done);
        }
        for index in indexes {
            run(connection, &index)?;
        }
        directory::index_names_from(connection, first)?;
        if let AnyConnection::Postgres(_) = connection {
            run(
                connection,
                &format!("SELECT setval('member_numbers', {number}, false)"),
            )?;
        }
        acts.sort_by_key(|event| event.at);
        vault.map_or(Ok(()), |vault| audit::append(connection, vault, &acts))
    })?;
    // Outside the transaction, where PostgreSQL wants it.
    match &connection {
        AnyConnection::Sqlite(_) => run(&mut connection, "ANALYZE"),
        AnyConnection::Postgres(_) => run(
            &mut connection,
            "VACUUM (ANALYZE) members, kakao_accounts, sessions",
        ),
    }
}

fn run(connection: &mut AnyConnection, sql: &str) -> Result<(), Error> {
    diesel::connection::SimpleConnection::batch_execute(connection, sql)?;
    Ok(())
}

/// Drops the indexes of `members` and answers what makes them anew.
fn take_indexes(connection: &mut AnyConnection) -> Result<Vec<String>, Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::Text)]
        name: String,
        #[diesel(sql_type = diesel::sql_types::Text)]
        definition: String,
    }
    let query = match connection {
        AnyConnection::Sqlite(_) => {
            "SELECT name, sql AS definition FROM sqlite_master
              WHERE type = 'index' AND tbl_name = 'members' AND sql IS NOT NULL"
        }
        AnyConnection::Postgres(_) => {
            "SELECT CAST(indexname AS TEXT) AS name, indexdef AS definition FROM pg_indexes
              WHERE schemaname = current_schema AND tablename = 'members'
                AND indexname <> 'members_pkey'"
        }
    };
    let rows: Vec<Row> = diesel::sql_query(query).load(connection)?;
    for row in &rows {
        run(connection, &format!("DROP INDEX {}", row.name))?;
    }
    Ok(rows.into_iter().map(|row| row.definition).collect())
}

fn insert(
    connection: &mut AnyConnection,
    app_id: i64,
    people: &[Person],
    first: i64,
) -> Result<(), Error> {
    let rows: Vec<MemberRow> = people
        .iter()
        .zip(first..)
        .map(|(person, number)| member_row(person, number))
        .collect();
    let accounts: Vec<KakaoRow> = people
        .iter()
        .filter_map(|person| kakao_row(person, app_id))
        .collect();
    let devices: Vec<SessionRow> = people.iter().flat_map(session_rows).collect();
    // Several rows a statement is what the connection over both databases cannot do.
    match connection {
        AnyConnection::Sqlite(connection) => {
            diesel::insert_into(members::table)
                .values(&rows)
                .execute(connection)?;
            diesel::insert_into(kakao_accounts::table)
                .values(&accounts)
                .execute(connection)?;
            diesel::insert_into(sessions::table)
                .values(&devices)
                .execute(connection)?;
        }
        AnyConnection::Postgres(connection) => {
            diesel::insert_into(members::table)
                .values(&rows)
                .execute(connection)?;
            diesel::insert_into(kakao_accounts::table)
                .values(&accounts)
                .execute(connection)?;
            diesel::insert_into(sessions::table)
                .values(&devices)
                .execute(connection)?;
        }
    }
    Ok(())
}

fn member_row(person: &Person, number: i64) -> MemberRow {
    let (name_key, name_grams) = directory::keys_of_name(person.name.as_deref());
    let until = match person.standing {
        Standing::Suspended { until } => until,
        _ => None,
    };
    MemberRow {
        id: person.id.to_string(),
        number,
        role: person.role.code(),
        standing: person.standing.kind().code(),
        standing_reason: person.standing_reason,
        standing_until: until.map(stored),
        joined_with: person.provider.code(),
        display_name: person.name.clone(),
        email: person.email.clone(),
        email_key: person.email.as_deref().map(email_key),
        email_verified_at: person.email_confirmed.then(|| stored(person.joined)),
        withdrawn_at: person.withdrawn.map(stored),
        name_key,
        name_grams,
        created_at: stored(person.joined),
        last_login_at: stored(person.seen),
    }
}

fn kakao_row(person: &Person, app_id: i64) -> Option<KakaoRow> {
    let scopes = "profile_nickname profile_image account_email";
    Some(KakaoRow {
        app_id,
        kakao_id: person.kakao_id?,
        member_id: person.id.to_string(),
        connected_at: stored(person.joined),
        nickname: person.name.clone(),
        email: person.email.clone(),
        email_valid: person.email.is_some(),
        email_verified: person.email_confirmed,
        scopes,
        linked_at: stored(person.joined),
        synced_at: stored(person.seen),
    })
}

fn session_rows(person: &Person) -> impl Iterator<Item = SessionRow> {
    person.devices.iter().map(|device| SessionRow {
        id: device.id.to_string(),
        // The digest of nothing that anybody could send.
        secret_hash: String::new(),
        member_id: person.id.to_string(),
        method: "kakao",
        ip: device.ip.clone(),
        user_agent: device.user_agent,
        created_at: stored(device.since),
        last_seen_at: stored(device.seen),
        idle_ends_at: stored(device.ends),
        ends_at: stored(device.ends),
    })
}
