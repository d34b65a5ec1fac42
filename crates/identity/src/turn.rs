//! What a person said, as the front end posted it.

use std::fmt;

use botwarden_crypto::{BlindIndex, Digest};
use botwarden_types::{SessionId, Span};
use zeroize::Zeroizing;

use crate::store::StoreError;

/// Bytes of a turn's text.
pub const TURN_BYTES_MAX: usize = 64 * 1024;
/// Pasted spans of a turn.
pub const PASTED_MAX: usize = 64;
/// Characters of an idempotency key.
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;

/// Why a turn is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TurnInvalid {
    /// Nothing was said.
    #[error("text: empty")]
    Empty,
    /// Too much was said.
    #[error("text: more than {TURN_BYTES_MAX} bytes")]
    TooLong,
    /// Too many pasted spans.
    #[error("pasted: more than {PASTED_MAX} spans")]
    TooManySpans,
    /// A span that is empty, backwards, beyond the text, or not after the one before.
    #[error(
        "pasted[{at}]: expected `[start, end]` in characters of the text, start before end, each span after the one before"
    )]
    Span {
        /// Which span.
        at: usize,
    },
}

/// What a person said. Personal: it has no `Display`, and `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Turn {
    text: Zeroizing<String>,
    pasted: Vec<Span>,
}

impl Turn {
    /// A turn with its pasted spans, counted in characters (Unicode scalar values), end exclusive, in order and apart.
    pub fn new(text: String, pasted: &[(u64, u64)]) -> Result<Self, TurnInvalid> {
        check_sizes(&text, pasted.len())?;
        let text = Zeroizing::new(text);
        let pasted = byte_spans(&text, pasted)?;
        Ok(Self { text, pasted })
    }

    /// A turn read back from a store: its spans are in bytes, as [`Turn::pasted`] gives them.
    pub fn from_kept(text: String, pasted: Vec<Span>) -> Result<Self, TurnInvalid> {
        check_sizes(&text, pasted.len())?;
        let mut from = 0;
        for (at, span) in pasted.iter().enumerate() {
            // `get` is `None` beyond the text and inside a character.
            if span.start < from || text.get(span.start..span.end).is_none_or(str::is_empty) {
                return Err(TurnInvalid::Span { at });
            }
            from = span.end;
        }
        Ok(Self { text: Zeroizing::new(text), pasted })
    }

    /// The words.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What of them was pasted, in bytes of [`Turn::text`].
    pub fn pasted(&self) -> &[Span] {
        &self.pasted
    }

    /// A hash by which a repeated posting in `session` is told from another one. The same words in another session have another hash,
    /// so that nobody can see that two people said the same.
    pub(crate) fn hash(&self, index: &BlindIndex, session: &SessionId) -> Digest {
        // What varies in length has its length in front, spans are of 16 bytes each: no two turns have the same bytes.
        let (id, spans) = (session.as_str().as_bytes(), self.pasted.len());
        let mut bytes = Zeroizing::new(Vec::with_capacity(16 + id.len() + 16 * spans + self.text.len()));
        bytes.extend_from_slice(&(id.len() as u64).to_be_bytes());
        bytes.extend_from_slice(id);
        bytes.extend_from_slice(&(spans as u64).to_be_bytes());
        for span in &self.pasted {
            bytes.extend_from_slice(&(span.start as u64).to_be_bytes());
            bytes.extend_from_slice(&(span.end as u64).to_be_bytes());
        }
        bytes.extend_from_slice(self.text.as_bytes());
        index.hash("turns.body", &bytes)
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Turn(…)")
    }
}

fn check_sizes(text: &str, spans: usize) -> Result<(), TurnInvalid> {
    match (text.len(), spans) {
        (0, _) => Err(TurnInvalid::Empty),
        (1..=TURN_BYTES_MAX, 0..=PASTED_MAX) => Ok(()),
        (1..=TURN_BYTES_MAX, _) => Err(TurnInvalid::TooManySpans),
        _ => Err(TurnInvalid::TooLong),
    }
}

/// Character spans as byte spans, in one walk over the text.
fn byte_spans(text: &str, spans: &[(u64, u64)]) -> Result<Vec<Span>, TurnInvalid> {
    let mut bytes = Vec::with_capacity(spans.len());
    // Where the walk stands: `chars` characters are `at` bytes.
    let (mut chars, mut at) = (0u64, 0usize);
    let mut walk = |to: u64| {
        let steps = to.checked_sub(chars).and_then(|n| usize::try_from(n).ok())?;
        let rest = text.get(at..)?;
        let boundaries = rest.char_indices().map(|(i, _)| i).chain([rest.len()]);
        at += { boundaries }.nth(steps)?;
        chars = to;
        Some(at)
    };
    for (index, &(start, end)) in spans.iter().enumerate() {
        let invalid = TurnInvalid::Span { at: index };
        let start_byte = walk(start).ok_or(invalid)?;
        let end_byte = walk(end).ok_or(invalid)?;
        if start_byte == end_byte {
            return Err(invalid);
        }
        bytes.push(Span { start: start_byte, end: end_byte });
    }
    Ok(bytes)
}

/// Why a text is no idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an idempotency key of 1 to {IDEMPOTENCY_KEY_CHARS_MAX} printable ASCII characters")]
pub struct IdempotencyKeyError;

/// The caller's own name for one posting, so that a repetition after a lost answer is recognised. May be personal: it does not print.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Accepts 1 to 255 printable ASCII characters.
    pub fn parse(text: &str) -> Result<Self, IdempotencyKeyError> {
        let well_formed = (1..=IDEMPOTENCY_KEY_CHARS_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
        if well_formed { Ok(Self(text.to_owned())) } else { Err(IdempotencyKeyError) }
    }

    /// One that nobody else uses.
    pub fn fresh() -> Result<Self, botwarden_crypto::RandomnessError> {
        Ok(Self(format!("once_{}", botwarden_crypto::identifier()?)))
    }

    /// A hash by which its second use in `session` is noticed.
    pub(crate) fn hash(&self, index: &BlindIndex, session: &SessionId) -> Digest {
        // A line feed stands in neither.
        index.hash("turns.idempotency", format!("{}\n{}", session.as_str(), self.0).as_bytes())
    }
}

impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(…)")
    }
}

/// A turn that has been kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnReceipt {
    /// The turn's name; not secret.
    pub id: String,
    /// Whether this very posting had been kept before.
    pub replayed: bool,
}

/// Why a turn was not kept.
#[derive(Debug, thiserror::Error)]
pub enum TurnError {
    /// The caller has no right to post turns.
    #[error("this credential may not post turns")]
    NotAllowed,
    /// No such session, or another bot's.
    #[error("no such session")]
    NotFound,
    /// The session has ended or expired.
    #[error("the session has ended")]
    Ended,
    /// The idempotency key has been used for another turn.
    #[error("this idempotency key was used for another turn")]
    Conflict,
    /// As many turns as a session may have.
    #[error("the session has {max} turns already")]
    TooMany {
        /// How many it may have.
        max: usize,
    },
    /// The system gave no randomness.
    #[error("naming the turn")]
    Randomness(#[from] botwarden_crypto::RandomnessError),
    /// It could not be kept.
    #[error("keeping the turn")]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn turns() {
        let span = |at| Err(TurnInvalid::Span { at });
        let many: Vec<(u64, u64)> = (0..=64).map(|i| (2 * i, 2 * i + 1)).collect();
        let long = "x".repeat(TURN_BYTES_MAX + 1);
        for (name, text, pasted, want) in [
            ("empty", "", &[][..], Err(TurnInvalid::Empty)),
            ("too long", &long, &[], Err(TurnInvalid::TooLong)),
            ("too many spans", &long[..200], &many, Err(TurnInvalid::TooManySpans)),
            ("an empty span", "abc", &[(1, 1)], span(0)),
            ("backwards", "abc", &[(2, 1)], span(0)),
            ("beyond the text", "abc", &[(1, 4)], span(0)),
            ("far beyond the text", "abc", &[(0, u64::MAX)], span(0)),
            ("beyond in bytes though not in characters", "é", &[(0, 2)], span(0)),
            ("out of order", "abcd", &[(2, 3), (0, 1)], span(1)),
            ("overlapping", "abcd", &[(0, 2), (1, 3)], span(1)),
            ("no spans", "abc", &[], Ok(vec![])),
            ("whole", "abc", &[(0, 3)], Ok(vec!["abc"])),
            ("touching", "abcd", &[(0, 2), (2, 4)], Ok(vec!["ab", "cd"])),
            ("beyond ASCII", "aé😀b", &[(1, 2), (2, 3)], Ok(vec!["é", "😀"])),
        ] {
            let got = Turn::new(text.to_owned(), pasted);
            let got =
                got.as_ref().map(|turn| turn.pasted().iter().map(|s| &turn.text()[s.start..s.end]).collect());
            assert_eq!(got.map_err(|error| *error), want, "{name}");
        }
    }

    proptest! {
        #[test]
        fn spans_are_characters(text in ".{1,30}", start in 0..31u64, len in 0..31u64) {
            let count = text.chars().count() as u64;
            let want: String = text.chars().skip(start as usize).take(len as usize).collect();
            match Turn::new(text, &[(start, start + len)]) {
                Ok(turn) => {
                    let span = turn.pasted()[0];
                    prop_assert_eq!(&turn.text()[span.start..span.end], want);
                    let kept = Turn::from_kept(turn.text().to_owned(), turn.pasted().to_vec());
                    prop_assert_eq!(kept, Ok(turn));
                }
                Err(_) => prop_assert!(len == 0 || start + len > count),
            }
        }
    }

    #[test]
    fn kept_turns_with_impossible_spans_are_refused() {
        for (name, start, end) in [
            ("empty", 1, 1),
            ("backwards", 3, 1),
            ("beyond", 1, 9),
            ("inside a character", 0, 2),
            ("huge", 0, usize::MAX),
        ] {
            let turn = Turn::from_kept("aé".into(), vec![Span { start, end }]);
            assert_eq!(turn, Err(TurnInvalid::Span { at: 0 }), "{name}");
        }
    }

    #[test]
    fn idempotency_keys() {
        let long = "k".repeat(256);
        for (name, text, ok) in [
            ("a uuid", "550e8400-e29b-41d4-a716-446655440000", true),
            ("a space inside", "a b", true),
            ("empty", "", false),
            ("too long", &long, false),
            ("a line break", "a\nb", false),
            ("not ASCII", "é", false),
            ("a NUL", "\0", false),
        ] {
            assert_eq!(IdempotencyKey::parse(text).is_ok(), ok, "{name}");
        }
    }

    #[test]
    fn hashes_tell_turns_and_sessions_apart() {
        let index = botwarden_crypto::SecretKey::generate().unwrap().blind_index();
        let session = |id| SessionId::parse(id).unwrap();
        let turn = |text: &str, spans: &[(u64, u64)]| Turn::new(text.into(), spans).unwrap();
        let one = turn("hello", &[(0, 2)]).hash(&index, &session("ses_a"));
        assert_eq!(one, turn("hello", &[(0, 2)]).hash(&index, &session("ses_a")));
        for (name, turn, id) in [
            ("other words", turn("hallo", &[(0, 2)]), "ses_a"),
            ("other spans", turn("hello", &[(0, 3)]), "ses_a"),
            ("no spans", turn("hello", &[]), "ses_a"),
            ("two spans", turn("hello", &[(0, 1), (1, 2)]), "ses_a"),
            ("another session", turn("hello", &[(0, 2)]), "ses_b"),
        ] {
            assert_ne!(turn.hash(&index, &session(id)), one, "{name}");
        }
        let key = IdempotencyKey::parse("k").unwrap();
        assert_ne!(key.hash(&index, &session("ses_a")), key.hash(&index, &session("ses_b")));
    }

    #[test]
    fn nothing_prints() {
        let turn = Turn::new("hello".into(), &[]).unwrap();
        assert_eq!(
            format!("{turn:?} {:?}", IdempotencyKey::parse("k").unwrap()),
            "Turn(…) IdempotencyKey(…)"
        );
    }
}
