//! A service of one's own that is told by HTTP: `POST` with the note as its body.

use std::path::Path;
use std::sync::Arc;

use botwarden_audit::SignedCheckpoint;
use botwarden_crypto::hmac_sha256;
use botwarden_types::Secret;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use zeroize::Zeroizing;

use super::{Keys, Reading, SendError};
use crate::aws::sign::hex;
use crate::call::{CallError, Client, ClientError};
use crate::patience::Patience;
use crate::secret::Secrets;
use crate::url::ServiceUrl;

/// `v1=` and HMAC-SHA256 of the body in lower-case hexadecimal.
const SIGNATURE: HeaderName = HeaderName::from_static("botwarden-signature");

pub(super) struct Webhook {
    client: Client,
    keys: Keys,
    reading: Reading,
}

impl Webhook {
    pub(super) fn new(
        url: ServiceUrl,
        ca_file: Option<&Path>,
        keys: Keys,
        patience: Patience,
    ) -> Result<Self, ClientError> {
        Ok(Self { client: Client::new(url, ca_file, patience)?, keys, reading: Reading::default() })
    }

    pub(super) async fn send(&self, checkpoint: &SignedCheckpoint) -> Result<(), SendError> {
        let body = Zeroizing::new(checkpoint.note().as_bytes().to_vec());
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
        if let Some(token) = &self.keys.token {
            let token = self.current("token", token).await?;
            let bearer = Zeroizing::new(format!("Bearer {}", token.expose()));
            headers.insert(header::AUTHORIZATION, self.sensitive(&bearer)?);
        }
        if let Some(key) = &self.keys.hmac_key {
            let key = self.current("HMAC key", key).await?;
            let code = hmac_sha256(key.expose().as_bytes(), &body);
            headers.insert(SIGNATURE, self.sensitive(&format!("v1={}", hex(&*code)))?);
        }
        let path = if self.client.url.base.is_empty() { "/" } else { "" };
        let answer = self.client.post(path, headers, body).await.map_err(|source| self.unreached(source))?;
        match answer.status {
            status if status.is_success() => Ok(()),
            status => Err(SendError::Webhook { url: self.shown(), status }),
        }
    }

    async fn current(&self, what: &'static str, secrets: &Arc<dyn Secrets>) -> Result<Secret, SendError> {
        let secrets = secrets.clone();
        self.reading.now(what, move || secrets.current()).await
    }

    fn sensitive(&self, text: &str) -> Result<HeaderValue, SendError> {
        let mut value = HeaderValue::from_str(text).map_err(|_| self.unreached(CallError::Header))?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn unreached(&self, source: CallError) -> SendError {
        SendError::Call { url: self.shown(), source }
    }

    /// The address without its path: of some services the path is the secret.
    fn shown(&self) -> String {
        let url = &self.client.url;
        format!("{}://{}/…", url.scheme, url.authority)
    }
}
