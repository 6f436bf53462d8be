//! What Kakao's console would hold: the app, its keys, its addresses and its consent items.

use super::clock::Clock;
use super::openid::OPENID;
use super::people::{Person, seeded_people};

/// REST API key of the seeded app: the OAuth `client_id`.
pub const REST_API_KEY: &str = "e0000000000000000000000000000001";
/// A second REST API key of the same app. A code issued to one is refused to the other (KOE114).
pub const OTHER_REST_API_KEY: &str = "e0000000000000000000000000000002";
/// JavaScript key of the seeded app: refused at the authorize address (KOE008).
pub const JAVASCRIPT_KEY: &str = "e0000000000000000000000000000003";
/// Native app key of the seeded app: refused at the authorize address (KOE008).
pub const NATIVE_APP_KEY: &str = "e0000000000000000000000000000004";
/// Client secret of [`REST_API_KEY`].
pub const CLIENT_SECRET: &str = "e5ec0000000000000000000000000001";
/// Client secret of [`OTHER_REST_API_KEY`].
pub const OTHER_CLIENT_SECRET: &str = "e5ec0000000000000000000000000002";
/// Admin key of the seeded app.
pub const ADMIN_KEY: &str = "eadb0000000000000000000000000001";
/// App id of the seeded app.
pub const APP_ID: i64 = 900_001;

/// Everything an emulator starts from, and goes back to on a reset.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The app that the service under test has registered.
    pub app: AppSettings,
    /// The Kakao accounts that can be chosen.
    pub people: Vec<Person>,
    /// Refuse the 21st access token within 10 minutes and the 31st refresh token within 60
    /// minutes for one user with KOE237, as Kakao does. Off by default: test suites sign in often.
    pub token_quota: bool,
    /// An https address under which a TLS proxy shows the emulator, such as
    /// `https://localhost:9443`. Picture addresses use it when `secure_resource` is asked for.
    pub public_url: Option<String>,
    /// The emulator's time; keep a clone to move it.
    pub clock: Clock,
}

/// One app as its console page shows it.
#[derive(Clone, Debug)]
pub struct AppSettings {
    /// Name on the consent page.
    pub name: String,
    /// 앱 ID, as `app_id` in token information.
    pub app_id: i64,
    /// REST API keys; redirect URIs and the client secret belong to a key.
    pub rest_keys: Vec<RestKey>,
    /// JavaScript and native keys, which the authorize address refuses (KOE008).
    pub other_keys: Vec<String>,
    /// Admin keys, any of which is accepted.
    pub admin_keys: Vec<String>,
    /// Registered logout redirect URIs, compared as strings (KOE007).
    pub logout_redirect_uris: Vec<String>,
    /// Whether Kakao Login is switched on (KOE004).
    pub login_on: bool,
    /// Whether only [`AppSettings::members`] may sign in (KOE005).
    pub test_app: bool,
    /// Keys of the people who are members of a test app.
    pub members: Vec<String>,
    /// Whether people under 14 are sent back with `access_denied`.
    pub refuse_under_14: bool,
    /// Whether OpenID Connect is switched on: ID tokens come with every sign-in that asks for no
    /// `scope`, or for `openid` among others. Off by default, as in Kakao's console.
    pub openid: bool,
    /// 동의항목: what may be asked, in the order of the consent page.
    pub items: Vec<ConsentItem>,
    /// 서비스 약관 of an app with Kakao Sync, in the order of the consent page. Without any the app
    /// has no Kakao Sync.
    pub terms: Vec<ServiceTerm>,
    /// Scopes without which `user/me` answers -402 and names those that are missing.
    pub me_needs: Vec<String>,
    /// Whether `/v2/app/users` answers the bare list of Kakao's samples, instead of the object of
    /// Kakao's table.
    pub bare_app_users: bool,
    /// Whether `properties` repeats nickname and pictures, as it does for older apps.
    pub legacy_properties: bool,
    /// Whether the deprecated `has_…` flags accompany the values.
    pub legacy_flags: bool,
    /// Whether a refresh repeats `scope`, which no document lists for it.
    pub scope_of_refresh: bool,
    /// Whether answers carry fields no document names, to catch clients that refuse them.
    pub unknown_fields: bool,
}

/// A REST API key with what is registered under it.
#[derive(Clone, Debug)]
pub struct RestKey {
    /// The OAuth `client_id`.
    pub key: String,
    /// The client secret.
    pub secret: String,
    /// Whether the token address insists on the secret (KOE010).
    pub secret_on: bool,
    /// Registered redirect URIs, compared as strings (KOE006).
    pub redirect_uris: Vec<String>,
}

/// A consent item and when it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentItem {
    /// The scope id, such as `account_email`.
    pub scope: String,
    /// When it is asked.
    pub level: ItemLevel,
}

/// Terms of the service's own that the consent page of Kakao Sync shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceTerm {
    /// The name by which programs know it, such as `marketing`.
    pub tag: String,
    /// Title on the consent page.
    pub title: String,
    /// Whether the person cannot go on without it.
    pub required: bool,
}

/// When a consent item is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemLevel {
    /// 필수 동의: the person cannot go on without it.
    Required,
    /// 선택 동의: asked at the first link, may be declined.
    Optional,
    /// 이용 중 동의: asked only when `scope` names it.
    WhileUsing,
}

impl Settings {
    /// The seeded app and people for a service at `service_url`, such as
    /// `http://127.0.0.1:8080`. Registers `<service_url>/auth/kakao/callback` as redirect URI and
    /// `<service_url>/logged-out/kakao/done` as logout redirect URI.
    #[must_use]
    pub fn seeded(service_url: &str) -> Self {
        Self {
            app: AppSettings::seeded(service_url),
            people: seeded_people(),
            token_quota: false,
            public_url: None,
            clock: Clock::default(),
        }
    }
}

impl ServiceTerm {
    /// Terms with this tag and title.
    #[must_use]
    pub fn new(tag: &str, title: &str, required: bool) -> Self {
        Self {
            tag: tag.to_owned(),
            title: title.to_owned(),
            required,
        }
    }
}

impl AppSettings {
    /// The registered REST API key `client_id`, when there is one.
    #[must_use]
    pub fn rest_key(&self, client_id: &str) -> Option<&RestKey> {
        self.rest_keys.iter().find(|known| known.key == client_id)
    }

    /// When `scope` is asked; `None` when the console does not offer it (KOE205).
    #[must_use]
    pub fn level(&self, scope: &str) -> Option<ItemLevel> {
        let item = self.items.iter().find(|item| item.scope == scope)?;
        Some(item.level)
    }

    /// Whether `scope` may be asked for.
    pub(super) fn offers(&self, scope: &str) -> bool {
        self.level(scope).is_some() || (self.openid && scope == OPENID)
    }

    fn seeded(service_url: &str) -> Self {
        let service_url = service_url.trim_end_matches('/');
        let redirect_uris = vec![format!("{service_url}/auth/kakao/callback")];
        let item = |scope: &str, level| ConsentItem {
            scope: scope.to_owned(),
            level,
        };
        Self {
            name: "Kakao Gate".to_owned(),
            app_id: APP_ID,
            rest_keys: vec![
                RestKey {
                    key: REST_API_KEY.to_owned(),
                    secret: CLIENT_SECRET.to_owned(),
                    secret_on: true,
                    redirect_uris: redirect_uris.clone(),
                },
                RestKey {
                    key: OTHER_REST_API_KEY.to_owned(),
                    secret: OTHER_CLIENT_SECRET.to_owned(),
                    secret_on: true,
                    redirect_uris,
                },
            ],
            other_keys: vec![JAVASCRIPT_KEY.to_owned(), NATIVE_APP_KEY.to_owned()],
            admin_keys: vec![ADMIN_KEY.to_owned()],
            logout_redirect_uris: vec![format!("{service_url}/logged-out/kakao/done")],
            login_on: true,
            test_app: false,
            members: Vec::new(),
            refuse_under_14: true,
            openid: false,
            items: vec![
                item("profile_nickname", ItemLevel::Required),
                item("profile_image", ItemLevel::Optional),
                item("account_email", ItemLevel::Optional),
                item("age_range", ItemLevel::WhileUsing),
                item("birthday", ItemLevel::WhileUsing),
                item("gender", ItemLevel::WhileUsing),
            ],
            terms: Vec::new(),
            me_needs: Vec::new(),
            bare_app_users: false,
            legacy_properties: true,
            legacy_flags: true,
            scope_of_refresh: false,
            unknown_fields: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeded_keys_look_like_kakao_keys_and_differ() {
        let mut keys = vec![
            REST_API_KEY,
            OTHER_REST_API_KEY,
            JAVASCRIPT_KEY,
            NATIVE_APP_KEY,
            CLIENT_SECRET,
            OTHER_CLIENT_SECRET,
            ADMIN_KEY,
        ];
        for key in &keys {
            assert_eq!(key.len(), 32);
            assert!(key.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')));
        }
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 7);
    }

    #[test]
    fn a_trailing_slash_of_the_service_address_makes_no_double_slash() {
        let app = Settings::seeded("http://127.0.0.1:8080/").app;
        assert_eq!(
            app.rest_keys[0].redirect_uris,
            ["http://127.0.0.1:8080/auth/kakao/callback"]
        );
        assert_eq!(app.level("gender"), Some(ItemLevel::WhileUsing));
        assert_eq!(app.level("talk_message"), None);
    }
}
