//! stub
mod c2sp;
mod tree;
pub use c2sp::*;
pub use tree::*;
