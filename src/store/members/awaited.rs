//! Members to be: who wants to join by email and has not proved the address. There is one of an
//! address, however often it is tried; what was typed waits with the link that proves it.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};

use super::{acts, member_id, standing_of};
use crate::email::EmailAddress;
use crate::member::{MemberId, Provider, Role, Standing, StandingKind};
use crate::store::directory::searchable;
use crate::store::schema::{consents, mail_links, members, passwords};
use crate::store::time::stored;
use crate::store::{AnyConnection, Error};

/// What a member is who has proved the address.
#[derive(Clone, Debug)]
pub struct Proof<'a> {
    /// Who.
    pub member: MemberId,
    /// The name they chose.
    pub name: &'a str,
    /// What they may do.
    pub role: Role,
    /// The language they read, by its code.
    pub locale: &'a str,
}

/// What a proof came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Confirmed {
    /// They are a member now.
    Yes,
    /// Somebody else has proved the address before.
    Taken,
    /// They are not waited for: this is what they are.
    Not(Standing),
    /// There is no such member any more.
    Gone,
}

/// Waits for somebody at this address: for whoever is waited for already, or else for `newcomer`.
/// Nobody changes the row until the transaction ends. `None` when somebody has proved the address.
///
/// # Errors
/// The database's.
pub fn expect(
    connection: &mut AnyConnection,
    newcomer: MemberId,
    address: &EmailAddress,
    now: OffsetDateTime,
) -> Result<Option<MemberId>, Error> {
    let key = address.key();
    for _ in 0..3 {
        if let Some(id) = find(connection, &key)? {
            acts::hold_one(connection, &id)?;
            // Proved or forgotten while we waited for the row, it is not waited for any more.
            if find(connection, &key)?.as_ref() == Some(&id) {
                return member_id(&id).map(Some);
            }
        }
        // Whoever is waited for no more had it a moment ago.
        if super::is_proved(connection, &key)? {
            return Ok(None);
        }
        let number = super::next_number(connection)?;
        let inserted = connection.unless_taken(|connection| {
            diesel::insert_into(members::table)
                .values((
                    members::id.eq(newcomer.to_string()),
                    members::number.eq(number),
                    members::role.eq(Role::Member.code()),
                    members::standing.eq(StandingKind::Unconfirmed.code()),
                    members::joined_with.eq(Provider::Email.code()),
                    members::email.eq(address.as_str()),
                    members::email_key.eq(&key),
                    members::created_at.eq(stored(now)),
                    members::last_login_at.eq(stored(now)),
                ))
                .execute(connection)
        })?;
        if inserted {
            return Ok(Some(newcomer));
        }
    }
    Err(Error::Unexpected("members.email_key"))
}

fn find(connection: &mut AnyConnection, email_key: &str) -> Result<Option<String>, Error> {
    Ok(members::table
        .filter(members::email_key.eq(email_key))
        .filter(members::standing.eq(StandingKind::Unconfirmed.code()))
        .select(members::id)
        .first(connection)
        .optional()?)
}

/// Makes a member of somebody who was waited for and has proved the address.
///
/// # Errors
/// The database's.
pub fn confirm(
    connection: &mut AnyConnection,
    proof: &Proof<'_>,
    now: OffsetDateTime,
) -> Result<Confirmed, Error> {
    let id = proof.member.to_string();
    acts::hold_one(connection, &id)?;
    let row = members::table
        .find(&id)
        .select((members::standing, members::standing_until))
        .first::<(String, Option<PrimitiveDateTime>)>(connection)
        .optional()?;
    let Some((standing, until)) = row else {
        return Ok(Confirmed::Gone);
    };
    let standing = standing_of(&standing, until)?;
    if standing != Standing::Unconfirmed {
        return Ok(Confirmed::Not(standing));
    }
    let first = connection.unless_taken(|connection| {
        diesel::update(members::table.find(&id))
            .set((
                members::standing.eq(StandingKind::Active.code()),
                members::role.eq(proof.role.code()),
                members::display_name.eq(proof.name),
                members::locale.eq(proof.locale),
                members::email_verified_at.eq(stored(now)),
                members::last_login_at.eq(stored(now)),
                members::version.eq(members::version + 1),
            ))
            .execute(connection)
    })?;
    if !first {
        return Ok(Confirmed::Taken);
    }
    searchable(connection, &id, Some(proof.name))?;
    Ok(Confirmed::Yes)
}

/// Forgets at most `limit` of those who were waited for since `before` or longer and have had no
/// link that worked since; says how many. Two instances at it forget different ones.
///
/// # Errors
/// The database's.
pub fn purge(
    connection: &mut AnyConnection,
    before: OffsetDateTime,
    limit: i64,
) -> Result<usize, Error> {
    let recent = mail_links::table
        .filter(mail_links::member_id.eq(members::id))
        .filter(mail_links::expires_at.ge(stored(before)));
    let stale = members::table
        .filter(members::standing.eq(StandingKind::Unconfirmed.code()))
        .filter(members::created_at.lt(stored(before)))
        .filter(diesel::dsl::not(diesel::dsl::exists(recent)))
        .order(members::id)
        .limit(limit)
        .select(members::id);
    let ids: Vec<String> = match connection {
        AnyConnection::Sqlite(connection) => stale.load(connection)?,
        // Whoever is being proved at this moment is passed over.
        AnyConnection::Postgres(connection) => stale.for_update().skip_locked().load(connection)?,
    };
    let theirs = mail_links::table.filter(mail_links::member_id.eq_any(&ids));
    diesel::delete(theirs).execute(connection)?;
    let theirs = consents::table.filter(consents::member_id.eq_any(&ids));
    diesel::delete(theirs).execute(connection)?;
    let theirs = passwords::table.filter(passwords::member_id.eq_any(&ids));
    diesel::delete(theirs).execute(connection)?;
    let they = members::table.filter(members::id.eq_any(&ids));
    Ok(diesel::delete(they).execute(connection)?)
}
