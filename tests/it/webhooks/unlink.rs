//! The unlink webhook: whom it listens to, and what it answers.

use futures_util::future::join_all;
use kakao_gate::emulator::{ADMIN_KEY, Endpoint};

use super::{UNLINK, Unlink, WAYS, Way, effects, live_sessions, settled};
use crate::stage::{Stage, everywhere};

const KEPT: &str = "webhook_events";

// WH-1
#[test]
fn without_our_whole_key_nothing_is_heard() {
    everywhere(async |app| {
        let (member, _) = app.signed_in("ordinary").await;
        app.emulator.world().unlink_from_kakao("ordinary");
        let half = ADMIN_KEY.split_at(16).0;
        let longer = format!("{ADMIN_KEY}0");
        let keys = [
            None,
            Some(String::new()),
            Some("KakaoAK".to_owned()),
            Some("KakaoAK ".to_owned()),
            Some(format!("KakaoAK {half}")),
            Some(format!("KakaoAK {longer}")),
            Some(format!("KakaoAK {}", ADMIN_KEY.replace('1', "2"))),
            Some(format!("Bearer {ADMIN_KEY}")),
            Some(ADMIN_KEY.to_owned()),
        ];
        for key in keys {
            for way in WAYS {
                let unlink = Unlink {
                    key: key.clone(),
                    ..Unlink::of(app, "ordinary")
                };
                let answer = unlink.send(&app.url, way).await;
                assert_eq!(answer.status, 401, "{key:?} {way:?}");
                assert_eq!(answer.header("www-authenticate"), "KakaoAK");
                assert!(!answer.body.contains(half), "{}", answer.body);
            }
        }
        assert_eq!(app.count(KEPT).await, 0);
        assert!(member.is_in().await);
        let refused = "kakao_gate_webhook_calls_total{source=\"unlink\",outcome=\"refused\"}";
        assert_eq!(app.counted(refused), 27);
    });
}

// WH-1
#[test]
fn another_app_and_what_names_nobody_is_refused() {
    everywhere(async |app| {
        let (member, _) = app.signed_in("ordinary").await;
        let id = app
            .emulator
            .world()
            .user_id("ordinary")
            .unwrap()
            .to_string();
        let others = [
            ("900002", id.as_str()),
            ("", id.as_str()),
            ("0900001", id.as_str()),
            ("900001", ""),
            ("900001", "0"),
            ("900001", "-1"),
            ("900001", "1e3"),
            ("900001", "99999999999999999999"),
        ];
        for (app_id, user_id) in others {
            for way in WAYS {
                let unlink = Unlink {
                    app_id: app_id.to_owned(),
                    user_id: user_id.to_owned(),
                    ..Unlink::of(app, "ordinary")
                };
                let answer = unlink.send(&app.url, way).await;
                assert_eq!(answer.status, 400, "{app_id} {user_id} {way:?}");
            }
        }
        let key = ("authorization", format!("KakaoAK {ADMIN_KEY}"));
        let key = [(key.0, key.1.as_str())];
        for query in ["", "?app_id=900001", "?app_id=900001&user_id=1&user_id=2"] {
            let address = format!("{UNLINK}{query}");
            let answer = app.visitor().get_with(&address, &key).await;
            assert_eq!(answer.status, 400, "{query}");
        }
        assert_eq!(app.count(KEPT).await, 0);
        assert!(member.is_in().await);
    });
}

// WH-1
#[test]
fn only_the_method_of_the_setting_is_answered() {
    for (setting, others) in [
        ("get", &[Way::Form, Way::Json][..]),
        ("post", &[Way::Get][..]),
    ] {
        let stage = Stage::default().set("KAKAO_UNLINK_METHOD", setting);
        stage.once(async |app| {
            for way in WAYS {
                let refused = others
                    .iter()
                    .any(|other| format!("{other:?}") == format!("{way:?}"));
                let answer = Unlink::of(app, "ordinary").send(&app.url, way).await;
                assert_eq!(answer.status, if refused { 405 } else { 200 }, "{way:?}");
                if refused {
                    assert_eq!(answer.header("allow"), setting.to_uppercase());
                }
            }
        });
    }
    Stage::default().once(async |app| {
        let key = [("authorization", format!("KakaoAK {ADMIN_KEY}"))];
        let key = [(key[0].0, key[0].1.as_str())];
        let head = app
            .visitor()
            .send(reqwest::Method::HEAD, UNLINK, &key, None)
            .await;
        assert_eq!(head.status, 405, "a preview of the address does nothing");
    });
}

// WH-1
#[test]
fn both_keys_are_known_while_one_takes_the_place_of_the_other() {
    let keys = format!("{ADMIN_KEY},eadb0000000000000000000000000002");
    let stage = Stage::default().set("KAKAO_ADMIN_KEY", &keys);
    stage.once(async |app| {
        for key in keys.split(',') {
            let unlink = Unlink {
                key: Some(format!("KakaoAK {key}")),
                ..Unlink::of(app, "ordinary")
            };
            assert_eq!(unlink.send(&app.url, Way::Form).await.status, 200);
        }
        let both = Unlink {
            key: Some(format!("KakaoAK {keys}")),
            ..Unlink::of(app, "ordinary")
        };
        assert_eq!(both.send(&app.url, Way::Form).await.status, 401);
    });
}

// WH-2
#[test]
fn people_and_reasons_that_nobody_knows_are_answered_200() {
    everywhere(async |app| {
        for (at, referrer) in ["ACCOUNT_DELETE", "SOMETHING_NEW", "", "<b>", "탈퇴"]
            .into_iter()
            .enumerate()
        {
            let unlink = Unlink {
                referrer: referrer.to_owned(),
                ..Unlink::of_id(4_000_000_000 + i64::try_from(at).unwrap())
            };
            for way in WAYS {
                let answer = unlink.send(&app.url, way).await;
                assert_eq!((answer.status, answer.body.as_str()), (200, ""));
            }
        }
        // Nobody decides any more whether to join.
        app.clock.advance(time::Duration::minutes(10));
        settled(app).await;
        let effects = effects(app).await;
        assert!((5..=10).contains(&effects.len()), "{effects:?}");
        assert!(effects.iter().all(|effect| effect == "nobody"));
        assert_eq!(app.emulator.count(Endpoint::Me), 0, "Kakao was not asked");
    });
}

// WH-3, WH-4
#[test]
fn a_hundred_repeats_do_what_one_does() {
    everywhere(async |app| {
        let (member, id) = app.signed_in("ordinary").await;
        let (other, _) = app.signed_in("no-email").await;
        app.emulator.world().unlink_from_kakao("ordinary");
        let unlink = Unlink::of(app, "ordinary");
        let url = app.url.clone();
        let ways = WAYS.into_iter().cycle();
        let client = app.visitor().client;
        let all = ways
            .take(100)
            .map(|way| unlink.send_with(&client, &url, way));
        for answer in join_all(all).await {
            assert_eq!(answer.status, 200, "{}", answer.body);
        }
        let kept = app.count(KEPT).await;
        assert!(
            (1..=2).contains(&kept),
            "{kept}: one, or one at each side of ten seconds"
        );
        settled(app).await;
        assert!(!member.is_in().await);
        assert!(other.is_in().await, "others are untouched");
        assert_eq!(live_sessions(app).await, 1);
        let told = app.told_of(id, "kakao.webhook").await;
        let unlinked = told
            .iter()
            .filter(|line| line.contains(": unlinked"))
            .count();
        assert_eq!(unlinked, 1, "{told:?}");
    });
}

// WH-9
#[test]
fn whoever_is_refused_again_and_again_is_not_listened_to_and_kakao_still_is() {
    let stage = Stage::default().set("RATE_POSTS", "20");
    stage.once(async |app| {
        let stranger = Unlink {
            key: None,
            ..Unlink::of(app, "ordinary")
        };
        let mut answers = Vec::new();
        for _ in 0..40 {
            answers.push(stranger.send(&app.url, Way::Form).await);
        }
        let last = answers.last().unwrap();
        assert_eq!(answers[0].status, 401);
        assert_eq!(last.status, 429);
        assert!(last.header("retry-after").parse::<u32>().unwrap() >= 1);
        let kakao = Unlink::of(app, "ordinary").send(&app.url, Way::Form).await;
        assert_eq!(kakao.status, 200, "from the same address");
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
    });
}
