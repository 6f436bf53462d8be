//! `/me/password`: changing the password, or setting a first one.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::cookies::Notice;
use super::error::Problem;
use super::forms::{Mistake, Post, about};
use super::page::{self, Layout, see_other};
use super::visitor::Member;
use super::{Site, login, reauth};
use crate::flow::{Change, ChangeRefusal, Next, PasswordStanding, Refused};
use crate::i18n::Texts;
use crate::password::{Password, Weak};
use crate::session::BrowserSession;

/// This page.
const HERE: &str = "/me/password";

#[derive(Template)]
#[template(path = "me/password.html")]
struct Page<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    standing: PasswordStanding,
    hint: String,
    others: bool,
    wrong: Vec<Mistake>,
}

impl Page<'_> {
    fn is_set(&self) -> bool {
        self.standing == PasswordStanding::Set
    }

    fn has_address(&self) -> bool {
        self.standing != PasswordStanding::NoAddress
    }

    fn title(&self) -> &'static str {
        let t = self.layout.t;
        if self.is_set() {
            t.pw_new_submit()
        } else {
            t.pw_set_title()
        }
    }

    /// What is wrong with a field.
    fn about(&self, field: &str) -> Option<&str> {
        about(&self.wrong, field)
    }
}

/// Members; who has no password yet only with a fresh proof.
pub(super) async fn show(site: web::Data<Site>, member: Member) -> Result<HttpResponse, Problem> {
    site.takes_email()?;
    let standing = site.gate.password_standing(&member.signed_in).await?;
    if standing == PasswordStanding::Unset && !site.gate.is_proved(&member.signed_in) {
        return Err(unproved());
    }
    let page = ask(&site, &member, standing, true, Vec::new());
    Ok(page::show(&site, &member.visitor, &page))
}

fn unproved() -> Problem {
    Problem::Prove(reauth::address(&Next::parse(HERE)))
}

fn ask<'a>(
    site: &'a Site,
    member: &'a Member,
    standing: PasswordStanding,
    others: bool,
    wrong: Vec<Mistake>,
) -> Page<'a> {
    let layout = Layout::new(site, &member.visitor);
    Page {
        csrf: member.visitor.csrf(),
        standing,
        hint: layout.t.pw_new_hint(site.gate.rules.password_lengths.min),
        others,
        wrong,
        layout,
    }
}

/// What the form sends.
#[derive(Deserialize)]
pub(super) struct Fields {
    current: Option<String>,
    #[serde(default)]
    password: String,
    others: Option<String>,
}

/// Members, with a form of theirs: a new session takes the place of the one they are using.
pub(super) async fn act(
    site: web::Data<Site>,
    member: Member,
    session: BrowserSession,
    request: HttpRequest,
    form: Post<Fields>,
) -> Result<HttpResponse, Problem> {
    site.takes_email()?;
    let (t, fields) = (member.visitor.texts(), form.fields);
    let others = fields.others.is_some();
    let again = |status, standing, mistake: Mistake| {
        let page = ask(&site, &member, standing, others, vec![mistake]);
        page::show_as(status, &site, &member.visitor, &page)
    };
    let wrong = |standing, mistake| again(StatusCode::UNPROCESSABLE_ENTITY, standing, mistake);
    let current = fields.current.filter(|typed| !typed.is_empty());
    let had_one = current.is_some();
    let change = Change {
        current: current.as_deref().map(Password::new),
        new: Password::new(&fields.password),
        others,
        known: site.cookies.known_in(&site.gate, request.headers()),
        lang: t.lang(),
    };
    let changed = site
        .gate
        .change_password(&member.signed_in, change, member.visitor.origin());
    let standing = if had_one {
        PasswordStanding::Set
    } else {
        PasswordStanding::Unset
    };
    let (token, known) = match changed.await? {
        Ok(renewed) => renewed,
        Err(ChangeRefusal::Unproved) => return Err(unproved()),
        Err(ChangeRefusal::NoAddress) => {
            let page = ask(
                &site,
                &member,
                PasswordStanding::NoAddress,
                others,
                Vec::new(),
            );
            let status = StatusCode::CONFLICT;
            return Ok(page::show_as(status, &site, &member.visitor, &page));
        }
        Err(ChangeRefusal::Weak(weak)) => {
            let standing = site.gate.password_standing(&member.signed_in).await?;
            let mistake = Mistake::new("password", why_weak(t, weak, &site));
            return Ok(wrong(standing, mistake));
        }
        Err(ChangeRefusal::Same) => {
            return Ok(wrong(standing, Mistake::new("password", t.pw_err_same())));
        }
        Err(ChangeRefusal::Current(Refused::Gone)) => {
            let next = Next::parse(HERE);
            return Err(Problem::SignIn(login::address(&next, None, true)));
        }
        Err(ChangeRefusal::Current(Refused::Locked { wait })) => {
            let minutes = wait.as_secs().div_ceil(60);
            let mistake = Mistake::new("current", t.reauth_locked(minutes));
            let page = again(
                StatusCode::TOO_MANY_REQUESTS,
                PasswordStanding::Set,
                mistake,
            );
            return Ok(page::after(page, wait));
        }
        Err(ChangeRefusal::Current(_)) => {
            let text = if had_one {
                t.pw_err_current()
            } else {
                t.login_err_password_empty()
            };
            return Ok(wrong(PasswordStanding::Set, Mistake::new("current", text)));
        }
    };
    session
        .sign_in(&token)
        .map_err(|error| Problem::server(error.to_string()))?;
    let mut response = see_other("/me");
    let known = site.cookies.known(&site.gate, &known);
    let notice = site.cookies.say(&site.gate, &Notice::PasswordChanged);
    for cookie in known.into_iter().chain(notice) {
        response.cookie(cookie);
    }
    Ok(response.finish())
}

/// Why a new password is not accepted, in words.
pub(super) fn why_weak(t: Texts, weak: Weak, site: &Site) -> String {
    let lengths = site.gate.rules.password_lengths;
    match weak {
        Weak::TooShort => t.pw_err_short(lengths.min),
        Weak::TooLong => t.pw_err_long(lengths.max),
        Weak::Common => t.join_err_pw_common().to_owned(),
    }
}
