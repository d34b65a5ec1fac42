//! A root key that is made from a passphrase, slowly.

use std::fmt;
use std::str::FromStr;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::derive::KEY_BYTES;
use crate::root::RootKey;
use crate::token::{RandomnessError, random};

/// Bytes of a salt. Source: RFC 9106 §3.1 (16 bytes are enough for passwords).
const SALT_BYTES: usize = 16;
/// Characters of a salt: ⌈16·8 / 6⌉.
const SALT_CHARS: usize = 22;
/// Memory that a new stretching takes: twice what RFC 9106 §4 recommends where memory is scarce; about 0.3 s on a server's core.
const MEMORY_KIB: u32 = 128 << 10;
/// Less is not accepted. Source: RFC 9106 §4, the second recommended option.
const MEMORY_KIB_MIN: u32 = 64 << 10;
/// More is taken for an edited file: it would keep a start from ever ending.
const MEMORY_KIB_MAX: u32 = 1 << 20;
const PASSES: u32 = 3;
const PASSES_MAX: u32 = 64;
/// What the line begins with: the version of this format, the function and its version.
const HEAD: &str = "bwsalt1 argon2id v=19";

/// Why a text is not taken as a passphrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PassphraseError {
    /// Guessed in no time.
    #[error(
        "shorter than {} characters; take five or more random words, or `openssl rand -base64 24`",
        Passphrase::CHARS_MIN
    )]
    Short,
    /// Guessed almost as fast.
    #[error("a repetition of few characters; take five or more random words, or `openssl rand -base64 24`")]
    Repeated,
    /// Not what anybody meant.
    #[error("longer than {} bytes", Passphrase::BYTES_MAX)]
    Long,
}

/// A passphrase. Never printed, wiped on drop.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// The fewest characters. Source: NIST SP 800-63B-4 §3.1.1.2, for a password that stands alone.
    pub const CHARS_MIN: usize = 15;
    /// The most bytes.
    pub const BYTES_MAX: usize = 4096;
    /// Fewer different characters than this are a pattern.
    const DISTINCT_MIN: usize = 6;

    /// Takes a passphrase over as it is; refuses one that is guessed too fast, however slow each guess.
    pub fn new(text: Zeroizing<String>) -> Result<Self, PassphraseError> {
        if text.len() > Self::BYTES_MAX {
            return Err(PassphraseError::Long);
        }
        let mut chars = Zeroizing::new(text.chars().map(u32::from).collect::<Vec<_>>());
        if chars.len() < Self::CHARS_MIN {
            return Err(PassphraseError::Short);
        }
        chars.sort_unstable();
        chars.dedup();
        if chars.len() < Self::DISTINCT_MIN {
            return Err(PassphraseError::Repeated);
        }
        Ok(Self(text))
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(…)")
    }
}

/// The text does not say how a passphrase is stretched, or says it in a way that would be guessed too fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a salt: expected `{HEAD} m=… t=… p=1 salt=…` on one line, with at least {MEMORY_KIB_MIN} KiB and {PASSES} passes"
)]
pub struct StretchError;

/// The system had no memory for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no memory to stretch the passphrase: it takes {kib} KiB")]
pub struct MemoryError {
    /// How much it takes.
    pub kib: u32,
}

/// How a passphrase becomes a root key: Argon2id with its cost and a salt. Not secret; without it the passphrase gives no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    memory_kib: u32,
    passes: u32,
    salt: [u8; SALT_BYTES],
}

impl Stretch {
    /// The most bytes of its text.
    pub const TEXT_BYTES_MAX: usize = 128;

    /// One with a new salt, at the cost that is usual today.
    pub fn random() -> Result<Self, RandomnessError> {
        Ok(Self { memory_kib: MEMORY_KIB, passes: PASSES, salt: *random()? })
    }

    /// The root key that a passphrase gives. It takes a processor's core and its memory for a moment: not for an async thread.
    /// Source: RFC 9106 (Argon2id, version 0x13, one lane).
    pub fn root_key(&self, passphrase: &Passphrase) -> Result<RootKey, MemoryError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        self.stretch(passphrase.0.as_bytes(), &mut key)?;
        // A patterned key has a chance below 10⁻¹⁷.
        RootKey::from_bytes(key).map_err(|_| MemoryError { kib: self.memory_kib })
    }

    fn stretch(&self, secret: &[u8], key: &mut [u8; KEY_BYTES]) -> Result<(), MemoryError> {
        let failed = MemoryError { kib: self.memory_kib };
        let params = Params::new(self.memory_kib, self.passes, 1, Some(KEY_BYTES)).map_err(|_| failed)?;
        let blocks = params.block_count();
        let mut memory = Zeroizing::new(Vec::new());
        memory.try_reserve_exact(blocks).map_err(|_| failed)?;
        memory.resize(blocks, Block::default());
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into_with_memory(secret, &self.salt, key, memory.as_mut_slice())
            .map_err(|_| failed)
    }
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let salt = URL_SAFE_NO_PAD.encode(self.salt);
        write!(f, "{HEAD} m={} t={} p=1 salt={salt}", self.memory_kib, self.passes)
    }
}

impl FromStr for Stretch {
    type Err = StretchError;

    /// Reads what `Display` wrote; one line break may follow.
    fn from_str(text: &str) -> Result<Self, StretchError> {
        let line = text.strip_suffix('\n').unwrap_or(text);
        let mut rest = line.strip_prefix(HEAD).ok_or(StretchError)?.split(' ').skip(1);
        let mut next = |name: &str| rest.next().and_then(|part| part.strip_prefix(name)).ok_or(StretchError);
        let memory_kib = number(next("m=")?, MEMORY_KIB_MIN, MEMORY_KIB_MAX)?;
        let passes = number(next("t=")?, PASSES, PASSES_MAX)?;
        number(next("p=")?, 1, 1)?;
        let encoded = next("salt=")?;
        let mut salt = [0; SALT_BYTES];
        if encoded.len() != SALT_CHARS || URL_SAFE_NO_PAD.decode_slice(encoded, &mut salt) != Ok(SALT_BYTES) {
            return Err(StretchError);
        }
        let read = Self { memory_kib, passes, salt };
        // One spelling for each.
        if read.to_string() == line { Ok(read) } else { Err(StretchError) }
    }
}

fn number(text: &str, min: u32, max: u32) -> Result<u32, StretchError> {
    text.parse().ok().filter(|number| (min..=max).contains(number)).ok_or(StretchError)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::token::tests::unhex;

    fn passphrase(text: &str) -> Result<Passphrase, PassphraseError> {
        Passphrase::new(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn passphrases() {
        for (name, text, want) in [
            ("words", "correct horse battery staple", Ok(())),
            ("fifteen", "abcdefghijklmno", Ok(())),
            ("fourteen", "abcdefghijklmn", Err(PassphraseError::Short)),
            ("fourteen in more bytes", "äbcdefghijklmn", Err(PassphraseError::Short)),
            ("empty", "", Err(PassphraseError::Short)),
            ("one key held down", "aaaaaaaaaaaaaaaaaaaaaaaa", Err(PassphraseError::Repeated)),
            ("three keys", "abcabcabcabcabcabc", Err(PassphraseError::Repeated)),
            ("a book", &"abcdefgh".repeat(1000), Err(PassphraseError::Long)),
        ] {
            assert_eq!(passphrase(text).map(drop), want, "{name}");
        }
        assert_eq!(format!("{:?}", passphrase("correct horse battery staple").unwrap()), "Passphrase(…)");
    }

    /// Source: phc-winner-argon2, src/test.c: Argon2id, version 0x13, t=2, m=2^16 KiB, p=1, "password", "somesalt".
    #[test]
    fn a_vector_of_the_reference_implementation() {
        let params = Params::new(65_536, 2, 1, Some(32)).unwrap();
        let mut out = [0; 32];
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(b"password", b"somesalt", &mut out)
            .unwrap();
        let want = unhex("09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
        assert_eq!(out.to_vec(), want);
    }

    #[test]
    fn a_passphrase_and_a_salt_give_one_key() {
        let text = "bwsalt1 argon2id v=19 m=65536 t=3 p=1 salt=AAECAwQFBgcICQoLDA0ODw";
        let stretch: Stretch = text.parse().unwrap();
        let key = |stretch: &Stretch, text| stretch.root_key(&passphrase(text).unwrap()).unwrap().number();
        let number = key(&stretch, "correct horse battery staple");
        assert_eq!(number, key(&text.parse().unwrap(), "correct horse battery staple"), "again");
        assert_ne!(number, key(&stretch, "correct horse battery stable"), "another passphrase");
        let salted = Stretch { salt: [7; SALT_BYTES], ..stretch.clone() };
        assert_ne!(number, key(&salted, "correct horse battery staple"), "another salt");
        // No change here may go unnoticed: what lies under such a key could not be read any more.
        assert_eq!(number.to_string(), NUMBER);
    }

    /// The name of the key that the passphrase and the salt above give.
    const NUMBER: &str = "864d40416288039b";

    proptest! {
        #[test]
        fn a_salt_reads_as_it_is_written(salt: [u8; SALT_BYTES], memory_kib in MEMORY_KIB_MIN..=MEMORY_KIB_MAX, passes in PASSES..=PASSES_MAX) {
            let stretch = Stretch { memory_kib, passes, salt };
            prop_assert_eq!(stretch.to_string().parse(), Ok(stretch));
        }

        #[test]
        fn what_reads_is_spelled_one_way(text in "bwsalt1 argon2id v=19 m=[0-9]{5,7} t=[0-9]{1,2} p=1 salt=[A-Za-z0-9_-]{22}") {
            if let Ok(stretch) = text.parse::<Stretch>() {
                prop_assert_eq!(stretch.to_string(), text);
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".{0,200}") {
            let _ = text.parse::<Stretch>();
        }
    }

    #[test]
    fn salts_have_one_spelling_and_a_least_cost() {
        let good = Stretch::random().unwrap().to_string();
        assert!(good.len() < Stretch::TEXT_BYTES_MAX);
        for (name, text, ok) in [
            ("as written", good.clone(), true),
            ("a line break", format!("{good}\n"), true),
            ("two", format!("{good}\n\n"), false),
            ("empty", String::new(), false),
            ("a later version", good.replace("bwsalt1", "bwsalt2"), false),
            ("another function", good.replace("argon2id", "argon2d"), false),
            ("little memory", good.replace("m=131072", "m=65535"), false),
            ("no end of memory", good.replace("m=131072", "m=4294967295"), false),
            ("two passes", good.replace("t=3", "t=2"), false),
            ("no end of passes", good.replace("t=3", "t=100000"), false),
            ("four lanes", good.replace("p=1", "p=4"), false),
            ("a zero before", good.replace("t=3", "t=03"), false),
            ("cut", good[..good.len() - 1].to_owned(), false),
            ("more", format!("{good} x=1"), false),
        ] {
            assert_eq!(text.parse::<Stretch>().is_ok(), ok, "{name}");
        }
        assert_ne!(good, Stretch::random().unwrap().to_string());
    }
}
