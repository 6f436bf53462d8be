//! Finding people: by number, by a part of a name, by an address that never stands in an address
//! bar, and by conditions.

use kakao_gate::member::Role;

use super::crowd::{crowd, id_of, staff, write};
use super::numbers;
use crate::stage::backends::Backends;
use crate::stage::page::Page;
use crate::stage::{Stage, everywhere};

fn path(query: &str, value: &str) -> String {
    let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    format!("/admin/members?{query}{value}")
}

// AD-7
#[test]
fn a_number_finds_its_member_and_a_part_of_a_name_everybody_with_it() {
    everywhere(async |app| {
        let names = ["홍길동", "김길동", "John Smith", "100%_'\"\\", "", "이준"];
        crowd(app, &names).await;
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        for (search, found) in [
            ("3", vec![3]),
            ("길동", vec![2, 1]),
            ("홍", vec![1]),
            ("SMITH", vec![3]),
            ("%", vec![4]),
            ("_", vec![4]),
            ("'", vec![4]),
            ("\\", vec![4]),
            ("100%_'\"\\", vec![4]),
            ("99", vec![]),
            ("없는사람", vec![]),
            ("' OR 1=1 --", vec![]),
        ] {
            let page = viewer.get(&path("q=", search)).await;
            assert_eq!(page.status, 200, "{search}");
            assert_eq!(numbers(&page), found, "{search}");
            assert_eq!(page.attributes("#q", "value"), [search]);
        }
        let page = viewer.get(&path("q=", "없는사람")).await;
        assert_eq!(page.text(".empty b"), "조건에 맞는 회원이 없습니다.");
        assert!(page.texts("table").is_empty());
        assert_eq!(
            page.texts(".chips li").len(),
            2,
            "the search, and clearing it"
        );
    });
}

// AD-7, LG-2
#[test]
fn an_email_address_leads_to_its_member_and_stands_in_no_address() {
    everywhere(async |app| {
        crowd(app, &["홍길동", "이준", "박하나"]).await;
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        let search = async |text: &str| -> Page {
            let fields = [("q", text), ("status-active", "on")];
            viewer
                .press("/admin/members", "/admin/members", &fields)
                .await
        };
        let id = id_of(app, "crowd1@example.com").await;
        for text in ["crowd1@example.com", "  CROWD1@Example.Com "] {
            let led = search(text).await;
            assert_eq!(led.status, 303);
            assert_eq!(led.location(), format!("/admin/members/{id}"), "{text}");
        }
        let long = format!("{}@example.com", "a".repeat(10_000));
        for nobody in [
            "nobody@example.com",
            "a\0b@example.com",
            "@",
            "%@example.com",
            &long,
        ] {
            let led = search(nobody).await;
            assert_eq!(led.status, 303, "{nobody:.30}");
            assert_eq!(
                led.location(),
                "/admin/members?status=active",
                "conditions stay"
            );
            let page = viewer.follow(&led).await;
            let said = page.text(".note.warn[role=alert]");
            assert_eq!(said, "이 이메일을 사용하는 회원이 없습니다.");
            assert!(!page.body.contains("nobody@"));
        }

        // A proved address is one member's; what Kakao once told of another may be the same.
        let same = "UPDATE members SET email_key = 'crowd1@example.com', \
                    email_verified_at = NULL WHERE number = 3";
        write(app, same).await;
        let page = viewer.follow(&search("crowd1@example.com").await).await;
        assert_eq!(page.texts(".note a"), ["2", "3"], "both can be gone to");
        let first = page.attributes(".note a", "href").remove(0);
        assert_eq!(first, format!("/admin/members/{id}"));

        // Somebody who writes one into the address is told where it belongs.
        let led = viewer
            .get(&path("role=member&q=", "hong@example.com"))
            .await;
        assert_eq!(led.location(), "/admin/members?role=member");
        let said = viewer.follow(&led).await.text(".note.warn");
        assert!(said.contains("이메일은 주소창에 남지 않도록"), "{said}");
    });
}

// AD-7
#[test]
fn the_search_form_leads_to_the_address_of_what_it_asks_and_keeps_the_rest() {
    everywhere(async |app| {
        crowd(app, &["홍길동", "이준"]).await;
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        let from = "/admin/members?sort=no&per=50&cols=no,name";
        let page = viewer.get(from).await;
        let kept = page.attributes("search input[type=hidden]", "name");
        assert_eq!(kept, ["csrf", "sort", "per", "cols"]);
        let fields = [
            ("q", "길"),
            ("status-suspended", "on"),
            ("status-active", "on"),
            ("role-member", "on"),
            ("from", "2026-01-01"),
            ("to", ""),
            ("sort", "no"),
            ("per", "50"),
            ("cols", "no,name"),
        ];
        let led = viewer.press(from, "/admin/members", &fields).await;
        let expected = "/admin/members?q=%EA%B8%B8&status=active,suspended&role=member\
                        &from=2026-01-01&sort=no&per=50&cols=no,name";
        assert_eq!(led.location(), expected);
        let page = viewer.follow(&led).await;
        assert_eq!(numbers(&page), [1]);
        assert_eq!(page.texts("thead th"), ["회원번호", "회원"]);
        let checked = page.attributes("search input[checked]", "name");
        assert_eq!(
            checked,
            ["status-active", "status-suspended", "role-member"]
        );
        assert_eq!(page.attributes("search details", "open"), [""]);

        // What a form of ours would not send is told too.
        let odd = [("q", "길"), ("status-dead", "on"), ("limit", "1e9")];
        let led = viewer.press(from, "/admin/members", &odd).await;
        assert_eq!(led.location(), "/admin/members?q=%EA%B8%B8");
        let said = viewer.follow(&led).await.text(".note.warn");
        assert!(said.ends_with(": limit, 상태"), "{said}");
        let twice = [("q", "a"), ("q", "b")];
        let refused = viewer.press(from, "/admin/members", &twice).await;
        assert_eq!(refused.status, 400);
    });
}

// AD-7
#[test]
fn conditions_narrow_the_list_and_each_chip_takes_one_away() {
    everywhere(async |app| {
        crowd(app, &["홍길동", "이준", "박하나", "최둘"]).await;
        // Somebody who waits for longer is forgotten by a job that may just run.
        let waits = "standing = 'unverified', joined_with = 'email', \
                     created_at = CURRENT_TIMESTAMP WHERE number = 4";
        for change in [
            "standing = 'suspended' WHERE number = 1",
            waits,
            "role = 'viewer' WHERE number = 3",
        ] {
            write(app, &format!("UPDATE members SET {change}")).await;
        }
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        for (query, found) in [
            ("status=suspended", vec![1]),
            ("status=suspended,unverified", vec![4, 1]),
            ("provider=email", vec![4]),
            ("role=viewer", vec![5, 3]),
            // The first day of the crowd is 1 January in Seoul, but not yet in London.
            ("from=2026-01-01&to=2026-01-01", vec![1]),
            ("from=2026-01-02&to=2026-01-03", vec![3, 2]),
            ("to=2025-12-31", vec![]),
            ("from=2026-01-03&to=2026-01-01", vec![]),
        ] {
            let page = viewer.get(&format!("/admin/members?{query}")).await;
            assert_eq!(page.status, 200, "{query}");
            assert_eq!(numbers(&page), found, "{query}");
        }
        let all = "q=%ED%99%8D&status=active,suspended&provider=kakao&role=member\
                   &from=2026-01-01&to=2026-01-31";
        let page = viewer
            .get(&format!("/admin/members?{all}&sort=no&per=50"))
            .await;
        let clear = page.attributes(".chips a", "href").pop().unwrap();
        assert_eq!(
            clear, "/admin/members?sort=no&per=50",
            "the conditions only"
        );
        let mut at = format!("/admin/members?{all}");
        let mut texts = Vec::new();
        loop {
            let page = viewer.get(&at).await;
            assert_eq!(page.status, 200, "{at}");
            let Some(text) = page.texts(".chips bdi").into_iter().next() else {
                break;
            };
            assert_eq!(page.texts(".chips a").last().unwrap(), "모두 지우기");
            texts.push(text);
            at = page.attributes(".chips a", "href").remove(0);
        }
        let expected = [
            "검색: 홍",
            "상태: 정상",
            "상태: 이용 정지",
            "가입 경로: 카카오",
            "권한: 회원",
            "가입일 시작: 2026-01-01",
            "가입일 끝: 2026-01-31",
        ];
        assert_eq!(texts, expected);
        assert_eq!(
            at, "/admin/members",
            "one after the other, until none is left"
        );
    });
}

// AD-7
#[test]
fn a_strict_search_wants_one_more_condition_than_a_part_of_a_name() {
    let stage = Stage::default().set("ADMIN_SEARCH_STRICT", "1");
    stage.everywhere(async |app| {
        crowd(app, &["홍길동", "이준"]).await;
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        let page = viewer.get(&path("q=", "길동")).await;
        assert_eq!(page.status, 200);
        assert!(
            page.text(".empty[role=alert]")
                .starts_with("이름 검색에는 조건이 하나 더")
        );
        assert!(page.texts("table").is_empty());
        assert_eq!(
            page.attributes("search details", "open"),
            [""],
            "where to add one"
        );
        assert_eq!(page.attributes("#q", "value"), ["길동"], "nothing is lost");
        assert_eq!(
            app.count("audit_events WHERE action = 'member.list'").await,
            0
        );
        for query in ["status=active&q=", "from=2026-01-01&q=", "role=member&q="] {
            let led = viewer.get(&path(query, "길동")).await;
            assert_eq!(numbers(&viewer.follow(&led).await), [1], "{query}");
        }
        assert_eq!(numbers(&viewer.get("/admin/members?q=2").await), [2]);
        assert_eq!(numbers(&viewer.get("/admin/members").await).len(), 3);
    });
}

// AD-7, RL-4
#[test]
fn a_search_that_takes_too_long_is_stopped_and_says_what_would_help() {
    // Only PostgreSQL can be made slow from outside.
    let Some(backends) = Backends::postgres() else {
        return;
    };
    Stage::default().on(backends, async |app| {
        crowd(app, &["홍길동", "이준"]).await;
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        write(app, "ALTER TABLE saved_views RENAME TO kept_views").await;
        let slow = "CREATE VIEW saved_views AS \
                    SELECT kept_views.* FROM kept_views, (SELECT pg_sleep(60)) AS nap";
        write(app, slow).await;
        let page = viewer.get("/admin/members?status=active&role=member").await;
        assert_eq!(page.status, 503);
        assert!(
            page.text(".empty[role=alert]")
                .starts_with("검색이 오래 걸려 중단했습니다.")
        );
        assert_eq!(page.texts(".chips bdi").len(), 2, "nothing is lost");
        assert!(page.texts("table").is_empty());
        assert_eq!(
            app.count("audit_events WHERE action = 'member.list'").await,
            0
        );
        write(app, "DROP VIEW saved_views").await;
        write(app, "ALTER TABLE kept_views RENAME TO saved_views").await;
        let page = viewer.get("/admin/members?status=active&role=member").await;
        assert_eq!(numbers(&page), [2, 1]);
    });
}
