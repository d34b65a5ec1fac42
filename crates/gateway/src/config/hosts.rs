//! By which names callers of tools may reach us, and from which web pages.
//!
//! A page of somebody else's can make a browser send requests here, under a name of its own that it has pointed at this machine
//! (DNS rebinding). It cannot choose `Host` and `Origin`, so these are looked at. Source: MCP 2025-06-18, "Streamable HTTP",
//! security warning.

use botwarden_types::Invalid;
use http::uri::{Authority, Uri};

use super::bot::is_local;

/// The names and pages that are let in beside this machine's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hosts {
    /// Without ports, in lower case.
    hosts: Vec<String>,
    /// Scheme and authority, in lower case.
    origins: Vec<String>,
}

const NAMES_MAX: usize = 64;

impl Hosts {
    pub(super) fn new(hosts: Vec<String>, origins: Vec<String>) -> Result<Self, Invalid> {
        for (key, list) in [("hosts", &hosts), ("origins", &origins)] {
            if list.len() > NAMES_MAX {
                return Err(Invalid::new(
                    key,
                    format!("{} names", list.len()),
                    format!("at most {NAMES_MAX}"),
                ));
            }
        }
        let hosts = hosts.into_iter().map(|text| host(&text)).collect::<Result<_, _>>()?;
        let origins = origins.into_iter().map(|text| origin(&text)).collect::<Result<_, _>>()?;
        Ok(Self { hosts, origins })
    }

    /// Whether a request under that `Host` is meant for us.
    pub(crate) fn knows_host(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        let host = authority.host().to_ascii_lowercase();
        !authority.as_str().contains('@') && (is_local(&host) || self.hosts.contains(&host))
    }

    /// Whether a page of that `Origin` may ask.
    pub(crate) fn knows_origin(&self, origin: &str) -> bool {
        let lower = origin.to_ascii_lowercase();
        let Ok(uri) = lower.parse::<Uri>() else { return false };
        let plain =
            matches!(uri.scheme_str(), Some("http" | "https")) && uri.path() == "/" && !lower.ends_with('/');
        let local = uri
            .authority()
            .is_some_and(|authority| !authority.as_str().contains('@') && is_local(authority.host()));
        (plain && local) || self.origins.contains(&lower)
    }
}

fn host(text: &str) -> Result<String, Invalid> {
    let lower = text.to_ascii_lowercase();
    let parsed = lower.parse::<Authority>().ok();
    if parsed.is_some_and(|authority| authority.host() == lower && authority.port().is_none()) {
        return Ok(lower);
    }
    Err(Invalid::new(
        "hosts",
        format!("`{text}`"),
        "a name without scheme and port such as `bot.example.com`",
    ))
}

fn origin(text: &str) -> Result<String, Invalid> {
    let lower = text.to_ascii_lowercase();
    let parts = lower.split_once("://").filter(|(scheme, _)| matches!(*scheme, "http" | "https"));
    let sound = parts.is_some_and(|(_, rest)| {
        rest.parse::<Authority>().is_ok_and(|authority| !authority.as_str().contains('@'))
    });
    if sound {
        return Ok(lower);
    }
    Err(Invalid::new("origins", format!("`{text}`"), "a scheme and a host such as `https://app.example.com`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_pages() {
        let none = Hosts::default();
        let some =
            Hosts::new(vec!["Bot.example.com".into()], vec!["https://app.example.com:8443".into()]).unwrap();
        for (host, by_none, by_some) in [
            ("127.0.0.1:4000", true, true),
            ("localhost:4000", true, true),
            ("LOCALHOST", true, true),
            ("[::1]:4000", true, true),
            ("127.8.0.1", true, true),
            ("bot.example.com", false, true),
            ("bot.example.com:443", false, true),
            ("evil.example", false, false),
            ("localhost.evil.example", false, false),
            ("127.0.0.1.evil.example:4000", false, false),
            ("evil.example@localhost", false, false),
            ("localhost@evil.example", false, false),
            ("10.0.0.7", false, false),
            ("", false, false),
        ] {
            assert_eq!((none.knows_host(host), some.knows_host(host)), (by_none, by_some), "{host}");
        }
        for (origin, by_none, by_some) in [
            ("http://localhost:3000", true, true),
            ("https://127.0.0.1", true, true),
            ("http://[::1]:1", true, true),
            ("https://app.example.com:8443", false, true),
            ("https://APP.example.com:8443", false, true),
            ("https://app.example.com", false, false),
            ("http://app.example.com:8443", false, false),
            ("https://evil.example", false, false),
            ("http://localhost.evil.example", false, false),
            ("http://localhost@evil.example", false, false),
            ("file://localhost", false, false),
            ("null", false, false),
            ("", false, false),
        ] {
            assert_eq!(
                (none.knows_origin(origin), some.knows_origin(origin)),
                (by_none, by_some),
                "{origin}"
            );
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for host in ["https://bot.example.com", "bot.example.com:443", "a b", "*", ""] {
            assert!(Hosts::new(vec![host.into()], vec![]).is_err() || host == "*", "{host}");
        }
        for origin in [
            "app.example.com",
            "ftp://app.example.com",
            "https://",
            "https://a.example/path",
            "https://u@a.example",
        ] {
            assert!(Hosts::new(vec![], vec![origin.into()]).is_err(), "{origin}");
        }
    }
}
