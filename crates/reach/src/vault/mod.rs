//! The root key in the transit engine of a Vault.
//!
//! Source: developer.hashicorp.com/vault/api-docs/secret/transit (encrypt, decrypt); OpenBao answers alike.

mod config;
mod error;

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use botwarden_crypto::{BoxFuture, KeyName, Letter, OpenError, RootError, RootProvider, SecretKey};
use http::{HeaderMap, HeaderValue, header};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use config::{RawVault, VaultConfig};
pub use error::VaultError;
pub(crate) use error::brief;

use crate::call::{Answer, CallError, Client, ClientError};
use crate::patience::Patience;
use crate::secret::Secrets;
use crate::wrapped::{self, Plaintext};

/// What wrapped keys begin with; their version and the rest are Vault's own business.
const CIPHERTEXT_PREFIX: &str = "vault:v";

/// A root key that a Vault keeps. Wrapped keys are what its transit engine gives, `vault:v1:…`, under the key's newest version.
pub struct VaultTransit {
    config: VaultConfig,
    client: Client,
    token: Arc<dyn Secrets>,
    patience: Patience,
}

/// What is asked of the transit engine.
#[derive(Clone, Copy)]
enum Verb {
    Encrypt,
    Decrypt,
}

#[derive(Serialize)]
struct Encrypt<'a> {
    plaintext: &'a str,
    associated_data: &'a str,
}

#[derive(Serialize)]
struct Decrypt<'a> {
    ciphertext: &'a str,
    associated_data: &'a str,
}

#[derive(Deserialize)]
struct Data<T> {
    data: T,
}

#[derive(Deserialize)]
struct Encrypted {
    ciphertext: String,
}

#[derive(Deserialize)]
struct Decrypted {
    plaintext: Plaintext,
}

impl VaultTransit {
    /// Asks nothing yet. `token` is asked for the token before each call.
    pub fn new(
        config: VaultConfig,
        token: Arc<dyn Secrets>,
        patience: Patience,
    ) -> Result<Self, ClientError> {
        let client = Client::new(config.url.clone(), config.ca_file.as_deref(), patience)?;
        Ok(Self { config, client, token, patience })
    }

    async fn encrypt(&self, name: KeyName<'_>, key: &SecretKey) -> Result<Vec<u8>, VaultError> {
        let letter = Letter::new(name, key);
        let plaintext = Zeroizing::new(STANDARD.encode(letter.expose()));
        let associated_data = &STANDARD.encode(name.associated_data());
        let answer = self.ask(Verb::Encrypt, &Encrypt { plaintext: &plaintext, associated_data }).await?;
        let Encrypted { ciphertext } = read(&answer)?;
        let is_one = ciphertext.starts_with(CIPHERTEXT_PREFIX)
            && ciphertext.len() <= wrapped::OPAQUE_BYTES_MAX
            && ciphertext.bytes().all(|byte| byte.is_ascii_graphic());
        if is_one { Ok(wrapped::keep(ciphertext.as_bytes())) } else { Err(VaultError::Answer) }
    }

    async fn decrypt(&self, name: KeyName<'_>, kept: &[u8]) -> Result<SecretKey, RootError> {
        let ciphertext = std::str::from_utf8(wrapped::opaque(kept)?).map_err(|_| OpenError)?;
        let associated_data = &STANDARD.encode(name.associated_data());
        let question = Decrypt { ciphertext, associated_data };
        let answer =
            self.ask(Verb::Decrypt, &question).await.map_err(|error| failed(Verb::Decrypt, error))?;
        let answer: Decrypted = read(&answer).map_err(|error| failed(Verb::Decrypt, error))?;
        // Bound by the text itself, too: a server that does not know `associated_data` passes over it.
        let letter = Zeroizing::new(STANDARD.decode(answer.plaintext.as_bytes()).map_err(|_| OpenError)?);
        Ok(Letter::open(name, &letter)?)
    }

    async fn ask<T: Serialize + Sync>(&self, verb: Verb, question: &T) -> Result<Answer, VaultError> {
        let body = Zeroizing::new(serde_json::to_vec(question).map_err(|_| VaultError::Answer)?);
        let mut tries = self.patience.tries();
        loop {
            let error = match self.ask_once(verb, body.clone()).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if !tries.another(&error).await {
                return Err(error);
            }
        }
    }

    async fn ask_once(&self, verb: Verb, body: Zeroizing<Vec<u8>>) -> Result<Answer, VaultError> {
        let path = format!("{}/{}/{}", self.config.mount, verb.as_str(), self.config.key);
        let called = self.client.post(&format!("/v1/{path}"), self.headers()?, body).await;
        self.judge(verb, path, called.map_err(|source| self.unreached(source))?)
    }

    fn headers(&self) -> Result<HeaderMap, VaultError> {
        let unfit = |_| self.unreached(CallError::Header);
        let token = self.token.current().map_err(VaultError::Token)?;
        let mut token = HeaderValue::from_str(token.expose()).map_err(unfit)?;
        token.set_sensitive(true);
        let mut headers = HeaderMap::new();
        headers.insert("x-vault-token", token);
        headers.insert("x-vault-request", HeaderValue::from_static("true"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(namespace) = &self.config.namespace {
            headers.insert("x-vault-namespace", HeaderValue::from_str(namespace).map_err(unfit)?);
        }
        Ok(headers)
    }

    fn judge(&self, verb: Verb, path: String, answer: Answer) -> Result<Answer, VaultError> {
        let said = error::said(&answer.body);
        match (verb, answer.status.as_u16()) {
            (_, 200) => Ok(answer),
            (_, 403) => Err(VaultError::Denied { path, said }),
            (_, 404) => Err(VaultError::Unknown { path, said }),
            (_, 400) if said.contains("key not found") => Err(VaultError::Unknown { path, said }),
            (Verb::Decrypt, 400) => Err(VaultError::NotOurs { key: self.config.key.clone(), said }),
            (_, 503) => Err(VaultError::Sealed { url: self.config.url.to_string(), said }),
            _ => Err(VaultError::Refused { status: answer.status, said }),
        }
    }

    fn unreached(&self, source: CallError) -> VaultError {
        VaultError::Call { url: self.config.url.to_string(), source }
    }
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
        }
    }
}

fn read<T: for<'a> Deserialize<'a>>(answer: &Answer) -> Result<T, VaultError> {
    serde_json::from_slice::<Data<T>>(&answer.body).map(|it| it.data).map_err(|_| VaultError::Answer)
}

fn failed(verb: Verb, error: VaultError) -> RootError {
    let doing = match verb {
        Verb::Encrypt => "wrapping the tenant's key",
        Verb::Decrypt => "unwrapping the tenant's key",
    };
    RootError::Service { doing, source: error.into() }
}

impl RootProvider for VaultTransit {
    /// Without the address: a Vault may move.
    fn id(&self) -> String {
        let namespace = self.config.namespace.as_ref().map_or(String::new(), |it| format!("{it}/"));
        format!("vault:{namespace}{}/{}", self.config.mount, self.config.key)
    }

    fn wrap<'a>(
        &'a self,
        name: KeyName<'a>,
        key: &'a SecretKey,
    ) -> BoxFuture<'a, Result<Vec<u8>, RootError>> {
        Box::pin(async move { self.encrypt(name, key).await.map_err(|error| failed(Verb::Encrypt, error)) })
    }

    fn unwrap<'a>(
        &'a self,
        name: KeyName<'a>,
        wrapped: &'a [u8],
    ) -> BoxFuture<'a, Result<SecretKey, RootError>> {
        Box::pin(self.decrypt(name, wrapped))
    }
}
