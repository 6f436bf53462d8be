//! Everything stored about a member, for the member.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::flow::admin::key_in;
use crate::flow::{Audited, Gate, Origin, log_event};
use crate::i18n::machine_time;
use crate::member::{MemberId, SignedIn};
use crate::store::audit::{self, Told};
use crate::store::members::account::{self, Account, StoredKakao};
use crate::store::sessions::own::{self, Stored};
use crate::store::{self, consents, mail_links, outbox, passwords};

/// The most entries of the audit log handed out, the newest.
const MOST_ENTRIES: i64 = 10_000;

impl Gate {
    /// Everything stored about a member, as one JSON object. Secrets are told by whether they are
    /// there; of what the administration did, that it was done: by whom, and from where, is about
    /// others. That it was handed out is written down first.
    ///
    /// # Errors
    /// The store's; nothing is handed out then.
    pub async fn own_data(
        &self,
        signed_in: &SignedIn,
        origin: &Origin,
    ) -> Result<Value, store::Error> {
        let (signed_in, now) = (signed_in.clone(), self.clock.now());
        let (member, session) = (signed_in.member.id, signed_in.session.id);
        let (gate, app_id) = (self.clone(), self.rules.app_id);
        let data = self
            .store
            .read(move |connection| {
                let own = account::of(connection, member)?
                    .ok_or(store::Error::Unexpected("members.id"))?;
                let kakao = account::kakao(connection, app_id, member)?;
                let password = passwords::of(connection, member)?;
                let consents = consents::of(connection, member)?;
                let links = mail_links::of(connection, member)?;
                let sessions = own::all(connection, member)?;
                let calls = outbox::of(connection, member)?;
                let desk = account::desk(connection, member)?;
                let entries = audit::all_about(connection, member, MOST_ENTRIES)?;
                Ok(json!({
                    "made_at": machine_time(now),
                    "service": gate.rules.public_url.join("/"),
                    "member": member_data(&signed_in, &own),
                    "kakao": kakao.as_ref().map(kakao_data),
                    "password": { "is_set": password.is_some(), "changed_at": password.map(|(_, at)| machine_time(at)) },
                    "consents": consents.iter().map(|consent| json!({
                        "item": consent.item,
                        "version": consent.version,
                        "agreed": consent.agreed,
                        "at": machine_time(consent.at),
                    })).collect::<Vec<_>>(),
                    "mailed_links": links.iter().map(|link| json!({
                        "purpose": link.purpose,
                        "address": link.email_key,
                        "created_at": machine_time(link.created_at),
                        "expires_at": machine_time(link.expires_at),
                        "used_at": link.used_at.map(machine_time),
                    })).collect::<Vec<_>>(),
                    "sessions": sessions.iter().map(session_data).collect::<Vec<_>>(),
                    "letters_and_calls": calls.iter().map(|call| json!({
                        "kind": call.kind,
                        "created_at": machine_time(call.created_at),
                        "finished_at": when(call.finished_at),
                        "outcome": call.outcome,
                    })).collect::<Vec<_>>(),
                    "administration": {
                        "saved_views": desk.views.iter().map(|(name, query, at)| json!({
                            "name": name,
                            "query": query,
                            "created_at": machine_time(*at),
                        })).collect::<Vec<_>>(),
                        "list_columns": desk.list_columns,
                        "shortcuts": desk.shortcuts,
                    },
                    "history": entries.iter().map(|entry| entry_data(member, entry)).collect::<Vec<_>>(),
                }))
            })
            .await?;
        let (gate, from) = (self.clone(), origin.clone());
        self.store
            .write(move |connection| {
                let audited = Audited::own(member, "data.download", &from);
                gate.audit(connection, &[audited], now)
            })
            .await?;
        log_event("data.download", member, session, origin);
        Ok(data)
    }
}

fn when(at: Option<OffsetDateTime>) -> Option<String> {
    at.map(machine_time)
}

fn member_data(signed_in: &SignedIn, own: &Account) -> Value {
    let member = &signed_in.member;
    json!({
        "id": member.id,
        "number": member.number,
        "name": member.display_name,
        "email": own.email,
        "email_confirmed_at": when(own.email_verified_at),
        "picture": member.picture,
        "language": member.locale,
        "role": member.role.code(),
        "standing": member.standing.kind().code(),
        "standing_reason": own.standing_reason,
        "joined_with": own.joined_with,
        "joined_at": machine_time(member.created_at),
        "last_login_at": machine_time(member.last_login_at),
    })
}

fn kakao_data(kakao: &StoredKakao) -> Value {
    json!({
        "id": kakao.id,
        "nickname": kakao.nickname,
        "picture": kakao.picture,
        "email": kakao.email,
        "email_valid": kakao.email_valid,
        "email_verified": kakao.email_verified,
        "scopes": kakao.scopes.split_whitespace().collect::<Vec<_>>(),
        "connected_at_kakao": when(kakao.connected_at),
        "connected_here_at": machine_time(kakao.linked_at),
        "disconnected_at_kakao": when(kakao.unlinked_at),
        "refreshed_at": machine_time(kakao.synced_at),
    })
}

fn session_data(stored: &Stored) -> Value {
    let session = &stored.session;
    json!({
        "id": session.id,
        "method": session.method.code(),
        "ip": session.ip,
        "user_agent": session.user_agent,
        "created_at": machine_time(session.created_at),
        "last_seen_at": machine_time(session.last_seen_at),
        "ends_at": machine_time(session.idle_ends_at.min(session.ends_at)),
        "ended_at": when(stored.ended_at),
        "ended_by": stored.ended_by,
        "ends_with_browser": session.brief,
        "has_kakao_tokens": stored.has_kakao_tokens,
    })
}

/// An entry of the member's own doing whole; of anybody else's, what was done to the member.
fn entry_data(member: MemberId, entry: &Told) -> Value {
    let own = entry.actor == Some(member);
    let is_key = key_in(entry.detail.as_deref()).is_some();
    let by = match (own, entry.actor, entry.ip.as_str()) {
        (true, ..) => "you",
        (false, Some(_), _) | (false, None, "cli") => "administration",
        (false, None, _) if is_key => "administration",
        (false, None, "system") => "service",
        (false, None, _) => "unknown",
    };
    json!({
        "at": machine_time(entry.at),
        "action": entry.action,
        "result": entry.result.code(),
        "by": by,
        "ip": own.then_some(&entry.ip),
        "reason": own.then_some(entry.reason.as_ref()).flatten(),
        "detail": own.then_some(entry.detail.as_ref()).flatten(),
    })
}
