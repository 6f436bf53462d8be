//! `/me`: what we know about the member.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::Site;
use super::cookies::Notice;
use super::page::{self, Layout};
use super::visitor::Member;
use crate::i18n::machine_time;
use crate::member::SignedIn;

#[derive(Template)]
#[template(path = "me/index.html")]
struct Me<'a> {
    layout: Layout<'a>,
    notice: Option<&'static str>,
    who: &'a SignedIn,
}

impl Me<'_> {
    /// What stands for the picture where there is none.
    fn initial(&self) -> String {
        let name = self.who.member.display_name.as_deref().unwrap_or_default();
        name.chars()
            .next()
            .map_or_else(|| "?".to_owned(), |first| first.to_uppercase().collect())
    }

    fn joined(&self) -> String {
        self.layout.t.date_long(self.who.member.created_at)
    }

    fn joined_machine(&self) -> String {
        machine_time(self.who.member.created_at)
    }

    /// Whether Kakao says that the connection is gone.
    fn unlinked(&self) -> bool {
        let kakao = self.who.kakao.as_ref();
        kakao.is_some_and(|kakao| kakao.unlinked_at.is_some())
    }

    fn kakao_since(&self) -> Option<String> {
        let kakao = self.who.kakao.as_ref()?;
        if kakao.unlinked_at.is_some() {
            return None;
        }
        let date = self.layout.t.date_long(kakao.linked_at);
        Some(self.layout.t.me_kakao_since(date))
    }
}

/// Members.
pub(super) async fn show(site: web::Data<Site>, member: Member) -> HttpResponse {
    let t = member.visitor.texts();
    let changed = member.visitor.notice() == Some(&Notice::PasswordChanged);
    let me = Me {
        layout: Layout::new(&site, &member.visitor),
        notice: changed.then(|| t.pw_new_ok()),
        who: &member.signed_in,
    };
    page::show(&site, &member.visitor, &me)
}
