//! `/api/v1/me`: who the token shows.

use actix_web::{HttpRequest, web};
use serde::Serialize;

use super::{Answer, Program, personal, signed_in};
use crate::i18n::machine_time;
use crate::member::Member;
use crate::web::Site;

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
