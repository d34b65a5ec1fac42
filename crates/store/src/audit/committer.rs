//! The two threads of a log: one writes batches, the other follows behind with tiles and published checkpoints.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use botwarden_audit::{AppendError, Batch, Disk, Entry, Log, Progress, PushError, Tiler};
use parking_lot::{Condvar, Mutex};
use tokio::runtime::Handle;

use super::pending::{Raw, Shared};
use super::receipt::{Outcome, Settler};
use super::{commit, signer};
use crate::keyring::Keyring;

/// How long what nobody waits for may wait for others.
const IN_PASSING_MAX: Duration = Duration::from_millis(100);
/// How often checkpoints are published.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);
/// With more entries than these to publish, so many times as long: many files keep a disk busy, and the next decision waits for it.
const BUSY_ENTRIES: u64 = 256;
const BUSY_ROUNDS: u32 = 10;

/// When so many waited for a batch, the next begins no sooner than this after it. A sync takes the processor as long as several requests
/// do, whatever it brings to the disk: on a busy node more share it. On a quiet one nobody waits for others.
const BUSY_AWAITED: usize = 4;
const BUSY_PACE: Duration = Duration::from_millis(1);

/// Keeps batches apart.
#[derive(Default)]
struct Pace(Option<Instant>);

impl Pace {
    /// A batch begins for which so many wait.
    fn begins(&mut self, awaited: usize) {
        self.0 = (awaited >= BUSY_AWAITED).then(Instant::now);
    }

    /// How long the next should be waited with, if at all.
    fn left(&self) -> Option<Duration> {
        BUSY_PACE.checked_sub(self.0?.elapsed()).filter(|left| !left.is_zero())
    }
}

/// Tells the second thread that the first has ended.
#[derive(Default)]
struct Ended {
    yes: Mutex<bool>,
    wake: Condvar,
}

/// Starts both.
pub(super) fn start(
    shared: &Arc<Shared>,
    disk: Arc<dyn Disk>,
    log: Log,
    tiler: Tiler,
    keyring: &Arc<Keyring>,
) -> io::Result<[JoinHandle<()>; 2]> {
    let ended = Arc::new(Ended::default());
    let runtime = Handle::current();
    let committer = Committer { shared: shared.clone(), disk, log, keyring: keyring.clone(), runtime };
    let writing = thread::Builder::new().name("audit-log".to_owned()).spawn({
        let end = End { shared: shared.clone(), ended: ended.clone() };
        move || {
            let _end = end;
            committer.run();
        }
    })?;
    let shared = shared.clone();
    let tiling = thread::Builder::new()
        .name("audit-tiles".to_owned())
        .spawn(move || publish(&shared, tiler, &ended))?;
    Ok([writing, tiling])
}

/// Says that the committer is over when it is dropped, however that came: who waits, and who comes later, must not wait for ever.
struct End {
    shared: Arc<Shared>,
    ended: Arc<Ended>,
}

impl Drop for End {
    fn drop(&mut self) {
        let mut pending = self.shared.pending.lock();
        pending.stopping = true;
        // Whoever waits for what nobody writes any more hears that it is not written: its settler is gone.
        let unwritten = pending.take(Batch::default());
        drop(pending);
        drop(unwritten);
        if thread::panicking() {
            self.shared.broken.store(true, Ordering::Release);
            tracing::error!("the thread of the audit log panicked; requests are refused until a restart");
        }
        *self.ended.yes.lock() = true;
        self.ended.wake.notify_all();
    }
}

struct Committer {
    shared: Arc<Shared>,
    disk: Arc<dyn Disk>,
    log: Log,
    keyring: Arc<Keyring>,
    /// The runtime of whoever opened the log. Keys that are not at hand are looked up there: the pool gives connections back by tasks of
    /// the runtime they were taken on, which has to go on for that.
    runtime: Handle,
}

impl Committer {
    fn run(mut self) {
        let mut room = Batch::default();
        let mut pace = Pace::default();
        loop {
            let mut taken = {
                let mut pending = self.shared.pending.lock();
                while let Some(left) = pace.left().filter(|_| !pending.stopping) {
                    pending.is_paced = true;
                    self.shared.wake.wait_for(&mut pending, left);
                    pending.is_paced = false;
                }
                while pending.awaited == 0 && !pending.stopping {
                    // What nobody waits for is written all the same, in its time.
                    let is_late = self.shared.wake.wait_for(&mut pending, IN_PASSING_MAX).timed_out();
                    if is_late && !pending.is_empty() {
                        break;
                    }
                }
                if pending.is_empty() {
                    return;
                }
                pending.take(std::mem::take(&mut room))
            };
            pace.begins(taken.awaited);
            let looked_up = self.look_up(taken.raw);
            let outcome = match self.write(&mut taken.batch, &taken.done, &looked_up) {
                Ok(()) => Outcome::Durable,
                Err(error) => {
                    self.reopen_if_broken(&*error);
                    if !self.shared.failing.swap(true, Ordering::Relaxed) {
                        let why = error.as_ref();
                        tracing::error!(
                            error = why,
                            "the audit log cannot be written; requests are refused until it can"
                        );
                    }
                    Outcome::Failed
                }
            };
            if outcome == Outcome::Durable && self.shared.failing.swap(false, Ordering::Relaxed) {
                tracing::info!("the audit log is written again");
            }
            for done in std::iter::once(&taken.done).chain(looked_up.iter().map(|(_, done)| done)) {
                done.settle(outcome);
            }
            taken.batch.clear();
            room = taken.batch;
        }
    }

    /// Puts commitments into the entries whose person's key was not at hand. Where a key fails, its entry alone is refused.
    fn look_up(&self, raw: Vec<Raw>) -> Vec<(Entry, Settler)> {
        let subjects: Vec<_> = raw.iter().map(|raw| raw.subject).collect();
        let made =
            self.runtime.block_on(self.keyring.make_missing(&subjects, raw.first().map(|raw| raw.entry.at)));
        if let Err(error) = made {
            tracing::warn!(%error, "keys could not be made together and are made one by one");
        }
        let mut entries = Vec::with_capacity(raw.len());
        for Raw { mut entry, subject, person, done } in raw {
            match self.runtime.block_on(self.keyring.subject(&subject, entry.at)) {
                Ok(key) => {
                    commit(&mut entry, &person, &key);
                    entries.push((entry, done));
                }
                Err(error) => {
                    tracing::error!(%error, "a person's key cannot be had; the request is refused");
                    done.settle(Outcome::Failed);
                }
            }
        }
        entries
    }

    /// Writes all of a batch, or fails for all who wait for it. An entry that no batch takes is refused alone.
    fn write(
        &mut self,
        batch: &mut Batch,
        of_batch: &Settler,
        looked_up: &[(Entry, Settler)],
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        for (at, (entry, done)) in looked_up.iter().enumerate() {
            let mut pushed = batch.push(entry.clone(), None);
            if pushed == Err(PushError::Full) {
                self.append(batch)?;
                // These are on disk, whatever becomes of the rest.
                let before = looked_up.iter().take(at).map(|(_, done)| done);
                std::iter::once(of_batch).chain(before).for_each(|done| done.settle(Outcome::Durable));
                batch.clear();
                pushed = batch.push(entry.clone(), None);
            }
            if let Err(error) = pushed {
                tracing::error!(%error, "an entry cannot be written; what it stands for is refused");
                done.settle(Outcome::Failed);
            }
        }
        Ok(self.append(batch)?)
    }

    /// After a write that could not be taken back, what is on disk is looked at again.
    fn reopen_if_broken(&mut self, error: &(dyn std::error::Error + Send + Sync + 'static)) {
        if !matches!(error.downcast_ref(), Some(AppendError::Broken)) {
            return;
        }
        let reopened = signer(&self.keyring).map(|signer| Log::open(self.disk.clone(), signer));
        match reopened {
            Ok(Ok((log, ..))) => self.log = log,
            Ok(Err(error)) => tracing::error!(%error, "the audit log cannot be opened again"),
            Err(error) => tracing::error!(%error, "the audit log cannot be opened again"),
        }
    }

    fn append(&mut self, batch: &Batch) -> Result<(), AppendError> {
        self.log.append(batch)?;
        self.shared.committed.store(self.log.size(), Ordering::Release);
        Ok(())
    }
}

/// Follows behind until the committer has ended and everything is published.
fn publish(shared: &Shared, mut tiler: Tiler, ended: &Ended) {
    let mut passed = 0;
    loop {
        let is_over = {
            let mut yes = ended.yes.lock();
            if !*yes {
                ended.wake.wait_for(&mut yes, PUBLISH_EVERY);
            }
            *yes
        };
        let committed = shared.committed.load(Ordering::Acquire);
        passed += 1;
        if committed.saturating_sub(tiler.published().size()) > BUSY_ENTRIES
            && passed < BUSY_ROUNDS
            && !is_over
        {
            continue;
        }
        passed = 0;
        loop {
            match tiler.advance(shared.committed.load(Ordering::Acquire)) {
                Ok(Progress::Behind) => {}
                Ok(Progress::CaughtUp) => break,
                Err(error) => {
                    tracing::error!(%error, "the audit log's tiles could not be written; its journal holds everything");
                    break;
                }
            }
        }
        if is_over {
            return;
        }
    }
}
