//! Where a witness is, and by which key its cosignatures are known.

use std::path::{Path, PathBuf};

use botwarden_audit::{Algorithm, KeyError, NoteKey};
use botwarden_types::Invalid;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::url::ServiceUrl;

/// The kind of key that is a post-quantum witness's, ML-DSA-44. Source: c2sp.org/tlog-cosignature.
const ML_DSA_44: u8 = 0x06;

/// `[[audit.witness]]` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawWitness {
    /// Its public key, `name+id+base64`, as its operator publishes it. The name in it is what it is called here.
    pub key: String,
    /// Its submission prefix: what stands before `/add-checkpoint`, such as `https://witness.example.com`.
    pub url: String,
    /// A PEM file of certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// Where a witness is, and by which key its cosignatures are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WitnessConfig {
    /// Its public key. INVARIANT: of a kind that cosigns.
    pub key: NoteKey,
    /// Its submission prefix.
    pub url: ServiceUrl,
    /// Certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

impl WitnessConfig {
    /// Takes relative paths from `folder`.
    #[must_use]
    pub fn in_folder(self, folder: &Path) -> Self {
        Self { ca_file: self.ca_file.map(|path| folder.join(path)), ..self }
    }

    /// Reads a witness's public key. The error is about `key`.
    pub fn parse_key(text: &str) -> Result<NoteKey, Invalid> {
        let invalid = |expected: &str| Invalid::new("key", format!("`{text}`"), expected);
        match NoteKey::parse(text) {
            Ok(key) if key.algorithm() == Algorithm::CosignatureEd25519 => Ok(key),
            Ok(_) => Err(invalid("a key that cosigns (its base64 begins with `BA`); this one signs logs")),
            Err(KeyError::Algorithm(ML_DSA_44)) => {
                Err(invalid("the witness's Ed25519 key: ML-DSA-44 is not supported yet"))
            }
            Err(error) => Err(invalid(&format!(
                "a witness's public key such as `witness.example.com+1c7e7f9d+BA…` ({error})"
            ))),
        }
    }
}

impl TryFrom<RawWitness> for WitnessConfig {
    type Error = Invalid;

    fn try_from(raw: RawWitness) -> Result<Self, Invalid> {
        let key = Self::parse_key(&raw.key)?;
        let url = ServiceUrl::parse("url", &raw.url, "https://witness.example.com")?;
        Ok(Self { key, url, ca_file: raw.ca_file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: golang.org/x/mod/sumdb/note, documentation of the package: a log's key.
    const LOG: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn witnesses() {
        let seed = botwarden_crypto::SigningKey::from_seed(&[9; 32]);
        let key = NoteKey::new("w.example/1", Algorithm::CosignatureEd25519, seed.verifying_key()).unwrap();
        let good = key.to_string();
        let https = "https://w.example";
        for (name, key, url, want) in [
            ("a witness", good.as_str(), https, Ok("w.example/1")),
            ("on this machine", good.as_str(), "http://127.0.0.1:7380/", Ok("w.example/1")),
            ("plain http", good.as_str(), "http://w.example", Err("url")),
            ("a log's key", LOG, https, Err("key")),
            ("post-quantum", &LOG.replace("+AR", "+Bh"), https, Err("key")),
            ("mistyped", &good.replace("w.", "v."), https, Err("key")),
            ("nothing", "", https, Err("key")),
        ] {
            let raw = RawWitness { key: key.into(), url: url.into(), ca_file: None };
            let read = WitnessConfig::try_from(raw).map(|it| it.key.name().to_owned()).map_err(|it| it.key);
            assert_eq!(read.as_deref().map_err(String::as_str), want, "{name}");
        }
        let error = WitnessConfig::parse_key(&LOG.replace("+AR", "+Bh")).unwrap_err();
        assert!(error.expected.contains("ML-DSA-44 is not supported yet"), "{error}");
    }
}
