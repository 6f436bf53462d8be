//! The KOE codes of Kakao's authorization server, for people who meet one on Kakao's own pages and
//! for whoever operates the service.
//!
//! At the authorize address Kakao shows most of them itself and never sends the browser back: no
//! program of ours learns of it.

use std::fmt;

use super::console;
use crate::i18n::Texts;

/// Who can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// The person, by starting again.
    Person,
    /// The person cannot; whoever operates the service must let them in.
    Invitation,
    /// Whoever operates the service.
    Operator,
}

/// One code, or several that mean the same.
#[derive(Clone, Copy)]
pub struct Koe {
    /// Its number, or the first of several.
    pub first: u16,
    /// Its number, or the last of several.
    pub last: u16,
    /// Who can do something about it.
    pub turn: Turn,
    /// Where in Kakao's console.
    pub menu: Option<&'static str>,
    words: fn(Texts) -> &'static str,
}

impl Koe {
    /// What is known of the code with this number.
    #[must_use]
    pub fn find(number: u16) -> Option<&'static Self> {
        KNOWN
            .iter()
            .find(|koe| (koe.first..=koe.last).contains(&number))
    }

    /// Every code, in the order of their numbers.
    #[must_use]
    pub fn all() -> &'static [Self] {
        KNOWN
    }

    /// What it means, and what is to be done.
    #[must_use]
    pub fn words(&self, texts: Texts) -> &'static str {
        (self.words)(texts)
    }
}

impl fmt::Display for Koe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KOE{:03}", self.first)?;
        if self.last > self.first {
            write!(f, "–{:03}", self.last)?;
        }
        Ok(())
    }
}

const fn koe(number: u16, words: fn(Texts) -> &'static str) -> Koe {
    Koe {
        first: number,
        last: number,
        turn: Turn::Operator,
        menu: None,
        words,
    }
}

impl Koe {
    const fn by(self, turn: Turn) -> Self {
        Self { turn, ..self }
    }

    const fn at(self, menu: &'static str) -> Self {
        Self {
            menu: Some(menu),
            ..self
        }
    }

    const fn to(self, last: u16) -> Self {
        Self { last, ..self }
    }
}

/// Kakao's list (카카오 로그인 > 문제 해결), and what has been seen beside it.
const KNOWN: &[Koe] = &[
    koe(1, Texts::koe_001),
    koe(2, Texts::koe_002),
    koe(3, Texts::koe_003).by(Turn::Person),
    koe(4, Texts::koe_004).at(console::SWITCH),
    koe(5, Texts::koe_005)
        .by(Turn::Invitation)
        .at(console::MEMBERS),
    koe(6, Texts::koe_006).at(console::REDIRECT_URI),
    koe(7, Texts::koe_007).at(console::LOGOUT_REDIRECT_URI),
    koe(8, Texts::koe_008).at(console::KEYS),
    koe(9, Texts::koe_009).at(console::KEYS),
    koe(10, Texts::koe_010).at(console::CLIENT_SECRET),
    koe(23, Texts::koe_023),
    koe(33, Texts::koe_033).at(console::KEYS),
    koe(101, Texts::koe_101).at(console::KEYS),
    koe(102, Texts::koe_102),
    koe(114, Texts::koe_114).at(console::KEYS),
    koe(125, Texts::koe_125),
    koe(126, Texts::koe_126).at(console::KEYS),
    koe(127, Texts::koe_127).at(console::ALLOWED_ADDRESSES),
    koe(201, Texts::koe_201),
    koe(202, Texts::koe_202),
    koe(203, Texts::koe_203).by(Turn::Person),
    koe(204, Texts::koe_204),
    koe(205, Texts::koe_205).at(console::CONSENT_ITEMS),
    koe(207, Texts::koe_207),
    koe(237, Texts::koe_237).by(Turn::Person),
    koe(303, Texts::koe_303).at(console::REDIRECT_URI),
    koe(310, Texts::koe_310),
    koe(319, Texts::koe_319),
    koe(320, Texts::koe_320).by(Turn::Person),
    koe(322, Texts::koe_322).by(Turn::Person),
    koe(400, Texts::koe_400).to(403),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::i18n::Lang;

    #[test]
    fn every_code_is_found_once_and_says_something_of_its_own() {
        let mut last = 0;
        for koe in Koe::all() {
            assert!(koe.first > last && koe.last >= koe.first, "{koe}");
            last = koe.last;
        }
        for lang in [Lang::Ko, Lang::En] {
            let mut texts: Vec<_> = Koe::all()
                .iter()
                .map(|koe| koe.words(lang.texts()))
                .collect();
            texts.sort_unstable();
            texts.dedup();
            assert_eq!(texts.len(), Koe::all().len());
        }
        assert_eq!(Koe::find(6).unwrap().to_string(), "KOE006");
        assert_eq!(Koe::find(402).unwrap().to_string(), "KOE400–403");
        assert!(Koe::find(0).is_none() && Koe::find(999).is_none());
    }
}
