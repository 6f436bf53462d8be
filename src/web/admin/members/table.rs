//! The rows of the list: every member masked before a template sees one.

use uuid::Uuid;

use crate::i18n::{Texts, machine_day, seoul_day};
use crate::mask;
use crate::member::{Standing, StandingKind};
use crate::store::directory::{Card, Order, Sort};
use crate::web::admin::query::{Column, ListQuery};
use crate::web::admin::words;
use crate::web::visitor::Staff;

/// Members, and what their columns are called and sorted by.
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) heads: Vec<Head>,
    pub(super) rows: Vec<Row>,
    /// How many columns follow the number.
    pub(super) width: usize,
    /// Whether there is a member to act on.
    pub(super) picks: bool,
}

/// A column's heading.
pub(super) struct Head {
    pub(super) label: &'static str,
    pub(super) sort: Option<Sorting>,
}

/// How a heading sorts when followed.
pub(super) struct Sorting {
    /// What it is now, in the words of ARIA.
    pub(super) now: Option<&'static str>,
    pub(super) label: String,
    pub(super) address: String,
}

/// A member.
pub(super) struct Row {
    pub(super) id: Uuid,
    pub(super) number: i64,
    /// The version to act on; `None` when the admin may not.
    pub(super) pick: Option<i64>,
    /// When somebody who is gone left: the only thing told of them.
    pub(super) gone: Option<String>,
    pub(super) cells: Vec<Cell>,
}

/// One fact about a member.
pub(super) struct Cell {
    /// What a phone shows before it; a phone leaves out facts without.
    pub(super) label: Option<&'static str>,
    pub(super) text: String,
    pub(super) tag: Option<&'static str>,
    /// A name, in whatever script and direction.
    pub(super) name: bool,
}

impl Table {
    pub(super) fn new(
        t: Texts,
        query: &ListQuery,
        columns: &[Column],
        cards: &[Card],
        staff: &Staff,
    ) -> Self {
        let rows: Vec<Row> = cards
            .iter()
            .map(|card| Row::new(t, columns, card, staff))
            .collect();
        Self {
            caption: t.am_caption(words::column(t, Column::of(query.sort.by))),
            heads: columns
                .iter()
                .map(|column| Head::new(t, query, *column))
                .collect(),
            width: columns.len().saturating_sub(1),
            picks: rows.iter().any(|row| row.pick.is_some()),
            rows,
        }
    }
}

impl Head {
    fn new(t: Texts, query: &ListQuery, column: Column) -> Self {
        let label = words::column(t, column);
        let sort = column.order().map(|by| {
            let now = (query.sort.by == by).then_some(query.sort.descending);
            // Numbers and names begin at the first, moments with the latest.
            let first = matches!(by, Order::Joined | Order::Seen);
            let descending = now.map_or(first, |descending| !descending);
            let sort = Sort { by, descending };
            Sorting {
                now: now.map(|descending| match descending {
                    true => "descending",
                    false => "ascending",
                }),
                label: match descending {
                    true => t.am_sort_desc(label),
                    false => t.am_sort_asc(label),
                },
                address: query.with(|query| query.sort = sort).address(),
            }
        });
        Self { label, sort }
    }
}

impl Row {
    fn new(t: Texts, columns: &[Column], card: &Card, staff: &Staff) -> Self {
        let gone = card.standing == Standing::Withdrawn;
        let left = card.withdrawn_at.unwrap_or(card.last_login_at);
        let may = staff.role().outranks(card.role) && card.id != staff.id() && !gone;
        let facts = columns.iter().filter(|column| **column != Column::Number);
        Self {
            id: card.id.0,
            number: card.number,
            pick: may.then_some(card.version),
            gone: gone.then(|| machine_day(seoul_day(left))),
            cells: facts.map(|column| Cell::new(t, *column, card)).collect(),
        }
    }
}

impl Cell {
    fn new(t: Texts, column: Column, card: &Card) -> Self {
        let phone = matches!(column, Column::Name | Column::Status | Column::Joined);
        let mut tag = None;
        let text = match column {
            Column::Number => card.number.to_string(),
            Column::Name => match &card.display_name {
                Some(name) => mask::name(name),
                None => t.am_noname().to_owned(),
            },
            Column::Email => card.email.as_deref().map(mask::email).unwrap_or_default(),
            Column::Provider => words::provider(t, card.provider).to_owned(),
            Column::Status => {
                tag = tone(card.standing.kind());
                status(t, &card.standing)
            }
            Column::Role => words::role(t, card.role).to_owned(),
            Column::Joined => t.datetime_list(card.created_at),
            Column::Seen => t.datetime_list(card.last_login_at),
        };
        Self {
            label: phone.then(|| words::column(t, column)),
            text,
            tag,
            name: column == Column::Name && card.display_name.is_some(),
        }
    }
}

fn status(t: Texts, standing: &Standing) -> String {
    match standing {
        Standing::Suspended { until: Some(until) } => {
            let until = t.am_until(machine_day(seoul_day(*until)));
            format!("{} {until}", t.st_suspended())
        }
        other => words::standing(t, other.kind()).to_owned(),
    }
}

/// How a standing that is not the ordinary one stands out.
fn tone(kind: StandingKind) -> Option<&'static str> {
    match kind {
        StandingKind::Active => None,
        StandingKind::Suspended => Some("bad"),
        StandingKind::Unconfirmed => Some("warn"),
        StandingKind::Withdrawn => Some(""),
    }
}
