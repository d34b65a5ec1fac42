//! What can go wrong with the Key Management Service, and what to do about it.

use std::error::Error;

use http::StatusCode;
use serde::Deserialize;

use crate::call::CallError;
use crate::patience::Passing;
use crate::vault::brief;

/// Why the Key Management Service did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum KmsError {
    /// The credentials could not be had.
    #[error("the credentials for AWS")]
    Credentials(#[source] Box<dyn Error + Send + Sync>),
    /// It was not reached, or did not answer.
    #[error("asking AWS KMS at `{url}`")]
    Call {
        /// Its address.
        url: String,
        /// Why.
        source: CallError,
    },
    /// The credentials are unknown, expired, or wrong.
    #[error("AWS does not accept the credentials ({said}); renew or correct them")]
    Unaccepted {
        /// Its words.
        said: String,
    },
    /// Its clock and ours differ.
    #[error("AWS finds this machine's clock wrong ({said}); set it, `timedatectl set-ntp true`")]
    Clock {
        /// Its words.
        said: String,
    },
    /// The credentials are not good for it.
    #[error("AWS denies it ({said}); allow `kms:Encrypt` and `kms:Decrypt` on `{key}`")]
    Denied {
        /// The key.
        key: String,
        /// Its words.
        said: String,
    },
    /// There is no such key.
    #[error("AWS KMS knows no key `{key}` there ({said}); correct `key_id` or `region`")]
    Unknown {
        /// The key.
        key: String,
        /// Its words.
        said: String,
    },
    /// The key is there and may not be used.
    #[error("the key `{key}` cannot be used now ({said}); enable it, or cancel its deletion")]
    Disabled {
        /// The key.
        key: String,
        /// Its words.
        said: String,
    },
    /// What was kept was wrapped by another key, or changed since.
    #[error(
        "the key `{key}` did not wrap the keys that are kept here ({said}): either `key_id` names another key than before, or the keys were changed; restore what belongs together"
    )]
    NotOurs {
        /// The key.
        key: String,
        /// Its words.
        said: String,
    },
    /// Anything else it said.
    #[error("AWS KMS answered {status} ({said})")]
    Refused {
        /// The status.
        status: StatusCode,
        /// Whether it says that it will pass.
        passes: bool,
        /// Its words.
        said: String,
    },
    /// Not an answer of the service.
    #[error("what was answered is not what AWS KMS answers; is `endpoint` right?")]
    Answer,
}

impl Passing for KmsError {
    fn may_pass(&self) -> bool {
        match self {
            Self::Call { source, .. } => source.may_pass(),
            Self::Refused { status, passes, .. } => *passes || status.is_server_error(),
            Self::Credentials(_)
            | Self::Unaccepted { .. }
            | Self::Clock { .. }
            | Self::Denied { .. }
            | Self::Unknown { .. }
            | Self::Disabled { .. }
            | Self::NotOurs { .. }
            | Self::Answer => false,
        }
    }
}

/// `{"__type": "…#NotFoundException", "message": "…"}`
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    #[serde(rename = "__type")]
    kind: String,
    #[serde(alias = "Message")]
    message: String,
}

impl KmsError {
    /// What an answer means that is not 200. Source: docs.aws.amazon.com/kms/latest/APIReference/CommonErrors.html and the errors of Encrypt
    /// and Decrypt.
    pub(super) fn of(key: &str, status: StatusCode, body: &[u8]) -> Self {
        let Said { kind, message } = serde_json::from_slice(body).unwrap_or_default();
        let kind = kind.rsplit('#').next().unwrap_or_default();
        let said = brief(&if message.is_empty() { kind.to_owned() } else { format!("{kind}: {message}") });
        let said = if said.is_empty() { "it does not say why".to_owned() } else { said };
        let key = key.to_owned();
        match kind {
            "AccessDeniedException" | "AccessDenied" | "NotAuthorized" => Self::Denied { key, said },
            "RequestExpired" => Self::Clock { said },
            "InvalidSignatureException" | "SignatureDoesNotMatch" if is_about_time(&message) => {
                Self::Clock { said }
            }
            "InvalidSignatureException"
            | "SignatureDoesNotMatch"
            | "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException"
            | "IncompleteSignature"
            | "ExpiredToken"
            | "ExpiredTokenException"
            | "OptInRequired" => Self::Unaccepted { said },
            "NotFoundException" | "InvalidArnException" => Self::Unknown { key, said },
            "DisabledException" | "KMSInvalidStateException" | "KeyUnavailableException" => {
                Self::Disabled { key, said }
            }
            "InvalidCiphertextException" | "IncorrectKeyException" => Self::NotOurs { key, said },
            "ThrottlingException" | "DependencyTimeoutException" | "KMSInternalException" => {
                Self::Refused { status, passes: true, said }
            }
            _ => Self::Refused { status, passes: status == StatusCode::TOO_MANY_REQUESTS, said },
        }
    }
}

fn is_about_time(message: &str) -> bool {
    message.contains("expired") || message.contains("not yet current")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_and_their_mends() {
        for (body, want, passes) in [
            (
                r#"{"__type":"AccessDeniedException","Message":"User: x is not authorized"}"#,
                "allow `kms:Encrypt`",
                false,
            ),
            (
                r#"{"__type":"com.amazonaws.kms#NotFoundException","message":"Alias not found"}"#,
                "correct `key_id`",
                false,
            ),
            (r#"{"__type":"DisabledException","message":"arn is disabled."}"#, "enable it", false),
            (
                r#"{"__type":"KMSInvalidStateException","message":"pending deletion"}"#,
                "cancel its deletion",
                false,
            ),
            (
                r#"{"__type":"InvalidSignatureException","message":"Signature expired: 2 is now earlier than 1"}"#,
                "set it",
                false,
            ),
            (
                r#"{"__type":"InvalidSignatureException","message":"does not match"}"#,
                "renew or correct",
                false,
            ),
            (r#"{"__type":"UnrecognizedClientException","message":"invalid"}"#, "renew or correct", false),
            (r#"{"__type":"ExpiredTokenException","message":"expired"}"#, "renew or correct", false),
            (r#"{"__type":"InvalidCiphertextException"}"#, "did not wrap", false),
            (r#"{"__type":"IncorrectKeyException","message":"other key"}"#, "did not wrap", false),
            (r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#, "400", true),
            (r#"{"__type":"SomethingNew"}"#, "SomethingNew", false),
            ("<html>", "it does not say why", false),
        ] {
            let error = KmsError::of("alias/botwarden", StatusCode::BAD_REQUEST, body.as_bytes());
            assert!(error.to_string().contains(want), "{body}: {error}");
            assert_eq!(error.may_pass(), passes, "{body}");
        }
        let inside = KmsError::of("k", StatusCode::INTERNAL_SERVER_ERROR, b"");
        assert!(inside.may_pass());
    }
}
