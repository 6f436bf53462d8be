//! What the command line shows of members: for people, or as JSON. Masked here, before it is
//! written, unless it was asked for in full.

use std::io::{self, Write};

use serde_json::{Value, json};

use crate::flow::admin::{Act, Done, Seen};
use crate::i18n::machine_time;
use crate::mask;
use crate::member::{MemberId, Standing};
use crate::store::directory::Card;

/// A list, one line a member: what is as wide as it likes comes last.
pub(super) fn list(
    out: &mut impl Write,
    found: &[Card],
    masked: bool,
    json: bool,
) -> io::Result<()> {
    if json {
        let all: Vec<Value> = found.iter().map(|card| as_json(card, masked)).collect();
        return writeln!(out, "{:#}", Value::from(all));
    }
    if found.is_empty() {
        return writeln!(out, "no members");
    }
    let head = ("no.", "status", "role", "joined", "last login");
    writeln!(
        out,
        "{:>8}  {:<10}  {:<6}  {:<20}  {:<20}  name, email",
        head.0, head.1, head.2, head.3, head.4
    )?;
    for card in found {
        writeln!(
            out,
            "{:>8}  {:<10}  {:<6}  {:<20}  {:<20}  {}, {}",
            card.number,
            card.standing.kind().code(),
            card.role.code(),
            machine_time(card.created_at),
            machine_time(card.last_login_at),
            plain(&name(card, masked).unwrap_or_else(|| "-".to_owned())),
            plain(&email(card.email.as_deref(), masked).unwrap_or_else(|| "-".to_owned())),
        )?;
    }
    Ok(())
}

/// One member.
pub(super) fn member(
    out: &mut impl Write,
    seen: &Seen,
    masked: bool,
    json: bool,
) -> io::Result<()> {
    let mut fields = as_json(&seen.card, masked);
    if let Some(because) = &seen.suspended_because {
        set(&mut fields, "suspended_because", because.as_str());
    }
    if let Some(kakao) = &seen.kakao {
        let id = if masked {
            mask::kakao_id(kakao.id)
        } else {
            kakao.id.to_string()
        };
        set(&mut fields, "kakao_id", id);
        set(
            &mut fields,
            "kakao_email",
            email(kakao.email.as_deref(), masked),
        );
    }
    if json {
        return writeln!(out, "{fields:#}");
    }
    for (field, value) in fields.as_object().into_iter().flatten() {
        let value = match value {
            Value::Null => continue,
            Value::String(text) => plain(text),
            other => other.to_string(),
        };
        writeln!(out, "{field:<18} {value}")?;
    }
    Ok(())
}

/// What an act came to.
pub(super) fn done(
    out: &mut impl Write,
    member: MemberId,
    act: Act,
    done: &Done,
    json: bool,
) -> io::Result<()> {
    if json {
        let said = json!({
            "id": member.to_string(),
            "number": done.number,
            "done": act.code(),
            "sessions_ended": done.sessions,
        });
        return writeln!(out, "{said:#}");
    }
    let number = done.number;
    match act {
        Act::Suspend { until: None, .. } => writeln!(out, "member {number} is suspended")?,
        Act::Suspend {
            until: Some(end), ..
        } => {
            writeln!(
                out,
                "member {number} is suspended until {}",
                machine_time(end)
            )?;
        }
        Act::Restore => writeln!(out, "member {number} is not suspended any more")?,
        Act::Kick => writeln!(out, "member {number} is logged out")?,
        Act::Role(role) => writeln!(out, "member {number} is now {}", role.code())?,
    }
    if matches!(act, Act::Suspend { .. } | Act::Kick) {
        writeln!(
            out,
            "sessions ended: {}; the running service ends them at Kakao",
            done.sessions
        )?;
    }
    Ok(())
}

fn as_json(card: &Card, masked: bool) -> Value {
    let until = match card.standing {
        Standing::Suspended { until } => until.map(machine_time),
        _ => None,
    };
    json!({
        "id": card.id.to_string(),
        "number": card.number,
        "name": name(card, masked),
        "email": email(card.email.as_deref(), masked),
        "status": card.standing.kind().code(),
        "suspended_until": until,
        "role": card.role.code(),
        "provider": card.provider.code(),
        "joined": machine_time(card.created_at),
        "last_login": machine_time(card.last_login_at),
        "withdrawn": card.withdrawn_at.map(machine_time),
        "masked": masked,
    })
}

fn set(fields: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(object) = fields.as_object_mut() {
        object.insert(name.to_owned(), value.into());
    }
}

fn name(card: &Card, masked: bool) -> Option<String> {
    let name = card.display_name.as_deref()?;
    Some(if masked {
        mask::name(name)
    } else {
        name.to_owned()
    })
}

fn email(address: Option<&str>, masked: bool) -> Option<String> {
    let address = address?;
    Some(if masked {
        mask::email(address)
    } else {
        address.to_owned()
    })
}

/// Without control characters, which a terminal would obey.
fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}
