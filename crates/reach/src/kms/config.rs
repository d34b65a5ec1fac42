//! Which key of the AWS Key Management Service to use.

use std::path::{Path, PathBuf};

use botwarden_types::Invalid;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::url::ServiceUrl;

/// `[root_key.kms]` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawKms {
    /// The key: its ARN, its id, or `alias/…`. Symmetric, for encryption.
    pub key_id: String,
    /// The region, such as `eu-central-1`. Default: that of the ARN.
    pub region: Option<String>,
    /// Another address than the region's own: a VPC endpoint.
    pub endpoint: Option<String>,
    /// A file with credentials in the form of `~/.aws/credentials`, read again each time. Default: `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`
    /// and `AWS_SESSION_TOKEN` in the environment.
    pub credentials_file: Option<PathBuf>,
    /// Which part of that file. Default `default`.
    pub profile: Option<String>,
    /// A PEM file of certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// Which key of the AWS Key Management Service to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsConfig {
    /// The key, as AWS takes it.
    pub key_id: String,
    /// The region.
    pub region: String,
    /// The address.
    pub endpoint: ServiceUrl,
    /// The file with credentials; `None` for the environment.
    pub credentials_file: Option<PathBuf>,
    /// Which part of that file.
    pub profile: String,
    /// Certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

impl KmsConfig {
    /// Takes relative paths from `folder`.
    #[must_use]
    pub fn in_folder(self, folder: &Path) -> Self {
        let [credentials_file, ca_file] =
            [self.credentials_file, self.ca_file].map(|path| path.map(|path| folder.join(path)));
        Self { credentials_file, ca_file, ..self }
    }
}

impl TryFrom<RawKms> for KmsConfig {
    type Error = Invalid;

    fn try_from(raw: RawKms) -> Result<Self, Invalid> {
        let key_id = raw.key_id;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte);
        if key_id.is_empty() || key_id.len() > 2048 || !key_id.bytes().all(fits) {
            let expected = "a key such as `arn:aws:kms:eu-central-1:111122223333:key/…`";
            return Err(Invalid::new("key_id", format!("`{key_id}`"), expected));
        }
        let of_arn = key_id.strip_prefix("arn:").and_then(|arn| arn.split(':').nth(2)).map(str::to_owned);
        let region = match (raw.region, of_arn) {
            (Some(region), Some(of_arn)) if region != of_arn => {
                let expected = format!("`{of_arn}`, which `key_id` names, or nothing");
                return Err(Invalid::new("region", format!("`{region}`"), expected));
            }
            (Some(region), _) | (None, Some(region)) => region,
            (None, None) => {
                return Err(Invalid::new("region", "nothing", "a region such as `eu-central-1`"));
            }
        };
        if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
            return Err(Invalid::new("region", format!("`{region}`"), "a region such as `eu-central-1`"));
        }
        let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
        let usual = format!("https://kms.{region}.amazonaws.com{suffix}");
        let endpoint = ServiceUrl::parse("endpoint", raw.endpoint.as_deref().unwrap_or(&usual), &usual)?;
        if raw.profile.is_some() && raw.credentials_file.is_none() {
            let expected = "a `credentials_file` that it is part of, or no profile";
            return Err(Invalid::new("profile", "a profile without a file", expected));
        }
        let profile = raw.profile.unwrap_or_else(|| "default".to_owned());
        let (credentials_file, ca_file) = (raw.credentials_file, raw.ca_file);
        Ok(Self { key_id, region, endpoint, credentials_file, profile, ca_file })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(key_id: &str) -> RawKms {
        RawKms {
            key_id: key_id.into(),
            region: None,
            endpoint: None,
            credentials_file: None,
            profile: None,
            ca_file: None,
        }
    }

    const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

    #[test]
    fn keys() {
        let some = |text: &str| Some(text.to_owned());
        for (name, raw, want) in [
            ("an ARN", raw(ARN), Ok("https://kms.eu-central-1.amazonaws.com")),
            (
                "an alias",
                RawKms { region: some("cn-north-1"), ..raw("alias/botwarden") },
                Ok("https://kms.cn-north-1.amazonaws.com.cn"),
            ),
            (
                "an endpoint",
                RawKms { endpoint: some("http://127.0.0.1:5000"), ..raw(ARN) },
                Ok("http://127.0.0.1:5000"),
            ),
            ("no region", raw("alias/botwarden"), Err("region")),
            ("another region", RawKms { region: some("us-east-1"), ..raw(ARN) }, Err("region")),
            ("no region but a host", RawKms { region: some("x.example.com/"), ..raw("k") }, Err("region")),
            ("no key", raw(""), Err("key_id")),
            ("a quote", raw("k\""), Err("key_id")),
            ("plain http", RawKms { endpoint: some("http://kms.example.com"), ..raw(ARN) }, Err("endpoint")),
            ("a profile of nothing", RawKms { profile: some("shop"), ..raw(ARN) }, Err("profile")),
        ] {
            let read = KmsConfig::try_from(raw).map(|it| it.endpoint.to_string()).map_err(|it| it.key);
            assert_eq!(read.as_deref().map_err(String::as_str), want, "{name}");
        }
    }
}
