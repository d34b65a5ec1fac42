//! What a limit says: whom it counts, what, how much, over which span.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use botwarden_types::{Invalid, parse_duration};
use schemars::JsonSchema;
use serde::Deserialize;

/// Shortest window.
pub const WINDOW_MIN: Duration = Duration::from_secs(1);
/// Longest window: 31 days.
pub const WINDOW_MAX: Duration = Duration::from_secs(31 * 86_400);

/// Whom a rule counts. Everyone counted has a window of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Per {
    /// The person the caller serves. A request that names nobody counts by its key.
    User,
    /// The caller's credential.
    Key,
    /// The network address: an IPv4 address, or an IPv6 /64, which is what one customer of a provider holds.
    #[serde(rename = "ip", alias = "address")]
    Address,
    /// All of the bot's traffic together.
    Bot,
}

impl Per {
    /// The name in rule names, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Key => "key",
            Self::Address => "address",
            Self::Bot => "bot",
        }
    }
}

/// What a number in a [`crate::Standing`] counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Calls.
    Requests,
    /// Tokens of a model, question and answer together.
    Tokens,
    /// Calls not yet finished.
    Open,
}

impl Unit {
    /// The name in rule names, logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tokens => "tokens",
            Self::Open => "open",
        }
    }
}

/// What a rule counts and how much of it is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// At most `max` admitted calls in any span of `window`.
    Requests {
        /// Calls allowed; at least 1.
        max: u32,
        /// The span.
        window: Duration,
    },
    /// At most `max` tokens in any span of `window`.
    Tokens {
        /// Tokens allowed; at least 1.
        max: u64,
        /// The span.
        window: Duration,
    },
    /// At most `max` calls unfinished at any moment.
    Open {
        /// Calls allowed; at least 1.
        max: u32,
    },
}

impl Measure {
    /// What is counted.
    pub fn unit(&self) -> Unit {
        match self {
            Self::Requests { .. } => Unit::Requests,
            Self::Tokens { .. } => Unit::Tokens,
            Self::Open { .. } => Unit::Open,
        }
    }

    /// How much is allowed.
    pub fn max(&self) -> u64 {
        match *self {
            Self::Requests { max, .. } | Self::Open { max } => u64::from(max),
            Self::Tokens { max, .. } => max,
        }
    }

    /// The span; zero for open calls.
    pub fn window(&self) -> Duration {
        match *self {
            Self::Requests { window, .. } | Self::Tokens { window, .. } => window,
            Self::Open { .. } => Duration::ZERO,
        }
    }
}

/// One limit. INVARIANT: `max` is at least 1 and the window lies within [`WINDOW_MIN`]..=[`WINDOW_MAX`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    per: Per,
    measure: Measure,
    name: Arc<str>,
}

impl Rule {
    /// Accepts a measure within bounds; the key in the error is that of [`RawLimit`].
    pub fn new(per: Per, measure: Measure) -> Result<Self, Invalid> {
        let unit = measure.unit().as_str();
        if measure.max() == 0 {
            return Err(Invalid::new(unit, "`0`", "a whole number from 1"));
        }
        let window = measure.window();
        let windowed = !matches!(measure, Measure::Open { .. });
        if windowed && !(WINDOW_MIN..=WINDOW_MAX).contains(&window) {
            return Err(Invalid::new("window", format!("`{}`", Span(window)), WINDOW_WORDS));
        }
        let name = if windowed {
            format!("{}-{unit}-{}", per.as_str(), Span(window))
        } else {
            format!("{}-{unit}", per.as_str())
        };
        Ok(Self { per, measure, name: name.into() })
    }

    /// Whom it counts.
    pub fn per(&self) -> Per {
        self.per
    }

    /// What it counts and how much is allowed.
    pub fn measure(&self) -> Measure {
        self.measure
    }

    /// The name in headers and logs: `user-requests-60s`.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }
}

/// A span as people write it: `60s`, `1500ms`. Seconds up to ten minutes, then the largest unit that divides it.
pub(crate) struct Span(pub(crate) Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        let (number, unit) = match millis {
            _ if !millis.is_multiple_of(1000) => (millis, "ms"),
            _ if millis <= 600_000 => (millis / 1000, "s"),
            _ if millis.is_multiple_of(86_400_000) => (millis / 86_400_000, "d"),
            _ if millis.is_multiple_of(3_600_000) => (millis / 3_600_000, "h"),
            _ if millis.is_multiple_of(60_000) => (millis / 60_000, "m"),
            _ => (millis / 1000, "s"),
        };
        write!(f, "{number}{unit}")
    }
}

const WINDOW_WORDS: &str = "a span from 1s to 31d, such as \"60s\"";
const COUNT_WORDS: &str = "exactly one of `requests`, `tokens` and `open`";

/// A limit as configuration writes it: `[[bot.limit]]`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLimit {
    /// Whom it counts: `user`, `key`, `ip` or `bot`.
    pub per: Per,
    /// The most calls in any span of `window`.
    #[serde(default)]
    pub requests: Option<u32>,
    /// The most tokens, question and answer together, in any span of `window`.
    #[serde(default)]
    pub tokens: Option<u64>,
    /// The most calls open at once.
    #[serde(default)]
    pub open: Option<u32>,
    /// The span that `requests` and `tokens` are counted over, from `1s` to `31d`.
    #[serde(default)]
    pub window: Option<String>,
}

impl TryFrom<RawLimit> for Rule {
    type Error = Invalid;

    fn try_from(raw: RawLimit) -> Result<Self, Invalid> {
        let measure = match (raw.requests, raw.tokens, raw.open) {
            (Some(max), None, None) => Measure::Requests { max, window: window(raw.window, "requests")? },
            (None, Some(max), None) => Measure::Tokens { max, window: window(raw.window, "tokens")? },
            (None, None, Some(_)) if raw.window.is_some() => {
                return Err(Invalid::new(
                    "window",
                    "a window beside `open`",
                    "no window: open calls are counted as they are",
                ));
            }
            (None, None, Some(max)) => Measure::Open { max },
            (None, None, None) => return Err(Invalid::new("requests", "none of them", COUNT_WORDS)),
            (requests, ..) => {
                let key = if requests.is_some() { "requests" } else { "tokens" };
                return Err(Invalid::new(key, "more than one of them", COUNT_WORDS));
            }
        };
        Self::new(raw.per, measure)
    }
}

fn window(text: Option<String>, beside: &str) -> Result<Duration, Invalid> {
    let Some(text) = text else {
        return Err(Invalid::new("window", format!("`{beside}` without a window"), WINDOW_WORDS));
    };
    parse_duration(&text).ok_or_else(|| Invalid::new("window", format!("`{text}`"), WINDOW_WORDS))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<String, String> {
        let raw: RawLimit = toml::from_str(text).map_err(|e| e.message().to_owned())?;
        Rule::try_from(raw).map(|rule| rule.name().to_string()).map_err(|e| e.key)
    }

    #[test]
    fn limits_as_configuration_writes_them() {
        for (text, want) in [
            ("per = 'user'\nrequests = 30\nwindow = '60s'", Ok("user-requests-60s")),
            ("per = 'ip'\nrequests = 30\nwindow = '1500ms'", Ok("address-requests-1500ms")),
            ("per = 'user'\ntokens = 200_000\nwindow = '1d'", Ok("user-tokens-1d")),
            ("per = 'key'\nrequests = 1\nwindow = '2h'", Ok("key-requests-2h")),
            ("per = 'bot'\nopen = 64", Ok("bot-open")),
            ("per = 'user'\nrequests = 30", Err("window")),
            ("per = 'user'\ntokens = 30", Err("window")),
            ("per = 'user'\nrequests = 0\nwindow = '60s'", Err("requests")),
            ("per = 'user'\nopen = 0", Err("open")),
            ("per = 'user'\nopen = 3\nwindow = '60s'", Err("window")),
            ("per = 'user'\nwindow = '60s'", Err("requests")),
            ("per = 'user'\nrequests = 1\ntokens = 1\nwindow = '60s'", Err("requests")),
            ("per = 'user'\nopen = 1\ntokens = 1\nwindow = '60s'", Err("tokens")),
            ("per = 'user'\nrequests = 30\nwindow = '999ms'", Err("window")),
            ("per = 'user'\nrequests = 30\nwindow = '32d'", Err("window")),
            ("per = 'user'\nrequests = 30\nwindow = 'soon'", Err("window")),
        ] {
            assert_eq!(check(text), want.map(str::to_owned).map_err(str::to_owned), "{text}");
        }
        assert!(check("per = 'planet'\nopen = 1").is_err());
        assert!(check("per = 'user'\nopen = 1\nburst = 3").is_err(), "unknown keys are errors");
    }
}
