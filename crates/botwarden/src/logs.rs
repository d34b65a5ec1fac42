//! Logs to standard error, written in batches by a thread of their own.
//!
//! A request that logs only appends to a buffer. The buffer is bounded: when standard error takes nothing for so long that
//! it is full, lines are dropped and counted, and the count is logged as soon as there is room. Serving never waits for logs.

use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use botwarden_gateway::{Outcome, Watch};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Lines waiting to be written. A line is about 400 bytes, so this holds some 10,000.
const BUFFER_BYTES_MAX: usize = 4 << 20;
/// How long a line may wait before it is written.
const FLUSH_EVERY: Duration = Duration::from_millis(100);

/// How logs look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Writes what is waiting when dropped.
pub(crate) struct Guard {
    buffer: Arc<Buffer>,
    thread: Option<JoinHandle<()>>,
}

struct Buffer {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    dropped: u64,
    closed: bool,
}

/// Starts logging for this process. `filter` is in the syntax of `RUST_LOG`, which overrides it where set.
pub(crate) fn start(format: Format, filter: &str) -> anyhow::Result<Guard> {
    let buffer = Arc::new(Buffer { state: Mutex::default(), wake: Condvar::new() });
    let filter = match std::env::var("RUST_LOG") {
        Ok(set) => EnvFilter::try_new(set)?,
        Err(_) => EnvFilter::try_new(filter)?,
    };
    let lines =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(Lines(buffer.clone())).with_ansi(false);
    let installed = match format {
        Format::Text => lines.try_init(),
        Format::Json => {
            lines.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
        }
    };
    installed.map_err(|error| anyhow::anyhow!("logging was started twice: {error}"))?;
    let writing = buffer.clone();
    let thread =
        std::thread::Builder::new().name("logs".into()).spawn(move || writing.write_until_closed(format))?;
    Ok(Guard { buffer, thread: Some(thread) })
}

impl Buffer {
    /// A thread that panicked while it held the lock left whole lines behind: appending is all that happens under it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn append(&self, line: &[u8]) {
        let mut state = self.lock();
        if state.waiting.len() + line.len() > BUFFER_BYTES_MAX {
            state.dropped += 1;
        } else {
            state.waiting.extend_from_slice(line);
        }
    }

    fn write_until_closed(&self, format: Format) {
        let mut batch = Vec::new();
        loop {
            let (closed, dropped) = self.take(&mut batch);
            if dropped > 0 {
                batch.extend_from_slice(dropped_line(format, dropped).as_bytes());
            }
            // Nobody is left to tell if standard error is gone.
            let _ = io::stderr().write_all(&batch);
            batch.clear();
            if closed {
                return;
            }
        }
    }

    /// Swaps the waiting lines for the empty `batch`, at the latest after [`FLUSH_EVERY`] once something waits.
    fn take(&self, batch: &mut Vec<u8>) -> (bool, u64) {
        let state = self.lock();
        let waited = self.wake.wait_timeout_while(state, FLUSH_EVERY, |state| !state.closed);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut state.waiting, batch);
        (state.closed, std::mem::take(&mut state.dropped))
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.buffer.lock().closed = true;
        self.buffer.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Writes one line for each request: ids and numbers, never content. Its own writer rather than an event of `tracing`,
/// because it is the one line that every request pays for.
pub(crate) struct AccessLog {
    buffer: Arc<Buffer>,
    format: Format,
}

impl Guard {
    /// The access log beside the other lines.
    pub(crate) fn access(&self, format: Format) -> AccessLog {
        AccessLog { buffer: self.buffer.clone(), format }
    }
}

impl Watch for AccessLog {
    fn finished(&self, outcome: &Outcome) {
        let mut line = String::with_capacity(LINE_BYTES);
        match self.format {
            Format::Json => json_line(&mut line, outcome),
            Format::Text => text_line(&mut line, outcome),
        }
        self.buffer.append(line.as_bytes());
    }
}

/// Takes the place of lines for which there was no room.
fn dropped_line(format: Format, lines: u64) -> String {
    match format {
        Format::Json => {
            format!("{{\"level\":\"WARN\",\"message\":\"log lines dropped\",\"lines\":{lines}}}\n")
        }
        Format::Text => format!(" WARN botwarden::logs: log lines dropped lines={lines}\n"),
    }
}

/// An access line is about 350 bytes.
const LINE_BYTES: usize = 512;

/// A field of an access line. Ids and names are of alphabets that need no escaping.
enum Field<'f> {
    Text(&'f str),
    Number(u64),
    Truth(bool),
}

fn json_line(line: &mut String, outcome: &Outcome) {
    line.push_str("{\"timestamp\":\"");
    outcome.at.push_rfc3339_ms(line);
    line.push_str("\",\"level\":\"INFO\",\"target\":\"botwarden::access\"");
    each_field(outcome, |name, field| {
        line.push_str(",\"");
        line.push_str(name);
        line.push_str("\":");
        match field {
            Field::Text(text) => {
                line.push('"');
                line.push_str(text);
                line.push('"');
            }
            Field::Number(number) => line.push_str(itoa::Buffer::new().format(number)),
            Field::Truth(truth) => line.push_str(if truth { "true" } else { "false" }),
        }
    });
    line.push_str("}\n");
}

fn text_line(line: &mut String, outcome: &Outcome) {
    outcome.at.push_rfc3339_ms(line);
    line.push_str("  INFO botwarden::access:");
    each_field(outcome, |name, field| {
        line.push(' ');
        line.push_str(name);
        line.push('=');
        match field {
            Field::Text(text) => line.push_str(text),
            Field::Number(number) => line.push_str(itoa::Buffer::new().format(number)),
            Field::Truth(truth) => line.push_str(if truth { "true" } else { "false" }),
        }
    });
    line.push('\n');
}

fn each_field(outcome: &Outcome, mut field: impl FnMut(&str, Field<'_>)) {
    field("request", Field::Text(outcome.request.as_str()));
    for (name, id) in [
        ("bot", outcome.bot.as_ref().map(|id| id.as_str())),
        ("key", outcome.key.as_ref().map(|id| id.as_str())),
        ("session", outcome.session.as_ref().map(|id| id.as_str())),
    ] {
        if let Some(id) = id {
            field(name, Field::Text(id));
        }
    }
    field("operation", Field::Text(outcome.operation));
    field("verdict", Field::Text(outcome.verdict));
    field("status", Field::Number(u64::from(outcome.status)));
    field("bytes_in", Field::Number(outcome.bytes_in));
    field("bytes_out", Field::Number(outcome.bytes_out));
    field("complete", Field::Truth(outcome.complete));
    if let Some(usage) = outcome.usage {
        field("input_tokens", Field::Number(usage.input_tokens));
        field("output_tokens", Field::Number(usage.output_tokens));
    }
    field("added_us", Field::Number(micros(outcome.timings.added())));
    if let Some(upstream) = outcome.timings.upstream() {
        field("upstream_us", Field::Number(micros(upstream)));
    }
}

fn micros(span: Duration) -> u64 {
    u64::try_from(span.as_micros()).unwrap_or(u64::MAX)
}

#[derive(Clone)]
struct Lines(Arc<Buffer>);

impl<'w> MakeWriter<'w> for Lines {
    type Writer = Lines;

    fn make_writer(&'w self) -> Lines {
        self.clone()
    }
}

impl Write for Lines {
    /// The formatter hands over one whole line a call.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.append(line);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_lines_are_told_in_the_form_of_the_lines_around() {
        assert_eq!(dropped_line(Format::Text, 7), " WARN botwarden::logs: log lines dropped lines=7\n");
        let json: serde_json::Value = serde_json::from_str(&dropped_line(Format::Json, 7)).unwrap();
        let want = serde_json::json!({ "level": "WARN", "message": "log lines dropped", "lines": 7 });
        assert_eq!(json, want);
    }
}
