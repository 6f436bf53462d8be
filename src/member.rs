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

/// Our own key of a member, the same for life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberId(pub Uuid);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a member may do for others, each including those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Nothing: the people whom all this is for.
    #[default]
    Member,
    /// See members, masked, and the record of their own acts.
    Viewer,
    /// Suspend, restore, log out, reveal with a reason, export masked.
    Admin,
    /// Change roles, export in full, see the whole audit log.
    Owner,
}

impl Role {
    /// Every role, the weakest first.
    pub const ALL: [Self; 4] = [Self::Member, Self::Viewer, Self::Admin, Self::Owner];

    /// Whether members of this role come into the administration at all.
    #[must_use]
    pub fn is_staff(self) -> bool {
        self > Self::Member
    }

    /// As it is stored and written into addresses and commands.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Viewer => "viewer",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The role with that code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.code() == code)
    }

    /// Whether somebody of this role may act on a member of role `other`: an owner on everybody,
    /// an admin on those below.
    #[must_use]
    pub fn outranks(self, other: Self) -> bool {
        self == Self::Owner || (self == Self::Admin && other < Self::Admin)
    }
}

/// How a member first came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// With Kakao.
    Kakao,
    /// With an email address and a password.
    Email,
}

impl Provider {
    /// Every provider.
    pub const ALL: [Self; 2] = [Self::Kakao, Self::Email];

    /// As it is stored and written into addresses.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Kakao => "kakao",
            Self::Email => "email",
        }
    }

    /// The provider with that code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.code() == code)
    }
}

/// Whether a member may sign in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Nothing stands in the way.
    Active,
    /// Joined by email and has not confirmed the address yet.
    Unconfirmed,
    /// Gone: only the number, the dates and the record of acts are left.
    Withdrawn,
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
            Self::Unconfirmed | Self::Withdrawn => false,
            Self::Suspended { until } => until.is_some_and(|end| end <= now),
        }
    }

    /// Which of the four it is.
    #[must_use]
    pub fn kind(&self) -> StandingKind {
        match self {
            Self::Active => StandingKind::Active,
            Self::Suspended { .. } => StandingKind::Suspended,
            Self::Unconfirmed => StandingKind::Unconfirmed,
            Self::Withdrawn => StandingKind::Withdrawn,
        }
    }
}

/// A [`Standing`] without its particulars, to filter and to name by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StandingKind {
    /// [`Standing::Active`].
    Active,
    /// [`Standing::Suspended`].
    Suspended,
    /// [`Standing::Unconfirmed`].
    Unconfirmed,
    /// [`Standing::Withdrawn`].
    Withdrawn,
}

impl StandingKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::Active,
        Self::Suspended,
        Self::Unconfirmed,
        Self::Withdrawn,
    ];

    /// As it is stored and written into addresses.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Unconfirmed => "unverified",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The kind with that code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// A member as the rest of the house sees one.
#[derive(Clone, Debug)]
pub struct Member {
    /// Our key.
    pub id: MemberId,
    /// The number that people say on the telephone: 1 for the first who joined.
    pub number: i64,
    /// What the member may do for others.
    pub role: Role,
    /// Whether the member may sign in.
    pub standing: Standing,
    /// The name to greet with; Kakao does not always give one.
    pub display_name: Option<String>,
    /// Address of the profile picture, already found acceptable.
    pub picture: Option<String>,
    /// The language the member chose, by its code.
    pub locale: Option<String>,
    /// When the member joined.
    pub created_at: OffsetDateTime,
    /// When the member last signed in.
    pub last_login_at: OffsetDateTime,
}

/// A member's connection to Kakao.
#[derive(Clone, Debug)]
pub struct KakaoAccount {
    /// The member's number at Kakao.
    pub id: KakaoId,
    /// When it was connected to the member here.
    pub linked_at: OffsetDateTime,
    /// Since when Kakao says that it is not connected any more.
    pub unlinked_at: Option<OffsetDateTime>,
    /// The email address Kakao gave.
    pub email: Option<String>,
    /// Whether Kakao says that the address is both verified and still this account's.
    pub email_confirmed: bool,
}

/// How somebody signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// With Kakao.
    Kakao,
    /// With an email address and a password.
    Password,
}

impl Method {
    /// As it is stored.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Kakao => "kakao",
            Self::Password => "password",
        }
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// The person signed out of it.
    Logout,
    /// The person signed it out from another device.
    OtherDevice,
    /// The same browser signed in anew.
    NewLogin,
    /// It was not used for long, or grew too old.
    Expiry,
    /// The member was suspended.
    Suspension,
    /// An admin logged the member out of everything.
    Admin,
    /// The password was changed elsewhere.
    Password,
    /// Kakao took back the word that it rested on.
    Kakao,
    /// A refresh token of it was used twice: somebody has a copy.
    Reuse,
}

/// One signed-in browser of a member.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its id; not a secret.
    pub id: Uuid,
    /// How it began.
    pub method: Method,
    /// The address it began from.
    pub ip: String,
    /// What the browser calls itself.
    pub user_agent: String,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// When it was last used, give or take a minute.
    pub last_seen_at: OffsetDateTime,
    /// When it ends if it is not used.
    pub idle_ends_at: OffsetDateTime,
    /// When it ends in any case.
    pub ends_at: OffsetDateTime,
    /// Whether it ends with the browser, and sooner than others.
    pub brief: bool,
    /// Whether it began without anybody being asked anything, so that it proves nothing.
    pub unasked: bool,
}

/// Who is asking: a live session, its member, and the member's Kakao account.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The session.
    pub session: Session,
    /// The member.
    pub member: Member,
    /// The Kakao account, when one is connected.
    pub kakao: Option<KakaoAccount>,
}

/// The longest name kept, in characters.
pub const NAME_CHARS: usize = 60;

/// Makes a name out of whatever a profile holds: no control or invisible characters (NUL stops
/// PostgreSQL, direction marks rearrange the page around them), single spaces, at most 60
/// characters. `None` when nothing is left.
#[must_use]
pub fn clean_name(text: &str) -> Option<String> {
    let visible = |c: char| {
        let invisible = matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{061c}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}');
        // The joiner inside emoji is the one invisible character that names need.
        c == '\u{200d}' || !invisible
    };
    let spaced: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| visible(*c))
        .collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let name: String = words.join(" ").chars().take(NAME_CHARS).collect();
    let name = name.trim_end().to_owned();
    name.chars().any(|c| c != '\u{200d}').then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    // ID-9
    #[test]
    fn names_keep_what_can_be_seen() {
        for (given, kept) in [
            ("  김  하늘\n", Some("김 하늘")),
            ("<b>굵게</b>", Some("<b>굵게</b>")),
            ("a\u{202e}b\0c\u{200b}", Some("ab c")),
            ("👩\u{200d}👧", Some("👩\u{200d}👧")),
            ("\u{200d}\u{200d}", None),
            (" \t\u{feff}", None),
            ("", None),
        ] {
            assert_eq!(clean_name(given).as_deref(), kept, "{given:?}");
        }
        assert_eq!(
            clean_name(&"가".repeat(100_000)).unwrap().chars().count(),
            60
        );
    }

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

    // AD-1
    #[test]
    fn owners_act_on_everybody_and_admins_on_those_below() {
        for actor in Role::ALL {
            for other in Role::ALL {
                let may = actor == Role::Owner || (actor == Role::Admin && other <= Role::Viewer);
                assert_eq!(actor.outranks(other), may, "{actor:?} on {other:?}");
            }
            assert_eq!(Role::parse(actor.code()), Some(actor));
        }
        assert_eq!(Role::parse("Owner"), None);
    }
}
