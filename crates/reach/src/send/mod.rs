//! Brings checkpoints of the audit log elsewhere: to a folder, a syslog daemon, a webhook, a bucket.
//!
//! What is sent is public: a size, a root, and who signed them. Of worth is only that it lies where the log's owner cannot change it.

mod bucket;
mod config;
mod error;
mod folder;
mod syslog;
mod webhook;

use std::error::Error;
use std::sync::Arc;

use botwarden_audit::SignedCheckpoint;
use botwarden_types::Clock;
use tokio::sync::Mutex;

pub use config::{RawSend, SendConfig, To};
pub use error::SendError;

use crate::aws::CredentialsNow;
use crate::call::ClientError;
use crate::patience::Patience;
use crate::secret::Secrets;

/// What opens the places that checkpoints are sent to; asked for before each sending.
#[derive(Default)]
pub struct Keys {
    /// A webhook's bearer token.
    pub token: Option<Arc<dyn Secrets>>,
    /// The key that authenticates what a webhook gets.
    pub hmac_key: Option<Arc<dyn Secrets>>,
    /// The credentials for a bucket.
    pub credentials: Option<Arc<CredentialsNow>>,
}

/// Sends checkpoints to one place.
pub struct Sender {
    name: String,
    kind: &'static str,
    way: Way,
}

enum Way {
    Folder(folder::Folder),
    Syslog(syslog::Daemon),
    Webhook(webhook::Webhook),
    Bucket(bucket::Store),
}

impl Sender {
    /// Sends nothing yet.
    pub fn new(
        config: SendConfig,
        keys: Keys,
        clock: Arc<dyn Clock>,
        patience: Patience,
    ) -> Result<Self, ClientError> {
        let (ca_file, kind) = (config.ca_file.as_deref(), config.kind());
        let way = match config.to {
            To::Folder(path) => Way::Folder(folder::Folder::new(path)),
            To::Syslog(to) => Way::Syslog(syslog::Daemon::new(to, ca_file, clock, patience)?),
            To::Webhook { url, .. } => Way::Webhook(webhook::Webhook::new(url, ca_file, keys, patience)?),
            To::Bucket(bucket) => Way::Bucket(bucket::Store::new(bucket, ca_file, keys, clock, patience)?),
        };
        Ok(Self { name: config.name, kind, way })
    }

    /// What it is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of place it is: `file`, `syslog`, `webhook`, `s3`.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Sends a checkpoint once. When it returns the place has taken it, as far as it says so: syslog does not.
    pub async fn send(&self, checkpoint: &SignedCheckpoint) -> Result<(), SendError> {
        match &self.way {
            Way::Folder(folder) => folder.send(checkpoint).await,
            Way::Syslog(daemon) => daemon.send(checkpoint).await,
            Way::Webhook(webhook) => webhook.send(checkpoint).await,
            Way::Bucket(store) => store.send(checkpoint).await,
        }
    }
}

/// Asks for secrets where nothing else waits for them: a file may lie on a mount that hangs, or be a pipe. What never comes holds one thread, not
/// one more each time.
#[derive(Default)]
struct Reading(Arc<Mutex<()>>);

impl Reading {
    async fn now<T: Send + 'static>(
        &self,
        what: &'static str,
        read: impl FnOnce() -> Result<T, Box<dyn Error + Send + Sync>> + Send + 'static,
    ) -> Result<T, SendError> {
        let held = self.0.clone().lock_owned().await;
        let read = tokio::task::spawn_blocking(move || {
            let _held = held;
            read()
        });
        let read = read.await.unwrap_or_else(|error| Err(error.into()));
        read.map_err(|source| SendError::Secret { what, source })
    }
}

/// The name of a checkpoint among others: in order of size, and two trees of one size under two names, so that neither takes the other's place.
fn object_name(checkpoint: &SignedCheckpoint) -> String {
    let root = checkpoint.root().to_string();
    format!("{:020}-{}.checkpoint", checkpoint.size(), root.get(..16).unwrap_or(&root))
}
