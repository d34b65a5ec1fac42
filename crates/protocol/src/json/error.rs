//! Why bytes are not one JSON document.

/// A refusal and the offset of the byte at which it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {at}")]
pub struct JsonError {
    /// Offset into the body.
    pub at: usize,
    /// What is wrong there.
    pub kind: JsonErrorKind,
}

impl JsonError {
    pub(super) fn new(at: usize, kind: JsonErrorKind) -> Self {
        Self { at, kind }
    }
}

/// What is wrong with the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JsonErrorKind {
    /// RFC 8259 §8.1 wants UTF-8.
    #[error("invalid UTF-8")]
    InvalidUtf8,
    /// RFC 8259 §8.1 lets parsers ignore it or refuse it: they differ.
    #[error("byte order mark")]
    ByteOrderMark,
    /// The document stops before it is complete.
    #[error("unexpected end")]
    UnexpectedEnd,
    /// A byte that cannot stand there.
    #[error("unexpected byte")]
    UnexpectedByte,
    /// A control character in a string, unescaped.
    #[error("unescaped control character")]
    ControlCharacter,
    /// A backslash before something RFC 8259 §7 does not list.
    #[error("unknown escape")]
    Escape,
    /// Half of a surrogate pair: it stands for no character.
    #[error("lone surrogate")]
    LoneSurrogate,
    /// Not a number by RFC 8259 §6: `01`, `1.`, `.5`, `+1`.
    #[error("malformed number")]
    Number,
    /// Something after the document.
    #[error("bytes after the document")]
    TrailingBytes,
    /// A name twice in one object; which one counts depends on the parser.
    #[error("duplicate name in one object")]
    DuplicateName,
    /// Containers inside each other.
    #[error("more than {max} levels deep")]
    Depth {
        /// Levels allowed.
        max: usize,
    },
    /// Values in all.
    #[error("more than {max} values")]
    Nodes {
        /// Values allowed.
        max: usize,
    },
    /// Bytes in one string.
    #[error("a string longer than {max} bytes")]
    StringBytes {
        /// Bytes allowed.
        max: usize,
    },
    /// Offsets are kept in 32 bits.
    #[error("body of 4 GiB or more")]
    BodyBytes,
}

impl JsonErrorKind {
    /// Whether a bound of ours was met, rather than a rule of JSON.
    pub fn is_bound(self) -> bool {
        matches!(self, Self::Depth { .. } | Self::Nodes { .. } | Self::StringBytes { .. } | Self::BodyBytes)
    }
}
