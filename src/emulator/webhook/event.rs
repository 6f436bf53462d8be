//! The events of an account, as security event tokens tell them (RFC 8417; OpenID RISC and CAEP).

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::emulator::settings::AppSettings;

/// Every event that Kakao has, by where its name begins.
pub(in crate::emulator) const EVENTS: [(&str, &[&str]); 4] = [
    (
        "https://schemas.openid.net/secevent/oauth/event-type/",
        &[
            "user-linked",
            "user-unlinked",
            "user-scope-consent",
            "user-scope-withdraw",
            "tokens-revoked",
            "token-issued",
            "token-revoked",
        ],
    ),
    (
        "https://schemas.openid.net/secevent/risc/event-type/",
        &[
            "account-credential-change-required",
            "account-purged",
            "account-disabled",
            "account-enabled",
            "credential-compromise",
            "identifier-changed",
            "identifier-recycled",
            "sessions-revoked",
        ],
    ),
    (
        "https://schemas.openid.net/secevent/caep/event-type/",
        &["assurance-level-change", "credential-change"],
    ),
    (
        "https://schemas.kakao.com/platevent/kakao/event-type/",
        &["user-profile-changed"],
    ),
];

/// The claims of a token about one event, named in short or in full. `names` become `jti` and
/// `txm`.
pub(in crate::emulator) fn claims(
    app: &AppSettings,
    issuer: &str,
    user_id: i64,
    event: &str,
    names: [String; 2],
    now: OffsetDateTime,
) -> Value {
    let subject = user_id.to_string();
    let mut details = json!({
        "subject": {"subject_type": "iss-sub", "iss": issuer, "sub": subject},
    });
    if let Some(details) = details
        .as_object_mut()
        .filter(|_| short(event) == "user-unlinked")
    {
        details.insert("reason".to_owned(), json!("UNLINK_FROM_APPS"));
    }
    let [jti, txm] = names;
    let audience = app.rest_keys.first().map(|key| key.key.as_str());
    let events: Map<_, _> = [(in_full(event), details)].into_iter().collect();
    json!({
        "iss": issuer,
        "aud": audience,
        "sub": subject,
        "iat": now.unix_timestamp(),
        "toe": now.unix_timestamp(),
        "jti": jti,
        "txm": txm,
        "app_id": app.app_id.to_string(),
        "events": events,
    })
}

/// The short name of the first event of a token.
pub(super) fn name_of(claims: &Value) -> String {
    let events = claims.get("events").and_then(Value::as_object);
    let event = events.and_then(|events| events.keys().next());
    event.map_or_else(String::new, |event| short(event).to_owned())
}

fn in_full(event: &str) -> String {
    for (prefix, names) in EVENTS {
        if names.contains(&event) {
            return format!("{prefix}{event}");
        }
    }
    event.to_owned()
}

fn short(event: &str) -> &str {
    event.rsplit('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::settings::Settings;

    fn told(event: &str) -> Value {
        let app = Settings::seeded("http://127.0.0.1:1").app;
        let names = ["j".to_owned(), "t".to_owned()];
        let now = OffsetDateTime::UNIX_EPOCH;
        claims(&app, "http://127.0.0.1:2", 7, event, names, now)
    }

    #[test]
    fn an_event_is_named_in_full_whichever_way_it_was_asked_for() {
        let long = "https://schemas.openid.net/secevent/risc/event-type/account-purged";
        assert_eq!(told("account-purged"), told(long));
        assert_eq!(name_of(&told(long)), "account-purged");
        assert!(told("https://example.com/new")["events"]["https://example.com/new"].is_object());
    }

    #[test]
    fn a_token_names_the_person_twice_and_a_reason_only_where_kakao_does() {
        let claims = told("user-unlinked");
        let event =
            &claims["events"]["https://schemas.openid.net/secevent/oauth/event-type/user-unlinked"];
        assert_eq!(
            (&claims["sub"], &event["subject"]["sub"]),
            (&json!("7"), &json!("7"))
        );
        assert_eq!(event["reason"], "UNLINK_FROM_APPS");
        assert_eq!(claims.get("exp"), None);
        let other = told("tokens-revoked");
        let event =
            &other["events"]["https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked"];
        assert_eq!(event.get("reason"), None);
    }

    #[test]
    fn there_are_eighteen_events_of_different_names() {
        let mut names: Vec<_> = EVENTS.iter().flat_map(|(_, names)| *names).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 18);
    }
}
