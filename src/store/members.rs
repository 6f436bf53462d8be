//! Members and their Kakao accounts.

pub mod account;
pub mod acts;
pub mod agreed;
pub mod awaited;
pub mod linked;
pub mod unlinked;

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::directory::searchable;
use super::schema::{kakao_accounts, members};
use super::time::{moment, stored};
use super::{AnyConnection, Error};
use crate::email::EmailAddress;
use crate::member::{KakaoAccount, KakaoId, Member, MemberId, Provider, Role, Standing};

/// What Kakao told about a person at sign-in, cleaned.
#[derive(Clone, Debug)]
pub struct KakaoProfile {
    /// Our app's number at Kakao.
    pub app_id: i64,
    /// The person's number in our app.
    pub kakao_id: KakaoId,
    /// When the person connected our app, as Kakao remembers it.
    pub connected_at: Option<OffsetDateTime>,
    /// Cleaned nickname; `None` when not shared or only a placeholder.
    pub nickname: Option<String>,
    /// Acceptable picture address.
    pub picture: Option<String>,
    /// Email address, whatever its flags say.
    pub email: Option<String>,
    /// The address still belongs to this Kakao account.
    pub email_valid: bool,
    /// The address was verified by Kakao.
    pub email_verified: bool,
    /// Consent items granted with the token, space-separated.
    pub scopes: String,
}

impl KakaoProfile {
    /// The address, when Kakao says that it is both verified and still this account's.
    #[must_use]
    pub fn confirmed_email(&self) -> Option<&str> {
        let confirmed = self.email_valid && self.email_verified;
        self.email.as_deref().filter(|_| confirmed)
    }

    /// The same, as an address that mail can be sent to. What is none, and what Kakao does not
    /// vouch for, is no address.
    #[must_use]
    pub fn address(&self) -> Option<EmailAddress> {
        EmailAddress::parse(self.confirmed_email()?).ok()
    }
}

/// What somebody who comes for the first time is given.
#[derive(Clone, Copy, Debug)]
pub struct Newcomer {
    /// The key.
    pub id: MemberId,
    /// The role.
    pub role: Role,
}

/// Who came.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The member.
    pub member: Member,
    /// Whether this was the first time.
    pub joined: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = members)]
pub(super) struct MemberRow {
    id: String,
    number: i64,
    role: String,
    standing: String,
    standing_until: Option<PrimitiveDateTime>,
    display_name: Option<String>,
    picture: Option<String>,
    locale: Option<String>,
    created_at: PrimitiveDateTime,
    last_login_at: PrimitiveDateTime,
}

impl MemberRow {
    pub(super) fn into_member(self) -> Result<Member, Error> {
        Ok(Member {
            id: member_id(&self.id)?,
            number: self.number,
            role: role_of(&self.role)?,
            standing: standing_of(&self.standing, self.standing_until)?,
            display_name: self.display_name,
            picture: self.picture,
            locale: self.locale,
            created_at: moment(self.created_at),
            last_login_at: moment(self.last_login_at),
        })
    }
}

pub(super) fn role_of(code: &str) -> Result<Role, Error> {
    Role::parse(code).ok_or(Error::Unexpected("members.role"))
}

pub(super) fn standing_of(code: &str, until: Option<PrimitiveDateTime>) -> Result<Standing, Error> {
    Ok(match code {
        "active" => Standing::Active,
        "suspended" => Standing::Suspended {
            until: until.map(moment),
        },
        "unverified" => Standing::Unconfirmed,
        "withdrawn" => Standing::Withdrawn,
        _ => return Err(Error::Unexpected("members.standing")),
    })
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = kakao_accounts)]
pub(super) struct KakaoRow {
    kakao_id: i64,
    linked_at: PrimitiveDateTime,
    email: Option<String>,
    email_valid: bool,
    email_verified: bool,
    unlinked_at: Option<PrimitiveDateTime>,
}

impl KakaoRow {
    pub(super) fn into_account(self) -> Result<KakaoAccount, Error> {
        let id = KakaoId::try_from(self.kakao_id);
        Ok(KakaoAccount {
            id: id.map_err(|_| Error::Unexpected("kakao_accounts.kakao_id"))?,
            linked_at: moment(self.linked_at),
            unlinked_at: self.unlinked_at.map(moment),
            email: self.email,
            email_confirmed: self.email_valid && self.email_verified,
        })
    }
}

/// Finds the member of a Kakao account, or makes one of `newcomer`; unless the member is barred,
/// takes over what Kakao says now. The Kakao id alone decides, never an email or a name. First
/// logins racing make one member: the loser of the race finds the winner's.
///
/// # Errors
/// The database's.
pub fn sign_in_with_kakao(
    connection: &mut AnyConnection,
    profile: &KakaoProfile,
    newcomer: Newcomer,
    now: OffsetDateTime,
) -> Result<Arrived, Error> {
    let (mut id, mut joined) = match find_by_kakao(connection, profile)? {
        Some(id) => (id, false),
        None => join_with_kakao(connection, profile, newcomer, now)?,
    };
    acts::hold_one(connection, &id)?;
    let mut known = find(connection, &id)?.ok_or(Error::Unexpected("members.id"))?;
    // Left while we waited for the row: who comes now is somebody new.
    if known.standing == Standing::Withdrawn {
        (id, joined) = join_with_kakao(connection, profile, newcomer, now)?;
        known = find(connection, &id)?.ok_or(Error::Unexpected("members.id"))?;
    }
    if !known.standing.admits(now) {
        return Ok(Arrived {
            member: known,
            joined,
        });
    }
    refresh_kakao(connection, profile, now)?;
    account::adopt_address(connection, known.id, profile, now)?;
    let renamed = known.display_name.is_none() && profile.nickname.is_some();
    let display_name = known.display_name.as_ref().or(profile.nickname.as_ref());
    diesel::update(members::table.find(&id))
        .set((
            members::last_login_at.eq(stored(now)),
            members::picture.eq(&profile.picture),
            members::display_name.eq(display_name),
        ))
        .execute(connection)?;
    if renamed {
        searchable(connection, &id, display_name.map(String::as_str))?;
    }
    let member = Member {
        display_name: display_name.cloned(),
        picture: profile.picture.clone(),
        last_login_at: now,
        ..known
    };
    Ok(Arrived { member, joined })
}

/// The member whom a Kakao account belongs to.
///
/// # Errors
/// The database's.
pub fn of_kakao(
    connection: &mut AnyConnection,
    profile: &KakaoProfile,
) -> Result<Option<MemberId>, Error> {
    let id = find_by_kakao(connection, profile)?;
    id.as_deref().map(member_id).transpose()
}

fn find_by_kakao(
    connection: &mut AnyConnection,
    profile: &KakaoProfile,
) -> Result<Option<String>, Error> {
    Ok(kakao_accounts::table
        .find((profile.app_id, profile.kakao_id.get()))
        .select(kakao_accounts::member_id)
        .first(connection)
        .optional()?)
}

/// Makes a member of `newcomer`, unless somebody else has just made one of the same account; says
/// who it is, and whether it is ours.
fn join_with_kakao(
    connection: &mut AnyConnection,
    profile: &KakaoProfile,
    newcomer: Newcomer,
    now: OffsetDateTime,
) -> Result<(String, bool), Error> {
    let id = newcomer.id.to_string();
    let number = next_number(connection)?;
    // An address that belongs to somebody already stays theirs. Who only waits for it has lost it.
    let address = match profile.address() {
        Some(address) if is_proved(connection, &address.key())? => None,
        other => other,
    };
    if let Some(address) = &address {
        account::forget_awaited(connection, &address.key())?;
    }
    let insert = |connection: &mut AnyConnection, email: Option<&EmailAddress>| {
        connection.unless_taken(|connection| {
            diesel::insert_into(members::table)
                .values((
                    members::id.eq(&id),
                    members::number.eq(number),
                    members::role.eq(newcomer.role.code()),
                    members::standing.eq("active"),
                    members::joined_with.eq(Provider::Kakao.code()),
                    members::display_name.eq(&profile.nickname),
                    members::email.eq(email.map(EmailAddress::as_str)),
                    members::email_key.eq(email.map(EmailAddress::key)),
                    members::email_verified_at.eq(email.map(|_| stored(now))),
                    members::created_at.eq(stored(now)),
                    members::last_login_at.eq(stored(now)),
                ))
                .execute(connection)
        })
    };
    // Whoever was quicker to prove it has it.
    if !insert(connection, address.as_ref())? && !insert(connection, None)? {
        return Err(Error::Unexpected("members.number"));
    }
    let linked = insert_kakao(connection, &id, profile, now)?;
    if linked {
        searchable(connection, &id, profile.nickname.as_deref())?;
        return Ok((id, true));
    }
    diesel::delete(members::table.find(&id)).execute(connection)?;
    let winner = find_by_kakao(connection, profile)?;
    let winner = winner.ok_or(Error::Unexpected("kakao_accounts.member_id"))?;
    Ok((winner, false))
}

/// Writes down whose a Kakao account is; `false` when it is somebody's already, or the member has
/// one of this app.
fn insert_kakao(
    connection: &mut AnyConnection,
    member: &str,
    profile: &KakaoProfile,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    connection.unless_taken(|connection| {
        diesel::insert_into(kakao_accounts::table)
            .values((
                kakao_accounts::app_id.eq(profile.app_id),
                kakao_accounts::kakao_id.eq(profile.kakao_id.get()),
                kakao_accounts::member_id.eq(member),
                kakao_accounts::email_valid.eq(false),
                kakao_accounts::email_verified.eq(false),
                kakao_accounts::scopes.eq(""),
                kakao_accounts::linked_at.eq(stored(now)),
                kakao_accounts::synced_at.eq(stored(now)),
            ))
            .execute(connection)
    })
}

/// Whether an address belongs to a member who has proved it.
///
/// # Errors
/// The database's.
pub fn is_proved(connection: &mut AnyConnection, email_key: &str) -> Result<bool, Error> {
    let proved = members::table
        .filter(members::email_key.eq(email_key))
        .filter(members::email_verified_at.is_not_null());
    Ok(diesel::select(diesel::dsl::exists(proved)).get_result(connection)?)
}

/// The number of the next member. SQLite has one writer, so the greatest so far plus one is free;
/// PostgreSQL has a sequence, made by [`super::migrate`], which leaves gaps where a sign-up failed.
pub(super) fn next_number(connection: &mut AnyConnection) -> Result<i64, Error> {
    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        number: i64,
    }
    let query = match connection {
        AnyConnection::Sqlite(_) => "SELECT COALESCE(MAX(number), 0) + 1 AS number FROM members",
        AnyConnection::Postgres(_) => "SELECT NEXTVAL('member_numbers') AS number",
    };
    Ok(diesel::sql_query(query)
        .get_result::<Row>(connection)?
        .number)
}

fn refresh_kakao(
    connection: &mut AnyConnection,
    profile: &KakaoProfile,
    now: OffsetDateTime,
) -> Result<(), Error> {
    unlinked::clear(connection, profile.app_id, profile.kakao_id, now)?;
    diesel::update(kakao_accounts::table.find((profile.app_id, profile.kakao_id.get())))
        .set((
            kakao_accounts::connected_at.eq(profile.connected_at.map(stored)),
            kakao_accounts::nickname.eq(&profile.nickname),
            kakao_accounts::picture.eq(&profile.picture),
            kakao_accounts::email.eq(&profile.email),
            kakao_accounts::email_valid.eq(profile.email_valid),
            kakao_accounts::email_verified.eq(profile.email_verified),
            kakao_accounts::scopes.eq(&profile.scopes),
            kakao_accounts::synced_at.eq(stored(now)),
        ))
        .execute(connection)?;
    Ok(())
}

fn find(connection: &mut AnyConnection, id: &str) -> Result<Option<Member>, Error> {
    let row = members::table
        .find(id)
        .select(MemberRow::as_select())
        .first(connection);
    row.optional()?.map(MemberRow::into_member).transpose()
}

/// The member with this key.
///
/// # Errors
/// The database's.
pub fn by_id(connection: &mut AnyConnection, id: MemberId) -> Result<Option<Member>, Error> {
    find(connection, &id.to_string())
}

/// Notes that a member has signed in.
///
/// # Errors
/// The database's.
pub fn note_login(
    connection: &mut AnyConnection,
    id: MemberId,
    now: OffsetDateTime,
) -> Result<(), Error> {
    diesel::update(members::table.find(id.to_string()))
        .set(members::last_login_at.eq(stored(now)))
        .execute(connection)?;
    Ok(())
}

/// Remembers the language a member chose, by its code.
///
/// # Errors
/// The database's.
pub fn choose_locale(
    connection: &mut AnyConnection,
    member: MemberId,
    locale: &str,
) -> Result<(), Error> {
    diesel::update(members::table.find(member.to_string()))
        .set(members::locale.eq(locale))
        .execute(connection)?;
    Ok(())
}

/// Bars a member from signing in, or lifts the bar.
///
/// # Errors
/// The database's.
pub fn set_standing(
    connection: &mut AnyConnection,
    member: MemberId,
    standing: &Standing,
) -> Result<(), Error> {
    let until = match standing {
        Standing::Suspended { until } => *until,
        _ => None,
    };
    diesel::update(members::table.find(member.to_string()))
        .set((
            members::standing.eq(standing.kind().code()),
            members::standing_until.eq(until.map(stored)),
        ))
        .execute(connection)?;
    Ok(())
}

/// How many members there are.
///
/// # Errors
/// The database's.
pub fn count(connection: &mut AnyConnection) -> Result<i64, Error> {
    Ok(members::table.count().get_result(connection)?)
}

pub(super) fn member_id(text: &str) -> Result<MemberId, Error> {
    let id = Uuid::parse_str(text).map_err(|_| Error::Unexpected("members.id"))?;
    Ok(MemberId(id))
}
