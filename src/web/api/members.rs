//! `/api/v1/members…`: the administration for programs, masked and written down as on its pages.

use actix_web::http::header::LINK;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::caller::{Caller, administration};
use super::problem::{ACT, ADMINISTRATION, BODY, Code};
use super::{Answer, Program, Refusal, body, personal};
use crate::flow::admin::directory::Slice;
use crate::flow::admin::{Act, Done, Look, Reason, Seen, Target, end_of_day};
use crate::i18n::machine_time;
use crate::mask;
use crate::member::{MemberId, Role, Standing};
use crate::store::directory::Card;
use crate::web::admin::{ListQuery, whole};
use crate::web::{Limit, Site};

const HERE: &str = "/api/v1/members";

/// How many members come at once if nothing is said, and at most.
const USUAL: i64 = 50;
const MOST: i64 = 100;

/// A member, to the administration: name and address masked.
#[derive(Serialize, ToSchema)]
#[schema(as = MaskedMember)]
pub(in crate::web) struct Masked {
    #[schema(value_type = String, format = "uuid", example = "01900000-0000-7000-8000-000000000000")]
    id: Uuid,
    /// Counts members, from 1.
    #[schema(minimum = 1, example = 42)]
    number: i64,
    /// Masked.
    #[schema(required, example = "김*늘")]
    name: Option<String>,
    /// Masked.
    #[schema(required, example = "o***@example.com")]
    email: Option<String>,
    /// How they came: `kakao` or `email`.
    #[schema(example = "kakao")]
    provider: &'static str,
    /// `member`, `viewer`, `admin` or `owner`.
    #[schema(example = "member")]
    role: &'static str,
    /// `active`, `suspended`, `unverified` or `withdrawn`.
    #[schema(example = "active")]
    standing: &'static str,
    /// When a suspension ends by itself.
    #[schema(required, format = DateTime)]
    suspended_until: Option<String>,
    #[schema(format = DateTime, example = "2026-01-01T00:00:00Z")]
    joined_at: String,
    /// When they last signed in; when they joined, if they never did.
    #[schema(format = DateTime, example = "2026-01-01T00:00:00Z")]
    last_login_at: String,
    #[schema(required, format = DateTime)]
    withdrawn_at: Option<String>,
    /// Grows with every act of the administration on the member.
    #[schema(example = 0)]
    version: i64,
}

impl Masked {
    fn of(card: &Card) -> Self {
        Self {
            id: card.id.0,
            number: card.number,
            name: card.display_name.as_deref().map(mask::name),
            email: card.email.as_deref().map(mask::email),
            provider: card.provider.code(),
            role: card.role.code(),
            standing: card.standing.kind().code(),
            suspended_until: match card.standing {
                Standing::Suspended { until } => until.map(machine_time),
                _ => None,
            },
            joined_at: machine_time(card.created_at),
            last_login_at: machine_time(card.last_login_at),
            withdrawn_at: card.withdrawn_at.map(machine_time),
            version: card.version,
        }
    }
}

/// A part of the list.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct Members {
    members: Vec<Masked>,
    /// Where the next part begins; none after the last.
    #[schema(required, example = "42")]
    next_cursor: Option<String>,
}

/// One member.
#[derive(Serialize, ToSchema)]
#[schema(as = MemberDetail)]
pub(in crate::web) struct Detail {
    member: Masked,
    /// Why they are suspended, in the words of whoever did it.
    #[schema(required)]
    suspended_because: Option<String>,
    #[schema(required)]
    kakao: Option<Kakao>,
}

/// A member's Kakao account, masked.
#[derive(Serialize, ToSchema)]
#[schema(as = KakaoAccount)]
pub(in crate::web) struct Kakao {
    /// Masked.
    #[schema(example = "***1234")]
    id: String,
    /// Whether it is connected to the service now.
    is_connected: bool,
    /// Masked.
    #[schema(required, example = "o***@example.com")]
    email: Option<String>,
    is_email_confirmed: bool,
}

impl Detail {
    fn of(seen: &Seen) -> Self {
        Self {
            member: Masked::of(&seen.card),
            suspended_because: seen.suspended_because.clone(),
            kakao: seen.kakao.as_ref().map(|kakao| Kakao {
                id: mask::kakao_id(kakao.id),
                is_connected: kakao.unlinked_at.is_none(),
                email: kakao.email.as_deref().map(mask::email),
                is_email_confirmed: kakao.email_confirmed,
            }),
        }
    }
}

/// What a program wants of the list.
struct ListRequest {
    /// The conditions, as the list of the pages writes them.
    view: ListQuery,
    descending: bool,
    after: Option<i64>,
    limit: i64,
}

impl ListRequest {
    /// Reads a query string. What is not understood is refused: a program that misspells a
    /// condition is not to act on everybody.
    fn parse(query: &str) -> Result<Self, Refusal> {
        let mut wanted = Self {
            view: ListQuery::default(),
            descending: true,
            after: None,
            limit: USUAL,
        };
        let mut conditions = url::form_urlencoded::Serializer::new(String::new());
        let mut seen: Vec<String> = Vec::new();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            // An empty one is a variable that was never set, and would find everybody.
            if value.split(',').any(str::is_empty) {
                return Err(Code::InvalidRequest.because("a parameter says nothing"));
            }
            if seen.iter().any(|known| *known == name) {
                return Err(Code::InvalidRequest.because("a parameter stands there twice"));
            }
            seen.push(name.to_string());
            match &*name {
                "sort" => {
                    wanted.descending = match &*value {
                        "-number" => true,
                        "number" => false,
                        _ => return Err(Code::InvalidRequest.because("sort is number or -number")),
                    };
                }
                "cursor" => {
                    let unknown = || Code::InvalidRequest.because("not a cursor of this list");
                    let number = whole(&value, i64::MAX).ok_or_else(unknown)?;
                    wanted.after = Some(number);
                }
                "limit" => {
                    let wrong = || Code::InvalidRequest.because("limit is from 1 to 100");
                    wanted.limit = whole(&value, MOST).ok_or_else(wrong)?;
                }
                "page" | "per" | "cols" => {
                    return Err(Code::InvalidRequest.because("an unknown parameter"));
                }
                _ => {
                    conditions.append_pair(&name, &value);
                }
            }
        }
        let (view, dropped) = ListQuery::parse(&conditions.finish());
        if !dropped.is_empty() {
            return Err(Code::InvalidRequest
                .because("an unknown parameter, or one that says nothing known"));
        }
        wanted.view = view;
        Ok(wanted)
    }

    /// The query string of this wanted, with the conditions as `conditions` writes them.
    fn written(&self, conditions: String, after: Option<i64>) -> String {
        let mut said = vec![conditions];
        if !self.descending {
            said.push("sort=number".to_owned());
        }
        if self.limit != USUAL {
            said.push(format!("limit={}", self.limit));
        }
        said.extend(after.map(|number| format!("cursor={number}")));
        said.retain(|part| !part.is_empty());
        said.join("&")
    }

    /// The address of the stretch after `after` (RFC 8288).
    fn link(&self, site: &Site, after: Option<i64>, relation: &str) -> String {
        let query = self.written(self.view.to_query(), after);
        let mark = if query.is_empty() { "" } else { "?" };
        let address = site.public_url.join(&format!("{HERE}{mark}{query}"));
        format!("<{address}>; rel=\"{relation}\"")
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/members",
    operation_id = "members",
    tag = "Administration",
    summary = "List members",
    description = "Masked, by number. What is not understood is refused, and so is a parameter that says nothing. Each look is in the audit log.",
    security(("accessToken" = []), ("apiKey" = [])),
    params(
        ("q" = Option<String>, Query, description = "A part of the name, or the member number"),
        ("status" = Option<String>, Query, description = "Any of `active`, `suspended`, `unverified`, `withdrawn`, with commas", example = "active"),
        ("provider" = Option<String>, Query, description = "Any of `kakao`, `email`, with commas"),
        ("role" = Option<String>, Query, description = "Any of `member`, `viewer`, `admin`, `owner`, with commas"),
        ("from" = Option<String>, Query, description = "The first day of joining, in Seoul, as `2026-01-31`"),
        ("to" = Option<String>, Query, description = "The last day of joining"),
        ("sort" = Option<String>, Query, description = "`-number`, the newest first, or `number`"),
        ("limit" = Option<i64>, Query, description = "How many at most, from 1 to 100; 50"),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the answer before"),
    ),
    responses((
        status = 200,
        description = "A part of the list",
        body = Members,
        headers(("Cache-Control" = String, description = "no-store"), ("Link" = String, description = "The first part, and the next if there is one (RFC 8288)")),
    )),
    extensions(("x-problems" = json!([ADMINISTRATION, Code::SearchTooVague]))),
)]
/// Viewers, and keys that may read: members by the list's conditions, by number.
pub(in crate::web) async fn list(
    site: web::Data<Site>,
    program: Program,
    request: HttpRequest,
) -> Answer {
    let caller = administration(&site, &program, &request).await?;
    let wanted = ListRequest::parse(request.query_string())?;
    let asked = Slice {
        filter: wanted.view.filter.clone(),
        descending: wanted.descending,
        after: wanted.after,
        limit: wanted.limit,
        told: wanted.written(wanted.view.told(), wanted.after),
    };
    let found = site
        .gate
        .next_members(&caller.actor(), asked, &program.0.origin)
        .await?;
    let (cards, more) = found.ok_or(Code::SearchTooVague)?;
    let next = cards.last().filter(|_| more).map(|card| card.number);
    let mut response = HttpResponse::Ok();
    response.append_header((LINK, wanted.link(&site, None, "first")));
    if next.is_some() {
        response.append_header((LINK, wanted.link(&site, next, "next")));
    }
    Ok(super::personal_with(
        &mut response,
        &Members {
            members: cards.iter().map(Masked::of).collect(),
            next_cursor: next.map(|number| number.to_string()),
        },
    ))
}

/// An email address, which belongs in no address of a page.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = EmailAddress)]
pub(in crate::web) struct ByEmail {
    /// Whole, in any case.
    #[schema(example = "somebody@example.com")]
    email: String,
}

#[utoipa::path(
    post,
    path = "/api/v1/members/lookup",
    operation_id = "memberByEmail",
    tag = "Administration",
    summary = "Find members by email address",
    description = "At most five with exactly this address, masked. An address has no place in an URL.",
    security(("accessToken" = []), ("apiKey" = [])),
    request_body = ByEmail,
    responses((
        status = 200,
        description = "Those who have it",
        body = Members,
        headers(("Cache-Control" = String, description = "no-store")),
    )),
    extensions(("x-problems" = json!([BODY, ADMINISTRATION]))),
)]
/// Viewers, and keys that may read, within the limit of forms: members with exactly this email
/// address, at most five.
pub(in crate::web) async fn look_up(
    site: web::Data<Site>,
    program: Program,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    site.limits.count(Limit::Post, program.0.ip)?;
    let caller = administration(&site, &program, &request).await?;
    let sent: ByEmail = body(&request, payload).await?;
    let (actor, origin) = (caller.actor(), &program.0.origin);
    let cards = site
        .gate
        .look_up_email(&actor, sent.email.trim(), origin)
        .await?;
    Ok(personal(&Members {
        members: cards.iter().map(Masked::of).collect(),
        next_cursor: None,
    }))
}

#[utoipa::path(
    get,
    path = "/api/v1/members/{id}",
    operation_id = "member",
    tag = "Administration",
    summary = "See one member",
    description = "Masked. Each look is in the audit log.",
    security(("accessToken" = []), ("apiKey" = [])),
    params(
        ("id" = String, Path, description = "The member's id", example = "01900000-0000-7000-8000-000000000000"),
    ),
    responses((
        status = 200,
        description = "The member",
        body = Detail,
        headers(("Cache-Control" = String, description = "no-store")),
    )),
    extensions(("x-problems" = json!([ADMINISTRATION, Code::NotFound]))),
)]
/// Viewers, and keys that may read: one member.
pub(in crate::web) async fn show(
    site: web::Data<Site>,
    program: Program,
    request: HttpRequest,
    id: web::Path<String>,
) -> Answer {
    let caller = administration(&site, &program, &request).await?;
    let id = member_of(&id)?;
    let (actor, origin) = (caller.actor(), &program.0.origin);
    let seen = site.gate.look_at(&actor, id, Look::Details, origin).await?;
    let seen = seen.ok_or(Code::NotFound)?;
    Ok(personal(&Detail::of(&seen)))
}

/// What every act needs, and what one may need.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Act)]
pub(in crate::web) struct ActRequest {
    /// Why, for the audit log.
    #[schema(min_length = 5, max_length = 300, example = "spam, reported twice")]
    reason: String,
    /// The version of the member that the decision rests on; without one, whatever is there now.
    #[schema(nullable = false)]
    version: Option<i64>,
    /// Of a suspension: the last day in Seoul; without one, until it is lifted.
    #[schema(nullable = false, example = "2999-12-31")]
    until: Option<String>,
    /// Of a suspension: whether the member is written to, with the reason.
    #[schema(nullable = false)]
    notify: Option<bool>,
    /// Of a change of role, where it is required: `member`, `viewer`, `admin` or `owner`.
    #[schema(nullable = false)]
    role: Option<String>,
}

/// What was done.
#[derive(Serialize, ToSchema)]
pub(in crate::web) struct Outcome {
    /// The member's number.
    #[schema(minimum = 1, example = 42)]
    number: i64,
    /// How many sessions ended.
    sessions_ended: u64,
}

impl From<Done> for Outcome {
    fn from(done: Done) -> Self {
        Self {
            number: done.number,
            sessions_ended: done.sessions,
        }
    }
}

#[utoipa::path(
    post,
    path = "/api/v1/members/{id}/suspend",
    operation_id = "suspendMember",
    tag = "Administration",
    summary = "Suspend a member",
    description = "Ends every session of theirs, and Kakao's tokens, at once. A key acts on members who are not of the administration.",
    security(("accessToken" = []), ("apiKey" = [])),
    params(
        ("id" = String, Path, description = "The member's id", example = "01900000-0000-7000-8000-000000000000"),
    ),
    request_body = ActRequest,
    responses((
        status = 200,
        description = "Done",
        body = Outcome,
        headers(("Cache-Control" = String, description = "no-store")),
    )),
    extensions(("x-problems" = json!([BODY, ADMINISTRATION, ACT]))),
)]
/// Admins of members below them, and keys that may manage, within the limit of forms.
pub(in crate::web) async fn suspend(
    site: web::Data<Site>,
    program: Program,
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
) -> Answer {
    act(&site, &program, &request, payload, &id, |site, asked| {
        let day = asked.until.take().unwrap_or_default();
        let until = end_of_day(&day, site.gate.clock.now());
        let no_day = |_| Code::InvalidRequest.because("until is a day from today on: 2026-12-31");
        Ok(Act::Suspend {
            until: until.map_err(no_day)?,
            tell: asked.notify.take().unwrap_or(false),
        })
    })
    .await
}

#[utoipa::path(
    post,
    path = "/api/v1/members/{id}/restore",
    operation_id = "restoreMember",
    tag = "Administration",
    summary = "Lift a suspension",
    description = "A key acts on members who are not of the administration.",
    security(("accessToken" = []), ("apiKey" = [])),
    params(
        ("id" = String, Path, description = "The member's id", example = "01900000-0000-7000-8000-000000000000"),
    ),
    request_body = ActRequest,
    responses((
        status = 200,
        description = "Done",
        body = Outcome,
        headers(("Cache-Control" = String, description = "no-store")),
    )),
    extensions(("x-problems" = json!([BODY, ADMINISTRATION, ACT]))),
)]
/// Admins of members below them, and keys that may manage, within the limit of forms.
pub(in crate::web) async fn restore(
    site: web::Data<Site>,
    program: Program,
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
) -> Answer {
    act(&site, &program, &request, payload, &id, |_, _| {
        Ok(Act::Restore)
    })
    .await
}

#[utoipa::path(
    post,
    path = "/api/v1/members/{id}/logout",
    operation_id = "logOutMember",
    tag = "Administration",
    summary = "Log a member out everywhere",
    description = "Ends every session of theirs, and Kakao's tokens, at once. A key acts on members who are not of the administration.",
    security(("accessToken" = []), ("apiKey" = [])),
    params(
        ("id" = String, Path, description = "The member's id", example = "01900000-0000-7000-8000-000000000000"),
    ),
    request_body = ActRequest,
    responses((
        status = 200,
        description = "Done",
        body = Outcome,
        headers(("Cache-Control" = String, description = "no-store")),
    )),
    extensions(("x-problems" = json!([BODY, ADMINISTRATION, ACT]))),
)]
/// Admins of members below them, and keys that may manage, within the limit of forms.
pub(in crate::web) async fn log_out(
    site: web::Data<Site>,
    program: Program,
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
) -> Answer {
    act(&site, &program, &request, payload, &id, |_, _| {
        Ok(Act::Kick)
    })
    .await
}

#[utoipa::path(
    post,
    path = "/api/v1/members/{id}/role",
    operation_id = "changeRole",
    tag = "Administration",
    summary = "Change a role",
    description = "For owners, with a token of a browser that has proved within ten minutes who it is (RFC 9470). No key does this.",
    security(("accessToken" = [])),
    params(
        ("id" = String, Path, description = "The member's id", example = "01900000-0000-7000-8000-000000000000"),
    ),
    request_body(content = ActRequest, example = json!({ "reason": "joins the team", "role": "viewer" })),
    responses((
        status = 200,
        description = "Done",
        body = Outcome,
        headers(("Cache-Control" = String, description = "no-store")),
    )),
    extensions(("x-problems" = json!([BODY, ADMINISTRATION, ACT, Code::InsufficientAuthentication]))),
)]
/// Owners with a fresh proof, within the limit of forms; no key.
pub(in crate::web) async fn role(
    site: web::Data<Site>,
    program: Program,
    request: HttpRequest,
    payload: web::Payload,
    id: web::Path<String>,
) -> Answer {
    act(&site, &program, &request, payload, &id, |_, asked| {
        let role = asked.role.take().and_then(|code| Role::parse(&code));
        let role = role.ok_or_else(|| Code::InvalidRequest.because("not a role"))?;
        Ok(Act::Role(role))
    })
    .await
}

async fn act(
    site: &Site,
    program: &Program,
    request: &HttpRequest,
    payload: web::Payload,
    id: &str,
    filled: impl FnOnce(&Site, &mut ActRequest) -> Result<Act, Refusal>,
) -> Answer {
    site.limits.count(Limit::Post, program.0.ip)?;
    let caller = administration(site, program, request).await?;
    let id = member_of(id)?;
    let mut asked: ActRequest = body(request, payload).await?;
    let act = filled(site, &mut asked)?;
    if asked.until.is_some() || asked.notify.is_some() || asked.role.is_some() {
        return Err(Code::InvalidRequest.because("a field that means nothing here"));
    }
    // Of whoever may not do it anyway, no proof is asked.
    if let (Act::Role(_), Caller::Staff(signed_in)) = (act, &caller)
        && signed_in.member.role >= act.least_role()
        && !site.gate.is_proved(signed_in)
    {
        return Err(Code::InsufficientAuthentication.into());
    }
    let no_reason = |_| Code::InvalidRequest.because("reason has from 5 to 300 characters");
    let reason = Reason::parse(&asked.reason).map_err(no_reason)?;
    let target = Target {
        id,
        version: asked.version,
    };
    let (actor, origin) = (caller.actor(), &program.0.origin);
    let done = site.gate.act(&actor, target, act, &reason, origin).await?;
    Ok(personal(&Outcome::from(done?)))
}

fn member_of(id: &str) -> Result<MemberId, Refusal> {
    let id = Uuid::parse_str(id).map_err(|_| Code::NotFound)?;
    Ok(MemberId(id))
}
