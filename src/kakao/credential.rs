//! Values that open doors: secrets, the authorization code, tokens.
//!
//! Each has its own type so that one cannot be sent in another's place. None prints itself and
//! none can be serialised; `expose` is the one way out and easy to search for.

use std::fmt;
use std::str::FromStr;

/// Longest code or token accepted, in bytes. Kakao's have been 54 to 86 characters and have
/// changed length over the years; the limit only keeps the absurd out of forms and rows.
const LONGEST_CODE: usize = 512;
const LONGEST_TOKEN: usize = 2_048;

/// The single-use code that Kakao adds to the redirect URI (RFC 6749 section 4.1.2).
#[derive(Clone)]
pub struct AuthorizationCode(String);

/// The text is not what it was taken for: empty, too long, or with a character that has no
/// place in it. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed {0}")]
pub struct InvalidCredential(&'static str);

impl AuthorizationCode {
    /// The code, for the token request.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for AuthorizationCode {
    type Err = InvalidCredential;

    /// 1 to 512 bytes of the unreserved characters of RFC 3986 section 2.3, which hold the
    /// base64url alphabet seen in real codes. Anything else was not made by Kakao.
    fn from_str(text: &str) -> Result<Self, InvalidCredential> {
        well_formed(text, LONGEST_CODE, is_unreserved)
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidCredential("authorization code"))
    }
}

impl fmt::Debug for AuthorizationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AuthorizationCode(hidden)")
    }
}

/// The token that acts for one person at Kakao's resource server (RFC 6749 section 1.4).
#[derive(Clone)]
pub struct AccessToken(String);

impl AccessToken {
    /// The token, for the vault and the `Authorization` header.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for AccessToken {
    type Err = InvalidCredential;

    /// 1 to 2,048 bytes of what a bearer header may carry (`b64token`, RFC 6750 section 2.1), so
    /// that a token handed to us can be forwarded without escaping and without surprises.
    fn from_str(text: &str) -> Result<Self, InvalidCredential> {
        let body = text.trim_end_matches('=');
        let allowed = |byte| is_unreserved(byte) || matches!(byte, b'+' | b'/');
        (text.len() <= LONGEST_TOKEN && well_formed(body, LONGEST_TOKEN, allowed))
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidCredential("access token"))
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(hidden)")
    }
}

/// The token that obtains further access tokens (RFC 6749 section 1.5).
#[derive(Clone)]
pub struct RefreshToken(String);

impl RefreshToken {
    /// The token, for the vault and the token request.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for RefreshToken {
    type Err = InvalidCredential;

    /// 1 to 2,048 visible ASCII characters (RFC 6749 appendix A.17, without the space).
    fn from_str(text: &str) -> Result<Self, InvalidCredential> {
        well_formed(text, LONGEST_TOKEN, |byte| byte.is_ascii_graphic())
            .then(|| Self(text.to_owned()))
            .ok_or(InvalidCredential("refresh token"))
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(hidden)")
    }
}

fn well_formed(text: &str, longest: usize, allowed: impl Fn(u8) -> bool) -> bool {
    !text.is_empty() && text.len() <= longest && text.bytes().all(allowed)
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

#[cfg(test)]
mod tests {
    use super::*;

    // CB-1
    #[test]
    fn a_code_is_1_to_512_unreserved_characters() {
        for good in ["a", "A-z_0.9~", &"A".repeat(512)] {
            assert_eq!(good.parse::<AuthorizationCode>().unwrap().expose(), good);
        }
        for bad in [
            "",
            " a",
            "a b",
            "a+b",
            "a%20",
            "a/b",
            "a\0",
            "é",
            "코드",
            &"A".repeat(513),
        ] {
            assert!(bad.parse::<AuthorizationCode>().is_err(), "{bad:?}");
        }
    }

    // AP-2
    #[test]
    fn an_access_token_is_what_a_bearer_header_may_carry() {
        for good in ["a", "a+b/c-d._~==", &"t".repeat(2_048)] {
            assert_eq!(good.parse::<AccessToken>().unwrap().expose(), good);
        }
        let padding = format!("t{}", "=".repeat(2_048));
        assert!(padding.parse::<AccessToken>().is_err());
        for bad in [
            "",
            "=",
            "a=b",
            "a b",
            "a,b",
            "a\r\nX: y",
            "é",
            &"t".repeat(2_049),
        ] {
            assert!(bad.parse::<AccessToken>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_refresh_token_is_visible_ascii() {
        assert!("a:b!~".parse::<RefreshToken>().is_ok());
        for bad in ["", "a b", "a\n", "é", &"t".repeat(2_049)] {
            assert!(bad.parse::<RefreshToken>().is_err(), "{bad:?}");
        }
    }

    // LG-2, TK-6
    #[test]
    fn nothing_here_prints_its_value() {
        let value = "n0-0ne-may-read-this";
        let printed = format!(
            "{:?} {:?} {:?} {:?} {}",
            crate::vault::Secret::new(value),
            value.parse::<AuthorizationCode>(),
            value.parse::<AccessToken>(),
            value.parse::<RefreshToken>(),
            format!("{value} ").parse::<AccessToken>().unwrap_err(),
        );
        assert!(!printed.contains(value), "{printed}");
    }
}
