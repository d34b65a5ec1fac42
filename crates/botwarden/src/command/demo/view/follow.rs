//! After the tour: customers drop in, and whatever else reaches the gateway is shown as it is decided.

use std::time::Duration;

use anyhow::Context;
use tokio::time::MissedTickBehavior;

use super::row;
use super::screen::print;
use crate::command::demo::actors::{Passers, Stage};
use crate::command::demo::gateway::Decision;

/// Between two customers: their budgets last for as long as anyone watches.
const VISITS: Duration = Duration::from_secs(5);

/// Shows what happens for as long as anyone watches.
pub(in super::super) async fn follow(stage: &mut Stage) -> anyhow::Result<()> {
    // What the tour asked is on the screen already.
    while stage.gateway.decisions.try_recv().is_ok() {}
    let mut passers = Passers::default();
    let mut visits = tokio::time::interval(VISITS);
    visits.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = visits.tick() => {
                let passed = passers.next(stage).await?;
                print(&row::of_passer(stage.elapsed(), passed.who, passed.asks, &passed.head, &passed.said))?;
            }
            decision = stage.gateway.decisions.recv() => {
                let decision = decision.context("the gateway stopped")?;
                if let Some(who) = outsider(stage, &decision) {
                    print(&row::of_decision(stage.elapsed(), who, &decision))?;
                }
            }
        }
    }
}

/// Who asked, if it was not one of the shop's sessions: those are shown with what was said.
fn outsider(stage: &Stage, decision: &Decision) -> Option<&'static str> {
    match &decision.key {
        Some(key) if *key == stage.keys.visitor.id => Some("you"),
        Some(_) => None,
        None => Some("somebody unknown"),
    }
}
