//! Passwords: which ones are accepted, and how one is kept and checked.
//!
//! A password is compared as it was typed, after Unicode normalisation form C (as RFC 8265
//! section 4.2 does it): what two keyboards send for one Hangul syllable is one password. Nothing
//! is cut off, trimmed or changed in case. Only an Argon2id hash is kept.

use std::sync::Arc;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;
use unicode_normalization::UnicodeNormalization as _;
use zxcvbn::Score;

use crate::random::Random;

/// OWASP's second choice of parameters for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// The longest anybody waits for a slot. Who waits longer is told to come back.
const PATIENCE: Duration = Duration::from_secs(8);

/// The fewest letters and digits that a password must have beside what guessers know of a person.
const OF_ONES_OWN: usize = 5;

/// How long a password may be, in code points after normalisation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lengths {
    /// The shortest that is accepted.
    pub min: usize,
    /// The longest that is accepted.
    pub max: usize,
}

/// A password as it was typed, normalised. Prints as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

/// Why a password is not accepted as a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weak {
    /// Fewer code points than [`Lengths::min`].
    TooShort,
    /// More code points than [`Lengths::max`].
    TooLong,
    /// Found in lists of leaked passwords, or made of what guessers try first: common words, rows
    /// of keys, dates, the person's own name or address, the name of the service.
    Common,
}

impl Password {
    /// Takes what was typed.
    #[must_use]
    pub fn new(typed: &str) -> Self {
        Self(typed.nfc().collect())
    }

    /// Whether this may become somebody's password. `context` is what guessers know of them: name,
    /// address, the name of the service.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn accept(&self, lengths: Lengths, context: &[&str]) -> Result<(), Weak> {
        let length = self.0.chars().count();
        if length < lengths.min {
            return Err(Weak::TooShort);
        }
        if length > lengths.max {
            return Err(Weak::TooLong);
        }
        let context: Vec<String> = context.iter().flat_map(|text| pieces(text)).collect();
        if self.left_without(&context) < OF_ONES_OWN {
            return Err(Weak::Common);
        }
        let context: Vec<&str> = context.iter().map(String::as_str).collect();
        // Score 3 and more: beyond 10^8 guesses, what zxcvbn calls safe from an online attack.
        match zxcvbn::zxcvbn(&self.0, &context).score() {
            Score::Zero | Score::One | Score::Two => Err(Weak::Common),
            _ => Ok(()),
        }
    }

    /// How many letters and digits are left when the words of `context` are taken out.
    fn left_without(&self, context: &[String]) -> usize {
        let mut rest = self.0.to_lowercase();
        for word in context {
            rest = rest.replace(word.as_str(), "");
        }
        rest.chars().filter(|c| c.is_alphanumeric()).count()
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// The whole text, and its words.
fn pieces(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let words = lower.split(|c: char| !c.is_alphanumeric());
    let words = std::iter::once(lower.as_str()).chain(words);
    let words = words.filter(|word| word.chars().count() > 1);
    words.map(str::to_owned).collect()
}

/// What is kept of a password: algorithm, parameters, salt and hash, in the PHC string format.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept(String);

impl Kept {
    /// As it is stored.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// From what was stored.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kept(…)")
    }
}

/// What a check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Right {
        /// What to keep from now on, where what is kept is weaker than what is made today.
        upgrade: Option<Kept>,
    },
    /// It is not, or there is none.
    Wrong,
}

/// Why a password was neither hashed nor checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Too many others are at it; coming back helps.
    #[error("all slots for hashing passwords are taken")]
    Busy,
    /// The hash could not be computed: no memory, or no randomness.
    #[error("a password could not be hashed")]
    Failed,
}

/// Hashes and checks passwords, on a bounded number of threads: each takes 19 MiB and a core for
/// some hundredths of a second, so that a crowd must queue here, not crowd out everything else.
#[derive(Clone)]
pub struct Hasher {
    argon2: Arc<Argon2<'static>>,
    /// The hash of nobody's password, checked where there is none, so that it takes as long.
    nobody: Arc<Kept>,
    slots: Arc<Semaphore>,
    random: Random,
}

impl Hasher {
    /// A hasher that works on `slots` passwords at once.
    ///
    /// # Errors
    /// [`Error::Failed`] when the system has no randomness.
    pub fn new(slots: usize, random: Random) -> Result<Self, Error> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| Error::Failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let salt = random.bytes::<16>().map_err(|_| Error::Failed)?;
        let secret = random.bytes::<32>().map_err(|_| Error::Failed)?;
        let nobody = hash(&argon2, &secret, &salt)?;
        Ok(Self {
            argon2: Arc::new(argon2),
            nobody: Arc::new(nobody),
            slots: Arc::new(Semaphore::new(slots.max(1))),
            random,
        })
    }

    /// What to keep of `password`.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn keep(&self, password: Password) -> Result<Kept, Error> {
        let salt = self.random.bytes::<16>().map_err(|_| Error::Failed)?;
        self.in_a_slot(move |argon2| hash(argon2, password.0.as_bytes(), &salt))
            .await?
    }

    /// Whether `password` is the one of which `kept` was kept. Without one the same work is done,
    /// and the answer is no.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn check(&self, password: Password, kept: Option<Kept>) -> Result<Verdict, Error> {
        let salt = self.random.bytes::<16>().map_err(|_| Error::Failed)?;
        let nobody = Arc::clone(&self.nobody);
        self.in_a_slot(move |argon2| {
            let typed = password.0.as_bytes();
            let known = kept.is_some();
            let kept = kept.unwrap_or_else(|| (*nobody).clone());
            let Ok(parsed) = PasswordHash::new(kept.as_str()) else {
                return Ok(Verdict::Wrong);
            };
            if argon2.verify_password(typed, &parsed).is_err() || !known {
                return Ok(Verdict::Wrong);
            }
            let upgrade = if is_of_today(&parsed) {
                None
            } else {
                Some(hash(argon2, typed, &salt)?)
            };
            Ok(Verdict::Right { upgrade })
        })
        .await?
    }

    async fn in_a_slot<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let slot = Arc::clone(&self.slots).acquire_owned();
        let slot = tokio::time::timeout(PATIENCE, slot).await;
        let slot = slot.map_err(|_| Error::Busy)?.map_err(|_| Error::Busy)?;
        let argon2 = Arc::clone(&self.argon2);
        let work = tokio::task::spawn_blocking(move || {
            // Held by the thread: a caller that goes away frees nothing before its time.
            let _slot = slot;
            work(&argon2)
        });
        work.await.map_err(|_| Error::Failed)
    }
}

fn hash(argon2: &Argon2<'_>, password: &[u8], salt: &[u8]) -> Result<Kept, Error> {
    let hash: PasswordHash = argon2
        .hash_password_with_salt(password, salt)
        .map_err(|_| Error::Failed)?;
    Ok(Kept(hash.to_string()))
}

fn is_of_today(hash: &PasswordHash) -> bool {
    let at_least = |params: Params| {
        params.m_cost() >= MEMORY_KIB && params.t_cost() >= PASSES && params.p_cost() >= LANES
    };
    hash.algorithm.as_str() == "argon2id"
        && hash.version == Some(Version::V0x13.into())
        && Params::try_from(hash).is_ok_and(at_least)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTHS: Lengths = Lengths { min: 10, max: 128 };

    fn weakness(typed: &str) -> Result<(), Weak> {
        let context = ["hong.gildong@example.com", "홍길동", "예시서비스"];
        Password::new(typed).accept(LENGTHS, &context)
    }

    // PW-1, PW-3
    #[test]
    fn short_and_guessable_passwords_are_refused_and_nothing_else_is_asked_of_them() {
        for (typed, why) in [
            ("", Weak::TooShort),
            ("가나다라마바사아자", Weak::TooShort),
            (&"a".repeat(129), Weak::TooLong),
            (&"a".repeat(128), Weak::Common),
            ("password123", Weak::Common),
            ("qwerty123456", Weak::Common),
            ("1234567890", Weak::Common),
            ("Hong.Gildong1", Weak::Common),
            ("iloveyou1234", Weak::Common),
            ("2026-11-21", Weak::Common),
        ] {
            assert_eq!(weakness(typed), Err(why), "{typed:?}");
        }
        for typed in [
            "correct horse battery staple",
            "vexjud-pihra8-tigfoN",
            "느린 거북이가 바다를 건넌다",
            "\u{0}nul und grün 🌧 äöü",
            &"찬바람이 불면 ".repeat(14),
        ] {
            assert_eq!(weakness(typed), Ok(()), "{typed:?}");
        }
    }

    // PW-1
    #[test]
    fn length_is_counted_in_characters_whatever_the_keyboard_sends() {
        let composed = "각난닫랄맘밥삿앙잦찿";
        let decomposed: String = composed.nfd().collect();
        assert!(decomposed.chars().count() > 20);
        let decomposed = Password::new(&decomposed);
        assert_ne!(decomposed.accept(LENGTHS, &[]), Err(Weak::TooShort));
        let short: String = composed.chars().take(9).collect();
        let short = Password::new(&short.nfd().collect::<String>());
        assert_eq!(short.accept(LENGTHS, &[]), Err(Weak::TooShort));
    }

    // PW-2, PW-4, ID-4
    #[tokio::test]
    async fn a_password_is_the_one_that_was_typed_and_no_other() {
        let hasher = Hasher::new(2, Random::system()).unwrap();
        let long = "긴".repeat(30);
        for typed in ["Grün und \0 rot", "  spaces  ", "각난닫랄", &long] {
            let kept = hasher.keep(Password::new(typed)).await.unwrap();
            assert!(kept.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
            let again = hasher.keep(Password::new(typed)).await.unwrap();
            assert_ne!(kept, again, "salted");
            let decomposed: String = typed.nfd().collect();
            for (other, right) in [
                (typed.to_owned(), true),
                (decomposed, true),
                (typed.to_uppercase() + "!", false),
                (format!("{typed} "), false),
                (typed.chars().skip(1).collect(), false),
                (String::new(), false),
            ] {
                let verdict = hasher
                    .check(Password::new(&other), Some(kept.clone()))
                    .await;
                let expected = if right {
                    Verdict::Right { upgrade: None }
                } else {
                    Verdict::Wrong
                };
                assert_eq!(verdict.unwrap(), expected, "{other:?} for {typed:?}");
            }
        }
        for typed in ["", "\0", "null", "anything at all"] {
            let verdict = hasher.check(Password::new(typed), None).await.unwrap();
            assert_eq!(verdict, Verdict::Wrong, "{typed:?} where there is none");
            let junk = Some(Kept::stored(String::new()));
            let verdict = hasher.check(Password::new(typed), junk).await.unwrap();
            assert_eq!(verdict, Verdict::Wrong, "{typed:?} against nothing");
        }
    }

    // PW-2
    #[tokio::test]
    async fn passwords_equal_in_their_first_72_bytes_are_two() {
        let hasher = Hasher::new(1, Random::system()).unwrap();
        let start = "a".repeat(72);
        let kept = hasher
            .keep(Password::new(&format!("{start}1")))
            .await
            .unwrap();
        let other = Password::new(&format!("{start}2"));
        assert_eq!(
            hasher.check(other, Some(kept)).await.unwrap(),
            Verdict::Wrong
        );
    }

    // PW-4
    #[tokio::test]
    async fn a_weaker_hash_is_replaced_when_its_password_comes_by() {
        let weak = Argon2::new(
            Algorithm::Argon2id,
            Version::V0x13,
            Params::new(8 * 1024, 1, 1, None).unwrap(),
        );
        let kept = hash(&weak, b"a weak old hash", &[7; 16]).unwrap();
        let hasher = Hasher::new(1, Random::system()).unwrap();
        let typed = Password::new("a weak old hash");
        let verdict = hasher
            .check(typed.clone(), Some(kept.clone()))
            .await
            .unwrap();
        let Verdict::Right {
            upgrade: Some(upgrade),
        } = verdict
        else {
            panic!("{verdict:?}")
        };
        let again = hasher.check(typed, Some(upgrade)).await.unwrap();
        assert_eq!(again, Verdict::Right { upgrade: None });
        let wrong = Password::new("a weak old hasH");
        assert_eq!(
            hasher.check(wrong, Some(kept)).await.unwrap(),
            Verdict::Wrong
        );
    }

    // PW-7
    #[tokio::test]
    async fn a_crowd_queues_for_the_slots() {
        let hasher = Hasher::new(1, Random::system()).unwrap();
        let taken = Arc::clone(&hasher.slots).acquire_owned().await.unwrap();
        let waiting = tokio::spawn({
            let hasher = hasher.clone();
            async move { hasher.keep(Password::new("patience")).await }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(taken);
        assert!(waiting.await.unwrap().is_ok());
    }

    #[test]
    fn nothing_prints_a_password() {
        let printed = format!("{:?} {:?}", Password::new("secret"), Kept("$x".to_owned()));
        assert_eq!(printed, "Password(…) Kept(…)");
    }
}
