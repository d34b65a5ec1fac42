//! Where secrets lie that services ask for.

use std::error::Error;
use std::path::{Path, PathBuf};

use botwarden_types::{Invalid, Secret};
use schemars::JsonSchema;
use serde::Deserialize;

/// Where a secret lies, as written: `{ env = "…" }` or `{ file = "…" }`. The secret itself is never written in the configuration.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSecret {
    /// The environment variable that holds it …
    pub env: Option<String>,
    /// … or the file, which only its owner may read; read again each time.
    pub file: Option<PathBuf>,
}

/// Where a secret lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretPlace {
    /// In a variable of the environment.
    Env(String),
    /// In a file.
    File(PathBuf),
}

impl SecretPlace {
    /// Takes a relative path from `folder`.
    #[must_use]
    pub fn in_folder(self, folder: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(folder.join(path)),
            place @ Self::Env(_) => place,
        }
    }
}

impl TryFrom<RawSecret> for SecretPlace {
    type Error = Invalid;

    fn try_from(raw: RawSecret) -> Result<Self, Invalid> {
        let either = "exactly one of `env = \"NAME\"` and `file = \"PATH\"`";
        match (raw.env, raw.file) {
            (Some(name), None) if name.is_empty() || name.contains(['=', '\0']) => {
                Err(Invalid::new("env", format!("`{name}`"), "the name of an environment variable"))
            }
            (Some(name), None) => Ok(Self::Env(name)),
            (None, Some(path)) if path.as_os_str().is_empty() => {
                Err(Invalid::new("file", "an empty path", "the path of a file"))
            }
            (None, Some(path)) => Ok(Self::File(path)),
            (None, None) => Err(Invalid::new("env", "nothing", either)),
            (Some(_), Some(_)) => Err(Invalid::new("env", "both", either)),
        }
    }
}

/// Gives a secret as it is now: tokens are renewed while we run.
pub trait Secrets: Send + Sync {
    /// The secret. The error says what to mend, and nothing of the secret.
    fn current(&self) -> Result<Secret, Box<dyn Error + Send + Sync>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places() {
        let raw = |env: Option<&str>, file: Option<&str>| RawSecret {
            env: env.map(str::to_owned),
            file: file.map(PathBuf::from),
        };
        for (name, raw, want) in [
            ("a variable", raw(Some("TOKEN"), None), Ok(SecretPlace::Env("TOKEN".into()))),
            ("a file", raw(None, Some("token")), Ok(SecretPlace::File("token".into()))),
            ("neither", raw(None, None), Err("env")),
            ("both", raw(Some("TOKEN"), Some("token")), Err("env")),
            ("no name", raw(Some(""), None), Err("env")),
            ("an assignment", raw(Some("A=B"), None), Err("env")),
            ("no path", raw(None, Some("")), Err("file")),
        ] {
            assert_eq!(SecretPlace::try_from(raw).map_err(|e| e.key), want.map_err(str::to_owned), "{name}");
        }
        let file = SecretPlace::File("token".into()).in_folder(Path::new("/etc/botwarden"));
        assert_eq!(file, SecretPlace::File("/etc/botwarden/token".into()));
    }
}
