//! Connecting a Kakao account to a member, taking it away, and asking Kakao what is new.

use kakao_gate::emulator::{Consent, Endpoint, Fault, Person, Times};
use kakao_gate::member::Role;
use time::Duration;

use crate::audit::staff;
use crate::my_account::{give_password, member_with};
use crate::stage::email::stage;
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, Visitor, eventually};

/// Somebody who joined with Kakao, has a password since, and has taken Kakao away.
async fn without_kakao(app: &TestApp, person: &str) -> Visitor {
    let visitor = app.visitor();
    visitor.log_in_as(app, person).await;
    let address = format!("{person}@example.com");
    give_password(app, member_with(app, &address).await).await;
    let page = unlink(&visitor).await;
    assert_eq!(
        (page.status, page.location()),
        (303, "/me"),
        "{}",
        page.body
    );
    visitor
}

async fn unlink(visitor: &Visitor) -> Page {
    visitor
        .press("/me/kakao/unlink", "/me/kakao/unlink", &[])
        .await
}

/// The path that Kakao sends the browser back to, after `person` agreed there.
async fn to_link(app: &TestApp, visitor: &Visitor, person: &str) -> String {
    let begun = visitor.get("/me/kakao/link").await;
    assert!(
        begun.location().contains("prompt=select_account"),
        "{}",
        begun.location()
    );
    let back = app
        .emulator
        .authorize(begun.location(), person, Consent::All);
    back.strip_prefix(&app.url).unwrap().to_owned()
}

// CB-5
#[test]
fn a_consent_that_kakao_misses_while_connecting_is_asked_for() {
    stage().everywhere(async |app| {
        let visitor = without_kakao(app, "ordinary").await;
        all_paid(app).await;
        let back = to_link(app, &visitor, "ordinary").await;
        let missing = Fault::refuse("-402:gender,birthday");
        app.emulator.fail(Endpoint::Me, missing, Times::Once);
        let failed = visitor.get(&back).await;
        assert_eq!(failed.leads_to_error(), "consent_missing");
        let told = visitor.follow(&failed).await;
        let way = told.attributes("main a", "href").remove(0);
        assert!(way.starts_with("/me/kakao/link?ask="), "{way}");
        // Also after one has to prove who one is.
        app.clock.advance(Duration::minutes(11));
        let proof = visitor.get(&way).await;
        assert!(
            proof
                .location()
                .starts_with("/reauth?next=%2Fme%2Fkakao%2Flink%3Fask%3D")
        );
        app.clock.advance(-Duration::minutes(11));
        let begun = visitor.get(&way).await;
        assert!(
            begun.location().contains("scope=gender%2Cbirthday"),
            "{}",
            begun.location()
        );
        let back = app
            .emulator
            .authorize(begun.location(), "ordinary", Consent::All);
        let done = visitor.get(back.strip_prefix(&app.url).unwrap()).await;
        assert_eq!(done.location(), "/me");
        assert_eq!(connected(app).await, 1);
    });
}

async fn connected(app: &TestApp) -> usize {
    app.count("kakao_accounts").await
}

fn notice(page: &Page) -> String {
    page.text(".note p")
}

async fn all_paid(app: &TestApp) {
    eventually("Kakao has what it is owed", async || {
        app.count("outbox WHERE finished_at IS NULL AND kind <> 'mail'")
            .await
            == 0
    })
    .await;
}

// ID-5, TK-7
#[test]
fn kakao_is_taken_away_there_too_and_comes_back_to_the_same_member() {
    stage().everywhere(async |app| {
        let visitor = without_kakao(app, "ordinary").await;
        let me = visitor.get("/me").await;
        assert_eq!(notice(&me), "카카오 연결을 해제했습니다.");
        assert!(me.body.contains("연결 안 됨"));
        all_paid(app).await;
        assert!(!app.emulator.world().is_linked("ordinary"), "at Kakao, too");
        assert_eq!(app.emulator.count(Endpoint::Unlink), 1);
        assert_eq!(
            app.count("sessions WHERE kakao_access IS NOT NULL").await,
            0
        );
        assert_eq!(visitor.get("/me").await.status, 200, "still signed in");

        let callback = to_link(app, &visitor, "ordinary").await;
        let linked = visitor.get(&callback).await;
        assert_eq!((linked.status, linked.location()), (303, "/me"));
        let me = visitor.get("/me").await;
        assert_eq!(notice(&me), "카카오를 연결했습니다.");
        assert_eq!((connected(app).await, app.count("members").await), (1, 1));
        assert_eq!(
            app.count("sessions WHERE kakao_access IS NOT NULL").await,
            1
        );
        // It signs in to the same member from now on, and the token goes at logout.
        let elsewhere = app.visitor();
        elsewhere.log_in_as(app, "ordinary").await;
        assert_eq!(app.count("members").await, 1);
        assert_eq!(app.live_kakao_tokens("ordinary"), 2);
        visitor
            .press("/logout", "/logout", &[("reach", "everywhere")])
            .await;
        all_paid(app).await;
        assert_eq!(app.live_kakao_tokens("ordinary"), 0);
        for (action, count) in [("kakao.unlink", 1), ("kakao.link", 1)] {
            let rows = format!("audit_events WHERE action = '{action}' AND result = 'success'");
            assert_eq!(app.count(&rows).await, count, "{action}");
        }
    });
}

// ID-4, ID-5
#[test]
fn the_last_way_in_stays() {
    stage().everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let page = visitor.get("/me/kakao/unlink").await;
        assert_eq!(page.h1(), "연결을 해제할 수 없습니다");
        assert_eq!(page.attributes(".btns a", "href"), ["/me/password", "/me"]);
        let refused = visitor.press("/me/edit", "/me/kakao/unlink", &[]).await;
        assert_eq!(
            (refused.status, refused.h1().as_str()),
            (409, "연결을 해제할 수 없습니다")
        );
        assert_eq!(connected(app).await, 1);
        // A password without an address to type beside it opens nothing.
        let nameless = app.visitor();
        nameless.log_in_as(app, "no-email").await;
        let ids = app
            .values("SELECT id AS value FROM members WHERE email IS NULL")
            .await;
        let member = kakao_gate::member::MemberId(uuid::Uuid::parse_str(&ids[0]).unwrap());
        give_password(app, member).await;
        let page = nameless.get("/me/kakao/unlink").await;
        assert_eq!(page.attributes(".btns a", "href"), ["/me/email", "/me"]);
        let refused = nameless.press("/me/edit", "/me/kakao/unlink", &[]).await;
        assert_eq!(refused.status, 409);
        assert_eq!(connected(app).await, 2);
        assert_eq!(app.emulator.count(Endpoint::Unlink), 0);
        let entries = "audit_events WHERE action = 'kakao.unlink' AND reason = 'last_way'";
        assert_eq!(app.count(entries).await, 2);
    });
    // Nor does one where there is no form to type it into.
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        give_password(app, member_with(app, "ordinary@example.com").await).await;
        let page = visitor.get("/me/kakao/unlink").await;
        assert_eq!(page.attributes(".btns a", "href"), ["/me", "/me/withdraw"]);
        let refused = visitor.press("/me/edit", "/me/kakao/unlink", &[]).await;
        assert_eq!(refused.status, 409);
    });
}

// ID-5
#[test]
fn connecting_and_disconnecting_take_a_fresh_proof() {
    stage().once(async |app| {
        let visitor = without_kakao(app, "ordinary").await;
        app.clock.advance(Duration::minutes(11));
        let page = visitor.get("/me/kakao/link").await;
        assert_eq!(page.location(), "/reauth?next=%2Fme%2Fkakao%2Flink");
        let other = app.visitor();
        other.log_in_as(app, "linked").await;
        app.clock.advance(Duration::minutes(11));
        let page = other.get("/me/kakao/unlink").await;
        assert_eq!(page.location(), "/reauth?next=%2Fme%2Fkakao%2Funlink");
        let page = other.press("/me/edit", "/me/kakao/unlink", &[]).await;
        assert_eq!(page.location(), "/reauth?next=%2Fme%2Fkakao%2Funlink");
        assert_eq!(connected(app).await, 1);
    });
}

// ID-5, CB-6
#[test]
fn only_the_session_that_wanted_to_connect_does_so() {
    stage().everywhere(async |app| {
        let visitor = without_kakao(app, "ordinary").await;
        all_paid(app).await;
        let thief = app.visitor();
        thief.log_in_as(app, "linked").await;
        let attempts = "kg-attempts";
        // Whoever brings the callback, with the very same attempt, in another session …
        let callback = to_link(app, &visitor, "long-id").await;
        thief.set_cookie(attempts, &visitor.cookie(attempts).unwrap());
        let page = thief.get(&callback).await;
        assert_eq!(page.leads_to_error(), "state_bad");
        // … or in none.
        let nobody = app.visitor();
        let callback = to_link(app, &visitor, "long-id").await;
        nobody.set_cookie(attempts, &visitor.cookie(attempts).unwrap());
        assert_eq!(nobody.get(&callback).await.leads_to_error(), "state_bad");
        assert_eq!(nobody.get("/me").await.status, 303, "and is nobody still");
        // Another session of the same member is another session, too.
        let twin = app.visitor();
        let callback = to_link(app, &visitor, "long-id").await;
        let id = member_with(app, "ordinary@example.com").await;
        assert_eq!(connected(app).await, 1, "of {id} none");
        twin.log_in_as(app, "no-email").await;
        twin.set_cookie(attempts, &visitor.cookie(attempts).unwrap());
        assert_eq!(twin.get(&callback).await.leads_to_error(), "state_bad");
        // One that has ended meanwhile does not come back to life for it.
        let callback = to_link(app, &visitor, "long-id").await;
        let kept = visitor.copy();
        visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        kept.set_cookie(attempts, &kept.cookie(attempts).unwrap());
        assert_eq!(kept.get(&callback).await.leads_to_error(), "state_bad");
        assert_eq!(
            app.count("kakao_accounts WHERE kakao_id = 1376016924426814086")
                .await,
            0
        );
        eventually("what Kakao gave is given back", async || {
            app.live_kakao_tokens("long-id") == 0
        })
        .await;
        let entries = "audit_events WHERE action = 'kakao.link' AND reason = 'other_session'";
        assert_eq!(app.count(entries).await, 4);
    });
}

// ID-5
#[test]
fn an_account_of_another_member_stays_theirs() {
    stage().everywhere(async |app| {
        let owner = app.visitor();
        owner.log_in_as(app, "linked").await;
        let visitor = without_kakao(app, "ordinary").await;
        let before = app
            .values("SELECT member_id || kakao_id AS value FROM kakao_accounts")
            .await;
        let callback = to_link(app, &visitor, "linked").await;
        let page = visitor.get(&callback).await;
        assert_eq!(page.leads_to_error(), "already_linked");
        let told = visitor.follow(&page).await;
        assert_eq!(told.status, 409);
        assert_eq!(told.h1(), "이미 다른 회원에게 연결된 카카오계정입니다");
        assert_eq!(told.attributes("main a", "href"), ["/me/kakao/link", "/me"]);
        let after = app
            .values("SELECT member_id || kakao_id AS value FROM kakao_accounts")
            .await;
        assert_eq!(before, after);
        assert_eq!(owner.get("/me").await.status, 200);
        assert_eq!(visitor.get("/me").await.status, 200);
        assert_eq!(app.count("sessions WHERE ended_at IS NULL").await, 2);
        let entries = "audit_events WHERE action = 'kakao.link' AND reason = 'already_linked'";
        assert_eq!(app.count(entries).await, 1);
        all_paid(app).await;
        assert!(
            app.emulator.world().is_linked("linked"),
            "and so does the connection"
        );
    });
}

// ID-5
#[test]
fn who_has_an_account_is_told_and_gets_no_second() {
    stage().everywhere(async |app| {
        let visitor = without_kakao(app, "ordinary").await;
        // A code of a connection that ends meanwhile would be worth nothing.
        all_paid(app).await;
        // Begun in two tabs, with two accounts.
        let first = to_link(app, &visitor, "ordinary").await;
        let second = to_link(app, &visitor, "long-id").await;
        assert_eq!(visitor.get(&first).await.location(), "/me");
        let page = visitor.get(&second).await;
        assert_eq!(page.leads_to_error(), "has_kakao");
        assert_eq!(visitor.follow(&page).await.status, 409);
        let page = visitor.get("/me/kakao/link").await;
        assert!(notice(&visitor.follow(&page).await).starts_with("회원 한 명에게"));
        assert_eq!(connected(app).await, 1);
        // A doubled callback ends where the first did.
        let again = visitor.get(&first).await;
        assert_eq!(again.location(), "/me");
    });
}

// KL-3, RL-2
#[test]
fn who_cancels_or_fails_is_who_they_were() {
    stage().once(async |app| {
        let visitor = without_kakao(app, "ordinary").await;
        // A code of a connection that ends meanwhile would be worth nothing.
        all_paid(app).await;
        let begun = visitor.get("/me/kakao/link").await;
        let state = begun.location().split("state=").nth(1).unwrap();
        let state = state.split('&').next().unwrap();
        let cancel = format!("/auth/kakao/callback?error=access_denied&state={state}");
        assert_eq!(visitor.get(&cancel).await.location(), "/me");
        app.emulator
            .fail(Endpoint::Token, Fault::Cut, Times::Always);
        let callback = to_link(app, &visitor, "ordinary").await;
        let page = visitor.get(&callback).await;
        assert_eq!(page.leads_to_error(), "kakao_down");
        let told = visitor.follow(&page).await;
        assert_eq!(
            told.attributes("main a", "href")[0],
            "/me/kakao/link",
            "not a login"
        );
        app.emulator.heal();
        let callback = to_link(app, &visitor, "under-14").await;
        assert_eq!(visitor.get(&callback).await.leads_to_error(), "under14");
        assert_eq!(visitor.get("/me").await.status, 200);
        assert_eq!(connected(app).await, 0);
    });
}

// TK-7, RL-2
#[test]
fn an_outage_of_kakao_keeps_nobody_connected_and_a_new_connection_is_left_alone() {
    let stage = stage().set("KAKAO_TIMEOUT_MS", "2000");
    stage.everywhere(async |app| {
        app.emulator
            .fail(Endpoint::Unlink, Fault::Cut, Times::Always);
        let visitor = without_kakao(app, "ordinary").await;
        let other = without_kakao(app, "linked").await;
        assert_eq!(connected(app).await, 0, "here at once");
        app.put_off_for_an_hour("kind = 'unlink_by_id'", 2).await;
        // One comes back before Kakao does: what is owed for the old connection is not to end it.
        let callback = to_link(app, &visitor, "ordinary").await;
        assert_eq!(visitor.get(&callback).await.location(), "/me");
        app.emulator.heal();
        app.clock.advance(Duration::days(1));
        app.gate().pay_debts().await.unwrap();
        all_paid(app).await;
        assert!(app.emulator.world().is_linked("ordinary"));
        assert!(!app.emulator.world().is_linked("linked"));
        assert_eq!(app.count("outbox WHERE outcome = 'superseded'").await, 1);
        // Whoever looks finds it, and why.
        let viewer = staff(app, "no-email", Role::Viewer).await;
        let page = viewer.get("/admin/outbox?state=given_up").await;
        let rows = page.texts(".record tbody tr");
        assert_eq!(rows.len(), 1);
        assert!(rows[0].contains("필요 없어짐"), "{}", rows[0]);
        assert!(rows[0].contains("connected again"), "{}", rows[0]);
        drop(other);
    });
}

// TK-7
#[test]
fn without_an_admin_key_a_token_that_is_left_ends_the_connection() {
    let stage = stage().set("KAKAO_ADMIN_KEY", "");
    stage.once(async |app| {
        without_kakao(app, "ordinary").await;
        all_paid(app).await;
        assert!(!app.emulator.world().is_linked("ordinary"));
        assert_eq!(
            app.count("outbox WHERE kind = 'unlink' AND outcome = 'done'")
                .await,
            1
        );
        // With none left nothing can be owed; here it ends all the same.
        let late = app.visitor();
        late.log_in_as(app, "linked").await;
        let forget = "UPDATE sessions SET kakao_access = NULL";
        app.backends().database.execute(forget);
        give_password(app, member_with(app, "linked@example.com").await).await;
        assert_eq!(unlink(&late).await.location(), "/me");
        assert_eq!(connected(app).await, 0);
        assert_eq!(app.count("outbox").await, 1);
    });
}

// ID-7, ID-8
#[test]
fn what_is_new_at_kakao_is_fetched_with_the_token_of_this_session() {
    let stage = stage().set("KAKAO_TIMEOUT_MS", "2000");
    stage.everywhere(async |app| {
        let visitor = app.visitor();
        visitor.log_in_as(app, "ordinary").await;
        let world = app.emulator.world();
        let renamed = |person: &mut Person| {
            person.nickname = "새이름".to_owned();
            person.default_picture = true;
            if let Some(email) = &mut person.email {
                email.valid = false;
            }
        };
        assert!(world.edit_person("ordinary", renamed));
        let refresh = async || {
            let page = visitor.press("/me", "/me/kakao/refresh", &[]).await;
            visitor.follow(&page).await
        };
        let me = refresh().await;
        assert_eq!(notice(&me), "카카오에서 정보를 가져왔습니다.");
        assert!(me.body.contains("새이름"));
        assert!(
            me.texts("dd").contains(&"김하늘".to_owned()),
            "the name here stays"
        );
        assert!(me.attributes(".avatar img", "src").is_empty());
        assert_eq!(app.count("kakao_accounts WHERE email_valid").await, 0);
        let entries = "audit_events WHERE action = 'kakao.refresh'";
        assert_eq!(app.count(entries).await, 1);

        app.emulator.fail(Endpoint::Me, Fault::Cut, Times::Always);
        let me = refresh().await;
        assert!(
            notice(&me).starts_with("지금은 카카오에서"),
            "{}",
            notice(&me)
        );
        app.emulator.heal();
        let somebody_else = Fault::Answer {
            status: 200,
            content_type: "application/json".to_owned(),
            body: r#"{"id":7,"kakao_account":{"profile":{"nickname":"도둑"}}}"#.to_owned(),
        };
        app.emulator
            .fail(Endpoint::Me, somebody_else, Times::Always);
        let me = refresh().await;
        assert!(notice(&me).starts_with("지금은 카카오에서"));
        assert!(!me.body.contains("도둑"));
        app.emulator.heal();

        // A token that has ended leads to Kakao, as the same person only.
        world.revoke_tokens(world.user_id("ordinary").unwrap());
        let me = refresh().await;
        assert!(notice(&me).starts_with("카카오에서 정보를 가져오려면"));
        assert_eq!(
            me.attributes(".note a.kakao", "href"),
            ["/reauth/kakao?next=%2Fme"]
        );
        app.clock.advance(Duration::hours(7));
        let me = refresh().await;
        assert!(notice(&me).starts_with("카카오에서 정보를 가져오려면"));
        assert_eq!(app.count(entries).await, 1);
    });
}
