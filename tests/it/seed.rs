//! The people of the demo and of load tests: always the same, and nobody's.

use std::collections::BTreeSet;

use kakao_gate::clock::Clock;
use kakao_gate::member::{Provider, Role, StandingKind};
use kakao_gate::seed;
use kakao_gate::store::bulk::Person;
use time::{Duration, OffsetDateTime};

fn people(count: usize, seed: u64) -> (Vec<Person>, OffsetDateTime) {
    let now = Clock::system().now();
    (seed::people(count, now, seed).collect(), now)
}

#[test]
fn the_same_seed_makes_the_same_people_and_another_makes_others() {
    let now = Clock::system().now();
    let told = |seed| {
        let people = seed::people(300, now, seed);
        people
            .map(|person| format!("{person:?}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(told(1), told(1));
    assert_ne!(told(1), told(2));
}

#[test]
fn three_hundred_people_show_everything_that_a_page_can_show() {
    let (people, now) = people(300, 1);
    for kind in StandingKind::ALL {
        assert!(
            people.iter().any(|person| person.standing.kind() == kind),
            "{kind:?}"
        );
    }
    for provider in Provider::ALL {
        assert!(people.iter().any(|person| person.provider == provider));
    }
    for role in [Role::Viewer, Role::Admin] {
        assert!(people.iter().any(|person| person.role == role), "{role:?}");
    }
    assert!(people.iter().all(|person| person.role != Role::Owner));
    assert!(people.iter().any(|person| !person.devices.is_empty()));
    let acts: BTreeSet<_> = people
        .iter()
        .flat_map(|person| &person.acts)
        .map(|act| act.action)
        .collect();
    assert!(acts.contains("join.kakao") && acts.contains("login.kakao"));
    assert!(acts.contains("member.suspend"), "{acts:?}");
    let spread = people[299].joined - people[0].joined;
    assert!(spread > Duration::days(80), "{spread}");
    assert!(people[299].joined <= now);
}

// LG-6
#[test]
fn nobody_is_reachable_and_those_who_left_have_left_nothing() {
    let (people, now) = people(5_000, 3);
    let mut addresses = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for person in people {
        assert!(ids.insert(person.id.0));
        assert!(
            person.joined <= person.seen && person.seen <= now,
            "{person:?}"
        );
        if let Some(email) = &person.email {
            let domain = email.rsplit('@').next().unwrap();
            assert!(
                ["example.com", "example.net", "example.org"].contains(&domain),
                "{email}"
            );
            assert!(
                email.is_ascii() && addresses.insert(email.clone()),
                "{email}"
            );
        }
        if person.standing.kind() == StandingKind::Withdrawn {
            assert!(person.name.is_none() && person.email.is_none() && person.kakao_id.is_none());
            assert!(person.devices.is_empty() && person.withdrawn.is_some());
        }
        for device in &person.devices {
            let documented = ["192.0.2.", "198.51.100.", "203.0.113.", "2001:db8:"];
            assert!(
                documented.iter().any(|net| device.ip.starts_with(net)),
                "{}",
                device.ip
            );
        }
    }
}
