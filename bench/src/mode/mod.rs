//! One file per question that `compare` answers.

pub mod build;
pub mod cpu;
pub mod latency;
pub mod litellm;
pub mod memory;
pub mod streams;

use std::collections::BTreeMap;

use crate::spread::{median, quantile};

/// All modes, in the order of the page.
pub const NAMES: [&str; 8] =
    ["cpu", "sse-cpu", "sse-cpu-paced", "latency", "streams", "memory", "litellm", "build"];

/// How much is done; each mode takes from it what it needs.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    pub rounds: usize,
    pub requests: usize,
    pub connections: usize,
}

/// One figure a round for each contestant.
#[derive(Clone, Debug, Default)]
pub struct Figures(BTreeMap<String, Vec<f64>>);

impl Figures {
    pub fn add(&mut self, contestant: &str, figure: f64) {
        self.0.entry(contestant.to_owned()).or_default().push(figure);
    }

    pub fn of(&self, contestant: &str) -> Option<&[f64]> {
        self.0.get(contestant).map(Vec::as_slice)
    }

    pub fn median(&self, contestant: &str) -> Option<f64> {
        self.of(contestant).map(median)
    }

    /// The median over rounds of `combine(a, b)`: figures of one round are compared with each other, since the machine
    /// changes its pace from round to round.
    pub fn paired(&self, a: &str, b: &str, combine: impl Fn(f64, f64) -> f64) -> Option<f64> {
        let pairs = self.of(a)?.iter().zip(self.of(b)?);
        Some(median(&pairs.map(|(&a, &b)| combine(a, b)).collect::<Vec<_>>()))
    }

    /// The median over rounds of how many times `b` the contestant `a` takes.
    pub fn ratio(&self, a: &str, b: &str) -> Option<f64> {
        self.paired(a, b, |a, b| a / b)
    }

    fn into_samples(self) -> BTreeMap<String, Vec<f64>> {
        self.0
    }
}

/// The contestants' places in the order of round `round`: everybody goes first, last and in between equally often, and
/// before and after everybody else equally often.
fn order(contestants: usize, round: usize) -> impl Iterator<Item = usize> {
    let turn = move |at: usize| (at + round / 2) % contestants.max(1);
    (0..contestants).map(move |at| turn(if round.is_multiple_of(2) { at } else { contestants - 1 - at }))
}

fn cells<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

/// A figure with `digits` decimals, or a dash.
fn shown(figure: Option<f64>, digits: usize) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| format!("{figure:.digits$}"))
}

/// Between which figures the middle half lies.
fn quartiles(figures: Option<&[f64]>, digits: usize) -> String {
    let Some(figures) = figures else { return "–".to_owned() };
    format!("{:.digits$}–{:.digits$}", quantile(figures, 0.25), quantile(figures, 0.75))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut figures = Figures::default();
        // The machine halves its speed in the second round: a ratio of medians would not be 2.
        for (a, b) in [(2.0, 1.0), (4.0, 2.0), (8.0, 4.0)] {
            figures.add("a", a);
            figures.add("b", b);
        }
        assert_eq!(figures.ratio("a", "b"), Some(2.0));
        assert_eq!(figures.ratio("a", "absent"), None);
    }
}
