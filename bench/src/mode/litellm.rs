//! What does a request cost through the proxy that most people have today?

use super::{Effort, Figures, cells, order, quartiles, shown};
use crate::contestant::Contestant;
use crate::load::closed::Client;
use crate::report::{Check, Report};
use crate::wire::Delivery;

/// Botwarden is to need no more than this share of LiteLLM's time.
const SHARE_LIMIT: f64 = 1.0 / 200.0;

/// Of the requests that the others get, LiteLLM gets one in so many: it would otherwise take all the time there is.
const FEWER: usize = 20;

pub fn run(contestants: &[Contestant], effort: Effort) -> anyhow::Result<Report> {
    let share = |contestant: &Contestant| {
        if contestant.name == "litellm" { effort.requests / FEWER } else { effort.requests }
    };
    let mut clients = Vec::with_capacity(contestants.len());
    for contestant in contestants {
        let mut client = Client::connect(&contestant.target, effort.connections, Delivery::Whole)?;
        client.run(share(contestant))?;
        clients.push(client);
    }
    let (mut cost, mut memory) = (Figures::default(), Figures::default());
    for round in 0..effort.rounds {
        for at in order(contestants.len(), round) {
            let (Some(contestant), Some(client)) = (contestants.get(at), clients.get_mut(at)) else {
                continue;
            };
            let before = contestant.cpu()?;
            let outcome = client.run(share(contestant))?;
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
    report.header = cells(["contestant", "µs", "quartiles", "LiteLLM ÷ it", "resident MB"]);
    for Contestant { name, .. } in contestants {
        report.rows.push(vec![
            (*name).to_owned(),
            shown(cost.median(name), 1),
            quartiles(cost.of(name), 1),
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
