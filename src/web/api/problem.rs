//! What a program is told when something did not work (RFC 9457).

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Map, Value, json};

use crate::flow::account::NotProved;
use crate::flow::{LoginFailure, NotIssued, NotShown, NotTaken, Why};
use crate::store;
use crate::web::error::{ErrorId, Problem};

/// The stable name of what went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::web) enum Code {
    /// The request is not shaped as it must be.
    InvalidRequest,
    /// The body is of another type than JSON.
    UnsupportedMediaType,
    /// The body is too large.
    TooLarge,
    /// No token was shown.
    Unauthorized,
    /// The token is not one that counts, or not any more.
    InvalidToken,
    /// An authorization code stands where a token belongs.
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
    /// The database is not available.
    Unavailable,
    /// Our mistake.
    Server,
}

impl Code {
    pub(in crate::web) fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::TooLarge => "too_large",
            Self::Unauthorized => "unauthorized",
            Self::InvalidToken => "invalid_token",
            Self::AuthorizationGrant => "authorization_code",
            Self::WrongApp => "wrong_app",
            Self::NotFoundInKakao => "not_found_in_kakao",
            Self::ConsentMissing => "consent_missing",
            Self::KakaoUnavailable => "kakao_unavailable",
            Self::Suspended => "suspended",
            Self::Under14 => "under14",
            Self::EmailConflict => "email_conflict",
            Self::TermsRequired => "terms_required",
            Self::FreshProofRequired => "fresh_proof_required",
            Self::LastOwner => "last_owner",
            Self::NotFound => "not_found",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::RateLimited => "rate_limited",
            Self::Forbidden => "forbidden",
            Self::Unavailable => "unavailable",
            Self::Server => "server",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::InvalidRequest => "The request is not what this address takes",
            Self::UnsupportedMediaType => "The body must be JSON",
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
            Self::LastOwner => "The last owner stays",
            Self::NotFound => "There is nothing at this address",
            Self::MethodNotAllowed => "This address does not answer that method",
            Self::RateLimited => "Too many requests",
            Self::Forbidden => "Not allowed",
            Self::Unavailable => "Not available at the moment",
            Self::Server => "Something went wrong here",
        }
    }

    pub(in crate::web) fn status(self) -> StatusCode {
        match self {
            Self::InvalidRequest | Self::AuthorizationGrant => StatusCode::BAD_REQUEST,
            Self::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unauthorized | Self::InvalidToken | Self::WrongApp | Self::NotFoundInKakao => {
                StatusCode::UNAUTHORIZED
            }
            Self::ConsentMissing
            | Self::Suspended
            | Self::Under14
            | Self::FreshProofRequired
            | Self::Forbidden => StatusCode::FORBIDDEN,
            Self::EmailConflict | Self::TermsRequired | Self::LastOwner => StatusCode::CONFLICT,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::KakaoUnavailable | Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Server => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// With what the program is told of it: nothing internal, and nothing that it sent.
    pub(in crate::web) fn because(self, detail: &'static str) -> Refusal {
        Refusal {
            detail: Some(detail),
            ..self.into()
        }
    }
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
    more: Map<String, Value>,
}

impl From<Code> for Refusal {
    fn from(code: Code) -> Self {
        Self {
            code,
            detail: None,
            cause: None,
            wait: None,
            allow: None,
            more: Map::new(),
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
            NotTaken::Suspended(until) => {
                let mut refusal = Self::from(Code::Suspended);
                if let Some(until) = until {
                    refusal.tell("until", crate::i18n::machine_time(until));
                }
                refusal
            }
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
                Self { code, cause, .. } if code.status() == StatusCode::UNAUTHORIZED => Self {
                    cause,
                    ..Code::FreshProofRequired.because("Kakao does not vouch for the token")
                },
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
        let mut refusal = Self {
            cause: failure.cause,
            wait,
            ..code.into()
        };
        if !scopes.is_empty() {
            refusal.tell("scopes", scopes);
        }
        refusal
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
    fn tell(&mut self, name: &str, value: impl Into<Value>) {
        self.more.insert(name.to_owned(), value.into());
    }

    /// The answer; `reference` leads to the cause in the log.
    pub(in crate::web) fn respond(&self, reference: &str) -> HttpResponse {
        let (code, status) = (self.code, self.code.status());
        let mut body = self.more.clone();
        body.insert(
            "type".to_owned(),
            json!(format!("urn:kakao-gate:{}", code.as_str())),
        );
        body.insert("title".to_owned(), json!(code.title()));
        body.insert("status".to_owned(), json!(status.as_u16()));
        body.insert("code".to_owned(), json!(code.as_str()));
        if let Some(detail) = self.detail {
            body.insert("detail".to_owned(), json!(detail));
        }
        body.insert("ref".to_owned(), json!(reference));
        let mut response = HttpResponse::build(status);
        response
            .insert_header((CONTENT_TYPE, "application/problem+json"))
            .insert_header((CACHE_CONTROL, "no-store"));
        if status == StatusCode::UNAUTHORIZED {
            // RFC 6750 section 3.1: without a token no error is named.
            let challenge = match code {
                Code::Unauthorized => "Bearer".to_owned(),
                _ => "Bearer error=\"invalid_token\"".to_owned(),
            };
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
        response.body(Value::Object(body).to_string())
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
        f.write_str(self.code.as_str())
    }
}

impl ResponseError for Refusal {
    fn status_code(&self) -> StatusCode {
        self.code.status()
    }
}
