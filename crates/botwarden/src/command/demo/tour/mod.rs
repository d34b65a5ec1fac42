//! The tour: what everybody does, what must come of it, and whether it did.
//!
//! [`SCENES`] is the one table of expectations. Each step is acted out ([`super::actors`]), and [`Outcome::judge`]
//! compares what was seen with what the table says: status, reason id, whether the model was reached, and for attacks
//! that are not stopped yet, whether the harm really came about. Nothing is claimed that was not seen.

mod outcome;
mod scenes;

pub(super) use outcome::{Outcome, Seen};
pub(super) use scenes::{Act, Ends, SCENES, Step};

use super::actors::{self, Stage};
use super::view::Screen;

/// Acts out every step in turn and shows each as it happens.
pub(super) async fn perform(stage: &Stage, screen: &mut Screen) -> anyhow::Result<Vec<Outcome>> {
    let mut outcomes = Vec::new();
    for scene in SCENES {
        screen.heading(scene.title)?;
        for step in scene.steps {
            let seen = actors::act(stage, step.act).await;
            let outcome = Outcome::judge(step, seen, stage.elapsed());
            screen.outcome(&outcome).await?;
            outcomes.push(outcome);
        }
    }
    Ok(outcomes)
}
