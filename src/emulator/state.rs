//! What the emulator remembers: accounts, their links to the app, and what it has handed out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use time::{Duration, OffsetDateTime};

use super::fault::Faults;
use super::journal::Journal;
use super::ledger::Ledger;
use super::mail::Mailbox;
use super::people::Person;
use super::random::{NoRandomness, Random};
use super::settings::{AppSettings, Settings};
use super::signing::{Alteration, Ring};

/// Life of an authorization code.
pub(super) const CODE_LIFE: Duration = Duration::minutes(10);
/// Life of an access token of a REST API key, as observed: six hours less a second.
pub(super) const ACCESS_LIFE: Duration = Duration::seconds(21_599);
/// Life of a refresh token, as observed: sixty days less a second.
pub(super) const REFRESH_LIFE: Duration = Duration::seconds(5_183_999);
/// A refresh answers with a new refresh token once the presented one has less than this left.
pub(super) const RENEW_BELOW: Duration = Duration::days(30);
/// Life of the Kakao account session, counted from signing in and never extended.
pub(super) const SESSION_LIFE: Duration = Duration::hours(24);
/// The same with 로그인 상태 유지.
pub(super) const KEPT_SESSION_LIFE: Duration = Duration::days(30);

/// Expired tokens are still told apart from unknown ones for this long.
const REMEMBERED: Duration = Duration::days(1);
const MOST_TOKENS: usize = 100_000;
const MOST_CODES: usize = 10_000;
const MOST_SESSIONS: usize = 10_000;

/// Everything that changes while the emulator runs.
#[derive(Debug)]
pub(super) struct State {
    pub(super) app: AppSettings,
    pub(super) token_quota: bool,
    /// Accounts in the order of the chooser.
    pub(super) people: Vec<Person>,
    /// Links to the app by user id.
    pub(super) links: BTreeMap<i64, Link>,
    pub(super) codes: Ledger<Code>,
    pub(super) access: Ledger<Token>,
    pub(super) refresh: Ledger<Token>,
    pub(super) sessions: Ledger<Session>,
    pub(super) faults: Faults,
    pub(super) journal: Journal,
    pub(super) mailbox: Mailbox,
    /// The keys that sign ID tokens.
    pub(super) ring: Ring,
    /// What is wrong with the ID tokens, when something is to be.
    pub(super) alteration: Option<Alteration>,
    /// When the user list was asked for within the last minute.
    pub(super) listed: VecDeque<OffsetDateTime>,
    issued: BTreeMap<i64, Issued>,
    logins: u64,
    next_user_id: i64,
}

/// A person's connection to the app.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) connected_at: OffsetDateTime,
    /// Scope ids agreed to.
    pub(super) scopes: BTreeSet<String>,
    /// Service terms agreed to, by tag.
    pub(super) terms: BTreeMap<String, AgreedTerm>,
    /// When terms were last agreed to at sign-up with Kakao Sync.
    pub(super) synched_at: Option<OffsetDateTime>,
}

/// How service terms were agreed to.
#[derive(Clone, Copy, Debug)]
pub(super) struct AgreedTerm {
    pub(super) at: OffsetDateTime,
    /// `KAUTH` for the consent page, `KAPI` for the service's own word.
    pub(super) by: &'static str,
}

/// What a person has newly agreed to on the consent page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Agreed {
    pub(super) scopes: BTreeSet<String>,
    pub(super) terms: BTreeSet<String>,
}

/// What `user/me` tells the tokens of one sign-in about the email, whatever the account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum EmailScenario {
    /// The truth.
    #[default]
    AsIs,
    /// As if `account_email` had been declined.
    Declined,
    /// `is_email_verified` false.
    Unverified,
}

/// An authorization code.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub(super) client_id: String,
    pub(super) redirect_uri: String,
    pub(super) user_id: i64,
    /// S256 challenge of RFC 7636, when the client sent one.
    pub(super) challenge: Option<String>,
    pub(super) email: EmailScenario,
    /// When the person gave Kakao their credentials.
    pub(super) authenticated_at: OffsetDateTime,
    /// An ID token comes with the tokens.
    pub(super) openid: bool,
    pub(super) nonce: Option<String>,
    pub(super) expires_at: OffsetDateTime,
    pub(super) used: bool,
}

/// An access or refresh token.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) user_id: i64,
    pub(super) client_id: String,
    /// Tokens of one code exchange, and of its refreshes, share this number and end together.
    pub(super) login: u64,
    pub(super) email: EmailScenario,
    /// When the person gave Kakao their credentials, for a token that came with an ID token.
    pub(super) openid: Option<OffsetDateTime>,
    pub(super) expires_at: OffsetDateTime,
}

/// A browser signed in to its Kakao account.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// Key of the person.
    pub(super) person: String,
    pub(super) opened_at: OffsetDateTime,
    pub(super) expires_at: OffsetDateTime,
}

/// When tokens were last issued to one user, for the quota.
#[derive(Debug, Default)]
struct Issued {
    access: VecDeque<OffsetDateTime>,
    refresh: VecDeque<OffsetDateTime>,
}

impl Link {
    /// A link without any consent.
    pub(super) fn new(connected_at: OffsetDateTime) -> Self {
        Self {
            connected_at,
            scopes: BTreeSet::new(),
            terms: BTreeMap::new(),
            synched_at: None,
        }
    }

    /// Whether the app has the item `scope` configured and the person agrees to it.
    pub(super) fn allows(&self, app: &AppSettings, scope: &str) -> bool {
        app.level(scope).is_some() && self.scopes.contains(scope)
    }
}

impl EmailScenario {
    /// The scenario of this name in the chooser's form; any other text is none.
    pub(super) fn named(name: &str) -> Self {
        match name {
            "email-declined" => Self::Declined,
            "email-unverified" => Self::Unverified,
            _ => Self::AsIs,
        }
    }

    /// The inverse of [`EmailScenario::named`].
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AsIs => "",
            Self::Declined => "email-declined",
            Self::Unverified => "email-unverified",
        }
    }

    /// Changes what is about to be told of an account.
    pub(super) fn apply(self, person: &mut Person, link: &mut Link) {
        match self {
            Self::AsIs => {}
            Self::Declined => {
                link.scopes.remove("account_email");
            }
            Self::Unverified => {
                if let Some(email) = &mut person.email {
                    email.verified = false;
                }
            }
        }
    }
}

impl State {
    pub(super) fn new(settings: &Settings) -> Self {
        let now = settings.clock.now();
        let mut state = Self {
            app: settings.app.clone(),
            token_quota: settings.token_quota,
            people: Vec::new(),
            links: BTreeMap::new(),
            codes: Ledger::new(MOST_CODES),
            access: Ledger::new(MOST_TOKENS),
            refresh: Ledger::new(MOST_TOKENS),
            sessions: Ledger::new(MOST_SESSIONS),
            faults: Faults::default(),
            journal: Journal::default(),
            mailbox: Mailbox::default(),
            ring: Ring::default(),
            alteration: None,
            listed: VecDeque::new(),
            issued: BTreeMap::new(),
            logins: 0,
            next_user_id: 2_900_001_001,
        };
        for person in &settings.people {
            state.add_person(person.clone(), now);
        }
        state
    }

    /// Adds an account, replacing one with the same key, and answers its user id.
    pub(super) fn add_person(&mut self, mut person: Person, now: OffsetDateTime) -> i64 {
        let user_id = person.user_id.unwrap_or(self.next_user_id);
        if person.user_id.is_none() {
            self.next_user_id += 1;
        }
        person.user_id = Some(user_id);
        if let Some(scopes) = &person.linked {
            self.links.insert(
                user_id,
                Link {
                    scopes: scopes.iter().cloned().collect(),
                    ..Link::new(now - Duration::days(30))
                },
            );
        }
        self.people.retain(|known| known.key != person.key);
        self.people.push(person);
        user_id
    }

    pub(super) fn person(&self, key: &str) -> Option<&Person> {
        self.people.iter().find(|person| person.key == key)
    }

    pub(super) fn person_by_id(&self, user_id: i64) -> Option<&Person> {
        let is_asked = |person: &&Person| person.user_id == Some(user_id);
        self.people.iter().find(is_asked)
    }

    /// Links `user_id` to the app or adds to what an existing link was agreed to with.
    pub(super) fn agree(&mut self, user_id: i64, agreed: Agreed, now: OffsetDateTime) {
        let link = self.links.entry(user_id);
        let link = link.or_insert_with(|| Link::new(now));
        link.scopes.extend(agreed.scopes);
        if agreed.terms.is_empty() {
            return;
        }
        link.synched_at = Some(now);
        let by_person = AgreedTerm {
            at: now,
            by: "KAUTH",
        };
        let terms = agreed.terms.into_iter().map(|tag| (tag, by_person));
        link.terms.extend(terms);
    }

    /// Withdraws consent, removes the link and revokes every token and code of the user.
    /// False when there was no link.
    pub(super) fn unlink(&mut self, user_id: i64) -> bool {
        self.revoke_all(user_id);
        self.codes.retain(|code| code.user_id != user_id);
        self.links.remove(&user_id).is_some()
    }

    /// Revokes every access and refresh token of the user.
    pub(super) fn revoke_all(&mut self, user_id: i64) {
        self.access.retain(|token| token.user_id != user_id);
        self.refresh.retain(|token| token.user_id != user_id);
    }

    /// Revokes the tokens of one sign-in.
    pub(super) fn revoke_login(&mut self, login: u64) {
        self.access.retain(|token| token.login != login);
        self.refresh.retain(|token| token.login != login);
    }

    /// A number for the tokens of a new sign-in.
    pub(super) fn new_login(&mut self) -> u64 {
        self.logins += 1;
        self.logins
    }

    pub(super) fn issue_code(
        &mut self,
        random: &Random,
        code: Code,
        now: OffsetDateTime,
    ) -> Result<String, NoRandomness> {
        let name = random.code()?;
        let over = |old: &Code| old.expires_at + CODE_LIFE < now;
        self.codes.insert(name.clone(), code, over);
        Ok(name)
    }

    pub(super) fn issue_access(
        &mut self,
        random: &Random,
        token: Token,
        now: OffsetDateTime,
    ) -> Result<String, NoRandomness> {
        let name = random.token()?;
        if self.token_quota {
            let issued = self.issued.entry(token.user_id).or_default();
            issued.access.push_back(now);
        }
        let over = |old: &Token| old.expires_at + REMEMBERED < now;
        self.access.insert(name.clone(), token, over);
        Ok(name)
    }

    pub(super) fn issue_refresh(
        &mut self,
        random: &Random,
        token: Token,
        now: OffsetDateTime,
    ) -> Result<String, NoRandomness> {
        let name = random.token()?;
        if self.token_quota {
            let issued = self.issued.entry(token.user_id).or_default();
            issued.refresh.push_back(now);
        }
        let over = |old: &Token| old.expires_at + REMEMBERED < now;
        self.refresh.insert(name.clone(), token, over);
        Ok(name)
    }

    /// Whether the user has had 20 access tokens within 10 minutes or 30 refresh tokens within
    /// 60 minutes.
    pub(super) fn over_quota(&mut self, user_id: i64, now: OffsetDateTime) -> bool {
        let Some(issued) = self.issued.get_mut(&user_id) else {
            return false;
        };
        let within = |times: &mut VecDeque<OffsetDateTime>, window: Duration| {
            times.retain(|at| *at + window > now);
            times.len()
        };
        let access = within(&mut issued.access, Duration::minutes(10));
        let refresh = within(&mut issued.refresh, Duration::minutes(60));
        self.token_quota && (access >= 20 || refresh >= 30)
    }

    /// Signs a browser in to its Kakao account and answers the cookie's value.
    pub(super) fn open_session(
        &mut self,
        random: &Random,
        person: &str,
        life: Duration,
        now: OffsetDateTime,
    ) -> Result<String, NoRandomness> {
        let name = random.session()?;
        let session = Session {
            person: person.to_owned(),
            opened_at: now,
            expires_at: now + life,
        };
        let over = |old: &Session| old.expires_at < now;
        self.sessions.insert(name.clone(), session, over);
        Ok(name)
    }

    /// Whom the browser with this cookie is signed in as.
    pub(super) fn session_person(&self, cookie: &str, now: OffsetDateTime) -> Option<&Person> {
        let session = self.sessions.get(cookie)?;
        if session.expires_at <= now {
            return None;
        }
        self.person(&session.person)
    }

    /// When the browser with this cookie signed in as `person`; now, when it has not.
    pub(super) fn signed_in_at(
        &self,
        cookie: &str,
        person: &str,
        now: OffsetDateTime,
    ) -> OffsetDateTime {
        let session = self.sessions.get(cookie);
        let session = session.filter(|it| it.person == person && it.expires_at > now);
        session.map_or(now, |session| session.opened_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unlinking_takes_every_token_and_code_of_that_user_only() {
        let settings = Settings::seeded("http://127.0.0.1:1");
        let now = settings.clock.now();
        let random = Random::default();
        let mut state = State::new(&settings);
        let token = |user_id| Token {
            user_id,
            client_id: String::new(),
            login: 1,
            email: EmailScenario::AsIs,
            openid: None,
            expires_at: now + ACCESS_LIFE,
        };
        state.agree(1, Agreed::default(), now);
        let mine = state.issue_access(&random, token(1), now).unwrap();
        let other = state.issue_access(&random, token(2), now).unwrap();
        assert!(state.unlink(1));
        assert!(!state.unlink(1), "already unlinked");
        assert!(state.access.get(&mine).is_none());
        assert!(state.access.get(&other).is_some());
    }

    #[test]
    fn a_session_ends_a_day_after_it_began() {
        let settings = Settings::seeded("http://127.0.0.1:1");
        let now = settings.clock.now();
        let mut state = State::new(&settings);
        let cookie = state
            .open_session(&Random::default(), "ordinary", SESSION_LIFE, now)
            .unwrap();
        let almost = now + SESSION_LIFE - Duration::SECOND;
        assert!(state.session_person(&cookie, almost).is_some());
        assert!(state.session_person(&cookie, now + SESSION_LIFE).is_none());
    }
}
