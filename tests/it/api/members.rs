//! `/api/v1/members…`: the administration for programs.

use futures_util::future::join_all;
use kakao_gate::member::Role;
use serde_json::{Value, json};
use time::Duration;

use super::{http, json_of, me, refused, taken};
use crate::admin_keys::make;
use crate::audit::staff;
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, everywhere};

const HERE: &str = "/api/v1/members";
const WHY: &str = "광고 글을 여러 번 올림";

async fn get(app: &TestApp, path: &str, bearer: &str) -> Page {
    let header = format!("Bearer {bearer}");
    let headers = [("authorization", header.as_str())];
    app.visitor().get_with(path, &headers).await
}

async fn post(app: &TestApp, path: &str, bearer: &str, body: &Value) -> Page {
    super::post(app, path, Some(bearer), Some(body.clone())).await
}

async fn key(app: &TestApp, scopes: &[&str]) -> String {
    make(&staff(app, "ordinary", Role::Owner).await, "server", scopes).await
}

/// An access token of somebody of the administration.
async fn token_of(app: &TestApp, person: &str, role: Role) -> String {
    let (access, _) = taken(app, person).await;
    staff(app, person, role).await;
    access
}

fn ids(page: &Page) -> Vec<String> {
    assert_eq!(page.status, 200, "{}", page.body);
    let body = json_of(page);
    let members = body["members"].as_array().unwrap();
    let ids = members
        .iter()
        .map(|one| one["id"].as_str().unwrap().to_owned());
    ids.collect()
}

async fn id_of(app: &TestApp, person: &str) -> String {
    let kakao = app.emulator.world().user_id(person).unwrap();
    let sql = format!("SELECT member_id AS value FROM kakao_accounts WHERE kakao_id = {kakao}");
    app.values(&sql).await.remove(0)
}

// AD-1, AP-3, AP-10
#[test]
fn only_the_administration_and_servers_with_the_scope_are_told_of_members() {
    everywhere(async |app| {
        let nobody = app.visitor().get(HERE).await;
        assert_eq!(refused(&nobody, 401), "unauthorized");
        let (access, _) = taken(app, "long-id").await;
        assert_eq!(refused(&get(app, HERE, &access).await, 403), "forbidden");
        let introspects = key(app, &["introspect"]).await;
        let page = get(app, HERE, &introspects).await;
        assert_eq!(refused(&page, 403), "insufficient_scope");
        let challenge = page.header("www-authenticate");
        assert_eq!(challenge, "Bearer error=\"insufficient_scope\"");
        for made_up in [
            "kgk_",
            "kgk_AAAA",
            &format!("{introspects}A"),
            "kgr_x",
            "a.b.c",
        ] {
            let page = get(app, HERE, made_up).await;
            assert_eq!(refused(&page, 401), "invalid_token", "{made_up}");
        }
        // A key is nobody: it is no token of a member's.
        assert_eq!(refused(&me(app, &introspects).await, 401), "invalid_token");
        let viewer = token_of(app, "linked", Role::Viewer).await;
        assert_eq!(get(app, HERE, &viewer).await.status, 200);
        let path = format!("{HERE}/{}/suspend", id_of(app, "long-id").await);
        let refusal = post(app, &path, &viewer, &json!({ "reason": WHY })).await;
        assert_eq!(refused(&refusal, 403), "forbidden");
        // A cookie is no proof here.
        let owner = staff(app, "ordinary", Role::Owner).await;
        assert_eq!(refused(&owner.get(HERE).await, 401), "unauthorized");
    });
}

// AD-1
#[test]
fn networks_without_an_administration_have_none_for_programs_either() {
    Stage::default()
        .set("ADMIN_NETWORKS", "192.0.2.0/24")
        .everywhere(async |app| {
            let viewer = token_of(app, "linked", Role::Viewer).await;
            assert_eq!(refused(&get(app, HERE, &viewer).await, 403), "forbidden");
            assert_eq!(me(app, &viewer).await.status, 200);
        });
}

// AD-3, AD-4, AP-10
#[test]
fn members_come_masked_and_every_look_is_written_down() {
    everywhere(async |app| {
        let reads = key(app, &["members:read"]).await;
        app.signed_in("linked").await;
        let page = get(app, &format!("{HERE}?q=김하늘"), &reads).await;
        assert_eq!(page.header("cache-control"), "no-store");
        let body = json_of(&page);
        let found = &body["members"][0];
        assert_eq!(body["members"].as_array().unwrap().len(), 1);
        assert_eq!(body["next_cursor"], Value::Null);
        assert_eq!(found["name"], "김*늘");
        assert_eq!(found["role"], "owner");
        assert!(
            found["email"].as_str().unwrap().starts_with("o***@"),
            "{found}"
        );
        let id = found["id"].as_str().unwrap();
        let detail = get(app, &format!("{HERE}/{id}"), &reads).await;
        let shown = json_of(&detail);
        assert_eq!(shown["member"]["name"], "김*늘");
        assert_eq!(shown["kakao"]["is_connected"], true);
        let kakao_id = app
            .emulator
            .world()
            .user_id("ordinary")
            .unwrap()
            .to_string();
        for raw in ["김하늘", "ordinary@", kakao_id.as_str()] {
            assert!(
                !page.body.contains(raw) && !detail.body.contains(raw),
                "{raw}"
            );
        }
        let email = json!({ "email": " Ordinary@Example.com " });
        let looked_up = post(app, &format!("{HERE}/lookup"), &reads, &email).await;
        assert_eq!(ids(&looked_up), [id]);
        for nobody in [
            json!({ "email": "nobody@example.com" }),
            json!({ "email": "\u{0}@" }),
        ] {
            let page = post(app, &format!("{HERE}/lookup"), &reads, &nobody).await;
            assert_eq!(ids(&page).len(), 0, "{nobody}");
        }
        for nobody in ["none", "00000000-0000-0000-0000-000000000000", "%00"] {
            let page = get(app, &format!("{HERE}/{nobody}"), &reads).await;
            assert_eq!(refused(&page, 404), "not_found", "{nobody}");
        }
        let log = app
            .values(
                "SELECT action || ' ' || COALESCE(actor, '-') || ' ' || detail AS value \
                 FROM audit_events WHERE detail LIKE '%API key%' ORDER BY place",
            )
            .await;
        let key_id = app
            .values("SELECT id AS value FROM api_keys")
            .await
            .remove(0);
        let by = format!("by API key server ({key_id})");
        assert_eq!(
            log,
            [
                format!("member.list - q=name, {by}"),
                format!("member.view - details, {by}"),
                format!("member.list - q=email, {by}"),
                format!("member.list - q=email, {by}"),
            ]
        );
    });
}

// AD-7
#[test]
fn a_list_is_read_to_its_end_by_its_links_whatever_happens_meanwhile() {
    everywhere(async |app| {
        let reads = key(app, &["members:read"]).await;
        for person in ["linked", "no-email", "minimal", "long-id"] {
            app.signed_in(person).await;
        }
        let whole = ids(&get(app, HERE, &reads).await);
        assert_eq!(whole.len(), 5);
        let rising = ids(&get(app, &format!("{HERE}?sort=number"), &reads).await);
        assert_eq!(rising, whole.iter().rev().cloned().collect::<Vec<_>>());
        for start in [
            format!("{HERE}?limit=2"),
            format!("{HERE}?limit=2&provider=kakao&status=active"),
            format!("{HERE}?limit=2&from=2020-01-01"),
        ] {
            let (mut path, mut found) = (start.clone(), Vec::new());
            loop {
                let page = get(app, &path, &reads).await;
                found.extend(ids(&page));
                // Somebody who joins while the list is read does not move it.
                if found.len() == 2 && start.ends_with("=2") {
                    app.signed_in("default-nickname").await;
                }
                let links: Vec<&str> = page
                    .headers
                    .get_all("link")
                    .iter()
                    .map(|link| link.to_str().unwrap())
                    .collect();
                let relation = |link: &&&str| link.ends_with("rel=\"next\"");
                let Some(next) = links.iter().find(relation) else {
                    assert_eq!(json_of(&page)["next_cursor"], Value::Null);
                    break;
                };
                let address = next.trim_start_matches('<').split('>').next().unwrap();
                path = address.strip_prefix(&app.url).unwrap().to_owned();
                assert!(path.contains(json_of(&page)["next_cursor"].as_str().unwrap()));
            }
            let known: Vec<&String> = found.iter().filter(|id| whole.contains(id)).collect();
            assert_eq!(known, whole.iter().collect::<Vec<_>>(), "{start}");
        }
    });
}

// AP-10
#[test]
fn a_condition_that_is_not_understood_is_refused_and_never_left_out() {
    everywhere(async |app| {
        let reads = key(app, &["members:read"]).await;
        for query in [
            "statuss=active",
            "status=actve",
            "role=owner,king",
            "limit=0",
            "limit=101",
            "limit=-1",
            "limit=1e1",
            "cursor=",
            "cursor=x",
            "cursor=-1",
            "sort=name",
            "sort=number&sort=-number",
            "page=2",
            "per=20",
            "cols=name",
            "q=a%40b.c",
            "from=2026-13-01",
            "q=%00",
            "q=one&q=two",
            "status=active&status=suspended",
            "cursor=99999999999999999999",
            "access_token=x",
            "statuss=",
            "status=",
            "from=",
            "status=,",
            "role=owner,",
        ] {
            let page = get(app, &format!("{HERE}?{query}"), &reads).await;
            assert_eq!(refused(&page, 400), "invalid_request", "{query}");
        }
        assert_eq!(
            ids(&get(app, &format!("{HERE}?cursor=1"), &reads).await).len(),
            0
        );
    });
    Stage::default()
        .set("ADMIN_SEARCH_STRICT", "1")
        .everywhere(async |app| {
            let reads = key(app, &["members:read"]).await;
            let page = get(app, &format!("{HERE}?q=하"), &reads).await;
            assert_eq!(refused(&page, 400), "search_too_vague");
        });
}

// AD-5, AP-8
#[test]
fn a_server_suspends_restores_and_logs_out_ordinary_members_only() {
    everywhere(async |app| {
        let owner = staff(app, "ordinary", Role::Owner).await;
        let manages = make(&owner, "server", &["members:manage"]).await;
        let (access, _) = taken(app, "long-id").await;
        let id = id_of(app, "long-id").await;
        let at = |act: &str| format!("{HERE}/{id}/{act}");
        let done = post(app, &at("logout"), &manages, &json!({ "reason": WHY })).await;
        assert_eq!(json_of(&done)["sessions_ended"], 1, "{}", done.body);
        assert_eq!(refused(&me(app, &access).await, 401), "invalid_token");
        let (access, _) = taken(app, "long-id").await;
        let order = json!({ "reason": WHY, "until": "2999-12-31", "notify": false });
        // Many at once: it is done once.
        let suspend = at("suspend");
        let answers = join_all((0..5).map(|_| post(app, &suspend, &manages, &order))).await;
        let mut statuses: Vec<u16> = answers.iter().map(|page| page.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409, 409, 409]);
        let late = answers.iter().find(|page| page.status == 409).unwrap();
        assert_eq!(refused(late, 409), "already");
        assert_eq!(refused(&me(app, &access).await, 401), "invalid_token");
        assert_eq!(app.count("members WHERE standing = 'suspended'").await, 1);
        // What it may do is not what it may read.
        let page = get(app, &format!("{HERE}/{id}"), &manages).await;
        assert_eq!(refused(&page, 403), "insufficient_scope");
        let stale = json!({ "reason": WHY, "version": 1 });
        let page = post(app, &at("restore"), &manages, &stale).await;
        assert_eq!(refused(&page, 409), "conflict");
        let page = post(app, &at("restore"), &manages, &json!({ "reason": WHY })).await;
        assert_eq!(page.status, 200, "{}", page.body);
        taken(app, "long-id").await;
        let role = json!({ "reason": WHY, "role": "admin" });
        let page = post(app, &at("role"), &manages, &role).await;
        assert_eq!(refused(&page, 403), "forbidden");
        for (person, role) in [
            ("no-email", Role::Viewer),
            ("linked", Role::Admin),
            ("ordinary", Role::Owner),
        ] {
            staff(app, person, role).await;
            let path = format!("{HERE}/{}/suspend", id_of(app, person).await);
            let page = post(app, &path, &manages, &json!({ "reason": WHY })).await;
            assert_eq!(refused(&page, 403), "forbidden", "{person}");
        }
        // Whoever reads the log is told which key it was, and the member that it was not nobody.
        let page = owner.get("/admin/audit?action=member.kick").await;
        let row = page.text("tbody tr");
        assert!(row.contains("API 키 server"), "{row}");
        let page = owner.get(&format!("/admin/members/{id}?tab=history")).await;
        assert!(page.text("main").contains("API 키 server"), "{}", page.body);
        let (member, _) = app.signed_in("long-id").await;
        let data = member.press("/me/data", "/me/data", &[]).await.body;
        assert!(
            data.contains("administration") && !data.contains("unknown"),
            "{data}"
        );
        let log = app
            .values("SELECT action || ' ' || result AS value FROM audit_events WHERE actor IS NULL AND action LIKE 'member.%' ORDER BY place")
            .await;
        assert_eq!(
            log,
            [
                "member.kick success",
                "member.suspend success",
                "member.restore success",
                "member.role refused",
                "member.suspend refused",
                "member.suspend refused",
                "member.suspend refused",
            ]
        );
    });
}

// AD-1, AD-6, AD-8
#[test]
fn people_of_the_administration_reach_as_far_as_on_their_pages() {
    everywhere(async |app| {
        let admin = token_of(app, "linked", Role::Admin).await;
        staff(app, "ordinary", Role::Owner).await;
        let (own, other) = (id_of(app, "linked").await, id_of(app, "ordinary").await);
        let reason = json!({ "reason": WHY });
        let page = post(app, &format!("{HERE}/{own}/suspend"), &admin, &reason).await;
        assert_eq!(refused(&page, 409), "own_account");
        let page = post(app, &format!("{HERE}/{other}/suspend"), &admin, &reason).await;
        assert_eq!(refused(&page, 403), "forbidden");
        let demote = json!({ "reason": WHY, "role": "viewer" });
        let page = post(app, &format!("{HERE}/{other}/role"), &admin, &demote).await;
        assert_eq!(refused(&page, 403), "forbidden");
        staff(app, "linked", Role::Viewer).await;
        // From the next request on.
        let page = post(app, &format!("{HERE}/{other}/suspend"), &admin, &reason).await;
        assert_eq!(refused(&page, 403), "forbidden");
    });
}

// AD-8
#[test]
fn a_role_is_changed_with_a_token_of_a_browser_that_has_just_proved_who_it_is() {
    everywhere(async |app| {
        let (handed_over, _) = taken(app, "ordinary").await;
        let owner = staff(app, "ordinary", Role::Owner).await;
        app.signed_in("long-id").await;
        let path = format!("{HERE}/{}/role", id_of(app, "long-id").await);
        let promote = json!({ "reason": WHY, "role": "viewer" });
        // What Kakao gave an app may be hours old, and nobody was asked.
        let page = post(app, &path, &handed_over, &promote).await;
        assert_eq!(refused(&page, 401), "insufficient_user_authentication");
        let challenge = page.header("www-authenticate");
        let expected = "Bearer error=\"insufficient_user_authentication\", max_age=600";
        assert_eq!(challenge, expected);
        let of_browser = async || {
            let page = owner.press("/me", "/api/v1/auth/session", &[]).await;
            json_of(&page)["access_token"].as_str().unwrap().to_owned()
        };
        let page = post(app, &path, &of_browser().await, &promote).await;
        assert_eq!(page.status, 200, "{}", page.body);
        app.clock.advance(Duration::minutes(10));
        let demote = json!({ "reason": WHY, "role": "member" });
        let page = post(app, &path, &of_browser().await, &demote).await;
        assert_eq!(refused(&page, 401), "insufficient_user_authentication");
    });
}

// AP-10, AP-9
#[test]
fn an_order_that_is_not_understood_does_nothing() {
    everywhere(async |app| {
        let manages = key(app, &["members:manage"]).await;
        app.signed_in("long-id").await;
        let path = format!("{HERE}/{}/suspend", id_of(app, "long-id").await);
        for body in [
            json!({}),
            json!({ "reason": "네글자임" }),
            json!({ "reason": "가".repeat(301) }),
            json!({ "reason": 5 }),
            json!({ "reason": WHY, "until": "2020-01-01" }),
            json!({ "reason": WHY, "until": "tomorrow" }),
            json!({ "reason": WHY, "role": "owner" }),
            json!({ "reason": WHY, "version": "1" }),
            json!({ "reason": WHY, "standing": "active" }),
            json!([WHY]),
            json!(null),
        ] {
            let page = post(app, &path, &manages, &body).await;
            assert_eq!(refused(&page, 400), "invalid_request", "{body}");
        }
        let simple = http()
            .post(format!("{}{path}", app.url))
            .header("authorization", format!("Bearer {manages}"))
            .header("content-type", "text/plain")
            .body(json!({ "reason": WHY }).to_string())
            .send();
        let page = Page::read(simple.await.unwrap()).await;
        assert_eq!(refused(&page, 415), "unsupported_media_type");
        assert_eq!(app.count("members WHERE standing <> 'active'").await, 0);
        let gone = format!("{HERE}/00000000-0000-0000-0000-000000000000/suspend");
        let page = post(app, &gone, &manages, &json!({ "reason": WHY })).await;
        assert_eq!(refused(&page, 404), "not_found");
    });
}
