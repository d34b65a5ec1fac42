//! Watch kept by a running server: a round now and again, for those who do not know yet what the log has grown to.

use std::collections::BTreeMap;
use std::time::Duration;

use botwarden_gateway::{Missed, WitnessMeter};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::Watchers;
use super::round::{Missing, Outcome};

/// How long the last round may take, which a stop waits for.
const LAST_MAX: Duration = Duration::from_secs(5);

/// How soon a log is looked at again that had nothing published yet: it is a second after its first entry.
const FIRST_AGAIN: Duration = Duration::from_secs(1);

/// A running watch.
pub(crate) struct Watch {
    stop: oneshot::Sender<()>,
    running: JoinHandle<Rounds>,
}

/// The rounds so far.
struct Rounds {
    watchers: Watchers,
    meter: WitnessMeter,
    known: BTreeMap<String, Known>,
    /// Nothing was published yet.
    seen_none: bool,
    /// Too few witnesses cosign.
    quorum_missed: bool,
    /// The log itself could not be read.
    is_unreadable: bool,
}

/// What is known of one destination.
#[derive(Clone, Copy, Default)]
struct Known {
    /// Entries of the last checkpoint that arrived.
    size: Option<u64>,
    is_failing: bool,
}

impl Watch {
    /// Begins with a round at once, then makes one each time that `every` has passed since the one before.
    pub(crate) fn start(watchers: Watchers, every: Duration, meter: WitnessMeter) -> Self {
        watchers.names().for_each(|name| meter.expect(name));
        let known = watchers.names().map(|name| (name.to_owned(), Known::default())).collect();
        let (seen_none, quorum_missed, is_unreadable) = (false, false, false);
        let mut rounds = Rounds { watchers, meter, known, seen_none, quorum_missed, is_unreadable };
        let (stop, mut stopped) = oneshot::channel();
        let running = tokio::spawn(async move {
            loop {
                let round = async {
                    rounds.make().await;
                    let next = if rounds.seen_none { FIRST_AGAIN } else { every };
                    tokio::time::sleep(next).await;
                };
                tokio::select! {
                    () = round => {}
                    _ = &mut stopped => return rounds,
                }
            }
        });
        Self { stop, running }
    }

    /// Stops; `close` closes the log, and what it closed with still goes out, if that takes no longer than a few seconds.
    pub(crate) async fn stop(self, close: impl Future<Output = ()>) {
        let _ = self.stop.send(());
        let rounds = self.running.await;
        close.await;
        match rounds {
            Ok(mut rounds) => {
                if tokio::time::timeout(LAST_MAX, rounds.make()).await.is_err() {
                    tracing::warn!("the end of the audit log was not cosigned and sent everywhere in time");
                }
            }
            Err(error) => tracing::error!(%error, "the watch over the audit log ended before"),
        }
    }
}

impl Rounds {
    async fn make(&mut self) {
        let known = &self.known;
        let is_due = |name: &str, size| known.get(name).and_then(|it| it.size).is_none_or(|had| had != size);
        match self.watchers.round(is_due).await {
            Ok((checkpoint, outcomes)) => {
                (self.seen_none, self.is_unreadable) = (checkpoint.size() == 0, false);
                outcomes.iter().for_each(|outcome| self.note(outcome));
                self.note_quorum();
            }
            Err(error) => {
                // Whoever watches the metrics must not take it for a log that does not grow.
                self.watchers.names().for_each(|name| self.meter.missed(name, Missed::Failure));
                if !std::mem::replace(&mut self.is_unreadable, true) {
                    let why = format!("{error:#}");
                    tracing::error!(why, "no checkpoint of the audit log is cosigned or sent");
                }
            }
        }
    }

    fn note(&mut self, Outcome { name, result, .. }: &Outcome) {
        let Some(known) = self.known.get_mut(name) else { return };
        match result {
            Ok(arrived) => {
                known.size = Some(arrived.size);
                if std::mem::take(&mut known.is_failing) {
                    tracing::info!(destination = name, size = arrived.size, "checkpoints arrive again");
                }
                self.meter.arrived(name, arrived.size, arrived.at);
            }
            Err(Missing { why, is_alarm: true }) => {
                known.is_failing = true;
                // Each time: this does not pass, and nobody may miss it.
                tracing::error!(destination = name, why, "ALARM: the audit log is not what was seen of it");
                self.meter.missed(name, Missed::Alarm);
            }
            Err(Missing { why, is_alarm: false }) => {
                if !std::mem::replace(&mut known.is_failing, true) {
                    tracing::warn!(
                        destination = name,
                        why,
                        "a checkpoint did not arrive; the next round tries again"
                    );
                }
                self.meter.missed(name, Missed::Failure);
            }
        }
    }

    fn note_quorum(&mut self) {
        let witnesses = self.watchers.witnesses.iter().map(|witness| witness.config().key.name());
        let cosign = |name: &str| self.known.get(name).is_some_and(|it| it.size.is_some() && !it.is_failing);
        let (have, demanded) = (witnesses.filter(|name| cosign(name)).count(), self.watchers.quorum);
        let missed = have < demanded && self.known.values().any(|it| it.size.is_some() || it.is_failing);
        if std::mem::replace(&mut self.quorum_missed, missed) == missed {
            return;
        }
        if missed {
            tracing::warn!(have, demanded, "too few witnesses cosign the audit log");
        } else {
            tracing::info!(have, demanded, "enough witnesses cosign the audit log");
        }
    }
}
