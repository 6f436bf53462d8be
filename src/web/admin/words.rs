//! What the administration calls columns, standings, ways in and roles.

use super::query::Column;
use crate::i18n::Texts;
use crate::member::{Provider, Role, StandingKind};

/// A column of the member list and of its file.
pub(super) fn column(t: Texts, column: Column) -> &'static str {
    match column {
        Column::Number => t.am_th_no(),
        Column::Name => t.am_th_member(),
        Column::Email => t.am_th_email(),
        Column::Provider => t.am_provider(),
        Column::Status => t.am_status(),
        Column::Role => t.am_role(),
        Column::Joined => t.am_th_joined(),
        Column::Seen => t.am_th_seen(),
    }
}

pub(super) fn standing(t: Texts, kind: StandingKind) -> &'static str {
    match kind {
        StandingKind::Active => t.st_active(),
        StandingKind::Suspended => t.st_suspended(),
        StandingKind::Unconfirmed => t.st_unverified(),
        StandingKind::Withdrawn => t.st_withdrawn(),
    }
}

pub(super) fn provider(t: Texts, provider: Provider) -> &'static str {
    match provider {
        Provider::Kakao => t.me_kakao(),
        Provider::Email => t.am_th_email(),
    }
}

pub(super) fn role(t: Texts, role: Role) -> &'static str {
    match role {
        Role::Member => t.role_member(),
        Role::Viewer => t.role_viewer(),
        Role::Admin => t.role_admin(),
        Role::Owner => t.role_owner(),
    }
}
