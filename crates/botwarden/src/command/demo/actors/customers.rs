//! Customers who want to know something.

use botwarden_types::Delivery;

use super::Stage;
use crate::command::demo::shop::Session;
use crate::command::demo::tour::Seen;

/// Erin's own account.
const ERINS_IBAN: &str = "DE89370400440532013000";

pub(super) async fn own_order(stage: &Stage) -> anyhow::Result<Seen> {
    ask(stage, &stage.sessions.alice, "Where is my order 1001?", Delivery::Whole, "comes on Thursday").await
}

pub(super) async fn own_orders(stage: &Stage) -> anyhow::Result<Seen> {
    ask(stage, &stage.sessions.bob, "What have I ordered?", Delivery::Streamed, "two clay mugs").await
}

pub(super) async fn reviews(stage: &Stage) -> anyhow::Result<Seen> {
    ask(stage, &stage.sessions.chloe, "What do reviews say of the lamp?", Delivery::Whole, "Warm light").await
}

/// What a customer typed is enough to be paid back: order, amount and account.
pub(super) async fn own_refund(stage: &Stage) -> anyhow::Result<Seen> {
    let question = format!("Please refund order 1008, 24.00, to {ERINS_IBAN}.");
    let seen = ask(stage, &stage.sessions.erin, &question, Delivery::Whole, "I have refunded 24.00").await?;
    let paid = stage.database.refunds_to(ERINS_IBAN).await?;
    Ok(seen.expect(paid == 1, "the customer was not paid back"))
}

pub(super) async fn who_are_you(stage: &Stage) -> anyhow::Result<Seen> {
    ask(stage, &stage.sessions.erin, "Are you a human?", Delivery::Streamed, "I am a script").await
}

/// Asks, and expects to read `holds` in the answer.
async fn ask(
    stage: &Stage,
    session: &Session,
    question: &str,
    delivery: Delivery,
    holds: &str,
) -> anyhow::Result<Seen> {
    let talk = stage.talk(session, question, delivery).await?;
    let answered = talk.said.contains(holds);
    Ok(Seen::of_talk(talk).expect(answered, "the customer did not get the answer"))
}
