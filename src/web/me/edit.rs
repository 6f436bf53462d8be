//! `/me/edit`: the name.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::back;
use crate::member::clean_name;
use crate::web::Site;
use crate::web::cookies::Said;
use crate::web::error::Problem;
use crate::web::forms::{Post, status_of};
use crate::web::page::{self, Layout};
use crate::web::visitor::Member;

#[derive(Template)]
#[template(path = "me/edit.html")]
struct Edit<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    name: &'a str,
    email: Option<&'a str>,
    by_email: bool,
    mistake: Option<&'static str>,
}

/// What the form sends.
#[derive(Deserialize)]
pub(in crate::web) struct Fields {
    name: String,
}

/// Members.
pub(in crate::web) async fn show(
    site: web::Data<Site>,
    member: Member,
) -> Result<HttpResponse, Problem> {
    let name = member.signed_in.member.display_name.clone();
    ask(&site, &member, &name.unwrap_or_default(), None).await
}

/// Members, with a form of theirs.
pub(in crate::web) async fn save(
    site: web::Data<Site>,
    member: Member,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    let visitor = &member.visitor;
    let Some(name) = clean_name(&form.fields.name) else {
        let mistake = visitor.texts().me_err_name();
        return ask(&site, &member, &form.fields.name, Some(mistake)).await;
    };
    site.gate
        .rename(&member.signed_in, &name, visitor.origin())
        .await?;
    Ok(back(&site, Said::Saved))
}

async fn ask(
    site: &Site,
    member: &Member,
    name: &str,
    mistake: Option<&'static str>,
) -> Result<HttpResponse, Problem> {
    let own = site.gate.overview(&member.signed_in).await?;
    let edit = Edit {
        layout: Layout::new(site, &member.visitor),
        csrf: member.visitor.csrf(),
        name,
        email: own.email.as_deref(),
        by_email: site.gate.takes_email(),
        mistake,
    };
    let status = status_of(mistake.is_some());
    Ok(page::show_as(status, site, &member.visitor, &edit))
}
