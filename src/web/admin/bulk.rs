//! `/admin/members/bulk` and `/admin/members/bulk/apply`: one act on the members ticked in the
//! list.

use std::collections::BTreeMap;

use actix_web::{HttpResponse, web};
use askama::Template;
use uuid::Uuid;

use super::act::{Kind, both, in_the_way};
use super::draft::{Draft, Mistake, Wrong};
use super::member::lead_to;
use super::person::Person;
use super::told::{ActNotice, in_words};
use crate::flow::Next;
use crate::flow::admin::{Actor, Fate, Refusal, Target, may};
use crate::member::MemberId;
use crate::store::directory::Card;
use crate::web::Site;
use crate::web::error::{ErrorId, Problem};
use crate::web::forms::Post;
use crate::web::page::{self, Layout};
use crate::web::visitor::Staff;

/// The most members at once.
const MOST: usize = 100;

/// The list, where all of this starts and ends.
const LIST: &str = "/admin/members";

/// What the forms send: names of rows are not known in advance.
type Fields = BTreeMap<String, String>;

/// Members and an act, as a form names them.
struct Selection {
    kind: Option<Kind>,
    rows: Vec<Row>,
    back: String,
}

/// One member, and the version that the list showed.
#[derive(Clone, Copy)]
struct Row {
    id: MemberId,
    version: i64,
}

impl Selection {
    fn read(fields: &Fields) -> Result<Self, Problem> {
        let kinds = [Kind::Suspend, Kind::Restore, Kind::Kick];
        let action = fields.get("action").map(String::as_str);
        let row = |(name, value): (&String, &String)| {
            let id = name.strip_prefix("id-")?;
            Some((Uuid::parse_str(id), value.parse()))
        };
        let rows = fields.iter().filter_map(row);
        let rows = rows.map(|row| match row {
            (Ok(id), Ok(version)) => Ok(Row {
                id: MemberId(id),
                version,
            }),
            _ => Err(Problem::from(ErrorId::BadRequest)),
        });
        Ok(Self {
            kind: kinds.into_iter().find(|kind| Some(kind.path()) == action),
            rows: rows.collect::<Result<_, _>>()?,
            back: back(fields.get("back").map_or("", String::as_str)),
        })
    }

    /// The act, when it is one and the number of members is one it can be done to.
    fn kind(&self) -> Result<Kind, ActNotice> {
        match self.kind {
            _ if self.rows.is_empty() => Err(ActNotice::NobodyTicked),
            _ if self.rows.len() > MOST => Err(ActNotice::TooMany { most: MOST }),
            Some(kind) => Ok(kind),
            None => Err(ActNotice::NoAction),
        }
    }
}

/// The list as it was: from its address, or from its query alone. Anywhere else is the list as
/// everybody finds it.
fn back(text: &str) -> String {
    let address = if text.starts_with('/') {
        text.to_owned()
    } else {
        format!("{LIST}?{text}")
    };
    let rest = address.strip_prefix(LIST);
    let on_the_list = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('?'));
    let ours = Next::same_site(&address).filter(|_| on_the_list);
    let ours = ours.map(|address| address.trim_end_matches('?').to_owned());
    ours.unwrap_or_else(|| LIST.to_owned())
}

#[derive(Template)]
#[template(path = "admin/members/bulk.html")]
struct Bulk<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    title: String,
    label: &'static str,
    sentence: &'static str,
    go: &'static str,
    action: &'static str,
    back: &'a str,
    rows: &'a [Row],
    picks: Vec<Pick>,
    draft: Draft,
    wrong: Vec<Wrong>,
    asks_until: bool,
    grave: bool,
}

/// One of those it is about.
struct Pick {
    person: Person,
    /// Why nothing will be done to them.
    skipped: Option<String>,
}

impl Bulk<'_> {
    fn mistake(&self, field: &str) -> Option<&str> {
        self.wrong.iter().find_map(|wrong| wrong.at(field))
    }
}

/// Admins with a fresh proof, with a form of theirs: whom it is about, and what it means. Nothing
/// is done.
pub(in crate::web) async fn confirm(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    let selection = Selection::read(&form.fields)?;
    let kind = match selection.kind() {
        Ok(kind) => kind,
        Err(notice) => return Ok(lead_to(&site, &selection.back, notice)),
    };
    staff.proved(&site, &selection.back)?;
    show(
        &site,
        &staff,
        &selection,
        kind,
        Draft::default(),
        Vec::new(),
    )
    .await
}

/// Admins with a fresh proof, with a form of theirs: each member in a transaction of its own.
pub(in crate::web) async fn apply(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    let selection = Selection::read(&form.fields)?;
    let kind = match selection.kind() {
        Ok(kind) => kind,
        Err(notice) => return Ok(lead_to(&site, &selection.back, notice)),
    };
    staff.proved(&site, &selection.back)?;
    let field = |name: &str| form.fields.get(name).cloned().unwrap_or_default();
    let draft = Draft {
        reason: field("reason"),
        until: field("until"),
        ..Draft::default()
    };
    let (act, reason) = match both(kind.filled(&draft, &site), draft.reason()) {
        Ok(filled) => filled,
        Err(mistakes) => {
            return show(&site, &staff, &selection, kind, draft, mistakes).await;
        }
    };
    let targets: Vec<Target> = selection
        .rows
        .iter()
        .map(|row| Target {
            id: row.id,
            version: Some(row.version),
        })
        .collect();
    let (actor, origin) = (Actor::Staff(staff.id()), staff.visitor.origin());
    let gate = &site.gate;
    let fates = gate
        .act_on_each(&actor, &targets, act, &reason, origin)
        .await;
    let left_out: Vec<MemberId> = fates
        .iter()
        .filter_map(|(id, fate)| (*fate != Fate::Done).then_some(*id))
        .collect();
    let numbers = gate.numbers_of(left_out).await;
    let mut skipped: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    let mut done = 0;
    for (id, fate) in fates {
        let why = match fate {
            Fate::Done => {
                done += 1;
                continue;
            }
            Fate::Refused(refusal) => refusal.code(),
            Fate::NotReached => ActNotice::unreached(),
        };
        // Somebody who is not there has no number; 0 is nobody's.
        let number = numbers.get(&id).copied().unwrap_or_default();
        skipped.entry(why.to_owned()).or_default().push(number);
    }
    let notice = ActNotice::Several { done, skipped };
    Ok(lead_to(&site, &selection.back, notice))
}

async fn show(
    site: &Site,
    staff: &Staff,
    selection: &Selection,
    kind: Kind,
    draft: Draft,
    mistakes: Vec<Mistake>,
) -> Result<HttpResponse, Problem> {
    let ids = selection.rows.iter().map(|row| row.id).collect();
    let (actor, origin) = (Actor::Staff(staff.id()), staff.visitor.origin());
    let cards = site
        .gate
        .selection(&actor, ids, kind.path(), origin)
        .await?;
    // Nothing is to be had at this address again: the list is where the language button leads.
    let layout = Layout {
        here: &selection.back,
        ..Layout::new(site, &staff.visitor)
    };
    let t = layout.t;
    let count = t.number(u64::try_from(selection.rows.len()).unwrap_or(u64::MAX));
    let picks = cards.iter().map(|card| {
        let skipped = foreseen(site, staff, selection, kind, card);
        Pick {
            person: Person::masked(t, card),
            skipped: skipped.map(|refusal| t.md_bulk_skip(in_words(t, refusal))),
        }
    });
    let bulk = Bulk {
        csrf: staff.visitor.csrf(),
        title: t.md_bulk_title(count),
        label: kind.label(t),
        sentence: kind.sentence(t),
        go: kind.go(t),
        action: kind.path(),
        back: &selection.back,
        rows: &selection.rows,
        picks: picks.collect(),
        draft,
        wrong: mistakes.iter().map(|one| Wrong::new(t, *one)).collect(),
        asks_until: kind == Kind::Suspend,
        grave: kind != Kind::Restore,
        layout,
    };
    Ok(page::show(site, &staff.visitor, &bulk))
}

/// Why nothing will be done to a member, as far as can be told before.
fn foreseen(
    site: &Site,
    staff: &Staff,
    selection: &Selection,
    kind: Kind,
    card: &Card,
) -> Option<Refusal> {
    let act = kind.any();
    let now = site.gate.clock.now();
    let changed = |row: &Row| row.id == card.id && row.version != card.version;
    let stale = selection.rows.iter().any(changed);
    in_the_way(staff, card, may(staff.role(), &act, card.role))
        .or_else(|| {
            let done = act.is_done_for(card.role, &card.standing, now);
            done.then_some(Refusal::Already)
        })
        .or_else(|| stale.then_some(Refusal::Conflict))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_back_is_to_the_list_and_nowhere_else() {
        for (sent, leads) in [
            ("", "/admin/members"),
            (
                "status=active&page=2",
                "/admin/members?status=active&page=2",
            ),
            ("/admin/members", "/admin/members"),
            ("/admin/members?q=1", "/admin/members?q=1"),
            ("/admin/members/export", "/admin/members"),
            ("/admin/membersx", "/admin/members"),
            ("//evil.example", "/admin/members"),
            ("/\\evil.example", "/admin/members"),
            (
                "https://evil.example",
                "/admin/members?https://evil.example",
            ),
            ("/admin/members/../../me", "/admin/members"),
            ("q=\r\nset-cookie: a=b", "/admin/members"),
        ] {
            assert_eq!(back(sent), leads, "{sent:?}");
        }
    }
}
