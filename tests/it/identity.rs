//! Who somebody is: what is believed of Kakao's answers, and what a profile may hold.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kakao_gate::emulator::{Email, Endpoint, Fault, Person, REST_API_KEY, Times};
use serde_json::{Value, json};
use url::Url;

use crate::stage::{Stage, TestApp, everywhere};

fn answer(body: &str) -> Fault {
    Fault::Answer {
        status: 200,
        content_type: "application/json;charset=UTF-8".to_owned(),
        body: body.to_owned(),
    }
}

// ID-6, CB-5
#[test]
fn an_id_that_is_no_positive_64_bit_integer_signs_nobody_in() {
    Stage::default().once(async |app| {
        for body in [
            r#"{"id":"2900000001"}"#,
            r#"{"id":2900000001.0}"#,
            r#"{"id":2.9e9}"#,
            r#"{"id":0}"#,
            r#"{"id":-1}"#,
            r#"{"id":9223372036854775808}"#,
            r#"{"id":1e400}"#,
            r#"{"id":null}"#,
            r#"{"id":[1]}"#,
            r#"{"id":1,"id":2}"#,
            r#"{"ID":1}"#,
            "{}",
            "[]",
            "null",
            "",
            "2900000001",
        ] {
            let visitor = app.visitor();
            app.emulator.fail(Endpoint::Me, answer(body), Times::Always);
            let refused = visitor.log_in(app, "ordinary").await;
            assert_eq!(refused.leads_to_error(), "kakao_bad_reply", "{body}");
            assert_eq!(visitor.follow(&refused).await.status, 502);
            assert_eq!(visitor.get("/me").await.status, 303, "{body}");
            app.emulator.heal();
        }
        for table in ["members", "kakao_accounts", "sessions"] {
            assert_eq!(app.count(table).await, 0, "{table}");
        }
    });
}

// ID-6
#[test]
fn an_id_of_nineteen_digits_arrives_whole() {
    everywhere(async |app| {
        app.visitor().log_in_as(app, "long-id").await;
        let ids = app
            .values("SELECT CAST(kakao_id AS TEXT) AS value FROM kakao_accounts")
            .await;
        assert_eq!(ids, ["1376016924426814086"]);
        app.visitor().log_in_as(app, "long-id").await;
        assert_eq!(app.count("members").await, 1);
    });
}

// ID-1, ID-2
#[test]
fn a_member_is_known_by_the_kakao_id_and_by_nothing_else() {
    everywhere(async |app| {
        app.visitor().log_in_as(app, "ordinary").await;
        let world = app.emulator.world();
        let twin = |person: &mut Person| {
            person.nickname = "김하늘".to_owned();
            person.email = Some(Email {
                address: "ordinary@example.com".to_owned(),
                valid: true,
                verified: true,
            });
        };
        assert!(world.edit_person("linked", twin));
        app.visitor().log_in_as(app, "linked").await;
        assert_eq!(app.count("members").await, 2, "an email joins nobody");
        let renamed = |person: &mut Person| {
            person.nickname = "다른이름".to_owned();
            person.email = None;
        };
        assert!(world.edit_person("ordinary", renamed));
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        assert_eq!(app.count("members").await, 2);
        let me = visitor.get("/me").await;
        assert!(me.body.contains("다른이름"), "what is new is there");
        let taken_back = "kakao_accounts WHERE email IS NULL";
        assert_eq!(
            app.count(taken_back).await,
            1,
            "what was taken back is gone"
        );
    });
}

// ID-7
#[test]
fn everybody_gets_in_whatever_they_share() {
    everywhere(async |app| {
        for (person, shown) in [
            ("ordinary", "김하늘"),
            ("no-email", "이새벽"),
            ("unverified-email", "박노을"),
            ("stale-email", "최바람"),
            ("linked", "윤가람"),
            ("long-id", "한누리"),
            ("default-nickname", ""),
            ("minimal", ""),
        ] {
            let visitor = app.visitor();
            visitor.log_in_as(app, person).await;
            let me = visitor.get("/me").await;
            assert_eq!(me.status, 200, "{person}");
            assert!(me.body.contains(shown), "{person}");
            assert!(
                !me.body.contains("닉네임을 등록해주세요"),
                "Kakao's placeholder is no name"
            );
            let confirmed = me.texts(".tag.ok").contains(&"확인됨".to_owned());
            let warned = me.texts(".tag.warn").len();
            let flagged = person == "unverified-email" || person == "stale-email";
            assert_eq!(warned, usize::from(flagged), "{person}");
            assert!(!(flagged && confirmed), "{person}");
            assert_eq!(visitor.get("/").await.status, 200, "{person}");
        }
        assert_eq!(app.count("members").await, 8);
        let visitor = app.visitor();
        let young = visitor.log_in(app, "under-14").await;
        assert_eq!(young.leads_to_error(), "under14");
        assert_eq!(visitor.follow(&young).await.status, 403);
        assert_eq!(
            app.count("members").await,
            8,
            "nothing is kept of the under-14"
        );
    });
}

/// A login whose token answer holds an ID token with these claims, over right ones.
async fn with_id_token(app: &TestApp, header: &Value, claims: &Value) -> String {
    let visitor = app.visitor();
    let begun = visitor.get("/auth/kakao?next=/me").await;
    let url = Url::parse(begun.location()).unwrap();
    let asked = |name: &str| {
        let pair = url.query_pairs().find(|(n, _)| n == name);
        pair.unwrap().1.into_owned()
    };
    let now = app.clock.now().unix_timestamp();
    let mut right = json!({
        "iss": app.emulator.url(), "aud": REST_API_KEY, "sub": "2900000001",
        "nonce": asked("nonce"), "iat": now, "exp": now + 21_600, "auth_time": now,
    });
    for (name, value) in claims.as_object().unwrap() {
        let object = right.as_object_mut().unwrap();
        if value == "absent" {
            object.remove(name);
        } else {
            object.insert(name.clone(), value.clone());
        }
    }
    let segment = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let id_token = format!("{}.{}.c2lnbmF0dXJl", segment(header), segment(&right));
    let tokens = json!({
        "token_type": "bearer", "access_token": "an-access-token", "expires_in": 21_599,
        "refresh_token": "a-refresh-token", "refresh_token_expires_in": 5_183_999,
        "scope": "openid profile_nickname", "id_token": id_token,
    });
    app.emulator
        .fail(Endpoint::Token, answer(&tokens.to_string()), Times::Once);
    app.emulator
        .fail(Endpoint::Me, answer(r#"{"id":2900000001}"#), Times::Once);
    let code = format!("/auth/kakao/callback?code=a-code&state={}", asked("state"));
    let done = visitor.get(&code).await;
    app.emulator.heal();
    assert_eq!(done.status, 303);
    let me = visitor.get("/me").await.status;
    assert_eq!(
        me == 200,
        done.location() == "/me",
        "signed in exactly when told so"
    );
    done.location().to_owned()
}

// ID-8, OT-2, OT-3, OT-4
#[test]
fn an_id_token_must_be_of_this_login_and_name_the_same_person() {
    Stage::default().once(async |app| {
        let rs256 = json!({"alg": "RS256", "typ": "JWT", "kid": "k"});
        assert_eq!(with_id_token(app, &rs256, &json!({})).await, "/me");
        app.clock.advance(time::Duration::minutes(1));
        let sessions = app.count("sessions").await;
        let now = app.clock.now().unix_timestamp();
        for claims in [
            json!({"sub": "2900000002"}),
            json!({"sub": 2_900_000_001_i64}),
            json!({"sub": "02900000001x"}),
            json!({"sub": "absent"}),
            json!({"aud": "somebody-else"}),
            json!({"aud": [REST_API_KEY, "somebody-else"]}),
            json!({"aud": "absent"}),
            json!({"azp": "somebody-else"}),
            json!({"iss": "https://evil.example"}),
            json!({"iss": format!("{}/", app.emulator.url())}),
            json!({"iss": "absent"}),
            json!({"nonce": "another"}),
            json!({"nonce": ""}),
            json!({"nonce": "absent"}),
            json!({"exp": now - 120}),
            json!({"exp": "9999999999"}),
            json!({"exp": "absent"}),
            json!({"iat": now + 600}),
            json!({"iat": "absent"}),
            json!({"nbf": now + 600}),
        ] {
            let location = with_id_token(app, &rs256, &claims).await;
            assert_eq!(location, "/auth/error?e=kakao_bad_reply", "{claims}");
        }
        for alg in ["none", "HS256", "RS512"] {
            let location = with_id_token(app, &json!({"alg": alg}), &json!({})).await;
            assert_eq!(location, "/auth/error?e=kakao_bad_reply", "{alg}");
        }
        assert_eq!(app.count("sessions").await, sessions, "nothing is stored");
    });
}

// ID-9, WB-3
#[test]
fn a_hostile_nickname_is_harmless_on_every_page() {
    everywhere(async |app| {
        // The whole answer stays within the 64 KB that are read of any.
        app.emulator
            .world()
            .edit_app(|app| app.legacy_properties = false);
        let forty_kilobytes = "가<b>".repeat(6_500);
        for nickname in [
            "<script>alert(1)</script>",
            "\"'><img src=x onerror=alert(1)>",
            "{{ 7 * 7 }}</title></bdi><h1>x",
            "\u{202e}evil\u{2066}\u{200f}",
            "a\0b\r\nset-cookie: a=b",
            "\u{0}",
            "\u{feff}\u{200b}",
            "👩\u{200d}👧 ﷽",
            &forty_kilobytes,
        ] {
            let mut person = Person::named("hostile", nickname);
            person.user_id = Some(2_900_000_777);
            app.emulator.world().add_person(person);
            // The name is taken over at the first login only: each story needs a new member.
            app.gate().store.write(forget_everybody).await.unwrap();
            let visitor = app.visitor();
            visitor.log_in_as(app, "hostile").await;
            for path in ["/", "/me", "/me/sessions", "/logout"] {
                let page = visitor.get(path).await;
                assert_eq!(page.status, 200, "{path} {nickname:.20}");
                for raw in [
                    "<script>alert",
                    "<img src=x",
                    "</bdi><h1>",
                    "\0",
                    "\u{202e}",
                    "\u{2066}",
                ] {
                    assert!(!page.body.contains(raw), "{path} {nickname:.20} {raw:?}");
                }
                assert_eq!(page.texts("h1").len(), 1, "{path} {nickname:.20}");
                assert!(page.body.len() < 15_000, "{path} {} bytes", page.body.len());
            }
        }
    });
}

// ID-9, IN-5
#[test]
fn a_profile_too_long_to_be_one_is_refused_and_nothing_of_it_kept() {
    Stage::default().once(async |app| {
        let hundred_kilobytes = "<".repeat(100_000);
        assert!(app.emulator.world().edit_person("ordinary", |person| {
            person.nickname = hundred_kilobytes;
        }));
        let refused = app.visitor().log_in(app, "ordinary").await;
        assert_eq!(refused.leads_to_error(), "kakao_bad_reply");
        assert_eq!(app.count("members").await, 0);
    });
}

fn forget_everybody(
    connection: &mut kakao_gate::store::AnyConnection,
) -> Result<(), kakao_gate::store::Error> {
    use diesel::RunQueryDsl as _;
    for table in ["sessions", "kakao_accounts", "members"] {
        diesel::sql_query(format!("DELETE FROM {table}")).execute(connection)?;
    }
    Ok(())
}

// ID-9
#[test]
fn pictures_and_addresses_that_are_not_what_they_should_be_are_not_shown() {
    Stage::default().once(async |app| {
        let world = app.emulator.world();
        for picture in [
            "http://k.kakaocdn.net/a.jpg",
            "https://evil.example/a.jpg",
            "https://k.kakaocdn.net.evil.example/a.jpg",
            "https://k.kakaocdn.net@evil.example/a.jpg",
            "javascript:alert(1)",
            "data:image/png;base64,AAAA",
            "//k.kakaocdn.net/a.jpg",
            "https://k.kakaocdn.net/a.jpg\" onerror=\"alert(1)",
        ] {
            assert!(world.edit_person("ordinary", |person| {
                person.picture_url = Some(picture.to_owned());
            }));
            let visitor = app.visitor();
            visitor.log_in_as(app, "ordinary").await;
            let me = visitor.get("/me").await;
            for src in me.attributes("img", "src") {
                assert!(
                    src.starts_with("https://k.kakaocdn.net/"),
                    "{picture}: {src}"
                );
            }
            assert!(me.attributes("img", "onerror").is_empty(), "{picture}");
        }
        let long = format!("{}@example.com", "a".repeat(300));
        for email in [
            "not an address",
            "<b>@x</b>",
            "a@b@c",
            "a@b\r\nBcc: x@y",
            "\0@x",
            &long,
        ] {
            assert!(world.edit_person("ordinary", |person| {
                person.email = Some(Email {
                    address: email.to_owned(),
                    valid: true,
                    verified: true,
                });
            }));
            let visitor = app.visitor();
            visitor.log_in_as(app, "ordinary").await;
            let me = visitor.get("/me").await;
            assert_eq!(me.status, 200, "{email:?}");
            assert!(!me.body.contains(email), "{email:?} is shown");
            let told = "kakao_accounts WHERE email IS NOT NULL";
            assert_eq!(app.count(told).await, 0, "{email:?} is kept");
        }
        let shown = "https://k.kakaocdn.net/dn/a/img_110x110.jpg";
        assert!(world.edit_person("ordinary", |p| p.picture_url = Some(shown.to_owned())));
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        assert_eq!(visitor.get("/me").await.attributes("img", "src"), [shown]);
    });
}
