//! Root keys that are at hand while we run and lie elsewhere: made from a passphrase, or handed over by systemd.

use std::io;
use std::path::{Path, PathBuf};

use botwarden_crypto::{
    BoxFuture, KeyName, MemoryError, Passphrase, RootError, RootKey, RootKeyError, RootProvider, SecretKey,
};

use crate::data_dir::{DataDir, IfMissing, RootSaltError, SecretFileError, read_secret};

/// Why there is no root key from a passphrase.
#[derive(Debug, thiserror::Error)]
pub enum PassphraseRootError {
    /// The salt's file.
    #[error(transparent)]
    Salt(#[from] RootSaltError),
    /// No memory.
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

/// A root key made from a passphrase and `root.salt`. Its name begins with `passphrase:`.
pub struct PassphraseRoot(RootKey);

impl PassphraseRoot {
    /// Makes the key, which takes a processor's core for a moment: not for an async thread. Makes the salt where there is none, if it may.
    pub fn open(
        dir: &DataDir,
        passphrase: &Passphrase,
        if_missing: IfMissing,
    ) -> Result<Self, PassphraseRootError> {
        Ok(Self(dir.root_salt(if_missing)?.root_key(passphrase)?))
    }
}

/// Why systemd has handed over no root key.
#[derive(Debug, thiserror::Error)]
pub enum CredentialRootError {
    /// Not started by systemd, or by a unit without credentials.
    #[error(
        "systemd has handed over no credentials (`CREDENTIALS_DIRECTORY` is not set); add `LoadCredentialEncrypted={name}:…` to the unit's `[Service]`, and run commands by `systemd-run --pipe --wait -p User=… -p LoadCredentialEncrypted={name}:…`"
    )]
    NoDirectory {
        /// The credential.
        name: String,
    },
    /// The unit has no such credential.
    #[error(
        "systemd has handed over no credential `{name}`; add `LoadCredentialEncrypted={name}:…` to the unit's `[Service]`"
    )]
    Missing {
        /// The credential.
        name: String,
    },
    /// It could not be read.
    #[error(transparent)]
    File(#[from] SecretFileError),
    /// It is not a root key.
    #[error(
        "the credential `{name}` is {source}; restore it from your backup (a new key cannot read the old data)"
    )]
    Invalid {
        /// The credential.
        name: String,
        /// What is wrong with it.
        source: RootKeyError,
    },
}

/// A root key that systemd hands over, in the form of `root.key`: it is the same key there and there.
pub struct CredentialRoot(RootKey);

impl CredentialRoot {
    /// Reads the credential `name` in `directory`, which `$CREDENTIALS_DIRECTORY` names.
    pub fn open(directory: Option<&Path>, name: &str) -> Result<Self, CredentialRootError> {
        let named = || name.to_owned();
        let directory = directory.ok_or_else(|| CredentialRootError::NoDirectory { name: named() })?;
        let path: PathBuf = directory.join(name);
        let text = read_secret(&path).map_err(|error| match error {
            SecretFileError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                CredentialRootError::Missing { name: named() }
            }
            error => error.into(),
        })?;
        let key = RootKey::parse(text.as_bytes());
        Ok(Self(key.map_err(|source| CredentialRootError::Invalid { name: named(), source })?))
    }
}

/// Lends what a [`RootKey`] does to a root with a name of its own.
macro_rules! lend {
    ($root:ty, $kind:literal) => {
        impl RootProvider for $root {
            fn id(&self) -> String {
                format!(concat!($kind, ":{}"), self.0.number())
            }

            fn wrap<'a>(
                &'a self,
                name: KeyName<'a>,
                key: &'a SecretKey,
            ) -> BoxFuture<'a, Result<Vec<u8>, RootError>> {
                self.0.wrap(name, key)
            }

            fn unwrap<'a>(
                &'a self,
                name: KeyName<'a>,
                wrapped: &'a [u8],
            ) -> BoxFuture<'a, Result<SecretKey, RootError>> {
                self.0.unwrap(name, wrapped)
            }
        }
    };
}

lend!(PassphraseRoot, "passphrase");
// As the file's: moving the key from there to here wraps nothing anew.
lend!(CredentialRoot, "local");
