//! One round: everybody is asked about, or sent, the checkpoint that is published now; all at the same time.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use botwarden_audit::{ProveError, SignedCheckpoint};
use botwarden_reach::{Published, Sender, Witness, WitnessError};
use botwarden_types::{Clock, UnixMs};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Watchers;
use super::published::LogFiles;

/// How long what is sent waits for the witnesses, so that it carries their cosignatures. Who is slower is not waited for.
const COSIGNATURES_AWAITED: Duration = Duration::from_secs(2);
/// How long any of them may take. Calls have shorter deadlines of their own; this is for a disk that hangs.
const DESTINATION_MAX: Duration = Duration::from_secs(30);

/// What became of the checkpoint at one of them.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What it is called.
    pub(crate) name: String,
    /// `witness`, or the kind of place.
    pub(crate) kind: &'static str,
    /// That it arrived, or why it did not.
    pub(crate) result: Result<Arrived, Missing>,
}

/// It was cosigned, or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrived {
    /// Entries of the checkpoint.
    pub(crate) size: u64,
    /// When; of a witness, as it says.
    pub(crate) at: UnixMs,
}

/// It did not arrive.
#[derive(Debug)]
pub(crate) struct Missing {
    /// Why, with the mend.
    pub(crate) why: String,
    /// The log is not what was seen of it before.
    pub(crate) is_alarm: bool,
}

impl Watchers {
    /// Makes a round for those of whom `is_due` says so; it is told their name and the entries there are. Returns what became of each, in the
    /// order of the configuration, and the checkpoint. A log without entries is nothing to watch: nobody is asked.
    pub(crate) async fn round(
        &self,
        is_due: impl Fn(&str, u64) -> bool,
    ) -> anyhow::Result<(SignedCheckpoint, Vec<Outcome>)> {
        let checkpoint = self.log.checkpoint().await.context("reading what is published of the audit log")?;
        let (size, mut outcomes, mut under_way) = (checkpoint.size(), Vec::new(), JoinSet::new());
        if size == 0 {
            return Ok((checkpoint, outcomes));
        }
        for witness in &self.witnesses {
            if is_due(witness.config().key.name(), size) {
                let (log, clock) = (self.log.clone(), self.clock.clone());
                under_way.spawn(ask(witness.clone(), log, checkpoint.clone(), clock));
            }
        }
        let due: Vec<&Arc<Sender>> = self.places.iter().filter(|it| is_due(it.name(), size)).collect();
        if !due.is_empty() {
            let all = async {
                while let Some(done) = under_way.join_next().await {
                    outcomes.push(done.context("a task of the round")?);
                }
                anyhow::Ok(())
            };
            timeout(COSIGNATURES_AWAITED, all).await.unwrap_or(Ok(()))?;
            let keys = self.witnesses.iter().map(|witness| witness.config().key.clone()).collect();
            let cosigned = self.log.with_cosignatures(checkpoint.clone(), keys).await;
            for place in due {
                under_way.spawn(send(place.clone(), cosigned.clone(), self.clock.clone()));
            }
        }
        while let Some(done) = under_way.join_next().await {
            outcomes.push(done.context("a task of the round")?);
        }
        outcomes.sort_by_key(|outcome| self.names().position(|name| name == outcome.name));
        Ok((checkpoint, outcomes))
    }
}

async fn ask(
    witness: Arc<Witness>,
    log: LogFiles,
    checkpoint: SignedCheckpoint,
    clock: Arc<dyn Clock>,
) -> Outcome {
    let name = witness.config().key.name().to_owned();
    let result = in_time(cosign(&witness, &log, checkpoint, &*clock)).await;
    Outcome { name, kind: "witness", result }
}

async fn cosign(
    witness: &Witness,
    log: &LogFiles,
    checkpoint: SignedCheckpoint,
    clock: &dyn Clock,
) -> anyhow::Result<Arrived> {
    let key = &witness.config().key;
    let before = log.cosigned(key).await?;
    let cosigned = witness.cosign(log, checkpoint, before.as_ref(), clock.now().wall).await?;
    let arrived =
        Arrived { size: cosigned.checkpoint.size(), at: UnixMs(cosigned.at_secs.saturating_mul(1000)) };
    log.keep(key, cosigned).await.context("keeping the cosignature")?;
    Ok(arrived)
}

async fn send(place: Arc<Sender>, checkpoint: SignedCheckpoint, clock: Arc<dyn Clock>) -> Outcome {
    let sent = async {
        place.send(&checkpoint).await?;
        Ok(Arrived { size: checkpoint.size(), at: clock.now().wall })
    };
    Outcome { name: place.name().to_owned(), kind: place.kind(), result: in_time(sent).await }
}

/// What came of it, at the latest when its time is over.
async fn in_time(work: impl Future<Output = anyhow::Result<Arrived>>) -> Result<Arrived, Missing> {
    match timeout(DESTINATION_MAX, work).await {
        Ok(Ok(arrived)) => Ok(arrived),
        Ok(Err(error)) => Err(Missing { why: format!("{error:#}"), is_alarm: is_alarm(&error) }),
        Err(_) => {
            let why = format!("it was not done within {} s", DESTINATION_MAX.as_secs());
            Err(Missing { why, is_alarm: false })
        }
    }
}

/// Whether the log, or what is kept beside it, was changed.
fn is_alarm(error: &anyhow::Error) -> bool {
    let of_witness = error.downcast_ref::<WitnessError>().is_some_and(WitnessError::is_alarm);
    of_witness || matches!(error.downcast_ref(), Some(ProveError::Cosigned { .. }))
}
