//! Which records a person named.

use crate::contract::Label;
use crate::lexicon::is_common;
use crate::session::{Heard, Observed};
use crate::value::Canon;

/// How a record was named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// In which turn.
    pub(crate) turn: usize,
    /// The record's field.
    pub(crate) field: usize,
    /// From which word on; of an address, none.
    pub(crate) words: Option<(usize, usize)>,
    /// By a part of its name alone.
    pub(crate) is_partial: bool,
}

/// Records of one result that somebody named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named {
    /// By record.
    hits: Vec<(usize, Hit)>,
}

impl Named {
    /// Looks for the records of `result` in what was said.
    pub(crate) fn note(&mut self, result: &Observed, turn: usize, heard: &Heard) {
        for (at, record) in result.records.iter().enumerate() {
            for (index, field) in record.fields.iter().enumerate() {
                if !matches!(field.label, Label::Id | Label::Name | Label::Party) {
                    continue;
                }
                match &field.canon {
                    Canon::Text(text) => self.note_text(at, index, turn, text, field.label, heard),
                    Canon::Number(_) | Canon::When(_) => {}
                    address if heard.names_address(address) => {
                        self.hits.push((at, Hit { turn, field: index, words: None, is_partial: false }));
                    }
                    _ => {}
                }
            }
        }
    }

    fn note_text(&mut self, at: usize, field: usize, turn: usize, text: &str, label: Label, heard: &Heard) {
        let all: Vec<&str> = text.split(' ').collect();
        // A file's ending is seldom said.
        let bare = match all.split_last() {
            Some((last, rest)) if ENDINGS.contains(last) && !rest.is_empty() => rest,
            _ => &all,
        };
        if bare.iter().all(|word| is_common(word)) && (bare.len() < 2 || label == Label::Id) {
            return;
        }
        for words in [&all, bare] {
            if let Some(start) = heard.find(words).next() {
                let span = (start, start + words.len());
                self.hits.push((at, Hit { turn, field, words: Some(span), is_partial: false }));
                return;
            }
        }
        if label != Label::Name {
            return;
        }
        // `grocery list` of `grocery-list-today.docx`: two words running, of which one says something.
        for pair in bare.windows(2) {
            if pair.iter().any(|word| !is_common(word))
                && let Some(start) = heard.find(pair).next()
            {
                self.hits.push((at, Hit { turn, field, words: Some((start, start + 2)), is_partial: true }));
                return;
            }
        }
    }

    /// How the record was named.
    pub(crate) fn of(&self, record: usize) -> impl Iterator<Item = &Hit> {
        self.hits.iter().filter(move |(at, _)| *at == record).map(|(_, hit)| hit)
    }

    /// All that was named.
    pub(crate) fn all(&self) -> &[(usize, Hit)] {
        &self.hits
    }
}

const ENDINGS: &[&str] = &[
    "txt", "md", "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "csv", "json", "xml", "html", "png",
    "jpg", "jpeg", "zip", "log", "odt", "ods", "rtf", "yaml", "yml", "toml",
];
