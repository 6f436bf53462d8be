//! A Security Event Token (RFC 8417): what Kakao's account webhook must look like and say.
//! [`Kakao::verify_event`](super::Kakao::verify_event) puts this and its signature together.

use serde::Deserialize;
use serde_json::{Map, Value};
use time::{Duration, OffsetDateTime};

use super::error::Error;
use super::jws::{self, Malformed, present};
use crate::member::KakaoId;

/// How far Kakao's clock and ours may differ.
const TOLERANCE: Duration = Duration::seconds(60);
/// The oldest event taken. Whoever remembers events for longer than this takes none twice.
const OLDEST: Duration = Duration::days(29);
/// Longest token accepted, in bytes; Kakao's are under 1,500.
pub const LONGEST: usize = 16_384;
/// Longest id of an event, in bytes.
const LONGEST_JTI: usize = 256;

/// Every event that Kakao names, by where the name is from.
const NAMES: &[(&str, &[&str])] = &[
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

/// The name of an event that Kakao did not have when this was written.
pub const UNKNOWN: &str = "unknown";

/// Something that happened to an account at Kakao, as Kakao signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What no other event has.
    pub jti: String,
    /// What happened: the last part of one of the names above, or [`UNKNOWN`].
    pub name: &'static str,
    /// Whom it happened to; an unknown event may be about nobody.
    pub subject: Option<KakaoId>,
    /// Why, in Kakao's words, if it says.
    pub reason: Option<String>,
    /// When it happened, by Kakao's clock and in whole seconds.
    pub happened_at: OffsetDateTime,
}

/// Why an event was not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventError {
    /// It is not one of Kakao's for us.
    #[error(transparent)]
    Refused(#[from] EventRefused),
    /// Kakao's keys could not be fetched, so nobody knows.
    #[error(transparent)]
    NoKeys(#[from] Error),
    /// Its key is not held, and it is too soon to ask Kakao for it again.
    #[error("its key is not held, and Kakao was asked a moment ago")]
    TooSoon,
}

/// What is wrong with an event. Holds no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EventRefused {
    /// Not a Security Event Token signed with RS256, or with a claim missing or of a wrong type.
    #[error("not a security event token signed with RS256")]
    Malformed,
    /// None, or more than one.
    #[error("not exactly one event")]
    Events,
    /// Issued in the future or too long ago.
    #[error("issued outside its time")]
    Time,
    /// About nobody, or about two people.
    #[error("without one usable subject")]
    Subject,
    /// Made by somebody else (`iss`).
    #[error("another issuer")]
    Issuer,
    /// Made for somebody else (`aud`, `app_id`).
    #[error("another audience")]
    Audience,
    /// Kakao has no key of the name it gives, or had none a moment ago.
    #[error("a key that Kakao does not have")]
    UnknownKey,
    /// Not signed by the key it names, or changed afterwards.
    #[error("a signature of somebody else")]
    Signature,
}

impl EventRefused {
    /// The registered code (RFC 8935 section 2.4).
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Malformed | Self::Events | Self::Time | Self::Subject => "invalid_request",
            Self::Issuer => "invalid_issuer",
            Self::Audience => "invalid_audience",
            Self::UnknownKey | Self::Signature => "invalid_key",
        }
    }
}

/// What an event must say to be for us.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expectation<'a> {
    /// Kakao's issuer identifier, compared as a whole string.
    pub(super) issuer: &'a str,
    /// Keys of our app. Kakao's own documents and its receivers differ in which it uses.
    pub(super) audiences: &'a [&'a str],
    /// Our app's number, which some events have as their audience.
    pub(super) app_id: i64,
    /// The present moment.
    pub(super) now: OffsetDateTime,
}

/// A token that looks like an event and is not checked yet.
pub(super) struct Unchecked {
    pub(super) kid: String,
    claims: Claims,
}

/// The claims compared. One that is there with the wrong type refuses the whole token.
#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: Value,
    jti: String,
    iat: i64,
    /// When it happened (RFC 8417 section 2.2).
    #[serde(default, deserialize_with = "present")]
    toe: Option<i64>,
    #[serde(default, deserialize_with = "present")]
    sub: Option<String>,
    app_id: Option<Value>,
    events: Map<String, Value>,
}

#[derive(Default, Deserialize)]
struct Told {
    #[serde(default, deserialize_with = "present")]
    subject: Option<Subject>,
    #[serde(default)]
    reason: Value,
}

#[derive(Deserialize)]
struct Subject {
    #[serde(default, deserialize_with = "present")]
    iss: Option<String>,
    #[serde(default, deserialize_with = "present")]
    sub: Option<String>,
}

impl From<Malformed> for EventRefused {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl Unchecked {
    /// Reads a compact serialisation. Says nothing of who made it.
    pub(super) fn parse(compact: &str) -> Result<Self, EventRefused> {
        // An ID token has another type, and whatever has this one is no ID token.
        let is_event = |typ: Option<&str>| {
            let types = ["secevent+jwt", "application/secevent+jwt"];
            typ.is_some_and(|typ| types.iter().any(|known| typ.eq_ignore_ascii_case(known)))
        };
        let (kid, claims) = jws::open::<Claims>(compact, LONGEST, is_event)?;
        if claims.jti.is_empty() || claims.jti.len() > LONGEST_JTI {
            return Err(EventRefused::Malformed);
        }
        Ok(Self { kid, claims })
    }

    /// Compares the claims with what an event for us says, and tells what happened.
    pub(super) fn check(self, expected: &Expectation<'_>) -> Result<Event, EventRefused> {
        let claims = self.claims;
        if claims.iss != expected.issuer {
            return Err(EventRefused::Issuer);
        }
        let app = claims.app_id.as_ref();
        if !is_for(&claims.aud, expected) || app.is_some_and(|app| !is_app(app, expected.app_id)) {
            return Err(EventRefused::Audience);
        }
        let issued_at = moment(claims.iat)?;
        let early = expected.now - OLDEST;
        if issued_at > expected.now + TOLERANCE || issued_at < early {
            return Err(EventRefused::Time);
        }
        let happened_at = claims.toe.map(moment).transpose()?.unwrap_or(issued_at);
        if happened_at > expected.now + TOLERANCE {
            return Err(EventRefused::Time);
        }
        let mut events = claims.events.into_iter();
        let (Some((uri, told)), None) = (events.next(), events.next()) else {
            return Err(EventRefused::Events);
        };
        let name = name(&uri);
        let told = match serde_json::from_value::<Told>(told) {
            Ok(told) => told,
            Err(_) if name == UNKNOWN => Told::default(),
            Err(_) => return Err(EventRefused::Malformed),
        };
        let subject = match subject(
            claims.sub.as_deref(),
            told.subject.as_ref(),
            expected.issuer,
        ) {
            Err(_) if name == UNKNOWN => None,
            Ok(None) if name != UNKNOWN => return Err(EventRefused::Subject),
            other => other?,
        };
        Ok(Event {
            jti: claims.jti,
            name,
            subject,
            reason: told.reason.as_str().map(str::to_owned),
            // Nothing has happened that is still to come.
            happened_at: happened_at.min(expected.now),
        })
    }
}

fn moment(seconds: i64) -> Result<OffsetDateTime, EventRefused> {
    OffsetDateTime::from_unix_timestamp(seconds).map_err(|_| EventRefused::Malformed)
}

/// Whether everybody it was made for is us.
fn is_for(aud: &Value, expected: &Expectation<'_>) -> bool {
    match aud {
        Value::Array(all) => !all.is_empty() && all.iter().all(|one| is_us(one, expected)),
        one => is_us(one, expected),
    }
}

fn is_us(one: &Value, expected: &Expectation<'_>) -> bool {
    let key = one
        .as_str()
        .is_some_and(|text| expected.audiences.contains(&text));
    key || is_app(one, expected.app_id)
}

fn is_app(one: &Value, app_id: i64) -> bool {
    match one {
        Value::String(text) => *text == app_id.to_string(),
        one => one.as_i64() == Some(app_id),
    }
}

fn name(uri: &str) -> &'static str {
    let known = NAMES.iter().find_map(|(place, names)| {
        let last = uri.strip_prefix(place)?;
        names.iter().copied().find(|name| *name == last)
    });
    known.unwrap_or(UNKNOWN)
}

/// Whom it is about, in whichever of the two places says so; both must say the same.
fn subject(
    claim: Option<&str>,
    told: Option<&Subject>,
    issuer: &str,
) -> Result<Option<KakaoId>, EventRefused> {
    let elsewhere = |iss: &String| iss != issuer;
    if told.is_some_and(|told| told.iss.as_ref().is_some_and(elsewhere)) {
        return Err(EventRefused::Subject);
    }
    let told = told.and_then(|told| told.sub.as_deref());
    let parse = |text: &str| text.parse().map_err(|_| EventRefused::Subject);
    match (claim, told) {
        (Some(one), Some(other)) if one != other => Err(EventRefused::Subject),
        (one, other) => one.or(other).map(parse).transpose(),
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_790_000_000;
    const OAUTH: &str = "https://schemas.openid.net/secevent/oauth/event-type/";

    fn claims() -> Value {
        json!({
            "iss": "https://kauth.kakao.com", "aud": "rest-key", "sub": "1376016924426814086",
            "iat": NOW, "toe": NOW - 2, "jti": "one", "txm": "a", "app_id": "900001",
            "events": {(format!("{OAUTH}user-unlinked")): {
                "subject": {"subject_type": "iss-sub", "iss": "https://kauth.kakao.com",
                    "sub": "1376016924426814086"},
                "reason": "UNLINK_FROM_APPS",
            }},
        })
    }

    fn token(header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2lnbmF0dXJl", encode(header), encode(claims))
    }

    fn header() -> Value {
        json!({"alg": "RS256", "typ": "secevent+jwt", "kid": "a"})
    }

    fn check(claims: &Value) -> Result<Event, EventRefused> {
        Unchecked::parse(&token(&header(), claims))?.check(&Expectation {
            issuer: "https://kauth.kakao.com",
            audiences: &["rest-key", "native-key"],
            app_id: 900_001,
            now: OffsetDateTime::from_unix_timestamp(NOW).unwrap(),
        })
    }

    fn with(claim: &str, value: Option<Value>) -> Result<Event, EventRefused> {
        let mut claims = claims();
        match value {
            Some(value) => claims.as_object_mut().unwrap().insert(claim.into(), value),
            None => claims.as_object_mut().unwrap().remove(claim),
        };
        check(&claims)
    }

    // WH-5
    #[test]
    fn an_event_for_us_tells_what_happened_to_whom_and_when() {
        let event = check(&claims()).unwrap();
        assert_eq!(
            (event.jti.as_str(), event.name, event.reason.as_deref()),
            ("one", "user-unlinked", Some("UNLINK_FROM_APPS"))
        );
        assert_eq!(event.subject.unwrap().get(), 1_376_016_924_426_814_086);
        assert_eq!(event.happened_at.unix_timestamp(), NOW - 2);
        for (claim, value) in [
            ("aud", Some(json!("native-key"))),
            ("aud", Some(json!(["rest-key"]))),
            ("aud", Some(json!(["rest-key", "900001"]))),
            ("aud", Some(json!("900001"))),
            ("aud", Some(json!(900_001))),
            ("app_id", Some(json!(900_001))),
            ("app_id", None),
            ("sub", None),
            ("toe", None),
            ("exp", Some(json!(1))),
        ] {
            assert!(with(claim, value.clone()).is_ok(), "{claim} = {value:?}");
        }
        for typ in ["SecEvent+JWT", "application/secevent+jwt"] {
            let header = json!({"alg": "RS256", "typ": typ, "kid": "a"});
            assert!(Unchecked::parse(&token(&header, &claims())).is_ok());
        }
    }

    // WH-6
    #[test]
    fn another_issuer_audience_or_app_is_refused() {
        for iss in ["https://kauth.kakao.com/", "https://evil", ""] {
            assert_eq!(with("iss", Some(json!(iss))), Err(EventRefused::Issuer));
        }
        for (claim, value) in [
            ("aud", json!("other")),
            ("aud", json!(["rest-key", "other"])),
            ("aud", json!([])),
            ("aud", json!(7)),
            ("aud", json!({})),
            ("aud", json!(null)),
            ("app_id", json!("900002")),
            ("app_id", json!(7)),
        ] {
            let refused = with(claim, Some(value.clone()));
            assert_eq!(refused, Err(EventRefused::Audience), "{claim} = {value}");
        }
    }

    // WH-6
    #[test]
    fn events_of_the_future_and_of_long_ago_are_refused() {
        let oldest = NOW - OLDEST.whole_seconds();
        for (iat, taken) in [
            (NOW + 60, true),
            (NOW + 61, false),
            (oldest, true),
            (oldest - 1, false),
        ] {
            assert_eq!(with("iat", Some(json!(iat))).is_ok(), taken, "{iat}");
        }
        assert_eq!(with("toe", Some(json!(NOW + 61))), Err(EventRefused::Time));
        let event = with("toe", Some(json!(NOW + 60))).unwrap();
        assert_eq!(event.happened_at.unix_timestamp(), NOW);
        for claim in ["iat", "toe"] {
            for odd in [
                json!(NOW.to_string()),
                json!(null),
                json!(1.5),
                json!(i64::MAX),
            ] {
                assert!(with(claim, Some(odd.clone())).is_err(), "{claim} = {odd}");
            }
        }
    }

    // WH-6
    #[test]
    fn there_is_one_event_about_one_person() {
        let uri = |name: &str| format!("{OAUTH}{name}");
        let about = |subject: Value| Some(json!({(uri("user-unlinked")): {"subject": subject}}));
        let two = json!({(uri("user-linked")): {}, (uri("user-unlinked")): {}});
        for (events, refused) in [
            (None, EventRefused::Malformed),
            (Some(json!({})), EventRefused::Events),
            (Some(two), EventRefused::Events),
            (Some(json!([])), EventRefused::Malformed),
            (
                Some(json!({(uri("user-unlinked")): 7})),
                EventRefused::Malformed,
            ),
            (about(json!({"sub": "7"})), EventRefused::Subject),
            (about(json!({"sub": 7})), EventRefused::Malformed),
            (
                about(json!({"iss": "https://evil", "sub": "1376016924426814086"})),
                EventRefused::Subject,
            ),
        ] {
            assert_eq!(with("events", events.clone()), Err(refused), "{events:?}");
        }
        for sub in ["", "0", "-1", "1e3", " 1", "99999999999999999999"] {
            let mut claims = claims();
            claims["sub"] = json!(sub);
            claims["events"] = json!({(uri("user-unlinked")): {}});
            assert_eq!(check(&claims), Err(EventRefused::Subject), "{sub}");
        }
        let mut nobody = claims();
        nobody.as_object_mut().unwrap().remove("sub");
        nobody["events"] = json!({(uri("user-unlinked")): {}});
        assert_eq!(check(&nobody), Err(EventRefused::Subject));
    }

    // WH-8
    #[test]
    fn an_event_that_nobody_knows_is_only_unknown() {
        for uri in [
            "https://schemas.openid.net/secevent/ssf/event-type/verification",
            "https://evil.example/user-unlinked",
            "https://schemas.openid.net/secevent/risc/event-type/user-unlinked",
            "user-unlinked",
            "",
        ] {
            for told in [json!({}), json!(null), json!({"subject": 7})] {
                let mut claims = claims();
                claims["events"] = json!({uri: told});
                assert_eq!(check(&claims).unwrap().name, UNKNOWN, "{uri}");
                claims["sub"] = json!("stream");
                assert_eq!(check(&claims).unwrap().subject, None, "{uri}");
            }
        }
    }

    // WH-6, OT-1, OT-7
    #[test]
    fn what_is_no_signed_event_is_malformed() {
        for claim in ["iss", "aud", "jti", "iat", "events"] {
            assert_eq!(with(claim, None), Err(EventRefused::Malformed), "{claim}");
        }
        for jti in [json!(""), json!(7), json!("j".repeat(300))] {
            assert_eq!(with("jti", Some(jti)), Err(EventRefused::Malformed));
        }
        let good = token(&header(), &claims());
        let unsigned = good.rsplit_once('.').unwrap().0.to_owned();
        for bad in [
            token(&json!({"alg": "RS256", "typ": "secevent+jwt"}), &claims()),
            token(&json!({"alg": "RS256", "kid": "a"}), &claims()),
            token(
                &json!({"alg": "RS256", "typ": "JWT", "kid": "a"}),
                &claims(),
            ),
            token(
                &json!({"alg": "none", "typ": "secevent+jwt", "kid": "a"}),
                &claims(),
            ),
            token(
                &json!({"alg": "HS256", "typ": "secevent+jwt", "kid": "a"}),
                &claims(),
            ),
            token(
                &json!({"alg": "RS256", "typ": "secevent+jwt", "kid": "a", "crit": ["b64"]}),
                &claims(),
            ),
            format!("{unsigned}."),
            format!("{good}.b"),
            unsigned,
            "a.b.c".into(),
            String::new(),
            "x".repeat(LONGEST + 1),
        ] {
            let refused = Unchecked::parse(&bad).map(|_| ());
            assert_eq!(refused, Err(EventRefused::Malformed), "{bad}");
        }
        let event = token(&header(), &claims());
        assert!(event.parse::<super::super::IdToken>().is_err());
    }
}
