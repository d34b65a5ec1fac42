//! stub
mod c2sp;
mod entry;
mod tree;
pub use c2sp::*;
pub use entry::*;
pub use tree::*;
