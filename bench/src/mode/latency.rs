//! What does a proxy add to the time of an answer, at a rate far from saturation?

use std::time::Duration;

use super::{Effort, Figures, cells, order, shown};
use crate::contestant::Contestant;
use crate::load::open::{self, Plan};
use crate::report::{Check, Report};

/// Questions a second: a busy bot, and a small part of what one core carries.
const PER_SECOND: f64 = 500.0;

/// Most that the 99th percentile may exceed the bare proxy's, in milliseconds.
const P99_LIMIT_MS: f64 = 0.3;

/// The delayed acknowledgement of Linux is 40 ms: answers beyond this point to a segment that waited for one.
const TAIL: Duration = Duration::from_millis(35);

/// Share of answers in the tail, beyond the bare proxy's own share, that a busy machine may cause.
const TAIL_SHARE: f64 = 0.001;

pub fn run(contestants: &[Contestant], effort: Effort) -> anyhow::Result<Report> {
    let mut measures: Vec<(&str, f64, Figures)> =
        [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)]
            .map(|(name, q)| (name, q, Figures::default()))
            .into();
    let mut tail = Figures::default();
    for round in 0..effort.rounds {
        for contestant in order(contestants.len(), round).filter_map(|at| contestants.get(at)) {
            let plan = Plan { requests: effort.requests, per_second: PER_SECOND };
            let spread = open::run(&contestant.target, plan)?;
            for (_, q, figures) in &mut measures {
                figures.add(contestant.name, spread.quantile(*q).as_secs_f64() * 1e3);
            }
            tail.add(contestant.name, spread.over(TAIL) as f64 / spread.count() as f64);
        }
        eprintln!("latency: round {} of {}", round + 1, effort.rounds);
    }
    let mut report = Report::new("latency", "Latency at 500 requests a second")?;
    report.setup.push(format!(
        "{} rounds in rotating order, {} requests each, timed from the intended start; medians over rounds, in ms",
        effort.rounds, effort.requests
    ));
    report.header = cells(["contestant"]);
    report.header.extend(measures.iter().map(|(name, ..)| (*name).to_owned()));
    report.header.extend(cells(["p99 − bare's", "over 35 ms"]));
    let added = |name: &str| {
        let p99 = measures.iter().find(|(measure, ..)| *measure == "p99");
        p99.and_then(|(.., figures)| figures.paired(name, "bare", |a, b| a - b))
    };
    let in_tail = |name: &str| tail.of(name).map(|shares| shares.iter().sum::<f64>() / shares.len() as f64);
    for Contestant { name, .. } in contestants {
        let mut row = cells([name]);
        row.extend(measures.iter().map(|(.., figures)| shown(figures.median(name), 3)));
        row.push(shown(added(name), 3));
        row.push(shown(in_tail(name).map(|share| share * 100.0), 2) + " %");
        report.rows.push(row);
    }
    let ms = |figure: f64| format!("{figure:.3} ms");
    report.checks.push(Check::at_most("p99 of botwarden less bare's", added("botwarden"), P99_LIMIT_MS, ms));
    let excess = in_tail("botwarden").zip(in_tail("bare")).map(|(ours, bare)| ours - bare);
    let percent = |share: f64| format!("{:.2} %", share * 100.0);
    report.checks.push(Check::at_most(
        "no 40 ms tail: share over 35 ms less bare's",
        excess,
        TAIL_SHARE,
        percent,
    ));
    for (name, _, figures) in measures {
        report.samples.insert(format!("{name}_ms"), figures.into_samples());
    }
    Ok(report)
}
