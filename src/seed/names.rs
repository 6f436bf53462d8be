//! What people are called, in Hangul and in the letters of an address.

use super::dice::Dice;

/// Family names with how many of a thousand bear them, roughly as in Korea.
const FAMILIES: [((&str, &str), u64); 48] = [
    (("김", "kim"), 215),
    (("이", "lee"), 147),
    (("박", "park"), 84),
    (("최", "choi"), 47),
    (("정", "jung"), 43),
    (("강", "kang"), 24),
    (("조", "cho"), 21),
    (("윤", "yoon"), 21),
    (("장", "jang"), 20),
    (("임", "lim"), 17),
    (("한", "han"), 16),
    (("오", "oh"), 15),
    (("서", "seo"), 15),
    (("신", "shin"), 15),
    (("권", "kwon"), 14),
    (("황", "hwang"), 14),
    (("안", "ahn"), 14),
    (("송", "song"), 14),
    (("전", "jeon"), 11),
    (("홍", "hong"), 11),
    (("유", "yoo"), 13),
    (("고", "ko"), 9),
    (("문", "moon"), 9),
    (("양", "yang"), 9),
    (("손", "son"), 9),
    (("배", "bae"), 8),
    (("백", "baek"), 8),
    (("허", "heo"), 7),
    (("남", "nam"), 6),
    (("심", "shim"), 5),
    (("노", "noh"), 5),
    (("하", "ha"), 5),
    (("곽", "kwak"), 4),
    (("성", "sung"), 4),
    (("차", "cha"), 4),
    (("주", "joo"), 4),
    (("우", "woo"), 4),
    (("구", "koo"), 4),
    (("민", "min"), 3),
    (("나", "na"), 3),
    (("진", "jin"), 3),
    (("지", "ji"), 3),
    (("엄", "um"), 3),
    (("채", "chae"), 3),
    (("남궁", "namgung"), 2),
    (("황보", "hwangbo"), 1),
    (("제갈", "jegal"), 1),
    (("선우", "sunwoo"), 1),
];

/// First syllables of given names.
const FIRST: [(&str, &str); 40] = [
    ("민", "min"),
    ("서", "seo"),
    ("지", "ji"),
    ("하", "ha"),
    ("도", "do"),
    ("예", "ye"),
    ("주", "ju"),
    ("현", "hyun"),
    ("수", "su"),
    ("은", "eun"),
    ("시", "si"),
    ("유", "yu"),
    ("준", "jun"),
    ("건", "geon"),
    ("우", "woo"),
    ("재", "jae"),
    ("성", "sung"),
    ("승", "seung"),
    ("태", "tae"),
    ("동", "dong"),
    ("영", "young"),
    ("정", "jung"),
    ("미", "mi"),
    ("경", "kyung"),
    ("혜", "hye"),
    ("소", "so"),
    ("채", "chae"),
    ("다", "da"),
    ("나", "na"),
    ("가", "ga"),
    ("윤", "yoon"),
    ("연", "yeon"),
    ("규", "kyu"),
    ("병", "byung"),
    ("상", "sang"),
    ("진", "jin"),
    ("세", "se"),
    ("선", "sun"),
    ("아", "a"),
    ("보", "bo"),
];

/// Second syllables of given names.
const SECOND: [(&str, &str); 40] = [
    ("준", "jun"),
    ("연", "yeon"),
    ("우", "woo"),
    ("윤", "yoon"),
    ("진", "jin"),
    ("원", "won"),
    ("호", "ho"),
    ("은", "eun"),
    ("아", "a"),
    ("민", "min"),
    ("영", "young"),
    ("현", "hyun"),
    ("희", "hee"),
    ("수", "su"),
    ("혁", "hyuk"),
    ("빈", "bin"),
    ("율", "yul"),
    ("인", "in"),
    ("서", "seo"),
    ("지", "ji"),
    ("림", "rim"),
    ("경", "kyung"),
    ("나", "na"),
    ("정", "jung"),
    ("석", "seok"),
    ("철", "chul"),
    ("훈", "hoon"),
    ("환", "hwan"),
    ("규", "kyu"),
    ("미", "mi"),
    ("선", "sun"),
    ("주", "ju"),
    ("태", "tae"),
    ("람", "ram"),
    ("솔", "sol"),
    ("별", "byul"),
    ("결", "gyul"),
    ("담", "dam"),
    ("온", "on"),
    ("설", "sul"),
];

/// Nicknames, as Kakao has them beside names.
const NICKNAMES: [(&str, &str); 12] = [
    ("하늘바라기", "skywatcher"),
    ("라떼한잔", "latte"),
    ("밤산책", "nightwalk"),
    ("토끼굴", "rabbithole"),
    ("감자도리", "potato"),
    ("오늘도맑음", "sunny"),
    ("고양이집사 🐈", "catbutler"),
    ("Mina Park", "mina"),
    ("Daniel K.", "daniel"),
    ("제주(濟州)", "jeju"),
    ("B_side", "bside"),
    ("100%주스", "juice"),
];

/// Domains that belong to nobody.
const DOMAINS: [(&str, u64); 3] = [("example.com", 6), ("example.net", 3), ("example.org", 1)];

/// What somebody is called.
pub(super) struct Called {
    pub(super) name: String,
    letters: String,
}

impl Called {
    pub(super) fn new(dice: &mut Dice) -> Self {
        if dice.per_mille(60)
            && let Some((name, letters)) = dice.one(&NICKNAMES)
        {
            return Self {
                name: (*name).to_owned(),
                letters: (*letters).to_owned(),
            };
        }
        let (family, family_letters) = dice.weighted(&FAMILIES).copied().unwrap_or_default();
        let (first, first_letters) = dice.one(&FIRST).copied().unwrap_or_default();
        // Some have a single syllable.
        let second = (!dice.per_mille(35)).then(|| dice.one(&SECOND).copied());
        let (second, second_letters) = second.flatten().unwrap_or_default();
        Self {
            name: format!("{family}{first}{second}"),
            letters: format!("{first_letters}{second_letters}.{family_letters}"),
        }
    }

    /// An address that nobody else has who is in another place.
    pub(super) fn address(&self, dice: &mut Dice, place: usize) -> String {
        let domain = dice.weighted(&DOMAINS).copied().unwrap_or("example.com");
        format!("{}{}@{domain}", self.letters, place + 1)
    }
}
