//! Secrets at rest: the master keys, what is derived from them, and sealing with them.
//!
//! Everything sealed is AES-256-GCM with a random nonce, names the key that sealed it, and is
//! bound to a context, so that a value moved to another row, column or purpose does not open.
//! The first master key seals; the others still open what they sealed, which is how a key is
//! changed without signing anybody out.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// Text that must not be printed: a key, a secret, an address with a password in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text, for the one call that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Why a text is not a master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMasterKey {
    /// Neither the standard nor the URL-safe alphabet of RFC 4648.
    #[error("is not base64")]
    NotBase64,
    /// Fewer than [`MasterKey::MIN_BYTES`].
    #[error("holds fewer than 64 bytes")]
    TooShort,
    /// The same few bytes over and over: typed by hand, not drawn at random.
    #[error("is not random")]
    NotRandom,
}

/// The operator's `SECRET_KEY`: everything that must stay unguessable is derived from it.
#[derive(Clone)]
pub struct MasterKey(Vec<u8>);

impl MasterKey {
    /// The least number of bytes accepted.
    pub const MIN_BYTES: usize = 64;

    /// Reads a key from base64 (RFC 4648, either alphabet, padded or not).
    ///
    /// # Errors
    /// [`InvalidMasterKey`] says what is wrong, without the value.
    pub fn from_base64(text: &str) -> Result<Self, InvalidMasterKey> {
        let text = text.trim();
        let bytes = [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD]
            .iter()
            .find_map(|alphabet| alphabet.decode(text).ok())
            .ok_or(InvalidMasterKey::NotBase64)?;
        if bytes.len() < Self::MIN_BYTES {
            return Err(InvalidMasterKey::TooShort);
        }
        // 64 random bytes hold about 56 different values; fewer than 32 never happens by chance.
        let distinct = bytes
            .iter()
            .collect::<std::collections::BTreeSet<_>>()
            .len();
        if distinct < 32 {
            return Err(InvalidMasterKey::NotRandom);
        }
        Ok(Self(bytes))
    }

    /// `N` bytes for one purpose, at most 64: HMAC-SHA512 of the purpose under this key, which is
    /// already as random as a key can be. Different purposes give unrelated bytes.
    #[must_use]
    pub fn derive<const N: usize>(&self, purpose: &str) -> [u8; N] {
        const { assert!(N <= 64, "HMAC-SHA512 gives 64 bytes") };
        let key = hmac::Key::new(hmac::HMAC_SHA512, &self.0);
        let tag = hmac::sign(&key, purpose.as_bytes());
        let mut bytes = [0; N];
        for (byte, derived) in bytes.iter_mut().zip(tag.as_ref()) {
            *byte = *derived;
        }
        bytes
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// There is no key to seal with.
#[derive(Debug, thiserror::Error)]
#[error("no master key")]
pub struct NoKey;

/// The value could not be sealed: the system's random generator failed.
#[derive(Debug, thiserror::Error)]
#[error("could not seal a value")]
pub struct SealError;

/// Seals and opens values, and makes keyed digests.
pub struct Vault {
    current: VaultKey,
    older: Vec<VaultKey>,
}

struct VaultKey {
    id: String,
    aead: RandomizedNonceKey,
    mac: hmac::Key,
}

impl VaultKey {
    fn of(master: &MasterKey) -> Result<Self, NoKey> {
        let id = master.derive::<4>("vault key id");
        Ok(Self {
            id: hex(&id),
            aead: RandomizedNonceKey::new(&AES_256_GCM, &master.derive::<32>("vault aead"))
                .map_err(|_| NoKey)?,
            mac: hmac::Key::new(hmac::HMAC_SHA256, &master.derive::<32>("vault mac")),
        })
    }
}

impl Vault {
    /// A vault that seals with the first of `keys` and opens with all of them.
    ///
    /// # Errors
    /// [`NoKey`] when `keys` is empty.
    pub fn new(keys: &[MasterKey]) -> Result<Self, NoKey> {
        let (current, older) = keys.split_first().ok_or(NoKey)?;
        Ok(Self {
            current: VaultKey::of(current)?,
            older: older.iter().map(VaultKey::of).collect::<Result<_, _>>()?,
        })
    }

    /// Seals `plain` for one `context` (what it is and whose, such as
    /// `sessions.kakao_access/<session id>`). The result is printable ASCII.
    ///
    /// # Errors
    /// [`SealError`] when the system has no randomness to give.
    pub fn seal(&self, context: &str, plain: &[u8]) -> Result<String, SealError> {
        let mut sealed = plain.to_vec();
        let nonce = self
            .current
            .aead
            .seal_in_place_append_tag(Aad::from(context.as_bytes()), &mut sealed)
            .map_err(|_| SealError)?;
        let mut bytes = nonce.as_ref().to_vec();
        bytes.append(&mut sealed);
        Ok(format!(
            "{}.{}",
            self.current.id,
            URL_SAFE_NO_PAD.encode(bytes)
        ))
    }

    /// Opens what [`Vault::seal`] made for the same `context`; `None` for anything else: altered,
    /// moved, made up, or sealed with a key that is no longer known.
    #[must_use]
    pub fn open(&self, context: &str, sealed: &str) -> Option<Vec<u8>> {
        let (id, body) = sealed.split_once('.')?;
        let key = self.keys().find(|key| key.id == id)?;
        let bytes = URL_SAFE_NO_PAD.decode(body).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut sealed = sealed.to_vec();
        let plain = key
            .aead
            .open_in_place(nonce, Aad::from(context.as_bytes()), &mut sealed)
            .ok()?;
        Some(plain.to_vec())
    }

    /// A keyed digest (HMAC-SHA256) of `data` for one `purpose`.
    #[must_use]
    pub fn digest(&self, purpose: &str, data: &[u8]) -> [u8; 32] {
        keyed_digest(&self.current, purpose, data)
    }

    /// Whether `claimed` is the digest of `data` under the current key or an older one. Takes
    /// the same time for every wrong answer.
    #[must_use]
    pub fn is_digest(&self, purpose: &str, data: &[u8], claimed: &[u8]) -> bool {
        use subtle::ConstantTimeEq as _;
        self.keys()
            .any(|key| keyed_digest(key, purpose, data).ct_eq(claimed).into())
    }

    fn keys(&self) -> impl Iterator<Item = &VaultKey> {
        std::iter::once(&self.current).chain(&self.older)
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("current", &self.current.id)
            .finish_non_exhaustive()
    }
}

fn keyed_digest(key: &VaultKey, purpose: &str, data: &[u8]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(&key.mac);
    context.update(purpose.as_bytes());
    context.update(&[0]);
    context.update(data);
    let mut bytes = [0; 32];
    bytes.copy_from_slice(context.sign().as_ref());
    bytes
}

/// 256 bits that follow from a random `seed` for one `purpose`, and tell nothing about it or
/// about one another (HMAC-SHA256 with the seed as key).
#[must_use]
pub fn branch(seed: &[u8; 32], purpose: &str) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, seed), purpose.as_bytes());
    let mut bytes = [0; 32];
    bytes.copy_from_slice(tag.as_ref());
    bytes
}

/// The plain SHA-256 of `data` in lower-case hex: how a high-entropy secret is kept in the
/// database so that a stolen copy opens nothing.
#[must_use]
pub fn fingerprint(data: &[u8]) -> String {
    hex(digest(&SHA256, data).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    fn key() -> MasterKey {
        let bytes = Random::system().bytes::<64>().unwrap();
        MasterKey::from_base64(&STANDARD.encode(bytes)).unwrap()
    }

    // TK-1
    #[test]
    fn a_sealed_value_opens_only_whole_and_in_its_place() {
        let vault = Vault::new(&[key()]).unwrap();
        let sealed = vault.seal("sessions.kakao/1", b"token").unwrap();
        assert_eq!(vault.open("sessions.kakao/1", &sealed).unwrap(), b"token");
        assert_eq!(vault.open("sessions.kakao/2", &sealed), None);
        assert_ne!(sealed, vault.seal("sessions.kakao/1", b"token").unwrap());
        for at in 0..sealed.len() {
            let mut altered = sealed.clone().into_bytes();
            altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
            let altered = String::from_utf8(altered).unwrap();
            assert_eq!(vault.open("sessions.kakao/1", &altered), None, "byte {at}");
        }
        for junk in ["", ".", "x.", "00000000.AAAA"] {
            assert_eq!(vault.open("sessions.kakao/1", junk), None);
        }
    }

    // TK-2
    #[test]
    fn an_older_key_still_opens_until_it_is_dropped() {
        let (old, new) = (key(), key());
        let sealed = Vault::new(std::slice::from_ref(&old))
            .unwrap()
            .seal("c", b"x")
            .unwrap();
        let digest = Vault::new(std::slice::from_ref(&old))
            .unwrap()
            .digest("p", b"x");
        let both = Vault::new(&[new.clone(), old]).unwrap();
        assert_eq!(both.open("c", &sealed).unwrap(), b"x");
        assert!(both.is_digest("p", b"x", &digest));
        let only_new = Vault::new(&[new]).unwrap();
        assert_eq!(only_new.open("c", &sealed), None);
        assert!(!only_new.is_digest("p", b"x", &digest));
    }

    // CF-1
    #[test]
    fn weak_master_keys_are_refused() {
        use InvalidMasterKey::{NotBase64, NotRandom, TooShort};
        for (text, why) in [
            ("한글".to_owned(), NotBase64),
            (STANDARD.encode([7; 63]), TooShort),
            (STANDARD.encode([7; 64]), NotRandom),
            (STANDARD.encode("changeme".repeat(10)), NotRandom),
        ] {
            assert_eq!(MasterKey::from_base64(&text).unwrap_err(), why);
        }
    }

    #[test]
    fn nothing_prints_a_secret() {
        let printed = format!("{:?} {:?}", Secret::new("hunter2"), key());
        assert_eq!(printed, "Secret(…) MasterKey(…)");
    }
}
