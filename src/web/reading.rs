//! `/terms`, `/privacy`, `/help`: pages to read.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::Site;
use super::page::{self, Layout};
use super::visitor::Visitor;

#[derive(Template)]
#[template(path = "reading.html")]
struct Reading<'a> {
    layout: Layout<'a>,
    title: &'static str,
    lead: &'static str,
    sections: Vec<(&'static str, Vec<String>)>,
    /// Where to read on: address, and what is there.
    more: Option<(&'static str, &'static str)>,
}

/// Anyone.
pub(super) async fn terms(site: web::Data<Site>, visitor: Visitor) -> HttpResponse {
    let layout = Layout::new(&site, &visitor);
    let t = layout.t;
    let reading = Reading {
        layout,
        title: t.terms_title(),
        lead: t.terms_body(),
        sections: Vec::new(),
        more: None,
    };
    page::show(&site, &visitor, &reading)
}

/// Anyone.
pub(super) async fn privacy(site: web::Data<Site>, visitor: Visitor) -> HttpResponse {
    let layout = Layout::new(&site, &visitor);
    let t = layout.t;
    let words = |texts: &[&'static str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let reading = Reading {
        layout,
        title: t.privacy_title(),
        lead: t.privacy_lead(),
        sections: vec![
            (
                t.privacy_kakao_title(),
                words(&[t.privacy_kakao(), t.privacy_picture(), t.privacy_tokens()]),
            ),
            (t.privacy_sessions_title(), words(&[t.privacy_sessions()])),
            (t.privacy_cookies_title(), words(&[t.privacy_cookies()])),
            (t.privacy_operator_title(), words(&[t.privacy_operator()])),
        ],
        more: None,
    };
    page::show(&site, &visitor, &reading)
}

/// Anyone.
pub(super) async fn help(site: web::Data<Site>, visitor: Visitor) -> HttpResponse {
    let layout = Layout::new(&site, &visitor);
    let t = layout.t;
    let contact = match &site.contact_email {
        Some(email) => t.help_contact(email),
        None => t.help_contact_none().to_owned(),
    };
    let checks = [t.help_cookies(), t.help_kakao(), t.help_devices()];
    let reading = Reading {
        layout,
        title: t.help_title(),
        lead: t.help_lead(),
        sections: vec![
            (t.login_title(), checks.map(str::to_owned).to_vec()),
            (t.act_contact(), vec![contact]),
        ],
        more: Some(("/help/kakao", t.help_kakao_link())),
    };
    page::show(&site, &visitor, &reading)
}
