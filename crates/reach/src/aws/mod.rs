//! What services of AWS have in common: who we are to them, and how that is shown.

mod credentials;
pub(crate) mod sign;

use std::error::Error;

pub use credentials::{Credentials, CredentialsError};

/// Gives credentials as they are now: temporary ones are renewed while we run.
pub type CredentialsNow = dyn Fn() -> Result<Credentials, Box<dyn Error + Send + Sync>> + Send + Sync;
