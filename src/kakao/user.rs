//! Who signed in: the answer of `/v2/user/me`.
//!
//! Only the id is sure. Every other field depends on what the person agreed to and what the
//! console has on; one that is absent, of the wrong type or unusable counts as not given and
//! never fails a login.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use url::Url;

use super::wire::{Defect, kakao_id};
use crate::config::is_loopback;
use crate::member::{KakaoId, clean_name};

/// Longest texts taken over: a nickname in characters (Kakao allows 20), the others in bytes.
const LONGEST_PICTURE: usize = 2_048;
/// RFC 5321 section 4.5.3.1.3, less the angle brackets.
const LONGEST_EMAIL: usize = 254;

/// A person as Kakao describes them to this app.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The one field to recognise a person by.
    pub id: KakaoId,
    /// When the person was linked to the app.
    pub connected_at: Option<OffsetDateTime>,
    /// Profile nickname, cleaned as every name here is.
    pub nickname: Option<String>,
    /// Whether the nickname is Kakao's placeholder for one that broke its rules, and so not
    /// worth greeting with.
    pub default_nickname: bool,
    /// Address of the profile picture at Kakao's image hosts; none when it is the default one.
    pub picture: Option<String>,
    /// Representative email of the Kakao account. It can change and is no key.
    pub email: Option<Email>,
    /// Scope ids of the above that the console offers and the person has not agreed to share;
    /// they can be asked for with [`Authorize::scopes`](super::Authorize::scopes).
    pub unagreed: Vec<&'static str>,
}

/// An email address as Kakao vouches for it.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    /// The address.
    pub address: String,
    /// False when the address has since gone to another Kakao account.
    pub valid: bool,
    /// Whether Kakao has seen the person receive mail there.
    pub verified: bool,
}

impl Email {
    /// Whether Kakao vouches for the address at all: only when it is both valid and verified.
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        self.valid && self.verified
    }
}

/// Tells what was given without repeating it: personal data has no place in a log.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("nickname", &self.nickname.is_some())
            .field("default_nickname", &self.default_nickname)
            .field("picture", &self.picture.is_some())
            .field("email", &self.email)
            .field("unagreed", &self.unagreed)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Email")
            .field("valid", &self.valid)
            .field("verified", &self.verified)
            .finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Body {
    id: Value,
    #[serde(default)]
    connected_at: Value,
    #[serde(default)]
    kakao_account: Value,
}

/// Decodes the answer. With `local_pictures`, for a Kakao that is on loopback itself, pictures
/// on loopback need no TLS.
pub(super) fn user(body: &[u8], local_pictures: bool) -> Result<User, Defect> {
    let body: Body = serde_json::from_slice(body).map_err(|_| "not the expected JSON")?;
    let account = &body.kakao_account;
    let profile = account.get("profile").unwrap_or(&Value::Null);
    Ok(User {
        id: kakao_id(&body.id)?,
        connected_at: body
            .connected_at
            .as_str()
            .and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok()),
        nickname: text(profile, "nickname").and_then(clean_name),
        default_nickname: flag(profile, "is_default_nickname"),
        picture: picture(profile, local_pictures),
        email: email(account),
        unagreed: unagreed(account),
    })
}

/// Control characters, which PostgreSQL (NUL) and terminals choke on, and the directional
/// overrides and isolates that would turn the text around them about (Unicode annex 9).
fn is_invisible_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

fn picture(profile: &Value, local_pictures: bool) -> Option<String> {
    if flag(profile, "is_default_image") {
        return None;
    }
    ["thumbnail_image_url", "profile_image_url"]
        .into_iter()
        .filter_map(|name| text(profile, name))
        .find_map(|address| acceptable_picture(address, local_pictures))
}

fn acceptable_picture(address: &str, local_pictures: bool) -> Option<String> {
    if address.len() > LONGEST_PICTURE {
        return None;
    }
    let url = Url::parse(address).ok()?;
    let local = local_pictures && url.scheme() == "http" && is_loopback(&url);
    let trusted = is_kakaos(&url) || local;
    let plain = url.username().is_empty() && url.password().is_none();
    // Parsing normalises; the result may be longer for being escaped.
    (trusted && plain && url.as_str().len() <= LONGEST_PICTURE).then(|| url.into())
}

/// Kakao's image hosts, which the pages' content security policy allows as well.
fn is_kakaos(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    url.scheme() == "https" && url.port().is_none() && host.ends_with(".kakaocdn.net")
}

fn email(account: &Value) -> Option<Email> {
    let address = text(account, "email").filter(|address| is_address(address))?;
    Some(Email {
        address: address.to_owned(),
        valid: flag(account, "is_email_valid"),
        verified: flag(account, "is_email_verified"),
    })
}

/// Something before and after exactly one `@`, nothing that could end a line or a field.
fn is_address(text: &str) -> bool {
    let mut parts = text.split('@');
    let two = parts
        .by_ref()
        .take(2)
        .filter(|part| !part.is_empty())
        .count()
        == 2;
    let odd =
        |c: char| is_invisible_control(c) || c.is_whitespace() || matches!(c, '<' | '>' | ',');
    two && parts.next().is_none() && text.len() <= LONGEST_EMAIL && !text.contains(odd)
}

fn unagreed(account: &Value) -> Vec<&'static str> {
    [
        // The combined item of apps made before June 2021.
        ("profile_needs_agreement", "profile"),
        ("profile_nickname_needs_agreement", "profile_nickname"),
        ("profile_image_needs_agreement", "profile_image"),
        ("email_needs_agreement", "account_email"),
    ]
    .into_iter()
    .filter(|(field, _)| flag(account, field))
    .map(|(_, scope)| scope)
    .collect()
}

fn text<'a>(object: &'a Value, field: &str) -> Option<&'a str> {
    object.get(field).and_then(Value::as_str)
}

fn flag(object: &Value, field: &str) -> bool {
    object.get(field).and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use time::macros::datetime;

    use super::*;
    use crate::kakao::wire::tests::{altered, fixture};

    fn decoded(name: &str) -> User {
        user(fixture(name).as_bytes(), false).unwrap_or_else(|defect| panic!("{name}: {defect}"))
    }

    fn with_account(account: &Value) -> User {
        let body = json!({"id": 1, "kakao_account": account});
        user(&serde_json::to_vec(&body).unwrap(), false).unwrap()
    }

    #[test]
    fn a_full_profile_is_read_whole() {
        assert_eq!(
            decoded("me_full.json"),
            User {
                id: KakaoId::try_from(2_900_000_001).unwrap(),
                connected_at: Some(datetime!(2026-03-02 04:05:06 UTC)),
                nickname: Some("라이언".into()),
                default_nickname: false,
                picture: Some("https://k.kakaocdn.net/dn/aBcDe/btFgH/iJkLm/img_110x110.jpg".into()),
                email: Some(Email {
                    address: "ryan@example.com".into(),
                    valid: true,
                    verified: true,
                }),
                unagreed: vec![],
            }
        );
    }

    // ID-7
    #[test]
    fn every_shape_of_consent_is_a_login() {
        let bare = decoded("me_minimal.json");
        assert_eq!(
            (&bare.nickname, &bare.picture, &bare.email),
            (&None, &None, &None)
        );
        assert!(bare.unagreed.is_empty() && !bare.default_nickname);

        let no_account = decoded("me_id_only.json");
        assert_eq!(no_account.connected_at, None);

        let refused = decoded("me_no_email.json");
        assert_eq!(refused.nickname.as_deref(), Some("춘식"));
        assert_eq!((&refused.picture, &refused.email), (&None, &None));
        assert_eq!(refused.unagreed, ["profile_image", "account_email"]);

        let unverified = decoded("me_unverified_email.json").email.unwrap();
        assert!(unverified.valid && !unverified.verified && !unverified.is_confirmed());
        let invalid = decoded("me_invalid_email.json").email.unwrap();
        assert!(!invalid.valid && invalid.verified && !invalid.is_confirmed());

        let placeholder = decoded("me_default_nickname.json");
        assert!(placeholder.default_nickname && placeholder.nickname.is_some());
        assert_eq!(
            placeholder.picture, None,
            "Kakao's default picture is nobody's"
        );

        let legacy = decoded("me_legacy.json");
        assert_eq!(legacy.nickname.as_deref(), Some("어피치"));
        assert_eq!(legacy.unagreed, ["account_email"]);

        let unknown = decoded("me_unknown_fields.json");
        assert_eq!(unknown.nickname.as_deref(), Some("무지"));
    }

    // ID-6
    #[test]
    fn ids_of_19_digits_arrive_whole_and_other_kinds_of_id_are_refused() {
        assert_eq!(
            decoded("me_19_digit_id.json").id.get(),
            1_376_016_924_426_814_086
        );
        for wrong in [
            None,
            Some(json!("2900000001")),
            Some(json!(1.0)),
            Some(json!(null)),
        ] {
            let body = altered("me_full.json", "id", wrong.clone());
            assert!(user(&body, false).is_err(), "{wrong:?}");
        }
        assert!(
            user(br#"{"id":1,"id":2}"#, false).is_err(),
            "two ids are no id"
        );
    }

    // ID-7, ID-9
    #[test]
    fn fields_of_the_wrong_type_count_as_absent() {
        for odd in [
            json!(7),
            json!(null),
            json!([]),
            json!("text"),
            json!({}),
            json!(true),
        ] {
            let body = json!({"id": 1, "connected_at": odd, "kakao_account": odd});
            let found = user(&serde_json::to_vec(&body).unwrap(), false).unwrap();
            assert_eq!((found.connected_at, &found.nickname), (None, &None));

            let found = with_account(&json!({"profile": odd, "email": odd}));
            assert_eq!((&found.nickname, &found.email), (&None, &None), "{odd}");
        }
        let found = with_account(&json!({
            "profile": {"nickname": 7, "thumbnail_image_url": false, "is_default_nickname": "true"},
            "email": "a@example.com", "is_email_valid": "true", "is_email_verified": 1,
        }));
        assert_eq!((&found.nickname, &found.picture), (&None, &None));
        assert!(!found.default_nickname);
        let email = found.email.unwrap();
        assert!(!email.valid && !email.verified, "only true is true");
    }

    // ID-9
    #[test]
    fn a_hostile_nickname_loses_its_controls_and_its_length() {
        let named = |text: &str| with_account(&json!({"profile": {"nickname": text}})).nickname;
        assert_eq!(named("a\0b\r\nc\u{1b}[31m").as_deref(), Some("a b c [31m"));
        assert_eq!(named("\u{202E}evil\u{2066}").as_deref(), Some("evil"));
        assert_eq!(
            named("<b>&'\"").as_deref(),
            Some("<b>&'\""),
            "escaping is the page's work"
        );
        assert_eq!(named(&"가".repeat(50_000)).unwrap().chars().count(), 60);
        for empty in ["", "  ", "\u{0}\u{7f}"] {
            assert_eq!(named(empty), None, "{empty:?}");
        }
    }

    // ID-9
    #[test]
    fn a_picture_is_at_kakaos_hosts_or_none() {
        let pictured = |address: &str, local: bool| {
            let body = json!({"id": 1, "kakao_account": {"profile":
                {"profile_image_url": address}}});
            user(&serde_json::to_vec(&body).unwrap(), local)
                .unwrap()
                .picture
        };
        assert!(pictured("https://k.kakaocdn.net/a.jpg", false).is_some());
        let long = format!("https://k.kakaocdn.net/{}", "a".repeat(2_048));
        for bad in [
            "http://k.kakaocdn.net/a.jpg",
            "http://127.0.0.1:9000/a.svg",
            "javascript:alert(1)",
            "data:image/png;base64,AAAA",
            "//k.kakaocdn.net/a.jpg",
            "https://evil.example/a.jpg",
            "https://k.kakaocdn.net.evil.example/a.jpg",
            "https://evilkakaocdn.net/a.jpg",
            "https://k.kakaocdn.net:8443/a.jpg",
            "https://user:pw@k.kakaocdn.net/a.jpg",
            "",
            &long,
        ] {
            assert_eq!(pictured(bad, false), None, "{bad}");
        }
        assert!(pictured("http://127.0.0.1:9000/a.svg", true).is_some());
        for bad in [
            "http://10.0.0.1/a.svg",
            "http://localhost.example/a.svg",
            "file:///a.svg",
        ] {
            assert_eq!(pictured(bad, true), None, "{bad}");
        }
    }

    #[test]
    fn an_email_has_one_at_sign_and_nothing_that_could_end_a_header() {
        let given = |address: &str| with_account(&json!({"email": address})).email.is_some();
        assert!(given("ryan+tag@example.com") && given("한글@example.com"));
        let long = format!("{}@example.com", "a".repeat(250));
        for bad in [
            "",
            "@",
            "a@",
            "@b",
            "a",
            "a@b@c",
            "a b@c",
            "a@b\r\nBcc: x",
            "<a@b>",
            "a@b,c",
            &long,
        ] {
            assert!(!given(bad), "{bad:?}");
        }
    }
}
