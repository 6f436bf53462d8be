//! Somebody comes from Kakao for the first time, with the address of a member.

use kakao_gate::emulator::{Email, Person};
use time::Duration;

use crate::my_account::{give_password, member_with};
use crate::stage::email::{PASSWORD, stage};
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, Visitor, eventually};

/// Gives `person` this address at Kakao.
fn readdress(app: &TestApp, person: &str, address: &str, valid: bool, verified: bool) {
    let change = |person: &mut Person| {
        person.email = Some(Email {
            address: address.to_owned(),
            valid,
            verified,
        });
    };
    assert!(app.emulator.world().edit_person(person, change));
}

/// A member who signs in by email, in a browser of theirs.
async fn member_by_email(app: &TestApp, person: &str) -> Visitor {
    let visitor = app.visitor();
    visitor.log_in_as(app, person).await;
    let address = format!("{person}@example.com");
    give_password(app, member_with(app, &address).await).await;
    let page = visitor
        .press("/me/kakao/unlink", "/me/kakao/unlink", &[])
        .await;
    assert_eq!(page.location(), "/me", "{}", page.body);
    visitor
}

async fn meets_a_conflict(app: &TestApp, visitor: &Visitor, person: &str) -> Page {
    let page = visitor.log_in(app, person).await;
    assert_eq!(
        (page.status, page.location()),
        (303, "/auth/kakao/conflict"),
        "{person}"
    );
    visitor.follow(&page).await
}

// ID-2
#[test]
fn an_address_alone_joins_nothing_and_lets_nobody_in() {
    stage().everywhere(async |app| {
        member_by_email(app, "ordinary").await;
        readdress(app, "long-id", "ORDINARY@Example.com", true, true);
        let stranger = app.visitor();
        let page = meets_a_conflict(app, &stranger, "long-id").await;
        assert_eq!(
            (page.status, page.h1().as_str()),
            (200, "이미 가입한 이메일입니다")
        );
        assert!(page.body.contains("ORDINARY@Example.com"), "{}", page.body);
        assert_eq!(
            page.attributes(".btns a", "href"),
            [
                "/login?next=%2Fme%2Fkakao%2Fconnect",
                "/password/forgot",
                "/auth/kakao?other=1"
            ]
        );
        assert_eq!(stranger.get("/me").await.status, 303);
        assert_eq!(app.count("members").await, 1);
        assert_eq!(app.count("kakao_accounts").await, 0);
        assert_eq!(
            app.count("sessions WHERE method = 'kakao' AND ended_at IS NULL")
                .await,
            1
        );
        eventually("Kakao's token is given back", async || {
            app.live_kakao_tokens("long-id") == 0
        })
        .await;
        // What waits says nothing to whoever looks at it, and nothing of a token.
        let waiting = stranger.cookie("kg-waiting").unwrap();
        assert!(!waiting.contains("rdinary"), "{waiting}");
        let refused = "audit_events WHERE action = 'join.kakao' AND reason = 'email_conflict' \
                       AND actor IS NULL AND subject IS NOT NULL";
        assert_eq!(app.count(refused).await, 1);
        let other = stranger.get("/auth/kakao?other=1").await;
        assert!(other.location().contains("prompt=select_account"));
        let plain = stranger.get("/auth/kakao").await;
        assert!(!plain.location().contains("prompt="));
    });
}

// ID-2, ID-5
#[test]
fn the_member_connects_it_with_a_button_of_their_own() {
    stage().everywhere(async |app| {
        let visitor = member_by_email(app, "ordinary").await;
        readdress(app, "long-id", "ordinary@example.com", true, true);
        let page = meets_a_conflict(app, &visitor, "long-id").await;
        assert_eq!(page.attributes(".btns a", "href")[0], "/me/kakao/connect");
        assert_eq!(
            app.count("kakao_accounts").await,
            0,
            "not by being there alone"
        );
        assert!(visitor.get("/me").await.body.contains("/me/kakao/connect"));
        let page = visitor.get("/me/kakao/connect").await;
        assert!(page.body.contains("한누리"), "{}", page.body);
        let csrf = page.csrf();
        let foreign = [
            ("sec-fetch-site", "cross-site"),
            ("origin", "https://evil.example"),
        ];
        let fields = [("csrf", csrf.as_str())];
        let refused = visitor
            .post_with("/me/kakao/connect", &foreign, &fields)
            .await;
        assert_eq!(refused.status, 403);
        let done = visitor.post("/me/kakao/connect", &fields).await;
        assert_eq!(done.location(), "/me");
        let me = visitor.get("/me").await;
        assert_eq!(me.text(".note p"), "카카오를 연결했습니다.");
        assert_eq!(visitor.cookie("kg-waiting"), None);
        assert_eq!(app.count("kakao_accounts").await, 1);
        let elsewhere = app.visitor();
        elsewhere.log_in_as(app, "long-id").await;
        assert_eq!(app.count("members").await, 1);
        assert!(elsewhere.get("/me").await.body.contains("김하늘"));
    });
}

// ID-2, ID-5
#[test]
fn nobody_else_connects_it_and_nobody_does_later() {
    stage().everywhere(async |app| {
        let member = member_by_email(app, "ordinary").await;
        readdress(app, "long-id", "ordinary@example.com", true, true);
        // Another member, in the browser in which it waits.
        let visitor = member_by_email(app, "linked").await;
        let page = meets_a_conflict(app, &visitor, "long-id").await;
        assert!(page.attributes(".btns a", "href")[0].starts_with("/login"));
        let waiting = visitor.cookie("kg-waiting").unwrap();
        let page = visitor.get("/me/kakao/connect").await;
        assert_eq!(page.location(), "/me");
        let page = visitor.press("/me/edit", "/me/kakao/connect", &[]).await;
        assert_eq!(page.location(), "/me");
        let told = visitor.follow(&page).await.text(".note p");
        assert!(
            told.starts_with("기다리고 있는 카카오계정의 이메일이"),
            "{told}"
        );
        // The member, without it; with something else in its place; and with one that is too old.
        let none = member.press("/me/edit", "/me/kakao/connect", &[]).await;
        assert!(
            member
                .follow(&none)
                .await
                .text(".note p")
                .starts_with("기다리던")
        );
        member.set_cookie("kg-waiting", &format!("{waiting}x"));
        assert_eq!(member.get("/me/kakao/connect").await.location(), "/me");
        member.set_cookie("kg-waiting", &waiting);
        assert_eq!(member.get("/me/kakao/connect").await.status, 200);
        let csrf = member.get("/me/edit").await.csrf();
        app.clock
            .advance(Duration::minutes(10) + Duration::seconds(1));
        let late = member.post("/me/kakao/connect", &[("csrf", &csrf)]).await;
        assert!(["/me", "/reauth?next=%2Fme%2Fkakao%2Fconnect"].contains(&late.location()));
        let gone = member.get("/auth/kakao/conflict").await;
        assert_eq!(gone.leads_to_error(), "state_expired");
        assert_eq!(
            app.count("kakao_accounts WHERE kakao_id = 1376016924426814086")
                .await,
            0
        );
    });
}

// ID-5
#[test]
fn connecting_what_waits_takes_a_fresh_proof() {
    stage().once(async |app| {
        let visitor = member_by_email(app, "ordinary").await;
        app.clock.advance(Duration::minutes(11));
        readdress(app, "long-id", "ordinary@example.com", true, true);
        meets_a_conflict(app, &visitor, "long-id").await;
        let page = visitor.get("/me/kakao/connect").await;
        assert_eq!(page.location(), "/reauth?next=%2Fme%2Fkakao%2Fconnect");
        let page = visitor.press("/me/edit", "/me/kakao/connect", &[]).await;
        assert_eq!(page.location(), "/reauth?next=%2Fme%2Fkakao%2Fconnect");
        assert_eq!(app.count("kakao_accounts").await, 0);
    });
}

// ID-2
#[test]
fn a_member_with_another_kakao_account_is_told_what_they_can_do() {
    stage().once(async |app| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        readdress(app, "long-id", "ordinary@example.com", true, true);
        let visitor = app.visitor();
        let page = meets_a_conflict(app, &visitor, "long-id").await;
        assert_eq!(
            page.attributes(".btns a", "href"),
            ["/password/forgot", "/auth/kakao?other=1"],
            "there is no password to log in with"
        );
        visitor.log_in_as(app, "ordinary").await;
        let page = visitor.get("/me/kakao/connect").await;
        assert!(
            visitor
                .follow(&page)
                .await
                .text(".note p")
                .starts_with("회원 한 명에게")
        );
        assert_eq!(app.count("kakao_accounts").await, 1);
        // Where the address has become free, whoever comes with it is simply new.
        let stranger = app.visitor();
        meets_a_conflict(app, &stranger, "long-id").await;
        let free = "UPDATE members SET email = NULL, email_key = NULL, email_verified_at = NULL";
        app.backends().database.execute(free);
        let page = stranger.get("/auth/kakao/conflict").await;
        assert_eq!(page.location(), "/auth/kakao");
        stranger.log_in_as(app, "long-id").await;
        assert_eq!(app.count("members").await, 2);
    });
}

// ID-2, PW-9
#[test]
fn what_kakao_does_not_vouch_for_is_no_address() {
    stage().everywhere(async |app| {
        app.visitor().log_in_as(app, "ordinary").await;
        for (person, valid, verified) in [("long-id", true, false), ("linked", false, true)] {
            readdress(app, person, "ordinary@example.com", valid, verified);
            app.visitor().log_in_as(app, person).await;
        }
        readdress(app, "no-email", "ordinary@example.com\u{0}", true, true);
        app.visitor().log_in_as(app, "no-email").await;
        assert_eq!(app.count("members").await, 4);
        assert_eq!(app.count("members WHERE email IS NOT NULL").await, 1);
    });
}

// ID-3, PW-9
#[test]
fn who_only_waits_for_an_address_loses_it_to_who_proves_it() {
    stage().everywhere(async |app| {
        let database = &app.backends().database;
        // Planted, with everything that a sign-up may leave.
        let planted = "01900000-0000-7000-8000-00000000dead";
        database.execute(&format!(
            "INSERT INTO members (id, number, standing, role, joined_with, display_name, email, \
             email_key, created_at, last_login_at) VALUES ('{planted}', 900, 'unverified', \
             'member', 'email', '심은 사람', 'Ordinary@example.com', 'ordinary@example.com', \
             '2098-03-01 00:00:00', '2098-03-01 00:00:00')"
        ));
        database.execute(&format!(
            "INSERT INTO mail_links (digest, purpose, member_id, email_key, sealed, created_at, \
             expires_at) VALUES ('d', 'join', '{planted}', 'ordinary@example.com', 's', \
             '2098-03-01 00:00:00', '2099-03-01 00:00:00')"
        ));
        database.execute(&format!(
            "INSERT INTO consents (id, member_id, item, version, agreed, at) VALUES ('c', \
             '{planted}', 'terms', '1', TRUE, '2026-03-01 00:00:00')"
        ));
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        assert_eq!(app.count("members").await, 1);
        for table in ["mail_links", "consents"] {
            assert_eq!(app.count(table).await, 0, "{table}");
        }
        let me = visitor.get("/me").await;
        assert!(me.body.contains("김하늘") && !me.body.contains("심은 사람"));
        assert_eq!(
            app.count("members WHERE email = 'ordinary@example.com'")
                .await,
            1
        );
    });
}

// ID-3, PW-9
#[test]
fn a_member_without_an_address_gets_the_one_that_kakao_vouches_for_later() {
    stage().everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "no-email").await;
        assert_eq!(app.count("members WHERE email IS NOT NULL").await, 0);
        // Planted meanwhile by somebody who cannot read its mail.
        let planted = app
            .member_without_password("later@example.com", "unverified")
            .await;
        app.give_password(&planted, PASSWORD).await;
        let addresses = "SELECT joined_with || ' ' || email AS value FROM members \
                         WHERE email_verified_at IS NOT NULL";
        readdress(app, "no-email", "later@example.com", true, false);
        app.visitor().log_in_as(app, "no-email").await;
        assert!(app.values(addresses).await.is_empty(), "not vouched for");
        readdress(app, "no-email", "later@example.com", true, true);
        app.visitor().log_in_as(app, "no-email").await;
        assert_eq!(app.values(addresses).await, ["kakao later@example.com"]);
        assert_eq!(app.count("members").await, 1);
        assert_eq!(app.count("passwords").await, 0);
        assert_eq!(
            app.visitor()
                .knock("later@example.com", PASSWORD)
                .await
                .status,
            422
        );

        // What is theirs stays theirs, whatever Kakao says next.
        readdress(app, "no-email", "another@example.com", true, true);
        app.visitor().log_in_as(app, "no-email").await;
        assert_eq!(app.values(addresses).await, ["kakao later@example.com"]);
    });
}

// ID-2
#[test]
fn where_nobody_signs_in_by_email_nobody_is_kept_out() {
    Stage::default().once(async |app| {
        app.visitor().log_in_as(app, "ordinary").await;
        readdress(app, "long-id", "ordinary@example.com", true, true);
        app.visitor().log_in_as(app, "long-id").await;
        assert_eq!(app.count("members").await, 2);
        assert_eq!(app.count("members WHERE email IS NOT NULL").await, 1);
    });
}
