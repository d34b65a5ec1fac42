//! Calls of tools that a model proposes, put together as their pieces pass.

use std::borrow::Cow;
use std::collections::BTreeMap;

use botwarden_types::Span;

use crate::Bounds;
use crate::answer::AnswerError;
use crate::json::{Document, JsonError, Kind, Value, push_quoted};

/// Calls of one answer. One more ends it: nobody could tell any more which calls were let through.
pub(crate) const CALLS_MAX: usize = 1024;
/// Bytes of all calls of a stream that are not complete yet, or of all in a document.
pub const CALL_BYTES_MAX: usize = 1 << 20;
/// Values in the arguments of one call.
const ARGUMENT_NODES_MAX: usize = 100_000;

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

/// What kind of call it is, which says how its arguments are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallKind {
    /// The application runs it. Its arguments are a JSON object.
    #[default]
    Function,
    /// The application runs it. Its input is any text.
    Custom,
    /// The vendor has run it, or runs it.
    Vendor,
    /// It is written as two kinds at once, or as one that this version does not know: clients differ in what they take it for.
    Unclear,
}

/// A call that is complete, with how it is to be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proposed {
    /// The call, as it was written.
    pub call: ProposedCall,
    /// What kind it is.
    pub kind: CallKind,
    /// In which order the calls of its answer began.
    pub(crate) number: usize,
}

/// Why a call has not one reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnclearCall {
    /// Nobody could run it.
    #[error("it names no tool")]
    Name,
    /// Two parsers may read it differently, or it is no JSON at all.
    #[error("its arguments are not JSON with one meaning ({0})")]
    Json(JsonError),
    /// A tool takes named arguments.
    #[error("its arguments are not a JSON object")]
    NoObject,
    /// See [`CallKind::Unclear`].
    #[error("it is written in a way that clients read differently")]
    Kind,
}

impl Proposed {
    /// What is to stand in the answer for it to have these arguments, which are text as [`Proposed::arguments`] gives it.
    pub fn written(&self, arguments: &str) -> Option<String> {
        if self.kind != CallKind::Custom {
            return Some(arguments.to_owned());
        }
        let document = Document::parse(arguments.as_bytes(), &argument_bounds()).ok()?;
        document.root().get("input")?.as_str().map(Cow::into_owned)
    }

    /// The one reading of its arguments: the text of a JSON object. A text for a tool that takes any is its `input`.
    ///
    /// Nothing at all is what models write for a tool without arguments.
    pub fn arguments(&self) -> Result<Cow<'_, str>, UnclearCall> {
        if self.call.name.is_empty() {
            return Err(UnclearCall::Name);
        }
        let text = self.call.arguments.as_str();
        match self.kind {
            CallKind::Unclear => Err(UnclearCall::Kind),
            CallKind::Custom => {
                let mut object = br#"{"input":"#.to_vec();
                push_quoted(&mut object, text);
                object.push(b'}');
                String::from_utf8(object).map(Cow::Owned).map_err(|_| UnclearCall::NoObject)
            }
            CallKind::Function | CallKind::Vendor if text.trim_ascii().is_empty() => Ok(Cow::Borrowed("{}")),
            CallKind::Function | CallKind::Vendor => {
                let document =
                    Document::parse(text.as_bytes(), &argument_bounds()).map_err(UnclearCall::Json)?;
                match document.root().kind() {
                    Kind::Object => Ok(Cow::Borrowed(text)),
                    _ => Err(UnclearCall::NoObject),
                }
            }
        }
    }
}

fn argument_bounds() -> Bounds {
    Bounds { nodes_max: ARGUMENT_NODES_MAX, string_bytes_max: CALL_BYTES_MAX, ..Bounds::default() }
}

/// Which call of an answer: the choice and the place in it.
pub(crate) type Place = (u64, u64);

/// Where a piece of a call's arguments stood, for whoever writes the answer anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sighting {
    /// Of which call.
    pub(crate) number: usize,
    /// In the event, or in the document.
    pub(crate) span: Span,
}

/// The calls of an answer.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// Begun, and more of them may come.
    open: BTreeMap<Place, Proposed>,
    /// Bytes in those.
    open_bytes: usize,
    /// Complete, and not handed over yet.
    complete: Vec<Proposed>,
    /// Begun so far.
    begun: usize,
    /// Of those, the vendor's own.
    of_vendor: usize,
    /// Filled where somebody wants to know.
    pub(crate) sightings: Option<Vec<Sighting>>,
}

impl Calls {
    /// The id of the open call at `place`, once it has come.
    pub(crate) fn id_of(&self, place: Place) -> Option<&str> {
        self.open.get(&place)?.call.id.as_deref()
    }

    /// The call at `place`, begun if it was not; its pieces go through [`Calls::append`].
    /// `kind` is what this piece of it says; a piece that says nothing is of the kind of those before it.
    pub(crate) fn open(&mut self, place: Place, kind: Option<CallKind>) -> Result<(), AnswerError> {
        if let Some(open) = self.open.get_mut(&place) {
            if kind.is_some_and(|kind| kind != open.kind) {
                open.kind = CallKind::Unclear;
            }
            return Ok(());
        }
        let kind = kind.unwrap_or_default();
        let number = self.begin(kind)?;
        self.open.insert(place, Proposed { call: ProposedCall::default(), kind, number });
        Ok(())
    }

    /// Whether a call at `place` has begun and is not complete.
    pub(crate) fn is_open_at(&self, place: Place) -> bool {
        self.open.contains_key(&place)
    }

    fn begin(&mut self, kind: CallKind) -> Result<usize, AnswerError> {
        if self.begun >= CALLS_MAX {
            return Err(AnswerError::Calls { max: CALLS_MAX });
        }
        let number = self.begun;
        self.begun += 1;
        self.of_vendor += usize::from(kind == CallKind::Vendor);
        Ok(number)
    }

    /// Adds a piece of a text of the call at `place`, if that is open.
    pub(crate) fn append(
        &mut self,
        place: Place,
        field: impl FnOnce(&mut ProposedCall) -> &mut String,
        piece: &str,
    ) -> Result<(), AnswerError> {
        let Some(open) = self.open.get_mut(&place) else { return Ok(()) };
        self.open_bytes += piece.len();
        if self.open_bytes > CALL_BYTES_MAX {
            return Err(AnswerError::CallBytes { max: CALL_BYTES_MAX });
        }
        field(&mut open.call).push_str(piece);
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

    /// Takes note of where a piece of its arguments stands.
    pub(crate) fn sighted(&mut self, place: Place, span: Span) {
        if let (Some(sightings), Some(open)) = (&mut self.sightings, self.open.get(&place)) {
            sightings.push(Sighting { number: open.number, span });
        }
    }

    /// Names the call at `place`.
    pub(crate) fn identify(&mut self, place: Place, id: Option<Value<'_>>) -> Result<(), AnswerError> {
        let Some(id) = id.and_then(|id| id.as_str()).filter(|id| !id.is_empty()) else { return Ok(()) };
        if self.id_of(place) == Some(&id) {
            return Ok(());
        }
        if let Some(open) = self.open.get_mut(&place) {
            open.call.id = None;
        }
        self.append(place, |call| call.id.get_or_insert_default(), &id)
    }

    /// A call that stands whole in a document.
    pub(crate) fn whole(&mut self, call: ProposedCall, kind: CallKind) -> Result<(), AnswerError> {
        self.open_bytes += call.name.len() + call.arguments.len();
        if self.open_bytes > CALL_BYTES_MAX {
            return Err(AnswerError::CallBytes { max: CALL_BYTES_MAX });
        }
        let number = self.begin(kind)?;
        self.complete.push(Proposed { call, kind, number });
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

    /// Hands over what is complete, in the order in which they began.
    pub(crate) fn take(&mut self) -> Vec<Proposed> {
        let mut calls = std::mem::take(&mut self.complete);
        calls.sort_by_key(|call| call.number);
        calls
    }

    /// Calls begun so far.
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.begun).unwrap_or(u32::MAX)
    }

    /// Of those, the calls that the application is to run.
    pub(crate) fn for_application(&self) -> usize {
        self.begun - self.of_vendor
    }
}
