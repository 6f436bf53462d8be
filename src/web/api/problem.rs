//! What a program is told when something did not work (RFC 9457).

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use utoipa::ToSchema;

use crate::flow::account::NotProved;
use crate::flow::{LoginFailure, NotIssued, NotShown, NotTaken, PROOF, Why, admin};
use crate::i18n::machine_time;
use crate::store;
use crate::web::error::{ErrorId, Problem};

/// The type of an answer that tells of a problem.
pub(super) const PROBLEM: &str = "application/problem+json";

/// The stable name of what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ProblemCode)]
pub(in crate::web) enum Code {
    /// The request is not shaped as it must be.
    InvalidRequest,
    /// The body is of another type than the address takes.
    UnsupportedMediaType,
    /// The body is too large.
    TooLarge,
    /// No token was shown.
    Unauthorized,
    /// The token is not one that counts, or not any more.
    InvalidToken,
    /// An authorization code stands where a token belongs.
    #[serde(rename = "authorization_code")]
    AuthorizationGrant,
    /// The token of Kakao's was issued to another app.
    WrongApp,
    /// Kakao knows nobody behind the token who is connected to this app.
    NotFoundInKakao,
    /// Kakao wants a consent first.
    ConsentMissing,
    /// Kakao does not answer.
    KakaoUnavailable,
    /// The member is suspended.
    Suspended,
    /// The person is too young.
    Under14,
    /// The address is a member's who signs in otherwise.
    EmailConflict,
    /// There are terms to agree to first.
    TermsRequired,
    /// It has to be shown in this very request that it is still the member.
    FreshProofRequired,
    /// The last owner stays.
    LastOwner,
    /// There is nothing here.
    NotFound,
    /// Not that way.
    MethodNotAllowed,
    /// Too many requests.
    RateLimited,
    /// Not allowed.
    Forbidden,
    /// The API key is not meant for this.
    InsufficientScope,
    /// Who it is must have been proved within the last minutes (RFC 9470).
    #[serde(rename = "insufficient_user_authentication")]
    InsufficientAuthentication,
    /// Nobody does this to their own account.
    OwnAccount,
    /// Somebody else has changed the member since.
    Conflict,
    /// It is so already.
    Already,
    /// A part of a name alone is not searched for here.
    SearchTooVague,
    /// The database is not available.
    Unavailable,
    /// Our mistake.
    Server,
}

impl Code {
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is not what this address takes",
            Self::UnsupportedMediaType => "The body is of a type that this address does not take",
            Self::TooLarge => "The body is too large",
            Self::Unauthorized => "A bearer token is needed",
            Self::InvalidToken => "The token does not count, or not any more",
            Self::AuthorizationGrant => "An authorization code is not a token",
            Self::WrongApp => "The token was issued to another app",
            Self::NotFoundInKakao => "Nobody at Kakao is connected to this app with that token",
            Self::ConsentMissing => "Kakao wants a consent of the person first",
            Self::KakaoUnavailable => "Kakao does not answer well at the moment",
            Self::Suspended => "The member is suspended",
            Self::Under14 => "The person is under 14",
            Self::EmailConflict => "The email address belongs to a member who signs in otherwise",
            Self::TermsRequired => "The person has to agree to the terms in a browser first",
            Self::FreshProofRequired => "It has to be shown that it is still the member",
            Self::LastOwner => "There must be at least one owner who can sign in",
            Self::NotFound => "There is nothing at this address",
            Self::MethodNotAllowed => "This address does not answer that method",
            Self::RateLimited => "Too many requests",
            Self::Forbidden => "Not allowed",
            Self::InsufficientScope => "The API key is not meant for this",
            Self::InsufficientAuthentication => {
                "Who it is has not been proved within the last ten minutes"
            }
            Self::OwnAccount => "This is not done to one's own account",
            Self::Conflict => "Somebody else has changed this member meanwhile",
            Self::Already => "Nothing to do: it is so already",
            Self::SearchTooVague => "A part of a name alone is not searched for here",
            Self::Unavailable => "Not available at the moment",
            Self::Server => "Something went wrong here",
        }
    }

    pub(in crate::web) fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest | Self::AuthorizationGrant | Self::SearchTooVague => {
                StatusCode::BAD_REQUEST
            }
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unauthorized
            | Self::InvalidToken
            | Self::WrongApp
            | Self::NotFoundInKakao
            | Self::InsufficientAuthentication => StatusCode::UNAUTHORIZED,
            Self::ConsentMissing
            | Self::Suspended
            | Self::Under14
            | Self::FreshProofRequired
            | Self::Forbidden
            | Self::InsufficientScope => StatusCode::FORBIDDEN,
            Self::EmailConflict
            | Self::TermsRequired
            | Self::OwnAccount
            | Self::LastOwner
            | Self::Conflict
            | Self::Already => StatusCode::CONFLICT,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::KakaoUnavailable | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Server => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What a program may be told.
    pub(super) fn example(self) -> serde_json::Value {
        serde_json::json!(Refusal::from(self).details("0a1b2c3d4e5f"))
    }

    /// With what the program is told of it: nothing internal, and nothing that it sent.
    pub(in crate::web) fn because(self, detail: &'static str) -> Refusal {
        Refusal {
            detail: Some(detail),
            ..self.into()
        }
    }
}

/// As it is written.
impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.serialize(f)
    }
}

/// Codes of whatever takes a body.
pub(super) const BODY: &[Code] = &[
    Code::InvalidRequest,
    Code::UnsupportedMediaType,
    Code::TooLarge,
];

/// Codes of whatever takes an access token of ours.
pub(super) const BEARER: &[Code] = &[Code::InvalidRequest, Code::Unauthorized, Code::InvalidToken];

/// Codes of whatever is for the administration.
pub(super) const ADMINISTRATION: &[Code] = &[
    Code::InvalidRequest,
    Code::Unauthorized,
    Code::InvalidToken,
    Code::Forbidden,
    Code::InsufficientScope,
    Code::RateLimited,
    Code::Unavailable,
];

/// Codes of whatever is done to a member.
pub(super) const ACT: &[Code] = &[
    Code::NotFound,
    Code::OwnAccount,
    Code::LastOwner,
    Code::Conflict,
    Code::Already,
];

/// What did not work, as RFC 9457 has it.
#[derive(Serialize, ToSchema)]
#[schema(as = Problem)]
pub(super) struct Details<'a> {
    /// `urn:kakao-gate:` and the code.
    #[schema(example = "urn:kakao-gate:invalid_token")]
    r#type: String,
    /// What went wrong, for developers; the same for each code.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    code: Code,
    /// What it was this time. Never anything that was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    detail: Option<&'static str>,
    /// Leads to the line in the service's log.
    r#ref: &'a str,
    /// With `suspended`: until when, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, format = DateTime)]
    until: Option<String>,
    /// With `consent_missing`: the consent items to ask for at Kakao.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    #[schema(required = false)]
    scopes: &'a [String],
}

/// Why a program is not answered as it was meant.
#[derive(Clone, Debug)]
pub(in crate::web) struct Refusal {
    code: Code,
    detail: Option<&'static str>,
    /// What the log is told.
    cause: Option<String>,
    /// Seconds to wait.
    wait: Option<u64>,
    allow: Option<String>,
    until: Option<OffsetDateTime>,
    scopes: Box<[String]>,
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self {
            code,
            detail: None,
            cause: None,
            wait: None,
            allow: None,
            until: None,
            scopes: Box::default(),
        }
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        let code = if error.is_unavailable() {
            Code::Unavailable
        } else {
            Code::Server
        };
        Self {
            cause: Some(error.to_string()),
            ..code.into()
        }
    }
}

impl From<NotShown> for Refusal {
    fn from(error: NotShown) -> Self {
        match error {
            NotShown::Refused(refused) => Self {
                cause: Some(refused.to_string()),
                ..Code::InvalidToken.into()
            },
            NotShown::Ended => Code::InvalidToken.because("its session has ended"),
            NotShown::Store(error) => error.into(),
        }
    }
}

impl From<admin::Refusal> for Refusal {
    fn from(refusal: admin::Refusal) -> Self {
        match refusal {
            admin::Refusal::Gone => Code::NotFound,
            admin::Refusal::Own => Code::OwnAccount,
            admin::Refusal::Rank => Code::Forbidden,
            admin::Refusal::LastOwner => Code::LastOwner,
            admin::Refusal::Conflict => Code::Conflict,
            admin::Refusal::Already => Code::Already,
        }
        .into()
    }
}

impl From<NotIssued> for Refusal {
    fn from(error: NotIssued) -> Self {
        match error {
            NotIssued::Invalid => Code::InvalidToken.because("the refresh token does not count"),
            NotIssued::Reused => Code::InvalidToken
                .because("the refresh token was used before; its session has ended"),
            NotIssued::Store(error) => error.into(),
        }
    }
}

impl From<NotTaken> for Refusal {
    fn from(error: NotTaken) -> Self {
        match error {
            NotTaken::Invalid(detail) => Code::InvalidToken.because(detail),
            NotTaken::AuthorizationCode => {
                Code::AuthorizationGrant.because("exchange it at Kakao, and send the token")
            }
            NotTaken::WrongApp => Code::WrongApp.into(),
            NotTaken::NotInKakao => Code::NotFoundInKakao.into(),
            NotTaken::Conflict => Code::EmailConflict.into(),
            NotTaken::TermsRequired => Code::TermsRequired.into(),
            NotTaken::Suspended(until) => Self {
                until,
                ..Code::Suspended.into()
            },
            NotTaken::Failed(failure) => failure.into(),
        }
    }
}

impl From<NotProved> for Refusal {
    fn from(error: NotProved) -> Self {
        match error {
            NotProved::SomebodyElse => {
                Code::FreshProofRequired.because("the token is another Kakao account's")
            }
            NotProved::WrongPassword => {
                Code::FreshProofRequired.because("it is not the member's password")
            }
            NotProved::Locked(wait) => Self {
                wait: Some(wait.as_secs() + 1),
                ..Code::RateLimited.because("too many wrong passwords")
            },
            NotProved::NotTaken(refused) => match Self::from(refused) {
                // Our own token is good: 401 would send the program for another one in vain.
                Self { code, cause, .. }
                    if code.status() == StatusCode::UNAUTHORIZED
                        || code == Code::AuthorizationGrant =>
                {
                    Self {
                        cause,
                        ..Code::FreshProofRequired.because("Kakao does not vouch for the token")
                    }
                }
                refusal => refusal,
            },
            NotProved::Trouble(trouble) => Problem::from(trouble).into(),
        }
    }
}

impl From<LoginFailure> for Refusal {
    fn from(failure: LoginFailure) -> Self {
        let mut wait = None;
        let mut scopes = Vec::new();
        let code = match failure.why {
            Why::ConsentMissing { scopes: missing } => {
                scopes = missing;
                Code::ConsentMissing
            }
            Why::Under14 => Code::Under14,
            Why::KakaoLimit { retry_after } => {
                wait = Some(retry_after.as_secs());
                Code::KakaoUnavailable
            }
            Why::KakaoDown | Why::KakaoBadReply | Why::BadClient => Code::KakaoUnavailable,
            Why::Unavailable => Code::Unavailable,
            _ => Code::Server,
        };
        Self {
            cause: failure.cause,
            wait,
            scopes: scopes.into_boxed_slice(),
            ..code.into()
        }
    }
}

/// What the frame says of an address, in the words of the API.
impl From<&Problem> for Refusal {
    fn from(problem: &Problem) -> Self {
        let code = match problem.id() {
            Some(ErrorId::NotFound | ErrorId::MemberGone) => Code::NotFound,
            Some(ErrorId::Method) => Code::MethodNotAllowed,
            Some(ErrorId::Rate) => Code::RateLimited,
            Some(ErrorId::Unavailable) => Code::Unavailable,
            Some(ErrorId::Forbidden | ErrorId::Csrf) => Code::Forbidden,
            Some(ErrorId::BadRequest) => Code::InvalidRequest,
            None => Code::Unauthorized,
            Some(_) => Code::Server,
        };
        Self {
            wait: problem.wait(),
            allow: problem.allow().map(str::to_owned),
            ..code.into()
        }
    }
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self {
            cause: problem.cause().map(str::to_owned),
            ..Self::from(&problem)
        }
    }
}

impl Refusal {
    /// With what the log is told of it: no secret and nobody's name.
    pub(in crate::web) fn caused_by(self, cause: String) -> Self {
        Self {
            cause: Some(cause),
            ..self
        }
    }

    fn details<'a>(&'a self, reference: &'a str) -> Details<'a> {
        Details {
            r#type: format!("urn:kakao-gate:{}", self.code),
            title: self.code.title(),
            status: self.code.status().as_u16(),
            code: self.code,
            detail: self.detail,
            r#ref: reference,
            until: self.until.map(machine_time),
            scopes: &self.scopes,
        }
    }

    /// The answer; `reference` leads to the cause in the log.
    pub(in crate::web) fn respond(&self, reference: &str) -> HttpResponse {
        let (code, status) = (self.code, self.code.status());
        let mut response = HttpResponse::build(status);
        response
            .insert_header((CONTENT_TYPE, PROBLEM))
            .insert_header((CACHE_CONTROL, "no-store"));
        if status == StatusCode::UNAUTHORIZED {
            // RFC 6750 section 3.1: without a token no error is named.
            let challenge = match code {
                Code::Unauthorized => "Bearer".to_owned(),
                Code::InsufficientAuthentication => format!(
                    "Bearer error=\"insufficient_user_authentication\", max_age={}",
                    PROOF.whole_seconds()
                ),
                _ => "Bearer error=\"invalid_token\"".to_owned(),
            };
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        if code == Code::InsufficientScope {
            let challenge = "Bearer error=\"insufficient_scope\"";
            response.insert_header((WWW_AUTHENTICATE, challenge));
        }
        if let Some(allow) = &self.allow {
            response.insert_header((ALLOW, allow.as_str()));
        }
        let wait = match status {
            StatusCode::SERVICE_UNAVAILABLE => Some(self.wait.unwrap_or(5)),
            _ => self.wait,
        };
        if let Some(wait) = wait {
            response.insert_header((RETRY_AFTER, wait.to_string()));
        }
        response.json(self.details(reference))
    }

    /// What the log is told.
    pub(in crate::web) fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    pub(in crate::web) fn code(&self) -> Code {
        self.code
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.code.fmt(f)
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }
}
