//! Takes room for what is going to be kept of an exchange, and gathers it.

use botwarden_types::{KeptContent, KeptExchange, Operation, UnixMs};

use crate::archive::{KEPT_BYTES_MAX, Keep, Slot};
use crate::outcome::Outcome;
use crate::refusal::Refusal;
use crate::server::Worker;
use crate::stage::identify::Identified;
use crate::stage::permit::Permitted;
use crate::stage::record::Record;
use crate::tools::Heard;

/// What is kept of the exchange under way.
pub(crate) struct Keeping {
    slot: Box<dyn Slot>,
    exchange: Box<KeptExchange>,
    retention_ms: u64,
}

impl Worker {
    /// Refuses what could not be kept, before anything is forwarded.
    pub(crate) async fn keep(&self, permitted: &Permitted, record: &mut Record) -> Result<(), Refusal> {
        let read = &permitted.0;
        if read.exchange.operation == Operation::Models {
            return Ok(());
        }
        let (operation, model) = (read.exchange.operation.as_str(), &read.exchange.model);
        self.keep_of(&read.identified, operation, model, &read.body, record).await
    }

    /// The same of a call of a tool.
    pub(crate) async fn keep_call(&self, heard: &Heard, record: &mut Record) -> Result<(), Refusal> {
        self.keep_of(heard.identified(), "tools_call", "", heard.body(), record).await
    }

    async fn keep_of(
        &self,
        known: &Identified,
        operation: &str,
        model: &str,
        question: &[u8],
        record: &mut Record,
    ) -> Result<(), Refusal> {
        let config = &known.bot.config;
        if config.keep == Keep::Nothing {
            return Ok(());
        }
        let mut content = (config.keep == Keep::Content).then(KeptContent::default);
        if let Some(content) = &mut content {
            content.question.push(question, KEPT_BYTES_MAX);
        }
        let bytes = content.as_ref().map_or(0, |content| content.question.bytes.len() + KEPT_BYTES_MAX);
        let room = self.shared.archive.room(bytes, &config.name, known.user.as_ref());
        let slot = room.await.ok_or(Refusal::Unrecorded)?;
        let exchange = KeptExchange {
            request: record.request().clone(),
            bot: config.name.clone(),
            key: known.caller.key.clone(),
            session: known.caller.session.as_ref().map(|session| session.id.clone()),
            user: known.user.clone(),
            at: UnixMs::default(),
            expires: UnixMs::default(),
            operation: operation.to_owned(),
            model: model.to_owned(),
            status: 0,
            verdict: String::new(),
            tokens: None,
            complete: false,
            content,
        };
        record.keeps(Keeping { slot, exchange: Box::new(exchange), retention_ms: config.retention_ms });
        Ok(())
    }
}

impl Keeping {
    /// A piece of the answer goes to the caller.
    pub(crate) fn passes(&mut self, piece: &[u8]) {
        if let Some(content) = &mut self.exchange.content {
            content.answer.push(piece, KEPT_BYTES_MAX);
        }
    }

    /// Hands over what was gathered, with what came of it.
    pub(crate) fn finish(self, outcome: &Outcome) {
        let Self { slot, mut exchange, retention_ms } = self;
        exchange.at = outcome.at;
        exchange.expires = UnixMs(outcome.at.0.saturating_add(retention_ms));
        exchange.status = outcome.status;
        exchange.verdict = outcome.verdict.to_owned();
        exchange.tokens = outcome.usage.map(|usage| (usage.input_tokens, usage.output_tokens));
        exchange.complete = outcome.complete;
        slot.keep(*exchange);
    }
}
