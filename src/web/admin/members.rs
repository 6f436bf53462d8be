//! `/admin/members`: the member list, searched, filtered, sorted and paged.

mod pager;
mod settings;
mod table;
mod views;

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::notice::ListNotice;
use super::query::{Column, ListQuery, PER, sort_code};
use super::told::{Told, told};
use super::words;
use crate::flow::admin::Actor;
use crate::flow::admin::directory::{Asked, Found, Listing};
use crate::i18n::{Texts, machine_day, seoul_day};
use crate::member::{Provider, Role, StandingKind};
use crate::store::directory::{COUNT_CAP, Count, Filter};
use crate::store::saved_views::{Preferences, View};
use crate::store::{self};
use crate::web::Site;
use crate::web::cookies::Notice;
use crate::web::error::Problem;
use crate::web::forms::Post;
use crate::web::page::{self, Layout, see_other};
use crate::web::visitor::Staff;
use pager::Pager;
pub(in crate::web) use settings::{columns, settings, shortcuts};
use table::Table;
pub(in crate::web) use views::{forget_view, keep_view};

#[derive(Template)]
#[template(path = "admin/members/index.html")]
struct Members<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    told: Option<Told>,
    title: String,
    count: String,
    query: &'a ListQuery,
    canonical: String,
    lists: [Choices; 3],
    chips: Vec<Chip>,
    views: Vec<View>,
    shortcuts: bool,
    /// Instead of members: why none are shown.
    instead: Option<Instead>,
    table: Option<Table>,
    pager: Pager,
    /// May act on members, and export them.
    acts: bool,
}

/// Why no members are shown.
struct Instead {
    alert: bool,
    title: &'static str,
    hint: &'static str,
}

/// A list of values to choose any of.
struct Choices {
    name: &'static str,
    label: &'static str,
    boxes: Vec<(&'static str, &'static str, bool)>,
}

/// A condition in force, and the view without it.
struct Chip {
    text: String,
    without: String,
}

impl Members<'_> {
    fn search_text(&self) -> String {
        match (&self.query.filter.name, self.query.filter.number) {
            (Some(name), _) => name.clone(),
            (None, Some(number)) => number.to_string(),
            (None, None) => String::new(),
        }
    }

    fn from(&self) -> String {
        let from = self.query.filter.joined_from.map(seoul_day);
        from.map(machine_day).unwrap_or_default()
    }

    fn to(&self) -> String {
        let before = self.query.filter.joined_before.map(seoul_day);
        let to = before.and_then(time::Date::previous_day);
        to.map(machine_day).unwrap_or_default()
    }

    /// Whether a condition beside the search text is set, or needed.
    fn opens(&self) -> bool {
        let beside = self.query.with(|query| {
            query.filter.name = None;
            query.filter.number = None;
        });
        let needed = self.query.is_narrowed() && self.instead.as_ref().is_some_and(|it| it.alert);
        beside.is_narrowed() || needed
    }

    /// What the search form sends along unseen, so that searching keeps it.
    fn kept(&self) -> Vec<(&'static str, String)> {
        let default = ListQuery::default();
        let mut kept = Vec::new();
        if self.query.sort != default.sort {
            kept.push(("sort", sort_code(self.query.sort)));
        }
        if self.query.per != default.per {
            kept.push(("per", self.query.per.to_string()));
        }
        if let Some(columns) = &self.query.cols {
            kept.push(("cols", Column::codes(columns)));
        }
        kept
    }

    /// The view to be saved under a name: a page of it is no view.
    fn view_to_keep(&self) -> String {
        self.query.at_page(1).to_query()
    }

    /// The list without any condition, as it is otherwise.
    fn cleared(&self) -> String {
        let view = self.query.with(|query| query.filter = Filter::default());
        view.address()
    }

    fn settings(&self) -> String {
        format!("/admin/members/columns?{}", self.canonical)
    }

    fn export(&self) -> String {
        let query = self.query.at_page(1).to_query();
        format!("/admin/members/export?{query}")
    }

    /// Ways to see more or fewer a page.
    fn pers(&self) -> Vec<(i64, Option<String>)> {
        let other = |per: i64| {
            let view = self.query.with(|query| query.per = per);
            (per != self.query.per).then(|| view.address())
        };
        PER.into_iter().map(|per| (per, other(per))).collect()
    }
}

/// Viewers: the list at an address. Another spelling of the same view leads to the one address
/// that the view has, without what was not understood.
pub(in crate::web) async fn list(
    site: web::Data<Site>,
    staff: Staff,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let asked = request.query_string();
    let (query, dropped) = ListQuery::parse(asked);
    let canonical = query.to_query();
    if canonical != asked {
        let email = holds_email(asked);
        let notice = (!dropped.is_empty()).then(|| ListNotice::dropped(&dropped, email));
        return Ok(lead(&site, &query.address(), notice));
    }
    let asked = Asked {
        filter: query.filter.clone(),
        sort: query.sort,
        offset: query.offset(),
        limit: query.per,
        told: query.told(),
    };
    let origin = staff.visitor.origin();
    match site.gate.list_members(staff.id(), asked, origin).await {
        Ok(Listing {
            found: Found::PastEnd,
            ..
        }) => Ok(lead(&site, &query.at_page(1).address(), None)),
        Ok(listing) => Ok(show(&site, &staff, &query, Some(listing))),
        Err(store::Error::TooSlow) => Ok(show(&site, &staff, &query, None)),
        Err(error) => Err(error.into()),
    }
}

/// Whether the search text is an email address, or may be one.
fn holds_email(query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes())
        .any(|(name, value)| name == "q" && value.contains('@'))
}

/// The page; without a listing, because the search took too long.
fn show(site: &Site, staff: &Staff, query: &ListQuery, listing: Option<Listing>) -> HttpResponse {
    let slow = listing.is_none();
    let layout = Layout::new(site, &staff.visitor);
    let t = layout.t;
    let (found, views, preferences) = match listing {
        Some(listing) => (Some(listing.found), listing.views, listing.preferences),
        None => (None, Vec::new(), Preferences::default()),
    };
    let columns = columns_of(query, &preferences);
    let (mut table, mut count, mut pager) = (None, String::new(), Pager::default());
    let instead = match &found {
        Some(Found::Members(cards, total)) if !cards.is_empty() => {
            table = Some(Table::new(t, query, &columns, cards, staff));
            count = count_text(t, query, *total, cards.len());
            pager = Pager::new(t, query, *total);
            None
        }
        Some(Found::Members(..) | Found::PastEnd) => Some(empty(t, query)),
        Some(Found::TooVague) => Some(Instead {
            alert: true,
            title: t.am_strict(),
            hint: "",
        }),
        None => Some(Instead {
            alert: true,
            title: t.am_timeout(),
            hint: "",
        }),
    };
    let members = Members {
        csrf: staff.visitor.csrf(),
        told: told(t, staff.visitor.notice()),
        title: pager.title(t).unwrap_or_else(|| t.am_title().to_owned()),
        count,
        canonical: query.to_query(),
        lists: choices(t, query),
        chips: chips(t, query),
        views,
        shortcuts: preferences.shortcuts,
        instead,
        table,
        pager,
        acts: staff.role() >= Role::Admin,
        query,
        layout,
    };
    let mut response = page::show(site, &staff.visitor, &members);
    if slow {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

/// The columns that the address names, or the admin likes, or all.
fn columns_of(query: &ListQuery, preferences: &Preferences) -> Vec<Column> {
    let liked = || Column::list(preferences.columns.as_deref()?);
    let columns = query.cols.clone().or_else(liked);
    columns.unwrap_or_else(|| Column::ALL.to_vec())
}

fn empty(t: Texts, query: &ListQuery) -> Instead {
    let (title, hint) = if query.is_narrowed() {
        (t.am_empty_find(), t.am_empty_find_hint())
    } else {
        (t.am_empty_none(), t.am_empty_none_hint())
    };
    Instead {
        alert: false,
        title,
        hint,
    }
}

fn count_text(t: Texts, query: &ListQuery, total: Count, shown: usize) -> String {
    let number = |number: i64| t.number(u64::try_from(number).unwrap_or_default());
    match total {
        Count::Many => t.am_count_many(number(COUNT_CAP)),
        Count::Exactly(total) => {
            let shown = i64::try_from(shown).unwrap_or(i64::MAX);
            let first = query.offset() + 1;
            let last = query.offset().saturating_add(shown);
            t.am_count(number(total), number(first), number(last))
        }
    }
}

fn choices(t: Texts, query: &ListQuery) -> [Choices; 3] {
    let filter = &query.filter;
    let standings = StandingKind::ALL.map(|kind| {
        let chosen = filter.standings.contains(&kind);
        (kind.code(), words::standing(t, kind), chosen)
    });
    let providers = Provider::ALL.map(|provider| {
        let chosen = filter.providers.contains(&provider);
        (provider.code(), words::provider(t, provider), chosen)
    });
    let roles = Role::ALL.map(|role| {
        let chosen = filter.roles.contains(&role);
        (role.code(), words::role(t, role), chosen)
    });
    let choices = |name, label, boxes| Choices { name, label, boxes };
    [
        choices("status", t.am_status(), standings.to_vec()),
        choices("provider", t.am_provider(), providers.to_vec()),
        choices("role", t.am_role(), roles.to_vec()),
    ]
}

fn chips(t: Texts, query: &ListQuery) -> Vec<Chip> {
    let filter = &query.filter;
    let chip = |field: &str, value: &str, without: &dyn Fn(&mut ListQuery)| Chip {
        text: t.am_chip(field, value),
        without: query.with(|query| without(query)).address(),
    };
    let mut chips = Vec::new();
    if let Some(name) = &filter.name {
        chips.push(chip(t.am_q(), name, &|query| query.filter.name = None));
    }
    if let Some(number) = filter.number {
        let without = |query: &mut ListQuery| query.filter.number = None;
        chips.push(chip(t.am_q(), &number.to_string(), &without));
    }
    for kind in &filter.standings {
        let without = |query: &mut ListQuery| query.filter.standings.retain(|other| other != kind);
        chips.push(chip(t.am_status(), words::standing(t, *kind), &without));
    }
    for one in &filter.providers {
        let without = |query: &mut ListQuery| query.filter.providers.retain(|other| other != one);
        chips.push(chip(t.am_provider(), words::provider(t, *one), &without));
    }
    for role in &filter.roles {
        let without = |query: &mut ListQuery| query.filter.roles.retain(|other| other != role);
        chips.push(chip(t.am_role(), words::role(t, *role), &without));
    }
    if let Some(from) = filter.joined_from.map(seoul_day) {
        let without = |query: &mut ListQuery| query.filter.joined_from = None;
        chips.push(chip(t.am_from(), &machine_day(from), &without));
    }
    let before = filter.joined_before.map(seoul_day);
    if let Some(to) = before.and_then(time::Date::previous_day) {
        let without = |query: &mut ListQuery| query.filter.joined_before = None;
        chips.push(chip(t.am_to(), &machine_day(to), &without));
    }
    chips
}

/// Viewers, with a form of theirs: the search form. An email address leads straight to its
/// member, so that it never stands in an address; anything else to the list that it means.
pub(in crate::web) async fn search(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<BTreeMap<String, String>>,
) -> Result<HttpResponse, Problem> {
    let searched = ListQuery::of_form(form.fields);
    let address = searched.query.address();
    let Some(email) = searched.email else {
        let dropped = &searched.dropped;
        let notice = (!dropped.is_empty()).then(|| ListNotice::dropped(dropped, false));
        return Ok(lead(&site, &address, notice));
    };
    let origin = staff.visitor.origin();
    let actor = Actor::Staff(staff.id());
    let found = site.gate.look_up_email(&actor, &email, origin).await?;
    if let [one] = found.as_slice() {
        return Ok(lead(&site, &format!("/admin/members/{}", one.id), None));
    }
    let members = found.iter().map(|card| (card.number, card.id.0)).collect();
    Ok(lead(&site, &address, Some(ListNotice::OfEmail { members })))
}

fn lead(site: &Site, to: &str, notice: Option<ListNotice>) -> HttpResponse {
    let mut response = see_other(to);
    let said = notice.and_then(|notice| site.cookies.say(&site.gate, &Notice::List(notice)));
    if let Some(cookie) = said {
        response.cookie(cookie);
    }
    response.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn nobody_yet_and_nobody_like_that_are_told_apart() {
        let t = Lang::Ko.texts();
        let (all, some) = (ListQuery::default(), ListQuery::parse("q=1").0);
        assert_eq!(empty(t, &all).title, "아직 가입한 회원이 없습니다.");
        assert_eq!(empty(t, &some).title, "조건에 맞는 회원이 없습니다.");
        assert!(!empty(t, &some).alert);
    }
}
