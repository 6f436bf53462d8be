//! `/admin/api-keys`: keys of servers, made, looked at and ended.

use futures_util::future::join_all;
use kakao_gate::member::Role;
use time::Duration;

use crate::audit::staff;
use crate::stage::page::Page;
use crate::stage::{TestApp, Visitor, eventually, everywhere};

const HERE: &str = "/admin/api-keys";
const NEW: &str = "/admin/api-keys/new";

/// Fills in the form as an owner would.
async fn fill(owner: &Visitor, name: &str, scopes: &[&str], days: &str) -> Page {
    let ticked: Vec<String> = scopes.iter().map(|code| format!("scope-{code}")).collect();
    let mut fields = vec![("name", name), ("days", days)];
    fields.extend(ticked.iter().map(|field| (field.as_str(), "yes")));
    owner.press(NEW, NEW, &fields).await
}

/// A key that may be used for that, made by `owner` on the page.
pub async fn make(owner: &Visitor, name: &str, scopes: &[&str]) -> String {
    let page = fill(owner, name, scopes, "90").await;
    assert_eq!(page.status, 200, "{}", page.body);
    page.text("#secret")
}

async fn rows(visitor: &Visitor) -> Vec<String> {
    visitor.get(HERE).await.texts(".record tbody tr")
}

async fn id_of(app: &TestApp, name: &str) -> String {
    let sql = format!("SELECT id AS value FROM api_keys WHERE name = '{name}'");
    app.values(&sql).await.remove(0)
}

async fn status_with(app: &TestApp, key: &str) -> u16 {
    let header = format!("Bearer {key}");
    let headers = [("authorization", header.as_str())];
    let page = app.visitor().get_with("/api/v1/members", &headers).await;
    page.status
}

// AD-1, AD-8
#[test]
fn owners_who_have_proved_who_they_are_make_keys_and_nobody_else() {
    everywhere(async |app| {
        assert_eq!(app.visitor().get(HERE).await.status, 404);
        let (member, _) = app.signed_in("long-id").await;
        assert_eq!(member.get(HERE).await.status, 404);
        let viewer = staff(app, "linked", Role::Viewer).await;
        let page = viewer.get(HERE).await;
        assert_eq!((page.status, page.h1()), (200, "API 키".to_owned()));
        assert_eq!(page.attributes("main .btns a", "href").len(), 0);
        for (person, role) in [("linked", Role::Viewer), ("no-email", Role::Admin)] {
            let lesser = staff(app, person, role).await;
            assert_eq!(lesser.get(NEW).await.status, 403, "{role:?}");
            let csrf = lesser.get("/me").await.csrf();
            let fields = [("csrf", csrf.as_str()), ("name", "a"), ("days", "30")];
            assert_eq!(lesser.post(NEW, &fields).await.status, 403, "{role:?}");
        }
        let owner = staff(app, "ordinary", Role::Owner).await;
        let form = owner.get(NEW).await;
        app.clock.advance(Duration::minutes(11));
        for page in [owner.get(NEW).await, {
            let csrf = form.csrf();
            let fields = [("csrf", csrf.as_str()), ("name", "late"), ("days", "30")];
            owner.post(NEW, &fields).await
        }] {
            assert_eq!(page.status, 303);
            assert!(
                page.location().starts_with("/reauth"),
                "{}",
                page.location()
            );
        }
        assert_eq!(app.count("api_keys").await, 0);
    });
}

// AP-10, WB-2, AD-4
#[test]
fn a_key_is_shown_once_kept_as_a_digest_and_written_down() {
    everywhere(async |app| {
        let owner = staff(app, "ordinary", Role::Owner).await;
        let made = fill(&owner, "주문 서버", &["members:read", "introspect"], "30").await;
        assert_eq!(
            (made.status, made.h1()),
            (200, "API 키를 만들었습니다".to_owned())
        );
        assert_eq!(made.header("cache-control"), "no-store");
        let secret = made.text("#secret");
        assert!(secret.starts_with("kgk_") && secret.len() == 47, "{secret}");
        let list = owner.get(HERE).await;
        assert!(!list.body.contains("kgk_"));
        let row = list.texts(".record tbody tr").remove(0);
        for part in [
            "주문 서버",
            "사용 가능",
            "토큰 확인",
            "회원 조회",
            "사용한 적 없음",
        ] {
            assert!(row.contains(part), "{part}: {row}");
        }
        assert!(!row.contains("정지"), "{row}");
        for column in ["digest", "name", "scopes"] {
            let kept = app
                .values(&format!("SELECT {column} AS value FROM api_keys"))
                .await;
            assert!(!kept[0].contains(&secret[4..]), "{column}");
        }
        let log = app
            .values("SELECT detail AS value FROM audit_events WHERE action = 'api_key.create'")
            .await;
        let id = id_of(app, "주문 서버").await;
        assert_eq!(log, [format!("주문 서버 ({id}): introspect members:read")]);
        // Its use is noted.
        assert_eq!(status_with(app, &secret).await, 200);
        eventually("noted", async || {
            !rows(&owner).await[0].contains("사용한 적 없음")
        })
        .await;
        // It ends by itself.
        app.clock.advance(Duration::days(30));
        assert_eq!(status_with(app, &secret).await, 401);
    });
}

// AD-6
#[test]
fn what_is_filled_in_wrong_is_said_and_kept() {
    everywhere(async |app| {
        let owner = staff(app, "ordinary", Role::Owner).await;
        let long = "가".repeat(41);
        for name in ["", " \u{200b} ", long.as_str()] {
            let page = fill(&owner, name, &["members:read"], "30").await;
            assert_eq!(page.status, 422, "{name:?}");
            assert_eq!(page.texts("#errsum li").len(), 1);
            assert_eq!(page.texts("#name-err").len(), 1);
            let ticked = page.attributes("input[type=checkbox][checked]", "name");
            assert_eq!(ticked, ["scope-members:read"]);
            assert_eq!(page.attributes("option[selected]", "value"), ["30"]);
        }
        let page = fill(&owner, "<b>\"'", &[], "0").await;
        assert_eq!((page.status, page.texts("#scopes-err").len()), (422, 1));
        assert_eq!(page.attributes("#name", "value"), ["<b>\"'"]);
        for days in ["", "31", "-1", "1e3"] {
            let page = fill(&owner, "a", &["introspect"], days).await;
            assert_eq!(page.status, 400, "{days}");
        }
        // A form that is sent twice makes one key.
        make(&owner, "one", &["introspect"]).await;
        let again = fill(&owner, "one", &["introspect"], "0").await;
        assert_eq!((again.status, again.texts("#name-err").len()), (422, 1));
        assert_eq!(app.count("api_keys").await, 1);
    });
}

// AP-8, AD-4
#[test]
fn a_key_that_is_revoked_counts_no_more_and_whoever_comes_second_is_told() {
    everywhere(async |app| {
        let owner = staff(app, "ordinary", Role::Owner).await;
        let secret = make(&owner, "leaked", &["members:read"]).await;
        assert_eq!(status_with(app, &secret).await, 200);
        let viewer = staff(app, "linked", Role::Viewer).await;
        let path = format!("{HERE}/{}/revoke", id_of(app, "leaked").await);
        assert_eq!(viewer.get(&path).await.status, 403);
        let admin = staff(app, "no-email", Role::Admin).await;
        let page = admin.get(&path).await;
        assert_eq!(page.h1(), "leaked 키를 폐기합니다");
        let csrf = page.csrf();
        let fields = [("csrf", csrf.as_str())];
        let answers = join_all((0..3).map(|_| admin.post(&path, &fields))).await;
        assert!(answers.iter().all(|answer| answer.location() == HERE));
        assert_eq!(status_with(app, &secret).await, 401);
        let revoked = "audit_events WHERE action = 'api_key.revoke'";
        assert_eq!(app.count(revoked).await, 1);
        let told = admin.follow(&admin.post(&path, &fields).await).await;
        assert_eq!(told.text(".note"), "더는 쓸 수 없는 키입니다.");
        assert!(rows(&admin).await[0].contains("폐기됨"));
        assert_eq!(admin.get(&path).await.location(), HERE);
        assert_eq!(
            admin.get(&format!("{HERE}/nobody/revoke")).await.status,
            404
        );
        // Whoever was an admin when the page was made.
        let second = format!("{HERE}/{}/revoke", {
            make(&owner, "other", &["introspect"]).await;
            id_of(app, "other").await
        });
        let csrf = admin.get(&second).await.csrf();
        staff(app, "no-email", Role::Viewer).await;
        let page = admin.post(&second, &[("csrf", csrf.as_str())]).await;
        assert_eq!(page.status, 403);
        // The name is free again.
        let second = make(&owner, "leaked", &["members:read"]).await;
        assert_eq!(status_with(app, &second).await, 200);
    });
}
