//! Slowing guesses down, without letting strangers lock anybody out.
//!
//! A try is counted before its password is checked, so that many at once are not more than many in
//! a row.

use std::net::IpAddr;

use time::{Duration, OffsetDateTime};

use crate::flow::Gate;
use crate::member::MemberId;
use crate::store::throttles::{self, Allowance};
use crate::store::{self, AnyConnection};

/// Wrong passwords for one address, from browsers that were never signed in there.
const ACCOUNT: Allowance = in_a_quarter(5);

/// Wrong passwords from one network, for whatever addresses.
const NETWORK: Allowance = in_a_quarter(50);

/// Wrong passwords from one browser, for a member who has signed in with it.
const BROWSER: Allowance = in_a_quarter(5);

/// Wrong passwords of somebody signed in.
const SIGNED_IN: Allowance = in_a_quarter(5);

/// Mails to one address that somebody says to have forgotten the password of.
const MAILS_TO_ADDRESS: Allowance = Allowance {
    failures: 1,
    within: Duration::MINUTE,
};

/// The same from one network.
const MAILS_FROM_NETWORK: Allowance = in_a_quarter(10);

const fn in_a_quarter(failures: i32) -> Allowance {
    Allowance {
        failures,
        within: Duration::minutes(15),
    }
}

/// Whose try it is.
#[derive(Clone, Debug)]
pub(super) enum Guesser {
    /// Somebody at a browser that this member has signed in with: counted for itself, whatever
    /// others do.
    Known { member: MemberId, browser: String },
    /// Anybody else.
    Stranger { email_key: String, network: IpAddr },
    /// Somebody signed in, who types the password once more.
    Member(MemberId),
}

impl Guesser {
    /// What a try of theirs counts for, in the order in which everybody takes it.
    fn counted(&self) -> Vec<(String, Allowance)> {
        match self {
            Self::Known { member, browser } => {
                vec![(format!("browser/{member}/{browser}"), BROWSER)]
            }
            Self::Stranger { email_key, network } => vec![
                (format!("network/{network}"), NETWORK),
                (format!("account/{email_key}"), ACCOUNT),
            ],
            Self::Member(member) => vec![(format!("member/{member}"), SIGNED_IN)],
        }
    }
}

impl Gate {
    /// Counts a try; says how long to wait instead, when there were too many.
    pub(super) fn count_guess(
        &self,
        connection: &mut AnyConnection,
        guesser: &Guesser,
        now: OffsetDateTime,
    ) -> Result<Option<std::time::Duration>, store::Error> {
        for (what, allowance) in guesser.counted() {
            if let Some(wait) = self.take(connection, &what, allowance, now)? {
                return Ok(Some(wait));
            }
        }
        Ok(None)
    }

    /// The try was right: what was counted for the address, browser or member is forgotten. The
    /// network gets only this one back, so that nobody wipes out with an account of their own what
    /// they tried on others.
    pub(super) fn forgive_guess(
        &self,
        connection: &mut AnyConnection,
        guesser: &Guesser,
    ) -> Result<(), store::Error> {
        for (what, _) in guesser.counted() {
            let key = self.throttle_key(&what);
            if what.starts_with("network/") {
                throttles::give_back(connection, &key)?;
            } else {
                throttles::clear(connection, &key)?;
            }
        }
        Ok(())
    }

    /// The try was none: nobody looked at the password.
    pub(super) async fn withdraw_guess(&self, guesser: Guesser) {
        let gate = self.clone();
        let withdrawn = self
            .store
            .write(move |connection| {
                for (what, _) in guesser.counted() {
                    throttles::give_back(connection, &gate.throttle_key(&what))?;
                }
                Ok(())
            })
            .await;
        if let Err(error) = withdrawn {
            tracing::debug!(%error, "a try that was none stays counted");
        }
    }

    /// Forgets the wrong passwords for an address: its owner has come by another way.
    pub(super) fn forgive_address(
        &self,
        connection: &mut AnyConnection,
        email_key: &str,
    ) -> Result<(), store::Error> {
        throttles::clear(
            connection,
            &self.throttle_key(&format!("account/{email_key}")),
        )
    }

    /// Counts a wish for mail; says how long the network has to wait instead.
    pub(super) fn count_mail_from(
        &self,
        connection: &mut AnyConnection,
        network: IpAddr,
        now: OffsetDateTime,
    ) -> Result<Option<std::time::Duration>, store::Error> {
        let what = format!("mails from/{network}");
        self.take(connection, &what, MAILS_FROM_NETWORK, now)
    }

    /// Counts a wish for mail to an address; says how long it has to wait instead.
    pub(super) fn count_mail_to(
        &self,
        connection: &mut AnyConnection,
        email_key: &str,
        now: OffsetDateTime,
    ) -> Result<Option<std::time::Duration>, store::Error> {
        let what = format!("mails to/{email_key}");
        self.take(connection, &what, MAILS_TO_ADDRESS, now)
    }
}
