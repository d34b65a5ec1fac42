//! Addresses of services.

use std::fmt;
use std::net::IpAddr;

use botwarden_types::Invalid;
use http::Uri;
use http::uri::{Authority, Scheme};

/// `http(s)://host[:port]/base`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUrl {
    pub(crate) scheme: Scheme,
    pub(crate) authority: Authority,
    /// The path before that of a call, without a slash at its end; may be empty.
    pub(crate) base: String,
}

impl ServiceUrl {
    /// Accepts `https://…` anywhere and `http://…` on this machine, without user, query or fragment. `key` is what an error names, `example` one
    /// that would do.
    pub fn parse(key: &str, text: &str, example: &str) -> Result<Self, Invalid> {
        let bad = |expected: &str| Invalid::new(key, format!("`{text}`"), expected);
        let like = format!("a URL such as `{example}`");
        let uri: Uri = text.parse().map_err(|_| bad(&like))?;
        let parts = uri.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else { return Err(bad(&like)) };
        if authority.as_str().contains('@') {
            // Not shown: it may be a password.
            return Err(Invalid::new(key, "a URL with a user name", &like));
        }
        let path = parts.path_and_query;
        if text.contains('#') || path.as_ref().is_some_and(|path| path.query().is_some()) {
            return Err(bad("a URL without query and fragment"));
        }
        match scheme.as_str() {
            "https" => {}
            "http" if is_local(authority.host()) => {}
            "http" => return Err(bad("`https://…`: plain `http` is for this machine's own addresses alone")),
            _ => return Err(bad(&like)),
        }
        let base = path.as_ref().map_or("", |path| path.path()).trim_end_matches('/').to_owned();
        Ok(Self { scheme, authority, base })
    }

    pub(crate) fn is_secure(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }

    /// The host without the brackets of an IPv6 address.
    pub(crate) fn host(&self) -> &str {
        bare(self.authority.host())
    }

    pub(crate) fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.is_secure() { 443 } else { 80 })
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.base)
    }
}

fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

fn is_local(host: &str) -> bool {
    host == "localhost" || bare(host).parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for (name, text, want) in [
            ("a service", "https://vault.example.com:8200", Some("https://vault.example.com:8200")),
            ("below a path", "https://example.com/vault/", Some("https://example.com/vault")),
            ("local", "http://127.0.0.1:8200", Some("http://127.0.0.1:8200")),
            ("local by IPv6", "http://[::1]:8200", Some("http://[::1]:8200")),
            ("plain to the world", "http://vault.example.com:8200", None),
            ("looks local", "http://127.0.0.1.example.com", None),
            ("a user in it", "https://root:hunter2@vault.example.com", None),
            ("a query", "https://vault.example.com/?x=1", None),
            ("a fragment", "https://vault.example.com/#x", None),
            ("no scheme", "vault.example.com:8200", None),
            ("another scheme", "ftp://vault.example.com", None),
            ("empty", "", None),
        ] {
            let parsed = ServiceUrl::parse("url", text, "https://vault.example.com:8200");
            let shown = parsed.as_ref().err().map_or(String::new(), ToString::to_string);
            assert!(!shown.contains("hunter2"), "{name}: {shown}");
            assert_eq!(parsed.ok().map(|url| url.to_string()).as_deref(), want, "{name}");
        }
    }
}
