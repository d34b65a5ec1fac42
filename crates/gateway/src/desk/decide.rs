//! Decides calls together.

use botwarden_policy::chronicle::{Chronicled, Event};
use botwarden_policy::contract::{Effect, Tool};
use botwarden_policy::decide::{decide, facts, hash_of};
use botwarden_policy::{Decision, Outcome, Place, canonical};
use botwarden_types::SessionId;
use tokio::sync::MutexGuard;
use zeroize::Zeroizing;

use super::hold::Held;
use super::memory::{Memory, RELEASED_MAX, Released, Slot, known_of};
use super::resolve::{self, Read};
use super::{Asked, Inner, Patron, Verdict, chat};
use crate::config::{ToolRule, UserTurns};

/// What one call came to, before anybody is asked.
enum Weighed<'b> {
    /// It is over.
    Done(Verdict),
    /// It may go on, with these arguments.
    Goes(Read<'b>, Option<String>),
    /// A person has to say so.
    Asks(Box<Read<'b>>, Decision, Option<String>),
}

impl Inner {
    pub(super) async fn decide(&self, patron: &Patron, place: Place, calls: &[Asked]) -> Vec<Verdict> {
        if patron.bot.config.tool_rule == ToolRule::Open {
            return calls.iter().map(|_| Verdict::Allowed { arguments: None }).collect();
        }
        let id = patron.caller.session.as_ref().map(|session| session.id.clone());
        match id {
            Some(id) => {
                let slot = self.memories.slot(&id);
                let mut memory = slot.memory.lock().await;
                if let Err(error) = self.catch_up(&mut memory, &slot, patron, &id).await {
                    tracing::error!(%error, "what is known of a session could not be read");
                    return calls.iter().map(|_| unknown()).collect();
                }
                self.decide_with(memory, patron, place, calls).await
            }
            None => {
                let lock = tokio::sync::Mutex::new(Memory::new(super::memory::begin(
                    patron,
                    self.ports.clock.wall(),
                )));
                let mut memory = lock.lock().await;
                match &patron.exchange {
                    // Without a session nobody can post, so nothing counts for the person's words.
                    Some(exchange) if patron.bot.config.user_turns == UserTurns::Inline => {
                        chat::hear(&mut memory, patron, exchange);
                    }
                    Some(exchange) => chat::overhear(&mut memory, patron, exchange),
                    None => {}
                }
                self.decide_with(memory, patron, place, calls).await
            }
        }
    }

    /// Brings what is known of a session up to now.
    async fn catch_up(
        &self,
        memory: &mut Memory,
        slot: &Slot,
        patron: &Patron,
        id: &SessionId,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let is_posted = patron.bot.config.user_turns == UserTurns::Posted;
        let is_stale = slot.take_stale();
        let refreshed = memory.refresh(&self.ports, patron, id, is_stale, is_posted).await;
        if refreshed.is_err() {
            slot.set_stale();
        }
        refreshed?;
        let Some(exchange) = &patron.exchange else { return Ok(()) };
        if is_posted {
            chat::overhear(memory, patron, exchange);
            return Ok(());
        }
        if !chat::goes_on(memory, exchange) {
            let known = match &patron.user {
                Some(user) => known_of(&self.ports, &patron.bot.config.name, user).await?,
                None => Vec::new(),
            };
            memory.restart(patron, &known, self.ports.clock.wall());
        }
        chat::hear(memory, patron, exchange);
        Ok(())
    }

    async fn decide_with(
        &self,
        mut memory: MutexGuard<'_, Memory>,
        patron: &Patron,
        place: Place,
        calls: &[Asked],
    ) -> Vec<Verdict> {
        let mut weighed = Vec::with_capacity(calls.len());
        for asked in calls {
            let one = self.weigh(&memory, patron, place, asked);
            let event =
                if let Weighed::Goes(read, _) = &one { self.note(&mut memory, read, asked) } else { None };
            weighed.push((one, event));
        }
        drop(memory); // people take their time
        let mut verdicts = Vec::with_capacity(weighed.len());
        for ((one, event), asked) in weighed.into_iter().zip(calls) {
            verdicts.push(match one {
                Weighed::Done(verdict) => verdict,
                Weighed::Goes(_, arguments) => self.goes(patron, event, arguments).await,
                Weighed::Asks(read, decision, arguments) => match self.hold(patron, &read, &decision).await {
                    Held::Approved => {
                        let event = self.note_later(patron, &read, asked).await;
                        self.goes(patron, event, arguments).await
                    }
                    Held::Not(verdict) => verdict,
                },
            });
        }
        verdicts
    }

    /// Lets a call go on once it is kept that it does: nodes and runs to come must not take it for one that was not made.
    async fn goes(
        &self,
        patron: &Patron,
        event: Option<Zeroizing<Vec<u8>>>,
        arguments: Option<String>,
    ) -> Verdict {
        let (Some(event), Some(session)) = (event, &patron.caller.session) else {
            return Verdict::Allowed { arguments };
        };
        let (bot, now) = (&patron.bot.config.name, self.ports.clock.wall());
        match self.ports.chronicle.append(bot, &session.id, &[event], None, now).await {
            Ok(Chronicled::Kept) => Verdict::Allowed { arguments },
            Ok(Chronicled::Full) => {
                let text = "denied: as much is kept of this session as there may be; go on in a new one";
                Verdict::Refused { reason: "policy-unavailable", text: text.to_owned() }
            }
            Ok(Chronicled::NoSession) => {
                let text = "denied: the session is over".to_owned();
                Verdict::Refused { reason: "session-over", text }
            }
            Err(error) => {
                tracing::error!(%error, "that a call goes on could not be kept");
                unknown()
            }
        }
    }

    fn weigh<'b>(&self, memory: &Memory, patron: &'b Patron, place: Place, asked: &Asked) -> Weighed<'b> {
        let bounds = botwarden_protocol::Bounds::default();
        let read = match resolve::read(&patron.bot, place, asked, &bounds) {
            Ok(read) => read,
            Err(verdict) => return Weighed::Done(verdict),
        };
        let (bot, ports) = (&patron.bot.config.name, &self.ports);
        if ports.quarantine.stops_tool(bot, read.found.server, &read.found.tool) {
            let text = format!("denied: `{}` is stopped by an operator", read.found.tool);
            return Weighed::Done(Verdict::Refused { reason: "quarantined", text });
        }
        let decision = decide(read.found.contract, &memory.session, &read.call);
        let filled = facts(read.found.contract, &memory.session, &read.call).map(|facts| facts.filled);
        let arguments =
            filled.filter(|filled| !filled.is_empty()).map(|filled| fill(&asked.arguments, &filled));
        match decision.outcome {
            Outcome::Allow => Weighed::Goes(read, arguments),
            Outcome::Ask => Weighed::Asks(Box::new(read), decision, arguments),
            Outcome::Deny => {
                Weighed::Done(Verdict::Refused { reason: decision.reason, text: denied(&decision) })
            }
        }
    }

    /// Takes note of a call that a person allowed.
    async fn note_later(
        &self,
        patron: &Patron,
        read: &Read<'_>,
        asked: &Asked,
    ) -> Option<Zeroizing<Vec<u8>>> {
        let session = patron.caller.session.as_ref()?;
        let slot = self.memories.slot(&session.id);
        let mut memory = slot.memory.lock().await;
        self.note(&mut memory, read, asked)
    }

    /// A call goes on: where the application runs it, its result will be shown to us; where we do, it is done when it is called.
    /// What of it has to be kept, if it changes anything.
    fn note(&self, memory: &mut Memory, read: &Read<'_>, asked: &Asked) -> Option<Zeroizing<Vec<u8>>> {
        let call = &read.call;
        let is_done = call.place == Place::Called || !read.found.is_ours;
        if is_done {
            memory.session.done(&call.server, &call.tool, hash_of(&call.arguments));
        }
        if call.place == Place::Proposed
            && let Some(id) = &asked.id
        {
            if memory.released.len() >= RELEASED_MAX {
                memory.released.clear(); // their results will count for nothing
            }
            let (server, tool, arguments) = (call.server.clone(), call.tool.clone(), call.arguments.clone());
            memory.released.insert(id.clone(), Released { server, tool, arguments });
        }
        let changes = |tool: &Tool| !matches!(tool.effect, Effect::Read | Effect::Browse);
        if !is_done || !read.contract_tool().is_some_and(changes) {
            return None;
        }
        let event = Event::Call {
            place: call.place,
            server: call.server.clone(),
            tool: call.tool.clone(),
            arguments: canonical(&call.arguments).to_string(),
            outcome: Outcome::Allow,
            reason: String::new(),
        };
        // `resolve` takes no arguments that are longer than an entry may be.
        let event = event.encode().ok()?;
        memory.writes(&event, self.ports.is_shared);
        Some(event)
    }
}

fn unknown() -> Verdict {
    let text = "denied: what is known of this session could not be read; try again".to_owned();
    Verdict::Refused { reason: "policy-unavailable", text }
}

/// Findings told to an agent.
const TOLD_MAX: usize = 8;

fn denied(decision: &Decision) -> String {
    let grave = decision.findings.iter().filter(|finding| finding.outcome == Outcome::Deny);
    let texts: Vec<&str> = grave.take(TOLD_MAX).map(|finding| finding.text.as_str()).collect();
    format!("denied: {}", texts.join("; "))
}

/// Adds members to a JSON object.
fn fill(arguments: &str, filled: &[(String, String)]) -> String {
    let mut bytes = b"{".to_vec();
    for (at, (name, value)) in filled.iter().enumerate() {
        if at > 0 {
            bytes.push(b',');
        }
        botwarden_protocol::json::push_quoted(&mut bytes, name);
        bytes.push(b':');
        botwarden_protocol::json::push_quoted(&mut bytes, value);
    }
    let rest = arguments.trim().strip_prefix('{').unwrap_or("}").trim_start();
    if !rest.starts_with('}') {
        bytes.push(b',');
    }
    let rest = if rest.is_empty() { "}" } else { rest };
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).unwrap_or_else(|_| arguments.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identity_fills_in_what_is_missing() {
        let filled = [("customer_id".to_owned(), "C-\"7".to_owned())];
        for (arguments, want) in [
            (r#"{"id": 1}"#, r#"{"customer_id":"C-\"7","id": 1}"#),
            ("{ }", r#"{"customer_id":"C-\"7"}"#),
            ("", r#"{"customer_id":"C-\"7"}"#),
        ] {
            assert_eq!(fill(arguments, &filled), want);
        }
    }
}
