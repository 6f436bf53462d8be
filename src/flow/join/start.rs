//! Asking to join, and asking for the mail again.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use super::{AGAIN, Application, LINK_LIFE, Waiting};
use crate::email::EmailAddress;
use crate::flow::letters::Letter;
use crate::flow::{Gate, Origin, Trouble};
use crate::i18n::Lang;
use crate::member::MemberId;
use crate::store::mail_links::{self, Link, Purpose};
use crate::store::members::awaited;
use crate::store::passwords;
use crate::store::{self, AnyConnection};
use crate::vault::{Vault, fingerprint};

/// How long a browser remembers that it asked: longer than the link works, so that another can be
/// had.
const MEMORY: Duration = Duration::hours(1);

/// What the vault binds the cookie's content to.
const CONTEXT: &str = "join cookie";

/// What the browser remembers that asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The address.
    #[serde(rename = "e")]
    pub email: String,
    /// The name.
    #[serde(rename = "n")]
    pub name: String,
    /// The digest of what the link carries. Where the address has an account already, of nothing.
    #[serde(rename = "d")]
    digest: String,
    #[serde(rename = "t")]
    at: i64,
}

/// Too many of this network, or to this address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// How long to wait.
    pub wait: std::time::Duration,
}

impl Asked {
    /// Reads the cookie's content; `None` for whatever does not open, or is older than an hour.
    #[must_use]
    pub fn open(vault: &Vault, sealed: &str, now: OffsetDateTime) -> Option<Self> {
        let asked: Self = serde_json::from_slice(&vault.open(CONTEXT, sealed)?).ok()?;
        let at = OffsetDateTime::from_unix_timestamp(asked.at).ok()?;
        (now - at < MEMORY).then_some(asked)
    }

    /// The cookie's content.
    #[must_use]
    pub fn seal(&self, vault: &Vault) -> Option<String> {
        vault.seal(CONTEXT, &serde_json::to_vec(self).ok()?).ok()
    }

    /// Whether the link whose token has this digest is the one that this browser asked for.
    pub(super) fn is_of(&self, digest: &str) -> bool {
        self.digest == digest
    }
}

/// What is mailed, and to whom.
struct Mailing<'a> {
    gate: &'a Gate,
    address: &'a EmailAddress,
    lang: Lang,
    now: OffsetDateTime,
}

impl Gate {
    /// Begins a sign-up: mails a link, or, to an address that has an account, that it has one. The
    /// same is done and answered either way, the password hashed included.
    ///
    /// # Errors
    /// [`Trouble`]; nobody was written to then, unless the answer to the commit was lost.
    pub async fn ask_to_join(
        &self,
        application: Application,
        network: IpAddr,
        lang: Lang,
        origin: &Origin,
    ) -> Result<Result<Asked, TooMany>, Trouble> {
        let now = self.clock.now();
        let Application {
            name,
            address,
            password,
            agreed,
        } = application;
        // Before the hash, which is what costs.
        let (gate, key) = (self.clone(), address.key());
        let wait = self
            .store
            .write(move |connection| gate.count_sign_up(connection, network, &key, now))
            .await?;
        if let Some(wait) = wait {
            log_asked("too_many", origin);
            return Ok(Err(TooMany { wait }));
        }
        let kept = self.keep_password(password).await?;
        let waiting = Waiting {
            name,
            email: address.as_str().to_owned(),
            kept: kept.as_str().to_owned(),
            agreed,
            lang: lang.code().to_owned(),
        };
        let gate = self.clone();
        let asked = self
            .store
            .write(move |connection| {
                let mailing = Mailing {
                    gate: &gate,
                    address: &address,
                    lang,
                    now,
                };
                // Counted, so that the first repetition waits its minute, too.
                let again = format!("join again/{}", address.key());
                gate.take(connection, &again, AGAIN, now)?;
                let digest = match passwords::holder(connection, &address.key())? {
                    Some(holder) => mailing.to_holder(connection, holder.member)?,
                    None => mailing.to_newcomer(connection, &waiting)?,
                };
                Ok(mailing.asked(waiting.name, digest))
            })
            .await?;
        self.letters.notify_one();
        log_asked("asked", origin);
        Ok(Ok(asked))
    }

    /// Mails the link once more, another one in its place. Somebody else's sign-up with the same
    /// address is none of this browser's business.
    ///
    /// # Errors
    /// The store's.
    pub async fn ask_again(
        &self,
        asked: Asked,
        network: IpAddr,
        lang: Lang,
        origin: &Origin,
    ) -> Result<Result<Asked, TooMany>, store::Error> {
        let Ok(address) = EmailAddress::parse(&asked.email) else {
            return Ok(Ok(asked));
        };
        let (gate, now) = (self.clone(), self.clock.now());
        let mailed = self
            .store
            .write(move |connection| {
                let key = address.key();
                let again = format!("join again/{key}");
                if let Some(wait) = gate.take(connection, &again, AGAIN, now)? {
                    return Ok(Err(TooMany { wait }));
                }
                if let Some(wait) = gate.count_sign_up(connection, network, &key, now)? {
                    return Ok(Err(TooMany { wait }));
                }
                let mailing = Mailing {
                    gate: &gate,
                    address: &address,
                    lang,
                    now,
                };
                let digest = match passwords::holder(connection, &key)? {
                    Some(holder) => mailing.to_holder(connection, holder.member)?,
                    None => mailing.once_more(connection, &asked)?,
                };
                Ok(Ok(mailing.asked(asked.name, digest)))
            })
            .await?;
        self.letters.notify_one();
        let what = if mailed.is_ok() { "again" } else { "too_many" };
        log_asked(what, origin);
        Ok(mailed)
    }
}

impl Mailing<'_> {
    fn to_holder(
        &self,
        connection: &mut AnyConnection,
        holder: MemberId,
    ) -> Result<String, store::Error> {
        self.post(connection, holder, &Letter::Exists)?;
        // A link that nobody has: the browser must not be able to tell.
        Ok(fingerprint(self.gate.random.token()?.as_bytes()))
    }

    fn to_newcomer(
        &self,
        connection: &mut AnyConnection,
        waiting: &Waiting,
    ) -> Result<String, store::Error> {
        let newcomer = MemberId(self.gate.random.id(self.now)?);
        let member = awaited::expect(connection, newcomer, self.address, self.now)?;
        self.link(connection, member, waiting)
    }

    /// A new link in the place of the browser's own; without one of its own nothing is sent.
    fn once_more(
        &self,
        connection: &mut AnyConnection,
        asked: &Asked,
    ) -> Result<String, store::Error> {
        let link = mail_links::take_back(connection, &asked.digest, Purpose::Join)?;
        let waiting = link.and_then(|link| Some((link.member, Waiting::open(self.gate, &link)?)));
        match waiting {
            Some((member, waiting)) => self.link(connection, member, &waiting),
            None => Ok(asked.digest.clone()),
        }
    }

    fn link(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        waiting: &Waiting,
    ) -> Result<String, store::Error> {
        let token = self.gate.random.token()?;
        let digest = fingerprint(token.as_bytes());
        let link = Link {
            purpose: Purpose::Join,
            member,
            email_key: self.address.key(),
            sealed: Some(waiting.seal(self.gate, &digest)?),
            expires_at: self.now + LINK_LIFE,
            digest: digest.clone(),
        };
        mail_links::add(connection, &link, self.now)?;
        self.post(connection, member, &Letter::Join { link: &token })?;
        Ok(digest)
    }

    fn post(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        letter: &Letter<'_>,
    ) -> Result<(), store::Error> {
        let (gate, texts) = (self.gate, self.lang.texts());
        let message = letter.to(self.address.as_str(), texts, &gate.rules);
        gate.owe_letter(connection, Some(member), &message, LINK_LIFE, self.now)
    }

    fn asked(&self, name: String, digest: String) -> Asked {
        Asked {
            email: self.address.as_str().to_owned(),
            name,
            digest,
            at: self.now.unix_timestamp(),
        }
    }
}

fn log_asked(result: &'static str, origin: &Origin) {
    tracing::info!(
        action = "join.email",
        result,
        client.address = %origin.ip,
        request.id = %origin.request_id,
        "account event"
    );
}
