//! What the tests need from the operating system, and how it gets there.
//!
//! A need is a probe and the Debian packages that satisfy it; nothing is installed while the probe answers. A service
//! that tests start themselves (unprivileged, in a temporary folder) joins as one more line of [`NEEDS`].

use std::process::Command;

use anyhow::Context as _;

use crate::postgres;
use crate::run::{Steps, works};
use crate::workspace::Workspace;

/// Something the tests use that neither cargo nor pip brings.
struct Need {
    what: &'static str,
    /// A program and its arguments; exits with 0 where the need is met.
    probe: &'static [&'static str],
    packages: &'static [&'static str],
}

const NEEDS: &[Need] = &[
    Need {
        what: "Python 3.11 or later with venv, for the client tests",
        probe: &["python3", "-c", "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))"],
        packages: &["python3", "python3-venv"],
    },
    Need {
        what: "PostgreSQL, for the tests of the shared store",
        probe: postgres::PROBE,
        packages: &["postgresql"],
    },
];

/// May we install packages, or only name them?
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Install {
    Allowed,
    NamesOnly,
}

impl Install {
    /// Allowed where asked for, where `CI=true`, and to root in a container: there nobody else would do it.
    pub(crate) fn decide(asked: bool) -> Self {
        let ci = std::env::var("CI").is_ok_and(|it| it == "true");
        Self::from_signs(asked, ci, is_root(), in_container())
    }

    fn from_signs(asked: bool, ci: bool, root: bool, container: bool) -> Self {
        if asked || ci || (root && container) { Self::Allowed } else { Self::NamesOnly }
    }
}

/// Sees to it that every need is met, and says what it did.
///
/// An error names the packages that are missing and may not, or could not, be installed.
pub(crate) fn provide(workspace: &Workspace, install: Install, steps: &mut Steps) -> anyhow::Result<()> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !met(workspace, need)).collect();
    if missing.is_empty() {
        eprintln!("xtask: Debian packages: nothing missing, nothing installed");
        return Ok(());
    }
    for need in &missing {
        eprintln!("xtask: missing: {} (packages {})", need.what, need.packages.join(" "));
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    if install == Install::NamesOnly {
        anyhow::bail!(
            "install what is missing with `apt-get install {}`, or run `cargo xtask test --install`",
            packages.join(" ")
        );
    }
    steps.run("package lists", apt_get(workspace, &["update"]))?;
    let mut args = vec!["install", "--yes", "--no-install-recommends"];
    args.extend(&packages);
    steps.run("Debian packages", apt_get(workspace, &args))?;
    for need in missing {
        anyhow::ensure!(met(workspace, need), "still missing after installing: {}", need.what);
    }
    eprintln!("xtask: installed: {}", packages.join(" "));
    Ok(())
}

fn met(workspace: &Workspace, need: &Need) -> bool {
    let Some((program, args)) = need.probe.split_first() else { return true };
    let mut probe = workspace.program(program);
    probe.args(args);
    works(probe)
}

/// `apt-get` that asks nothing, through `sudo` where we are not root.
fn apt_get(workspace: &Workspace, args: &[&str]) -> Command {
    let mut command = if is_root() {
        workspace.program("apt-get")
    } else {
        let mut sudo = workspace.program("sudo");
        sudo.args(["--non-interactive", "DEBIAN_FRONTEND=noninteractive", "apt-get"]);
        sudo
    };
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive");
    command
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The marks that Docker, Podman and systemd-nspawn leave.
fn in_container() -> bool {
    let marks = ["/.dockerenv", "/run/.containerenv", "/run/systemd/container"];
    marks.iter().any(|mark| std::path::Path::new(mark).exists()) || std::env::var_os("container").is_some()
}

/// What the machine calls itself, for the head of a printed result.
pub(crate) fn machine() -> anyhow::Result<String> {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").context("reading /proc/cpuinfo")?;
    let meminfo = std::fs::read_to_string("/proc/meminfo").context("reading /proc/meminfo")?;
    let kernel =
        std::fs::read_to_string("/proc/sys/kernel/osrelease").context("reading the kernel's version")?;
    let cpu = value_of(&cpuinfo, "model name").unwrap_or("unknown processor");
    let memory_kib: u64 = value_of(&meminfo, "MemTotal")
        .and_then(|it| it.split_whitespace().next())
        .and_then(|it| it.parse().ok())
        .context("reading the size of memory")?;
    let cores = std::thread::available_parallelism().context("counting cores")?;
    Ok(format!("{cpu}, {cores} cores, {} GiB, Linux {}", memory_kib >> 20, kernel.trim()))
}

/// The first `key : value` in a file of such lines.
fn value_of<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        (name.trim() == key).then_some(value.trim())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_proc_files() {
        let text = "processor\t: 0\nmodel name\t: AMD EPYC\nmodel name\t: other\n";
        assert_eq!(value_of(text, "model name"), Some("AMD EPYC"));
        assert_eq!(value_of(text, "model"), None);
    }

    #[test]
    fn packages_are_installed_where_asked_for_and_where_nobody_else_would() {
        for (name, [asked, ci, root, container], want) in [
            ("a developer", [false, false, false, false], Install::NamesOnly),
            ("a developer who asks", [true, false, false, false], Install::Allowed),
            ("a pipeline", [false, true, false, false], Install::Allowed),
            ("root on a machine", [false, false, true, false], Install::NamesOnly),
            ("a user in a container", [false, false, false, true], Install::NamesOnly),
            ("root in a container", [false, false, true, true], Install::Allowed),
        ] {
            assert_eq!(Install::from_signs(asked, ci, root, container), want, "{name}");
        }
    }
}
