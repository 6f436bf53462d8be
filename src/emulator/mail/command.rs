//! The commands of RFC 5321, and of its extensions `SIZE` (RFC 1870), `8BITMIME` (RFC 6152) and
//! `SMTPUTF8` (RFC 6531), read from their lines.

use super::limits::LARGEST_MAIL;

/// What a client wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Hello {
        extended: bool,
    },
    Mail {
        /// Empty for `<>`.
        sender: String,
        /// Whether addresses and headers may be UTF-8.
        utf8: bool,
    },
    Recipient(String),
    Data,
    Reset,
    Nothing,
    Verify,
    Quit,
}

/// A line that is refused, with its reply.
pub(super) type Refusal = &'static str;

const NOT_THIS: Refusal = "501 5.5.4 Arguments not understood";
const NO_PATH: Refusal = "501 5.1.7 Not an address in angle brackets right after the colon";
/// Also for recipients, of whom this file does not know what `MAIL` has said.
pub(super) const NEEDS_UTF8: Refusal = "553 5.6.7 An address beyond ASCII needs SMTPUTF8";
const ODD_PARAMETER: Refusal = "555 5.5.4 Parameter not recognised";

/// Reads a line without its end.
pub(super) fn read(line: &[u8]) -> Result<Command, Refusal> {
    let line = str::from_utf8(line).map_err(|_| "500 5.5.2 Not UTF-8")?;
    if line.chars().any(char::is_control) {
        return Err("500 5.5.2 Control characters");
    }
    let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
    let alone = |command| {
        let is_alone = rest.trim().is_empty();
        is_alone.then_some(command).ok_or(NOT_THIS)
    };
    match verb.to_ascii_uppercase().as_str() {
        "EHLO" => hello(rest, true),
        "HELO" => hello(rest, false),
        "MAIL" => mail(rest),
        "RCPT" => recipient(rest),
        "DATA" => alone(Command::Data),
        "RSET" => alone(Command::Reset),
        "QUIT" => alone(Command::Quit),
        "NOOP" => Ok(Command::Nothing),
        "VRFY" if rest.trim().is_empty() => Err(NOT_THIS),
        "VRFY" => Ok(Command::Verify),
        "EXPN" | "HELP" | "AUTH" | "STARTTLS" | "BDAT" => Err("502 5.5.1 Not implemented"),
        _ => Err("500 5.5.2 Command not recognised"),
    }
}

fn hello(name: &str, extended: bool) -> Result<Command, Refusal> {
    let name = name.trim();
    if name.is_empty() || name.contains(' ') {
        return Err("501 5.5.4 Say who you are");
    }
    Ok(Command::Hello { extended })
}

fn mail(rest: &str) -> Result<Command, Refusal> {
    let (path, parameters) = path(rest, "FROM:")?;
    let mut utf8 = false;
    for parameter in parameters.split_ascii_whitespace() {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        match (name.to_ascii_uppercase().as_str(), value) {
            ("SIZE", size) => check_size(size)?,
            ("BODY", body)
                if body.eq_ignore_ascii_case("7BIT") || body.eq_ignore_ascii_case("8BITMIME") => {}
            ("BODY", _) => return Err(NOT_THIS),
            ("SMTPUTF8", "") => utf8 = true,
            _ => return Err(ODD_PARAMETER),
        }
    }
    if !path.is_ascii() && !utf8 {
        return Err(NEEDS_UTF8);
    }
    if !path.is_empty() && !is_mailbox(path) {
        return Err(NO_PATH);
    }
    Ok(Command::Mail {
        sender: path.to_owned(),
        utf8,
    })
}

fn check_size(size: &str) -> Result<(), Refusal> {
    if size.is_empty() || size.len() > 20 || !size.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NOT_THIS);
    }
    match size.parse::<usize>() {
        Ok(size) if size <= LARGEST_MAIL => Ok(()),
        _ => Err("552 5.3.4 Message too large"),
    }
}

fn recipient(rest: &str) -> Result<Command, Refusal> {
    let (path, parameters) = path(rest, "TO:")?;
    if !parameters.trim().is_empty() {
        return Err(ODD_PARAMETER);
    }
    if !is_mailbox(path) && !path.eq_ignore_ascii_case("postmaster") {
        return Err("501 5.1.3 Not an address in angle brackets right after the colon");
    }
    Ok(Command::Recipient(path.to_owned()))
}

/// The address in `FROM:<…>` or `TO:<…>`, without a source route, and what comes after.
fn path<'a>(rest: &'a str, keyword: &str) -> Result<(&'a str, &'a str), Refusal> {
    let (said, after) = rest.split_at_checked(keyword.len()).ok_or(NOT_THIS)?;
    if !said.eq_ignore_ascii_case(keyword) {
        return Err(NOT_THIS);
    }
    let inside = after.strip_prefix('<').ok_or(NO_PATH)?;
    let (path, parameters) = split_at_bracket(inside).ok_or(NO_PATH)?;
    if !parameters.is_empty() && !parameters.starts_with(' ') {
        return Err(NO_PATH);
    }
    let is_routed = path.starts_with('@');
    match path.split_once(':') {
        Some((_, path)) if is_routed => Ok((path, parameters)),
        _ => Ok((path, parameters)),
    }
}

/// Cuts at the closing bracket, which a quoted local part may contain.
fn split_at_bracket(text: &str) -> Option<(&str, &str)> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '>' if !quoted => {
                let (path, rest) = text.split_at_checked(at)?;
                return Some((path, rest.strip_prefix('>')?));
            }
            _ => {}
        }
    }
    None
}

/// Whether this is `local-part@domain` within the lengths of RFC 5321 section 4.5.3.1.
fn is_mailbox(address: &str) -> bool {
    let Some((local, domain)) = address.rsplit_once('@') else {
        return false;
    };
    (1..=64).contains(&local.len())
        && (1..=255).contains(&domain.len())
        && (is_dotted(local) || is_quoted(local))
        && (is_domain(domain) || is_literal(domain))
}

fn is_dotted(local: &str) -> bool {
    let is_atom =
        |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c) || !c.is_ascii();
    local
        .split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atom))
}

fn is_quoted(local: &str) -> bool {
    let inside = local
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    let Some(inside) = inside else {
        return false;
    };
    let mut escaped = false;
    for c in inside.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return false,
            _ => {}
        }
    }
    !escaped
}

fn is_domain(domain: &str) -> bool {
    domain.split('.').all(|label| {
        let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || !c.is_ascii();
        (1..=63).contains(&label.len())
            && label.chars().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

fn is_literal(domain: &str) -> bool {
    let inside = domain
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    inside.is_some_and(|address| {
        !address.is_empty()
            && address
                .chars()
                .all(|c| c.is_ascii_hexdigit() || ".:IPv".contains(c))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first digits of the reply to a refused line.
    fn refused(line: &str) -> &'static str {
        let reply = read(line.as_bytes()).expect_err(line);
        reply.split(' ').next().unwrap()
    }

    #[test]
    fn addresses_are_found_whatever_they_contain() {
        for (line, address) in [
            ("MAIL FROM:<>", ""),
            ("mail from:<a@b.example>", "a@b.example"),
            (
                "MAIL FROM:<a@[127.0.0.1]> SIZE=1048576 BODY=8BITMIME",
                "a@[127.0.0.1]",
            ),
            (
                "MAIL FROM:<@x.example,@y.example:a@b.example>",
                "a@b.example",
            ),
            (
                "MAIL FROM:<\"a>\\\" b\"@b.example> body=7bit",
                "\"a>\\\" b\"@b.example",
            ),
            (
                "MAIL FROM:<하늘@한국.example> SMTPUTF8",
                "하늘@한국.example",
            ),
        ] {
            let Ok(Command::Mail { sender, utf8 }) = read(line.as_bytes()) else {
                panic!("{line}");
            };
            assert_eq!((sender.as_str(), utf8), (address, !address.is_ascii()));
        }
        for address in ["Postmaster", "a+b=c@b.example", "a@localhost"] {
            let line = format!("RCPT TO:<{address}>");
            assert_eq!(
                read(line.as_bytes()),
                Ok(Command::Recipient(address.to_owned()))
            );
        }
    }

    #[test]
    fn addresses_that_others_would_refuse_are_refused() {
        for address in [
            "",
            "a",
            "@b.example",
            "a@",
            "a b@c.example",
            "a..b@c.example",
            ".a@c.example",
            "a@b..example",
            "a@-b.example",
            "a@b_c.example",
            "a@b.example, c@d.example",
            "\"a@b.example",
            "a\"@b.example",
            "a@[]",
            "a@b@c",
        ] {
            assert_eq!(refused(&format!("RCPT TO:<{address}>")), "501", "{address}");
        }
        let long = format!("RCPT TO:<{}@b.example>", "a".repeat(65));
        assert_eq!(refused(&long), "501");
        assert_eq!(refused("MAIL FROM:<하늘@b.example>"), "553");
    }

    #[test]
    fn arguments_are_looked_at() {
        for (line, reply) in [
            ("MAIL FROM: <a@b.example>", "501"),
            ("MAIL FROM:a@b.example", "501"),
            ("MAIL FROM:<a@b.example", "501"),
            ("MAIL FROM:<a@b.example>SIZE=1", "501"),
            ("MAIL TO:<a@b.example>", "501"),
            ("MAIL", "501"),
            ("RCPT 받는이", "501"),
            ("MAIL FROM:<> SIZE=1048577", "552"),
            ("MAIL FROM:<> SIZE=99999999999999999999", "552"),
            ("MAIL FROM:<> SIZE=-1", "501"),
            ("MAIL FROM:<> BODY=BINARYMIME", "501"),
            ("MAIL FROM:<> AUTH=<>", "555"),
            ("RCPT TO:<a@b.example> NOTIFY=NEVER", "555"),
            ("EHLO", "501"),
            ("EHLO a b", "501"),
            ("DATA now", "501"),
            ("QUIT now", "501"),
            ("VRFY", "501"),
            ("AUTH PLAIN", "502"),
            ("STARTTLS", "502"),
            ("MAILFROM:<>", "500"),
            ("NOOP \0", "500"),
            ("", "500"),
        ] {
            assert_eq!(refused(line), reply, "{line}");
        }
        assert_eq!(read(b"\xff\xfe").unwrap_err(), "500 5.5.2 Not UTF-8");
        assert_eq!(read(b"noop anything"), Ok(Command::Nothing));
        assert_eq!(read(b"data "), Ok(Command::Data));
    }
}
