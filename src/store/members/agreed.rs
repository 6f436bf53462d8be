//! What members let Kakao share with us.

use diesel::prelude::*;
use time::OffsetDateTime;

use crate::member::KakaoId;
use crate::store::schema::{kakao_accounts, members};
use crate::store::time::stored;
use crate::store::{AnyConnection, Error};

/// The consent items that somebody agreed to, as far as we know.
///
/// # Errors
/// The database's.
pub fn items(
    connection: &mut AnyConnection,
    app_id: i64,
    id: KakaoId,
) -> Result<Vec<String>, Error> {
    let account = kakao_accounts::table.find((app_id, id.get()));
    let agreed: Option<String> = account
        .select(kakao_accounts::scopes)
        .first(connection)
        .optional()?;
    let agreed = agreed.unwrap_or_default();
    Ok(agreed.split_whitespace().map(str::to_owned).collect())
}

/// Notes that somebody has withdrawn consent to `item`, and erases what we were given because of
/// it. An address that a member has proved is how they sign in and are written to, and stays theirs
/// to change. The member is held.
///
/// # Errors
/// The database's.
pub fn withdraw(
    connection: &mut AnyConnection,
    (app_id, id): (i64, KakaoId),
    item: &str,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let account = kakao_accounts::table.find((app_id, id.get()));
    let mut left = items(connection, app_id, id)?;
    left.retain(|one| one != item);
    diesel::update(account)
        .set((
            kakao_accounts::scopes.eq(left.join(" ")),
            kakao_accounts::synced_at.eq(stored(now)),
        ))
        .execute(connection)?;
    if matches!(item, "account_email") {
        diesel::update(account)
            .set((
                kakao_accounts::email.eq(None::<String>),
                kakao_accounts::email_valid.eq(false),
                kakao_accounts::email_verified.eq(false),
            ))
            .execute(connection)?;
    }
    if matches!(item, "profile_nickname" | "profile") {
        diesel::update(account)
            .set(kakao_accounts::nickname.eq(None::<String>))
            .execute(connection)?;
    }
    if matches!(item, "profile_image" | "profile") {
        let shown: Option<(String, Option<String>)> = account
            .select((kakao_accounts::member_id, kakao_accounts::picture))
            .first(connection)
            .optional()?;
        diesel::update(account)
            .set(kakao_accounts::picture.eq(None::<String>))
            .execute(connection)?;
        if let Some((member, Some(picture))) = shown {
            let theirs = members::table
                .find(member)
                .filter(members::picture.eq(picture));
            diesel::update(theirs)
                .set(members::picture.eq(None::<String>))
                .execute(connection)?;
        }
    }
    Ok(())
}
