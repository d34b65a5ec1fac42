//! What a person said, read once.

use smallvec::SmallVec;

use crate::lexicon::{
    Extreme, commands_a_document, extremes_in, is_negated, is_write_verb, matches, says_go_on,
};
use crate::session::Map;
use crate::value::{
    AddressIn, Canon, Decimal, Times, Word, addresses_in, has_hidden, numbers_in, times_in, words_of,
};

/// Lines from which on a quotation counts as pasted: somebody else's words.
pub const PASTED_LINES_MIN: usize = 3;

/// Stands between what is left of a text when something is taken out: no value has it.
const GAP: &str = " \u{1c2} ";

/// A turn of a conversation, as far as the person's own words go.
#[derive(Debug)]
pub struct Heard {
    text: String,
    words: Vec<Word>,
    places: Map<String, SmallVec<[u32; 2]>>,
    addresses: Vec<AddressIn>,
    numbers: Vec<(usize, Decimal)>,
    pub(crate) times: Times,
    pub(crate) extremes: Vec<Extreme>,
    /// Whether the person leaves it to a document what is done.
    pub(crate) leaves_it_to_a_document: bool,
    /// Whether it goes on with what was asked before.
    pub(crate) goes_on: bool,
    /// Whether it asks for a change of anything.
    pub(crate) asks_for_a_change: bool,
}

impl Heard {
    /// Reads a turn. What stands in `pasted` (bytes), in fences and in long quotations is not the person's own.
    pub fn new(text: &str, pasted: &[std::ops::Range<usize>]) -> Self {
        let text = own_words(text, pasted);
        let words = words_of(&text);
        let mut places: Map<String, SmallVec<[u32; 2]>> = Map::default();
        for (at, word) in words.iter().enumerate() {
            places.entry(word.text.clone()).or_default().extend(u32::try_from(at));
        }
        let asks = |(at, word): (usize, &Word)| is_write_verb(&word.text) && !is_negated(&words, at);
        Self {
            addresses: addresses_in(&text),
            numbers: numbers_in(&text, &words),
            times: times_in(&text, &words),
            extremes: extremes_in(&words).collect(),
            leaves_it_to_a_document: commands_a_document(&words),
            goes_on: says_go_on(&words),
            asks_for_a_change: words.iter().enumerate().any(asks),
            text,
            words,
            places,
        }
    }

    /// Where `phrase` (words in lower case) stands, as the indices of its first words.
    pub(crate) fn find<'h>(&'h self, phrase: &'h [&str]) -> impl Iterator<Item = usize> + 'h {
        let first = phrase.first().and_then(|first| self.places.get(*first));
        first.into_iter().flatten().filter_map(move |&at| {
            let at = usize::try_from(at).ok()?;
            let here = self.words.get(at..at + phrase.len())?;
            here.iter().zip(phrase).all(|(word, want)| word.text == *want).then_some(at)
        })
    }

    /// Whether the person named that address or account.
    pub(crate) fn names_address(&self, canon: &Canon) -> bool {
        self.addresses.iter().any(|found| found.canon == *canon)
    }

    /// Whether the person said that number, other than to count a list.
    pub(crate) fn says_number(&self, number: Decimal) -> bool {
        self.numbers().any(|said| said == number)
    }

    /// The numbers that the person said.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = Decimal> + '_ {
        self.numbers.iter().filter(|(at, _)| !self.counts_a_list(*at)).map(|(_, number)| *number)
    }

    /// Whether the number at a word stands right by one of the words in `nouns`, or is marked as one: `file 13`, `#13`, `'13'`.
    pub(crate) fn says_marked(&self, value: &str, nouns: &[String]) -> bool {
        let folded = value.to_lowercase();
        let Some(places) = self.places.get(&folded) else { return false };
        places.iter().any(|&at| {
            let Ok(at) = usize::try_from(at) else { return false };
            let Some(word) = self.words.get(at) else { return false };
            let before = self.text.get(..word.start).and_then(|text| text.chars().next_back());
            let is_noun = |back: usize| {
                at.checked_sub(back).and_then(|at| self.words.get(at)).is_some_and(|word| {
                    let text = word.text.as_str();
                    nouns.iter().any(|noun| text.starts_with(noun.as_str()))
                        || matches!(
                            text,
                            "id" | "ids" | "number" | "no" | "nr" | "nummer" | "numéro" | "número"
                        )
                })
            };
            let is_quoted = matches!(before, Some('\'' | '"' | '`' | '‘' | '“'));
            (before == Some('#') || is_quoted || is_noun(1) || is_noun(2)) && !self.counts_a_list(at)
        })
    }

    /// Whether the word counts a list: `1. first this, 2. then that`.
    fn counts_a_list(&self, at: usize) -> bool {
        let Some(word) = self.words.get(at) else { return false };
        let after = self.text.get(word.end..).unwrap_or_default();
        let counts = after.starts_with(". ") || after.starts_with(") ");
        let before = self.text.get(..word.start).unwrap_or_default().trim_end_matches([' ', '(']);
        let begins = before.is_empty() || before.ends_with(['\n', ':', '.', ';', ',', '?', '!']);
        counts && begins && word.text.len() <= 2
    }

    /// Whether the text stands in what the person said, to the letter, and not as part of a longer word.
    pub(crate) fn says_exactly(&self, text: &str) -> bool {
        let inner = |char: Option<char>| char.is_some_and(char::is_alphanumeric);
        !text.is_empty()
            && self.text.match_indices(text).any(|(at, _)| {
                let before = self.text.get(..at).and_then(|text| text.chars().next_back());
                let after = self.text.get(at + text.len()..).and_then(|text| text.chars().next());
                !inner(before) && !inner(after)
            })
    }

    /// Whether one of the words that `patterns` stand for was said and meant.
    pub(crate) fn says_any(&self, patterns: &[String]) -> bool {
        self.words.iter().enumerate().any(|(at, word)| {
            patterns.iter().any(|pattern| matches(pattern, &word.text)) && !is_negated(&self.words, at)
        })
    }

    pub(crate) fn says_word(&self, word: &str) -> bool {
        self.places.contains_key(word)
    }
}

/// The text without what was pasted.
fn own_words(text: &str, pasted: &[std::ops::Range<usize>]) -> String {
    let mut own = String::with_capacity(text.len());
    let mut from = 0;
    for span in pasted {
        own.push_str(text.get(from..span.start).unwrap_or_default());
        own.push_str(GAP);
        from = span.end.max(from);
    }
    own.push_str(text.get(from..).unwrap_or_default());
    let own = without_fences(&own);
    let own = without_forwarded(&own);
    let own = without_long_quotes(&own);
    let own = without_marked_up(&own);
    // Nobody types characters that cannot be seen.
    if has_hidden(&own) { without_hidden_words(&own) } else { own }
}

/// Fenced blocks and lines that quote.
fn without_fences(text: &str) -> String {
    if !text.contains("```") && !text.contains("~~~") && !text.contains('>') {
        return text.to_owned();
    }
    let mut own = String::with_capacity(text.len());
    let mut fence: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        let bare = line.trim_start();
        let mark = ["```", "~~~"].into_iter().find(|mark| bare.contains(mark));
        match (fence, mark) {
            (Some(open), Some(mark)) if open == mark => fence = None,
            (None, Some(mark)) if bare.matches(mark).count() % 2 == 1 => fence = Some(mark),
            (None, None) if !bare.starts_with('>') => {
                own.push_str(line);
                continue;
            }
            _ => {}
        }
        own.push_str(GAP);
    }
    own
}

/// What follows the head of a forwarded mail.
fn without_forwarded(text: &str) -> String {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim().trim_matches(['-', '_', '=', ' ']).to_ascii_lowercase();
        let is_head = line.trim().starts_with("---")
            && (bare.contains("forwarded message")
                || bare.contains("original message")
                || bare.contains("weitergeleitete nachricht")
                || bare.contains("message transféré"));
        let is_mail = bare.starts_with("from:")
            && text.get(at..).is_some_and(|rest| {
                rest.contains("\nSubject:") || rest.contains("\nTo:") || rest.contains("\nDate:")
            });
        if is_head || is_mail {
            return text.get(..at).unwrap_or_default().to_owned();
        }
        at += line.len();
    }
    text.to_owned()
}

/// Quotations of several lines.
fn without_long_quotes(text: &str) -> String {
    if text.matches('\n').count() < PASTED_LINES_MIN {
        return text.to_owned();
    }
    let mut own = text.to_owned();
    for (open, close) in [('"', '"'), ('“', '”'), ('«', '»'), ('„', '“')] {
        let mut from = 0;
        while let Some(start) = own.get(from..).and_then(|rest| rest.find(open)).map(|at| at + from) {
            let inside = start + open.len_utf8();
            let Some(length) = own.get(inside..).and_then(|rest| rest.find(close)) else { break };
            let end = inside + length + close.len_utf8();
            let lines = own.get(inside..inside + length).unwrap_or_default().matches('\n').count() + 1;
            if lines >= PASTED_LINES_MIN {
                own.replace_range(start..end, GAP);
                from = start + GAP.len();
            } else {
                from = end;
            }
        }
    }
    own
}

/// `<TAG> … </TAG>`: what programs and attackers mark up, people do not type.
fn without_marked_up(text: &str) -> String {
    let mut own = text.to_owned();
    let mut from = 0;
    while let Some(start) = own.get(from..).and_then(|rest| rest.find('<')).map(|at| at + from) {
        let rest = own.get(start + 1..).unwrap_or_default();
        let name: String = rest
            .chars()
            .take_while(|char| char.is_ascii_alphanumeric() || *char == '_' || *char == '-')
            .collect();
        let close = format!("</{name}>");
        let end = (!name.is_empty()).then(|| own.get(start..).and_then(|rest| rest.find(&close))).flatten();
        match end {
            Some(length) => {
                own.replace_range(start..start + length + close.len(), GAP);
                from = start + GAP.len();
            }
            None => from = start + 1,
        }
    }
    own
}

/// Words with characters that cannot be seen are not what they look like.
fn without_hidden_words(text: &str) -> String {
    text.split_inclusive(char::is_whitespace).map(|word| if has_hidden(word) { GAP } else { word }).collect()
}
