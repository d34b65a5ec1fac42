//! What goes wrong inside a verb, before it is told to the domain.

use botwarden_crypto::{OpenError, SealError};
use botwarden_identity::StoreError;
use tracing::error;

use crate::keyring::KeyringError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the database")]
    Engine(#[from] sqlx::Error),
    #[error("sealing")]
    Seal(#[from] SealError),
    #[error("encoding a cell")]
    Encode(#[from] serde_json::Error),
    #[error("the keys")]
    Keyring(#[source] Box<KeyringError>),
    #[error("its person was erased")]
    Erased,
    #[error("people are erased faster than anything can be written under the keys of others")]
    Unsettled,
    #[error("{table} `{id}` was changed outside botwarden, or sealed under another key")]
    Open { table: &'static str, id: String, source: OpenError },
    #[error("{table} `{id}` holds what no version wrote")]
    Damaged { table: &'static str, id: String },
}

/// Leaves out a row that was changed outside botwarden: what it stood for is refused, and the rest goes on, so that whoever edits one
/// row cannot hold up the revocation of another. What belonged to somebody who was erased is not there any more.
pub(crate) fn if_sound<T>(read: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(Fault::Erased) => Ok(None),
        Err(fault @ (Fault::Open { .. } | Fault::Damaged { .. })) => {
            error!(%fault, "a row is left out; what it stood for is refused");
            Ok(None)
        }
        Err(fault) => Err(fault),
    }
}

/// Tells the domain what was being done when it failed.
pub(crate) fn failed(operation: &'static str) -> impl FnOnce(Fault) -> StoreError {
    move |fault| StoreError::new(operation, fault)
}

/// The same for policy, whose ports have an error of their own.
pub(crate) fn failed_policy(operation: &'static str) -> impl FnOnce(Fault) -> botwarden_policy::StoreError {
    move |fault| botwarden_policy::StoreError::new(operation, fault)
}
