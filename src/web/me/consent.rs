//! `/me/consents`: the switch for letters with news and offers.

use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::back;
use crate::web::Site;
use crate::web::cookies::Said;
use crate::web::error::Problem;
use crate::web::forms::Post;
use crate::web::visitor::Member;

/// What the button says.
#[derive(Deserialize)]
pub(in crate::web) struct Fields {
    marketing: Switch,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Switch {
    On,
    Off,
}

/// Members, with a form of theirs.
pub(in crate::web) async fn switch(
    site: web::Data<Site>,
    member: Member,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    let agreed = form.fields.marketing == Switch::On;
    let origin = member.visitor.origin();
    site.gate
        .switch_marketing(&member.signed_in, agreed, origin)
        .await?;
    Ok(back(&site, Said::Consent))
}
