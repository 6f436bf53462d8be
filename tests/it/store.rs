//! The store, several instances of it racing on one database.

mod sessions;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Barrier};
use std::time::{Duration as Wait, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{join, join_all};
use kakao_gate::clock::Clock;
use kakao_gate::config::{Config, Environment};
use kakao_gate::member::{EndedBy, KakaoId, Member, MemberId, Method, Role};
use kakao_gate::random::Random;
use kakao_gate::store::attempts::{self, Claim};
use kakao_gate::store::members::{self, KakaoProfile, Newcomer};
use kakao_gate::store::outbox::{self, End, Kind, Lane, NewCall};
use kakao_gate::store::sessions::{self as rows, Found, NewSession, SealedTokens};
use kakao_gate::store::{self, AnyConnection, Error, Store};
use kakao_gate::vault::Vault;
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use crate::stage::backends::Database;
use crate::stage::{Backends, Program};

const APP: i64 = 900_001;
const RACERS: usize = 16;

/// Four programs on one database.
struct Instances {
    stores: Vec<Store>,
    backends: Backends,
    now: OffsetDateTime,
}

fn vault(config: &Config) -> Vault {
    Vault::new(&config.secret_keys).unwrap()
}

fn everywhere(story: impl AsyncFn(&Instances)) {
    for backends in Backends::available() {
        println!("on {backends}");
        let settings = Program::gate_with_settings().settings;
        let environment: Environment = settings.into_iter().chain(backends.settings()).collect();
        let (config, _) = environment.read().unwrap();
        store::migrate(&config.database, &vault(&config)).unwrap();
        let instances = Instances {
            stores: (0..4).map(|_| Store::open(&config.database, 4)).collect(),
            backends,
            now: Clock::system().now(),
        };
        actix_web::rt::System::new().block_on(story(&instances));
    }
}

impl Instances {
    fn database(&self) -> &Database {
        &self.backends.database
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, Error> + Send + 'static,
    ) -> T {
        self.stores[0].write(work).await.unwrap()
    }

    /// Sixteen transactions at once, spread over the instances.
    async fn race<T, W>(&self, work: impl Fn(usize) -> W) -> Vec<T>
    where
        T: Send + 'static,
        W: FnOnce(&mut AnyConnection) -> Result<T, Error> + Send + 'static,
    {
        let races = (0..RACERS).map(async |racer| {
            let store = &self.stores[racer % self.stores.len()];
            let mut tries = 0;
            loop {
                tries += 1;
                match store.write(work(racer)).await {
                    // Nobody sees to it that each instance has its turn at SQLite's writer lock.
                    // Whoever did not get it has done nothing, if it is that.
                    Err(Error::Unavailable(why)) if tries < 20 && why != "no answer in time" => {}
                    done => return done.unwrap(),
                }
            }
        });
        join_all(races).await
    }

    /// A member who signed in with the Kakao account of this number.
    async fn member(&self, kakao_id: i64) -> Member {
        let (profile, now) = (profile(kakao_id), self.now);
        self.write(move |connection| {
            members::sign_in_with_kakao(connection, &profile, newcomer(), now)
        })
        .await
        .member
    }

    /// A session of `member` begun `ago`, that lasts a day and two hours unused.
    async fn session(&self, member: &Member, ago: Duration) -> Uuid {
        let begun = self.now - ago;
        let session = NewSession {
            id: Uuid::new_v4(),
            secret_hash: "digest".to_owned(),
            member: member.id,
            method: Method::Kakao,
            ip: "192.0.2.1".to_owned(),
            user_agent: "a browser".to_owned(),
            created_at: begun,
            idle_ends_at: begun + Duration::hours(2),
            ends_at: begun + Duration::days(1),
            brief: false,
            unasked: false,
            kakao: Some(SealedTokens {
                access: "sealed".to_owned(),
                access_ends_at: begun + Duration::hours(6),
                refresh: "sealed too".to_owned(),
                refresh_ends_at: begun + Duration::days(60),
            }),
        };
        let id = session.id;
        self.write(move |connection| rows::insert(connection, &session))
            .await;
        id
    }

    async fn found(&self, id: Uuid) -> Found {
        let now = self.now;
        let found = self.stores[0].read(move |c| rows::find(c, id, "digest", APP, now));
        found.await.unwrap()
    }
}

fn newcomer() -> Newcomer {
    Newcomer {
        id: MemberId(Random::system().id(Clock::system().now()).unwrap()),
        role: Role::Member,
    }
}

fn profile(kakao_id: i64) -> KakaoProfile {
    KakaoProfile {
        app_id: APP,
        kakao_id: KakaoId::try_from(kakao_id).unwrap(),
        connected_at: None,
        nickname: Some("김하늘".to_owned()),
        picture: None,
        email: Some("same@example.com".to_owned()),
        email_valid: true,
        email_verified: true,
        scopes: "account_email".to_owned(),
    }
}

fn call(member: MemberId, now: OffsetDateTime) -> NewCall {
    NewCall {
        id: Uuid::new_v4(),
        kind: Kind::Logout,
        member: Some(member),
        sealed_token: "sealed".to_owned(),
        created_at: now,
        expires_at: now + Duration::hours(6),
    }
}

// ID-1
#[test]
fn first_logins_racing_from_several_instances_make_one_member() {
    everywhere(async |instances| {
        let now = instances.now;
        for kakao_id in [7, i64::MAX] {
            let members = instances
                .race(|_| {
                    move |connection: &mut AnyConnection| {
                        let id = newcomer();
                        members::sign_in_with_kakao(connection, &profile(kakao_id), id, now)
                    }
                })
                .await;
            assert!(
                members
                    .iter()
                    .all(|one| one.member.id == members[0].member.id)
            );
        }
        let count = |table| {
            let sql = format!("SELECT count(*) AS number FROM {table}");
            instances.database().number(&sql)
        };
        assert_eq!((count("members"), count("kakao_accounts")), (2, 2));
    });
}

// ID-1, ID-2
#[test]
fn two_kakao_accounts_with_one_email_are_two_members_and_so_are_two_apps() {
    everywhere(async |instances| {
        let one = instances.member(1).await;
        let two = instances.member(2).await;
        let (now, mut elsewhere) = (instances.now, profile(1));
        elsewhere.app_id += 1;
        let other_app = instances
            .write(move |c| members::sign_in_with_kakao(c, &elsewhere, newcomer(), now))
            .await;
        assert!(one.id != two.id && one.id != other_app.member.id && two.id != other_app.member.id);
        assert_eq!(instances.member(1).await.id, one.id);
    });
}

// ID-6
#[test]
fn kakao_numbers_of_all_64_bits_come_back_as_they_went() {
    everywhere(async |instances| {
        for number in [1, 1_376_016_924_426_814_086, i64::MAX] {
            let member = instances.member(number).await;
            let id = instances.session(&member, Duration::ZERO).await;
            let Found::Live(signed_in) = instances.found(id).await else {
                panic!("{number} is signed in");
            };
            assert_eq!(signed_in.kakao.unwrap().id.get(), number);
        }
    });
}

// CB-3
#[test]
fn an_attempt_is_claimed_once_and_the_others_learn_what_it_came_to() {
    everywhere(async |instances| {
        let ends = instances.now + Duration::minutes(10);
        let claim =
            |_| move |connection: &mut AnyConnection| attempts::claim(connection, "hash", ends);
        let claims = instances.race(claim).await;
        let ours = claims.iter().filter(|claim| **claim == Claim::Ours).count();
        let open = claims
            .iter()
            .filter(|claim| **claim == Claim::Taken(None))
            .count();
        assert_eq!((ours, open), (1, RACERS - 1));

        instances
            .write(|c| attempts::settle(c, "hash", "session:x"))
            .await;
        let later = instances.race(claim).await;
        assert!(
            later
                .iter()
                .all(|claim| *claim == Claim::Taken(Some("session:x".to_owned())))
        );
    });
}

#[test]
fn forgetting_leaves_what_still_matters() {
    everywhere(async |instances| {
        let now = instances.now;
        let member = instances.member(1).await;
        let live = instances.session(&member, Duration::ZERO).await;
        let ended = instances.session(&member, Duration::minutes(1)).await;
        let old = instances.session(&member, Duration::days(9)).await;
        let owner = member.id;
        instances
            .write(move |c| rows::end(c, owner, ended, EndedBy::Logout, now))
            .await;
        let before = now - Duration::days(7);
        assert_eq!(
            instances.write(move |c| rows::purge(c, before, 500)).await,
            1
        );
        assert!(matches!(instances.found(live).await, Found::Live(_)));
        assert!(matches!(instances.found(ended).await, Found::Ended(..)));
        assert!(matches!(instances.found(old).await, Found::Unknown));

        for (hash, ends) in [
            ("past", now - Duration::SECOND),
            ("open", now + Duration::SECOND),
        ] {
            instances
                .write(move |c| attempts::claim(c, hash, ends))
                .await;
        }
        assert_eq!(
            instances.write(move |c| attempts::purge(c, now, 500)).await,
            1
        );
        let open = instances
            .write(move |c| attempts::claim(c, "open", now))
            .await;
        assert_eq!(open, Claim::Taken(None), "a state in use works once");

        let long_ago = now - Duration::days(40);
        let [waiting, done] = [0, 1].map(|_| call(owner, long_ago));
        let finished = done.id;
        instances.write(move |c| outbox::owe(c, &waiting)).await;
        instances.write(move |c| outbox::owe(c, &done)).await;
        instances
            .write(move |c| outbox::finish(c, finished, End::Done, None, long_ago))
            .await;
        assert_eq!(
            instances.write(move |c| outbox::purge(c, now, 500)).await,
            1
        );
        let left = instances.write(outbox::count_waiting).await;
        assert_eq!(left, [(Kind::Logout, 1)]);
    });
}

// SE-7
#[test]
fn a_call_owed_to_kakao_is_leased_to_one_of_many_until_the_lease_runs_out() {
    everywhere(async |instances| {
        let now = instances.now;
        let member = instances.member(1).await;
        for _ in 0..20 {
            let call = call(member.id, now);
            instances.write(move |c| outbox::owe(c, &call)).await;
        }
        let until = now + Duration::minutes(1);
        let lease =
            |at| move |_| move |c: &mut AnyConnection| outbox::lease(c, Lane::Kakao, at, until, 8);
        let leased = instances.race(lease(now)).await;
        let mut ids: Vec<_> = leased.into_iter().flatten().map(|call| call.id).collect();
        while ids.len() < 20 {
            let more = instances.write(lease(now)(0)).await;
            assert!(!more.is_empty(), "every call has its turn");
            ids.extend(more.into_iter().map(|call| call.id));
        }
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 20, "none twice");
        assert!(instances.write(lease(now)(0)).await.is_empty());

        let again = instances
            .write(move |c| outbox::lease(c, Lane::Kakao, until, until, 8))
            .await;
        assert!(
            again.iter().all(|call| call.tries == 2),
            "whoever had it died"
        );
        assert_eq!(again.len(), 8);
        let late = now + Duration::hours(7);
        let expired = instances.write(move |c| outbox::expire(c, late)).await;
        assert_eq!(expired, [(Kind::Logout, 20)]);
        let again = instances.write(move |c| outbox::expire(c, late)).await;
        assert_eq!(again, [], "told once");
        let tokens = "SELECT count(*) AS number FROM outbox WHERE sealed_token <> ''";
        assert_eq!(
            instances.database().number(tokens),
            0,
            "no point in keeping them"
        );
    });
}

// RL-5
#[test]
fn work_that_fails_or_panics_keeps_nothing_and_the_next_one_works() {
    everywhere(async |instances| {
        let now = instances.now;
        let store = &instances.stores[0];
        let failed = store.write(move |connection| {
            members::sign_in_with_kakao(connection, &profile(1), newcomer(), now)?;
            Err::<(), _>(Error::Work("something else"))
        });
        assert!(matches!(failed.await, Err(Error::Work(_))));
        for _ in 0..20 {
            let panicked = store.write(move |connection| {
                members::sign_in_with_kakao(connection, &profile(2), newcomer(), now)?;
                std::panic::panic_any("on purpose");
                #[expect(unreachable_code, reason = "gives the closure its type")]
                Ok(())
            });
            assert!(AssertUnwindSafe(panicked).catch_unwind().await.is_err());
            let panicked = store.read(|_| -> Result<(), Error> { std::panic::panic_any("too") });
            assert!(AssertUnwindSafe(panicked).catch_unwind().await.is_err());
        }
        assert_eq!(instances.write(members::count).await, 0);
        instances.member(3).await;
        assert_eq!(instances.write(members::count).await, 1);
    });
}

// RL-4
#[test]
fn a_lock_that_somebody_holds_is_a_refusal_in_time_and_passes_with_the_lock() {
    everywhere(async |instances| {
        instances.member(1).await;
        let held = instances.database().lock();
        let began = Instant::now();
        let now = instances.now;
        let refused = instances.stores[1]
            .write(move |c| members::sign_in_with_kakao(c, &profile(2), newcomer(), now))
            .await
            .map(|arrived| arrived.member.id);
        assert!(
            refused.as_ref().is_err_and(Error::is_unavailable),
            "{refused:?}"
        );
        assert!(
            began.elapsed() < Wait::from_secs(4),
            "{:?}",
            began.elapsed()
        );
        drop(held);
        instances.member(2).await;
        assert_eq!(instances.write(members::count).await, 2);
    });
}

// RL-4
#[test]
fn of_two_transactions_that_wait_for_each_other_one_is_told_to_come_again() {
    everywhere(async |instances| {
        // SQLite has one writer at a time, and so nobody to wait for while writing.
        if let Database::Sqlite(_) = instances.database() {
            return;
        }
        let [one, two] = [instances.member(1).await.id, instances.member(2).await.id];
        let both_begun = Arc::new(Barrier::new(2));
        let change = |first: MemberId, second: MemberId| {
            let both_begun = Arc::clone(&both_begun);
            instances.stores[0].write(move |connection| {
                members::choose_locale(connection, first, "ko")?;
                both_begun.wait();
                members::choose_locale(connection, second, "en")
            })
        };
        let (here, there) = join(change(one, two), change(two, one)).await;
        let refused = [&here, &there].map(|result| result.as_ref().err());
        let ([Some(error), None] | [None, Some(error)]) = refused else {
            panic!("one of the two goes through: {refused:?}");
        };
        assert!(error.is_unavailable(), "{error:?}");
    });
}
