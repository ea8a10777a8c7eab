//! The desk: what staff-facing endpoints hold. It can do everything except read a released file.

use super::{
    Gateway,
    core::Core,
    facts::Facts,
    outcome::{Fault, Refused},
    vault::{LedgerFault, Tx, View, WriteError},
};
use crate::domain::{
    people::Person,
    refusal::{Fingerprint, Refusal},
    signature::PublicKey,
};

/// A handle for the control socket, later the API. Each act is in the file that is named after it.
#[derive(Clone)]
pub struct Desk {
    pub(super) gateway: Gateway,
}

impl Desk {
    /// Whose key this is. Whoever answers a request asks this first, whatever the request: so that a sealed identity is used stands on record
    /// before it gets anything.
    pub async fn who(&self, key: &PublicKey) -> Result<Person, Refused> {
        let fingerprint = key.fingerprint();
        let person = self.look(|facts| {
            let unknown = || Refusal::KeyUnknown { key: Fingerprint(fingerprint) };
            Ok(facts.roster.by_key(fingerprint).ok_or_else(unknown)?.clone())
        })?;
        if person.is_sealed() {
            self.say_if_glass_breaks(&person).await;
        }
        Ok(person)
    }

    /// Runs an act as one transaction: its records are durable when this returns.
    pub(super) async fn act<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Core, &mut Tx<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let answer = self.gateway.write(act).await?;
        // Only now can others see it: a nudge from within the transaction would be heard too early.
        self.gateway.core.nudge.files();
        Ok(answer)
    }

    /// Looks at committed facts.
    pub(super) fn look<T>(&self, look: impl FnOnce(&Facts<'_, View<'_>>) -> Result<T, Refused>) -> Result<T, Refused> {
        self.gateway.look(look)
    }
}

impl From<crate::domain::ids::NotAnId> for Refused {
    fn from(error: crate::domain::ids::NotAnId) -> Self {
        Refusal::RequestUnreadable { why: error.to_string() }.into()
    }
}

impl Gateway {
    pub(super) async fn write<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Core, &mut Tx<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let core = self.core.clone();
        self.ledger.write(move |tx| act(&core, tx)).await.map_err(undone)
    }

    pub(super) fn write_blocking<T: Send + 'static>(
        &self,
        act: impl FnOnce(&Core, &mut Tx<'_>) -> Result<T, Refused> + Send + 'static,
    ) -> Result<T, Refused> {
        let core = self.core.clone();
        self.ledger.write_blocking(move |tx| act(&core, tx)).map_err(undone)
    }

    pub(super) fn look<T>(&self, look: impl FnOnce(&Facts<'_, View<'_>>) -> Result<T, Refused>) -> Result<T, Refused> {
        self.ledger.read(|view| {
            let facts = Facts::read(&self.core, view)?;
            look(&facts)
        })
    }
}

pub(super) fn undone(error: WriteError<Refused>) -> Refused {
    match error {
        WriteError::Refused(refused) => refused,
        WriteError::Fault(fault) => Fault::from(fault).into(),
    }
}

impl From<LedgerFault> for Fault {
    fn from(fault: LedgerFault) -> Self {
        Self::new("the ledger", fault)
    }
}

impl From<LedgerFault> for Refused {
    fn from(fault: LedgerFault) -> Self {
        Self::Fault(fault.into())
    }
}
