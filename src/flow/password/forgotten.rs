//! A forgotten password: the mail that leads to a new one.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Refused;
use super::login::log_refused;
use crate::email::EmailAddress;
use crate::flow::letters::Letter;
use crate::flow::owed::{Revocation, owe};
use crate::flow::{Audited, Gate, Origin};
use crate::i18n::Lang;
use crate::member::StandingKind;
use crate::store::audit::Outcome;
use crate::store::mail_links::{self, Link, Purpose};
use crate::store::members::acts;
use crate::store::outbox::Kind;
use crate::store::passwords::{self, Holder};
use crate::store::{self, AnyConnection};
use crate::vault::fingerprint;

/// How long a mailed link works.
const LINK_LIFE: time::Duration = time::Duration::minutes(30);

/// Somebody says that they forgot the password of an address, as it waits in the outbox.
#[derive(Serialize, Deserialize)]
pub(in crate::flow) struct Forgotten {
    email_key: String,
    lang: String,
    ip: String,
    user_agent: String,
    request_id: String,
}

impl Gate {
    /// Takes note that somebody forgot the password of `email`. The same is done whoever the
    /// address belongs to, if anybody: who it is, is looked up when the mail is due. An address
    /// that was written to within the last minute is not written to again, and nobody is told.
    ///
    /// # Errors
    /// The store's. [`Refused::Locked`] when there is too much of it from one network.
    pub async fn forgot_password(
        &self,
        email: &EmailAddress,
        network: IpAddr,
        lang: Lang,
        origin: &Origin,
    ) -> Result<Result<(), Refused>, store::Error> {
        let now = self.clock.now();
        let forgotten = Forgotten {
            email_key: email.key(),
            lang: lang.code().to_owned(),
            ip: origin.ip.clone(),
            user_agent: origin.user_agent.clone(),
            request_id: origin.request_id.clone(),
        };
        let gate = self.clone();
        let wait: Option<Duration> = self
            .store
            .write(move |connection| {
                if let Some(wait) = gate.count_mail_from(connection, network, now)? {
                    return Ok(Some(wait));
                }
                let recently = gate.count_mail_to(connection, &forgotten.email_key, now)?;
                if recently.is_none() {
                    let told = serde_json::to_vec(&forgotten)
                        .map_err(|_| store::Error::Work("a wish could not be written down"))?;
                    let wish = Revocation {
                        kind: Kind::Forgotten,
                        member: None,
                        told: &told,
                        expires_at: now + LINK_LIFE,
                    };
                    owe(&gate, connection, &wish, now)?;
                }
                Ok(None)
            })
            .await?;
        self.letters.notify_one();
        if let Some(wait) = wait {
            let refused = Refused::Locked { wait };
            log_refused("password.forgot", &refused, origin);
            return Ok(Err(refused));
        }
        Ok(Ok(()))
    }

    /// Writes to the member whose address it is, if it is anybody's: with a link that sets another
    /// password, or a first one. The link before it works no more.
    ///
    /// # Errors
    /// The store's.
    pub(in crate::flow) async fn write_to_who_forgot(
        &self,
        forgotten: &Forgotten,
    ) -> Result<(), store::Error> {
        let (gate, email_key) = (self.clone(), forgotten.email_key.clone());
        let lang = Lang::parse(&forgotten.lang).unwrap_or_default();
        let origin = Origin {
            ip: forgotten.ip.clone(),
            user_agent: forgotten.user_agent.clone(),
            request_id: forgotten.request_id.clone(),
        };
        self.store
            .write(move |connection| {
                let holder = passwords::holder(connection, &email_key)?;
                let Some(holder) = holder.filter(may_have_a_link) else {
                    return Ok(());
                };
                acts::hold_self(connection, holder.member)?;
                gate.mail_link(connection, &holder, email_key, lang, &origin)
            })
            .await?;
        self.letters.notify_one();
        Ok(())
    }

    fn mail_link(
        &self,
        connection: &mut AnyConnection,
        holder: &Holder,
        email_key: String,
        lang: Lang,
        origin: &Origin,
    ) -> Result<(), store::Error> {
        let Some(email) = &holder.email else {
            return Ok(());
        };
        let now = self.clock.now();
        let token = self.random.token()?;
        let link = Link {
            digest: fingerprint(token.as_bytes()),
            purpose: Purpose::Reset,
            member: holder.member,
            email_key,
            sealed: None,
            expires_at: now + LINK_LIFE,
        };
        mail_links::replace(connection, &link, now)?;
        let chosen = holder.locale.as_deref().and_then(Lang::parse);
        let t = chosen.unwrap_or(lang).texts();
        let letter = match holder.kept {
            Some(_) => Letter::Reset { link: &token },
            None => Letter::SetPassword { link: &token },
        };
        let letter = letter.to(email, t, &self.rules);
        self.owe_letter(connection, Some(holder.member), &letter, LINK_LIFE, now)?;
        let audited = Audited {
            actor: None,
            subject: Some(holder.member),
            action: "password.forgot",
            result: Outcome::Success,
            reason: None,
            detail: None,
            origin,
        };
        self.audit(connection, &[audited], now)
    }
}

/// Somebody suspended may have a new password, which does not let them in either.
fn may_have_a_link(holder: &Holder) -> bool {
    matches!(
        holder.standing.kind(),
        StandingKind::Active | StandingKind::Suspended
    )
}
