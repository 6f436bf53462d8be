//! Session rows: the authority on who is signed in.

use kakao_gate::member::{EndedBy, Role};
use kakao_gate::store::AnyConnection;
use kakao_gate::store::sessions::{self, Found};
use time::Duration;
use uuid::Uuid;

use super::{APP, everywhere};

// SE-4, SE-7
#[test]
fn a_session_ends_once_and_hands_out_its_token_once() {
    everywhere(async |instances| {
        let now = instances.now;
        let member = instances.member(1).await;
        let id = instances.session(&member, Duration::ZERO).await;
        let owner = member.id;
        let ended = instances
            .race(|_| {
                move |c: &mut AnyConnection| sessions::end(c, owner, id, EndedBy::Logout, now)
            })
            .await;
        let tokens: Vec<_> = ended
            .into_iter()
            .flatten()
            .map(|ended| ended.kakao_access)
            .collect();
        assert_eq!(
            tokens,
            [Some(("sealed".to_owned(), now + Duration::hours(6)))]
        );
        assert!(matches!(
            instances.found(id).await,
            Found::Ended(EndedBy::Logout, Role::Member)
        ));
        let kept = "SELECT count(*) AS number FROM sessions
            WHERE kakao_access IS NOT NULL OR kakao_refresh IS NOT NULL";
        assert_eq!(instances.database().number(kept), 0);
    });
}

// SE-4, SE-8
#[test]
fn ending_all_others_from_many_browsers_at_once_ends_each_session_once() {
    everywhere(async |instances| {
        let now = instances.now;
        let member = instances.member(1).await;
        let stranger = instances.member(2).await;
        let theirs = instances.session(&stranger, Duration::ZERO).await;
        let mut ids = Vec::new();
        for _ in 0..40 {
            ids.push(instances.session(&member, Duration::ZERO).await);
        }
        let owner = member.id;
        let ended = instances
            .race(|racer| {
                let mine = Some(ids[racer]);
                move |c: &mut AnyConnection| {
                    sessions::end_all(c, owner, mine, EndedBy::OtherDevice, now)
                }
            })
            .await;
        let mut ended: Vec<_> = ended.into_iter().flatten().map(|ended| ended.id).collect();
        let all = ended.len();
        ended.sort_unstable();
        ended.dedup();
        assert_eq!(ended.len(), all, "none twice");
        assert!(all >= 39);
        assert!(matches!(instances.found(theirs).await, Found::Live(_)));
    });
}

// SE-5
#[test]
fn nothing_brings_an_ended_session_back() {
    everywhere(async |instances| {
        let now = instances.now;
        let member = instances.member(1).await;
        let id = instances.session(&member, Duration::ZERO).await;
        let owner = member.id;
        instances
            .write(move |c| sessions::end(c, owner, id, EndedBy::Logout, now))
            .await;
        let much_later = now + Duration::days(1);
        instances
            .write(move |c| sessions::touch(c, id, now, much_later))
            .await;
        assert!(matches!(instances.found(id).await, Found::Ended(..)));
        let again = instances.write(move |c| sessions::end(c, owner, id, EndedBy::Logout, now));
        assert!(again.await.is_none());
    });
}

// SE-2, SE-3
#[test]
fn a_session_is_found_by_id_and_secret_until_either_of_its_ends() {
    everywhere(async |instances| {
        let now = instances.now;
        let member = instances.member(1).await;
        let live = instances.session(&member, Duration::minutes(119)).await;
        let idle = instances.session(&member, Duration::hours(2)).await;
        assert!(matches!(instances.found(live).await, Found::Live(_)));
        assert!(matches!(
            instances.found(idle).await,
            Found::Ended(EndedBy::Expiry, Role::Member)
        ));
        assert!(matches!(
            instances.found(Uuid::new_v4()).await,
            Found::Unknown
        ));
        let wrong = instances.write(move |c| sessions::find(c, live, "other", APP, now));
        assert!(matches!(wrong.await, Found::Unknown));

        // However busy, a day is the end.
        let busy = instances.session(&member, Duration::days(1)).await;
        let (soon, ago) = (now + Duration::hours(2), now - Duration::minutes(1));
        instances
            .write(move |c| sessions::touch(c, busy, ago, soon))
            .await;
        assert!(matches!(
            instances.found(busy).await,
            Found::Ended(EndedBy::Expiry, Role::Member)
        ));
        let live = instances.write(move |c| sessions::count_live(c, now)).await;
        assert_eq!(live, 1);
    });
}

#[test]
fn moments_keep_their_microseconds() {
    everywhere(async |instances| {
        let member = instances.member(1).await;
        assert_eq!(member.created_at, instances.now);
        assert_eq!(member.last_login_at, instances.now);
        let id = instances
            .session(&member, Duration::microseconds(999_999))
            .await;
        let Found::Live(signed_in) = instances.found(id).await else {
            panic!("signed in");
        };
        let begun = instances.now - Duration::microseconds(999_999);
        assert_eq!(signed_in.session.created_at, begun);
        assert_eq!(signed_in.session.idle_ends_at, begun + Duration::hours(2));
    });
}
