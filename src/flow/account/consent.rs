//! What a member agreed to, and the one thing that can be switched: letters with news and offers.

use time::OffsetDateTime;

use crate::flow::{Audited, Gate, Origin};
use crate::member::SignedIn;
use crate::store;
use crate::store::consents::{self, Consent};
use crate::store::members::acts;

/// The item under which consent to news and offers by email is kept.
pub const MARKETING: &str = "marketing";

/// The version of a text that never had one.
const UNVERSIONED: &str = "1";

/// The newest of what a member said about one item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// To what.
    pub item: String,
    /// To which version of its text.
    pub version: String,
    /// Whether they agree.
    pub agreed: bool,
    /// Since when.
    pub at: OffsetDateTime,
}

impl Agreed {
    /// The newest of each item, in the order in which the items were first put to the member.
    #[must_use]
    pub fn newest(all: Vec<Consent>) -> Vec<Self> {
        let mut newest: Vec<Self> = Vec::new();
        for consent in all {
            let said = Self {
                item: consent.item,
                version: consent.version,
                agreed: consent.agreed,
                at: consent.at,
            };
            match newest.iter_mut().find(|known| known.item == said.item) {
                Some(known) => *known = said,
                None => newest.push(said),
            }
        }
        newest
    }
}

impl Gate {
    /// Lets a member agree to news and offers by email, or withdraw that. Saying again what is so
    /// already changes nothing, the date included.
    ///
    /// # Errors
    /// The store's.
    pub async fn switch_marketing(
        &self,
        signed_in: &SignedIn,
        agreed: bool,
        origin: &Origin,
    ) -> Result<(), store::Error> {
        let (member, now) = (signed_in.member.id, self.clock.now());
        let (gate, from) = (self.clone(), origin.clone());
        self.store
            .write(move |connection| {
                acts::hold_self(connection, member)?;
                let said = Agreed::newest(consents::of(connection, member)?);
                let said = said.into_iter().find(|said| said.item == MARKETING);
                if said.as_ref().map_or(!agreed, |said| said.agreed == agreed) {
                    return Ok(());
                }
                let version = said.map_or_else(|| UNVERSIONED.to_owned(), |said| said.version);
                let word = if agreed { "agreed" } else { "withdrawn" };
                let detail = format!("{MARKETING} {version}: {word}");
                let consent = Consent {
                    item: MARKETING.to_owned(),
                    version,
                    agreed,
                    at: now,
                };
                consents::add(connection, gate.random.id(now)?, member, &consent)?;
                let audited = Audited {
                    detail: Some(detail),
                    ..Audited::own(member, "consent", &from)
                };
                gate.audit(connection, &[audited], now)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // LG-7
    #[test]
    fn what_was_said_last_of_an_item_counts() {
        let said = |item: &str, version: &str, agreed, day| Consent {
            item: item.to_owned(),
            version: version.to_owned(),
            agreed,
            at: time::macros::datetime!(2026-03-01 00:00 UTC) + time::Duration::days(day),
        };
        let newest = Agreed::newest(vec![
            said("terms", "1", true, 1),
            said("marketing", "1", true, 1),
            said("terms", "2", true, 2),
            said("marketing", "1", false, 3),
        ]);
        let told: Vec<_> = newest
            .iter()
            .map(|said| (said.item.as_str(), said.version.as_str(), said.agreed))
            .collect();
        assert_eq!(told, [("terms", "2", true), ("marketing", "1", false)]);
    }
}
