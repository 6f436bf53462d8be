//! `/me`: what we know about the member, and what they can do about it.

pub(super) mod address;
pub(super) mod consent;
pub(super) mod data;
pub(super) mod edit;
pub(super) mod kakao;
pub(super) mod withdraw;

use actix_web::{HttpRequest, HttpResponse, web};
use askama::Template;

use super::Site;
use super::conflict::{CONNECT, waiting};
use super::cookies::{Notice, Said};
use super::error::Problem;
use super::page::{self, Layout, see_other};
use super::visitor::Member;
use crate::flow::account::{Agreed, MARKETING, Overview};
use crate::i18n::{Texts, machine_time};
use crate::member::SignedIn;
use crate::store::members::account::StoredKakao;

#[derive(Template)]
#[template(path = "me/index.html")]
struct Me<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    who: &'a SignedIn,
    own: Overview,
    /// Members can sign in by email here.
    by_email: bool,
    notice: Option<Told>,
    /// A Kakao account with this member's address waits to be connected.
    waiting: bool,
    connect: &'static str,
    consents: Vec<Line>,
    marketing: Option<Line>,
}

/// A notice, and whether it is good news.
struct Told {
    text: &'static str,
    good: bool,
    /// Where to go on, and what that is called.
    way: Option<(&'static str, &'static str)>,
}

impl Told {
    fn good(text: &'static str) -> Self {
        Self {
            text,
            good: true,
            way: None,
        }
    }
}

/// Something agreed to.
struct Line {
    item: String,
    version: String,
    agreed: bool,
    machine: String,
    date: String,
}

impl Line {
    fn new(t: Texts, said: &Agreed) -> Self {
        let item = match said.item.as_str() {
            "age" => t.me_agree_age().to_owned(),
            "terms" => t.foot_terms().to_owned(),
            "privacy" => t.foot_privacy().to_owned(),
            MARKETING => t.me_mkt().to_owned(),
            other => other.to_owned(),
        };
        Self {
            item,
            version: said.version.clone(),
            agreed: said.agreed,
            machine: machine_time(said.at),
            date: t.date_long(said.at),
        }
    }
}

impl Me<'_> {
    /// What stands for the picture where there is none.
    fn initial(&self) -> String {
        let name = self.who.member.display_name.as_deref().unwrap_or_default();
        name.chars()
            .next()
            .map_or_else(|| "?".to_owned(), |first| first.to_uppercase().collect())
    }

    /// The address they are written to, else the one Kakao told; and whether it is known to be
    /// theirs.
    fn email(&self) -> Option<(&str, bool)> {
        let kakao = self.own.kakao.as_ref();
        match &self.own.email {
            Some(email) => Some((email, self.own.email_proved)),
            None => kakao.and_then(|kakao| Some((kakao.email.as_deref()?, false))),
        }
    }

    fn joined(&self) -> String {
        self.layout.t.date_long(self.who.member.created_at)
    }

    fn joined_machine(&self) -> String {
        machine_time(self.who.member.created_at)
    }

    /// The Kakao account, while it is connected at Kakao, too.
    fn connected(&self) -> Option<&StoredKakao> {
        self.own.kakao.as_ref().filter(|_| self.own.is_connected())
    }

    /// Whether Kakao says that the connection is gone.
    fn unlinked(&self) -> bool {
        self.own.kakao.is_some() && !self.own.is_connected()
    }

    fn kakao_since(&self) -> Option<String> {
        let kakao = self.connected()?;
        let date = self.layout.t.date_long(kakao.linked_at);
        Some(self.layout.t.me_kakao_since(date))
    }

    fn password_since(&self) -> Option<String> {
        let date = self.layout.t.date_long(self.own.password_since?);
        Some(self.layout.t.me_kakao_since(date))
    }

    fn marketing_text(&self) -> String {
        let t = self.layout.t;
        match self.marketing.as_ref().filter(|line| line.agreed) {
            Some(line) => t.me_mkt_on(&line.date),
            None => t.me_mkt_off().to_owned(),
        }
    }

    fn wants_marketing(&self) -> bool {
        self.marketing.as_ref().is_some_and(|line| line.agreed)
    }
}

/// Members.
pub(super) async fn show(
    site: web::Data<Site>,
    member: Member,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let who = &member.signed_in;
    let own = site.gate.overview(who).await?;
    let waiting = match waiting(&site, &request) {
        Some(waiting) if !own.is_connected() => {
            let owner = site.gate.owner_of(&waiting).await?;
            owner.is_some_and(|owner| owner.member == who.member.id)
        }
        _ => false,
    };
    let layout = Layout::new(&site, &member.visitor);
    let t = layout.t;
    let (marketing, consents): (Vec<_>, Vec<_>) =
        own.consents.iter().partition(|said| said.item == MARKETING);
    let line = |said: &Agreed| Line::new(t, said);
    let me = Me {
        csrf: member.visitor.csrf(),
        who,
        by_email: site.gate.takes_email(),
        notice: match member.visitor.notice() {
            Some(Notice::Me { said }) => Some(told(t, *said)),
            Some(Notice::PasswordChanged) => Some(Told::good(t.pw_new_ok())),
            _ => None,
        },
        waiting,
        connect: CONNECT,
        consents: consents.into_iter().map(line).collect(),
        marketing: marketing.into_iter().next_back().map(line),
        own,
        layout,
    };
    Ok(page::show(&site, &member.visitor, &me))
}

fn told(t: Texts, said: Said) -> Told {
    let good = Told::good;
    let bad = |text| Told {
        good: false,
        ..good(text)
    };
    match said {
        Said::Saved => good(t.me_saved()),
        Said::AddressAsked => good(t.me_email_change()),
        Said::AddressMoved => good(t.me_email_moved()),
        Said::AddressSame => good(t.me_email_same()),
        Said::Linked => good(t.me_kakao_linked()),
        Said::Unlinked => good(t.me_kakao_unlinked()),
        Said::Synced => good(t.me_kakao_synced()),
        Said::Consent => good(t.me_agree_saved()),
        Said::SignInAtKakao => Told {
            way: Some(("/reauth/kakao?next=%2Fme", t.login_kakao())),
            ..bad(t.me_kakao_again())
        },
        Said::KakaoDown => bad(t.me_kakao_down()),
        Said::HasKakao => bad(t.err_has_kakao_body()),
        Said::OtherAddress => bad(t.conf_other_member()),
        Said::NothingWaits => bad(t.conf_gone()),
    }
}

/// Back to the page of the account, with something to say there.
pub(super) fn back(site: &Site, said: Said) -> HttpResponse {
    let mut response = see_other("/me");
    if let Some(cookie) = site.cookies.say(&site.gate, &Notice::Me { said }) {
        response.cookie(cookie);
    }
    response.finish()
}

/// The same, when what waited in this browser is done with.
pub(super) fn back_from_waiting(site: &Site, said: Said) -> HttpResponse {
    let mut response = back(site, said);
    // A cookie that cannot be added stays for its ten minutes.
    let _ = response.add_cookie(&site.cookies.forget(site.cookies.waiting));
    response
}
