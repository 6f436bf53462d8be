//! Where a person goes after signing in: a path of our own site, or my page.

use url::Url;

/// A path of our own site, safe for a `Location` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Next(String);

/// The longest path kept, so that five pending attempts fit one cookie.
const LONGEST: usize = 400;

/// Paths that make no sense after signing in, or would start it again.
const NOWHERE: &[&str] = &[
    "/auth/",
    "/login",
    "/logout",
    "/logged-out",
    "/language",
    "/theme",
];

impl Next {
    /// My page.
    #[must_use]
    pub fn home() -> Self {
        Self("/me".to_owned())
    }

    /// Takes a path that a visitor brought. Anything but a plain path of our own site leads to
    /// my page: browsers read `//host`, `/\host` and tabs or newlines in between as another
    /// site, and a broken address must not stop the login.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self::path(text).unwrap_or_else(Self::home)
    }

    /// The path, when `text` is one of our own site.
    #[must_use]
    pub fn path(text: &str) -> Option<Self> {
        let path = Self::same_site(text)?;
        let nowhere = NOWHERE.iter().any(|prefix| path.starts_with(prefix));
        (!nowhere).then_some(Self(path))
    }

    /// A path of our own site, wherever on it, as the browser will read it.
    #[must_use]
    pub fn same_site(text: &str) -> Option<String> {
        let plain =
            text.len() <= LONGEST && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
        if !plain || !text.starts_with('/') || text.starts_with("//") {
            return None;
        }
        // The browser's own reading of the path must stay on the site and change nothing.
        let site = Url::parse("https://site.invalid").ok()?;
        let read = site.join(text).ok()?;
        if read.origin() != site.origin() {
            return None;
        }
        let path = read.path();
        if path.starts_with("//") {
            return None;
        }
        let whole = match read.query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        // Escaping makes it longer.
        (whole.len() <= LONGEST).then_some(whole)
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // KL-7
    #[test]
    fn only_paths_of_our_own_site_survive() {
        for ours in [
            "/",
            "/me",
            "/me/sessions?a=b%20c",
            "/a/%2e%2E/b",
            "/한".trim_end_matches('한'),
        ] {
            assert!(Next::path(ours).is_some(), "{ours}");
        }
        for other in [
            "",
            "me",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " /me",
            "https://evil.example",
            "https:evil.example",
            "javascript:alert(1)",
            "/auth/kakao",
            "/x/../auth/kakao",
            "/login?next=/me",
            "/logout",
            "/me\r\nSet-Cookie: a=b",
            "/..//evil.example",
            "/.//evil.example",
            &format!("/{}", "a".repeat(400)),
            &format!("/?{}", "\"".repeat(150)),
        ] {
            assert_eq!(Next::path(other), None, "{other:?}");
            assert_eq!(Next::parse(other), Next::home());
        }
        assert_eq!(Next::parse("/a/../b#part").as_str(), "/b");
    }
}
