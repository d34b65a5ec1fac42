//! The log as it is published in its files, read where nothing else waits for it.

use std::io;
use std::sync::Arc;

use botwarden_audit::{Cosigned, Hash, NoteKey, ProveError, SignedCheckpoint, prove_consistency, published};
use botwarden_crypto::BoxFuture;
use botwarden_reach::Published;
use botwarden_store::audit::AuditFiles;

/// The files of a log, and the key that checks it.
#[derive(Clone)]
pub(super) struct LogFiles {
    pub(super) files: Arc<AuditFiles>,
    pub(super) key: NoteKey,
}

impl LogFiles {
    /// What is kept of a witness.
    pub(super) async fn cosigned(&self, witness: &NoteKey) -> Result<Option<Cosigned>, ProveError> {
        let witness = witness.clone();
        self.read(move |log| Cosigned::read(&*log.files, &log.key, &witness)).await
    }

    /// Keeps what a witness cosigned.
    pub(super) async fn keep(&self, witness: &NoteKey, cosigned: Cosigned) -> anyhow::Result<()> {
        let (log, witness) = (self.clone(), witness.clone());
        let keep = move || log.files.keep_cosigned(&log.key, &witness, &cosigned);
        Ok(tokio::task::spawn_blocking(keep).await??)
    }

    /// The checkpoint with the cosignatures that are kept of it.
    pub(super) async fn with_cosignatures(
        &self,
        checkpoint: SignedCheckpoint,
        witnesses: Vec<NoteKey>,
    ) -> SignedCheckpoint {
        let mut all = checkpoint;
        for witness in witnesses {
            // What cannot be read is told where the witness is asked.
            if let Ok(Some(kept)) = self.cosigned(&witness).await {
                all = all.joined(&kept.checkpoint);
            }
        }
        all
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(Self) -> Result<T, ProveError> + Send + 'static,
    ) -> Result<T, ProveError> {
        let log = self.clone();
        let failed =
            |error| ProveError::Storage { file: "checkpoint".to_owned(), source: io::Error::other(error) };
        tokio::task::spawn_blocking(move || read(log)).await.unwrap_or_else(|error| Err(failed(error)))
    }
}

impl Published for LogFiles {
    fn checkpoint(&self) -> BoxFuture<'_, Result<SignedCheckpoint, ProveError>> {
        Box::pin(self.read(|log| published(&*log.files, &log.key)))
    }

    fn proof<'a>(
        &'a self,
        old: u64,
        to: &'a SignedCheckpoint,
    ) -> BoxFuture<'a, Result<Vec<Hash>, ProveError>> {
        let to = to.clone();
        Box::pin(self.read(move |log| prove_consistency(&*log.files, &log.key, old, &to)))
    }
}
