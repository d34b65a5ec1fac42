//! What the figures were measured on, and which core does what.

use std::fs;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

/// The machine, as a report states it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    pub cpu: String,
    pub cores: usize,
    pub kernel: String,
    pub memory_mb: u64,
}

impl Machine {
    /// This machine, from `/proc`; unknown parts are empty.
    pub fn this() -> Self {
        let field = |file: &str, key: &str| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
            line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
        };
        let memory = field("/proc/meminfo", "MemTotal");
        let kilobytes: u64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
        Self {
            cpu: field("/proc/cpuinfo", "model name"),
            cores: cores(),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned(),
            memory_mb: kilobytes / 1024,
        }
    }
}

/// Cores that this process may run on.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Which cores the contestants and the rig itself run on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Placement {
    /// Everybody where the scheduler likes.
    Anywhere,
    /// The contestant alone on core 0; load and upstream on the others.
    Apart,
}

impl Placement {
    /// Runs `start` such that what it spawns stays on the contestant's core.
    pub fn contestant<T>(self, start: impl FnOnce() -> T) -> anyhow::Result<T> {
        self.on(|core| core == 0, start)
    }

    /// Runs `start` such that what it spawns stays off the contestant's core.
    pub fn rig<T>(self, start: impl FnOnce() -> T) -> anyhow::Result<T> {
        self.on(|core| core != 0, start)
    }

    /// How many threads a contestant gets.
    pub fn threads(self) -> usize {
        match self {
            Self::Anywhere => cores(),
            Self::Apart => 1,
        }
    }

    fn on<T>(self, wanted: impl Fn(usize) -> bool, start: impl FnOnce() -> T) -> anyhow::Result<T> {
        if self == Self::Anywhere {
            return Ok(start());
        }
        // Children and threads inherit the affinity of the thread that starts them.
        let here = Pid::from_raw(0);
        let before = sched_getaffinity(here)?;
        let mut narrowed = CpuSet::new();
        for core in (0..CpuSet::count()).filter(|&core| before.is_set(core).unwrap_or(false) && wanted(core))
        {
            narrowed.set(core)?;
        }
        sched_setaffinity(here, &narrowed)?;
        let result = start();
        sched_setaffinity(here, &before)?;
        Ok(result)
    }
}
