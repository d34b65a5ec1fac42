//! How much memory is resident after a million requests, and with 512 streams held open?

use super::streams::AT_ONCE;
use super::{Effort, cells};
use crate::contestant::Contestant;
use crate::load::closed::Client;
use crate::load::streams::Held;
use crate::report::{Check, Report};
use crate::upstream::Upstream;
use crate::wire::{self, Delivery};

/// Slices after each of which memory is looked at.
const SLICES: usize = 20;

/// Slices after which a server is taken to have its working set: caches filled, pools grown.
const SETTLED: usize = 4;

/// Most resident memory, in megabytes of 10⁶ bytes.
const LIMIT_MB: f64 = 60.0;

/// What may be added after that and still be called flat, in megabytes.
const FLAT_MB: f64 = 3.0;

/// What one contestant showed, in megabytes.
struct Seen {
    fresh: f64,
    slices: Vec<f64>,
    held: f64,
    released: f64,
}

impl Seen {
    fn settled(&self) -> f64 {
        self.slices.get(SETTLED - 1).copied().unwrap_or_default()
    }

    fn last(&self) -> f64 {
        self.slices.last().copied().unwrap_or_default()
    }

    fn most(&self) -> f64 {
        self.slices.iter().copied().fold(self.held.max(self.released), f64::max)
    }
}

/// Contestants go one after the other: what they hold in memory does not depend on the machine's pace.
pub fn run(contestants: &[Contestant], upstream: &Upstream, effort: Effort) -> anyhow::Result<Report> {
    let mut report = Report::new("memory", "Resident memory")?;
    report.setup.push(format!(
        "{} requests of {} users over {} connections, then {AT_ONCE} streams held open, then released; MB of 10⁶ bytes, \
         all processes of a contestant added up",
        effort.requests,
        wire::USERS,
        effort.connections
    ));
    report.header = cells([
        "contestant",
        "fresh",
        "after a fifth",
        "after all",
        "growth",
        "streams held",
        "released",
        "most",
    ]);
    let mut ours = None;
    for contestant in contestants {
        let seen = watch(contestant, upstream, effort)?;
        let growth = seen.last() - seen.settled();
        let figures =
            [seen.fresh, seen.settled(), seen.last(), growth, seen.held, seen.released, seen.most()];
        let mut row = cells([contestant.name]);
        row.extend(figures.map(|figure| format!("{figure:.1}")));
        report.rows.push(row);
        if contestant.name == "botwarden" {
            ours = Some((seen.most(), growth));
        }
        let slices = report.samples.entry("resident_mb".to_owned()).or_default();
        slices.insert(contestant.name.to_owned(), seen.slices);
    }
    let mb = |figure: f64| format!("{figure:.1} MB");
    report.checks.push(Check::at_most("most that botwarden holds", ours.map(|(most, _)| most), LIMIT_MB, mb));
    let growth = ours.map(|(_, growth)| growth);
    report.checks.push(Check::at_most("flat: growth over the last four fifths", growth, FLAT_MB, mb));
    Ok(report)
}

fn watch(contestant: &Contestant, upstream: &Upstream, effort: Effort) -> anyhow::Result<Seen> {
    let resident = || contestant.resident() as f64 / 1e6;
    let fresh = resident();
    let mut client = Client::connect(&contestant.target, effort.connections, Delivery::Whole)?;
    let mut slices = Vec::with_capacity(SLICES);
    for _ in 0..SLICES {
        client.run(effort.requests / SLICES)?;
        slices.push(resident());
    }
    upstream.hold()?;
    let streams = Held::open(&contestant.target, AT_ONCE)?;
    anyhow::ensure!(
        upstream.open_streams()? == AT_ONCE as u64,
        "{} does not hold {AT_ONCE} streams",
        contestant.name
    );
    let held = resident();
    upstream.release()?;
    streams.finish(contestant.target.patience)?;
    eprintln!("memory: {} done", contestant.name);
    Ok(Seen { fresh, slices, held, released: resident() })
}
