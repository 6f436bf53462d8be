//! What the admin key asks about many people at once.

use kakao_gate::emulator::{ADMIN_KEY, Endpoint, Fault, Person, Times};
use reqwest::Method;
use serde_json::{Value, json};
use time::Duration;
use url::Url;

use super::{Answer, Kakao};

const IDS: &str = "/v1/user/ids";

async fn as_admin(kakao: &Kakao, path: &str) -> Answer {
    let request = kakao.request(Method::GET, path);
    let request = request.header("authorization", format!("KakaoAK {ADMIN_KEY}"));
    kakao.send(request).await
}

/// The path and query behind an address in an answer; `None` when there is none.
fn next(answer: &Value, name: &str) -> Option<String> {
    let address = Url::parse(answer[name].as_str()?).unwrap();
    Some(format!("{}?{}", address.path(), address.query().unwrap()))
}

#[actix_web::test]
async fn only_the_admin_key_lists_people() {
    let kakao = Kakao::start();
    let (access, _) = kakao.sign_in("linked").await;
    for path in [
        IDS,
        "/v2/app/users?target_ids=%5B1%5D&target_id_type=user_id",
    ] {
        let bearer = kakao.with_token(Method::GET, path, &access).await;
        assert_eq!(
            (bearer.status, bearer.json()["code"].as_i64()),
            (401, Some(-401))
        );
        let request = kakao.request(Method::GET, path);
        let wrong = request.header("authorization", "KakaoAK wrong");
        let wrong = kakao.send(wrong).await;
        assert_eq!(wrong.json()["msg"], "invalid app key.");
    }
    for query in ["limit=0", "limit=101", "limit=x", "order=up", "from_id=x"] {
        let refused = as_admin(&kakao, &format!("{IDS}?{query}")).await;
        assert_eq!(refused.json()["code"], -2, "{query}");
    }
}

#[actix_web::test]
async fn pages_of_ids_lead_forwards_and_back_in_both_orders() {
    let kakao = Kakao::start();
    let world = kakao.emulator.world();
    let mut expected = Vec::new();
    for number in 0..7 {
        let key = format!("more-{number}");
        expected.push(world.add_person(Person {
            linked: Some(Vec::new()),
            ..Person::named(&key, &key)
        }));
    }
    expected.extend(["minimal", "linked", "needs-action"].map(|key| world.user_id(key).unwrap()));
    expected.sort_unstable();
    for order in ["asc", "desc"] {
        let mut path = Some(format!("{IDS}?limit=4&order={order}"));
        let mut seen = Vec::new();
        let mut pages = Vec::new();
        while let Some(here) = path {
            let page = as_admin(&kakao, &here).await.json();
            seen.extend(page["elements"].as_array().unwrap().clone());
            path = next(&page, "after_url");
            pages.push(page);
        }
        assert_eq!(pages.len(), 3);
        assert_eq!(pages[0]["before_url"], Value::Null);
        let back = next(&pages[2], "before_url").unwrap();
        let back = as_admin(&kakao, &back).await.json();
        assert_eq!(back["elements"], pages[1]["elements"]);
        let seen: Vec<_> = seen.iter().map(|id| id.as_i64().unwrap()).collect();
        assert_eq!(seen, expected, "{order}");
        expected.reverse();
    }
    let all = as_admin(&kakao, IDS).await.json();
    assert_eq!(
        (&all["before_url"], &all["after_url"]),
        (&Value::Null, &Value::Null)
    );
}

#[actix_web::test]
async fn the_list_has_a_quota_of_a_hundred_calls_a_minute() {
    let kakao = Kakao::start();
    for _ in 0..100 {
        assert_eq!(as_admin(&kakao, IDS).await.status, 200);
    }
    let refused = as_admin(&kakao, IDS).await;
    assert_eq!(refused.status, 429);
    assert_eq!(
        refused.json(),
        json!({"msg": "API limit has been exceeded.", "code": -10})
    );
    kakao.emulator.clock().advance(Duration::minutes(1));
    assert_eq!(as_admin(&kakao, IDS).await.status, 200);
    for fault in [Fault::RateLimit, Fault::refuse("-10")] {
        kakao.emulator.fail(Endpoint::UserIds, fault, Times::Once);
        assert_eq!(as_admin(&kakao, IDS).await.status, 429);
    }
    assert_eq!(kakao.emulator.count(Endpoint::UserIds), 104);
}

#[actix_web::test]
async fn several_people_are_told_at_once_in_either_shape() {
    let kakao = Kakao::start();
    let users = |query: &str| {
        let path = format!("/v2/app/users?target_id_type=user_id&target_ids={query}");
        let kakao = &kakao;
        async move { as_admin(kakao, &path).await }
    };
    let brief = users("%5B2900000007,2900000001,2900000006%5D").await.json();
    let elements = brief["elements"].as_array().unwrap();
    assert_eq!(elements.len(), 2, "who is not linked is left out");
    let fields: Vec<_> = elements[0].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["connected_at", "id"]);
    let all = "&property_keys=%5B%22kakao_account.%22,%22properties.%22%5D";
    let full = users(&format!("%5B2900000007%5D{all}")).await.json();
    let account = &full["elements"][0]["kakao_account"];
    assert_eq!(account["profile"]["nickname"], "윤가람");
    let world = kakao.emulator.world();
    world.edit_app(|app| app.bare_app_users = true);
    assert_eq!(
        users("%5B2900000007%5D").await.json()[0]["id"],
        2_900_000_007_i64
    );
    let many = |count: i64| json!((0..count).collect::<Vec<_>>()).to_string();
    assert_eq!(users(&many(100)).await.json(), json!([]));
    for refused in [
        many(101),
        many(21) + all,
        "%5B%5D".to_owned(),
        "7".to_owned(),
    ] {
        assert_eq!(users(&refused).await.json()["code"], -2);
    }
}
