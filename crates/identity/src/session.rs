//! One user's conversation with one bot, and what opening or ending one can answer.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use botwarden_types::{BotName, KeyId, SessionId, UnixMs, UserName};

use crate::claims::Claims;
use crate::principal::Standing;
use crate::store::StoreError;

/// How long a session lasts unless its opener says otherwise: 1 h.
pub const SESSION_TTL_DEFAULT: Duration = Duration::from_secs(3600);
/// How long a session may last: 24 h. A stolen token is worth no more than that.
pub const SESSION_TTL_MAX: Duration = Duration::from_secs(24 * 3600);

/// A user's conversation with a bot. Its token acts for this user, with these claims, until it expires or is ended.
pub struct Session {
    /// Its name; not secret.
    pub id: SessionId,
    /// The bot of the key that opened it.
    pub bot: BotName,
    /// The key that opened it.
    pub key: KeyId,
    /// The person served.
    pub user: UserName,
    /// What the application vouches for about them.
    pub claims: Claims,
    /// When it was opened.
    pub created: UnixMs,
    /// From when on its token is refused; never later than the key's own expiry.
    pub expires: UnixMs,
    pub(crate) standing: Standing,
    pub(crate) key_standing: Arc<Standing>,
    /// Bytes of user and claims, for the memory bound.
    pub(crate) texts_bytes: usize,
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({}, {})", self.id, self.bot)
    }
}

/// A time to live that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a time to live from 1 s to {} s", SESSION_TTL_MAX.as_secs())]
pub struct TtlError;

/// What a backend says when it opens a session.
#[derive(Clone, Debug)]
pub struct OpenSession {
    user: UserName,
    claims: Claims,
    ttl: Duration,
}

impl OpenSession {
    /// A session for `user`; without `ttl` it lasts [`SESSION_TTL_DEFAULT`].
    pub fn new(user: UserName, claims: Claims, ttl: Option<Duration>) -> Result<Self, TtlError> {
        let ttl = ttl.unwrap_or(SESSION_TTL_DEFAULT);
        if ttl < Duration::from_secs(1) || ttl > SESSION_TTL_MAX {
            return Err(TtlError);
        }
        Ok(Self { user, claims, ttl })
    }

    pub(crate) fn into_parts(self) -> (UserName, Claims, Duration) {
        (self.user, self.claims, self.ttl)
    }
}

/// Why no session was opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The caller has no right to open sessions.
    #[error("this credential may not open sessions")]
    NotAllowed,
    /// The caller's key has been revoked or has expired meanwhile.
    #[error("the credential is no longer valid")]
    Invalidated,
    /// As many as may be open at once for one bot.
    #[error("the bot has {max} open sessions already")]
    TooMany {
        /// How many may be.
        max: usize,
    },
    /// All sessions together take as much memory as they may.
    #[error("the open sessions take {max_bytes} bytes already")]
    Full {
        /// How much they may.
        max_bytes: usize,
    },
    /// The system gave no randomness.
    #[error("making a session token")]
    Randomness(#[from] botwarden_crypto::RandomnessError),
    /// It could not be kept.
    #[error("keeping the session")]
    Store(#[from] StoreError),
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// By this call.
    Now,
    /// It had ended or expired before.
    Before,
}

/// Why a session was not ended.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// The caller has no right to end sessions.
    #[error("this credential may not end sessions")]
    NotAllowed,
    /// No such session, or another bot's.
    #[error("no such session")]
    NotFound,
    /// The end could not be kept. In this process the token is dead already.
    #[error("keeping the session's end")]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_to_live() {
        for (name, ttl, ok) in [
            ("none given", None, true),
            ("a second", Some(Duration::from_secs(1)), true),
            ("a day", Some(SESSION_TTL_MAX), true),
            ("zero", Some(Duration::ZERO), false),
            ("less than a second", Some(Duration::from_millis(999)), false),
            ("more than a day", Some(SESSION_TTL_MAX + Duration::from_millis(1)), false),
            ("for ever", Some(Duration::MAX), false),
        ] {
            let user = UserName::parse("u").unwrap();
            assert_eq!(OpenSession::new(user, Claims::default(), ttl).is_ok(), ok, "{name}");
        }
    }
}
