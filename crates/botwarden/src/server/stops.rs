//! What operators have stopped, put in force here; and the end of what policy no longer needs to keep.

use std::sync::Arc;

use botwarden_policy::StoreError;
use botwarden_policy::quarantine::{Quarantine, QuarantineStore};
use botwarden_store::Store;
use botwarden_types::UnixMs;

/// Rows deleted in one statement: in between, others may write.
const PURGE_BATCH: usize = 1000;

/// What is stopped, and where that is kept.
pub(super) struct Stops {
    quarantine: Arc<Quarantine>,
    store: Arc<dyn QuarantineStore>,
}

impl Stops {
    /// Reads what is stopped. Without knowing that, nobody may serve.
    pub(super) async fn load(store: Arc<dyn QuarantineStore>) -> Result<Self, StoreError> {
        let this = Self { quarantine: Arc::default(), store };
        this.refresh().await?;
        Ok(this)
    }

    pub(super) fn quarantine(&self) -> &Arc<Quarantine> {
        &self.quarantine
    }

    /// Reads anew: what was stopped before the call is in force when it returns. The generation in force.
    pub(super) async fn refresh(&self) -> Result<u64, StoreError> {
        self.quarantine.refresh(&*self.store).await
    }

    /// Reads anew if anything has changed.
    pub(super) async fn look(&self) -> Result<u64, StoreError> {
        self.quarantine.refresh_if_changed(&*self.store).await
    }
}

/// Deletes approvals and counts whose time is over.
pub(super) async fn purge(store: &Store, now: UnixMs) -> Result<(), StoreError> {
    let (approvals, history) = (store.approvals(), store.history());
    while approvals.purge_approvals(now, PURGE_BATCH).await? == PURGE_BATCH {}
    while history.purge_history(now, PURGE_BATCH).await? == PURGE_BATCH {}
    Ok(())
}
