//! Personal data as the administration shows it: enough to recognise somebody by, not enough to
//! learn it. The one place where anything is hidden, because two different masks of one value
//! can be put together into the value.

use std::net::IpAddr;

/// A name: the first and the last syllable stay, of two the first, of one none; of names written
/// in words of letters the first letter of each word, always with three stars, so that lengths
/// tell nothing.
#[must_use]
pub fn name(name: &str) -> String {
    if name.chars().all(|c| is_syllable(c) || c.is_whitespace()) {
        let syllables: Vec<char> = name.chars().filter(|c| !c.is_whitespace()).collect();
        return match syllables.as_slice() {
            [] | [_] => "*".to_owned(),
            [first, _] => format!("{first}*"),
            [first, middle @ .., last] => format!("{first}{}{last}", "*".repeat(middle.len())),
        };
    }
    let initials = name
        .split_whitespace()
        .filter_map(|word| word.chars().next());
    let masked: Vec<String> = initials.map(|initial| format!("{initial}***")).collect();
    masked.join(" ")
}

/// Hangul and Chinese characters: one is a syllable.
fn is_syllable(c: char) -> bool {
    matches!(c, '\u{ac00}'..='\u{d7a3}' | '\u{4e00}'..='\u{9fff}' | '\u{3400}'..='\u{4dbf}')
}

/// An email address: the first character and the domain stay.
#[must_use]
pub fn email(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) => {
            let first = local.chars().next().map(String::from).unwrap_or_default();
            format!("{first}***@{domain}")
        }
        None => "***".to_owned(),
    }
}

/// A network address: the third of four parts goes; of IPv6 the first 48 bits stay. What is no
/// address, such as `system`, is nobody's.
#[must_use]
pub fn ip(address: &str) -> String {
    match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => {
            let [a, b, _, d] = ip.octets();
            format!("{a}.{b}.***.{d}")
        }
        Ok(IpAddr::V6(ip)) => {
            if let Some(mapped) = ip.to_ipv4_mapped() {
                return self::ip(&mapped.to_string());
            }
            let [a, b, c, ..] = ip.segments();
            format!("{a:x}:{b:x}:{c:x}:***")
        }
        Err(_) => address.to_owned(),
    }
}

/// A member number at Kakao: the last four digits stay.
#[must_use]
pub fn kakao_id(id: crate::member::KakaoId) -> String {
    let digits = id.to_string();
    let from = digits.len().saturating_sub(4);
    format!("******{}", digits.get(from..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::KakaoId;

    // AD-3
    #[test]
    fn each_kind_of_value_has_one_mask() {
        for (value, shown) in [
            ("홍길동", "홍*동"),
            ("이준", "이*"),
            ("남궁민수", "남**수"),
            ("강", "*"),
            ("金大中", "金*中"),
            ("John Smith", "J*** S***"),
            ("Björk", "B***"),
            ("김 Michael", "김*** M***"),
            ("하늘🌤", "하***"),
            ("", "*"),
        ] {
            assert_eq!(name(value), shown, "{value:?}");
        }
        for (value, shown) in [
            ("hong@gmail.com", "h***@gmail.com"),
            ("h@gmail.com", "h***@gmail.com"),
            ("\"a@b\"@c.kr", "\"***@c.kr"),
            ("@c.kr", "***@c.kr"),
            ("nonsense", "***"),
        ] {
            assert_eq!(email(value), shown, "{value:?}");
        }
        for (value, shown) in [
            ("203.0.113.7", "203.0.***.7"),
            ("::ffff:203.0.113.7", "203.0.***.7"),
            ("2001:db8:1:2::7", "2001:db8:1:***"),
            ("::1", "0:0:0:***"),
            ("system", "system"),
        ] {
            assert_eq!(ip(value), shown, "{value:?}");
        }
        assert_eq!(
            kakao_id(KakaoId::try_from(1_234_567_890).unwrap()),
            "******7890"
        );
        assert_eq!(kakao_id(KakaoId::try_from(12).unwrap()), "******12");
    }
}
