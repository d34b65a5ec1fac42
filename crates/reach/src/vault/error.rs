//! What can go wrong with a Vault, and what to do about it.

use std::error::Error;

use http::StatusCode;
use serde::Deserialize;

use crate::call::CallError;
use crate::patience::Passing;

/// Characters of what a service says about a failure.
const SAID_CHARS_MAX: usize = 200;

/// Why Vault did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The token could not be had.
    #[error("the token for Vault")]
    Token(#[source] Box<dyn Error + Send + Sync>),
    /// It was not reached, or did not answer.
    #[error("asking Vault at `{url}`")]
    Call {
        /// Its address.
        url: String,
        /// Why.
        source: CallError,
    },
    /// It is sealed, or has no active node.
    #[error(
        "Vault at `{url}` is sealed or has no active node ({said}); unseal it with `vault operator unseal`"
    )]
    Sealed {
        /// Its address.
        url: String,
        /// Its words.
        said: String,
    },
    /// The token is not good for it.
    #[error(
        "Vault refused the token ({said}): renew it if it has expired, and give its policy `update` on `{path}`"
    )]
    Denied {
        /// What was asked for.
        path: String,
        /// Its words.
        said: String,
    },
    /// There is no such engine or key.
    #[error(
        "Vault knows no `{path}` ({said}): `vault secrets enable transit`, `vault write -f transit/keys/NAME`, or correct `mount`, `key` and `namespace`"
    )]
    Unknown {
        /// What was asked for.
        path: String,
        /// Its words.
        said: String,
    },
    /// What was kept was wrapped by another key, or changed since.
    #[error(
        "Vault's key `{key}` did not wrap the keys that are kept here ({said}): either `url`, `mount`, `key` or `namespace` name another key than before, or the keys were changed; restore what belongs together"
    )]
    NotOurs {
        /// The key.
        key: String,
        /// Its words.
        said: String,
    },
    /// Anything else it said.
    #[error("Vault answered {status} ({said})")]
    Refused {
        /// The status.
        status: StatusCode,
        /// Its words.
        said: String,
    },
    /// Not an answer of the transit engine.
    #[error(
        "what Vault answered is not what its transit engine answers; is `url` that of a Vault, and `key` one that encrypts?"
    )]
    Answer,
}

impl Passing for VaultError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Call { source, .. } => source.may_pass(),
            // Too many requests, a node behind the others (412), a failure inside.
            Self::Refused { status, .. } => {
                matches!(status.as_u16(), 412 | 429 | 500 | 502 | 504)
            }
            Self::Token(_)
            | Self::Sealed { .. }
            | Self::Denied { .. }
            | Self::Unknown { .. }
            | Self::NotOurs { .. }
            | Self::Answer => false,
        }
    }
}

/// `{"errors": […]}`
#[derive(Deserialize)]
struct Errors {
    #[serde(default)]
    errors: Vec<String>,
}

/// What Vault says about a failure, fit to be shown.
pub(super) fn said(body: &[u8]) -> String {
    let errors = serde_json::from_slice::<Errors>(body).map(|it| it.errors.join("; ")).unwrap_or_default();
    brief(if errors.is_empty() { "it does not say why" } else { &errors })
}

/// The beginning of a text of others, on one line.
pub(crate) fn brief(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().filter(|c| !c.is_control()).take(SAID_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_is_shown_on_one_short_line() {
        for (body, want) in [
            (r#"{"errors":["permission denied"]}"#, "permission denied"),
            (
                "{\"errors\":[\"1 error occurred:\\n\\t* permission\\u001b[31m denied\"]}",
                "1 error occurred: * permission[31m denied",
            ),
            (r#"{"errors":[]}"#, "it does not say why"),
            ("<html>", "it does not say why"),
        ] {
            assert_eq!(said(body.as_bytes()), want, "{body}");
        }
        assert_eq!(brief(&"x".repeat(1000)).len(), SAID_CHARS_MAX);
    }
}
