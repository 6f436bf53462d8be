//! What people do, one file a story. A flow knows the rules and the order of things; it knows
//! nothing of HTTP, and does what must be atomic in one `store.write`.

pub mod account;
pub mod admin;
mod api_keys;
mod arrival;
mod attempt;
mod chain;
mod devices;
mod failure;
mod id_token;
mod join;
mod kakao_consents;
mod kakao_terms;
mod kakao_tokens;
mod letters;
mod login;
mod logout;
mod newcomer;
mod next;
pub mod owed;
mod password;
pub mod preflight;
pub mod reconcile;
mod session;
mod sites;
mod throttle;
mod tokens;
mod unsuccessful;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use time::OffsetDateTime;
use tokio::sync::Notify;
use uuid::Uuid;

pub use api_keys::{NewKey, NotMade, NotRevoked};
pub use attempt::{Attempt, Attempts, Bound, Purpose};
pub use chain::{Checked, Integrity, Watch};
pub use failure::{LoginFailure, Why};
pub use join::{Application, Asked, DeadLink, Flaw, JoinRefusal, Joined, Opened, TooMany, Typed};
pub use kakao_consents::{ConsentItem, Withdrawn};
pub use kakao_terms::KakaoTerm;
pub use kakao_tokens::{Holder, NoAccess};
pub use login::{Begun, Callback, Completed, Ending};
pub use logout::Reach;
pub use newcomer::{LIFE as DECISION_LIFE, Undecided, Unjoined};
pub use next::Next;
pub use password::{
    Change, ChangeRefusal, Entered, Knock, Known, PasswordStanding, Refused, ResetRefusal, Trouble,
};
pub use sites::{Sites, WAY_BACK};
pub use tokens::{AccessKeys, HandedOver, Issued, NotIssued, NotShown, NotTaken};
pub use webhooks::{Heard, LONGEST_EVENT, Unheard, Unlink};

use crate::clock::Clock;
use crate::config::PublicUrl;
use crate::i18n::Lang;
use crate::kakao::Kakao;
pub use crate::kakao::Weather;
use crate::mail::Postman;
use crate::member::{KakaoId, MemberId, Role, Session, SignedIn};
use crate::password::{Hasher, Lengths};
use crate::random::Random;
use crate::session::Token;
use crate::store::audit::Outcome;
use crate::store::{self, AnyConnection, Store, audit, members, sessions};
use crate::telemetry::Metrics;
use crate::terms::Agreements;
use crate::vault::Vault;

/// A session's last use is written down when the last note is older than this: devices show
/// minutes, and a write a request would cost more than the request.
const TOUCH_AFTER: time::Duration = time::Duration::minutes(1);

/// Everything the stories need, made once by `app.rs`. Clones share it.
#[derive(Clone)]
pub struct Gate {
    /// What time it is.
    pub clock: Clock,
    /// Unguessable values.
    pub random: Random,
    /// Sealing.
    pub vault: Arc<Vault>,
    /// The database.
    pub store: Store,
    /// The upstream.
    pub kakao: Kakao,
    /// Who carries mail; nobody where `SMTP_URL` is not set.
    pub postman: Option<Postman>,
    /// Hashing of passwords.
    pub hasher: Hasher,
    /// Counters.
    pub metrics: Metrics,
    /// The rules that settings decide.
    pub rules: Arc<Rules>,
    /// Rung when Kakao is owed a call, so that it need not wait for the next round.
    pub owed: Arc<Notify>,
    /// What this process remembers of the audit log.
    pub watch: Arc<Watch>,
    /// The figures of the dashboard that were read last.
    pub figures: Arc<admin::dashboard::Figures>,
    /// Rung when a letter waits.
    pub letters: Arc<Notify>,
    /// Rung when Kakao has told us something.
    pub webhooks: Arc<Notify>,
    /// The keys that sign access tokens, as they were read last.
    pub access: Arc<AccessKeys>,
}

/// How long somebody who has signed in, or has done so again, need not prove who they are.
pub const PROOF: time::Duration = time::Duration::minutes(10);

/// A session that is to end with the browser ends on our side when it was not used for this long:
/// browsers that restore what was open bring such cookies back.
const BRIEF_IDLE: Duration = Duration::from_secs(2 * 3_600);

/// The longest that such a session lasts.
const BRIEF_MAX: Duration = Duration::from_secs(12 * 3_600);

/// The rules that settings decide.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Our app's number at Kakao.
    pub app_id: i64,
    /// Terms that people agree to on Kakao's consent screen are read after each sign-in.
    pub service_terms: bool,
    /// The address people see.
    pub public_url: PublicUrl,
    /// Whom access tokens are for.
    pub api_audience: String,
    /// What the service is called; `None` leaves it to the texts.
    pub service_name: Option<String>,
    /// How long a password may be.
    pub password_lengths: Lengths,
    /// What is asked of those who join.
    pub agreements: Agreements,
    /// How many sign-ups by email one network may begin in an hour; 0: as many as it likes.
    pub joins_per_hour: u32,
    /// A session unused for this long ends.
    pub session_idle: Duration,
    /// A session this old ends.
    pub session_max: Duration,
    /// A session of somebody with a role in the administration ends when unused for this long.
    pub staff_idle: Duration,
    /// Addresses that make somebody who comes for the first time an owner, as Kakao confirmed
    /// them.
    pub owner_emails: Vec<String>,
    /// Kakao's member numbers that do the same.
    pub owner_kakao_ids: Vec<KakaoId>,
    /// A part of a name finds members only together with one more condition.
    pub search_strict: bool,
    /// Members whose only way in was a Kakao account are erased when Kakao tells that it is not
    /// connected any more.
    pub withdraw_unlinked: bool,
    /// How long entries of the audit log are kept.
    pub audit_retention: Duration,
}

/// Where a request comes from, for the session row, the audit log and the log.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The client's address.
    pub ip: String,
    /// What the client calls itself, at most 512 characters.
    pub user_agent: String,
    /// The request's id.
    pub request_id: String,
}

impl Origin {
    /// Of what the service does by itself.
    #[must_use]
    pub fn system() -> Self {
        Self::named("system")
    }

    /// Of what an operator types.
    #[must_use]
    pub fn command_line() -> Self {
        Self::named("cli")
    }

    fn named(name: &str) -> Self {
        Self {
            ip: name.to_owned(),
            user_agent: String::new(),
            request_id: String::new(),
        }
    }
}

impl Rules {
    /// How long a session of somebody of this role may go unused.
    #[must_use]
    pub fn idle_of(&self, role: Role) -> Duration {
        if role.is_staff() {
            self.staff_idle.min(self.session_idle)
        } else {
            self.session_idle
        }
    }

    /// The same, where it is to end with the browser if `brief`.
    #[must_use]
    pub fn idle_of_brief(&self, role: Role, brief: bool) -> Duration {
        let idle = self.idle_of(role);
        if brief { idle.min(BRIEF_IDLE) } else { idle }
    }
}

impl Gate {
    /// Who holds `token`: the one read behind every request of somebody signed in.
    ///
    /// # Errors
    /// The store's; never a guess.
    pub async fn who(&self, token: &Token) -> Result<sessions::Found, store::Error> {
        let (id, secret_hash) = (token.id(), token.secret_hash());
        let (app_id, now) = (self.rules.app_id, self.clock.now());
        let found = self
            .store
            .read_promptly(move |connection| {
                sessions::find(connection, id, &secret_hash, app_id, now)
            })
            .await?;
        if let sessions::Found::Live(signed_in) = &found
            && now - signed_in.session.last_seen_at > TOUCH_AFTER
        {
            self.touch_later(&signed_in.session, signed_in.member.role, now);
        }
        Ok(found)
    }

    /// Whether somebody has proved who they are within the last ten minutes: a proof is a login,
    /// and a login is a new session. One in which nobody was asked anything is none.
    #[must_use]
    pub fn is_proved(&self, signed_in: &SignedIn) -> bool {
        let session = &signed_in.session;
        !session.unasked && self.clock.now() - session.created_at < PROOF
    }

    /// Kakao's issuer identifier.
    #[must_use]
    pub fn kakao_issuer(&self) -> &str {
        self.kakao.issuer()
    }

    /// Remembers the language that a member chose.
    ///
    /// # Errors
    /// The store's.
    pub async fn choose_language(&self, member: MemberId, lang: Lang) -> Result<(), store::Error> {
        self.store
            .write(move |connection| members::choose_locale(connection, member, lang.code()))
            .await
    }

    /// Notes the use of a session beside the request. A note that fails costs a minute's
    /// accuracy, never the request, and one that would have to wait is not made.
    fn touch_later(&self, session: &Session, role: Role, now: OffsetDateTime) {
        let (store, id) = (self.store.clone(), session.id);
        let idle = self.rules.idle_of_brief(role, session.brief);
        let idle_ends_at = session.ends_at.min(now + idle);
        tokio::spawn(async move {
            let touched = store
                .write_if_idle(move |connection| sessions::touch(connection, id, now, idle_ends_at))
                .await;
            if let Err(error) = touched {
                tracing::debug!(%error, session.id = %id, "last use of a session not noted");
            }
        });
    }

    /// Appends to the audit log, inside the transaction that did what is told and as the last
    /// thing there: on PostgreSQL all who append wait for one another from here to the commit.
    fn audit(
        &self,
        connection: &mut AnyConnection,
        what: &[Audited<'_>],
        now: OffsetDateTime,
    ) -> Result<(), store::Error> {
        let events = what.iter().map(|what| {
            Ok(audit::Event {
                id: self.random.id(now)?,
                at: now,
                actor: what.actor,
                subject: what.subject,
                ip: what.origin.ip.clone(),
                action: what.action,
                result: what.result,
                reason: what.reason.clone(),
                detail: what.detail.clone(),
                request_id: what.origin.request_id.clone(),
            })
        });
        let events = events.collect::<Result<Vec<_>, store::Error>>()?;
        audit::append(connection, &self.vault, &events)
    }
}

impl Gate {
    /// Writes down, in a transaction of its own, that somebody looked at something; to be done
    /// before it is shown.
    async fn audit_look(
        &self,
        actor: Option<MemberId>,
        action: &'static str,
        detail: String,
        origin: &Origin,
    ) -> Result<(), store::Error> {
        let (gate, from, now) = (self.clone(), origin.clone(), self.clock.now());
        self.store
            .write(move |connection| {
                let entry = Audited {
                    actor,
                    subject: None,
                    action,
                    result: Outcome::Success,
                    reason: None,
                    detail: Some(detail).filter(|detail| !detail.is_empty()),
                    origin: &from,
                };
                gate.audit(connection, &[entry], now)
            })
            .await
    }
}

/// Something worth an entry in the audit log.
struct Audited<'a> {
    actor: Option<MemberId>,
    subject: Option<MemberId>,
    action: &'static str,
    result: Outcome,
    reason: Option<String>,
    detail: Option<String>,
    origin: &'a Origin,
}

impl<'a> Audited<'a> {
    /// What a person did to their own account.
    fn own(member: MemberId, action: &'static str, origin: &'a Origin) -> Self {
        Self {
            actor: Some(member),
            subject: Some(member),
            action,
            result: Outcome::Success,
            reason: None,
            detail: None,
            origin,
        }
    }

    /// A role that somebody was given because the settings name them.
    fn role_by_settings(member: MemberId, role: Role, origin: &'a Origin) -> Self {
        Self {
            actor: None,
            detail: Some(format!("member → {}", role.code())),
            reason: Some("settings".to_owned()),
            ..Self::own(member, "member.role", origin)
        }
    }

    /// Not allowed, for a reason with this stable code.
    fn refused(self, reason: &str) -> Self {
        Self {
            result: Outcome::Refused,
            reason: Some(reason.to_owned()),
            ..self
        }
    }
}

/// One structured line a sign-in, sign-out or refusal: who, from where, what, with what result.
fn log_event(action: &'static str, member: MemberId, session: Uuid, origin: &Origin) {
    tracing::info!(
        action,
        result = "success",
        member.id = %member,
        session.id = %session,
        client.address = %origin.ip,
        request.id = %origin.request_id,
        "account event"
    );
}
