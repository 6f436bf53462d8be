//! The answers about what a person has agreed to: consent items (scopes) and service terms.

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::classify::is_scope_id;
use super::wire::{Defect, NOT_JSON, kakao_id};
use crate::member::KakaoId;

/// Most items and terms believed; Kakao has a few dozen.
const MOST: usize = 100;

/// Longest name of an item shown, in characters.
const LONGEST_NAME: usize = 60;

/// Longest tag of a term believed, in bytes.
const LONGEST_TAG: usize = 100;

/// One consent item (동의항목) of a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentItem {
    /// The scope id.
    pub id: String,
    /// What Kakao calls it on its consent screen, in Korean.
    pub name: String,
    /// An access right (`SERVICE`) and not personal data (`PRIVACY`).
    pub is_service: bool,
    /// The app asks for it now; otherwise the person agreed to it at an earlier time.
    pub using: bool,
    /// The person has agreed.
    pub agreed: bool,
    /// The person may withdraw it: agreed to, and not required by the app.
    pub revocable: bool,
}

/// One of the app's service terms (서비스 약관) and what a person said to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTerm {
    /// What the app calls it in Kakao's console.
    pub tag: String,
    /// Whether the person agrees.
    pub agreed: bool,
    /// Since when, as far as Kakao says.
    pub agreed_at: Option<OffsetDateTime>,
}

#[derive(Deserialize)]
struct ItemsBody {
    id: Value,
    scopes: Vec<ItemBody>,
}

#[derive(Deserialize)]
struct ItemBody {
    id: String,
    display_name: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    using: Option<bool>,
    agreed: bool,
    revocable: Option<bool>,
}

/// Decodes the answer of `/v2/user/scopes` and `/v2/user/revoke/scopes`, which must be about
/// `whose`. Items with an id that cannot be sent back are left out.
pub(super) fn items(body: &[u8], whose: KakaoId) -> Result<Vec<ConsentItem>, Defect> {
    let body: ItemsBody = serde_json::from_slice(body).map_err(|_| NOT_JSON)?;
    is_about(whose, &body.id)?;
    let sound = body.scopes.into_iter().filter(|item| is_scope_id(&item.id));
    Ok(sound.take(MOST).map(ItemBody::into_item).collect())
}

impl ItemBody {
    fn into_item(self) -> ConsentItem {
        let name = self.display_name.as_deref().and_then(shown);
        ConsentItem {
            name: name.unwrap_or_else(|| self.id.clone()),
            is_service: self.kind.as_deref() == Some("SERVICE"),
            using: self.using.unwrap_or(true),
            agreed: self.agreed,
            revocable: self.agreed && self.revocable.unwrap_or(false),
            id: self.id,
        }
    }
}

fn shown(name: &str) -> Option<String> {
    let plain = name.chars().filter(|c| !c.is_control());
    let name: String = plain.take(LONGEST_NAME).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

#[derive(Deserialize)]
struct TermsBody {
    id: Value,
    #[serde(default)]
    service_terms: Vec<TermBody>,
}

#[derive(Deserialize)]
struct TermBody {
    tag: String,
    agreed: bool,
    agreed_at: Option<String>,
}

/// Decodes the answer of `/v2/user/service_terms`, which must be about `whose`. Absent terms are
/// none. A time that cannot be read is no time; the agreement is one all the same.
pub(super) fn terms(body: &[u8], whose: KakaoId) -> Result<Vec<ServiceTerm>, Defect> {
    let body: TermsBody = serde_json::from_slice(body).map_err(|_| NOT_JSON)?;
    is_about(whose, &body.id)?;
    let sound = body.service_terms.into_iter();
    let sound = sound.filter(|term| is_tag(&term.tag)).take(MOST);
    let term = |term: TermBody| ServiceTerm {
        agreed_at: term
            .agreed_at
            .filter(|_| term.agreed)
            .and_then(|text| OffsetDateTime::parse(&text, &Rfc3339).ok()),
        agreed: term.agreed,
        tag: term.tag,
    };
    Ok(sound.map(term).collect())
}

fn is_about(whose: KakaoId, id: &Value) -> Result<(), Defect> {
    if kakao_id(id)? == whose {
        Ok(())
    } else {
        Err("the id of somebody else")
    }
}

fn is_tag(text: &str) -> bool {
    let plain = |c: char| !c.is_control() && !c.is_whitespace();
    !text.is_empty() && text.len() <= LONGEST_TAG && text.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seven() -> KakaoId {
        KakaoId::try_from(7).unwrap()
    }

    #[test]
    fn items_are_read_as_documented_and_with_what_may_be_missing() {
        let body = r#"{"id": 7, "scopes": [
            {"id": "profile_nickname", "display_name": "닉네임", "type": "PRIVACY", "using": true,
             "agreed": true, "revocable": false},
            {"id": "talk_message", "display_name": "메시지 전송", "type": "SERVICE",
             "using": false, "agreed": true, "revocable": true, "delegated": false},
            {"id": "gender", "agreed": false, "revocable": true},
            {"id": "two words", "display_name": "x", "agreed": true}
        ]}"#;
        let items = items(body.as_bytes(), seven()).unwrap();
        assert_eq!(items.len(), 3, "an id that cannot be sent back is left out");
        let [nickname, message, gender] = &items[..] else {
            panic!("{items:?}")
        };
        assert!(nickname.agreed && !nickname.revocable && nickname.using && !nickname.is_service);
        assert_eq!(nickname.name, "닉네임");
        assert!(message.revocable && !message.using && message.is_service);
        assert_eq!(gender.name, "gender");
        assert!(
            !gender.revocable,
            "nothing was agreed that could be withdrawn"
        );
    }

    #[test]
    fn junk_is_no_list() {
        for body in [
            "",
            "<html>",
            "[]",
            r#"{"id": 7}"#,
            r#"{"scopes": []}"#,
            r#"{"id": "7", "scopes": []}"#,
            r#"{"id": 7, "scopes": [{"id": "gender"}]}"#,
            r#"{"id": 7, "scopes": {"gender": true}}"#,
        ] {
            assert!(items(body.as_bytes(), seven()).is_err(), "{body}");
        }
        for body in [
            "",
            "<html>",
            "{}",
            r#"{"id": 7, "service_terms": [{"tag": "a"}]}"#,
            r#"{"id": 7, "service_terms": "all"}"#,
        ] {
            assert!(terms(body.as_bytes(), seven()).is_err(), "{body}");
        }
    }

    #[test]
    fn names_are_short_and_hold_nothing_that_rearranges_a_page() {
        let name = format!(r#""{}\u0000\n""#, "가".repeat(100));
        let body =
            format!(r#"{{"id":7,"scopes":[{{"id":"a","agreed":true,"display_name":{name}}}]}}"#);
        assert_eq!(
            items(body.as_bytes(), seven()).unwrap()[0].name,
            "가".repeat(60)
        );
    }

    #[test]
    fn terms_have_their_time_if_kakao_says_one_that_can_be_read() {
        let body = r#"{"id": 7, "service_terms": [
            {"tag": "service_1", "required": true, "agreed": true, "revocable": false,
             "agreed_at": "2026-03-02T04:05:06Z", "agreed_by": "KAUTH"},
            {"tag": "news", "required": false, "agreed": true, "revocable": true,
             "agreed_at": "yesterday"},
            {"tag": "offers", "required": false, "agreed": false, "revocable": false},
            {"tag": "a b", "agreed": true}
        ]}"#;
        let terms = terms(body.as_bytes(), seven()).unwrap();
        let told: Vec<_> = terms
            .iter()
            .map(|term| (term.tag.as_str(), term.agreed, term.agreed_at.is_some()))
            .collect();
        assert_eq!(
            told,
            [
                ("service_1", true, true),
                ("news", true, false),
                ("offers", false, false)
            ]
        );
        assert_eq!(super::terms(br#"{"id": 7}"#, seven()).unwrap(), []);
    }
}
