//! `/terms`, `/privacy`, `/help`: pages to read.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::Site;
use super::page::{self, Layout};
use super::visitor::Visitor;
use crate::terms::{PRIVACY, Part, TERMS};

#[derive(Template)]
#[template(path = "reading.html")]
struct Reading<'a> {
    layout: Layout<'a>,
    title: &'a str,
    lead: &'static str,
    sections: Vec<(&'static str, Vec<String>)>,
    /// Of the operator's own text.
    version: Option<&'a str>,
    parts: &'a [Part],
    /// Where to read on: address, and what is there.
    more: Option<(&'static str, &'static str)>,
}

/// The operator's own text of that name, if there is one.
fn published(site: &Site, visitor: &Visitor, id: &str, title: &str) -> Option<HttpResponse> {
    let layout = Layout::new(site, visitor);
    let item = site.gate.rules.agreements.item(id)?;
    let text = item.text(layout.t.lang())?;
    let reading = Reading {
        layout,
        title: text.title.as_deref().unwrap_or(title),
        lead: "",
        sections: Vec::new(),
        version: Some(&item.version),
        parts: &text.parts,
        more: None,
    };
    Some(page::show(site, visitor, &reading))
}

/// Anyone.
pub(super) async fn terms(site: web::Data<Site>, visitor: Visitor) -> HttpResponse {
    let layout = Layout::new(&site, &visitor);
    let t = layout.t;
    if let Some(own) = published(&site, &visitor, TERMS, t.terms_title()) {
        return own;
    }
    let reading = Reading {
        layout,
        title: t.terms_title(),
        lead: t.terms_body(),
        sections: Vec::new(),
        version: None,
        parts: &[],
        more: None,
    };
    page::show(&site, &visitor, &reading)
}

/// Anyone.
pub(super) async fn privacy(site: web::Data<Site>, visitor: Visitor) -> HttpResponse {
    let layout = Layout::new(&site, &visitor);
    let t = layout.t;
    if let Some(own) = published(&site, &visitor, PRIVACY, t.privacy_title()) {
        return own;
    }
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
            (t.privacy_email_title(), words(&[t.privacy_email()])),
            (t.privacy_sessions_title(), words(&[t.privacy_sessions()])),
            (t.privacy_cookies_title(), words(&[t.privacy_cookies()])),
            (t.privacy_operator_title(), words(&[t.privacy_operator()])),
        ],
        version: None,
        parts: &[],
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
        version: None,
        parts: &[],
        more: Some(("/help/kakao", t.help_kakao_link())),
    };
    page::show(&site, &visitor, &reading)
}
