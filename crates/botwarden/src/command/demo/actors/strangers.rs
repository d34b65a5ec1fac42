//! People without a credential that counts.

use botwarden_crypto::Token;
use botwarden_types::{Delivery, Secret};

use super::Stage;
use super::stage::plain_question;
use crate::command::demo::client::{Ask, Client};
use crate::command::demo::shop::ERIN;
use crate::command::demo::tour::Seen;

/// Addresses of their own, 127.0.0.x: failures of one must not count against another.
const STRANGER: u8 = 66;
const GUESSER: u8 = 67;
const THIEF: u8 = 68;
/// The gateway lets an address fail 20 times a minute; more tries than this and it does not throttle at all.
const GUESSES_MAX: usize = 100;

fn question() -> Ask {
    plain_question("Where is order 1001?", Delivery::Whole)
}

pub(super) async fn no_credential(stage: &Stage) -> anyhow::Result<Seen> {
    stage.probe(stage.caller().at(STRANGER), question()).await
}

/// Around the gateway: the model serves who holds its key, and only the gateway does.
pub(super) async fn straight_to_model(stage: &Stage) -> anyhow::Result<Seen> {
    stage.probe(Client::new(stage.model_address()).at(STRANGER), question().with(&made_up_key()?)).await
}

pub(super) async fn guessed_key(stage: &Stage) -> anyhow::Result<Seen> {
    stage.probe(stage.caller().at(GUESSER), question().with(&made_up_key()?)).await
}

pub(super) async fn guessing_on(stage: &Stage) -> anyhow::Result<Seen> {
    let guesser = stage.caller().at(GUESSER);
    let mut seen = Seen::default();
    for _ in 0..GUESSES_MAX {
        seen = stage.probe(guesser, question().with(&made_up_key()?)).await?;
        if seen.head.status != 401 {
            let told = seen.head.retry_after_s.is_some();
            return Ok(seen.expect(told, "no Retry-After"));
        }
    }
    Ok(seen)
}

pub(super) async fn expired_key(stage: &Stage) -> anyhow::Result<Seen> {
    stage.probe(stage.caller().at(THIEF), question().with(&stage.keys.expired)).await
}

pub(super) async fn revoked_key(stage: &Stage) -> anyhow::Result<Seen> {
    stage.probe(stage.caller().at(THIEF), question().with(&stage.keys.revoked)).await
}

/// A chat that was served a moment ago and is over.
pub(super) async fn ended_session(stage: &Stage) -> anyhow::Result<Seen> {
    let session = stage.bot.open_session(ERIN).await?;
    let served = stage.caller().send(question().with(&session.token)).await?.head.status == 200;
    let ended = stage.bot.end_session(&session).await?.status < 300;
    let seen = stage.probe(stage.caller().at(THIEF), question().with(&session.token)).await?;
    Ok(seen.expect(served, "the session never worked").expect(ended, "the session could not be ended"))
}

/// Well formed and worth nothing.
fn made_up_key() -> anyhow::Result<Secret> {
    Ok(Secret::new(format!("bw_{}", Token::random()?.expose())))
}
