//! What does a request cost? Processor time of the contestant's processes, a request, at saturation.

use std::time::Duration;

use super::{Effort, Figures, cells, order, quartiles, shown};
use crate::contestant::Contestant;
use crate::load::closed::Client;
use crate::report::{Check, Report};
use crate::upstream::Upstream;
use crate::wire::Delivery;

/// Rounds that are not counted, so that pages are touched and pools filled.
const WARM_UP_ROUNDS: usize = 2;

/// Most times the bare proxy's.
const BARE_LIMIT: f64 = 1.4;

/// Most times nginx's.
const NGINX_LIMIT: f64 = 2.1;

/// Which answers are asked for, and how the mode is called.
#[derive(Clone, Copy, Debug)]
pub struct Question {
    pub mode: &'static str,
    pub title: &'static str,
    pub delivery: Delivery,
    /// Time between the events of a stream.
    pub pace: Duration,
}

/// Whole answers.
pub const WHOLE: Question = Question {
    mode: "cpu",
    title: "Processor time a request",
    delivery: Delivery::Whole,
    pace: Duration::ZERO,
};

/// Streamed answers whose events come at once.
pub const BURST: Question = Question {
    mode: "sse-cpu",
    title: "Processor time a streamed answer of 64 events, all at once",
    delivery: Delivery::Stream,
    pace: Duration::ZERO,
};

/// Streamed answers whose events come one by one, so that each is a read and a write of its own.
pub const PACED: Question = Question {
    mode: "sse-cpu-paced",
    title: "Processor time a streamed answer of 64 events, one every 5 ms",
    delivery: Delivery::Stream,
    pace: Duration::from_millis(5),
};

/// Runs the rounds and judges.
pub fn run(
    contestants: &[Contestant],
    upstream: &Upstream,
    effort: Effort,
    question: Question,
) -> anyhow::Result<Report> {
    upstream.pace(question.pace)?;
    let (mut cost, mut user, mut system, mut pace) =
        (Figures::default(), Figures::default(), Figures::default(), Figures::default());
    let mut clients = connected(contestants, effort, question)?;
    for round in 0..effort.rounds {
        for at in order(contestants.len(), round) {
            let (Some(contestant), Some(client)) = (contestants.get(at), clients.get_mut(at)) else {
                continue;
            };
            let before = contestant.cpu()?;
            let outcome = client.run(effort.requests)?;
            let used = contestant.cpu()? - before;
            let each = |time: Duration| time.as_secs_f64() * 1e6 / outcome.requests as f64;
            cost.add(contestant.name, each(used.total));
            user.add(contestant.name, each(used.user));
            system.add(contestant.name, each(used.system));
            pace.add(contestant.name, outcome.requests as f64 / outcome.took.as_secs_f64());
        }
    }
    upstream.pace(Duration::ZERO)?;
    let mut report = Report::new(question.mode, question.title)?;
    report.setup.push(format!(
        "{} rounds in rotating order, {} requests each over {} kept connections; medians, and the median of the \
         ratios within a round",
        effort.rounds, effort.requests, effort.connections
    ));
    report.header =
        cells(["contestant", "µs", "quartiles", "user", "system", "× bare", "× nginx", "requests/s"]);
    for Contestant { name, .. } in contestants {
        report.rows.push(vec![
            (*name).to_owned(),
            shown(cost.median(name), 1),
            quartiles(cost.of(name), 1),
            shown(user.median(name), 0),
            shown(system.median(name), 0),
            shown(cost.ratio(name, "bare"), 2),
            shown(cost.ratio(name, "nginx"), 2),
            shown(pace.median(name), 0),
        ]);
    }
    let times = |figure: f64| format!("{figure:.2} ×");
    report.checks.push(Check::at_most(
        "botwarden against bare",
        cost.ratio("botwarden", "bare"),
        BARE_LIMIT,
        times,
    ));
    if question.delivery == Delivery::Whole {
        let measured = cost.ratio("botwarden", "nginx");
        report.checks.push(Check::at_most("botwarden against nginx", measured, NGINX_LIMIT, times));
    }
    report.samples.insert("cpu_us".to_owned(), cost.into_samples());
    report.samples.insert("requests_per_second".to_owned(), pace.into_samples());
    Ok(report)
}

/// A client for each contestant, warmed up.
fn connected(contestants: &[Contestant], effort: Effort, question: Question) -> anyhow::Result<Vec<Client>> {
    let mut clients = Vec::with_capacity(contestants.len());
    for contestant in contestants {
        let mut client = Client::connect(&contestant.target, effort.connections, question.delivery)?;
        client.run(effort.requests * WARM_UP_ROUNDS)?;
        clients.push(client);
    }
    Ok(clients)
}
