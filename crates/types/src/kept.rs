//! One exchange with a model, as it is kept.

use std::fmt;

use crate::{BotName, KeyId, RequestId, SessionId, UnixMs, UserName};

/// What is kept of one exchange: who asked what of whom, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptExchange {
    /// Its id.
    pub request: RequestId,
    /// The bot that asked.
    pub bot: BotName,
    /// The credential it came with.
    pub key: KeyId,
    /// The session, if it came with a session's token.
    pub session: Option<SessionId>,
    /// Whom the bot served, where that is known.
    pub user: Option<UserName>,
    /// When it was over.
    pub at: UnixMs,
    /// When it is to be deleted.
    pub expires: UnixMs,
    /// What was asked for.
    pub operation: String,
    /// Of which model.
    pub model: String,
    /// The status of the answer.
    pub status: u16,
    /// `allowed`, or why not.
    pub verdict: String,
    /// Tokens of question and answer, as the model's server counted them.
    pub tokens: Option<(u64, u64)>,
    /// Whether the answer was sent to its end.
    pub complete: bool,
    /// The question as it was forwarded and the answer as it was sent; `None` where only the rest is kept.
    pub content: Option<KeptContent>,
}

/// Question and answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptContent {
    /// The body of the request.
    pub question: KeptText,
    /// The body of the answer: a document, or an event stream.
    pub answer: KeptText,
}

/// Bytes that were said, or their beginning. Never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeptText {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether there were more than are kept.
    pub cut: bool,
}

impl KeptText {
    /// Keeps of `more` what fits into `bytes_max` altogether.
    pub fn push(&mut self, more: &[u8], bytes_max: usize) {
        let fits = bytes_max.saturating_sub(self.bytes.len()).min(more.len());
        self.cut |= fits < more.len();
        self.bytes.extend_from_slice(more.get(..fits).unwrap_or_default());
    }
}

impl fmt::Debug for KeptText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeptText({} bytes{})", self.bytes.len(), if self.cut { ", cut" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_up_to_its_bound_and_says_so() {
        let mut text = KeptText::default();
        for (more, want, cut) in [
            ("ab", "ab", false),
            ("cd", "abcd", false),
            ("", "abcd", false),
            ("ef", "abcde", true),
            ("g", "abcde", true),
        ] {
            text.push(more.as_bytes(), 5);
            assert_eq!((text.bytes.as_slice(), text.cut), (want.as_bytes(), cut), "after `{more}`");
        }
        assert_eq!(format!("{text:?}"), "KeptText(5 bytes, cut)");
    }
}
