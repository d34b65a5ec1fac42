//! The root key, from whoever the configuration says keeps it.

use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use botwarden_crypto::{Passphrase, PassphraseError, RootProvider};
use botwarden_reach::{AwsKms, Credentials, KmsConfig, Patience, SecretPlace, Secrets, VaultTransit};
use botwarden_store::{
    CredentialRoot, DataDir, FileRoot, IfMissing, PassphraseRoot, SecretFileError, read_secret,
};
use botwarden_types::{Clock, Secret, SystemClock};
use zeroize::Zeroizing;

use crate::config::{Finding, RootKeyConfig};

/// Names the folder in which systemd hands over credentials. Source: systemd.exec(5).
const CREDENTIALS_DIRECTORY: &str = "CREDENTIALS_DIRECTORY";

/// Why there is no secret where the configuration says that one is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlaceError {
    /// In the environment.
    #[error("the variable `{name}` {why}")]
    Env {
        /// The variable.
        name: String,
        /// What is wrong with it, as the end of a sentence.
        why: &'static str,
    },
    /// In a file.
    #[error(transparent)]
    File(#[from] SecretFileError),
}

/// A passphrase that cannot be taken.
#[derive(Debug, thiserror::Error)]
#[error("the passphrase is {0}")]
struct PassphraseRefused(PassphraseError);

/// What lies in a place now.
pub(crate) fn read(
    place: &SecretPlace,
    env: impl Fn(&str) -> Option<OsString>,
) -> Result<Zeroizing<String>, PlaceError> {
    let name = match place {
        SecretPlace::File(path) => return Ok(read_secret(path)?),
        SecretPlace::Env(name) => name,
    };
    let refused = |why| PlaceError::Env { name: name.clone(), why };
    let value = env(name).ok_or_else(|| refused("is not set"))?;
    let text = Zeroizing::new(value.into_string().map_err(|_| refused("holds bytes that are no text"))?);
    if text.is_empty() { Err(refused("is empty")) } else { Ok(text) }
}

/// A secret, read again before each call.
pub(crate) struct Token(pub(crate) SecretPlace);

impl Secrets for Token {
    fn current(&self) -> Result<Secret, Box<dyn Error + Send + Sync>> {
        let text = read(&self.0, |name| std::env::var_os(name))?;
        Ok(Secret::new(text.as_str().to_owned()))
    }
}

/// The root key of a configuration. `if_missing` is about what lies in the data directory: the file, or the salt of a passphrase.
pub(crate) async fn open(
    config: &RootKeyConfig,
    dir: &DataDir,
    if_missing: IfMissing,
) -> anyhow::Result<Arc<dyn RootProvider>> {
    Ok(match config {
        RootKeyConfig::File => Arc::new(FileRoot::open_or(dir, if_missing)?),
        RootKeyConfig::Passphrase(place) => {
            let passphrase = Passphrase::new(read(place, |name| std::env::var_os(name))?);
            let (passphrase, dir) = (passphrase.map_err(PassphraseRefused)?, dir.clone());
            let made =
                tokio::task::spawn_blocking(move || PassphraseRoot::open(&dir, &passphrase, if_missing));
            Arc::new(made.await.context("stretching the passphrase")??)
        }
        RootKeyConfig::Credential(name) => {
            let directory = std::env::var_os(CREDENTIALS_DIRECTORY).map(PathBuf::from);
            Arc::new(CredentialRoot::open(directory.as_deref(), name)?)
        }
        RootKeyConfig::Vault(vault) => {
            let token = Arc::new(Token(vault.token.clone()));
            Arc::new(VaultTransit::new(vault.clone(), token, Patience::default())?)
        }
        RootKeyConfig::Kms(kms) => {
            let (clock, of): (Arc<dyn Clock>, KmsConfig) = (Arc::new(SystemClock), kms.clone());
            let credentials = Arc::new(move || credentials(of.credentials_file.as_deref(), &of.profile));
            Arc::new(AwsKms::new(kms.clone(), credentials, clock, Patience::default())?)
        }
    })
}

/// The credentials for AWS as they are now: in that part of a file, or in the environment.
pub(crate) fn credentials(
    file: Option<&Path>,
    profile: &str,
) -> Result<Credentials, Box<dyn Error + Send + Sync>> {
    Ok(match file {
        Some(path) => Credentials::from_file(&read_secret(path)?, profile)?,
        None => Credentials::from_env(|name| std::env::var(name).ok())?,
    })
}

/// What does not fit around `[root_key]` on this machine.
pub(crate) fn surroundings(config: &RootKeyConfig, env: impl Fn(&str) -> Option<OsString>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (key, place) in config.secrets() {
        match read(&place, &env) {
            Err(error) => {
                let found = format!("a secret that cannot be read ({:#})", anyhow::Error::new(error));
                let expected = "one that can be read where `botwarden serve` runs";
                findings.push(Finding::warning(key, &found, expected));
            }
            Ok(secret) if matches!(config, RootKeyConfig::Passphrase(_)) => {
                let Err(error) = Passphrase::new(secret) else { continue };
                let found = format!("a passphrase that is {error}");
                findings.push(Finding::error(key, &found, "one that cannot be guessed"));
            }
            Ok(_) => {}
        }
    }
    if let Some((key, path)) = config.ca_file()
        && let Err(error) = std::fs::File::open(path)
    {
        let found = format!("`{}`, which cannot be read ({error})", path.display());
        findings.push(Finding::error(key, &found, "a PEM file"));
    }
    findings
}
