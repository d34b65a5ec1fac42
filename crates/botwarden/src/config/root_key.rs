//! `[root_key]`: who keeps the root key.

use std::path::{Path, PathBuf};

use botwarden_reach::{KmsConfig, RawKms, RawSecret, RawVault, SecretPlace, VaultConfig};
use botwarden_types::Invalid;
use schemars::JsonSchema;
use serde::Deserialize;

/// `[root_key]` as written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawRootKey {
    /// It is made from a passphrase, which lies in `{ file = "…" }` or `{ env = "NAME" }`.
    pub(crate) passphrase: Option<RawSecret>,
    /// systemd hands it over: the name of the credential (`LoadCredentialEncrypted=`).
    pub(crate) credential: Option<String>,
    /// A Vault keeps it in its transit engine.
    pub(crate) vault: Option<RawVault>,
    /// AWS keeps it in its Key Management Service.
    pub(crate) kms: Option<RawKms>,
}

/// Who keeps the root key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum RootKeyConfig {
    /// The file `root.key` in the data directory.
    #[default]
    File,
    /// Whoever knows the passphrase that lies there.
    Passphrase(SecretPlace),
    /// systemd, under this name.
    Credential(String),
    /// A Vault.
    Vault(VaultConfig),
    /// The AWS Key Management Service.
    Kms(KmsConfig),
}

impl RootKeyConfig {
    /// Takes relative paths from `folder`.
    pub(super) fn in_folder(self, folder: &Path) -> Self {
        match self {
            Self::Passphrase(place) => Self::Passphrase(place.in_folder(folder)),
            Self::Vault(vault) => Self::Vault(vault.in_folder(folder)),
            Self::Kms(kms) => Self::Kms(kms.in_folder(folder)),
            Self::File | Self::Credential(_) => self,
        }
    }

    /// Who keeps it, for people.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::File => "in `root.key`, beside the data".to_owned(),
            Self::Passphrase(SecretPlace::Env(name)) => format!("from the passphrase in {name}"),
            Self::Passphrase(SecretPlace::File(path)) => {
                format!("from the passphrase in {}", path.display())
            }
            Self::Credential(name) => format!("credential {name} of systemd"),
            Self::Vault(vault) => format!("key {} of the Vault at {}", vault.key, vault.url),
            Self::Kms(kms) => format!("key {} of AWS in {}", kms.key_id, kms.region),
        }
    }

    /// Where it finds secrets, each with its key in the file.
    pub(crate) fn secrets(&self) -> Vec<(&'static str, SecretPlace)> {
        let file = |path: &PathBuf| SecretPlace::File(path.clone());
        match self {
            Self::File | Self::Credential(_) => Vec::new(),
            Self::Passphrase(place) => vec![("root_key.passphrase", place.clone())],
            Self::Vault(vault) => vec![("root_key.vault.token", vault.token.clone())],
            Self::Kms(KmsConfig { credentials_file: Some(path), .. }) => {
                vec![("root_key.kms.credentials_file", file(path))]
            }
            Self::Kms(_) => ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
                .map(|name| ("root_key.kms", SecretPlace::Env(name.to_owned())))
                .to_vec(),
        }
    }

    /// The file of certificate authorities, with its key in the file.
    pub(crate) fn ca_file(&self) -> Option<(&'static str, &Path)> {
        match self {
            Self::Vault(vault) => vault.ca_file.as_deref().map(|path| ("root_key.vault.ca_file", path)),
            Self::Kms(kms) => kms.ca_file.as_deref().map(|path| ("root_key.kms.ca_file", path)),
            Self::File | Self::Passphrase(_) | Self::Credential(_) => None,
        }
    }
}

impl TryFrom<RawRootKey> for RootKeyConfig {
    type Error = Invalid;

    fn try_from(raw: RawRootKey) -> Result<Self, Invalid> {
        let RawRootKey { passphrase, credential, vault, kms } = raw;
        match (passphrase, credential, vault, kms) {
            (None, None, None, None) => Ok(Self::File),
            (Some(raw), None, None, None) => {
                SecretPlace::try_from(raw).map(Self::Passphrase).map_err(|it| it.under("passphrase"))
            }
            (None, Some(name), None, None) => credential_name(name).map(Self::Credential),
            (None, None, Some(raw), None) => {
                VaultConfig::try_from(raw).map(Self::Vault).map_err(|it| it.under("vault"))
            }
            (None, None, None, Some(raw)) => {
                KmsConfig::try_from(raw).map(Self::Kms).map_err(|it| it.under("kms"))
            }
            (passphrase, credential, vault, kms) => {
                let written = [
                    ("passphrase", passphrase.is_some()),
                    ("credential", credential.is_some()),
                    ("vault", vault.is_some()),
                    ("kms", kms.is_some()),
                ];
                let names: Vec<&str> = written.iter().filter(|it| it.1).map(|it| it.0).collect();
                let last = names.last().copied().unwrap_or_default();
                let found = format!("`{}`", names.join("` beside `"));
                Err(Invalid::new(last, found, "one keeper of the root key"))
            }
        }
    }
}

/// Source: systemd.exec(5): a credential's name is that of a file.
fn credential_name(name: String) -> Result<String, Invalid> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_name = (1..=255).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with('.');
    if is_name {
        return Ok(name);
    }
    Err(Invalid::new("credential", format!("`{name}`"), "the name of a credential such as `botwarden-root`"))
}
