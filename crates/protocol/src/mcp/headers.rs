//! Headers of the stateless era that say again what stands in the body, so that whoever passes it on need not read it.
//!
//! Source: 2026-07-28, "Streamable HTTP", standard and custom headers; `mcp/shared/inbound.py` of the Python SDK 2.3.0.

use crate::Bounds;
use crate::json::{Document, Kind, Value};

/// Values that one call repeats in headers.
const PARAMS_MAX: usize = 32;
/// How deep in a schema such a value may be declared.
const DEPTH_MAX: usize = 8;

/// `value` as a header carries it: as it is if it is printable ASCII, else in base64 with a mark around it.
pub fn header_value(value: &str) -> String {
    let printable = value.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
    let marked = value.starts_with("=?base64?") && value.ends_with("?=");
    if printable && !marked && value.trim() == value {
        return value.to_owned();
    }
    format!("=?base64?{}?=", base64(value.as_bytes()))
}

/// What a header's value says; `None` for a mark around what is no base64 as we write it.
pub fn plain_value(value: &str) -> Option<String> {
    let Some(inner) = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) else {
        return Some(value.to_owned());
    };
    let plain = String::from_utf8(unbase64(inner)?).ok()?;
    (base64(plain.as_bytes()) == inner).then_some(plain)
}

/// The headers `Mcp-Param-…` that a call of the tool with this definition carries: name and value.
pub fn param_headers(definition: &str, arguments: &str, bounds: &Bounds) -> Vec<(String, String)> {
    if !definition.contains("x-mcp-header") {
        return Vec::new();
    }
    let parsed =
        (Document::parse(definition.as_bytes(), bounds), Document::parse(arguments.as_bytes(), bounds));
    let (Ok(definition), Ok(arguments)) = parsed else { return Vec::new() };
    let mut found = Vec::new();
    if let Some(schema) = definition.root().get("inputSchema") {
        collect(schema, arguments.root(), DEPTH_MAX, &mut found);
    }
    found
}

fn collect(schema: Value<'_>, arguments: Value<'_>, depth: usize, found: &mut Vec<(String, String)>) {
    let Some(properties) = schema.get("properties").filter(|_| depth > 0) else { return };
    for (name, property) in properties.entries() {
        let Some(value) = arguments.get(&name.as_str()) else { continue };
        let header = property.get("x-mcp-header").and_then(|header| header.as_str());
        if let Some(header) = header.filter(|header| is_token(header))
            && found.len() < PARAMS_MAX
            && let Some(text) = scalar(value)
        {
            found.push((format!("mcp-param-{}", header.to_ascii_lowercase()), header_value(&text)));
        }
        collect(property, value, depth - 1, found);
    }
}

fn scalar(value: Value<'_>) -> Option<String> {
    match value.kind() {
        Kind::String => value.as_str().map(|text| text.into_owned()),
        Kind::Number | Kind::Bool => Some(value.raw().to_owned()),
        Kind::Null | Kind::Array | Kind::Object => None,
    }
}

/// A token of RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.len() <= 128 && text.bytes().all(sound)
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648 §4.
fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let index = (group >> (18 - 6 * at)) & 63;
            let letter = ALPHABET.get(index as usize).copied().unwrap_or(b'=');
            out.push(if at <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    out
}

fn unbase64(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let (mut group, mut bits) = (0_u32, 0);
    for byte in text.trim_end_matches('=').bytes() {
        let six = ALPHABET.iter().position(|letter| *letter == byte)?;
        group = group << 6 | u32::try_from(six).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from((group >> bits) & 0xff).ok()?);
        }
    }
    Some(out)
}
