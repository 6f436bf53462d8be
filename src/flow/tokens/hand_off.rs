//! A program hands over what Kakao gave it, and is given ours. The same person is the same member
//! as in a browser, by Kakao's number alone.

use std::time::Duration as StdDuration;

use time::{Duration, OffsetDateTime};

use super::{Issued, NotIssued};
use crate::flow::{Audited, Gate, LoginFailure, Origin, Why, log_event};
use crate::kakao::{self, AccessToken, IdToken, IdTokenError, Kind, Unverified};
use crate::member::{Member, MemberId, Method, Role, Standing, clean_name};
use crate::store::attempts::{self, Claim};
use crate::store::members::{self, KakaoProfile, Newcomer, account, unlinked};
use crate::store::{self, AnyConnection};
use crate::vault::fingerprint;

/// How old an ID token may be: an app hands over at once, and nobody asks Kakao what has become of the
/// person since.
const FRESH: Duration = Duration::minutes(10);

/// How long it is remembered that an ID token was taken: longer than Kakao's live.
const REMEMBERED: Duration = Duration::days(1);

/// Kakao's authorization codes are longer than its tokens, so that a code in the place of a token
/// can be told.
const TOKEN_CHARS: usize = 70;

/// What Kakao gave a program.
pub enum HandedOver {
    /// An access token.
    Access(AccessToken),
    /// An ID token, and the nonce that the program had asked for it with.
    Id(Box<IdToken>, String),
}

/// Why it was not taken.
#[derive(Debug)]
pub enum NotTaken {
    /// Kakao does not know the token, or it is over; or it is no token of Kakao's.
    Invalid(&'static str),
    /// It looks like an authorization code, which is for the token endpoint of Kakao's.
    AuthorizationCode,
    /// It was issued to another app.
    WrongApp,
    /// Kakao knows nobody who is connected to this app behind it.
    NotInKakao,
    /// The address that Kakao told is a member's who signs in otherwise.
    Conflict,
    /// There are terms to be agreed to first, in a browser.
    TermsRequired,
    /// The member is suspended.
    Suspended(Option<OffsetDateTime>),
    /// As in a browser: Kakao in trouble, a consent that is missing, our own trouble.
    Failed(LoginFailure),
}

impl From<store::Error> for NotTaken {
    fn from(error: store::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<kakao::Error> for NotTaken {
    fn from(error: kakao::Error) -> Self {
        match error.kind {
            Kind::Unauthorized => Self::Invalid("Kakao does not know the token"),
            Kind::OtherApp => Self::WrongApp,
            Kind::NotLinked | Kind::AccountGone => Self::NotInKakao,
            _ => Self::Failed(error.into()),
        }
    }
}

impl From<Unverified> for NotTaken {
    fn from(unverified: Unverified) -> Self {
        match unverified {
            Unverified::Refused(IdTokenError::Audience) => Self::WrongApp,
            Unverified::Refused(_) => {
                Self::Invalid("the ID token is not one for this app and nonce")
            }
            no_keys @ Unverified::NoKeys(_) => Self::Failed(no_keys.into()),
        }
    }
}

impl From<NotIssued> for NotTaken {
    fn from(error: NotIssued) -> Self {
        match error {
            NotIssued::Store(error) => error.into(),
            NotIssued::Invalid | NotIssued::Reused => Self::Failed(Why::Server.into()),
        }
    }
}

/// What became of it within the transaction.
enum Entry {
    Refused(NotTaken),
    Signed(Box<Member>, uuid::Uuid, String),
}

/// Whom Kakao vouches for.
struct Vouched {
    profile: KakaoProfile,
    /// Whether the profile is only what an ID token says: then what is known stays as it is.
    brief: bool,
    /// What must not be taken a second time, and when Kakao made it.
    once: Option<(String, OffsetDateTime)>,
}

impl Gate {
    /// Takes what Kakao gave a program, and begins a session of its own. Kakao's token stays with
    /// the program and is kept nowhere.
    ///
    /// # Errors
    /// [`NotTaken`].
    pub async fn hand_over(&self, handed: HandedOver, origin: &Origin) -> Result<Issued, NotTaken> {
        let vouched = match handed {
            HandedOver::Access(token) => self.by_access_token(&token).await?,
            HandedOver::Id(token, nonce) => self.by_id_token(&token, &nonce).await?,
        };
        let now = self.clock.now();
        let (gate, from) = (self.clone(), origin.clone());
        let entry = self
            .store
            .write(move |connection| gate.enter(connection, &vouched, &from, now))
            .await?;
        match entry {
            Entry::Refused(refused) => Err(refused),
            Entry::Signed(member, session, refresh) => {
                log_event("login.api", member.id, session, origin);
                Ok(self.issue(*member, session, Some(refresh)).await?)
            }
        }
    }

    async fn by_access_token(&self, token: &AccessToken) -> Result<Vouched, NotTaken> {
        let (user, _) = self.vouched_for(token).await?;
        Ok(Vouched {
            profile: self.profile(user, String::new()),
            brief: false,
            once: None,
        })
    }

    /// Whom Kakao means by a token of our app, and how long the token still lives. Whose app it is of
    /// comes first: `user/me` answers for tokens of any app.
    pub(in crate::flow) async fn vouched_for(
        &self,
        token: &AccessToken,
    ) -> Result<(kakao::User, StdDuration), NotTaken> {
        let info = match self.kakao.token_info(token).await {
            Err(error)
                if error.kind == Kind::Unauthorized && token.expose().len() > TOKEN_CHARS =>
            {
                return Err(NotTaken::AuthorizationCode);
            }
            info => info?,
        };
        let user = self.kakao.user(token).await?;
        if user.id != info.id {
            return Err(NotTaken::Failed(LoginFailure {
                why: Why::KakaoBadReply,
                cause: Some("access_token_info and user/me name different people".to_owned()),
            }));
        }
        Ok((user, info.expires_in))
    }

    async fn by_id_token(&self, token: &IdToken, nonce: &str) -> Result<Vouched, NotTaken> {
        let now = self.clock.now();
        let named = self.kakao.verify_handed_id_token(token, nonce, now).await?;
        if now - named.issued_at > FRESH {
            return Err(NotTaken::Invalid("the ID token is older than ten minutes"));
        }
        let profile = KakaoProfile {
            app_id: self.rules.app_id,
            kakao_id: named.id,
            connected_at: None,
            nickname: token.nickname().and_then(clean_name),
            picture: None,
            email: None,
            email_valid: false,
            email_verified: false,
            scopes: String::new(),
        };
        Ok(Vouched {
            profile,
            brief: true,
            once: Some((fingerprint(token.compact().as_bytes()), named.issued_at)),
        })
    }

    fn enter(
        &self,
        connection: &mut AnyConnection,
        vouched: &Vouched,
        origin: &Origin,
        now: OffsetDateTime,
    ) -> Result<Entry, store::Error> {
        let known = members::of_kakao(connection, &vouched.profile)?;
        if known.is_none() {
            if let Some(owner) = self.conflict(connection, &vouched.profile)? {
                let audited = Audited {
                    actor: None,
                    ..Audited::own(owner, "join.kakao", origin).refused("email_conflict")
                };
                self.audit(connection, &[audited], now)?;
                return Ok(Entry::Refused(NotTaken::Conflict));
            }
            if self.rules.agreements.are_published() {
                return Ok(Entry::Refused(NotTaken::TermsRequired));
            }
        }
        if let Some((once, issued_at)) = &vouched.once {
            let (app_id, id) = (self.rules.app_id, vouched.profile.kakao_id);
            let unlinked_at =
                unlinked::owner(connection, app_id, id)?.and_then(|owner| owner.unlinked_at);
            if unlinked_at.is_some_and(|at| at >= *issued_at) {
                let cause = "the ID token is older than the end of the connection";
                return Ok(Entry::Refused(NotTaken::Invalid(cause)));
            }
            // Not before the refusals that ask the person to come back.
            if attempts::claim(connection, once, now + REMEMBERED)? != Claim::Ours {
                let cause = "the ID token was taken before";
                return Ok(Entry::Refused(NotTaken::Invalid(cause)));
            }
        }
        let profile = self.as_known(connection, vouched, known)?;
        let newcomer = Newcomer {
            id: MemberId(self.random.id(now)?),
            role: self.rules.first_role(&profile),
        };
        let arrived = members::sign_in_with_kakao(connection, &profile, newcomer, now)?;
        let member = arrived.member;
        if !member.standing.admits(now) {
            let audited = Audited::own(member.id, "login.api", origin).refused("suspended");
            self.audit(connection, &[audited], now)?;
            let until = match member.standing {
                Standing::Suspended { until } => until,
                _ => None,
            };
            return Ok(Entry::Refused(NotTaken::Suspended(until)));
        }
        let (session, refresh) =
            self.begin_chain(connection, &member, Method::Kakao, origin, now)?;
        let mut audited = Vec::new();
        if arrived.joined {
            audited.push(Audited::own(member.id, "join.kakao", origin));
        }
        if arrived.joined && member.role != Role::Member {
            audited.push(Audited::role_by_settings(member.id, member.role, origin));
        }
        audited.push(Audited::own(member.id, "login.api", origin));
        self.audit(connection, &audited, now)?;
        Ok(Entry::Signed(Box::new(member), session, refresh))
    }

    /// The profile to keep: what Kakao has told before stays, where it tells less now.
    fn as_known(
        &self,
        connection: &mut AnyConnection,
        vouched: &Vouched,
        known: Option<MemberId>,
    ) -> Result<KakaoProfile, store::Error> {
        let mut profile = vouched.profile.clone();
        let Some(member) = known else {
            return Ok(profile);
        };
        let Some(before) = account::kakao(connection, self.rules.app_id, member)? else {
            return Ok(profile);
        };
        profile.scopes = before.scopes;
        if vouched.brief {
            profile = KakaoProfile {
                connected_at: before.connected_at,
                nickname: before.nickname,
                picture: before.picture,
                email: before.email,
                email_valid: before.email_valid,
                email_verified: before.email_verified,
                ..profile
            };
        }
        Ok(profile)
    }
}
