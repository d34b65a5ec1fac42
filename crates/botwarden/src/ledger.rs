//! Between the gateway, which decides, and the audit log, which remembers.

use std::sync::Arc;

use botwarden_audit::{Decision, Event, Outcome as Ended, Verdict, Word};
use botwarden_gateway::{Decided, Ledger, Outcome, Receipt};
use botwarden_store::audit::{AuditLog, Haste, Person};

/// Writes the gateway's decisions and their outcomes to the audit log.
pub(crate) struct Bookkeeper(pub(crate) Arc<AuditLog>);

impl Ledger for Bookkeeper {
    fn decided(&self, decided: &Decided<'_>) -> Option<Receipt> {
        let event = Event::Decision(Decision {
            request: decided.request.clone(),
            bot: Some(decided.bot.clone()),
            key: Some(decided.key.clone()),
            session: decided.session.cloned(),
            user: None,
            address: None,
            operation: Word::fixed(decided.operation).ok()?,
            // What a caller wrote instead of a model's name may be anything: then it is left out.
            model: decided.model.and_then(|model| Word::parse(model).ok()),
            policy: None,
            verdict: if decided.refused.is_none() { Verdict::Allowed } else { Verdict::Denied },
            reason: decided.refused.and_then(|reason| Word::fixed(reason).ok()),
            tokens: (decided.tokens > 0).then_some(decided.tokens),
        });
        let person = decided.user.map(|user| Person {
            bot: decided.bot.clone(),
            user: user.clone(),
            address: decided.address,
        });
        // What is refused releases nothing, so nobody waits for it.
        let haste = if decided.refused.is_none() { Haste::Awaited } else { Haste::InPassing };
        let receipt = self.0.record(decided.at, event, person, haste).ok()?;
        Some(Box::pin(async move { receipt.durable().await.is_ok() }))
    }

    fn is_broken(&self) -> bool {
        self.0.is_broken()
    }

    fn finished(&self, outcome: &Outcome) {
        let how = match (outcome.verdict, outcome.complete) {
            ("allowed", true) => "answered",
            ("allowed", false) => "hung-up",
            (_, _) if outcome.bytes_out > 0 && outcome.status < 400 => "cut",
            _ => "refused",
        };
        let (Ok(how), refused) = (Word::fixed(how), outcome.verdict != "allowed") else { return };
        let event = Event::Outcome(Ended {
            request: outcome.request.clone(),
            outcome: how,
            reason: refused.then(|| Word::fixed(outcome.verdict).ok()).flatten(),
            status: Some(u64::from(outcome.status)),
            input_tokens: outcome.usage.map(|usage| usage.input_tokens),
            output_tokens: outcome.usage.map(|usage| usage.output_tokens),
            bytes: outcome.bytes_out,
            duration_ms: u64::try_from(outcome.timings.total().as_millis()).unwrap_or(u64::MAX),
        });
        // An outcome that is missing shows as a request that was not finished; nothing is undone by it.
        if self.0.record(outcome.at, event, None, Haste::InPassing).is_err() {
            tracing::warn!(request = %outcome.request, "the audit log could not take how a request ended");
        }
    }
}
