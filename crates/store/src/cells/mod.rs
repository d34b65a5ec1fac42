//! Sealed cells and the rows around them: what every engine keeps in the same form, so that a cell opens whichever engine it lies in.

mod approval;
mod chronicle;
mod columns;
mod content;
mod exchange;
mod fault;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod history;
mod key;
mod known;
pub(crate) mod row;
mod session;
mod stop;
mod turn;

use std::sync::Arc;

use botwarden_crypto::{BlindIndex, CellKey, Digest, KeyNumber, Place};
use botwarden_types::{BotName, UnixMs, UserName};
use zeroize::Zeroizing;

use crate::keyring::{CellError, Keyring, KeyringError};
pub(crate) use approval::{
    answerers_column, approval_key, call_hash, needed_column, open_approval, seal_answers, seal_approval,
};
pub(crate) use chronicle::{open_entry, seal_entry};
pub(crate) use columns::Columns;
pub use exchange::NewExchange;
pub(crate) use exchange::{SealedExchange, open_exchange, seal_exchange, token_column};
pub(crate) use fault::{Fault, failed, failed_policy, if_sound};
pub(crate) use history::{Counter, counters, gathered, open_count, seal_count, spread};
pub(crate) use key::{open_key, seal_key};
pub(crate) use known::{open_known, seal_known};
pub(crate) use session::{open_session, seal_session, session_key};
pub(crate) use stop::{Matching, mark, marks_of, open_stop, seal_stop};
pub(crate) use turn::{TurnHashes, key_turn, open_turn, seal_turn};

/// The cell by which keys that do not belong to a database are noticed.
pub(crate) const KEY_CHECK: Place<'static> =
    Place { table: "meta", column: "value", row: b"key_check", schema: 1 };
/// What is sealed in it.
pub(crate) const KEY_CHECK_TEXT: &[u8] = b"botwarden";
/// The column of every sealed cell of a row.
const SEALED: &str = "sealed";

/// Whose a row is, and what seals it.
pub(crate) struct Owner {
    /// The person's key, or the tenant's where nobody is named.
    pub(crate) key: CellKey,
    /// The person in clear columns.
    pub(crate) subject: Option<Digest>,
}

/// Whether somebody who has no key gets one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfNone {
    Make,
    Leave,
}

/// Seals and opens cells, and says in clear columns whose a row is.
#[derive(Clone)]
pub(crate) struct Cells {
    keyring: Arc<Keyring>,
    /// Hashes by which the rows of a person are found.
    index: BlindIndex,
}

impl Cells {
    pub(crate) fn new(keyring: Arc<Keyring>) -> Result<Self, KeyringError> {
        Ok(Self { index: keyring.index()?, keyring })
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// What seals cells that belong to nobody in particular.
    pub(crate) fn system(&self) -> &CellKey {
        self.keyring.system()
    }

    /// What stands for a person in clear columns.
    pub(crate) fn subject_of(&self, bot: &BotName, user: &UserName) -> Digest {
        Keyring::subject_of(&self.index, bot, user)
    }

    /// What seals cells that belong to one person; made if there is none.
    pub(crate) async fn subject_key(&self, subject: &Digest, now: UnixMs) -> Result<CellKey, Fault> {
        self.keyring.subject(subject, now).await.map_err(|error| Fault::Keyring(Box::new(error)))
    }

    /// What seals what belongs to a person, or to nobody in particular; `None` for a person who has no key and gets none.
    pub(crate) async fn owner(
        &self,
        bot: &BotName,
        user: Option<&UserName>,
        if_none: IfNone,
        now: UnixMs,
    ) -> Result<Option<Owner>, Fault> {
        let Some(user) = user else {
            return Ok(Some(Owner { key: self.system().clone(), subject: None }));
        };
        let subject = self.subject_of(bot, user);
        let key = match if_none {
            IfNone::Make => self.subject_key(&subject, now).await?,
            IfNone::Leave => {
                let number = self.keyring.number_of(&subject).await;
                let number = number.map_err(|error| Fault::Keyring(Box::new(error)))?;
                let Some(number) = number else { return Ok(None) };
                match self.key(&number, "keys", "of a person").await {
                    Ok(key) => key,
                    Err(Fault::Erased) => return Ok(None),
                    Err(fault) => return Err(fault),
                }
            }
        };
        Ok(Some(Owner { key, subject: Some(subject) }))
    }

    /// What sealed a cell of a row, or is to seal one: the key of that number and no other. [`Fault::Erased`] once it was destroyed.
    pub(crate) async fn key(
        &self,
        number: &KeyNumber,
        table: &'static str,
        id: &str,
    ) -> Result<CellKey, Fault> {
        self.keyring.cell_key(number).await.map_err(|error| fault(error, table, id))
    }

    /// Which keys there are: another number once one was destroyed. Those that were are not used any more when this returns.
    pub(crate) async fn generation(&self) -> Result<u64, Fault> {
        self.keyring.forget_destroyed().await.map_err(|error| Fault::Keyring(Box::new(error)))
    }

    /// Opens a cell of a row.
    pub(crate) async fn open(
        &self,
        place: Place<'_>,
        sealed: &[u8],
        table: &'static str,
        id: &str,
    ) -> Result<Zeroizing<Vec<u8>>, Fault> {
        self.keyring.open_cell(place, sealed).await.map_err(|error| fault(error, table, id))
    }
}

fn fault(error: CellError, table: &'static str, id: &str) -> Fault {
    match error {
        CellError::Erased => Fault::Erased,
        CellError::Open(source) => Fault::Open { table, id: id.to_owned(), source },
        CellError::Keyring(error) => Fault::Keyring(Box::new(error)),
    }
}
