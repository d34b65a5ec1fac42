//! Charges every limit at once: address, key, user and bot. All or none.

use botwarden_identity::Right;
use botwarden_types::{Exchange, UserName};

use crate::refusal::Refusal;
use crate::server::Worker;
use crate::stage::admit::over;
use crate::stage::read::Read;
use crate::stage::record::Record;

/// A request that is paid for. Made by [`Worker::charge`] alone.
pub(crate) struct Charged(pub(super) Read);

/// Bytes of JSON a token stands for when nothing better is known: vendors say about 4 of English; 3 errs on the safe side.
const BYTES_PER_TOKEN: u64 = 3;

impl Worker {
    pub(crate) fn charge(&self, mut read: Read, record: &mut Record) -> Result<Charged, Refusal> {
        name_user(&mut read)?;
        let bot = &read.identified.bot;
        let input = if bot.counts_tokens { input_estimate(read.body.len()) } else { 0 };
        let output = if bot.counts_tokens {
            output_estimate(&read.exchange, bot.config.output_tokens_default)
        } else {
            0
        };
        let reserved = input.saturating_add(output);
        let subject = read.identified.subject();
        let now = self.shared.clock.now();
        // A body may be half a minute under way; what was revoked or stopped meanwhile is neither charged nor forwarded.
        read.identified.caller.still_valid(now.wall).map_err(|_| Refusal::BadCredential)?;
        self.stopped(&read.identified.caller, read.identified.user.as_ref())?;
        let admission = self.shared.limiter.admit(now, &bot.plan, &subject, reserved).map_err(over)?;
        record.charged(admission, input, reserved);
        Ok(Charged(read))
    }
}

/// Believes the user named in the body, from a caller with that right alone and only if nobody else was named.
fn name_user(read: &mut Read) -> Result<(), Refusal> {
    let Some(named) = &read.exchange.user else { return Ok(()) };
    if !read.identified.caller.rights.has(Right::AssertUser) {
        return Ok(());
    }
    match &read.identified.user {
        Some(head) if head != named => {
            let message =
                "the body names another user than the head (`x-botwarden-user`): name one".to_owned();
            Err(Refusal::Field { param: "user", message })
        }
        Some(_) => Ok(()),
        None => {
            read.identified.user = Some(UserName::clone(named));
            Ok(())
        }
    }
}

pub(super) fn input_estimate(body_bytes: usize) -> u64 {
    u64::try_from(body_bytes).unwrap_or(u64::MAX).div_ceil(BYTES_PER_TOKEN)
}

pub(super) fn output_from_bytes(text_bytes: u64) -> u64 {
    text_bytes.div_ceil(BYTES_PER_TOKEN)
}

fn output_estimate(exchange: &Exchange, default: u64) -> u64 {
    // Zero is what some servers take for no maximum at all.
    let each = exchange.output_tokens_max.filter(|max| *max > 0).unwrap_or(default);
    match exchange.operation {
        botwarden_types::Operation::ChatCompletions | botwarden_types::Operation::Messages => {
            each.saturating_mul(u64::from(exchange.choices.max(1)))
        }
        botwarden_types::Operation::Embeddings
        | botwarden_types::Operation::CountTokens
        | botwarden_types::Operation::Models => 0,
    }
}
