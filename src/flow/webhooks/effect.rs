//! What each event of Kakao's does here. `docs/operating.md` has the same table.

/// The event that the unlink webhook tells, too.
pub(super) const UNLINKED: &str = "user-unlinked";

/// What an event does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The connection is gone: what rests on it goes, unless Kakao says that it is there.
    Unlink,
    /// Sessions made by Kakao before the event end, and Kakao's tokens are erased.
    End {
        /// Whether the tokens may still work at Kakao, and are owed back.
        revoke: bool,
    },
    /// Nothing but an entry in the audit log.
    Note,
    /// Nothing: it tells of what we did ourselves, or of what nobody knows.
    Pass,
}

const TABLE: &[(&str, Effect)] = &[
    (UNLINKED, Effect::Unlink),
    ("account-purged", Effect::Unlink),
    ("account-disabled", Effect::End { revoke: true }),
    ("credential-compromise", Effect::End { revoke: true }),
    (
        "account-credential-change-required",
        Effect::End { revoke: true },
    ),
    ("sessions-revoked", Effect::End { revoke: true }),
    ("tokens-revoked", Effect::End { revoke: false }),
    ("account-enabled", Effect::Note),
    ("assurance-level-change", Effect::Note),
    ("credential-change", Effect::Note),
    ("identifier-changed", Effect::Note),
    ("identifier-recycled", Effect::Note),
    ("user-linked", Effect::Note),
    ("user-profile-changed", Effect::Note),
    ("user-scope-consent", Effect::Note),
    ("user-scope-withdraw", Effect::Note),
    ("token-issued", Effect::Pass),
    ("token-revoked", Effect::Pass),
];

/// What the event of this name does.
pub(super) fn of(event: &str) -> Effect {
    let known = TABLE.iter().find(|(name, _)| *name == event);
    known.map_or(Effect::Pass, |(_, effect)| *effect)
}

/// The name once more, for metrics, whose labels live for ever.
pub(super) fn label(event: &str) -> &'static str {
    let known = TABLE.iter().find(|(name, _)| *name == event);
    known.map_or("unknown", |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    // WH-8
    #[test]
    fn what_is_not_in_the_table_does_nothing() {
        for event in [
            "unknown",
            "",
            "user-unlinked ",
            "USER-UNLINKED",
            "verification",
        ] {
            assert_eq!(of(event), Effect::Pass, "{event}");
            assert_eq!(label(event), "unknown", "{event}");
        }
    }

    // WH-8
    #[test]
    fn the_guide_has_the_same_table() {
        let guide = include_str!("../../../docs/operating.md");
        for (event, effect) in TABLE {
            let row = guide
                .lines()
                .find(|line| line.starts_with('|') && line.contains(&format!("`{event}`")));
            let row = row.unwrap_or_else(|| panic!("{event} is not in the guide"));
            let words = match effect {
                Effect::Unlink => "connection",
                Effect::End { revoke: true } => "end and are revoked",
                Effect::End { revoke: false } => "end",
                Effect::Note => "noted",
                Effect::Pass => "nothing",
            };
            assert!(row.contains(words), "{event}: {row}");
        }
    }
}
