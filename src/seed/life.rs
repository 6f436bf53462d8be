//! What has become of each.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::calendar::Calendar;
use super::dice::Dice;
use super::names::Called;
use crate::member::{MemberId, Provider, Role, Standing};
use crate::store::audit::{Event, Outcome};
use crate::store::bulk::{Device, Person};

/// Seeded members get numbers at Kakao from here on, far from those of the emulator's people.
const KAKAO_IDS: i64 = 4_100_000_000;

/// So many of the first are on record: enough to look at, while a million entries would only slow
/// a load test down.
const ON_RECORD: usize = 400;

/// How long a session lasts.
const SESSION: Duration = Duration::days(30);

const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (Linux; Android 15; SM-S931N) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
];

const REASONS: [&str; 5] = [
    "광고성 게시물 반복",
    "다른 회원 사칭 신고 확인",
    "결제 도용 의심, 확인 중",
    "욕설 신고 누적",
    "본인 요청으로 임시 정지",
];

/// Somebody of the administration, who acts on others.
pub(super) struct Staff {
    place: usize,
    id: MemberId,
    role: Role,
}

/// Who of so many has a role: a handful, however many members there are. No owner: that is
/// whoever runs the service.
pub(super) fn staff(dice: &mut Dice, calendar: &Calendar, count: usize) -> Vec<Staff> {
    let roles = [
        Role::Admin,
        Role::Viewer,
        Role::Viewer,
        Role::Admin,
        Role::Viewer,
    ];
    let first = count / 50;
    let began = calendar.now - Duration::days(super::DAYS);
    roles
        .into_iter()
        .enumerate()
        .map(|(nth, role)| Staff {
            place: first + nth * 2,
            id: MemberId(dice.id(millis(began))),
            role,
        })
        .filter(|staff| staff.place < count)
        .collect()
}

pub(super) fn person(
    dice: &mut Dice,
    calendar: &Calendar,
    staff: &[Staff],
    place: usize,
    joined: OffsetDateTime,
) -> Person {
    let office = staff.iter().find(|staff| staff.place == place);
    let by_kakao = dice.per_mille(740) || office.is_some();
    // The newest has joined by email and not followed the link yet.
    let is_newest = place + 1 == calendar.count;
    let provider = if by_kakao && !is_newest {
        Provider::Kakao
    } else {
        Provider::Email
    };
    let called = Called::new(dice);
    let email = called.address(dice, place);
    let mut person = Person {
        id: office.map_or_else(|| MemberId(dice.id(millis(joined))), |office| office.id),
        name: Some(called.name),
        email: Some(email).filter(|_| provider == Provider::Email || !dice.per_mille(80)),
        email_confirmed: true,
        provider,
        role: office.map_or(Role::Member, |office| office.role),
        standing: Standing::Active,
        standing_reason: None,
        joined,
        seen: calendar.since(dice, joined, 1),
        withdrawn: None,
        kakao_id: (provider == Provider::Kakao)
            .then(|| KAKAO_IDS + i64::try_from(place).unwrap_or_default()),
        devices: Vec::new(),
        acts: Vec::new(),
    };
    record(dice, &mut person, joined, "join.kakao", place);
    if office.is_none() {
        befall(dice, calendar, staff, &mut person, place);
    }
    if person.standing == Standing::Active {
        stay_signed_in(dice, calendar, &mut person, place);
    }
    person
}

/// Most people are left alone.
fn befall(
    dice: &mut Dice,
    calendar: &Calendar,
    staff: &[Staff],
    person: &mut Person,
    place: usize,
) {
    let joined = person.joined;
    // Who has not confirmed within a day is forgotten, so that there are none of earlier days.
    let is_new = calendar.now - joined < Duration::DAY;
    let is_newest = place + 1 == calendar.count;
    if is_newest || person.provider == Provider::Email && is_new && dice.per_mille(600) {
        person.standing = Standing::Unconfirmed;
        person.email_confirmed = false;
        person.seen = joined;
        return;
    }
    match dice.below(1_000) {
        0..40 => {
            let withdrawn = calendar.since(dice, joined, 1);
            person.standing = Standing::Withdrawn;
            person.seen = joined + (withdrawn - joined) / 2;
            person.withdrawn = Some(withdrawn);
            (person.name, person.email, person.kakao_id) = (None, None, None);
            person.email_confirmed = false;
        }
        40..65 => {
            let suspended = calendar.since(dice, joined, 1);
            let days = Duration::days(i64::try_from(7 + dice.below(60)).unwrap_or(7));
            let until = dice.per_mille(600).then_some(calendar.now + days);
            person.standing = Standing::Suspended { until };
            person.standing_reason = dice.one(&REASONS).copied();
            person.seen = joined + (suspended - joined) / 2;
            let admins = staff.iter().filter(|staff| staff.role == Role::Admin);
            let admins: Vec<&Staff> = admins.collect();
            if let Some(admin) = dice.one(&admins)
                && place < ON_RECORD
            {
                let event = Event {
                    actor: Some(admin.id),
                    reason: person.standing_reason.map(str::to_owned),
                    detail: Some("active → suspended".to_owned()),
                    ..event(dice, person.id, suspended, "member.suspend")
                };
                person.acts.push(event);
            }
        }
        _ => {}
    }
}

/// Who was here lately may still be signed in, some on two devices.
fn stay_signed_in(dice: &mut Dice, calendar: &Calendar, person: &mut Person, place: usize) {
    let lately = calendar.now - person.seen < Duration::days(14);
    if person.provider != Provider::Kakao || !lately || !dice.per_mille(350) {
        return;
    }
    for _ in 0..=dice.below(2) {
        let since = person.seen;
        person.devices.push(Device {
            id: dice.id(millis(since)),
            ip: address(dice),
            user_agent: dice.one(&AGENTS).copied().unwrap_or_default(),
            since,
            seen: calendar.since(dice, since, 2),
            ends: since + SESSION,
        });
        record(dice, person, since, "login.kakao", place);
    }
}

/// Puts on record what somebody did to their own account.
fn record(
    dice: &mut Dice,
    person: &mut Person,
    at: OffsetDateTime,
    action: &'static str,
    place: usize,
) {
    if place < ON_RECORD && person.provider == Provider::Kakao {
        person.acts.push(event(dice, person.id, at, action));
    }
}

fn event(dice: &mut Dice, who: MemberId, at: OffsetDateTime, action: &'static str) -> Event {
    Event {
        id: dice.id(millis(at)),
        at,
        actor: Some(who),
        subject: Some(who),
        ip: address(dice),
        action,
        result: Outcome::Success,
        reason: None,
        detail: None,
        request_id: request_id(dice.id(0)),
    }
}

fn request_id(id: Uuid) -> String {
    let digits = id.simple().to_string();
    digits.chars().rev().take(12).collect()
}

/// In a network of documentation.
fn address(dice: &mut Dice) -> String {
    let last = 1 + dice.below(254);
    match dice.below(4) {
        0 => format!("192.0.2.{last}"),
        1 => format!("198.51.100.{last}"),
        2 => format!("203.0.113.{last}"),
        _ => format!("2001:db8:{:x}::{last:x}", dice.below(65_536)),
    }
}

fn millis(at: OffsetDateTime) -> u64 {
    u64::try_from(at.unix_timestamp_nanos() / 1_000_000).unwrap_or_default()
}
