//! Where the gateway listens.

use std::net::SocketAddr;

use botwarden_types::Invalid;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Hosts;

/// `[listen]` as written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawListen {
    /// Callers come here. Port 0 picks a free one. Default `127.0.0.1:4000`.
    pub gateway: Option<String>,
    /// Backend calls (`/botwarden/v1/…`) come here instead of to the gateway's address. Default: the gateway's address.
    pub backend: Option<String>,
    /// Health and metrics. Default `127.0.0.1:4001`.
    pub ops: Option<String>,
    /// Other names by which callers of `/mcp` reach the gateway, such as `bot.example.com` behind a proxy. This machine's own always work.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Web pages that may call `/mcp` from a browser, such as `https://app.example.com`. Those of this machine always may.
    #[serde(default)]
    pub origins: Vec<String>,
}

/// Where the gateway listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Callers come here.
    pub gateway: SocketAddr,
    /// Backend calls come here; with `None` they share the gateway's address.
    pub backend: Option<SocketAddr>,
    /// Health and metrics.
    pub ops: SocketAddr,
    /// By which names callers of tools may reach it, and from which pages.
    pub hosts: Hosts,
}

impl TryFrom<RawListen> for Listen {
    type Error = Invalid;

    fn try_from(raw: RawListen) -> Result<Self, Invalid> {
        let gateway = address("gateway", raw.gateway.as_deref().unwrap_or("127.0.0.1:4000"))?;
        let backend = raw.backend.as_deref().map(|text| address("backend", text)).transpose()?;
        let ops = address("ops", raw.ops.as_deref().unwrap_or("127.0.0.1:4001"))?;
        for (key, at) in [("gateway", Some(gateway)), ("backend", backend)] {
            if let Some(at) = at.filter(|at| !at.ip().is_loopback()) {
                return Err(Invalid::new(
                    key,
                    format!("`{at}`, which other machines reach without encryption"),
                    "a loopback address such as `127.0.0.1:4000`, with a TLS-terminating proxy in front of it",
                ));
            }
        }
        if !ops.ip().is_loopback() {
            return Err(Invalid::new(
                "ops",
                format!("`{ops}`, where anyone could read metrics without a credential"),
                "a loopback address such as `127.0.0.1:4001`",
            ));
        }
        let hosts = Hosts::new(raw.hosts, raw.origins)?;
        Ok(Self { gateway, backend, ops, hosts })
    }
}

fn address(key: &str, text: &str) -> Result<SocketAddr, Invalid> {
    text.parse().map_err(|_| {
        Invalid::new(
            key,
            format!("`{text}`"),
            "an IP address and a port such as `127.0.0.1:4000` or `[::1]:4000`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listen(gateway: &str, ops: &str) -> Result<Listen, Invalid> {
        Listen::try_from(RawListen {
            gateway: Some(gateway.into()),
            ops: Some(ops.into()),
            ..RawListen::default()
        })
    }

    #[test]
    fn addresses() {
        for (name, gateway, ops, bad) in [
            ("loopback", "127.0.0.1:4000", "127.0.0.1:4001", None),
            ("IPv6 loopback, free ports", "[::1]:0", "[::1]:0", None),
            ("every interface", "0.0.0.0:4000", "127.0.0.1:4001", Some("gateway")),
            ("a LAN address", "10.0.0.7:4000", "127.0.0.1:4001", Some("gateway")),
            ("metrics for everyone", "127.0.0.1:4000", "0.0.0.0:4001", Some("ops")),
            ("no port", "127.0.0.1", "127.0.0.1:4001", Some("gateway")),
            ("a name", "localhost:4000", "127.0.0.1:4001", Some("gateway")),
        ] {
            assert_eq!(listen(gateway, ops).err().map(|e| e.key).as_deref(), bad, "{name}");
        }
    }
}
