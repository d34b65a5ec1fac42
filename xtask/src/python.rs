//! The Python clients: a virtual environment with pinned packages, and pytest in it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::command::test::Built;
use crate::run::{Steps, describe, succeeded};
use crate::workspace::Workspace;

/// The folder of the client tests and of their pinned packages.
const CLIENTS: &str = "testdata/clients";

/// A virtual environment that holds exactly what `requirements.txt` pins.
pub(crate) struct Clients {
    python: PathBuf,
    report: PathBuf,
}

impl Clients {
    /// Makes the environment, or takes the one that was made from the same pins by the same Python.
    pub(crate) fn provide(workspace: &Workspace, steps: &mut Steps) -> anyhow::Result<Self> {
        let folder = workspace.target("python-clients");
        let clients = Self { python: folder.join("bin/python"), report: folder.join("report.xml") };
        let pins = workspace.path(CLIENTS).join("requirements.txt");
        let wanted = stamp(workspace, &pins)?;
        let stamp_file = folder.join("made-from");
        if fs::read_to_string(&stamp_file).is_ok_and(|made_from| made_from == wanted) {
            eprintln!("xtask: Python clients: reusing the virtual environment, its pins are unchanged");
            return Ok(clients);
        }
        let mut venv = workspace.program("python3");
        venv.args(["-m", "venv", "--clear"]).arg(&folder);
        steps.run("virtual environment", venv)?;
        let mut pip = workspace.program(&clients.python);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--require-hashes", "--only-binary", ":all:", "--requirement"])
            .arg(&pins);
        steps.run("Python packages", pip)?;
        // Last, so that an interrupted installation is not taken for a finished one.
        fs::write(&stamp_file, wanted).context("marking the virtual environment as finished")?;
        Ok(clients)
    }

    /// Runs the client tests against what was built. An error if one fails, and also if none ran.
    pub(crate) fn test(&self, workspace: &Workspace, built: &Built, steps: &mut Steps) -> anyhow::Result<()> {
        let mut pytest = workspace.program(&self.python);
        pytest
            .args(["-m", "pytest", CLIENTS, "-p", "no:cacheprovider"])
            .arg(format!("--junit-xml={}", self.report.display()))
            .env("BOTWARDEN_BIN", &built.botwarden)
            .env("FERNET_LINES", &built.fernet_lines)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        steps.step("Python clients", &describe(&pytest), || {
            succeeded(pytest.status().context("starting pytest")?)?;
            let report = fs::read_to_string(&self.report).context("reading pytest's report")?;
            let ran = ran(&report).context("pytest's report does not say how many tests ran")?;
            anyhow::ensure!(ran > 0, "no client test ran: all were skipped");
            Ok(())
        })
    }
}

/// What the environment is made from: the Python that made it and every pin.
fn stamp(workspace: &Workspace, pins: &Path) -> anyhow::Result<String> {
    let version =
        workspace.program("python3").arg("-VV").output().context("asking python3 for its version")?;
    let pins = fs::read_to_string(pins).with_context(|| format!("reading {CLIENTS}/requirements.txt"))?;
    Ok(format!("{}{pins}", String::from_utf8_lossy(&version.stdout)))
}

/// How many tests of a JUnit report were not skipped. pytest exits with 5 where it finds none, but with 0 where all
/// it found were skipped.
fn ran(report: &str) -> Option<u64> {
    let suite = report.split_once("<testsuite ")?.1.split_once('>')?.0;
    count(suite, "tests")?.checked_sub(count(suite, "skipped")?)
}

fn count(attributes: &str, name: &str) -> Option<u64> {
    let (_, rest) = attributes.split_once(&format!("{name}=\""))?;
    rest.split_once('"')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tests_do_not_count_as_run() {
        for (name, report, want) in [
            (
                "some",
                r#"<testsuites><testsuite name="pytest" errors="0" failures="0" skipped="1" tests="3">"#,
                Some(2),
            ),
            (
                "none",
                r#"<testsuites><testsuite name="pytest" errors="0" failures="0" skipped="3" tests="3">"#,
                Some(0),
            ),
            ("no suite", "<testsuites>", None),
            ("not a number", r#"<testsuite skipped="x" tests="3">"#, None),
        ] {
            assert_eq!(ran(report), want, "{name}");
        }
    }
}
