//! Issuing, listing and revoking keys: what the command line and the console do, apart from the process that serves.

use botwarden_crypto::{Pepper, RandomnessError, identifier};
use botwarden_types::{BotName, KeyId, UnixMs};

use crate::credential::ApiKey;
use crate::rights::Rights;
use crate::store::{Kept, KeyRecord, KeyStore, StoreError, StoredKey};

/// Keys a store keeps, revoked ones included: all of them are in memory while serving.
pub const KEYS_MAX: usize = 100_000;
/// Bytes of a label.
pub const LABEL_BYTES_MAX: usize = 128;

/// What a new key shall be.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The bot it belongs to.
    pub bot: BotName,
    /// What it may do.
    pub rights: Rights,
    /// The operator's words for it.
    pub label: Option<String>,
    /// From when on it is refused.
    pub expires: Option<UnixMs>,
}

/// Why no key was issued.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// It would never be accepted.
    #[error("the key would have expired already")]
    ExpiresInThePast,
    /// The label is no label.
    #[error("expected a label of 1 to {LABEL_BYTES_MAX} bytes without control characters")]
    Label,
    /// No room.
    #[error("{KEYS_MAX} keys are kept already")]
    TooMany,
    /// The system gave no randomness.
    #[error("making a key")]
    Randomness(#[from] RandomnessError),
    /// It could not be kept.
    #[error("keeping the key")]
    Store(#[from] StoreError),
}

/// Makes a key and keeps its keyed hash. The key itself is returned here and nowhere ever again.
pub async fn issue(
    store: &dyn KeyStore,
    pepper: &Pepper,
    new: NewKey,
    now: UnixMs,
) -> Result<(ApiKey, KeyRecord), IssueError> {
    if new.expires.is_some_and(|at| at <= now) {
        return Err(IssueError::ExpiresInThePast);
    }
    if new.label.as_deref().is_some_and(|label| !is_label(label)) {
        return Err(IssueError::Label);
    }
    let key = ApiKey::random()?;
    let record = KeyRecord {
        id: key_id()?,
        bot: new.bot,
        rights: new.rights,
        label: new.label,
        created: now,
        expires: new.expires,
        revoked: None,
    };
    let stored = StoredKey { hash: key.hash(pepper), record };
    match store.issue_key(&stored, KEYS_MAX).await? {
        Kept::Yes => Ok((key, stored.record)),
        Kept::Full => Err(IssueError::TooMany),
    }
}

/// All keys, oldest first, expired and revoked ones included.
pub async fn list(store: &dyn KeyStore) -> Result<Vec<KeyRecord>, StoreError> {
    Ok(store.list_keys().await?.keys.into_iter().map(|key| key.record).collect())
}

/// Revokes a key and the sessions it opened. `None`: no such key. A serving process must then be told to
/// [`crate::Authenticator::refresh_keys`].
pub async fn revoke(store: &dyn KeyStore, id: &KeyId, now: UnixMs) -> Result<Option<KeyRecord>, StoreError> {
    store.revoke_key(id, now).await
}

fn is_label(label: &str) -> bool {
    (1..=LABEL_BYTES_MAX).contains(&label.len()) && !label.chars().any(char::is_control)
}

fn key_id() -> Result<KeyId, RandomnessError> {
    let id = format!("key_{}", identifier()?);
    // An identifier is made of letters and digits that every id allows; another failure than the source's cannot be.
    KeyId::parse(&id).map_err(|_| RandomnessError)
}
