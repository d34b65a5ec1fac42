//! How long does a first build take, and how large is the program?

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};

use super::cells;
use crate::report::{Check, Report};

/// Most minutes for a cold build.
const MINUTES_LIMIT: f64 = 10.0;

/// Most megabytes for the program.
const SIZE_LIMIT_MB: f64 = 40.0;

/// Builds `packages`, or the whole workspace when none is named, into an empty folder under `work`. Sources are fetched
/// beforehand and not timed. Must run in the workspace's root, with nothing else running.
pub fn run(work: &Path, packages: &[String]) -> anyhow::Result<Report> {
    let folder = work.join("build");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    cargo(Command::new("cargo").args(["fetch", "--locked"]))?;
    let mut command = Command::new("cargo");
    command.args(["build", "--release", "--locked", "--offline", "--quiet"]).env("CARGO_TARGET_DIR", &folder);
    if packages.is_empty() {
        command.arg("--workspace");
    }
    for package in packages {
        command.args(["--package", package]);
    }
    let started = Instant::now();
    cargo(&mut command)?;
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    let program = folder.join("release/botwarden");
    let size_mb =
        program.exists().then(|| fs::metadata(&program)).transpose()?.map(|file| file.len() as f64 / 1e6);
    fs::remove_dir_all(&folder)?;

    let mut report = Report::new("build", "Cold build and size")?;
    let what = if packages.is_empty() { "the whole workspace".to_owned() } else { packages.join(", ") };
    report
        .setup
        .push(format!("cargo build --release of {what} into an empty folder, sources fetched before"));
    report.header = cells(["", "minutes", "binary, MB"]);
    let size = size_mb.map_or_else(|| "–".to_owned(), |mb| format!("{mb:.1}"));
    report.rows.push(vec![what, format!("{minutes:.1}"), size]);
    let minutes_of_all = packages.is_empty().then_some(minutes);
    report
        .checks
        .push(Check::at_most("cold build", minutes_of_all, MINUTES_LIMIT, |m| format!("{m:.1} min")));
    report.checks.push(Check::at_most("binary", size_mb, SIZE_LIMIT_MB, |mb| format!("{mb:.1} MB")));
    Ok(report)
}

fn cargo(command: &mut Command) -> anyhow::Result<()> {
    let status = command.stdin(Stdio::null()).status().context("starting cargo")?;
    ensure!(status.success(), "{command:?} failed");
    Ok(())
}
