//! The root key in the AWS Key Management Service.
//!
//! Source: docs.aws.amazon.com/kms/latest/APIReference (Encrypt, Decrypt), AWS JSON 1.1.

mod config;
mod error;

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use botwarden_crypto::{BoxFuture, KeyName, Letter, OpenError, RootError, RootProvider, SecretKey};
use botwarden_types::{Clock, Secret};
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

pub use config::{KmsConfig, RawKms};
pub use error::KmsError;

use crate::aws::CredentialsNow;
use crate::aws::sign::{self, Scope, Signable};
use crate::call::{Answer, CallError, Client, ClientError};
use crate::patience::Patience;
use crate::wrapped::{self, Plaintext};

const CONTENT_TYPE: &str = "application/x-amz-json-1.1";

/// A root key that AWS keeps. Wrapped keys are the blobs that `Encrypt` gives, under the key's newest material.
pub struct AwsKms {
    config: KmsConfig,
    client: Client,
    credentials: Arc<CredentialsNow>,
    clock: Arc<dyn Clock>,
    patience: Patience,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypt<'a> {
    key_id: &'a str,
    plaintext: &'a str,
    encryption_context: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypt<'a> {
    key_id: &'a str,
    ciphertext_blob: &'a str,
    encryption_context: BTreeMap<&'static str, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Encrypted {
    ciphertext_blob: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Decrypted {
    plaintext: Plaintext,
}

/// What AWS binds to the wrapped key, writes into its own log, and may be named in key policies. Nothing in it is secret.
fn context(name: KeyName<'_>) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("botwarden:tenant", name.tenant.to_owned()),
        ("botwarden:purpose", name.purpose.as_str().to_owned()),
        ("botwarden:number", name.number.to_string()),
    ])
}

impl AwsKms {
    /// Asks nothing yet. `credentials` are asked for before each call.
    pub fn new(
        config: KmsConfig,
        credentials: Arc<CredentialsNow>,
        clock: Arc<dyn Clock>,
        patience: Patience,
    ) -> Result<Self, ClientError> {
        let client = Client::new(config.endpoint.clone(), config.ca_file.as_deref(), patience)?;
        Ok(Self { config, client, credentials, clock, patience })
    }

    async fn encrypt(&self, name: KeyName<'_>, key: &SecretKey) -> Result<Vec<u8>, KmsError> {
        let plaintext = Zeroizing::new(STANDARD.encode(Letter::new(name, key).expose()));
        let question =
            Encrypt { key_id: &self.config.key_id, plaintext: &plaintext, encryption_context: context(name) };
        let answer: Encrypted = self.ask("TrentService.Encrypt", &question).await?;
        let blob = STANDARD.decode(answer.ciphertext_blob).map_err(|_| KmsError::Answer)?;
        let is_one = (1..=wrapped::OPAQUE_BYTES_MAX).contains(&blob.len());
        if is_one { Ok(wrapped::keep(&blob)) } else { Err(KmsError::Answer) }
    }

    async fn decrypt(&self, name: KeyName<'_>, kept: &[u8]) -> Result<SecretKey, RootError> {
        let blob = STANDARD.encode(wrapped::opaque(kept)?);
        let question = Decrypt {
            key_id: &self.config.key_id,
            ciphertext_blob: &blob,
            encryption_context: context(name),
        };
        let answer: Decrypted = self.ask("TrentService.Decrypt", &question).await.map_err(|error| {
            RootError::Service { doing: "unwrapping the tenant's key", source: error.into() }
        })?;
        let letter = Zeroizing::new(STANDARD.decode(answer.plaintext.as_bytes()).map_err(|_| OpenError)?);
        Ok(Letter::open(name, &letter)?)
    }

    async fn ask<Q: Serialize + Sync, A: for<'a> Deserialize<'a>>(
        &self,
        target: &'static str,
        question: &Q,
    ) -> Result<A, KmsError> {
        let body = Zeroizing::new(serde_json::to_vec(question).map_err(|_| KmsError::Answer)?);
        let mut tries = self.patience.tries();
        let answer = loop {
            let error = match self.ask_once(target, body.clone()).await {
                Ok(answer) => break answer,
                Err(error) => error,
            };
            if !tries.another(&error).await {
                return Err(error);
            }
        };
        serde_json::from_slice(&answer.body).map_err(|_| KmsError::Answer)
    }

    async fn ask_once(&self, target: &'static str, body: Zeroizing<Vec<u8>>) -> Result<Answer, KmsError> {
        let headers = self.headers(target, &body)?;
        let answer = self.client.post("/", headers, body).await.map_err(|source| self.unreached(source))?;
        match answer.status {
            http::StatusCode::OK => Ok(answer),
            status => Err(KmsError::of(&self.config.key_id, status, &answer.body)),
        }
    }

    fn headers(&self, target: &'static str, body: &[u8]) -> Result<HeaderMap, KmsError> {
        let credentials = (self.credentials)().map_err(KmsError::Credentials)?;
        let date = sign::date(self.clock.wall());
        let mut signed = vec![
            ("content-type", CONTENT_TYPE),
            ("host", self.config.endpoint.authority.as_str()),
            ("x-amz-date", date.as_str()),
        ];
        signed.extend(
            credentials.session_token.as_ref().map(Secret::expose).map(|it| ("x-amz-security-token", it)),
        );
        signed.push(("x-amz-target", target));
        let path = format!("{}/", self.config.endpoint.base);
        let signable = Signable { method: "POST", path: &path, headers: &signed, body };
        let scope = Scope { date: &date, region: &self.config.region, service: "kms" };
        let authorization = sign::authorization(&signable, scope, &credentials);
        let mut headers = HeaderMap::new();
        for (name, value) in signed.into_iter().chain([("authorization", authorization.as_str())]) {
            let mut value = HeaderValue::from_str(value).map_err(|_| self.unreached(CallError::Header))?;
            value.set_sensitive(name == "authorization" || name == "x-amz-security-token");
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(headers)
    }

    fn unreached(&self, source: CallError) -> KmsError {
        KmsError::Call { url: self.config.endpoint.to_string(), source }
    }
}

impl RootProvider for AwsKms {
    fn id(&self) -> String {
        format!("kms:{}/{}", self.config.region, self.config.key_id)
    }

    fn wrap<'a>(
        &'a self,
        name: KeyName<'a>,
        key: &'a SecretKey,
    ) -> BoxFuture<'a, Result<Vec<u8>, RootError>> {
        Box::pin(async move {
            self.encrypt(name, key).await.map_err(|error| RootError::Service {
                doing: "wrapping the tenant's key",
                source: error.into(),
            })
        })
    }

    fn unwrap<'a>(
        &'a self,
        name: KeyName<'a>,
        wrapped: &'a [u8],
    ) -> BoxFuture<'a, Result<SecretKey, RootError>> {
        Box::pin(self.decrypt(name, wrapped))
    }
}
