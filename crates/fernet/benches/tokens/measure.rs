//! Processor time, medians, and the table.

/// Nanoseconds of processor time this thread has used.
fn cpu_ns() -> i64 {
    let at = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    at.tv_sec * 1_000_000_000 + at.tv_nsec
}

/// Nanoseconds for each of `calls` calls.
pub(crate) fn time(calls: usize, mut call: impl FnMut()) -> f64 {
    let began = cpu_ns();
    for _ in 0..calls {
        call();
    }
    (cpu_ns() - began) as f64 / calls as f64
}

pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap()
}

/// The median of the ratios of two contestants, round by round.
pub(crate) fn ratio(theirs: &[f64], ours: &[f64]) -> f64 {
    median(&theirs.iter().zip(ours).map(|(theirs, ours)| theirs / ours).collect::<Vec<_>>())
}

/// What a figure is to reach.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtLeast(f64),
    None,
}

/// Prints as it goes and remembers whether a target was missed.
#[derive(Default)]
pub(crate) struct Table {
    missed: bool,
}

impl Table {
    pub(crate) fn heading(&mut self, text: &str) {
        println!("\n{text}");
    }

    pub(crate) fn note(&mut self, text: &str) {
        println!("  {text}");
    }

    pub(crate) fn row(&mut self, name: &str, ns: f64) {
        println!("  {name:<52} {ns:>8.1} ns");
    }

    pub(crate) fn ratio(&mut self, name: &str, ratio: f64, target: Target) {
        self.figure(name, ratio, "x", target);
    }

    pub(crate) fn figure(&mut self, name: &str, figure: f64, unit: &str, target: Target) {
        let (words, met) = match target {
            Target::AtLeast(least) => (format!("at least {least}"), figure >= least),
            Target::None => (String::new(), true),
        };
        self.missed |= !met;
        let verdict = if met { "" } else { "  MISSED" };
        println!("    {name:<50} {figure:>8.2} {unit:<2} {words}{verdict}");
    }

    pub(crate) fn missed(&self) -> bool {
        self.missed
    }
}
