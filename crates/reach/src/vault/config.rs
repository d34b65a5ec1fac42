//! Where a Vault is, and which of its keys to use.

use std::path::{Path, PathBuf};

use botwarden_types::Invalid;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::secret::{RawSecret, SecretPlace};
use crate::url::ServiceUrl;

/// `[root_key.vault]` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawVault {
    /// Its address: `https://vault.example.com:8200`.
    pub url: String,
    /// The key's name in the transit engine.
    pub key: String,
    /// Where the token lies: `{ env = "VAULT_TOKEN" }` or `{ file = "…" }`, which is read again each time.
    pub token: RawSecret,
    /// Where the transit engine is mounted. Default `transit`.
    pub mount: Option<String>,
    /// The namespace, where there are any.
    pub namespace: Option<String>,
    /// A PEM file of certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// Where a Vault is, and which of its keys to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultConfig {
    /// Its address.
    pub url: ServiceUrl,
    /// Where the transit engine is mounted.
    pub mount: String,
    /// The key's name there.
    pub key: String,
    /// Where the token lies.
    pub token: SecretPlace,
    /// The namespace.
    pub namespace: Option<String>,
    /// Certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

impl VaultConfig {
    /// Takes relative paths from `folder`.
    #[must_use]
    pub fn in_folder(self, folder: &Path) -> Self {
        let ca_file = self.ca_file.map(|path| folder.join(path));
        Self { token: self.token.in_folder(folder), ca_file, ..self }
    }
}

impl TryFrom<RawVault> for VaultConfig {
    type Error = Invalid;

    fn try_from(raw: RawVault) -> Result<Self, Invalid> {
        let url = ServiceUrl::parse("url", &raw.url, "https://vault.example.com:8200")?;
        let mount = raw.mount.unwrap_or_else(|| "transit".to_owned());
        if !is_path(&mount) {
            let expected = "where the transit engine is mounted, such as `transit`";
            return Err(Invalid::new("mount", format!("`{mount}`"), expected));
        }
        if !is_path(&raw.key) || raw.key.contains('/') {
            let expected = "the name of a key in the transit engine, such as `botwarden`";
            return Err(Invalid::new("key", format!("`{}`", raw.key), expected));
        }
        if let Some(namespace) = raw.namespace.as_ref().filter(|text| !is_path(text)) {
            return Err(Invalid::new(
                "namespace",
                format!("`{namespace}`"),
                "a namespace such as `team/shop`",
            ));
        }
        let token = SecretPlace::try_from(raw.token).map_err(|invalid| invalid.under("token"))?;
        Ok(Self { url, mount, key: raw.key, token, namespace: raw.namespace, ca_file: raw.ca_file })
    }
}

/// Whether a text can stand in a path as it is: words of a–z, A–Z, 0–9, `-`, `_` and `.`, with slashes between.
fn is_path(text: &str) -> bool {
    let is_word = |word: &str| {
        let fits = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        fits && !word.is_empty() && word != "." && word != ".."
    };
    text.len() <= 256 && text.split('/').all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw() -> RawVault {
        RawVault {
            url: "https://vault.example.com:8200".into(),
            key: "botwarden".into(),
            token: RawSecret { env: Some("VAULT_TOKEN".into()), file: None },
            mount: None,
            namespace: None,
            ca_file: None,
        }
    }

    #[test]
    fn vaults() {
        let some = |text: &str| Some(text.to_owned());
        for (name, raw, want) in [
            ("usual", raw(), None),
            ("mounted elsewhere", RawVault { mount: some("kv/transit-2"), ..raw() }, None),
            ("a namespace", RawVault { namespace: some("team/shop"), ..raw() }, None),
            ("plain http", RawVault { url: "http://vault.example.com".into(), ..raw() }, Some("url")),
            ("no key", RawVault { key: String::new(), ..raw() }, Some("key")),
            ("a path as key", RawVault { key: "a/b".into(), ..raw() }, Some("key")),
            ("a query as key", RawVault { key: "a?b".into(), ..raw() }, Some("key")),
            ("a way out", RawVault { mount: some("transit/../sys"), ..raw() }, Some("mount")),
            ("a slash before", RawVault { mount: some("/transit"), ..raw() }, Some("mount")),
            ("a line break", RawVault { namespace: some("a\nb"), ..raw() }, Some("namespace")),
            ("no token", RawVault { token: RawSecret { env: None, file: None }, ..raw() }, Some("token.env")),
        ] {
            assert_eq!(VaultConfig::try_from(raw).err().map(|it| it.key).as_deref(), want, "{name}");
        }
    }
}
