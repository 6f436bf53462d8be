//! Who a member is: ids, standing and their rules. Pure, no input or output.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// The number Kakao knows a person by within one app (회원번호). A different app gets a
/// different number for the same person. Samples reach 19 digits, past what a JSON number in
/// JavaScript holds, so it is a 64-bit integer everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KakaoId(i64);

/// A Kakao id must be a positive 64-bit integer.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a Kakao member number")]
pub struct InvalidKakaoId;

impl KakaoId {
    /// The number itself.
    #[must_use]
    pub fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for KakaoId {
    type Error = InvalidKakaoId;

    fn try_from(number: i64) -> Result<Self, InvalidKakaoId> {
        (number > 0).then_some(Self(number)).ok_or(InvalidKakaoId)
    }
}

impl FromStr for KakaoId {
    type Err = InvalidKakaoId;

    fn from_str(text: &str) -> Result<Self, InvalidKakaoId> {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let number = plain.then(|| text.parse::<i64>().ok()).flatten();
        number.ok_or(InvalidKakaoId)?.try_into()
    }
}

impl fmt::Display for KakaoId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Our own number of a member, the same for life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberId(pub Uuid);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whether a member may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing stands in the way.
    Active,
    /// Barred by an admin, until a moment or until lifted.
    Suspended {
        /// When the suspension ends by itself; `None` means that somebody has to lift it.
        until: Option<OffsetDateTime>,
    },
}

impl Standing {
    /// Whether a member of this standing may be signed in at `now`. A suspension whose end has
    /// passed bars nobody.
    #[must_use]
    pub fn admits(&self, now: OffsetDateTime) -> bool {
        match self {
            Self::Active => true,
            Self::Suspended { until } => until.is_some_and(|end| end <= now),
        }
    }
}

/// A member as the rest of the house sees one.
#[derive(Clone, Debug)]
pub struct Member {
    /// Our number.
    pub id: MemberId,
    /// Whether the member may sign in.
    pub standing: Standing,
    /// The name to greet with; Kakao does not always give one.
    pub display_name: Option<String>,
    /// Address of the profile picture, already found acceptable.
    pub picture: Option<String>,
    /// When the member joined.
    pub created_at: OffsetDateTime,
    /// When the member last signed in.
    pub last_login_at: OffsetDateTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    // ID-6
    #[test]
    fn kakao_ids_are_positive_64_bit_integers_and_nothing_else() {
        assert_eq!(
            "1376016924426814086".parse::<KakaoId>().map(KakaoId::get),
            Ok(1_376_016_924_426_814_086)
        );
        for wrong in [
            "",
            "0",
            "-1",
            "+1",
            "1.0",
            "1e3",
            " 1",
            "９",
            "9223372036854775808",
        ] {
            assert_eq!(wrong.parse::<KakaoId>(), Err(InvalidKakaoId), "{wrong:?}");
        }
    }

    #[test]
    fn a_suspension_ends_by_itself_only_when_it_has_an_end() {
        let now = OffsetDateTime::UNIX_EPOCH + time::Duration::days(1);
        let until = |end| Standing::Suspended { until: end };
        assert!(Standing::Active.admits(now));
        assert!(until(Some(now)).admits(now));
        assert!(!until(Some(now + time::Duration::SECOND)).admits(now));
        assert!(!until(None).admits(now));
    }
}
