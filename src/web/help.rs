//! `/help/kakao`: what the KOE codes mean that Kakao shows on pages of its own.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::Site;
use super::page::{self, Layout};
use super::visitor::Visitor;
use crate::config::{Koe, Turn};

#[derive(Template)]
#[template(path = "help/kakao.html")]
struct Codes<'a> {
    layout: Layout<'a>,
    parts: [Part; 3],
}

/// Codes that are the turn of the same people.
struct Part {
    title: &'static str,
    lead: &'static str,
    codes: Vec<&'static Koe>,
}

impl Codes<'_> {
    fn words(&self, koe: &Koe) -> &'static str {
        koe.words(self.layout.t)
    }
}

/// Anyone.
pub(super) async fn kakao(site: web::Data<Site>, visitor: Visitor) -> HttpResponse {
    let layout = Layout::new(&site, &visitor);
    let t = layout.t;
    let part = |turn, title, lead| Part {
        title,
        lead,
        codes: Koe::all().iter().filter(|koe| koe.turn == turn).collect(),
    };
    let codes = Codes {
        parts: [
            part(Turn::Person, t.koe_person_title(), t.koe_person_lead()),
            part(
                Turn::Invitation,
                t.koe_invitation_title(),
                t.koe_invitation_lead(),
            ),
            part(
                Turn::Operator,
                t.koe_operator_title(),
                t.koe_operator_lead(),
            ),
        ],
        layout,
    };
    page::show(&site, &visitor, &codes)
}
