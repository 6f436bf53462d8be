//! What members change about their own account, and what is left of it when they leave.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::{KakaoProfile, acts};
use crate::email::EmailAddress;
use crate::member::{KakaoId, MemberId, Role, StandingKind};
use crate::store::directory::searchable;
use crate::store::schema::{
    admin_preferences, consents, kakao_accounts, mail_links, members, passwords, saved_views,
    sessions,
};
use crate::store::time::{moment, stored};
use crate::store::{AnyConnection, Error, outbox};

/// What a member's own pages show of the member's row beside [`crate::member::Member`].
#[derive(Clone, Debug)]
pub struct Account {
    /// The address they are written to.
    pub email: Option<String>,
    /// What all spellings of it share.
    pub email_key: Option<String>,
    /// Since when it is known to be theirs; `None` while it is not.
    pub email_verified_at: Option<OffsetDateTime>,
    /// How they came, by its code.
    pub joined_with: String,
    /// Why they are suspended.
    pub standing_reason: Option<String>,
}

/// A Kakao account with everything that is stored of it.
#[derive(Clone, Debug)]
pub struct StoredKakao {
    /// The number at Kakao.
    pub id: KakaoId,
    /// When it was connected to the member here.
    pub linked_at: OffsetDateTime,
    /// Since when Kakao says that it is not connected any more.
    pub unlinked_at: Option<OffsetDateTime>,
    /// When the person connected our app, as Kakao remembers it.
    pub connected_at: Option<OffsetDateTime>,
    /// When Kakao was last asked.
    pub synced_at: OffsetDateTime,
    /// The nickname there.
    pub nickname: Option<String>,
    /// The picture there.
    pub picture: Option<String>,
    /// The address there.
    pub email: Option<String>,
    /// The address still belongs to this Kakao account.
    pub email_valid: bool,
    /// The address was verified by Kakao.
    pub email_verified: bool,
    /// Consent items granted, space-separated.
    pub scopes: String,
}

/// What somebody of the administration keeps there for next time.
#[derive(Clone, Debug, Default)]
pub struct Desk {
    /// Saved views of the member list: name, query, and since when.
    pub views: Vec<(String, String, OffsetDateTime)>,
    /// The columns of the list, where they were chosen.
    pub list_columns: Option<String>,
    /// Whether single keys do something, where that was chosen.
    pub shortcuts: Option<bool>,
}

/// What became of connecting a Kakao account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linked {
    /// It is connected, since now or already.
    Yes,
    /// It is connected to somebody else.
    TakenBy(MemberId),
    /// The member has another one.
    HasAnother,
}

/// What is stored of a member's own; `None` when there is no such member.
///
/// # Errors
/// The database's.
pub fn of(connection: &mut AnyConnection, member: MemberId) -> Result<Option<Account>, Error> {
    type Row = (
        Option<String>,
        Option<String>,
        Option<PrimitiveDateTime>,
        String,
        Option<String>,
    );
    let row: Option<Row> = members::table
        .find(member.to_string())
        .select((
            members::email,
            members::email_key,
            members::email_verified_at,
            members::joined_with,
            members::standing_reason,
        ))
        .first(connection)
        .optional()?;
    Ok(row.map(
        |(email, email_key, verified, joined_with, standing_reason)| Account {
            email,
            email_key,
            email_verified_at: verified.map(moment),
            joined_with,
            standing_reason,
        },
    ))
}

/// What a member keeps in the administration.
///
/// # Errors
/// The database's.
pub fn desk(connection: &mut AnyConnection, member: MemberId) -> Result<Desk, Error> {
    let id = member.to_string();
    let views: Vec<(String, String, PrimitiveDateTime)> = saved_views::table
        .filter(saved_views::member_id.eq(&id))
        .order(saved_views::name)
        .select((
            saved_views::name,
            saved_views::query,
            saved_views::created_at,
        ))
        .load(connection)?;
    let preferences: Option<(Option<String>, bool)> = admin_preferences::table
        .find(&id)
        .select((
            admin_preferences::list_columns,
            admin_preferences::shortcuts,
        ))
        .first(connection)
        .optional()?;
    let view = |(name, query, at)| (name, query, moment(at));
    let (list_columns, shortcuts) = preferences.unzip();
    Ok(Desk {
        views: views.into_iter().map(view).collect(),
        list_columns: list_columns.flatten(),
        shortcuts,
    })
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = kakao_accounts)]
struct StoredRow {
    kakao_id: i64,
    linked_at: PrimitiveDateTime,
    unlinked_at: Option<PrimitiveDateTime>,
    connected_at: Option<PrimitiveDateTime>,
    synced_at: PrimitiveDateTime,
    nickname: Option<String>,
    picture: Option<String>,
    email: Option<String>,
    email_valid: bool,
    email_verified: bool,
    scopes: String,
}

/// Everything stored of a member's Kakao account.
///
/// # Errors
/// The database's.
pub fn kakao(
    connection: &mut AnyConnection,
    app_id: i64,
    member: MemberId,
) -> Result<Option<StoredKakao>, Error> {
    let row = kakao_accounts::table
        .filter(kakao_accounts::app_id.eq(app_id))
        .filter(kakao_accounts::member_id.eq(member.to_string()))
        .select(StoredRow::as_select())
        .first(connection)
        .optional()?;
    row.map(|row| {
        let id = KakaoId::try_from(row.kakao_id);
        Ok(StoredKakao {
            id: id.map_err(|_| Error::Unexpected("kakao_accounts.kakao_id"))?,
            linked_at: moment(row.linked_at),
            unlinked_at: row.unlinked_at.map(moment),
            connected_at: row.connected_at.map(moment),
            synced_at: moment(row.synced_at),
            nickname: row.nickname,
            picture: row.picture,
            email: row.email,
            email_valid: row.email_valid,
            email_verified: row.email_verified,
            scopes: row.scopes,
        })
    })
    .transpose()
}

/// Gives a member this name, and lets the directory find them under it.
///
/// # Errors
/// The database's.
pub fn rename(connection: &mut AnyConnection, member: MemberId, name: &str) -> Result<(), Error> {
    let id = member.to_string();
    diesel::update(members::table.find(&id))
        .set(members::display_name.eq(name))
        .execute(connection)?;
    searchable(connection, &id, Some(name))
}

/// Writes down that an address was proved to be this member's; `false` when it is somebody else's,
/// and then nothing was changed. Whoever only waits for it, unproved, loses it.
///
/// # Errors
/// The database's.
pub fn prove_address(
    connection: &mut AnyConnection,
    member: MemberId,
    address: &EmailAddress,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    forget_awaited(connection, &address.key())?;
    connection.unless_taken(|connection| {
        diesel::update(members::table.find(member.to_string()))
            .set((
                members::email.eq(address.as_str()),
                members::email_key.eq(address.key()),
                members::email_verified_at.eq(stored(now)),
            ))
            .execute(connection)
    })
}

/// Gives a member who has no address the one that Kakao vouches for, unless it is somebody else's.
///
/// # Errors
/// The database's.
pub fn adopt_address(
    connection: &mut AnyConnection,
    member: MemberId,
    profile: &KakaoProfile,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let Some(address) = profile.address() else {
        return Ok(());
    };
    if of(connection, member)?.is_some_and(|own| own.email.is_none()) {
        prove_address(connection, member, &address, now)?;
    }
    Ok(())
}

/// Forgets everybody who wanted to join with this address and has not proved it: somebody has,
/// and what was planted in advance is worth nothing (ID-3).
///
/// # Errors
/// The database's.
pub fn forget_awaited(connection: &mut AnyConnection, email_key: &str) -> Result<(), Error> {
    for id in awaited(connection, email_key)? {
        acts::hold_one(connection, &id)?;
        // Proved while we waited for the row: then it is not for us to forget.
        if awaited(connection, email_key)?.contains(&id) {
            searchable(connection, &id, None)?;
            outbox::forget_letters(connection, &id)?;
            forget_belongings(connection, &id)?;
            diesel::delete(members::table.find(&id)).execute(connection)?;
        }
    }
    Ok(())
}

fn awaited(connection: &mut AnyConnection, email_key: &str) -> Result<Vec<String>, Error> {
    Ok(members::table
        .filter(members::email_key.eq(email_key))
        .filter(members::email_verified_at.is_null())
        .filter(members::standing.eq(StandingKind::Unconfirmed.code()))
        .order(members::id)
        .select(members::id)
        .load(connection)?)
}

/// Connects a Kakao account to a member who is held; one that is connected already takes over what
/// Kakao says now.
///
/// # Errors
/// The database's.
pub fn link(
    connection: &mut AnyConnection,
    member: MemberId,
    profile: &KakaoProfile,
    now: OffsetDateTime,
) -> Result<Linked, Error> {
    if let Some(owner) = super::of_kakao(connection, profile)? {
        if owner != member {
            return Ok(Linked::TakenBy(owner));
        }
        super::refresh_kakao(connection, profile, now)?;
        return Ok(Linked::Yes);
    }
    // The second index of the table: one account of an app a member.
    if let Some(other) = kakao(connection, profile.app_id, member)? {
        if other.unlinked_at.is_none() {
            return Ok(Linked::HasAnother);
        }
        // One that is gone at Kakao makes room.
        let gone = kakao_accounts::table.find((profile.app_id, other.id.get()));
        diesel::delete(gone).execute(connection)?;
    }
    if !super::insert_kakao(connection, &member.to_string(), profile, now)? {
        return Ok(match super::of_kakao(connection, profile)? {
            Some(owner) if owner != member => Linked::TakenBy(owner),
            _ => Linked::HasAnother,
        });
    }
    super::refresh_kakao(connection, profile, now)?;
    Ok(Linked::Yes)
}

/// Whether a Kakao account is connected to a member.
///
/// # Errors
/// The database's.
pub fn is_linked(connection: &mut AnyConnection, app_id: i64, id: KakaoId) -> Result<bool, Error> {
    let row = kakao_accounts::table.find((app_id, id.get()));
    Ok(diesel::select(diesel::dsl::exists(row)).get_result(connection)?)
}

/// Takes over what Kakao says now of an account that is connected: its picture too, and the address
/// for a member who has none.
///
/// # Errors
/// The database's.
pub fn resync(
    connection: &mut AnyConnection,
    member: MemberId,
    profile: &KakaoProfile,
    now: OffsetDateTime,
) -> Result<(), Error> {
    super::refresh_kakao(connection, profile, now)?;
    adopt_address(connection, member, profile, now)?;
    take_picture(connection, member, profile)
}

/// Shows the member with the picture they have at Kakao.
///
/// # Errors
/// The database's.
pub fn take_picture(
    connection: &mut AnyConnection,
    member: MemberId,
    profile: &KakaoProfile,
) -> Result<(), Error> {
    diesel::update(members::table.find(member.to_string()))
        .set(members::picture.eq(&profile.picture))
        .execute(connection)?;
    Ok(())
}

/// Takes a member's Kakao account of this app away; says which it was. Its picture goes with it,
/// and so do the tokens that sessions keep, which end at Kakao.
///
/// # Errors
/// The database's.
pub fn unlink(
    connection: &mut AnyConnection,
    app_id: i64,
    member: MemberId,
) -> Result<Option<KakaoId>, Error> {
    let Some(id) = acts::kakao_id(connection, app_id, member)? else {
        return Ok(None);
    };
    diesel::delete(kakao_accounts::table.find((app_id, id.get()))).execute(connection)?;
    diesel::update(members::table.find(member.to_string()))
        .set(members::picture.eq(None::<String>))
        .execute(connection)?;
    Ok(Some(id))
}

/// Erases what a member who leaves is known by, and everything that is theirs alone, letters that
/// wait for them too: what is written to them about it is owed after this. What stays is
/// the key, the number, how and when they came and left; the audit log refers to the key.
///
/// # Errors
/// The database's.
pub fn erase(
    connection: &mut AnyConnection,
    member: MemberId,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let id = member.to_string();
    searchable(connection, &id, None)?;
    outbox::forget_letters(connection, &id)?;
    forget_belongings(connection, &id)?;
    diesel::delete(kakao_accounts::table.filter(kakao_accounts::member_id.eq(&id)))
        .execute(connection)?;
    diesel::delete(sessions::table.filter(sessions::member_id.eq(&id))).execute(connection)?;
    diesel::update(members::table.find(&id))
        .set((
            members::standing.eq(StandingKind::Withdrawn.code()),
            members::standing_until.eq(None::<PrimitiveDateTime>),
            members::standing_reason.eq(None::<String>),
            members::withdrawn_at.eq(stored(now)),
            members::role.eq(Role::Member.code()),
            members::display_name.eq(None::<String>),
            members::picture.eq(None::<String>),
            members::locale.eq(None::<String>),
            members::email.eq(None::<String>),
            members::email_key.eq(None::<String>),
            members::email_verified_at.eq(None::<PrimitiveDateTime>),
            members::version.eq(members::version + 1),
        ))
        .execute(connection)?;
    Ok(())
}

/// Forgets what belongs to a member beside the row, the sessions and the Kakao account.
fn forget_belongings(connection: &mut AnyConnection, id: &str) -> Result<(), Error> {
    diesel::delete(passwords::table.filter(passwords::member_id.eq(id))).execute(connection)?;
    diesel::delete(consents::table.filter(consents::member_id.eq(id))).execute(connection)?;
    diesel::delete(mail_links::table.filter(mail_links::member_id.eq(id))).execute(connection)?;
    diesel::delete(saved_views::table.filter(saved_views::member_id.eq(id))).execute(connection)?;
    let preferences = admin_preferences::table.filter(admin_preferences::member_id.eq(id));
    diesel::delete(preferences).execute(connection)?;
    Ok(())
}
