//! What the admin key asks about many people at once: who is linked, and what is known of them.

use actix_web::HttpResponse;
use actix_web::web::{Data, ReqData};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use super::Shared;
use super::ask::with_query;
use super::journal::Endpoint;
use super::profile::{self, Keys, PictureHosts};
use super::received::Received;
use super::refusal::KapiError;
use super::state::State;
use super::user::{admin, respond};

/// Most calls of the user list within a minute.
const LISTS_A_MINUTE: usize = 100;
/// Most people in an answer that has more than ids and times.
const MOST_IN_FULL: usize = 20;
const MOST: usize = 100;

/// `GET /v1/user/ids`
pub(super) async fn user_ids(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let now = shared.clock.now();
    respond(ids(&mut shared.state(), &received, &shared.url, now))
}

/// `GET /v2/app/users`
pub(super) async fn app_users(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    respond(users(&shared.state(), &received, shared.picture_hosts()))
}

fn ids(
    state: &mut State,
    received: &Received,
    host: &str,
    now: OffsetDateTime,
) -> Result<Value, KapiError> {
    admin(state, received)?;
    state.listed.retain(|at| *at + Duration::MINUTE > now);
    if state.listed.len() >= LISTS_A_MINUTE {
        return Err(KapiError::too_many_lists().for_admin());
    }
    state.listed.push_back(now);
    let limit = number(received, "limit")?.map_or(Ok(MOST), usize::try_from);
    let limit = limit.ok().filter(|limit| (1..=MOST).contains(limit));
    let limit = limit.ok_or_else(|| argument("limit should be from 1 to 100"))?;
    let from = number(received, "from_id")?;
    let is_falling = match received.value("order") {
        None | Some("" | "asc") => false,
        Some("desc") => true,
        Some(_) => return Err(argument("order should be asc or desc")),
    };
    let mut all: Vec<i64> = state.links.keys().copied().collect();
    if is_falling {
        all.reverse();
    }
    let is_before =
        |id: &i64| from.is_some_and(|from| if is_falling { *id > from } else { *id < from });
    let start = all.iter().take_while(|id| is_before(id)).count();
    let page: Vec<i64> = all.iter().skip(start).take(limit).copied().collect();
    let app_key = state.app.rest_keys.first().map(|key| key.key.as_str());
    let address = |from: Option<&i64>| {
        let from = from?.to_string();
        let query = [
            ("limit", limit.to_string()),
            ("order", if is_falling { "desc" } else { "asc" }.to_owned()),
            ("from_id", from),
            ("app_key", app_key.unwrap_or_default().to_owned()),
        ];
        let query: Vec<_> = query
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let path = Endpoint::UserIds.path();
        Some(with_query(&format!("{host}{path}"), &query))
    };
    let before = (start > 0)
        .then(|| all.get(start.saturating_sub(limit)))
        .flatten();
    Ok(json!({
        "elements": page,
        "before_url": address(before),
        "after_url": address(all.get(start + page.len())),
    }))
}

fn users(state: &State, received: &Received, hosts: PictureHosts<'_>) -> Result<Value, KapiError> {
    admin(state, received)?;
    if received.value("target_id_type") != Some("user_id") {
        return Err(argument("target_id_type should be user_id"));
    }
    let asked = received.value("target_ids").unwrap_or_default();
    let asked: Vec<i64> = serde_json::from_str(asked)
        .map_err(|_| argument("target_ids should be a JSON array of numbers"))?;
    let keys = received
        .value("property_keys")
        .filter(|keys| !keys.is_empty());
    let (keys, most) = match keys {
        None => (Keys::only(Vec::new()), MOST),
        Some(text) => {
            let keys = serde_json::from_str(text);
            let keys =
                keys.map_err(|_| argument("property_keys should be a JSON array of strings"));
            (Keys::only(keys?), MOST_IN_FULL)
        }
    };
    if asked.is_empty() || asked.len() > most {
        return Err(argument(&format!("target_ids should be 1 to {most}")));
    }
    let told = asked.iter().filter_map(|id| {
        let (person, link) = state.person_by_id(*id).zip(state.links.get(id))?;
        Some(profile::answer(
            &state.app, person, link, hosts, false, &keys,
        ))
    });
    let told: Vec<Value> = told.collect();
    Ok(if state.app.bare_app_users {
        json!(told)
    } else {
        json!({"elements": told})
    })
}

fn number(received: &Received, name: &str) -> Result<Option<i64>, KapiError> {
    let Some(text) = received.value(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let number = text.parse().map(Some);
    number.map_err(|_| argument(&format!("{name} should be a number")))
}

fn argument(words: &str) -> KapiError {
    KapiError::new(-2, words).for_admin()
}
