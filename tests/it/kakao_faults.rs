//! Kakao in trouble: what the person is told, and what must not happen meanwhile.

mod codes;
mod told;
mod transport;

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use kakao_gate::emulator::{
    CLIENT_SECRET, Consent, Endpoint, Fault, OTHER_CLIENT_SECRET, Person, Times,
};

use crate::stage::loopback::ClosedPort;
use crate::stage::proxy::Proxy;
use crate::stage::{Stage, everywhere};
use told::told;

/// What a callback may take (RL-1), and a little for the machine.
const CALLBACK: Duration = Duration::from_millis(10_500);

/// Settings under which a Kakao that says nothing is given up quickly: for faults that only our
/// patience ends.
fn impatient() -> Stage {
    Stage::default().set("KAKAO_TIMEOUT_MS", "400")
}

/// Settings for faults that answer by themselves, for which even a busy machine has the time.
fn patient() -> Stage {
    Stage::default()
        .set("KAKAO_TIMEOUT_MS", "2000")
        .set("KAKAO_CONNECT_TIMEOUT_MS", "1000")
}

// RL-1, RL-2, RL-4, CB-3
#[test]
fn a_login_fails_while_kakao_is_silent_and_works_right_after() {
    impatient().everywhere(async |app| {
        for endpoint in [Endpoint::Token, Endpoint::Me] {
            told(app, endpoint, Fault::Silence, "kakao_down").await;
        }
        app.visitor().log_in_as(app, "ordinary").await;
        assert_eq!(app.count("members").await, 1);
        assert_eq!(app.count("sessions").await, 1);
    });
}

// RL-1
#[test]
fn with_the_settings_of_a_fresh_installation_a_callback_ends_within_ten_seconds() {
    Stage::default().once(async |app| {
        let late = Fault::Delay(Duration::from_millis(4_500));
        app.emulator.fail(Endpoint::Token, late, Times::Once);
        told(app, Endpoint::Me, Fault::Silence, "kakao_down").await;
    });
}

// RL-1
#[test]
fn with_the_settings_of_a_fresh_installation_one_byte_a_second_is_given_up_in_time() {
    Stage::default().once(async |app| {
        let drip = Fault::Drip(Duration::from_secs(1));
        told(app, Endpoint::Token, drip, "kakao_down").await;
    });
}

// RL-1, CB-3
#[test]
fn a_read_is_repeated_once_and_a_code_never() {
    Stage::default().once(async |app| {
        let visitor = app.visitor();
        app.emulator.fail(Endpoint::Me, Fault::Cut, Times::Once);
        visitor.log_in_as(app, "ordinary").await;
        assert_eq!(app.emulator.count(Endpoint::Token), 1);
        assert_eq!(app.emulator.count(Endpoint::Me), 2);

        app.emulator
            .fail(Endpoint::Me, Fault::Malformed, Times::Once);
        app.visitor().log_in_as(app, "ordinary").await;
        assert_eq!(app.emulator.count(Endpoint::Me), 4);

        // Limits are not repeated into.
        app.emulator
            .fail(Endpoint::Me, Fault::RateLimit, Times::Once);
        let refused = app.visitor().log_in(app, "ordinary").await;
        assert_eq!(refused.leads_to_error(), "kakao_limit");
        assert_eq!(app.emulator.count(Endpoint::Me), 5);

        // The code was spent although the answer was lost: it is not sent again.
        let lost = Fault::Cut.after_effect();
        app.emulator.fail(Endpoint::Token, lost, Times::Once);
        let refused = app.visitor().log_in(app, "ordinary").await;
        assert_eq!(refused.leads_to_error(), "kakao_down");
        assert_eq!(app.emulator.count(Endpoint::Token), 4);
    });
}

// RL-1, RL-2
#[test]
fn a_kakao_that_refuses_connections_is_said_to_be_down() {
    let nobody = ClosedPort::new();
    for (name, exchanged) in [("KAKAO_AUTH_URL", 0), ("KAKAO_API_URL", 1)] {
        let stage = patient().set(name, &nobody.url());
        stage.once(async |app| {
            let visitor = app.visitor();
            let began = Instant::now();
            let answer = visitor.log_in(app, "ordinary").await;
            assert!(began.elapsed() < Duration::from_secs(4));
            assert_eq!(answer.leads_to_error(), "kakao_down", "{name}");
            assert_eq!(app.emulator.count(Endpoint::Token), exchanged);
            told::page(&visitor.follow(&answer).await, "kakao_down");
            told::nothing_was_made(app).await;
        });
    }
}

// RL-1, RL-2
#[test]
fn a_kakao_that_goes_away_and_comes_back_needs_no_restart_of_ours() {
    patient().everywhere(async |app| {
        let wire = Proxy::to(app.emulator.url());
        let kakao = wire.url(app.emulator.url());
        let kakao = kakao.trim_end_matches('/');
        app.restart(&[("KAKAO_AUTH_URL", kakao), ("KAKAO_API_URL", kakao)])
            .await;
        let (member, other) = (app.visitor(), app.visitor());
        member.log_in_as(app, "ordinary").await;
        wire.refuse();
        let refused = other.log_in(app, "no-email").await;
        assert_eq!(refused.leads_to_error(), "kakao_down");
        assert_eq!(member.get("/me").await.status, 200);
        wire.admit();
        other.log_in_as(app, "no-email").await;
        wire.freeze();
        let refused = app.visitor().log_in(app, "no-email").await;
        assert_eq!(refused.leads_to_error(), "kakao_down");
        assert_eq!(member.get("/me").await.status, 200);
        wire.thaw();
        app.visitor().log_in_as(app, "no-email").await;
    });
}

// RL-2, SE-7, LG-4
#[test]
fn whoever_is_signed_in_notices_nothing_of_a_silent_kakao() {
    let stage = Stage::default()
        .set("KAKAO_TIMEOUT_MS", "3000")
        .set("KAKAO_CONCURRENT_CALLS", "2");
    stage.everywhere(async |app| {
        let member = app.visitor();
        member.log_in_as(app, "ordinary").await;
        let mut waiting = Vec::new();
        for key in ["one", "two", "three", "four"] {
            app.emulator.world().add_person(Person::named(key, "이름"));
            let visitor = app.visitor();
            let callback = visitor.to_callback(&app.emulator, key, "/me").await;
            waiting.push((visitor, callback));
        }
        for endpoint in [Endpoint::Token, Endpoint::Me, Endpoint::Logout] {
            app.emulator.fail(endpoint, Fault::Silence, Times::Always);
        }
        let logins = join_all(waiting.iter().map(async |(visitor, callback)| {
            let began = Instant::now();
            let answer = visitor.get(callback).await;
            assert_eq!(answer.leads_to_error(), "kakao_down");
            began.elapsed()
        }));
        let others = async {
            // Until both of Kakao's slots are held by a call that is not answered.
            while app.emulator.count(Endpoint::Token) < 3 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            for path in ["/me", "/me/sessions", "/", "/help", "/health/ready"] {
                let began = Instant::now();
                let page = member.get(path).await;
                assert_eq!(page.status, 200, "{path}");
                assert!(began.elapsed() < Duration::from_secs(3), "{path}");
            }
            let began = Instant::now();
            let out = member
                .press("/logout", "/logout", &[("reach", "here")])
                .await;
            assert_eq!((out.status, out.location()), (303, "/logged-out"));
            assert!(began.elapsed() < Duration::from_secs(3), "logout");
        };
        let (took, ()) = futures_util::future::join(logins, others).await;
        let turned_away = took.iter().filter(|took| **took < Duration::from_secs(2));
        assert_eq!(
            turned_away.count(),
            2,
            "two hold the slots, two are told at once: {took:?}"
        );
        assert_eq!(member.get("/me").await.status, 303);
    });
}

// KL-6, RL-2
#[test]
fn a_secret_that_kakao_no_longer_takes_costs_one_login() {
    let secrets = format!("{OTHER_CLIENT_SECRET},{CLIENT_SECRET}");
    let stage = Stage::default().set("KAKAO_CLIENT_SECRET", &secrets);
    stage.once(async |app| {
        let visitor = app.visitor();
        let refused = visitor.log_in(app, "ordinary").await;
        assert_eq!(refused.leads_to_error(), "bad_client");
        assert_eq!(app.emulator.count(Endpoint::Token), 1, "sent once only");
        told::page(&visitor.follow(&refused).await, "bad_client");
        visitor.log_in_as(app, "ordinary").await;
        app.visitor().log_in_as(app, "no-email").await;
        assert_eq!(app.emulator.count(Endpoint::Token), 3);
    });
}

// CB-2
#[test]
fn kakaos_own_words_for_the_browser_end_on_our_pages() {
    everywhere(async |app| {
        for (error, id) in [
            ("access_denied", "cancelled"),
            ("server_error", "kakao_down"),
            ("temporarily_unavailable", "kakao_down"),
            ("misconfigured", "bad_client"),
            ("unauthorized", "bad_client"),
            ("invalid_scope", "bad_client"),
        ] {
            let visitor = app.visitor();
            let begun = visitor.get("/auth/kakao").await;
            let location = url::Url::parse(begun.location()).unwrap();
            let state = location.query_pairs().find(|(name, _)| name == "state");
            let state = state.unwrap().1.into_owned();
            let back = format!(
                "/auth/kakao/callback?error={error}&error_description=secret%3Cb%3E&state={state}"
            );
            let answer = visitor.get(&back).await;
            assert_eq!((answer.status, answer.leads_to_error()), (303, id));
            let page = visitor.follow(&answer).await;
            told::page(&page, id);
            assert!(!page.body.contains("secret"), "nothing is echoed");
        }
        assert_eq!(app.emulator.count(Endpoint::Token), 0);
        let visitor = app.visitor();
        let begun = visitor.get("/auth/kakao").await;
        let back = app
            .emulator
            .authorize(begun.location(), "ordinary", Consent::Cancel);
        let answer = visitor.get(&back).await;
        assert_eq!(answer.leads_to_error(), "cancelled");
    });
}
