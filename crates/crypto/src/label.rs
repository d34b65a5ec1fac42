//! The names under which keys are derived from others. One place, so that no two uses can share a key.

/// What a derived key is for. The text is HKDF's `info`; changing one makes everything hashed or sealed under it unreadable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label {
    /// Keyed hashes of credentials.
    Pepper,
    /// Keyed hashes by which sealed values are found again.
    BlindIndex,
    /// Hash tables of the limiter.
    LimitHash,
    /// Cells sealed directly under a key of the root (format version 1).
    Seal,
    /// Of a data key: what says which key it is.
    Commitment,
    /// Of a data key: the public number of one that has none yet.
    Number,
    /// Of a root or tenant key: wraps other keys.
    Wrap,
    /// Of a data key: seals cells (format version 2).
    Cell,
    /// Of a data key: salts of commitments in the audit log.
    Salt,
    /// Of a data key: keyed hashes by which what it seals is found again.
    Index,
    /// Of a data key: the seed of the key that signs checkpoints of the audit log.
    AuditLog,
    /// The same for one of several nodes that share a data key; the node's name follows.
    AuditLogOfNode,
}

impl Label {
    pub(crate) fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Pepper => b"botwarden/v1/pepper",
            Self::BlindIndex => b"botwarden/v1/blind-index",
            Self::LimitHash => b"botwarden/v1/limit-hash",
            Self::Seal => b"botwarden/v1/seal",
            Self::Commitment => b"botwarden/v2/commitment",
            Self::Number => b"botwarden/v2/number",
            Self::Wrap => b"botwarden/v2/wrap",
            Self::Cell => b"botwarden/v2/cell",
            Self::Salt => b"botwarden/v2/salt",
            Self::Index => b"botwarden/v2/index",
            Self::AuditLog => b"botwarden/v2/audit-log",
            Self::AuditLogOfNode => b"botwarden/v2/audit-log/node/",
        }
    }
}
