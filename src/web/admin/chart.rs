//! The chart of sign-ups, drawn here: it needs no script, and prints.

use time::{Date, Month};

use crate::i18n::{Texts, machine_day, seoul_midnight};
use crate::store::tallies::Tally;

/// Where the bars stand, in the picture's own units (720 × 200): between these from the left …
const LEFT: i64 = 44;
const RIGHT: i64 = 716;
/// … and between these from the top.
const TOP: i64 = 12;
const BOTTOM: i64 = 168;

/// How many days have their date below.
const LABELS: usize = 5;

/// The days of some weeks, as bars of two parts.
pub(super) struct Chart {
    pub(super) title: String,
    pub(super) description: String,
    pub(super) ticks: Vec<Tick>,
    pub(super) bars: Vec<Bar>,
    pub(super) labels: Vec<(i64, &'static str, String)>,
    pub(super) days: Vec<Row>,
    /// Whether anybody joined at all.
    pub(super) empty: bool,
}

/// A height that is named.
pub(super) struct Tick {
    pub(super) y: i64,
    pub(super) label: String,
}

/// A part of a day's bar.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) width: i64,
    pub(super) height: i64,
    /// `a` for Kakao, `b` for email; ` now` for the day that is not over.
    pub(super) class: &'static str,
}

/// A day of the table.
pub(super) struct Row {
    pub(super) day: String,
    pub(super) kakao: String,
    pub(super) email: String,
    pub(super) joined: String,
    pub(super) now: bool,
}

impl Chart {
    /// The chart of `days`, of which the last is today.
    pub(super) fn new(t: Texts, days: &[(Date, Tally)]) -> Self {
        let most = days
            .iter()
            .map(|(_, tally)| tally.joined())
            .max()
            .unwrap_or(0);
        let top = ceiling(most);
        let count = i64::try_from(days.len()).unwrap_or(1).max(1);
        let last = days.len().saturating_sub(1);
        let number = |number: i64| t.number(u64::try_from(number).unwrap_or_default());
        Self {
            title: t.ad_chart(days.len()),
            description: description(t, days),
            ticks: ticks(top)
                .into_iter()
                .map(|value| Tick {
                    y: BOTTOM - height(value, top),
                    label: number(value),
                })
                .collect(),
            bars: (0..)
                .zip(days)
                .flat_map(|(place, (_, tally))| {
                    let now = usize::try_from(place).is_ok_and(|place| place == last);
                    bars(place, count, *tally, top, now)
                })
                .collect(),
            labels: labelled(days.len())
                .into_iter()
                .filter_map(|place| {
                    let (day, _) = days.get(place)?;
                    let middle = middle(i64::try_from(place).ok()?, count);
                    let anchor = match place {
                        0 => "start",
                        _ if place == last => "end",
                        _ => "middle",
                    };
                    let x = match anchor {
                        "start" => LEFT,
                        "end" => RIGHT,
                        _ => middle,
                    };
                    Some((x, anchor, short(*day)))
                })
                .collect(),
            days: days
                .iter()
                .enumerate()
                .rev()
                .map(|(place, (day, tally))| Row {
                    day: machine_day(*day),
                    kakao: number(tally.kakao),
                    email: number(tally.email),
                    joined: number(tally.joined()),
                    now: place == last,
                })
                .collect(),
            empty: most == 0,
        }
    }
}

/// What the chart says, in a sentence.
fn description(t: Texts, days: &[(Date, Tally)]) -> String {
    let all: i64 = days.iter().map(|(_, tally)| tally.joined()).sum();
    // Of several equal days the latest.
    let peak = days.iter().max_by_key(|(_, tally)| tally.joined());
    let Some((day, tally)) = peak.filter(|(_, tally)| tally.joined() > 0) else {
        return t.ad_chart_empty().to_owned();
    };
    let count = i64::try_from(days.len()).unwrap_or(1).max(1);
    t.ad_chart_desc(
        tenths(t, all, count),
        t.date_long(seoul_midnight(*day)),
        t.number(u64::try_from(tally.joined()).unwrap_or_default()),
    )
}

/// `all / count`, to one place unless that is nought: `12`, `0.3`.
fn tenths(t: Texts, all: i64, count: i64) -> String {
    let tenths = (all * 20 + count) / (count * 2);
    let whole = t.number(u64::try_from(tenths / 10).unwrap_or_default());
    match tenths % 10 {
        0 => whole,
        tenth => format!("{whole}.{tenth}"),
    }
}

/// The height of the scale: the least of 1, 2 and 5 times a power of ten that `most` fits under.
fn ceiling(most: i64) -> i64 {
    let mut power: i64 = 1;
    loop {
        for step in [1, 2, 5] {
            if step * power >= most {
                return step * power;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Nothing, half, all; no half where people would be halved.
fn ticks(top: i64) -> Vec<i64> {
    if top % 2 == 0 {
        vec![0, top / 2, top]
    } else {
        vec![0, top]
    }
}

/// How high `value` stands, rounded, and never nothing where there is somebody.
fn height(value: i64, top: i64) -> i64 {
    let full = BOTTOM - TOP;
    let scaled = (value * full * 2 + top) / (top * 2);
    if value > 0 { scaled.max(1) } else { 0 }
}

fn edge(place: i64, count: i64) -> i64 {
    LEFT + (RIGHT - LEFT) * place / count
}

fn middle(place: i64, count: i64) -> i64 {
    i64::midpoint(edge(place, count), edge(place + 1, count))
}

/// The bars of one day: Kakao below, email on top with a gap between.
fn bars(place: i64, count: i64, tally: Tally, top: i64, now: bool) -> Vec<Bar> {
    let (left, right) = (edge(place, count), edge(place + 1, count));
    let gap = ((right - left) / 5).clamp(1, 6);
    let width = right - left - gap;
    let both = tally.kakao > 0 && tally.email > 0;
    let kakao = height(tally.kakao, top);
    let whole = height(tally.joined(), top).max(kakao + i64::from(both) * 2);
    let part = |y, height, class| Bar {
        x: left + gap / 2,
        y,
        width,
        height,
        class,
    };
    let mut bars = Vec::new();
    if tally.kakao > 0 {
        let class = if now { "a now" } else { "a" };
        bars.push(part(BOTTOM - kakao, kakao, class));
    }
    if tally.email > 0 {
        let class = if now { "b now" } else { "b" };
        let gap = i64::from(both);
        bars.push(part(BOTTOM - whole, whole - kakao - gap, class));
    }
    bars
}

/// Which of `count` days have a label: five, evenly spread, the first and the last among them.
fn labelled(count: usize) -> Vec<usize> {
    if count <= LABELS {
        return (0..count).collect();
    }
    (0..LABELS)
        .map(|label| (label * (count - 1) + (LABELS - 1) / 2) / (LABELS - 1))
        .collect()
}

/// `3/2`, which both languages read as the second of March.
fn short(day: Date) -> String {
    let month: Month = day.month();
    format!("{}/{}", u8::from(month), day.day())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;
    use time::macros::date;

    fn days(joined: &[(i64, i64)]) -> Vec<(Date, Tally)> {
        let first = date!(2026 - 03 - 01);
        joined
            .iter()
            .zip(0..)
            .map(|((kakao, email), day)| {
                let tally = Tally {
                    kakao: *kakao,
                    email: *email,
                    withdrawn: 0,
                };
                (first + time::Duration::days(day), tally)
            })
            .collect()
    }

    #[test]
    fn the_scale_ends_at_the_next_round_number() {
        for (most, top) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 5),
            (5, 5),
            (6, 10),
            (11, 20),
            (21, 50),
            (1_000, 1_000),
            (1_001, 2_000),
            (4_999_999, 5_000_000),
        ] {
            assert_eq!(ceiling(most), top, "{most}");
        }
        assert_eq!(ticks(10), [0, 5, 10]);
        assert_eq!(ticks(5), [0, 5], "nobody is halved");
    }

    #[test]
    fn heights_are_in_proportion_and_somebody_is_never_nothing() {
        let full = BOTTOM - TOP;
        assert_eq!(height(0, 10), 0);
        assert_eq!(height(10, 10), full);
        assert_eq!(height(5, 10), full / 2);
        assert_eq!(height(1, 1_000_000), 1);
    }

    #[test]
    fn every_bar_lies_within_the_picture_and_none_touches_another() {
        for count in [1, 7, 30, 90] {
            let many: Vec<(i64, i64)> = (0..count).map(|day| (day * 7 % 50, day % 9)).collect();
            let chart = Chart::new(Lang::Ko.texts(), &days(&many));
            let mut before: Option<&Bar> = None;
            for bar in &chart.bars {
                assert!(
                    bar.x >= LEFT && bar.x + bar.width <= RIGHT,
                    "{count}: {bar:?}"
                );
                assert!(bar.y >= TOP - 2 && bar.y + bar.height <= BOTTOM, "{bar:?}");
                assert!(bar.width >= 3 && bar.height >= 1, "{count}: {bar:?}");
                if let Some(before) = before {
                    let beside = before.x + before.width < bar.x;
                    let above = before.x == bar.x && bar.y + bar.height < before.y;
                    assert!(beside || above, "{before:?} {bar:?}");
                }
                before = Some(bar);
            }
            assert!(chart.labels.len() <= LABELS);
        }
    }

    #[test]
    fn days_without_anybody_draw_nothing_and_today_is_marked() {
        let chart = Chart::new(Lang::En.texts(), &days(&[(0, 0), (2, 0), (0, 1)]));
        let classes: Vec<&str> = chart.bars.iter().map(|bar| bar.class).collect();
        assert_eq!(classes, ["a", "b now"]);
        assert_eq!(
            chart.description,
            "Average 1 a day; the peak was 2 on 2 Mar 2026."
        );
        assert!(
            chart.days.first().unwrap().now,
            "the latest day comes first"
        );
        let empty = Chart::new(Lang::En.texts(), &days(&[(0, 0); 30]));
        assert!(empty.empty && empty.bars.is_empty());
        assert_eq!(empty.description, "No sign-ups in this period.");
    }

    #[test]
    fn labels_are_spread_evenly_from_the_first_day_to_the_last() {
        assert_eq!(labelled(7), [0, 2, 3, 5, 6]);
        assert_eq!(labelled(30), [0, 7, 15, 22, 29]);
        assert_eq!(labelled(90), [0, 22, 45, 67, 89]);
        assert_eq!(labelled(2), [0, 1]);
    }

    #[test]
    fn averages_are_told_to_one_place() {
        let t = Lang::En.texts();
        assert_eq!(tenths(t, 10, 3), "3.3");
        assert_eq!(tenths(t, 20, 3), "6.7");
        assert_eq!(tenths(t, 90, 30), "3");
        assert_eq!(tenths(t, 36_000, 30), "1,200");
    }
}
