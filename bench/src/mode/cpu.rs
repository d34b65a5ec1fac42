//! What does a request cost? Processor time of the contestant's processes, a request, at saturation.

use std::time::Duration;

use super::{Effort, Figures, cells, order, range, shown};
use crate::contestant::Contestant;
use crate::load::closed::{self, Plan};
use crate::report::{Check, Report};
use crate::upstream::Upstream;
use crate::wire::Delivery;

/// Requests before the first round, so that connections are open, pages touched, and pools filled.
const WARM_UP: usize = 2_000;

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
    let plan =
        Plan { requests: effort.requests, connections: effort.connections, delivery: question.delivery };
    for contestant in contestants {
        closed::run(&contestant.target, Plan { requests: WARM_UP.min(effort.requests), ..plan })?;
    }
    for round in 0..effort.rounds {
        for contestant in order(contestants, round) {
            let before = contestant.cpu()?;
            let outcome = closed::run(&contestant.target, plan)?;
            let used = contestant.cpu()? - before;
            let each = |time: Duration| time.as_secs_f64() * 1e6 / outcome.requests as f64;
            cost.add(contestant.name, each(used.total));
            user.add(contestant.name, each(used.user));
            system.add(contestant.name, each(used.system));
            pace.add(contestant.name, outcome.requests as f64 / outcome.took.as_secs_f64());
        }
        eprintln!("{}: round {} of {}", question.mode, round + 1, effort.rounds);
    }
    upstream.pace(Duration::ZERO)?;
    let mut report = Report::new(question.mode, question.title)?;
    report.setup.push(format!(
        "{} rounds in rotating order, {} requests each over {} kept connections; medians, and the median of the \
         ratios within a round",
        effort.rounds, effort.requests, effort.connections
    ));
    report.header = cells(["contestant", "µs", "range", "user", "system", "× bare", "× nginx", "requests/s"]);
    for Contestant { name, .. } in contestants {
        report.rows.push(vec![
            (*name).to_owned(),
            shown(cost.median(name), 1),
            range(cost.of(name), 1),
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
