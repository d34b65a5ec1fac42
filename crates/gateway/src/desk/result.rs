//! What a tool returned: taken note of, and rid of records that are others'.

use std::sync::Arc;

use botwarden_identity::Claim;
use botwarden_policy::chronicle::{Chronicled, Event};
use botwarden_policy::contract::{Contract, Owner};
use botwarden_policy::read::{read_json, read_records};
use botwarden_policy::session::Observed;
use botwarden_policy::value::Canon;
use botwarden_policy::{Data, canonical, owned};
use botwarden_types::UnixMs;
use bytes::Bytes;

use super::resolve::{Read, read};
use super::{Asked, Inner, Patron};
use crate::config::ToolRule;

impl Inner {
    pub(super) async fn returned(
        &self,
        patron: &Patron,
        asked: &Asked,
        result: Bytes,
    ) -> Result<Bytes, &'static str> {
        if patron.bot.config.tool_rule == ToolRule::Open {
            return Ok(result);
        }
        let bounds = botwarden_protocol::Bounds::default();
        let read = read(&patron.bot, botwarden_policy::Place::Called, asked, &bounds)
            .map_err(|_| "tool-not-granted")?;
        let text = std::str::from_utf8(&result).map_err(|_| "result-unreadable")?;
        let mut data = read_json(text).map_err(|_| "result-unreadable")?;
        let mut passed = result.clone();
        if let Some(owner) = read.contract_tool().and_then(|tool| tool.owner.as_ref()) {
            let claim = claim_of(patron, owner).ok_or("result-of-others")?;
            if keep_own(&mut data, owner, &claim)? {
                passed = Bytes::from(canonical(&data).as_bytes().to_vec());
            }
        }
        self.remember(patron, &read, data).await?;
        Ok(passed)
    }

    async fn remember(&self, patron: &Patron, read: &Read<'_>, data: Data) -> Result<(), &'static str> {
        let Some(session) = &patron.caller.session else { return Ok(()) };
        let (tool, source) = (&read.found.tool, read.source());
        let slot = self.memories.slot(&session.id);
        let mut memory = slot.memory.lock().await;
        for observed in observe(read.found.contract, tool, &source, &data) {
            memory.carry(Arc::new(observed));
        }
        let content = Data::Map(vec![("source".to_owned(), Data::Text(source)), ("result".to_owned(), data)]);
        let content = canonical(&content).to_string();
        let event = Event::Result { server: read.found.server.to_owned(), tool: tool.clone(), content };
        // What is too long is known here and nowhere else.
        let Ok(event) = event.encode() else { return Ok(()) };
        memory.writes(&event, self.ports.is_shared);
        drop(memory);
        let (bot, now) = (&patron.bot.config.name, self.ports.clock.wall());
        let until = None::<UnixMs>;
        match self.ports.chronicle.append(bot, &session.id, &[event], until, now).await {
            Ok(Chronicled::Kept) => Ok(()),
            // More than a session may have: what follows is known here as long as this node keeps it at hand.
            Ok(Chronicled::Full) => Ok(()),
            Ok(Chronicled::NoSession) => Err("session-over"),
            Err(error) => {
                tracing::error!(%error, "what a tool returned could not be kept");
                Err("policy-unavailable")
            }
        }
    }
}

/// Reads a `CallToolResult`: its structure, or each of its texts.
pub(super) fn observe(contract: &Contract, tool: &str, source: &str, result: &Data) -> Vec<Observed> {
    // Of a failure nothing is a record: servers quote in it what they were sent.
    let is_error = result.get("isError") == Some(&Data::Bool(true));
    let granted = contract.tools.get(tool).filter(|_| !is_error);
    let structured = result.get("structuredContent").filter(|data| !matches!(data, Data::Null));
    let mut all = Vec::new();
    for (at, text) in texts(result).into_iter().enumerate() {
        // The same in two forms is noted once as records, and its words each time.
        let structure = structured.filter(|_| at == 0);
        let tool_of_it = if structured.is_some() && at > 0 { None } else { granted };
        all.push(Observed::new(contract, tool, tool_of_it, source.to_owned(), text, structure));
    }
    if all.is_empty()
        && let Some(data) = structured
    {
        all.push(Observed::new(contract, tool, granted, source.to_owned(), &canonical(data), Some(data)));
    }
    all
}

fn texts(result: &Data) -> Vec<&str> {
    let Some(Data::List(items)) = result.get("content") else { return Vec::new() };
    let mut texts = Vec::new();
    for item in items {
        match item.get("type").and_then(Data::as_text) {
            Some("text") => texts.extend(item.get("text").and_then(Data::as_text)),
            Some("resource") => {
                texts.extend(item.get("resource").and_then(|one| one.get("text")).and_then(Data::as_text))
            }
            _ => {}
        }
    }
    texts
}

fn claim_of(patron: &Patron, owner: &Owner) -> Option<Canon> {
    let session = patron.caller.session.as_ref()?;
    match session.claims.named(&owner.claim)? {
        Claim::Text(text) | Claim::Decimal(text) => Some(Canon::of(text)),
        Claim::Integer(number) => Some(Canon::of(&number.to_string())),
        Claim::Flag(_) | Claim::Texts(_) => None,
    }
}

/// Takes out of a result what is not its person's own. Whether anything was.
fn keep_own(result: &mut Data, owner: &Owner, claim: &Canon) -> Result<bool, &'static str> {
    let mut changed = false;
    let Data::Map(members) = result else { return Err("result-unreadable") };
    let is_error = members.iter().any(|(name, value)| name == "isError" && *value == Data::Bool(true));
    for (name, value) in members.iter_mut() {
        match (name.as_str(), value) {
            ("structuredContent", value) => {
                changed |= owned::retain(value, &owner.field, claim).ok_or("result-of-others")?
            }
            ("content", Data::List(items)) if !is_error => {
                for item in items {
                    changed |= keep_own_text(item, owner, claim)?;
                }
            }
            _ => {}
        }
    }
    Ok(changed)
}

/// A text has to be records, or nobody can tell whose it is.
fn keep_own_text(item: &mut Data, owner: &Owner, claim: &Canon) -> Result<bool, &'static str> {
    let Data::Map(members) = item else { return Err("result-of-others") };
    let is_text = members.iter().any(|(name, value)| name == "type" && value.as_text() == Some("text"));
    let text = members.iter_mut().find(|(name, _)| name == "text").map(|(_, value)| value);
    let (true, Some(Data::Text(text))) = (is_text, text) else { return Err("result-of-others") };
    if text.trim().is_empty() {
        return Ok(false);
    }
    let mut records = read_records(text).ok_or("result-of-others")?;
    let changed = owned::retain(&mut records, &owner.field, claim).ok_or("result-of-others")?;
    if changed {
        *text = canonical(&records).to_string();
    }
    Ok(changed)
}
