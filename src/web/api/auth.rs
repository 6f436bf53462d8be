//! `/api/v1/auth/…`: tokens, given and taken back.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::{BODY, Code};
use super::{Answer, Program, bearer, body, me, personal};
use crate::flow::{HandedOver, Issued};
use crate::web::forms::Post;
use crate::web::sessions::Nothing;
use crate::web::visitor::Member;
use crate::web::{Limit, Problem, Site};

/// The longest nonce taken, in bytes.
const LONGEST_NONCE: usize = 512;

/// Tokens as they are told (RFC 6749 section 5.1).
#[derive(Serialize, ToSchema)]
struct Tokens {
    /// A JWT (RFC 9068) that says who it is. Send it as a bearer token.
    #[schema(example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJFUzI1NiIsImtpZCI6Ii4uLiJ9.e30.c2ln")]
    access_token: String,
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// For how many seconds the access token counts.
    #[schema(example = 600)]
    expires_in: u64,
    /// Brings the next tokens, once. Not there where a browser's own session is behind the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = "kgr_example")]
    refresh_token: Option<String>,
    member: me::Me,
}

impl From<Issued> for Tokens {
    fn from(issued: Issued) -> Self {
        Self {
            access_token: issued.access,
            token_type: "Bearer",
            expires_in: issued.access_life.as_secs(),
            refresh_token: issued.refresh,
            member: me::Me::of(&issued.member),
        }
    }
}

/// What a program sends whose person has an ID token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = IdToken)]
struct ById {
    /// From Kakao's SDK, at most ten minutes old. It counts once.
    #[schema(example = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln")]
    id_token: String,
    /// What the ID token was asked for with.
    #[schema(min_length = 1, max_length = 512, example = "n-0S6_WzA2Mj")]
    nonce: String,
}

#[utoipa::path(
    post,
    path = "/api/v1/auth/kakao",
    operation_id = "handOff",
    tag = "Tokens",
    summary = "Hand over what Kakao gave, get tokens",
    description = "An app signs somebody in with Kakao's SDK and hands over the access token in the \
        Authorization header, or the ID token and its nonce in the body. The member is created or \
        found as at a login in a browser. Kakao's token is kept nowhere. A body that comes with an \
        Authorization header is not read.",
    security(("kakaoAccessToken" = []), ()),
    request_body(content = ById, description = "The ID token, where no access token is in the header."),
    responses((
        status = 200,
        description = "Signed in",
        body = Tokens,
        headers(("Cache-Control" = String, description = "no-store")),
    )),
    extensions(("x-problems" = json!([
        BODY,
        Code::AuthorizationGrant,
        Code::InvalidToken,
        Code::WrongApp,
        Code::NotFoundInKakao,
        Code::ConsentMissing,
        Code::Suspended,
        Code::Under14,
        Code::EmailConflict,
        Code::TermsRequired,
        Code::RateLimited,
        Code::KakaoUnavailable,
        Code::Unavailable,
    ]))),
)]
/// Any program, within the limit of login starts: an access token of Kakao's in the header, or an ID
/// token in the body; ours come back.
pub(in crate::web) async fn kakao(
    site: web::Data<Site>,
    program: Program,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    site.limits.count(Limit::Login, program.0.ip)?;
    let handed = match bearer(&request)? {
        Some(token) => {
            let unusable = |_| Code::InvalidToken.because("not a token of Kakao's");
            HandedOver::Access(token.parse().map_err(unusable)?)
        }
        None => {
            let sent: ById = body(&request, payload).await?;
            let unusable = |_| Code::InvalidToken.because("not an ID token of Kakao's");
            if sent.nonce.is_empty() || sent.nonce.len() > LONGEST_NONCE {
                return Err(Code::InvalidRequest.because("the nonce is missing or too long"));
            }
            HandedOver::Id(
                Box::new(sent.id_token.parse().map_err(unusable)?),
                sent.nonce,
            )
        }
    };
    let issued = site.gate.hand_over(handed, &program.0.origin).await?;
    Ok(personal(&Tokens::from(issued)))
}

/// A refresh token.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RefreshToken)]
struct ByRefresh {
    /// The latest that came with an access token.
    #[schema(example = "kgr_example")]
    refresh_token: String,
}

#[utoipa::path(
    post,
    path = "/api/v1/auth/refresh",
    operation_id = "refresh",
    tag = "Tokens",
    summary = "Get the next tokens",
    description = "For whoever has a refresh token. It is replaced: keep the new one. The token \
        before the latest brings the same answer for thirty seconds, for whoever did not get it. One \
        that is used later was copied by somebody, so its session ends.",
    request_body(content = ByRefresh),
    responses((
        status = 200,
        description = "The next tokens",
        body = Tokens,
        headers(("Cache-Control" = String, description = "no-store")),
    )),
    extensions(("x-problems" = json!([
        BODY, Code::InvalidToken, Code::RateLimited, Code::Unavailable
    ]))),
)]
/// Whoever has a refresh token, within the limit of forms.
pub(in crate::web) async fn refresh(
    site: web::Data<Site>,
    program: Program,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    site.limits.count(Limit::Post, program.0.ip)?;
    let sent: ByRefresh = body(&request, payload).await?;
    let issued = site.gate.go_on(&sent.refresh_token, &program.0.origin);
    Ok(personal(&Tokens::from(issued.await?)))
}

#[utoipa::path(
    post,
    path = "/api/v1/auth/logout",
    operation_id = "logout",
    tag = "Tokens",
    summary = "Log out",
    description = "For whoever has a refresh token: its session ends, and the tokens that rest on it. \
        One that does not count is as good as ended (RFC 7009), so the answer is the same.",
    request_body(content = ByRefresh),
    responses((status = 204, description = "Logged out")),
    extensions(("x-problems" = json!([BODY, Code::RateLimited, Code::Unavailable]))),
)]
/// Whoever has a refresh token: its session ends. One that is none is as good as ended (RFC 7009).
pub(in crate::web) async fn logout(
    site: web::Data<Site>,
    program: Program,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    site.limits.count(Limit::Post, program.0.ip)?;
    let sent: ByRefresh = body(&request, payload).await?;
    site.gate
        .revoke(&sent.refresh_token, &program.0.origin)
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// What a page of ours sends for a token.
#[derive(ToSchema)]
#[schema(as = FormToken)]
#[expect(dead_code, reason = "`Post` reads it before the fields of a form")]
struct Form {
    /// The form token of any page that the member was shown.
    csrf: String,
}

#[utoipa::path(
    post,
    path = "/api/v1/auth/session",
    operation_id = "tokenOfSession",
    tag = "Tokens",
    summary = "Get a token for a page of the same site",
    description = "For members in a browser: a page of the same site that is a program itself gets an \
        access token. It ends with the browser's session. The request must come from the same site \
        and carry a form token.",
    security(("session" = [])),
    request_body(content = Form, content_type = "application/x-www-form-urlencoded"),
    responses((
        status = 200,
        description = "An access token, without a refresh token",
        body = Tokens,
        headers(("Cache-Control" = String, description = "no-store")),
    )),
    extensions(("x-problems" = json!([
        Code::InvalidRequest,
        Code::Unauthorized,
        Code::Forbidden,
        Code::RateLimited,
        Code::Unavailable,
    ]))),
)]
/// Members in a browser, with a form token of theirs and from the same site: an access token for a
/// page that is a program itself.
pub(in crate::web) async fn session(
    site: web::Data<Site>,
    member: Member,
    _: Post<Nothing>,
) -> Result<HttpResponse, Problem> {
    let issued = site.gate.issue_for_session(&member.signed_in).await?;
    Ok(personal(&Tokens::from(issued)))
}
