//! Between the gateway, which decides, and the audit log, which remembers.

use std::sync::Arc;

use botwarden_audit::{Decision, Event, Outcome as Ended, ToolCall, ToolPlace, Verdict, Word};
use botwarden_crypto::sha256;
use botwarden_gateway::{Decided, Ledger, Outcome, Receipt, ToolDecided};
use botwarden_policy::Place;
use botwarden_store::audit::{AuditLog, Haste, Person};
use botwarden_types::{KeyId, UnixMs};

use crate::accountable;

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
            arguments: None,
        });
        // What is refused releases nothing, so nobody waits for it.
        let haste = if decided.refused.is_none() { Haste::Awaited } else { Haste::InPassing };
        let receipt = self.0.record(decided.at, event, person, haste).ok()?;
        Some(Box::pin(async move { receipt.durable().await.is_ok() }))
    }

    fn tool(&self, decided: &ToolDecided<'_>) -> Option<Receipt> {
        let call = decided.call;
        let event = Event::ToolCall(ToolCall {
            request: decided.request.clone(),
            call: call.id.as_deref().and_then(spelled),
            tool: spelled(&call.name)?,
            place: match decided.place {
                Place::Offered => ToolPlace::Offered,
                Place::Proposed => ToolPlace::Proposed,
                Place::Called => ToolPlace::Called,
            },
            arguments: None,
            policy: None,
            verdict: if decided.refused.is_none() { Verdict::Allowed } else { Verdict::Denied },
            reason: decided.refused.and_then(|reason| Word::fixed(reason).ok()),
        });
        let person = decided.user.map(|user| Person {
            bot: decided.bot.clone(),
            user: user.clone(),
            address: decided.address,
            arguments: Some(call.arguments.as_str().into()),
        });
        let haste = if decided.refused.is_none() { Haste::Awaited } else { Haste::InPassing };
        let receipt = self.0.record(decided.at, event, person, haste).ok()?;
        Some(Box::pin(async move { receipt.durable().await.is_ok() }))
    }

    fn answered(&self, at: UnixMs, by: &KeyId, action: &'static str, target: &str) -> Option<Receipt> {
        let event = accountable::event(&format!("key:{by}"), action, target).ok()?;
        let receipt = self.0.record(at, event, None, Haste::Awaited).ok()?;
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

/// The name of a tool, or the id of a call, as it can stand in the log. A model may write anything for one: what is no word is spelled in percent signs, and what is
/// too long for one is its hash.
fn spelled(name: &str) -> Option<Word> {
    let is_plain = !name.contains('%') && !name.starts_with("sha256:");
    if let Some(word) = Word::parse(name).ok().filter(|_| is_plain) {
        return Some(word);
    }
    let spell = |byte: u8| match byte {
        b'%' | b'"' | b'\\' => format!("%{byte:02X}"),
        byte if byte.is_ascii_graphic() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    let mut text: String = name.bytes().take(WORD_BYTES_MAX).map(spell).collect();
    if text.starts_with("sha256:") {
        text.replace_range(..1, "%73");
    }
    let hashed = || format!("sha256:{}", hex(&sha256(name.as_bytes())));
    Word::parse(&text)
        .ok()
        .filter(|_| name.len() <= WORD_BYTES_MAX)
        .or_else(|| if name.is_empty() { Word::fixed("%").ok() } else { Word::parse(&hashed()).ok() })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A longer name is not spelled out.
const WORD_BYTES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_tool_is_called_it_can_be_written_down() {
        for (name, want) in [
            ("shop__refund", "shop__refund"),
            ("two words", "two%20words"),
            ("a\"b\\c%d", "a%22b%5Cc%25d"),
            ("rückgabe", "r%C3%BCckgabe"),
            ("", "%"),
            ("two%20words", "two%2520words"),
            ("sha256:00", "%73ha256:00"),
        ] {
            assert_eq!(spelled(name).unwrap().as_str(), want);
        }
        for long in ["a".repeat(257), "ü".repeat(100)] {
            assert!(spelled(&long).unwrap().as_str().starts_with("sha256:"), "{long}");
        }
    }
}
