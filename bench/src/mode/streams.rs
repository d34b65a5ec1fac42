//! Many streams at once: how late is the first byte, and does any stream stall?

use std::time::Duration;

use super::{Effort, Figures, cells, order, shown};
use crate::contestant::Contestant;
use crate::load::streams::{self, Plan};
use crate::report::{Check, Report};
use crate::upstream::Upstream;
use crate::wire;

/// Streams at once.
pub const AT_ONCE: usize = 512;

/// An event every so often: a model that writes 20 tokens a second.
const PACE: Duration = Duration::from_millis(50);

/// Streams that each slot runs, one after the other.
const EACH: usize = 3;

/// A pause of ten paces is a stall.
const STALL: Duration = Duration::from_millis(500);

/// Most that the 99th percentile of the first byte may exceed the bare proxy's, in milliseconds.
const P99_LIMIT_MS: f64 = 0.4;

pub fn run(contestants: &[Contestant], upstream: &Upstream, effort: Effort) -> anyhow::Result<Report> {
    let mut measures = ["first p50", "first p99", "first max", "gap p50", "gap p99", "gap max"]
        .map(|name| (name, Figures::default()));
    let mut stalls = Figures::default();
    upstream.pace(PACE)?;
    // Starts are spread over the length of a stream, so that they stay spread; a little more, so that they do not fall
    // into step with the pace, which would bundle the events of many streams.
    let spread_over = PACE * u32::try_from(wire::EVENTS)? + PACE * 3 / 4;
    let plan = Plan { at_once: AT_ONCE, streams_each: EACH, spread_over };
    for round in 0..effort.rounds {
        for contestant in order(contestants.len(), round).filter_map(|at| contestants.get(at)) {
            let outcome = streams::run(&contestant.target, plan)?;
            let (first, gap) = (&outcome.first_byte, &outcome.gap);
            let moments = [
                first.quantile(0.5),
                first.quantile(0.99),
                first.max(),
                gap.quantile(0.5),
                gap.quantile(0.99),
                gap.max(),
            ];
            for ((_, figures), moment) in measures.iter_mut().zip(moments) {
                figures.add(contestant.name, moment.as_secs_f64() * 1e3);
            }
            stalls.add(contestant.name, (first.over(STALL) + gap.over(STALL)) as f64);
        }
        eprintln!("streams: round {} of {}", round + 1, effort.rounds);
    }
    upstream.pace(Duration::ZERO)?;
    let mut report = Report::new("streams", "512 streams at once")?;
    report.setup.push(format!(
        "{} rounds in rotating order, {} streams each of {} events, one every {PACE:?}; medians over rounds, in ms",
        effort.rounds,
        AT_ONCE * EACH,
        wire::EVENTS
    ));
    report.header = cells(["contestant"]);
    report.header.extend(measures.iter().map(|(name, _)| (*name).to_owned()));
    report.header.extend(cells(["first p99 − bare's", "stalls a round"]));
    let first_p99 = measures.iter().find(|(name, _)| *name == "first p99").map(|(_, figures)| figures);
    let added = |name: &str| first_p99?.paired(name, "bare", |a, b| a - b);
    // A machine that stands still for a moment stalls everybody: what happens in most rounds counts.
    let stalled = |name: &str| stalls.median(name);
    for Contestant { name, .. } in contestants {
        let mut row = cells([name]);
        row.extend(measures.iter().map(|(_, figures)| shown(figures.median(name), 3)));
        row.extend([shown(added(name), 3), shown(stalled(name), 0)]);
        report.rows.push(row);
    }
    let ms = |figure: f64| format!("{figure:.3} ms");
    let what = "p99 of the first byte of botwarden less bare's";
    report.checks.push(Check::at_most(what, added("botwarden"), P99_LIMIT_MS, ms));
    let what = format!("stalls a round: pauses over {STALL:?}");
    report.checks.push(Check::at_most(&what, stalled("botwarden"), 0.0, |count| format!("{count:.0}")));
    for (name, figures) in measures {
        report.samples.insert(format!("{name} ms"), figures.into_samples());
    }
    Ok(report)
}
