//! A member as the administration's pages show one. Whatever is personal is masked here, before
//! any template sees it.

use uuid::Uuid;

use super::words;
use crate::flow::admin::Seen;
use crate::i18n::{Texts, machine_time};
use crate::mask;
use crate::member::{Provider, Standing, StandingKind};
use crate::store::directory::Card;

/// What every page about a member begins with.
pub(super) struct Person {
    pub(super) id: Uuid,
    pub(super) number: i64,
    pub(super) name: String,
    pub(super) status: Status,
}

/// A standing as a tag.
pub(super) struct Status {
    pub(super) tone: &'static str,
    pub(super) label: &'static str,
    pub(super) until: Option<String>,
}

/// A line of the details.
pub(super) struct Fact {
    pub(super) label: &'static str,
    pub(super) value: String,
    /// For a moment: as machines read it.
    pub(super) machine: Option<String>,
    /// Said beside the value.
    pub(super) tag: Option<(&'static str, &'static str)>,
}

impl Person {
    pub(super) fn masked(t: Texts, card: &Card) -> Self {
        Self {
            id: card.id.0,
            number: card.number,
            name: name(t, card, true),
            status: Status::new(t, &card.standing),
        }
    }

    /// With the name in full, for the page that was asked for with a reason.
    pub(super) fn in_full(t: Texts, card: &Card) -> Self {
        Self {
            name: name(t, card, false),
            ..Self::masked(t, card)
        }
    }

    /// The address of the page about this member.
    pub(super) fn address(&self) -> String {
        format!("/admin/members/{}", self.id)
    }
}

impl Status {
    fn new(t: Texts, standing: &Standing) -> Self {
        let kind = standing.kind();
        Self {
            tone: match kind {
                StandingKind::Active => "ok",
                StandingKind::Suspended => "bad",
                StandingKind::Unconfirmed => "warn",
                StandingKind::Withdrawn => "",
            },
            label: words::standing(t, kind),
            until: match standing {
                Standing::Suspended { until: Some(end) } => {
                    Some(t.md_until_date(t.datetime_list(*end)))
                }
                Standing::Suspended { until: None } => Some(t.md_until_none().to_owned()),
                _ => None,
            },
        }
    }
}

fn name(t: Texts, card: &Card, masked: bool) -> String {
    match &card.display_name {
        Some(name) if masked => mask::name(name),
        Some(name) => name.clone(),
        None => t.am_noname().to_owned(),
    }
}

/// The details of a member, masked or, on the page asked for with a reason, in full.
pub(super) fn facts(t: Texts, seen: &Seen, masked: bool) -> Vec<Fact> {
    let card = &seen.card;
    let plain = |label, value: String| Fact {
        label,
        value,
        machine: None,
        tag: None,
    };
    let moment = |label, at| Fact {
        machine: Some(machine_time(at)),
        ..plain(label, t.datetime_long(at))
    };
    let email = |address: &String| {
        if masked {
            mask::email(address)
        } else {
            address.clone()
        }
    };
    let none = || t.me_none().to_owned();
    let provider = match card.provider {
        Provider::Kakao => t.me_kakao(),
        Provider::Email => t.me_email(),
    };
    let mut facts = vec![
        plain(t.am_th_no(), card.number.to_string()),
        plain(t.me_name(), name(t, card, masked)),
        plain(t.me_email(), card.email.as_ref().map_or_else(none, email)),
        plain(t.am_provider(), provider.to_owned()),
        plain(t.am_role(), words::role(t, card.role).to_owned()),
    ];
    if let Some(because) = &seen.suspended_because {
        facts.push(plain(t.md_because(), because.clone()));
    }
    facts.push(moment(t.am_th_joined(), card.created_at));
    facts.push(moment(t.am_th_seen(), card.last_login_at));
    facts.extend(card.withdrawn_at.map(|at| moment(t.md_withdrawn(), at)));
    let Some(kakao) = &seen.kakao else {
        return facts;
    };
    let number = if masked {
        mask::kakao_id(kakao.id)
    } else {
        kakao.id.to_string()
    };
    facts.push(Fact {
        tag: Some(match kakao.unlinked_at {
            None => ("ok", t.me_kakao_on()),
            Some(_) => ("warn", t.me_kakao_off()),
        }),
        ..plain(t.md_kakao_no(), number)
    });
    if let Some(address) = &kakao.email {
        let tag = if kakao.email_confirmed {
            ("ok", t.me_email_ok())
        } else {
            ("warn", t.me_email_no())
        };
        facts.push(Fact {
            tag: Some(tag),
            ..plain(t.md_kakao_email(), email(address))
        });
    }
    facts
}
