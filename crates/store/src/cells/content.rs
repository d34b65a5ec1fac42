//! What lies inside the sealed cell of an exchange.
//!
//! `u32 length | JSON {"user", "model", "question"?, "answer"?} | question | answer`, integers big-endian. The JSON says how many bytes each
//! text has and whether it was cut; the texts are as they were said.

use botwarden_types::{KeptContent, KeptExchange, KeptText, UserName};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

#[derive(Serialize, Deserialize)]
struct Head {
    user: Option<String>,
    model: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    question: Option<Said>,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Said>,
}

#[derive(Serialize, Deserialize)]
struct Said {
    bytes: usize,
    cut: bool,
}

/// What is read back.
pub(crate) struct Opened {
    pub(crate) user: Option<UserName>,
    pub(crate) model: String,
    pub(crate) content: Option<KeptContent>,
}

pub(crate) fn encode(exchange: &KeptExchange) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    let said = |text: &KeptText| Said { bytes: text.bytes.len(), cut: text.cut };
    let content = exchange.content.as_ref();
    let head = serde_json::to_vec(&Head {
        user: exchange.user.as_ref().map(|user| user.as_str().to_owned()),
        model: exchange.model.clone(),
        question: content.map(|content| said(&content.question)),
        answer: content.map(|content| said(&content.answer)),
    })?;
    let head = Zeroizing::new(head);
    let texts = content.map_or(0, |content| content.question.bytes.len() + content.answer.bytes.len());
    let mut bytes = Zeroizing::new(Vec::with_capacity(4 + head.len() + texts));
    bytes.extend_from_slice(&u32::try_from(head.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(&head);
    if let Some(content) = content {
        bytes.extend_from_slice(&content.question.bytes);
        bytes.extend_from_slice(&content.answer.bytes);
    }
    Ok(bytes)
}

/// `None` if no version wrote that.
pub(crate) fn read(bytes: &[u8]) -> Option<Opened> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    let (head, texts) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let head: Head = serde_json::from_slice(head).ok()?;
    let text = |said: &Said, bytes: &[u8]| KeptText { bytes: bytes.to_vec(), cut: said.cut };
    let content = match (&head.question, &head.answer) {
        (Some(question), Some(answer)) => {
            let (asked, answered) = texts.split_at_checked(question.bytes)?;
            if answered.len() != answer.bytes {
                return None;
            }
            Some(KeptContent { question: text(question, asked), answer: text(answer, answered) })
        }
        (None, None) if texts.is_empty() => None,
        _ => return None,
    };
    let user = head.user.map(|user| UserName::parse(&user)).transpose().ok()?;
    Some(Opened { user, model: head.model, content })
}
