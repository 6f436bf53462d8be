//! Session rows: the authority on who is signed in.

pub mod made_by_kakao;
pub mod own;
pub mod tokens;

use std::time::Duration;

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};
use uuid::Uuid;

use super::members::{KakaoRow, MemberRow};
use super::schema::{api_tokens, kakao_accounts, members, sessions};
use super::time::{moment, stored};
use super::{AnyConnection, Error};
use crate::member::{EndedBy, MemberId, Method, Role, Session, SignedIn};

/// A session to be written.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// Its id.
    pub id: Uuid,
    /// The digest of its secret.
    pub secret_hash: String,
    /// Whose it is.
    pub member: MemberId,
    /// How the member signed in.
    pub method: Method,
    /// From which address.
    pub ip: String,
    /// With which program, as it calls itself.
    pub user_agent: String,
    /// When.
    pub created_at: OffsetDateTime,
    /// When it ends if it is not used; never after [`NewSession::ends_at`].
    pub idle_ends_at: OffsetDateTime,
    /// When it ends in any case.
    pub ends_at: OffsetDateTime,
    /// Whether it is to end with the browser.
    pub brief: bool,
    /// Whether nobody was asked anything.
    pub unasked: bool,
    /// The Kakao tokens of this sign-in, sealed.
    pub kakao: Option<SealedTokens>,
}

/// Kakao's tokens as they are stored.
#[derive(Clone, Debug)]
pub struct SealedTokens {
    /// Sealed access token.
    pub access: String,
    /// When the access token stops working.
    pub access_ends_at: OffsetDateTime,
    /// Sealed refresh token.
    pub refresh: String,
    /// When the refresh token stops working.
    pub refresh_ends_at: OffsetDateTime,
}

/// What a session cookie turned out to stand for.
#[derive(Clone, Debug)]
pub enum Found {
    /// Somebody who is signed in.
    Live(Box<SignedIn>),
    /// A session that has ended, and why; and the role of whose it was.
    Ended(EndedBy, Role),
    /// Nothing we know.
    Unknown,
}

/// A session that has just been ended.
#[derive(Clone, Debug)]
pub struct Ended {
    /// Which one.
    pub id: Uuid,
    /// The user agent it was used with.
    pub user_agent: String,
    /// Its sealed Kakao access token with its expiry, if it has one that may still work.
    pub kakao_access: Option<(String, OffsetDateTime)>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    id: String,
    method: String,
    ip: String,
    user_agent: String,
    created_at: PrimitiveDateTime,
    last_seen_at: PrimitiveDateTime,
    idle_ends_at: PrimitiveDateTime,
    ends_at: PrimitiveDateTime,
    brief: bool,
    unasked: bool,
}

impl SessionRow {
    fn into_session(self) -> Result<Session, Error> {
        Ok(Session {
            id: session_id(&self.id)?,
            method: match self.method.as_str() {
                "kakao" => Method::Kakao,
                "password" => Method::Password,
                _ => return Err(Error::Unexpected("sessions.method")),
            },
            ip: self.ip,
            user_agent: self.user_agent,
            created_at: moment(self.created_at),
            last_seen_at: moment(self.last_seen_at),
            idle_ends_at: moment(self.idle_ends_at),
            ends_at: moment(self.ends_at),
            brief: self.brief,
            unasked: self.unasked,
        })
    }
}

/// Writes a new session.
///
/// # Errors
/// The database's.
pub fn insert(connection: &mut AnyConnection, new: &NewSession) -> Result<(), Error> {
    let kakao = new.kakao.as_ref();
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(new.id.to_string()),
            sessions::secret_hash.eq(&new.secret_hash),
            sessions::member_id.eq(new.member.to_string()),
            sessions::method.eq(new.method.code()),
            sessions::ip.eq(&new.ip),
            sessions::user_agent.eq(&new.user_agent),
            sessions::created_at.eq(stored(new.created_at)),
            sessions::last_seen_at.eq(stored(new.created_at)),
            sessions::idle_ends_at.eq(stored(new.idle_ends_at)),
            sessions::ends_at.eq(stored(new.ends_at)),
            sessions::brief.eq(new.brief),
            sessions::unasked.eq(new.unasked),
            sessions::kakao_access.eq(kakao.map(|tokens| &tokens.access)),
            sessions::kakao_access_ends_at.eq(kakao.map(|tokens| stored(tokens.access_ends_at))),
            sessions::kakao_refresh.eq(kakao.map(|tokens| &tokens.refresh)),
            sessions::kakao_refresh_ends_at.eq(kakao.map(|tokens| stored(tokens.refresh_ends_at))),
        ))
        .execute(connection)?;
    Ok(())
}

/// Looks up the session with this id and secret, its member and the member's Kakao account, in
/// one query. This is the read behind every signed-in request.
///
/// # Errors
/// The database's.
pub fn find(
    connection: &mut AnyConnection,
    id: Uuid,
    secret_hash: &str,
    app_id: i64,
    now: OffsetDateTime,
) -> Result<Found, Error> {
    look_up(connection, id, Some(secret_hash), app_id, now)
}

/// The same for whoever has shown otherwise that the session is theirs: by a token that we signed.
///
/// # Errors
/// The database's.
pub fn find_signed(
    connection: &mut AnyConnection,
    id: Uuid,
    app_id: i64,
    now: OffsetDateTime,
) -> Result<Found, Error> {
    look_up(connection, id, None, app_id, now)
}

fn look_up(
    connection: &mut AnyConnection,
    id: Uuid,
    secret_hash: Option<&str>,
    app_id: i64,
    now: OffsetDateTime,
) -> Result<Found, Error> {
    type Row = (
        SessionRow,
        String,
        Option<PrimitiveDateTime>,
        Option<String>,
        MemberRow,
        Option<KakaoRow>,
    );
    let row = sessions::table
        .inner_join(members::table)
        .left_join(
            kakao_accounts::table.on(kakao_accounts::member_id
                .eq(sessions::member_id)
                .and(kakao_accounts::app_id.eq(app_id))),
        )
        .filter(sessions::id.eq(id.to_string()))
        .select((
            SessionRow::as_select(),
            sessions::secret_hash,
            sessions::ended_at,
            sessions::ended_by,
            MemberRow::as_select(),
            Option::<KakaoRow>::as_select(),
        ))
        .first::<Row>(connection)
        .optional()?;
    let Some((session, hash, ended_at, ended_by, member, kakao)) = row else {
        return Ok(Found::Unknown);
    };
    // Both are digests of 256 random bits: how long the comparison takes tells nothing useful.
    if secret_hash.is_some_and(|secret_hash| hash != secret_hash) {
        return Ok(Found::Unknown);
    }
    let session = session.into_session()?;
    let member = member.into_member()?;
    if ended_at.is_some() {
        return Ok(Found::Ended(ended_by_of(ended_by.as_deref()), member.role));
    }
    if session.idle_ends_at <= now || session.ends_at <= now {
        return Ok(Found::Ended(EndedBy::Expiry, member.role));
    }
    if !member.standing.admits(now) {
        return Ok(Found::Ended(EndedBy::Suspension, member.role));
    }
    Ok(Found::Live(Box::new(SignedIn {
        session,
        member,
        // One that is gone at Kakao is only remembered.
        kakao: kakao
            .map(KakaoRow::into_account)
            .transpose()?
            .filter(|kakao| kakao.unlinked_at.is_none()),
    })))
}

/// The live sessions of a member, the most recently used first, at most `limit`.
///
/// # Errors
/// The database's.
pub fn list(
    connection: &mut AnyConnection,
    member: MemberId,
    now: OffsetDateTime,
    limit: i64,
) -> Result<Vec<Session>, Error> {
    live_of(member, now)
        .select(SessionRow::as_select())
        .order((sessions::last_seen_at.desc(), sessions::id.desc()))
        .limit(limit)
        .load(connection)?
        .into_iter()
        .map(SessionRow::into_session)
        .collect()
}

/// Notes that a session was used, and moves its idle end. Does nothing to an ended session, and
/// never moves backwards: notes may overtake one another.
///
/// # Errors
/// The database's.
pub fn touch(
    connection: &mut AnyConnection,
    id: Uuid,
    now: OffsetDateTime,
    idle_ends_at: OffsetDateTime,
) -> Result<(), Error> {
    let live = sessions::table
        .find(id.to_string())
        .filter(sessions::ended_at.is_null())
        .filter(sessions::last_seen_at.lt(stored(now)));
    diesel::update(live)
        .set((
            sessions::last_seen_at.eq(stored(now)),
            sessions::idle_ends_at.eq(stored(idle_ends_at)),
        ))
        .execute(connection)?;
    Ok(())
}

/// Kakao's tokens of a live session.
///
/// # Errors
/// The database's.
pub fn kakao_tokens(
    connection: &mut AnyConnection,
    id: Uuid,
) -> Result<Option<SealedTokens>, Error> {
    type Row = (
        Option<String>,
        Option<PrimitiveDateTime>,
        Option<String>,
        Option<PrimitiveDateTime>,
    );
    let row: Option<Row> = sessions::table
        .find(id.to_string())
        .filter(sessions::ended_at.is_null())
        .select((
            sessions::kakao_access,
            sessions::kakao_access_ends_at,
            sessions::kakao_refresh,
            sessions::kakao_refresh_ends_at,
        ))
        .first(connection)
        .optional()?;
    Ok(
        row.and_then(|(access, access_ends_at, refresh, refresh_ends_at)| {
            Some(SealedTokens {
                access: access?,
                access_ends_at: moment(access_ends_at?),
                refresh: refresh?,
                refresh_ends_at: moment(refresh_ends_at?),
            })
        }),
    )
}

/// Ends one live session of a member; `None` when it was not live any more (or never theirs).
///
/// # Errors
/// The database's.
pub fn end(
    connection: &mut AnyConnection,
    member: MemberId,
    id: Uuid,
    by: EndedBy,
    now: OffsetDateTime,
) -> Result<Option<Ended>, Error> {
    let row = live_of(member, now)
        .filter(sessions::id.eq(id.to_string()))
        .select(EndedRow::as_select())
        .first(connection)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    end_row(connection, row, by, now)
}

/// Ends the live sessions of a member, all but `except`.
///
/// # Errors
/// The database's.
pub fn end_all(
    connection: &mut AnyConnection,
    member: MemberId,
    except: Option<Uuid>,
    by: EndedBy,
    now: OffsetDateTime,
) -> Result<Vec<Ended>, Error> {
    let except = except.map(|id| id.to_string()).unwrap_or_default();
    let rows = live_of(member, now)
        .filter(sessions::id.ne(except))
        // Everybody locks the rows in one order, so that nobody waits for each other.
        .order(sessions::id)
        .select(EndedRow::as_select())
        .load(connection)?;
    end_rows(connection, rows, by, now)
}

/// Ends the live sessions of a member that programs hold tokens of.
///
/// # Errors
/// The database's.
pub fn end_of_programs(
    connection: &mut AnyConnection,
    member: MemberId,
    by: EndedBy,
    now: OffsetDateTime,
) -> Result<Vec<Ended>, Error> {
    let rows = live_of(member, now)
        .filter(sessions::id.eq_any(api_tokens::table.select(api_tokens::session_id)))
        .order(sessions::id)
        .select(EndedRow::as_select())
        .load(connection)?;
    end_rows(connection, rows, by, now)
}

fn end_rows(
    connection: &mut AnyConnection,
    rows: Vec<EndedRow>,
    by: EndedBy,
    now: OffsetDateTime,
) -> Result<Vec<Ended>, Error> {
    let mut ended = Vec::with_capacity(rows.len());
    for row in rows {
        ended.extend(end_row(connection, row, by, now)?);
    }
    Ok(ended)
}

/// Lets no live session of a member go unused for longer than `idle`, counted from its last use.
///
/// # Errors
/// The database's.
pub fn shorten(
    connection: &mut AnyConnection,
    member: MemberId,
    idle: Duration,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let live: Vec<(String, PrimitiveDateTime, PrimitiveDateTime)> = live_of(member, now)
        .order(sessions::id)
        .select((sessions::id, sessions::last_seen_at, sessions::idle_ends_at))
        .load(connection)?;
    for (id, last_seen_at, idle_ends_at) in live {
        let sooner = idle_ends_at.min(last_seen_at + idle);
        diesel::update(
            sessions::table
                .find(id)
                .filter(sessions::ended_at.is_null()),
        )
        .set(sessions::idle_ends_at.eq(sooner))
        .execute(connection)?;
    }
    Ok(())
}

/// Forgets sessions that ended before `before`, at most `limit`; says how many. Until then an
/// ended session can still tell its device why it ended.
///
/// # Errors
/// The database's.
pub fn purge(
    connection: &mut AnyConnection,
    before: OffsetDateTime,
    limit: i64,
) -> Result<usize, Error> {
    let old: Vec<String> = sessions::table
        .filter(sessions::idle_ends_at.lt(stored(before)))
        .limit(limit)
        .select(sessions::id)
        .load(connection)?;
    let old = sessions::table.filter(sessions::id.eq_any(old));
    Ok(diesel::delete(old).execute(connection)?)
}

/// Drops the Kakao tokens of sessions that ended by themselves before `now`, at most `limit`;
/// says how many. Sessions that somebody ended have lost theirs already.
///
/// # Errors
/// The database's.
pub fn drop_expired_tokens(
    connection: &mut AnyConnection,
    now: OffsetDateTime,
    limit: i64,
) -> Result<usize, Error> {
    let expired: Vec<String> = sessions::table
        .filter(sessions::idle_ends_at.lt(stored(now)))
        .filter(sessions::kakao_refresh.is_not_null())
        .limit(limit)
        .select(sessions::id)
        .load(connection)?;
    let expired = sessions::table.filter(sessions::id.eq_any(expired));
    Ok(diesel::update(expired)
        .set((
            sessions::kakao_access.eq(None::<String>),
            sessions::kakao_refresh.eq(None::<String>),
        ))
        .execute(connection)?)
}

/// How many sessions are live; `None` for more than `most`.
///
/// # Errors
/// The database's.
pub fn count_live_up_to(
    connection: &mut AnyConnection,
    now: OffsetDateTime,
    most: i64,
) -> Result<Option<i64>, Error> {
    let found: Vec<PrimitiveDateTime> = sessions::table
        .filter(sessions::idle_ends_at.gt(stored(now)))
        .limit(most + 1)
        .select(sessions::idle_ends_at)
        .load(connection)?;
    let count = i64::try_from(found.len()).unwrap_or(i64::MAX);
    Ok(Some(count).filter(|count| *count <= most))
}

/// How many sessions are live.
///
/// # Errors
/// The database's.
pub fn count_live(connection: &mut AnyConnection, now: OffsetDateTime) -> Result<i64, Error> {
    let now = stored(now);
    Ok(sessions::table
        .filter(sessions::ended_at.is_null())
        .filter(sessions::idle_ends_at.gt(now))
        .filter(sessions::ends_at.gt(now))
        .count()
        .get_result(connection)?)
}

/// What is needed of a row that is being ended.
#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct EndedRow {
    id: String,
    user_agent: String,
    kakao_access: Option<String>,
    kakao_access_ends_at: Option<PrimitiveDateTime>,
}

#[diesel::dsl::auto_type(no_type_alias)]
fn live_of(member: MemberId, now: OffsetDateTime) -> _ {
    let (member, now): (String, PrimitiveDateTime) = (member.to_string(), stored(now));
    sessions::table
        .filter(sessions::member_id.eq(member))
        .filter(sessions::ended_at.is_null())
        .filter(sessions::idle_ends_at.gt(now))
        .filter(sessions::ends_at.gt(now))
}

/// Marks a live row as ended and takes its tokens out. The condition on `ended_at` makes it
/// happen once, however many try.
fn end_row(
    connection: &mut AnyConnection,
    row: EndedRow,
    by: EndedBy,
    now: OffsetDateTime,
) -> Result<Option<Ended>, Error> {
    let live = sessions::table
        .find(&row.id)
        .filter(sessions::ended_at.is_null());
    let changed = diesel::update(live)
        .set((
            sessions::ended_at.eq(stored(now)),
            sessions::idle_ends_at.eq(stored(now)),
            sessions::ended_by.eq(ended_by_code(by)),
            sessions::kakao_access.eq(None::<String>),
            sessions::kakao_refresh.eq(None::<String>),
        ))
        .execute(connection)?;
    let ended = Ended {
        id: session_id(&row.id)?,
        user_agent: row.user_agent,
        kakao_access: row
            .kakao_access
            .zip(row.kakao_access_ends_at.map(moment))
            .filter(|(_, end)| *end > now),
    };
    Ok((changed == 1).then_some(ended))
}

fn ended_by_code(by: EndedBy) -> &'static str {
    match by {
        EndedBy::Logout => "logout",
        EndedBy::OtherDevice => "other_device",
        EndedBy::NewLogin => "new_login",
        EndedBy::Expiry => "expiry",
        EndedBy::Suspension => "suspension",
        EndedBy::Admin => "admin",
        EndedBy::Password => "password",
        EndedBy::Kakao => "kakao",
        EndedBy::Reuse => "reuse",
    }
}

fn ended_by_of(code: Option<&str>) -> EndedBy {
    match code {
        Some("other_device") => EndedBy::OtherDevice,
        Some("new_login") => EndedBy::NewLogin,
        Some("expiry") => EndedBy::Expiry,
        Some("suspension") => EndedBy::Suspension,
        Some("admin") => EndedBy::Admin,
        Some("password") => EndedBy::Password,
        Some("kakao") => EndedBy::Kakao,
        Some("reuse") => EndedBy::Reuse,
        _ => EndedBy::Logout,
    }
}

fn session_id(text: &str) -> Result<Uuid, Error> {
    Uuid::parse_str(text).map_err(|_| Error::Unexpected("sessions.id"))
}
