//! Who is linked to the app, page by page (`GET /v1/user/ids`).

use reqwest::header::AUTHORIZATION;
use serde::Deserialize;
use serde_json::Value;

use super::Kakao;
use crate::kakao::error::{Call, Code, Error, Kind};
use crate::member::KakaoId;

/// The most numbers that Kakao puts on one page.
pub const LARGEST_PAGE: usize = 100;

/// One page of the numbers of everybody who is linked to the app, from the smallest to the
/// largest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserIds {
    /// The numbers.
    pub ids: Vec<KakaoId>,
    /// Where the next page begins; `None` for the last one.
    pub next: Option<KakaoId>,
}

#[derive(Deserialize)]
struct Body {
    elements: Vec<i64>,
    #[serde(default)]
    after_url: Value,
}

impl Kakao {
    /// The page that begins with the number `from`, or the first one; by admin key. Kakao allows
    /// a hundred of these calls a minute.
    ///
    /// It changes nothing, so where one of two keys is refused, or has not this right, the other is
    /// tried at once.
    ///
    /// # Errors
    /// [`Kind::BadClient`] for refused or missing admin keys, [`Kind::Configuration`] for one
    /// without this right (-3), [`Kind::Limited`], [`Kind::Temporary`], [`Kind::BadReply`].
    pub async fn user_ids(&self, from: Option<KakaoId>) -> Result<UserIds, Error> {
        let rotation = &self.0.admin_keys;
        let place = rotation.current().map_or(0, |(place, _)| place);
        let mut refusal = match self.user_ids_with(place, from, LARGEST_PAGE).await {
            Err(error) if is_of_the_key(&error) => error,
            other => return other,
        };
        if refusal.kind == Kind::BadClient {
            rotation.refused(place);
        }
        let others = (0..rotation.all().count()).filter(|other| *other != place);
        for other in others {
            match self.user_ids_with(other, from, LARGEST_PAGE).await {
                Err(error) if is_of_the_key(&error) => {
                    if error.kind == Kind::BadClient {
                        rotation.refused(other);
                    } else {
                        // That a key lacks the right says more than that one is refused.
                        refusal = error;
                    }
                }
                Err(error) => return Err(error),
                Ok(page) => {
                    // One without the right gives way, too, now that another is known to serve.
                    rotation.refused(place);
                    return Ok(page);
                }
            }
        }
        Err(refusal)
    }

    pub(super) async fn user_ids_with(
        &self,
        place: usize,
        from: Option<KakaoId>,
        limit: usize,
    ) -> Result<UserIds, Error> {
        let key = self.admin_key_at(Call::UserIds, place)?;
        let mut address = self.0.endpoints.user_ids.clone();
        address
            .query_pairs_mut()
            .append_pair("limit", &limit.to_string())
            .append_pair("order", "asc");
        if let Some(from) = from {
            let from = from.to_string();
            address.query_pairs_mut().append_pair("from_id", &from);
        }
        let request = self.get(&address).header(AUTHORIZATION, key);
        self.ask(Call::UserIds, request, |body| {
            read(body, from, limit).map_err(Kind::BadReply)
        })
        .await
    }
}

/// Whether another key may be answered otherwise.
fn is_of_the_key(error: &Error) -> bool {
    error.kind == Kind::BadClient || error.code == Some(Code::Api(-3))
}

/// A page must go on where the one before ended: whoever is missing here counts as not linked.
fn read(body: &[u8], from: Option<KakaoId>, limit: usize) -> Result<UserIds, &'static str> {
    let body: Body = serde_json::from_slice(body).map_err(|_| "no list of member numbers")?;
    let ids = body.elements.iter().map(|id| KakaoId::try_from(*id));
    let ids: Vec<KakaoId> = ids
        .collect::<Result<_, _>>()
        .map_err(|_| "a member number that is none")?;
    let mut before = None;
    for id in &ids {
        if from.is_some_and(|from| *id < from) || before.is_some_and(|before| *id <= before) {
            return Err("member numbers out of order");
        }
        before = Some(*id);
    }
    // By either sign there is more; a page too many costs one call.
    let more = body.after_url.is_string() || ids.len() >= limit;
    let next = ids.last().filter(|_| more);
    let next = next.and_then(|last| KakaoId::try_from(last.get().checked_add(1)?).ok());
    if body.after_url.is_string() && ids.is_empty() {
        return Err("an empty page with one after it");
    }
    Ok(UserIds { ids, next })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: i64) -> KakaoId {
        KakaoId::try_from(number).unwrap()
    }

    fn page(body: &str) -> Result<UserIds, &'static str> {
        read(body.as_bytes(), Some(id(5)), 3)
    }

    #[test]
    fn a_page_goes_on_where_the_one_before_ended() {
        let last = page(r#"{"elements":[5,1376016924426814086],"after_url":null}"#).unwrap();
        assert_eq!(last.ids, [id(5), id(1_376_016_924_426_814_086)]);
        assert_eq!(last.next, None);
        let more = page(r#"{"elements":[5,7],"after_url":"http://kapi.kakao.com/"}"#);
        assert_eq!(more.unwrap().next, Some(id(8)));
        let full = page(r#"{"elements":[5,6,7]}"#).unwrap();
        assert_eq!(full.next, Some(id(8)), "a full page may have a successor");
        assert_eq!(page(r#"{"elements":[]}"#).unwrap().next, None);
        let end = format!(r#"{{"elements":[5,6,{}]}}"#, i64::MAX);
        assert_eq!(page(&end).unwrap().next, None);
    }

    #[test]
    fn a_page_that_could_hide_somebody_is_refused() {
        for body in [
            "",
            "[]",
            r#"{"elements":null}"#,
            r#"{"elements":["5"]}"#,
            r#"{"elements":[0]}"#,
            r#"{"elements":[-7]}"#,
            r#"{"elements":[4]}"#,
            r#"{"elements":[7,6]}"#,
            r#"{"elements":[7,7]}"#,
            r#"{"elements":[],"after_url":"http://kapi.kakao.com/"}"#,
        ] {
            assert!(page(body).is_err(), "{body}");
        }
    }
}
