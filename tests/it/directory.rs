//! The member directory against a plain list in memory, on both databases.

use std::collections::BTreeSet;

use kakao_gate::config::{Config, Database, Environment};
use kakao_gate::member::{MemberId, Provider, Role, Standing, StandingKind};
use kakao_gate::store::bulk::{self, Person};
use kakao_gate::store::directory::{self, COUNT_CAP, Card, Count, Filter, Order, Sort};
use kakao_gate::store::{self, Error, Store};
use kakao_gate::vault::Vault;
use kakao_gate::{clock::Clock, seed};
use time::{Duration, OffsetDateTime};

use crate::stage::{Backends, Program};

/// Enough for every way to read: many meet some conditions, few meet others.
const MEMBERS: usize = 3_000;

/// A database with members, and the same members as a list.
struct Hall {
    store: Store,
    database: Database,
    cards: Vec<Card>,
    now: OffsetDateTime,
}

fn config(backends: &Backends) -> Config {
    let settings = Program::gate_with_settings().settings;
    let environment: Environment = settings.into_iter().chain(backends.settings()).collect();
    environment.read().unwrap().0
}

fn everywhere(people: impl Fn(OffsetDateTime) -> Vec<Person>, story: impl AsyncFn(&Hall)) {
    for backends in Backends::available() {
        println!("on {backends}");
        let config = config(&backends);
        let vault = Vault::new(&config.secret_keys).unwrap();
        store::migrate(&config.database, &vault).unwrap();
        // As fine as the databases keep it.
        let now = Clock::system().now().truncate_to_millisecond();
        let people = people(now);
        let cards = people
            .iter()
            .zip(1..)
            .map(|(person, number)| card(person, number));
        let cards = cards.collect();
        bulk::add(&config.database, 1, None, people.into_iter(), |_| {}).unwrap();
        let hall = Hall {
            store: Store::open(&config.database, 4),
            database: config.database,
            cards,
            now,
        };
        actix_web::rt::System::new().block_on(story(&hall));
    }
}

fn card(person: &Person, number: i64) -> Card {
    Card {
        id: person.id,
        number,
        role: person.role,
        standing: person.standing.clone(),
        version: 1,
        provider: person.provider,
        display_name: person.name.clone(),
        email: person.email.clone(),
        created_at: person.joined,
        last_login_at: person.seen,
        withdrawn_at: person.withdrawn,
    }
}

/// Somebody of this name who joined `now`.
fn person(name: &str, now: OffsetDateTime) -> Person {
    Person {
        id: MemberId(uuid::Uuid::new_v4()),
        name: Some(name.to_owned()),
        email: None,
        email_confirmed: false,
        provider: Provider::Email,
        role: Role::Member,
        standing: Standing::Active,
        standing_reason: None,
        joined: now,
        seen: now,
        withdrawn: None,
        kakao_id: None,
        devices: Vec::new(),
        acts: Vec::new(),
    }
}

impl Hall {
    /// The numbers that a look through the list finds, in order.
    fn naive(&self, filter: &Filter, sort: Sort) -> Vec<i64> {
        let meets = |card: &&Card| {
            let name = card
                .display_name
                .as_deref()
                .unwrap_or_default()
                .to_lowercase();
            let any = |asked: bool, none: bool| asked || none;
            filter
                .name
                .as_ref()
                .is_none_or(|part| name.contains(&part.to_lowercase()))
                && filter.number.is_none_or(|number| number == card.number)
                && filter.email.as_ref().is_none_or(|email| {
                    let theirs = card.email.as_ref().map(|email| email.to_lowercase());
                    theirs == Some(email.trim().to_lowercase())
                })
                && any(
                    filter.standings.contains(&card.standing.kind()),
                    filter.standings.is_empty(),
                )
                && any(filter.roles.contains(&card.role), filter.roles.is_empty())
                && any(
                    filter.providers.contains(&card.provider),
                    filter.providers.is_empty(),
                )
                && filter
                    .joined_from
                    .is_none_or(|from| card.created_at >= from)
                && filter
                    .joined_before
                    .is_none_or(|before| card.created_at < before)
        };
        let mut found: Vec<&Card> = self.cards.iter().filter(meets).collect();
        found.sort_by_key(|card| {
            let name = card
                .display_name
                .as_deref()
                .unwrap_or_default()
                .to_lowercase();
            match sort.by {
                Order::Number => (String::new(), None, card.number),
                Order::Name => (name, None, card.number),
                Order::Joined => (String::new(), Some(card.created_at), card.number),
                Order::Seen => (String::new(), Some(card.last_login_at), card.number),
            }
        });
        if sort.descending {
            found.reverse();
        }
        found.into_iter().map(|card| card.number).collect()
    }

    async fn count(&self, filter: &Filter, cap: i64) -> Count {
        let filter = filter.clone();
        let counted = self
            .store
            .read(move |c| directory::count_up_to(c, &filter, cap));
        counted.await.unwrap()
    }

    async fn page(&self, filter: &Filter, sort: Sort, offset: i64, limit: i64) -> Vec<Card> {
        let filter = filter.clone();
        let page = self
            .store
            .read(move |c| directory::list(c, &filter, sort, offset, limit));
        page.await.unwrap()
    }

    /// Holds count, first page, last page and batches of `filter` in this order to the list.
    async fn agrees(&self, filter: &Filter, sort: Sort) {
        let expected = self.naive(filter, sort);
        let told = format!("{filter:?} {sort:?}");
        let total = i64::try_from(expected.len()).unwrap();
        assert_eq!(
            self.count(filter, COUNT_CAP).await,
            Count::Exactly(total),
            "{told}"
        );
        let last = (total - 1).max(0) / 20 * 20;
        for offset in [0, last, total + 20] {
            let page = self.page(filter, sort, offset, 20).await;
            let numbers: Vec<i64> = page.iter().map(|card| card.number).collect();
            let skipped = usize::try_from(offset).unwrap();
            let there: Vec<i64> = expected.iter().copied().skip(skipped).take(20).collect();
            assert_eq!(numbers, there, "{told} from {offset}");
        }
    }
}

const EVERY_SORT: [Sort; 8] = {
    const fn sort(by: Order, descending: bool) -> Sort {
        Sort { by, descending }
    }
    [
        sort(Order::Number, false),
        sort(Order::Number, true),
        sort(Order::Name, false),
        sort(Order::Name, true),
        sort(Order::Joined, false),
        sort(Order::Joined, true),
        sort(Order::Seen, false),
        sort(Order::Seen, true),
    ]
};

fn every_filter(now: OffsetDateTime) -> Vec<Filter> {
    let none = Filter::default();
    let mut filters = vec![none.clone()];
    for kind in StandingKind::ALL {
        filters.push(Filter {
            standings: vec![kind],
            ..none.clone()
        });
    }
    for role in Role::ALL {
        filters.push(Filter {
            roles: vec![role],
            ..none.clone()
        });
    }
    for one in Provider::ALL {
        filters.push(Filter {
            providers: vec![one],
            ..none.clone()
        });
    }
    // All of something is as if nothing were said; saying it twice is as once.
    filters.push(Filter {
        roles: Role::ALL.to_vec(),
        ..none.clone()
    });
    filters.push(Filter {
        standings: vec![StandingKind::Suspended; 2],
        ..none.clone()
    });
    let names = [
        "김",
        "민",
        "김민",
        "김민준",
        "서연",
        "mina",
        "K.",
        "쀍",
        "",
        " ",
        "%",
        "_",
        "황보도",
    ];
    for name in names {
        filters.push(Filter {
            name: Some(name.into()),
            ..none.clone()
        });
    }
    for days in [1, 30, 89] {
        let from = Some(now - Duration::days(days));
        filters.push(Filter {
            joined_from: from,
            ..none.clone()
        });
        filters.push(Filter {
            joined_before: from,
            ..none.clone()
        });
    }
    let (week, month) = (now - Duration::days(7), now - Duration::days(30));
    let between = Filter {
        joined_from: Some(month),
        joined_before: Some(week),
        ..none.clone()
    };
    let nobody = Filter {
        joined_from: Some(week),
        joined_before: Some(month),
        ..none.clone()
    };
    filters.extend([between.clone(), nobody]);
    let active = vec![StandingKind::Active, StandingKind::Suspended];
    filters.extend([
        Filter {
            name: Some("김".into()),
            ..between.clone()
        },
        Filter {
            name: Some("김".into()),
            standings: active.clone(),
            ..between.clone()
        },
        Filter {
            name: Some("남궁".into()),
            standings: active.clone(),
            ..none.clone()
        },
        Filter {
            name: Some("김".into()),
            standings: vec![StandingKind::Withdrawn],
            ..none.clone()
        },
        Filter {
            standings: active,
            providers: vec![Provider::Email],
            roles: vec![Role::Member],
            ..between
        },
        Filter {
            number: Some(7),
            ..none.clone()
        },
        Filter {
            number: Some(7),
            standings: vec![StandingKind::Withdrawn],
            ..none.clone()
        },
        Filter {
            number: Some(i64::MAX),
            ..none.clone()
        },
        Filter {
            number: Some(-1),
            ..none.clone()
        },
        Filter {
            email: Some("nobody@example.com".into()),
            ..none.clone()
        },
        Filter {
            email: Some(String::new()),
            ..none
        },
    ]);
    filters
}

// AD-7
#[test]
fn every_filter_in_every_order_finds_whom_a_look_through_all_would_find() {
    let people = |now| seed::people(MEMBERS, now, 7).collect();
    everywhere(people, async |hall| {
        for filter in every_filter(hall.now) {
            for sort in EVERY_SORT {
                hall.agrees(&filter, sort).await;
            }
        }
        let met = |filter: &Filter| !hall.naive(filter, EVERY_SORT[0]).is_empty();
        let met = every_filter(hall.now)
            .iter()
            .filter(|filter| met(filter))
            .count();
        assert!(met > 30, "only {met} filters find anybody");
    });
}

// AD-7
#[test]
fn batches_lead_through_everybody_once() {
    let people = |now| seed::people(MEMBERS, now, 7).collect();
    everywhere(people, async |hall| {
        for filter in every_filter(hall.now) {
            let (mut after, mut numbers) = (0, Vec::new());
            loop {
                let asked = filter.clone();
                let batch = hall
                    .store
                    .read(move |c| directory::batch_after(c, &asked, after, 97));
                let batch = batch.await.unwrap();
                let Some(last) = batch.last() else { break };
                after = last.number;
                numbers.extend(batch.iter().map(|card| card.number));
            }
            assert_eq!(numbers, hall.naive(&filter, EVERY_SORT[0]), "{filter:?}");
        }
    });
}

// AD-7
#[test]
fn what_is_typed_is_looked_for_and_nothing_else() {
    let names = [
        "100%",
        "a_b",
        "a!b",
        "a\\b",
        "O'Neil",
        "\"quoted\"",
        "a  b",
        "*",
        "김*",
        "-- ;",
        "NEAR(a b)",
        "a AND b",
        "{}",
        "^a",
        "grams:a",
        "홍 길동",
        "홍길동",
        "가나다라마바사",
        "İstanbul",
        "ß",
        "🌤️ 맑음",
        "é",
        "e\u{301}",
        "x",
        "'); DROP TABLE members; --",
    ];
    let people = |now| names.iter().map(|name| person(name, now)).collect();
    everywhere(people, async |hall| {
        let mut parts: BTreeSet<String> = names.iter().map(|name| (*name).to_owned()).collect();
        for name in names {
            let characters: Vec<char> = name.chars().collect();
            for length in 1..=5 {
                parts.extend(characters.windows(length).map(|part| part.iter().collect()));
            }
        }
        parts.extend(
            [
                "%%",
                "__",
                "\\",
                "''",
                "\"\"",
                "길동홍",
                "aa",
                "AND",
                "a OR b",
                "가다",
                "마가",
            ]
            .map(str::to_owned),
        );
        for part in parts {
            let filter = Filter {
                name: Some(part),
                ..Filter::default()
            };
            hall.agrees(&filter, EVERY_SORT[2]).await;
        }
    });
}

// AD-7
#[test]
fn a_search_for_ten_kilobytes_or_for_nul_finds_nobody_and_breaks_nothing() {
    let people = |now| vec![person(&"가나".repeat(10), now), person("김하늘", now)];
    everywhere(people, async |hall| {
        for part in [
            "가나".repeat(5_000),
            "가나다라마바사아자차카타파하".repeat(300),
            "a".repeat(10_240),
            "%".repeat(10_240),
            "김\0하늘".to_owned(),
            "\0".to_owned(),
        ] {
            for filter in [
                Filter {
                    name: Some(part.clone()),
                    ..Filter::default()
                },
                Filter {
                    email: Some(part.clone()),
                    ..Filter::default()
                },
            ] {
                assert_eq!(hall.count(&filter, COUNT_CAP).await, Count::Exactly(0));
                assert!(hall.page(&filter, EVERY_SORT[0], 0, 20).await.is_empty());
            }
        }
        // As long as a name may be, and found.
        let all = Filter {
            name: Some("가나".repeat(10)),
            ..Filter::default()
        };
        hall.agrees(&all, EVERY_SORT[0]).await;
    });
}

// AD-7
#[test]
fn counts_stop_at_their_cap_and_pages_past_the_end_are_empty() {
    let people = |now| seed::people(500, now, 7).collect();
    everywhere(people, async |hall| {
        let all = Filter::default();
        let active = Filter {
            standings: vec![StandingKind::Active],
            ..all.clone()
        };
        let kim = Filter {
            name: Some("김".into()),
            ..all.clone()
        };
        for filter in [all.clone(), active, kim] {
            let there = i64::try_from(hall.naive(&filter, EVERY_SORT[0]).len()).unwrap();
            assert_eq!(hall.count(&filter, there - 1).await, Count::Many);
            assert_eq!(hall.count(&filter, there).await, Count::Exactly(there));
            assert_eq!(hall.count(&filter, there + 1).await, Count::Exactly(there));
        }
        for (offset, limit) in [
            (i64::MAX, 20),
            (500, i64::MAX),
            (-1, 0),
            (0, -1),
            (i64::MIN, i64::MIN),
        ] {
            assert!(
                hall.page(&all, EVERY_SORT[0], offset, limit)
                    .await
                    .is_empty()
            );
        }
        assert_eq!(hall.page(&all, EVERY_SORT[0], -5, 20).await.len(), 20);
    });
}

// AD-7
#[test]
fn an_address_is_found_whole_in_any_case_and_never_in_part() {
    let address = |now, text: &str| Person {
        email: Some(text.into()),
        ..person("김하늘", now)
    };
    let people = move |now| {
        vec![
            address(now, "Hong@Example.com"),
            address(now, "hong@example.com"),
            person("이", now),
        ]
    };
    everywhere(people, async |hall| {
        for (asked, numbers) in [
            ("hong@example.com", vec![1, 2]),
            (" HONG@EXAMPLE.COM ", vec![1, 2]),
            ("hong", vec![]),
            ("%@example.com", vec![]),
            ("", vec![]),
        ] {
            let found = hall
                .store
                .read(move |c| directory::by_email(c, asked))
                .await
                .unwrap();
            let found: Vec<i64> = found.iter().map(|card| card.number).collect();
            assert_eq!(found, numbers, "{asked}");
        }
    });
}

// AD-7
#[test]
fn without_an_index_of_names_searches_are_as_right() {
    let people = |now| seed::people(400, now, 7).collect();
    everywhere(people, async |hall| {
        let drop = match &hall.database {
            Database::Sqlite(_) => "DROP TABLE member_names",
            Database::Postgres(_) => "DROP INDEX members_grams",
        };
        let dropped = hall.store.write(move |c| {
            diesel::connection::SimpleConnection::batch_execute(c, drop)?;
            Ok::<_, Error>(())
        });
        dropped.await.unwrap();
        for filter in every_filter(hall.now) {
            hall.agrees(&filter, EVERY_SORT[2]).await;
        }
    });
}

// CF-4
#[test]
fn the_index_of_names_is_made_anew_where_it_is_lost() {
    let people = |now| seed::people(400, now, 7).collect();
    everywhere(people, async |hall| {
        if let Database::Sqlite(_) = &hall.database {
            let lost = hall.store.write(|c| {
                diesel::connection::SimpleConnection::batch_execute(c, "DROP TABLE member_names")?;
                Ok::<_, Error>(())
            });
            lost.await.unwrap();
        }
        let config = config(&Backends::built_in());
        let vault = Vault::new(&config.secret_keys).unwrap();
        for _ in 0..2 {
            store::migrate(&hall.database, &vault).unwrap();
            let kim = Filter {
                name: Some("김".into()),
                ..Filter::default()
            };
            hall.agrees(&kim, EVERY_SORT[2]).await;
        }
    });
}
