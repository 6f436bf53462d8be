//! The Kakao accounts that exist here, one for each thing that can be odd about an account.

use std::collections::BTreeMap;

/// A Kakao account and its relation to the one app.
#[derive(Clone, Debug)]
pub struct Person {
    /// Short name used by code and forms, such as `ordinary`.
    pub key: String,
    /// 회원번호, the id the app knows the person by. `None` lets the emulator give the next one.
    pub user_id: Option<i64>,
    /// Profile nickname.
    pub nickname: String,
    /// Kakao replaced the nickname by its placeholder (`is_default_nickname`).
    pub default_nickname: bool,
    /// The person has no picture of their own (`is_default_image`).
    pub default_picture: bool,
    /// Another picture address instead of the emulator's own, sent as it is.
    pub picture_url: Option<String>,
    /// Representative email, when the account has one.
    pub email: Option<Email>,
    /// Further values by field name of `kakao_account`: `name`, `age_range`, `birthyear`,
    /// `birthday`, `gender`, `phone_number`.
    pub details: BTreeMap<String, String>,
    /// Under 14 years old: sent back when the app refuses such people.
    pub under_14: bool,
    /// Kakao wants the person to do something first, such as agreeing to new terms:
    /// `prompt=none` is answered `interaction_required`. Without it the person does so unseen.
    pub needs_action: bool,
    /// Scopes agreed to before the emulator started; `None` when not linked to the app then.
    pub linked: Option<Vec<String>>,
}

/// An email with the two flags a client has to check before it trusts it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email {
    /// The address.
    pub address: String,
    /// `is_email_valid`: false once the address belongs to another Kakao account.
    pub valid: bool,
    /// `is_email_verified`.
    pub verified: bool,
}

impl Person {
    /// An account with a verified email `<key>@example.com`, a picture, and no link to the app.
    #[must_use]
    pub fn named(key: &str, nickname: &str) -> Self {
        Self {
            key: key.to_owned(),
            user_id: None,
            nickname: nickname.to_owned(),
            default_nickname: false,
            default_picture: false,
            picture_url: None,
            email: Some(Email {
                address: format!("{key}@example.com"),
                valid: true,
                verified: true,
            }),
            details: BTreeMap::new(),
            under_14: false,
            needs_action: false,
            linked: None,
        }
    }

    /// The name that `user/me` tells: the nickname, or Kakao's placeholder for one it refused.
    #[must_use]
    pub fn shown_nickname(&self) -> &str {
        if self.default_nickname {
            "닉네임을 등록해주세요"
        } else {
            &self.nickname
        }
    }
}

/// The accounts of a fresh emulator. Their keys are documented in `docs/emulator.md`.
pub(super) fn seeded_people() -> Vec<Person> {
    let everything = ["profile_nickname", "profile_image", "account_email"];
    let flagged = |key: &str, valid, verified| {
        Some(Email {
            address: format!("{key}@example.com"),
            valid,
            verified,
        })
    };
    let mut people = vec![
        Person {
            details: [
                ("age_range", "30~39"),
                ("birthday", "0412"),
                ("gender", "female"),
            ]
            .map(|(field, value)| (field.to_owned(), value.to_owned()))
            .into(),
            ..Person::named("ordinary", "김하늘")
        },
        Person {
            email: None,
            ..Person::named("no-email", "이새벽")
        },
        Person {
            email: flagged("unverified-email", true, false),
            ..Person::named("unverified-email", "박노을")
        },
        Person {
            email: flagged("stale-email", false, true),
            ..Person::named("stale-email", "최바람")
        },
        Person {
            default_nickname: true,
            default_picture: true,
            ..Person::named("default-nickname", "정이슬")
        },
        Person {
            linked: Some(Vec::new()),
            ..Person::named("minimal", "강모래")
        },
        Person {
            linked: Some(everything.map(str::to_owned).into()),
            ..Person::named("linked", "윤가람")
        },
        Person {
            user_id: Some(1_376_016_924_426_814_086),
            ..Person::named("long-id", "한누리")
        },
        Person {
            under_14: true,
            ..Person::named("under-14", "서다온")
        },
        Person {
            needs_action: true,
            linked: Some(everything.map(str::to_owned).into()),
            ..Person::named("needs-action", "문가온")
        },
    ];
    for (person, id) in people.iter_mut().zip(2_900_000_001_i64..) {
        person.user_id.get_or_insert(id);
    }
    people
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_people_have_keys_and_ids_of_their_own() {
        let people = seeded_people();
        let mut keys: Vec<_> = people.iter().map(|person| &person.key).collect();
        let mut ids: Vec<_> = people
            .iter()
            .map(|person| person.user_id.unwrap())
            .collect();
        keys.sort_unstable();
        keys.dedup();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!((keys.len(), ids.len()), (people.len(), people.len()));
        assert!(ids.iter().any(|id| id.to_string().len() == 19));
    }
}
