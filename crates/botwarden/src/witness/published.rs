//! The log as it is published in its files, read where nothing else waits for it.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use botwarden_audit::{Cosigned, Hash, NoteKey, ProveError, SignedCheckpoint, prove_consistency, published};
use botwarden_crypto::BoxFuture;
use botwarden_reach::Published;
use botwarden_store::audit::AuditFiles;
use tokio::sync::Mutex;

/// The files of a log, and the key that checks it.
#[derive(Clone)]
pub(super) struct LogFiles {
    files: Arc<AuditFiles>,
    key: NoteKey,
    /// Held while something is kept. A lock of another process that is never let go holds one thread, not one more each time.
    keeping: Arc<Mutex<()>>,
}

impl LogFiles {
    /// Those in `folder`.
    pub(super) fn new(folder: PathBuf, key: NoteKey) -> Self {
        Self { files: Arc::new(AuditFiles::new(folder)), key, keeping: Arc::default() }
    }

    /// What is kept of a witness.
    pub(super) async fn cosigned(&self, witness: &NoteKey) -> Result<Option<Cosigned>, ProveError> {
        let witness = witness.clone();
        self.read(move |log| Cosigned::read(&*log.files, &log.key, &witness)).await
    }

    /// Keeps what a witness cosigned.
    pub(super) async fn keep(&self, witness: &NoteKey, cosigned: Cosigned) -> anyhow::Result<()> {
        let (log, witness) = (self.clone(), witness.clone());
        let held = self.keeping.clone().lock_owned().await;
        let keep = move || {
            let _held = held;
            log.files.keep_cosigned(&log.key, &witness, &cosigned)
        };
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

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::future::Future;
    use std::pin::{Pin, pin};
    use std::task::{Context, Waker};

    use botwarden_audit::{Algorithm, Cosignature, Log, NoteSigner, cosign};
    use botwarden_crypto::SigningKey;

    use super::*;

    #[test]
    fn a_lock_that_is_never_let_go_holds_one_thread() {
        let folder = tempfile::tempdir().unwrap();
        let signer = |name, algorithm, seed| {
            NoteSigner::new(name, algorithm, SigningKey::from_seed(&[seed; 32])).unwrap()
        };
        let (ours, witness) =
            (signer("log", Algorithm::Ed25519, 7), signer("w", Algorithm::CosignatureEd25519, 9));
        let (key, seen) = (ours.key().clone(), witness.key().clone());
        let log = LogFiles::new(folder.path().to_owned(), key.clone());
        drop(Log::open(log.files.clone(), ours).unwrap());
        let checkpoint = published(&*log.files, &key).unwrap();
        let cosigned = |secs| {
            let line = cosign(&checkpoint.checkpoint().to_string(), secs, &witness).unwrap();
            let cosignature = Cosignature::take(line.as_bytes(), &checkpoint, &seen).unwrap();
            Cosigned::new(checkpoint.clone(), &cosignature)
        };
        let kept = || Cosigned::read(&*log.files, &key, &seen).unwrap().map(|it| it.at_secs);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(log.keep(&seen, cosigned(1))).unwrap();
        let lock = File::open(folder.path().join("cosigned/lock")).unwrap();
        lock.lock().unwrap();
        let entered = runtime.enter();
        let is_begun = |keeping: Pin<&mut dyn Future<Output = anyhow::Result<()>>>| {
            keeping.poll(&mut Context::from_waker(Waker::noop())).is_pending()
        };
        let mut first = pin!(log.keep(&seen, cosigned(2)));
        assert!(is_begun(first.as_mut()));
        // Each is begun, and given up when its time is over.
        for secs in [3, 4] {
            assert!(is_begun(pin!(log.keep(&seen, cosigned(secs)))));
        }
        drop((entered, lock));
        runtime.block_on(first).unwrap();
        drop(runtime); // waits for what is under way
        assert_eq!(kept(), Some(2), "the first went on; nobody stands behind it");
    }
}
