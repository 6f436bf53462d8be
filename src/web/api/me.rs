//! `/api/v1/me`: who the token shows, and what they may change of it.

use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};

use super::problem::Code;
use super::{Answer, Program, body, personal, signed_in};
use crate::i18n::machine_time;
use crate::member::{Member, clean_name};
use crate::web::{Limit, Site};

/// A member, to themselves.
#[derive(Serialize)]
pub(in crate::web) struct Me {
    id: String,
    number: i64,
    role: &'static str,
    name: Option<String>,
    picture: Option<String>,
    locale: Option<String>,
    created_at: String,
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
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    name: String,
}

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
