//! Sites behind a proxy that asks us who may see them, and the way from their pages to ours and
//! back.

use url::Url;

use super::Next;
use crate::config::PublicUrl;

/// Where our login page leads to whoever came from a page of such a site: a path of ours, because
/// a login ends at nothing else.
pub const WAY_BACK: &str = "/forward-auth/return";

/// The sites that are listed, and no other.
#[derive(Clone, Debug)]
pub struct Sites(Vec<PublicUrl>);

impl Sites {
    /// These.
    #[must_use]
    pub fn new(listed: Vec<PublicUrl>) -> Self {
        Self(listed)
    }

    /// What a proxy said was asked for, as a path of ours that leads there. `None` when the site is
    /// not listed, or the address is not one.
    #[must_use]
    pub fn way_back(&self, host: &str, uri: &str) -> Option<Next> {
        let plain = uri.starts_with('/') && uri.bytes().all(|byte| byte.is_ascii_graphic());
        let is_this = |site: &&PublicUrl| site.beside(host).is_ok_and(|asked| asked == **site);
        let site = self.0.iter().find(is_this).filter(|_| plain)?;
        // Of an address too long to be carried along, the page without its particulars.
        let path = uri.split(['?', '#']).next().unwrap_or("/");
        [uri, path, "/"].into_iter().find_map(|uri| {
            let page = self.page(&site.join(uri))?;
            let mut query = url::form_urlencoded::Serializer::new(String::new());
            Next::path(&format!(
                "{WAY_BACK}?{}",
                query.append_pair("to", &page).finish()
            ))
        })
    }

    /// The address as a browser reads it, when it is one of a listed site.
    #[must_use]
    pub fn page(&self, address: &str) -> Option<String> {
        let mut page = Url::parse(address).ok()?;
        let origin = page.origin().ascii_serialization();
        let bare = page.username().is_empty() && page.password().is_none();
        if !bare || !self.0.iter().any(|site| site.origin() == origin) {
            return None;
        }
        page.set_fragment(None);
        Some(page.into())
    }

    /// The origins of those that are not `public_url` itself.
    pub fn beside<'a>(&'a self, public_url: &'a PublicUrl) -> impl Iterator<Item = &'a str> {
        let others = self.0.iter().map(PublicUrl::origin);
        others.filter(|origin| *origin != public_url.origin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites() -> Sites {
        let listed = ["https://www.example.com", "https://www.example.com:8443"];
        Sites::new(listed.map(|url| PublicUrl::parse(url).unwrap()).to_vec())
    }

    fn leads_to(host: &str, uri: &str) -> Option<String> {
        let next = sites().way_back(host, uri)?;
        let (path, query) = next.as_str().split_once('?').unwrap();
        assert_eq!(path, WAY_BACK);
        let (name, page) = url::form_urlencoded::parse(query.as_bytes())
            .next()
            .unwrap();
        assert_eq!(name, "to");
        sites().page(&page)
    }

    // FA-4
    #[test]
    fn the_way_leads_back_to_the_very_page_of_a_listed_site() {
        for (host, uri, page) in [
            (
                "www.example.com",
                "/a?b=c%20d&e=%ED%95%9C",
                "https://www.example.com/a?b=c%20d&e=%ED%95%9C",
            ),
            ("WWW.Example.COM:443", "/", "https://www.example.com/"),
            (
                "www.example.com:8443",
                "/x",
                "https://www.example.com:8443/x",
            ),
            // Whatever follows the host, it stays the host.
            (
                "www.example.com",
                "//evil.example/x",
                "https://www.example.com//evil.example/x",
            ),
            (
                "www.example.com",
                "/\\evil.example",
                "https://www.example.com//evil.example",
            ),
            (
                "www.example.com",
                "/a#b?role=owner",
                "https://www.example.com/a",
            ),
        ] {
            assert_eq!(leads_to(host, uri).as_deref(), Some(page), "{host} {uri}");
        }
    }

    // FA-4
    #[test]
    fn nothing_leads_to_a_site_that_is_not_listed() {
        for (host, uri) in [
            ("evil.example", "/"),
            ("www.example.com.evil.example", "/"),
            ("www.example.com:80", "/"),
            ("www.example.com@evil.example", "/"),
            ("evil.example/www.example.com", "/"),
            ("evil.example#www.example.com", "/"),
            ("www.example.com, evil.example", "/"),
            ("www.example.com", "@evil.example/"),
            ("www.example.com", ".evil.example/"),
            ("www.example.com", "https://evil.example/"),
            ("www.example.com", "/a b"),
            ("www.example.com", "/a\r\nset-cookie: b"),
            ("www.example.com", ""),
            ("", "/"),
        ] {
            assert_eq!(leads_to(host, uri), None, "{host:?} {uri:?}");
        }
        for page in [
            "https://evil.example/",
            "http://www.example.com/",
            "https://www.example.com:444/",
            "https://me@www.example.com/",
            "https://www.example.com@evil.example/",
            "//www.example.com/",
            "/me",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(sites().page(page), None, "{page:?}");
        }
    }

    #[test]
    fn an_address_too_long_to_be_carried_loses_its_particulars() {
        let long = "x".repeat(500);
        assert_eq!(
            leads_to("www.example.com", &format!("/a?{long}")).unwrap(),
            "https://www.example.com/a"
        );
        assert_eq!(
            leads_to("www.example.com", &format!("/{long}?a")).unwrap(),
            "https://www.example.com/"
        );
    }
}
