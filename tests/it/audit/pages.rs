//! `/admin/audit`: who sees what of it, and how little of people it shows.

use kakao_gate::member::Role;

use super::{append, staff};
use crate::stage::page::Page;
use crate::stage::{TestApp, Visitor, everywhere};

const HERE: &str = "/admin/audit";

/// What nobody may read off a page or a file.
const RAW: &[&str] = &[
    "김하늘",
    "이새벽",
    "윤가람",
    "ordinary@",
    "linked@",
    "127.0.0.1",
];

fn is_masked(page: &Page) {
    for raw in RAW {
        assert!(!page.body.contains(raw), "{raw}");
    }
}

/// The places of the entries on a page.
fn places(page: &Page) -> Vec<i64> {
    let ids = page.attributes("tbody tr", "id");
    ids.iter()
        .map(|id| id.trim_start_matches("e-").parse().unwrap())
        .collect()
}

// AD-1
#[test]
fn the_log_exists_for_the_administration_only_and_shows_each_role_its_part() {
    everywhere(async |app| {
        assert_eq!(app.visitor().get(HERE).await.status, 404);
        let member = staff(app, "linked", Role::Member).await;
        assert_eq!(member.get(HERE).await.status, 404);
        assert_eq!(
            app.count("audit_events WHERE action = 'audit.view'").await,
            0
        );

        let owner = staff(app, "ordinary", Role::Owner).await;
        for (person, role) in [("no-email", Role::Viewer), ("minimal", Role::Admin)] {
            let visitor = staff(app, person, role).await;
            let page = visitor.get(HERE).await;
            assert_eq!(page.status, 200);
            is_masked(&page);
            let mine = page.texts("tbody td[data-l=대상]");
            assert!(mine.iter().all(|target| target == "본인"), "{mine:?}");
            assert_eq!(places(&page).len(), 2, "joined and signed in");
            assert!(page.body.contains("내가 한 작업만 보입니다."));
            assert!(page.attributes("#actor", "name").is_empty());
            // Asking for somebody else's acts gets one's own, and says so.
            let others = visitor.get(&format!("{HERE}?actor=1")).await;
            assert_eq!(others.status, 200);
            assert!(others.text(".note").contains("actor"));
            assert!(!places(&others).contains(&1));
            let csrf = visitor.get("/me").await.csrf();
            let fields = [
                ("csrf", csrf.as_str()),
                ("query", ""),
                ("reason", "감사 자료"),
            ];
            let export = visitor.post("/admin/audit/export", &fields).await;
            assert_eq!(export.status, 403);
        }
        let page = owner.get(&format!("{HERE}?per=100")).await;
        assert_eq!(page.status, 200);
        is_masked(&page);
        assert!(page.body.contains("김*늘") && page.body.contains("127.0.***.1"));
        let all = app.count("audit_events").await - 1;
        assert_eq!(places(&page).len(), all, "all but this look");
        assert_eq!(
            app.count("audit_events WHERE action = 'audit.export'")
                .await,
            0
        );
    });
}

// AD-4
#[test]
fn looking_is_an_entry_and_what_cannot_be_written_down_is_not_shown() {
    everywhere(async |app| {
        let owner = staff(app, "ordinary", Role::Owner).await;
        owner.get(&format!("{HERE}?action=logout&per=50")).await;
        let views = "SELECT detail AS value FROM audit_events WHERE action = 'audit.view'";
        assert_eq!(app.values(views).await, ["action=logout&per=50"]);
        let database = &app.backends().database;
        database.execute("ALTER TABLE audit_chain RENAME COLUMN voucher TO away");
        let page = owner.get(HERE).await;
        assert!([500, 503].contains(&page.status), "{}", page.status);
        assert!(!page.body.contains("<tbody"), "{}", page.body);
        database.execute("ALTER TABLE audit_chain RENAME COLUMN away TO voucher");
        assert_eq!(owner.get(HERE).await.status, 200);
    });
}

// AD-7
#[test]
fn filters_find_what_they_say_and_every_view_has_one_address() {
    everywhere(async |app| {
        let owner = staff(app, "ordinary", Role::Owner).await;
        let other = app.visitor();
        other.log_in_as(app, "linked").await;
        other
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        let actions = |page: &Page| page.texts("tbody summary");
        let found = owner.get(&format!("{HERE}?actor=2")).await;
        assert_eq!(
            actions(&found),
            ["로그아웃", "카카오 로그인", "카카오로 가입"]
        );
        let found = owner.get(&format!("{HERE}?target=2&action=logout")).await;
        assert_eq!(actions(&found), ["로그아웃"]);
        let id = app
            .values("SELECT id AS value FROM members WHERE number = 2")
            .await;
        let found = owner
            .get(&format!("{HERE}?target={}&result=success", id[0]))
            .await;
        assert_eq!(actions(&found).len(), 3);
        for nothing in [
            "actor=77",
            "result=failed",
            "from=2999-01-01",
            "to=1999-01-01",
        ] {
            let page = owner.get(&format!("{HERE}?{nothing}")).await;
            assert_eq!(
                (page.status, page.text(".empty")),
                (200, "이 조건의 기록이 없습니다.".to_owned()),
                "{nothing}"
            );
        }
        let longer = owner
            .get(&format!("{HERE}?to=&per=15&target=0002&actor="))
            .await;
        assert_eq!(
            (longer.status, longer.location()),
            (303, "/admin/audit?target=2")
        );
        for query in [
            "actor=%27%20OR%20%271%27%3D%271",
            "action=%00",
            "before=-1",
            "per=1000000000",
            "from=%F0%9F%98%80",
            &format!("target={}", "x".repeat(5_000)),
        ] {
            let page = owner.get(&format!("{HERE}?{query}")).await;
            assert_eq!(page.status, 200, "{query}");
            assert!(page.text(".note").contains("제외했습니다"), "{query}");
        }
        assert_eq!(owner.head(HERE).await.status, 200);
    });
}

// AD-7
#[test]
fn every_entry_is_on_exactly_one_page_whatever_is_added_meanwhile() {
    everywhere(async |app| {
        let owner = staff(app, "ordinary", Role::Owner).await;
        append(&app.gate(), 70).await;
        let mut page = owner.get(HERE).await;
        let mut seen = places(&page);
        let mut pages = 1;
        // Each look is an entry more at the top.
        while let Some(older) = page.attributes("a[rel=next]", "href").pop() {
            page = owner.get(&older).await;
            seen.extend(places(&page));
            pages += 1;
        }
        assert_eq!(pages, 5);
        let expected: Vec<i64> = (1..=72).rev().collect();
        assert_eq!(seen, expected);
        let newer = page.attributes("a[rel=prev]", "href").pop().unwrap();
        assert_eq!(
            places(&owner.get(&newer).await),
            (13..=27).rev().collect::<Vec<_>>()
        );
        // A place that is not there begins with the newest.
        let page = owner.get(&format!("{HERE}?before=999999")).await;
        assert_eq!(places(&page).len(), 15);
    });
}

async fn wish(app: &TestApp, owner: &Visitor, query: &str, reason: &str) -> Page {
    let fields = [("query", query), ("reason", reason)];
    let page = owner.press(HERE, "/admin/audit/export", &fields).await;
    assert_ne!(page.status, 500, "{}", app.url);
    page
}

// AD-3, AD-7, AD-8
#[test]
fn an_export_is_masked_harmless_told_and_for_owners_who_have_just_proved_it() {
    everywhere(async |app| {
        let owner = staff(app, "ordinary", Role::Owner).await;
        let gate = app.gate();
        let mut formula = super::event(&gate, "=HYPERLINK(\"http://evil.example\")");
        formula.detail = Some("@SUM(1,2)".to_owned());
        let vault = gate.vault.clone();
        gate.store
            .write(move |connection| {
                kakao_gate::store::audit::append(connection, &vault, &[formula])
            })
            .await
            .unwrap();
        for reason in ["", "짧음", "    \n   "] {
            let page = wish(app, &owner, "", reason).await;
            assert_eq!((page.status, page.location()), (303, HERE), "{reason:?}");
            let told = owner.get(HERE).await;
            assert_eq!(told.text("[role=alert]"), "사유를 5자 이상 입력해 주세요.");
        }
        let file = wish(app, &owner, "", "분기 감사 자료").await;
        assert_eq!(file.status, 200);
        assert_eq!(file.header("content-type"), "text/csv; charset=utf-8");
        let name = file.header("content-disposition");
        assert!(
            name.starts_with("attachment; filename=\"audit-20"),
            "{name}"
        );
        assert!(
            file.body.starts_with("\u{feff}기록 번호,시각,"),
            "{}",
            file.body
        );
        is_masked(&file);
        assert!(
            file.body
                .contains(",\"'=HYPERLINK(\"\"http://evil.example\"\")\",")
        );
        assert!(file.body.contains(",\"'@SUM(1,2)\","));
        let lines = file.body.trim_end().split("\r\n").count();
        assert_eq!(lines, app.count("audit_events").await + 1);
        let told = app
            .values("SELECT reason AS value FROM audit_events WHERE action = 'audit.export'")
            .await;
        assert_eq!(told, ["분기 감사 자료"]);
        let some = wish(app, &owner, "action=join.kakao", "분기 감사 자료").await;
        assert_eq!(some.body.trim_end().split("\r\n").count(), 2);

        app.clock.advance(time::Duration::minutes(11));
        let late = wish(app, &owner, "action=logout", "분기 감사 자료").await;
        let back = "/reauth?next=%2Fadmin%2Faudit%3Faction%3Dlogout";
        assert_eq!((late.status, late.location()), (303, back));
    });
}

// AD-7
#[test]
fn a_long_export_is_whole_and_one_that_breaks_off_does_not_look_it() {
    everywhere(async |app| {
        let owner = staff(app, "ordinary", Role::Owner).await;
        let gate = app.gate();
        super::append_many(&gate, 10).await;
        let file = wish(app, &owner, "", "분기 감사 자료").await;
        let places: Vec<i64> = file
            .body
            .lines()
            .skip(1)
            .map(|line| line.split(',').next().unwrap().parse().unwrap())
            .collect();
        let expected: Vec<i64> = (1..=i64::try_from(places.len()).unwrap()).rev().collect();
        assert_eq!(places, expected);
        assert_eq!(places.len(), app.count("audit_events").await);

        // An entry that cannot be read, in the middle.
        app.backends()
            .database
            .execute("UPDATE audit_events SET actor = 'nobody' WHERE place = 300");
        let csrf = owner.get("/me").await.csrf();
        let fields = [
            ("csrf", csrf.as_str()),
            ("query", ""),
            ("reason", "분기 감사 자료"),
        ];
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(fields);
        let cookie = owner.cookie("kg-session").unwrap();
        let answer = owner
            .client
            .post(format!("{}/admin/audit/export", app.url))
            .header("cookie", format!("kg-session={cookie}"))
            .header("origin", &app.url)
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.finish())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        assert!(answer.bytes().await.is_err(), "the file looks whole");
    });
}

// AD-4
#[test]
fn the_page_says_whether_the_log_is_intact() {
    everywhere(async |app| {
        let owner = staff(app, "ordinary", Role::Owner).await;
        let gate = app.gate();
        gate.watch_audit_log().await.unwrap();
        let page = owner.get(HERE).await;
        assert!(
            page.text(".tag.ok").starts_with("무결성 확인됨"),
            "{}",
            page.body
        );
        // At once, without another walk: the newest entry is not the one that was vouched for.
        let database = &app.backends().database;
        database.execute(
            "UPDATE audit_events SET digest = 'x' WHERE place = \
            (SELECT head_place FROM audit_chain)",
        );
        let page = owner.get(HERE).await;
        assert!(
            page.text(".tag.bad").starts_with("무결성 오류"),
            "{}",
            page.body
        );
    });
}
