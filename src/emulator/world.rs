//! The emulator's accounts, links, tokens and console, as tests see and change them.

use std::sync::Arc;

use super::Shared;
use super::people::Person;
use super::settings::AppSettings;
use super::state::Token;

/// A handle to what the emulator knows. People are named by their [`Person::key`].
#[derive(Clone, Debug)]
pub struct World(Arc<Shared>);

impl World {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Adds an account, replacing one with the same key, and answers its user id.
    pub fn add_person(&self, person: Person) -> i64 {
        let now = self.0.clock.now();
        self.0.state().add_person(person, now)
    }

    /// The account as it is now.
    #[must_use]
    pub fn person(&self, key: &str) -> Option<Person> {
        self.0.state().person(key).cloned()
    }

    /// The id by which the app knows the person.
    #[must_use]
    pub fn user_id(&self, key: &str) -> Option<i64> {
        self.0.state().person(key)?.user_id
    }

    /// Changes an account: a new nickname, another email. Its key and user id stay. False when
    /// nobody has this key.
    pub fn edit_person(&self, key: &str, change: impl FnOnce(&mut Person)) -> bool {
        let mut state = self.0.state();
        let Some(person) = state.people.iter_mut().find(|person| person.key == key) else {
            return false;
        };
        let (key, user_id) = (person.key.clone(), person.user_id);
        change(person);
        person.key = key;
        person.user_id = user_id;
        true
    }

    /// Changes the app's console settings: `login_on`, `test_app`, keys, redirect URIs, items.
    pub fn edit_app(&self, change: impl FnOnce(&mut AppSettings)) {
        change(&mut self.0.state().app);
    }

    /// The app's console settings.
    #[must_use]
    pub fn app(&self) -> AppSettings {
        self.0.state().app.clone()
    }

    /// Switches the per-user token quota on or off, see [`super::Settings::token_quota`].
    pub fn set_token_quota(&self, on: bool) {
        self.0.state().token_quota = on;
    }

    /// Whether the person is linked to the app.
    #[must_use]
    pub fn is_linked(&self, key: &str) -> bool {
        let state = self.0.state();
        let user_id = state.person(key).and_then(|person| person.user_id);
        user_id.is_some_and(|id| state.links.contains_key(&id))
    }

    /// The scopes the person has agreed to, in alphabetical order.
    #[must_use]
    pub fn agreed_scopes(&self, key: &str) -> Vec<String> {
        let state = self.0.state();
        let user_id = state.person(key).and_then(|person| person.user_id);
        let link = user_id.and_then(|id| state.links.get(&id));
        link.iter().flat_map(|link| &link.scopes).cloned().collect()
    }

    /// Withdraws a consent from Kakao's side, as a person does on their account's pages; their
    /// tokens stay. False when there was none.
    pub fn withdraw_consent(&self, key: &str, scope: &str) -> bool {
        let mut state = self.0.state();
        let user_id = state.person(key).and_then(|person| person.user_id);
        let link = user_id.and_then(|id| state.links.get_mut(&id));
        link.is_some_and(|link| link.scopes.remove(scope))
    }

    /// The tags of the service terms that the person has agreed to, in alphabetical order.
    #[must_use]
    pub fn agreed_terms(&self, key: &str) -> Vec<String> {
        let state = self.0.state();
        let user_id = state.person(key).and_then(|person| person.user_id);
        let link = user_id.and_then(|id| state.links.get(&id));
        let terms = link.iter().flat_map(|link| link.terms.keys());
        terms.cloned().collect()
    }

    /// Ends the link from Kakao's side, as a person does on the page of connected services.
    /// False when there was none.
    pub fn unlink_from_kakao(&self, key: &str) -> bool {
        let mut state = self.0.state();
        let user_id = state.person(key).and_then(|person| person.user_id);
        user_id.is_some_and(|id| state.unlink(id))
    }

    /// Access tokens of the user that would be accepted now, the newest first.
    #[must_use]
    pub fn live_access_tokens(&self, user_id: i64) -> Vec<String> {
        let now = self.0.clock.now();
        let state = self.0.state();
        let is_live = |token: &Token| token.user_id == user_id && token.expires_at > now;
        let live = state.access.newest().filter(|(_, token)| is_live(token));
        live.map(|(name, _)| name.to_owned()).collect()
    }

    /// Refresh tokens of the user that would be accepted now, the newest first.
    #[must_use]
    pub fn live_refresh_tokens(&self, user_id: i64) -> Vec<String> {
        let now = self.0.clock.now();
        let state = self.0.state();
        let is_live = |token: &Token| token.user_id == user_id && token.expires_at > now;
        let live = state.refresh.newest().filter(|(_, token)| is_live(token));
        live.map(|(name, _)| name.to_owned()).collect()
    }

    /// Lets every access token of the user expire now (-401 `already expired`).
    pub fn expire_access_tokens(&self, user_id: i64) {
        let now = self.0.clock.now();
        let mut state = self.0.state();
        let of_user = |token: &&mut Token| token.user_id == user_id;
        for token in state.access.values_mut().filter(of_user) {
            token.expires_at = token.expires_at.min(now);
        }
    }

    /// Lets every refresh token of the user expire now (KOE322).
    pub fn expire_refresh_tokens(&self, user_id: i64) {
        let now = self.0.clock.now();
        let mut state = self.0.state();
        let of_user = |token: &&mut Token| token.user_id == user_id;
        for token in state.refresh.values_mut().filter(of_user) {
            token.expires_at = token.expires_at.min(now);
        }
    }

    /// Revokes every token of the user, the link stays (-401 `does not exist`, KOE322).
    pub fn revoke_tokens(&self, user_id: i64) {
        self.0.state().revoke_all(user_id);
    }

    /// Puts everything back to how the emulator started, its clock included.
    pub fn reset(&self) {
        self.0.reset();
    }
}
