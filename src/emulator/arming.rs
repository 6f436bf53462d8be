//! Faults asked for in words: in forms, in addresses, and by whoever chooses a scenario.

use super::fault::{Times, UnknownFault};
use super::journal::Endpoint;
use super::state::State;

/// The mail server's name where [`Endpoint::name`] names an address.
pub(super) const MAIL: &str = "mail";

impl State {
    /// Arms a fault by the words that forms and addresses use: [`MAIL`] or the name of an
    /// endpoint, and the spelling of a fault it can have.
    pub(super) fn arm(
        &mut self,
        target: &str,
        fault: &str,
        times: Times,
    ) -> Result<(), UnknownFault> {
        if target == MAIL {
            self.mailbox.faults.arm(fault.parse()?, times);
            return Ok(());
        }
        let unknown = || UnknownFault(target.to_owned());
        let endpoint = Endpoint::named(target).ok_or_else(unknown)?;
        self.faults.arm(endpoint, fault.parse()?, times);
        Ok(())
    }

    /// Arms `<target>:<fault>` once; a fault alone is meant for the authorize address.
    pub(super) fn arm_once(&mut self, text: &str) -> Result<(), UnknownFault> {
        let (target, fault) = targeted(text);
        self.arm(target, fault, Times::Once)
    }

    /// Forgets every fault.
    pub(super) fn heal(&mut self) {
        self.faults.clear();
        self.mailbox.faults.clear();
        self.alteration = None;
    }
}

fn targeted(text: &str) -> (&str, &str) {
    match text.split_once(':') {
        Some((target, fault)) if target == MAIL || Endpoint::named(target).is_some() => {
            (target, fault)
        }
        _ => (Endpoint::Authorize.name(), text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_may_name_its_target() {
        for (text, parts) in [
            ("token:KOE320", ("token", "KOE320")),
            ("mail:delay:5", ("mail", "delay:5")),
            ("delay:5", ("authorize", "delay:5")),
        ] {
            assert_eq!(targeted(text), parts);
        }
    }
}
