//! What people read: the two languages, every text of `src/copy.toml` as a typed method, Korean
//! particles, and dates and numbers as people here write them.
//!
//! The build script generates the text methods, so a text that lacks a language or is called
//! without an argument does not compile.

mod dates;
mod particle;

pub use dates::{machine_day, machine_time, seoul_day, seoul_midnight};
pub use particle::Particle;

/// A language of the interface.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Lang {
    /// Korean.
    #[default]
    Ko,
    /// English.
    En,
}

impl Lang {
    /// The language with this code, as [`Lang::code`] writes it into cookies and member settings.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        match code {
            "ko" => Some(Self::Ko),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// The language code (BCP 47) for `<html lang>`, cookies and member settings.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Ko => "ko",
            Self::En => "en",
        }
    }

    /// The language the language button leads to.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Ko => Self::En,
            Self::En => Self::Ko,
        }
    }

    /// All texts in this language.
    #[must_use]
    pub fn texts(self) -> Texts {
        Texts::new(self)
    }

    /// The language to answer in: [`Lang::preferred`], or else Korean.
    #[must_use]
    pub fn choose(
        cookie: Option<&str>,
        member: Option<&str>,
        accept_language: Option<&str>,
    ) -> Self {
        Self::preferred(cookie, member, accept_language).unwrap_or_default()
    }

    /// The language a person has asked for: with the language button (cookie), in their member
    /// settings, or through the browser (`Accept-Language`, RFC 9110 section 12.5.4), in this
    /// order. `None` when they asked for neither of ours.
    #[must_use]
    pub fn preferred(
        cookie: Option<&str>,
        member: Option<&str>,
        accept_language: Option<&str>,
    ) -> Option<Self> {
        cookie
            .and_then(Self::parse)
            .or_else(|| member.and_then(Self::parse))
            .or_else(|| accept_language.and_then(Self::negotiate))
    }

    fn negotiate(accept_language: &str) -> Option<Self> {
        let ko = rank(accept_language, Self::Ko);
        let en = rank(accept_language, Self::En);
        match (ko, en) {
            (None, None) => None,
            // `Some` outranks `None`, which is what we want of a language not asked for.
            (ko, en) if en > ko => Some(Self::En),
            _ => Some(Self::Ko),
        }
    }
}

/// How much an `Accept-Language` value wants a language: its quality in thousandths, then (as
/// most browsers list languages in order of liking) how early it is named. `None`: not at all.
fn rank(accept_language: &str, lang: Lang) -> Option<(u16, std::cmp::Reverse<usize>)> {
    let ranges = accept_language.split(',').enumerate().map(|(place, item)| {
        let mut parts = item.split(';').map(str::trim);
        let primary = parts.next().and_then(|range| range.split('-').next());
        let quality = parts.next().map_or(Some(1000), quality).unwrap_or(0);
        (primary.unwrap_or_default(), quality, place)
    });
    let named = |wanted: &str| {
        ranges
            .clone()
            .filter(|(primary, ..)| primary.eq_ignore_ascii_case(wanted))
            .map(|(_, quality, place)| (quality, std::cmp::Reverse(place)))
            .max()
    };
    named(lang.code())
        .or_else(|| named("*"))
        .filter(|(quality, _)| *quality > 0)
}

/// `q=0.8` as 800 (RFC 9110 section 12.4.2).
fn quality(parameter: &str) -> Option<u16> {
    let value = parameter
        .strip_prefix("q=")
        .or_else(|| parameter.strip_prefix("Q="))?;
    let (whole, fraction) = value.split_once('.').unwrap_or((value, ""));
    if fraction.len() > 3 || !fraction.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{fraction:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

/// All texts in one language: one method a key of `src/copy.toml`, with `.` and `-` as `_`
/// (`login.title` is [`Texts::login_title`]). Placeholders are arguments, in the order in which
/// the Korean text names them; what they insert is not escaped here but by the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Texts {
    lang: Lang,
}

impl Texts {
    /// All texts in `lang`.
    #[must_use]
    pub fn new(lang: Lang) -> Self {
        Self { lang }
    }

    /// The language of these texts.
    #[must_use]
    pub fn lang(self) -> Lang {
        self.lang
    }

    /// A whole number with its digits grouped: `12,345`.
    #[must_use]
    pub fn number(self, number: u64) -> String {
        let digits = number.to_string();
        let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped
    }

    fn pick(self, ko: &'static str, en: &'static str) -> &'static str {
        match self.lang {
            Lang::Ko => ko,
            Lang::En => en,
        }
    }
}

include!(concat!(env!("OUT_DIR"), "/texts.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_button_beats_the_member_setting_and_that_beats_the_browser() {
        let cases = [
            (Some("en"), Some("ko"), Some("ko"), Lang::En),
            (None, Some("en"), Some("ko"), Lang::En),
            (Some("fr"), Some("en"), Some("ko"), Lang::En),
            (None, None, Some("en-GB"), Lang::En),
            (None, None, None, Lang::Ko),
            (Some(""), Some(""), Some(""), Lang::Ko),
        ];
        for (cookie, member, browser, expected) in cases {
            assert_eq!(Lang::choose(cookie, member, browser), expected);
        }
    }

    #[test]
    fn the_browsers_languages_are_ranked_by_quality_then_by_order() {
        let cases = [
            ("ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7", Some(Lang::Ko)),
            ("en-US,en;q=0.9,ko;q=0.8", Some(Lang::En)),
            ("en;q=0.1, KO;q=0.2", Some(Lang::Ko)),
            ("en, ko", Some(Lang::En)),
            ("ja,en;q=0.5", Some(Lang::En)),
            ("ja", None),
            ("*", Some(Lang::Ko)),
            ("ko;q=0, *", Some(Lang::En)),
            ("en;q=0", None),
            ("en;q=2, ko;q=0.1", Some(Lang::Ko)),
            ("en;q=0.12345, ko;q=0.1", Some(Lang::Ko)),
            ("en ; q=0.3", Some(Lang::En)),
            ("eng", None),
            (";;;,,,q=", None),
        ];
        for (header, expected) in cases {
            assert_eq!(
                Lang::preferred(None, None, Some(header)),
                expected,
                "{header}"
            );
        }
    }

    #[test]
    fn a_text_speaks_its_language_and_takes_its_arguments() {
        assert_eq!(Lang::Ko.texts().login_kakao(), "카카오 로그인");
        assert_eq!(Lang::En.texts().login_kakao(), "Login with Kakao");
        assert_eq!(
            Lang::Ko.texts().home_hello("라이언"),
            "라이언 님, 반갑습니다"
        );
        assert_eq!(
            Lang::En.texts().ses_label("Chrome", "Windows"),
            "Chrome on Windows"
        );
    }

    #[test]
    fn digits_are_grouped_by_three() {
        let texts = Lang::Ko.texts();
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (12_345_678, "12,345,678"),
        ];
        for (number, expected) in cases {
            assert_eq!(texts.number(number), expected);
        }
    }

    /// Every text that breaks a rule of the house's voice, with the rule.
    fn offences() -> Vec<String> {
        let mut offences = Vec::new();
        for &(key, ko, en) in CATALOGUE {
            for (language, text) in [("ko", ko), ("en", en)] {
                let broken = rules_broken(key, language, text);
                offences.extend(
                    broken
                        .iter()
                        .map(|rule| format!("{key} ({language}): {rule}")),
                );
            }
        }
        offences
    }

    fn rules_broken(key: &str, language: &str, text: &str) -> Vec<&'static str> {
        let korean = language == "ko";
        let hangul = text.chars().any(|c| ('가'..='힣').contains(&c));
        let rules = [
            ("em dash", text.contains('—')),
            ("exclamation or question", text.contains(['!', '?'])),
            (
                "dots for suspense",
                text.contains("...") || text.contains('…'),
            ),
            ("emoji", text.chars().any(|c| c >= '\u{1f000}')),
            ("double space", text.contains("  ")),
            (
                "space at an end",
                text.trim() != text && key != "form.title.prefix",
            ),
            (
                "one speech level",
                korean && text.split_whitespace().any(casual_ending),
            ),
            (
                "카카오계정 is one word",
                korean && text.contains("카카오 계정"),
            ),
            ("blames the reader", korean && text.contains("잘못 입력")),
            ("says nothing", korean && text.contains("오류가 발생")),
            (
                "particle after a placeholder",
                korean && particle_after_placeholder(text),
            ),
            (
                "Korean on the English page",
                !korean && hangul && key != "lang.switch",
            ),
            (
                "Kakao Account has capitals",
                !korean && text.contains("Kakao account"),
            ),
            (
                "contraction in an error",
                key.starts_with("err.") && text.contains("n't"),
            ),
        ];
        rules
            .into_iter()
            .filter_map(|(rule, broken)| broken.then_some(rule))
            .collect()
    }

    /// A word in the -해요 style, which only requests (주세요) may end in.
    fn casual_ending(word: &str) -> bool {
        let word = word.trim_end_matches(|c: char| !c.is_alphanumeric());
        word.ends_with('요')
            && !["주세요", "필요", "중요"]
                .iter()
                .any(|end| word.ends_with(end))
    }

    /// One of the particles whose form hangs on the syllable before it, right after `}`.
    fn particle_after_placeholder(text: &str) -> bool {
        const FORMS: [&str; 10] = ["은", "는", "이", "가", "을", "를", "과", "와", "으로", "로"];
        text.split('}').skip(1).any(|rest| {
            let end = rest.find(|c: char| !('가'..='힣').contains(&c));
            FORMS.contains(&rest.split_at(end.unwrap_or(rest.len())).0)
        })
    }

    #[test]
    fn every_text_keeps_to_the_voice_of_the_house() {
        assert_eq!(offences(), Vec::<String>::new());
    }

    #[test]
    fn the_voice_rules_catch_what_they_are_for() {
        let cases = [
            ("ko", "저장했어요.", "one speech level"),
            ("ko", "다시 시도하세요", "one speech level"),
            ("ko", "카카오 계정으로", "카카오계정 is one word"),
            ("ko", "{name}은 회원입니다", "particle after a placeholder"),
            ("ko", "{name}로 로그인", "particle after a placeholder"),
            ("en", "저장", "Korean on the English page"),
            ("en", "Done — saved", "em dash"),
        ];
        for (language, text, rule) in cases {
            assert_eq!(rules_broken("x", language, text), [rule], "{text}");
        }
        let fine = "{date}까지 로그인할 수 없습니다. 필요하면 확인해 주세요.";
        assert_eq!(rules_broken("x", "ko", fine), Vec::<&str>::new());
    }
}
