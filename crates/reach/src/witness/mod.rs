//! Witnesses of the audit log: each remembers what it saw last, and cosigns a checkpoint only if that goes on from it.
//!
//! Source: c2sp.org/tlog-witness, `add-checkpoint`; c2sp.org/tlog-cosignature.

mod config;
mod error;

use std::time::Duration;

use botwarden_audit::{
    Cosignature, Cosigned, Hash, ProveError, SignedCheckpoint, add_checkpoint, check_consistency,
    witnessed_size,
};
use botwarden_crypto::BoxFuture;
use botwarden_types::UnixMs;
use http::{HeaderMap, StatusCode};
use zeroize::Zeroizing;

pub use config::{RawWitness, WitnessConfig};
pub use error::WitnessError;

use crate::call::{Client, ClientError};
use crate::patience::Patience;
use crate::vault::brief;

/// How far a witness's clock may be from ours. Machines that keep time at all keep it to seconds.
const CLOCK_APART_MAX: Duration = Duration::from_secs(600);

/// The log, as far as it is published.
pub trait Published: Send + Sync {
    /// The checkpoint that is published now.
    fn checkpoint(&self) -> BoxFuture<'_, Result<SignedCheckpoint, ProveError>>;

    /// Shows that the log of `to`, which was published, begins with its first `old` entries.
    fn proof<'a>(
        &'a self,
        old: u64,
        to: &'a SignedCheckpoint,
    ) -> BoxFuture<'a, Result<Vec<Hash>, ProveError>>;
}

/// Asks one witness.
pub struct Witness {
    config: WitnessConfig,
    client: Client,
}

/// What it said, well-formed.
enum Said {
    Cosigned(Cosignature),
    /// It saw another size last.
    Saw(u64),
}

impl Witness {
    /// Asks nothing yet.
    pub fn new(config: WitnessConfig, patience: Patience) -> Result<Self, ClientError> {
        let client = Client::new(config.url.clone(), config.ca_file.as_deref(), patience)?;
        Ok(Self { config, client })
    }

    /// Where it is, and its key.
    pub fn config(&self) -> &WitnessConfig {
        &self.config
    }

    /// Has `checkpoint` cosigned, or one published since. `before` is what it cosigned last, as it was kept. What is returned was checked, and
    /// is not kept yet. It asks at most twice.
    pub async fn cosign(
        &self,
        log: &dyn Published,
        checkpoint: SignedCheckpoint,
        before: Option<&Cosigned>,
        now: UnixMs,
    ) -> Result<Cosigned, WitnessError> {
        let mut to = checkpoint;
        let old = before.map_or(0, |before| before.checkpoint.size());
        if old > to.size() {
            to = self.newest(log, old).await?;
        }
        let proof = self.prove(log, old, &to).await?;
        if let Some(before) = before {
            // What we know ourselves we need not be told.
            let root = before.checkpoint.root();
            check_consistency(old, root, to.size(), to.root(), &proof)
                .map_err(|_| WitnessError::Forked { at: old })?;
        }
        let cosignature = match self.ask(old, &proof, &to).await? {
            Said::Cosigned(cosignature) => cosignature,
            Said::Saw(seen) => {
                if seen > to.size() {
                    to = self.newest(log, seen).await?;
                }
                let proof = self.prove(log, seen, &to).await?;
                match self.ask(seen, &proof, &to).await? {
                    Said::Cosigned(cosignature) => cosignature,
                    Said::Saw(_) => return Err(WitnessError::Busy),
                }
            }
        };
        self.check_time(&cosignature, before, now)?;
        Ok(Cosigned::new(to, &cosignature))
    }

    /// What is published now, where the witness saw more than was published before: another process may have shown it that meanwhile. The
    /// alarm if there is not so much.
    async fn newest(&self, log: &dyn Published, seen: u64) -> Result<SignedCheckpoint, WitnessError> {
        let newest = log.checkpoint().await.map_err(|source| WitnessError::Proof { old: seen, source })?;
        let here = newest.size();
        if seen > here { Err(WitnessError::RolledBack { here, seen }) } else { Ok(newest) }
    }

    async fn prove(
        &self,
        log: &dyn Published,
        old: u64,
        to: &SignedCheckpoint,
    ) -> Result<Vec<Hash>, WitnessError> {
        log.proof(old, to).await.map_err(|source| WitnessError::Proof { old, source })
    }

    async fn ask(&self, old: u64, proof: &[Hash], to: &SignedCheckpoint) -> Result<Said, WitnessError> {
        let body = add_checkpoint(old, proof, to).into_bytes();
        let asked = self.client.post("/add-checkpoint", HeaderMap::new(), Zeroizing::new(body)).await;
        let answer =
            asked.map_err(|source| WitnessError::Call { url: self.config.url.to_string(), source })?;
        match answer.status {
            StatusCode::OK => Cosignature::take(&answer.body, to, &self.config.key)
                .map(Said::Cosigned)
                .map_err(WitnessError::Cosignature),
            StatusCode::CONFLICT => match witnessed_size(&answer.body) {
                // Of the same size, and not the same: two trees, both signed by the log.
                Some(seen) if seen == old && old == to.size() => Err(WitnessError::Forked { at: old }),
                // It contradicts itself.
                Some(seen) if seen == old => Err(WitnessError::Answer),
                Some(seen) => Ok(Said::Saw(seen)),
                // The specification leaves open what is said where sizes are the same.
                None if old == to.size() && old > 0 => Err(WitnessError::Forked { at: old }),
                None => Err(WitnessError::Answer),
            },
            // The proof was made from our files, for the size that it saw: what it saw there is not what is here.
            StatusCode::UNPROCESSABLE_ENTITY if old > 0 => Err(WitnessError::Forked { at: old }),
            StatusCode::NOT_FOUND => Err(WitnessError::UnknownLog),
            StatusCode::FORBIDDEN => Err(WitnessError::Signature),
            status => {
                let said = brief(&String::from_utf8_lossy(&answer.body));
                let said = if said.is_empty() { "it does not say why".to_owned() } else { said };
                Err(WitnessError::Refused { status, said })
            }
        }
    }

    fn check_time(
        &self,
        cosignature: &Cosignature,
        before: Option<&Cosigned>,
        now: UnixMs,
    ) -> Result<(), WitnessError> {
        let at = UnixMs(cosignature.at_secs.saturating_mul(1000));
        let apart = Duration::from_millis(at.0.abs_diff(now.0));
        if apart > CLOCK_APART_MAX {
            return Err(WitnessError::Clock { at, now });
        }
        match before {
            Some(before) if before.at_secs > cosignature.at_secs => {
                Err(WitnessError::Replayed { at, before: UnixMs(before.at_secs.saturating_mul(1000)) })
            }
            _ => Ok(()),
        }
    }
}
