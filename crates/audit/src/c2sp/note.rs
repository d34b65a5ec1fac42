//! Signed notes. Source: c2sp.org/signed-note v1.0.0.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use botwarden_crypto::{SIGNATURE_BYTES, SigningKey, VERIFYING_KEY_BYTES, VerifyingKey, sha256};

/// Bytes of the longest note that is read: sixteen post-quantum signatures of 5 kB and some text.
pub(crate) const NOTE_BYTES_MAX: usize = 128 << 10;
/// Signatures of a note; the specification asks for at least 16.
pub(crate) const SIGNATURES_MAX: usize = 64;
/// Bytes of a key's name.
const NAME_BYTES_MAX: usize = 256;
/// What a signature's line begins with: an em dash and a space.
const SIGNATURE_PREFIX: &str = "— ";

/// What kind of signature a key makes, with its byte in key ids. A post-quantum kind (0x06, ML-DSA-44) will be a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// Ed25519 over the text of the note.
    Ed25519,
    /// Ed25519 over a time and the text of a checkpoint: what witnesses give (c2sp.org/tlog-cosignature).
    CosignatureEd25519,
}

impl Algorithm {
    fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::CosignatureEd25519 => 0x04,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Ed25519, Self::CosignatureEd25519].into_iter().find(|it| it.byte() == byte)
    }
}

/// Why a text is not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not the format.
    #[error("not a key: expected `name+id+base64`")]
    Format,
    /// A name that notes cannot carry.
    #[error("a key's name is 1 to {NAME_BYTES_MAX} bytes without spaces, `+` and control characters")]
    Name,
    /// A kind of key this release does not know.
    #[error("a key of kind {0:#04x}, which this release does not know")]
    Algorithm(u8),
    /// The id is not the hash of name and key: one of them was mistyped.
    #[error("the key's id does not belong to its name and bytes")]
    Id,
    /// Not a point of the curve.
    #[error("not an Ed25519 key")]
    Key,
}

/// Checks signatures of one key. Public; printed as the usual `name+id+base64`.
#[derive(Clone, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    algorithm: Algorithm,
    key: VerifyingKey,
    id: [u8; 4],
}

impl NoteKey {
    /// The key with a name.
    pub fn new(name: &str, algorithm: Algorithm, key: VerifyingKey) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        let hashed = [name.as_bytes(), b"\n", &[algorithm.byte()], key.as_bytes()].concat();
        let [a, b, c, d, ..] = sha256(&hashed);
        Ok(Self { name: name.to_owned(), algorithm, key, id: [a, b, c, d] })
    }

    /// Reads `name+id+base64`, as Go's `note` prints verifiers.
    pub fn parse(text: &str) -> Result<Self, KeyError> {
        let (name, rest) = text.split_once('+').ok_or(KeyError::Format)?;
        let (id, encoded) = rest.split_once('+').ok_or(KeyError::Format)?;
        if encoded.len() > 2 * (1 + VERIFYING_KEY_BYTES) {
            return Err(KeyError::Format);
        }
        let bytes = STANDARD.decode(encoded).map_err(|_| KeyError::Format)?;
        let (&byte, bytes) = bytes.split_first().ok_or(KeyError::Format)?;
        let algorithm = Algorithm::from_byte(byte).ok_or(KeyError::Algorithm(byte))?;
        let key = VerifyingKey::from_bytes(bytes).ok_or(KeyError::Key)?;
        let key = Self::new(name, algorithm, key)?;
        if id == key.id_text() { Ok(key) } else { Err(KeyError::Id) }
    }

    /// The name in signature lines.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What kind of signature it makes.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its id in signatures.
    pub(crate) fn id(&self) -> [u8; 4] {
        self.id
    }

    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), NoteError> {
        self.key.verify(message, signature).map_err(|_| NoteError::BadSignature)
    }

    fn id_text(&self) -> String {
        format!("{:08x}", u32::from_be_bytes(self.id))
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.algorithm.byte()][..], self.key.as_bytes()].concat();
        write!(f, "{}+{}+{}", self.name, self.id_text(), STANDARD.encode(bytes))
    }
}

impl fmt::Debug for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteKey({self})")
    }
}

/// Signs notes under a name.
#[derive(Debug)]
pub struct NoteSigner {
    secret: SigningKey,
    key: NoteKey,
}

impl NoteSigner {
    /// A signer of plain notes, or of cosignatures.
    pub fn new(name: &str, algorithm: Algorithm, secret: SigningKey) -> Result<Self, KeyError> {
        let key = NoteKey::new(name, algorithm, secret.verifying_key())?;
        Ok(Self { secret, key })
    }

    /// What checks its signatures.
    pub fn key(&self) -> &NoteKey {
        &self.key
    }

    /// The note of `text`, which ends with a line feed: the text, an empty line, one signature.
    pub(crate) fn note(&self, text: &str) -> String {
        let signature = self.sign(text.as_bytes());
        format!("{text}\n{}", self.line(&signature))
    }

    pub(super) fn sign(&self, message: &[u8]) -> [u8; SIGNATURE_BYTES] {
        self.secret.sign(message)
    }

    /// The line of a signature.
    pub(super) fn line(&self, signature: &[u8]) -> String {
        let encoded = STANDARD.encode([&self.key.id[..], signature].concat());
        format!("{SIGNATURE_PREFIX}{} {encoded}\n", self.key.name)
    }
}

/// Why bytes are not a note one can rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not the format.
    #[error("not a signed note")]
    Format,
    /// More than is read.
    #[error("a note of {got} bytes; at most {NOTE_BYTES_MAX} are read")]
    TooLong {
        /// Bytes there are.
        got: usize,
    },
    /// Nobody known signed it.
    #[error("not signed with the key that was asked for")]
    Unsigned,
    /// It carries a signature of the key that does not verify.
    #[error("the signature does not verify")]
    BadSignature,
}

/// A note that is well formed. Its text means nothing before [`Note::verify`] says who signed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    text: &'a str,
    signatures: Vec<Signature<'a>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature<'a> {
    name: &'a str,
    /// The key's id and the signature.
    bytes: Vec<u8>,
}

impl<'a> Note<'a> {
    /// Reads a note, and nothing that follows it.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLong { got: bytes.len() });
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| NoteError::Format)?;
        if whole.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(NoteError::Format);
        }
        let (text, lines) =
            whole.rfind("\n\n").and_then(|at| whole.split_at_checked(at + 1)).ok_or(NoteError::Format)?;
        let lines =
            lines.strip_prefix('\n').and_then(|lines| lines.strip_suffix('\n')).ok_or(NoteError::Format)?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == SIGNATURES_MAX {
                return Err(NoteError::Format);
            }
            signatures.push(Signature::parse(line).ok_or(NoteError::Format)?);
        }
        Ok(Self { text, signatures })
    }

    /// What is signed, with its last line feed.
    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Whether the key signed this. Signatures of others are passed over.
    pub fn verify(&self, key: &NoteKey) -> Result<(), NoteError> {
        let mut signed = Err(NoteError::Unsigned);
        for signature in self.by(key) {
            key.verify(self.text.as_bytes(), signature)?;
            signed = Ok(());
        }
        signed
    }

    /// The signatures that say they are of this key.
    pub(super) fn by<'s>(&'s self, key: &'s NoteKey) -> impl Iterator<Item = &'s [u8]> {
        self.signatures.iter().filter_map(|it| it.of(key))
    }
}

impl<'a> Signature<'a> {
    /// The line, without its line feed.
    pub(super) fn parse(line: &'a str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
        let bytes = STANDARD.decode(encoded).ok().filter(|bytes| bytes.len() > 4)?;
        is_name(name).then_some(Self { name, bytes })
    }

    /// The signature itself, if it says that it is of this key.
    pub(super) fn of(&self, key: &NoteKey) -> Option<&[u8]> {
        self.bytes.strip_prefix(&key.id).filter(|_| self.name == key.name)
    }
}

fn is_name(name: &str) -> bool {
    let allowed = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.chars().all(allowed)
}
