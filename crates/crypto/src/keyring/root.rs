//! Where the root key lies: here, or with a service that never gives it away.

use std::error::Error;
use std::future::{Future, ready};
use std::pin::Pin;

use super::name::KeyName;
use super::secret::SecretKey;
use crate::root::RootKey;
use crate::seal::{OpenError, SealError};

/// A future that may cross threads.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A root key did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// Nothing was wrapped.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// It is not the root the key was wrapped under, or the wrapped bytes were changed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The service that holds it failed.
    #[error("the service that holds the root key: {doing}")]
    Service {
        /// What it was asked for.
        doing: &'static str,
        /// What went wrong.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Wraps and unwraps tenant keys, and nothing else: few calls, at the start and when keys are rotated.
pub trait RootProvider: Send + Sync {
    /// Names the root key: another one for another key, the same after a restart. Not secret.
    fn id(&self) -> String;

    /// Looks whether it has been replaced, by somebody else or another process, and goes on with the one there is now.
    fn refresh(&self) -> BoxFuture<'_, Result<(), RootError>> {
        Box::pin(ready(Ok(())))
    }

    /// Wraps a tenant's key under its name.
    fn wrap<'a>(&'a self, name: KeyName<'a>, key: &'a SecretKey)
    -> BoxFuture<'a, Result<Vec<u8>, RootError>>;

    /// Gives back what [`RootProvider::wrap`] wrapped under this root and this name.
    fn unwrap<'a>(
        &'a self,
        name: KeyName<'a>,
        wrapped: &'a [u8],
    ) -> BoxFuture<'a, Result<SecretKey, RootError>>;
}

impl RootProvider for RootKey {
    fn id(&self) -> String {
        format!("local:{}", self.number())
    }

    fn wrap<'a>(
        &'a self,
        name: KeyName<'a>,
        key: &'a SecretKey,
    ) -> BoxFuture<'a, Result<Vec<u8>, RootError>> {
        Box::pin(ready(self.as_secret().wrapping().wrap(name, key).map_err(RootError::from)))
    }

    fn unwrap<'a>(
        &'a self,
        name: KeyName<'a>,
        wrapped: &'a [u8],
    ) -> BoxFuture<'a, Result<SecretKey, RootError>> {
        Box::pin(ready(self.as_secret().wrapping().unwrap(name, wrapped).map_err(RootError::from)))
    }
}
