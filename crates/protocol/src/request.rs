//! Request bytes to [`Exchange`].

use botwarden_types::{Exchange, Operation};

use crate::envelope::Place;
use crate::error::Fault;
use crate::json::Document;
use crate::{Bounds, ReadError, anthropic, openai};

/// Values in an embeddings request, whatever [`Bounds::nodes_max`] says: clients send tokens as numbers, and OpenAI
/// takes 300,000 of them in up to 2,048 inputs. Source: OpenAI API reference, "Create embeddings".
const EMBEDDING_NODES_MAX: usize = 310_000;

/// Reads the body of a request, all of it, once.
///
/// Refuses what is not RFC 8259, what two parsers may read differently (duplicate names, names that differ from known
/// ones in case alone), known fields of the wrong type, and what exceeds `bounds`. Unknown fields pass unread.
/// [`Operation::Models`] has no body and no `Exchange`.
pub fn read_request(operation: Operation, body: &[u8], bounds: &Bounds) -> Result<Exchange, ReadError> {
    let bounds = match operation {
        Operation::Embeddings => Bounds { nodes_max: bounds.nodes_max.max(EMBEDDING_NODES_MAX), ..*bounds },
        _ => *bounds,
    };
    if operation == Operation::Models {
        return Err(Place::BODY.refuse(Fault::BodyNotExpected));
    }
    let document = Document::parse(body, &bounds)?;
    match operation {
        Operation::ChatCompletions => openai::read_chat(document.root()),
        Operation::Embeddings | Operation::Models => openai::read_embeddings(document.root()),
        Operation::Messages | Operation::CountTokens => anthropic::read_messages(operation, document.root()),
    }
}
