//! Signing in with an address and a password, and proving by the password that it is still you.

use std::net::IpAddr;

use time::OffsetDateTime;

use super::guess::Guesser;
use super::{Known, Refused, Trouble};
use crate::email::EmailAddress;
use crate::flow::letters::Letter;
use crate::flow::{Audited, Gate, Origin, log_event};
use crate::i18n::{Lang, Texts};
use crate::member::{MemberId, Method, SignedIn, Standing};
use crate::password::{self, Kept, Password, Verdict};
use crate::session::Token;
use crate::store::audit::Outcome;
use crate::store::members::{self, acts};
use crate::store::passwords::{self, Holder};
use crate::store::{self, AnyConnection, sessions};

/// How long there is a point in telling somebody about a login.
const NOTICE_LIFE: time::Duration = time::Duration::DAY;

/// Somebody at the door.
pub struct Knock {
    /// The address they typed.
    pub email: EmailAddress,
    /// The password they typed.
    pub password: Password,
    /// Who has signed in in this browser.
    pub known: Known,
    /// The network they come from.
    pub network: IpAddr,
    /// Whether the session is to end with the browser.
    pub brief: bool,
    /// The language of the page.
    pub lang: Lang,
    /// Puts a user agent into words.
    pub in_words: fn(&str, Texts) -> String,
}

/// Somebody who was let in.
pub struct Entered {
    /// Who it is.
    pub member: MemberId,
    /// What the browser is to hold from now on.
    pub token: Token,
    /// Who has signed in in this browser, they included.
    pub known: Known,
}

impl Gate {
    /// Signs somebody in. Who is unknown, has no password, has not proved the address, or typed
    /// another password costs the same work and hears the same; that somebody is suspended hears
    /// only who knows the password.
    ///
    /// # Errors
    /// [`Trouble`]; nobody was signed in then, unless the answer to the commit was lost.
    pub async fn log_in_with_password(
        &self,
        knock: Knock,
        current: Option<Token>,
        origin: &Origin,
    ) -> Result<Result<Entered, Refused>, Trouble> {
        let outcome = self.let_in(knock, current, origin).await;
        self.metrics.password_login(match &outcome {
            Ok(Ok(_)) => "success",
            Ok(Err(refused)) => refused.code(),
            Err(Trouble::Hash(password::Error::Busy)) => "busy",
            Err(Trouble::Store(error)) if error.is_unavailable() => "unavailable",
            Err(_) => "server",
        });
        outcome
    }

    async fn let_in(
        &self,
        knock: Knock,
        current: Option<Token>,
        origin: &Origin,
    ) -> Result<Result<Entered, Refused>, Trouble> {
        let email_key = knock.email.key();
        let (holder, guesser) = match self.count_knock(&knock, &email_key).await? {
            Ok(counted) => counted,
            Err(wait) => {
                let refused = Refused::Locked { wait };
                log_refused("login.password", &refused, origin);
                return Ok(Err(refused));
            }
        };
        let kept = holder.as_ref().and_then(|holder| holder.kept.clone());
        let verdict = match self.check_password(knock.password.clone(), kept).await {
            Ok(verdict) => verdict,
            Err(error) => {
                self.withdraw_guess(guesser).await;
                return Err(error.into());
            }
        };
        let now = self.clock.now();
        let (gate, from) = (self.clone(), origin.clone());
        let outcome = self
            .store
            .write(move |connection| {
                let entry = Entry {
                    gate: &gate,
                    knock,
                    guesser: &guesser,
                    current: current.as_ref(),
                    origin: &from,
                    now,
                };
                match (holder, verdict) {
                    (Some(holder), Verdict::Right { upgrade }) => {
                        entry.admit(connection, &email_key, &holder, upgrade.as_ref())
                    }
                    (holder, _) => entry.refuse(connection, holder.as_ref(), "wrong_password"),
                }
            })
            .await?;
        // A session that was replaced may have left a token, and a new device a letter.
        self.owed.notify_one();
        self.letters.notify_one();
        match &outcome {
            Ok(entered) => {
                log_event("login.password", entered.member, entered.token.id(), origin);
            }
            Err(refused) => log_refused("login.password", refused, origin),
        }
        Ok(outcome)
    }

    /// Looks up who is meant and counts the try, in one hop: what is counted decides how long the
    /// next one has to wait, whoever it is.
    async fn count_knock(
        &self,
        knock: &Knock,
        email_key: &str,
    ) -> Result<Result<(Option<Holder>, Guesser), std::time::Duration>, store::Error> {
        let now = self.clock.now();
        let (gate, known) = (self.clone(), knock.known.clone());
        let (email_key, network) = (email_key.to_owned(), knock.network);
        self.store
            .write(move |connection| {
                let holder = passwords::holder(connection, &email_key)?;
                let browser = holder.as_ref().and_then(|holder| {
                    let browser = known.browser_of(holder.member, holder.changed_at)?;
                    Some((holder.member, browser.to_owned()))
                });
                let guesser = match browser {
                    Some((member, browser)) => Guesser::Known { member, browser },
                    None => Guesser::Stranger { email_key, network },
                };
                let wait = gate.count_guess(connection, &guesser, now)?;
                Ok(match wait {
                    Some(wait) => Err(wait),
                    None => Ok((holder, guesser)),
                })
            })
            .await
    }

    /// Proves by password that it is still the same person: a new session takes the place of
    /// theirs.
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn prove_by_password(
        &self,
        signed_in: &SignedIn,
        typed: Password,
        origin: &Origin,
    ) -> Result<Result<Token, Refused>, Trouble> {
        let action = "reauth.password";
        let holder = match self.check_again(signed_in, typed, action, origin).await? {
            Ok(holder) => holder,
            Err(refused) => return Ok(Err(refused)),
        };
        let now = self.clock.now();
        let (gate, from, who) = (self.clone(), origin.clone(), signed_in.clone());
        let proved = self
            .store
            .write(move |connection| {
                if !gate.is_unchanged(connection, &holder)? {
                    return Ok(Err(Refused::Pair));
                }
                let Some(token) = gate.renew(connection, &who, &from, now)? else {
                    return Ok(Err(Refused::Gone));
                };
                gate.forgive_guess(connection, &Guesser::Member(holder.member))?;
                let audited = Audited::own(holder.member, action, &from);
                gate.audit(connection, &[audited], now)?;
                Ok(Ok(token))
            })
            .await?;
        if let Ok(token) = &proved {
            log_event(action, signed_in.member.id, token.id(), origin);
        }
        Ok(proved)
    }

    /// Checks the password of somebody signed in, counted for the member: strangers cannot use it
    /// up. A wrong one is written down as a refused `action`.
    pub(in crate::flow) async fn check_again(
        &self,
        signed_in: &SignedIn,
        typed: Password,
        action: &'static str,
        origin: &Origin,
    ) -> Result<Result<Holder, Refused>, Trouble> {
        let (member, now) = (signed_in.member.id, self.clock.now());
        let guesser = Guesser::Member(member);
        let (gate, counted) = (self.clone(), guesser.clone());
        let (holder, wait) = self
            .store
            .write(move |connection| {
                let holder = passwords::holder_by_id(connection, member)?;
                Ok((holder, gate.count_guess(connection, &counted, now)?))
            })
            .await?;
        if let Some(wait) = wait {
            let refused = Refused::Locked { wait };
            log_refused(action, &refused, origin);
            return Ok(Err(refused));
        }
        let kept = holder.as_ref().and_then(|holder| holder.kept.clone());
        let verdict = match self.check_password(typed, kept).await {
            Ok(verdict) => verdict,
            Err(error) => {
                self.withdraw_guess(guesser).await;
                return Err(error.into());
            }
        };
        if let (Some(holder), Verdict::Right { .. }) = (holder, verdict) {
            return Ok(Ok(holder));
        }
        let (gate, from) = (self.clone(), origin.clone());
        self.store
            .write(move |connection| {
                let audited = Audited::own(member, action, &from).refused("wrong_password");
                gate.audit(connection, &[audited], now)
            })
            .await?;
        log_refused(action, &Refused::Pair, origin);
        Ok(Err(Refused::Pair))
    }

    /// Whether a password that was checked a moment ago is still the member's; then the tries before
    /// it are forgotten.
    pub(in crate::flow) fn is_still_right(
        &self,
        connection: &mut AnyConnection,
        seen: &Holder,
    ) -> Result<bool, store::Error> {
        let right = self.is_unchanged(connection, seen)?;
        if right {
            self.forgive_guess(connection, &Guesser::Member(seen.member))?;
        }
        Ok(right)
    }

    /// Whether a member's password is still the one that was looked at; until this transaction ends
    /// nobody changes it.
    pub(super) fn is_unchanged(
        &self,
        connection: &mut AnyConnection,
        seen: &Holder,
    ) -> Result<bool, store::Error> {
        acts::hold_self(connection, seen.member)?;
        let now = passwords::holder_by_id(connection, seen.member)?;
        Ok(now.is_some_and(|now| now.changed_at == seen.changed_at))
    }
}

/// A knock whose password was checked.
struct Entry<'a> {
    gate: &'a Gate,
    knock: Knock,
    guesser: &'a Guesser,
    current: Option<&'a Token>,
    origin: &'a Origin,
    now: OffsetDateTime,
}

impl Entry<'_> {
    /// Everything that must happen together or not at all. While the password was being checked it
    /// may have been changed, the member suspended, or the address moved to somebody else.
    fn admit(
        self,
        connection: &mut AnyConnection,
        email_key: &str,
        seen: &Holder,
        upgrade: Option<&Kept>,
    ) -> Result<Result<Entered, Refused>, store::Error> {
        let (gate, now, id) = (self.gate, self.now, seen.member);
        acts::hold_self(connection, id)?;
        let holder = passwords::holder(connection, email_key)?;
        let same = |holder: &Holder| holder.member == id && holder.changed_at == seen.changed_at;
        let member = members::by_id(connection, id)?;
        let (Some(holder), Some(member)) = (holder.filter(same), member) else {
            return self.refuse(connection, Some(seen), "changed_meanwhile");
        };
        match member.standing {
            _ if member.standing.admits(now) => {}
            Standing::Suspended { until } => {
                gate.forgive_guess(connection, self.guesser)?;
                let audited = Audited::own(id, "login.password", self.origin).refused("suspended");
                gate.audit(connection, &[audited], now)?;
                return Ok(Err(Refused::Suspended { until }));
            }
            _ => return self.refuse(connection, Some(seen), "not_confirmed"),
        }
        if let (Some(from), Some(to)) = (&holder.kept, upgrade) {
            passwords::upgrade(connection, id, from, to)?;
        }
        members::note_login(connection, id, now)?;
        gate.end_previous(connection, self.current, &member, now)?;
        let token = Token::of_attempt(gate.random.id(now)?, &gate.random.bytes()?);
        let session = gate.new_session(&token, &member, Method::Password, self.origin, now);
        let session = if self.knock.brief {
            gate.brief(session, member.role)
        } else {
            session
        };
        sessions::insert(connection, &session)?;
        let is_new = self.knock.known.browser_of(id, holder.changed_at).is_none();
        if is_new {
            self.tell_of_device(connection, &holder)?;
        }
        gate.forgive_guess(connection, self.guesser)?;
        let audited = Audited {
            detail: is_new.then(|| "new device".to_owned()),
            ..Audited::own(id, "login.password", self.origin)
        };
        gate.audit(connection, &[audited], now)?;
        let known = self.knock.known.with(id, &gate.random, now)?;
        Ok(Ok(Entered {
            member: id,
            token,
            known,
        }))
    }

    fn tell_of_device(
        &self,
        connection: &mut AnyConnection,
        holder: &Holder,
    ) -> Result<(), store::Error> {
        let Some(email) = &holder.email else {
            return Ok(());
        };
        let lang = holder.locale.as_deref().and_then(Lang::parse);
        let t = lang.unwrap_or(self.knock.lang).texts();
        let letter = Letter::NewDevice {
            at: self.now,
            device: &(self.knock.in_words)(&self.origin.user_agent, t),
        };
        let letter = letter.to(email, t, &self.gate.rules);
        let member = Some(holder.member);
        self.gate
            .owe_letter(connection, member, &letter, NOTICE_LIFE, self.now)
    }

    fn refuse(
        self,
        connection: &mut AnyConnection,
        holder: Option<&Holder>,
        reason: &str,
    ) -> Result<Result<Entered, Refused>, store::Error> {
        let audited = Audited {
            actor: None,
            subject: holder.map(|holder| holder.member),
            action: "login.password",
            result: Outcome::Refused,
            reason: Some(reason.to_owned()),
            detail: None,
            origin: self.origin,
        };
        self.gate.audit(connection, &[audited], self.now)?;
        Ok(Err(Refused::Pair))
    }
}

impl Refused {
    /// Its stable name, in the log and as a label of metrics.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Pair => "wrong",
            Self::Locked { .. } => "locked",
            Self::Suspended { .. } => "suspended",
            Self::Gone => "gone",
        }
    }
}

/// One line a refusal. It names nobody: whether there is such a member is in the audit log.
pub(super) fn log_refused(action: &'static str, refused: &Refused, origin: &Origin) {
    tracing::info!(
        action,
        result = "refused",
        reason = refused.code(),
        client.address = %origin.ip,
        request.id = %origin.request_id,
        "account event"
    );
}
