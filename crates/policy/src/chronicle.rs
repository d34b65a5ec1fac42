//! What happened in a session as far as tools are concerned, in order: what lets another node, or one that was restarted, know what a
//! session's tools returned, and what policies are tried on afterwards.
//!
//! A person's turns are kept as turns; each entry says after how many of them it came, so that both are read as one story.

use botwarden_types::{BotName, SessionId, UnixMs, UserName};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::call::{Outcome, Place};
use crate::port::{BoxFuture, StoreError};

/// Entries of one session.
pub const ENTRIES_MAX: usize = 4_096;
/// Bytes of one entry, as it is written.
pub const ENTRY_BYTES_MAX: usize = 4 << 20;
/// Bytes of all entries of one session.
pub const SESSION_BYTES_MAX: usize = 32 << 20;

/// Something that happened. Personal: `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub enum Event {
    /// A call was decided.
    Call {
        /// Where.
        place: Place,
        /// The server that runs the tool.
        server: String,
        /// The tool.
        tool: String,
        /// The arguments, as JSON.
        arguments: String,
        /// What was decided.
        outcome: Outcome,
        /// Why.
        reason: String,
    },
    /// A tool returned something.
    Result {
        /// The server that ran it.
        server: String,
        /// The tool.
        tool: String,
        /// What it returned, as JSON.
        content: String,
    },
    /// Something was said by whom nobody vouches for: a model, or a document.
    Text {
        /// By whom, such as `assistant` or `system`.
        by: String,
        /// The words.
        text: String,
    },
}

impl std::fmt::Debug for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Call { server, tool, outcome, .. } => write!(f, "Call({server}__{tool}, {outcome:?})"),
            Self::Result { server, tool, .. } => write!(f, "Result({server}__{tool}, …)"),
            Self::Text { by, .. } => write!(f, "Text({by}, …)"),
        }
    }
}

/// An event that cannot be kept.
#[derive(Debug, thiserror::Error)]
#[error("an event has {bytes} bytes; the chronicle takes at most {ENTRY_BYTES_MAX}")]
pub struct EventTooLarge {
    bytes: usize,
}

/// An event as it is written: JSON with a version.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written<'a> {
    v: u8,
    kind: &'a str,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<&'a str>,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    server: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    tool: Option<std::borrow::Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    outcome: Option<&'a str>,
    #[serde(default, skip_serializing_if = "Option::is_none", borrow)]
    reason: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow)]
    body: std::borrow::Cow<'a, str>,
}

const VERSION: u8 = 1;

impl Event {
    /// The event as bytes, for a store.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, EventTooLarge> {
        let blank = |kind, body| Written {
            v: VERSION,
            kind,
            place: None,
            server: None,
            tool: None,
            outcome: None,
            reason: None,
            body: std::borrow::Cow::Borrowed(body),
        };
        let some = |text| Some(std::borrow::Cow::Borrowed(text));
        let written = match self {
            Self::Call { place, server, tool, arguments, outcome, reason } => Written {
                place: Some(place_word(*place)),
                server: some(server.as_str()),
                tool: some(tool.as_str()),
                outcome: Some(outcome_word(*outcome)),
                reason: some(reason.as_str()),
                ..blank("call", arguments.as_str())
            },
            Self::Result { server, tool, content } => Written {
                server: some(server.as_str()),
                tool: some(tool.as_str()),
                ..blank("result", content.as_str())
            },
            Self::Text { by, text } => Written { reason: some(by.as_str()), ..blank("text", text.as_str()) },
        };
        // Texts and numbers: there is nothing in it that JSON cannot say.
        let bytes = Zeroizing::new(serde_json::to_vec(&written).unwrap_or_default());
        match bytes.len() {
            1..=ENTRY_BYTES_MAX => Ok(bytes),
            bytes => Err(EventTooLarge { bytes }),
        }
    }

    /// An event read back; `None` if no version wrote that.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let written: Written<'_> = serde_json::from_slice(bytes).ok()?;
        if written.v != VERSION {
            return None;
        }
        let body = written.body.into_owned();
        match written.kind {
            "call" => Some(Self::Call {
                place: place_of(written.place?)?,
                server: written.server?.into_owned(),
                tool: written.tool?.into_owned(),
                arguments: body,
                outcome: outcome_of(written.outcome?)?,
                reason: written.reason?.into_owned(),
            }),
            "result" => Some(Self::Result {
                server: written.server?.into_owned(),
                tool: written.tool?.into_owned(),
                content: body,
            }),
            "text" => Some(Self::Text { by: written.reason?.into_owned(), text: body }),
            _ => None,
        }
    }
}

fn place_word(place: Place) -> &'static str {
    match place {
        Place::Offered => "offered",
        Place::Proposed => "proposed",
        Place::Called => "called",
    }
}

fn place_of(word: &str) -> Option<Place> {
    [Place::Offered, Place::Proposed, Place::Called].into_iter().find(|place| place_word(*place) == word)
}

/// An outcome as it is written.
pub fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allow => "allow",
        Outcome::Ask => "ask",
        Outcome::Deny => "deny",
    }
}

/// The outcome of that word.
pub fn outcome_of(word: &str) -> Option<Outcome> {
    [Outcome::Allow, Outcome::Ask, Outcome::Deny].into_iter().find(|outcome| outcome_word(*outcome) == word)
}

/// An entry as it was kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// 1, 2, … within the session.
    pub number: u64,
    /// How many turns of the person came before it.
    pub turns: u64,
    /// When.
    pub at: UnixMs,
    /// What was handed over: see [`Event::decode`].
    pub event: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({}, after {} turns)", self.number, self.turns)
    }
}

/// A session of which something is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct Told {
    /// Its place among all sessions: ask for those after it.
    pub seq: u64,
    /// Which session.
    pub session: SessionId,
    /// The person. Personal.
    pub user: UserName,
    /// What the application vouched for about them, as JSON. Personal.
    pub claims: String,
    /// When it was opened.
    pub created: UnixMs,
    /// Entries that are kept.
    pub entries: u64,
}

impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Told({}, {} entries)", self.session, self.entries)
    }
}

/// What became of entries. All of them are kept, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chronicled {
    /// They are kept.
    Kept,
    /// That bot has no such session, it is over, or its person was erased.
    NoSession,
    /// The session has as much as it may: what comes now is not known to have been seen.
    Full,
}

/// Keeps what happened, sealed under each person's key.
pub trait Chronicle: Send + Sync + 'static {
    /// Keeps events of `bot`'s session, in order. They stay until `until`, or, without it, until the session is over.
    fn append<'a>(
        &'a self,
        bot: &'a BotName,
        session: &'a SessionId,
        events: &'a [Zeroizing<Vec<u8>>],
        until: Option<UnixMs>,
        now: UnixMs,
    ) -> BoxFuture<'a, Result<Chronicled, StoreError>>;

    /// The entries of `bot`'s session after the one of that number, oldest first, at most `max`; none if there is no such session.
    fn read<'a>(
        &'a self,
        bot: &'a BotName,
        session: &'a SessionId,
        after: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Entry>, StoreError>>;

    /// Sessions of `bot` of which something is kept, opened at `since` or later, oldest first: at most `max` after the one at `after`.
    fn sessions<'a>(
        &'a self,
        bot: &'a BotName,
        since: UnixMs,
        after: u64,
        max: usize,
    ) -> BoxFuture<'a, Result<Vec<Told>, StoreError>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_come_back_as_they_were() {
        let text = "é\"\\\0\n".to_owned();
        for event in [
            Event::Call {
                place: Place::Called,
                server: "bank".into(),
                tool: text.clone(),
                arguments: r#"{"to":"x"}"#.into(),
                outcome: Outcome::Ask,
                reason: "argument-unproven".into(),
            },
            Event::Result { server: "bank".into(), tool: "pay".into(), content: text.clone() },
            Event::Text { by: "assistant".into(), text },
        ] {
            assert!(Event::decode(&event.encode().unwrap()).as_ref() == Some(&event), "{event:?}");
        }
    }

    #[test]
    fn what_no_version_wrote_is_nothing() {
        for text in [
            "",
            "{}",
            r#"{"v":2,"kind":"text","reason":"a","body":"b"}"#,
            r#"{"v":1,"kind":"call","body":"b"}"#,
            r#"{"v":1,"kind":"other","body":"b"}"#,
            r#"{"v":1,"kind":"text","reason":"a","body":"b","more":1}"#,
        ] {
            assert!(Event::decode(text.as_bytes()).is_none(), "{text}");
        }
        let long = Event::Text { by: String::new(), text: "x".repeat(ENTRY_BYTES_MAX) };
        assert!(long.encode().is_err());
    }
}
