//! Finding members from the command line.

use super::{Actor, Reason};
use crate::flow::{Audited, Gate, Origin};
use crate::member::MemberId;
use crate::store::audit::Outcome;
use crate::store::directory::{self, Card, Filter, Order, Sort};
use crate::store::{self, AnyConnection};

/// A member as somebody names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// By the member number.
    Number(i64),
    /// By the key.
    Id(MemberId),
}

impl Gate {
    /// The key of a member, who need not be there any more; `None` for a number that nobody has.
    ///
    /// # Errors
    /// The store's.
    pub async fn named(&self, named: Named) -> Result<Option<MemberId>, store::Error> {
        let number = match named {
            Named::Id(id) => return Ok(Some(id)),
            Named::Number(number) => number,
        };
        let filter = Filter {
            number: Some(number),
            ..Filter::default()
        };
        let found = self
            .store
            .read(move |connection| newest(connection, &filter, 1))
            .await?;
        Ok(found.first().map(|card| card.id))
    }

    /// The newest members that `filter` finds, at most `limit`, to be masked before they are
    /// shown; with a note in the audit log of what was looked for. The note holds no name and no
    /// address.
    ///
    /// # Errors
    /// The store's, of the note too: what is not noted is not shown.
    pub async fn find(
        &self,
        actor: &Actor,
        filter: Filter,
        limit: i64,
        origin: &Origin,
    ) -> Result<Vec<Card>, store::Error> {
        let detail = told(&filter);
        let found = self
            .store
            .read(move |connection| newest(connection, &filter, limit))
            .await?;
        let detail = actor.signed(format!("{detail}, found: {}", found.len()));
        self.audit_look(actor.id(), "member.list", detail, origin)
            .await?;
        Ok(found)
    }

    /// The same, to be shown in full: one note a member, with the reason, in one transaction with
    /// the reading.
    ///
    /// # Errors
    /// The store's; nothing is to be shown then.
    pub async fn find_in_full(
        &self,
        actor: &Actor,
        filter: Filter,
        limit: i64,
        reason: &Reason,
        origin: &Origin,
    ) -> Result<Vec<Card>, store::Error> {
        let (gate, actor, from) = (self.clone(), actor.clone(), origin.clone());
        let (reason, now) = (reason.as_str().to_owned(), self.clock.now());
        self.store
            .write(move |connection| {
                let found = newest(connection, &filter, limit)?;
                let audited = found.iter().map(|card| Audited {
                    actor: actor.id(),
                    subject: Some(card.id),
                    action: "member.reveal",
                    result: Outcome::Success,
                    reason: Some(reason.clone()),
                    detail: Some(actor.signed("list".to_owned())),
                    origin: &from,
                });
                let audited: Vec<Audited<'_>> = audited.collect();
                if !audited.is_empty() {
                    gate.audit(connection, &audited, now)?;
                }
                Ok(found)
            })
            .await
    }
}

fn newest(
    connection: &mut AnyConnection,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Card>, store::Error> {
    let sort = Sort {
        by: Order::Joined,
        descending: true,
    };
    directory::list(connection, filter, sort, 0, limit)
}

/// Which conditions were set, and those that name nobody with their values.
fn told(filter: &Filter) -> String {
    let mut told = Vec::new();
    let mut list = |name: &str, codes: Vec<&str>| {
        if !codes.is_empty() {
            told.push(format!("{name}={}", codes.join(",")));
        }
    };
    list("name", filter.name.iter().map(|_| "…").collect());
    list("email", filter.email.iter().map(|_| "…").collect());
    list(
        "status",
        filter.standings.iter().map(|one| one.code()).collect(),
    );
    list(
        "provider",
        filter.providers.iter().map(|one| one.code()).collect(),
    );
    list("role", filter.roles.iter().map(|one| one.code()).collect());
    if let Some(number) = filter.number {
        told.push(format!("number={number}"));
    }
    if told.is_empty() {
        return "all".to_owned();
    }
    told.join("&")
}
