//! Names and ids as types: one that exists is well formed.

use std::fmt;
use std::sync::Arc;

/// Why a text is not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("empty")]
    Empty,
    /// Longer than the type allows.
    #[error("longer than {max} bytes")]
    TooLong {
        /// Bytes allowed.
        max: usize,
    },
    /// A character the type does not allow.
    #[error("has a character other than {allowed}")]
    Character {
        /// The characters allowed, in words.
        allowed: &'static str,
    },
}

/// A short text of a closed alphabet, cheap to clone.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $max:expr, $allowed:expr, $accept:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The most bytes it may have.
            pub const BYTES_MAX: usize = $max;

            /// Accepts `text` if every character is allowed and it is neither empty nor too long.
            pub fn parse(text: &str) -> Result<Self, NameError> {
                let accept: fn(char) -> bool = $accept;
                match text {
                    "" => Err(NameError::Empty),
                    _ if text.len() > Self::BYTES_MAX => Err(NameError::TooLong { max: Self::BYTES_MAX }),
                    _ if text.chars().all(accept) => Ok(Self(text.into())),
                    _ => Err(NameError::Character { allowed: $allowed }),
                }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
    };
}

/// Ids may be printed; a user's name is personal and may not.
macro_rules! printable {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }
    )*};
}

const SLUG: &str = "a–z, 0–9, `-` and `_`";

fn is_slug(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_'
}

name!(
    /// Names a protected application.
    BotName, 64, SLUG, is_slug
);
name!(
    /// Names a credential without being one: safe to log.
    KeyId, 64, SLUG, is_slug
);
name!(
    /// Names one conversation of one user with one bot.
    SessionId, 64, SLUG, is_slug
);
name!(
    /// Names one request; sent back as `x-request-id`.
    RequestId, 64, SLUG, is_slug
);
name!(
    /// The person a caller serves, by the caller's own name for them. Personal: it has no `Display`, and `Debug` hides it.
    UserName, 256, "printable characters", |c| !c.is_control()
);
printable!(BotName, KeyId, SessionId, RequestId);

impl RequestId {
    /// The id of the `number`-th request of a process. Made without a look at each character: every request has one.
    pub fn numbered(process: u64, number: u64) -> Self {
        let mut text = *b"req-0123456789abcdef0123456789abcdef";
        let (_, digits) = text.split_at_mut(4);
        for (to, from) in digits.chunks_mut(16).zip([hex(process), hex(number)]) {
            to.copy_from_slice(&from);
        }
        Self(std::str::from_utf8(&text).unwrap_or("req").into())
    }
}

/// A number as 16 hexadecimal digits.
pub fn hex(number: u64) -> [u8; 16] {
    let halves =
        u128::from(eight_digits(number >> 32)) << 64 | u128::from(eight_digits(number & 0xffff_ffff));
    halves.to_be_bytes()
}

/// The digits of 32 bits, the first in the highest byte: all eight at once.
fn eight_digits(number: u64) -> u64 {
    let spread = (number | number << 16) & 0x0000_ffff_0000_ffff;
    let spread = (spread | spread << 8) & 0x00ff_00ff_00ff_00ff;
    let nibbles = (spread | spread << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    // A nibble above 9 carries into the next bit when 6 is added; from `:`, which follows `9`, to `a` it is 0x27.
    let letters = (nibbles + 0x0606_0606_0606_0606) >> 4 & 0x0101_0101_0101_0101;
    nibbles + 0x3030_3030_3030_3030 + letters * 0x27
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UserName(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_shapes() {
        let long = "a".repeat(65);
        for (name, text, want) in [
            ("well formed", "shop-bot_2", Ok(())),
            ("empty", "", Err(NameError::Empty)),
            ("too long", long.as_str(), Err(NameError::TooLong { max: 64 })),
            ("upper case", "Shop", Err(NameError::Character { allowed: SLUG })),
            ("a path", "../shop", Err(NameError::Character { allowed: SLUG })),
        ] {
            assert_eq!(BotName::parse(text).map(drop), want, "{name}");
        }
    }

    #[test]
    fn request_ids_are_numbered() {
        for number in [0, 9, 10, 0xff, 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, u64::MAX] {
            let id = RequestId::numbered(7, number);
            assert_eq!(id.as_str(), format!("req-{:016x}{number:016x}", 7));
            assert_eq!(RequestId::parse(id.as_str()), Ok(id), "it is one that could be read");
        }
    }

    #[test]
    fn a_user_does_not_print() {
        let user = UserName::parse("alice@example.com").unwrap();
        assert_eq!(format!("{user:?}"), "UserName(…)");
        assert!(UserName::parse("a\nb").is_err(), "no line breaks: it may reach a header");
    }
}
