//! The kinds of entries. Ids, verdicts, reasons, times and counts stand in the clear; what is personal does not.

use botwarden_types::{BotName, KeyId, RequestId, SessionId};

use super::canonical::{Fields, Reader, Value, Writer};
use super::value::write_quoted;
use super::{Commitment, EntryError, EntryId, Word};
use crate::tree::Hash;

/// An enum that is written as a word.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident, $expected:literal { $($(#[$variant_doc:meta])* $variant:ident = $word:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// As written.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl Value for $name {
            const NAME: &'static str = $expected;

            fn write(&self, to: &mut Vec<u8>) {
                write_quoted(self.as_str(), to);
            }

            fn read(from: &mut Reader<'_>) -> Option<Self> {
                match from.quoted()? {
                    $($word => Some(Self::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

/// A kind of entry and its fields, in the order in which they are written.
macro_rules! fields {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $how:ident $field:ident: $type:ty),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl Fields for $name {
            fn write(&self, to: &mut Writer<'_>) {
                $(to.$how(stringify!($field), &self.$field);)*
            }

            fn read(from: &mut Reader<'_>) -> Result<Self, EntryError> {
                // Fields of a struct are evaluated in the order in which they stand here.
                Ok(Self { $($field: from.$how(stringify!($field))?,)* })
            }
        }
    };
}

words!(
    /// What was decided.
    Verdict, "`allowed` or `denied`" {
        /// It may go on.
        Allowed = "allowed",
        /// It may not.
        Denied = "denied",
    }
);

words!(
    /// Where a tool call was decided.
    ToolPlace, "where a tool call was decided" {
        /// A request offers the tool to a model.
        Offered = "offered",
        /// A model's answer asks for the call.
        Proposed = "proposed",
        /// The call came to our own endpoint for tools.
        Called = "called",
    }
);

words!(
    /// What was done with a key.
    KeyUse, "what was done with a key" {
        /// It was made.
        Create = "create",
        /// Another takes its place.
        Rotate = "rotate",
        /// It is gone.
        Destroy = "destroy",
    }
);

fields!(
    /// What was decided about a request. Written before the request is forwarded.
    Decision {
        /// Which request.
        field request: RequestId,
        /// For which bot.
        optional bot: Option<BotName>,
        /// By which key.
        optional key: Option<KeyId>,
        /// In which session.
        optional session: Option<SessionId>,
        /// For which user.
        optional user: Option<Commitment>,
        /// From which address.
        optional address: Option<Commitment>,
        /// What was asked for, such as `chat_completions`.
        field operation: Word,
        /// Of which model.
        optional model: Option<Word>,
        /// SHA-256 of the policy in force.
        optional policy: Option<Hash>,
        /// What was decided.
        field verdict: Verdict,
        /// Why.
        optional reason: Option<Word>,
        /// Tokens reserved.
        optional tokens: Option<u64>,
    }
);

fields!(
    /// How a request ended. Written after the last byte of the answer.
    Outcome {
        /// Which request.
        field request: RequestId,
        /// How, such as `answered`, `cut`, `hung-up`.
        field outcome: Word,
        /// Why, if it was not answered.
        optional reason: Option<Word>,
        /// The status sent.
        optional status: Option<u64>,
        /// Tokens read.
        optional input_tokens: Option<u64>,
        /// Tokens written.
        optional output_tokens: Option<u64>,
        /// Bytes of the answer.
        field bytes: u64,
        /// How long it took.
        field duration_ms: u64,
    }
);

fields!(
    /// What was decided about a tool call. Written before the call is sent, or released to the caller.
    ToolCall {
        /// In which request.
        field request: RequestId,
        /// The call's own id.
        optional call: Option<Word>,
        /// Which tool.
        field tool: Word,
        /// Where it was decided.
        field place: ToolPlace,
        /// With which arguments.
        optional arguments: Option<Commitment>,
        /// SHA-256 of the policy in force.
        optional policy: Option<Hash>,
        /// What was decided.
        field verdict: Verdict,
        /// Why.
        optional reason: Option<Word>,
    }
);

fields!(
    /// What an operator did, or was kept from doing.
    OperatorAction {
        /// Who.
        field operator: Word,
        /// What, such as `key.revoke`.
        field action: Word,
        /// To what.
        optional target: Option<Word>,
        /// What else it was about.
        optional details: Option<Commitment>,
        /// Whether they might.
        field verdict: Verdict,
        /// Why.
        optional reason: Option<Word>,
    }
);

fields!(
    /// One text took the place of another: a configuration, or a policy.
    Change {
        /// Who changed it.
        field by: Word,
        /// SHA-256 of what was in force before.
        optional before: Option<Hash>,
        /// SHA-256 of what is in force now.
        field after: Hash,
        /// How often it was changed.
        field generation: u64,
    }
);

fields!(
    /// Something was done with a key.
    KeyOperation {
        /// What the key is for, such as `api`, `subject`, `epoch`, `audit-log`.
        field purpose: Word,
        /// Which key.
        field key: Word,
        /// What was done.
        field operation: KeyUse,
        /// By whom.
        optional by: Option<Word>,
    }
);

fields!(
    /// Content was erased: from now on the content of these entries, and what their commitments hide, may be missing.
    Erasure {
        /// Names the erasure; its parts share it.
        field erasure: Word,
        /// By whom.
        field by: Word,
        /// Why, such as `request`, `retention`.
        field reason: Word,
        /// Which part of it this is, from 1.
        field part: u64,
        /// Parts there are.
        field parts: u64,
        /// Whose content. Ascending, each once, at most [`Erasure::ENTRIES_MAX`].
        field entries: Vec<EntryId>,
    }
);

fields!(
    /// A process begins to write the log.
    Start {
        /// Its version.
        field version: Word,
        /// Bytes of an unfinished write that were found at the end and set aside.
        field torn_bytes: u64,
    }
);

fields!(
    /// A process ends in good order.
    Stop {
        /// Why, such as `signal`.
        field reason: Word,
    }
);

impl Erasure {
    /// Ids in one entry: 35 bytes each, and the entry stays below [`super::ENTRY_BYTES_MAX`].
    pub const ENTRIES_MAX: usize = 1800;

    /// The entries, in as many parts as it takes, that erase the content of `entries`.
    pub fn parts(erasure: &Word, by: &Word, reason: &Word, mut entries: Vec<EntryId>) -> Vec<Self> {
        entries.sort_unstable();
        entries.dedup();
        let chunks = entries.chunks(Self::ENTRIES_MAX);
        let parts = chunks.len() as u64;
        let part = |(part, ids): (u64, &[EntryId])| Self {
            erasure: erasure.clone(),
            by: by.clone(),
            reason: reason.clone(),
            part,
            parts,
            entries: ids.to_vec(),
        };
        (1..).zip(chunks).map(part).collect()
    }
}

/// The kinds of entries, each with the word that names it.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident($type:ident) = $word:literal),* $(,)?) => {
        /// What happened.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event {
            $($(#[$doc])* $variant($type),)*
        }

        impl Event {
            /// The word that names the kind.
            pub fn kind(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => $word,)*
                }
            }
        }

        impl Fields for Event {
            fn write(&self, to: &mut Writer<'_>) {
                to.field("kind", &Kind(self.kind()));
                match self {
                    $(Self::$variant(event) => event.write(to),)*
                }
            }

            fn read(from: &mut Reader<'_>) -> Result<Self, EntryError> {
                match from.field::<Kind>("kind")?.0 {
                    $($word => $type::read(from).map(Self::$variant),)*
                    _ => Err(from.malformed(Kind::NAME)),
                }
            }
        }

        const KINDS: &[&str] = &[$($word),*];
    };
}

kinds!(
    /// Of a request.
    Decision(Decision) = "decision",
    /// Of a request.
    Outcome(Outcome) = "outcome",
    /// Decided.
    ToolCall(ToolCall) = "tool_call",
    /// By a person.
    Operator(OperatorAction) = "operator",
    /// Of the configuration.
    Configuration(Change) = "configuration",
    /// Of the policy.
    Policy(Change) = "policy",
    /// Made, rotated, destroyed.
    Key(KeyOperation) = "key",
    /// Of content.
    Erasure(Erasure) = "erasure",
    /// Of a process.
    Start(Start) = "start",
    /// Of a process.
    Stop(Stop) = "stop",
);

/// The word of a kind.
struct Kind(&'static str);

impl Value for Kind {
    const NAME: &'static str = "a kind of entry";

    fn write(&self, to: &mut Vec<u8>) {
        write_quoted(self.0, to);
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let text = from.quoted()?;
        KINDS.iter().find(|kind| **kind == text).map(|kind| Self(kind))
    }
}
