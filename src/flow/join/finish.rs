//! Opening the mailed link, and becoming a member by its button.

use time::OffsetDateTime;

use super::{Asked, GUESSES, Waiting};
use crate::email::EmailAddress;
use crate::flow::{Audited, Gate, Known, Origin, Trouble, log_event};
use crate::member::{MemberId, Method, Role, Standing};
use crate::password::{Kept, Password, Verdict};
use crate::session::Token;
use crate::store::mail_links::{self, Found, Link, Purpose};
use crate::store::members::acts;
use crate::store::members::awaited::{self, Confirmed, Proof};
use crate::store::{self, AnyConnection, members, passwords, sessions};
use crate::vault::fingerprint;

/// What a link turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// One that works.
    Ready {
        /// The address it proves.
        email: String,
        /// Whether the password has to be typed once more: this is not the browser that asked.
        asks_password: bool,
    },
    /// One that does not.
    Dead(DeadLink),
}

/// Why a link does not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeadLink {
    /// It was used.
    Used,
    /// Its time has passed.
    Expired,
    /// It is none of ours, or another has taken its place.
    Unknown,
    /// The address has an account by now.
    Taken,
}

/// Why nobody joined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The link does not work.
    Link(DeadLink),
    /// It is not the password that was chosen.
    Password,
    /// Too many were not.
    Locked {
        /// How long to wait.
        wait: std::time::Duration,
    },
    /// An admin has barred them before they joined.
    Suspended {
        /// Until when; `None`: until lifted.
        until: Option<OffsetDateTime>,
    },
}

/// Somebody who has joined, and is signed in.
#[derive(Clone, Debug)]
pub struct Joined {
    /// Who.
    pub member: MemberId,
    /// What the browser is to hold from now on.
    pub token: Token,
    /// Who has signed in in this browser, they included.
    pub known: Known,
}

/// The browser that somebody joins in.
struct Browser<'a> {
    known: Known,
    current: Option<Token>,
    origin: &'a Origin,
}

/// A link that works, and what waits with it.
struct Open {
    link: Link,
    waiting: Waiting,
}

impl Gate {
    /// Looks at a link without using it: programs that check mail open links, too.
    ///
    /// # Errors
    /// The store's.
    pub async fn look_at_join_link(
        &self,
        token: &str,
        asked: Option<&Asked>,
    ) -> Result<Opened, store::Error> {
        Ok(match self.open_join_link(token).await? {
            Ok(open) => Opened::Ready {
                asks_password: !asked.is_some_and(|asked| asked.is_of(&open.link.digest)),
                email: open.waiting.email,
            },
            Err(dead) => Opened::Dead(dead),
        })
    }

    /// Uses a link: makes the member with everything that was typed, ends whatever session the
    /// browser held, and begins theirs.
    ///
    /// In another browser than the one that asked, the password that was chosen has to be typed
    /// once more. Whoever plants somebody else's address cannot use the link, and whoever owns the
    /// address cannot be led into an account whose password another has chosen (ID-3).
    ///
    /// # Errors
    /// [`Trouble`].
    pub async fn join(
        &self,
        token: &str,
        typed: Option<Password>,
        asked: Option<&Asked>,
        known: Known,
        current: Option<Token>,
        origin: &Origin,
    ) -> Result<Result<Joined, Refusal>, Trouble> {
        let open = match self.open_join_link(token).await? {
            Ok(open) => open,
            Err(dead) => return Ok(Err(Refusal::Link(dead))),
        };
        if !asked.is_some_and(|asked| asked.is_of(&open.link.digest))
            && let Err(refusal) = self.check_chosen(&open, typed).await?
        {
            return Ok(Err(refusal));
        }
        let (gate, from, now) = (self.clone(), origin.clone(), self.clock.now());
        let joined = self
            .store
            .write(move |connection| {
                let browser = Browser {
                    known,
                    current,
                    origin: &from,
                };
                gate.make_member(connection, &open, browser, now)
            })
            .await?;
        self.owed.notify_one();
        if let Ok(joined) = &joined {
            log_event("join.email", joined.member, joined.token.id(), origin);
        }
        Ok(joined)
    }

    async fn open_join_link(&self, token: &str) -> Result<Result<Open, DeadLink>, store::Error> {
        let (digest, now) = (fingerprint(token.as_bytes()), self.clock.now());
        let found = self
            .store
            .read(move |connection| mail_links::find(connection, &digest, Purpose::Join, now))
            .await?;
        Ok(self.open_found(found))
    }

    fn open_found(&self, found: Found) -> Result<Open, DeadLink> {
        match found {
            Found::Good(link) => match Waiting::open(self, &link) {
                Some(waiting) => Ok(Open { link, waiting }),
                // Sealed with a key that was dropped since.
                None => Err(DeadLink::Expired),
            },
            Found::Used => Err(DeadLink::Used),
            Found::Expired => Err(DeadLink::Expired),
            Found::Unknown => Err(DeadLink::Unknown),
        }
    }

    async fn check_chosen(
        &self,
        open: &Open,
        typed: Option<Password>,
    ) -> Result<Result<(), Refusal>, Trouble> {
        let Some(typed) = typed else {
            return Ok(Err(Refusal::Password));
        };
        let (gate, now) = (self.clone(), self.clock.now());
        let what = format!("join guess/{}", open.link.digest);
        let wait = self
            .store
            .write(move |connection| gate.take(connection, &what, GUESSES, now))
            .await?;
        if let Some(wait) = wait {
            return Ok(Err(Refusal::Locked { wait }));
        }
        let kept = Kept::stored(open.waiting.kept.clone());
        Ok(match self.check_password(typed, Some(kept)).await? {
            Verdict::Right { .. } => Ok(()),
            Verdict::Wrong => Err(Refusal::Password),
        })
    }

    fn make_member(
        &self,
        connection: &mut AnyConnection,
        open: &Open,
        browser: Browser<'_>,
        now: OffsetDateTime,
    ) -> Result<Result<Joined, Refusal>, store::Error> {
        let Browser {
            known,
            current,
            origin,
        } = browser;
        let (link, waiting) = (&open.link, &open.waiting);
        let id = link.member;
        let dead = |dead| Ok(Err(Refusal::Link(dead)));
        let Ok(address) = EmailAddress::parse(&waiting.email) else {
            return dead(DeadLink::Unknown);
        };
        let role = self.rules.first_role_of(&address);
        let proof = Proof {
            member: id,
            name: &waiting.name,
            role,
            locale: waiting.lang().code(),
        };
        // The member's row first: of two who use links of one address, the second waits here.
        acts::hold_self(connection, id)?;
        if !mail_links::consume(connection, &link.digest, now)? {
            let found = mail_links::find(connection, &link.digest, Purpose::Join, now)?;
            return dead(self.open_found(found).err().unwrap_or(DeadLink::Unknown));
        }
        match awaited::confirm(connection, &proof, now)? {
            Confirmed::Yes => {}
            Confirmed::Taken => return dead(DeadLink::Taken),
            Confirmed::Gone => return dead(DeadLink::Unknown),
            Confirmed::Not(Standing::Suspended { until }) => {
                return Ok(Err(Refusal::Suspended { until }));
            }
            Confirmed::Not(_) => return dead(DeadLink::Used),
        }
        mail_links::forget_others(connection, id, &link.digest)?;
        passwords::set(connection, id, &Kept::stored(waiting.kept.clone()), now)?;
        let agreed_at = waiting.agreed_at(now);
        self.keep_agreed(connection, id, &waiting.agreed, agreed_at)?;
        let member = members::by_id(connection, id)?;
        let member = member.ok_or(store::Error::Unexpected("members.id"))?;
        self.end_previous(connection, current.as_ref(), &member, now)?;
        let token = Token::of_attempt(self.random.id(now)?, &self.random.bytes()?);
        let session = self.new_session(&token, &member, Method::Password, origin, now);
        sessions::insert(connection, &self.brief(session, member.role))?;
        let mut audited = vec![Audited::own(id, "join.email", origin)];
        if role != Role::Member {
            audited.push(Audited::role_by_settings(id, role, origin));
        }
        self.audit(connection, &audited, now)?;
        let known = known.with(id, &self.random, now)?;
        Ok(Ok(Joined {
            member: id,
            token,
            known,
        }))
    }
}
