//! `[store]`: where keys and sessions lie.

use std::ffi::OsString;

use botwarden_store::{PostgresUrl, PostgresUrlError};
use botwarden_types::Invalid;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::text::mask;

/// `[store]` as written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawStore {
    /// The PostgreSQL database that several nodes share, `postgres://user@host/database`; it may hold a password, so better
    /// `{ env = "NAME" }`, the variable that holds it. Without it keys and sessions lie in `data_dir`.
    pub(crate) url: Option<RawUrl>,
}

/// An address, or the variable that holds it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a text such as `postgres://user@host/database`, or `{ env = \"NAME\" }`"
)]
pub(crate) enum RawUrl {
    /// The address itself.
    Text(String),
    /// Where it is.
    Variable(RawVariable),
}

/// A variable of the environment.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawVariable {
    /// The environment variable that holds it.
    pub(crate) env: String,
}

/// Where keys and sessions lie.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum StoreConfig {
    /// In the data directory.
    #[default]
    DataDir,
    /// In the PostgreSQL database of this address.
    Url(PostgresUrl),
    /// In the one whose address this variable of the environment holds.
    Variable(String),
}

/// The environment does not give the address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`[store] url` wants the address of the database in the variable `{}`, which {why}", mask(.variable))]
pub(crate) struct MissingUrl {
    /// The environment variable.
    pub(crate) variable: String,
    /// What is wrong with it, as the end of a sentence.
    pub(crate) why: String,
}

impl StoreConfig {
    /// The address of the database, if there is one; `env` reads a variable of the environment.
    pub(crate) fn url(
        &self,
        env: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Option<PostgresUrl>, MissingUrl> {
        let variable = match self {
            Self::DataDir => return Ok(None),
            Self::Url(url) => return Ok(Some(url.clone())),
            Self::Variable(variable) => variable,
        };
        let missing = |why: String| MissingUrl { variable: variable.clone(), why };
        let value = env(variable).ok_or_else(|| missing("is not set".to_owned()))?;
        let text = value.into_string().map_err(|_| missing("holds bytes that are no text".to_owned()))?;
        let refused = |error: PostgresUrlError| missing(format!("does not hold what was expected: {error}"));
        PostgresUrl::parse(&text).map(Some).map_err(refused)
    }
}

impl TryFrom<RawStore> for StoreConfig {
    type Error = Invalid;

    fn try_from(raw: RawStore) -> Result<Self, Invalid> {
        match raw.url {
            None => Ok(Self::DataDir),
            Some(RawUrl::Text(text)) => PostgresUrl::parse(&text)
                .map(Self::Url)
                // What was found is not shown: it may hold a password.
                .map_err(|error| Invalid::new("url", "another text", error.to_string())),
            Some(RawUrl::Variable(RawVariable { env })) if env.is_empty() || env.contains(['=', '\0']) => {
                Err(Invalid::new("url.env", format!("`{env}`"), "the name of an environment variable"))
            }
            Some(RawUrl::Variable(RawVariable { env })) => Ok(Self::Variable(env)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_the_environment() {
        let url = "postgres://bw:hunter2@db.example.com/bw";
        let store = StoreConfig::Variable("URL".into());
        for (name, value, want) in [
            ("not set", None, Err("is not set")),
            ("an address", Some(url), Ok(())),
            ("something else", Some("hunter2"), Err("does not hold what was expected: an address such as")),
            (
                "a slip",
                Some("postgres://bw@db.example.com/bw?pasword=hunter2"),
                Err("does not hold what was expected: no parameters after `?` but"),
            ),
        ] {
            match (store.url(|_| value.map(OsString::from)), want) {
                (Ok(found), Ok(())) => assert_eq!(found, PostgresUrl::parse(url).ok(), "{name}"),
                (Err(error), Err(words)) => {
                    let error = error.to_string();
                    assert!(error.contains(words) && !error.contains("hunter2"), "{name}: {error}");
                }
                (got, _) => panic!("{name}: {got:?}"),
            }
        }
        assert_eq!(StoreConfig::DataDir.url(|_| None), Ok(None));
    }
}
