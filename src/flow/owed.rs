//! Paying what we owe Kakao: revoking the tokens of sessions that have ended, and of people who
//! were not let in.
//!
//! The debt is written in the transaction that ends the session, so it survives anything; it is
//! paid beside the request, again and again until Kakao has taken it or the token has expired
//! by itself. A lease keeps two instances from paying the same debt.

use std::time::Duration;

use futures_util::future::join_all;
use time::OffsetDateTime;
use uuid::Uuid;

use super::Gate;
use super::arrival::access_token_context;
use super::join::Wish;
use super::password::Forgotten;
use crate::kakao::{self, AccessToken};
use crate::mail::{self, Message};
use crate::member::{KakaoId, MemberId};
use crate::store::members::{account, acts};
use crate::store::outbox::{self, DueCall, End, Kind, Lane, NewCall};
use crate::store::sessions::{Ended, own};
use crate::store::{self, AnyConnection};

/// How many debts are paid at once.
const BATCH: i64 = 8;

/// How long a debt is ours once we took it up; longer than any call to Kakao takes.
const LEASE: time::Duration = time::Duration::seconds(60);

/// The first wait after a failure; each further one is four times as long, up to [`LONGEST`].
const SHORTEST: Duration = Duration::from_secs(5);

/// The longest wait between two tries.
const LONGEST: Duration = Duration::from_secs(3_600);

/// How long a logout by admin key is tried: by then Kakao's access tokens have long expired.
const BY_ADMIN_KEY: time::Duration = time::Duration::DAY;

/// The longest that a page waits to tell whether Kakao has done what it was asked.
const WORTH_WAITING: Duration = Duration::from_secs(2);

/// How often it looks meanwhile.
const PEEK: Duration = Duration::from_millis(50);

/// A token to be revoked, or a connection to be dissolved with it.
pub(super) struct Revocation<'a> {
    pub(super) kind: Kind,
    pub(super) member: Option<MemberId>,
    /// The access token, or the person's number at Kakao.
    pub(super) told: &'a [u8],
    pub(super) expires_at: OffsetDateTime,
}

/// How long the end of a connection is asked for by admin key: through any outage.
const UNLINK_BY_ADMIN_KEY: time::Duration = time::Duration::days(30);

/// Writes a debt down; its id is for whoever may take it back.
pub(super) fn owe(
    gate: &Gate,
    connection: &mut AnyConnection,
    revocation: &Revocation<'_>,
    now: OffsetDateTime,
) -> Result<Uuid, store::Error> {
    let id = gate.random.id(now)?;
    let call = NewCall {
        id,
        kind: revocation.kind,
        member: revocation.member,
        sealed_token: gate.vault.seal(&context(id), revocation.told)?,
        created_at: now,
        expires_at: revocation.expires_at,
    };
    outbox::owe(connection, &call)?;
    Ok(id)
}

/// What a debt's token is sealed for.
fn context(debt: Uuid) -> String {
    format!("outbox.sealed_token/{debt}")
}

/// What Kakao is asked to do.
enum Told {
    Logout(AccessToken),
    Unlink(AccessToken),
    LogoutEverywhere(KakaoId),
    UnlinkById(KakaoId),
    Mail(Message),
    Forgotten(Forgotten),
    Join(Wish),
}

/// What became of one try.
enum Payment {
    Done,
    /// It may work another time.
    Later(String),
    /// It will not; as what it is closed, and why.
    Never(End, String),
}

impl From<Result<(), store::Error>> for Payment {
    fn from(written: Result<(), store::Error>) -> Self {
        match written {
            Ok(()) => Self::Done,
            Err(error) => Self::Later(error.to_string()),
        }
    }
}

impl Told {
    fn parse(kind: Kind, text: &str) -> Option<Self> {
        Some(match kind {
            Kind::Logout => Self::Logout(text.parse().ok()?),
            Kind::Unlink => Self::Unlink(text.parse().ok()?),
            Kind::LogoutEverywhere => Self::LogoutEverywhere(text.parse().ok()?),
            Kind::UnlinkById => Self::UnlinkById(text.parse().ok()?),
            Kind::Mail => Self::Mail(serde_json::from_str(text).ok()?),
            Kind::Forgotten => Self::Forgotten(serde_json::from_str(text).ok()?),
            Kind::Join => Self::Join(serde_json::from_str(text).ok()?),
        })
    }
}

impl Gate {
    /// Owes Kakao the revocation of an ended session's token, if it has one.
    pub(super) fn owe_for(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        ended: &Ended,
        now: OffsetDateTime,
    ) -> Result<(), store::Error> {
        let Some((sealed, expires_at)) = &ended.kakao_access else {
            return Ok(());
        };
        // A token sealed with a key that was dropped since cannot be revoked by anybody.
        let Some(token) = self.vault.open(&access_token_context(ended.id), sealed) else {
            return Ok(());
        };
        let revocation = Revocation {
            kind: Kind::Logout,
            member: Some(member),
            told: &token,
            expires_at: *expires_at,
        };
        owe(self, connection, &revocation, now).map(drop)
    }

    /// Owes a member a letter, for as long as there is a point in it.
    pub(super) fn owe_letter(
        &self,
        connection: &mut AnyConnection,
        member: Option<MemberId>,
        message: &Message,
        life: time::Duration,
        now: OffsetDateTime,
    ) -> Result<(), store::Error> {
        let told = serde_json::to_vec(message)
            .map_err(|_| store::Error::Work("a letter could not be written down"))?;
        let revocation = Revocation {
            kind: Kind::Mail,
            member,
            told: &told,
            expires_at: now + life,
        };
        owe(self, connection, &revocation, now).map(drop)
    }

    /// Owes Kakao the end of a member's connection to our app: by admin key, or without one by a
    /// token that a session still has. `None` when there is neither, and only the person can end
    /// it. To be called while the sessions still have their tokens.
    pub(super) fn owe_unlink(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        id: KakaoId,
        now: OffsetDateTime,
    ) -> Result<Option<Uuid>, store::Error> {
        if let Some(debt) = self.owe_unlink_by_id(connection, Some(member), id, now)? {
            return Ok(Some(debt));
        }
        for (session, sealed, expires_at) in own::kakao_access(connection, member, now)? {
            let Some(token) = self.vault.open(&access_token_context(session), &sealed) else {
                continue;
            };
            let revocation = Revocation {
                kind: Kind::Unlink,
                member: Some(member),
                told: &token,
                expires_at,
            };
            return owe(self, connection, &revocation, now).map(Some);
        }
        Ok(None)
    }

    /// The same for a member whose program has shown a token of theirs, so that there is always one
    /// to end the connection with.
    pub(super) fn owe_unlink_with(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        id: KakaoId,
        (token, expires_at): (&AccessToken, OffsetDateTime),
        now: OffsetDateTime,
    ) -> Result<Uuid, store::Error> {
        if let Some(debt) = self.owe_unlink_by_id(connection, Some(member), id, now)? {
            return Ok(debt);
        }
        let revocation = Revocation {
            kind: Kind::Unlink,
            member: Some(member),
            told: token.expose().as_bytes(),
            expires_at,
        };
        owe(self, connection, &revocation, now)
    }

    /// The same by admin key, which works for as long as there is a connection; `None` where there
    /// is no such key.
    pub(super) fn owe_unlink_by_id(
        &self,
        connection: &mut AnyConnection,
        member: Option<MemberId>,
        id: KakaoId,
        now: OffsetDateTime,
    ) -> Result<Option<Uuid>, store::Error> {
        if !self.kakao.has_admin_key() {
            return Ok(None);
        }
        let id = id.to_string();
        let revocation = Revocation {
            kind: Kind::UnlinkById,
            member,
            told: id.as_bytes(),
            expires_at: now + UNLINK_BY_ADMIN_KEY,
        };
        owe(self, connection, &revocation, now).map(Some)
    }

    /// Whether Kakao takes a call that was just written down before this page has to be answered.
    pub(super) async fn is_paid_soon(&self, debt: Uuid) -> Result<bool, store::Error> {
        self.owed.notify_one();
        let deadline = tokio::time::Instant::now() + WORTH_WAITING;
        loop {
            let done = self
                .store
                .read(move |connection| outbox::is_done(connection, debt))
                .await?;
            if done || tokio::time::Instant::now() >= deadline {
                return Ok(done);
            }
            tokio::time::sleep(PEEK).await;
        }
    }

    /// Owes Kakao the end of every token of a member whose sessions have all `ended`: by
    /// admin key, which reaches tokens that no session of ours holds any more, or without one by
    /// the tokens we have.
    pub(super) fn owe_everything(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        ended: &[Ended],
        now: OffsetDateTime,
    ) -> Result<(), store::Error> {
        if self.kakao.has_admin_key() {
            let Some(id) = acts::kakao_id(connection, self.rules.app_id, member)? else {
                return Ok(());
            };
            let id = id.to_string();
            let revocation = Revocation {
                kind: Kind::LogoutEverywhere,
                member: Some(member),
                told: id.as_bytes(),
                expires_at: now + BY_ADMIN_KEY,
            };
            return owe(self, connection, &revocation, now).map(drop);
        }
        for session in ended {
            self.owe_for(connection, member, session, now)?;
        }
        Ok(())
    }

    /// Pays what Kakao is owed now, a batch of it; says whether there may be more.
    ///
    /// # Errors
    /// The store's.
    pub async fn pay_debts(&self) -> Result<bool, store::Error> {
        self.settle(Lane::Kakao).await
    }

    /// Carries the letters that are due now, a batch of them; says whether there may be more.
    /// Beside what Kakao is owed: a mail server that is slow delays letters and nothing else.
    ///
    /// # Errors
    /// The store's.
    pub async fn carry_letters(&self) -> Result<bool, store::Error> {
        self.settle(Lane::Mail).await
    }

    async fn settle(&self, lane: Lane) -> Result<bool, store::Error> {
        let now = self.clock.now();
        // Looking costs a read; only a debt that is due costs the writer's time.
        let some = self
            .store
            .read(move |connection| outbox::is_any_due(connection, lane, now))
            .await?;
        if !some {
            return Ok(false);
        }
        let (expired, due) = self
            .store
            .write(move |connection| {
                let expired = outbox::expire(connection, now)?;
                let due = outbox::lease(connection, lane, now, now + LEASE, BATCH)?;
                Ok((expired, due))
            })
            .await?;
        for (kind, count) in expired {
            for _ in 0..count {
                self.metrics.owed_call(kind.code(), "given_up");
            }
            tracing::warn!(kind = kind.code(), count, "debts have expired");
        }
        let paid = join_all(due.iter().map(|debt| self.pay(debt))).await;
        paid.into_iter().collect::<Result<Vec<()>, _>>()?;
        Ok(i64::try_from(due.len()).unwrap_or(BATCH) >= BATCH)
    }

    async fn pay(&self, debt: &DueCall) -> Result<(), store::Error> {
        let (id, tries, kind) = (debt.id, debt.tries, debt.kind);
        let told = self.vault.open(&context(id), &debt.sealed_token);
        let told = told.and_then(|bytes| String::from_utf8(bytes).ok());
        let told = told.and_then(|told| Told::parse(debt.kind, &told));
        let payment = match told {
            Some(told) => self.deliver(id, told).await,
            None => Payment::Never(End::Unreadable, "it cannot be unsealed".to_owned()),
        };
        let now = self.clock.now();
        match payment {
            Payment::Done => {
                self.metrics.owed_call(kind.code(), "done");
                tracing::info!(outbox.id = %id, tries, "a debt was paid");
                self.store
                    .write(move |connection| outbox::finish(connection, id, End::Done, None, now))
                    .await
            }
            Payment::Never(end, cause) => {
                self.metrics.owed_call(kind.code(), "given_up");
                tracing::warn!(outbox.id = %id, tries, cause, "a debt is given up");
                let cause = match end {
                    End::Refused => shown(kind, &cause),
                    // Our own words.
                    _ => cause,
                };
                self.store
                    .write(move |connection| outbox::finish(connection, id, end, Some(&cause), now))
                    .await
            }
            Payment::Later(cause) => {
                self.metrics.owed_call(kind.code(), "put_off");
                let next = now + self.wait_after(tries);
                tracing::warn!(outbox.id = %id, tries, cause, "a debt was put off");
                let cause = shown(kind, &cause);
                self.store
                    .write(move |connection| outbox::retry_at(connection, id, next, Some(&cause)))
                    .await
            }
        }
    }

    async fn deliver(&self, id: Uuid, told: Told) -> Payment {
        let answer = match told {
            Told::Logout(token) => self.kakao.logout(&token).await,
            Told::Unlink(token) => return self.unlink(&token).await,
            Told::LogoutEverywhere(id) => self.logout_everywhere(id).await,
            Told::UnlinkById(id) => match self.is_anybodys(id).await {
                Ok(false) => self.unlink_by_id(id).await,
                Ok(true) => return superseded(),
                Err(error) => return Payment::Later(error.to_string()),
            },
            Told::Mail(message) => return self.carry(id, &message).await,
            Told::Forgotten(forgotten) => {
                return self.write_to_who_forgot(&forgotten).await.into();
            }
            Told::Join(wish) => return self.write_to_who_joins(id, wish).await.into(),
        };
        match answer {
            Ok(()) => Payment::Done,
            Err(error) => Payment::Later(error.to_string()),
        }
    }

    async fn carry(&self, id: Uuid, message: &Message) -> Payment {
        let Some(postman) = &self.postman else {
            return Payment::Later("there is no SMTP_URL any more".to_owned());
        };
        match postman.carry(id, message).await {
            Ok(()) => Payment::Done,
            Err(mail::Error::Later(cause)) => Payment::Later(cause),
            Err(mail::Error::Never(cause)) => Payment::Never(End::Refused, cause),
        }
    }

    /// Whether a Kakao account belongs to a member: one who came back meanwhile is not to lose the
    /// new connection to a call that was owed for the old one.
    async fn is_anybodys(&self, id: KakaoId) -> Result<bool, store::Error> {
        let app_id = self.rules.app_id;
        self.store
            .read(move |connection| account::is_linked(connection, app_id, id))
            .await
    }

    /// Whose token it is, is asked first: the same person may be a member by now. A token that does
    /// not work any more leaves nothing to be dissolved by it.
    async fn unlink(&self, token: &AccessToken) -> Payment {
        let is_void = |error: &kakao::Error| error.kind == kakao::Kind::Unauthorized;
        let whose = match self.kakao.token_info(token).await {
            Ok(info) => info.id,
            Err(error) if is_void(&error) => return Payment::Done,
            Err(error) => return Payment::Later(error.to_string()),
        };
        match self.is_anybodys(whose).await {
            Ok(false) => {}
            Ok(true) => return superseded(),
            Err(error) => return Payment::Later(error.to_string()),
        }
        match self.kakao.unlink(token).await {
            Err(error) if !is_void(&error) => Payment::Later(error.to_string()),
            _ => Payment::Done,
        }
    }

    /// An account that Kakao does not have any more has no tokens either.
    async fn logout_everywhere(&self, id: KakaoId) -> Result<(), kakao::Error> {
        match self.kakao.logout_everywhere(id).await {
            Err(error) if error.kind == kakao::Kind::AccountGone => Ok(()),
            other => other,
        }
    }

    /// So is an account that is not connected any more.
    async fn unlink_by_id(&self, id: KakaoId) -> Result<(), kakao::Error> {
        use kakao::Kind::{AccountGone, NotLinked};
        match self.kakao.unlink_by_admin(id).await {
            Err(error) if matches!(error.kind, AccountGone | NotLinked) => Ok(()),
            other => other,
        }
    }

    /// Four times as long after each try, give or take a fifth, so that the debts of an outage
    /// do not all come back at one moment.
    pub(super) fn wait_after(&self, tries: i32) -> Duration {
        let doublings = u32::try_from(tries.saturating_sub(1).clamp(0, 10)).unwrap_or(0) * 2;
        let wait = SHORTEST.saturating_mul(1 << doublings).min(LONGEST);
        let [dice] = self.random.bytes::<1>().unwrap_or([128]);
        wait.mul_f64(0.8 + 0.4 * f64::from(dice) / 255.0)
    }
}

fn superseded() -> Payment {
    let cause = "the account has been connected again since";
    Payment::Never(End::Superseded, cause.to_owned())
}

/// Why a debt was put off or given up, as the administration may see it: what Kakao says names
/// nobody, while a mail server may repeat an address, so of its words only the number is kept.
fn shown(kind: Kind, cause: &str) -> String {
    if !matches!(kind, Kind::Mail | Kind::Forgotten | Kind::Join) {
        return cause.to_owned();
    }
    let mut words = cause.split(|c: char| !c.is_ascii_alphanumeric());
    let code = words.find(|word| {
        word.len() == 3
            && word.starts_with(['4', '5'])
            && word.bytes().all(|byte| byte.is_ascii_digit())
    });
    match code {
        Some(code) => format!("SMTP {code}"),
        None => "SMTP".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // LG-2
    #[test]
    fn what_is_shown_of_a_cause_names_nobody() {
        let refused = "the mail server says 451 4.7.1 <a@example.com>: try later";
        for kind in [Kind::Mail, Kind::Join] {
            assert_eq!(shown(kind, refused), "SMTP 451");
        }
        assert_eq!(
            shown(Kind::Forgotten, "no answer for a@example.com"),
            "SMTP"
        );
        let kakao = "Kakao call logout: temporary, status 503";
        assert_eq!(shown(Kind::Logout, kakao), kakao);
    }
}
