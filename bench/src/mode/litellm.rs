//! What does a request cost through the proxy that most people have today?

use super::{Effort, Figures, cells, order, range, shown};
use crate::contestant::Contestant;
use crate::load::closed::{self, Plan};
use crate::report::{Check, Report};
use crate::wire::Delivery;

/// Botwarden is to need no more than this share of LiteLLM's time.
const SHARE_LIMIT: f64 = 1.0 / 200.0;

/// Of the requests that the others get, LiteLLM gets one in so many: it would otherwise take all the time there is.
const FEWER: usize = 10;

pub fn run(contestants: &[Contestant], effort: Effort) -> anyhow::Result<Report> {
    let plan = |contestant: &Contestant| Plan {
        requests: if contestant.name == "litellm" { effort.requests / FEWER } else { effort.requests },
        connections: effort.connections,
        delivery: Delivery::Whole,
    };
    for contestant in contestants {
        let plan = plan(contestant);
        closed::run(&contestant.target, Plan { requests: plan.requests / 10, ..plan })?;
    }
    let (mut cost, mut memory) = (Figures::default(), Figures::default());
    for round in 0..effort.rounds {
        for contestant in order(contestants, round) {
            let before = contestant.cpu()?;
            let outcome = closed::run(&contestant.target, plan(contestant))?;
            let used = (contestant.cpu()? - before).total;
            cost.add(contestant.name, used.as_secs_f64() * 1e6 / outcome.requests as f64);
            memory.add(contestant.name, contestant.resident() as f64 / 1e6);
        }
        eprintln!("litellm: round {} of {}", round + 1, effort.rounds);
    }
    let mut report = Report::new("litellm", "Against LiteLLM's proxy")?;
    report.setup.push(format!(
        "{} rounds in rotating order over {} connections, {} requests each, LiteLLM {}; processor time a request",
        effort.rounds,
        effort.connections,
        effort.requests,
        effort.requests / FEWER
    ));
    report.header = cells(["contestant", "µs", "range", "LiteLLM ÷ it", "resident MB"]);
    for Contestant { name, .. } in contestants {
        report.rows.push(vec![
            (*name).to_owned(),
            shown(cost.median(name), 1),
            range(cost.of(name), 1),
            shown(cost.ratio("litellm", name), 0),
            shown(memory.median(name), 0),
        ]);
    }
    let fraction = |share: f64| format!("1/{:.0}", 1.0 / share);
    let measured = cost.ratio("botwarden", "litellm");
    report.checks.push(Check::at_most("botwarden as a share of LiteLLM", measured, SHARE_LIMIT, fraction));
    report.samples.insert("cpu_us".to_owned(), cost.into_samples());
    Ok(report)
}
