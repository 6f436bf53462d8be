//! Asking to join, and asking for the mail again.

use std::net::IpAddr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::wish::{What, Wish};
use super::{AGAIN, Application, TO_ADDRESS, Waiting, of_network};
use crate::email::EmailAddress;
use crate::flow::{Gate, Origin, Trouble};
use crate::i18n::Lang;
use crate::store::{self, AnyConnection};
use crate::vault::{Vault, fingerprint};

/// How long a browser remembers that it asked: longer than the link works, so that another can be
/// had.
const MEMORY: time::Duration = time::Duration::hours(1);

/// What the vault binds the cookie's content to.
const CONTEXT: &str = "join cookie";

/// What the browser remembers that asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The address.
    #[serde(rename = "e")]
    pub email: String,
    /// The name.
    #[serde(rename = "n")]
    pub name: String,
    /// The digest of what the link carries. Where the address has an account there is no such
    /// link.
    #[serde(rename = "d")]
    digest: String,
    #[serde(rename = "t")]
    at: i64,
}

/// Too many of this network, or to this address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMany {
    /// How long to wait.
    pub wait: Duration,
}

impl Asked {
    /// Reads the cookie's content; `None` for whatever does not open, or is older than an hour.
    #[must_use]
    pub fn open(vault: &Vault, sealed: &str, now: OffsetDateTime) -> Option<Self> {
        let asked: Self = serde_json::from_slice(&vault.open(CONTEXT, sealed)?).ok()?;
        let at = OffsetDateTime::from_unix_timestamp(asked.at).ok()?;
        (now - at < MEMORY).then_some(asked)
    }

    /// The cookie's content.
    #[must_use]
    pub fn seal(&self, vault: &Vault) -> Option<String> {
        vault.seal(CONTEXT, &serde_json::to_vec(self).ok()?).ok()
    }

    /// Whether the link whose token has this digest is the one that this browser asked for.
    pub(super) fn is_of(&self, digest: &str) -> bool {
        self.digest == digest
    }
}

impl Gate {
    /// Takes note that somebody wants to join. The same is done and answered whoever the address
    /// belongs to, if anybody, the password hashed included: whose it is, is looked up when the
    /// mail is due.
    ///
    /// # Errors
    /// [`Trouble`]; nobody is written to then, unless the answer to the commit was lost.
    pub async fn ask_to_join(
        &self,
        application: Application,
        network: IpAddr,
        lang: Lang,
        origin: &Origin,
    ) -> Result<Result<Asked, TooMany>, Trouble> {
        let now = self.clock.now();
        let Application {
            name,
            address,
            password,
            agreed,
        } = application;
        // Before the hash, which is what costs.
        let (gate, key) = (self.clone(), address.key());
        let wait = self
            .store
            .write(move |connection| gate.count_sign_up(connection, network, &key, now))
            .await?;
        if let Some(wait) = wait {
            log_asked("too_many", origin);
            return Ok(Err(TooMany { wait }));
        }
        let kept = self.keep_password(password).await?;
        let waiting = Waiting {
            name,
            email: address.as_str().to_owned(),
            kept: kept.as_str().to_owned(),
            agreed,
            at: now.unix_timestamp(),
            lang: lang.code().to_owned(),
        };
        let (asked, token) = self.asked(&address, waiting.name.clone(), now)?;
        let wish = Wish::new(token, &address, lang, What::First(waiting));
        let (gate, key) = (self.clone(), address.key());
        self.store
            .write(move |connection| {
                // Counted, so that the first repetition waits its minute, too.
                gate.take(connection, &again(&key), AGAIN, now)?;
                gate.owe_wish(connection, &wish, now)
            })
            .await?;
        self.letters.notify_one();
        log_asked("asked", origin);
        Ok(Ok(asked))
    }

    /// Takes note that the mail is wanted once more, with another link in the place of this
    /// browser's. Somebody else's sign-up with the same address is none of its business.
    ///
    /// # Errors
    /// The store's.
    pub async fn ask_again(
        &self,
        asked: Asked,
        network: IpAddr,
        lang: Lang,
        origin: &Origin,
    ) -> Result<Result<Asked, TooMany>, store::Error> {
        let Ok(address) = EmailAddress::parse(&asked.email) else {
            return Ok(Ok(asked));
        };
        let now = self.clock.now();
        let (anew, token) = self.asked(&address, asked.name, now)?;
        let before = What::Again {
            before: asked.digest,
        };
        let wish = Wish::new(token, &address, lang, before);
        let (gate, key) = (self.clone(), address.key());
        let wait = self
            .store
            .write(move |connection| {
                if let Some(wait) = gate.take(connection, &again(&key), AGAIN, now)? {
                    return Ok(Some(wait));
                }
                if let Some(wait) = gate.count_sign_up(connection, network, &key, now)? {
                    return Ok(Some(wait));
                }
                gate.owe_wish(connection, &wish, now)?;
                Ok(None)
            })
            .await?;
        if let Some(wait) = wait {
            log_asked("too_many", origin);
            return Ok(Err(TooMany { wait }));
        }
        self.letters.notify_one();
        log_asked("again", origin);
        Ok(Ok(anew))
    }

    /// What the browser remembers, and what the link is to carry.
    fn asked(
        &self,
        address: &EmailAddress,
        name: String,
        now: OffsetDateTime,
    ) -> Result<(Asked, String), store::Error> {
        let token = self.random.token()?;
        let asked = Asked {
            email: address.as_str().to_owned(),
            name,
            digest: fingerprint(token.as_bytes()),
            at: now.unix_timestamp(),
        };
        Ok((asked, token))
    }

    /// Counts a sign-up of this network and a mail to this address; how long to wait when either
    /// has had its share.
    fn count_sign_up(
        &self,
        connection: &mut AnyConnection,
        network: IpAddr,
        email_key: &str,
        now: OffsetDateTime,
    ) -> Result<Option<Duration>, store::Error> {
        if let Some(share) = of_network(&self.rules) {
            let what = format!("join network/{network}");
            if let Some(wait) = self.take(connection, &what, share, now)? {
                return Ok(Some(wait));
            }
        }
        let what = format!("join address/{email_key}");
        self.take(connection, &what, TO_ADDRESS, now)
    }
}

/// What repetitions for an address are counted under.
fn again(email_key: &str) -> String {
    format!("join again/{email_key}")
}

fn log_asked(result: &'static str, origin: &Origin) {
    tracing::info!(
        action = "join.email",
        result,
        client.address = %origin.ip,
        request.id = %origin.request_id,
        "account event"
    );
}
