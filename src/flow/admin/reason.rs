//! Why an admin does something, in their own words.

/// What an admin gives as the reason, fit for the audit log: between 5 and 300 characters without
/// line breaks or control characters, of which NUL would stop PostgreSQL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason(String);

/// Why something is no reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReasonError {
    /// Fewer than [`Reason::SHORTEST`] characters.
    #[error("a reason has at least {} characters", Reason::SHORTEST)]
    Short,
    /// More than [`Reason::LONGEST`] characters.
    #[error("a reason has at most {} characters", Reason::LONGEST)]
    Long,
}

impl Reason {
    /// The fewest characters.
    pub const SHORTEST: usize = 5;
    /// The most characters.
    pub const LONGEST: usize = 300;

    /// Takes what was written.
    ///
    /// # Errors
    /// [`ReasonError`].
    pub fn parse(text: &str) -> Result<Self, ReasonError> {
        let spaced: String = text
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .collect();
        let words: Vec<&str> = spaced.split_whitespace().collect();
        let words = words.join(" ");
        match words.chars().count() {
            ..Self::SHORTEST => Err(ReasonError::Short),
            Self::SHORTEST..=Self::LONGEST => Ok(Self(words)),
            _ => Err(ReasonError::Long),
        }
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_of_some_length() {
        let kept = |text: &str| Reason::parse(text).map(|reason| reason.0);
        assert_eq!(kept("  광고를\r\n  올림\0 "), Ok("광고를 올림".to_owned()));
        assert_eq!(kept("다섯글자임"), Ok("다섯글자임".to_owned()));
        for short in ["", "네글자임", "     ", "a\n\n\n\n\nb", "\0\0\0\0\0\0"] {
            assert_eq!(kept(short), Err(ReasonError::Short), "{short:?}");
        }
        assert!(kept(&"가".repeat(300)).is_ok());
        assert_eq!(kept(&"가".repeat(301)), Err(ReasonError::Long));
    }
}
