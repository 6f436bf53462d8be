//! The audit log as people of the administration see it. Looking at it is itself an entry,
//! written before anything is shown.

use std::collections::HashMap;

use time::OffsetDateTime;

use super::Reason;
use crate::flow::{Audited, Gate, Integrity, Origin};
use crate::member::{MemberId, Role, SignedIn};
use crate::store::audit::{self, Cursor, Entry, Filter, Outcome, Person, Position};
use crate::store::{self, AnyConnection};

/// Entries read at once for a file.
const CHUNK: i64 = 1_000;

/// The least that somebody must be to see what others did.
const SEES_ALL: Role = Role::Owner;

/// What of the audit log somebody sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// What they did themselves.
    Own(MemberId),
    /// All of it.
    Everything,
}

impl Scope {
    /// What somebody of this role sees.
    #[must_use]
    pub fn of(signed_in: &SignedIn) -> Self {
        if signed_in.member.role >= SEES_ALL {
            Self::Everything
        } else {
            Self::Own(signed_in.member.id)
        }
    }
}

/// What somebody asks the audit log for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// Whose acts, by member number or id. Counts for nothing where one sees only one's own.
    pub actor: Option<String>,
    /// About whom, by member number or id.
    pub target: Option<String>,
    /// Which action, by its code.
    pub action: Option<String>,
    /// How it ended.
    pub result: Option<Outcome>,
    /// From when on.
    pub from: Option<OffsetDateTime>,
    /// Until before when.
    pub before: Option<OffsetDateTime>,
    /// Which page of it.
    pub look: Look,
    /// How many entries a page.
    pub per: i64,
    /// All of that as the audit log keeps it.
    pub told: String,
}

/// Which page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Look {
    /// The newest entries.
    #[default]
    Newest,
    /// Those before the entry at this place.
    Before(i64),
    /// Those after the entry at this place.
    After(i64),
}

/// An entry and the people in it, unmasked.
#[derive(Clone, Debug)]
pub struct Line {
    /// The entry.
    pub entry: Entry,
    /// Who did it, when it was a member whose number is known.
    pub actor: Option<Person>,
    /// Whose account it concerns.
    pub subject: Option<Person>,
}

/// A page of the audit log.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// The entries, the newest first.
    pub lines: Vec<Line>,
    /// How many there are on all pages; `None` for more than are counted.
    pub count: Option<i64>,
    /// Whether there are newer ones.
    pub newer: bool,
    /// Whether there are older ones.
    pub older: bool,
    /// Whether the log is as it was written.
    pub integrity: Integrity,
}

/// An export under way: some entries at a time, so that a long log needs no more memory.
#[derive(Clone)]
pub struct Exported {
    gate: Gate,
    filter: Option<Filter>,
    cursor: Cursor,
}

/// What a sheet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The page of the audit log.
    Page,
    /// The last few entries, on the dashboard.
    Glance(i64),
}

impl Gate {
    /// A page of the audit log, as far as `signed_in` may see it. That they looked is in the log
    /// before this returns.
    ///
    /// # Errors
    /// The store's; then nobody may be shown anything.
    pub async fn view_audit_log(
        &self,
        signed_in: &SignedIn,
        asked: Asked,
        view: View,
        origin: &Origin,
    ) -> Result<Sheet, store::Error> {
        let (viewer, scope) = (signed_in.member.id, Scope::of(signed_in));
        let told = asked.told.clone();
        let gate = self.clone();
        let sheet = self
            .store
            .read(move |connection| gate.sheet(connection, scope, &asked, view))
            .await?;
        self.audit_look(Some(viewer), "audit.view", told, origin)
            .await?;
        Ok(sheet)
    }

    fn sheet(
        &self,
        connection: &mut AnyConnection,
        scope: Scope,
        asked: &Asked,
        view: View,
    ) -> Result<Sheet, store::Error> {
        let tidings = audit::tidings(connection, &self.vault)?;
        let integrity = Integrity::of(&tidings, self.watch.checked().as_ref());
        let nothing = Sheet {
            lines: Vec::new(),
            count: Some(0),
            newer: false,
            older: false,
            integrity,
        };
        let Some(mut filter) = filter(connection, scope, asked)? else {
            return Ok(nothing);
        };
        let limit = match view {
            View::Page => asked.per,
            View::Glance(limit) => {
                // Otherwise looking at the dashboard would be all that it shows.
                filter.not_action = Some("audit.view");
                limit
            }
        };
        let cursor = cursor(connection, asked.look)?;
        let mut entries = audit::list(connection, &filter, cursor, limit + 1)?;
        let more = i64::try_from(entries.len()).unwrap_or(i64::MAX) > limit;
        let (newer, older) = match cursor {
            Cursor::NewerThan(_) if more => {
                entries.remove(0);
                (true, true)
            }
            Cursor::NewerThan(_) => (false, true),
            Cursor::OlderThan(_) => (true, more),
            Cursor::Newest => (false, more),
        };
        entries.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        let count = match view {
            View::Glance(_) => None,
            View::Page if filter == Filter::default() => Some(tidings.entries),
            View::Page => audit::count(connection, &filter)?,
        };
        Ok(Sheet {
            lines: lines(connection, entries)?,
            count,
            newer,
            older,
            ..nothing
        })
    }

    /// Begins an export of what `asked` finds, the newest first. That it is made, and why, is in
    /// the log before this returns.
    ///
    /// # Errors
    /// The store's; then nothing may be handed out.
    pub async fn export_audit_log(
        &self,
        signed_in: &SignedIn,
        asked: Asked,
        reason: &Reason,
        origin: &Origin,
    ) -> Result<Exported, store::Error> {
        let (exporter, scope) = (signed_in.member.id, Scope::of(signed_in));
        let (gate, from, now) = (self.clone(), origin.clone(), self.clock.now());
        let reason = reason.as_str().to_owned();
        let filter = self
            .store
            .write(move |connection| {
                let filter = filter(connection, scope, &asked)?;
                let entry = Audited {
                    subject: None,
                    reason: Some(reason),
                    detail: Some(asked.told).filter(|told| !told.is_empty()),
                    ..Audited::own(exporter, "audit.export", &from)
                };
                gate.audit(connection, &[entry], now)?;
                Ok(filter)
            })
            .await?;
        Ok(Exported {
            gate: self.clone(),
            filter,
            cursor: Cursor::Newest,
        })
    }
}

impl Exported {
    /// The next entries; none when all are out.
    ///
    /// # Errors
    /// The store's; what is out by then is not the whole.
    pub async fn next(&mut self) -> Result<Vec<Line>, store::Error> {
        let Some(filter) = self.filter.clone() else {
            return Ok(Vec::new());
        };
        let cursor = self.cursor;
        let lines = self
            .gate
            .store
            .read(move |connection| {
                let entries = audit::list(connection, &filter, cursor, CHUNK)?;
                lines(connection, entries)
            })
            .await?;
        match lines.last() {
            Some(line) => self.cursor = Cursor::OlderThan(line.entry.position()),
            None => self.filter = None,
        }
        Ok(lines)
    }
}

/// What to look for; `None` when it names somebody who is not there, so that nothing fits.
fn filter(
    connection: &mut AnyConnection,
    scope: Scope,
    asked: &Asked,
) -> Result<Option<Filter>, store::Error> {
    let mut filter = Filter {
        action: asked.action.clone(),
        result: asked.result,
        from: asked.from,
        before: asked.before,
        ..Filter::default()
    };
    match (scope, &asked.actor) {
        (Scope::Own(member), _) => filter.actor = Some(member),
        (Scope::Everything, None) => {}
        (Scope::Everything, Some(text)) => {
            filter.actor = audit::find_person(connection, text)?;
            if filter.actor.is_none() {
                return Ok(None);
            }
        }
    }
    if let Some(text) = &asked.target {
        filter.subject = audit::find_person(connection, text)?;
        if filter.subject.is_none() {
            return Ok(None);
        }
    }
    Ok(Some(filter))
}

/// Where to begin; with the newest where the entry named is not there.
fn cursor(connection: &mut AnyConnection, look: Look) -> Result<Cursor, store::Error> {
    let (place, make): (i64, fn(Position) -> Cursor) = match look {
        Look::Newest => return Ok(Cursor::Newest),
        Look::Before(place) => (place, Cursor::OlderThan),
        Look::After(place) => (place, Cursor::NewerThan),
    };
    let position = audit::position(connection, place)?;
    Ok(position.map_or(Cursor::Newest, make))
}

fn lines(connection: &mut AnyConnection, entries: Vec<Entry>) -> Result<Vec<Line>, store::Error> {
    let people: HashMap<MemberId, Person> = audit::people(connection, &entries)?;
    let known = |id: Option<MemberId>| id.and_then(|id| people.get(&id).cloned());
    let lines = entries.into_iter().map(|entry| Line {
        actor: known(entry.actor),
        subject: known(entry.subject),
        entry,
    });
    Ok(lines.collect())
}
