//! Setting a password with a mailed link.

use time::OffsetDateTime;

use super::login::log_refused;
use super::{Entered, Known, Refused, Trouble};
use crate::flow::letters::Letter;
use crate::flow::{Audited, Gate, Origin, log_event};
use crate::i18n::Lang;
use crate::member::{EndedBy, MemberId, Method, Standing};
use crate::password::{Kept, Password, Verdict, Weak};
use crate::session::Token;
use crate::store::mail_links::{self, Found, Link, Purpose};
use crate::store::members::{self, acts};
use crate::store::passwords::{self, Holder};
use crate::store::{self, AnyConnection, sessions};
use crate::vault::fingerprint;

/// How long there is a point in telling somebody that their password was changed.
const NOTICE_LIFE: time::Duration = time::Duration::days(3);

/// Why a link did not set a password.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The link does not work.
    Link(Found),
    /// The new password is not accepted. The link works on.
    Weak(Weak),
    /// The new password is the present one. The link works on.
    Same,
    /// The password is set; the member is suspended and not let in.
    Suspended {
        /// Until when; `None`: until lifted.
        until: Option<OffsetDateTime>,
    },
}

/// A password that was hashed, for the link that asked for it.
struct Work<'a> {
    gate: &'a Gate,
    link: &'a Link,
    kept: &'a Kept,
    known: Known,
    current: Option<&'a Token>,
    lang: Lang,
    origin: &'a Origin,
    now: OffsetDateTime,
}

impl Gate {
    /// What a mailed link is worth. Looking uses nothing up: programs that check mail look.
    ///
    /// # Errors
    /// The store's.
    pub async fn look_at_reset_link(&self, link: &str) -> Result<Found, store::Error> {
        let (digest, now) = (fingerprint(link.as_bytes()), self.clock.now());
        self.store
            .read(move |connection| mail_links::find(connection, &digest, Purpose::Reset, now))
            .await
    }

    /// Sets a new password with a mailed link, uses the link up, ends every session of the member
    /// and signs them in here, until the browser is closed.
    ///
    /// # Errors
    /// [`Trouble`]; nothing was set then, unless the answer to the commit was lost.
    pub async fn reset_password(
        &self,
        link: &str,
        new: Password,
        known: Known,
        current: Option<Token>,
        lang: Lang,
        origin: &Origin,
    ) -> Result<Result<Entered, Refusal>, Trouble> {
        let (link, holder) = match self.whose_link(link).await? {
            Ok(good) => good,
            Err(found) => return Ok(Err(Refusal::Link(found))),
        };
        if let Err(weak) = self.rules.accept_password(&new, &holder) {
            return Ok(Err(Refusal::Weak(weak)));
        }
        if let Some(kept) = holder.kept {
            let verdict = self.check_password(new.clone(), Some(kept)).await?;
            if matches!(verdict, Verdict::Right { .. }) {
                return Ok(Err(Refusal::Same));
            }
        }
        let kept = self.keep_password(new).await?;
        let (gate, from, now) = (self.clone(), origin.clone(), self.clock.now());
        let outcome = self
            .store
            .write(move |connection| {
                let work = Work {
                    gate: &gate,
                    link: &link,
                    kept: &kept,
                    known,
                    current: current.as_ref(),
                    lang,
                    origin: &from,
                    now,
                };
                work.run(connection)
            })
            .await?;
        self.owed.notify_one();
        self.letters.notify_one();
        match &outcome {
            Ok(entered) => {
                log_event("password.reset", entered.member, entered.token.id(), origin);
            }
            Err(Refusal::Suspended { until }) => {
                let refused = Refused::Suspended { until: *until };
                log_refused("password.reset", &refused, origin);
            }
            Err(_) => {}
        }
        Ok(outcome)
    }

    async fn whose_link(&self, link: &str) -> Result<Result<(Link, Holder), Found>, store::Error> {
        let (digest, now) = (fingerprint(link.as_bytes()), self.clock.now());
        self.store
            .read(move |connection| {
                let link = match mail_links::find(connection, &digest, Purpose::Reset, now)? {
                    Found::Good(link) => link,
                    other => return Ok(Err(other)),
                };
                let holder = owner(connection, &link)?;
                Ok(holder.map(|holder| (link, holder)).ok_or(Found::Unknown))
            })
            .await
    }
}

/// The member of a link, as long as the address it went to is theirs.
fn owner(connection: &mut AnyConnection, link: &Link) -> Result<Option<Holder>, store::Error> {
    let holder = passwords::holder(connection, &link.email_key)?;
    Ok(holder.filter(|holder| holder.member == link.member))
}

impl Work<'_> {
    /// Everything that must happen together or not at all. Of two who come with one link, the
    /// second finds it used.
    fn run(self, connection: &mut AnyConnection) -> Result<Result<Entered, Refusal>, store::Error> {
        let (gate, now, id) = (self.gate, self.now, self.link.member);
        acts::hold_self(connection, id)?;
        let digest = &self.link.digest;
        match mail_links::find(connection, digest, Purpose::Reset, now)? {
            Found::Good(_) => {}
            other => return Ok(Err(Refusal::Link(other))),
        }
        let (Some(holder), Some(member)) = (
            owner(connection, self.link)?,
            members::by_id(connection, id)?,
        ) else {
            return Ok(Err(Refusal::Link(Found::Unknown)));
        };
        passwords::set(connection, id, self.kept, now)?;
        mail_links::consume(connection, digest, now)?;
        gate.forgive_address(connection, &self.link.email_key)?;
        let ended = gate.end_for_new_password(connection, id, None, now)?;
        self.tell(connection, &holder)?;
        let audited = Audited {
            detail: Some(format!("sessions ended: {ended}")),
            ..Audited::own(id, "password.reset", self.origin)
        };
        if !member.standing.admits(now) {
            gate.audit(connection, &[audited], now)?;
            let until = match member.standing {
                Standing::Suspended { until } => until,
                _ => None,
            };
            return Ok(Err(Refusal::Suspended { until }));
        }
        members::note_login(connection, id, now)?;
        gate.end_previous(connection, self.current, &member, now)?;
        let token = Token::of_attempt(gate.random.id(now)?, &gate.random.bytes()?);
        let session = gate.new_session(&token, &member, Method::Password, self.origin, now);
        sessions::insert(connection, &gate.brief(session, member.role))?;
        gate.audit(connection, &[audited], now)?;
        Ok(Ok(Entered {
            member: id,
            token,
            known: self.known.with(id, &gate.random, now)?,
        }))
    }

    fn tell(&self, connection: &mut AnyConnection, holder: &Holder) -> Result<(), store::Error> {
        self.gate
            .tell_of_new_password(connection, holder, self.lang, self.now)
    }
}

impl Gate {
    /// Ends the sessions of a member who has another password now, all but `except`; says how many.
    /// Kakao's tokens of those sessions are owed a revocation.
    pub(super) fn end_for_new_password(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        except: Option<&Token>,
        now: OffsetDateTime,
    ) -> Result<usize, store::Error> {
        let except = except.map(Token::id);
        let ended = sessions::end_all(connection, member, except, EndedBy::Password, now)?;
        self.owe_for_each(connection, member, &ended, now)
    }

    /// Ends what programs hold, also where the member keeps their other browsers: nobody sees an app
    /// among them, and what it holds would last for months.
    pub(super) fn end_programs_for_new_password(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        now: OffsetDateTime,
    ) -> Result<usize, store::Error> {
        let ended = sessions::end_of_programs(connection, member, EndedBy::Password, now)?;
        self.owe_for_each(connection, member, &ended, now)
    }

    fn owe_for_each(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        ended: &[sessions::Ended],
        now: OffsetDateTime,
    ) -> Result<usize, store::Error> {
        for session in ended {
            self.owe_for(connection, member, session, now)?;
        }
        Ok(ended.len())
    }

    /// Tells a member by mail that their password was changed.
    pub(super) fn tell_of_new_password(
        &self,
        connection: &mut AnyConnection,
        holder: &Holder,
        lang: Lang,
        now: OffsetDateTime,
    ) -> Result<(), store::Error> {
        let Some(email) = &holder.email else {
            return Ok(());
        };
        let chosen = holder.locale.as_deref().and_then(Lang::parse);
        let t = chosen.unwrap_or(lang).texts();
        let letter = Letter::PasswordChanged { at: now }.to(email, t, &self.rules);
        self.owe_letter(connection, Some(holder.member), &letter, NOTICE_LIFE, now)
    }
}
