//! What people call the actions of the audit log.

use crate::i18n::Texts;

/// Every action there is, by its code, in the order in which a filter offers them.
pub(super) const ALL: &[&str] = &[
    "login.kakao",
    "login.password",
    "login.api",
    "api.refresh",
    "reauth.kakao",
    "reauth.password",
    "join.kakao",
    "join.email",
    "logout",
    "logout.everywhere",
    "logout.with_kakao",
    "session.end",
    "session.end_others",
    "kakao.link",
    "kakao.unlink",
    "kakao.refresh",
    "kakao.consent.ask",
    "kakao.consent.revoke",
    "password.set",
    "password.change",
    "password.forgot",
    "password.reset",
    "profile.edit",
    "email.change",
    "consent",
    "data.download",
    "withdraw",
    "member.list",
    "member.view",
    "member.reveal",
    "member.export",
    "member.suspend",
    "member.restore",
    "member.kick",
    "member.role",
    "api_key.create",
    "api_key.revoke",
    "kakao.webhook",
    "kakao.reconcile",
    "kakao.retry",
    "audit.view",
    "audit.export",
    "audit.purge",
];

/// The action with this code in words; `None` for one that this version does not know.
pub(super) fn in_words(t: Texts, code: &str) -> Option<&'static str> {
    Some(match code {
        "login.kakao" => t.ac_login_kakao(),
        "login.password" => t.ac_login_password(),
        "api_key.create" => t.ac_api_key_create(),
        "api_key.revoke" => t.ac_api_key_revoke(),
        "login.api" => t.ac_login_api(),
        "api.refresh" => t.ac_api_refresh(),
        "reauth.kakao" => t.ac_reauth(),
        "reauth.password" => t.ac_reauth_password(),
        "join.kakao" => t.ac_join(),
        "join.email" => t.ac_join_email(),
        "logout" => t.ac_logout(),
        "logout.everywhere" => t.ac_logout_everywhere(),
        "logout.with_kakao" => t.ac_logout_kakao(),
        "session.end" => t.ac_device(),
        "session.end_others" => t.ac_devices(),
        "kakao.link" => t.ac_kakao_link(),
        "kakao.unlink" => t.ac_kakao_unlink(),
        "kakao.refresh" => t.ac_kakao_refresh(),
        "kakao.consent.ask" => t.ac_consent_ask(),
        "kakao.consent.revoke" => t.ac_consent_revoke(),
        "password.set" => t.ac_password_set(),
        "password.change" => t.ac_password_change(),
        "password.forgot" => t.ac_password_forgot(),
        "password.reset" => t.ac_password_reset(),
        "profile.edit" => t.ac_profile_edit(),
        "email.change" => t.ac_email_change(),
        "consent" => t.ac_consent(),
        "data.download" => t.ac_data_download(),
        "withdraw" => t.ac_withdraw(),
        "member.list" => t.ac_list(),
        "member.view" => t.ac_view(),
        "member.reveal" => t.ac_reveal(),
        "member.export" => t.ac_export(),
        "member.suspend" => t.ac_suspend(),
        "member.restore" => t.ac_restore(),
        "member.kick" => t.ac_kick(),
        "member.role" => t.ac_role(),
        "kakao.webhook" => t.ac_kakao_webhook(),
        "kakao.reconcile" => t.ac_kakao_reconcile(),
        "kakao.retry" => t.ac_kakao_retry(),
        "audit.view" => t.ac_audit_view(),
        "audit.export" => t.ac_audit_export(),
        "audit.purge" => t.ac_audit_purge(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;
    use crate::i18n::Lang;

    /// The codes that the sources of the stories write.
    fn written(folder: &Path, codes: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                written(&path, codes);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            for word in source.split('"').skip(1).step_by(2) {
                let (kind, rest) = word.split_once('.').unwrap_or((word, ""));
                let plain = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
                let fits = match kind {
                    "logout" => rest.chars().all(plain),
                    "withdraw" | "consent" => rest.is_empty(),
                    "login" | "reauth" | "join" | "session" | "password" | "member" | "kakao"
                    | "profile" | "email" | "data" | "audit" | "api" => {
                        !rest.is_empty() && rest.chars().all(plain)
                    }
                    _ => false,
                };
                if fits {
                    codes.insert(word.to_owned());
                }
            }
        }
    }

    // AD-4
    #[test]
    fn every_action_that_is_written_has_its_words() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/flow");
        let mut codes = BTreeSet::new();
        written(&folder, &mut codes);
        assert!(codes.len() >= 10, "{codes:?}");
        let known: BTreeSet<String> = ALL.iter().map(ToString::to_string).collect();
        let unknown: Vec<_> = codes.difference(&known).collect();
        assert!(unknown.is_empty(), "{unknown:?} are not offered");
        for lang in [Lang::Ko, Lang::En] {
            let words: BTreeSet<_> = ALL
                .iter()
                .map(|code| in_words(lang.texts(), code).unwrap_or_else(|| panic!("{code}")))
                .collect();
            assert_eq!(
                words.len(),
                ALL.len(),
                "two actions share a name: {words:?}"
            );
        }
    }
}
