//! Moving to another address: it is asked for with a fresh proof of who one is, and becomes the
//! member's when somebody who is still signed in as them brings the link that was mailed there.

use time::{Duration, OffsetDateTime};

use crate::email::EmailAddress;
use crate::flow::letters::Letter;
use crate::flow::{Audited, Gate, Origin, log_event};
use crate::i18n::Texts;
use crate::member::{MemberId, SignedIn};
use crate::store::mail_links::{self, Found, Link};
use crate::store::members::{account, acts};
use crate::store::throttles::{self, Allowance};
use crate::store::{self, AnyConnection};
use crate::vault::fingerprint;

/// How long the link works.
const LIFE: Duration = Duration::minutes(30);

/// How long it is worth telling somebody that the address was changed.
const NEWS: Duration = Duration::days(3);

/// How many letters a member may have sent to addresses that are not known to be theirs.
const LETTERS: Allowance = Allowance {
    failures: 5,
    within: Duration::hours(1),
};

/// What became of asking for another address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A letter is on its way there, whoever has the address.
    Sent,
    /// It is the member's already.
    Same,
    /// Too many letters were asked for; after so long there may be more.
    Later(Duration),
}

/// What a link is, before anything is done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It proves this address.
    Good(EmailAddress),
    /// It was used.
    Used,
    /// Its time has passed.
    Expired,
    /// None of this member's, or one that a newer one has replaced.
    Unknown,
}

/// What became of the address that a link proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moved {
    /// It is the member's now.
    Done,
    /// It belongs to another member. Who was told that has just proved to read its mail.
    Taken,
    /// The link did not work.
    NoLink,
}

impl Gate {
    /// Writes to the new address. Whether it is somebody's is not told before it is proved.
    ///
    /// # Errors
    /// The store's.
    pub async fn ask_address(
        &self,
        signed_in: &SignedIn,
        address: EmailAddress,
        t: Texts,
        origin: &Origin,
    ) -> Result<Asked, store::Error> {
        let (member, now) = (signed_in.member.id, self.clock.now());
        let (gate, from) = (self.clone(), origin.clone());
        let asked = self
            .store
            .write(move |connection| {
                acts::hold_self(connection, member)?;
                let own = account::of(connection, member)?;
                let is_own = own.is_some_and(|own| {
                    own.email_verified_at.is_some() && own.email_key == Some(address.key())
                });
                if is_own {
                    return Ok(Asked::Same);
                }
                let counted = fingerprint(format!("email.change/{member}").as_bytes());
                if let Some(wait) = throttles::take(connection, &counted, LETTERS, now)? {
                    return Ok(Asked::Later(wait));
                }
                let link = gate.address_link(connection, member, &address, now)?;
                let letter = Letter::Address { link: &link };
                let letter = letter.to(address.as_str(), t, &gate.rules);
                gate.owe_letter(connection, Some(member), &letter, LIFE, now)?;
                let audited = Audited {
                    detail: Some("asked".to_owned()),
                    ..Audited::own(member, "email.change", &from)
                };
                gate.audit(connection, &[audited], now)?;
                Ok(Asked::Sent)
            })
            .await?;
        if asked == Asked::Sent {
            self.letters.notify_one();
        }
        Ok(asked)
    }

    /// A new link in the place of an earlier one: what it carries.
    fn address_link(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        address: &EmailAddress,
        now: OffsetDateTime,
    ) -> Result<String, store::Error> {
        let carried = self.random.token()?;
        let digest = fingerprint(carried.as_bytes());
        let sealed = self
            .vault
            .seal(&context(&digest), address.as_str().as_bytes())?;
        let link = Link {
            digest,
            purpose: mail_links::Purpose::Address,
            member,
            email_key: address.key(),
            sealed: Some(sealed),
            expires_at: now + LIFE,
        };
        mail_links::replace(connection, &link, now)?;
        Ok(carried)
    }

    /// What a link is to the member who brings it. Nothing is done: programs that check mail open
    /// links.
    ///
    /// # Errors
    /// The store's.
    pub async fn look_at_link(
        &self,
        signed_in: &SignedIn,
        carried: &str,
    ) -> Result<LinkState, store::Error> {
        let (member, now) = (signed_in.member.id, self.clock.now());
        let (gate, digest) = (self.clone(), fingerprint(carried.as_bytes()));
        self.store
            .read(move |connection| Ok(gate.open_link(connection, member, &digest, now)?.0))
            .await
    }

    fn open_link(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        digest: &str,
        now: OffsetDateTime,
    ) -> Result<(LinkState, Option<Link>), store::Error> {
        let found = mail_links::find(connection, digest, mail_links::Purpose::Address, now)?;
        let link = match found {
            Found::Good(link) if link.member == member => link,
            Found::Used => return Ok((LinkState::Used, None)),
            Found::Expired => return Ok((LinkState::Expired, None)),
            Found::Good(_) | Found::Unknown => return Ok((LinkState::Unknown, None)),
        };
        let sealed = link.sealed.as_deref().unwrap_or_default();
        let plain = self.vault.open(&context(digest), sealed);
        let address = plain.and_then(|plain| String::from_utf8(plain).ok());
        Ok(
            match address.and_then(|text| EmailAddress::parse(&text).ok()) {
                Some(address) => (LinkState::Good(address), Some(link)),
                // Sealed with a key that was dropped since.
                None => (LinkState::Expired, None),
            },
        )
    }

    /// Uses the link up: the address becomes the member's, who is written to at the old one about
    /// it. Links mailed to the old one to set a new password die with it.
    ///
    /// # Errors
    /// The store's.
    pub async fn move_address(
        &self,
        signed_in: &SignedIn,
        carried: &str,
        t: Texts,
        origin: &Origin,
    ) -> Result<Moved, store::Error> {
        let (member, now) = (signed_in.member.id, self.clock.now());
        let (gate, from) = (self.clone(), origin.clone());
        let digest = fingerprint(carried.as_bytes());
        let moved = self
            .store
            .write(move |connection| {
                acts::hold_self(connection, member)?;
                let (state, link) = gate.open_link(connection, member, &digest, now)?;
                let (LinkState::Good(address), Some(link)) = (state, link) else {
                    return Ok(Moved::NoLink);
                };
                if !mail_links::consume(connection, &link.digest, now)? {
                    return Ok(Moved::NoLink);
                }
                let before = account::of(connection, member)?;
                let audited = Audited::own(member, "email.change", &from);
                if !account::prove_address(connection, member, &address, now)? {
                    gate.audit(connection, &[audited.refused("taken")], now)?;
                    return Ok(Moved::Taken);
                }
                mail_links::forget(connection, member, mail_links::Purpose::Reset)?;
                let old = before.filter(|before| before.email_verified_at.is_some());
                if let Some(old) = old.and_then(|old| old.email)
                    && gate.takes_email()
                {
                    let letter = Letter::AddressChanged { at: now };
                    let letter = letter.to(&old, t, &gate.rules);
                    gate.owe_letter(connection, Some(member), &letter, NEWS, now)?;
                }
                let audited = Audited {
                    detail: Some("proved".to_owned()),
                    ..audited
                };
                gate.audit(connection, &[audited], now)?;
                Ok(Moved::Done)
            })
            .await?;
        if moved == Moved::Done {
            self.letters.notify_one();
            log_event("email.change", member, signed_in.session.id, origin);
        }
        Ok(moved)
    }
}

/// What the address is sealed for that a link proves.
fn context(digest: &str) -> String {
    format!("mail_links.sealed/{digest}")
}
