//! Why a witness did not cosign, and what to do about it.

use botwarden_audit::{NoteError, ProveError};
use botwarden_types::UnixMs;
use http::StatusCode;

use crate::call::CallError;

/// Why a checkpoint was not cosigned.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    /// It was not reached, or did not answer.
    #[error("asking the witness at `{url}`")]
    Call {
        /// Its address.
        url: String,
        /// Why.
        source: CallError,
    },
    /// The log's own files do not give what it asks for.
    #[error("proving that the log goes on from {old} entries")]
    Proof {
        /// From where on.
        old: u64,
        /// Why not.
        source: ProveError,
    },
    /// **The alarm.** The log is smaller than what this witness cosigned.
    #[error(
        "the end of this log was cut off, or an old copy of it put in its place: it has {here} entries, and the witness cosigned {seen}; \
         keep the files as they are, and find out who wrote to them"
    )]
    RolledBack {
        /// Entries here.
        here: u64,
        /// Entries that it cosigned.
        seen: u64,
    },
    /// **The alarm.** The log does not go on from what this witness cosigned.
    #[error(
        "this log is another than the witness cosigned: its first {at} entries are not those of then; keep the files as they are, and find out \
         who wrote to them"
    )]
    Forked {
        /// Entries that it cosigned.
        at: u64,
    },
    /// It is no witness of this log.
    #[error(
        "the witness does not know this log; have its operator add the key that `botwarden audit key` prints"
    )]
    UnknownLog,
    /// It knows another key for the log's name.
    #[error(
        "the witness does not accept the log's signature; have its operator compare the log's key with what `botwarden audit key` prints"
    )]
    Signature,
    /// Somebody else has it cosign at the same time.
    #[error("another process has the witness cosign this log at the same time; the next round looks again")]
    Busy,
    /// Anything else that it said.
    #[error("the witness answered {status} ({said})")]
    Refused {
        /// The status.
        status: StatusCode,
        /// Its words.
        said: String,
    },
    /// Not an answer of a witness.
    #[error("what was answered is not what witnesses answer; is `url` right?")]
    Answer,
    /// It cosigned with another key, or not at all.
    #[error(
        "the witness answered without a cosignature of its key ({0}); is `key` the key of the witness at `url`?"
    )]
    Cosignature(NoteError),
    /// Its clock and ours differ too much for its word to be worth anything.
    #[error(
        "the witness says it cosigned at {}, and here it is {}; one of the two clocks is wrong (`timedatectl set-ntp true`), or the answer is an \
         old one", .at.rfc3339(), .now.rfc3339()
    )]
    Clock {
        /// What it says.
        at: UnixMs,
        /// What our clock says.
        now: UnixMs,
    },
    /// It gave a time before one that it gave already.
    #[error("the witness says it cosigned at {}, and has cosigned at {} before: that answer is an old one", .at.rfc3339(), .before.rfc3339())]
    Replayed {
        /// What it says.
        at: UnixMs,
        /// What it said before.
        before: UnixMs,
    },
}

impl WitnessError {
    /// Whether it shows that the log was rolled back or forked: not something that passes, and not to be passed over.
    pub fn is_alarm(&self) -> bool {
        match self {
            Self::RolledBack { .. } | Self::Forked { .. } => true,
            Self::Call { .. }
            | Self::Proof { .. }
            | Self::UnknownLog
            | Self::Signature
            | Self::Busy
            | Self::Refused { .. }
            | Self::Answer
            | Self::Cosignature(_)
            | Self::Clock { .. }
            | Self::Replayed { .. } => false,
        }
    }
}
