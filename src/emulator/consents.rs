//! What a person has agreed to, as programs ask for it and withdraw it: consent items and, with
//! Kakao Sync, service terms.

use actix_web::HttpResponse;
use actix_web::web::{Data, ReqData};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Shared;
use super::ask::list;
use super::received::Received;
use super::refusal::KapiError;
use super::settings::{AppSettings, ItemLevel, ServiceTerm};
use super::state::{AgreedTerm, Link, State};
use super::texts::item_name;
use super::user::{Caller, caller, respond};

/// `GET /v2/user/scopes`
pub(super) async fn scopes(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let now = shared.clock.now();
    respond(listed(&shared.state(), &received, now))
}

/// `POST /v2/user/revoke/scopes`
pub(super) async fn revoke_scopes(
    shared: Data<Shared>,
    received: ReqData<Received>,
) -> HttpResponse {
    let now = shared.clock.now();
    respond(revoked(&mut shared.state(), &received, now))
}

/// `GET /v2/user/service_terms`
pub(super) async fn terms(shared: Data<Shared>, received: ReqData<Received>) -> HttpResponse {
    let now = shared.clock.now();
    respond(listed_terms(&shared.state(), &received, now))
}

/// `POST /v2/user/revoke/service_terms`
pub(super) async fn revoke_terms(
    shared: Data<Shared>,
    received: ReqData<Received>,
) -> HttpResponse {
    let now = shared.clock.now();
    respond(revoked_terms(&mut shared.state(), &received, now))
}

/// `POST /v2/user/upgrade/service_terms`: the service got the consent by itself.
pub(super) async fn upgrade_terms(
    shared: Data<Shared>,
    received: ReqData<Received>,
) -> HttpResponse {
    let now = shared.clock.now();
    respond(upgraded_terms(&mut shared.state(), &received, now))
}

fn listed(state: &State, received: &Received, now: OffsetDateTime) -> Result<Value, KapiError> {
    let caller = caller(state, received, now)?;
    let asked = asked_scopes(&caller, received)?;
    let link = link(state, &caller)?;
    let is_asked = |scope: &&str| {
        let asked = asked.as_ref();
        asked.is_none_or(|asked| asked.iter().any(|asked| asked == scope))
    };
    let scopes = known_scopes(&state.app, link).filter(is_asked);
    let scopes = scopes.map(|scope| scope_view(&state.app, link, received, scope));
    Ok(json!({"id": caller.user_id(), "scopes": scopes.collect::<Vec<_>>()}))
}

fn revoked(
    state: &mut State,
    received: &Received,
    now: OffsetDateTime,
) -> Result<Value, KapiError> {
    let caller = caller(state, received, now)?;
    let asked = asked_scopes(&caller, received)?.unwrap_or_default();
    let link = link(state, &caller)?;
    let is_agreed = |scope: &&String| link.scopes.contains(*scope);
    let agreed: Vec<String> = asked.iter().filter(is_agreed).cloned().collect();
    if agreed.is_empty() {
        let shown = json!(asked);
        let words = format!(
            "There is no scopes to revoke. check out if given scope id({shown}) is correct again."
        );
        return Err(caller.refused(KapiError::new(-2, words)));
    }
    let is_fixed = |scope: &&String| !is_revocable(&state.app, scope);
    let fixed: Vec<_> = agreed.iter().filter(is_fixed).cloned().collect();
    if !fixed.is_empty() {
        let words = format!(
            "[{}] is not revocable. check out if it's set as required on developers.kakao.com",
            fixed.join(", ")
        );
        return Err(caller.refused(KapiError::new(-3, words)));
    }
    let user_id = caller.user_id();
    let link = state.links.get_mut(&user_id);
    let link = link.ok_or_else(|| not_linked(&caller))?;
    for scope in &agreed {
        link.scopes.remove(scope);
    }
    let view = |scope: &String| scope_view(&state.app, link, received, scope);
    let scopes: Vec<_> = agreed.iter().map(view).collect();
    Ok(json!({"id": user_id, "scopes": scopes}))
}

/// The items configured, and those agreed to before the app gave them up.
fn known_scopes<'a>(app: &'a AppSettings, link: &'a Link) -> impl Iterator<Item = &'a str> {
    let configured = app.items.iter().map(|item| item.scope.as_str());
    let given_up = link.scopes.iter().map(String::as_str);
    configured.chain(given_up.filter(|scope| app.level(scope).is_none()))
}

fn scope_view(app: &AppSettings, link: &Link, received: &Received, scope: &str) -> Value {
    let agreed = link.scopes.contains(scope);
    let is_right = matches!(scope, "friends" | "plusfriends") || scope.starts_with("talk_");
    let mut view = json!({
        "id": scope,
        "display_name": item_name(scope, received.language),
        "type": if is_right { "SERVICE" } else { "PRIVACY" },
        "using": app.level(scope).is_some(),
        "agreed": agreed,
    });
    if let Some(view) = view.as_object_mut().filter(|_| agreed) {
        let revocable = is_revocable(app, scope);
        view.insert("revocable".to_owned(), json!(revocable));
    }
    view
}

fn is_revocable(app: &AppSettings, scope: &str) -> bool {
    app.level(scope) != Some(ItemLevel::Required)
}

fn asked_scopes(caller: &Caller, received: &Received) -> Result<Option<Vec<String>>, KapiError> {
    let Some(text) = received.value("scopes").filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let words = "scopes should be a JSON array of strings";
    let refused = || caller.refused(KapiError::new(-2, words));
    serde_json::from_str(text).map(Some).map_err(|_| refused())
}

fn link<'a>(state: &'a State, caller: &Caller) -> Result<&'a Link, KapiError> {
    let link = state.links.get(&caller.user_id());
    link.ok_or_else(|| not_linked(caller))
}

fn not_linked(caller: &Caller) -> KapiError {
    caller.refused(KapiError::documented(-101))
}

/// Whoever asks for service terms, where the app has Kakao Sync (-3).
fn sync_caller(
    state: &State,
    received: &Received,
    now: OffsetDateTime,
) -> Result<Caller, KapiError> {
    let caller = caller(state, received, now)?;
    if state.app.terms.is_empty() {
        return Err(caller.refused(KapiError::documented(-3)));
    }
    Ok(caller)
}

fn listed_terms(
    state: &State,
    received: &Received,
    now: OffsetDateTime,
) -> Result<Value, KapiError> {
    let caller = sync_caller(state, received, now)?;
    let link = link(state, &caller)?;
    let is_wide = match received.value("result") {
        None | Some("" | "agreed_service_terms") => false,
        Some("app_service_terms") => true,
        Some(_) => return Err(caller.refused(KapiError::new(-2, "unknown result"))),
    };
    let tags = tags(received);
    let is_known = |tag: &&String| state.app.terms.iter().any(|term| term.tag == **tag);
    if !tags.is_empty() && !tags.iter().any(|tag| is_known(&tag)) {
        let words = "There is no tags to get service terms. check out if given tags are correct.";
        return Err(caller.refused(KapiError::new(-2, words)));
    }
    let is_told = |term: &&ServiceTerm| {
        let is_asked = tags.is_empty() || tags.contains(&term.tag);
        is_asked && (is_wide || link.terms.contains_key(&term.tag))
    };
    let terms = state.app.terms.iter().filter(is_told);
    let terms = terms.map(|term| {
        let agreed = link.terms.get(&term.tag);
        let mut view = term_view(&term.tag, agreed);
        if let Some(view) = view.as_object_mut() {
            view.insert("required".to_owned(), json!(term.required));
            let revocable = agreed.is_some() && !term.required;
            view.insert("revocable".to_owned(), json!(revocable));
        }
        view
    });
    Ok(json!({"id": caller.user_id(), "service_terms": terms.collect::<Vec<_>>()}))
}

fn revoked_terms(
    state: &mut State,
    received: &Received,
    now: OffsetDateTime,
) -> Result<Value, KapiError> {
    let caller = sync_caller(state, received, now)?;
    let link = link(state, &caller)?;
    let is_free = |tag: &&String| {
        let is_required = |term: &ServiceTerm| term.tag == **tag && term.required;
        link.terms.contains_key(*tag) && !state.app.terms.iter().any(is_required)
    };
    let tags = tags(received);
    let revoked: Vec<String> = tags.iter().filter(is_free).cloned().collect();
    if revoked.is_empty() {
        let words = "There is no tags to revoke. check out if given tags are correct.";
        return Err(caller.refused(KapiError::new(-2, words)));
    }
    let user_id = caller.user_id();
    if let Some(link) = state.links.get_mut(&user_id) {
        link.terms.retain(|tag, _| !revoked.contains(tag));
    }
    let views = revoked.iter().map(|tag| term_view(tag, None));
    Ok(json!({"id": user_id, "revoked_service_terms": views.collect::<Vec<_>>()}))
}

fn upgraded_terms(
    state: &mut State,
    received: &Received,
    now: OffsetDateTime,
) -> Result<Value, KapiError> {
    let caller = sync_caller(state, received, now)?;
    let user_id = caller.user_id();
    let tags = tags(received);
    let is_named = |term: &&ServiceTerm| tags.contains(&term.tag);
    let named = state.app.terms.iter().filter(is_named);
    let named: Vec<String> = named.map(|term| term.tag.clone()).collect();
    if named.is_empty() {
        let words = "There is no tags to upgrade. check out if given tags are correct.";
        return Err(caller.refused(KapiError::new(-2, words)));
    }
    let link = state.links.get_mut(&user_id);
    let link = link.ok_or_else(|| not_linked(&caller))?;
    let by_service = AgreedTerm {
        at: now,
        by: "KAPI",
    };
    let views = named.into_iter().map(|tag| {
        let agreed = link.terms.entry(tag.clone()).or_insert(by_service);
        term_view(&tag, Some(agreed))
    });
    let views: Vec<_> = views.collect();
    Ok(json!({"id": user_id, "agreed_service_terms": views}))
}

fn term_view(tag: &str, agreed: Option<&AgreedTerm>) -> Value {
    let mut view = json!({"tag": tag, "agreed": agreed.is_some()});
    if let (Some(view), Some(agreed)) = (view.as_object_mut(), agreed) {
        let at = agreed.at.format(&Rfc3339).unwrap_or_default();
        view.insert("agreed_at".to_owned(), json!(at));
        view.insert("agreed_by".to_owned(), json!(agreed.by));
    }
    view
}

fn tags(received: &Received) -> Vec<String> {
    let tags = received.value("tags").unwrap_or_default();
    list(tags).map(str::to_owned).collect()
}
