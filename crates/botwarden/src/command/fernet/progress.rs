//! How far it is, for a person at a terminal who has waited for a second.

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use botwarden_types::{Clock as _, SystemClock, Tick};

/// How long nothing is shown, and how often it is renewed.
const PATIENCE: Duration = Duration::from_secs(1);
const PACE: Duration = Duration::from_millis(100);
/// Characters of the bar.
const BAR: usize = 30;

/// A line on standard error that is drawn over and over, and cleared at the end. Nothing where that is no terminal.
pub(super) struct Progress {
    of: Option<u64>,
    done: u64,
    /// When it is drawn next; `None` where nobody looks.
    next: Option<Tick>,
    drawn: bool,
}

impl Progress {
    pub(super) fn of(bytes: Option<u64>) -> Self {
        let next = std::io::stderr().is_terminal().then(|| SystemClock.tick().after(PATIENCE));
        Self { of: bytes, done: 0, next, drawn: false }
    }

    pub(super) fn advance(&mut self, bytes: usize) {
        self.done = self.done.saturating_add(bytes as u64);
        let Some(next) = self.next else { return };
        let now = SystemClock.tick();
        if now < next {
            return;
        }
        (self.next, self.drawn) = (Some(now.after(PACE)), true);
        // Nobody could be told that it cannot be drawn.
        let _ = write!(std::io::stderr(), "\r\x1b[K{}", line(self.done, self.of));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.drawn {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}

fn line(done: u64, of: Option<u64>) -> String {
    let mib = done >> 20;
    match of {
        Some(of) if of > 0 => {
            let share = (done.min(of) as f64 / of as f64 * BAR as f64) as usize;
            format!("[{:<BAR$}] {mib} of {} MiB", "#".repeat(share), of >> 20)
        }
        _ => format!("{mib} MiB"),
    }
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn the_bar_grows() {
        assert_eq!(line(0, Some(4 << 20)), "[                              ] 0 of 4 MiB");
        assert_eq!(line(2 << 20, Some(4 << 20)), "[###############               ] 2 of 4 MiB");
        assert_eq!(line(9 << 20, Some(4 << 20)), "[##############################] 9 of 4 MiB");
        assert_eq!((line(3 << 20, None), line(1, Some(0))), ("3 MiB".into(), "0 MiB".into()));
    }
}
