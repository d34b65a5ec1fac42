//! Who a request comes from, once a credential has been recognised.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use botwarden_types::{BotName, KeyId, UnixMs, UserName};
use tokio::sync::Notify;

use crate::authenticator::IdentifyError;
use crate::rights::{Right, Rights};
use crate::session::Session;

/// Whether something that was valid has been taken back. Shared between a table and everyone who holds a principal made
/// from it, so that taking it back reaches requests under way.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    over: AtomicBool,
    waiting: Notify,
}

impl Standing {
    /// Takes it back, for good.
    pub(crate) fn end(&self) {
        // The flag before the call: whoever starts to wait after the call sees the flag.
        self.over.store(true, Ordering::Release);
        self.waiting.notify_waiters();
    }

    /// Whether it has been taken back.
    pub(crate) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Returns when it has been taken back.
    pub(crate) async fn over(&self) {
        let mut called = pin!(self.waiting.notified());
        // Listening before looking: a call between the two is not missed.
        called.as_mut().enable();
        if !self.is_over() {
            called.await;
        }
    }
}

/// The caller has no right to name users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this credential may not name a user")]
pub struct MayNotAssert;

/// A recognised caller. INVARIANT: built only by [`crate::Authenticator::identify`]; with a session, its rights are `chat` alone.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The key presented, or the key that opened the session.
    pub key: KeyId,
    /// The bot it belongs to.
    pub bot: BotName,
    /// What it may do.
    pub rights: Rights,
    /// The session whose token was presented.
    pub session: Option<Arc<Session>>,
    /// The user a key with that right has named.
    pub(crate) asserted: Option<UserName>,
    /// When the key expires.
    pub(crate) key_expires: Option<UnixMs>,
    pub(crate) key_standing: Arc<Standing>,
}

impl Principal {
    /// The person served: the session's user, or the one the caller was entitled to name.
    pub fn user(&self) -> Option<&UserName> {
        match &self.session {
            Some(session) => Some(&session.user),
            None => self.asserted.as_ref(),
        }
    }

    /// Names the user served by this request; only for a key with `assert-user`. A session's user cannot be changed.
    pub fn assert_user(mut self, user: UserName) -> Result<Self, MayNotAssert> {
        if self.session.is_some() || !self.rights.has(Right::AssertUser) {
            return Err(MayNotAssert);
        }
        self.asserted = Some(user);
        Ok(self)
    }

    /// Whether the credential would still be accepted: for requests that waited. A few atomic reads.
    pub fn still_valid(&self, now: UnixMs) -> Result<(), IdentifyError> {
        if self.key_standing.is_over() {
            return Err(IdentifyError::Revoked);
        }
        match &self.session {
            Some(session) if session.standing.is_over() => Err(IdentifyError::Ended),
            Some(session) if session.expires <= now => Err(IdentifyError::Expired),
            Some(_) => Ok(()),
            None if self.key_expires.is_some_and(|at| at <= now) => Err(IdentifyError::Expired),
            None => Ok(()),
        }
    }
    /// Returns when the key has been revoked or the session ended: for streams, which are then cut. It waits on this key and
    /// session alone; expiry does not wake it, since nothing here has a clock. Cancel safe.
    pub async fn taken_back(&self) -> IdentifyError {
        match &self.session {
            None => self.key_standing.over().await,
            Some(session) => {
                let ended = session.standing.over();
                let revoked = self.key_standing.over();
                tokio::select! { () = ended => {}, () = revoked => {} }
            }
        }
        if self.key_standing.is_over() { IdentifyError::Revoked } else { IdentifyError::Ended }
    }
}
