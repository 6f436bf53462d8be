//! The first login with Kakao where there are terms: nobody is a member before they agree.

use futures_util::future::join_all;
use kakao_gate::emulator::{Consent, Email, Endpoint, Fault, Person, Times};
use tempfile::TempDir;
use time::Duration;

use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, Visitor, eventually};
use crate::terms::published;

const HERE: &str = "/auth/kakao/join";
const COOKIE: &str = "kg-newcomer";

pub(crate) const AGREED: &[(&str, &str)] = &[
    ("act", "join"),
    ("agree-age", "built-in"),
    ("agree-terms", "2026-03-01"),
    ("agree-privacy", "7"),
];

pub(crate) fn with(folder: &TempDir) -> Stage {
    Stage::default().set("TERMS_DIR", folder.path().to_str().unwrap())
}

/// Somebody who has come from Kakao for the first time and now decides.
pub(crate) async fn arrived(app: &TestApp, person: &str) -> Visitor {
    let visitor = app.visitor();
    let callback = visitor
        .to_callback(&app.emulator, person, "/me/sessions")
        .await;
    let page = visitor.get(&callback).await;
    assert_eq!((page.status, page.location()), (303, HERE), "{}", page.body);
    visitor
}

pub(crate) async fn press(visitor: &Visitor, fields: &[(&str, &str)]) -> Page {
    visitor.press(HERE, HERE, fields).await
}

async fn nobody_is_known(app: &TestApp) {
    for table in [
        "members",
        "kakao_accounts",
        "sessions",
        "consents",
        "audit_events",
    ] {
        assert_eq!(app.count(table).await, 0, "{table}");
    }
}

#[test]
fn who_agrees_is_a_member_and_goes_on_to_where_they_wanted() {
    let folder = published();
    with(&folder).everywhere(async |app| {
        let visitor = arrived(app, "ordinary").await;
        let page = visitor.get(HERE).await;
        let main = page.text("main");
        assert!(main.contains("김하늘") && main.contains("ordinary@example.com"));
        assert_eq!(page.attributes("input[checked]", "name").len(), 0);
        assert_eq!(visitor.get("/me").await.status, 303, "nobody is signed in");
        nobody_is_known(app).await;

        let partly = press(&visitor, &AGREED[..2]).await;
        assert_eq!(partly.status, 422);
        assert_eq!(
            partly.attributes("#errsum a", "href"),
            ["#agree-terms", "#agree-privacy"]
        );
        nobody_is_known(app).await;

        let joined = press(&visitor, AGREED).await;
        assert_eq!((joined.status, joined.location()), (303, "/me/sessions"));
        assert_eq!(visitor.cookie(COOKIE), None);
        assert_eq!(visitor.get("/me").await.status, 200);
        let agreed = "SELECT item || ' ' || version AS value FROM consents ORDER BY item";
        assert_eq!(
            app.values(agreed).await,
            ["age built-in", "privacy 7", "terms 2026-03-01"]
        );
        for action in ["join.kakao", "login.kakao"] {
            let entry = format!("audit_events WHERE action = '{action}'");
            assert_eq!(app.count(&entry).await, 1, "{action}");
        }
        assert_eq!(app.count("outbox").await, 0, "the token stays");
        assert_eq!(app.live_kakao_tokens("ordinary"), 1);
        assert_eq!(
            app.count("attempts WHERE outcome LIKE 'join:%'").await,
            0,
            "what Kakao told is not left lying about"
        );
        // Ten minutes later nothing is given back either.
        app.clock.advance(Duration::minutes(11));
        app.gate().pay_debts().await.unwrap();
        assert_eq!(app.live_kakao_tokens("ordinary"), 1);

        // Who has joined is not asked again.
        app.visitor().log_in_as(app, "ordinary").await;
        assert_eq!(app.count("members").await, 1);
    });
}

// CB-3
#[test]
fn pressed_twice_and_called_back_twice_it_is_one_member_and_one_session() {
    let folder = published();
    with(&folder).everywhere(async |app| {
        let visitor = app.visitor();
        let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
        let twin = visitor.copy();
        let pages = join_all([visitor.get(&callback), twin.get(&callback)]).await;
        for page in &pages {
            assert_eq!((page.status, page.location()), (303, HERE), "{}", page.body);
        }
        assert_eq!(visitor.cookie(COOKIE), twin.cookie(COOKIE));

        let csrf = visitor.get(HERE).await.csrf();
        let mut fields = AGREED.to_vec();
        fields.push(("csrf", &csrf));
        let pages = join_all([visitor.post(HERE, &fields), twin.post(HERE, &fields)]).await;
        for page in &pages {
            assert_eq!(
                (page.status, page.location()),
                (303, "/me"),
                "{}",
                page.body
            );
        }
        assert_eq!(visitor.get("/me").await.status, 200);
        assert_eq!(twin.get("/me").await.status, 200);
        for (rows, count) in [
            ("members", 1),
            ("sessions", 1),
            ("consents", 3),
            ("audit_events WHERE action = 'join.kakao'", 1),
        ] {
            assert_eq!(app.count(rows).await, count, "{rows}");
        }
        assert_eq!(app.emulator.count(Endpoint::Token), 1);
    });
}

// TK-7
#[test]
fn who_does_not_want_to_join_is_forgotten_and_disconnected() {
    let folder = published();
    with(&folder).everywhere(async |app| {
        let visitor = arrived(app, "ordinary").await;
        assert!(app.emulator.world().is_linked("ordinary"));
        let down = Fault::Status(503);
        app.emulator.fail(Endpoint::Unlink, down, Times::Once);
        let (cookie, csrf) = (
            visitor.cookie(COOKIE).unwrap(),
            visitor.get(HERE).await.csrf(),
        );
        let quit = press(&visitor, &[("act", "quit")]).await;
        assert_eq!((quit.status, quit.location()), (303, "/"));
        assert_eq!(visitor.cookie(COOKIE), None);
        nobody_is_known(app).await;
        assert_eq!(app.count("attempts WHERE outcome LIKE 'join:%'").await, 0);
        app.put_off("tries = 1", 1).await;
        assert_eq!(app.emulator.count(Endpoint::Unlink), 1);
        app.clock.advance(Duration::minutes(1));
        app.gate().pay_debts().await.unwrap();
        eventually("disconnected", async || {
            !app.emulator.world().is_linked("ordinary")
        })
        .await;
        assert_eq!(app.live_kakao_tokens("ordinary"), 0);

        // A copy of the cookie is worth nothing any more.
        visitor.set_cookie(COOKIE, &cookie);
        let mut fields = AGREED.to_vec();
        fields.push(("csrf", &csrf));
        let late = visitor.post(HERE, &fields).await;
        assert_eq!(late.leads_to_error(), "state_expired");
        nobody_is_known(app).await;
    });
}

#[test]
fn who_never_decides_has_ten_minutes_and_the_token_goes_back() {
    let folder = published();
    with(&folder).everywhere(async |app| {
        let visitor = arrived(app, "ordinary").await;
        app.clock.advance(Duration::minutes(9));
        let csrf = visitor.get(HERE).await.csrf();
        app.gate().pay_debts().await.unwrap();
        assert_eq!(app.live_kakao_tokens("ordinary"), 1);
        app.clock.advance(Duration::minutes(1));
        let late = visitor.get(HERE).await;
        assert_eq!(late.status, 400);
        assert!(late.h1().contains("시간"), "{}", late.h1());
        let mut fields = AGREED.to_vec();
        fields.push(("csrf", &csrf));
        assert_eq!(visitor.post(HERE, &fields).await.status, 400);
        app.gate().pay_debts().await.unwrap();
        eventually("given back", async || {
            app.live_kakao_tokens("ordinary") == 0
        })
        .await;
        assert!(
            app.emulator.world().is_linked("ordinary"),
            "only declining disconnects"
        );
        nobody_is_known(app).await;
    });
}

// KL-3, SE-9
#[test]
fn only_the_browser_that_came_from_kakao_decides() {
    let folder = published();
    with(&folder).once(async |app| {
        let visitor = arrived(app, "ordinary").await;
        let stranger = app.visitor();
        assert_eq!(stranger.get(HERE).await.status, 400);
        let csrf = stranger.get("/login").await.csrf();
        let mut fields = AGREED.to_vec();
        fields.push(("csrf", &csrf));
        assert_eq!(stranger.post(HERE, &fields).await.status, 400);
        let cookie = visitor.cookie(COOKIE).unwrap();
        assert!(!cookie.contains("ordinary"));
        for altered in ["", "made.up", &cookie[..cookie.len() - 2]] {
            stranger.set_cookie(COOKIE, altered);
            assert_eq!(stranger.post(HERE, &fields).await.status, 400, "{altered}");
        }
        let odd = press(&visitor, &[("act", "both")]).await;
        assert_eq!(odd.status, 400);
        nobody_is_known(app).await;
    });
}

// SE-9
#[test]
fn the_longest_profile_fits_the_cookie() {
    let folder = published();
    with(&folder).once(async |app| {
        let longest = |person: &mut Person| {
            person.nickname = "👩‍👩‍👧‍👦".repeat(60);
            person.email = Some(Email {
                address: format!("{}@{}.example", "a".repeat(64), "b".repeat(60)),
                valid: true,
                verified: true,
            });
        };
        assert!(app.emulator.world().edit_person("ordinary", longest));
        let visitor = arrived(app, "ordinary").await;
        let cookie = visitor.cookie(COOKIE).unwrap();
        assert!(cookie.len() < 3_900, "{}", cookie.len());
        assert_eq!(press(&visitor, AGREED).await.location(), "/me/sessions");
    });
}

// ID-7
#[test]
fn what_kakao_did_not_tell_is_said_and_can_be_asked_for_again() {
    let folder = published();
    with(&folder).once(async |app| {
        let visitor = arrived(app, "minimal").await;
        let page = visitor.get(HERE).await;
        assert_eq!(page.texts("dd").len(), 3);
        assert!(
            page.texts("dd")
                .iter()
                .all(|text| text.contains("받지 않음"))
        );
        let again = page.attributes("dd a", "href");
        assert!(again[0].starts_with("/auth/kakao?next="), "{again:?}");
        let asked = visitor.get(&again[0]).await;
        assert!(
            asked.location().contains("scope=account_email"),
            "{}",
            asked.location()
        );
        assert_eq!(press(&visitor, AGREED).await.status, 303);
    });
}

// SE-7
#[test]
fn who_shares_more_before_they_decide_keeps_the_later_token() {
    let folder = published();
    with(&folder).everywhere(async |app| {
        let visitor = arrived(app, "minimal").await;
        let again = visitor.get(HERE).await.attributes("dd a", "href").remove(0);
        let begun = visitor.get(&again).await;
        let back = app
            .emulator
            .authorize(begun.location(), "minimal", Consent::All);
        let page = visitor.get(back.strip_prefix(&app.url).unwrap()).await;
        assert_eq!(page.location(), HERE);
        assert_eq!(press(&visitor, AGREED).await.status, 303);
        app.clock.advance(Duration::minutes(11));
        app.gate().pay_debts().await.unwrap();
        assert_eq!(app.count("outbox WHERE finished_at IS NULL").await, 0);
        assert_eq!(app.emulator.count(Endpoint::Logout), 0);
        let consents = visitor.get("/me/kakao/consents").await;
        assert!(consents.texts(".cards li").len() > 1, "{}", consents.body);
    });
}

// TK-7
#[test]
fn who_declines_and_then_joins_keeps_the_new_connection() {
    let folder = published();
    for admin_key in [true, false] {
        let mut stage = with(&folder);
        if !admin_key {
            stage = stage.set("KAKAO_ADMIN_KEY", "");
        }
        stage.everywhere(async |app| {
            let visitor = arrived(app, "ordinary").await;
            let down = Fault::Status(503);
            app.emulator.fail(Endpoint::Unlink, down, Times::Always);
            press(&visitor, &[("act", "quit")]).await;
            app.put_off_for_an_hour("kind LIKE 'unlink%'", 1).await;
            let visitor = arrived(app, "ordinary").await;
            assert_eq!(press(&visitor, AGREED).await.status, 303);
            app.emulator.heal();
            let asked = app.emulator.count(Endpoint::Unlink);
            app.clock.advance(Duration::hours(2));
            app.gate().pay_debts().await.unwrap();
            eventually("given up", async || {
                app.count("outbox WHERE outcome = 'superseded'").await == 1
            })
            .await;
            assert_eq!(app.emulator.count(Endpoint::Unlink), asked);
            assert!(app.emulator.world().is_linked("ordinary"));
        });
    }
}

// CB-6
#[test]
fn somebody_else_who_was_signed_in_stays_so_until_it_is_decided() {
    let folder = published();
    with(&folder).everywhere(async |app| {
        let visitor = arrived(app, "linked").await;
        press(&visitor, AGREED).await;
        let callback = visitor.to_callback(&app.emulator, "ordinary", "/me").await;
        assert_eq!(visitor.get(&callback).await.location(), HERE);
        assert!(visitor.get("/me").await.text("main").contains("윤가람"));
        let before = visitor.copy();
        assert_eq!(press(&visitor, AGREED).await.location(), "/me");
        assert!(visitor.get("/me").await.text("main").contains("김하늘"));
        assert_eq!(before.get("/me").await.status, 303);
        assert_eq!(app.count("members").await, 2);
    });
}

// LG-7
#[test]
fn who_is_under_14_is_told_so_and_leaves_nothing() {
    let folder = published();
    for stage in [Stage::default(), with(&folder)] {
        stage.everywhere(async |app| {
            let visitor = app.visitor();
            let young = visitor.log_in(app, "under-14").await;
            assert_eq!(young.leads_to_error(), "under14");
            assert_eq!(visitor.follow(&young).await.status, 403);
            assert_eq!(visitor.cookie(COOKIE), None);
            for table in ["members", "kakao_accounts", "sessions", "consents"] {
                assert_eq!(app.count(table).await, 0, "{table}");
            }
            let told = "audit_events WHERE actor IS NOT NULL OR subject IS NOT NULL";
            assert_eq!(app.count(told).await, 0);
            eventually("disconnected", async || {
                !app.emulator.world().is_linked("under-14")
            })
            .await;
            eventually("forgotten", async || {
                app.count("outbox WHERE sealed_token <> ''").await == 0
            })
            .await;
            assert_eq!(app.live_kakao_tokens("under-14"), 0);
        });
    }
}
