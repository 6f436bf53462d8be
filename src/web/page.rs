//! The frame around every page, and the only place where a template becomes an answer.

use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ContentType, HeaderValue, LOCATION, RETRY_AFTER};
use actix_web::{HttpResponse, HttpResponseBuilder};
use askama::Template;

use super::edge::Arrived;
use super::visitor::Visitor;
use super::{Site, assets};
use crate::i18n::Texts;

/// How long before the end of an admin's session the page says so.
const IDLE_NOTICE: Duration = Duration::from_secs(120);

/// How bright the person wants the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Theme {
    /// As the device is set.
    Auto,
    /// Dark.
    Dark,
    /// Light.
    Light,
}

impl Theme {
    /// From a cookie or a form; what is not a theme is [`Theme::Auto`].
    pub(super) fn parse(code: &str) -> Self {
        match code {
            "dark" => Self::Dark,
            "light" => Self::Light,
            _ => Self::Auto,
        }
    }

    /// As it is written.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Dark => "dark",
            Self::Light => "light",
        }
    }

    /// The one that the button offers next.
    fn next(self) -> Self {
        match self {
            Self::Auto => Self::Dark,
            Self::Dark => Self::Light,
            Self::Light => Self::Auto,
        }
    }
}

/// The way on to `address` after something was done (RFC 9110 section 15.4.4).
pub(super) fn see_other(address: &str) -> HttpResponseBuilder {
    let mut response = HttpResponse::SeeOther();
    response.insert_header((LOCATION, address));
    response
}

/// Asks whoever is shown this page to wait before they try again.
pub(super) fn after(mut page: HttpResponse, wait: Duration) -> HttpResponse {
    let seconds = wait.as_secs() + 1;
    page.headers_mut().insert(RETRY_AFTER, seconds.into());
    page
}

/// What the frame shows, the first field of every page.
pub(super) struct Layout<'a> {
    pub(super) t: Texts,
    pub(super) service: &'a str,
    pub(super) theme: Theme,
    pub(super) signed_in: bool,
    /// Shows the way into the administration.
    pub(super) staff: bool,
    /// Seconds until a page of the administration says that the session is about to end.
    pub(super) idle_after: u64,
    pub(super) here: &'a str,
    pub(super) csrf: Option<&'a str>,
    pub(super) demo: bool,
    /// Shows where one is, for somebody who may see the navigation.
    pub(super) frame: bool,
}

impl<'a> Layout<'a> {
    /// The frame for somebody we have met.
    pub(super) fn new(site: &'a Site, visitor: &'a Visitor) -> Self {
        Self {
            t: visitor.texts(),
            service: site.name(visitor.texts()),
            theme: visitor.arrived().theme,
            signed_in: visitor.signed_in().is_some(),
            staff: visitor
                .signed_in()
                .is_some_and(|live| live.member.role.is_staff()),
            idle_after: site
                .gate
                .rules
                .staff_idle
                .saturating_sub(IDLE_NOTICE)
                .as_secs(),
            here: visitor.here(),
            csrf: Some(visitor.csrf()),
            demo: site.demo,
            frame: true,
        }
    }

    /// The frame of an error page: it must come out whatever is broken, so it asks nobody who
    /// is there, and offers neither navigation nor buttons that would need to know.
    pub(super) fn bare(site: &'a Site, arrived: &'a Arrived) -> Self {
        let lang = arrived
            .lang_cookie
            .or(arrived.lang_browser)
            .unwrap_or(site.default_lang);
        Self {
            t: lang.texts(),
            service: site.name(lang.texts()),
            theme: arrived.theme,
            signed_in: false,
            staff: false,
            idle_after: 0,
            here: &arrived.here,
            csrf: None,
            demo: site.demo,
            frame: false,
        }
    }

    pub(super) fn lang(&self) -> &'static str {
        self.t.lang().code()
    }

    pub(super) fn other_lang(&self) -> &'static str {
        self.t.lang().other().code()
    }

    /// The theme that was chosen, which the style sheet must follow; otherwise it asks the device.
    pub(super) fn chosen_theme(&self) -> Option<&'static str> {
        (self.theme != Theme::Auto).then(|| self.theme.code())
    }

    pub(super) fn next_theme(&self) -> &'static str {
        self.theme.next().code()
    }

    pub(super) fn next_theme_label(&self) -> &'static str {
        match self.theme.next() {
            Theme::Auto => self.t.theme_auto(),
            Theme::Dark => self.t.theme_dark(),
            Theme::Light => self.t.theme_light(),
        }
    }

    pub(super) fn is_here(&self, path: &str) -> bool {
        self.here == path
    }

    /// Whether this page is the part of the administration at `path`.
    pub(super) fn is_under(&self, path: &str) -> bool {
        let path_here = self.here.split('?').next().unwrap_or_default();
        let part = match path_here.strip_prefix("/admin/") {
            Some(rest) => rest.split('/').next().unwrap_or_default(),
            None => "",
        };
        path.strip_prefix("/admin")
            .unwrap_or_default()
            .trim_start_matches('/')
            == part
    }

    pub(super) fn admin_css(&self) -> &'static str {
        assets::admin_css()
    }

    pub(super) fn css(&self) -> &'static str {
        assets::css()
    }

    pub(super) fn script(&self) -> &'static str {
        assets::script()
    }

    pub(super) fn icon(&self) -> &'static str {
        assets::icon()
    }
}

/// Turns a template into an answer.
pub(super) fn render(status: StatusCode, page: &impl Template) -> HttpResponse {
    match page.render() {
        Ok(html) => HttpResponse::build(status)
            .content_type(ContentType::html())
            .body(html),
        // Templates write to memory and cannot fail; should one do so, the edge has a page.
        Err(error) => {
            tracing::error!(%error, "a template could not be rendered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Turns a template into an answer for somebody we have met; a notice it showed is done with.
pub(super) fn show(site: &Site, visitor: &Visitor, page: &impl Template) -> HttpResponse {
    show_as(StatusCode::OK, site, visitor, page)
}

/// As [`show`], with another status: for a form that is shown once more.
pub(super) fn show_as(
    status: StatusCode,
    site: &Site,
    visitor: &Visitor,
    page: &impl Template,
) -> HttpResponse {
    let mut response = render(status, page);
    if visitor.notice().is_some() {
        let forget = site.cookies.forget(site.cookies.notice);
        if let Ok(value) = HeaderValue::from_str(&forget.encoded().to_string()) {
            response
                .headers_mut()
                .append(actix_web::http::header::SET_COOKIE, value);
        }
    }
    response
}
