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
use super::{Site, login};
use crate::flow::{Gate, Next as NextPath, Origin};
use crate::i18n::{Lang, Texts};
use crate::member::{EndedBy, SignedIn};
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
    ended: Option<EndedBy>,
    notice: Option<Notice>,
    csrf: String,
}

/// Somebody signed in. Extracting it leads anybody else to the login page and back.
pub(super) struct Member {
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
            Found::Live(live) => signed_in = Some(*live),
            Found::Ended(by) => ended = Some(by),
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
        if let Some(signed_in) = visitor.signed_in().cloned() {
            return ready(Ok(Self { visitor, signed_in }));
        }
        // After a lost POST the page with the form is where to go on.
        let reading = request.method().is_safe();
        let next = visitor.here();
        let reason = match visitor.0.ended {
            Some(EndedBy::Expiry) => Some("expired"),
            Some(EndedBy::OtherDevice) => Some("revoked"),
            _ => None,
        };
        let address = login::address(&NextPath::parse(next), reason, !reading);
        ready(Err(Problem::SignIn(address).into()))
    }
}
