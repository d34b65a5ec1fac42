//! How much JSON a reader takes in.

/// Bounds on one JSON document. The size of the whole body is the gateway's to bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Containers inside each other.
    pub depth_max: usize,
    /// Values in all: every string, number, literal, array and object, but not the names of fields. One costs 16 bytes
    /// while the document is held, its name another 16.
    pub nodes_max: usize,
    /// Bytes of one string as written, escapes unresolved. Images travel as base64 in one string.
    pub string_bytes_max: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { depth_max: 64, nodes_max: 10_000, string_bytes_max: 256 * 1024 }
    }
}
