//! `/admin/members/{id}/reveal`: a member's personal data in full, for a reason, once.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use super::act::{in_the_way, refused};
use super::draft::{Draft, Mistake};
use super::member::{member_of, show_in_full};
use super::person::Person;
use crate::flow::admin::{Actor, Look, may_reveal};
use crate::member::MemberId;
use crate::web::Site;
use crate::web::error::{ErrorId, Problem};
use crate::web::forms::Post;
use crate::web::page::{self, Layout};
use crate::web::visitor::Staff;

#[derive(Template)]
#[template(path = "admin/members/reveal.html")]
struct Reveal<'a> {
    layout: Layout<'a>,
    csrf: &'a str,
    person: Person,
    draft: Draft,
    mistake: Option<String>,
}

/// What the form sends.
#[derive(Deserialize)]
pub(in crate::web) struct Fields {
    reason: String,
}

/// Admins with a fresh proof, of members below them: why they want to see it.
pub(in crate::web) async fn ask(
    site: web::Data<Site>,
    staff: Staff,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = member_of(&id)?;
    proved(&site, &staff, id)?;
    show(&site, &staff, id, Draft::default(), None).await
}

/// Admins with a fresh proof, of members below them, with a form of theirs: the data, in this
/// answer only.
pub(in crate::web) async fn reveal(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<Fields>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = member_of(&id)?;
    proved(&site, &staff, id)?;
    let draft = Draft {
        reason: form.fields.reason,
        ..Draft::default()
    };
    let reason = match draft.reason() {
        Ok(reason) => reason,
        Err(mistake) => return show(&site, &staff, id, draft, Some(mistake)).await,
    };
    let (actor, origin) = (Actor::Staff(staff.id()), staff.visitor.origin());
    match site.gate.reveal(&actor, id, &reason, origin).await? {
        Ok(seen) => Ok(show_in_full(&site, &staff, &seen)),
        Err(refusal) => refused(&site, id, refusal),
    }
}

fn proved(site: &Site, staff: &Staff, id: MemberId) -> Result<(), Problem> {
    staff.proved(site, &format!("/admin/members/{id}/reveal"))
}

async fn show(
    site: &Site,
    staff: &Staff,
    id: MemberId,
    draft: Draft,
    mistake: Option<Mistake>,
) -> Result<HttpResponse, Problem> {
    let (actor, origin) = (Actor::Staff(staff.id()), staff.visitor.origin());
    let look = Look::Before("reveal");
    let seen = site.gate.look_at(&actor, id, look, origin).await?;
    let card = seen.ok_or(ErrorId::MemberGone)?.card;
    let allowed = may_reveal(staff.role(), card.role);
    if let Some(refusal) = in_the_way(staff, &card, allowed) {
        return refused(site, id, refusal);
    }
    let layout = Layout::new(site, &staff.visitor);
    let reveal = Reveal {
        csrf: staff.visitor.csrf(),
        person: Person::masked(layout.t, &card),
        mistake: mistake.map(|mistake| mistake.text(layout.t)),
        draft,
        layout,
    };
    Ok(page::show(site, &staff.visitor, &reveal))
}
