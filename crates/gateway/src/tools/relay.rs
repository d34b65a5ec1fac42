//! A call under way, told to the client step by step.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use botwarden_protocol::mcp::{self, Id};
use bytes::Bytes;
use tokio::sync::mpsc;

use super::reach::Step;

/// A call under way: driven by whoever waits for it, over when it is dropped.
pub(crate) type Work = Pin<Box<dyn Future<Output = Done> + Send>>;

/// How a call ended.
pub(crate) struct Done {
    /// The message for the client.
    pub(crate) body: Vec<u8>,
    /// `allowed`, or why there is no result of the tool's own.
    pub(crate) verdict: &'static str,
}

/// A call of which a client hears before it is over.
pub(crate) struct Relay {
    /// `None` once it is over.
    work: Option<Work>,
    steps: mpsc::Receiver<Step>,
    /// The client's own name for the call, as steps carry it.
    token: Id,
    /// The step that came first.
    ahead: Option<Step>,
    bytes: u64,
}

/// What came first of a call.
pub(crate) enum Begun {
    Done(Done),
    Underway(Box<Relay>),
}

impl Relay {
    /// Waits for the end of `work` or for its first step.
    pub(crate) async fn begin(mut work: Work, mut steps: mpsc::Receiver<Step>, token: Id) -> Begun {
        let first = poll_fn(|cx| {
            if let Poll::Ready(done) = work.as_mut().poll(cx) {
                return Poll::Ready(Err(done));
            }
            match steps.poll_recv(cx) {
                Poll::Ready(Some(step)) => Poll::Ready(Ok(step)),
                Poll::Ready(None) | Poll::Pending => Poll::Pending,
            }
        });
        match first.await {
            Err(done) => Begun::Done(done),
            Ok(step) => Begun::Underway(Box::new(Self {
                work: Some(work),
                steps,
                token,
                ahead: Some(step),
                bytes: 0,
            })),
        }
    }

    /// The next events, and the verdict with the last.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<(Bytes, Option<&'static str>)>> {
        let Some(work) = &mut self.work else { return Poll::Ready(None) };
        if let Some(step) = self.ahead.take() {
            return self.pass(step);
        }
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            self.work = None;
            let mut out = Vec::new();
            while let Ok(step) = self.steps.try_recv() {
                push_event(&mut out, &self.step(&step));
            }
            push_event(&mut out, &done.body);
            self.bytes += out.len() as u64;
            return Poll::Ready(Some((out.into(), Some(done.verdict))));
        }
        match self.steps.poll_recv(cx) {
            Poll::Ready(Some(step)) => self.pass(step),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    /// Whether all was said.
    pub(crate) fn is_over(&self) -> bool {
        self.work.is_none()
    }

    /// Bytes said so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    fn pass(&mut self, step: Step) -> Poll<Option<(Bytes, Option<&'static str>)>> {
        let mut out = Vec::new();
        push_event(&mut out, &self.step(&step));
        self.bytes += out.len() as u64;
        Poll::Ready(Some((out.into(), None)))
    }

    fn step(&self, step: &Step) -> Vec<u8> {
        mcp::progress(&self.token, &step.progress, step.total.as_deref())
    }
}

/// A message as an event. Its line ends, which JSON has as white space alone, become lines of data.
fn push_event(out: &mut Vec<u8>, message: &[u8]) {
    out.extend_from_slice(b"event: message\n");
    for line in message.split(|byte| matches!(byte, b'\n' | b'\r')) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.push(b'\n');
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use botwarden_protocol::{EventReader, EventTooLarge};

    use super::*;

    #[test]
    fn an_event_reads_as_its_message() {
        for message in ["{}", "{\n \"a\": 1\r\n}", ""] {
            let mut out = Vec::new();
            push_event(&mut out, message.as_bytes());
            let mut seen = Vec::new();
            let taken = EventReader::new(1000).push(&out, |event| {
                seen.push(String::from_utf8(event.data.to_vec()).unwrap());
                Ok::<_, EventTooLarge>(())
            });
            assert!(taken.is_ok());
            let plain = |text: &str| text.replace(['\n', '\r'], "");
            assert_eq!(seen.iter().map(|text| plain(text)).collect::<Vec<_>>(), [plain(message)]);
        }
    }
}
