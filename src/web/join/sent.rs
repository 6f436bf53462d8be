//! `/join/sent`: a mail is on its way, and another can be had.

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::{asked, remembering};
use crate::flow::TooMany;
use crate::web::Site;
use crate::web::address::network;
use crate::web::error::Problem;
use crate::web::forms::Post;
use crate::web::login::field;
use crate::web::page::{self, Layout, see_other};
use crate::web::sessions::Nothing;
use crate::web::visitor::Visitor;

#[derive(Template)]
#[template(path = "join/sent.html")]
struct Sent<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    email: String,
    again: bool,
    wait: Option<String>,
}

/// Anyone whose browser has asked to join; others are led to where one does.
pub(in crate::web) async fn show(
    site: web::Data<Site>,
    visitor: Visitor,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    site.takes_email()?;
    let Some(asked) = asked(&site, &request) else {
        return Ok(see_other("/join").finish());
    };
    let layout = Layout::new(&site, &visitor);
    let query = request.query_string();
    let wait = field(query, "wait").and_then(|seconds| seconds.parse::<u32>().ok());
    let sent = Sent {
        csrf: visitor.csrf(),
        email: asked.email,
        again: field(query, "again").is_some(),
        wait: wait.map(|seconds| match seconds {
            0..=90 => layout.t.join_sent_wait(seconds),
            more => layout.t.join_err_many(more.div_ceil(60)),
        }),
        layout,
    };
    Ok(page::show(&site, &visitor, &sent))
}

/// Anyone whose browser has asked to join: mails the link once more, at most once a minute.
pub(in crate::web) async fn again(
    site: web::Data<Site>,
    request: HttpRequest,
    form: Post<Nothing>,
) -> Result<HttpResponse, Problem> {
    site.takes_email()?;
    let Post {
        visitor,
        fields: Nothing {},
    } = form;
    let Some(asked) = asked(&site, &request) else {
        return Ok(see_other("/join").finish());
    };
    let (network, lang) = (network(visitor.arrived().ip), visitor.texts().lang());
    let again = site
        .gate
        .ask_again(asked, network, lang, visitor.origin())
        .await?;
    Ok(match again {
        Ok(asked) => remembering(&site, &asked, "/join/sent?again=1"),
        Err(TooMany { wait }) => {
            let seconds = wait.as_secs().max(1);
            see_other(&format!("/join/sent?wait={seconds}")).finish()
        }
    })
}
