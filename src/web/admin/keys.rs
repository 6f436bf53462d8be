//! `/admin/api-keys`: keys of servers, made, looked at and ended.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use askama::Template;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::told::{Told, told};
use crate::api_key::{ApiKey, Scope};
use crate::flow::{NewKey, NotMade, NotRevoked};
use crate::i18n::Texts;
use crate::member::{Role, clean_name};
use crate::web::Site;
use crate::web::cookies::Notice;
use crate::web::error::{ErrorId, Problem};
use crate::web::forms::{Mistake, Post, about, status_of};
use crate::web::page::{self, Layout, see_other};
use crate::web::sessions::Nothing;
use crate::web::visitor::Staff;

const HERE: &str = "/admin/api-keys";

/// The longest name, in characters.
const LONGEST_NAME: usize = 40;

/// For how many days a key may count; 0 is for ever.
const LIVES: [u16; 4] = [30, USUAL_LIFE, 365, 0];

/// Chosen at first.
const USUAL_LIFE: u16 = 90;

#[derive(Template)]
#[template(path = "admin/keys/index.html")]
struct Keys<'a> {
    layout: Layout<'a>,
    told: Option<Told>,
    rows: Vec<Row>,
    may_make: bool,
    may_revoke: bool,
}

/// One key.
struct Row {
    id: Uuid,
    name: String,
    live: bool,
    state: (&'static str, &'static str),
    scopes: String,
    made: String,
    /// The page about the member who made it, and their number.
    by: Option<(String, i64)>,
    used: String,
    ends: String,
}

impl Row {
    fn new(t: Texts, (key, number): &(ApiKey, Option<i64>), now: OffsetDateTime) -> Self {
        let scopes: Vec<&str> = key
            .scopes
            .iter()
            .map(|one| scope_in_words(t, *one))
            .collect();
        let live = key.is_live(now);
        Self {
            id: key.id,
            name: key.name.clone(),
            live,
            state: match (live, key.revoked_at) {
                (true, _) => ("ok", t.ak_live()),
                (false, Some(_)) => ("bad", t.ak_revoked()),
                (false, None) => ("warn", t.ak_ended()),
            },
            scopes: scopes.join(", "),
            made: t.datetime_list(key.created_at),
            by: key
                .made_by
                .zip(*number)
                .map(|(id, number)| (format!("/admin/members/{id}"), number)),
            used: used(t, key),
            ends: key
                .ends_at
                .map_or_else(|| t.ak_forever().to_owned(), |end| t.datetime_list(end)),
        }
    }
}

#[derive(Template)]
#[template(path = "admin/keys/new.html")]
struct New<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    draft: Draft,
    scopes: Vec<(&'static str, &'static str, bool)>,
    lives: Vec<(u16, String, bool)>,
    wrong: Vec<Mistake>,
    longest: usize,
}

impl New<'_> {
    fn mistake(&self, field: &str) -> Option<&str> {
        about(&self.wrong, field)
    }
}

/// What was filled in.
#[derive(Default)]
struct Draft {
    name: String,
    scopes: Vec<Scope>,
    days: u16,
}

#[derive(Template)]
#[template(path = "admin/keys/made.html")]
struct Made<'a> {
    layout: Layout<'a>,
    name: String,
    secret: String,
}

#[derive(Template)]
#[template(path = "admin/keys/revoke.html")]
struct Revoke<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    id: Uuid,
    title: String,
    used: String,
}

/// Viewers: every key, without its secret, which nobody has any more.
pub(in crate::web) async fn list(
    site: web::Data<Site>,
    staff: Staff,
) -> Result<HttpResponse, Problem> {
    let keys = site.gate.api_keys().await?;
    let layout = Layout::new(&site, &staff.visitor);
    let (t, now) = (layout.t, site.gate.clock.now());
    let page = Keys {
        told: told(t, staff.visitor.notice()),
        rows: keys.iter().map(|key| Row::new(t, key, now)).collect(),
        may_make: staff.role() == Role::Owner,
        may_revoke: staff.role() >= Role::Admin,
        layout,
    };
    Ok(page::show(&site, &staff.visitor, &page))
}

/// Owners with a fresh proof.
pub(in crate::web) async fn ask(
    site: web::Data<Site>,
    staff: Staff,
) -> Result<HttpResponse, Problem> {
    staff.proved(&site, "/admin/api-keys/new")?;
    let draft = Draft {
        days: USUAL_LIFE,
        ..Draft::default()
    };
    Ok(show(&site, &staff, draft, Vec::new()))
}

/// Owners with a fresh proof, with a form of theirs: the secret is in this answer only.
pub(in crate::web) async fn make(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<BTreeMap<String, String>>,
) -> Result<HttpResponse, Problem> {
    staff.proved(&site, "/admin/api-keys/new")?;
    let fields = form.fields;
    let text = |name: &str| fields.get(name).map(String::as_str).unwrap_or_default();
    let ticked = |scope: &Scope| fields.contains_key(&format!("scope-{}", scope.code()));
    let days = LIVES
        .into_iter()
        .find(|days| text("days") == days.to_string());
    let draft = Draft {
        name: text("name").to_owned(),
        scopes: Scope::ALL.into_iter().filter(ticked).collect(),
        days: days.ok_or(ErrorId::BadRequest)?,
    };
    let t = staff.visitor.texts();
    let name = clean_name(&draft.name).filter(|name| name.chars().count() <= LONGEST_NAME);
    let mut wrong = Vec::new();
    if name.is_none() {
        wrong.push(Mistake::new("name", t.ak_name_err(LONGEST_NAME)));
    }
    if draft.scopes.is_empty() {
        wrong.push(Mistake::new("scopes", t.ak_scopes_err()));
    }
    let Some(name) = name.filter(|_| wrong.is_empty()) else {
        return Ok(show(&site, &staff, draft, wrong));
    };
    let wish = NewKey {
        name: name.clone(),
        scopes: draft.scopes.clone(),
        life: (draft.days > 0).then(|| Duration::days(draft.days.into())),
    };
    let origin = staff.visitor.origin();
    let made = site.gate.make_api_key(&staff.signed_in, wish, origin);
    let text = match made.await? {
        Ok(secret) => {
            let made = Made {
                layout: Layout::new(&site, &staff.visitor),
                name,
                secret: secret.reveal().to_owned(),
            };
            return Ok(page::show(&site, &staff.visitor, &made));
        }
        Err(NotMade::Rank) => return Err(ErrorId::Forbidden.into()),
        Err(NotMade::NameTaken) => t.ak_name_taken(),
        Err(NotMade::TooMany) => t.ak_many(),
    };
    Ok(show(&site, &staff, draft, vec![Mistake::new("name", text)]))
}

/// Admins: what ending a key means.
pub(in crate::web) async fn ask_revoke(
    site: web::Data<Site>,
    staff: Staff,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (id, now) = (key_of(&id)?, site.gate.clock.now());
    let keys = site.gate.api_keys().await?;
    let mut keys = keys.into_iter().map(|(key, _)| key);
    let Some(key) = keys.find(|key| key.id == id && key.is_live(now)) else {
        return Ok(back(&site, None));
    };
    let layout = Layout::new(&site, &staff.visitor);
    let t = layout.t;
    let page = Revoke {
        csrf: staff.visitor.csrf(),
        id,
        title: t.ak_revoke_title(&key.name),
        used: used(t, &key),
        layout,
    };
    Ok(page::show(&site, &staff.visitor, &page))
}

/// Admins, with a form of theirs. No proof: a key that leaked is ended by whoever is there first.
pub(in crate::web) async fn revoke(
    site: web::Data<Site>,
    staff: Staff,
    _: Post<Nothing>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let (id, origin) = (key_of(&id)?, staff.visitor.origin());
    let revoked = site.gate.revoke_api_key(&staff.signed_in, id, origin);
    match revoked.await? {
        Ok(name) => Ok(back(&site, Some(name))),
        Err(NotRevoked::Gone) => Ok(back(&site, None)),
        Err(NotRevoked::Rank) => Err(ErrorId::Forbidden.into()),
    }
}

/// The way to the list, which says what became of the key of that name.
fn back(site: &Site, revoked: Option<String>) -> HttpResponse {
    let mut response = see_other(HERE);
    let notice = Notice::KeyRevoked { name: revoked };
    if let Some(cookie) = site.cookies.say(&site.gate, &notice) {
        response.cookie(cookie);
    }
    response.finish()
}

fn show(site: &Site, staff: &Staff, draft: Draft, wrong: Vec<Mistake>) -> HttpResponse {
    let layout = Layout::new(site, &staff.visitor);
    let t = layout.t;
    let status = status_of(!wrong.is_empty());
    let page = New {
        csrf: staff.visitor.csrf(),
        scopes: Scope::ALL
            .map(|scope| {
                let ticked = draft.scopes.contains(&scope);
                (scope.code(), scope_in_words(t, scope), ticked)
            })
            .to_vec(),
        lives: LIVES
            .map(|days| {
                let label = match days {
                    0 => t.ak_forever().to_owned(),
                    days => t.ak_days(days),
                };
                (days, label, days == draft.days)
            })
            .to_vec(),
        draft,
        wrong,
        longest: LONGEST_NAME,
        layout,
    };
    page::render(status, &page)
}

fn key_of(id: &str) -> Result<Uuid, Problem> {
    Uuid::parse_str(id).map_err(|_| ErrorId::NotFound.into())
}

fn used(t: Texts, key: &ApiKey) -> String {
    let at = key.last_used_at;
    at.map_or_else(|| t.ak_never().to_owned(), |at| t.datetime_list(at))
}

fn scope_in_words(t: Texts, scope: Scope) -> &'static str {
    match scope {
        Scope::Introspect => t.ak_introspect(),
        Scope::ReadMembers => t.ak_read(),
        Scope::ManageMembers => t.ak_manage(),
    }
}
