//! `/api/v1/auth/…`: tokens, given and taken back.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};

use super::problem::Code;
use super::{Answer, Program, bearer, body, me, personal};
use crate::flow::{HandedOver, Issued};
use crate::web::forms::Post;
use crate::web::sessions::Nothing;
use crate::web::visitor::Member;
use crate::web::{Limit, Problem, Site};

/// The longest nonce taken, in bytes.
const LONGEST_NONCE: usize = 512;

/// Tokens as they are told (RFC 6749 section 5.1).
#[derive(Serialize)]
struct Tokens {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
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
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ById {
    id_token: String,
    nonce: String,
}

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
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ByRefresh {
    refresh_token: String,
}

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
