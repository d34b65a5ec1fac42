//! Random secrets as text: 32 bytes from the system, 43 base64url characters.

use std::fmt;

use aws_lc_rs::rand;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

/// Random bytes of a token: 256 bits, out of reach of guessing whatever the number of tokens.
const TOKEN_BYTES: usize = 32;
/// Characters of a token: ⌈32·8 / 6⌉.
const TOKEN_CHARS: usize = 43;

/// The system gave no randomness. Nothing that needs a secret can go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gave no randomness")]
pub struct RandomnessError;

/// The text is not a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not {TOKEN_CHARS} base64url characters")]
pub struct TokenError;

/// Fills an array from the system's random source.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, RandomnessError> {
    let mut bytes = Zeroizing::new([0; N]);
    rand::fill(&mut *bytes).map_err(|_| RandomnessError)?;
    Ok(bytes)
}

/// A random secret of 256 bits, as 43 base64url characters. Never printed, wiped on drop.
#[derive(Clone)]
pub struct Token(Zeroizing<String>);

impl Token {
    /// Characters of a token.
    pub const CHARS: usize = TOKEN_CHARS;

    /// A new token from the system's random source.
    pub fn random() -> Result<Self, RandomnessError> {
        let bytes = random::<TOKEN_BYTES>()?;
        Ok(Self::encode(&bytes))
    }

    /// Accepts exactly the spelling [`Token::random`] gives: 43 characters of the URL-safe alphabet (RFC 4648 §5), no padding, unused bits
    /// zero. So one secret has one spelling.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        Self::check(text)?;
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// Whether [`Token::parse`] would accept the text, without a copy of it.
    pub fn check(text: &str) -> Result<(), TokenError> {
        Self::decode(text).map(drop)
    }

    /// The secret itself. Reviewers grep for `expose`.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(crate) fn encode(bytes: &[u8; TOKEN_BYTES]) -> Self {
        let mut text = Zeroizing::new(String::with_capacity(TOKEN_CHARS));
        URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
        Self(text)
    }

    pub(crate) fn decode(text: &str) -> Result<Zeroizing<[u8; TOKEN_BYTES]>, TokenError> {
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        if text.len() != TOKEN_CHARS {
            return Err(TokenError);
        }
        match URL_SAFE_NO_PAD.decode_slice(text, &mut *bytes) {
            Ok(TOKEN_BYTES) => Ok(bytes),
            _ => Err(TokenError),
        }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// 16 random bytes: unique, not secret. Drawn many at a time.
pub fn random_id() -> Result<[u8; 16], RandomnessError> {
    crate::keyring::pooled().map_err(|_| RandomnessError)
}

/// Random bytes of an [`identifier`]: two equal ones are not to be expected among fewer than 2^60.
const IDENTIFIER_BYTES: usize = 16;
/// RFC 4648 §6's alphabet in lower case.
const BASE32: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// A random name of 26 characters, a–z and 2–7: unique, not secret.
pub fn identifier() -> Result<String, RandomnessError> {
    let bytes = random::<IDENTIFIER_BYTES>()?;
    let mut number = u128::from_be_bytes(*bytes);
    let mut text = String::with_capacity(26);
    // 128 bits in groups of five: 25 full ones and a last of three.
    for _ in 0..26 {
        let digit = usize::try_from(number & 31).unwrap_or(0);
        text.push(BASE32.get(digit).copied().map_or('a', char::from));
        number >>= 5;
    }
    Ok(text)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Bytes from hexadecimal digits; white space is skipped.
    pub(crate) fn unhex(text: &str) -> Vec<u8> {
        let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
    }

    #[test]
    fn token_shapes() {
        let good = "A".repeat(43);
        for (name, text, ok) in [
            ("well formed", good.clone(), true),
            ("empty", String::new(), false),
            ("short", "A".repeat(42), false),
            ("long", "A".repeat(44), false),
            ("padded", format!("{}=", "A".repeat(42)), false),
            ("padding after", format!("{good}="), false),
            ("standard alphabet", format!("{}+", "A".repeat(42)), false),
            ("unused bits set", format!("{}B", "A".repeat(42)), false),
            ("white space", format!(" {}", "A".repeat(42)), false),
            ("not ASCII", format!("{}é", "A".repeat(41)), false),
            ("a NUL", format!("{}\0", "A".repeat(42)), false),
        ] {
            assert_eq!(Token::parse(&text).is_ok(), ok, "{name}");
        }
    }

    proptest! {
        #[test]
        fn parse_undoes_encode(bytes: [u8; TOKEN_BYTES]) {
            let token = Token::encode(&bytes);
            prop_assert_eq!(token.expose().len(), Token::CHARS);
            prop_assert_eq!(*Token::decode(Token::parse(token.expose()).unwrap().expose()).unwrap(), bytes);
        }

        #[test]
        fn what_parses_is_spelled_one_way(text in "[A-Za-z0-9_-]{43}") {
            if let Ok(bytes) = Token::decode(&text) {
                let again = Token::encode(&bytes);
                prop_assert_eq!(again.expose(), text);
            }
        }
    }

    #[test]
    fn random_tokens_and_identifiers_differ() {
        let (one, other) = (Token::random().unwrap(), Token::random().unwrap());
        assert_ne!(one.expose(), other.expose());
        let id = identifier().unwrap();
        assert_ne!(id, identifier().unwrap());
        assert!(id.len() == 26 && id.bytes().all(|c| BASE32.contains(&c)), "{id}");
    }

    #[test]
    fn a_token_does_not_print() {
        assert_eq!(format!("{:?}", Token::random().unwrap()), "Token(…)");
    }
}
