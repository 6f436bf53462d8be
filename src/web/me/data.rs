//! `/me/data`: everything stored about the member, as a file.

use actix_web::http::header::{CONTENT_DISPOSITION, ContentType};
use actix_web::{HttpResponse, web};
use askama::Template;

use crate::i18n::machine_time;
use crate::web::Site;
use crate::web::error::Problem;
use crate::web::forms::Post;
use crate::web::page::{self, Layout};
use crate::web::sessions::Nothing;
use crate::web::visitor::Member;

/// The page.
const ADDRESS: &str = "/me/data";

#[derive(Template)]
#[template(path = "me/data.html")]
struct Data<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    /// Inside KakaoTalk, which keeps no files.
    in_app: bool,
}

/// Members with a fresh proof: what the file will hold.
pub(in crate::web) async fn show(
    site: web::Data<Site>,
    member: Member,
) -> Result<HttpResponse, Problem> {
    member.proved(&site, ADDRESS)?;
    let agent = &member.visitor.origin().user_agent;
    let data = Data {
        layout: Layout::new(&site, &member.visitor),
        csrf: member.visitor.csrf(),
        in_app: agent.contains("KAKAOTALK"),
    };
    Ok(page::show(&site, &member.visitor, &data))
}

/// Members with a fresh proof, with a form of theirs: the file. No page shows it, so that no other
/// program of the browser reads it there.
pub(in crate::web) async fn download(
    site: web::Data<Site>,
    member: Member,
    _: Post<Nothing>,
) -> Result<HttpResponse, Problem> {
    member.proved(&site, ADDRESS)?;
    let data = site
        .gate
        .own_data(&member.signed_in, member.visitor.origin())
        .await?;
    let day = machine_time(site.gate.clock.now());
    let day = day.split('T').next().unwrap_or_default();
    let text =
        serde_json::to_string_pretty(&data).map_err(|error| Problem::server(error.to_string()))?;
    let named = format!("attachment; filename=\"my-data-{day}.json\"");
    Ok(HttpResponse::Ok()
        .content_type(ContentType::json())
        .insert_header((CONTENT_DISPOSITION, named))
        .body(text))
}
