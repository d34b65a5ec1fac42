//! The port to whatever keeps decisions over a restart.

/// Keeps decisions. One record is written before the call it admits goes on.
pub trait Journal: Send + Sync {
    /// Appends one record, whole or not at all. When it returns `Ok` the record outlives this process (though not
    /// yet a loss of power).
    fn append(&self, record: &[u8]) -> Result<(), JournalError>;
}

/// Why a record was not kept.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The medium refused.
    #[error("writing the limit journal")]
    Write(#[source] std::io::Error),
    /// It has grown to its bound because nobody takes snapshots.
    #[error("the limit journal is full: {bytes} bytes since the last snapshot")]
    Full {
        /// Bytes written since the last snapshot.
        bytes: u64,
    },
}
