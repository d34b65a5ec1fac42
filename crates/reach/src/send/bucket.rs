//! A bucket of S3, or of what speaks like it: one object for each checkpoint, locked for as long as is wanted.
//!
//! Source: docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html; object lock: …/userguide/object-lock.html

use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use botwarden_audit::SignedCheckpoint;
use botwarden_crypto::sha256;
use botwarden_types::{Clock, Secret, UnixMs};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use zeroize::Zeroizing;

use super::config::Bucket;
use super::{Keys, Reading, SendError};
use crate::aws::sign::{self, Scope, Signable, hex};
use crate::aws::{Credentials, CredentialsNow};
use crate::call::{CallError, Client, ClientError};
use crate::patience::Patience;
use crate::vault::brief;

pub(super) struct Store {
    bucket: Bucket,
    client: Client,
    credentials: Option<Arc<CredentialsNow>>,
    reading: Reading,
    clock: Arc<dyn Clock>,
}

impl Store {
    pub(super) fn new(
        bucket: Bucket,
        ca_file: Option<&Path>,
        keys: Keys,
        clock: Arc<dyn Clock>,
        patience: Patience,
    ) -> Result<Self, ClientError> {
        let client = Client::new(bucket.endpoint.clone(), ca_file, patience)?;
        Ok(Self { bucket, client, credentials: keys.credentials, reading: Reading::default(), clock })
    }

    pub(super) async fn send(&self, checkpoint: &SignedCheckpoint) -> Result<(), SendError> {
        let path = format!("/{}/{}{}", self.bucket.name, self.bucket.prefix, super::object_name(checkpoint));
        let body = Zeroizing::new(checkpoint.note().as_bytes().to_vec());
        let credentials = self.credentials().await?;
        let headers = self.headers(&path, &body, &credentials, self.clock.now().wall)?;
        let answer = self.client.send(Method::PUT, &path, headers, body).await;
        let answer = answer.map_err(|source| self.unreached(source))?;
        match answer.status {
            StatusCode::OK => Ok(()),
            // It is there already, from an earlier attempt whose answer did not come: its name tells size and root.
            StatusCode::PRECONDITION_FAILED => Ok(()),
            status => Err(self.refused(status, &answer.body)),
        }
    }

    fn headers(
        &self,
        path: &str,
        body: &[u8],
        credentials: &Credentials,
        now: UnixMs,
    ) -> Result<HeaderMap, SendError> {
        let hash = sha256(body);
        let (date, payload, checksum) = (sign::date(now), hex(&hash), STANDARD.encode(hash));
        let until = self.bucket.retain.map(|span| now.after(span).rfc3339());
        // In the order of the alphabet, as the signature wants them.
        let mut signed = vec![
            ("content-type", "text/plain; charset=utf-8"),
            ("host", self.bucket.endpoint.authority.as_str()),
            // Never over an object that is there.
            ("if-none-match", "*"),
            // Object lock asks for a checksum.
            ("x-amz-checksum-sha256", &checksum),
            ("x-amz-content-sha256", &payload),
            ("x-amz-date", &date),
        ];
        if let Some(until) = &until {
            signed.push(("x-amz-object-lock-mode", "COMPLIANCE"));
            signed.push(("x-amz-object-lock-retain-until-date", until));
        }
        // Some stores look for the checksum of a locked object by this name.
        signed.push(("x-amz-sdk-checksum-algorithm", "SHA256"));
        let token = credentials.session_token.as_ref().map(Secret::expose);
        signed.extend(token.map(|token| ("x-amz-security-token", token)));
        let path = format!("{}{path}", self.bucket.endpoint.base);
        let signable = Signable { method: "PUT", path: &path, headers: &signed, body };
        let scope = Scope { date: &date, region: &self.bucket.region, service: "s3" };
        let authorization = sign::authorization(&signable, scope, credentials);
        let mut headers = HeaderMap::new();
        for (name, value) in signed.into_iter().chain([("authorization", authorization.as_str())]) {
            let mut value = HeaderValue::from_str(value).map_err(|_| self.unreached(CallError::Header))?;
            value.set_sensitive(name == "authorization" || name == "x-amz-security-token");
            headers.insert(HeaderName::from_static(name), value);
        }
        Ok(headers)
    }

    async fn credentials(&self) -> Result<Credentials, SendError> {
        let what = "credentials";
        match self.credentials.clone() {
            Some(now) => self.reading.now(what, move || now()).await,
            None => Err(SendError::Secret { what, source: "there are none".into() }),
        }
    }

    fn unreached(&self, source: CallError) -> SendError {
        SendError::Call { url: self.bucket.endpoint.to_string(), source }
    }

    /// Source: docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
    fn refused(&self, status: StatusCode, body: &[u8]) -> SendError {
        let text = String::from_utf8_lossy(body);
        let part = |name: &str| {
            let (_, after) = text.split_once(&format!("<{name}>"))?;
            after.split_once('<').map(|(inner, _)| inner.to_owned())
        };
        let (code, message) = (part("Code").unwrap_or_default(), part("Message").unwrap_or_default());
        let mend = match code.as_str() {
            "AccessDenied" => {
                "; allow `s3:PutObject` and, with `retain`, `s3:PutObjectRetention` on its objects"
            }
            "NoSuchBucket" => "; make it, with object lock, or correct `to` or `region`",
            "InvalidRequest" if message.contains("Object Lock") => {
                "; make a bucket with object lock, or write `retain = \"none\"`"
            }
            "RequestTimeTooSkewed" => "; set this machine's clock, `timedatectl set-ntp true`",
            "InvalidAccessKeyId" | "SignatureDoesNotMatch" | "ExpiredToken" | "InvalidToken" => {
                "; renew or correct the credentials"
            }
            "PermanentRedirect" | "AuthorizationHeaderMalformed" => "; correct `region`",
            _ => "",
        };
        let said = brief(&[code, message].join(" "));
        let said = if said.is_empty() { "it does not say why".to_owned() } else { said };
        SendError::Bucket { bucket: self.bucket.name.clone(), status, said, mend }
    }
}
