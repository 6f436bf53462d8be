//! A message taken apart: what a person would read in it, and where its links lead.

use std::borrow::Cow;

use mail_parser::{Address, Message, MessageParser, PartType};
use time::OffsetDateTime;

use super::Mail;

/// Reads what was handed over for these recipients. What cannot be understood stays empty; the
/// source is kept whatever it is. The number is given later.
pub(super) fn read(sender: &str, to: &[String], source: Vec<u8>, at: OffsetDateTime) -> Mail {
    let mut mail = Mail {
        number: 0,
        at,
        sender: sender.to_owned(),
        to: to.to_vec(),
        from: String::new(),
        subject: String::new(),
        text: String::new(),
        html: String::new(),
        links: Vec::new(),
        headers: headers(&source),
        source: Vec::new(),
    };
    if let Some(message) = MessageParser::default().parse(&source) {
        understand(&mut mail, &message);
    }
    mail.source = source;
    mail
}

/// Writes into `mail` what its message says.
fn understand(mail: &mut Mail, message: &Message<'_>) {
    mail.from = message.from().map(author).unwrap_or_default();
    mail.subject = message.subject().unwrap_or_default().to_owned();
    mail.text = bodies(message, &message.text_body, |part| match part {
        PartType::Text(text) => Some(text),
        _ => None,
    });
    mail.html = bodies(message, &message.html_body, |part| match part {
        PartType::Html(html) => Some(html),
        _ => None,
    });
    let links = linked(&mail.text).filter(|(_, is_link)| *is_link);
    mail.links = links.map(|(address, _)| address.to_owned()).collect();
}

/// Text cut into pieces, each with whether it is an http or https address. The pieces make up
/// the text.
///
/// An address ends before white space, quotes, angle brackets and anything but ASCII, because a
/// Korean particle follows it without a space; punctuation at its end belongs to the sentence.
pub(super) fn linked(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let start = next_link(rest).unwrap_or(rest.len());
        let at = if start == 0 { link_length(rest) } else { start };
        let (piece, after) = rest.split_at(at);
        rest = after;
        Some((piece, start == 0))
    })
}

/// Where the next address begins.
fn next_link(text: &str) -> Option<usize> {
    let schemes = ["https://", "http://"];
    let found = schemes.iter().filter_map(|scheme| {
        let leads_somewhere = |(at, _): &(usize, &str)| {
            let link = text.get(*at..).unwrap_or_default();
            link_length(link) > scheme.len()
        };
        let (at, _) = text.match_indices(scheme).find(leads_somewhere)?;
        Some(at)
    });
    found.min()
}

/// Length in bytes of the address at the beginning of `text`.
fn link_length(text: &str) -> usize {
    let is_outside = |c: char| !c.is_ascii_graphic() || matches!(c, '<' | '>' | '"' | '`');
    let end = text.find(is_outside).unwrap_or(text.len());
    let mut link = text.get(..end).unwrap_or_default();
    while let Some(last) = link.chars().next_back() {
        let opening = match last {
            ')' => '(',
            ']' => '[',
            '}' => '{',
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' => last,
            _ => break,
        };
        let count = |wanted: char| link.chars().filter(|c| *c == wanted).count();
        if opening != last && count(opening) >= count(last) {
            break;
        }
        link = link.strip_suffix(last).unwrap_or_default();
    }
    link.len()
}

/// The parts of `ids` that `wanted` takes, one after the other.
fn bodies<'a>(
    message: &Message<'a>,
    ids: &[u32],
    wanted: for<'p> fn(&'p PartType<'a>) -> Option<&'p Cow<'a, str>>,
) -> String {
    let parts = ids.iter().filter_map(|id| message.part(*id));
    let texts = parts.filter_map(|part| wanted(&part.body));
    let texts: Vec<&str> = texts.map(AsRef::as_ref).collect();
    texts.join("\n").replace("\r\n", "\n")
}

fn author(from: &Address<'_>) -> String {
    let Some(first) = from.first() else {
        return String::new();
    };
    let address = first.address().unwrap_or_default();
    match first.name() {
        Some(name) => format!("{name} <{address}>"),
        None => address.to_owned(),
    }
}

/// The fields before the first empty line, with folded ones put together (RFC 5322 section
/// 2.2.3).
fn headers(source: &[u8]) -> Vec<(String, String)> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in source.split(|byte| *byte == b'\n') {
        let line = String::from_utf8_lossy(line.strip_suffix(b"\r").unwrap_or(line));
        if line.is_empty() {
            break;
        }
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push_str(&line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            fields.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &[u8]) -> Mail {
        super::read("", &[], source.to_vec(), OffsetDateTime::UNIX_EPOCH)
    }

    fn links(text: &str) -> Vec<&str> {
        let whole: String = linked(text).map(|(piece, _)| piece).collect();
        assert_eq!(whole, text);
        let links = linked(text).filter(|(_, is_link)| *is_link);
        links.map(|(address, _)| address).collect()
    }

    #[test]
    fn links_end_where_a_person_would_end_them() {
        for (text, expected) in [
            (
                "http://127.0.0.1:8080/confirm#t=a_b-c.",
                "http://127.0.0.1:8080/confirm#t=a_b-c",
            ),
            ("(https://a.example/x)", "https://a.example/x"),
            ("https://a.example/(x)을 여세요", "https://a.example/(x)"),
            ("<https://a.example/?a=1&b=2>", "https://a.example/?a=1&b=2"),
            ("주소https://a.example/x에서, 다음", "https://a.example/x"),
            ("http:// https://a.example", "https://a.example"),
            ("\"https://a.example/\"!!", "https://a.example/"),
        ] {
            assert_eq!(links(text), [expected], "{text}");
        }
        assert_eq!(
            links("https://a.example\nhttp://b.example https://a.example"),
            ["https://a.example", "http://b.example", "https://a.example"]
        );
        for text in [
            "",
            "https://",
            "https://…",
            "javascript:alert(1) ftp://a.example",
            "www.a.example",
        ] {
            assert!(links(text).is_empty(), "{text}");
        }
    }

    #[test]
    fn korean_in_other_encodings_arrives_as_korean() {
        let mail = read(
            b"Subject: =?euc-kr?B?sKGzqrTZ?=\r\nContent-Type: text/plain; charset=euc-kr\r\n\
              Content-Transfer-Encoding: 8bit\r\n\r\n\xb0\xa1\xb3\xaa\xb4\xd9\r\n",
        );
        assert_eq!(
            (mail.subject.as_str(), mail.text.as_str()),
            ("가나다", "가나다\n")
        );
    }

    #[test]
    fn the_text_is_never_made_up_from_the_html_nor_the_html_from_the_text() {
        let html = read(b"Content-Type: text/html\r\n\r\n<p>https://a.example</p>");
        assert_eq!((html.text.as_str(), html.links.len()), ("", 0));
        assert_eq!(html.html, "<p>https://a.example</p>");
        let text = read(b"Subject: x\r\n\r\n1 < 2");
        assert_eq!((text.text.as_str(), text.html.as_str()), ("1 < 2", ""));
    }

    #[test]
    fn folded_headers_are_one_and_stay_undecoded() {
        let mail = read(b"Subject: =?utf-8?B?6rCA?=\r\n =?utf-8?B?64KY?=\r\nX-Y:z\r\n\r\nA: b");
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            mail.headers,
            [
                header("Subject", "=?utf-8?B?6rCA?= =?utf-8?B?64KY?="),
                header("X-Y", "z")
            ]
        );
        assert_eq!(mail.subject, "가나");
    }

    #[test]
    fn what_is_no_message_is_kept_all_the_same() {
        for source in [
            &b""[..],
            b"\r\n",
            b"no header at all",
            b"\xff\xfe\0",
            b":\r\n:\r\n\r\n:",
        ] {
            let mail = read(source);
            assert_eq!(
                (mail.source.as_slice(), mail.subject.as_str()),
                (source, "")
            );
        }
    }
}
