//! Email addresses: which ones are taken, and which spellings are one address.

use std::fmt;

use unicode_normalization::UnicodeNormalization as _;

/// The longest address (RFC 5321 section 4.5.3.1.3, without the brackets), in bytes.
const LONGEST: usize = 254;

/// The longest part before the `@` (RFC 5321 section 4.5.3.1.1), in bytes.
const LONGEST_LOCAL: usize = 64;

/// An address that mail can be sent to, as its owner spells it, the domain in lower case and ASCII.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress {
    spelled: String,
}

/// The text is no address that mail could be sent to, or none that we take: quoted local parts,
/// address literals, comments and lists are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an email address")]
pub struct InvalidEmail;

impl EmailAddress {
    /// Takes what was typed; blanks around it do not count.
    ///
    /// # Errors
    /// [`InvalidEmail`].
    pub fn parse(typed: &str) -> Result<Self, InvalidEmail> {
        let text: String = typed.trim().nfkc().collect();
        let (local, domain) = text.split_once('@').ok_or(InvalidEmail)?;
        let domain = domain_of(domain).ok_or(InvalidEmail)?;
        let spelled = format!("{local}@{domain}");
        let fits = local.len() <= LONGEST_LOCAL && spelled.len() <= LONGEST;
        if !fits || !is_dot_atom(local) {
            return Err(InvalidEmail);
        }
        Ok(Self { spelled })
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.spelled
    }

    /// What all spellings of one address share. Upper and lower case before the `@` could differ by
    /// the letter of RFC 5321; in practice they are one mailbox, and to take them for two would
    /// let somebody look like somebody else.
    #[must_use]
    pub fn key(&self) -> String {
        self.spelled.to_lowercase()
    }
}

/// Letters, digits and the signs of RFC 5322 section 3.2.3, in runs between single dots; letters
/// of other scripts too (RFC 6531).
fn is_dot_atom(local: &str) -> bool {
    let sign = |c: char| "!#$%&'*+-/=?^_`{|}~".contains(c);
    let run = |run: &str| !run.is_empty() && run.chars().all(|c| c.is_alphanumeric() || sign(c));
    local.split('.').all(run)
}

/// The domain in ASCII (RFC 5891), if it is one with at least two labels.
fn domain_of(text: &str) -> Option<String> {
    let url::Host::Domain(domain) = url::Host::parse(text).ok()? else {
        return None;
    };
    let label = |label: &str| {
        let plain = label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-');
        (1..=63).contains(&label.len()) && plain && !label.starts_with('-') && !label.ends_with('-')
    };
    let whole = domain.split('.').count() >= 2 && domain.split('.').all(label);
    whole.then_some(domain)
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.spelled)
    }
}

/// Personal data: not to be found in a log.
impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // PW-9
    #[test]
    fn one_address_has_one_key_however_it_is_typed() {
        for (typed, spelled, key) in [
            (" Hong@Example.COM ", "Hong@example.com", "hong@example.com"),
            (
                "ｈｏｎｇ@example.com",
                "hong@example.com",
                "hong@example.com",
            ),
            ("a+tag@b.co.kr", "a+tag@b.co.kr", "a+tag@b.co.kr"),
            (
                "홍@메일.한국",
                "홍@xn--o39a4fw9j.xn--3e0b707e",
                "홍@xn--o39a4fw9j.xn--3e0b707e",
            ),
            ("a@b-c.d", "a@b-c.d", "a@b-c.d"),
        ] {
            let address = EmailAddress::parse(typed).unwrap_or_else(|_| panic!("{typed:?}"));
            assert_eq!(
                address.key(),
                key.replace("xn--o39a4fw9j", &ascii("메일")),
                "{typed:?}"
            );
            assert_eq!(
                address.as_str(),
                spelled.replace("xn--o39a4fw9j", &ascii("메일"))
            );
            let again = EmailAddress::parse(address.as_str()).unwrap();
            assert_eq!(again, address, "{typed:?}");
        }
    }

    fn ascii(label: &str) -> String {
        let host = url::Host::parse(&format!("{label}.kr")).unwrap();
        host.to_string().trim_end_matches(".kr").to_owned()
    }

    // PW-9
    #[test]
    fn what_is_no_single_plain_address_is_refused() {
        for typed in [
            "",
            "a",
            "@",
            "a@",
            "@b.co",
            "a@b",
            "a@b@c.co",
            "a b@c.co",
            "a@b.co\nBcc: c@d.co",
            "a\0@b.co",
            "a@b..co",
            ".a@b.co",
            "a.@b.co",
            "a..b@c.co",
            "\"a b\"@c.co",
            "a@[127.0.0.1]",
            "a@127.0.0.1",
            "a@b.co, c@d.co",
            "<a@b.co>",
            "a@-b.co",
            &format!("{}@b.co", "a".repeat(65)),
            &format!("a@{}.co", "b".repeat(64)),
            &format!("a@{}.co", ["b".repeat(60).as_str(); 5].join(".")),
        ] {
            assert_eq!(EmailAddress::parse(typed), Err(InvalidEmail), "{typed:?}");
        }
    }

    #[test]
    fn an_address_does_not_print_itself_into_a_log() {
        let address = EmailAddress::parse("hong@example.com").unwrap();
        assert_eq!(format!("{address:?}"), "EmailAddress(…)");
        assert_eq!(address.to_string(), "hong@example.com");
    }
}
