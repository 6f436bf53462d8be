//! What browser and system a session was opened with, as far as its user agent tells.
//!
//! Only good enough to help people recognise their own devices: agents lie, and nothing is decided
//! by what is found here. The order of the tables carries the knowledge: nearly every browser also
//! names the ones it descends from, so the most particular mark comes first.

use crate::i18n::Texts;

/// A browser and the system it runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// The browser's or app's name.
    pub browser: Option<&'static str>,
    /// The operating system's name.
    pub os: Option<&'static str>,
}

/// A mark in a user agent and what it stands for, most particular first. Browsers inside other
/// apps come before all: in Korea most links are opened in one.
const BROWSERS: &[(&str, &str)] = &[
    ("KAKAOTALK", "KakaoTalk"),
    ("NAVER(inapp", "NAVER"),
    ("DaumApps", "Daum"),
    ("Instagram", "Instagram"),
    ("FBAN/", "Facebook"),
    ("FBAV/", "Facebook"),
    (" Line/", "LINE"),
    ("Whale/", "Whale"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("Edg/", "Edge"),
    ("OPR/", "Opera"),
    ("OPT/", "Opera"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    // Android's web view names Chrome too: some app nobody listed above.
    ("; wv)", "Android WebView"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// As [`BROWSERS`], for systems. Android and ChromeOS agents also say Linux, iPhones "like Mac OS
/// X". An iPad that asks for desktop pages calls itself a Mac and cannot be told from one.
const SYSTEMS: &[(&str, &str)] = &[
    ("iPad", "iPadOS"),
    ("iPhone", "iOS"),
    ("iPod", "iOS"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("Linux", "Linux"),
];

impl Device {
    /// Reads a `User-Agent` value.
    #[must_use]
    pub fn parse(user_agent: &str) -> Self {
        let first = |table: &[(&str, &'static str)]| {
            table
                .iter()
                .find(|(mark, _)| user_agent.contains(mark))
                .map(|(_, name)| *name)
        };
        Self {
            browser: first(BROWSERS),
            os: first(SYSTEMS),
        }
    }

    /// The device in words: `Chrome, Windows` or `Chrome on Windows`, as much as is known.
    #[must_use]
    pub fn label(self, texts: Texts) -> String {
        match (self.browser, self.os) {
            (Some(browser), Some(os)) => texts.ses_label(browser, os),
            (Some(known), None) | (None, Some(known)) => known.to_owned(),
            (None, None) => texts.ses_unknown().to_owned(),
        }
    }

    /// Whether the page is open inside KakaoTalk, whose browser cannot save files.
    #[must_use]
    pub fn is_kakaotalk(self) -> bool {
        self.browser == Some("KakaoTalk")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn browsers_and_systems_seen_in_korea_are_told_apart() {
        let cases = [
            (
                "Mozilla/5.0 (Linux; Android 15; SM-S931N Build/AP3A.240905.015; wv) \
                 AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/138.0.7204.63 \
                 Mobile Safari/537.36;KAKAOTALK 2611080",
                Some("KakaoTalk"),
                Some("Android"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Mobile/15E148 KAKAOTALK 11.8.0",
                Some("KakaoTalk"),
                Some("iOS"),
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1 \
                 (KHTML, like Gecko) Mobile/15E148 NAVER(inapp; search; 2000; 12.13.1; 15PRO)",
                Some("NAVER"),
                Some("iOS"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                 Gecko) Chrome/136.0.0.0 Whale/4.32.315.22 Safari/537.36",
                Some("Whale"),
                Some("Windows"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                 SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
                Some("Samsung Internet"),
                Some("Android"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/138.0.0.0 Mobile Safari/537.36",
                Some("Chrome"),
                Some("Android"),
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like \
                 Gecko) Version/4.0 Chrome/138.0.0.0 Mobile Safari/537.36",
                Some("Android WebView"),
                Some("Android"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                 Gecko) Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
                Some("Edge"),
                Some("Windows"),
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                 Gecko) Chrome/137.0.0.0 Safari/537.36 OPR/121.0.0.0",
                Some("Opera"),
                Some("Windows"),
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, \
                 like Gecko) Version/18.5 Safari/605.1.15",
                Some("Safari"),
                Some("macOS"),
            ),
            (
                "Mozilla/5.0 (iPad; CPU OS 17_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, \
                 like Gecko) CriOS/138.0.7204.53 Mobile/15E148 Safari/604.1",
                Some("Chrome"),
                Some("iPadOS"),
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                Some("Firefox"),
                Some("Linux"),
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like \
                 Gecko) Chrome/138.0.0.0 Safari/537.36",
                Some("Chrome"),
                Some("ChromeOS"),
            ),
            ("curl/8.14.1", None, None),
            ("", None, None),
        ];
        for (user_agent, browser, os) in cases {
            assert_eq!(
                Device::parse(user_agent),
                Device { browser, os },
                "{user_agent}"
            );
        }
    }

    #[test]
    fn a_label_says_as_much_as_is_known() {
        let (ko, en) = (Lang::Ko.texts(), Lang::En.texts());
        let device = |browser, os| Device { browser, os };
        assert_eq!(
            device(Some("Whale"), Some("Windows")).label(ko),
            "Whale, Windows"
        );
        assert_eq!(
            device(Some("Whale"), Some("Windows")).label(en),
            "Whale on Windows"
        );
        assert_eq!(device(None, Some("iOS")).label(ko), "iOS");
        assert_eq!(device(Some("Safari"), None).label(en), "Safari");
        assert_eq!(device(None, None).label(ko), "알 수 없는 기기");
        assert!(Device::parse("x KAKAOTALK 1").is_kakaotalk());
        assert!(!Device::parse("x Chrome/1").is_kakaotalk());
    }
}
