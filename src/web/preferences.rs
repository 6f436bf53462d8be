//! `/language` and `/theme`: the two buttons at the foot of every page.

use actix_web::cookie::time::Duration;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::Site;
use super::error::{ErrorId, Problem};
use super::forms::Post;
use super::page::{Theme, see_other};
use crate::flow::Next;
use crate::i18n::Lang;

/// How long a choice is remembered.
const LIFE: Duration = Duration::days(365);

#[derive(Deserialize)]
pub(super) struct Language {
    lang: String,
    back: String,
}

/// Anyone, with a form of ours. A member's choice follows them to other devices.
pub(super) async fn language(
    site: web::Data<Site>,
    form: Post<Language>,
) -> Result<HttpResponse, Problem> {
    let lang = Lang::parse(&form.fields.lang).ok_or(ErrorId::BadRequest)?;
    if let Some(signed_in) = form.visitor.signed_in() {
        site.gate.choose_language(signed_in.member.id, lang).await?;
    }
    let cookie = site.cookies.make(site.cookies.lang, lang.code(), LIFE);
    Ok(back(&form.fields.back).cookie(cookie).finish())
}

#[derive(Deserialize)]
pub(super) struct Appearance {
    theme: String,
    back: String,
}

/// Anyone, with a form of ours.
pub(super) async fn theme(site: web::Data<Site>, form: Post<Appearance>) -> HttpResponse {
    let theme = Theme::parse(&form.fields.theme);
    let cookie = match theme {
        Theme::Auto => site.cookies.forget(site.cookies.theme),
        Theme::Dark | Theme::Light => site.cookies.make(site.cookies.theme, theme.code(), LIFE),
    };
    back(&form.fields.back).cookie(cookie).finish()
}

/// Back to the page with the button. Any page of ours will do, the login page included.
fn back(path: &str) -> actix_web::HttpResponseBuilder {
    let path = Next::same_site(path).unwrap_or_else(|| "/".to_owned());
    see_other(&path)
}
