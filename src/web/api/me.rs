//! `/api/v1/me`: who the token shows, what they may change of it, and leaving.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::{BEARER, BODY, Code};
use super::{Answer, Program, Refusal, body, personal, signed_in};
use crate::flow::account::{LeaveReason, Parting, Proof};
use crate::i18n::{Lang, machine_time};
use crate::member::{Member, clean_name};
use crate::password::Password;
use crate::web::edge::Arrived;
use crate::web::{Limit, Site};

/// A member, to themselves.
#[derive(Serialize, ToSchema)]
#[schema(as = Member)]
pub(in crate::web) struct Me {
    /// Stays the same for as long as the member does.
    #[schema(format = "uuid", example = "01900000-0000-7000-8000-000000000000")]
    id: String,
    /// Counts members, from 1.
    #[schema(minimum = 1, example = 42)]
    number: i64,
    /// `member`, or what they may do in the administration.
    #[schema(example = "member")]
    role: &'static str,
    /// As the member wants to be called.
    #[schema(required, example = "김하늘")]
    name: Option<String>,
    /// Address of a picture at Kakao.
    #[schema(required)]
    picture: Option<String>,
    /// Language of the pages: `ko` or `en`.
    #[schema(required, example = "ko")]
    locale: Option<String>,
    #[schema(format = DateTime, example = "2026-01-01T00:00:00Z")]
    created_at: String,
    #[schema(format = DateTime, example = "2026-01-01T00:00:00Z")]
    last_login_at: String,
}

impl Me {
    pub(in crate::web) fn of(member: &Member) -> Self {
        Self {
            id: member.id.to_string(),
            number: member.number,
            role: member.role.code(),
            name: member.display_name.clone(),
            picture: member.picture.clone(),
            locale: member.locale.clone(),
            created_at: machine_time(member.created_at),
            last_login_at: machine_time(member.last_login_at),
        }
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/me",
    operation_id = "me",
    tag = "Member",
    summary = "See who the token shows",
    description = "The session behind the token is looked at each time: after a logout, a suspension \
        or a withdrawal the token counts no more.",
    security(("accessToken" = [])),
    responses((
        status = 200,
        description = "The member",
        body = Me,
        headers(("Cache-Control" = String, description = "no-store")),
    )),
    extensions(("x-problems" = json!([BEARER, Code::Unavailable]))),
)]
/// Members, by access token.
pub(in crate::web) async fn show(
    site: web::Data<Site>,
    _: Program,
    request: HttpRequest,
) -> Answer {
    let signed_in = signed_in(&site, &request).await?;
    Ok(personal(&Me::of(&signed_in.member)))
}

/// What may be changed; whatever else is named refuses the whole.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Changes {
    /// With at least one visible character. What is invisible is left out.
    #[schema(example = "김하늘")]
    name: String,
}

#[utoipa::path(
    patch,
    path = "/api/v1/me",
    operation_id = "changeMe",
    tag = "Member",
    summary = "Change the name",
    description = "A merge patch (RFC 7396). Whatever else is named refuses the whole.",
    security(("accessToken" = [])),
    request_body(content(
        (Changes = "application/json"),
        (Changes = "application/merge-patch+json"),
    )),
    responses((
        status = 200,
        description = "The member as they are now",
        body = Me,
        headers(("Cache-Control" = String, description = "no-store")),
    )),
    extensions(("x-problems" = json!([BODY, BEARER, Code::RateLimited, Code::Unavailable]))),
)]
/// Members, by access token, within the limit of forms: the name (RFC 7396).
pub(in crate::web) async fn change(
    site: web::Data<Site>,
    program: Program,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    site.limits.count(Limit::Post, program.0.ip)?;
    let mut signed_in = signed_in(&site, &request).await?;
    let sent: Changes = body(&request, payload).await?;
    let nameless = || Code::InvalidRequest.because("a name has at least one visible character");
    let name = clean_name(&sent.name).ok_or_else(nameless)?;
    site.gate
        .rename(&signed_in, &name, &program.0.origin)
        .await?;
    signed_in.member.display_name = Some(name);
    Ok(personal(&Me::of(&signed_in.member)))
}

/// What a program shows to prove that it is still the member: one of the two. The reason is one of
/// those of the page.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Leaving {
    /// One that Kakao has just given, of the member's own Kakao account.
    #[schema(nullable = false, example = "kakao-access-token")]
    kakao_access_token: Option<String>,
    /// Of a member who has one.
    #[schema(nullable = false)]
    password: Option<String>,
    /// Why, if the person says: `unused`, `hard`, `privacy`, `elsewhere`, `anew` or `other`.
    #[schema(nullable = false)]
    reason: Option<String>,
}

impl Leaving {
    fn proof(&self) -> Result<Proof, Refusal> {
        match (&self.kakao_access_token, &self.password) {
            (Some(token), None) => {
                let unusable = |_| Code::FreshProofRequired.because("it is not a token of Kakao's");
                Ok(Proof::Kakao(token.parse().map_err(unusable)?))
            }
            (None, Some(typed)) => Ok(Proof::Password(Password::new(typed))),
            (None, None) => {
                Err(Code::FreshProofRequired.because("send kakao_access_token or password"))
            }
            (Some(_), Some(_)) => {
                Err(Code::InvalidRequest.because("send kakao_access_token or password, not both"))
            }
        }
    }

    fn reason(&self) -> Result<Option<LeaveReason>, Refusal> {
        let unknown = || Code::InvalidRequest.because("there is no such reason");
        let given = self.reason.as_deref();
        given
            .map(|code| LeaveReason::parse(code).ok_or_else(unknown))
            .transpose()
    }
}

#[utoipa::path(
    delete,
    path = "/api/v1/me",
    operation_id = "leave",
    tag = "Member",
    summary = "Leave",
    description = "With a fresh proof: an access token of Kakao's, or the password. The account is \
        withdrawn as on the page, its sessions end, and the connection at Kakao is taken back. There \
        is no way back.",
    security(("accessToken" = [])),
    request_body(content = Leaving, example = json!({ "kakao_access_token": "kakao-access-token" })),
    responses((status = 204, description = "Gone")),
    extensions(("x-problems" = json!([
        BODY,
        BEARER,
        Code::FreshProofRequired,
        Code::ConsentMissing,
        Code::Under14,
        Code::LastOwner,
        Code::RateLimited,
        Code::KakaoUnavailable,
        Code::Unavailable,
    ]))),
)]
/// Members, by access token and a fresh proof, within the limits of forms and login starts: they
/// leave, and there is no way back.
pub(in crate::web) async fn leave(
    site: web::Data<Site>,
    program: Program,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    let Arrived { ip, origin, .. } = &program.0;
    site.limits.count(Limit::Post, *ip)?;
    let signed_in = signed_in(&site, &request).await?;
    let sent: Leaving = match request.headers().get(CONTENT_TYPE) {
        Some(_) => body(&request, payload).await?,
        None => Leaving::default(),
    };
    let (proof, reason) = (sent.proof()?, sent.reason()?);
    if matches!(proof, Proof::Kakao(_)) {
        site.limits.count(Limit::Login, *ip)?;
    }
    let lang = signed_in.member.locale.as_deref().and_then(Lang::parse);
    let lang = lang.or(program.0.lang_browser).unwrap_or(site.default_lang);
    let parting = site
        .gate
        .withdraw_by_proof(&signed_in, proof, reason, lang.texts(), origin);
    match parting.await? {
        Parting::Done | Parting::KakaoLater | Parting::KakaoByHand => {
            Ok(HttpResponse::NoContent().finish())
        }
        Parting::LastOwner => Err(Code::LastOwner.because("give the role to somebody else first")),
        Parting::Unproved => Err(Code::FreshProofRequired.because("the proof holds no more")),
        Parting::NotThere => Err(Code::InvalidToken.because("its session has ended")),
    }
}
