//! The key hierarchy: a root wraps the tenant's key, that wraps data keys, those seal.

mod cell;
mod name;
mod nonce;
mod root;
mod secret;
mod wrap;

pub use cell::CellKey;
pub use name::{KeyName, KeyNumber, Purpose, PurposeError};
pub(crate) use nonce::pooled;
pub use root::{BoxFuture, RootError, RootProvider};
pub use secret::SecretKey;
pub use wrap::WrappingKey;
