//! Where checkpoints are sent.

use std::path::{Path, PathBuf};
use std::time::Duration;

use botwarden_types::{Invalid, parse_duration};
use http::uri::Authority;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::secret::{RawSecret, SecretPlace};
use crate::url::ServiceUrl;

/// How long objects may be locked at most: what is locked nobody can delete.
const RETAIN_MAX: Duration = Duration::from_secs(100 * 366 * 86_400);
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 64;

/// `[[audit.send]]` as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSend {
    /// What it is called in logs and metrics.
    pub name: String,
    /// Where to: `file:///folder`, `syslog+udp://host`, `syslog+tcp://host`, `syslog+tls://host`, `syslog+unix:///dev/log`, `https://…` (a
    /// webhook) or `s3://bucket/prefix`.
    pub to: String,
    /// Of a webhook: where the bearer token lies, `{ env = "NAME" }` or `{ file = "…" }`, which is read again each time.
    pub token: Option<RawSecret>,
    /// Of a webhook: where a key lies under which each body is authenticated (HMAC-SHA256).
    pub hmac_key: Option<RawSecret>,
    /// Of a bucket: for how long nobody may delete or overwrite an object (object lock, compliance mode), such as `365d`; or `none`, where the
    /// bucket's own rule says so.
    pub retain: Option<String>,
    /// Of a bucket: its region, such as `eu-central-1`.
    pub region: Option<String>,
    /// Of a bucket: another address than the region's own.
    pub endpoint: Option<String>,
    /// Of a bucket: a file with credentials in the form of `~/.aws/credentials`, read again each time. Default: `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` in the environment.
    pub credentials_file: Option<PathBuf>,
    /// Of a bucket: which part of that file. Default `default`.
    pub profile: Option<String>,
    /// A PEM file of certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// Where checkpoints are sent, under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendConfig {
    /// What it is called in logs and metrics.
    pub name: String,
    /// Where to.
    pub to: To,
    /// Certificate authorities to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
}

/// Where checkpoints are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// Into files of a folder that is there.
    Folder(PathBuf),
    /// To a syslog daemon.
    Syslog(Syslog),
    /// To a service of one's own.
    Webhook {
        /// Its address.
        url: ServiceUrl,
        /// Where the bearer token lies.
        token: Option<SecretPlace>,
        /// Where the key lies that authenticates bodies.
        hmac_key: Option<SecretPlace>,
    },
    /// Into a bucket.
    Bucket(Bucket),
}

/// How a syslog daemon is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Syslog {
    /// RFC 5426.
    Udp(Authority),
    /// RFC 6587 §3.4.1, octet counting.
    Tcp(Authority),
    /// RFC 5425.
    Tls(Authority),
    /// A socket of this machine.
    Unix(PathBuf),
}

/// A bucket of an S3-compatible object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// The address of the store.
    pub endpoint: ServiceUrl,
    /// The region.
    pub region: String,
    /// The bucket.
    pub name: String,
    /// What names of objects begin with, its slash included; may be empty.
    pub prefix: String,
    /// For how long each object is locked; `None` leaves that to the bucket.
    pub retain: Option<Duration>,
    /// The file with credentials; `None` for the environment.
    pub credentials_file: Option<PathBuf>,
    /// Which part of that file.
    pub profile: String,
}

impl SendConfig {
    /// Takes relative paths from `folder`.
    #[must_use]
    pub fn in_folder(self, folder: &Path) -> Self {
        let to = match self.to {
            To::Webhook { url, token, hmac_key } => {
                let [token, hmac_key] = [token, hmac_key].map(|place| place.map(|it| it.in_folder(folder)));
                To::Webhook { url, token, hmac_key }
            }
            To::Bucket(bucket) => {
                let credentials_file = bucket.credentials_file.map(|path| folder.join(path));
                To::Bucket(Bucket { credentials_file, ..bucket })
            }
            // Their paths are absolute.
            to @ (To::Folder(_) | To::Syslog(_)) => to,
        };
        Self { name: self.name, to, ca_file: self.ca_file.map(|path| folder.join(path)) }
    }

    /// What kind of place it is.
    pub fn kind(&self) -> &'static str {
        match self.to {
            To::Folder(_) => "file",
            To::Syslog(_) => "syslog",
            To::Webhook { .. } => "webhook",
            To::Bucket(_) => "s3",
        }
    }
}

impl TryFrom<RawSend> for SendConfig {
    type Error = Invalid;

    fn try_from(raw: RawSend) -> Result<Self, Invalid> {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        let name = raw.name.clone();
        if !(1..=NAME_BYTES_MAX).contains(&name.len()) || !name.bytes().all(fits) {
            let expected = "1 to 64 characters of a–z, 0–9, `-` and `_`";
            return Err(Invalid::new("name", format!("`{name}`"), expected));
        }
        let example = "`file:///…`, `syslog+udp://…`, `syslog+tcp://…`, `syslog+tls://…`, `syslog+unix:///…`, `https://…` or `s3://…`";
        let (scheme, rest) = raw.to.split_once("://").unwrap_or_default();
        let is_secure = matches!(scheme, "https" | "s3" | "syslog+tls");
        let to = match scheme {
            "file" => To::Folder(absolute(&raw.to, rest)?),
            "syslog+unix" => To::Syslog(Syslog::Unix(absolute(&raw.to, rest)?)),
            "syslog+udp" => To::Syslog(Syslog::Udp(authority(&raw.to, rest)?)),
            "syslog+tcp" => To::Syslog(Syslog::Tcp(authority(&raw.to, rest)?)),
            "syslog+tls" => To::Syslog(Syslog::Tls(authority(&raw.to, rest)?)),
            "https" | "http" => webhook(&raw)?,
            "s3" => To::Bucket(bucket(&raw, rest)?),
            _ => return Err(Invalid::new("to", "another text", example)),
        };
        refuse_strays(&raw, &to, is_secure)?;
        Ok(Self { name, to, ca_file: raw.ca_file })
    }
}

/// What is said of one kind of place and means nothing for another is a mistake.
fn refuse_strays(raw: &RawSend, to: &To, is_secure: bool) -> Result<(), Invalid> {
    let (is_webhook, is_bucket) = (matches!(to, To::Webhook { .. }), matches!(to, To::Bucket(_)));
    for (key, is_written, fits, of) in [
        ("token", raw.token.is_some(), is_webhook, "a webhook"),
        ("hmac_key", raw.hmac_key.is_some(), is_webhook, "a webhook"),
        ("retain", raw.retain.is_some(), is_bucket, "a bucket"),
        ("region", raw.region.is_some(), is_bucket, "a bucket"),
        ("endpoint", raw.endpoint.is_some(), is_bucket, "a bucket"),
        ("credentials_file", raw.credentials_file.is_some(), is_bucket, "a bucket"),
        ("profile", raw.profile.is_some(), is_bucket, "a bucket"),
        ("ca_file", raw.ca_file.is_some(), is_secure, "a place that is reached by TLS"),
    ] {
        if is_written && !fits {
            return Err(Invalid::new(key, "a key of another kind of place", format!("it beside {of} alone")));
        }
    }
    Ok(())
}

fn absolute(whole: &str, path: &str) -> Result<PathBuf, Invalid> {
    let plain = path.starts_with('/') && path.len() > 1 && !path.contains(['\0', '%', '?', '#']);
    let expected = "an absolute path behind `://`, such as `file:///mnt/witness/shop`";
    if plain { Ok(PathBuf::from(path)) } else { Err(Invalid::new("to", format!("`{whole}`"), expected)) }
}

fn authority(whole: &str, rest: &str) -> Result<Authority, Invalid> {
    let expected = "a host, and a port where it is not the usual one: `syslog+udp://logs.example.com:514`";
    if rest.contains('@') {
        // Not shown: it may be a password.
        return Err(Invalid::new("to", "an address with a user name", expected));
    }
    let authority: Option<Authority> = rest.trim_end_matches('/').parse().ok();
    authority.ok_or_else(|| Invalid::new("to", format!("`{whole}`"), expected))
}

fn webhook(raw: &RawSend) -> Result<To, Invalid> {
    let url = ServiceUrl::parse("to", &raw.to, "https://hooks.example.com/checkpoints")?;
    let place = |key: &str, raw: &Option<RawSecret>| {
        raw.clone().map(SecretPlace::try_from).transpose().map_err(|invalid| invalid.under(key))
    };
    let (token, hmac_key) = (place("token", &raw.token)?, place("hmac_key", &raw.hmac_key)?);
    Ok(To::Webhook { url, token, hmac_key })
}

fn bucket(raw: &RawSend, rest: &str) -> Result<Bucket, Invalid> {
    let bad = |expected: &str| Invalid::new("to", format!("`{}`", raw.to), expected);
    let (name, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    if !(3..=63).contains(&name.len()) || !name.bytes().all(fits) {
        return Err(bad("a bucket such as `s3://audit-of-the-shop/gateway-1`"));
    }
    let prefix = prefix.trim_end_matches('/');
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_word = |word: &str| !word.is_empty() && word != "." && word != ".." && word.bytes().all(fits);
    if prefix.len() > 512 || !(prefix.is_empty() || prefix.split('/').all(is_word)) {
        return Err(bad("a prefix of words of a–z, A–Z, 0–9, `-`, `_` and `.`, with slashes between"));
    }
    let prefix = if prefix.is_empty() { String::new() } else { format!("{prefix}/") };
    let example = "a region such as `eu-central-1`";
    let region = raw.region.clone().ok_or_else(|| Invalid::new("region", "nothing", example))?;
    if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(Invalid::new("region", format!("`{region}`"), example));
    }
    let suffix = if region.starts_with("cn-") { ".cn" } else { "" };
    let usual = format!("https://s3.{region}.amazonaws.com{suffix}");
    let endpoint = ServiceUrl::parse("endpoint", raw.endpoint.as_deref().unwrap_or(&usual), &usual)?;
    if raw.profile.is_some() && raw.credentials_file.is_none() {
        let expected = "a `credentials_file` that it is part of, or no profile";
        return Err(Invalid::new("profile", "a profile without a file", expected));
    }
    let (credentials_file, retain) = (raw.credentials_file.clone(), retain(raw.retain.as_deref())?);
    let profile = raw.profile.clone().unwrap_or_else(|| "default".to_owned());
    Ok(Bucket { endpoint, region, name: name.to_owned(), prefix, retain, credentials_file, profile })
}

/// A lock cannot be taken back, and without one whoever has the credentials can delete: so it has to be said.
fn retain(written: Option<&str>) -> Result<Option<Duration>, Invalid> {
    let expected = "a span such as `365d`, for which nobody can delete an object, or `none` where the bucket locks by itself";
    match written {
        None => Err(Invalid::new("retain", "nothing", expected)),
        Some("none") => Ok(None),
        Some(text) => match parse_duration(text).filter(|span| *span <= RETAIN_MAX) {
            Some(span) => Ok(Some(span)),
            None => Err(Invalid::new("retain", format!("`{text}`"), expected)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(to: &str) -> RawSend {
        RawSend {
            name: "elsewhere".into(),
            to: to.into(),
            token: None,
            hmac_key: None,
            retain: None,
            region: None,
            endpoint: None,
            credentials_file: None,
            profile: None,
            ca_file: None,
        }
    }

    fn s3(to: &str) -> RawSend {
        RawSend { region: Some("eu-central-1".into()), retain: Some("365d".into()), ..raw(to) }
    }

    #[test]
    fn places() {
        let some = |text: &str| Some(text.to_owned());
        let token = Some(RawSecret { env: some("TOKEN"), file: None });
        for (name, raw, want) in [
            ("a folder", raw("file:///mnt/worm"), Ok("file")),
            ("a socket", raw("syslog+unix:///dev/log"), Ok("syslog")),
            ("datagrams", raw("syslog+udp://logs.example.com"), Ok("syslog")),
            ("a connection", raw("syslog+tcp://[::1]:601"), Ok("syslog")),
            (
                "by TLS",
                RawSend { ca_file: Some("ca.pem".into()), ..raw("syslog+tls://logs.example.com") },
                Ok("syslog"),
            ),
            ("a webhook", RawSend { token, ..raw("https://hooks.example.com/x") }, Ok("webhook")),
            ("a bucket", s3("s3://audit-of-the-shop"), Ok("s3")),
            ("below a prefix", s3("s3://audit/gateways/1/"), Ok("s3")),
            ("no name", RawSend { name: String::new(), ..raw("file:///x") }, Err("name")),
            ("capitals in the name", RawSend { name: "A".into(), ..raw("file:///x") }, Err("name")),
            ("nothing", raw(""), Err("to")),
            ("a path alone", raw("/mnt/worm"), Err("to")),
            ("a relative path", raw("file://worm"), Err("to")),
            ("an escape", raw("file:///a%20b"), Err("to")),
            ("no transport", raw("syslog://logs.example.com"), Err("to")),
            ("no host", raw("syslog+udp://"), Err("to")),
            ("a user", raw("syslog+tcp://root:hunter2@logs.example.com"), Err("to")),
            ("plain http", raw("http://hooks.example.com"), Err("to")),
            ("another scheme", raw("ftp://hooks.example.com"), Err("to")),
            ("a bucket that is none", s3("s3://A"), Err("to")),
            ("a way out", s3("s3://audit/../other"), Err("to")),
            ("a query", s3("s3://audit/a?acl"), Err("to")),
            ("no region", RawSend { region: None, ..s3("s3://audit") }, Err("region")),
            (
                "a host as region",
                RawSend { region: some("x.example.com/"), ..s3("s3://audit") },
                Err("region"),
            ),
            ("nothing about the lock", RawSend { retain: None, ..s3("s3://audit") }, Err("retain")),
            ("a lock without a unit", RawSend { retain: some("365"), ..s3("s3://audit") }, Err("retain")),
            ("a lock for ever", RawSend { retain: some("40000d"), ..s3("s3://audit") }, Err("retain")),
            ("a profile of nothing", RawSend { profile: some("x"), ..s3("s3://audit") }, Err("profile")),
            ("a lock on a file", RawSend { retain: some("1d"), ..raw("file:///x") }, Err("retain")),
            (
                "a CA in the clear",
                RawSend { ca_file: Some("x".into()), ..raw("syslog+tcp://x") },
                Err("ca_file"),
            ),
        ] {
            let read = SendConfig::try_from(raw);
            if let Err(error) = &read {
                assert!(!error.to_string().contains("hunter2"), "{name}: {error}");
            }
            let read = read.map(|it| it.kind()).map_err(|it| it.key);
            assert_eq!(read.as_ref().map(|it| *it).map_err(String::as_str), want, "{name}");
        }
    }

    #[test]
    fn prefixes_end_with_one_slash() {
        for (to, want) in
            [("s3://audit", ""), ("s3://audit/", ""), ("s3://audit/a/b", "a/b/"), ("s3://audit/a/", "a/")]
        {
            let To::Bucket(bucket) = SendConfig::try_from(s3(to)).unwrap().to else { panic!("{to}") };
            assert_eq!(bucket.prefix, want, "{to}");
            assert_eq!(bucket.endpoint.to_string(), "https://s3.eu-central-1.amazonaws.com");
        }
    }
}
