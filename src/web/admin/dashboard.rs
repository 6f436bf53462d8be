//! `/admin`: today at a glance.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use time::OffsetDateTime;

use super::chart::Chart;
use super::entry::{Change, Row};
use crate::flow::Weather;
use crate::flow::admin::dashboard::{Health, MOST_DEVICES, Part, Today};
use crate::i18n::Texts;
use crate::store::audit::SignIns;
use crate::web::Site;
use crate::web::login::field;
use crate::web::page::{self, Layout};
use crate::web::visitor::Staff;

/// The periods of the chart, in days; the middle one if nothing is said.
const PERIODS: [u16; 3] = [7, 30, 90];
const USUAL: u16 = 30;

#[derive(Template)]
#[template(path = "admin/index.html")]
struct Dashboard<'a> {
    layout: Layout<'a>,
    cards: Vec<Card>,
    health: (&'static str, String),
    /// Whether people are told of it on the login page.
    noted: bool,
    chart: Option<Chart>,
    chart_stale: Option<String>,
    periods: [(u16, bool); 3],
    as_of: String,
    /// The last entries of the audit log; `None` when they cannot be shown.
    entries: Option<Vec<Row>>,
}

/// One figure.
#[derive(Default)]
struct Card {
    label: &'static str,
    value: String,
    more: Vec<String>,
    /// What is said when the figure is not as it is now.
    stale: Option<String>,
}

/// Everybody of the administration; the audit log's entries as far as they may see them.
pub(in crate::web) async fn show(
    site: web::Data<Site>,
    staff: Staff,
    request: HttpRequest,
) -> HttpResponse {
    let asked = field(request.query_string(), "days").and_then(|days| days.parse().ok());
    let days = asked.filter(|days| PERIODS.contains(days)).unwrap_or(USUAL);
    let visitor = &staff.visitor;
    let picture = site
        .gate
        .dashboard(&staff.signed_in, days, visitor.origin())
        .await;
    let layout = Layout::new(&site, visitor);
    let t = layout.t;
    let mut cards = members(t, &picture.members);
    cards.push(devices(t, &picture.devices));
    cards.push(sign_ins(t, &picture.sign_ins));
    cards.push(withdrawn(t, &picture.members));
    let dashboard = Dashboard {
        cards,
        health: health(t, picture.kakao),
        noted: picture.weather != Weather::Fair,
        chart: picture.days.value().map(|days| Chart::new(t, days)),
        chart_stale: stale(t, &picture.days),
        periods: PERIODS.map(|period| (period, period == days)),
        as_of: t.datetime_list(match &picture.days {
            Part::Stale(_, at) => *at,
            _ => picture.at,
        }),
        entries: picture
            .entries
            .map(|sheet| sheet.lines.iter().map(|line| Row::new(t, line)).collect()),
        layout,
    };
    if visitor.notice().is_some() {
        return page::show(&site, visitor, &dashboard);
    }
    page::render(StatusCode::OK, &dashboard)
}

fn members(t: Texts, part: &Part<Today>) -> Vec<Card> {
    let (mut all, mut new) = (card(t.ad_total(), t, part), card(t.ad_new(), t, part));
    if let Some(value) = part.value() {
        all.value = number(t, value.members);
        let (today, yesterday) = (value.today, value.yesterday);
        new.value = number(t, today.joined());
        new.more = vec![
            t.ad_split(number(t, today.kakao), number(t, today.email)),
            delta(t, today.joined() - yesterday.joined()),
        ];
    }
    vec![all, new]
}

fn withdrawn(t: Texts, part: &Part<Today>) -> Card {
    let mut card = card(t.ad_out(), t, part);
    if let Some(value) = part.value() {
        card.value = number(t, value.today.withdrawn);
        card.more = vec![delta(t, value.today.withdrawn - value.yesterday.withdrawn)];
    }
    card
}

fn devices(t: Texts, part: &Part<Option<i64>>) -> Card {
    let mut card = card(t.ad_active(), t, part);
    if let Some(value) = part.value() {
        card.value = match value {
            Some(count) => number(t, *count),
            None => format!("{}+", number(t, MOST_DEVICES)),
        };
    }
    card
}

fn sign_ins(t: Texts, part: &Part<SignIns>) -> Card {
    let mut card = card(t.ad_fail(), t, part);
    if let Some(value) = part.value() {
        let all = value.succeeded + value.failed;
        if all > 0 {
            // Half a tenth up.
            let thousandths = (value.failed * 2_000 + all) / (all * 2);
            card.value = format!("{}.{}%", thousandths / 10, thousandths % 10);
        }
        card.more = vec![t.ad_fail_of(number(t, all), number(t, value.failed))];
    }
    card
}

fn card<T>(label: &'static str, t: Texts, part: &Part<T>) -> Card {
    Card {
        label,
        value: "–".to_owned(),
        more: Vec::new(),
        stale: stale(t, part),
    }
}

fn stale<T>(t: Texts, part: &Part<T>) -> Option<String> {
    let told = |at: OffsetDateTime| t.ad_stale(t.datetime_list(at));
    match part {
        Part::Fresh(_) => None,
        Part::Stale(_, at) => Some(told(*at)),
        Part::Missing => Some(t.ad_missing().to_owned()),
    }
}

fn delta(t: Texts, difference: i64) -> String {
    match difference {
        0 => t.ad_delta_same().to_owned(),
        more if more > 0 => t.ad_delta_up(number(t, more)),
        fewer => t.ad_delta_down(number(t, -fewer)),
    }
}

fn health(t: Texts, health: Health) -> (&'static str, String) {
    match health {
        Health::Quiet => ("", t.ad_kakao_quiet().to_owned()),
        Health::Ok => ("ok", t.ad_kakao_ok().to_owned()),
        Health::Slow(p95) => ("warn", t.ad_kakao_slow(p95)),
        Health::Failing(count) => ("bad", t.ad_kakao_down(count)),
    }
}

fn number(t: Texts, number: i64) -> String {
    t.number(u64::try_from(number).unwrap_or_default())
}
