//! The member list: found and counted in one hop, written down in the next, then shown.

use super::Actor;
use crate::flow::{Gate, Origin};
use crate::member::MemberId;
use crate::store::directory::{self, COUNT_CAP, Card, Count, Filter, Order, Sort};
use crate::store::saved_views::{self, Kept, Preferences, View};
use crate::store::{self};

/// The longest email address there is, in bytes (RFC 5321 section 4.5.3.1.3, less the brackets).
const LONGEST_ADDRESS: usize = 254;

/// The most members that an email address is told to belong to.
const MOST_OF_AN_ADDRESS: i64 = 5;

/// What an admin asks the list for.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Whom.
    pub filter: Filter,
    /// In which order.
    pub sort: Sort,
    /// How many members come before the page.
    pub offset: i64,
    /// How many are on it.
    pub limit: i64,
    /// All of that as the audit log keeps it: without the text that was searched for.
    pub told: String,
}

/// What a program asks the list for: by number, so that going on costs the same everywhere.
#[derive(Clone, Debug)]
pub struct Slice {
    /// Whom.
    pub filter: Filter,
    /// From the greatest number down.
    pub descending: bool,
    /// The number that the slice before ended with.
    pub after: Option<i64>,
    /// How many at most.
    pub limit: i64,
    /// All of that as the audit log keeps it: without the text that was searched for.
    pub told: String,
}

/// The list as one admin sees it.
#[derive(Debug)]
pub struct Listing {
    /// What was found.
    pub found: Found,
    /// The admin's saved views.
    pub views: Vec<View>,
    /// How the admin likes the list.
    pub preferences: Preferences,
}

/// What a search of the list comes to.
#[derive(Debug)]
pub enum Found {
    /// A page of members, and how many there are on all pages.
    Members(Vec<Card>, Count),
    /// There are members, but not that many.
    PastEnd,
    /// A part of a name alone, which `ADMIN_SEARCH_STRICT` does not allow. Nothing was searched.
    TooVague,
}

impl Gate {
    /// A page of the member list. What it shows is in the audit log before it returns.
    ///
    /// # Errors
    /// The store's; then nobody may be shown anything.
    pub async fn list_members(
        &self,
        admin: MemberId,
        asked: Asked,
        origin: &Origin,
    ) -> Result<Listing, store::Error> {
        let vague = self.rules.search_strict && is_vague(&asked.filter);
        let told = asked.told.clone();
        let listing = self
            .store
            .read(move |connection| {
                Ok(Listing {
                    found: if vague {
                        Found::TooVague
                    } else {
                        search(connection, &asked)?
                    },
                    views: saved_views::list(connection, admin)?,
                    preferences: saved_views::preferences(connection, admin)?,
                })
            })
            .await?;
        if matches!(listing.found, Found::Members(..)) {
            self.audit_look(Some(admin), "member.list", told, origin)
                .await?;
        }
        Ok(listing)
    }

    /// The next members, and whether there are more after them; `None` for a part of a name alone,
    /// which `ADMIN_SEARCH_STRICT` does not allow. What is shown is in the audit log before this
    /// returns.
    ///
    /// # Errors
    /// The store's; then nobody may be shown anything.
    pub async fn next_members(
        &self,
        actor: &Actor,
        asked: Slice,
        origin: &Origin,
    ) -> Result<Option<(Vec<Card>, bool)>, store::Error> {
        if self.rules.search_strict && is_vague(&asked.filter) {
            return Ok(None);
        }
        let Slice {
            filter,
            descending,
            after,
            limit,
            told,
        } = asked;
        let mut found = self
            .store
            // One more than is shown says whether there is more.
            .read(move |c| directory::next(c, &filter, descending, after, limit + 1))
            .await?;
        self.audit_look(actor.id(), "member.list", actor.signed(told), origin)
            .await?;
        let most = usize::try_from(limit).unwrap_or_default();
        let more = found.len() > most;
        found.truncate(most);
        Ok(Some((found, more)))
    }

    /// The members with exactly this email address, the first to join first, at most five. The
    /// audit log is told that an address was looked up, and not which.
    ///
    /// # Errors
    /// The store's; then nobody may be told anything.
    pub async fn look_up_email(
        &self,
        actor: &Actor,
        address: &str,
        origin: &Origin,
    ) -> Result<Vec<Card>, store::Error> {
        // NUL stops PostgreSQL.
        if address.len() > LONGEST_ADDRESS || address.contains(char::is_control) {
            return Ok(Vec::new());
        }
        let filter = Filter {
            email: Some(address.to_owned()),
            ..Filter::default()
        };
        let sort = Sort {
            by: Order::Number,
            descending: false,
        };
        let found = self
            .store
            .read(move |connection| {
                directory::list(connection, &filter, sort, 0, MOST_OF_AN_ADDRESS)
            })
            .await?;
        let told = actor.signed("q=email".to_owned());
        self.audit_look(actor.id(), "member.list", told, origin)
            .await?;
        Ok(found)
    }

    /// Keeps a view of the list under a name; one of the same name gives way to it.
    ///
    /// # Errors
    /// The store's.
    pub async fn keep_view(
        &self,
        admin: MemberId,
        name: String,
        query: String,
    ) -> Result<Kept, store::Error> {
        let now = self.clock.now();
        let id = self.random.id(now)?;
        self.store
            .write(move |connection| {
                saved_views::keep(connection, admin, &View { id, name, query }, now)
            })
            .await
    }

    /// Forgets one of the admin's views and says what it was called; `None` when they have no
    /// such view.
    ///
    /// # Errors
    /// The store's.
    pub async fn forget_view(
        &self,
        admin: MemberId,
        id: uuid::Uuid,
    ) -> Result<Option<String>, store::Error> {
        self.store
            .write(move |connection| saved_views::forget(connection, admin, id))
            .await
    }

    /// How the admin likes the list.
    ///
    /// # Errors
    /// The store's.
    pub async fn list_preferences(&self, admin: MemberId) -> Result<Preferences, store::Error> {
        self.store
            .read(move |connection| saved_views::preferences(connection, admin))
            .await
    }

    /// Changes how the admin likes the list.
    ///
    /// # Errors
    /// The store's.
    pub async fn prefer(
        &self,
        admin: MemberId,
        change: impl FnOnce(&mut Preferences) + Send + 'static,
    ) -> Result<(), store::Error> {
        self.store
            .write(move |connection| {
                let mut preferences = saved_views::preferences(connection, admin)?;
                change(&mut preferences);
                saved_views::prefer(connection, admin, &preferences)
            })
            .await
    }
}

fn search(connection: &mut store::AnyConnection, asked: &Asked) -> Result<Found, store::Error> {
    let count = directory::count(connection, &asked.filter)?;
    let end = match count {
        Count::Exactly(count) => count,
        // Further down, a page costs as much as all those before it.
        Count::Many => COUNT_CAP,
    };
    if asked.offset > 0 && asked.offset >= end {
        return Ok(Found::PastEnd);
    }
    let (offset, limit) = (asked.offset, asked.limit);
    let cards = directory::list(connection, &asked.filter, asked.sort, offset, limit)?;
    Ok(Found::Members(cards, count))
}

/// Whether the filter is a part of a name and nothing else.
fn is_vague(filter: &Filter) -> bool {
    let alone = Filter {
        name: filter.name.clone(),
        ..Filter::default()
    };
    filter.name.is_some() && *filter == alone
}
