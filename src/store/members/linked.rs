//! Whose Kakao account is connected, as far as we know, in the order of Kakao's numbers.

use diesel::prelude::*;
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::member::KakaoId;
use crate::store::schema::{kakao_accounts, members};
use crate::store::time::moment;
use crate::store::{AnyConnection, Error};

/// A connected account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linked {
    /// Its number at Kakao.
    pub kakao_id: KakaoId,
    /// The number of its member here.
    pub number: i64,
    /// Since when it is theirs.
    pub linked_at: OffsetDateTime,
}

/// Up to `limit` connected accounts of the app whose numbers are larger than `after`, from the
/// smallest on.
///
/// # Errors
/// The database's.
pub fn page(
    connection: &mut AnyConnection,
    app_id: i64,
    after: Option<KakaoId>,
    limit: i64,
) -> Result<Vec<Linked>, Error> {
    let rows: Vec<(i64, i64, PrimitiveDateTime)> = kakao_accounts::table
        .inner_join(members::table)
        .filter(kakao_accounts::app_id.eq(app_id))
        .filter(kakao_accounts::kakao_id.gt(after.map_or(0, KakaoId::get)))
        .filter(kakao_accounts::unlinked_at.is_null())
        .order(kakao_accounts::kakao_id)
        .limit(limit)
        .select((
            kakao_accounts::kakao_id,
            members::number,
            kakao_accounts::linked_at,
        ))
        .load(connection)?;
    let linked = rows.into_iter().map(|(kakao_id, number, linked_at)| {
        let kakao_id = KakaoId::try_from(kakao_id);
        Ok(Linked {
            kakao_id: kakao_id.map_err(|_| Error::Unexpected("kakao_accounts.kakao_id"))?,
            number,
            linked_at: moment(linked_at),
        })
    });
    linked.collect()
}
