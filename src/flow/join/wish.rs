//! Answering somebody who wants to join: by a link, or, where the address has an account, by saying
//! so.

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{LINK_LIFE, Waiting};
use crate::email::EmailAddress;
use crate::flow::Gate;
use crate::flow::letters::Letter;
use crate::flow::owed::{Revocation, owe};
use crate::i18n::{Lang, Texts};
use crate::member::MemberId;
use crate::store::mail_links::{self, Link, Purpose};
use crate::store::members::awaited;
use crate::store::outbox::{self, End, Kind};
use crate::store::passwords::{self, Holder};
use crate::store::{self, AnyConnection};
use crate::vault::fingerprint;

/// Somebody wants to join, as it waits in the outbox.
#[derive(Serialize, Deserialize)]
pub(in crate::flow) struct Wish {
    /// What the link is to carry.
    token: String,
    email: String,
    lang: String,
    what: What,
}

/// What is wished for.
#[derive(Serialize, Deserialize)]
pub(super) enum What {
    /// A link, and this with it.
    First(Waiting),
    /// A link in the place of another one.
    Again {
        /// The digest of what that carries.
        before: String,
    },
}

impl Wish {
    pub(super) fn new(token: String, address: &EmailAddress, lang: Lang, what: What) -> Self {
        Self {
            token,
            email: address.as_str().to_owned(),
            lang: lang.code().to_owned(),
            what,
        }
    }
}

/// A wish that is being met.
struct Answer<'a> {
    gate: &'a Gate,
    wish: &'a Wish,
    address: &'a EmailAddress,
    texts: Texts,
    now: OffsetDateTime,
}

impl Gate {
    pub(super) fn owe_wish(
        &self,
        connection: &mut AnyConnection,
        wish: &Wish,
        now: OffsetDateTime,
    ) -> Result<(), store::Error> {
        let told = serde_json::to_vec(wish)
            .map_err(|_| store::Error::Work("a wish could not be written down"))?;
        let revocation = Revocation {
            kind: Kind::Join,
            member: None,
            told: &told,
            expires_at: now + LINK_LIFE,
        };
        owe(self, connection, &revocation, now)?;
        Ok(())
    }

    /// Writes to the address of somebody who wants to join, and strikes the wish out in the same
    /// transaction: it is met once, whatever happens to us afterwards.
    ///
    /// # Errors
    /// The store's.
    pub(in crate::flow) async fn write_to_who_joins(
        &self,
        id: Uuid,
        wish: Wish,
    ) -> Result<(), store::Error> {
        let (gate, now) = (self.clone(), self.clock.now());
        self.store
            .write(move |connection| {
                let address = EmailAddress::parse(&wish.email)
                    .map_err(|_| store::Error::Work("a wish is for no address"))?;
                let answer = Answer {
                    gate: &gate,
                    wish: &wish,
                    address: &address,
                    texts: Lang::parse(&wish.lang).unwrap_or_default().texts(),
                    now,
                };
                answer.write(connection)?;
                outbox::finish(connection, id, End::Done, None, now)
            })
            .await?;
        self.letters.notify_one();
        Ok(())
    }
}

impl Answer<'_> {
    fn write(&self, connection: &mut AnyConnection) -> Result<(), store::Error> {
        let key = self.address.key();
        if let Some(holder) = passwords::holder(connection, &key)? {
            return self.to_holder(connection, &holder);
        }
        let waiting = match &self.wish.what {
            What::First(waiting) => waiting,
            What::Again { before } => return self.once_more(connection, before),
        };
        let newcomer = MemberId(self.gate.random.id(self.now)?);
        if let Some(member) = awaited::expect(connection, newcomer, self.address, self.now)? {
            return self.link(connection, member, waiting);
        }
        // Proved while we waited for the row.
        match passwords::holder(connection, &key)? {
            Some(holder) => self.to_holder(connection, &holder),
            None => Ok(()),
        }
    }

    fn to_holder(
        &self,
        connection: &mut AnyConnection,
        holder: &Holder,
    ) -> Result<(), store::Error> {
        // As they spell it, and in the language they chose.
        let to = holder.email.as_deref().unwrap_or(self.address.as_str());
        let chosen = holder.locale.as_deref().and_then(Lang::parse);
        let texts = chosen.map_or(self.texts, Lang::texts);
        let letter = Letter::Exists.to(to, texts, &self.gate.rules);
        let member = Some(holder.member);
        self.gate
            .owe_letter(connection, member, &letter, LINK_LIFE, self.now)
    }

    /// Another link in the place of the browser's own; without one of its own nothing is sent.
    fn once_more(&self, connection: &mut AnyConnection, before: &str) -> Result<(), store::Error> {
        let link = mail_links::take_back(connection, before, Purpose::Join)?;
        let waiting = link.and_then(|link| Some((link.member, Waiting::open(self.gate, &link)?)));
        match waiting {
            Some((member, waiting)) => self.link(connection, member, &waiting),
            None => Ok(()),
        }
    }

    fn link(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        waiting: &Waiting,
    ) -> Result<(), store::Error> {
        let digest = fingerprint(self.wish.token.as_bytes());
        let link = Link {
            purpose: Purpose::Join,
            member,
            email_key: self.address.key(),
            sealed: Some(waiting.seal(self.gate, &digest)?),
            expires_at: self.now + LINK_LIFE,
            digest,
        };
        mail_links::add(connection, &link, self.now)?;
        let letter = Letter::Join {
            link: &self.wish.token,
        };
        let letter = letter.to(self.address.as_str(), self.texts, &self.gate.rules);
        self.gate
            .owe_letter(connection, Some(member), &letter, LINK_LIFE, self.now)
    }
}
