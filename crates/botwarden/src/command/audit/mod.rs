//! `botwarden audit`: what happened, and proof of it.

mod export;
mod key;
mod prove;
mod tail;
mod verify;
mod witness;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use botwarden_audit::NoteKey;
use botwarden_store::DataDir;
use botwarden_store::audit::{AuditFiles, signer};
use clap::ValueHint;

use crate::cli::ConfigFile;
use crate::config::Config;
use crate::exit::Advice;
use crate::state::State;

/// Check, prove, export and follow the audit log, and have it witnessed.
///
/// Every decision, its outcome and every operator's action is in it, signed and on disk before it takes effect. The log needs none of
/// this program to be checked: it is C2SP tlog-tiles, and `audit key` prints the key that checks it.
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example: botwarden audit verify")]
pub(crate) enum Audit {
    Verify(verify::Verify),
    Prove(prove::Prove),
    Export(export::Export),
    Tail(tail::Tail),
    Key(key::Key),
    Witness(witness::Witness),
}

impl Audit {
    pub(crate) async fn run(self, before: PathBuf) -> anyhow::Result<ExitCode> {
        match self {
            Self::Verify(verify) => verify.run(before).await,
            Self::Prove(prove) => prove.run(before).await,
            Self::Export(export) => export.run(before).await,
            Self::Tail(tail) => tail.run(before).await,
            Self::Key(key) => key.run(before).await,
            Self::Witness(witness) => witness.run(before).await,
        }
    }
}

/// Which log, and by which key: those of the configuration, or files that came from elsewhere.
#[derive(Debug, clap::Args)]
struct Which {
    /// A folder with a log, or a copy of one, instead of the configuration's; wants `--key`
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath, requires = "key")]
    log: Option<PathBuf>,
    /// The log's public key, as `audit key` prints it, or a file that holds it
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    #[command(flatten)]
    config: ConfigFile,
}

impl Which {
    /// The files and the key that checks them. Where both are given nothing else is read: no configuration, no secret.
    async fn open(self, before: PathBuf) -> anyhow::Result<(AuditFiles, NoteKey)> {
        let (files, key, _) = self.open_with_witnesses(before).await?;
        Ok((files, key))
    }

    /// The same, and the witnesses' keys, as far as a configuration is read.
    async fn open_with_witnesses(
        self,
        before: PathBuf,
    ) -> anyhow::Result<(AuditFiles, NoteKey, Vec<NoteKey>)> {
        let key = self.key.as_deref().map(given_key).transpose()?;
        if let (Some(folder), Some(key)) = (&self.log, &key) {
            return Ok((AuditFiles::new(folder), key.clone(), Vec::new()));
        }
        let config = Config::load(&self.config.or(before))?;
        let key = match key {
            Some(key) => key,
            None => own_key(&config).await?,
        };
        let dir = DataDir::existing(&config.data_dir)?;
        let witnesses = config.audit.witnesses.iter().map(|witness| witness.key.clone()).collect();
        Ok((AuditFiles::new(dir.audit()), key, witnesses))
    }
}

/// The public key of this node's log.
async fn own_key(config: &Config) -> anyhow::Result<NoteKey> {
    let keyring = State::existing(config).await?.keyring().await?;
    let key = signer(&keyring)?.key().clone();
    keyring.close().await;
    Ok(key)
}

fn given_key(text: &str) -> anyhow::Result<NoteKey> {
    let text = if text.contains('+') {
        text.to_owned()
    } else {
        std::fs::read_to_string(text).with_context(|| format!("reading the key in `{text}`"))?
    };
    NoteKey::parse(text.trim()).map_err(|error| {
        Advice::usage(format!("that is no public key of a log: {error}"), "`botwarden audit key` prints it")
            .into()
    })
}
