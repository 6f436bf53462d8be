//! What somebody types who wants to join, and what is wrong with it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::email::EmailAddress;
use crate::flow::Rules;
use crate::member::{NAME_CHARS, clean_name};
use crate::password::{Password, Weak};
use crate::terms::Agreements;

/// What was typed and ticked.
#[derive(Clone, Default)]
pub struct Typed {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
    /// The password.
    pub password: String,
    /// The version that was shown of each item ticked.
    pub ticked: BTreeMap<String, String>,
}

/// The same, when nothing is wrong with it.
#[derive(Clone)]
pub struct Application {
    pub(super) name: String,
    pub(super) address: EmailAddress,
    pub(super) password: Password,
    pub(super) agreed: Vec<Agreed>,
}

/// What somebody agreed to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::flow) struct Agreed {
    /// The item.
    pub(in crate::flow) item: String,
    /// Which version of its text was shown.
    pub(in crate::flow) version: String,
}

/// Something wrong with what was typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// No name.
    NoName,
    /// More than [`NAME_CHARS`].
    LongName,
    /// No address.
    NoEmail,
    /// Not an address.
    BadEmail,
    /// No password.
    NoPassword,
    /// Not accepted as one.
    Weak(Weak),
    /// An item that is required was not ticked, or has another version by now.
    NotAgreed(String),
}

impl Rules {
    /// Checks what was typed.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the form.
    pub fn apply(&self, typed: &Typed) -> Result<Application, Vec<Flaw>> {
        let mut flaws = Vec::new();
        let normal: String = typed.name.nfc().collect();
        let name = clean_name(&normal);
        if name.is_none() {
            flaws.push(Flaw::NoName);
        } else if normal.trim().chars().count() > NAME_CHARS {
            flaws.push(Flaw::LongName);
        }
        let address = EmailAddress::parse(&typed.email);
        if typed.email.trim().is_empty() {
            flaws.push(Flaw::NoEmail);
        } else if address.is_err() {
            flaws.push(Flaw::BadEmail);
        }
        let password = Password::new(&typed.password);
        if typed.password.is_empty() {
            flaws.push(Flaw::NoPassword);
        } else {
            let known = [
                name.as_deref(),
                address.as_ref().ok().map(EmailAddress::as_str),
                self.service_name.as_deref(),
            ];
            let known: Vec<&str> = known.into_iter().flatten().collect();
            let accepted = password.accept(self.password_lengths, &known);
            flaws.extend(accepted.err().map(Flaw::Weak));
        }
        let agreed = self.agreements.agreed(&typed.ticked);
        let agreed = agreed.map_err(|missing| {
            flaws.extend(missing.into_iter().map(Flaw::NotAgreed));
        });
        match (name, address, agreed) {
            (Some(name), Ok(address), Ok(agreed)) if flaws.is_empty() => Ok(Application {
                name,
                address,
                password,
                agreed,
            }),
            _ => Err(flaws),
        }
    }
}

impl Agreements {
    /// What of this was agreed to. A tick counts for the version that stood beside it, and only
    /// while that is in force.
    ///
    /// # Errors
    /// The required items that are missing.
    pub(in crate::flow) fn agreed(
        &self,
        ticked: &BTreeMap<String, String>,
    ) -> Result<Vec<Agreed>, Vec<String>> {
        let (mut agreed, mut missing) = (Vec::new(), Vec::new());
        for item in self.items() {
            if ticked.get(&item.id) == Some(&item.version) {
                agreed.push(Agreed {
                    item: item.id.clone(),
                    version: item.version.clone(),
                });
            } else if item.required {
                missing.push(item.id.clone());
            }
        }
        if missing.is_empty() {
            Ok(agreed)
        } else {
            Err(missing)
        }
    }
}
