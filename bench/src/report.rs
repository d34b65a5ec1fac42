//! What a measurement found, and how it is shown: a table for people, JSON for programs, a page for the repository.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::machine::Machine;

/// One question answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Report {
    /// The name of the mode, which is also the command that repeats it.
    pub mode: String,
    /// What was asked, as a heading.
    pub title: String,
    /// Day of the measurement, `YYYY-MM-DD`, UTC.
    pub date: String,
    pub machine: Machine,
    /// How it was measured, in sentences.
    pub setup: Vec<String>,
    pub header: Vec<String>,
    pub rows: Vec<Vec<String>>,
    pub checks: Vec<Check>,
    /// Every single figure: by measure, then by contestant, one a round.
    pub samples: BTreeMap<String, BTreeMap<String, Vec<f64>>>,
}

/// A target and what became of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Check {
    pub what: String,
    pub target: String,
    pub measured: String,
    pub verdict: Verdict,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Pass,
    Fail,
    /// A contestant was missing.
    Unknown,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Fail => "FAIL",
            Self::Unknown => "not measured",
        }
    }
}

impl Check {
    /// `measured` must not exceed `limit`; `shown` formats both.
    pub fn at_most(what: &str, measured: Option<f64>, limit: f64, shown: impl Fn(f64) -> String) -> Self {
        let verdict = match measured {
            Some(figure) if figure <= limit => Verdict::Pass,
            Some(_) => Verdict::Fail,
            None => Verdict::Unknown,
        };
        Self {
            what: what.to_owned(),
            target: format!("≤ {}", shown(limit)),
            measured: measured.map_or_else(|| "–".to_owned(), &shown),
            verdict,
        }
    }
}

impl Report {
    pub fn new(mode: &str, title: &str) -> anyhow::Result<Self> {
        Ok(Self {
            mode: mode.to_owned(),
            title: title.to_owned(),
            date: today()?,
            machine: Machine::this(),
            setup: Vec::new(),
            header: Vec::new(),
            rows: Vec::new(),
            checks: Vec::new(),
            samples: BTreeMap::new(),
        })
    }

    pub fn failed(&self) -> bool {
        self.checks.iter().any(|check| check.verdict == Verdict::Fail)
    }

    /// For a terminal: columns aligned, the first to the left and figures to the right.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        for sentence in &self.setup {
            let _ = writeln!(text, "  {sentence}");
        }
        text += &aligned(&self.header, &self.rows);
        for check in &self.checks {
            let Check { what, target, measured, verdict } = check;
            let _ = writeln!(text, "{:<12} {what}: {measured} (target {target})", verdict.word());
        }
        text
    }

    fn to_markdown(&self) -> String {
        let mut text =
            format!("## {}\n\n`cargo run --release -p botwarden-bench -- {}`", self.title, self.mode);
        let Machine { cpu, cores, kernel, memory_mb } = &self.machine;
        let memory = memory_mb.div_ceil(1024);
        let _ = writeln!(text, ", {}, {cpu}, {cores} cores, {memory} GiB, Linux {kernel}.\n", self.date);
        for sentence in &self.setup {
            let _ = writeln!(text, "- {sentence}");
        }
        let _ = writeln!(text, "\n| {} |", self.header.join(" | "));
        let _ = writeln!(text, "|---|{}", "--:|".repeat(self.header.len().saturating_sub(1)));
        for row in &self.rows {
            let _ = writeln!(text, "| {} |", row.join(" | "));
        }
        text += "\n| target | to reach | measured | |\n|---|--:|--:|---|\n";
        for Check { what, target, measured, verdict } in &self.checks {
            let _ = writeln!(text, "| {what} | {target} | {measured} | {} |", verdict.word());
        }
        text
    }
}

/// Keeps `report` beside the others in `folder` and writes the page anew from all of them.
pub fn write_page(report: &Report, folder: &Path, page: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join(format!("{}.json", report.mode)), serde_json::to_vec_pretty(report)?)?;
    let mut text =
        "# The gateway, side by side\n\nWritten by `bench`; `bench/README.md` says how each figure is taken \
                    and what it does not show.\n"
            .to_owned();
    for mode in crate::mode::NAMES {
        let Ok(bytes) = fs::read(folder.join(format!("{mode}.json"))) else { continue };
        let report: Report =
            serde_json::from_slice(&bytes).with_context(|| format!("the kept report of {mode}"))?;
        let _ = write!(text, "\n{}", report.to_markdown());
    }
    fs::write(page, text).with_context(|| format!("writing {}", page.display()))
}

fn aligned(header: &[String], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = std::iter::once(header).chain(rows.iter().map(Vec::as_slice));
        cells.filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let mut text = String::new();
    for row in std::iter::once(header).chain(rows.iter().map(Vec::as_slice)) {
        for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
            let _ =
                if column == 0 { write!(text, "{cell:<width$}") } else { write!(text, "  {cell:>width$}") };
        }
        text.push('\n');
    }
    text
}

/// Today's date by the system's clock, UTC. Civil date from days since 1970-01-01 after Howard Hinnant,
/// "chrono-Compatible Low-Level Date Algorithms" (`civil_from_days`).
fn today() -> anyhow::Result<String> {
    let now = nix::time::clock_gettime(nix::time::ClockId::CLOCK_REALTIME)?;
    Ok(civil(now.tv_sec().div_euclid(86_400)))
}

fn civil(days: i64) -> String {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (days, want) in
            [(0, "1970-01-01"), (19_782, "2024-02-29"), (20_453, "2025-12-31"), (-1, "1969-12-31")]
        {
            assert_eq!(civil(days), want);
        }
    }

    #[test]
    fn a_target_is_met_missed_or_unknown() {
        for (measured, want) in
            [(Some(1.4), Verdict::Pass), (Some(1.41), Verdict::Fail), (None, Verdict::Unknown)]
        {
            assert_eq!(
                Check::at_most("x", measured, 1.4, |f| format!("{f:.2}")).verdict,
                want,
                "{measured:?}"
            );
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let cells = |row: &[&str]| row.iter().map(|cell| (*cell).to_owned()).collect::<Vec<_>>();
        let text = aligned(&cells(&["who", "µs"]), &[cells(&["bare", "7"]), cells(&["x", "1234"])]);
        assert_eq!(text, "who     µs\nbare     7\nx     1234\n");
    }
}
