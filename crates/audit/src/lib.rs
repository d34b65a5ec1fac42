//! stub
mod tree;
pub use tree::*;
