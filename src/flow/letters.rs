//! What we write to members by mail: one paragraph and one link each.

use time::OffsetDateTime;

use super::Rules;
use crate::i18n::Texts;
use crate::mail::Message;

/// A letter, and what it has to tell.
pub(super) enum Letter<'a> {
    /// Somebody wants to join with this address.
    Join {
        /// What the link carries.
        link: &'a str,
    },
    /// Somebody wanted to join with the address of a member.
    Exists,
    /// Somebody forgot the password.
    Reset {
        /// What the link carries.
        link: &'a str,
    },
    /// Somebody who never had a password forgot it.
    SetPassword {
        /// What the link carries.
        link: &'a str,
    },
    /// The password was changed.
    PasswordChanged {
        /// When.
        at: OffsetDateTime,
    },
    /// A member wants to be written to at this address.
    Address {
        /// What the link carries.
        link: &'a str,
    },
    /// A member is written to at another address from now on.
    AddressChanged {
        /// When.
        at: OffsetDateTime,
    },
    /// A member signed in with a device not seen before.
    NewDevice {
        /// When.
        at: OffsetDateTime,
        /// The device in words.
        device: &'a str,
    },
    /// A member was suspended.
    Suspended {
        /// An admin's words.
        reason: &'a str,
        /// Until when; `None`: until lifted.
        until: Option<OffsetDateTime>,
    },
    /// A member left.
    Withdrawn {
        /// When.
        at: OffsetDateTime,
    },
}

impl Letter<'_> {
    /// The letter to `to`, in the language of `t`. Links lead to the configured address of the
    /// service, whatever host a request claimed to be for.
    pub(super) fn to(&self, to: &str, t: Texts, rules: &Rules) -> Message {
        let service = rules
            .service_name
            .as_deref()
            .unwrap_or_else(|| t.app_name());
        let page = |path: &str| rules.public_url.join(path);
        let linked = |path: &str, link: &str| Some(page(&format!("{path}?token={link}")));
        let when = |at: OffsetDateTime| t.datetime_long(at);
        let (subject, body, link) = match self {
            Self::Join { link } => (
                t.ml_verify_s(service),
                t.ml_verify_b().to_owned(),
                linked("/join/verify", link),
            ),
            Self::Exists => (
                t.ml_exists_s(service),
                t.ml_exists_b().to_owned(),
                Some(page("/login")),
            ),
            Self::Reset { link } => (
                t.ml_reset_s(service),
                t.ml_reset_b().to_owned(),
                linked("/password/reset", link),
            ),
            Self::SetPassword { link } => (
                t.ml_set_s(service),
                t.ml_set_b().to_owned(),
                linked("/password/reset", link),
            ),
            Self::PasswordChanged { at } => (
                t.ml_pw_s(service),
                t.ml_pw_b(when(*at)),
                Some(page("/password/forgot")),
            ),
            Self::Address { link } => (
                t.ml_address_s(service),
                t.ml_address_b().to_owned(),
                linked("/me/email/verify", link),
            ),
            Self::AddressChanged { at } => (
                t.ml_moved_s(service),
                t.ml_moved_b(when(*at)),
                Some(page("/help")),
            ),
            Self::NewDevice { at, device } => (
                t.ml_new_s(service),
                t.ml_new_b(when(*at), device),
                Some(page("/me/sessions")),
            ),
            Self::Suspended { reason, until } => {
                let until = until.map_or_else(|| t.md_until_none().to_owned(), when);
                (t.ml_susp_s(service), t.ml_susp_b(reason, until), None)
            }
            Self::Withdrawn { at } => (t.ml_out_s(service), t.ml_out_b(when(*at)), None),
        };
        Message {
            to: to.to_owned(),
            subject,
            paragraphs: std::iter::once(body).chain(link).collect(),
            lang: t.lang().code().to_owned(),
        }
    }
}
