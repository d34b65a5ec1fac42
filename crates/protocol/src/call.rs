//! Calls of tools that a model proposes, put together as their pieces pass.

use std::collections::BTreeMap;

use crate::answer::AnswerError;
use crate::json::Value;

/// Calls of one answer. One more ends it: nobody could tell any more which calls were let through.
pub(crate) const CALLS_MAX: usize = 1024;
/// Bytes of all calls of a stream that are not complete yet, or of all in a document.
pub const CALL_BYTES_MAX: usize = 1 << 20;

/// A call of a tool, as the model proposed it. Nothing of it is checked: names and ids are whatever stood there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProposedCall {
    /// The id by which its result will name it.
    pub id: Option<String>,
    /// Which tool.
    pub name: String,
    /// Its arguments as text, as the model wrote them: meant to be JSON for most tools.
    pub arguments: String,
}

/// Which call of an answer: the choice and the place in it.
pub(crate) type Place = (u64, u64);

/// The calls of an answer.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// Begun, and more of them may come.
    open: BTreeMap<Place, ProposedCall>,
    /// Bytes in those.
    open_bytes: usize,
    /// Complete, and not handed over yet.
    complete: Vec<ProposedCall>,
    /// Begun so far.
    begun: usize,
}

impl Calls {
    /// The id of the open call at `place`, once it has come.
    pub(crate) fn id_of(&self, place: Place) -> Option<&str> {
        self.open.get(&place)?.id.as_deref()
    }

    /// The call at `place`, begun if it was not; its pieces go through [`Calls::append`].
    pub(crate) fn open(&mut self, place: Place) -> Result<(), AnswerError> {
        if self.open.contains_key(&place) {
            return Ok(());
        }
        if self.begun >= CALLS_MAX {
            return Err(AnswerError::Calls { max: CALLS_MAX });
        }
        self.begun += 1;
        self.open.insert(place, ProposedCall::default());
        Ok(())
    }

    /// Adds a piece of a text of the call at `place`, if that is open.
    pub(crate) fn append(
        &mut self,
        place: Place,
        field: impl FnOnce(&mut ProposedCall) -> &mut String,
        piece: &str,
    ) -> Result<(), AnswerError> {
        let Some(call) = self.open.get_mut(&place) else { return Ok(()) };
        self.open_bytes += piece.len();
        if self.open_bytes > CALL_BYTES_MAX {
            return Err(AnswerError::CallBytes { max: CALL_BYTES_MAX });
        }
        field(call).push_str(piece);
        Ok(())
    }

    /// Adds the same as it stands in an answer; what is no text is nothing.
    pub(crate) fn append_text(
        &mut self,
        place: Place,
        field: impl FnOnce(&mut ProposedCall) -> &mut String,
        text: Option<Value<'_>>,
    ) -> Result<(), AnswerError> {
        match text.and_then(|text| text.as_str()) {
            Some(text) => self.append(place, field, &text),
            None => Ok(()),
        }
    }

    /// Names the call at `place`.
    pub(crate) fn identify(&mut self, place: Place, id: Option<Value<'_>>) -> Result<(), AnswerError> {
        let Some(id) = id.and_then(|id| id.as_str()).filter(|id| !id.is_empty()) else { return Ok(()) };
        if self.id_of(place) == Some(&id) {
            return Ok(());
        }
        if let Some(call) = self.open.get_mut(&place) {
            call.id = None;
        }
        self.append(place, |call| call.id.get_or_insert_default(), &id)
    }

    /// A call that stands whole in a document.
    pub(crate) fn whole(&mut self, call: ProposedCall) -> Result<(), AnswerError> {
        if self.begun >= CALLS_MAX {
            return Err(AnswerError::Calls { max: CALLS_MAX });
        }
        self.open_bytes += call.name.len() + call.arguments.len();
        if self.open_bytes > CALL_BYTES_MAX {
            return Err(AnswerError::CallBytes { max: CALL_BYTES_MAX });
        }
        self.begun += 1;
        self.complete.push(call);
        Ok(())
    }

    /// The calls at places for which `which` says so are complete.
    pub(crate) fn close(&mut self, mut which: impl FnMut(Place) -> bool) {
        self.complete.extend(self.open.extract_if(.., |place, _| which(*place)).map(|(_, call)| call));
        if self.open.is_empty() {
            self.open_bytes = 0;
        }
    }

    /// Whether a call has begun that is not complete.
    pub(crate) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// Hands over what is complete, in the order of their places.
    pub(crate) fn take(&mut self) -> Vec<ProposedCall> {
        std::mem::take(&mut self.complete)
    }

    /// Calls begun so far.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.begun).unwrap_or(u32::MAX)
    }
}
