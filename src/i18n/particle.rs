//! Korean particles (조사), whose form hangs on how the word before them ends.
//!
//! Texts are written so that none is needed after a placeholder; this is for where one must be.

/// A particle with two forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Particle {
    /// 은/는, the topic.
    Topic,
    /// 이/가, the subject.
    Subject,
    /// 을/를, the object.
    Object,
    /// 과/와, "and" or "with".
    With,
    /// 으로/로, "by", "to" or "as".
    By,
}

/// How the sound of a word ends.
#[derive(Clone, Copy)]
enum Ending {
    Vowel,
    /// The consonant ㄹ, after which 로 stays short.
    Rieul,
    Consonant,
    /// Nobody can say how it is read aloud.
    Unknown,
}

impl Particle {
    /// The word with this particle: `회원` becomes `회원은`. A word whose reading is unknown gets
    /// both forms, as Korean forms print them: `은(는)`.
    #[must_use]
    pub fn after(self, word: &str) -> String {
        format!("{word}{}", self.form(Ending::of(word)))
    }

    fn form(self, ending: Ending) -> &'static str {
        let [closed, open, both] = match self {
            Self::Topic => ["은", "는", "은(는)"],
            Self::Subject => ["이", "가", "이(가)"],
            Self::Object => ["을", "를", "을(를)"],
            Self::With => ["과", "와", "과(와)"],
            Self::By => ["으로", "로", "(으)로"],
        };
        match ending {
            Ending::Consonant => closed,
            Ending::Rieul if self == Self::By => open,
            Ending::Rieul => closed,
            Ending::Vowel => open,
            Ending::Unknown => both,
        }
    }
}

impl Ending {
    fn of(word: &str) -> Self {
        let spoken = word.trim_end_matches(|c: char| c.is_whitespace() || is_closing(c));
        match spoken
            .chars()
            .next_back()
            .map(|last| last.to_ascii_lowercase())
        {
            Some(syllable @ '가'..='힣') => Self::of_syllable(syllable),
            // Digits by their reading: 영 일 이 삼 사 오 육 칠 팔 구.
            Some('1' | '7' | '8') => Self::Rieul,
            Some('0' | '3' | '6') => Self::Consonant,
            Some('2' | '4' | '5' | '9') => Self::Vowel,
            Some('l' | 'r') => Self::Rieul,
            Some('m' | 'n') => Self::Consonant,
            Some('a'..='z') => Self::Vowel,
            _ => Self::Unknown,
        }
    }

    /// Syllables are ordered by initial, vowel and one of 28 finals, the first of them none.
    fn of_syllable(syllable: char) -> Self {
        const RIEUL: u32 = 8;
        match (u32::from(syllable) - u32::from('가')) % 28 {
            0 => Self::Vowel,
            RIEUL => Self::Rieul,
            _ => Self::Consonant,
        }
    }
}

fn is_closing(c: char) -> bool {
    matches!(
        c,
        ')' | ']' | '}' | '>' | '"' | '\'' | '’' | '”' | '」' | '』' | '〉' | '》' | '）'
    )
}

#[cfg(test)]
mod tests {
    use super::Particle::{By, Object, Subject, Topic, With};

    #[test]
    fn the_particle_follows_the_sound_before_it() {
        let cases = [
            (Topic, "회원", "회원은"),
            (Topic, "친구", "친구는"),
            (Subject, "라이언", "라이언이"),
            (Subject, "어피치", "어피치가"),
            (Object, "메일", "메일을"),
            (Object, "주소", "주소를"),
            (With, "이름", "이름과"),
            (With, "전화", "전화와"),
            (By, "이름", "이름으로"),
            (By, "메일", "메일로"),
            (By, "카카오", "카카오로"),
            (Topic, "2026", "2026은"),
            (By, "7", "7로"),
            (By, "3", "3으로"),
            (Subject, "4", "4가"),
            (Object, "Chrome", "Chrome를"),
            (By, "Gmail", "Gmail로"),
            (Object, "IBM", "IBM을"),
            (Topic, "김민수(관리자)", "김민수(관리자)는"),
            (Topic, "'회원'", "'회원'은"),
            (Topic, "😀", "😀은(는)"),
            (By, "ㅋㅋ", "ㅋㅋ(으)로"),
            (Subject, "", "이(가)"),
        ];
        for (particle, word, expected) in cases {
            assert_eq!(particle.after(word), expected);
        }
    }
}
