//! Event streams in their legal spellings.

use super::json::{Json, Style};
use super::random::Random;

/// Writes events.
pub(super) struct Stream {
    style: Style,
    /// What ends a line.
    end: &'static str,
    /// Whether a space follows the colon.
    space: &'static str,
    out: String,
}

impl Stream {
    pub(super) fn new(random: &Random) -> Self {
        let end = if random.chance(85) { "\n" } else { random.pick(&["\r\n", "\r"]) };
        let space = if random.chance(90) { " " } else { "" };
        let out = if random.chance(5) { "\u{FEFF}".to_owned() } else { String::new() };
        Self { style: Style::pick_for_stream(random), end, space, out }
    }

    /// One event. Data that has line breaks goes out in several lines; the reader joins them by line feeds.
    pub(super) fn event(&mut self, random: &Random, name: Option<&str>, data: &Json) {
        if random.chance(3) {
            self.line(": keep-alive", "");
        }
        if let Some(name) = name {
            self.line("event:", name);
        }
        let data = self.style.spell(random, data).replace("\r\n", "\n").replace('\r', "\n");
        for line in data.split('\n') {
            // A line that begins with the space that is dropped has to have another.
            let guard = if self.space.is_empty() && line.starts_with(' ') { " " } else { "" };
            self.line("data:", &format!("{guard}{line}"));
        }
        if random.chance(2) {
            self.line("id:", "7");
        }
        self.out.push_str(self.end);
    }

    /// One event of plain text.
    pub(super) fn text(&mut self, data: &str) {
        self.line("data:", data);
        self.out.push_str(self.end);
    }

    fn line(&mut self, field: &str, value: &str) {
        self.out.push_str(field);
        self.out.push_str(self.space);
        self.out.push_str(value);
        self.out.push_str(self.end);
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out.into_bytes()
    }
}
