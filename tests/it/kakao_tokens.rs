//! The Kakao tokens of a session, kept useful: refreshed by one at a time, and dropped only when
//! Kakao says that they are of no use.

use std::str::FromStr as _;
use std::time::{Duration as Wait, Instant};

use futures_util::future::join_all;
use kakao_gate::emulator::{Endpoint, Fault, Times};
use kakao_gate::flow::{Gate, Holder, NoAccess, Why};
use kakao_gate::kakao;
use kakao_gate::member::MemberId;
use time::Duration;
use uuid::Uuid;

use crate::stage::{Stage, TestApp, Visitor, eventually, everywhere};

/// Somebody signed in with Kakao, and what their session is.
async fn signed_in(app: &TestApp, person: &str) -> (Visitor, Holder) {
    let visitor = app.visitor();
    visitor.log_in_as(app, person).await;
    (visitor, newest(app).await)
}

async fn newest(app: &TestApp) -> Holder {
    let newest = "SELECT id || ' ' || member_id AS value FROM sessions WHERE ended_at IS NULL \
                  ORDER BY created_at DESC, id DESC";
    let row = app.values(newest).await.swap_remove(0);
    let (session, member) = row.split_once(' ').unwrap();
    Holder {
        member: MemberId(Uuid::from_str(member).unwrap()),
        session: Uuid::from_str(session).unwrap(),
    }
}

/// Both clocks, ours and Kakao's.
fn later(app: &TestApp, by: Duration) {
    app.clock.advance(by);
    app.emulator.clock().advance(by);
}

/// How often Kakao was asked to refresh.
fn refreshes(app: &TestApp) -> usize {
    let requests = app.emulator.requests();
    let of = |grant: &str| {
        requests
            .iter()
            .filter(|one| one.value("grant_type") == Some(grant))
            .count()
    };
    of("refresh_token")
}

async fn works(app: &TestApp, token: &kakao::AccessToken) -> bool {
    app.gate().kakao.token_info(token).await.is_ok()
}

fn is_sign_in_again<T>(outcome: &Result<T, NoAccess>) -> bool {
    matches!(outcome, Err(NoAccess::SignInAgain))
}

fn why<T: std::fmt::Debug>(outcome: Result<T, NoAccess>) -> Why {
    match outcome {
        Err(NoAccess::NotNow(failure)) => failure.why,
        other => panic!("{other:?}"),
    }
}

/// Whether the session still has what it needs to get a new token.
async fn has_tokens(app: &TestApp) -> bool {
    app.count("sessions WHERE kakao_refresh IS NOT NULL").await == 1
}

// TK-3, TK-6
#[test]
fn fifty_who_need_a_token_on_two_instances_make_one_call() {
    everywhere(async |app| {
        let (_, holder) = signed_in(app, "ordinary").await;
        let other = app.another().await;
        later(app, Duration::hours(6));
        // Long enough for all fifty to be there before the answer is.
        app.emulator.fail(
            Endpoint::Token,
            Fault::Delay(Wait::from_millis(300)),
            Times::Always,
        );
        let gates: Vec<Gate> = (0..50)
            .map(|number| {
                if number % 2 == 0 {
                    app.gate()
                } else {
                    other.gate.clone()
                }
            })
            .collect();
        let tokens = join_all(gates.iter().map(|gate| gate.kakao_access(holder))).await;
        app.emulator.heal();
        assert_eq!(refreshes(app), 1);
        let first = tokens[0].as_ref().unwrap().expose().to_owned();
        for token in &tokens {
            assert_eq!(token.as_ref().unwrap().expose(), first);
        }
        assert!(works(app, tokens[0].as_ref().unwrap()).await);
        other.stop().await;
    });
}

// TK-3
#[test]
fn a_token_that_lives_is_used_as_it_is_and_refreshed_before_it_ends() {
    everywhere(async |app| {
        let (_, holder) = signed_in(app, "ordinary").await;
        let first = app.gate().kakao_access(holder).await.unwrap();
        later(app, Duration::minutes(5 * 60 + 54));
        let same = app.gate().kakao_access(holder).await.unwrap();
        assert_eq!((same.expose(), refreshes(app)), (first.expose(), 0));
        later(app, Duration::minutes(3));
        assert!(works(app, &first).await, "it has not ended yet");
        let next = app.gate().kakao_access(holder).await.unwrap();
        assert_ne!(next.expose(), first.expose());
        assert_eq!(refreshes(app), 1);
        app.gate().kakao_access(holder).await.unwrap();
        assert_eq!(refreshes(app), 1);
    });
}

// TK-3, RL-2
#[test]
fn while_kakao_has_trouble_a_token_that_still_lives_goes_on_serving() {
    everywhere(async |app| {
        let (_, holder) = signed_in(app, "ordinary").await;
        later(app, Duration::minutes(5 * 60 + 57));
        for fault in [
            Fault::Status(503),
            Fault::refuse("KOE237"),
            Fault::Malformed,
        ] {
            app.emulator.fail(Endpoint::Token, fault, Times::Always);
            let token = app.gate().kakao_access(holder).await.unwrap();
            assert!(works(app, &token).await);
            app.emulator.heal();
            // Nobody hammers a Kakao that has just failed.
            let before = refreshes(app);
            app.gate().kakao_access(holder).await.unwrap();
            assert_eq!(refreshes(app), before);
            app.clock.advance(Duration::minutes(1));
        }
        assert!(has_tokens(app).await);
    });
}

// TK-4
#[test]
fn a_refresh_token_is_kept_until_kakao_sends_another_one() {
    everywhere(async |app| {
        let (_, holder) = signed_in(app, "ordinary").await;
        let sealed = "SELECT kakao_refresh AS value FROM sessions";
        let first = app.values(sealed).await;
        later(app, Duration::hours(7));
        app.gate().kakao_access(holder).await.unwrap();
        assert_eq!(app.values(sealed).await, first, "the answer had none");
        // With less than a month to live it is replaced.
        app.clock.advance(Duration::hours(7));
        app.emulator.clock().advance(Duration::days(31));
        let id = app.emulator.world().user_id("ordinary").unwrap();
        let before = app.emulator.world().live_refresh_tokens(id);
        app.gate().kakao_access(holder).await.unwrap();
        assert_ne!(app.values(sealed).await, first);
        let after = app.emulator.world().live_refresh_tokens(id);
        assert_ne!(before, after);
        // And the new one is what we have.
        later(app, Duration::hours(7));
        let token = app.gate().kakao_access(holder).await.unwrap();
        assert!(works(app, &token).await);
    });
}

// TK-5
#[test]
fn a_refresh_token_that_is_gone_costs_the_tokens_and_not_the_session() {
    everywhere(async |app| {
        let (visitor, holder) = signed_in(app, "ordinary").await;
        let id = app.emulator.world().user_id("ordinary").unwrap();
        app.emulator.world().expire_refresh_tokens(id);
        later(app, Duration::hours(6));
        assert!(is_sign_in_again(&app.gate().kakao_access(holder).await));
        assert!(!has_tokens(app).await);
        assert_eq!(visitor.get("/me").await.status, 200);
        assert!(is_sign_in_again(&app.gate().kakao_access(holder).await));
        assert_eq!(refreshes(app), 1, "nothing is left to ask with");
        // Signing in once more makes it whole.
        visitor.log_in_as(app, "ordinary").await;
        let token = app.gate().kakao_access(newest(app).await).await.unwrap();
        assert!(works(app, &token).await);
    });
}

// TK-5, RL-1, RL-3
#[test]
fn trouble_that_may_pass_keeps_the_tokens_whatever_it_looks_like() {
    let stage = Stage::default().set("KAKAO_TIMEOUT_MS", "2000");
    stage.everywhere(async |app| {
        let (visitor, holder) = signed_in(app, "ordinary").await;
        later(app, Duration::hours(6));
        for (fault, expected) in [
            (Fault::Silence, "kakao_down"),
            (Fault::Cut, "kakao_down"),
            (Fault::Status(503), "kakao_down"),
            (Fault::refuse("KOE003"), "kakao_down"),
            (Fault::refuse("KOE237"), "kakao_limit"),
            (Fault::refuse("KOE010"), "bad_client"),
            (Fault::Malformed, "kakao_bad_reply"),
            (Fault::Html(200), "kakao_bad_reply"),
        ] {
            let before = refreshes(app);
            app.emulator
                .fail(Endpoint::Token, fault.clone(), Times::Always);
            let refused = app.gate().kakao_access(holder).await;
            assert_eq!(why(refused).id(), expected, "{fault:?}");
            assert_eq!(refreshes(app), before + 1, "{fault:?}: sent once");
            assert!(has_tokens(app).await, "{fault:?}");
            app.emulator.heal();
            let told = Instant::now();
            assert_eq!(why(app.gate().kakao_access(holder).await), Why::KakaoDown);
            assert!(told.elapsed().as_secs() < 2, "told at once while it rests");
            assert_eq!(refreshes(app), before + 1, "{fault:?}: not at once again");
            app.clock.advance(Duration::minutes(1));
        }
        assert_eq!(visitor.get("/me").await.status, 200);
        let token = app.gate().kakao_access(holder).await.unwrap();
        assert!(works(app, &token).await);
    });
}

// TK-3, RL-1
#[test]
fn fifty_who_wait_for_a_silent_kakao_make_one_call() {
    let stage = Stage::default().set("KAKAO_TIMEOUT_MS", "1000");
    stage.everywhere(async |app| {
        let (_, holder) = signed_in(app, "ordinary").await;
        later(app, Duration::hours(6));
        app.emulator
            .fail(Endpoint::Token, Fault::Silence, Times::Always);
        let gate = app.gate();
        let waiting = join_all((0..50).map(|_| gate.kakao_access(holder))).await;
        for outcome in waiting {
            assert_eq!(why(outcome), Why::KakaoDown);
        }
        assert_eq!(refreshes(app), 1);
    });
}

// TK-3, TK-5
#[test]
fn a_token_that_kakao_forgot_is_refreshed_once_and_the_call_made_again() {
    everywhere(async |app| {
        let (_, holder) = signed_in(app, "ordinary").await;
        let id = app.emulator.world().user_id("ordinary").unwrap();
        app.emulator.world().expire_access_tokens(id);
        let gate = app.gate();
        let user = gate.at_kakao(holder, async |token| gate.kakao.user(token).await);
        assert_eq!(user.await.unwrap().id.get(), id);
        assert_eq!((refreshes(app), app.emulator.count(Endpoint::Me)), (1, 3));
        // Kakao that refuses even the new one is not asked for more.
        app.emulator
            .fail(Endpoint::Me, Fault::refuse("-401"), Times::Always);
        let refused = gate.at_kakao(holder, async |token| gate.kakao.user(token).await);
        assert_eq!(why(refused.await), Why::KakaoBadReply);
        assert_eq!((refreshes(app), app.emulator.count(Endpoint::Me)), (2, 5));
        assert!(has_tokens(app).await);
    });
}

// TK-5
#[test]
fn somebody_who_was_unlinked_at_kakao_meanwhile_has_to_come_again() {
    everywhere(async |app| {
        let (visitor, holder) = signed_in(app, "ordinary").await;
        assert!(app.emulator.world().unlink_from_kakao("ordinary"));
        let gate = app.gate();
        let user = gate.at_kakao(holder, async |token| gate.kakao.user(token).await);
        assert!(is_sign_in_again(&user.await));
        assert!(!has_tokens(app).await);
        assert_eq!(visitor.get("/me").await.status, 200);
    });
}

// TK-3, SE-7
#[test]
fn a_session_that_ends_during_the_refresh_leaves_no_token_behind() {
    everywhere(async |app| {
        let (visitor, holder) = signed_in(app, "ordinary").await;
        later(app, Duration::hours(6));
        app.emulator.fail(
            Endpoint::Token,
            Fault::Delay(Wait::from_secs(3)),
            Times::Once,
        );
        let gate = app.gate();
        let refresh = tokio::spawn(async move { gate.kakao_access(holder).await });
        eventually("the refresh is under way", async || {
            app.count("sessions WHERE kakao_refreshing_until IS NOT NULL")
                .await
                == 1
        })
        .await;
        let out = visitor
            .press("/logout", "/logout", &[("reach", "here")])
            .await;
        assert_eq!(out.location(), "/logged-out");
        assert!(is_sign_in_again(&refresh.await.unwrap()));
        assert!(!has_tokens(app).await);
        assert_eq!(refreshes(app), 1);
        eventually("the new token is given back", async || {
            app.live_kakao_tokens("ordinary") == 0
        })
        .await;
    });
}

// TK-3, RL-5
#[test]
fn who_dies_in_the_middle_of_a_refresh_is_followed_by_another() {
    everywhere(async |app| {
        let (_, holder) = signed_in(app, "ordinary").await;
        later(app, Duration::hours(6));
        let now = app.clock.now() + Duration::seconds(20);
        let format =
            time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
        let until = now.format(format).unwrap();
        app.backends().database.execute(&format!(
            "UPDATE sessions SET kakao_refreshing_until = '{until}'"
        ));
        assert_eq!(why(app.gate().kakao_access(holder).await), Why::KakaoDown);
        assert_eq!(refreshes(app), 0, "it is somebody's turn");
        app.clock.advance(Duration::seconds(30));
        let token = app.gate().kakao_access(holder).await.unwrap();
        assert!(works(app, &token).await);
        assert_eq!(refreshes(app), 1);
    });
}

// TK-4, TK-5, RL-5
#[test]
fn a_replaced_token_that_was_never_written_down_costs_one_more_sign_in() {
    everywhere(async |app| {
        let (visitor, holder) = signed_in(app, "ordinary").await;
        app.clock.advance(Duration::hours(7));
        app.emulator.clock().advance(Duration::days(31));
        let old = app
            .values("SELECT kakao_refresh AS value FROM sessions")
            .await;
        app.gate().kakao_access(holder).await.unwrap();
        // As if the program had ended between Kakao's answer and our commit.
        app.backends()
            .database
            .execute(&format!("UPDATE sessions SET kakao_refresh = '{}'", old[0]));
        later(app, Duration::hours(7));
        assert!(is_sign_in_again(&app.gate().kakao_access(holder).await));
        assert!(!has_tokens(app).await);
        assert_eq!(visitor.get("/me").await.status, 200);
    });
}

// TK-3, RL-4
#[test]
fn a_database_that_is_locked_for_a_moment_does_not_lose_what_kakao_answered() {
    everywhere(async |app| {
        let (_, holder) = signed_in(app, "ordinary").await;
        app.clock.advance(Duration::hours(7));
        app.emulator.clock().advance(Duration::days(31));
        app.emulator.fail(
            Endpoint::Token,
            Fault::Delay(Wait::from_millis(600)),
            Times::Once,
        );
        let gate = app.gate();
        let refresh = tokio::spawn(async move { gate.kakao_access(holder).await });
        eventually("the refresh is under way", async || {
            app.count("sessions WHERE kakao_refreshing_until IS NOT NULL")
                .await
                == 1
        })
        .await;
        let lock = app.backends().database.lock();
        tokio::time::sleep(Wait::from_secs(4)).await;
        drop(lock);
        let token = refresh.await.unwrap().unwrap();
        assert!(works(app, &token).await);
        later(app, Duration::hours(7));
        let next = app.gate().kakao_access(holder).await.unwrap();
        assert!(
            works(app, &next).await,
            "the replaced refresh token is ours"
        );
    });
}

// TK-1, TK-2
#[test]
fn tokens_sealed_with_a_key_that_is_gone_are_none() {
    Stage::default().once(async |app| {
        let (_, holder) = signed_in(app, "ordinary").await;
        app.backends()
            .database
            .execute("UPDATE sessions SET kakao_access = 'junk'");
        assert!(is_sign_in_again(&app.gate().kakao_access(holder).await));
        assert!(!has_tokens(app).await);
        let nobody = Holder {
            session: Uuid::new_v4(),
            ..holder
        };
        assert!(is_sign_in_again(&app.gate().kakao_access(nobody).await));
    });
}
