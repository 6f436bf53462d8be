//! Guessing passwords: slow wherever it is tried, and nobody is locked out by strangers.

use futures_util::future::join_all;
use time::Duration;

use crate::stage::email::{ANOTHER, PASSWORD, stage};
use crate::stage::page::Page;
use crate::stage::{Stage, TestApp, Visitor};

const EMAIL: &str = "hong@example.com";

/// A service that believes a proxy on this machine, so that a story can come from anywhere.
fn behind_a_proxy() -> Stage {
    stage().set("TRUSTED_PROXIES", "127.0.0.1")
}

fn somebody_at(app: &TestApp, address: &str) -> Visitor {
    let visitor = app.visitor();
    visitor.always("x-forwarded-for", address);
    visitor
}

async fn guess(visitor: &Visitor, times: usize) {
    for _ in 0..times {
        assert_eq!(visitor.knock(EMAIL, ANOTHER).await.status, 422);
    }
}

/// That the page says how long to wait, and means it.
fn is_locked(page: &Page, minutes: u64) {
    assert_eq!(page.status, 429, "{}", page.text("main"));
    let wait: u64 = page.header("retry-after").parse().unwrap();
    assert!(wait.div_ceil(60).abs_diff(minutes) <= 1, "{wait}");
    let told = page.text("#errsum a");
    let said = format!("{}분 뒤에", (wait - 1).div_ceil(60));
    assert!(told.contains(&said), "{told}");
    assert!(page.attributes("#password", "value").is_empty());
    assert_eq!(page.attributes("#email", "value"), [EMAIL]);
}

// PW-6
#[test]
fn after_five_wrong_passwords_even_the_right_one_has_to_wait() {
    stage().everywhere(async |app| {
        for known in [true, false] {
            if known {
                app.member(EMAIL).await;
            } else {
                app.backends().database.execute("DELETE FROM passwords");
                app.backends().database.execute("DELETE FROM throttles");
                app.backends().database.execute("DELETE FROM sessions");
                app.backends().database.execute("DELETE FROM members");
            }
            let visitor = app.visitor();
            guess(&visitor, 5).await;
            let before = app.hashes();
            is_locked(&visitor.knock(EMAIL, PASSWORD).await, 15);
            is_locked(&app.visitor().knock(EMAIL, PASSWORD).await, 15);
            assert_eq!(app.hashes(), before, "nothing was checked");
            app.clock.advance(Duration::minutes(14));
            is_locked(&visitor.knock(EMAIL, PASSWORD).await, 1);
            app.clock.advance(Duration::minutes(1));
            let expected = if known { 303 } else { 422 };
            assert_eq!(visitor.knock(EMAIL, PASSWORD).await.status, expected);
        }
    });
}

// PW-6
#[test]
fn guesses_made_at_once_are_not_more_than_guesses_in_a_row() {
    stage().set("PASSWORD_SLOTS", "8").everywhere(async |app| {
        app.member(EMAIL).await;
        let csrf = app.visitor().get("/login").await.csrf();
        let before = app.hashes();
        let guessers: Vec<Visitor> = (0..20).map(|_| app.visitor()).collect();
        let fields = [("email", EMAIL), ("password", ANOTHER), ("csrf", &csrf)];
        let answers = join_all(guessers.iter().map(|one| one.post("/login", &fields))).await;
        let count = |status| answers.iter().filter(|page| page.status == status).count();
        assert_eq!((count(422), count(429)), (5, 15));
        assert_eq!(app.hashes() - before, 5);
    });
}

// PW-6
#[test]
fn a_stranger_does_not_lock_out_a_browser_that_was_signed_in_before() {
    behind_a_proxy().everywhere(async |app| {
        app.member(EMAIL).await;
        let home = somebody_at(app, "198.51.100.1");
        home.enter(EMAIL, PASSWORD).await;
        home.press("/logout", "/logout", &[("reach", "here")]).await;
        let stranger = somebody_at(app, "203.0.113.9");
        guess(&stranger, 5).await;
        is_locked(&stranger.knock(EMAIL, PASSWORD).await, 15);
        is_locked(
            &somebody_at(app, "198.51.100.1")
                .knock(EMAIL, PASSWORD)
                .await,
            15,
        );
        guess(&home, 4).await;
        home.enter(EMAIL, PASSWORD).await;
        is_locked(&stranger.knock(EMAIL, PASSWORD).await, 15);
        // It is counted for itself, and what it is allowed is no more.
        home.press("/logout", "/logout", &[("reach", "here")]).await;
        let copy = home.copy();
        guess(&home, 3).await;
        guess(&copy, 2).await;
        is_locked(&home.knock(EMAIL, PASSWORD).await, 15);
        is_locked(&copy.knock(EMAIL, PASSWORD).await, 15);
    });
}

// PW-6
#[test]
fn an_account_of_ones_own_does_not_help_to_guess_that_of_others() {
    behind_a_proxy().everywhere(async |app| {
        app.member(EMAIL).await;
        app.member("evil@example.com").await;
        let evil = somebody_at(app, "203.0.113.9");
        for round in 0..5 {
            evil.enter("evil@example.com", PASSWORD).await;
            evil.press("/logout", "/logout", &[("reach", "here")]).await;
            guess(&evil, 1).await;
            let altered = evil.cookie("kg-known").unwrap();
            evil.set_cookie("kg-known", &altered.replace(['A', 'B'], "C"));
            assert!(round < 5);
        }
        is_locked(&evil.knock(EMAIL, PASSWORD).await, 15);
    });
}

// PW-6
#[test]
fn a_network_that_guesses_at_many_addresses_has_to_wait_and_others_need_not() {
    behind_a_proxy().once(async |app| {
        app.member(EMAIL).await;
        app.member("evil@example.com").await;
        let home = somebody_at(app, "203.0.113.9");
        home.enter(EMAIL, PASSWORD).await;
        home.press("/logout", "/logout", &[("reach", "here")]).await;
        let evil = somebody_at(app, "203.0.113.9");
        for at in 0..50 {
            if at % 10 == 0 {
                // The right password of one account takes back that one try and no other.
                app.visitor();
                let own = somebody_at(app, "203.0.113.9");
                own.enter("evil@example.com", PASSWORD).await;
            }
            let page = evil.knock(&format!("nobody{at}@example.com"), "x").await;
            assert_eq!(page.status, 422, "{at}");
        }
        let fresh = somebody_at(app, "203.0.113.9");
        is_locked(&fresh.knock(EMAIL, PASSWORD).await, 15);
        home.enter(EMAIL, PASSWORD).await;
        somebody_at(app, "203.0.113.10")
            .enter(EMAIL, PASSWORD)
            .await;
        let household = somebody_at(app, "2001:db8:1:2::1");
        for at in 0..50 {
            let page = household.knock(&format!("none{at}@example.com"), "x").await;
            assert_eq!(page.status, 422, "{at}");
        }
        let other_address = somebody_at(app, "2001:db8:1:2:ffff::1");
        is_locked(&other_address.knock(EMAIL, PASSWORD).await, 15);
        somebody_at(app, "2001:db8:1:3::1")
            .enter(EMAIL, PASSWORD)
            .await;
    });
}

// PW-6
#[test]
fn two_instances_share_the_count_and_a_restart_does_not_forget_it() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let other = app.another().await;
        let there = Visitor::new(&format!("http://{}", other.address()));
        let csrf = app.visitor().get("/login").await.csrf();
        let fields = [("email", EMAIL), ("password", ANOTHER), ("csrf", &csrf)];
        let ours = app.url.clone();
        let headers = [("sec-fetch-site", "same-origin"), ("origin", ours.as_str())];
        for _ in 0..3 {
            guess(&app.visitor(), 1).await;
        }
        for _ in 0..2 {
            assert_eq!(
                there.post_with("/login", &headers, &fields).await.status,
                422
            );
        }
        assert_eq!(
            there.post_with("/login", &headers, &fields).await.status,
            429
        );
        is_locked(&app.visitor().knock(EMAIL, PASSWORD).await, 15);
        other.stop().await;
        app.restart(&[]).await;
        is_locked(&app.visitor().knock(EMAIL, PASSWORD).await, 15);
    });
}

// PW-6
#[test]
fn a_clock_set_back_does_not_make_anybody_wait_for_longer() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        let visitor = app.visitor();
        guess(&visitor, 5).await;
        is_locked(&visitor.knock(EMAIL, PASSWORD).await, 15);
        app.clock.advance(-Duration::seconds(20));
        is_locked(&visitor.knock(EMAIL, PASSWORD).await, 15);
        app.clock.advance(-Duration::hours(1));
        guess(&visitor, 5).await;
        is_locked(&visitor.knock(EMAIL, PASSWORD).await, 15);
    });
}

// LG-2
#[test]
fn what_is_counted_names_neither_people_nor_addresses() {
    stage().everywhere(async |app| {
        app.member(EMAIL).await;
        guess(&app.visitor(), 1).await;
        let rows = app.values("SELECT what AS value FROM throttles").await;
        assert_eq!(rows.len(), 2, "the account and the network");
        for row in rows {
            assert_eq!(row.len(), 43, "a digest: {row}");
            assert!(!row.contains("hong") && !row.contains("127"), "{row}");
        }
        app.visitor().enter(EMAIL, PASSWORD).await;
        let left = app.values("SELECT CAST(failures AS TEXT) AS value FROM throttles");
        assert_eq!(left.await, ["1"], "of the network");
    });
}

// PW-6
#[test]
fn a_right_password_clears_the_count() {
    stage().once(async |app| {
        app.member(EMAIL).await;
        for _ in 0..3 {
            guess(&app.visitor(), 4).await;
            app.visitor().enter(EMAIL, PASSWORD).await;
        }
    });
}
