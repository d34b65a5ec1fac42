//! Everything has a bound, and the bound has a name.

use std::time::Duration;

use botwarden_types::{Invalid, parse_bytes, parse_duration};
use schemars::JsonSchema;
use serde::Deserialize;

/// `[bounds]` as written: sizes such as `4MiB`, numbers.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawBounds {
    /// The largest request body. Default `4MiB`: a 1,000,000-token context is about that.
    pub body: Option<String>,
    /// The most that request bodies take in memory together. Default `256MiB`.
    pub bodies: Option<String>,
    /// The deepest nesting of a body's JSON. Default 64.
    pub json_depth: Option<usize>,
    /// The most values in a body's JSON. Default 100000.
    pub json_nodes: Option<usize>,
    /// Open connections in all. Default 10000.
    pub connections: Option<usize>,
    /// Open connections from one address (IPv6: one /64). Default 1000.
    pub connections_per_address: Option<usize>,
    /// The largest answer that is passed on. Default `16MiB`.
    pub answer: Option<String>,
}

/// Bounds on what comes in and goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Bytes of a request body.
    pub body_bytes_max: usize,
    /// Bytes of all request bodies that are held at once.
    pub bodies_bytes_max: usize,
    /// Nesting of a body's JSON.
    pub json_depth_max: usize,
    /// Values in a body's JSON.
    pub json_nodes_max: usize,
    /// Open connections in all.
    pub connections_max: usize,
    /// Open connections of one address.
    pub connections_per_address_max: usize,
    /// Bytes of an answer.
    pub answer_bytes_max: usize,
}

/// Request heads above this are answered 431 by the HTTP layer. Half of it is what common proxies allow.
pub(crate) const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Header fields of one request. SDKs send about 20.
pub(crate) const HEADER_FIELDS_MAX: usize = 64;
/// Bytes of a request target.
pub(crate) const TARGET_BYTES_MAX: usize = 8 * 1024;

impl Default for Bounds {
    fn default() -> Self {
        Self {
            body_bytes_max: 4 << 20,
            bodies_bytes_max: 256 << 20,
            json_depth_max: 64,
            json_nodes_max: 100_000,
            connections_max: 10_000,
            connections_per_address_max: 1000,
            answer_bytes_max: 16 << 20,
        }
    }
}

impl TryFrom<RawBounds> for Bounds {
    type Error = Invalid;

    fn try_from(raw: RawBounds) -> Result<Self, Invalid> {
        let default = Self::default();
        let body_bytes_max = size("body", raw.body.as_deref(), default.body_bytes_max, 64 << 20)?;
        Ok(Self {
            body_bytes_max,
            bodies_bytes_max: bodies(raw.bodies.as_deref(), default.bodies_bytes_max, body_bytes_max)?,
            json_depth_max: number("json_depth", raw.json_depth, default.json_depth_max, 512)?,
            json_nodes_max: number("json_nodes", raw.json_nodes, default.json_nodes_max, 10_000_000)?,
            connections_max: number("connections", raw.connections, default.connections_max, 1_000_000)?,
            connections_per_address_max: number(
                "connections_per_address",
                raw.connections_per_address,
                default.connections_per_address_max,
                1_000_000,
            )?,
            answer_bytes_max: size("answer", raw.answer.as_deref(), default.answer_bytes_max, 1 << 30)?,
        })
    }
}

/// `[timeouts]` as written: spans such as `5s`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTimeouts {
    /// From the first byte of a request to the end of its head. Default `5s`.
    pub head: Option<String>,
    /// From the end of the head to the end of the body. Default `30s`.
    pub body: Option<String>,
    /// A connection on which nothing is asked. Default `60s`.
    pub idle: Option<String>,
    /// A client that takes nothing of its answer. Default `30s`.
    pub write_stall: Option<String>,
    /// Until an upstream takes a connection. Default `3s`.
    pub upstream_connect: Option<String>,
    /// Until an upstream begins a streamed answer. Default `60s`.
    pub upstream_first_byte: Option<String>,
    /// Between two pieces of a streamed answer. Default `30s`.
    pub upstream_between: Option<String>,
    /// A whole exchange with an upstream. Default `10m`, as the vendors' SDKs.
    pub upstream_total: Option<String>,
    /// How long requests in flight may finish after SIGTERM. Default `30s`.
    pub drain: Option<String>,
}

/// How long each thing may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// From the first byte of a request to the end of its head.
    pub head: Duration,
    /// From the end of the head to the end of the body.
    pub body: Duration,
    /// A connection on which nothing is asked.
    pub idle: Duration,
    /// A client that takes nothing of its answer.
    pub write_stall: Duration,
    /// Until an upstream takes a connection.
    pub upstream_connect: Duration,
    /// Until an upstream begins a streamed answer.
    pub upstream_first_byte: Duration,
    /// Between two pieces of a streamed answer.
    pub upstream_between: Duration,
    /// A whole exchange with an upstream.
    pub upstream_total: Duration,
    /// How long requests in flight may finish after SIGTERM.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(5),
            body: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            write_stall: Duration::from_secs(30),
            upstream_connect: Duration::from_secs(3),
            upstream_first_byte: Duration::from_secs(60),
            upstream_between: Duration::from_secs(30),
            upstream_total: Duration::from_secs(600),
            drain: Duration::from_secs(30),
        }
    }
}

impl TryFrom<RawTimeouts> for Timeouts {
    type Error = Invalid;

    fn try_from(raw: RawTimeouts) -> Result<Self, Invalid> {
        let default = Self::default();
        Ok(Self {
            head: span("head", raw.head.as_deref(), default.head)?,
            body: span("body", raw.body.as_deref(), default.body)?,
            idle: span("idle", raw.idle.as_deref(), default.idle)?,
            write_stall: span("write_stall", raw.write_stall.as_deref(), default.write_stall)?,
            upstream_connect: span(
                "upstream_connect",
                raw.upstream_connect.as_deref(),
                default.upstream_connect,
            )?,
            upstream_first_byte: span(
                "upstream_first_byte",
                raw.upstream_first_byte.as_deref(),
                default.upstream_first_byte,
            )?,
            upstream_between: span(
                "upstream_between",
                raw.upstream_between.as_deref(),
                default.upstream_between,
            )?,
            upstream_total: span("upstream_total", raw.upstream_total.as_deref(), default.upstream_total)?,
            drain: span("drain", raw.drain.as_deref(), default.drain)?,
        })
    }
}

/// An hour: above it a timeout no longer protects anything.
const SPAN_MAX: Duration = Duration::from_secs(3600);

fn span(key: &str, text: Option<&str>, default: Duration) -> Result<Duration, Invalid> {
    let Some(text) = text else { return Ok(default) };
    parse_duration(text).filter(|span| *span <= SPAN_MAX).ok_or_else(|| {
        Invalid::new(key, format!("`{text}`"), "a span of time up to an hour such as `5s` or `250ms`")
    })
}

/// More memory than machines have that such a process is put on.
const BODIES_BYTES_MAX: usize = 64 << 30;

/// Room for one body of the largest size at least: a bound below would refuse it for ever, and say to try again.
fn bodies(text: Option<&str>, default: usize, least: usize) -> Result<usize, Invalid> {
    let bytes = size("bodies", text, default, BODIES_BYTES_MAX)?;
    if bytes >= least {
        return Ok(bytes);
    }
    let expected = format!("at least `{least}B`, which is what `body` allows one of them");
    Err(Invalid::new("bodies", format!("`{}`", text.unwrap_or_default()), expected))
}

fn size(key: &str, text: Option<&str>, default: usize, max: usize) -> Result<usize, Invalid> {
    let Some(text) = text else { return Ok(default) };
    parse_bytes(text).filter(|bytes| *bytes <= max).ok_or_else(|| {
        let most = max >> 20;
        Invalid::new(key, format!("`{text}`"), format!("a size up to `{most}MiB` such as `1MiB` or `256KiB`"))
    })
}

fn number(key: &str, value: Option<usize>, default: usize, max: usize) -> Result<usize, Invalid> {
    let value = value.unwrap_or(default);
    if (1..=max).contains(&value) {
        return Ok(value);
    }
    Err(Invalid::new(key, format!("`{value}`"), format!("a number from 1 to {max}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_written_has_its_default() {
        assert_eq!(Bounds::try_from(RawBounds::default()), Ok(Bounds::default()));
        assert_eq!(Timeouts::try_from(RawTimeouts::default()), Ok(Timeouts::default()));
    }

    #[test]
    fn bad_bounds_name_their_key() {
        for (key, raw) in [
            ("body", RawBounds { body: Some("4MB".into()), ..Default::default() }),
            ("body", RawBounds { body: Some("1GiB".into()), ..Default::default() }),
            ("bodies", RawBounds { bodies: Some("65GiB".into()), ..Default::default() }),
            ("bodies", RawBounds { bodies: Some("1MiB".into()), ..Default::default() }),
            ("json_depth", RawBounds { json_depth: Some(0), ..Default::default() }),
            ("connections", RawBounds { connections: Some(usize::MAX), ..Default::default() }),
        ] {
            assert_eq!(Bounds::try_from(raw).err().map(|e| e.key).as_deref(), Some(key));
        }
        let raw = RawTimeouts { idle: Some("2h".into()), ..Default::default() };
        assert_eq!(Timeouts::try_from(raw).err().map(|e| e.key).as_deref(), Some("idle"));
    }
}
