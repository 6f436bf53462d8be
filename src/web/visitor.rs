//! Who is asking: met once a request, before the handler.

use std::future::{Ready, ready};
use std::rc::Rc;

use actix_web::body::MessageBody;
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, FromRequest, HttpMessage as _, HttpRequest, web};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::cookies::{self, Notice};
use super::edge::Arrived;
use super::error::{ErrorId, Problem};
use super::{Site, Who, login};
use crate::flow::{Gate, Next as NextPath, Origin};
use crate::i18n::{Lang, Texts};
use crate::member::{EndedBy, MemberId, Role, SignedIn};
use crate::session::{BrowserSession, Token};
use crate::store::sessions::Found;

/// Somebody asking for a page.
#[derive(Clone)]
pub(super) struct Visitor(Rc<Met>);

struct Met {
    arrived: Arrived,
    lang: Lang,
    signed_in: Option<SignedIn>,
    token: Option<Token>,
    ended: Option<(EndedBy, Role)>,
    notice: Option<Notice>,
    csrf: String,
}

/// Somebody signed in. Extracting it leads anybody else to the login page and back.
pub(super) struct Member {
    pub(super) visitor: Visitor,
    pub(super) signed_in: SignedIn,
}

/// Somebody of the administration, with at least the role that the table names for the address.
/// To others of the administration the address is forbidden; to everybody else, and from networks
/// that are not `ADMIN_NETWORKS`, it does not exist.
pub(super) struct Staff {
    pub(super) visitor: Visitor,
    pub(super) signed_in: SignedIn,
}

/// Middleware inside actix-session's: reads the session's row, which decides.
///
/// # Errors
/// 503 when it cannot be read: who is asking is then unknown, not nobody.
pub async fn meet(
    mut request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let site = request.app_data::<web::Data<Site>>().cloned();
    let arrived = request.extensions().get::<Arrived>().cloned();
    let (Some(site), Some(arrived)) = (site, arrived) else {
        return Err(Problem::server("a page outside its frame").into());
    };
    let session = request.extract::<BrowserSession>().await?;
    let mut token = session.token();
    let (mut signed_in, mut ended) = (None, None);
    if let Some(held) = &token {
        match site.gate.who(held).await.map_err(Problem::from)? {
            Found::Live(live) => {
                session.set_brief(live.session.brief);
                signed_in = Some(*live);
            }
            Found::Ended(by, role) => ended = Some((by, role)),
            Found::Unknown => token = None,
        }
    }
    let member_lang = signed_in
        .as_ref()
        .and_then(|live: &SignedIn| live.member.locale.as_deref());
    let lang = arrived
        .lang_cookie
        .or_else(|| member_lang.and_then(Lang::parse))
        .or(arrived.lang_browser)
        .unwrap_or(site.default_lang);
    let sealed = cookies::value(request.headers(), site.cookies.notice);
    let notice = sealed.and_then(|sealed| site.cookies.hear(&site.gate, sealed));
    let csrf = match &token {
        Some(token) => token.csrf(&site.gate.vault),
        None => anonymous_csrf(&site.gate),
    };
    let met = Met {
        arrived,
        lang,
        signed_in,
        token,
        ended,
        notice,
        csrf,
    };
    request.extensions_mut().insert(Visitor(Rc::new(met)));
    next.call(request).await
}

/// The form token of browsers that hold no session. It belongs to nobody, so it proves little;
/// what such forms change is a language or a brightness, and the request must be same-site.
fn anonymous_csrf(gate: &Gate) -> String {
    URL_SAFE_NO_PAD.encode(gate.vault.digest("csrf of nobody", b""))
}

impl Visitor {
    pub(super) fn texts(&self) -> Texts {
        self.0.lang.texts()
    }

    pub(super) fn arrived(&self) -> &Arrived {
        &self.0.arrived
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.0.arrived.origin
    }

    pub(super) fn signed_in(&self) -> Option<&SignedIn> {
        self.0.signed_in.as_ref()
    }

    /// What the browser holds, live or ended; its forms still carry the token of a session that
    /// has just ended elsewhere.
    pub(super) fn token(&self) -> Option<&Token> {
        self.0.token.as_ref()
    }

    /// Why the session that the browser still holds has ended, and the role of whose it was.
    pub(super) fn ended(&self) -> Option<(EndedBy, Role)> {
        self.0.ended
    }

    pub(super) fn notice(&self) -> Option<&Notice> {
        self.0.notice.as_ref()
    }

    /// The page this visitor is at, for links and forms that lead back.
    pub(super) fn here(&self) -> &str {
        &self.0.arrived.here
    }

    /// The token that this visitor's forms carry.
    pub(super) fn csrf(&self) -> &str {
        &self.0.csrf
    }

    /// Whether `claimed` is a form token given to this visitor.
    pub(super) fn is_csrf(&self, gate: &Gate, claimed: &str) -> bool {
        match &self.0.token {
            Some(token) => token.is_csrf(&gate.vault, claimed),
            None => {
                let claimed = URL_SAFE_NO_PAD.decode(claimed).unwrap_or_default();
                gate.vault.is_digest("csrf of nobody", b"", &claimed)
            }
        }
    }
}

impl Visitor {
    /// The way to the login page and back to `request`.
    fn has_to_sign_in(&self, request: &HttpRequest) -> Problem {
        // After a lost POST the page with the form is where to go on.
        let lost = !request.method().is_safe();
        Problem::SignIn(self.way_in(&NextPath::parse(self.here()), lost))
    }

    /// The address of the login page for somebody who is to come back to `next`. It says why they
    /// are not signed in any more, and whether a form they sent is `lost`.
    pub(super) fn way_in(&self, next: &NextPath, lost: bool) -> String {
        let reason = match self.0.ended {
            Some((EndedBy::Expiry, _)) => Some("expired"),
            Some((EndedBy::OtherDevice, _)) => Some("revoked"),
            Some((EndedBy::Admin, _)) => Some("kicked"),
            Some((EndedBy::Password, _)) => Some("reset"),
            Some((EndedBy::Kakao, _)) => Some("kakao"),
            _ => None,
        };
        login::address(next, reason, lost)
    }
}

impl FromRequest for Visitor {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let visitor = request.extensions().get::<Self>().cloned();
        ready(visitor.ok_or_else(|| Problem::server("a page outside its frame").into()))
    }
}

impl FromRequest for Member {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(visitor) = request.extensions().get::<Visitor>().cloned() else {
            return ready(Err(Problem::from(ErrorId::Server).into()));
        };
        ready(match visitor.signed_in().cloned() {
            Some(signed_in) => Ok(Self { visitor, signed_in }),
            None => Err(visitor.has_to_sign_in(request).into()),
        })
    }
}

impl FromRequest for Staff {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::at(request).map_err(Error::from))
    }
}

impl Member {
    /// Goes on only for somebody who has proved who they are within the last ten minutes; others
    /// are asked to, and come back to `next`.
    ///
    /// # Errors
    /// The way to that page.
    pub(super) fn proved(&self, site: &Site, next: &str) -> Result<(), Problem> {
        proved(site, &self.signed_in, next)
    }
}

fn proved(site: &Site, signed_in: &SignedIn, next: &str) -> Result<(), Problem> {
    if site.gate.is_proved(signed_in) {
        return Ok(());
    }
    Err(Problem::Prove(super::reauth::address(&NextPath::parse(
        next,
    ))))
}

impl Staff {
    fn at(request: &HttpRequest) -> Result<Self, Problem> {
        let visitor = request.extensions().get::<Visitor>().cloned();
        let site = request.app_data::<web::Data<Site>>();
        let who = request.app_data::<Who>();
        let (Some(visitor), Some(site), Some(Who::Staff(needed))) = (visitor, site, who) else {
            return Err(Problem::server("an admin page outside its frame"));
        };
        if !site.admits_staff_from(visitor.arrived().ip) {
            return Err(Problem::from(ErrorId::NotFound).because("not from ADMIN_NETWORKS"));
        }
        let ended = visitor.0.ended;
        match visitor.signed_in().cloned() {
            Some(signed_in) if signed_in.member.role >= *needed => Ok(Self { visitor, signed_in }),
            Some(signed_in) if signed_in.member.role.is_staff() => Err(ErrorId::Forbidden.into()),
            // Who was idle for too long comes back; nobody else learns that this is here.
            None if matches!(ended, Some((EndedBy::Expiry, role)) if role.is_staff()) => {
                Err(visitor.has_to_sign_in(request))
            }
            _ => Err(ErrorId::NotFound.into()),
        }
    }

    /// Who this is.
    pub(super) fn id(&self) -> MemberId {
        self.signed_in.member.id
    }

    /// What they may do.
    pub(super) fn role(&self) -> Role {
        self.signed_in.member.role
    }

    /// Goes on only for somebody who has proved who they are within the last ten minutes; others
    /// are asked to, and come back to `next`.
    ///
    /// # Errors
    /// The way to that page.
    pub(super) fn proved(&self, site: &Site, next: &str) -> Result<(), Problem> {
        proved(site, &self.signed_in, next)
    }
}
