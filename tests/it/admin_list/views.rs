//! What an admin keeps for next time: views, columns, keys.

use kakao_gate::member::Role;

use super::crowd::{crowd, staff};
use crate::stage::{Stage, Visitor, everywhere};

const LIST: &str = "/admin/members";

async fn save(visitor: &Visitor, name: &str, query: &str) -> String {
    let fields = [("name", name), ("query", query)];
    let led = visitor.press(LIST, "/admin/members/views", &fields).await;
    assert_eq!(led.status, 303);
    let mut page = visitor.follow(&led).await;
    if page.status == 303 {
        // There is no such page; the notice waits for the one there is.
        page = visitor.follow(&page).await;
    }
    page.text(".note")
}

async fn names(visitor: &Visitor) -> Vec<String> {
    visitor.get(LIST).await.texts(".lists .chips a")
}

// AD-1, WB-3
#[test]
fn views_are_kept_under_names_for_whoever_kept_them() {
    everywhere(async |app| {
        let one = staff(app, "ordinary", Role::Viewer).await;
        let other = staff(app, "linked", Role::Owner).await;
        let said = save(
            &one,
            "  정지\u{0}된\u{202e}  회원 ",
            "status=suspended&page=3",
        )
        .await;
        assert_eq!(said, "정지 된 회원 조건을 저장했습니다.");
        let script = "<script>alert(1)</script>";
        save(&one, script, "role=admin&sort=no&limit=1e9&q=a%40b").await;
        let page = one.get(LIST).await;
        assert_eq!(page.texts(".lists .chips a"), [script, "정지 된 회원"]);
        assert!(!page.body.contains("<script>alert"));
        let links = page.attributes(".lists .chips a", "href");
        let expected = [
            "/admin/members?role=admin&sort=no",
            "/admin/members?status=suspended",
        ];
        assert_eq!(links, expected, "as one address, from the first page");
        for link in links {
            let page = one.get(&link).await;
            assert_eq!(page.status, 200, "{link}");
            assert_eq!(page.attributes(".lists [aria-current]", "href"), [link]);
        }

        // The same name is the same view.
        save(&one, "정지 된 회원", "status=suspended,unverified").await;
        let page = one.get(LIST).await;
        let link = page.attributes(".lists .chips a", "href").remove(1);
        assert_eq!(link, "/admin/members?status=suspended,unverified");

        assert_eq!(names(&other).await, Vec::<String>::new(), "not for others");
        save(&other, "정지 된 회원", "").await;
        let delete = page
            .attributes(".lists button[formaction]", "formaction")
            .remove(1);
        let led = other.press(LIST, &delete, &[("back", "")]).await;
        assert_eq!((led.status, led.location()), (303, LIST));
        assert_eq!(names(&one).await.len(), 2, "nobody deletes another's");
        let led = one.press(LIST, &delete, &[("back", "status=active")]).await;
        assert_eq!(led.location(), "/admin/members?status=active");
        let said = one.follow(&led).await.text(".note.ok[role=status]");
        assert_eq!(said, "정지 된 회원 조건을 삭제했습니다.");
        assert_eq!(names(&one).await, [script]);
        assert_eq!(names(&other).await, ["정지 된 회원"]);
        let wrong = one.press(LIST, "/admin/members/views/1/delete", &[]).await;
        assert_eq!(wrong.status, 404);
    });
}

// AD-7
#[test]
fn twenty_views_are_enough_and_a_view_needs_a_name() {
    everywhere(async |app| {
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        for nameless in ["", "   ", "\u{200b}", "\u{0}"] {
            let said = save(&viewer, nameless, "status=active").await;
            assert_eq!(said, "저장할 조건의 이름을 입력해 주세요.");
        }
        for number in 0..20 {
            save(&viewer, &format!("조건 {number:02}"), "status=active").await;
        }
        let said = save(&viewer, "하나 더", "status=active").await;
        assert!(
            said.starts_with("조건은 20개까지 저장할 수 있습니다."),
            "{said}"
        );
        assert_eq!(names(&viewer).await.len(), 20);
        let said = save(&viewer, "조건 07", "role=owner").await;
        assert_eq!(
            said, "조건 07 조건을 저장했습니다.",
            "one of them may change"
        );
        let long = save(&viewer, &"가".repeat(1_000), "").await;
        assert!(long.starts_with("조건은 20개까지"), "{long:.40}");
        assert_eq!(app.count("saved_views").await, 20);
    });
}

// AD-7
#[test]
fn columns_are_chosen_for_once_or_for_good_and_by_each_admin() {
    everywhere(async |app| {
        crowd(app, &["홍길동"]).await;
        let one = staff(app, "ordinary", Role::Viewer).await;
        let other = staff(app, "linked", Role::Viewer).await;
        let heads = async |visitor: &Visitor, at: &str| visitor.get(at).await.texts("thead th");
        let all = heads(&one, LIST).await;
        let spelled = "회원번호 회원 이메일 가입 경로 상태 권한 가입일 최근 로그인";
        assert_eq!(all.join(" "), spelled);
        let choose = async |act: &str, columns: &[&str]| {
            let names: Vec<String> = columns
                .iter()
                .map(|column| format!("col-{column}"))
                .collect();
            let mut fields = vec![("act", act), ("back", "status=active&page=1")];
            fields.extend(names.iter().map(|name| (name.as_str(), "on")));
            one.press(LIST, "/admin/members/columns", &fields).await
        };
        let once = choose("use", &["status", "name"]).await;
        let at = "/admin/members?status=active&cols=no,name,status";
        assert_eq!(once.location(), at);
        assert_eq!(heads(&one, at).await, ["회원번호", "회원", "상태"]);
        assert_eq!(heads(&one, LIST).await, all, "only there");

        let kept = choose("keep", &["email", "secret"]).await;
        assert_eq!(kept.location(), "/admin/members?status=active");
        let page = one.follow(&kept).await;
        assert_eq!(page.text(".note.ok"), "표시할 항목을 저장했습니다.");
        assert_eq!(page.texts("thead th"), ["회원번호", "이메일"]);
        let settings = page.attributes("a[href*='/columns']", "href").remove(0);
        assert_eq!(settings, "/admin/members/columns?status=active");
        let page = one.get(&settings).await;
        let ticked = page.attributes("input[checked][name^='col-']", "name");
        assert_eq!(
            page.attributes("input[name=back]", "value")[0],
            "status=active"
        );
        assert_eq!(ticked, ["col-email"]);
        assert_eq!(heads(&one, at).await.len(), 3, "an address says it itself");
        assert_eq!(heads(&other, LIST).await, all, "others keep theirs");
        choose("keep", &[]).await;
        assert_eq!(heads(&one, LIST).await, ["회원번호"]);
        let ours = [
            "name",
            "email",
            "provider",
            "status",
            "role",
            "created_at",
            "last_login_at",
        ];
        choose("keep", &ours).await;
        assert_eq!(heads(&one, LIST).await, all);
        assert_eq!(
            app.count("admin_preferences WHERE list_columns IS NULL")
                .await,
            1
        );
    });
}

// WB-5
#[test]
fn single_keys_can_be_switched_off_and_are_invisible_without_script() {
    Stage::default().once(async |app| {
        let viewer = staff(app, "ordinary", Role::Viewer).await;
        let page = viewer.get(LIST).await;
        assert_eq!(page.attributes("dialog[data-on]", "data-search"), ["q"]);
        assert_eq!(page.attributes("[data-opens]", "hidden"), [""]);
        assert_eq!(page.attributes("dialog", "open").len(), 0);
        for (field, said, on) in [
            (&[][..], "단축키를 사용하지 않습니다.", 0),
            (&[("on", "on")][..], "단축키를 사용합니다.", 1),
        ] {
            let led = viewer.press(LIST, "/admin/members/shortcuts", field).await;
            let page = viewer.follow(&led).await;
            assert_eq!(page.text(".note.ok"), said);
            assert_eq!(page.attributes("dialog[data-on]", "id").len(), on);
            let settings = viewer.get("/admin/members/columns").await;
            assert_eq!(
                settings.attributes("input[name=on][checked]", "name").len(),
                on
            );
        }
        assert_eq!(app.count("admin_preferences").await, 1);
    });
}
