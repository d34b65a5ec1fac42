//! What configuration values have in common: how they are refused, and how spans of time and sizes are written.

use std::time::Duration;

/// A configuration value that cannot be used. Whoever read the file adds the file and the line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key}: found {found}, expected {expected}")]
pub struct Invalid {
    /// Path of the key from where the reader stands: `window`, `bot[0].limit[1].window`.
    pub key: String,
    /// What stands there, in backticks where it is the user's text.
    pub found: String,
    /// What could stand there, in words, with an example.
    pub expected: String,
}

impl Invalid {
    /// A value at `key` that is not `expected`.
    pub fn new(key: impl Into<String>, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { key: key.into(), found: found.into(), expected: expected.into() }
    }

    /// The same error seen from one table further out.
    #[must_use]
    pub fn under(mut self, table: &str) -> Self {
        self.key = format!("{table}.{}", self.key);
        self
    }
}

/// Reads `250ms`, `60s`, `5m`, `1h`, `30d`: a whole number above zero and one unit.
pub fn parse_duration(text: &str) -> Option<Duration> {
    let (digits, unit) = split_unit(text)?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    digits.checked_mul(millis).map(Duration::from_millis)
}

/// Reads `64KiB`, `1MiB`, `512B`: a whole number above zero and one unit.
pub fn parse_bytes(text: &str) -> Option<usize> {
    let (digits, unit) = split_unit(text)?;
    let bytes = match unit {
        "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    digits.checked_mul(bytes).and_then(|n| usize::try_from(n).ok())
}

/// Splits `60s` into `(60, "s")`.
fn split_unit(text: &str) -> Option<(u64, &str)> {
    let at = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(at);
    let number: u64 = digits.parse().ok()?;
    (number > 0).then_some((number, unit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, want) in [
            ("250ms", Some(250)),
            ("60s", Some(60_000)),
            ("5m", Some(300_000)),
            ("30d", Some(2_592_000_000)),
            ("0s", None),
            ("60", None),
            ("s", None),
            ("1.5h", None),
            ("-1s", None),
            ("60 s", None),
            ("99999999999999999999d", None),
            ("9999999999999999d", None),
        ] {
            assert_eq!(parse_duration(text), want.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, want) in [
            ("512B", Some(512)),
            ("1MiB", Some(1 << 20)),
            ("1MB", None),
            ("1", None),
            ("", None),
            ("0B", None),
        ] {
            assert_eq!(parse_bytes(text), want, "{text}");
        }
    }
}
