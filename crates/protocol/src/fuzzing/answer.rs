//! An answer means the same however it is cut; lists of models lose what is not granted and no other byte.

use botwarden_types::{Delivery, Dialect, Operation};

use crate::answer::{AnswerError, AnswerReader, Outcome, Usage};
use crate::json::Document;
use crate::{Bounds, Proposed, read_error, retain_models};

/// Bytes at the start of the input that say how to cut the rest.
const CUT_BYTES: usize = 4;

pub(super) fn check(operation: Operation, delivery: Delivery, bytes: &[u8]) {
    let Some((lengths, answer)) = bytes.split_first_chunk::<CUT_BYTES>() else { return };
    let whole = read(operation, delivery, [answer].into_iter());
    let bytewise = read(operation, delivery, answer.chunks(1));
    assert_eq!(whole, bytewise);
    let mut rest = answer;
    let mut lengths = lengths.iter().cycle();
    let pieces = std::iter::from_fn(|| {
        let len = usize::from(*lengths.next()?).min(rest.len());
        let (piece, after) = rest.split_at(len.max(1).min(rest.len()));
        rest = after;
        (!piece.is_empty()).then_some(piece)
    });
    assert_eq!(whole, read(operation, delivery, pieces));
    if let Ok((calls, outcome)) = whole {
        assert_eq!(calls.len(), outcome.tool_calls as usize, "none is handed over twice, none is kept back");
        assert!(outcome.output_bytes_seen <= answer.len() as u64);
        assert!(outcome.finish.is_none_or(|finish| finish.is_ascii()));
    }
}

fn read<'c>(
    operation: Operation,
    delivery: Delivery,
    chunks: impl Iterator<Item = &'c [u8]>,
) -> Result<(Vec<Proposed>, Outcome), AnswerError> {
    let mut reader = AnswerReader::new(operation, delivery);
    let mut calls = Vec::new();
    for chunk in chunks {
        reader.push(chunk)?;
        calls.extend(reader.take_calls());
    }
    calls.extend(reader.end()?);
    Ok((calls, reader.finish()))
}

/// The reader of embeddings, which holds nothing, agrees with the one that holds everything.
pub(super) fn check_embeddings(bytes: &[u8]) {
    let Some((_, answer)) = bytes.split_first_chunk::<CUT_BYTES>() else { return };
    let Ok(document) = Document::parse(answer, &Bounds::default()) else { return };
    let (_, outcome) = read(Operation::Embeddings, Delivery::Whole, [answer].into_iter()).unwrap();
    let root = document.root();
    let usage = root.get("usage");
    let tokens = usage.and_then(|usage| usage.get("prompt_tokens")).and_then(|tokens| tokens.as_u64());
    let want = tokens.map(|input_tokens| Usage { input_tokens, output_tokens: 0 });
    // A usage object longer than what is kept is as good as none.
    if usage.is_none_or(|usage| usage.raw().len() < 1000) {
        assert_eq!(outcome.usage, want);
    }
    let container = root.items().next().is_some() || root.entries().next().is_some();
    assert!(outcome.ended || !container);
}

pub(super) fn check_error(dialect: Dialect, bytes: &[u8]) {
    if let Some(error) = read_error(dialect, bytes) {
        assert!(error.message_bytes <= bytes.len());
        for word in [error.kind, error.code].into_iter().flatten() {
            assert!(word.len() <= 64 && word.bytes().all(|byte| byte.is_ascii_graphic()));
        }
    }
}

pub(super) fn check_models(bytes: &[u8]) {
    let bounds = Bounds::default();
    let Ok(all) = retain_models(Dialect::OpenAi, bytes, &bounds, |_| true) else { return };
    assert_eq!(all, bytes, "nothing taken out, nothing changed");
    let none = retain_models(Dialect::OpenAi, bytes, &bounds, |_| false).unwrap();
    assert!(ids(&none).is_empty());
    let is_odd = |id: &str| id.len() % 2 == 1;
    let odd = retain_models(Dialect::OpenAi, bytes, &bounds, is_odd).unwrap();
    let want: Vec<String> = ids(bytes).into_iter().filter(|id| is_odd(id)).collect();
    assert_eq!(ids(&odd), want);
}

fn ids(list: &[u8]) -> Vec<String> {
    let document = Document::parse(list, &Bounds::default()).unwrap();
    let data = document.root().get("data").unwrap();
    data.items().map(|model| model.get("id").unwrap().as_str().unwrap().into_owned()).collect()
}
