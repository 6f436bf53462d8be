//! The process: how it starts, ends when asked, and what is left when it is killed (RL-5).

use std::cell::Cell;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use futures_util::future::{join, join_all};
use kakao_gate::emulator::{Endpoint, Fault, Person, Times};
use reqwest::Method;

use crate::stage::backends::Database;
use crate::stage::{Backends, Service, Visitor};

/// Tells the story of a service in a process of its own, on every pair of backends.
fn everywhere(story: impl AsyncFn(&mut Service)) {
    for backends in Backends::available() {
        println!("on {backends}");
        actix_web::rt::System::new().block_on(async {
            let mut service = Service::start(backends, &[]).await;
            story(&mut service).await;
        });
    }
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !done() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

// RL-5
#[test]
fn asked_to_stop_an_idle_service_ends_at_once_and_without_complaint() {
    for signal in ["TERM", "INT", "QUIT"] {
        actix_web::rt::System::new().block_on(async {
            let mut service = Service::start(Backends::built_in(), &[]).await;
            assert_eq!(service.visitor().get("/login").await.status, 200);
            let asked = Instant::now();
            service.process.signal(signal);
            assert_eq!(service.process.end(), Some(0), "{signal}");
            assert!(asked.elapsed() < Duration::from_secs(5), "{signal}");
            assert!(service.process.err().contains("stopped"), "{signal}");
        });
    }
}

// RL-5
#[test]
fn a_login_under_way_is_finished_after_the_signal_and_nobody_new_is_let_in() {
    for signal in ["TERM", "INT"] {
        everywhere(async |service| {
            service.emulator.fail(
                Endpoint::Me,
                Fault::Delay(Duration::from_millis(1_500)),
                Times::Once,
            );
            let visitor = service.visitor();
            let callback = visitor
                .to_callback(&service.emulator, "ordinary", "/me")
                .await;
            let address = service.url.trim_start_matches("http://").to_owned();
            let (page, ()) = join(visitor.get(&callback), async {
                until("Kakao is asked", || {
                    service.emulator.count(Endpoint::Me) == 1
                })
                .await;
                service.process.signal(signal);
                until("nobody is let in", || TcpStream::connect(&address).is_err()).await;
                assert!(
                    service.process.runs(),
                    "{signal}: the login is still under way"
                );
            })
            .await;
            assert_eq!((page.status, page.location()), (303, "/me"), "{signal}");

            let answered = Instant::now();
            assert_eq!(service.process.end(), Some(0), "{signal}");
            assert!(answered.elapsed() < Duration::from_secs(5), "{signal}");
            let live = "SELECT count(*) AS number FROM sessions WHERE ended_at IS NULL";
            assert_eq!(service.backends().database.number(live), 1, "{signal}");

            service.start_again().await;
            assert_eq!(visitor.get("/me").await.status, 200, "{signal}");
        });
    }
}

// RL-5, ID-1
#[test]
fn killed_in_the_middle_of_logins_it_leaves_nothing_half_done() {
    everywhere(async |service| {
        let people: Vec<String> = (0..10).map(|number| format!("person-{number}")).collect();
        for key in &people {
            service.emulator.world().add_person(Person::named(key, key));
        }
        // Each person twice: first logins of one person race one another, too.
        for kill_after in [0, 4, 11] {
            let mut browsers = Vec::new();
            for key in people.iter().chain(&people) {
                let visitor = service.visitor();
                let callback = visitor.to_callback(&service.emulator, key, "/me").await;
                browsers.push((visitor, callback));
            }
            for step in 0..20 {
                let late = Fault::Delay(Duration::from_millis(5 * step));
                service.emulator.fail(Endpoint::Me, late, Times::Once);
            }
            let answered = Cell::new(0);
            let asked = service.emulator.count(Endpoint::Me);
            let (signed_in, ()) = join(
                join_all(browsers.iter().map(|(visitor, callback)| {
                    let answered = &answered;
                    async move {
                        let page = visitor.try_send(Method::GET, callback, &[], None).await;
                        let done = page.is_ok_and(|page| page.location() == "/me");
                        answered.set(answered.get() + usize::from(done));
                        done
                    }
                })),
                async {
                    until("some are signed in", || {
                        answered.get() >= kill_after && service.emulator.count(Endpoint::Me) > asked
                    })
                    .await;
                    service.process.signal("KILL");
                },
            )
            .await;
            assert!(answered.get() >= kill_after);
            assert_eq!(service.process.end(), None);
            service.emulator.heal();
            service.start_again().await;
            nothing_is_half_done(&service.backends().database);
            for ((visitor, _), signed_in) in browsers.iter().zip(signed_in) {
                if signed_in {
                    assert_eq!(
                        visitor.get("/me").await.status,
                        200,
                        "an answer was a promise"
                    );
                }
            }
        }
        for key in &people {
            log_in(service, key).await;
        }
        let database = &service.backends().database;
        nothing_is_half_done(database);
        assert_eq!(
            database.number("SELECT count(*) AS number FROM members"),
            10
        );
    });
}

async fn log_in(service: &Service, person: &str) -> Visitor {
    let visitor = service.visitor();
    let callback = visitor.to_callback(&service.emulator, person, "/me").await;
    let page = visitor.get(&callback).await;
    assert_eq!((page.status, page.location()), (303, "/me"), "{person}");
    assert_eq!(visitor.get("/me").await.status, 200, "{person}");
    visitor
}

/// Every member has exactly one Kakao account, every session a member, every login its entry.
fn nothing_is_half_done(database: &Database) {
    for (what, sql) in [
        (
            "members without exactly one Kakao account",
            "SELECT count(*) AS number FROM members WHERE 1 <>
                (SELECT count(*) FROM kakao_accounts WHERE member_id = members.id)",
        ),
        (
            "Kakao accounts without a member",
            "SELECT count(*) AS number FROM kakao_accounts
                WHERE member_id NOT IN (SELECT id FROM members)",
        ),
        (
            "Kakao ids more than once",
            "SELECT count(*) - count(DISTINCT kakao_id) AS number FROM kakao_accounts",
        ),
        (
            "members nobody told about",
            "SELECT count(*) AS number FROM members WHERE id NOT IN
                (SELECT subject FROM audit_events WHERE result = 'success')",
        ),
        (
            "members who never had a session",
            "SELECT count(*) AS number FROM members
                WHERE id NOT IN (SELECT member_id FROM sessions)",
        ),
        (
            "sessions without sealed tokens",
            "SELECT count(*) AS number FROM sessions WHERE ended_at IS NULL
                AND (kakao_access IS NULL OR kakao_refresh IS NULL)",
        ),
        (
            "sessions whose attempt does not know of them",
            "SELECT count(*) AS number FROM sessions WHERE 'session:' || id NOT IN
                (SELECT outcome FROM attempts WHERE outcome IS NOT NULL)",
        ),
    ] {
        assert_eq!(database.number(sql), 0, "{what}");
    }
}
