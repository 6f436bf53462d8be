//! The saved views of an admin: named addresses of the list.

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use uuid::Uuid;

use super::lead;
use crate::member::clean_name;
use crate::store::saved_views::Kept;
use crate::web::Site;
use crate::web::admin::notice::ListNotice;
use crate::web::admin::query::ListQuery;
use crate::web::error::{ErrorId, Problem};
use crate::web::forms::Post;
use crate::web::visitor::Staff;

/// A view to be kept.
#[derive(Deserialize)]
pub(in crate::web) struct ToKeep {
    name: String,
    query: String,
}

/// Viewers, with a form of theirs: keeps the view in front of them under a name.
pub(in crate::web) async fn keep_view(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<ToKeep>,
) -> Result<HttpResponse, Problem> {
    let (query, _) = ListQuery::parse(&form.fields.query);
    let address = query.address();
    let Some(name) = clean_name(&form.fields.name) else {
        return Ok(lead(&site, &address, Some(ListNotice::ViewNameless)));
    };
    let view = query.at_page(1).to_query();
    let notice = match site.gate.keep_view(staff.id(), name.clone(), view).await? {
        Kept::Kept => ListNotice::ViewKept { name },
        Kept::Full => ListNotice::ViewsFull,
    };
    Ok(lead(&site, &address, Some(notice)))
}

/// A form that leads back to the list.
#[derive(Deserialize)]
pub(in crate::web) struct Back {
    #[serde(default)]
    back: String,
}

/// Viewers, with a form of theirs; only a view of their own is deleted.
pub(in crate::web) async fn forget_view(
    site: web::Data<Site>,
    staff: Staff,
    form: Post<Back>,
    id: web::Path<String>,
) -> Result<HttpResponse, Problem> {
    let id = Uuid::parse_str(&id).map_err(|_| Problem::from(ErrorId::NotFound))?;
    let (query, _) = ListQuery::parse(&form.fields.back);
    let name = site.gate.forget_view(staff.id(), id).await?;
    let notice = name.map(|name| ListNotice::ViewForgotten { name });
    Ok(lead(&site, &query.address(), notice))
}
