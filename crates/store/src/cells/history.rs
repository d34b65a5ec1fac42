//! A count's row.

use botwarden_crypto::{CellKey, Digest};
use botwarden_policy::history::{Charge, Count, Counts, DAY_MS, HISTORY_KEPT_DAYS, PACE_CALLS_MAX, Tally};
use botwarden_types::UnixMs;
use serde::{Deserialize, Serialize};

use super::row::Clear;
use super::{Fault, SEALED};

const TABLE: &str = "history";
/// Stands for all days together.
const EVER: i64 = -1;

/// Where a count lies, and until when.
#[derive(Clone, Debug)]
pub(crate) struct Counter {
    pub(crate) name: Digest,
    pub(crate) day: i64,
    pub(crate) expires: i64,
}

/// The counters a charge is about: of the tool over all days and today, and the same of the party.
pub(crate) fn counters(key: &CellKey, charge: &Charge) -> Vec<Counter> {
    let whose = Clear::default().text(charge.holder.bot.as_str()).text(&charge.server).text(&charge.tool);
    let of_tool = key.hash("history.tool", whose.as_bytes());
    let of_party = charge.party.as_ref().map(|party| key.hash("history.party", whose.text(party).as_bytes()));
    let today = charge.at.0 / DAY_MS;
    let kept = |days: u64| column(today.saturating_add(days).saturating_mul(DAY_MS));
    let names = [Some(of_tool), of_party];
    let each = |name: Digest| {
        // Until two days have begun since, for whoever's clock is late.
        let of_day = Counter { name, day: column(today), expires: kept(2) };
        [Counter { name, day: EVER, expires: kept(HISTORY_KEPT_DAYS) }, of_day]
    };
    names.into_iter().flatten().flat_map(each).collect()
}

fn column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Inside of a count's sealed cell, as JSON.
#[derive(Serialize, Deserialize)]
struct Content {
    calls: u64,
    amount: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    recent: Vec<u64>,
}

pub(crate) fn seal_count(key: &CellKey, counter: &Counter, count: &Count) -> Result<Vec<u8>, Fault> {
    let Count { tally: Tally { calls, amount }, recent } = count;
    let recent = recent.iter().map(|at| at.0).collect();
    let plain = serde_json::to_vec(&Content { calls: *calls, amount: *amount, recent })?;
    Ok(key.seal(clear(counter).place(TABLE, SEALED), &plain)?)
}

pub(crate) fn open_count(key: &CellKey, counter: &Counter, sealed: &[u8]) -> Result<Count, Fault> {
    let id = || counter.day.to_string();
    let opened = key.open(clear(counter).place(TABLE, SEALED), sealed).map_err(|source| Fault::Open {
        table: TABLE,
        id: id(),
        source,
    })?;
    let damaged = || Fault::Damaged { table: TABLE, id: id() };
    let Content { calls, amount, recent } = serde_json::from_slice(&opened).map_err(|_| damaged())?;
    if recent.len() > PACE_CALLS_MAX {
        return Err(damaged());
    }
    Ok(Count { tally: Tally { calls, amount }, recent: recent.into_iter().map(UnixMs).collect() })
}

/// What was read of [`counters`], in their order.
pub(crate) fn gathered(read: Vec<Count>) -> Counts {
    let mut read = read.into_iter();
    let mut next = || read.next().unwrap_or_default();
    Counts { ever: next(), today: next(), party_ever: next(), party_today: next() }
}

/// The counts to be written, in the order of [`counters`].
pub(crate) fn spread(counts: Counts) -> [Count; 4] {
    let Counts { ever, today, party_ever, party_today } = counts;
    [ever, today, party_ever, party_today]
}

fn clear(counter: &Counter) -> Clear {
    Clear::default().digest(&counter.name).number(Some(counter.day))
}
