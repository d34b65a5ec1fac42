//! The names under which keys are derived from the root key. One place, so that no two uses can share a key.

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
    /// The key that signs checkpoints of the audit log.
    AuditLog,
}

impl Label {
    pub(crate) fn as_bytes(self) -> &'static [u8] {
        match self {
            Self::Pepper => b"botwarden/v1/pepper",
            Self::BlindIndex => b"botwarden/v1/blind-index",
            Self::LimitHash => b"botwarden/v1/limit-hash",
            Self::Seal => b"botwarden/v1/seal",
            Self::AuditLog => b"botwarden/v1/audit-log",
        }
    }
}
