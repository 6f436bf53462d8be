//! Terms that people agree to on Kakao's consent screen (Kakao Sync): read after a sign-in and kept
//! with every other consent. The sign-in does not wait for it and does not fail with it; what was
//! missed is read after the next one.

use time::OffsetDateTime;

use super::Gate;
use super::kakao_tokens::NoAccess;
use crate::kakao::{AccessToken, ServiceTerm};
use crate::member::{KakaoId, MemberId};
use crate::store::consents::{self, Consent};
use crate::store::members::{self, acts};
use crate::store::{self, AnyConnection};

/// What the item of such a consent begins with; Kakao's tag follows.
const PREFIX: &str = "kakao:";

/// Kakao's terms have a tag and no version: a new text gets a new tag.
const VERSION: &str = "1";

/// A term that a member has agreed to at Kakao, or withdrawn there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KakaoTerm {
    /// What the app calls it at Kakao.
    pub tag: String,
    /// Whether they agree.
    pub agreed: bool,
    /// Since when.
    pub at: OffsetDateTime,
}

impl Gate {
    /// Reads what somebody who has just signed in agreed to, beside the request.
    pub(super) fn note_service_terms(&self, member: MemberId, id: KakaoId, token: AccessToken) {
        if !self.rules.service_terms {
            return;
        }
        let gate = self.clone();
        tokio::spawn(async move {
            if let Err(NoAccess::NotNow(failure)) = gate.record_terms(member, id, &token).await {
                let cause = failure.cause.unwrap_or_default();
                tracing::warn!(cause, member.id = %member, "service terms not recorded");
            }
        });
    }

    async fn record_terms(
        &self,
        member: MemberId,
        id: KakaoId,
        token: &AccessToken,
    ) -> Result<(), NoAccess> {
        let terms = self.kakao.service_terms(token, id).await?;
        let (gate, now) = (self.clone(), self.clock.now());
        self.store
            .write(move |connection| gate.record(connection, member, &terms, now))
            .await?;
        Ok(())
    }

    fn record(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        terms: &[ServiceTerm],
        now: OffsetDateTime,
    ) -> Result<(), store::Error> {
        acts::hold_self(connection, member)?;
        // Whoever has left meanwhile agrees to nothing any more.
        let stands = members::by_id(connection, member)?;
        if !stands.is_some_and(|member| member.standing.admits(now)) {
            return Ok(());
        }
        let known = newest(consents::of(connection, member)?);
        for consent in terms.iter().filter_map(|term| news(&known, term, now)) {
            consents::add(connection, self.random.id(now)?, member, &consent)?;
        }
        Ok(())
    }

    /// What a member said last of every term at Kakao, as far as we were told, by tag.
    ///
    /// # Errors
    /// The store's.
    pub async fn kakao_terms(&self, member: MemberId) -> Result<Vec<KakaoTerm>, store::Error> {
        let all = self
            .store
            .read(move |connection| consents::of(connection, member));
        let mut terms = newest(all.await?);
        terms.sort_by(|one, other| one.tag.cmp(&other.tag));
        Ok(terms)
    }
}

/// The newest of each.
fn newest(all: Vec<Consent>) -> Vec<KakaoTerm> {
    let mut newest: Vec<KakaoTerm> = Vec::new();
    for consent in all {
        let Some(tag) = consent.item.strip_prefix(PREFIX) else {
            continue;
        };
        let term = KakaoTerm {
            tag: tag.to_owned(),
            agreed: consent.agreed,
            at: consent.at,
        };
        match newest.iter_mut().find(|known| known.tag == term.tag) {
            Some(known) => *known = term,
            None => newest.push(term),
        }
    }
    newest
}

/// What is to be written down of a term, if it is new to us: an agreement with the time that Kakao
/// tells, a withdrawal, of which it tells none, with the time we heard of it.
fn news(known: &[KakaoTerm], term: &ServiceTerm, now: OffsetDateTime) -> Option<Consent> {
    let known = known.iter().find(|known| known.tag == term.tag);
    let agreed_before = known.is_some_and(|known| known.agreed);
    let at = if term.agreed {
        term.agreed_at.unwrap_or(now).min(now)
    } else {
        now
    };
    let is_news = match (agreed_before, term.agreed) {
        (true, false) => true,
        (false, true) => known.is_none_or(|known| known.at < at),
        // Withdrawn and agreed to again since we last asked.
        (true, true) => {
            let again = term.agreed_at.zip(known);
            again.is_some_and(|(at, known)| known.at < at.min(now))
        }
        (false, false) => false,
    };
    is_news.then(|| Consent {
        item: format!("{PREFIX}{}", term.tag),
        version: VERSION.to_owned(),
        agreed: term.agreed,
        at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: OffsetDateTime = time::macros::datetime!(2026-03-02 12:00 UTC);

    fn at(hours: i64) -> OffsetDateTime {
        NOON + time::Duration::hours(hours)
    }

    fn told(agreed: bool, agreed_at: Option<OffsetDateTime>) -> ServiceTerm {
        ServiceTerm {
            tag: "t".to_owned(),
            agreed,
            agreed_at,
        }
    }

    fn known(agreed: bool, at: OffsetDateTime) -> Vec<KakaoTerm> {
        let tag = "t".to_owned();
        vec![KakaoTerm { tag, agreed, at }]
    }

    // LG-7
    #[test]
    fn only_what_is_new_is_written_down_with_the_time_kakao_tells() {
        let now = at(9);
        for (known, term, expected) in [
            (vec![], told(true, Some(at(1))), Some((true, at(1)))),
            (vec![], told(true, None), Some((true, now))),
            (vec![], told(false, None), None),
            (known(true, at(1)), told(true, Some(at(1))), None),
            (known(true, at(1)), told(true, None), None),
            (known(true, at(1)), told(false, None), Some((false, now))),
            (
                known(true, at(1)),
                told(true, Some(at(3))),
                Some((true, at(3))),
            ),
            (known(false, at(2)), told(false, None), None),
            (
                known(false, at(2)),
                told(true, Some(at(3))),
                Some((true, at(3))),
            ),
            // An answer from before the withdrawal, come late.
            (known(false, at(2)), told(true, Some(at(1))), None),
            // A clock at Kakao that is ahead of ours.
            (vec![], told(true, Some(at(10))), Some((true, now))),
        ] {
            let found = news(&known, &term, now).map(|consent| (consent.agreed, consent.at));
            assert_eq!(found, expected, "{known:?} {term:?}");
        }
    }

    #[test]
    fn what_was_said_last_of_a_term_counts_and_other_consents_are_not_kakaos() {
        let said = |item: &str, agreed, hours| Consent {
            item: item.to_owned(),
            version: VERSION.to_owned(),
            agreed,
            at: at(hours),
        };
        let newest = newest(vec![
            said("terms", true, 1),
            said("kakao:a", true, 1),
            said("kakao:b", true, 1),
            said("kakao:a", false, 2),
        ]);
        let told: Vec<_> = newest
            .iter()
            .map(|term| (term.tag.as_str(), term.agreed))
            .collect();
        assert_eq!(told, [("a", false), ("b", true)]);
    }
}
