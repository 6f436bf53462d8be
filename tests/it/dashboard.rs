//! `/admin`: numbers that are right, and that fail one by one.

use kakao_gate::emulator::{Consent, Endpoint, Fault, Times};
use kakao_gate::i18n::{machine_day, seoul_day, seoul_midnight};
use kakao_gate::member::Role;
use time::{Duration, OffsetDateTime};

use crate::audit::staff;
use crate::stage::page::Page;
use crate::stage::{TestApp, everywhere};

const HERE: &str = "/admin";

/// The figure and its small print on the card with this label.
fn card(page: &Page, label: &str) -> (String, String) {
    let cards = page.texts(".stats .card");
    let found = cards.iter().find_map(|card| card.strip_prefix(label));
    let text = found.unwrap_or_else(|| panic!("no card {label}: {cards:?}"));
    let (value, more) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
    (value.to_owned(), more.to_owned())
}

fn figure(page: &Page, label: &str) -> String {
    card(page, label).0
}

/// A member who joined, and left, at these moments.
fn member(
    app: &TestApp,
    number: i64,
    provider: &str,
    joined: OffsetDateTime,
    left: Option<OffsetDateTime>,
) {
    let utc = |at: OffsetDateTime| {
        let at = at.to_offset(time::UtcOffset::UTC);
        let (day, clock) = (machine_day(at.date()), at.time());
        let (hour, minute, second) = clock.as_hms();
        format!(
            "'{day} {hour:02}:{minute:02}:{second:02}.{:06}'",
            clock.microsecond()
        )
    };
    let standing = if left.is_some() {
        "withdrawn"
    } else {
        "active"
    };
    let joined = utc(joined);
    let left = left.map_or("NULL".to_owned(), utc);
    app.backends().database.execute(&format!(
        "INSERT INTO members (id, number, standing, joined_with, created_at, last_login_at, withdrawn_at)
         VALUES ('{:032x}', {number}, '{standing}', '{provider}', {joined}, {joined}, {left})",
        number + 1_000
    ));
}

// AD-1
#[test]
fn the_dashboard_exists_for_the_administration_only() {
    everywhere(async |app| {
        assert_eq!(app.visitor().get(HERE).await.status, 404);
        let member = staff(app, "linked", Role::Member).await;
        assert_eq!(member.get(HERE).await.status, 404);
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        let page = viewer.get(HERE).await;
        assert_eq!((page.status, page.h1()), (200, "대시보드".to_owned()));
        for raw in ["김하늘", "윤가람", "ordinary@", "127.0.0.1"] {
            assert!(!page.body.contains(raw), "{raw}");
        }
        // Two of the viewer's own, none of the other's.
        assert_eq!(
            page.attributes("tbody tr", "id")
                .iter()
                .filter(|id| id.starts_with("e-"))
                .count(),
            2
        );
    });
}

// AD-3
#[test]
fn a_day_begins_at_midnight_in_seoul() {
    everywhere(async |app| {
        app.noon();
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        let midnight = seoul_midnight(seoul_day(app.clock.now()));
        let moment = Duration::MICROSECOND;
        let days = Duration::days;
        member(app, 101, "kakao", midnight - moment, None);
        member(app, 102, "email", midnight, None);
        member(app, 103, "email", midnight - days(1), Some(midnight));
        member(
            app,
            104,
            "kakao",
            midnight - days(1) - moment,
            Some(midnight - moment),
        );
        member(app, 105, "kakao", midnight - days(29), None);
        member(app, 106, "kakao", midnight - days(29) - moment, None);
        let page = viewer.get(HERE).await;
        assert_eq!(figure(&page, "전체 회원"), "5");
        let (new, more) = card(&page, "오늘 가입");
        assert_eq!(
            (new.as_str(), more.as_str()),
            ("2", "카카오 1 · 이메일 1 어제와 같음")
        );
        let (out, more) = card(&page, "오늘 탈퇴");
        assert_eq!((out.as_str(), more.as_str()), ("1", "어제와 같음"));
        assert_eq!(figure(&page, "로그인 중인 기기"), "1");
        let rows = page.texts("figure ~ details tbody tr");
        assert_eq!(rows.len(), 30);
        let day = |ago: i64| machine_day(seoul_day(app.clock.now()) - days(ago));
        assert_eq!(rows[0], format!("{} 집계 중112", day(0)));
        assert_eq!(rows[1], format!("{}112", day(1)));
        assert_eq!(rows[2], format!("{}101", day(2)));
        assert_eq!(rows[29], format!("{}101", day(29)));
        let week = viewer.get("/admin?days=7").await;
        assert_eq!(week.texts("figure ~ details tbody tr").len(), 7);
        let long = viewer.get("/admin?days=90").await;
        assert_eq!(
            long.texts("figure ~ details tbody tr")[30],
            format!("{}101", day(30))
        );

        app.clock.advance(Duration::DAY);
        viewer.log_in_as(app, "ordinary").await;
        let tomorrow = viewer.get(HERE).await;
        assert_eq!(figure(&tomorrow, "오늘 가입"), "0");
        assert!(card(&tomorrow, "오늘 가입").1.ends_with("어제보다 2 감소"));
        assert_eq!(figure(&tomorrow, "전체 회원"), "5");
    });
}

#[test]
fn the_tallies_follow_whatever_becomes_of_a_member() {
    everywhere(async |app| {
        let database = &app.backends().database;
        let now = app.clock.now();
        let all = |column: &str| {
            let of = |day: &str| {
                database.number(&format!(
                    "SELECT CAST(COALESCE(SUM({column}), 0) AS BIGINT) AS number
                       FROM member_tallies WHERE day {day}"
                ))
            };
            assert_eq!(of("= ''"), of("<> ''"), "the days add up");
            of("= ''")
        };
        for number in 1..=5 {
            member(app, number, "kakao", now - Duration::days(number), None);
        }
        member(app, 6, "email", now, Some(now));
        assert_eq!((all("joined"), all("withdrawn")), (6, 1));
        database.execute("UPDATE members SET withdrawn_at = created_at WHERE number <= 2");
        assert_eq!((all("joined"), all("withdrawn")), (6, 3));
        database.execute("UPDATE members SET withdrawn_at = last_login_at WHERE number <= 2");
        database.execute("UPDATE members SET last_login_at = created_at");
        assert_eq!((all("joined"), all("withdrawn")), (6, 3));
        database.execute("UPDATE members SET withdrawn_at = NULL WHERE number = 1");
        assert_eq!((all("joined"), all("withdrawn")), (6, 2));
        database.execute("DELETE FROM members WHERE number IN (1, 2)");
        assert_eq!((all("joined"), all("withdrawn")), (4, 1));
        // Sign-ins that race for one account leave nothing behind.
        let (one, two) = (app.visitor(), app.visitor());
        tokio::join!(one.log_in(app, "ordinary"), two.log_in(app, "ordinary"));
        assert_eq!((all("joined"), all("withdrawn")), (5, 1));
    });
}

#[test]
fn periods_that_are_none_are_thirty_days_and_an_empty_one_says_so() {
    everywhere(async |app| {
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        for query in [
            "",
            "?days=30",
            "?days=31",
            "?days=-7",
            "?days=1e9",
            "?days=",
            "?days=%00",
        ] {
            let page = viewer.get(&format!("{HERE}{query}")).await;
            assert_eq!(page.status, 200, "{query}");
            assert_eq!(
                page.text("[aria-current=page][href^='/admin?']"),
                "30일",
                "{query}"
            );
            assert_eq!(page.text("svg title"), "최근 30일 가입", "{query}");
        }
        app.clock.advance(Duration::days(100));
        viewer.log_in_as(app, "ordinary").await;
        let page = viewer.get(HERE).await;
        assert!(page.texts("svg").is_empty());
        assert_eq!(page.text(".empty"), "이 기간에 가입한 회원이 없습니다.");
    });
}

// RL-6
#[test]
fn a_figure_that_cannot_be_read_is_shown_as_it_was_and_costs_nobody_the_others() {
    everywhere(async |app| {
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        let database = &app.backends().database;
        let away = "ALTER TABLE member_tallies RENAME TO away";
        let back = "ALTER TABLE away RENAME TO member_tallies";
        database.execute(away);
        let page = viewer.get(HERE).await;
        assert_eq!(page.status, 200);
        assert_eq!(figure(&page, "전체 회원"), "–");
        assert!(
            card(&page, "전체 회원")
                .1
                .contains("집계를 불러오지 못했습니다")
        );
        assert_eq!(figure(&page, "로그인 중인 기기"), "1");
        database.execute(back);
        assert_eq!(figure(&viewer.get(HERE).await, "전체 회원"), "1");
        app.clock.advance(Duration::MINUTE);
        database.execute(away);
        let page = viewer.get(HERE).await;
        assert_eq!(page.status, 200);
        assert_eq!(figure(&page, "전체 회원"), "1");
        for stale in [card(&page, "전체 회원").1, page.text("section .note.warn")] {
            assert!(stale.contains("값을 표시합니다"), "{stale}");
        }
        assert!(!page.texts("svg").is_empty());
        database.execute(back);

        // Entries that cannot be told of are not shown; everything else is.
        database.execute("ALTER TABLE audit_chain RENAME TO away");
        let page = viewer.get(HERE).await;
        assert_eq!(
            (page.status, figure(&page, "전체 회원")),
            (200, "1".to_owned())
        );
        assert!(
            !page
                .attributes("tbody tr", "id")
                .iter()
                .any(|id| id.starts_with("e-"))
        );
        database.execute("ALTER TABLE away RENAME TO audit_chain");
    });
}

// AD-4
#[test]
fn failed_sign_ins_of_today_have_a_rate_and_kakaos_failures_a_card() {
    everywhere(async |app| {
        app.noon();
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        let page = viewer.get(HERE).await;
        assert_eq!(
            card(&page, "로그인 실패율"),
            ("0.0%".to_owned(), "로그인 1건 중 0건".to_owned())
        );
        assert!(card(&page, "카카오 연결 상태").0.starts_with("정상"));
        for _ in 0..2 {
            let visitor = app.visitor();
            let callback = visitor.to_callback(&app.emulator, "linked", "/me").await;
            app.emulator
                .fail(Endpoint::Token, Fault::Status(500), Times::Once);
            assert_eq!(visitor.get(&callback).await.leads_to_error(), "kakao_down");
        }
        // Who changes their mind has not failed.
        let visitor = app.visitor();
        let begun = visitor.get("/auth/kakao?next=/me").await;
        let back = app
            .emulator
            .authorize(begun.location(), "no-email", Consent::Cancel);
        visitor.get(back.strip_prefix(&app.url).unwrap()).await;
        let page = viewer.get(HERE).await;
        assert_eq!(
            card(&page, "로그인 실패율"),
            ("66.7%".to_owned(), "로그인 3건 중 2건".to_owned())
        );
        let (_, told) = card(&page, "카카오 연결 상태");
        assert!(page.body.contains("장애 (2건, 최근 5분)"), "{told}");
    });
}
