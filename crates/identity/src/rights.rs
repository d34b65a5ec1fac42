//! What a key may do, and which rights exclude each other.

use std::fmt;
use std::str::FromStr;

/// One thing a key may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Right {
    /// Use the model and tool endpoints as itself.
    Chat,
    /// Name a user with each request, never claims.
    AssertUser,
    /// Open and end sessions, post the user's turns.
    Session,
    /// Answer approvals for the user.
    Approve,
    /// Export and erase the user's data.
    Data,
}

impl Right {
    /// All rights, in the order in which they are listed.
    pub const ALL: [Right; 5] = [Right::Chat, Right::AssertUser, Right::Session, Right::Approve, Right::Data];

    /// The name on the command line and in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::AssertUser => "assert-user",
            Self::Session => "session",
            Self::Approve => "approve",
            Self::Data => "data",
        }
    }

    /// The bit by which stores keep it. Never reused.
    fn bit(self) -> u8 {
        match self {
            Self::Chat => 1,
            Self::AssertUser => 1 << 1,
            Self::Session => 1 << 2,
            Self::Approve => 1 << 3,
            Self::Data => 1 << 4,
        }
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a right: expected chat, assert-user, session, approve or data")]
pub struct UnknownRight(String);

impl FromStr for Right {
    type Err = UnknownRight;

    fn from_str(text: &str) -> Result<Self, UnknownRight> {
        Self::ALL
            .into_iter()
            .find(|right| right.as_str() == text)
            .ok_or_else(|| UnknownRight(text.to_owned()))
    }
}

/// Why rights cannot stand together in one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RightsError {
    /// A key that may do nothing.
    #[error("a key needs at least one right")]
    None,
    /// The bot's key would answer its own approvals or export its user's data.
    #[error(
        "`{bot}` and `{backend}` cannot be in one key: the bot would decide about itself; issue two keys"
    )]
    Mixed {
        /// The right that a bot uses.
        bot: Right,
        /// The right that only a backend may have.
        backend: Right,
    },
    /// A stored value from a later version, or damaged.
    #[error("unknown rights in the store")]
    Unknown,
}

/// The rights of one key. INVARIANT: not empty, and `chat` or `assert-user` never together with `approve` or `data`: a hijacked bot
/// holds at most the former.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rights(u8);

impl Rights {
    /// What a session token may do.
    pub(crate) const CHAT_ONLY: Rights = Rights(1);

    /// The set of `rights`; repetitions do not matter.
    pub fn new(rights: impl IntoIterator<Item = Right>) -> Result<Self, RightsError> {
        let set = Rights(rights.into_iter().fold(0, |bits, right| bits | right.bit()));
        if set.0 == 0 {
            return Err(RightsError::None);
        }
        for bot in [Right::Chat, Right::AssertUser] {
            for backend in [Right::Approve, Right::Data] {
                if set.has(bot) && set.has(backend) {
                    return Err(RightsError::Mixed { bot, backend });
                }
            }
        }
        Ok(set)
    }

    /// What a key of an application's backend needs, and what `key issue` gives unless told otherwise: session, approve, data.
    pub fn backend() -> Self {
        Rights(Right::Session.bit() | Right::Approve.bit() | Right::Data.bit())
    }

    /// Whether `right` is among them.
    pub fn has(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// The rights, in the order of [`Right::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |right| self.has(*right))
    }

    /// The number by which stores keep the set.
    pub fn to_bits(self) -> u8 {
        self.0
    }

    /// A set read back from a store.
    pub fn from_bits(bits: u8) -> Result<Self, RightsError> {
        let known = Right::ALL.iter().fold(0, |all, right| all | right.bit());
        if bits & !known != 0 {
            return Err(RightsError::Unknown);
        }
        Self::new(Right::ALL.into_iter().filter(|right| bits & right.bit() != 0))
    }
}

impl fmt::Display for Rights {
    /// `session,approve,data`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, right) in self.iter().enumerate() {
            if at > 0 {
                f.write_str(",")?;
            }
            f.write_str(right.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rights({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::Right::{Approve, AssertUser, Chat, Data, Session};
    use super::*;

    #[test]
    fn sets() {
        let mixed = |bot, backend| Err(RightsError::Mixed { bot, backend });
        for (name, rights, want) in [
            ("nothing", &[][..], Err(RightsError::None)),
            ("chat and approve", &[Chat, Approve], mixed(Chat, Approve)),
            ("chat and data", &[Data, Chat], mixed(Chat, Data)),
            ("assert-user and approve", &[AssertUser, Approve], mixed(AssertUser, Approve)),
            ("assert-user and data", &[AssertUser, Session, Data], mixed(AssertUser, Data)),
            ("everything", &Right::ALL, mixed(Chat, Approve)),
            ("a bot's", &[Chat, AssertUser], Ok("chat,assert-user")),
            ("a small backend's", &[Chat, Session], Ok("chat,session")),
            ("repeated", &[Session, Session], Ok("session")),
            ("a backend's", &[Data, Approve, Session], Ok("session,approve,data")),
        ] {
            assert_eq!(
                Rights::new(rights.iter().copied()).map(|set| set.to_string()),
                want.map(str::to_owned),
                "{name}"
            );
        }
        assert_eq!(Rights::new([Session, Approve, Data]), Ok(Rights::backend()));
    }

    /// All 256 stored values: each is refused or gives itself back, and no forbidden mix comes through.
    #[test]
    fn stored_bits() {
        for bits in 0..=u8::MAX {
            if let Ok(set) = Rights::from_bits(bits) {
                assert_eq!(set.to_bits(), bits);
                assert!(bits != 0 && bits < 32, "{bits}");
                let bot = set.has(Chat) || set.has(AssertUser);
                assert!(!(bot && (set.has(Approve) || set.has(Data))), "{set}");
            }
        }
        assert_eq!((0..=u8::MAX).filter(|bits| Rights::from_bits(*bits).is_ok()).count(), 13);
    }

    #[test]
    fn names() {
        for right in Right::ALL {
            assert_eq!(right.as_str().parse(), Ok(right));
        }
        for text in ["", "Chat", "admin", "chat ", "assert_user", "chat,session"] {
            assert!(text.parse::<Right>().is_err(), "{text}");
        }
    }
}
