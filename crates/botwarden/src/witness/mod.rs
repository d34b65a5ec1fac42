//! Keeps watch over the audit log: has witnesses cosign its checkpoints, and sends them elsewhere.

mod keep;
mod published;
mod round;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use botwarden_audit::NoteKey;
use botwarden_reach::{Keys, Patience, SecretPlace, Secrets, SendConfig, Sender, To, Witness};
use botwarden_types::Clock;

pub(crate) use keep::Watch;
pub(crate) use round::Outcome;

use crate::config::AuditConfig;
use crate::root;
use published::LogFiles;

/// Everybody who keeps watch over one log.
#[derive(Clone)]
pub(crate) struct Watchers {
    log: LogFiles,
    witnesses: Vec<Arc<Witness>>,
    places: Vec<Arc<Sender>>,
    pub(crate) quorum: usize,
    clock: Arc<dyn Clock>,
}

impl Watchers {
    /// Those of a configuration, over the log in `folder` that `key` signs. Nobody is asked anything yet.
    pub(crate) fn new(
        config: &AuditConfig,
        folder: PathBuf,
        key: NoteKey,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let patience = Patience::default();
        let mut witnesses = Vec::new();
        for witness in &config.witnesses {
            let name = witness.key.name().to_owned();
            let made = Witness::new(witness.clone(), patience);
            witnesses.push(Arc::new(made.with_context(|| format!("the witness `{name}`"))?));
        }
        let mut places = Vec::new();
        for place in &config.places {
            let made = Sender::new(place.clone(), keys(place), clock.clone(), patience);
            places.push(Arc::new(made.with_context(|| format!("the destination `{}`", place.name))?));
        }
        let log = LogFiles::new(folder, key);
        Ok(Self { log, witnesses, places, quorum: config.quorum, clock })
    }

    /// What all are called, witnesses first.
    fn names(&self) -> impl Iterator<Item = &str> {
        let witnesses = self.witnesses.iter().map(|witness| witness.config().key.name());
        witnesses.chain(self.places.iter().map(|place| place.name()))
    }
}

/// What opens a place.
fn keys(place: &SendConfig) -> Keys {
    let secret = |place: &SecretPlace| -> Arc<dyn Secrets> { Arc::new(root::Token(place.clone())) };
    match &place.to {
        To::Folder(_) | To::Syslog(_) => Keys::default(),
        To::Webhook { token, hmac_key, .. } => Keys {
            token: token.as_ref().map(secret),
            hmac_key: hmac_key.as_ref().map(secret),
            credentials: None,
        },
        To::Bucket(bucket) => {
            let (file, profile) = (bucket.credentials_file.clone(), bucket.profile.clone());
            let credentials = move || root::credentials(file.as_deref(), &profile);
            Keys { credentials: Some(Arc::new(credentials)), ..Keys::default() }
        }
    }
}
