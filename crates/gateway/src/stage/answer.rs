//! The body of an answer, on its way to the caller.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use botwarden_protocol::Outcome;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::stage::passing::Passing;
use crate::stage::record::{Ending, Record};
use crate::tools::Relay;

/// Where the bytes of a screened answer come from.
pub(super) enum Source {
    /// The upstream, as they come.
    Passing(Box<Passing>),
    /// Read whole, with what that told.
    Whole(Bytes, Outcome),
    /// Read whole and rewritten.
    Rewritten(Bytes),
}

/// The body of an answer, on its way to the caller.
pub(crate) struct Answer {
    source: AnswerSource,
    record: Record,
}

enum AnswerSource {
    Own(Option<Bytes>),
    Passing(Box<Passing>),
    Steps(Box<Relay>),
}

/// Why an answer broke off. Seen by the HTTP layer alone, which closes the connection.
#[derive(Debug, thiserror::Error)]
#[error("the answer was cut: {0}")]
pub(crate) struct Cut(pub(super) &'static str);

impl Answer {
    pub(super) fn new(source: Source, record: Record) -> Self {
        match source {
            Source::Passing(passing) => Self { source: AnswerSource::Passing(passing), record },
            Source::Whole(bytes, outcome) => {
                let mut record = record;
                record.passes(&bytes);
                let ending = Ending {
                    usage: outcome.usage,
                    counted: true,
                    text_bytes: outcome.output_bytes_seen,
                    bytes_out: 0,
                    complete: true,
                };
                Self::ended(bytes, ending, record)
            }
            Source::Rewritten(bytes) => Self::own(bytes, record),
        }
    }

    /// A body of our own, recorded at once: what follows is up to the network.
    pub(super) fn own(bytes: Bytes, record: Record) -> Self {
        let ending = Ending { usage: None, counted: false, text_bytes: 0, bytes_out: 0, complete: true };
        Self::ended(bytes, ending, record)
    }

    /// What a tool does, step by step.
    pub(super) fn steps(relay: Box<Relay>, record: Record) -> Self {
        Self { source: AnswerSource::Steps(relay), record }
    }

    fn ended(bytes: Bytes, ending: Ending, mut record: Record) -> Self {
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        record.close(Ending { bytes_out: length, ..ending });
        Self { source: AnswerSource::Own((!bytes.is_empty()).then_some(bytes)), record }
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let Self { source, record } = self.get_mut();
        match source {
            AnswerSource::Own(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            AnswerSource::Passing(passing) => passing.poll(record, cx),
            AnswerSource::Steps(relay) => poll_steps(relay, record, cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            AnswerSource::Own(bytes) => bytes.is_none(),
            AnswerSource::Passing(passing) => passing.is_done(),
            AnswerSource::Steps(relay) => relay.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            AnswerSource::Own(bytes) => SizeHint::with_exact(
                bytes.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)),
            ),
            AnswerSource::Passing(passing) => passing.size_hint(),
            AnswerSource::Steps(_) => SizeHint::default(),
        }
    }
}

fn poll_steps(
    relay: &mut Relay,
    record: &mut Record,
    cx: &mut Context<'_>,
) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
    let Some((piece, verdict)) = ready!(relay.poll(cx)) else { return Poll::Ready(None) };
    record.passes(&piece);
    if let Some(verdict) = verdict {
        if verdict != "allowed" {
            record.cut(verdict);
        }
        let bytes_out = relay.bytes();
        record.close(Ending { usage: None, counted: false, text_bytes: 0, bytes_out, complete: true });
    }
    Poll::Ready(Some(Ok(Frame::data(piece))))
}

impl Drop for Answer {
    /// The caller hung up before the end: what was sent until then is what is recorded.
    fn drop(&mut self) {
        if let AnswerSource::Passing(passing) = &mut self.source
            && !passing.is_done()
        {
            passing.end(&mut self.record, false);
        }
    }
}
