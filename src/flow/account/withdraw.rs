//! Leaving. One transaction erases what the member was known by; what Kakao and the post still
//! have to do is owed in it.

use time::{Duration, OffsetDateTime};
use uuid::Uuid;

use super::proof::Shown;
use crate::flow::letters::Letter;
use crate::flow::{Audited, Gate, Origin, log_event};
use crate::i18n::{Lang, Texts};
use crate::member::{EndedBy, MemberId, Role, SignedIn};
use crate::store::members::{self, account, acts};
use crate::store::{self, AnyConnection, sessions};

/// How long it is worth telling somebody that they have left.
const NEWS: Duration = Duration::days(3);

/// Why somebody leaves, if they care to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveReason {
    /// It is not used any more.
    Unused,
    /// It is hard to use.
    Hard,
    /// Worries about personal data.
    Privacy,
    /// Another service is used instead.
    Elsewhere,
    /// To join anew.
    Anew,
    /// Something else.
    Other,
}

impl LeaveReason {
    /// All of them, as they are offered.
    pub const ALL: [Self; 6] = [
        Self::Unused,
        Self::Hard,
        Self::Privacy,
        Self::Elsewhere,
        Self::Anew,
        Self::Other,
    ];

    /// As it is sent by the form, and written into the audit log.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Unused => "unused",
            Self::Hard => "hard",
            Self::Privacy => "privacy",
            Self::Elsewhere => "elsewhere",
            Self::Anew => "anew",
            Self::Other => "other",
        }
    }

    /// The reason with that code.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.code() == code)
    }
}

/// What became of leaving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parting {
    /// The member is gone, and so is the connection to Kakao, if there was one.
    Done,
    /// The member is gone; Kakao has not ended the connection yet.
    KakaoLater,
    /// The member is gone; nothing is left to end the connection with but the person's own hand.
    KakaoByHand,
    /// The last owner stays.
    LastOwner,
    /// Nothing was done: what was shown to prove who it is does not hold any more.
    Unproved,
    /// Nothing was done: the member has left already, or was barred meanwhile.
    NotThere,
}

/// What the transaction came to.
enum Erased {
    Gone { connected: bool, debt: Option<Uuid> },
    LastOwner,
    Unproved,
    NotThere,
}

impl Gate {
    /// Whether nobody else could change roles any more if this member left.
    ///
    /// # Errors
    /// The store's.
    pub async fn is_last_owner(&self, signed_in: &SignedIn) -> Result<bool, store::Error> {
        if signed_in.member.role != Role::Owner {
            return Ok(false);
        }
        let (member, now) = (signed_in.member.id, self.clock.now());
        self.store
            .read(move |connection| {
                let owners = acts::owners(connection)?;
                let another = |one: &acts::Held| one.id != member && one.standing.admits(now);
                Ok(!owners.iter().any(another))
            })
            .await
    }

    /// Erases the member. Kakao's part is done now if Kakao answers, and otherwise later: nothing
    /// there can keep anybody here.
    ///
    /// # Errors
    /// The store's. Nothing was done then, unless the answer to the commit was lost.
    pub async fn withdraw(
        &self,
        signed_in: &SignedIn,
        reason: Option<LeaveReason>,
        t: Texts,
        origin: &Origin,
    ) -> Result<Parting, store::Error> {
        self.part(signed_in, Shown::Session, reason, t, origin)
            .await
    }

    pub(super) async fn part(
        &self,
        signed_in: &SignedIn,
        shown: Shown,
        reason: Option<LeaveReason>,
        t: Texts,
        origin: &Origin,
    ) -> Result<Parting, store::Error> {
        let (member, now) = (signed_in.member.id, self.clock.now());
        let (gate, from) = (self.clone(), origin.clone());
        let erased = self
            .store
            .write(move |connection| {
                let held = acts::hold(connection, &[member])?;
                let own = held.iter().find(|one| one.id == member);
                let Some(own) = own.filter(|own| own.standing.admits(now)) else {
                    return Ok(Erased::NotThere);
                };
                let kakao = acts::kakao_id(connection, gate.rules.app_id, member)?;
                let holds = match &shown {
                    Shown::Session => true,
                    Shown::Kakao { id, .. } => kakao == Some(*id),
                    Shown::Password(holder) => gate.is_still_right(connection, holder)?,
                };
                if !holds {
                    return Ok(Erased::Unproved);
                }
                let audited = Audited {
                    reason: reason.map(|reason| reason.code().to_owned()),
                    ..Audited::own(member, "withdraw", &from)
                };
                let another = held.iter().any(|one| {
                    one.id != member && one.role == Role::Owner && one.standing.admits(now)
                });
                if own.role == Role::Owner && !another {
                    gate.audit(connection, &[audited.refused("last_owner")], now)?;
                    return Ok(Erased::LastOwner);
                }
                let debt = match (kakao, &shown) {
                    (
                        Some(id),
                        Shown::Kakao {
                            token, expires_at, ..
                        },
                    ) => {
                        let with = (token, *expires_at);
                        Some(gate.owe_unlink_with(connection, member, id, with, now)?)
                    }
                    (Some(id), _) => gate.owe_unlink(connection, member, id, now)?,
                    (None, _) => None,
                };
                let ended = sessions::end_all(connection, member, None, EndedBy::Logout, now)?;
                gate.erase_and_tell(connection, member, t, now)?;
                let unlink = match (kakao, debt) {
                    (None, _) => "no kakao",
                    (Some(_), Some(_)) => "kakao unlink owed",
                    (Some(_), None) => "kakao unlink not possible",
                };
                let audited = Audited {
                    detail: Some(format!("sessions ended: {}, {unlink}", ended.len())),
                    ..audited
                };
                gate.audit(connection, &[audited], now)?;
                Ok(Erased::Gone {
                    connected: kakao.is_some(),
                    debt,
                })
            })
            .await?;
        let (connected, debt) = match erased {
            Erased::Gone { connected, debt } => (connected, debt),
            Erased::LastOwner => return Ok(Parting::LastOwner),
            Erased::Unproved => return Ok(Parting::Unproved),
            Erased::NotThere => return Ok(Parting::NotThere),
        };
        self.letters.notify_one();
        log_event("withdraw", member, signed_in.session.id, origin);
        Ok(match debt {
            // It is done whatever we can tell about Kakao.
            Some(debt) if self.is_paid_soon(debt).await.unwrap_or(false) => Parting::Done,
            Some(_) => Parting::KakaoLater,
            None if connected => Parting::KakaoByHand,
            None => Parting::Done,
        })
    }

    /// Erases a member who is held, together with every owner, because Kakao has told that the
    /// connection is gone which was their only way in. Says whether: who is barred stays, so that
    /// nobody gets rid of it like this, and so does the last owner.
    pub(in crate::flow) fn part_with(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        now: OffsetDateTime,
    ) -> Result<bool, store::Error> {
        let held = acts::hold(connection, &[member])?;
        let own = held.iter().find(|one| one.id == member);
        let Some(own) = own.filter(|own| own.standing.admits(now)) else {
            return Ok(false);
        };
        let another = held
            .iter()
            .any(|one| one.id != member && one.role == Role::Owner && one.standing.admits(now));
        if own.role == Role::Owner && !another {
            return Ok(false);
        }
        let known = members::by_id(connection, member)?;
        let lang = known.and_then(|known| Lang::parse(known.locale.as_deref()?));
        sessions::end_all(connection, member, None, EndedBy::Kakao, now)?;
        self.erase_and_tell(connection, member, lang.unwrap_or_default().texts(), now)?;
        Ok(true)
    }

    /// Erases a member, and owes a letter about it to the address that was known to be theirs.
    fn erase_and_tell(
        &self,
        connection: &mut AnyConnection,
        member: MemberId,
        t: Texts,
        now: OffsetDateTime,
    ) -> Result<(), store::Error> {
        let address = account::of(connection, member)?;
        let address = address.filter(|own| own.email_verified_at.is_some());
        account::erase(connection, member, now)?;
        if let Some(to) = address.and_then(|own| own.email)
            && self.takes_email()
        {
            let letter = Letter::Withdrawn { at: now }.to(&to, t, &self.rules);
            self.owe_letter(connection, Some(member), &letter, NEWS, now)?;
        }
        Ok(())
    }
}
