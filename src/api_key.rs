//! Keys of servers that ask us about members and tokens: what one may be used for, and the secret,
//! which is told once.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::member::MemberId;
use crate::vault::fingerprint;

/// What a key may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Asking whether a token counts (RFC 7662).
    Introspect,
    /// Looking at members, masked.
    ReadMembers,
    /// Suspending, restoring and logging out members who are not of the administration.
    ManageMembers,
}

impl Scope {
    /// All of them, the least first.
    pub const ALL: [Self; 3] = [Self::Introspect, Self::ReadMembers, Self::ManageMembers];

    /// As it is written.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Introspect => "introspect",
            Self::ReadMembers => "members:read",
            Self::ManageMembers => "members:manage",
        }
    }

    /// The scope with that code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.code() == code)
    }
}

/// A key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its own name for itself, in the audit log.
    pub id: Uuid,
    /// What people call it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Vec<Scope>,
    /// Who made it.
    pub made_by: Option<MemberId>,
    /// When.
    pub created_at: OffsetDateTime,
    /// When it was last used, to the minute.
    pub last_used_at: Option<OffsetDateTime>,
    /// When it ends by itself.
    pub ends_at: Option<OffsetDateTime>,
    /// When somebody ended it.
    pub revoked_at: Option<OffsetDateTime>,
}

impl ApiKey {
    /// Whether it counts at `now`.
    #[must_use]
    pub fn is_live(&self, now: OffsetDateTime) -> bool {
        self.revoked_at.is_none() && self.ends_at.is_none_or(|end| now < end)
    }

    /// Whether it may be used for that.
    #[must_use]
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// What shows that somebody has the key. Debugging shows no part of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// What one begins with, so that one which leaked is recognised.
    pub const PREFIX: &'static str = "kgk_";

    /// Makes one of random bytes.
    #[must_use]
    pub fn new(random: &[u8; 32]) -> Self {
        Self(format!(
            "{}{}",
            Self::PREFIX,
            URL_SAFE_NO_PAD.encode(random)
        ))
    }

    /// Reads one; `None` for what is not shaped as one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let encoded = text.strip_prefix(Self::PREFIX)?;
        let bytes = URL_SAFE_NO_PAD.decode(encoded).ok()?;
        (bytes.len() == 32).then(|| Self(text.to_owned()))
    }

    /// What is kept of it. It is as random as a digest is long, so a plain one is enough.
    #[must_use]
    pub fn digest(&self) -> String {
        fingerprint(self.0.as_bytes())
    }

    /// The words, for whoever made it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_as_it_was_made_and_not_shown_by_accident() {
        let secret = Secret::new(&[7; 32]);
        assert_eq!(Secret::parse(secret.reveal()), Some(secret.clone()));
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        for wrong in ["", "kgk_", "kgr_BwcH", "kgk_BwcH", "KGK_AAAA", "kgk_!!!!"] {
            assert_eq!(Secret::parse(wrong), None, "{wrong}");
        }
        let longer = format!("{}A", secret.reveal());
        assert_eq!(Secret::parse(&longer), None);
    }
}
