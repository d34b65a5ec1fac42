//! A server under test: started, waited for, measured, stopped.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::signal::{Signal, kill};
use nix::time::clock_getcpuclockid;
use nix::unistd::Pid;

/// How long a server may take to end after SIGTERM before it is killed.
const END_PATIENCE: Duration = Duration::from_secs(10);

/// How often something that nobody announces is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// A running child process with all that it has started. Stopped when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    lines: Receiver<String>,
    name: String,
}

/// Processor time used so far by a process and its descendants.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cpu {
    /// To the nanosecond, from the kernel's own clock of each process.
    pub total: Duration,
    /// How it splits, to the tick of 10 ms.
    pub user: Duration,
    pub system: Duration,
}

impl std::ops::Sub for Cpu {
    type Output = Self;
    fn sub(self, earlier: Self) -> Self {
        Self {
            total: self.total.saturating_sub(earlier.total),
            user: self.user.saturating_sub(earlier.user),
            system: self.system.saturating_sub(earlier.system),
        }
    }
}

impl Server {
    /// Starts `command` on the cores of the calling thread. Standard error goes to `log`.
    pub fn start(mut command: Command, name: &str, log: &Path) -> anyhow::Result<Self> {
        let log = File::create(log).with_context(|| format!("creating {}", log.display()))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let mut child =
            command.spawn().with_context(|| format!("starting {name} ({:?})", command.get_program()))?;
        let stdout = child.stdout.take().with_context(|| format!("no standard output of {name}"))?;
        // One line is waited for; the thread then drains the rest, so that the child never blocks on a full pipe.
        let (found, lines) = sync_channel(1);
        std::thread::Builder::new().name(format!("{name}-output")).spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = found.try_send(line);
            }
        })?;
        Ok(Self { child, lines, name: name.to_owned() })
    }

    /// The first line that the server prints.
    pub fn first_line(&self, patience: Duration) -> anyhow::Result<String> {
        self.lines
            .recv_timeout(patience)
            .with_context(|| format!("{} did not say that it is ready (its log tells why)", self.name))
    }

    /// Waits until `address` takes connections.
    pub fn await_port(&mut self, address: SocketAddr, patience: Duration) -> anyhow::Result<()> {
        let give_up = Instant::now() + patience;
        while TcpStream::connect(address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended at once ({status}; its log tells why)", self.name);
            }
            if Instant::now() > give_up {
                bail!("{} does not listen on {address} after {patience:?}", self.name);
            }
            std::thread::park_timeout(LOOK_AGAIN);
        }
        Ok(())
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or_default()
    }

    /// Processor time of the whole tree. Descendants that have ended are not counted; none of the contestants starts
    /// processes while it serves.
    pub fn cpu(&self) -> anyhow::Result<Cpu> {
        let tick = Duration::from_millis(10);
        let mut sum = Cpu::default();
        for process in tree(self.pid()) {
            let clock = clock_getcpuclockid(Pid::from_raw(process.pid))?;
            sum.total += Duration::from(clock.now()?);
            sum.user += tick * process.user_ticks;
            sum.system += tick * process.system_ticks;
        }
        Ok(sum)
    }

    /// Resident memory of the whole tree in bytes. Pages shared within the tree count each time, as `ps` would show.
    pub fn resident(&self) -> u64 {
        let kilobytes = |pid: i32| -> Option<u64> {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
            line.trim().trim_end_matches(" kB").parse().ok()
        };
        tree(self.pid()).iter().filter_map(|process| kilobytes(process.pid)).sum::<u64>() * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = kill(Pid::from_raw(self.pid()), Signal::SIGTERM);
        let give_up = Instant::now() + END_PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < give_up {
            std::thread::park_timeout(LOOK_AGAIN);
        }
        // Both fail when it has ended already, which is what was wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One line of `/proc/PID/stat`.
struct Process {
    pid: i32,
    parent: i32,
    user_ticks: u32,
    system_ticks: u32,
}

/// `root` and all its descendants that live now.
fn tree(root: i32) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let mut others: Vec<Process> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid: i32| parse_stat(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?))
        .collect();
    let mut found: Vec<Process> = others.extract_if(.., |process| process.pid == root).collect();
    let mut looked_at = 0;
    while let Some(parent) = found.get(looked_at).map(|process| process.pid) {
        found.extend(others.extract_if(.., |process| process.parent == parent));
        looked_at += 1;
    }
    found
}

/// Fields 4, 14 and 15 of proc_pid_stat(5). The name in field 2 may itself hold blanks and parentheses.
fn parse_stat(pid: i32, stat: &str) -> Option<Process> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let parent = fields.nth(1)?.parse().ok()?;
    let user_ticks = fields.nth(9)?.parse().ok()?;
    let system_ticks = fields.next()?.parse().ok()?;
    Some(Process { pid, parent, user_ticks, system_ticks })
}

/// Another program of this crate, which lies beside this one.
pub fn sibling(name: &str) -> anyhow::Result<std::path::PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if !path.exists() {
        bail!("{} is missing: cargo build --release -p botwarden-bench", path.display());
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_blanks_and_parentheses() {
        let stat = "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 2 3 4 110 220 0 0 20 0 1 0 5 6 7";
        let process = parse_stat(42, stat).unwrap();
        assert_eq!((process.parent, process.user_ticks, process.system_ticks), (7, 110, 220));
        assert!(parse_stat(1, "1 (x").is_none());
    }

    #[test]
    fn this_process_is_in_its_own_tree_and_uses_time() {
        let here = i32::try_from(std::process::id()).unwrap();
        assert_eq!(tree(here).first().map(|p| p.pid), Some(here));
        let clock = clock_getcpuclockid(Pid::from_raw(here)).unwrap();
        assert!(Duration::from(clock.now().unwrap()) > Duration::ZERO);
    }
}
