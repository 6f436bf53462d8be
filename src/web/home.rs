//! `/`: what this is, and the way on.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::Site;
use super::page::{self, Layout};
use super::visitor::Visitor;

#[derive(Template)]
#[template(path = "index.html")]
struct Home<'a> {
    layout: Layout<'a>,
    signed_in: bool,
    name: Option<&'a str>,
    by_email: bool,
}

/// Anyone.
pub(super) async fn show(site: web::Data<Site>, visitor: Visitor) -> HttpResponse {
    let signed_in = visitor.signed_in();
    let home = Home {
        layout: Layout::new(&site, &visitor),
        signed_in: signed_in.is_some(),
        name: signed_in.and_then(|live| live.member.display_name.as_deref()),
        by_email: site.gate.takes_email(),
    };
    page::show(&site, &visitor, &home)
}
