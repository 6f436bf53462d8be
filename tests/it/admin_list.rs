//! The member list of the administration: who sees it, how little it shows, and its addresses.

mod crowd;
mod searching;
mod views;

use kakao_gate::member::Role;

use crate::stage::page::Page;
use crate::stage::{Stage, everywhere};
use crowd::{crowd, id_of, staff, write};

/// What the emulator's people must never be shown as.
const RAW: &[&str] = &[
    "김하늘",
    "이새벽",
    "박노을",
    "최바람",
    "윤가람",
    "한누리",
    "하늘",
    "노을",
    "ordinary@",
    "unverified-email@",
    "linked@",
    "long-id@",
    "2900000001",
    "1376016924426814086",
];

/// The member numbers on a page, in its order.
fn numbers(page: &Page) -> Vec<i64> {
    let numbers = page.texts("tbody th a");
    numbers
        .iter()
        .map(|number| number.parse().unwrap())
        .collect()
}

// AD-1
#[test]
fn the_list_exists_for_the_administration_only_and_shows_each_role_what_it_may_do() {
    everywhere(async |app| {
        assert_eq!(app.visitor().get("/admin/members").await.status, 404);
        let member = staff(app, "linked", Role::Member).await;
        assert_eq!(member.get("/admin/members").await.status, 404);
        assert_eq!(member.get("/admin/members?limit=1").await.status, 404);
        let csrf = member.get("/me").await.csrf();
        let fields = [("q", "ordinary@example.com"), ("csrf", &csrf)];
        assert_eq!(member.post("/admin/members", &fields).await.status, 404);
        assert_eq!(
            app.count("audit_events WHERE action = 'member.list'").await,
            0
        );

        for (person, role, acts) in [
            ("ordinary", Role::Viewer, false),
            ("no-email", Role::Admin, true),
            ("long-id", Role::Owner, true),
        ] {
            let visitor = staff(app, person, role).await;
            let page = visitor.get("/admin/members").await;
            assert_eq!((page.status, page.h1()), (200, "회원".to_owned()));
            let has = |selector: &str| !page.texts(selector).is_empty();
            assert_eq!(has("a[href^='/admin/members/export']"), acts, "{person}");
            assert_eq!(has("select[name=action]"), acts, "{person}");
            let picks = page.attributes("input[name^='id-']", "name").len();
            assert_eq!(picks > 0, acts, "{person}");
            // A role that is taken back is gone with the next request.
            staff(app, person, Role::Member).await;
            assert_eq!(visitor.get("/admin/members").await.status, 404, "{person}");
        }
    });
}

// AD-1
#[test]
fn only_members_whom_one_may_act_on_can_be_ticked() {
    everywhere(async |app| {
        crowd(app, &["홍길동", "이준"]).await;
        write(app, "UPDATE members SET role = 'owner' WHERE number = 1").await;
        let admin = staff(app, "ordinary", Role::Admin).await;
        let page = admin.get("/admin/members").await;
        let id = id_of(app, "crowd1@example.com").await;
        let picks = page.attributes("input[name^='id-']", "name");
        assert_eq!(picks, [format!("id-{id}")], "neither owners nor oneself");
        assert_eq!(page.attributes("input[name^='id-']", "value"), ["1"]);
        let form = page.attributes("form#bulk input[name=back]", "value");
        assert_eq!(form, [""]);
    });
}

// AD-3
#[test]
fn nobody_is_shown_in_full() {
    everywhere(async |app| {
        for person in [
            "no-email",
            "unverified-email",
            "linked",
            "long-id",
            "minimal",
            "stale-email",
        ] {
            app.visitor().log_in_as(app, person).await;
        }
        let owner = staff(app, "ordinary", Role::Owner).await;
        for query in ["", "?status=active", "?q=7", "?sort=name&per=100"] {
            let page = owner.get(&format!("/admin/members{query}")).await;
            assert_eq!(page.status, 200, "{query}");
            for raw in RAW {
                assert!(!page.body.contains(raw), "{raw} at {query}");
            }
            assert_eq!(page.header("cache-control"), "no-store");
        }
        let page = owner.get("/admin/members?q=7").await;
        let facts = page.texts("tbody tr > *");
        let expected = [
            "",
            "7",
            "김*늘",
            "o***@example.com",
            "카카오",
            "정상",
            "최고 관리자",
        ];
        // Nobody to tick: the row is the owner's own.
        assert_eq!(facts[..6], expected[1..], "{facts:?}");
        let nameless = owner.get("/admin/members?q=5").await;
        assert_eq!(nameless.texts("tbody td")[1], "이름 없음");
    });
}

// AD-4
#[test]
fn every_look_is_in_the_audit_log_before_it_is_shown_without_the_text_searched_for() {
    everywhere(async |app| {
        crowd(app, &["홍길동"]).await;
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        let details = "SELECT COALESCE(detail, '') AS value FROM audit_events \
                       WHERE action = 'member.list' AND subject IS NULL ORDER BY place";
        for path in [
            "/admin/members",
            "/admin/members?q=%EA%B8%B8%EB%8F%99&status=active",
            "/admin/members?q=1",
        ] {
            assert_eq!(viewer.get(path).await.status, 200);
        }
        let email = [("q", "crowd0@example.com")];
        viewer.press("/me", "/admin/members", &email).await;
        let told = app.values(details).await;
        assert_eq!(told, ["", "q=name&status=active", "q=number", "q=email"]);

        write(app, "ALTER TABLE audit_chain RENAME TO audit_chain_gone").await;
        let page = viewer.get("/admin/members").await;
        assert_eq!(page.status, 500);
        for shown in ["홍*동", "c***@example.com"] {
            assert!(!page.body.contains(shown), "{shown}");
        }
        let page = viewer.press("/me", "/admin/members", &email).await;
        assert_eq!((page.status, page.location()), (500, ""));
        write(app, "ALTER TABLE audit_chain_gone RENAME TO audit_chain").await;
        assert_eq!(viewer.get("/admin/members").await.status, 200);
    });
}

// AD-7
#[test]
fn one_view_has_one_address_and_what_is_not_understood_is_told_once() {
    everywhere(async |app| {
        crowd(app, &["홍길동", "이준"]).await;
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        let asked = "per=20&sort=-created_at&page=1&status=suspended,active&q=";
        let led = viewer.get(&format!("/admin/members?{asked}")).await;
        assert_eq!(led.status, 303);
        assert_eq!(led.location(), "/admin/members?status=active,suspended");
        let page = viewer.follow(&led).await;
        assert_eq!((page.status, page.text(".note")), (200, String::new()));

        let long = format!("q={}&role=member", "%EA%B9%80".repeat(3_500));
        for (asked, canonical, told) in [
            ("limit=1e9", "", "limit"),
            ("page=-1&role=member", "?role=member", "페이지"),
            ("page=99999999999999999999", "", "페이지"),
            ("sort=password&per=50", "?per=50", "정렬"),
            ("status=active,dead", "?status=active", "상태"),
            ("q=%00&role=member", "?role=member", "검색"),
            (
                "from=2026-13-01&to=2026-01-31",
                "?to=2026-01-31",
                "가입일 시작",
            ),
            ("%3Cscript%3Ealert(1)=1", "", "?"),
            (&long, "?role=member", "검색"),
        ] {
            let led = viewer.get(&format!("/admin/members?{asked}")).await;
            assert_eq!(led.status, 303, "{asked:.40}");
            assert_eq!(led.location(), format!("/admin/members{canonical}"));
            let page = viewer.follow(&led).await;
            assert_eq!(page.status, 200, "{asked:.40}");
            let expected = format!("사용할 수 없는 조건이 있어 제외했습니다: {told}");
            assert_eq!(page.text(".note.warn[role=alert]"), expected);
            assert_eq!(viewer.follow(&led).await.text(".note"), "", "said once");
        }
        let led = viewer.get("/admin/members?page=2&per=50").await;
        assert_eq!(led.location(), "/admin/members?per=50", "past the end");
        assert_eq!(
            viewer.get("/admin/members?page=9999").await.location(),
            "/admin/members"
        );
        assert_eq!(viewer.head("/admin/members").await.status, 200);
    });
}

// AD-7
#[test]
fn pages_and_orders_show_everybody_once() {
    everywhere(async |app| {
        let names: Vec<String> = (0..44).map(|at| format!("이름{at:02}")).collect();
        crowd(app, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        let first = viewer.get("/admin/members").await;
        assert_eq!(first.text("title"), "회원 (1/3 페이지) – 예시서비스");
        assert_eq!(first.text(".row .num"), "45명 중 1–20");
        assert_eq!(
            numbers(&first),
            (26..=45).rev().collect::<Vec<_>>(),
            "newest first"
        );
        let mut seen = numbers(&first);
        let mut page = first;
        while let Some(next) = page.attributes("a[rel=next]", "href").pop() {
            page = viewer.get(&next).await;
            seen.extend(numbers(&page));
        }
        assert_eq!(page.text("title"), "회원 (3/3 페이지) – 예시서비스");
        assert_eq!(page.text(".row .num"), "45명 중 41–45");
        assert_eq!(seen, (1..=45).rev().collect::<Vec<_>>());
        assert_eq!(page.text(".pager [aria-current]"), "페이지 3");
        let many = viewer.get("/admin/members?per=50").await;
        assert_eq!(numbers(&many).len(), 45);
        assert!(many.texts(".pager a").is_empty());
        assert_eq!(many.text("title"), "회원 – 예시서비스");

        // From the third page, another order begins at the first.
        let sorts = page.attributes("thead a", "href");
        assert_eq!(sorts[0], "/admin/members?sort=no");
        let by_number = viewer.get(&sorts[0]).await;
        assert_eq!(numbers(&by_number), (1..=20).collect::<Vec<_>>());
        assert_eq!(
            by_number.attributes("[aria-sort]", "aria-sort"),
            ["ascending"]
        );
        assert_eq!(by_number.text("[aria-sort]"), "회원번호");
        let labels = by_number.attributes("thead a", "aria-label");
        assert_eq!(labels[0], "회원번호 내림차순으로 정렬");
        let back = by_number.attributes("thead a", "href");
        assert_eq!(back[0], "/admin/members?sort=-no");
        assert!(by_number.text("caption").starts_with("회원번호 순."));
        let by_name = viewer
            .get("/admin/members?q=%EC%9D%B4%EB%A6%84&sort=-name")
            .await;
        assert_eq!(numbers(&by_name)[..3], [44, 43, 42]);
        let longest_ago = viewer.get("/admin/members?sort=last_login_at").await;
        assert_eq!(numbers(&longest_ago)[..3], [1, 2, 3]);
    });
}

// AD-3
#[test]
fn of_somebody_who_left_only_the_number_and_the_date_are_told() {
    everywhere(async |app| {
        crowd(app, &["홍길동"]).await;
        write(
            app,
            "UPDATE members SET standing = 'withdrawn', withdrawn_at = '2026-03-02 15:30:00'",
        )
        .await;
        let admin = staff(app, "ordinary", Role::Admin).await;
        let page = admin.get("/admin/members?status=withdrawn").await;
        assert_eq!(page.texts("tbody tr > *"), ["1", "탈퇴 2026-03-03"]);
        assert_eq!(page.attributes("tbody tr", "id"), ["m-1"]);
    });
}

// AD-3
#[test]
fn a_suspension_says_until_when() {
    everywhere(async |app| {
        crowd(app, &["홍길동", "이준"]).await;
        let until = "standing_until = '2099-12-24 16:00:00'";
        for set in [
            &format!("{until} WHERE number = 1"),
            "version = 2 WHERE number = 2",
        ] {
            write(
                app,
                &format!("UPDATE members SET standing = 'suspended', {set}"),
            )
            .await;
        }
        let admin = staff(app, "ordinary", Role::Admin).await;
        let page = admin.get("/admin/members?status=suspended").await;
        assert_eq!(
            page.texts(".tag.bad"),
            ["이용 정지", "이용 정지 2099-12-25까지"]
        );
        assert_eq!(page.attributes("input[name^='id-']", "value"), ["2", "1"]);
    });
}

// WB-3
#[test]
fn what_people_call_themselves_and_what_admins_search_for_is_only_text() {
    Stage::default().once(async |app| {
        crowd(
            app,
            &[
                "<script>alert(1)</script>",
                "\"><img src=x onerror=alert(1)>",
            ],
        )
        .await;
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        for path in [
            "/admin/members",
            "/admin/members?q=%3Cscript%3Ealert%281%29",
            "/admin/members?q=%22%3E%3Cimg+src%3Dx",
        ] {
            let page = viewer.get(path).await;
            assert_eq!(page.status, 200);
            assert!(page.texts("main script, main img").is_empty(), "{path}");
            for raw in ["<script>alert", "<img", "onerror"] {
                assert!(!page.body.contains(raw), "{raw} at {path}");
            }
        }
        let found = viewer.get("/admin/members?q=%3Cscript%3E").await;
        assert_eq!(numbers(&found), [1]);
        assert_eq!(found.attributes("#q", "value"), ["<script>"]);
    });
}

// WB-5
#[test]
fn a_page_of_twenty_is_light_and_a_phone_can_name_what_it_shows() {
    Stage::default().once(async |app| {
        let names: Vec<String> = (0..40).map(|at| format!("남궁민수{at:02}")).collect();
        crowd(app, &names.iter().map(String::as_str).collect::<Vec<_>>()).await;
        let admin = staff(app, "ordinary", Role::Admin).await;
        let page = admin.get("/admin/members").await;
        assert_eq!(numbers(&page).len(), 20);
        let named = page.attributes("tbody tr:nth-child(2) [data-l]", "data-l");
        assert_eq!(named, ["회원번호", "회원", "상태", "가입일"]);
        assert!(page.body.len() <= 15 * 1_024, "{} bytes", page.body.len());
    });
}

// WB-5
#[test]
fn whoever_changes_the_language_stays_on_the_list_however_long_its_address() {
    Stage::default().once(async |app| {
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        let short = "/admin/members?status=active,suspended&sort=no";
        let back = "form[action='/language'] input[name=back]";
        let page = viewer.get(short).await;
        assert_eq!(page.attributes(back, "value"), [short]);
        let long = format!(
            "/admin/members?q={}&status=active,suspended&sort=no&per=50",
            "%EA%B0%80".repeat(40)
        );
        let page = viewer.get(&long).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.attributes(back, "value"), ["/admin/members"]);
        let led = viewer
            .press(&long, "/language", &[("lang", "en"), ("back", short)])
            .await;
        assert_eq!(viewer.follow(&led).await.h1(), "Members");
    });
}
