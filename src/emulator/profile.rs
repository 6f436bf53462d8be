//! What `user/me` tells of a person: only what the app has configured, the person has agreed to,
//! the account has, and the caller asked for.

use serde_json::{Map, Value, json};
use time::format_description::well_known::Rfc3339;

use super::people::Person;
use super::settings::AppSettings;
use super::state::Link;

type Object = Map<String, Value>;

/// Consent items that bring one field of the same name.
const PLAIN_ITEMS: [&str; 6] = [
    "name",
    "age_range",
    "birthyear",
    "birthday",
    "gender",
    "phone_number",
];

/// Values of `property_keys`.
#[derive(Debug)]
pub(super) struct Keys(Option<Vec<String>>);

impl Keys {
    pub(super) fn everything() -> Self {
        Self(None)
    }

    pub(super) fn only(keys: Vec<String>) -> Self {
        Self(Some(keys))
    }

    /// Whether the field `name` of the top-level group `group` was asked for: by the group with a
    /// trailing dot, by itself, by one of its parts, or as a companion of a field asked for.
    fn ask(&self, group: &str, name: &str) -> bool {
        let Some(keys) = &self.0 else {
            return true;
        };
        keys.iter().any(|key| {
            let Some((asked_group, asked)) = key.split_once('.') else {
                return key == group;
            };
            asked_group == group && (asked.is_empty() || brings(asked, name))
        })
    }

    /// Whether `kakao_account.profile.<name>` was asked for, given that the profile was.
    fn ask_profile(&self, name: &str) -> bool {
        let Some(keys) = &self.0 else {
            return true;
        };
        keys.iter().any(|key| match key.as_str() {
            "kakao_account"
            | "kakao_account."
            | "kakao_account.profile"
            | "kakao_account.profile." => true,
            key => key.strip_prefix("kakao_account.profile.") == Some(name),
        })
    }
}

/// Whether asking for `kakao_account.<asked>` brings `name`: related fields come as a set.
fn brings(asked: &str, name: &str) -> bool {
    let asked = asked.split('.').next().unwrap_or_default();
    let subject = |field: &str| match field {
        "is_email_valid" | "is_email_verified" => "email".to_owned(),
        "profile_nickname_needs_agreement" | "profile_image_needs_agreement" => {
            "profile".to_owned()
        }
        "birthday_type" | "is_leap_month" => "birthday".to_owned(),
        _ => {
            let field = field.strip_prefix("has_").unwrap_or(field);
            field
                .strip_suffix("_needs_agreement")
                .unwrap_or(field)
                .to_owned()
        }
    };
    asked == name || subject(asked) == subject(name)
}

/// Where the emulator's own pictures are found.
#[derive(Clone, Copy, Debug)]
pub(super) struct PictureHosts<'a> {
    /// The emulator's own http address.
    pub(super) plain: &'a str,
    /// The https address of a TLS proxy in front of it, if there is one.
    pub(super) secure: Option<&'a str>,
}

/// The body of a successful `user/me`. `secure` makes picture addresses https, those of the
/// emulator itself only when a proxy provides it with a certificate.
pub(super) fn answer(
    app: &AppSettings,
    person: &Person,
    link: &Link,
    hosts: PictureHosts<'_>,
    secure: bool,
    keys: &Keys,
) -> Value {
    let mut body = Object::new();
    body.insert("id".to_owned(), json!(person.user_id));
    let times = [
        ("connected_at", Some(link.connected_at)),
        ("synched_at", link.synched_at),
    ];
    for (name, at) in times {
        if let Some(Ok(at)) = at.map(|at| at.format(&Rfc3339)) {
            body.insert(name.to_owned(), json!(at));
        }
    }
    let view = View {
        app,
        person,
        link,
        pictures: Pictures::of(person, hosts, secure),
    };
    let groups = [
        ("properties", view.properties()),
        ("kakao_account", view.account(keys)),
    ];
    for (group, mut fields) in groups {
        fields.retain(|name, _| keys.ask(group, name));
        if !fields.is_empty() {
            body.insert(group.to_owned(), Value::Object(fields));
        }
    }
    if app.unknown_fields {
        body.insert("emulator_unknown".to_owned(), json!({"nested": [1, null]}));
    }
    Value::Object(body)
}

struct View<'a> {
    app: &'a AppSettings,
    person: &'a Person,
    link: &'a Link,
    pictures: Pictures,
}

/// Addresses of the large and the small picture.
pub(super) struct Pictures {
    profile: String,
    pub(super) thumbnail: String,
}

impl Pictures {
    pub(super) fn of(person: &Person, hosts: PictureHosts<'_>, secure: bool) -> Self {
        if let Some(url) = &person.picture_url {
            let url = match url.strip_prefix("http://") {
                Some(rest) if secure => format!("https://{rest}"),
                _ => url.clone(),
            };
            return Self {
                profile: url.clone(),
                thumbnail: url,
            };
        }
        let host = hosts.secure.filter(|_| secure).unwrap_or(hosts.plain);
        let host = host.trim_end_matches('/');
        let name = if person.default_picture {
            "default"
        } else {
            &person.key
        };
        Self {
            profile: format!("{host}/pictures/{name}-640.png"),
            thumbnail: format!("{host}/pictures/{name}-110.png"),
        }
    }
}

impl View<'_> {
    fn is_offered(&self, scope: &str) -> bool {
        self.app.level(scope).is_some()
    }

    fn is_agreed(&self, scope: &str) -> bool {
        self.link.allows(self.app, scope)
    }

    /// User properties as older apps still receive them.
    fn properties(&self) -> Object {
        let mut fields = Object::new();
        if !self.app.legacy_properties {
            return fields;
        }
        if self.is_agreed("profile_nickname") {
            fields.insert("nickname".to_owned(), json!(self.person.shown_nickname()));
        }
        if self.is_agreed("profile_image") {
            fields.insert("profile_image".to_owned(), json!(self.pictures.profile));
            fields.insert("thumbnail_image".to_owned(), json!(self.pictures.thumbnail));
        }
        fields
    }

    fn account(&self, keys: &Keys) -> Object {
        let mut fields = Object::new();
        for scope in ["profile_nickname", "profile_image"] {
            if self.is_offered(scope) {
                let needs = json!(!self.is_agreed(scope));
                fields.insert(format!("{scope}_needs_agreement"), needs);
            }
        }
        let mut profile = self.profile();
        profile.retain(|name, _| keys.ask_profile(name));
        if !profile.is_empty() {
            fields.insert("profile".to_owned(), Value::Object(profile));
        }
        self.add_email(&mut fields);
        for item in PLAIN_ITEMS {
            self.add_plain(item, &mut fields);
        }
        fields
    }

    fn profile(&self) -> Object {
        let mut fields = Object::new();
        if self.is_agreed("profile_nickname") {
            fields.insert("nickname".to_owned(), json!(self.person.shown_nickname()));
            fields.insert(
                "is_default_nickname".to_owned(),
                json!(self.person.default_nickname),
            );
        }
        if self.is_agreed("profile_image") {
            let pictures = &self.pictures;
            fields.insert("profile_image_url".to_owned(), json!(pictures.profile));
            fields.insert("thumbnail_image_url".to_owned(), json!(pictures.thumbnail));
            fields.insert(
                "is_default_image".to_owned(),
                json!(self.person.default_picture),
            );
        }
        fields
    }

    fn add_email(&self, fields: &mut Object) {
        if !self.add_needs(
            "account_email",
            "email",
            self.person.email.is_some(),
            fields,
        ) {
            return;
        }
        if let Some(email) = &self.person.email {
            fields.insert("is_email_valid".to_owned(), json!(email.valid));
            fields.insert("is_email_verified".to_owned(), json!(email.verified));
            fields.insert("email".to_owned(), json!(email.address));
        }
    }

    fn add_plain(&self, item: &str, fields: &mut Object) {
        let value = self.person.details.get(item);
        if !self.add_needs(item, item, value.is_some(), fields) {
            return;
        }
        let Some(value) = value else {
            return;
        };
        fields.insert(item.to_owned(), json!(value));
        if item == "birthday" {
            fields.insert("birthday_type".to_owned(), json!("SOLAR"));
            fields.insert("is_leap_month".to_owned(), json!(false));
        }
    }

    /// Adds the flags of a value and answers whether the value itself may follow. A consent is
    /// only said to be needed when it would bring a value.
    fn add_needs(&self, scope: &str, field: &str, has: bool, fields: &mut Object) -> bool {
        if !self.is_offered(scope) {
            return false;
        }
        let agreed = self.is_agreed(scope);
        if self.app.legacy_flags {
            fields.insert(format!("has_{field}"), json!(has));
        }
        fields.insert(format!("{field}_needs_agreement"), json!(has && !agreed));
        agreed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::emulator::settings::Settings;
    use time::OffsetDateTime;

    const HOSTS: PictureHosts<'static> = PictureHosts {
        plain: "http://127.0.0.1:2",
        secure: None,
    };

    fn told(person: &str, scopes: &[&str], keys: &Keys) -> Value {
        let settings = Settings::seeded("http://127.0.0.1:1");
        let is_asked = |known: &&Person| known.key == person;
        let person = settings.people.iter().find(is_asked).unwrap();
        let link = Link {
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            ..Link::new(OffsetDateTime::UNIX_EPOCH)
        };
        answer(&settings.app, person, &link, HOSTS, false, keys)
    }

    fn account_fields(body: &Value) -> Vec<&str> {
        let account = body["kakao_account"].as_object().unwrap();
        account.keys().map(String::as_str).collect()
    }

    #[test]
    fn a_declined_value_is_absent_and_said_to_need_agreement() {
        let body = told("ordinary", &["profile_nickname"], &Keys::everything());
        let account = &body["kakao_account"];
        assert_eq!(body["connected_at"], "1970-01-01T00:00:00Z");
        assert_eq!(account["profile"]["nickname"], "김하늘");
        assert!(account["profile"].get("profile_image_url").is_none());
        assert_eq!(account["profile_image_needs_agreement"], true);
        assert_eq!(account["email_needs_agreement"], true);
        assert!(account.get("email").is_none());
        assert!(account.get("is_email_valid").is_none());
    }

    #[test]
    fn an_account_without_the_value_needs_no_agreement() {
        let body = told("no-email", &[], &Keys::everything());
        let account = &body["kakao_account"];
        assert_eq!(account["has_email"], false);
        assert_eq!(account["email_needs_agreement"], false);
        assert!(account.get("profile").is_none());
    }

    #[test]
    fn a_key_brings_its_companions_and_nothing_else() {
        let scopes = ["profile_nickname", "profile_image", "account_email"];
        let only = |key: &str| told("ordinary", &scopes, &Keys::only(vec![key.to_owned()]));
        let email = only("kakao_account.email");
        assert_eq!(
            account_fields(&email),
            [
                "email",
                "email_needs_agreement",
                "has_email",
                "is_email_valid",
                "is_email_verified"
            ]
        );
        assert!(email.get("properties").is_none());
        assert!(email.get("id").is_some());
        let profile = only("kakao_account.profile");
        assert_eq!(
            account_fields(&profile),
            [
                "profile",
                "profile_image_needs_agreement",
                "profile_nickname_needs_agreement"
            ]
        );
        let nickname = only("kakao_account.profile.nickname");
        assert_eq!(
            nickname["kakao_account"]["profile"],
            json!({"nickname": "김하늘"})
        );
        let everything = told("ordinary", &scopes, &Keys::everything());
        assert_eq!(
            only("kakao_account.")["kakao_account"],
            everything["kakao_account"]
        );
        assert_eq!(only("properties.")["properties"], everything["properties"]);
        assert_eq!(
            only("properties.nickname")["properties"],
            json!({"nickname": "김하늘"})
        );
    }

    #[test]
    fn a_picture_of_the_persons_own_follows_secure_resource() {
        let person = Person {
            picture_url: Some("http://k.example.com/p.jpg".into()),
            ..Person::named("x", "x")
        };
        let secure = Pictures::of(&person, HOSTS, true);
        assert_eq!(secure.profile, "https://k.example.com/p.jpg");
        let plain = Pictures::of(&person, HOSTS, false);
        assert_eq!(plain.thumbnail, "http://k.example.com/p.jpg");
    }

    #[test]
    fn the_emulators_own_pictures_are_https_only_with_a_proxy_and_when_asked() {
        let person = Person::named("y", "y");
        let own = Pictures::of(&person, HOSTS, true);
        assert_eq!(own.profile, "http://127.0.0.1:2/pictures/y-640.png");
        let behind_proxy = PictureHosts {
            secure: Some("https://localhost:9443/"),
            ..HOSTS
        };
        let secure = Pictures::of(&person, behind_proxy, true);
        assert_eq!(secure.profile, "https://localhost:9443/pictures/y-640.png");
        let plain = Pictures::of(&person, behind_proxy, false);
        assert_eq!(plain.thumbnail, "http://127.0.0.1:2/pictures/y-110.png");
    }
}
