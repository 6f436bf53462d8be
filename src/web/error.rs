//! What a person or a program is told when something did not work.
//!
//! Inner modules say what went wrong; here alone it becomes a page with a way forward, or a
//! JSON object with a stable code. Nothing internal is told: the reference number leads to the
//! cause in the log.

use std::borrow::Cow;
use std::fmt;

use actix_session::storage::{SaveError, UpdateError};
use actix_web::error::InternalError;
use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use serde::Serialize;
use time::OffsetDateTime;
use utoipa::ToSchema;

use super::cookies::FailureContext;
use super::edge::Arrived;
use super::me::kakao::LINK;
use super::page::{self, Layout, see_other};
use super::visitor::Visitor;
use super::{Site, kakao, reauth};
use crate::flow::Trouble;
use crate::i18n::Texts;
use crate::{password, store};

/// The stable name of what went wrong: in `/auth/error?e=`, in JSON, in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorId {
    /// The person refused on Kakao's page.
    Cancelled,
    /// A needed consent item was refused.
    ConsentMissing,
    /// The authorization code was used before or is too old.
    CodeUsed,
    /// The redirect URI does not match (KOE303).
    RedirectMismatch,
    /// Kakao does not take our settings.
    BadClient,
    /// Kakao limits us.
    KakaoLimit,
    /// Kakao does not answer.
    KakaoDown,
    /// Kakao's answer cannot be trusted.
    KakaoBadReply,
    /// The login was not started by this browser.
    StateBad,
    /// The login took too long.
    StateExpired,
    /// The person is too young.
    Under14,
    /// The member is suspended.
    Suspended,
    /// Somebody else has proved who they are.
    OtherPerson,
    /// The Kakao account is connected to another member.
    AlreadyLinked,
    /// The member has another Kakao account.
    HasKakao,
    /// The address that was proved belongs to another member.
    AddressTaken,
    /// The page is for admins of a higher role.
    Forbidden,
    /// The form is not one we gave to this browser.
    Csrf,
    /// The request is malformed.
    BadRequest,
    /// There is nothing at this address.
    NotFound,
    /// The member is not there, or has left; only the administration is told.
    MemberGone,
    /// The address does not answer this method.
    Method,
    /// Too many requests.
    Rate,
    /// Our mistake.
    Server,
    /// The database or the session store is not available.
    Unavailable,
}

const ALL: &[ErrorId] = &[
    ErrorId::Cancelled,
    ErrorId::ConsentMissing,
    ErrorId::CodeUsed,
    ErrorId::RedirectMismatch,
    ErrorId::BadClient,
    ErrorId::KakaoLimit,
    ErrorId::KakaoDown,
    ErrorId::KakaoBadReply,
    ErrorId::StateBad,
    ErrorId::StateExpired,
    ErrorId::Under14,
    ErrorId::Suspended,
    ErrorId::OtherPerson,
    ErrorId::AlreadyLinked,
    ErrorId::HasKakao,
    ErrorId::AddressTaken,
    ErrorId::Forbidden,
    ErrorId::Csrf,
    ErrorId::BadRequest,
    ErrorId::NotFound,
    ErrorId::MemberGone,
    ErrorId::Method,
    ErrorId::Rate,
    ErrorId::Server,
    ErrorId::Unavailable,
];

impl ErrorId {
    /// The id as it is written.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Cancelled => "cancelled",
            Self::ConsentMissing => "consent_missing",
            Self::CodeUsed => "code_used",
            Self::RedirectMismatch => "redirect_mismatch",
            Self::BadClient => "bad_client",
            Self::KakaoLimit => "kakao_limit",
            Self::KakaoDown => "kakao_down",
            Self::KakaoBadReply => "kakao_bad_reply",
            Self::StateBad => "state_bad",
            Self::StateExpired => "state_expired",
            Self::Under14 => "under14",
            Self::Suspended => "suspended",
            Self::OtherPerson => "other_person",
            Self::AlreadyLinked => "already_linked",
            Self::HasKakao => "has_kakao",
            Self::AddressTaken => "address_taken",
            Self::Forbidden => "forbidden",
            Self::Csrf => "csrf",
            Self::BadRequest => "bad_request",
            Self::NotFound => "not_found",
            Self::MemberGone => "member_gone",
            Self::Method => "method",
            Self::Rate => "rate",
            Self::Server => "server",
            Self::Unavailable => "unavailable",
        }
    }

    /// The id with that spelling.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        ALL.iter().copied().find(|id| id.code() == code)
    }

    /// The id for an answer that only has a status.
    pub(super) fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            404 => Self::NotFound,
            405 => Self::Method,
            429 => Self::Rate,
            503 => Self::Unavailable,
            400..=499 => Self::BadRequest,
            _ => Self::Server,
        }
    }

    /// The status of its page.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Cancelled | Self::ConsentMissing => StatusCode::OK,
            Self::CodeUsed | Self::StateBad | Self::StateExpired | Self::BadRequest => {
                StatusCode::BAD_REQUEST
            }
            Self::Under14 | Self::Suspended | Self::OtherPerson | Self::Forbidden | Self::Csrf => {
                StatusCode::FORBIDDEN
            }
            Self::AlreadyLinked | Self::HasKakao | Self::AddressTaken => StatusCode::CONFLICT,
            Self::NotFound | Self::MemberGone => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Rate => StatusCode::TOO_MANY_REQUESTS,
            Self::Server => StatusCode::INTERNAL_SERVER_ERROR,
            Self::RedirectMismatch | Self::BadClient | Self::KakaoBadReply => {
                StatusCode::BAD_GATEWAY
            }
            Self::KakaoLimit | Self::KakaoDown | Self::Unavailable => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        }
    }

    pub(super) fn title(self, t: Texts) -> &'static str {
        match self {
            Self::Cancelled => t.err_cancelled_title(),
            Self::ConsentMissing => t.err_consent_missing_title(),
            Self::CodeUsed => t.err_code_used_title(),
            Self::RedirectMismatch => t.err_redirect_mismatch_title(),
            Self::BadClient => t.err_bad_client_title(),
            Self::KakaoLimit => t.err_kakao_limit_title(),
            Self::KakaoDown => t.err_kakao_down_title(),
            Self::KakaoBadReply => t.err_kakao_bad_reply_title(),
            Self::StateBad => t.err_state_bad_title(),
            Self::StateExpired => t.err_state_expired_title(),
            Self::Under14 => t.err_under14_title(),
            Self::Suspended => t.err_suspended_title(),
            Self::OtherPerson => t.err_other_person_title(),
            Self::AlreadyLinked => t.conf_taken_title(),
            Self::HasKakao => t.err_has_kakao_title(),
            Self::AddressTaken => t.err_address_taken_title(),
            Self::Forbidden => t.err_forbidden_title(),
            Self::Csrf => t.err_csrf_title(),
            Self::BadRequest => t.err_bad_request_title(),
            Self::NotFound => t.err_not_found_title(),
            Self::MemberGone => t.err_member_gone_title(),
            Self::Method => t.err_method_title(),
            Self::Rate => t.err_rate_title(),
            Self::Server => t.err_server_title(),
            Self::Unavailable => t.err_unavailable_title(),
        }
    }

    fn body(self, t: Texts, context: &FailureContext) -> Cow<'static, str> {
        let wait = context.wait.unwrap_or(60);
        match self {
            Self::Cancelled => t.err_cancelled_body().into(),
            Self::ConsentMissing => match context.scopes.as_slice() {
                [] => t.err_consent_missing_body_open().into(),
                scopes => t
                    .err_consent_missing_body(kakao::names_of(t, scopes))
                    .into(),
            },
            Self::CodeUsed => t.err_code_used_body().into(),
            Self::RedirectMismatch => t.err_redirect_mismatch_body().into(),
            Self::BadClient => t.err_bad_client_body().into(),
            Self::KakaoLimit => t.err_kakao_limit_body(wait.div_ceil(60)).into(),
            Self::KakaoDown => t.err_kakao_down_body().into(),
            Self::KakaoBadReply => t.err_kakao_bad_reply_body().into(),
            Self::StateBad => t.err_state_bad_body().into(),
            Self::StateExpired => t.err_state_expired_body().into(),
            Self::Under14 => t.err_under14_body().into(),
            Self::Suspended => {
                let until = context.until.map(OffsetDateTime::from_unix_timestamp);
                match until {
                    Some(Ok(until)) => t.err_suspended_body(t.datetime_long(until)).into(),
                    _ => t.err_suspended_body_open().into(),
                }
            }
            Self::OtherPerson => t.err_other_person_body().into(),
            Self::AlreadyLinked => t.conf_taken_body().into(),
            Self::HasKakao => t.err_has_kakao_body().into(),
            Self::AddressTaken => t.err_address_taken_body().into(),
            Self::Forbidden => t.err_forbidden_body().into(),
            Self::Csrf => t.err_csrf_body().into(),
            Self::BadRequest => t.err_bad_request_body().into(),
            Self::NotFound => t.err_not_found_body().into(),
            Self::MemberGone => t.err_member_gone_body().into(),
            Self::Method => t.err_method_body().into(),
            Self::Rate => t.err_rate_body(wait).into(),
            Self::Server => t.err_server_body().into(),
            Self::Unavailable => t.err_unavailable_body_open().into(),
        }
    }

    /// The ways forward, the likeliest first.
    fn actions(self, t: Texts, way: &Ways<'_>) -> Vec<Action> {
        let home = || Action::link("/", t.act_home());
        let help = || Action::link("/help", t.act_help());
        let other = || Action::link("/login", t.act_login_other());
        let kakao = || Action::kakao(way.kakao.clone(), t.login_kakao());
        let here = |label| Action::link(way.here, label);
        match self {
            Self::Cancelled | Self::CodeUsed | Self::KakaoBadReply | Self::StateExpired => {
                vec![kakao(), other()]
            }
            Self::ConsentMissing => vec![
                Action::link(way.kakao.clone(), t.act_consent()),
                Action::link("/", t.act_login_not()),
            ],
            Self::RedirectMismatch | Self::BadClient => vec![other(), home()],
            Self::KakaoLimit | Self::KakaoDown => {
                vec![Action::link(way.kakao.clone(), t.act_retry()), other()]
            }
            Self::StateBad => vec![kakao(), help()],
            Self::Under14 | Self::NotFound => vec![home(), help()],
            Self::MemberGone => vec![Action::link("/admin/members", t.act_members()), home()],
            Self::Suspended => vec![Action::link("/help", t.act_contact()), home()],
            Self::OtherPerson => vec![
                Action::link(way.prove.clone(), t.act_retry()),
                Action::link("/me", t.act_me()),
            ],
            Self::AlreadyLinked => vec![
                Action::link(LINK, t.act_kakao_other()),
                Action::link("/me", t.act_me()),
            ],
            Self::HasKakao => vec![Action::link("/me", t.act_me()), home()],
            Self::AddressTaken => vec![
                Action::link("/me/email", t.act_address_other()),
                Action::link("/me", t.act_me()),
            ],
            Self::Forbidden => vec![Action::link("/me", t.act_me()), home()],
            Self::Csrf => vec![here(t.act_reopen()), home()],
            Self::BadRequest | Self::Method => vec![home()],
            Self::Rate => vec![here(t.act_retry())],
            Self::Server => vec![here(t.act_retry()), home()],
            Self::Unavailable => vec![here(t.act_reload()), home()],
        }
    }

    /// Whether a login can end like this, and `/auth/error` therefore shows it.
    pub(super) fn ends_a_login(self) -> bool {
        !matches!(
            self,
            Self::AddressTaken
                | Self::Forbidden
                | Self::Csrf
                | Self::NotFound
                | Self::MemberGone
                | Self::Method
        )
    }

    /// Whether Kakao ended the login, or its settings did: then a page of Kakao's own may have
    /// said more.
    fn is_kakaos(self) -> bool {
        matches!(
            self,
            Self::RedirectMismatch
                | Self::BadClient
                | Self::KakaoLimit
                | Self::KakaoDown
                | Self::KakaoBadReply
        )
    }

    /// Whether the page names the reference: where a person may have to ask us.
    fn shows_reference(self) -> bool {
        self.status().is_server_error()
    }
}

/// Where the links of an error page lead.
struct Ways<'a> {
    kakao: String,
    prove: String,
    here: &'a str,
}

/// A way forward.
struct Action {
    href: String,
    label: &'static str,
    kakao: bool,
}

impl Action {
    fn link(href: impl Into<String>, label: &'static str) -> Self {
        Self {
            href: href.into(),
            label,
            kakao: false,
        }
    }

    fn kakao(href: String, label: &'static str) -> Self {
        Self {
            href,
            label,
            kakao: true,
        }
    }
}

/// Why a request is not answered as it was meant, on its way to whoever asked.
#[derive(Clone, Debug)]
pub enum Problem {
    /// Something did not work.
    Failed(Failure),
    /// Somebody has to sign in first, at this address, and comes back afterwards.
    SignIn(String),
    /// Somebody has to prove that it is still them, at this address, and comes back afterwards.
    Prove(String),
}

/// What did not work.
#[derive(Clone, Debug)]
pub struct Failure {
    id: ErrorId,
    cause: Option<String>,
    allow: Option<String>,
    wait: Option<u64>,
}

impl From<ErrorId> for Failure {
    fn from(id: ErrorId) -> Self {
        Self {
            id,
            cause: None,
            allow: None,
            wait: None,
        }
    }
}

impl From<ErrorId> for Problem {
    fn from(id: ErrorId) -> Self {
        Self::Failed(id.into())
    }
}

impl From<store::Error> for Problem {
    fn from(error: store::Error) -> Self {
        let unavailable = error.is_unavailable();
        let id = if unavailable {
            ErrorId::Unavailable
        } else {
            ErrorId::Server
        };
        Self::from(id).because(error.to_string())
    }
}

impl From<Trouble> for Problem {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Store(error) => error.into(),
            Trouble::Hash(error) => {
                let busy = matches!(error, password::Error::Busy);
                let id = if busy {
                    ErrorId::Unavailable
                } else {
                    ErrorId::Server
                };
                Self::from(id).because(error.to_string())
            }
        }
    }
}

impl Problem {
    /// The address answers other methods.
    pub(super) fn method(allow: String) -> Self {
        Self::Failed(Failure {
            allow: Some(allow),
            ..ErrorId::Method.into()
        })
    }

    /// Come back in `seconds`.
    pub(super) fn rate(seconds: u64) -> Self {
        Self::Failed(Failure {
            wait: Some(seconds),
            ..ErrorId::Rate.into()
        })
    }

    /// Our mistake.
    pub(super) fn server(cause: impl Into<String>) -> Self {
        Self::from(ErrorId::Server).because(cause)
    }

    /// With what the log is told.
    pub(super) fn because(self, cause: impl Into<String>) -> Self {
        match self {
            Self::Failed(failure) => Self::Failed(Failure {
                cause: Some(cause.into()),
                ..failure
            }),
            Self::SignIn(_) | Self::Prove(_) => self,
        }
    }

    /// What did not work; none for whoever has to sign in or prove something first.
    pub(super) fn id(&self) -> Option<ErrorId> {
        match self {
            Self::Failed(failure) => Some(failure.id),
            Self::SignIn(_) | Self::Prove(_) => None,
        }
    }

    /// Seconds to wait.
    pub(super) fn wait(&self) -> Option<u64> {
        match self {
            Self::Failed(failure) => failure.wait,
            Self::SignIn(_) | Self::Prove(_) => None,
        }
    }

    /// The methods that the address answers, where it was asked by another.
    pub(super) fn allow(&self) -> Option<&str> {
        match self {
            Self::Failed(failure) => failure.allow.as_deref(),
            Self::SignIn(_) | Self::Prove(_) => None,
        }
    }

    /// What the log is told.
    pub(super) fn cause(&self) -> Option<&str> {
        match self {
            Self::Failed(failure) => failure.cause.as_deref(),
            Self::SignIn(_) | Self::Prove(_) => None,
        }
    }

    /// The stable code.
    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Failed(failure) => failure.id.code(),
            Self::SignIn(_) => "sign_in",
            Self::Prove(_) => "prove",
        }
    }

    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Failed(failure) => failure.id.status(),
            Self::SignIn(_) | Self::Prove(_) => StatusCode::SEE_OTHER,
        }
    }

    /// What an error of whatever kind means.
    pub(super) fn of(error: &actix_web::Error) -> Self {
        if let Some(problem) = error.as_error::<Self>() {
            return problem.clone();
        }
        // actix-session wraps whatever its store said into a bare 500.
        let from_session_store = error.as_error::<InternalError<anyhow::Error>>().is_some()
            || error.as_error::<InternalError<SaveError>>().is_some()
            || error.as_error::<InternalError<UpdateError>>().is_some();
        if from_session_store {
            return Self::from(ErrorId::Unavailable).because(error.to_string());
        }
        let status = error.as_response_error().status_code();
        let problem = Self::from(ErrorId::of_status(status));
        if status.is_server_error() {
            return problem.because(error.to_string());
        }
        problem
    }

    /// The answer: a page, a JSON object, or the way to the login page.
    pub(super) fn respond(
        &self,
        site: &Site,
        arrived: &Arrived,
        visitor: Option<&Visitor>,
    ) -> HttpResponse {
        match self {
            Self::SignIn(_) if arrived.wants_json => signed_out(site, arrived),
            Self::SignIn(address) | Self::Prove(address) => see_other(address).finish(),
            Self::Failed(failure) => failure.respond(site, arrived, visitor),
        }
    }
}

impl Failure {
    fn respond(&self, site: &Site, arrived: &Arrived, visitor: Option<&Visitor>) -> HttpResponse {
        // The callback never renders: its address holds a code (CB-8).
        if arrived.path == kakao::CALLBACK && self.id != ErrorId::Method {
            return see_other(&address_of(self.id.code())).finish();
        }
        let context = FailureContext {
            reference: arrived.origin.request_id.clone(),
            wait: self.wait,
            ..FailureContext::default()
        };
        let layout = match visitor {
            Some(visitor) => Layout::new(site, visitor),
            None => Layout::bare(site, arrived),
        };
        let mut response = show(site, arrived, layout, self.id, &context);
        if let Some(Ok(allow)) = self.allow.as_deref().map(str::parse) {
            response.headers_mut().insert(ALLOW, allow);
        }
        response
    }
}

/// What a program is told that nobody is signed in for.
pub(super) fn signed_out(site: &Site, arrived: &Arrived) -> HttpResponse {
    let title = Layout::bare(site, arrived).t.err_session_expired_title();
    HttpResponse::Unauthorized()
        .insert_header((WWW_AUTHENTICATE, "Cookie"))
        .json(as_json(
            "session_expired",
            title,
            &arrived.origin.request_id,
        ))
}

/// Where something that went wrong at a login is shown, by its code.
pub(super) fn address_of(code: &str) -> String {
    format!("/auth/error?e={code}")
}

/// What a program is told that asked for a page.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(super) struct Told<'a> {
    /// The stable code.
    #[schema(example = "session_expired")]
    error: &'a str,
    /// In words, in the language that was asked for.
    message: &'a str,
    /// Leads to the line in the service's log.
    r#ref: &'a str,
}

fn as_json<'a>(error: &'a str, message: &'a str, reference: &'a str) -> Told<'a> {
    Told {
        error,
        message,
        r#ref: reference,
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status()
    }

    /// A bare status: the edge puts it into words, in the language of whoever asked.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status())
    }
}

#[derive(Template)]
#[template(path = "auth/error.html")]
struct ErrorPage<'a> {
    layout: Layout<'a>,
    title: &'static str,
    body: Cow<'static, str>,
    actions: Vec<Action>,
    /// Shows the way to Kakao's codes, for somebody who has met one on the way.
    kakao_codes: bool,
    reference: Option<&'a str>,
    contact: Option<&'a str>,
}

/// The answer for `id`. Needs no session, no database and no Kakao.
pub(super) fn show(
    site: &Site,
    arrived: &Arrived,
    layout: Layout<'_>,
    id: ErrorId,
    context: &FailureContext,
) -> HttpResponse {
    let t = layout.t;
    let mut response = if arrived.wants_json {
        HttpResponse::build(id.status()).json(as_json(id.code(), id.title(t), &context.reference))
    } else {
        let ways = Ways {
            kakao: kakao::begin_address(site, context),
            prove: reauth::address(&kakao::next_of(context)),
            here: &arrived.here,
        };
        let shown = id.shows_reference();
        let error_page = ErrorPage {
            title: id.title(t),
            body: id.body(t, context),
            actions: id.actions(t, &ways),
            kakao_codes: id.is_kakaos(),
            reference: shown.then_some(context.reference.as_str()),
            contact: site.contact_email.as_deref().filter(|_| shown),
            layout,
        };
        page::render(id.status(), &error_page)
    };
    let wait = match id {
        ErrorId::KakaoDown => Some(60),
        ErrorId::Unavailable => Some(5),
        ErrorId::KakaoLimit | ErrorId::Rate => Some(context.wait.unwrap_or(60)),
        _ => None,
    };
    if let Some(seconds) = wait {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    response
}
