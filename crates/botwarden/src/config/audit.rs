//! `[audit]`: who keeps watch over the audit log.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use botwarden_reach::{RawSend, RawWitness, SecretPlace, SendConfig, To, WitnessConfig};
use botwarden_types::{Invalid, parse_duration};
use schemars::JsonSchema;
use serde::Deserialize;

/// How often, unless the file says otherwise.
const INTERVAL_DEFAULT: Duration = Duration::from_secs(60);
/// More often would burden witnesses for nothing: the log itself is published once a second at most.
const INTERVAL_MIN: Duration = Duration::from_secs(1);
/// More seldom, what an intruder has to rewrite is a day.
const INTERVAL_MAX: Duration = Duration::from_secs(86_400);
/// Witnesses and places, each.
const DESTINATIONS_MAX: usize = 16;

/// `[audit]` as written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RawAudit {
    /// How often checkpoints are cosigned and sent, if the log has grown. Default `1m`.
    pub(crate) interval: Option<String>,
    /// How many of the witnesses have to cosign. Default: all.
    pub(crate) quorum: Option<u32>,
    /// Who cosigns checkpoints: one `[[audit.witness]]` for each.
    #[serde(default)]
    pub(crate) witness: Vec<RawWitness>,
    /// Where else checkpoints are sent: one `[[audit.send]]` for each.
    #[serde(default)]
    pub(crate) send: Vec<RawSend>,
}

/// Who keeps watch over the audit log. INVARIANT: no two witnesses or places of one name; the quorum can be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AuditConfig {
    /// How often.
    pub(crate) interval: Duration,
    /// How many of the witnesses have to cosign.
    pub(crate) quorum: usize,
    pub(crate) witnesses: Vec<WitnessConfig>,
    pub(crate) places: Vec<SendConfig>,
}

impl AuditConfig {
    /// Takes relative paths from `folder`.
    pub(super) fn in_folder(self, folder: &Path) -> Self {
        Self {
            witnesses: self.witnesses.into_iter().map(|it| it.in_folder(folder)).collect(),
            places: self.places.into_iter().map(|it| it.in_folder(folder)).collect(),
            ..self
        }
    }

    /// Whether nobody does.
    pub(crate) fn is_empty(&self) -> bool {
        self.witnesses.is_empty() && self.places.is_empty()
    }

    /// Where secrets lie, each with its key in the file.
    pub(crate) fn secrets(&self) -> Vec<(String, SecretPlace)> {
        let mut secrets = Vec::new();
        for (at, place) in self.places.iter().enumerate() {
            let key = |name: &str| format!("audit.send[{at}]{name}");
            match &place.to {
                To::Folder(_) | To::Syslog(_) => {}
                To::Webhook { token, hmac_key, .. } => {
                    secrets.extend(token.clone().map(|place| (key(".token"), place)));
                    secrets.extend(hmac_key.clone().map(|place| (key(".hmac_key"), place)));
                }
                To::Bucket(bucket) => match &bucket.credentials_file {
                    Some(path) => secrets.push((key(".credentials_file"), SecretPlace::File(path.clone()))),
                    None => secrets.extend(
                        ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
                            .map(|name| (key(""), SecretPlace::Env(name.to_owned()))),
                    ),
                },
            }
        }
        secrets
    }

    /// The files of certificate authorities, each with its key in the file.
    pub(crate) fn ca_files(&self) -> Vec<(String, PathBuf)> {
        let of = |list: &str, at: usize, path: &Option<PathBuf>| {
            path.clone().map(|path| (format!("audit.{list}[{at}].ca_file"), path))
        };
        let witnesses = self.witnesses.iter().enumerate();
        let witnesses = witnesses.filter_map(|(at, it)| of("witness", at, &it.ca_file));
        let places = self.places.iter().enumerate();
        witnesses.chain(places.filter_map(|(at, it)| of("send", at, &it.ca_file))).collect()
    }
}

impl TryFrom<RawAudit> for AuditConfig {
    type Error = Invalid;

    fn try_from(raw: RawAudit) -> Result<Self, Invalid> {
        let interval = match &raw.interval {
            None => INTERVAL_DEFAULT,
            Some(text) => parse_duration(text)
                .filter(|span| (INTERVAL_MIN..=INTERVAL_MAX).contains(span))
                .ok_or_else(|| Invalid::new("interval", format!("`{text}`"), "a span from `1s` to `1d`"))?,
        };
        for (key, count) in [("witness", raw.witness.len()), ("send", raw.send.len())] {
            if count > DESTINATIONS_MAX {
                let expected = format!("at most {DESTINATIONS_MAX}");
                return Err(Invalid::new(key, format!("{count} of them"), expected));
            }
        }
        let witnesses: Vec<WitnessConfig> = each("witness", raw.witness)?;
        let places: Vec<SendConfig> = each("send", raw.send)?;
        let mut taken = BTreeSet::new();
        let names =
            witnesses.iter().enumerate().map(|(at, it)| (format!("witness[{at}].key"), it.key.name()));
        let names = names
            .chain(places.iter().enumerate().map(|(at, it)| (format!("send[{at}].name"), it.name.as_str())));
        for (key, name) in names {
            if !taken.insert(name) {
                let expected = "a name of its own: one stands there already";
                return Err(Invalid::new(key, format!("the name `{name}`"), expected));
            }
        }
        let quorum = quorum(raw.quorum, witnesses.len())?;
        Ok(Self { interval, quorum, witnesses, places })
    }
}

fn each<R, V: TryFrom<R, Error = Invalid>>(list: &str, raw: Vec<R>) -> Result<Vec<V>, Invalid> {
    let read =
        |(at, raw)| V::try_from(raw).map_err(|invalid: Invalid| invalid.under(&format!("{list}[{at}]")));
    raw.into_iter().enumerate().map(read).collect()
}

fn quorum(written: Option<u32>, witnesses: usize) -> Result<usize, Invalid> {
    let Some(written) = written else { return Ok(witnesses) };
    let quorum = usize::try_from(written).unwrap_or(usize::MAX);
    if (1..=witnesses).contains(&quorum) {
        return Ok(quorum);
    }
    if witnesses == 0 {
        // They were refused and are told already, or none is written: that shows only in the file.
        return Ok(0);
    }
    let expected = format!("a number from 1 to {witnesses}, the witnesses there are");
    Err(Invalid::new("quorum", format!("`{written}`"), expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quorums_can_be_met() {
        for (name, written, witnesses, want) in [
            ("all, if nothing is written", None, 3, Ok(3)),
            ("of none", None, 0, Ok(0)),
            ("some", Some(2), 3, Ok(2)),
            ("all", Some(3), 3, Ok(3)),
            ("none of some", Some(0), 3, Err(())),
            ("more than there are", Some(4), 3, Err(())),
            ("of witnesses that were refused", Some(1), 0, Ok(0)),
        ] {
            assert_eq!(quorum(written, witnesses).map_err(drop), want, "{name}");
        }
    }
}
